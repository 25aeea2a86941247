"""Bands: names for ranges of a score. Each is a lower bound on exact billionths, so there are no gaps between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    """A name from an edge upwards. Without an edge it always holds; `strict` means above the edge, not at it."""

    name: str
    edge: int | None
    strict: bool

    def holds(self, billionths: int) -> bool:
        """Whether a score has reached the band."""
        if self.edge is None:
            return True
        return billionths > self.edge if self.strict else billionths >= self.edge


def band_of(bands: Iterable[Band], billionths: int) -> str | None:
    """The name of the last band that holds, or None."""
    name = None
    for band in bands:
        if not band.holds(billionths):
            break
        name = band.name
    return name
