"""Picking: whom a rescore asks to be touched, page by page through the leads or through the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.domain.activity import Activity
from shared.domain.drift import Fault
from shared.domain.handoff import LeadId
from shared.domain.identity import linked_identities
from shared.domain.noise import Noise
from shared.domain.rescores import (
    EveryLead,
    LeadsOfNoise,
    LeadsUnderOlderRules,
    LeadsWhere,
    LeadsWhereDone,
    NamedLeads,
    UnappliedActivities,
)
from shared.domain.selection import Selection, Standing, parse_selection
from shared.domain.state import known_facts
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.errors import Unreadable
from shared.ports.leads import DAMAGED, OTHER_FORMAT, LeadRecord, Leads
from shared.ports.noise import NoiseMarks
from shared.ports.rescoring import Checkpoint
from shared.ports.stages import StageRecord, Stages
from shared.usecases.history import leads_at
from shared.usecases.rulebook import Rulebook, UnknownRules
from shared.usecases.unapplied import FindUnapplied

Message = Mapping[str, object]
_SIDE_BY_SIDE = 16


@dataclass(frozen=True, slots=True)
class Picked:
    """What `score` is to be asked because of one page, and where the next page begins (None: there is none).

    `left_out` counts the leads of the page of which nobody can tell whether it is to be asked: they are damaged.
    """

    messages: Sequence[Message]
    after: str | None
    left_out: int = 0


class Pick:
    """Reads leads, stages and the log; `page` bounds what is read for one page."""

    def __init__(
        self,
        *,
        activities: Activities,
        leads: Leads,
        stages: Stages,
        noise: NoiseMarks,
        known_noise: Callable[[], Noise],
        rulebook: Rulebook,
        clock: Clock,
        page: int,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._stages = stages
        self._noise = noise
        self._rulebook = rulebook
        self._clock = clock
        self._page = page
        self._find_unapplied = FindUnapplied(activities, leads, rulebook, known_noise)

    def page(self, place: Checkpoint) -> Picked:
        """The next page of a segment."""
        match place.aim:
            case EveryLead():
                picked = _touches(*self._segment(place))
            case LeadsUnderOlderRules(version):
                found, after = self._segment(place, older_than=version)
                # In the first pass `score` is asked for each, and tells of whom it cannot read; no later one waits for
                # those.
                readable = found if place.began == place.started else self._readable(found)
                picked = _touches(readable, after, len(found) - len(readable))
            case NamedLeads(leads):
                picked = self._named(place, leads)
            case LeadsWhere(where):
                found, after = self._segment(place)
                met = self._meeting(found, parse_selection(where))
                those = [lead for lead, is_met in zip(found, met, strict=True) if is_met]
                picked = _touches(those, after, met.count(None))
            case LeadsWhereDone():
                picked = Picked([], None)
            case LeadsOfNoise(filter_):
                picked = self._of_noise(place, filter_)
            case UnappliedActivities(since):
                page, after = self._activities.segment(place.segment, place.of, place.after, self._page, since)
                # What comes in from now on is the stream's.
                before = [each for each in page if each.received_at <= place.started]
                picked = Picked([_again(each) for each in self._find_unapplied.among(before)], after)
        return picked

    def _segment(self, place: Checkpoint, older_than: int | None = None) -> tuple[list[LeadId], str | None]:
        """A page of leads, and right after which of them the next one begins.

        Where the store ended a page may be the name of a person, which nobody keeps: so a lead tells the place, though
        none that is wanted, and a stretch in which there is none is gone through at once.
        """

        def read(after: str | None, older_than: int | None) -> tuple[list[LeadId], str | None]:
            return self._leads.segment(place.segment, place.of, after, self._page, older_than)

        begins = place.after
        while True:
            found, ends = read(begins, older_than)
            if ends is None:
                return found, None
            seen = found or (read(begins, None)[0] if older_than is not None else [])
            if seen:
                return found, self._leads.after(seen[-1])
            begins = ends

    def _named(self, place: Checkpoint, leads: Sequence[LeadId]) -> Picked:
        mine = leads[place.segment :: place.of]
        start = int(place.after or 0)
        end = start + self._page
        return _touches(mine[start:end], str(end) if end < len(mine) else None)

    def hopeless(self, leads: Sequence[LeadId]) -> dict[LeadId, Fault]:
        """Those of some leads of which no touch can do anything, and what is wrong with each: a repair alone helps."""
        found = {lead: self._hopeless(record) for lead, record in self._loaded(leads)}
        return {lead: fault for lead, fault in found.items() if fault is not None}

    def _hopeless(self, record: LeadRecord | Unreadable | None) -> Fault | None:
        if isinstance(record, Unreadable):
            return Fault.UNREADABLE
        try:
            if record is not None and record.rules_version >= 0:
                self._rulebook.version(record.rules_version)
        except UnknownRules:
            return Fault.RULES
        return None

    def _readable(self, leads: Sequence[LeadId]) -> list[LeadId]:
        """Those of some leads that are not damaged beyond reading."""
        return [lead for lead, record in self._loaded(leads) if not isinstance(record, Unreadable)]

    def _loaded(self, leads: Sequence[LeadId]) -> list[tuple[LeadId, LeadRecord | Unreadable | None]]:
        """Some leads and their records, read side by side."""
        if not leads:
            return []
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(leads))) as pool:
            return list(zip(leads, pool.map(self._load, leads), strict=True))

    def _load(self, lead: LeadId) -> LeadRecord | Unreadable | None:
        try:
            return self._leads.load(lead)
        except Unreadable as error:
            return error

    def _meeting(self, leads: Sequence[LeadId], selection: Selection) -> list[bool | None]:
        """Whether a selection picks each of some leads, both sides of each read side by side; None: nobody can tell."""
        if not leads:
            return []
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(leads))) as pool:
            records = list(pool.map(self._load, leads))
            stages = list(pool.map(self._stages.load, leads))
        return [self._meets(*each, selection) for each in zip(records, stages, strict=True)]

    def _meets(
        self, record: LeadRecord | Unreadable | None, stage: StageRecord | None, selection: Selection
    ) -> bool | None:
        if record is None:
            return False
        if isinstance(record, Unreadable) or record.rules_version == DAMAGED:
            return None
        if record.rules_version == OTHER_FORMAT:
            return not record.merged_into  # nobody can tell before it is touched, which harms nobody
        try:
            return not record.merged_into and selection.holds(self._standing(record, stage))
        except UnknownRules:
            return None

    def _standing(self, record: LeadRecord, stage: StageRecord | None) -> Standing:
        """A lead as it stands at this moment, under the rules of its own state."""
        rules = self._rulebook.version(record.rules_version).rules
        score = rules.score(record.state, self._clock.now())
        return Standing(
            stage.journey.stage if stage else None,
            score.temperature,
            score.grade,
            score.total,
            score.scores,
            known_facts(record.state),
        )

    def _of_noise(self, place: Checkpoint, filter_: str) -> Picked:
        """A page of the log: the leads of what the noise filter catches."""
        mark = self._noise.get(filter_)
        if mark is None:
            return Picked([], None)
        noise = Noise([mark.filter])
        page, after = self._activities.segment(place.segment, place.of, place.after, self._page)
        caught = [activity for activity in page if noise.catches(activity)]
        found = set(self._leads.whose({identity for each in caught for identity in linked_identities(each)}).values())
        for browser in {each.identity for each in caught if not each.known_identities}:
            found.update(leads_at(self._leads, self._leads.attached(browser)))
        return Picked([{"lead": lead, "rebuild": True} for lead in sorted(found)], after)


def _touches(leads: Sequence[LeadId], after: str | None, left_out: int = 0) -> Picked:
    return Picked([{"lead": lead} for lead in leads], after, left_out)


def _again(activity: Activity) -> Message:
    return {"activity": {"identity": activity.identity.key, "id": activity.id}}
