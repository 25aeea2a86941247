"""Say who is who by hand: that two leads are one, or that one is two. `score` acts on it, as on any other activity."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.domain import identity as limits
from shared.domain.activity import (
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    Activity,
    Identity,
    Rank,
    strongest_first,
)
from shared.domain.handoff import LeadId
from shared.domain.identity import APART
from shared.domain.people import Person
from shared.domain.refusals import Invalid, NotFound
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.adjust import request_digest
from shared.usecases.redirect import live_record


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who decided it and why. The same `id` of the same person again is the same ruling."""

    id: str
    person: Person
    why: str


class RuleWhoIsWho:
    """Appends rulings to the log. They stand until a later one: no activity joins again what a person has parted."""

    def __init__(self, activities: Activities, leads: Leads, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._clock = clock

    def merge(self, one: LeadId, two: LeadId, ruling: Ruling) -> Activity:
        """Say that two leads are one; an unmerge of the same identities undoes it.

        Raises:
            NotFound: there is no such lead.
            Invalid: together they have more identities than a lead may have.
        """
        identities = self._find(one).identities | self._find(two).identities
        if len(identities) > limits.MOST_IDENTITIES:
            msg = f"together they have {len(identities)} identities; a lead has at most {limits.MOST_IDENTITIES}"
            raise Invalid(msg, "lead")
        return self._append(IDENTITIES_MERGED, "merge", identities, ruling)

    def unmerge(self, lead: LeadId, leaving: Collection[Identity], ruling: Ruling) -> Activity:
        """Say that some identities of a lead are somebody else; a merge undoes it.

        Raises:
            NotFound: there is no such lead.
            Invalid: not all of them are the lead's, or they are all that it has.
        """
        identities = self._find(lead).identities
        if not leaving or not identities.issuperset(leaving):
            msg = "name identities of the lead that are somebody else"
            raise Invalid(msg, "identities")
        if identities.issubset(leaving):
            msg = "these are all identities of the lead: name those that are somebody else"
            raise Invalid(msg, "identities")
        apart = {APART: sorted(identity.key for identity in leaving)}
        return self._append(IDENTITIES_UNMERGED, "unmerge", identities, ruling, **apart)

    def _find(self, lead: LeadId) -> LeadRecord:
        record = live_record(self._leads, lead)
        if record is None:
            msg = "there is no such lead"
            raise NotFound(msg)
        return record

    def _append(
        self, kind: str, name: str, identities: Collection[Identity], ruling: Ruling, **properties: Any
    ) -> Activity:
        now = self._clock.now()
        activity = Activity(
            id=f"{name}-{request_digest(ruling.person.id, ruling.id)}",
            type=kind,
            occurred_at=now,
            received_at=now,
            identities=strongest_first(tuple(identities)),
            rank=Rank.SALES,
            source="people",
            properties={"who": ruling.person.name, "why": ruling.why, **properties},
            own=False,
        )
        self._activities.append([activity])
        return activity
