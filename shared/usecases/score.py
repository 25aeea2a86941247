"""Scoring: each activity finds its lead and joins the set of what that lead did; the score follows from the set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from shared.domain.activity import Activity, Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import Group, linked_identities, ties_of
from shared.domain.noise import Noise
from shared.ports.activities import Activities, ActivityKey
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.leads import Leads
from shared.usecases.history import leads_at
from shared.usecases.lead_writer import ATTEMPTS, LeadWriter, LinkRefused, Placed, Unsettled, Written
from shared.usecases.noise import no_noise
from shared.usecases.rulebook import Rulebook
from shared.usecases.settling import Settling


@dataclass(frozen=True, slots=True)
class NotApplied:
    """An activity that could not be applied now, and why. It is in the log, so nothing is lost."""

    activity: Activity
    error: Exception


class OutOfTime(Exception):
    """There was no time left for an activity in this run; it is taken up again by itself."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch: whose the names in it are, what is placed with which lead, what failed, and whom to look at again."""

    has_time: Callable[[], bool]
    whose: dict[Identity, LeadId]
    claimed: set[Identity] = field(default_factory=set)
    groups: dict[LeadId, list[Placed]] = field(default_factory=dict)
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

    def waits_with_names(self, lead: LeadId) -> bool:
        """Whether something that waits for a lead has names that were claimed for it, or says that names are one."""
        return any(
            not self.claimed.isdisjoint(placed.known) or len(linked_identities(placed.activity)) > 1
            for placed in self.groups[lead]
        )

    def look_again(self, written: Written, activities: Sequence[Activity]) -> None:
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
        self._leads = leads
        self._rulebook = rulebook
        self._new_lead_id = new_lead_id
        self._writer = LeadWriter(activities, leads, rulebook, clock, noise=noise, report=report)
        self._settling = Settling(activities, leads, rulebook, self._writer, new_lead_id=new_lead_id, report=report)

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
        written = self._writer.update(lead, (), touched=not rebuild, rebuild=rebuild)
        for other in sorted(written.again):
            self._writer.rebuild(other)
        if written.owes:
            self._writer.acquit(written.lead, written.again)

    def repair(self, lead: LeadId) -> None:
        """Make a lead anew from the log, whatever is stored of it. Repairing it again changes nothing.

        The lead remembers then all that was said of who it is, and what of it was never acted on is so now.
        """
        written = self._writer.repair(lead)
        for other in sorted(written.again):
            self._writer.rebuild(other)
        if written.owes:
            self._writer.acquit(written.lead, written.again)
        for failed in self.apply(self._writer.said_by(written.lead)):
            raise failed.error

    def _place(self, run: _Run, activity: Activity) -> None:
        """Put an activity to the lead that it concerns, or to all that share its browser."""
        known = linked_identities(activity)
        if not known:
            for lead in self._leads_at(activity.anonymous_id, run) if activity.anonymous_id else ():
                run.groups.setdefault(lead, []).append(Placed(activity, ()))
            return
        self._claim(run, known)
        leads = {run.whose[identity] for identity in known}
        if len(leads) > 1 or ties_of([activity]).verdicts:
            self._settle(run, activity)
        self._put(run.groups, run, activity)

    @staticmethod
    def _put(groups: dict[LeadId, list[Placed]], run: _Run, activity: Activity) -> None:
        """Put an activity to the lead of its strongest identity, under whose name the log keeps it."""
        known, lead = linked_identities(activity), run.whose[activity.identity]
        names = tuple(identity for identity in known if run.whose[identity] == lead)
        groups.setdefault(lead, []).append(Placed(activity, names))

    def _claim(self, run: _Run, known: Collection[Identity]) -> None:
        """Give each name that nobody has to the lead of a name beside it, or to a new one."""
        for identity in known:
            if identity not in run.whose:
                beside = next((run.whose[other] for other in known if other in run.whose), None)
                run.whose[identity] = self._leads.claim(identity, beside or self._new_lead_id())
                run.claimed.add(identity)

    def _update_all(self, groups: Mapping[LeadId, Sequence[Placed]], run: _Run) -> None:
        for lead, group in groups.items():
            if group:
                run.do(partial(self._update_for, run, lead, group), [placed.activity for placed in group])

    def _update_for(self, run: _Run, lead: LeadId, group: Sequence[Placed]) -> None:
        activities = [placed.activity for placed in group]
        try:
            run.look_again(self._writer.update(lead, group, run.claimed), activities)
            run.claimed.difference_update(*(placed.known for placed in group))
        except Unsettled:
            for activity in activities:
                if len(linked_identities(activity)) > 1:
                    self._settle(run, activity)
            groups = {lead: [placed for placed in group if not placed.known]}
            for placed in group:
                if placed.known:
                    self._put(groups, run, placed.activity)
            for its, some in groups.items():
                run.look_again(self._writer.update(its, some), activities)

    def _look_again(self, run: _Run) -> None:
        """Rebuild each lead that is to be looked at because of one of the batch, once."""
        for lead, activities in sorted(run.again.items()):
            run.do(partial(self._rebuild_in, run, lead), activities)
        for lead, activities in sorted(run.owing.items()):
            run.do(partial(self._writer.acquit, lead, run.looked_at), activities)

    def _rebuild_in(self, run: _Run, lead: LeadId) -> None:
        self._writer.rebuild(lead)
        run.looked_at.add(lead)

    def _leads_at(self, browser: Identity, run: _Run) -> list[LeadId]:
        """The leads attached to a browser, asked for once in a run: all of the run was in the log before it began."""
        if browser not in run.at_browsers:
            run.at_browsers[browser] = leads_at(self._leads, self._leads.attached(browser))
        return run.at_browsers[browser]

    # --- who is who ---------------------------------------------------------------------------------------------------

    def _hear_who_is_who(self, run: _Run) -> None:
        """Write what waits with names, so that the leads know theirs, and all that was said of who they are."""
        while lead := next(filter(run.waits_with_names, run.groups), None):
            self._update_all({lead: run.groups.pop(lead)}, run)

    def _settle(self, run: _Run, activity: Activity) -> None:
        """Make the leads be those that follow from all that was said, with what an activity says of its names.

        One lead is parted, or two are joined, at a time; every step leaves whole leads, and coming again goes on.
        """
        self._hear_who_is_who(run)
        said, named = ties_of([activity]), frozenset(linked_identities(activity))
        concerned = {run.whose[identity] for identity in named}
        before = set(concerned)
        unheard: set[Group] | None = None
        conflicts = 0
        while conflicts < ATTEMPTS:
            table = self._settling.table(concerned, named, said)
            concerned.update(table.records)
            if unheard is None:
                heard = {link.pair for record in table.records.values() for link in record.ties.links}
                unheard = {link.pair for link in said.links} - heard
            try:
                if written := self._settling.step(table):
                    for record in written:
                        run.look_again(Written.of(record), [activity])
                        concerned.add(record.lead)
                    continue
                self._settling.remember(table)
            except Conflict:
                self._rulebook.refresh()
                conflicts += 1
                continue
            for record in table.records.values():
                # What an interrupted run still owes is done with this one.
                run.look_again(Written.of(record), [activity])
            run.whose.update({each: lead for lead, its in table.now.items() for each in its})
            run.at_browsers.clear()
            self._settling.report_refused(table, unheard)
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
