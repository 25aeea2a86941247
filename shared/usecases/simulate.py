"""Simulate: what publishing a rule file would do, a page of leads at a time. Nothing is written and nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from shared.domain.activity import IdentityKind
from shared.domain.engine import compile_rules
from shared.domain.facts import Facts
from shared.domain.handoff import LeadId
from shared.domain.introduction import introduce
from shared.domain.journey import Journey
from shared.domain.moments import SECOND, Moment
from shared.domain.noise import Noise
from shared.domain.refusals import Contested, Invalid
from shared.domain.routing import Owners, Rosters, owners
from shared.domain.rulefile import RuleFile
from shared.domain.simulation import (
    GOOD_FOR,
    LOOKS_BACK,
    MOST_SEGMENTS,
    LeadSimulated,
    Sending,
    Standing,
    Stretch,
    Withheld,
    in_order,
    sendings,
)
from shared.domain.state import ScoreState, known_facts
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import LeadRecord, Leads
from shared.ports.stages import StageRecord, Stages
from shared.usecases.evaluate import Evaluate
from shared.usecases.history import History, gather
from shared.usecases.lead_writer import LeadWriter, LinkRefused
from shared.usecases.noise import no_noise
from shared.usecases.rulebook import ActiveRules, Rulebook

_PAGE_TAKES = 5 * SECOND
"""After this time a page begins no further lead: what is under way then has the rest of the function's time."""

_LEAD_TAKES = 8 * SECOND
"""After this time the history of a lead is replayed no further: the function has 20 seconds for a page."""

_SIDE_BY_SIDE = 4
"""So many leads are read and replayed at once, and no more histories are held."""

_READ = 500
_READINGS = 5
"""So often somebody may write a lead while it is read."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rules that somebody might publish. `sha256` is that of the document: of what the file says.

    With `notify` they would be published so that what they alone cause is handed over.
    """

    rule_file: RuleFile
    sha256: str
    notify: bool = False


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """What was found of some leads, and the segment up to there.

    `stages` and `temperatures` are the names that the new rules and the active ones have, in their order.
    """

    found: tuple[LeadSimulated, ...]
    stretch: Stretch
    stages: tuple[str, ...]
    temperatures: tuple[str, ...]


class _OutOfTimeError(Exception):
    """A history is too long to be replayed."""


@dataclass(frozen=True, slots=True)
class _StandsStill:
    """The clock of a simulation: all is told for one moment."""

    moment: Moment

    def now(self) -> Moment:
        return self.moment


@dataclass(frozen=True, slots=True)
class _Run:
    """What all leads of one page are simulated with."""

    active: ActiveRules
    new: ActiveRules
    at: Moment
    since: Moment
    noise: Noise
    writer: LeadWriter
    evaluate: Evaluate
    named: bool


class Simulate:
    """Reads, and decides by the very code that decides after a publish; it commits nothing."""

    def __init__(
        self,
        *,
        activities: Activities,
        leads: Leads,
        stages: Stages,
        rulebook: Rulebook,
        clock: Clock,
        consent_required: bool,
        rosters: Rosters = MappingProxyType({}),
        noise: Callable[[], Noise] = no_noise,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._stages = stages
        self._rulebook = rulebook
        self._clock = clock
        self._consent_required = consent_required
        self._rosters = rosters
        self._noise = noise

    def begin(
        self, candidate: Candidate, segment: int, of: int, *, at: Moment | None = None, since: Moment | None = None
    ) -> Stretch:
        """A segment of which nothing is simulated yet. All segments of one simulation have one moment `at`.

        Raises:
            Invalid: there is no such segment, or one of the moments makes no sense.
        """
        now = self._clock.now()
        moment = now if at is None else at
        first = Moment(moment - LOOKS_BACK) if since is None else since
        if not 1 <= of <= MOST_SEGMENTS or not 0 <= segment < of:
            msg = f"there are 1 to {MOST_SEGMENTS} segments, counted from 0"
            raise Invalid(msg, "segment")
        if not now - GOOD_FOR < moment <= now:
            msg = "a simulation is of now, or of a moment within the last 24 hours"
            raise Invalid(msg, "at")
        if first >= moment:
            msg = "it must lie before the moment of the simulation"
            raise Invalid(msg, "since")
        against = self._rulebook.refresh().number
        return Stretch(candidate.sha256, against, moment, first, segment, of, notify=candidate.notify)

    def page(self, candidate: Candidate, stretch: Stretch, limit: int, *, named: bool) -> SimulatedPage:
        """Simulate up to `limit` more leads of a segment, fewer if time is short.

        `named` tells who they are, and who would get them.

        Raises:
            Invalid: the segment is of other rules, or of another `notify`, or done.
            Contested: other rules were published since it was begun.
        """
        if stretch.sha256 != candidate.sha256:
            msg = "`next` is of another rule file: go on with the one that the simulation began with"
            raise Invalid(msg, "next")
        if stretch.notify != candidate.notify:
            msg = "`next` was begun with another `notify`: go on with the one that the simulation began with"
            raise Invalid(msg, "notify")
        if stretch.done:
            msg = "this segment is done: `next` leads nowhere"
            raise Invalid(msg, "next")
        run = self._run(candidate, stretch, named=named)
        found, after = self._walk(run, stretch, limit)
        before, later = sum(len(lead.sent_before) for lead in found), sum(len(lead.sent_after) for lead in found)
        if candidate.notify:
            later += sum(lead.besides for lead in found)
        old, new = run.active.rule_file, candidate.rule_file
        return SimulatedPage(
            tuple(found),
            stretch.with_page(after, len(found), before, later),
            in_order([each.name for each in old.stages], [each.name for each in new.stages]),
            in_order([each.name for each in old.temperature], [each.name for each in new.temperature]),
        )

    def _run(self, candidate: Candidate, stretch: Stretch, *, named: bool) -> _Run:
        active = self._rulebook.refresh()
        if active.number != stretch.against:
            raise _overtaken(active.number)
        number = active.number + 1
        rules = compile_rules(candidate.rule_file, number)
        new = ActiveRules(number, candidate.rule_file, rules, stretch.at, candidate.notify)
        clock, noise = _StandsStill(stretch.at), self._noise()
        writer = LeadWriter(
            self._activities, self._leads, self._rulebook, clock, noise=lambda: noise, report=_tell_nobody
        )
        evaluate = Evaluate(
            self._leads,
            self._stages,
            self._rulebook,
            clock,
            consent_required=self._consent_required,
            rosters=self._rosters,
        )
        return _Run(active, new, stretch.at, stretch.since, noise, writer, evaluate, named)

    def _walk(self, run: _Run, stretch: Stretch, limit: int) -> tuple[list[LeadSimulated], str | None]:
        """Simulate leads until the page is full or its time is up; and where to go on."""
        enough = self._clock.now() + _PAGE_TAKES
        found: list[LeadSimulated] = []
        looked_at, after = 0, stretch.after
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            while True:
                leads, following = self._leads.segment(stretch.segment, stretch.of, after, _READ)
                while leads:
                    size = min(_SIDE_BY_SIDE, limit - looked_at)
                    some, leads = leads[:size], leads[size:]
                    found += filter(None, pool.map(partial(self._lead, run), some))
                    looked_at += len(some)
                    if (leads or following) and (looked_at >= limit or self._clock.now() >= enough):
                        # Not `following`: that may be a place that names somebody.
                        return found, self._leads.after(some[-1])
                if following is None:
                    return found, None
                after = following

    def _lead(self, run: _Run, lead: LeadId) -> LeadSimulated | None:
        enough = self._clock.now() + _LEAD_TAKES
        record, stage = self._read(lead)
        if record is None or record.merged_into:
            return None
        if record.rules_version > run.active.number:
            raise _overtaken(record.rules_version)
        history = gather(self._activities, self._leads, lead, record.identities, noise=run.noise)
        before = stage or StageRecord(lead, Journey.start())
        scored = run.writer.foresee(record, run.new, history)
        decision = run.evaluate.foresee(scored, before, run.new)
        old = run.active.rules.absorb(ScoreState.empty(), run.noise.marked(history.activities))
        facts = known_facts(scored.state)
        sent_before: tuple[Sending, ...] = ()
        sent_after: tuple[Sending, ...] = ()
        withheld = Withheld(now=int(decision.record.withheld not in {None, before.withheld}))
        passed_over = False
        try:
            (sent_before, held_before), (sent_after, held_after) = (
                self._sent(run, rules, state, history, enough)
                for rules, state in ((run.active, old), (run.new, scored.state))
            )
            withheld += Withheld(before=held_before, after=held_after)
        except _OutOfTimeError:
            passed_over = True
        return LeadSimulated(
            lead,
            _name(record, facts) if run.named else None,
            Standing(before.journey.stage, before.temperature, run.active.rules.score(old, run.at).total),
            Standing(
                decision.record.journey.stage,
                decision.record.temperature,
                run.new.rules.score(scored.state, run.at).total,
            ),
            tuple(
                self._sending(run, run.new, each.key.stage, each.key.epoch, run.at, facts) for each in decision.handoffs
            ),
            sent_before,
            sent_after,
            passed_over,
            by_rules=any(each.by_rules for each in decision.transitions),
            withheld=withheld,
            stranded=_is_stranded(decision.record.journey.stage, run.new.rule_file),
        )

    def _read(self, lead: LeadId) -> tuple[LeadRecord | None, StageRecord | None]:
        """Both sides of a lead as they stood at one moment: the stage was the same before and after."""
        stage = self._stages.load(lead)
        record = self._leads.load(lead)
        for _ in range(_READINGS):
            again = self._stages.load(lead)
            if (again and again.version) == (stage and stage.version):
                break
            stage, record = again, self._leads.load(lead)
        return record, stage

    def _sent(
        self, run: _Run, active: ActiveRules, state: ScoreState, history: History, enough: int
    ) -> tuple[tuple[Sending, ...], int]:
        """What would have been sent under some rules, and how many handoffs would have been withheld."""

        def in_time() -> None:
            if self._clock.now() >= enough:
                raise _OutOfTimeError

        moments = {each.occurred_at for each in history.activities}
        sent, withheld = [], 0
        for stage, epoch, at, facts in sendings(
            active.rules,
            state,
            moments,
            run.since,
            run.at,
            consent_required=self._consent_required,
            before_each=in_time,
        ):
            if facts is None:
                withheld += 1
            else:
                sent.append(self._sending(run, active, stage, epoch, at, facts))
        return tuple(sent), withheld

    def _sending(  # noqa: PLR0917 - whence, and what
        self, run: _Run, active: ActiveRules, stage: str, epoch: int, at: Moment, facts: Facts
    ) -> Sending:
        to = owners(active.rule_file.handoff[stage], self._rosters, facts)
        return Sending(stage, epoch, at, to if run.named else Owners(to.team, ()))


def _overtaken(number: int) -> Contested:
    return Contested(f"version {number} was published meanwhile: begin the simulation again", active=number)


def _is_stranded(stage: str | None, rule_file: RuleFile) -> bool:
    return stage is not None and all(stage != each.name for each in rule_file.stages)


def _name(record: LeadRecord, facts: Facts) -> str | None:
    emails = sorted(each.value for each in record.identities if each.kind is IdentityKind.EMAIL)
    person = introduce(tuple(emails), facts.lead, facts.company)
    return person.name or next(iter(person.emails), None)


def _tell_nobody(_refused: LinkRefused) -> None:
    """A simulation refuses no link."""
