"""Evaluation: where a lead stands now, which stages it entered, and what is handed over for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.engine import Rules
from shared.domain.events import BusEvent, HandoffRequested, StageChanged
from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.domain.points import POINT
from shared.domain.state import known_facts
from shared.ports.bus import Event
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord, Leads
from shared.ports.stages import StageRecord, Stages, StoredTransition
from shared.usecases.rulebook import ActiveRules, Rulebook

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look at a lead decided; committed whole or not at all."""

    record: StageRecord
    transitions: tuple[StoredTransition, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    events: tuple[Event, ...] = ()


class Evaluate:
    """Decides transitions and handoffs, each once: the stage record's version admits one writer."""

    def __init__(
        self, leads: Leads, stages: Stages, rulebook: Rulebook, clock: Clock, *, consent_required: bool
    ) -> None:
        self._leads = leads
        self._stages = stages
        self._rulebook = rulebook
        self._clock = clock
        self._consent_required = consent_required

    def look(self, lead: LeadId) -> Decision | None:
        """Look at a lead as it is stored now; the answer is what was committed, None when nothing moved.

        Raises:
            Conflict: others kept writing; looking again is safe.
        """
        for _ in range(_ATTEMPTS):
            scored = self._leads.load(lead)
            if scored is None:
                return None
            if scored.merged_into:
                self._retire(lead)
                return None
            before = self._stages.load(lead) or StageRecord(lead, Journey.start())
            joined = self._joined(scored, before)
            decision = decide(
                scored,
                joined,
                self._rulebook.version(scored.rules_version),
                self._clock.now(),
                consent_required=self._consent_required,
            )
            if decision.record == before and before.version:
                return None
            try:
                self._stages.commit(decision.record, decision.transitions, decision.handoffs, decision.events)
            except Conflict:
                continue
            return decision
        msg = f"lead {lead} was evaluated by others {_ATTEMPTS} times in a row"
        raise Conflict(msg)

    def _retire(self, lead: LeadId) -> None:
        """Take a lead that was joined to another out of the lists. Its journey stays, for the other to continue."""
        record = self._stages.load(lead)
        if record is not None and record.listed:
            self._stages.commit(replace(record, temperature=None, rank=0, due=None, listed=False))

    def _joined(self, scored: LeadRecord, record: StageRecord) -> StageRecord:
        """The record with the journeys of the leads that were joined to it: the further stage, epochs continued."""
        for absorbed in scored.absorbed:
            if absorbed in record.absorbed:
                continue
            other = self._stages.load(absorbed)
            rules = self._rulebook.version(scored.rules_version).rules
            journey = rules.joined(record.journey, other.journey) if other else record.journey
            record = replace(record, journey=journey, absorbed=(*record.absorbed, absorbed))
        return record


def decide(
    scored: LeadRecord, before: StageRecord, active: ActiveRules, now: Moment, *, consent_required: bool
) -> Decision:
    """What follows from a lead's state at a moment: the stages it enters, its place in the lists, its handoffs."""
    rules, state = active.rules, scored.state
    journey, transitions = rules.advance(state, before.journey, now)
    score = rules.score(state, now)
    change = rules.journey_change(state, journey, now)
    by_rules = _caused_by_rules(scored, before, active)
    consented = not consent_required or known_facts(state).consent == "granted"
    allowed = consented and not score.vetoed_by
    stored: list[StoredTransition] = []
    handoffs: list[Handoff] = []
    events: list[Event] = []
    committed, withheld = before.committed, before.withheld
    for transition in transitions:
        stored.append(
            StoredTransition(
                number=before.transitions + len(stored) + 1,
                from_stage=transition.from_stage,
                to_stage=transition.to_stage,
                epoch=transition.epoch,
                at=transition.at,
                cause=transition.cause,
                activity_id=transition.activity_id,
                rules_version=active.number,
                by_rules=by_rules,
                snapshot=transition.snapshot,
            )
        )
        events.append(_stage_changed(scored.lead, stored[-1]))
        withheld = None
        if by_rules or rules.handoff_for(transition.to_stage) is None:
            continue
        key = HandoffKey(scored.lead, transition.to_stage, transition.epoch)
        if allowed:
            handoffs.append(_handoff(scored, key, rules, now, caused_by=transition.cause, snapshot=transition.snapshot))
            committed = key
        else:
            withheld = key
    events += [_handoff_requested(each) for each in handoffs]
    here = HandoffKey(scored.lead, journey.stage or "", journey.epochs.get(journey.stage or "", 0))
    if not allowed and committed == here:
        withheld = committed
    if withheld and rules.handoff_for(withheld.stage) is None:
        withheld = None
    if allowed and withheld:
        # The stage was entered, or its handoff not sent, without permission; now there is one: no baton is dropped.
        if withheld == committed:
            events.append(_handoff_requested_again(withheld, rules, before.version, now))
        else:
            handoffs.append(
                _handoff(
                    scored, withheld, rules, now, caused_by="consent was granted", snapshot=rules.snapshot(state, now)
                )
            )
            events.append(_handoff_requested(handoffs[-1]))
        committed, withheld = withheld, None

    record = replace(
        before,
        journey=journey,
        rules_version=active.number,
        temperature=score.temperature,
        rank=score.total // POINT,
        transitions=before.transitions + len(stored),
        due=change.at if change else None,
        committed=committed,
        withheld=withheld,
        listed=True,
    )
    return Decision(record, tuple(stored), tuple(handoffs), tuple(events))


def _caused_by_rules(scored: LeadRecord, before: StageRecord, active: ActiveRules) -> bool:
    """Whether new rules, and not the lead, made this look: then nobody is called because of it."""
    if before.version == 0 or before.rules_version == active.number:
        return False
    last = scored.state.last_activity_at
    return last is None or last <= active.published_at


def _handoff(
    scored: LeadRecord, key: HandoffKey, rules: Rules, now: Moment, *, caused_by: str, snapshot: Mapping[str, Any]
) -> Handoff:
    rule = rules.handoff_for(key.stage)
    if rule is None:
        msg = f"the rules hand nobody over for {key.stage}"
        raise LookupError(msg)
    return Handoff(
        key=key,
        to=rule.to,
        notify=rule.notify,
        requested_at=now,
        respond_by=None if rule.respond_within is None else Moment(now + rule.respond_within),
        caused_by=caused_by,
        last_activity_at=scored.state.last_activity_at,
        snapshot=snapshot,
    )


def _stage_changed(lead: LeadId, each: StoredTransition) -> Event:
    return _event(
        StageChanged(
            id=f"{lead}.transition.{each.number}",
            lead=lead,
            from_stage=each.from_stage,
            to_stage=each.to_stage,
            epoch=each.epoch,
            at=each.at,
            cause=each.cause,
            total=each.snapshot["total"],
            temperature=each.snapshot["temperature"],
            rules_version=each.rules_version,
            by_rules=each.by_rules,
        )
    )


def _handoff_requested(each: Handoff) -> Event:
    return _event(
        HandoffRequested(
            id=f"{each.key.text}.requested",
            lead=each.key.lead,
            stage=each.key.stage,
            epoch=each.key.epoch,
            to=each.to,
            requested_at=each.requested_at,
        )
    )


def _handoff_requested_again(key: HandoffKey, rules: Rules, version: int, now: Moment) -> Event:
    """Asks for what has not been sent of a handoff that is committed already; what has been sent stays as it is."""
    rule = rules.handoff_for(key.stage)
    return _event(
        HandoffRequested(
            id=f"{key.text}.requested.{version}",
            lead=key.lead,
            stage=key.stage,
            epoch=key.epoch,
            to=rule.to if rule else "",
            requested_at=now,
        )
    )


def _event(said: BusEvent) -> Event:
    return Event(id=said.id, name=said.NAME, detail=said.as_detail())
