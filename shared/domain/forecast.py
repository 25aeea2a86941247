"""The forecast: what of a lead time alone will change next that people see, if nothing happens until then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.engine import Rules, Score
from shared.domain.journey import Journey
from shared.domain.moments import SECOND, Moment
from shared.domain.next_change import AGAIN
from shared.domain.state import ScoreState

_MOST_STEPS = 20
_MOST_FLIPS = 4
"""So many changes that nobody sees are gone through for one that shows, and so many more for each thing that stages
ask: time alone flips a condition that leads nowhere a few times at most, for what counts now only ages."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """At a moment a temperature, grade or stage becomes another one; None is none."""

    at: Moment
    what: Literal["temperature", "grade", "stage"]
    before: str | None
    after: str | None


def forecast(
    rules: Rules,
    state: ScoreState,
    journey: Journey,
    now: Moment,
    look_again: Moment | None = None,
    *,
    looked_at: bool = False,
) -> tuple[Forecast, ...]:
    """What changes at the first moment after now at which anything that shows does; nothing when nothing ever will.

    On the day of `look_again` the lead may be handed over for what holds then. Unless it was `looked_at` as it is now,
    it goes where a look now leads it first: rules may move a lead on at every look.
    """
    if not looked_at:
        journey, _ = rules.advance(state, journey, now)
    before, moment = rules.score(state, now), now
    asked = sum(len(stage.asks) for stage in rules.stages.values())
    for _ in range(_MOST_STEPS + _MOST_FLIPS * asked):
        change = rules.journey_change(state, journey, moment)
        again = look_again is not None and look_again > moment and (change is None or look_again <= change.at)
        if change is None and not again:
            return ()
        if again and look_again is not None:
            moment, look_again = Moment(-(-look_again // SECOND) * SECOND), None
        elif change is None or change.what == AGAIN:
            return ()
        else:
            moment = change.at
        stage = journey.stage
        journey, _ = rules.advance(state, journey, moment, again=again)
        found = tuple(_told(before, rules.score(state, moment), stage, journey.stage))
        if found:
            return found
    return ()


def _told(before: Score, after: Score, from_stage: str | None, to_stage: str | None) -> list[Forecast]:
    told = [
        Forecast(after.at, "temperature", before.temperature, after.temperature),
        Forecast(after.at, "grade", before.grade, after.grade),
        Forecast(after.at, "stage", from_stage, to_stage),
    ]
    return [each for each in told if each.before != each.after]
