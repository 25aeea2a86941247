"""Scoring: each activity finds its lead and joins the set of what that lead did; the score follows from the set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED, Activity, Identity, IdentityKind
from shared.domain.handoff import LeadId
from shared.domain.identity import (
    NO_TIES,
    Group,
    Refusal,
    Ties,
    comes_too_late,
    is_crowded,
    linked_identities,
    people,
    ties_of,
)
from shared.domain.moments import Moment
from shared.domain.noise import Noise, is_marked_by_people
from shared.domain.state import ScoreState
from shared.ports.activities import Activities, ActivityKey
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.history import NOBODY, History, gather, leads_at, log_of
from shared.usecases.noise import no_noise
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import ActiveRules, Rulebook

_ATTEMPTS = 10
_MOST_LEADS_SETTLED = 25
"""So many leads are weighed anew at once when somebody leaves one; links to further ones stay refused."""


@dataclass(frozen=True, slots=True)
class NotApplied:
    """An activity that could not be applied now, and why. It is in the log, so nothing is lost."""

    activity: Activity
    error: Exception


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """A lead was not joined to another one, or not attached to a browser that too many leads used before it."""

    lead: LeadId
    why: Refusal | Literal["too_many_leads_at_a_browser"]


@dataclass(frozen=True, slots=True)
class _Placed:
    """An activity beside those of its names that belong to the lead it was placed with."""

    activity: Activity
    known: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class _Written:
    """A lead that was written, and those to be looked at again because of it; `owes` tells that it remembers them."""

    lead: LeadId
    again: frozenset[LeadId]
    owes: bool


class OutOfTime(Exception):
    """There was no time left for an activity in this run; it is taken up again by itself."""


class _Unsettled(Exception):
    """What activities say of who is who is not simply one more name for the lead."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch: whose the names in it are, what is placed with which lead, what failed, and whom to look at again."""

    has_time: Callable[[], bool]
    whose: dict[Identity, LeadId]
    claimed: set[Identity] = field(default_factory=set)
    groups: dict[LeadId, list[_Placed]] = field(default_factory=dict)
    at_browsers: dict[Identity, list[LeadId]] = field(default_factory=dict)
    failed: dict[ActivityKey, NotApplied] = field(default_factory=dict)
    again: dict[LeadId, list[Activity]] = field(default_factory=dict)
    looked_at: set[LeadId] = field(default_factory=set)
    owing: dict[LeadId, list[Activity]] = field(default_factory=dict)

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

    def waits_with_new_names(self, lead: LeadId) -> bool:
        """Whether something that waits for a lead has names that were claimed for it and are not written yet."""
        return any(not self.claimed.isdisjoint(placed.known) for placed in self.groups.get(lead, ()))

    def look_again(self, written: _Written, activities: Sequence[Activity]) -> None:
        """Remember whom to look at again because of what was written for some activities."""
        for lead in written.again:
            self.again.setdefault(lead, []).extend(activities)
        if written.owes:
            self.owing.setdefault(written.lead, []).extend(activities)


def _tell_nobody(refused: LinkRefused) -> None:
    """Where nobody asked for it."""


class Score:
    """Applies activities to leads. Applying one again, or in another order or batch, changes nothing.

    `report` is told of links that are refused, once for each unless a run is interrupted.
    """

    def __init__(
        self,
        activities: Activities,
        leads: Leads,
        rulebook: Rulebook,
        clock: Clock,
        new_lead_id: Callable[[], LeadId],
        *,
        noise: Callable[[], Noise] = no_noise,
        report: Callable[[LinkRefused], None] = _tell_nobody,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._clock = clock
        self._new_lead_id = new_lead_id
        self._noise = noise
        self._report = report

    def apply(self, batch: Sequence[Activity], has_time: Callable[[], bool] = lambda: True) -> list[NotApplied]:
        """Apply a batch, one write for each lead; the answer is what failed, and no failure touches another lead.

        What there was no time for has failed too: one activity, or a crowd at one browser, holds up no other.
        """
        whose = self._leads.whose({identity for activity in batch for identity in linked_identities(activity)})
        run = _Run(has_time, whose)
        for activity in batch:
            run.do(partial(self._place, run, activity), [activity])
        while run.groups:
            lead = next(iter(run.groups))
            self._update_all({lead: run.groups.pop(lead)}, run)
        self._look_again(run)
        return list(run.failed.values())

    def touch(self, lead: LeadId, *, rebuild: bool = False) -> None:
        """Look at a lead again: under the active rules, at this moment. Asked for by the sweep and by a publish.

        With `rebuild` its state is made anew from the log, because it changed what of it counts.
        """
        written = self._update(lead, (), touched=not rebuild, rebuild=rebuild)
        for other in sorted(written.again):
            self._rebuild(other)
        if written.owes:
            self._acquit(written.lead, written.again)

    def _place(self, run: _Run, activity: Activity) -> None:
        """Put an activity to the lead that it concerns, or to all that share its browser."""
        known = linked_identities(activity)
        if not known:
            for lead in self._leads_at(activity.anonymous_id, run) if activity.anonymous_id else ():
                run.groups.setdefault(lead, []).append(_Placed(activity, ()))
            return
        self._claim(run, known)
        leads = {run.whose[identity] for identity in known}
        if len(leads) > 1 or ties_of([activity]).verdicts:
            # What waits for these leads with a new name goes first, so that they know their names.
            self._update_all({lead: run.groups.pop(lead) for lead in leads if run.waits_with_new_names(lead)}, run)
            self._settle(run, activity)
        self._put(run.groups, run, activity)

    @staticmethod
    def _put(groups: dict[LeadId, list[_Placed]], run: _Run, activity: Activity) -> None:
        """Put an activity to the lead of its strongest identity, under whose name the log keeps it."""
        known, lead = linked_identities(activity), run.whose[activity.identity]
        names = tuple(identity for identity in known if run.whose[identity] == lead)
        groups.setdefault(lead, []).append(_Placed(activity, names))

    def _claim(self, run: _Run, known: Collection[Identity]) -> None:
        """Give each name that nobody has to the lead of a name beside it, or to a new one."""
        for identity in known:
            if identity not in run.whose:
                beside = next((run.whose[other] for other in known if other in run.whose), None)
                run.whose[identity] = self._leads.claim(identity, beside or self._new_lead_id())
                run.claimed.add(identity)

    def _update_all(self, groups: Mapping[LeadId, Sequence[_Placed]], run: _Run) -> None:
        for lead, group in groups.items():
            if group:
                run.do(partial(self._update_for, run, lead, group), [placed.activity for placed in group])

    def _update_for(self, run: _Run, lead: LeadId, group: Sequence[_Placed]) -> None:
        activities = [placed.activity for placed in group]
        try:
            run.look_again(self._update(lead, group, run.claimed), activities)
            run.claimed.difference_update(*(placed.known for placed in group))
        except _Unsettled:
            for activity in activities:
                if len(linked_identities(activity)) > 1:
                    self._settle(run, activity)
            groups = {lead: [placed for placed in group if not placed.known]}
            for placed in group:
                if placed.known:
                    self._put(groups, run, placed.activity)
            for its, some in groups.items():
                run.look_again(self._update(its, some), activities)

    def _look_again(self, run: _Run) -> None:
        """Rebuild each lead that is to be looked at because of one of the batch, once."""
        for lead, activities in sorted(run.again.items()):
            run.do(partial(self._rebuild_in, run, lead), activities)
        for lead, activities in sorted(run.owing.items()):
            run.do(partial(self._acquit, lead, run.looked_at), activities)

    def _rebuild_in(self, run: _Run, lead: LeadId) -> None:
        self._rebuild(lead)
        run.looked_at.add(lead)

    def _rebuild(self, lead: LeadId) -> None:
        self._update(lead, (), rebuild=True)

    def _leads_at(self, browser: Identity, run: _Run) -> list[LeadId]:
        """The leads attached to a browser, asked for once in a run: all of the run was in the log before it began."""
        if browser not in run.at_browsers:
            run.at_browsers[browser] = leads_at(self._leads, self._leads.attached(browser))
        return run.at_browsers[browser]

    def _update(
        self,
        lead: LeadId,
        group: Sequence[_Placed],
        claimed: Collection[Identity] = (),
        *,
        touched: bool = False,
        rebuild: bool = False,
    ) -> _Written:
        """Write a lead; the answer tells who must be looked at again, because they share a browser with it.

        Raises:
            _Unsettled: an activity says something of its names that may join or part leads.
        """
        for _ in range(_ATTEMPTS):
            active = self._rulebook.active()
            record = self._live(lead)
            if record.version == 0 and not group:
                # It was erased, or has only a name yet: a look makes no lead of it.
                return _Written(lead, frozenset(), owes=False)
            if record.rules_version > active.number:
                active = self._rulebook.refresh()
            # What was claimed for a lead that nobody has written since can only have left it by a write.
            self._check_names(record, group, claimed if record.version == 0 else ())
            after, sharing = self._after(_with_names(record, group), group, active, rebuild=rebuild)
            new = self._booked(record, after, active, touched=touched, did=bool(group))
            try:
                if new != record:
                    self._leads.save(new)
            except Conflict:
                self._rulebook.refresh()
                claimed = ()
                continue
            return _Written(record.lead, (sharing | new.owed) - {record.lead}, owes=bool(new.owed))
        msg = f"lead {lead} was written by others {_ATTEMPTS} times in a row"
        raise Conflict(msg)

    def _check_names(self, record: LeadRecord, group: Sequence[_Placed], claimed: Collection[Identity]) -> None:
        """Make sure that names which the record lacks are its own: they may have left it while nobody looked."""
        for name in {name for placed in group for name in placed.known} - record.identities:
            if name not in claimed and self._owner(name, record.lead) != record.lead:
                msg = f"an identity has left lead {record.lead}"
                raise Conflict(msg)

    def _owner(self, identity: Identity, lead: LeadId) -> LeadId:
        """Whose an identity is for certain; the lead's, if it was nobody's."""
        owner = self._leads.claim(identity, lead)
        if owner == lead:
            return lead
        live = self._live(owner).lead
        # Given to a lead by somebody who did not know yet that it went into another one.
        return live if live == owner else self._leads.claim(identity, live, instead_of=owner)

    def _after(
        self, record: LeadRecord, group: Sequence[_Placed], active: ActiveRules, *, rebuild: bool
    ) -> tuple[LeadRecord, frozenset[LeadId]]:
        """The record with the group in it, and the leads that must be looked at again because they share a browser."""
        unsettled = {
            browser
            for placed in group
            if (browser := placed.activity.anonymous_id) and not _is_settled(record, browser, placed.activity)
        }
        stale = record.version > 0 and record.rules_version != active.number
        activities = [each.activity for each in group if _is_of(record, each)]
        muted = record.muted or any(each.type in (NOISE_MARKED, NOISE_UNMARKED) for each in activities)
        if not (rebuild or unsettled or stale or muted):
            state = active.rules.absorb(record.state, self._noise().marked(activities))
            return replace(record, state=state, rules_version=active.number), frozenset()
        history = self._gather(record.lead, record.identities)
        for _ in history.kiosks & unsettled:
            self._report(LinkRefused(record.lead, "too_many_leads_at_a_browser"))
        after = self._made(record, active, history)
        entered = _entered(record, after, group)
        sharing = frozenset(lead for browser in unsettled | entered for lead in history.sharing.get(browser, ()))
        sharing = sharing.union(*(self._displaced(record, browser) for browser in entered))
        return replace(after, owed=after.owed | self._at_dropped(record, after)), sharing

    def _displaced(self, record: LeadRecord, browser: Identity) -> frozenset[LeadId]:
        """Who may have lost a place at a browser to a lead that named it first now, or earlier than was known."""
        attached = self._leads.attached(browser)
        if not is_crowded(attached) or record.lead not in leads_at(self._leads, attached):
            return frozenset()
        return frozenset(leads_at(self._leads, attached, and_next=True)) - {record.lead}

    def _at_dropped(self, *records: LeadRecord) -> frozenset[LeadId]:
        """Leave the browsers that count for the last of these records no more; the leads at them, who have its place.

        Left before it is written: whoever is interrupted comes by here again.
        """
        after = records[-1]
        dropped = {name for record in records for name in record.browsers} - after.browsers.keys()
        return frozenset(
            lead
            for name in sorted(dropped)
            for lead in leads_at(
                self._leads, self._leads.detach(Identity(IdentityKind.ANONYMOUS_ID, name), after.identities)
            )
        ) - {record.lead for record in records}

    def _booked(
        self, before: LeadRecord, after: LeadRecord, active: ActiveRules, *, touched: bool, did: bool = False
    ) -> LeadRecord:
        """The record with its next moment booked and marked for `evaluate`; unchanged when nothing changed."""
        now = self._clock.now()
        overdue = before.due is not None and before.due <= now
        first = did and before.mark == 0
        if after == before and not (touched or overdue or first):
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
        if before.mark == 0 or before.rules_version != after.rules_version:
            return True
        # An entry is whatever a rule, a stage condition or a fact was found in; all else can only change the score.
        return (
            before.state.entries != after.state.entries
            or before.absorbed != after.absorbed
            or active.rules.score(before.state, now) != active.rules.score(after.state, now)
        )

    def _acquit(self, lead: LeadId, looked_at: Collection[LeadId]) -> None:
        """A lead's write has had all its consequences for the leads that were looked at."""
        for _ in range(_ATTEMPTS):
            record = self._live(lead)
            left = record.owed.difference(looked_at)
            try:
                if left != record.owed:
                    self._leads.save(replace(record, owed=left, look=False))
            except Conflict:
                continue
            return
        msg = f"lead {lead} was written by others {_ATTEMPTS} times in a row"
        raise Conflict(msg)

    def _live(self, lead: LeadId) -> LeadRecord:
        """The record of a lead, or of the one into which it went; a fresh one for a lead that only has a name yet."""
        return live_record(self._leads, lead) or LeadRecord(lead, frozenset(), ScoreState.empty())

    def _made(self, record: LeadRecord, active: ActiveRules, history: History) -> LeadRecord:
        """The record with its state made anew from its history."""
        state = active.rules.absorb(ScoreState.empty(), self._noise().marked(history.activities))
        return replace(
            record,
            state=state,
            rules_version=active.number,
            browsers=history.browsers,
            muted=is_marked_by_people(history.activities),
        )

    def _gather(
        self, lead: LeadId, identities: Collection[Identity], parting: Mapping[LeadId, Group] = NOBODY
    ) -> History:
        """The whole history. A browser is attached before what it did alone is read, so that nothing falls between."""
        history = gather(self._activities, self._leads, lead, identities, parting)
        if not history.unattached:
            return history
        for browser, first in history.unattached.items():
            self._leads.attach(browser, first.known, first.occurred_at)
        return gather(self._activities, self._leads, lead, identities, parting)

    # --- who is who ---------------------------------------------------------------------------------------------------

    def _settle(self, run: _Run, activity: Activity) -> None:
        """Make the leads be those that follow from all that was said, with what an activity says of its names.

        One lead is parted, or two are joined, at a time; every step leaves whole leads, and coming again goes on.
        """
        said, named = ties_of([activity]), frozenset(linked_identities(activity))
        concerned = {run.whose[identity] for identity in named}
        before = set(concerned)
        unheard: set[Group] | None = None
        conflicts = 0
        while conflicts < _ATTEMPTS:
            table = self._table(concerned, named, said)
            concerned.update(table.records)
            if unheard is None:
                heard = {link.pair for record in table.records.values() for link in record.ties.links}
                unheard = {link.pair for link in said.links} - heard
            try:
                if self._settle_one(run, activity, table, concerned):
                    continue
                self._remember(table)
            except Conflict:
                self._rulebook.refresh()
                conflicts += 1
                continue
            for record in table.records.values():
                # What an interrupted run still owes is done with this one.
                run.look_again(_Written(record.lead, record.owed, owes=bool(record.owed)), [activity])
            run.whose.update({each: lead for lead, its in table.now.items() for each in its})
            run.at_browsers.clear()
            self._report_refused(table, unheard)
            waiting = [each for lead in (before | concerned) for each in run.groups.pop(lead, ())]
            for each in waiting:
                if each.known:
                    self._put(run.groups, run, each.activity)
                else:
                    for lead in self._leads_at(each.activity.identity, run):
                        run.groups.setdefault(lead, []).append(each)
            return
        msg = f"leads {', '.join(sorted(concerned))} could not be settled: others keep writing them"
        raise Conflict(msg)

    def _table(self, concerned: Collection[LeadId], named: Group, said: Ties) -> _Table:
        """The leads concerned, and further ones as far as what is decided here may touch them."""
        records = {record.lead: record for record in map(self._live, concerned)}
        now = {lead: record.identities for lead, record in records.items()}
        for name in named.difference(*now.values()):
            lead = self._owner(name, min(records))
            if lead not in records:
                records[lead] = self._live(lead)
                now[lead] = records[lead].identities
            now[lead] |= {name}
        ties = _united(said, records.values())
        table = _Table.of(records, now, ties)
        if table.only_joins and not any(record.torn for record in records.values()):
            return table
        # Somebody leaves a lead: then there may be room for those to whom it was refused.
        ties = self._held_together(ties, now)
        while len(records) < _MOST_LEADS_SETTLED:
            here = frozenset[Identity]().union(*now.values())
            far = sorted({each for link in ties.links for each in link.pair - here}, key=lambda each: each.key)
            found = [self._live(lead) for lead in sorted(set(self._leads.whose(far).values()) - records.keys())]
            new = {record.lead: record for record in found if record.lead not in records}
            if not new:
                break
            for lead, record in list(new.items())[: _MOST_LEADS_SETTLED - len(records)]:
                records[lead], now[lead] = record, record.identities
                ties = self._held_together(ties | record.ties, {lead: record.identities})
        return _Table.of(records, now, ties)

    def _held_together(self, ties: Ties, leads: Mapping[LeadId, Group]) -> Ties:
        """With the links that the log still has of leads of which too little is remembered to say why they are one."""
        for its in leads.values():
            if people(ties.among(its), its).groups != {its}:
                ties |= ties_of(log_of(self._activities, its))
        return ties

    def _settle_one(self, run: _Run, activity: Activity, table: _Table, concerned: set[LeadId]) -> bool:
        """Take one step towards the leads that should be; False when they are there."""
        for lead, its in sorted(table.now.items()):
            parts = [its & group for group in table.wanted if its & group]
            if len(parts) > 1:
                for each in self._part(table.records[lead], its, parts, table.ties):
                    run.look_again(_Written(each.lead, each.owed, owes=bool(each.owed)), [activity])
                    concerned.add(each.lead)
                return True
        for group in sorted(table.wanted, key=_name):
            several = sorted(lead for lead, its in table.now.items() if its & group)
            if len(several) > 1:
                joined = self._join(table, *(table.records[lead] for lead in several[:2]))
                run.look_again(_Written(joined.lead, joined.owed, owes=bool(joined.owed)), [activity])
                return True
        return False

    def _remember(self, table: _Table) -> None:
        """Write down with each lead what was said of it."""
        for lead, record in sorted(table.records.items()):
            identities = table.now[lead]
            ties = table.ties.of(identities)
            if (identities, ties, record.torn) == (record.identities, record.ties, False):
                continue
            number = record.rules_version if record.version else self._rulebook.active().number
            self._leads.save(
                replace(record, identities=identities, ties=ties, torn=False, rules_version=number, look=False)
            )

    def _report_refused(self, table: _Table, unheard: Collection[Group]) -> None:
        """Tell of each link that was refused the first time that it was said."""
        for refused in people(table.ties.among(frozenset().union(*table.now.values()))).refused:
            if refused.link.pair in unheard:
                lead = next(lead for lead, its in table.now.items() if refused.link.one in its)
                self._report(LinkRefused(lead, refused.why))

    def _join(self, table: _Table, one: LeadRecord, two: LeadRecord) -> LeadRecord:
        """Make one lead of two; the one with the lesser id survives."""
        active = self._rulebook.active()
        if max(one.rules_version, two.rules_version) > active.number:
            active = self._rulebook.refresh()
        identities = table.now[one.lead] | table.now[two.lead]
        before = replace(one, identities=identities, ties=table.ties.of(identities), torn=one.torn or two.torn)
        history = self._gather(one.lead, identities)
        merged = self._made(before, active, history)
        merged = replace(
            merged,
            absorbed=(*one.absorbed, two.lead, *two.absorbed),
            owed=(one.owed | two.owed).union(*history.sharing.values(), self._at_dropped(one, two, merged))
            - {one.lead, two.lead},
        )
        redirect = replace(
            two,
            identities=table.now[two.lead],
            state=ScoreState.empty(),
            rules_version=active.number,
            browsers={},
            ties=NO_TIES,
            owed=frozenset(),
            torn=False,
            muted=False,
            merged_into=one.lead,
            look=True,
            due=None,
            stored_months={},
        )
        self._leads.join(self._booked(one, merged, active, touched=True), redirect)
        return merged

    def _part(
        self, record: LeadRecord, identities: Group, parts: Sequence[Group], ties: Ties
    ) -> tuple[LeadRecord, LeadRecord]:
        """Let one part of a lead go: back to the lead that it was before it was joined, or to a new one."""
        active = self._rulebook.active()
        if record.rules_version > active.number:
            active = self._rulebook.refresh()
        gone, leaving = self._leaving(record, identities, parts)
        staying = identities - leaving
        if leaving.isdisjoint(record.identities):
            # They only claimed to be the lead's, and nothing of theirs is in it.
            remaining = replace(record, ties=ties.of(staying), look=False)
            parted = replace(
                gone,
                identities=leaving,
                ties=ties.of(leaving),
                merged_into=None,
                rules_version=active.number,
                look=False,
            )
            self._leads.part(remaining, parted)
            return remaining, parted
        sharing = frozenset(
            lead
            for name in record.browsers
            for lead in leads_at(self._leads, self._leads.attached(Identity(IdentityKind.ANONYMOUS_ID, name)))
        )
        its = self._gather(gone.lead, leaving, {record.lead: staying})
        parted = self._made(
            replace(gone, identities=leaving, ties=ties.of(leaving), torn=True, merged_into=None), active, its
        )
        rest = self._gather(record.lead, staying, {gone.lead: leaving})
        remaining = self._made(replace(record, identities=staying, ties=ties.of(staying), torn=True), active, rest)
        sharing = sharing.union(*its.sharing.values(), *rest.sharing.values()) - {record.lead}
        remaining = replace(
            remaining,
            absorbed=tuple(lead for lead in record.absorbed if lead not in (gone.lead, *gone.absorbed)),
            owed=record.owed | sharing | self._at_dropped(record, remaining) | {gone.lead},
        )
        parted = replace(parted, owed=gone.owed | {record.lead})
        if its.activities or gone.mark:
            parted = self._booked(gone, parted, active, touched=True)
        self._leads.part(self._booked(record, remaining, active, touched=True), parted)
        return remaining, parted

    def _leaving(self, record: LeadRecord, identities: Group, parts: Sequence[Group]) -> tuple[LeadRecord, Group]:
        """Which part goes, and the record of the lead that it was before, or of a new one."""
        absorbed = [each for lead in record.absorbed if (each := self._leads.load(lead)) and each.merged_into]
        own = identities.difference(*(each.identities for each in absorbed))
        _, *others = sorted(parts, key=lambda part: (-len(part & own), _name(part)))
        before = [each for each in absorbed if each.identities & others[0]]
        if not before:
            return LeadRecord(self._new_lead_id(), frozenset(), ScoreState.empty()), others[0]
        return min(before, key=lambda each: (-len(each.identities & others[0]), each.lead)), others[0]


@dataclass(frozen=True, slots=True)
class _Table:
    """Some leads, the identities of each as they are now, what was said of them, and the leads that should be."""

    records: dict[LeadId, LeadRecord]
    now: dict[LeadId, Group]
    ties: Ties
    wanted: frozenset[Group]

    @classmethod
    def of(cls, records: dict[LeadId, LeadRecord], now: dict[LeadId, Group], ties: Ties) -> _Table:
        here = frozenset[Identity]().union(*now.values())
        return cls(records, now, ties, people(ties.among(here), here).groups)

    @property
    def only_joins(self) -> bool:
        """Whether no lead loses anybody: then nothing else changes either, as a lead that grows refuses the same."""
        return all(any(each.identities <= group for group in self.wanted) for each in self.records.values())


def _united(said: Ties, records: Iterable[LeadRecord]) -> Ties:
    for record in records:
        said |= record.ties
    return said


def _name(group: Group) -> str:
    return min(identity.key for identity in group)


def _with_names(record: LeadRecord, group: Sequence[_Placed]) -> LeadRecord:
    """The record with the names of a group, and what is said of them.

    Raises:
        _Unsettled: they may not all be one lead.
    """
    identities = record.identities.union(*(placed.known for placed in group))
    ties = record.ties | ties_of(placed.activity for placed in group).among(identities)
    if (identities, ties) == (record.identities, record.ties):
        return record
    if people(ties.among(identities), identities).refused:
        raise _Unsettled
    return replace(record, identities=identities, ties=ties)


def _entered(before: LeadRecord, after: LeadRecord, group: Sequence[_Placed]) -> set[Identity]:
    """The browsers that count for a lead since another moment than before, or since one of these very activities.

    So whoever is interrupted after a lead was attached, or after it was written, comes by here again.
    """
    changed = {name for name, link in after.browsers.items() if before.browsers.get(name) != link}
    first = {
        browser.value
        for placed in group
        if (browser := placed.activity.anonymous_id) and placed.known
        if (link := after.browsers.get(browser.value)) and placed.activity.occurred_at <= link.since
    }
    return {Identity(IdentityKind.ANONYMOUS_ID, name) for name in changed | first}


def _is_settled(record: LeadRecord, browser: Identity, activity: Activity) -> bool:
    """Whether a browser is the lead's alone, so that an activity in it joins the set without anything being read."""
    link = record.browsers.get(browser.value)
    if link is not None:
        # Named earlier than was known, it may turn out to be among those that count, at a kiosk or for this lead.
        return not link.shared and not (activity.known_identities and activity.occurred_at <= link.since)
    # One more than a lead may have changes nothing, unless it was named before one of those that it has.
    return comes_too_late(activity.occurred_at, [each.since for each in record.browsers.values()])


def _is_of(record: LeadRecord, placed: _Placed) -> bool:
    """Whether an activity counts for the lead: done in its name, or alone by a browser that counts for it."""
    browser = placed.activity.anonymous_id
    return bool(placed.known) or (browser is not None and browser.value in record.browsers)
