"""Say who is who by hand: that two leads are one, or that one is two. `score` acts on it, as on any other activity.

What will become of them can be foreseen: it is what `score` will make of the same history.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain import identity as limits
from shared.domain.activity import (
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    Activity,
    Identity,
    strongest_first,
)
from shared.domain.engine import Score
from shared.domain.handoff import LeadId
from shared.domain.identity import APART, Group
from shared.domain.noise import Noise
from shared.domain.people import Person
from shared.domain.refusals import Invalid
from shared.domain.state import known_facts
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.history import NOBODY, gather
from shared.usecases.noise import no_noise
from shared.usecases.redirect import find_live
from shared.usecases.rulebook import Rulebook
from shared.usecases.sayings import request_digest, said_before, said_by, say

_NEW_LEAD = LeadId("new")
"""Stands for the lead that leaves another one, as long as it is only thought of."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who decided it and why. The same `id` of the same person again is the same ruling."""

    id: str
    person: Person
    why: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """The lead of which it was decided, and the activity that says so."""

    lead: LeadId
    activity: Activity


class RuleWhoIsWho:
    """Appends rulings to the log. They stand until a later one: no activity joins again what a person has parted."""

    def __init__(self, activities: Activities, leads: Leads, clock: Clock) -> None:
        self._activities = activities
        self._leads = leads
        self._clock = clock

    def merge(self, one: LeadId, two: LeadId, ruling: Ruling) -> Ruled:
        """Say that two leads are one; an unmerge of the same identities undoes it.

        Raises:
            NotFound: there is no such lead.
            Invalid: together they have more identities than a lead may have.
            SaidOtherwise: under the same id the person ruled otherwise of one of them.
        """
        records = find_live(self._leads, one), find_live(self._leads, two)
        known = records[0].identities | records[1].identities
        saying = self._saying(IDENTITIES_MERGED, "merge", known, ruling, leads=[one, two])
        if before := said_before(self._activities, saying, saying.identities):
            return Ruled(records[0].lead, before)
        lead, _ = _joined(self._leads, one, two)
        return Ruled(lead, say(self._activities, saying))

    def unmerge(self, lead: LeadId, leaving: Collection[Identity], ruling: Ruling) -> Ruled:
        """Say that some identities of a lead are somebody else; a merge undoes it.

        Raises:
            NotFound: there is no such lead.
            Invalid: not all of them are the lead's, or they are all that it has.
            SaidOtherwise: under the same id the person ruled otherwise of it.
        """
        record = find_live(self._leads, lead)
        apart = {APART: sorted(identity.key for identity in leaving)}
        saying = self._saying(IDENTITIES_UNMERGED, "unmerge", record.identities.union(leaving), ruling, **apart)
        if before := said_before(self._activities, saying, saying.identities):
            return Ruled(record.lead, before)
        _parted(self._leads, lead, leaving)
        return Ruled(record.lead, say(self._activities, saying))

    def _saying(
        self, kind: str, name: str, identities: Collection[Identity], ruling: Ruling, **properties: Any
    ) -> Activity:
        return said_by(
            ruling.person,
            self._clock.now(),
            id=f"{name}-{request_digest(ruling.person.id, ruling.id)}",
            type=kind,
            identities=strongest_first(tuple(identities)),
            why=ruling.why,
            properties=properties,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A lead as it will be."""

    identities: tuple[Identity, ...]
    score: Score
    consent: str | None


class ForeseeWhoIsWho:
    """Tells what would become of leads; writes nothing. What it refuses is what a ruling refuses."""

    def __init__(
        self,
        activities: Activities,
        leads: Leads,
        rulebook: Rulebook,
        clock: Clock,
        *,
        noise: Callable[[], Noise] = no_noise,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._clock = clock
        self._noise = noise

    def merge(self, one: LeadId, two: LeadId) -> Part:
        """The lead that two leads would be.

        Raises:
            NotFound: there is no such lead.
            Invalid: together they have more identities than a lead may have.
        """
        return self._part(*_joined(self._leads, one, two))

    def unmerge(self, lead: LeadId, leaving: Collection[Identity]) -> tuple[Part, Part]:
        """What would be left of a lead, and the one that its leaving identities would be.

        Raises:
            NotFound: there is no such lead.
            Invalid: not all of them are the lead's, or they are all that it has.
        """
        record = _parted(self._leads, lead, leaving)
        left, gone = record.identities.difference(leaving), frozenset(leaving)
        return (
            self._part(record.lead, left, {_NEW_LEAD: gone}),
            self._part(_NEW_LEAD, gone, {record.lead: left}),
        )

    def _part(self, lead: LeadId, identities: Group, parting: Mapping[LeadId, Group] = NOBODY) -> Part:
        rules = self._rulebook.active().rules
        noise = self._noise()
        history = gather(self._activities, self._leads, lead, identities, parting, noise=noise)
        state = rules.replayed(noise.marked(history.activities))
        score = rules.score(state, self._clock.now())
        return Part(strongest_first(tuple(identities)), score, known_facts(state).consent)


def _joined(leads: Leads, one: LeadId, two: LeadId) -> tuple[LeadId, Group]:
    """The first of two leads, and the identities of both."""
    record = find_live(leads, one)
    identities = record.identities | find_live(leads, two).identities
    if len(identities) > limits.MOST_IDENTITIES:
        msg = f"together they have {len(identities)} identities; a lead has at most {limits.MOST_IDENTITIES}"
        raise Invalid(msg, "lead")
    return record.lead, identities


def _parted(leads: Leads, lead: LeadId, leaving: Collection[Identity]) -> LeadRecord:
    """A lead that some identities may leave."""
    record = find_live(leads, lead)
    if not leaving:
        msg = "name identities of the lead that are somebody else"
        raise Invalid(msg, "apart")
    if foreign := sorted(identity.key for identity in leaving if identity not in record.identities):
        msg = f"not the lead's: {', '.join(foreign)}"
        raise Invalid(msg, "apart")
    if record.identities.issubset(leaving):
        msg = "these are all identities of the lead: name those that are somebody else"
        raise Invalid(msg, "apart")
    return record
