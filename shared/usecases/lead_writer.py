"""One lead's record: made of what it did, and written over the version that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED, Activity, Identity, IdentityKind
from shared.domain.handoff import LeadId
from shared.domain.identity import (
    Group,
    Refusal,
    Ties,
    comes_too_late,
    is_crowded,
    linked_identities,
    one_with,
    people,
    ties_of,
)
from shared.domain.moments import Moment
from shared.domain.noise import Noise, is_marked_by_people
from shared.domain.state import ScoreState
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.errors import Conflict, Unreadable
from shared.ports.leads import DAMAGED, LeadRecord, Leads
from shared.usecases.history import NOBODY, History, gather, leads_at, log_of
from shared.usecases.redirect import live_record, where_it_went
from shared.usecases.renew import without_lost_links
from shared.usecases.rulebook import ActiveRules, Rulebook

ATTEMPTS = 10
"""So often somebody else may write the same lead in between."""


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """A lead was not joined to another one, or not attached to a browser that too many leads used before it."""

    lead: LeadId
    why: Refusal | Literal["too_many_leads_at_a_browser"]


@dataclass(frozen=True, slots=True)
class Placed:
    """An activity beside those of its names that belong to the lead it was placed with."""

    activity: Activity
    known: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A lead that was written, and those to be looked at again because of it; `owes` tells that it remembers them."""

    lead: LeadId
    again: frozenset[LeadId]
    owes: bool

    @classmethod
    def of(cls, record: LeadRecord) -> Written:
        """A record that was written, with what it owes."""
        return cls(record.lead, record.owed, owes=bool(record.owed))


class Unsettled(Exception):
    """What activities say of who is who is not simply one more name for the lead."""


class LeadWriter:
    """Writes a lead's record, one lead at a time; `report` is told of links to browsers that are refused."""

    def __init__(
        self,
        activities: Activities,
        leads: Leads,
        rulebook: Rulebook,
        clock: Clock,
        *,
        noise: Callable[[], Noise],
        report: Callable[[LinkRefused], None],
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._clock = clock
        self._noise = noise
        self._report = report

    def live(self, lead: LeadId) -> LeadRecord:
        """The record of a lead, or of the one into which it went; a fresh one for a lead that only has a name yet."""
        return live_record(self._leads, lead) or LeadRecord(lead, frozenset(), ScoreState.empty())

    def owner(self, identity: Identity, lead: LeadId) -> LeadId:
        """Whose an identity is for certain; the lead's, if it was nobody's."""
        owner = self._leads.claim(identity, lead)
        if owner == lead:
            return lead
        live = self.live(owner).lead
        # Given to a lead by somebody who did not know yet that it went into another one.
        return live if live == owner else self._leads.claim(identity, live, instead_of=owner)

    def update(
        self,
        lead: LeadId,
        group: Sequence[Placed],
        claimed: Collection[Identity] = (),
        *,
        touched: bool = False,
        rebuild: bool = False,
    ) -> Written:
        """Write a lead; the answer tells who must be looked at again, because they share a browser with it.

        Raises:
            Unsettled: an activity says something of its names that may join or part leads.
        """
        for _ in range(ATTEMPTS):
            record = self.live(lead)
            if record.version == 0 and not group:
                # It was erased, or has only a name yet: a look makes no lead of it.
                return Written(lead, frozenset(), owes=False)
            active = self._rulebook.active(record.rules_version)
            # What was claimed for a lead that nobody has written since can only have left it by a write.
            self._check_names(record, group, claimed if record.version == 0 else ())
            after, sharing = self._after(_with_names(record, group), group, active, rebuild=rebuild)
            did = self._did(record, after, group, active)
            new = self.booked(record, after, active, touched=touched, did=did, first=bool(group))
            try:
                if new != record:
                    self._leads.save(new)
            except Conflict:
                self._rulebook.refresh()
                claimed = ()
                continue
            return Written(record.lead, (sharing | new.owed) - {record.lead}, owes=bool(new.owed))
        msg = f"lead {lead} was written by others {ATTEMPTS} times in a row"
        raise Conflict(msg)

    def repair(self, lead: LeadId) -> Written:
        """Make a lead anew from the log whatever is stored of it, and book its next moment.

        The identities that are given to it are its own, whether or not it lists them. Those that it lists and that are
        nobody's, or a lead's that does not know them, are given back to it; what another lead has and knows is that
        lead's. Nobody's names come back too that are one with it by what was said. A rules version that was never
        published gives way to the active one. A redirect that leads to nobody is taken back; of one that cannot be read
        what it tells beside where it leads is let go. Of whom the log knows nothing no lead is made.

        Raises:
            Conflict: others write the lead again and again.
        """
        for _ in range(ATTEMPTS):
            # Looked for first: where somebody writes in between, what is read next is no longer what was found.
            found = self._leads.salvage(lead)
            record = self._stored(found) if found else None
            if found is None or record is None or (record is not found and self._is_redirected(record)):
                return Written(lead, frozenset(), owes=False)
            # Read after the record: a version above it was never published.
            active = self._rulebook.refresh()
            if self._is_redirected(record):
                try:
                    self._leads.save(replace(record, rules_version=active.number, due=None, look=False))
                except Conflict:
                    continue
                return Written(lead, frozenset(), owes=False)
            own = frozenset(filter(partial(self._regained, lead), record.identities | found.identities))
            said = record.ties | self._said_of(own)
            # What the log says no more of others may be of somebody who was erased.
            told = without_lost_links(self._activities, said, own)
            own |= {each for each in one_with(own, told) if self._leads.claim(each, lead) == lead}
            before = replace(record, identities=own, merged_into=None, ties=said.of(own))
            history = self.gather(lead, before.identities)
            if not own or (record.merged_into and not history.activities):
                return Written(lead, frozenset(), owes=False)
            after = self.made(before, active, history)
            owed = after.owed | self.at_dropped(record, after)
            if after.browsers != record.browsers:
                owed = owed.union(*history.sharing.values())
            after = replace(after, owed=owed)
            new = self.booked(before, after, active, touched=True, did=self._did(record, after, (), active))
            try:
                if record.rules_version > active.number:
                    self._leads.overrule(new, record.rules_version)
                else:
                    self._leads.save(new)
            except Conflict:
                continue
            return Written.of(new)
        msg = f"lead {lead} was written by others {ATTEMPTS} times in a row"
        raise Conflict(msg)

    def _stored(self, found: LeadRecord) -> LeadRecord | None:
        """The record of a lead as far as it can be read; None when it has gone since it was found."""
        try:
            record = self._leads.load(found.lead)
        except Unreadable:
            return found
        if record is not None and record.rules_version == DAMAGED:
            # What is told of its rules may be damaged too.
            return replace(record, read_as=found.read_as)
        return record

    def _is_redirected(self, record: LeadRecord) -> bool:
        """Whether a record leads to another lead that lives, as far as can be read."""
        try:
            return record.merged_into is not None and where_it_went(self._leads, record) is not None
        except Unreadable:
            return True

    def _regained(self, lead: LeadId, identity: Identity) -> bool:
        """Whether an identity is a lead's, which it is unless another one knows it as its own."""
        owner = self._leads.claim(identity, lead)
        if owner == lead:
            return True
        try:
            other = self._leads.load(owner)
        except Unreadable:
            other = self._leads.salvage(owner)
        if other is not None and not other.merged_into and identity in other.identities:
            return False
        return self._leads.claim(identity, lead, instead_of=owner) == lead

    def said_by(self, lead: LeadId) -> list[Activity]:
        """What in the log of a lead says who is who of identities that all are somebody's."""
        record = self._leads.load(lead)
        said = [each for each in log_of(self._activities, record.identities if record else ()) if ties_of([each])]
        owned = self._leads.whose({name for each in said for name in linked_identities(each)})
        return [each for each in said if owned.keys() >= set(linked_identities(each))]

    def _said_of(self, identities: Group) -> Ties:
        return ties_of(log_of(self._activities, identities))

    def rebuild(self, lead: LeadId) -> None:
        """Make a lead's state anew from the log, and write it if it is another one.

        One that cannot be read is left: its repair makes it anew from the log.
        """
        with suppress(Unreadable):
            self.update(lead, (), rebuild=True)

    def acquit(self, lead: LeadId, looked_at: Collection[LeadId]) -> None:
        """A lead's write has had all its consequences for the leads that were looked at.

        Raises:
            Conflict: others write the lead again and again.
        """
        for _ in range(ATTEMPTS):
            record = self.live(lead)
            left = record.owed.difference(looked_at)
            try:
                if left != record.owed:
                    self._leads.save(replace(record, owed=left, look=False))
            except Conflict:
                continue
            return
        msg = f"lead {lead} was written by others {ATTEMPTS} times in a row"
        raise Conflict(msg)

    def gather(
        self, lead: LeadId, identities: Collection[Identity], parting: Mapping[LeadId, Group] = NOBODY
    ) -> History:
        """The whole history. A browser is attached before what it did alone is read, so that nothing falls between."""
        noise = self._noise()
        history = gather(self._activities, self._leads, lead, identities, parting, noise=noise)
        if not history.unattached:
            return history
        for browser, first in history.unattached.items():
            self._leads.attach(browser, first.known, first.occurred_at)
        return gather(self._activities, self._leads, lead, identities, parting, noise=noise)

    def made(self, record: LeadRecord, active: ActiveRules, history: History) -> LeadRecord:
        """The record with its state made anew from its history."""
        state = active.rules.absorb(ScoreState.empty(), self._noise().marked(history.activities))
        return replace(
            record,
            state=state,
            rules_version=active.number,
            browsers=history.browsers,
            muted=is_marked_by_people(history.activities),
        )

    def foresee(self, record: LeadRecord, active: ActiveRules, history: History) -> LeadRecord:
        """What a touch would make of a lead's record under some rules, but for its next moment; writes nothing."""
        after, mark = self.made(record, active, history), record.mark + 1
        did = mark if self._did(record, after, (), active) else record.did
        return replace(after, look=True, mark=mark, did=did)

    def booked(
        self,
        before: LeadRecord,
        after: LeadRecord,
        active: ActiveRules,
        *,
        touched: bool,
        did: bool = True,
        first: bool = False,
    ) -> LeadRecord:
        """The record with its next moment booked and marked for `evaluate`; unchanged when nothing changed.

        `did` tells that more happened to the lead than that rules changed or time went by.
        """
        now = self._clock.now()
        overdue = before.due is not None and before.due <= now
        first = first and before.mark == 0
        if after == before and not (touched or overdue or first):
            return before
        change = active.rules.next_change(after.state, now)
        due = change.at if change else None
        if before.due is not None and not touched:
            # Written only when it moves earlier: a visit that finds nothing due books the later moment.
            due = min(before.due, due) if due is not None else before.due
        look = touched or self._shows(before, after, active, now)
        mark = before.mark + look
        return replace(after, due=due, look=look, mark=mark, did=mark if look and did else before.did)

    def at_dropped(self, *records: LeadRecord) -> frozenset[LeadId]:
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

    def _check_names(self, record: LeadRecord, group: Sequence[Placed], claimed: Collection[Identity]) -> None:
        """Make sure that names which the record lacks are its own: they may have left it while nobody looked."""
        for name in {name for placed in group for name in placed.known} - record.identities:
            if name not in claimed and self.owner(name, record.lead) != record.lead:
                msg = f"an identity has left lead {record.lead}"
                raise Conflict(msg)

    def _after(
        self, record: LeadRecord, group: Sequence[Placed], active: ActiveRules, *, rebuild: bool
    ) -> tuple[LeadRecord, frozenset[LeadId]]:
        """The record with the group in it, and the leads that must be looked at again because they share a browser."""
        noise = self._noise()
        unsettled = {
            browser
            for placed in group
            if (browser := placed.activity.anonymous_id) and not _is_settled(record, browser, placed.activity)
            # Noise attaches nothing.
            if not placed.known or noise.attaching([placed.activity])
        }
        stale = record.version > 0 and record.rules_version != active.number
        activities = [each.activity for each in group if _is_of(record, each)]
        muted = record.muted or any(each.type in (NOISE_MARKED, NOISE_UNMARKED) for each in activities)
        if not (rebuild or unsettled or stale or muted):
            state = active.rules.absorb(record.state, noise.marked(activities))
            return replace(record, state=state, rules_version=active.number), frozenset()
        history = self.gather(record.lead, record.identities)
        for _ in history.kiosks & unsettled:
            self._report(LinkRefused(record.lead, "too_many_leads_at_a_browser"))
        after = self.made(record, active, history)
        entered = _entered(record, after, group)
        sharing = frozenset(lead for browser in unsettled | entered for lead in history.sharing.get(browser, ()))
        sharing = sharing.union(*(self._displaced(record, browser) for browser in entered))
        return replace(after, owed=after.owed | self.at_dropped(record, after)), sharing

    def _displaced(self, record: LeadRecord, browser: Identity) -> frozenset[LeadId]:
        """Who may have lost a place at a browser to a lead that named it first now, or earlier than was known."""
        attached = self._leads.attached(browser)
        if not is_crowded(attached) or record.lead not in leads_at(self._leads, attached):
            return frozenset()
        return frozenset(leads_at(self._leads, attached, and_next=True)) - {record.lead}

    def _did(self, before: LeadRecord, after: LeadRecord, group: Sequence[Placed], active: ActiveRules) -> bool:
        """Whether something that shows happened to a lead, other than that rules changed or time went by."""
        now = self._clock.now()
        if before.rules_version == after.rules_version:
            return self._shows(before, after, active, now)
        activities = [each.activity for each in group if _is_of(after, each)]
        new = active.rules.absorb(ScoreState.empty(), self._noise().marked(activities))
        known, state = before.state, after.state
        if new.entries.keys() - known.entries.keys():
            return True
        without = ScoreState(state.entries, state.seen - (new.seen - known.seen), known.last_own)
        return active.rules.score(without, now) != active.rules.score(state, now)

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


def _with_names(record: LeadRecord, group: Sequence[Placed]) -> LeadRecord:
    """The record with the names of a group, and what is said of them.

    Raises:
        Unsettled: they may not all be one lead.
    """
    identities = record.identities.union(*(placed.known for placed in group))
    ties = record.ties | ties_of(placed.activity for placed in group).among(identities)
    if (identities, ties) == (record.identities, record.ties):
        return record
    if people(ties.among(identities), identities).refused:
        raise Unsettled
    return replace(record, identities=identities, ties=ties)


def _entered(before: LeadRecord, after: LeadRecord, group: Sequence[Placed]) -> set[Identity]:
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


def _is_of(record: LeadRecord, placed: Placed) -> bool:
    """Whether an activity counts for the lead: done in its name, or alone by a browser that counts for it."""
    browser = placed.activity.anonymous_id
    return bool(placed.known) or (browser is not None and browser.value in record.browsers)
