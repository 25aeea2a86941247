"""A simulation: what publishing a rule file would do, told before anybody is surprised by it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.moments import DAY, Moment
from shared.domain.refusals import Invalid

GOOD_FOR = 1 * DAY
"""How long after its moment a simulation may be shown to a publish (microseconds)."""

MOST_SEGMENTS = 64
"""So many segments of all leads one simulation goes through at most; each has its own token."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a whole simulation found, as a publish asks for it.

    `sha256` is that of the rule file's text, `against` the number of the version that was active, and `at` the moment
    for which all was told. `leads` were looked at, `share` is their part of all leads (from above 0 to 1). The handoffs
    are those that would have been sent in the time looked back over, under the active rules and under the new ones.
    """

    sha256: str
    against: int
    at: Moment
    leads: int
    share: float
    handoffs_before: int
    handoffs_after: int

    def exceeds(self, percent: float) -> bool:
        """Whether there would be more than so many percent more handoffs than under the active rules.

        Before the first publish, and where nobody was scored yet, nothing is too many.
        """
        if not self.against or not self.leads:
            return False
        return (self.handoffs_after - self.handoffs_before) * 100 > percent * self.handoffs_before

    @property
    def growth(self) -> float | None:
        """How many percent more handoffs there would be; None where there were none before and would be some."""
        if not self.handoffs_before:
            return 0.0 if not self.handoffs_after else None
        return (self.handoffs_after - self.handoffs_before) * 100 / self.handoffs_before


@dataclass(frozen=True, slots=True)
class Stretch:
    """One of `of` segments of all leads, simulated up to a place: what a client carries from page to page.

    `since` is how far back handoffs are counted. `after` is where to go on, None when the segment is done. The counts
    are those of all its pages up to there.
    """

    sha256: str
    against: int
    at: Moment
    since: Moment
    segment: int
    of: int
    after: str | None = None
    done: bool = False
    leads: int = 0
    handoffs_before: int = 0
    handoffs_after: int = 0

    def with_page(self, after: str | None, leads: int, handoffs_before: int, handoffs_after: int) -> Stretch:
        """The same, one page further."""
        return replace(
            self,
            after=after,
            done=after is None,
            leads=self.leads + leads,
            handoffs_before=self.handoffs_before + handoffs_before,
            handoffs_after=self.handoffs_after + handoffs_after,
        )


def united(stretches: Sequence[Stretch]) -> Simulated:
    """What segments of one simulation found together.

    Raises:
        Invalid: there are none, one is not done or stands there twice, or they are of different simulations.
    """
    if not stretches:
        msg = "a simulation of no segment tells nothing: run it first"
        raise Invalid(msg, "simulation")
    if any(not each.done for each in stretches):
        msg = "the simulation is not done: go on with `next` until every segment is"
        raise Invalid(msg, "simulation")
    first = stretches[0]
    if any(_run(each) != _run(first) for each in stretches):
        msg = "these are segments of different simulations: show those of one"
        raise Invalid(msg, "simulation")
    if len({each.segment for each in stretches}) < len(stretches):
        msg = "a segment stands twice in the simulation: show each once"
        raise Invalid(msg, "simulation")
    return Simulated(
        sha256=first.sha256,
        against=first.against,
        at=first.at,
        leads=sum(each.leads for each in stretches),
        share=len(stretches) / first.of,
        handoffs_before=sum(each.handoffs_before for each in stretches),
        handoffs_after=sum(each.handoffs_after for each in stretches),
    )


def _run(each: Stretch) -> tuple[str, int, Moment, Moment, int]:
    """What all segments of one simulation have in common."""
    return each.sha256, each.against, each.at, each.since, each.of
