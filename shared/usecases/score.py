"""Scoring: each activity finds its lead and joins the set of what that lead did; the score follows from the set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from shared.domain.activity import Activity, Identity, IdentityKind, Rank
from shared.domain.handoff import LeadId
from shared.domain.identity import MOST_BROWSERS_OF_A_LEAD, MOST_IDENTITIES
from shared.domain.moments import Moment
from shared.domain.state import ScoreState
from shared.ports.activities import Activities, ActivityKey
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.history import History, gather
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import ActiveRules, Rulebook

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class NotApplied:
    """An activity that could not be applied now, and why. It is in the log, so nothing is lost."""

    activity: Activity
    error: Exception


@dataclass(frozen=True, slots=True)
class _Placed:
    """An activity beside those of its names that belong to the lead it was placed with."""

    activity: Activity
    known: tuple[Identity, ...]


class OutOfTime(Exception):
    """There was no time left for an activity in this run; it is taken up again by itself."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch: whose the names in it are, what is placed with which lead, what failed, and whom to look at again."""

    has_time: Callable[[], bool]
    whose: dict[Identity, LeadId]
    groups: dict[LeadId, list[_Placed]] = field(default_factory=dict)
    at_browsers: dict[Identity, set[LeadId]] = field(default_factory=dict)
    failed: dict[ActivityKey, NotApplied] = field(default_factory=dict)
    again: dict[LeadId, list[Activity]] = field(default_factory=dict)

    def do(self, work: Callable[[], None], activities: Sequence[Activity]) -> None:
        """Do something for some activities: when it fails, they have failed, and the run goes on."""
        try:
            if self.has_time():
                work()
            else:
                self.fail(activities, OutOfTime("the run's time was used up"))
        except Exception as error:  # noqa: BLE001 (one bad lead never holds up another)
            self.fail(activities, error)

    def fail(self, activities: Sequence[Activity], error: Exception) -> None:
        """Remember that some activities are not applied."""
        for each in activities:
            self.failed[ActivityKey(each.identity, each.id)] = NotApplied(each, error)


class Score:
    """Applies activities to leads. Applying one again, or in another order or batch, changes nothing."""

    def __init__(
        self,
        activities: Activities,
        leads: Leads,
        rulebook: Rulebook,
        clock: Clock,
        new_lead_id: Callable[[], LeadId],
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._clock = clock
        self._new_lead_id = new_lead_id

    def apply(self, batch: Sequence[Activity], has_time: Callable[[], bool] = lambda: True) -> list[NotApplied]:
        """Apply a batch, one write for each lead; the answer is what failed, and no failure touches another lead.

        What there was no time for has failed too: one activity, or a crowd at one browser, holds up no other.
        """
        whose = self._leads.whose({identity for activity in batch for identity in linked_identities(activity)})
        run = _Run(has_time, whose)
        for activity in batch:
            run.do(partial(self._place, run, activity), [activity])
        self._update_all(run.groups, run)
        self._look_again(run)
        return list(run.failed.values())

    def touch(self, lead: LeadId) -> None:
        """Look at a lead again: under the active rules, at this moment. Asked for by the sweep and by a publish."""
        self._update(lead, (), touched=True)

    def _place(self, run: _Run, activity: Activity) -> None:
        """Put an activity to the lead that it concerns, or to the leads."""
        leads = self._leads_of(activity, run)
        if len(leads) > 1 and linked_identities(activity):
            # What waits for the leads that are now to be joined goes first, so that they know their names.
            self._update_all({lead: run.groups.pop(lead, []) for lead in leads}, run)
            leads = self._join_for(activity, leads, run.whose)
        for lead in leads:
            run.groups.setdefault(lead, []).append(_Placed(activity, self._names(activity, lead, run.whose)))

    def _update_all(self, groups: Mapping[LeadId, Sequence[_Placed]], run: _Run) -> None:
        for lead, group in groups.items():
            if group:
                run.do(partial(self._update_for, run, lead, group), [placed.activity for placed in group])

    def _update_for(self, run: _Run, lead: LeadId, group: Sequence[_Placed]) -> None:
        for other in self._update(lead, group):
            run.again.setdefault(other, []).extend(placed.activity for placed in group)

    def _look_again(self, run: _Run) -> None:
        """Rebuild each lead that shares a browser with one of the batch, once."""
        for lead, activities in sorted(run.again.items()):
            run.do(partial(self._rebuild, lead), activities)

    def _rebuild(self, lead: LeadId) -> None:
        self._update(lead, (), rebuild=True)

    def _leads_of(self, activity: Activity, run: _Run) -> set[LeadId]:
        """The leads that an activity concerns: one, none yet, those that it joins, or all that share its browser."""
        known = linked_identities(activity)
        if not known:
            return self._leads_at(activity.anonymous_id, run) if activity.anonymous_id else set()
        whose = run.whose
        for identity in known:
            if identity not in whose:
                beside = next((whose[other] for other in known if other in whose), None)
                whose[identity] = self._leads.claim(identity, beside or self._new_lead_id())
        return {whose[identity] for identity in known}

    def _leads_at(self, browser: Identity, run: _Run) -> set[LeadId]:
        """The leads attached to a browser, asked for once in a run: all of the run was in the log before it began."""
        if browser not in run.at_browsers:
            attached = self._leads.attached(browser)
            run.at_browsers[browser] = set(self._leads.whose(attached).values()) if attached else set()
        return run.at_browsers[browser]

    def _join_for(self, activity: Activity, leads: set[LeadId], whose: dict[Identity, LeadId]) -> set[LeadId]:
        """The one lead that several become when a trusted source names them together, or the first if they may not."""
        known = linked_identities(activity)
        joined = self._join(leads)
        if joined is None:
            return {whose[known[0]]}
        whose.update({identity: joined for identity, lead in whose.items() if lead in leads})
        return {joined}

    @staticmethod
    def _names(activity: Activity, lead: LeadId, whose: Mapping[Identity, LeadId]) -> tuple[Identity, ...]:
        return tuple(identity for identity in linked_identities(activity) if whose[identity] == lead)

    def _update(
        self, lead: LeadId, group: Sequence[_Placed], *, touched: bool = False, rebuild: bool = False
    ) -> frozenset[LeadId]:
        """Write a lead; the answer is the leads that must be looked at again because they share a browser with it."""
        for _ in range(_ATTEMPTS):
            active = self._rulebook.active()
            record = self._live(lead)
            if record.rules_version > active.number:
                active = self._rulebook.refresh()
            after, sharing = self._after(record, group, active, rebuild=rebuild)
            new = self._booked(record, after, active, touched=touched)
            try:
                if new != record:
                    self._leads.save(new)
            except Conflict:
                self._rulebook.refresh()
                continue
            return sharing
        msg = f"lead {lead} was written by others {_ATTEMPTS} times in a row"
        raise Conflict(msg)

    def _after(
        self, record: LeadRecord, group: Sequence[_Placed], active: ActiveRules, *, rebuild: bool
    ) -> tuple[LeadRecord, frozenset[LeadId]]:
        """The record with the group in it, and the leads that must be looked at again because they share a browser."""
        identities = record.identities.union(*(placed.known for placed in group))
        unsettled = {
            browser
            for placed in group
            if (browser := placed.activity.anonymous_id) and not _is_settled(record, browser, placed.activity)
        }
        stale = record.version > 0 and record.rules_version != active.number
        if not (rebuild or unsettled or stale):
            state = active.rules.absorb(record.state, [each.activity for each in group if _is_of(record, each)])
            return replace(record, identities=identities, state=state, rules_version=active.number), frozenset()
        history = self._gather(record.lead, identities)
        state = active.rules.absorb(ScoreState.empty(), history.activities)
        sharing = frozenset(lead for browser in unsettled for lead in history.sharing.get(browser, ()))
        sharing |= self._sharing_no_more(record, history)
        return (
            replace(record, identities=identities, state=state, rules_version=active.number, browsers=history.browsers),
            sharing,
        )

    def _sharing_no_more(self, record: LeadRecord, history: History) -> frozenset[LeadId]:
        """Who shares a browser that counted for the lead and does not any more, because others were named before it."""
        dropped = [
            Identity(IdentityKind.ANONYMOUS_ID, name) for name in record.browsers.keys() - history.browsers.keys()
        ]
        attached = {known for browser in dropped for known in self._leads.attached(browser)} - record.identities
        return frozenset(self._leads.whose(attached).values()) if attached else frozenset()

    def _booked(self, before: LeadRecord, after: LeadRecord, active: ActiveRules, *, touched: bool) -> LeadRecord:
        """The record with its next moment booked and marked for `evaluate`; unchanged when nothing changed."""
        now = self._clock.now()
        overdue = before.due is not None and before.due <= now
        if after == before and not (touched or overdue):
            return before
        change = active.rules.next_change(after.state, now)
        due = change.at if change else None
        if before.due is not None and not touched:
            # Written only when it moves earlier: a visit that finds nothing due books the later moment.
            due = min(before.due, due) if due is not None else before.due
        look = touched or self._shows(before, after, active, now)
        return replace(after, due=due, look=look, mark=before.mark + look)

    @staticmethod
    def _shows(before: LeadRecord, after: LeadRecord, active: ActiveRules, now: Moment) -> bool:
        if before.version == 0 or before.rules_version != after.rules_version:
            return True
        # An entry is whatever a rule, a stage condition or a fact was found in; all else can only change the score.
        return (
            before.state.entries != after.state.entries
            or before.absorbed != after.absorbed
            or active.rules.score(before.state, now) != active.rules.score(after.state, now)
        )

    def _join(self, leads: set[LeadId]) -> LeadId | None:
        """Make several leads one, the least id surviving; None when together they have too many identities."""
        for _ in range(_ATTEMPTS):
            records = {record.lead: record for record in map(self._live, leads)}
            if len(records) == 1:
                return next(iter(records))
            one, two = sorted(records.values(), key=lambda record: record.lead)[:2]
            if len(one.identities | two.identities) > MOST_IDENTITIES:
                return None
            try:
                self._join_two(one, two)
            except Conflict:
                self._rulebook.refresh()
        msg = f"leads {', '.join(sorted(leads))} could not be joined: others keep writing them"
        raise Conflict(msg)

    def _live(self, lead: LeadId) -> LeadRecord:
        """The record of a lead, or of the one into which it went; a fresh one for a lead that only has a name yet."""
        return live_record(self._leads, lead) or LeadRecord(lead, frozenset(), ScoreState.empty())

    def _gather(self, lead: LeadId, identities: Collection[Identity]) -> History:
        """The whole history. A browser is attached before what it did alone is read, so that nothing falls between."""
        history = gather(self._activities, self._leads, lead, identities)
        if not history.unattached:
            return history
        displaced: dict[Identity, frozenset[LeadId]] = {}
        for browser, first in history.unattached.items():
            before = self._leads.attached(browser)
            gone = before.keys() - self._leads.attach(browser, first.known, first.occurred_at).keys()
            displaced[browser] = frozenset(self._leads.whose(gone).values()) if gone else frozenset()
        again = gather(self._activities, self._leads, lead, identities)
        sharing = {browser: leads | displaced.get(browser, frozenset()) for browser, leads in again.sharing.items()}
        return replace(again, sharing=sharing)

    def _join_two(self, one: LeadRecord, two: LeadRecord) -> None:
        active = self._rulebook.active()
        if max(one.rules_version, two.rules_version) > active.number:
            active = self._rulebook.refresh()
        identities = one.identities | two.identities
        history = self._gather(one.lead, identities)
        merged = replace(
            one,
            identities=identities,
            state=active.rules.absorb(ScoreState.empty(), history.activities),
            rules_version=active.number,
            browsers=history.browsers,
            absorbed=(*one.absorbed, two.lead, *two.absorbed),
        )
        redirect = replace(
            two,
            state=ScoreState.empty(),
            rules_version=active.number,
            browsers={},
            merged_into=one.lead,
            look=True,
            due=None,
            stored_months={},
        )
        self._leads.join(self._booked(one, merged, active, touched=True), redirect)


def linked_identities(activity: Activity) -> tuple[Identity, ...]:
    """The known identities that an activity may speak for: a public source never joins two of them."""
    known = activity.known_identities
    return known if activity.rank >= Rank.TRUSTED else known[:1]


def _is_settled(record: LeadRecord, browser: Identity, activity: Activity) -> bool:
    """Whether a browser is the lead's alone, so that an activity in it joins the set without anything being read."""
    link = record.browsers.get(browser.value)
    if link is not None:
        # Named earlier than was known, it may turn out to be among those that count, at a kiosk or for this lead.
        return not link.shared and not (activity.known_identities and activity.occurred_at < link.since)
    # One more than a lead may have changes nothing, unless it was named before one of those that it has.
    is_full = len(record.browsers) >= MOST_BROWSERS_OF_A_LEAD
    return is_full and activity.occurred_at > max(each.since for each in record.browsers.values())


def _is_of(record: LeadRecord, placed: _Placed) -> bool:
    """Whether an activity counts for the lead: done in its name, or alone by a browser that counts for it."""
    browser = placed.activity.anonymous_id
    return bool(placed.known) or (browser is not None and browser.value in record.browsers)
