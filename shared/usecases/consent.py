"""Write down what a lead said of consent to somebody who signed in: on the telephone, by letter, at a fair."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.activity import CONSENT_RECORDED, Activity, Claims, Consent, strongest_first
from shared.domain.handoff import LeadId
from shared.domain.people import Person
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import Leads
from shared.usecases.redirect import find_live
from shared.usecases.sayings import request_digest, said_by


@dataclass(frozen=True, slots=True)
class ConsentTold:
    """What a lead said, with which wording before it, and how it is known.

    The same again, under the same `id`, is the same word; anything else is said too.
    """

    id: str
    consent: Consent
    why: str
    wording: str | None = None


class RecordConsent:
    """Appends what people say of consent to the log; it ranks above what pages and servers say."""

    def __init__(self, activities: Activities, leads: Leads, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._clock = clock

    def record(self, lead: LeadId, told: ConsentTold, person: Person) -> tuple[LeadId, Activity]:
        """Record it of a lead, or of the lead that it is part of now; answers which, and the activity that says so.

        Raises:
            NotFound: there is no such lead.
        """
        record = find_live(self._leads, lead)
        said = (told.consent, told.why, told.wording or "")
        activity = said_by(
            person,
            self._clock.now(),
            id=f"consent-{request_digest(record.lead, person.id, told.id, *said)}",
            type=CONSENT_RECORDED,
            identities=strongest_first(tuple(record.identities))[:1],
            why=told.why,
            properties={"consent": {"wording": told.wording}} if told.wording else {},
        )
        activity = replace(activity, claims=Claims(consent=told.consent))
        self._activities.append([activity])
        return record.lead, activity
