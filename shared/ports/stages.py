"""Stored stages: where each lead stands, how it came there, and what was handed over. `evaluate` alone writes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.handoff import Handoff, HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.ports.bus import Event


@dataclass(frozen=True, slots=True)
class OpenHandoff:
    """A handoff that nobody has answered as far as is known, and when its next follow-up is to be done, if ever."""

    key: HandoffKey
    due: Moment | None = None


@dataclass(frozen=True, slots=True)
class StageRecord:
    """Where a lead stands.

    `version` counts writes (0: not stored yet). `rank` is the total in whole points, rounded down, as it was at the
    last look: lists are ordered by it. `committed` is the latest handoff, `withheld` one that waits for permission.
    `absorbed` are the leads whose journeys are part of this one; a lead that was absorbed is no longer `listed`.
    `open` are the handoffs that wait for an answer, also those of absorbed leads. At `look_again` a lead that sales
    gave back may be handed over for what holds then. `unadvised` is the entry into a stage of which nurture was not
    advised yet, because permission is missing. `seen` is what `LeadRecord.did` was at the last look.
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
    open: tuple[OpenHandoff, ...] = ()
    look_again: Moment | None = None
    unadvised: HandoffKey | None = None
    seen: int = 0


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


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """A handoff before and after some of its follow-ups were done."""

    before: HandoffRecord
    after: HandoffRecord


@dataclass(frozen=True, slots=True)
class TurnsTaken:
    """How far the turns of a counter have come: `before` were taken, and `after` are now."""

    counter: str
    before: int
    after: int


MOST_WRITES = 100
"""So many things at most are committed at once: records, transitions, handoffs, events, follow-ups, turns, lifts."""


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
        *,
        follow_ups: Sequence[FollowedUp] = (),
        turns: Sequence[TurnsTaken] = (),
        retired: Sequence[StageRecord] = (),
        lifted: Sequence[HandoffKey] = (),
    ) -> None:
        """In one transaction write the record over the version that it was made from, and all that follows from it.

        `retired` are the records of leads that were joined to this one, each written over its own version too, and
        `lifted` the handoffs of which nothing is withheld any more. Together they are `MOST_WRITES` at most.

        Raises:
            Conflict: somebody else wrote one of the records or took one of the turns, one of the handoffs exists
                already, or one that is followed up was answered or stands otherwise by now.
        """
        ...

    def standing(self, key: HandoffKey) -> HandoffRecord | None:
        """A handoff as it stands now, strongly consistent; None when nothing of that key is stored."""
        ...

    def withheld(self, key: HandoffKey) -> bool:
        """Whether something about a handoff was not sent for want of permission, strongly consistent."""
        ...

    def turns(self, counter: str) -> int:
        """How many turns of a counter were taken, strongly consistent."""
        ...

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        """Every transition of a lead, oldest first."""
        ...

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        """Every handoff of a lead, oldest first."""
        ...
