"""Read leads: pages of them, best first, and one with everything that led to its score and its stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED, Activity, Identity, IdentityKind, strongest_first
from shared.domain.as_of import AsOf, Known
from shared.domain.brief import ToAsk
from shared.domain.consent import ConsentHistory, consent_history
from shared.domain.engine import Score
from shared.domain.facts import Facts
from shared.domain.forecast import Forecast, forecast
from shared.domain.handoff import HandoffRecord, LeadId
from shared.domain.introduction import Introduction, introduce
from shared.domain.journey import Journey
from shared.domain.moments import Moment, format_moment
from shared.domain.noise import Noise, is_noise, silenced
from shared.domain.nurture import Advice
from shared.domain.qualification import FactHistory, Factor, factors, missing_questions, qualification_history
from shared.domain.refusals import Invalid, NotFound
from shared.domain.state import known_facts
from shared.ports.activities import Activities, ActivityKey
from shared.ports.clock import Clock
from shared.ports.errors import Unreadable
from shared.ports.handoffs import Handoffs
from shared.ports.lead_index import LeadIndex, Place, Shelf
from shared.ports.leads import LeadRecord, Leads
from shared.ports.stages import StageRecord, Stages, StoredTransition
from shared.usecases.history import gather
from shared.usecases.noise import no_noise
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import ActiveRules, Rulebook, UnknownRules

WhichRules = int | Literal["then", "active"]
"""The rules of a version, those that were active at the moment asked for, or those that are active now."""

_SIDE_BY_SIDE = 16
MOST_REPLAYED = 2000
"""Activities of a lead whose stages are replayed for an answer, which takes some seconds then."""
LATEST_ACTIVITIES = 100
"""How many of a lead's activities its page shows."""


@dataclass(frozen=True, slots=True)
class LeadSummary:
    """A lead in a list. `rules_version` is the one under which its state was made, and its score is reckoned now.

    `awaits_rules` is the active version while its state was made under another one.
    """

    lead: LeadId
    person: Introduction
    score: Score
    rules_version: int
    awaits_rules: int | None
    journey: Journey | None
    consent: str | None
    last_activity_at: Moment | None


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Some leads of a shelf, and the place after which the next ones stand (None: there are no more)."""

    leads: tuple[LeadSummary, ...]
    following: Place | None


@dataclass(frozen=True, slots=True)
class WithheldHandoff:
    """The handoff of a stage that was entered without permission, and which permission it waits for."""

    stage: str
    epoch: int
    waits_for: tuple[Literal["consent", "veto"], ...]


@dataclass(frozen=True, slots=True)
class MergedInto:
    """The lead that was asked for is part of another one."""

    survivor: LeadId


@dataclass(frozen=True, slots=True)
class LeadStory:
    """Everything about a lead as it was at a moment, replayed from the log under the rules of `rules_version`.

    `as_of` tells what it goes by where another moment, other rules or another knowledge was asked for. `journey` is
    where it stood then, as it was decided; `replayed` where it would have stood, where that was never decided so.
    Transitions are those decided by then; handoffs too, as they stood then; both of those leads also that are part of
    this one. `withheld` is the handoff that waits now for permission. `forecast` is what time alone will change next.
    `scored_under` is the version under which the stored state was made, and `awaits_rules` the active one while that is
    another. `qualification` tells what was said of each of the four facts, and `to_ask` what nobody knows. `nurture` is
    what is advised where it stands now. `rulings` are what people decided of who it is, in whatever lead's log they
    stand, and whether it is noise, oldest first.
    `activities` are the latest, newest first; `more` tells that there are older ones.
    """

    lead: LeadId
    at: Moment
    rules_version: int
    scored_under: int
    awaits_rules: int | None
    as_of: AsOf | None
    identities: tuple[Identity, ...]
    person: Introduction
    score: Score
    explanation: Mapping[str, Any]
    facts: Facts
    consents: ConsentHistory
    last_activity_at: Moment | None
    journey: Journey | None
    replayed: Journey | None
    forecast: tuple[Forecast, ...]
    transitions: tuple[StoredTransition, ...]
    handoffs: tuple[tuple[HandoffRecord, Mapping[str, Moment]], ...]
    withheld: WithheldHandoff | None
    qualification: Mapping[str, FactHistory]
    to_ask: tuple[ToAsk, ...]
    nurture: Advice | None
    factors: tuple[Factor, ...]
    rulings: tuple[Activity, ...]
    activities: tuple[Activity, ...]
    more: bool


class ReadLeads:
    """Reads; writes nothing."""

    def __init__(
        self,
        *,
        activities: Activities,
        leads: Leads,
        stages: Stages,
        handoffs: Handoffs,
        index: LeadIndex,
        rulebook: Rulebook,
        clock: Clock,
        consent_required: bool = True,
        noise: Callable[[], Noise] = no_noise,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._stages = stages
        self._handoffs = handoffs
        self._index = index
        self._rulebook = rulebook
        self._clock = clock
        self._consent_required = consent_required
        self._noise = noise

    def page(self, shelf: Shelf, name: str, limit: int, after: Place | None) -> LeadPage:
        """Leads of a temperature or stage, best first as of the last look at each."""
        places = self._index.page(shelf, name, limit, after)
        following = places[-1] if len(places) == limit else None
        return LeadPage(self._summaries(place.lead for place in places), following)

    def by_identity(self, identity: Identity | None) -> LeadPage:
        """The lead whose identity that is, as a page of at most one; None names nobody."""
        named = [] if identity is None else [identity]
        found = (live_record(self._leads, lead) for lead in self._leads.whose(named).values())
        return LeadPage(self._summaries(record.lead for record in found if record), None)

    def story(
        self,
        lead: LeadId,
        at: Moment | None = None,
        since: Moment | None = None,
        *,
        rules: WhichRules | None = None,
        known: Known | None = None,
    ) -> LeadStory | MergedInto:
        """A lead as it was at a moment, or is now; with `since` the explanation tells what changed from then on.

        At a past moment it goes by the rules that were active then and by what was known then, unless others are asked
        for. Who is who and the noise filters are those of now; people's word that the lead is noise is known of from
        when it was said.

        Raises:
            NotFound: there is no such lead.
            Invalid: the moment is still to come, or nothing was known of the lead by then; or there is no such version.
        """
        record = find_lead(self._leads, lead)
        if record.merged_into:
            return MergedInto(record.merged_into)
        now = self._clock.now()
        moment = _moment_looked_at(at, since, now)
        active = self._rulebook.active(record.rules_version)
        as_of, under = self._as_of(moment, rules, known, active, is_past=at is not None)
        noise = self._noise()
        history = gather(self._activities, self._leads, lead, record.identities, noise=noise)
        happened = _counted(history.activities, as_of, noise)
        if at is not None and not happened:
            raise _nothing_yet(history.activities, as_of.known, moment)
        state = under.rules.replayed(happened)
        facts = known_facts(state)
        stage = self._stages.load(lead)
        paths = [self._stages.transitions(each) for each in (lead, *record.absorbed)]
        journey = stage.journey if stage else None
        stood = journey if at is None else _stood(journey, paths, moment)
        score = under.rules.score(state, moment)
        heard = [silenced(each) if is_noise(each) else each for each in happened]
        qualification = qualification_history(heard)
        every = self._handoffs.of([lead, *record.absorbed])
        is_asked = at is not None or rules is not None or known is not None
        is_replayed = is_asked and as_of.is_replayed and len(happened) <= MOST_REPLAYED
        is_present = at is None and under.number == active.number
        return LeadStory(
            lead=lead,
            at=moment,
            rules_version=under.number,
            scored_under=record.rules_version,
            awaits_rules=_awaits(record, active),
            as_of=as_of if is_asked else None,
            identities=tuple(sorted(record.identities, key=lambda identity: identity.key)),
            person=_person(record.identities, facts),
            score=score,
            explanation=under.rules.explain(state, moment, since).as_json(),
            facts=facts,
            consents=consent_history(heard),
            last_activity_at=state.last_activity_at,
            journey=stood,
            replayed=under.rules.replay(happened, moment)[0] if is_replayed else None,
            forecast=_forecast(under, noise.marked(history.activities), record, stage, every, now=now)
            if is_present
            else (),
            transitions=_decided_by(paths, moment),
            handoffs=self._handed_over_by(every, moment),
            withheld=self._withheld(stage, facts, score) if is_present else None,
            qualification=qualification,
            to_ask=missing_questions(under.rule_file.qualification, qualification),
            nurture=under.rules.advise(state, journey, moment) if journey and is_present else None,
            factors=factors(
                under.rules,
                score=score,
                facts=facts,
                journey=stood,
                last_activity_at=state.last_activity_at,
            ),
            rulings=self._rulings(record, happened, moment),
            activities=tuple(reversed(happened[-LATEST_ACTIVITIES:])),
            more=len(happened) > LATEST_ACTIVITIES,
        )

    def _as_of(
        self, moment: Moment, rules: WhichRules | None, known: Known | None, active: ActiveRules, *, is_past: bool
    ) -> tuple[AsOf, ActiveRules]:
        """What an answer goes by, and the rules themselves.

        Raises:
            Invalid: there is no such version.
        """
        then = self._rulebook.active_at(moment) if is_past else active
        which = ("then" if is_past else "active") if rules is None else rules
        named = {"then": then, "active": active}
        under = named[which] if isinstance(which, str) else self._published(which, active)
        knowing: Known = known or ("then" if is_past else "now")
        return AsOf(moment, knowing, under.number, then.number, active.number), under

    def _published(self, number: int, active: ActiveRules) -> ActiveRules:
        there_are = f"they are 1 to {active.number}" if active.number else "none is published yet"
        refused = Invalid(f"there is no rules version {number}: {there_are}", "rules")
        if number < 1:
            raise refused
        try:
            return self._rulebook.version(number)
        except UnknownRules as error:
            raise refused from error

    def _handed_over_by(
        self, every: Iterable[HandoffRecord], moment: Moment
    ) -> tuple[tuple[HandoffRecord, Mapping[str, Moment]], ...]:
        """The handoffs of a moment as they stood then, each with the channels on which it has been sent by now."""
        then = (_as_of(each, moment) for each in every if each.handoff.requested_at <= moment)
        return tuple((each, self._handoffs.sent(each.key)) for each in then)

    def _withheld(self, stage: StageRecord | None, facts: Facts, score: Score) -> WithheldHandoff | None:
        """The handoff that waits for permission; for none any more in the moments before it is made."""
        key = stage.withheld if stage else None
        if key is None:
            return None
        consents = not self._consent_required or facts.consent == "granted"
        waits: list[Literal["consent", "veto"]] = [] if consents else ["consent"]
        if score.vetoed_by:
            waits.append("veto")
        return WithheldHandoff(key.stage, key.epoch, tuple(waits))

    def _rulings(self, record: LeadRecord, happened: Iterable[Activity], until: Moment) -> tuple[Activity, ...]:
        """The rulings that the lead remembers, and what people said of noise.

        Of the former the log keeps each under the strongest identity of which it spoke, the latter under every one.
        """
        verdicts = [each for each in record.ties.verdicts if each.occurred_at <= until]
        verdicts.sort(key=lambda each: (each.occurred_at, each.activity_id))
        keys = [ActivityKey(strongest_first(tuple(each.identities))[0], each.activity_id) for each in verdicts]
        rulings = [ruling for key in keys if (ruling := self._activities.at(key))]
        of_noise = {each.id: each for each in happened if each.type in (NOISE_MARKED, NOISE_UNMARKED)}
        return tuple(sorted([*rulings, *of_noise.values()], key=lambda each: (each.occurred_at, each.id)))

    def _summaries(self, leads: Iterable[LeadId]) -> tuple[LeadSummary, ...]:
        """Both sides of every lead, read side by side."""
        wanted = list(leads)
        if not wanted:
            return ()
        now = self._clock.now()
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(wanted))) as pool:
            records = list(pool.map(self._readable, wanted))
            stages = list(pool.map(self._stages.load, wanted))
        active = self._rulebook.active(max((each.rules_version for each in records if each), default=0))
        return tuple(
            self._summary(record, stage, active, now)
            for record, stage in zip(records, stages, strict=True)
            if record and not record.merged_into
        )

    def _readable(self, lead: LeadId) -> LeadRecord | None:
        """The record, unless it is damaged: one such lead, which `reconcile` tells of, hides no list."""
        try:
            return self._leads.load(lead)
        except Unreadable:
            return None

    def _summary(self, record: LeadRecord, stage: StageRecord | None, active: ActiveRules, now: Moment) -> LeadSummary:
        try:
            made_under = self._rulebook.version(max(record.rules_version, 0))
        except UnknownRules:
            made_under = active
        facts = known_facts(record.state)
        return LeadSummary(
            lead=record.lead,
            person=_person(record.identities, facts),
            score=made_under.rules.score(record.state, now),
            rules_version=record.rules_version,
            awaits_rules=_awaits(record, active),
            journey=stage.journey if stage else None,
            consent=facts.consent,
            last_activity_at=record.state.last_activity_at,
        )


def _awaits(record: LeadRecord, active: ActiveRules) -> int | None:
    return None if record.rules_version == active.number else active.number


def _moment_looked_at(at: Moment | None, since: Moment | None, now: Moment) -> Moment:
    """The moment that is asked for, or now.

    Raises:
        Invalid: it is still to come, or before that from which changes are asked for.
    """
    if at is not None and at > now:
        msg = f"it is {format_moment(now)}: that moment is still to come"
        raise Invalid(msg, "at", now=format_moment(now))
    moment = now if at is None else at
    if since is not None and since > moment:
        msg = f"the moment that is looked at is {format_moment(moment)}: nothing can have changed since one after it"
        raise Invalid(msg, "since")
    return moment


def _counted(activities: Iterable[Activity], as_of: AsOf, noise: Noise) -> list[Activity]:
    """The activities that count, with what is noise among them marked by what is known now, or was known then."""
    if as_of.known == "now":
        return [each for each in noise.marked(activities) if as_of.counts(each)]
    return noise.marked(each for each in activities if as_of.counts(each))


def _decided_by(paths: Iterable[Sequence[StoredTransition]], moment: Moment) -> tuple[StoredTransition, ...]:
    return tuple(sorted((each for path in paths for each in path if each.at <= moment), key=lambda each: each.at))


def _nothing_yet(activities: Sequence[Activity], known: Known, moment: Moment) -> Invalid:
    """That a moment lies before anything was known of a lead, with the first at which something was.

    Where something had occurred by then and was heard of later, that is told, as it is known now.
    """
    firsts = [each.occurred_at if known == "now" else max(each.occurred_at, each.received_at) for each in activities]
    if not firsts:
        return Invalid("nothing of what the lead did is in the log any more", "at", first=None)
    first = format_moment(Moment(min(firsts)))
    what = "had been heard of" if known == "then" else "had happened to"
    msg = f"nothing {what} the lead by then: its first moment is {first}"
    occurred = min(each.occurred_at for each in activities)
    if occurred > moment:
        return Invalid(msg, "at", first=first)
    since = format_moment(occurred)
    return Invalid(f"{msg}; what occurred from {since} on is known now", "at", first=first, occurred=since)


def _stood(journey: Journey | None, paths: Sequence[Sequence[StoredTransition]], moment: Moment) -> Journey | None:
    """Where a lead stood at a past moment, by what had been decided of it and of those that are part of it by now.

    The first of the paths is its own. Where these stood apart, it is there where the lead's next step led on from.
    """
    if journey and journey.entered_at is not None and journey.entered_at <= moment:
        return journey
    lasts = [gone[-1] for path in paths if (gone := [each for each in path if each.at <= moment])]
    if not lasts:
        return None
    following = next((each for each in paths[0] if each.at > moment), None)
    left = [each for each in lasts if following and each.to_stage == following.from_stage]
    # Of leads that stood in one stage, the one that they became has been there since the first came.
    last = min(left, key=lambda each: each.at) if left else max(lasts, key=lambda each: each.at)
    return Journey(last.to_stage, {last.to_stage: last.epoch}, last.at)


def _forecast(
    active: ActiveRules,
    activities: Iterable[Activity],
    record: LeadRecord,
    stage: StageRecord | None,
    handoffs: Iterable[HandoffRecord],
    *,
    now: Moment,
) -> tuple[Forecast, ...]:
    """What time alone will change next, with the day on which sales wants to look again unless sales has the lead."""
    journey = stage.journey if stage else Journey.start()
    # Of a stage an earlier handoff waits no more once a later one is answered, though nobody answered that one.
    waiting = {each.key for each in stage.open} if stage else set()
    has_it = any(each.key in waiting and each.key.stage == journey.stage and not each.answer for each in handoffs)
    look_again = stage.look_again if stage and not has_it else None
    looked_at = (
        stage is not None
        and (stage.rules_version, stage.seen) == (active.number, record.did)
        and (stage.due is None or stage.due > now)
    )
    state = active.rules.replayed(activities)
    if stage is not None and stage.due is not None and stage.due <= now:
        # Its moment has come, and the sweep not yet.
        is_again = look_again is not None and look_again <= now
        moved, _ = active.rules.advance(state, journey, now, again=is_again)
        if moved.stage != journey.stage:
            return (Forecast(stage.due, "stage", journey.stage, moved.stage),)
    return forecast(active.rules, state, journey, now, look_again, looked_at=looked_at)


def find_lead(leads: Leads, lead: LeadId) -> LeadRecord:
    """A lead that there is.

    Raises:
        NotFound: there is no such lead.
    """
    record = leads.load(lead)
    if record is None:
        msg = "there is no such lead"
        raise NotFound(msg)
    return record


def _as_of(record: HandoffRecord, moment: Moment) -> HandoffRecord:
    """A handoff as it stood at a moment: without what was answered or done later."""
    done = tuple(each for each in record.done if (each.done_at or each.at) <= moment)
    answer = record.answer if record.answer and record.answer.at <= moment else None
    if done == record.done:
        return replace(record, answer=answer)
    given = next((each for each in reversed(done) if each.kind == "reassignment"), None)
    to, assignee = (given.to, None) if given else (record.handoff.to, record.handoff.assignee)
    return replace(record, to=to, assignee=assignee, done=done, answer=answer)


def _person(identities: Iterable[Identity], facts: Facts) -> Introduction:
    emails = sorted(identity.value for identity in identities if identity.kind is IdentityKind.EMAIL)
    return introduce(tuple(emails), facts.lead, facts.company)
