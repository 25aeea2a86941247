"""Mark what nobody of interest did as noise, and take it back. `rescore` and `score` act on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED
from shared.domain.handoff import LeadId
from shared.domain.moments import SECOND
from shared.domain.noise import Noise, NoiseFilter
from shared.domain.people import Person
from shared.domain.refusals import Invalid, NotFound
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.leads import Leads
from shared.ports.noise import NoiseMark, NoiseMarks, Said
from shared.usecases.redirect import find_live
from shared.usecases.remembered import Remembered
from shared.usecases.sayings import request_digest, said_before, said_by

REMEMBERED_FOR = 15 * SECOND
"""How long a warm function goes on with the filters that it knows. Whoever is rescored because of a filter is so once
more when nobody can remember the old ones any longer."""

MOST_FILTERS = 500


def no_noise() -> Noise:
    """Where nobody has marked anything."""
    return Noise()


class KnownNoise:
    """The filters that a warm function remembers."""

    def __init__(self, marks: NoiseMarks, clock: Clock) -> None:
        self._marks = marks
        self._noise = Remembered(self._read, clock, REMEMBERED_FOR)

    def __call__(self) -> Noise:
        """The filters that stand, as of the last few seconds."""
        return self._noise()

    def _read(self) -> Noise:
        return Noise(mark.filter for mark in self._marks.all() if mark.stands)


@dataclass(frozen=True, slots=True)
class NoiseWord:
    """Who says that something is noise, or is not, and why. The same `id` of the same person again is the same word."""

    id: str
    person: Person
    why: str


class MarkNoise:
    """Marks and unmarks; each again changes nothing."""

    def __init__(self, marks: NoiseMarks, activities: Activities, leads: Leads, clock: Clock) -> None:
        self._marks = marks
        self._activities = activities
        self._leads = leads
        self._clock = clock

    def all(self) -> list[NoiseMark]:
        """Every filter, the latest word first."""
        return sorted(self._marks.all(), key=lambda mark: (-mark.last.at, mark.filter.id))

    def mark(self, filter_: NoiseFilter, word: NoiseWord) -> NoiseMark:
        """Say that what a filter catches is noise, from the beginning and from now on.

        Raises:
            Invalid: so many filters stand that no further one is taken.
            Conflict: somebody else says something of the same filter at the same moment.
        """
        before = self._marks.get(filter_.id)
        if before and before.stands:
            return before
        if sum(mark.stands for mark in self._marks.all()) >= MOST_FILTERS:
            msg = f"{MOST_FILTERS} filters stand already; take some back, or put them together as a range"
            raise Invalid(msg, filter_.kind)
        return self._saved(NoiseMark(filter_, self._said(word), version=before.version if before else 0))

    def unmark(self, filter_: NoiseFilter, word: NoiseWord) -> NoiseMark:
        """Say that what a filter catches counts again.

        Raises:
            NotFound: there is no such filter.
            Conflict: somebody else says something of the same filter at the same moment.
        """
        mark = self._marks.get(filter_.id)
        if mark is None:
            msg = f"no {filter_.kind} {filter_.value} is marked as noise"
            raise NotFound(msg)
        return self._saved(replace(mark, unmarked=self._said(word))) if mark.stands else mark

    def mark_lead(self, lead: LeadId, word: NoiseWord) -> LeadId:
        """Say that all that a lead does is noise.

        Raises:
            NotFound: there is no such lead.
            SaidOtherwise: under the same id the person gave another reason.
        """
        return self._say(lead, NOISE_MARKED, word)

    def unmark_lead(self, lead: LeadId, word: NoiseWord) -> LeadId:
        """Say that what a lead does counts again.

        Raises:
            NotFound: there is no such lead.
            SaidOtherwise: under the same id the person gave another reason.
        """
        return self._say(lead, NOISE_UNMARKED, word)

    def _say(self, lead: LeadId, kind: str, word: NoiseWord) -> LeadId:
        """Tell it of each of the lead's identities, so that it goes with each wherever it may belong one day."""
        record = find_live(self._leads, lead)
        digest, now = request_digest(word.person.id, word.id), self._clock.now()
        sayings = [
            said_by(
                word.person,
                now,
                id=f"{kind}-{digest}",
                type=kind,
                identities=(identity,),
                why=word.why,
                properties={},
            )
            for identity in sorted(record.identities, key=lambda each: each.key)
        ]
        for each in sayings:
            said_before(self._activities, each, each.identities)
        self._activities.append(sayings)
        return record.lead

    def _said(self, word: NoiseWord) -> Said:
        return Said(word.person.name, self._clock.now(), word.why)

    def _saved(self, mark: NoiseMark) -> NoiseMark:
        self._marks.save(mark)
        return replace(mark, version=mark.version + 1)
