"""Evaluation: each look at a lead decides where it stands now, and commits all that follows from it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType

from shared.domain.engine import Rules
from shared.domain.handoff import HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.routing import Rosters
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord, Leads
from shared.ports.stages import MOST_WRITES, OpenHandoff, StageRecord, Stages
from shared.usecases.decision import Decision, decide
from shared.usecases.rulebook import ActiveRules, Rulebook

_ATTEMPTS = 10


class Evaluate:
    """Decides transitions and handoffs, each once: the stage record's version admits one writer."""

    def __init__(
        self,
        leads: Leads,
        stages: Stages,
        rulebook: Rulebook,
        clock: Clock,
        *,
        consent_required: bool,
        rosters: Rosters = MappingProxyType({}),
        pause: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._leads = leads
        self._stages = stages
        self._rulebook = rulebook
        self._clock = clock
        self._consent_required = consent_required
        self._rosters = rosters
        self._pause = pause

    def look(self, lead: LeadId) -> Decision | None:
        """Look at a lead as it is stored now; the answer is what was committed, None when nothing moved.

        What is more than one commit holds is committed in several, each whole. Whoever dies between two leaves the
        lead due.

        Raises:
            Conflict: others kept writing; looking again is safe.
        """
        decision = self._look(lead, ())
        while decision and decision.more:
            following = self._look(lead, ())
            decision = decision.then(following) if following else replace(decision, more=False)
        return decision

    def _look(self, lead: LeadId, moved: tuple[OpenHandoff, ...]) -> Decision | None:
        """Look at a lead to which some open handoffs have moved."""
        for attempt in range(_ATTEMPTS):
            # The stage before the score: then nobody decides on an older score than the one that was decided on last.
            stored = self._stages.load(lead)
            scored = self._leads.load(lead)
            if scored is None:
                return None
            if scored.merged_into:
                opened = (*moved, *self._retire(lead))
                return self._look(scored.merged_into, opened) if opened else None
            before = stored or StageRecord(lead, Journey.start())
            others = self._others(scored, before)
            active = self._rulebook.version(scored.rules_version)
            decision = self._decided(scored, _joined(scored, before, others, active.rules), moved, active)
            if before.version and decision == Decision(before):
                return None
            try:
                self._stages.commit(
                    decision.record,
                    decision.transitions,
                    decision.handoffs,
                    decision.events,
                    follow_ups=decision.follow_ups,
                    turns=decision.turns,
                    # Whoever looks at one of them at this moment finds that it has gone, and decides nothing for it.
                    retired=tuple(map(_retired, others)),
                    lifted=decision.lifted,
                )
            except Conflict:
                # Many leads at once want the turns of one team: whoever waits a different while gets one sooner.
                self._pause(attempt)
                continue
            return decision
        msg = f"lead {lead} was evaluated by others {_ATTEMPTS} times in a row"
        raise Conflict(msg)

    def foresee(self, scored: LeadRecord, before: StageRecord, active: ActiveRules) -> Decision:
        """What one look would decide, were this the lead's score side under these rules; commits nothing."""
        return self._decided(scored, _joined(scored, before, self._others(scored, before), active.rules), (), active)

    def _decided(
        self, scored: LeadRecord, joined: StageRecord, moved: Sequence[OpenHandoff], active: ActiveRules
    ) -> Decision:
        return decide(
            scored,
            joined,
            active,
            self._clock.now(),
            consent_required=self._consent_required,
            rosters=self._rosters,
            waiting=self._waiting(scored, joined, moved),
            turns=self._stages.turns,
            withheld=self._stages.withheld,
            # The records of leads that were joined to it may be written too.
            room=MOST_WRITES - len(joined.absorbed),
        )

    def _waiting(
        self, scored: LeadRecord, record: StageRecord, moved: Sequence[OpenHandoff]
    ) -> tuple[HandoffRecord, ...]:
        """The open handoffs as they stand now: the record's own, and what has moved here and still waits.

        One of a lead that was parted again is that lead's alone.
        """
        whose = {scored.lead, *scored.absorbed}
        known = [each.key for each in record.open if each.key.lead in whose]
        found = [self._stages.standing(key) for key in known]
        found += [self._stages.standing(each.key) for each in moved if each.key not in known]
        return tuple(each for each in found if each and (each.key in known or not each.answer))

    def _retire(self, lead: LeadId) -> tuple[OpenHandoff, ...]:
        """Take a lead that was joined to another out of the lists; the answer is which of its handoffs are open.

        Its journey stays, for the other to continue.
        """
        record = self._stages.load(lead)
        if record is None:
            return ()
        if record.listed:
            self._stages.commit(_retired(record))
        return record.open

    def _others(self, scored: LeadRecord, record: StageRecord) -> list[StageRecord]:
        """The records of leads that were joined to this one and are no part of its record yet."""
        new = [lead for lead in scored.absorbed if lead not in record.absorbed]
        nowhere = Journey.start()
        return [
            self._stages.load(lead) or StageRecord(lead, nowhere, rules_version=scored.rules_version) for lead in new
        ]


def _joined(scored: LeadRecord, record: StageRecord, others: Sequence[StageRecord], rules: Rules) -> StageRecord:
    """The record with those of the leads that were joined to it: the further stage, epochs continued.

    Of a lead that was parted again nothing is kept in mind: it may be joined once more.
    """
    record = replace(record, absorbed=tuple(lead for lead in record.absorbed if lead in scored.absorbed))
    for other in others:
        if other.version:
            record = _with_open(_with_journey(record, other, rules), other.open)
        record = replace(record, absorbed=(*record.absorbed, other.lead))
    return record


def _retired(record: StageRecord) -> StageRecord:
    """The record of a lead that was joined to another, outside of all lists."""
    return replace(record, temperature=None, rank=0, due=None, listed=False)


def _with_open(record: StageRecord, moved: Sequence[OpenHandoff]) -> StageRecord:
    """The record with open handoffs of leads that were joined to it; whoever has them now follows them up."""
    known = {each.key for each in record.open}
    return replace(record, open=(*record.open, *(each for each in moved if each.key not in known)))


def _with_journey(record: StageRecord, other: StageRecord, rules: Rules) -> StageRecord:
    """The record further on its way where the other was further, and with what waits there and on a day to come."""
    journey = rules.joined(record.journey, other.journey)
    stage = journey.stage or ""
    standing = [each for each in (record, other) if each.journey.stage == journey.stage]
    if stage and record not in standing:
        # It comes into the stage by being joined, and not for the first time perhaps.
        entry = max(journey.epochs[stage], record.journey.epochs.get(stage, 0) + 1)
        journey = replace(journey, epochs={**journey.epochs, stage: entry})
    here = HandoffKey(record.lead, stage, journey.epochs.get(stage, 0))
    handed_over = any(each.committed == _here(each) for each in standing)
    waits = any(each.withheld == _here(each) for each in standing) and not handed_over
    days = [each.look_again for each in (record, other) if each.look_again is not None]
    return replace(
        record,
        journey=journey,
        committed=here if handed_over else record.committed,
        withheld=here if waits else None,
        unadvised=here if all(each.unadvised == _here(each) for each in standing) else None,
        # Sales asked for peace until then, whichever of them it was.
        look_again=max(days, default=None),
    )


def _here(record: StageRecord) -> HandoffKey:
    """The last entry into the stage in which a lead stands: what its handoff is known by."""
    return HandoffKey(record.lead, record.journey.stage or "", record.journey.epochs.get(record.journey.stage or "", 0))
