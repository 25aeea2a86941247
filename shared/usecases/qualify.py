"""Write down what a lead said of authority, budget, need or timeline, and what it was asked without answering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.domain.activity import LEAD_QUALIFIED, Activity, Claims, Json, strongest_first
from shared.domain.handoff import LeadId
from shared.domain.people import Person
from shared.domain.refusals import Invalid
from shared.domain.stages import QUALIFICATIONS
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import Leads
from shared.usecases.redirect import find_live
from shared.usecases.sayings import request_digest, said_by

LEAST_RATING, GREATEST_RATING = 1, 5
LONGEST_TEXT = 500
"""Characters of what a fact says."""


@dataclass(frozen=True, slots=True)
class QualificationTold:
    """What a lead said of the four facts, and those that it was `asked` for without answering.

    A fact is yes or no, a text, a rating from 1 to 5, or None: what was said of it is taken back. The same again, under
    the same `id` of the same person, is the same word; anything else is said too.
    """

    id: str
    facts: Mapping[str, Json]
    asked: tuple[str, ...] = ()
    note: str = ""


class QualifyLead:
    """Appends what people find out to the log; it ranks above what pages and servers say."""

    def __init__(self, activities: Activities, leads: Leads, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._clock = clock

    def qualify(self, lead: LeadId, told: QualificationTold, person: Person) -> tuple[LeadId, Activity]:
        """Record it of a lead, or of the lead that it is part of now; answers which, and the activity that says so.

        Raises:
            NotFound: there is no such lead.
            Invalid: it says nothing, or something of another fact, or a fact is told and asked in vain at once.
        """
        check_qualification(told)
        record = find_live(self._leads, lead)
        said = json.dumps([dict(told.facts), told.asked, told.note], sort_keys=True)
        activity = said_by(
            person,
            self._clock.now(),
            id=f"qualification-{request_digest(record.lead, person.id, told.id, said)}",
            type=LEAD_QUALIFIED,
            identities=strongest_first(tuple(record.identities))[:1],
            why=told.note,
            properties={
                **({"asked": list(dict.fromkeys(told.asked))} if told.asked else {}),
                **({"note": told.note} if told.note else {}),
            },
        )
        activity = replace(activity, claims=Claims(qualification=dict(told.facts)))
        self._activities.append([activity])
        return record.lead, activity


def check_qualification(told: QualificationTold) -> None:
    """Check what is to be written down.

    Raises:
        Invalid: it says nothing, or something of another fact, or a fact is told and asked in vain at once.
    """
    if not told.facts and not told.asked:
        msg = f"say at least one of {', '.join(QUALIFICATIONS)}, or which of them was asked without an answer"
        raise Invalid(msg, "facts")
    for place, names in (("facts", told.facts), ("asked", told.asked)):
        if strange := [name for name in names if name not in QUALIFICATIONS]:
            msg = f"{strange[0]!r} is no qualification fact; there are {', '.join(QUALIFICATIONS)}"
            raise Invalid(msg, f"{place}.{strange[0]}" if place == "facts" else place)
    for name, value in told.facts.items():
        if name in told.asked and value is not None:
            msg = f"{name} is either told, or asked without an answer"
            raise Invalid(msg, "asked")
        if not _is_sound(value):
            msg = (
                f"a fact is true or false, a text of at most {LONGEST_TEXT} characters, "
                f"a whole number from {LEAST_RATING} to {GREATEST_RATING}, or null"
            )
            raise Invalid(msg, f"facts.{name}")


def _is_sound(value: Json) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return LEAST_RATING <= value <= GREATEST_RATING
    return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= LONGEST_TEXT
