"""Reconciliation: leads are made anew from the log, and compared with what is stored of them.

Scores are a function of the log, so that whatever differs is a fault of ours: a write that was lost, a defect, damage.
`score` mends it when it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from shared.domain.activity import (
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    NOISE_MARKED,
    NOISE_UNMARKED,
    Activity,
    Identity,
    IdentityKind,
)
from shared.domain.drift import Fault, browsers_drift, state_drifts
from shared.domain.handoff import LeadId
from shared.domain.identity import Ties, linked_identities, one_with, ties_of
from shared.domain.moments import DAY, HOUR, MINUTE, Moment
from shared.domain.next_change import AGAIN
from shared.domain.noise import is_marked_by_people
from shared.domain.refusals import NotFound
from shared.domain.state import ScoreState
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.drift import Drift, Drifts, Round
from shared.ports.errors import Conflict, Unreadable
from shared.ports.leads import OTHER_FORMAT, Browser, LeadRecord, Leads
from shared.ports.noise import NoiseMarks
from shared.ports.queue import Queue
from shared.usecases.history import History, gather, log_of
from shared.usecases.noise import KnownNoise
from shared.usecases.redirect import damaged_end, find_live, where_it_went
from shared.usecases.rulebook import ActiveRules, Rulebook, UnknownRules

SETTLED_AFTER = 5 * MINUTE
"""What was received later than this may be on its way still, and its lack is no drift."""

NOISE_SETTLED_AFTER = HOUR
"""By then the leads of what a word on noise is about have been made anew."""

_CLOCKS_AHEAD = 5 * MINUTE
"""So much later than it was received an activity may have occurred."""

_RULINGS = frozenset({NOISE_MARKED, NOISE_UNMARKED, IDENTITIES_MERGED, IDENTITIES_UNMERGED})
_LOOKS = 3
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a lead. `faults` is None where it was being written again and again, and nobody can tell.

    Who is not there has none.
    """

    lead: LeadId
    faults: tuple[Fault, ...] | None
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class CheckedPage:
    """Some leads of a segment, checked, and where to go on (None: the segment is done)."""

    leads: tuple[Checked, ...]
    following: str | None


@dataclass(frozen=True, slots=True)
class Tick:
    """What one run did: how many leads it checked, which of them have drifted, and which could not be checked and why.

    `standing` is how many drifts stand now, and `is_round_over` tells that the last lead of all was checked.
    """

    checked: int
    drifted: tuple[Checked, ...]
    failed: tuple[tuple[LeadId, Exception], ...]
    standing: int
    is_round_over: bool


class Reconcile:
    """Compares; writes down which leads have drifted, and nothing else.

    `retention_days` and `anonymous_retention_days` are how long the log keeps what was done by name, and without one.
    """

    def __init__(
        self,
        *,
        activities: Activities,
        leads: Leads,
        rulebook: Rulebook,
        noise: NoiseMarks,
        drifts: Drifts,
        clock: Clock,
        retention_days: int = 760,
        anonymous_retention_days: int = 90,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._marks = noise
        self._noise = KnownNoise(noise, clock)
        self._drifts = drifts
        self._clock = clock
        self._retention = retention_days * DAY
        self._shortest = min(retention_days, anonymous_retention_days) * DAY

    # --- going round --------------------------------------------------------------------------------------------------

    def tick(self, has_time: Callable[[], bool], most: int) -> Tick:
        """Look again at the leads that had drifted, then go on with the round: at most so many leads, once each."""
        drifts = {each.lead: each for each in self._drifts.all()}
        looked: list[Checked] = []
        failed: list[tuple[LeadId, Exception]] = []

        def look(lead: LeadId) -> Checked:
            try:
                looked.append(self._judged(lead, drifts))
            except Exception as error:  # noqa: BLE001 (one bad lead never holds up another)
                looked.append(Checked(lead, None))
                failed.append((lead, error))
            return looked[-1]

        # However many have drifted, half of a run is for the others.
        longest_unseen = sorted(drifts.values(), key=lambda each: (each.seen_at, each.lead))
        for each in longest_unseen[: -(-most // 2)]:
            if has_time():
                look(each.lead)
        round_ = self._drifts.round() or Round(began=self._clock.now())
        after, is_over = round_.after, False
        while len(looked) < most and not is_over and has_time():
            leads, after = self._leads.segment(0, 1, after, _PAGE, redirects=True)
            done: list[Checked] = []
            while len(done) < len(leads) and len(looked) < most and has_time():
                done.append(look(leads[len(done)]))
            is_whole = len(done) == len(leads)
            is_over = after is None and is_whole
            # The place is told by a lead: where a page ends may be the name of a person.
            place = self._leads.after(done[-1].lead) if done else round_.after
            moved = self._moved(round_, place, done, is_over=is_over)
            try:
                self._drifts.go_on(moved)
            except Conflict:
                break  # another run goes round
            round_ = replace(moved, version=round_.version + 1)
            if not is_whole:
                break
        drifted = {each.lead: each for each in looked if each.faults}
        return Tick(len(looked), tuple(drifted.values()), tuple(failed), len(drifts), is_over)

    def _moved(self, round_: Round, after: str | None, done: Iterable[Checked], *, is_over: bool) -> Round:
        """The round once some more leads are done; the next one when it is over."""
        now = self._clock.now()
        if is_over:
            return Round(began=now, before=now, version=round_.version)
        found = list(done)
        checked, drifted = round_.checked + len(found), round_.drifted + sum(bool(each.faults) for each in found)
        return replace(round_, after=after, checked=checked, drifted=drifted)

    def page(self, segment: int, of: int, after: str | None, limit: int) -> CheckedPage:
        """Check a page of a segment of all leads now; what is found is written down."""
        leads, following = self._leads.segment(segment, of, after, limit, redirects=True)
        return CheckedPage(self.named(leads), following)

    def named(self, leads: Iterable[LeadId]) -> tuple[Checked, ...]:
        """Check some leads now; what is found is written down."""
        drifts = {each.lead: each for each in self._drifts.all()}
        return tuple(self._judged(lead, drifts) for lead in leads)

    def standing(self) -> list[Drift]:
        """The leads that have drifted, by what was found last."""
        return self._drifts.all()

    def round(self) -> Round | None:
        """How far the going round is; None before the first."""
        return self._drifts.round()

    def _judged(self, lead: LeadId, drifts: dict[LeadId, Drift]) -> Checked:
        """Check a lead and write down what is found; `drifts` are those that stand, kept in step."""
        checked = self.check(lead)
        known = drifts.get(lead)
        if checked.faults:
            now = self._clock.now()
            drifts[lead] = Drift(lead, checked.faults, known.found_at if known else now, now)
            self._drifts.note(drifts[lead])
        elif checked.faults is not None and known:
            self._drifts.clear(lead)
            del drifts[lead]
        return checked

    # --- one lead -----------------------------------------------------------------------------------------------------

    def check(self, lead: LeadId) -> Checked:
        """Compare a lead with its log. What is found must be so twice, with nothing written in between.

        Raises:
            Unavailable: a store cannot answer now.
        """
        for _ in range(_LOOKS):
            before, found = self._look(lead)
            if not found:
                return Checked(lead, (), is_there=before is not None)
            after, again = self._look(lead)
            if before == after:
                return Checked(lead, tuple(each for each in Fault if each in found & again))
        return Checked(lead, None)

    def _look(self, lead: LeadId) -> tuple[int | None, frozenset[Fault]]:
        """The version that a lead has, and what is wrong with it."""
        try:
            record = self._leads.load(lead)
        except Unreadable:
            return None, frozenset({Fault.UNREADABLE})
        return (record.version, frozenset(self._wrong_with(record))) if record else (None, frozenset())

    def _wrong_with(self, record: LeadRecord) -> Iterable[Fault]:
        if record.merged_into:
            return () if self._leads_somewhere(record) else (Fault.REDIRECT,)
        if record.rules_version == OTHER_FORMAT:
            return ()  # whoever touches it next writes it in the format of now
        if record.rules_version < 0:
            return (Fault.UNREADABLE,)
        try:
            under = self._rulebook.version(record.rules_version)
        except UnknownRules:
            return (Fault.RULES,)
        return self._faults(record, under)

    def _leads_somewhere(self, redirect: LeadRecord) -> bool:
        try:
            return where_it_went(self._leads, redirect) is not None
        except Unreadable:
            return True  # somebody is there, and found to be damaged

    def _faults(self, record: LeadRecord, under: ActiveRules) -> Iterable[Fault]:
        noise = self._noise()
        history = gather(self._activities, self._leads, record.lead, record.identities, noise=noise)
        settled = [each for each in history.activities if each.received_at <= self._clock.now() - SETTLED_AFTER]
        found = self._by_the_log(record, history, settled, under)
        if found and not self._is_noise_moving():
            yield from found
        said = ties_of(settled)
        if not record.torn and _has_forgotten(record, said):
            yield Fault.TIES
        if not record.identities or self._is_misnamed(record, said | record.ties):
            yield Fault.NAMES
        change = under.rules.next_change(record.state, self._clock.now())
        is_sure = change is not None and change.what != AGAIN
        if change and (record.due is None or (is_sure and record.due > change.at)):
            yield Fault.DUE

    def _is_misnamed(self, record: LeadRecord, ties: Ties) -> bool:
        """Whether a name is the lead's and it does not list it, or the other way round; those that are known beside it.

        Nor is one nobody's that is one with the lead by what was said. What was claimed a moment ago may be missing in
        the first answer.
        """
        beside = frozenset().union(*(link.pair for link in ties.links), *(each.identities for each in ties.verdicts))
        suspects: Collection[Identity] = record.identities | beside
        held = record.identities | one_with(record.identities, ties)
        for consistent in (False, True):
            owners = self._leads.whose(suspects, consistent=consistent)
            suspects = [
                each
                for each in suspects
                if (owners.get(each) == record.lead) != (each in record.identities)
                or (each in held and each not in owners)
            ]
            if not suspects:
                return False
        return True

    def _by_the_log(
        self, record: LeadRecord, history: History, old: Collection[Activity], under: ActiveRules
    ) -> frozenset[Fault]:
        """What is otherwise than the log makes it, but for what was received a moment ago and is simply not there."""
        now = self._clock.now()
        noise = self._noise()
        if any(_moves(each, record) for each in history.activities if each.received_at > now - SETTLED_AFTER):
            return frozenset()
        whole = under.rules.absorb(ScoreState.empty(), noise.marked(history.activities))
        settled = whole
        if len(old) < len(history.activities):
            settled = under.rules.absorb(ScoreState.empty(), noise.marked(old))
        found = set()
        if state_drifts(record.state, settled, whole, Moment(now - self._shortest + _CLOCKS_AHEAD)):
            found.add(Fault.SCORE)
        named_before = Moment(now - self._retention + _CLOCKS_AHEAD)
        if history.unattached or browsers_drift(_told(record.browsers), _told(history.browsers), named_before):
            found.add(Fault.BROWSERS)
        if is_marked_by_people(history.activities) != record.muted:
            found.add(Fault.NOISE)
        if found and self._is_shared_with_movers(record, history, now):
            return frozenset()
        return frozenset(found)

    def _is_noise_moving(self) -> bool:
        """Whether a word on noise is so young that its leads may not have been made anew."""
        now = self._clock.now()
        return any(mark.last.at > now - NOISE_SETTLED_AFTER for mark in self._marks.all())

    def _is_shared_with_movers(self, record: LeadRecord, history: History, now: Moment) -> bool:
        """Whether somebody else at one of its browsers did something a moment ago, by which the browser may change."""
        browsers = [Identity(IdentityKind.ANONYMOUS_ID, name) for name in history.browsers]
        names = {each for browser in browsers for each in self._leads.attached(browser)} - record.identities
        return any(
            each.received_at > now - SETTLED_AFTER and each.anonymous_id for each in log_of(self._activities, names)
        )


class RepairLeads:
    """Asks `score`, who alone writes scores, to make a lead anew."""

    def __init__(self, leads: Leads, repairs: Queue) -> None:
        self._leads = leads
        self._repairs = repairs

    def ask(self, lead: LeadId) -> LeadId:
        """Ask for a repair of a lead, or of the one that it is part of, damaged as that may be; answers which it is.

        Raises:
            NotFound: there is no such lead.
        """
        try:
            live = find_live(self._leads, lead).lead
        except Unreadable:
            live = damaged_end(self._leads, lead)
        except NotFound:
            if self._leads.load(lead) is None:
                raise
            live = lead  # it leads nowhere, which is what is to be mended
        self._repairs.send([{"repair": live}])
        return live


def _moves(activity: Activity, record: LeadRecord) -> bool:
    """Whether an activity may change more of a lead than that it is added: its browsers, who it is, what is noise."""
    if activity.type in _RULINGS or not record.identities.issuperset(linked_identities(activity)):
        return True
    browser = activity.anonymous_id
    if browser is None:
        return False
    link = record.browsers.get(browser.value)
    return link is None or link.shared or activity.occurred_at <= link.since


def _has_forgotten(record: LeadRecord, said: Ties) -> bool:
    """Whether a lead lacks a link between two of its identities that the log tells of, or a verdict on one of them."""
    links, verdicts = said.among(record.identities).links, said.of(record.identities).verdicts
    return record.ties | Ties(links, verdicts) != record.ties


def _told(browsers: Mapping[str, Browser]) -> dict[str, tuple[Moment, bool]]:
    return {name: (each.since, each.shared) for name, each in browsers.items()}
