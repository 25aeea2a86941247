"""Stored stages: where each lead stands, how it came there, and what was handed over. `evaluate` alone writes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.ports.bus import Event


@dataclass(frozen=True, slots=True)
class StageRecord:
    """Where a lead stands.

    `version` counts writes (0: not stored yet). `rank` is the total in whole points, rounded down, as it was at the
    last look: lists are ordered by it. `committed` is the latest handoff, `withheld` one that waits for permission.
    `absorbed` are the leads whose journeys are part of this one; a lead that was absorbed is no longer `listed`.
    """

    lead: LeadId
    journey: Journey
    version: int = 0
    rules_version: int = 0
    temperature: str | None = None
    rank: int = 0
    transitions: int = 0
    due: Moment | None = None
    committed: HandoffKey | None = None
    withheld: HandoffKey | None = None
    absorbed: tuple[LeadId, ...] = ()
    listed: bool = True


@dataclass(frozen=True, slots=True)
class StoredTransition:
    """A transition as it was decided, once: from where to where, when, why, under which rules, knowing what."""

    number: int
    from_stage: str | None
    to_stage: str
    epoch: int
    at: Moment
    cause: str
    activity_id: str | None
    rules_version: int
    by_rules: bool
    snapshot: Mapping[str, Any]


class Stages(Protocol):
    """The leads' stage side."""

    def load(self, lead: LeadId) -> StageRecord | None:
        """The record, strongly consistent; None when the lead was never looked at."""
        ...

    def commit(
        self,
        record: StageRecord,
        transitions: Sequence[StoredTransition] = (),
        handoffs: Sequence[Handoff] = (),
        events: Sequence[Event] = (),
    ) -> None:
        """In one transaction write the record over the version that it was made from, and all that follows from it.

        Raises:
            Conflict: somebody else wrote the record, or one of the handoffs exists already.
        """
        ...

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        """Every transition of a lead, oldest first."""
        ...

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        """Every handoff of a lead, oldest first."""
        ...
