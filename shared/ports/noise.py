"""Stored noise filters: which stand, and which stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.moments import Moment
from shared.domain.noise import NoiseFilter


@dataclass(frozen=True, slots=True)
class Said:
    """Who said something, when, and why."""

    who: str
    at: Moment
    why: str


@dataclass(frozen=True, slots=True)
class NoiseMark:
    """A filter that people set, and perhaps took back (`unmarked`). `version` counts writes (0: not stored yet)."""

    filter: NoiseFilter
    marked: Said
    unmarked: Said | None = None
    version: int = 0

    @property
    def stands(self) -> bool:
        """Whether what the filter catches is noise now."""
        return self.unmarked is None

    @property
    def last(self) -> Said:
        """What was said last."""
        return self.unmarked or self.marked


class NoiseMarks(Protocol):
    """The filters that people set."""

    def all(self) -> list[NoiseMark]:
        """Every filter that stands, and those that were taken back not long ago."""
        ...

    def get(self, id_: str) -> NoiseMark | None:
        """A filter by its id."""
        ...

    def save(self, mark: NoiseMark) -> None:
        """Write over the version that it was made from, and in the same transaction tell that the filters changed.

        Raises:
            Conflict: another version is stored.
        """
        ...
