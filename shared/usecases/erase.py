"""Erasing a person: everything that is held goes, and nothing but tombstones stays.

Asking for it writes the tombstones first, so that nothing older is taken in from then on. The work is then done in
passes, each of which may be interrupted and done again. A function that was under way during a pass may write something
after it: a stream's record that was delivered before, a lead that was loaded before, an activity taken in by a function
that did not know of the erasure for `LATEST_REMEMBERED_FOR`. So a further pass follows a minute later, and another one
after each that found something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from shared.domain.activity import IDENTITIES_MERGED, IDENTITIES_UNMERGED, Activity, Identity
from shared.domain.erasure import Erasure, came_back, erased_until, is_taken
from shared.domain.handoff import LeadId
from shared.domain.moments import MINUTE, SECOND, Moment
from shared.domain.people import Person
from shared.domain.refusals import Invalid
from shared.domain.state import ScoreState
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.erasures import Erasures
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord, Leads
from shared.ports.queue import DelayingQueue, Queue
from shared.ports.traces import Traces
from shared.usecases.history import gather, leads_at, log_of
from shared.usecases.redirect import find_live
from shared.usecases.sayings import request_digest

PAUSE = 1 * MINUTE
"""Between two passes: longer than a function remembers the latest erasure and than a call takes, together."""
_ATTEMPTS = 10
_RULINGS = frozenset({IDENTITIES_MERGED, IDENTITIES_UNMERGED})
_SHORTEST_NAME = 3
"""A fact shorter than that is no name that a reason could give away."""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Who asks for an erasure and why. The same `id` of the same person again is the same request."""

    id: str
    person: Person
    why: str


class AskForErasure:
    """Begins erasures; the function `erase` does the work."""

    def __init__(self, activities: Activities, leads: Leads, erasures: Erasures, work: Queue, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._erasures = erasures
        self._work = work
        self._clock = clock

    def ask(self, lead: LeadId, request: ErasureRequest) -> Erasure:
        """Begin to erase the person that a lead is, or that the lead is of which it is part now.

        Raises:
            NotFound: there is no such lead.
            Invalid: the reason, which is kept, names the person.
            Conflict: others begin erasures all the time; asking again is safe.
        """
        name = f"erasure-{request_digest(lead, request.person.id, request.id)}"
        erasure = self._erasures.get(name)
        if erasure is None:
            erasure = self._begun(name, find_live(self._leads, lead), request)
        if erasure.done_at is None:
            self._work.send([{"erasure": name}])
        return erasure

    def _begun(self, name: str, record: LeadRecord, request: ErasureRequest) -> Erasure:
        history = gather(self._activities, self._leads, record.lead, record.identities)
        _check_reason(request.why, record.identities, history.activities)
        # At a kiosk to which the person came late, nothing that was done without a name is theirs.
        browsers = frozenset(history.sharing) - history.kiosks
        shared = frozenset(each for each in browsers if not self._leads.attached(each).keys() <= record.identities)
        now = self._clock.now()
        erasure = Erasure(
            id=name,
            lead=record.lead,
            erased_at=erased_until(now, history.activities),
            asked_at=now,
            who=request.person.name,
            why=request.why,
            identities=record.identities,
            browsers=browsers - shared,
            shared=shared,
            leads=frozenset((record.lead, *record.absorbed)),
            neighbours=self._beside(record).union(*history.sharing.values()),
        )
        return begin(self._erasures, erasure)

    def _beside(self, record: LeadRecord) -> frozenset[LeadId]:
        """The leads of which it was said that they are, or are not, this one."""
        said = {each for link in record.ties.links for each in link.pair}
        said.update(*(verdict.identities for verdict in record.ties.verdicts))
        others = said - record.identities
        return frozenset(self._leads.whose(others).values()) - {record.lead} if others else frozenset()


class ErasePeople:
    """Does what was asked for, pass by pass. Doing it twice, or half and then again, is harmless."""

    def __init__(
        self,
        activities: Activities,
        leads: Leads,
        traces: Traces,
        erasures: Erasures,
        *,
        score: Queue,
        work: DelayingQueue,
        clock: Clock,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._traces = traces
        self._erasures = erasures
        self._score = score
        self._work = work
        self._clock = clock

    def go_on(self, erasure_id: str) -> Erasure | None:
        """Do the next pass of an erasure, or ask to be woken when it is time for it; None when there is no such one.

        Raises:
            Unavailable: a store or a queue cannot answer now; going on again is safe.
        """
        erasure = self._erasures.get(erasure_id)
        if erasure is None or erasure.done_at is not None:
            return erasure
        now = self._clock.now()
        if erasure.passed_at is not None and now < erasure.passed_at + PAUSE:
            self._wake(erasure, Moment(erasure.passed_at + PAUSE - now))
            return erasure
        if erasure.passes == 0:
            erasure = self._with_newcomers(erasure)
        try:
            erasure, parted = self._part_others(erasure)
            erasure, found = self._pass(erasure)
            found = found or parted
            now = self._clock.now()
            passed = replace(erasure, passes=erasure.passes + 1, passed_at=now)
            after = passed if found or erasure.passes == 0 else passed.done(now)
            self._erasures.save(after)
        except Conflict:
            # Another delivery of the same message did the same pass, or a browser was attached again and again.
            self._wake(erasure, Moment(PAUSE))
            return erasure
        if after.done_at is None:
            self._wake(after, Moment(PAUSE))
        return after

    def _wake(self, erasure: Erasure, later: Moment) -> None:
        self._work.send_later([{"erasure": erasure.id}], -(-later // SECOND))

    def _with_newcomers(self, erasure: Erasure) -> Erasure:
        """The erasure, with the names that the lead was given since it was asked for, without those of joined leads."""
        record = self._leads.load(erasure.lead)
        if record is None or record.merged_into:
            return erasure
        joined = (self._leads.load(each) for each in record.absorbed if each not in erasure.leads)
        names = record.identities.difference(*(each.identities for each in joined if each))
        if names <= erasure.identities:
            return erasure
        return begin(self._erasures, replace(erasure, identities=erasure.identities | names))

    def _part_others(self, erasure: Erasure) -> tuple[Erasure, bool]:
        """Part leads that were joined to the person's since it was asked for, whichever is the other.

        What they did is made anew from the log: each is the lead again that it was, with its own stages and handoffs.
        They are remembered before: whoever is interrupted finds them by their names no more. Answers whether any was.
        """
        # Of nobody but the person is what was made of what came late: it goes with this pass.
        joined = [each for each in self._joined_to(erasure) if not each.identities <= erasure.identities]
        persons = [record for lead in sorted(erasure.leads) if (record := self._leads.load(lead))]
        inside = {
            record.lead: [each for each in record.absorbed if each not in erasure.leads]
            for record in persons
            if not record.merged_into
        }
        others = frozenset(each.lead for each in joined).union(*inside.values())
        if not others <= erasure.neighbours:
            erasure = self._remembered(replace(erasure, neighbours=erasure.neighbours | others))
        parted = bool(joined)
        for other in joined:
            theirs = other.identities & erasure.identities
            gone = self._leads.load(erasure.lead)
            self._part(other, gone or LeadRecord(erasure.lead, theirs, ScoreState.empty()), theirs)
        for lead, went in inside.items():
            record = self._leads.load(lead)
            for each in went:
                gone = self._leads.load(each)
                leaving = record.identities & gone.identities - erasure.identities if record and gone else None
                if record and gone and leaving:
                    record = self._part(record, gone, leaving)
                    parted = True
        return erasure, parted

    def _joined_to(self, erasure: Erasure) -> list[LeadRecord]:
        """Other people's leads that have the person's names, although nothing newer than the erasure says so."""
        owners = set(self._leads.whose(erasure.identities).values()) - erasure.leads
        records = [record for lead in sorted(owners) if (record := self._leads.load(lead)) and not record.merged_into]
        return [
            record
            for record in records
            if record.identities & erasure.identities and not self._came_back(erasure, record)
        ]

    def _part(self, remaining: LeadRecord, parted: LeadRecord, leaving: frozenset[Identity]) -> LeadRecord:
        staying = remaining.identities - leaving
        gone = (parted.lead, *parted.absorbed)
        after = replace(
            remaining,
            identities=staying,
            ties=remaining.ties.of(staying),
            absorbed=tuple(each for each in remaining.absorbed if each not in gone),
            look=False,
        )
        free = replace(
            parted,
            identities=leaving,
            ties=remaining.ties.of(leaving),
            merged_into=None,
            look=False,
            # A redirect is under the rules of its day, and no lead may be once it was told that newer ones hold.
            rules_version=max(parted.rules_version, remaining.rules_version),
        )
        self._leads.part(after, free)
        return replace(after, version=after.version + 1)

    def _came_back(self, erasure: Erasure, record: LeadRecord) -> bool:
        """Whether something newer than the erasure says that the person is this lead."""
        back = came_back(log_of(self._activities, erasure.identities), erasure.erased_at)
        return any(
            not is_taken(each, erasure.erased_at, back) and not erasure.identities.isdisjoint(each.identities)
            for each in log_of(self._activities, record.identities)
        )

    def _pass(self, erasure: Erasure) -> tuple[Erasure, bool]:
        """Erase what is there; answers whether anything was.

        Each step goes by what later ones delete: whoever is interrupted finds the rest again.
        """
        owners = self._leads.whose(erasure.identities)
        browsers = self._browsers(erasure)
        beside = frozenset((*owners.values(), *self._at(browsers))) - erasure.leads
        erasure = replace(erasure, neighbours=erasure.neighbours | beside)
        back = came_back(log_of(self._activities, erasure.identities), erasure.erased_at)
        found = 0
        for old in self._old_and_nameless(erasure):
            self._traces.remove(old)
            found += len(old)
        for browser in browsers:
            found += self._traces.detach(browser, erasure.identities, erasure.erased_at)
        log = log_of(self._activities, erasure.identities)
        old = [each for each in log if is_taken(each, erasure.erased_at, back)]
        self._traces.remove(old)
        found += len(old) + self._forget_beside(erasure, back)
        found += self._traces.leave(erasure.identities | erasure.browsers | erasure.shared)
        found += self._forget_in_redirects(erasure)
        erasure = self._with_empty(erasure, owners)
        for lead in sorted(erasure.leads):
            found += self._wipe(erasure, lead)
        found += self._traces.release(erasure.identities, erasure.leads | self._joined(erasure, owners.values()))
        again: list[Mapping[str, object]] = [
            {"renew": lead} for lead in sorted({*owners.values(), *erasure.neighbours} - erasure.leads)
        ]
        # Whoever came back since is made anew from what is left in the log.
        newer = log_of(self._activities, erasure.identities)
        again += [{"activity": {"identity": each.identity.key, "id": each.id}} for each in newer]
        if again:
            self._score.send(again)
        # Whoever was joined while this pass went on is parted by the next one.
        return erasure, found > 0 or bool(self._joined_to(erasure))

    def _wipe(self, erasure: Erasure, lead: LeadId) -> int:
        record = self._leads.load(lead)
        if record and not record.merged_into and not record.identities <= erasure.identities:
            msg = "another lead was joined to it meanwhile, and is to be parted first"
            raise Conflict(msg)
        return self._traces.wipe(lead, record.version if record else 0)

    def _with_empty(self, erasure: Erasure, owners: Mapping[Identity, LeadId]) -> Erasure:
        """The erasure, with leads that were made since of what is erased by now; remembered before they are wiped.

        A function that is still about to write one of them does so before the next pass. With them go those that were
        the person's alone before they went into a lead from which the person was parted again.
        """
        empty = {each.lead for each in self._redirects_beside(erasure) if not each.identities}
        for lead in sorted(set(owners.values()) - erasure.leads):
            record = self._leads.load(lead)
            names = {each for each, its in owners.items() if its == lead} | (record.identities if record else set())
            if names <= erasure.identities and not log_of(self._activities, names):
                empty.update((lead, *(record.absorbed if record else ())))
        if not empty:
            return erasure
        return self._remembered(replace(erasure, leads=erasure.leads | empty))

    def _remembered(self, erasure: Erasure) -> Erasure:
        self._erasures.save(erasure)
        return replace(erasure, version=erasure.version + 1)

    def _redirects_beside(self, erasure: Erasure) -> Iterator[LeadRecord]:
        """Leads that went into one beside the person's and know names of the person that this one has not.

        Of several that went together an earlier release led one alone to where they went; the others stayed. Each is
        told without these names.
        """
        for lead in sorted(erasure.neighbours - erasure.leads):
            record = self._leads.load(lead)
            for each in record.absorbed if record else ():
                gone = self._leads.load(each) if each not in erasure.leads else None
                if record is None or gone is None or not gone.merged_into:
                    continue
                left = gone.identities - (erasure.identities - record.identities)
                if left != gone.identities:
                    number = max(gone.rules_version, record.rules_version)
                    yield replace(gone, identities=left, rules_version=number, look=False)

    def _forget_in_redirects(self, erasure: Erasure) -> int:
        """Take the person's names out of redirects that were other people's too."""
        without = [each for each in self._redirects_beside(erasure) if each.identities]
        for each in without:
            self._leads.save(each)
        return len(without)

    def _joined(self, erasure: Erasure, owners: Collection[LeadId]) -> set[LeadId]:
        """Leads of other people to which the person was joined after the erasure was asked for: they stay, without."""
        if erasure.passes:
            return set()
        records = {lead: self._leads.load(lead) for lead in owners}
        return {lead for lead, record in records.items() if record and not record.identities <= erasure.identities}

    def _old_and_nameless(self, erasure: Erasure) -> Iterator[list[Activity]]:
        """What the person did without saying a name, at each browser, until the erasure."""
        if erasure.passes == 0 and erasure.shared:
            history = gather(self._activities, self._leads, erasure.lead, erasure.identities)
            yield [each for each in history.activities if _is_alone(each, erasure)]
        for browser in sorted(erasure.browsers, key=lambda each: each.key):
            yield [each for each in self._activities.under(browser) if _is_alone(each, erasure)]

    def _at(self, browsers: Collection[Identity]) -> set[LeadId]:
        """Leads that may have something of what is erased, or have less than is theirs, as they came to a browser."""
        return {lead for browser in browsers for lead in leads_at(self._leads, self._leads.attached(browser))}

    def _browsers(self, erasure: Erasure) -> list[Identity]:
        """Every browser to which the person may be attached."""
        named = {
            browser
            for each in log_of(self._activities, erasure.identities)
            if (browser := each.anonymous_id) is not None
        }
        return sorted(named | erasure.browsers | erasure.shared, key=lambda each: each.key)

    def _forget_beside(self, erasure: Erasure, back: Moment | None) -> int:
        """Take the person's names out of what was said in other leads' names."""
        found = 0
        for lead in sorted(erasure.neighbours):
            record = self._leads.load(lead)
            for each in log_of(self._activities, record.identities - erasure.identities) if record else ():
                if not is_taken(each, erasure.erased_at, back) or erasure.identities.isdisjoint(each.identities):
                    continue
                if each.type in _RULINGS:
                    self._traces.remove([each])
                else:
                    self._traces.unname(each, erasure.identities)
                found += 1
        return found


def begin(erasures: Erasures, erasure: Erasure) -> Erasure:
    """Begin an erasure while others may begin theirs; answers it as it is stored.

    Raises:
        Conflict: others begin erasures all the time.
    """
    for attempt in range(_ATTEMPTS):
        try:
            erasures.begin(erasure)
        except Conflict:
            stored = erasures.get(erasure.id)
            if stored is not None and stored.names >= erasure.names:
                # The answer to this very call was lost, or somebody asked for the same thing at once.
                return stored
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        break
    return replace(erasure, version=erasure.version + 1)


def _is_alone(activity: Activity, erasure: Erasure) -> bool:
    return not activity.known_identities and activity.occurred_at <= erasure.erased_at


def _check_reason(why: str, identities: Collection[Identity], activities: Collection[Activity]) -> None:
    """Refuse a reason that would keep what is to be erased."""
    names = {each.value for each in identities}
    for activity in activities:
        names |= {str(value) for name, value in activity.claims.lead.items() if "name" in name or name in {"phone"}}
    told = why.casefold()
    if any(len(name) >= _SHORTEST_NAME and name.casefold() in told for name in names):
        msg = "the reason is kept when the person is erased: write it without their name, address or number"
        raise Invalid(msg, "why")


class ReplayErasures:
    """Erases again whom a restored backup has brought back."""

    def __init__(self, activities: Activities, leads: Leads, erasures: Erasures, work: Queue, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._erasures = erasures
        self._work = work
        self._clock = clock

    def resume(self) -> int:
        """Wake every erasure that is not done; answers how many there are."""
        waiting = [each for each in self._erasures.all() if each.done_at is None]
        if waiting:
            self._work.send([{"erasure": each.id} for each in waiting])
        return len(waiting)

    def replay(self, identities: Collection[Identity], who: str) -> int:
        """Erase again those of some identities of which something older than their tombstone is held.

        Answers of how many identities something is. Whoever came back after the erasure is left alone.
        """
        tombstones = self._erasures.erased({each.key for each in identities})
        erased = {each: tombstones[each.key] for each in identities if each.key in tombstones}
        owners = self._leads.whose([each for each in erased if each.is_known])
        found: dict[tuple[LeadId, Moment], set[Identity]] = {}
        for identity, until in erased.items():
            lead = owners.get(identity, LeadId(""))
            if self._is_held(identity, lead, until):
                found.setdefault((lead, until), set()).add(identity)
        for (lead, until), its in found.items():
            self._begin(lead, until, frozenset(its), who)
        return sum(map(len, found.values()))

    def _is_held(self, identity: Identity, lead: LeadId, until: Moment) -> bool:
        if any(each.occurred_at <= until for each in self._activities.under(identity)):
            return True
        record = self._leads.load(lead) if lead else None
        if record is None:
            return False
        since = [
            *(each.at for each in record.state.entries.values()),
            *(each.since for each in record.browsers.values()),
        ]
        return min(since, default=until + 1) <= until

    def _begin(self, lead: LeadId, until: Moment, its: frozenset[Identity], who: str) -> None:
        now = self._clock.now()
        record = self._leads.load(lead) if lead else None
        known = frozenset(each for each in its if each.is_known)
        erasure = Erasure(
            id=f"replay-{request_digest(lead, str(now), *sorted(each.key for each in its))}",
            lead=lead,
            erased_at=until,
            asked_at=now,
            who=who,
            why="A backup was restored.",
            identities=known,
            browsers=its - known,
            leads=frozenset((lead, *record.absorbed)) if record else frozenset(),
        )
        begin(self._erasures, erasure)
        self._work.send([{"erasure": erasure.id}])
