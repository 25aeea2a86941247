"""The curve: what a lead's score was, moment by moment, as the rules of today and all that is known today see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.engine import Rules
from shared.domain.moments import HOUR, Moment
from shared.domain.state import ScoreState

POINTS = 60
"""How many moments a curve holds."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The total at a moment, in billionths of a point."""

    at: Moment
    total: int


def curve(
    rules: Rules, state: ScoreState, since: Moment, until: Moment, moments: Iterable[Moment] = ()
) -> tuple[CurvePoint, ...]:
    """The total at `POINTS` moments in equal steps, both ends among them, and at the given ones between.

    A time of less than an hour is drawn as an hour, so that there is something to draw.
    """
    first = min(since, until - HOUR)
    steps = {first + (until - first) * step // (POINTS - 1) for step in range(POINTS)}
    marked = {at for at in moments if first <= at <= until}
    return tuple(CurvePoint(Moment(at), rules.score(state, Moment(at)).total) for at in sorted(steps | marked))
