"""A decision: what follows from a lead's state at a moment, its stages, handoffs, follow-ups and events. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from shared.domain import follow_ups as following
from shared.domain.engine import Rules
from shared.domain.events import BusEvent, HandoffFollowedUp, HandoffRequested, NurtureAdvised, StageChanged
from shared.domain.facts import Facts
from shared.domain.handoff import FollowUp, Handoff, HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.lifecycle import Transition
from shared.domain.moments import Moment
from shared.domain.points import POINT
from shared.domain.routing import Rosters, Take, reroute, route
from shared.domain.state import known_facts
from shared.ports.bus import Event
from shared.ports.leads import LeadRecord
from shared.ports.stages import (
    MOST_WRITES,
    FollowedUp,
    OpenHandoff,
    StageRecord,
    StoredTransition,
    TurnsTaken,
)
from shared.usecases.rulebook import ActiveRules


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look at a lead decided; committed whole or not at all."""

    record: StageRecord
    transitions: tuple[StoredTransition, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    events: tuple[Event, ...] = ()
    follow_ups: tuple[FollowedUp, ...] = ()
    turns: tuple[TurnsTaken, ...] = ()
    lifted: tuple[HandoffKey, ...] = ()
    more: bool = False
    """Whether something is left that is to be done now: more than is committed at once."""

    def then(self, following: Decision) -> Decision:
        """Both, one after the other."""
        return Decision(
            following.record,
            self.transitions + following.transitions,
            self.handoffs + following.handoffs,
            self.events + following.events,
            self.follow_ups + following.follow_ups,
            self.turns + following.turns,
            self.lifted + following.lifted,
            following.more,
        )


class _Turns:
    """The turns that one look takes: read once, and told afterwards."""

    def __init__(self, read: Callable[[str], int]) -> None:
        self._read = read
        self._before: dict[str, int] = {}
        self._after: dict[str, int] = {}

    def take(self, counter: str) -> int:
        """The next turn of a counter."""
        if counter not in self._before:
            self._before[counter] = self._after[counter] = self._read(counter)
        self._after[counter] += 1
        return self._after[counter] - 1

    @property
    def taken(self) -> tuple[TurnsTaken, ...]:
        """How far each counter has come."""
        return tuple(TurnsTaken(name, before, self._after[name]) for name, before in self._before.items())


class _Room:
    """What still fits into a commit; `is_over` once something did not."""

    def __init__(self, writes: int) -> None:
        self._writes = writes
        self.is_over = False

    def holds(self, writes: int) -> bool:
        """Take room for so many writes, unless there is not enough left."""
        if self.is_over or writes > self._writes:
            self.is_over = True
            return False
        self._writes -= writes
        return True


@dataclass(frozen=True, slots=True)
class _Handing:
    """What it takes to hand a lead over at a moment."""

    scored: LeadRecord
    rules: Rules
    rosters: Rosters
    facts: Facts
    now: Moment
    take: Take


def decide(
    scored: LeadRecord,
    before: StageRecord,
    active: ActiveRules,
    now: Moment,
    *,
    consent_required: bool,
    rosters: Rosters = MappingProxyType({}),
    waiting: Sequence[HandoffRecord] = (),
    turns: Callable[[str], int] = lambda _: 0,
    withheld: Callable[[HandoffKey], bool] = lambda _: False,
    room: int = MOST_WRITES,
) -> Decision:
    """What follows from a lead's state at a moment: the stages it enters, its place in the lists, its handoffs.

    `waiting` are its open handoffs as they stand now, `turns` tells how many turns of a team were taken, and `withheld`
    whether something about a handoff was not sent for want of permission. So much fits into one commit as there is
    `room`; what is left of follow-ups stays due.
    """
    rules, state, taken = active.rules, scored.state, _Turns(turns)
    by_rules = _caused_by_rules(scored, before, active)
    quietly = by_rules and not active.notify
    look_again = _look_again(before, waiting)
    if look_again is not None and look_again <= now and _has_open(before.journey.stage, waiting):
        look_again = None  # sales has it from where it stands
    again = look_again is not None and look_again <= now and not quietly
    journey, transitions = rules.advance(state, before.journey, now, again=again)
    score, change = rules.score(state, now), rules.journey_change(state, journey, now)
    handing = _Handing(scored, rules, rosters, known_facts(state), now, taken.take)
    consented = not consent_required or handing.facts.consent == "granted"
    allowed = consented and not score.vetoed_by
    here = HandoffKey(scored.lead, journey.stage or "", journey.epochs.get(journey.stage or "", 0))
    entered = _entered(handing, before, active, transitions, allowed=allowed, by_rules=by_rules, quietly=quietly)
    handoffs, events = entered.handoffs, [*entered.events]
    left = _Room(room - 2 - len(entered.stored) - len(handoffs) - len(events) - len(taken.taken))
    open_, follow_ups = _followed_up(handing, waiting, handoffs, left, allowed=allowed)
    open_ += tuple(OpenHandoff(each.key, next((step.at for step in each.follow_ups), None)) for each in handoffs)
    # Permission came and went while somebody was about to be told: what has been sent stays as it is.
    unsent = [each for each in waiting if allowed and not each.answer and withheld(each.key)]
    unsent = [each for each in unsent if left.holds(2 + len(each.done))]
    events += [event for each in unsent for event in _told_again(each, before, now)]
    events += [_followed_up_event(each, step, now) for each, steps in follow_ups for step in steps]
    stays_until = rules.stays_until(journey)
    came = any(rules.handoff_for(each.to_stage) for each in transitions)
    if handoffs or (again and (came or stays_until is None or stays_until <= now)):
        look_again = None  # it was looked at again, and handed over if it could be
    elif look_again is not None:
        look_again = max(look_again, stays_until or look_again)
    unadvised = before.unadvised if not transitions else None if quietly else here
    if unadvised != here or here.stage not in rules.file.nurture:
        unadvised = None
    elif consented:
        events += _advice(handing, journey, here, look_again)
        unadvised = None
    moments = [change.at if change else None, look_again, *(each.due for each in open_), now if left.is_over else None]
    record = replace(
        before,
        journey=journey,
        rules_version=active.number,
        temperature=score.temperature,
        rank=score.total // POINT,
        transitions=before.transitions + len(entered.stored),
        due=min((moment for moment in moments if moment is not None), default=None),
        committed=entered.committed,
        withheld=entered.withheld,
        listed=True,
        open=open_,
        look_again=look_again,
        unadvised=unadvised,
        seen=scored.did,
    )
    done = tuple(each for each, _ in follow_ups)
    lifted = tuple(each.key for each in unsent)
    return Decision(record, entered.stored, handoffs, tuple(events), done, taken.taken, lifted, left.is_over)


@dataclass(frozen=True, slots=True)
class _Entered:
    """What follows from the stages that a lead entered, and from permission that came meanwhile."""

    stored: tuple[StoredTransition, ...]
    handoffs: tuple[Handoff, ...]
    events: tuple[Event, ...]
    committed: HandoffKey | None
    withheld: HandoffKey | None


def _entered(
    handing: _Handing,
    before: StageRecord,
    active: ActiveRules,
    transitions: Sequence[Transition],
    *,
    allowed: bool,
    by_rules: bool,
    quietly: bool,
) -> _Entered:
    rules = handing.rules
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
        events.append(_stage_changed(handing.scored.lead, stored[-1]))
        withheld = None
        if quietly or rules.handoff_for(transition.to_stage) is None:
            continue
        key = HandoffKey(handing.scored.lead, transition.to_stage, transition.epoch)
        if allowed:
            cause = f"{transition.cause}, by new rules (version {active.number})" if by_rules else transition.cause
            handoffs.append(_handoff(handing, key, caused_by=cause, snapshot=transition.snapshot))
            committed = key
        else:
            withheld = key
    events += [_handoff_requested(each) for each in handoffs]
    if withheld and (rules.handoff_for(withheld.stage) is None or withheld == committed):
        withheld = None
    if allowed and withheld:
        # The stage was entered without permission; now there is one: no baton is dropped.
        snapshot = rules.snapshot(handing.scored.state, handing.now)
        handoffs.append(_handoff(handing, withheld, caused_by="consent was granted", snapshot=snapshot))
        events.append(_handoff_requested(handoffs[-1]))
        committed, withheld = withheld, None
    return _Entered(tuple(stored), tuple(handoffs), tuple(events), committed, withheld)


def _look_again(before: StageRecord, waiting: Sequence[HandoffRecord]) -> Moment | None:
    """The day from which a lead may be handed over for what holds then: what sales said last."""
    answers = sorted((each.answer for each in waiting if each.answer), key=lambda answer: answer.at)
    return answers[-1].look_again if answers else before.look_again


def _has_open(stage: str | None, waiting: Sequence[HandoffRecord]) -> bool:
    """Whether somebody is still to answer a handoff of a stage."""
    return any(each.key.stage == stage and not each.answer for each in waiting)


def _followed_up(
    handing: _Handing, waiting: Sequence[HandoffRecord], handoffs: Sequence[Handoff], room: _Room, *, allowed: bool
) -> tuple[tuple[OpenHandoff, ...], list[tuple[FollowedUp, tuple[FollowUp, ...]]]]:
    """The handoffs that stay open, and those of which a follow-up is done now, with these.

    Nobody is told of a lead that may not be handed over now: what has come by then is done when it may again. Of a
    stage the latest handoff alone is followed up, as it tells the whole story: an earlier one may be answered still,
    until a later one is.
    """
    latest = _latest((*(each.key for each in waiting), *(each.key for each in handoffs)))
    settled = _latest(each.key for each in waiting if each.answer)
    open_: list[OpenHandoff] = []
    done: list[tuple[FollowedUp, tuple[FollowUp, ...]]] = []
    for record in waiting:
        if record.answer or record.key.epoch < settled.get(record.key.stage, 0):
            continue
        if not allowed or record.key.epoch < latest[record.key.stage]:
            open_.append(OpenHandoff(record.key))
            continue
        after, steps = record, following.come(record, handing.now)
        if steps and not room.holds(1 + 2 * len(steps)):  # itself, and of each step the event and perhaps a turn
            steps = ()
        for step in steps:
            after = _follow(handing, after, step)
        if steps:
            done.append((FollowedUp(record, after), steps))
        open_.append(OpenHandoff(record.key, following.next_due(after)))
    return tuple(open_), done


def _latest(keys: Iterable[HandoffKey]) -> dict[str, int]:
    """The greatest epoch of each stage."""
    found: dict[str, int] = {}
    for key in keys:
        found[key.stage] = max(key.epoch, found.get(key.stage, 0))
    return found


def _follow(handing: _Handing, record: HandoffRecord, step: FollowUp) -> HandoffRecord:
    """The handoff once a follow-up is done: only a reassignment changes who has it."""
    record = replace(record, done=(*record.done, replace(step, done_at=handing.now)))
    if step.kind != "reassignment":
        return record
    rule = handing.rules.handoff_for(record.key.stage)
    owner = reroute(rule, handing.rosters, handing.facts, step.to, handing.take, instead_of=record.assignee)
    return replace(record, to=owner.team, assignee=owner.assignee)


def _advice(handing: _Handing, journey: Journey, key: HandoffKey, look_again: Moment | None) -> list[Event]:
    """The advice to nurture a lead that entered a stage; none where the rules say nothing of it."""
    advice = handing.rules.advise(handing.scored.state, journey, handing.now)
    if advice is None:
        return []
    return [
        _event(
            NurtureAdvised(
                id=f"{key.text}.nurture",
                lead=key.lead,
                stage=key.stage,
                epoch=key.epoch,
                track=advice.track,
                missing=advice.missing,
                look_again=look_again,
                at=handing.now,
            )
        )
    ]


def _caused_by_rules(scored: LeadRecord, before: StageRecord, active: ActiveRules) -> bool:
    """Whether new rules, and not the lead, made this look: nobody is called because of it unless they say so."""
    return before.version > 0 and before.rules_version != active.number and scored.did <= before.seen


def _handoff(handing: _Handing, key: HandoffKey, *, caused_by: str, snapshot: Mapping[str, Any]) -> Handoff:
    rule, now = handing.rules.handoff_for(key.stage), handing.now
    if rule is None:
        msg = f"the rules hand nobody over for {key.stage}"
        raise LookupError(msg)
    owner = route(rule, handing.rosters, handing.facts, handing.take)
    return Handoff(
        key=key,
        to=owner.team,
        notify=rule.notify,
        requested_at=now,
        respond_by=None if rule.respond_within is None else Moment(now + rule.respond_within),
        caused_by=caused_by,
        last_activity_at=handing.scored.state.last_activity_at,
        snapshot=snapshot,
        assignee=owner.assignee,
        follow_ups=following.planned(rule, owner.team, now),
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


def _followed_up_event(each: FollowedUp, step: FollowUp, now: Moment, again: str = "") -> Event:
    key = each.before.key
    return _event(
        HandoffFollowedUp(
            id=f"{key.text}.{step.kind}{again}",
            lead=key.lead,
            stage=key.stage,
            epoch=key.epoch,
            kind=step.kind,
            to=each.after.to if step.kind == "reassignment" else step.to,
            at=now,
        )
    )


def _told_again(each: HandoffRecord, before: StageRecord, now: Moment) -> list[Event]:
    """Asks for what has not been sent of a handoff and of what followed; what has been sent stays as it is."""
    key = each.key
    again = f".{before.version}" if key.lead == before.lead else f".{before.lead}.{before.version}"
    requested = HandoffRequested(
        id=f"{key.text}.requested{again}",
        lead=key.lead,
        stage=key.stage,
        epoch=key.epoch,
        to=each.to,
        requested_at=now,
    )
    return [_event(requested), *(_followed_up_event(FollowedUp(each, each), step, now, again) for step in each.done)]


def _event(said: BusEvent) -> Event:
    return Event(id=said.id, name=said.NAME, detail=said.as_detail())
