"""Read leads: pages of them, best first, and one with everything that led to its score and its stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED, Activity, Identity, IdentityKind, strongest_first
from shared.domain.brief import ToAsk
from shared.domain.consent import ConsentHistory, consent_history
from shared.domain.engine import Score
from shared.domain.facts import Facts
from shared.domain.handoff import HandoffRecord, LeadId
from shared.domain.introduction import Introduction, introduce
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.domain.noise import Noise, is_noise, silenced
from shared.domain.nurture import Advice
from shared.domain.qualification import FactHistory, Factor, factors, missing_questions, qualification_history
from shared.domain.refusals import NotFound
from shared.domain.state import known_facts
from shared.ports.activities import Activities, ActivityKey
from shared.ports.clock import Clock
from shared.ports.handoffs import Handoffs
from shared.ports.lead_index import LeadIndex, Place, Shelf
from shared.ports.leads import LeadRecord, Leads
from shared.ports.stages import StageRecord, Stages, StoredTransition
from shared.usecases.history import gather
from shared.usecases.noise import no_noise
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import Rulebook

_SIDE_BY_SIDE = 16
LATEST_ACTIVITIES = 100
"""How many of a lead's activities its page shows."""


@dataclass(frozen=True, slots=True)
class LeadSummary:
    """A lead in a list. `rules_version` is the one under which its state was made, and its score is reckoned now."""

    lead: LeadId
    person: Introduction
    score: Score
    rules_version: int
    journey: Journey | None
    consent: str | None
    last_activity_at: Moment | None


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Some leads of a shelf, and the place after which the next ones stand (None: there are no more)."""

    leads: tuple[LeadSummary, ...]
    following: Place | None


@dataclass(frozen=True, slots=True)
class MergedInto:
    """The lead that was asked for is part of another one."""

    survivor: LeadId


@dataclass(frozen=True, slots=True)
class LeadStory:
    """Everything about a lead as it was at a moment, replayed from the log under the active rules.

    Transitions are those decided by then; handoffs too, as they stood then, and of those leads also that are part of
    this one. `qualification` tells what was said of each of the four facts, and `to_ask` what nobody knows.
    `nurture` is what is advised where it stands now. `rulings` are what people decided of who it is, in whatever lead's
    log they stand, and whether it is noise, oldest first.
    `activities` are the latest, newest first; `more` tells that there are older ones.
    """

    lead: LeadId
    at: Moment
    rules_version: int
    identities: tuple[Identity, ...]
    person: Introduction
    score: Score
    explanation: Mapping[str, Any]
    facts: Facts
    consents: ConsentHistory
    last_activity_at: Moment | None
    journey: Journey | None
    transitions: tuple[StoredTransition, ...]
    handoffs: tuple[tuple[HandoffRecord, Mapping[str, Moment]], ...]
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
        noise: Callable[[], Noise] = no_noise,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._stages = stages
        self._handoffs = handoffs
        self._index = index
        self._rulebook = rulebook
        self._clock = clock
        self._noise = noise

    def page(self, shelf: Shelf, name: str, limit: int, after: Place | None) -> LeadPage:
        """Leads of a temperature or stage, best first as of the last look at each."""
        places = self._index.page(shelf, name, limit, after)
        following = places[-1] if len(places) == limit else None
        return LeadPage(self._summaries(place.lead for place in places), following)

    def by_email(self, identity: Identity) -> LeadPage:
        """The lead whose e-mail address that is, as a page of at most one."""
        found = (live_record(self._leads, lead) for lead in self._leads.whose([identity]).values())
        return LeadPage(self._summaries(record.lead for record in found if record), None)

    def story(self, lead: LeadId, at: Moment | None = None, since: Moment | None = None) -> LeadStory | MergedInto:
        """A lead as it was at a moment, or is now; with `since` the explanation tells what changed from then on.

        Raises:
            NotFound: there is no such lead.
        """
        record = find_lead(self._leads, lead)
        if record.merged_into:
            return MergedInto(record.merged_into)
        moment = self._clock.now() if at is None else at
        active = self._rulebook.active()
        noise = self._noise()
        history = gather(self._activities, self._leads, lead, record.identities, noise=noise)
        happened = noise.marked(each for each in history.activities if each.occurred_at <= moment)
        state = active.rules.replayed(happened)
        facts = known_facts(state)
        stage = self._stages.load(lead)
        journey = stage.journey if stage else None
        score = active.rules.score(state, moment)
        heard = [silenced(each) if is_noise(each) else each for each in happened]
        qualification = qualification_history(heard)
        every = self._handoffs.of([lead, *record.absorbed])
        handoffs = [_as_of(each, moment) for each in every if each.handoff.requested_at <= moment]
        return LeadStory(
            lead=lead,
            at=moment,
            rules_version=active.number,
            identities=tuple(sorted(record.identities, key=lambda identity: identity.key)),
            person=_person(record.identities, facts),
            score=score,
            explanation=active.rules.explain(state, moment, since).as_json(),
            facts=facts,
            consents=consent_history(heard),
            last_activity_at=state.last_activity_at,
            journey=journey if at is None else None,
            transitions=tuple(each for each in self._stages.transitions(lead) if each.at <= moment),
            handoffs=tuple((each, self._handoffs.sent(each.key)) for each in handoffs),
            qualification=qualification,
            to_ask=missing_questions(active.rule_file.qualification, qualification),
            nurture=active.rules.advise(state, journey, moment) if journey and at is None else None,
            factors=factors(
                active.rules,
                score=score,
                facts=facts,
                journey=journey if at is None else None,
                last_activity_at=state.last_activity_at,
            ),
            rulings=self._rulings(record, happened, moment),
            activities=tuple(reversed(happened[-LATEST_ACTIVITIES:])),
            more=len(happened) > LATEST_ACTIVITIES,
        )

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
            records = list(pool.map(self._leads.load, wanted))
            stages = list(pool.map(self._stages.load, wanted))
        return tuple(
            self._summary(record, stage, now)
            for record, stage in zip(records, stages, strict=True)
            if record and not record.merged_into
        )

    def _summary(self, record: LeadRecord, stage: StageRecord | None, now: Moment) -> LeadSummary:
        made_under = self._rulebook.version(max(record.rules_version, 0))
        facts = known_facts(record.state)
        return LeadSummary(
            lead=record.lead,
            person=_person(record.identities, facts),
            score=made_under.rules.score(record.state, now),
            rules_version=record.rules_version,
            journey=stage.journey if stage else None,
            consent=facts.consent,
            last_activity_at=record.state.last_activity_at,
        )


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
