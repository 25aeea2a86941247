"""Adjust a score by hand: an activity like any other, so that it is explained, kept and replayed like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.activity import SCORE_ADJUSTED, strongest_first
from shared.domain.handoff import LeadId
from shared.domain.people import Person
from shared.domain.points import NumberError, to_billionths
from shared.domain.refusals import Invalid
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import Leads
from shared.usecases.redirect import find_live
from shared.usecases.rulebook import Rulebook
from shared.usecases.sayings import request_digest, said_by, say


@dataclass(frozen=True, slots=True)
class Adjustment:
    """By how much, or to what value, a score changes, and why. The same `id` again is the same one."""

    id: str
    way: Literal["by", "to"]
    points: int | float
    score: str
    why: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The lead that was adjusted, and the activity that says so."""

    lead: LeadId
    activity: str


class AdjustScore:
    """Appends adjustments to the log; `score` applies them."""

    def __init__(self, activities: Activities, leads: Leads, rulebook: Rulebook, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._clock = clock

    def adjust(self, lead: LeadId, adjustment: Adjustment, person: Person) -> Adjusted:
        """Adjust a score of a lead, or of the lead that it is part of now.

        Raises:
            NotFound: there is no such lead.
            Invalid: the active rules have no score of that name, or the points are no sane number.
            SaidOtherwise: under the same id the person adjusted it otherwise.
        """
        record = find_live(self._leads, lead)
        names = self._rulebook.active().rules.score_names
        if adjustment.score not in names:
            msg = f"the rules have no score {adjustment.score!r}; there are {', '.join(sorted(names))}"
            raise Invalid(msg, "score")
        try:
            to_billionths(adjustment.points)
        except NumberError as error:
            raise Invalid(str(error), adjustment.way) from error
        activity = said_by(
            person,
            self._clock.now(),
            id=f"adjustment-{request_digest(record.lead, person.id, adjustment.id)}",
            type=SCORE_ADJUSTED,
            identities=strongest_first(tuple(record.identities))[:1],
            why=adjustment.why,
            properties={adjustment.way: adjustment.points, "score": adjustment.score},
        )
        say(self._activities, activity)
        return Adjusted(record.lead, activity.id)
