"""Picking: whom a rescore asks to be touched, page by page through the leads or through the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.domain.activity import Activity
from shared.domain.handoff import LeadId
from shared.domain.identity import linked_identities
from shared.domain.noise import Noise
from shared.domain.rescores import (
    EveryLead,
    LeadsOfNoise,
    LeadsUnderOlderRules,
    LeadsWhere,
    NamedLeads,
    UnappliedActivities,
)
from shared.domain.selection import Selection, Standing, parse_selection
from shared.domain.state import known_facts
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import LeadRecord, Leads
from shared.ports.noise import NoiseMarks
from shared.ports.rescoring import Checkpoint
from shared.ports.stages import StageRecord, Stages
from shared.usecases.history import leads_at
from shared.usecases.rulebook import Rulebook
from shared.usecases.unapplied import FindUnapplied

Message = Mapping[str, object]
_SIDE_BY_SIDE = 16


@dataclass(frozen=True, slots=True)
class Picked:
    """What `score` is to be asked because of one page, and where the next page begins (None: there is none)."""

    messages: Sequence[Message]
    after: str | None


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
                return _touches(*self._segment(place))
            case LeadsUnderOlderRules(version):
                return _touches(*self._segment(place, older_than=version))
            case NamedLeads(leads):
                return self._named(place, leads)
            case LeadsWhere(where):
                found, after = self._segment(place)
                return _touches(self._meeting(found, parse_selection(where)), after)
            case LeadsOfNoise(filter_):
                return self._of_noise(place, filter_)
            case UnappliedActivities(since):
                page, after = self._activities.segment(place.segment, place.of, place.after, self._page, since)
                # What comes in from now on is the stream's.
                before = [each for each in page if each.received_at <= place.started]
                return Picked([_again(each) for each in self._find_unapplied.among(before)], after)

    def _segment(self, place: Checkpoint, older_than: int | None = None) -> tuple[list[LeadId], str | None]:
        return self._leads.segment(place.segment, place.of, place.after, self._page, older_than)

    def _named(self, place: Checkpoint, leads: Sequence[LeadId]) -> Picked:
        mine = leads[place.segment :: place.of]
        start = int(place.after or 0)
        end = start + self._page
        return _touches(mine[start:end], str(end) if end < len(mine) else None)

    def _meeting(self, leads: Sequence[LeadId], selection: Selection) -> list[LeadId]:
        """Those of some leads that a selection picks, both sides of each read side by side."""
        if not leads:
            return []
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(leads))) as pool:
            records = list(pool.map(self._leads.load, leads))
            stages = list(pool.map(self._stages.load, leads))
        return [
            record.lead
            for record, stage in zip(records, stages, strict=True)
            if record and not record.merged_into and selection.holds(self._standing(record, stage))
        ]

    def _standing(self, record: LeadRecord, stage: StageRecord | None) -> Standing:
        """A lead as it stands at this moment, under the rules of its own state."""
        rules = self._rulebook.version(max(record.rules_version, 0)).rules
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


def _touches(leads: Sequence[LeadId], after: str | None) -> Picked:
    return Picked([{"lead": lead} for lead in leads], after)


def _again(activity: Activity) -> Message:
    return {"activity": {"identity": activity.identity.key, "id": activity.id}}
