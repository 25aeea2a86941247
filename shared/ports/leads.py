"""Stored leads: who is who, and each lead's score state. `score` alone writes here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.activity import Identity
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment
from shared.domain.state import ScoreState


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """A lead as `score` keeps it.

    `version` counts writes (0: not stored yet). `browsers` holds each attached anonymous id and whether other leads
    are attached to it too. `mark` rises whenever `evaluate` has something to look at. `due` is the moment at which
    time alone flips something that shows.
    """

    lead: LeadId
    identities: frozenset[Identity]
    state: ScoreState
    version: int = 0
    rules_version: int = 0
    browsers: Mapping[str, bool] = field(default_factory=dict)
    mark: int = 0
    due: Moment | None = None
    scored_at: Moment | None = None
    absorbed: tuple[LeadId, ...] = ()
    merged_into: LeadId | None = None


class Leads(Protocol):
    """The leads' score side."""

    def whose(self, identities: Iterable[Identity]) -> dict[Identity, LeadId]:
        """The lead of each known identity that has one. Strongly consistent."""
        ...

    def claim(self, identity: Identity, lead: LeadId) -> LeadId:
        """Give an identity to a lead unless it has one already; the answer is the lead that has it."""
        ...

    def attach(self, browser: Identity, known: Identity) -> frozenset[Identity]:
        """Attach a known identity to an anonymous id; the answer is all that are attached to it now."""
        ...

    def attached(self, browser: Identity) -> frozenset[Identity]:
        """The known identities attached to an anonymous id. Strongly consistent."""
        ...

    def load(self, lead: LeadId) -> LeadRecord | None:
        """The record, strongly consistent; None when it was never saved."""
        ...

    def save(self, record: LeadRecord) -> None:
        """Write the record over the version that it was made from (`record.version`), never under older rules.

        Raises:
            Conflict: another version is stored, or one made under newer rules.
        """
        ...

    def join(self, survivor: LeadRecord, absorbed: LeadRecord) -> None:
        """In one transaction save the survivor, redirect the other lead to it and hand over its identities.

        Raises:
            Conflict: one of the two has changed.
        """
        ...

    def due(self, until: Moment, limit: int) -> list[LeadId]:
        """Leads whose moment has come, at most `limit`."""
        ...

    def segment(self, number: int, of: int, after: str | None, limit: int) -> tuple[list[LeadId], str | None]:
        """A page of one of `of` segments of all leads, and where to go on (None: the segment is done)."""
        ...
