"""Stored drift: which leads were found not to be what their logs make, and how far the going round of all leads is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.drift import Fault
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class Drift:
    """A lead that has drifted: what is wrong, when it was found first, and when it was seen last."""

    lead: LeadId
    faults: tuple[Fault, ...]
    found_at: Moment
    seen_at: Moment


@dataclass(frozen=True, slots=True)
class Round:
    """One going round of all leads: where it goes on (None: it begins), and how many were checked and had drifted.

    `version` counts writes (0: not stored yet). `before` is when the round before this one was done.
    """

    began: Moment
    after: str | None = None
    checked: int = 0
    drifted: int = 0
    before: Moment | None = None
    version: int = 0


class Drifts(Protocol):
    """What was found, until it is mended."""

    def all(self) -> list[Drift]:
        """Every lead that has drifted, by its id; strongly consistent."""
        ...

    def note(self, drift: Drift) -> None:
        """Store it over what was stored of the lead."""
        ...

    def clear(self, lead: LeadId) -> None:
        """The lead has not drifted, or is no more."""
        ...

    def round(self) -> Round | None:
        """The round that is under way, strongly consistent; None before the first one."""
        ...

    def go_on(self, round_: Round) -> None:
        """Write over the version that it was made from.

        Raises:
            Conflict: another run has moved it on.
        """
        ...
