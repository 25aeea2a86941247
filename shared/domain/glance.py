"""A glance at a lead at a moment: whether a stage condition holds then, told by bounds where those leave no doubt.

It answers as a look at `View` does, without adding up every earning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.bands import band_of
from shared.domain.compiled import Compiled
from shared.domain.journey import Journey, View
from shared.domain.ledger import Bound, Ledger
from shared.domain.outlook import Outlook, Weigh
from shared.domain.spans import Place, Scores, capped, combined, plus
from shared.domain.stages import Look


@dataclass(frozen=True, slots=True)
class Crossing:
    """The condition by which a lead comes into a stage, asked at a moment and over spans; None where nothing is."""

    holds: Callable[[Look], bool] | None
    over: Weigh | None

    def held(self, rules: Compiled, ledger: Ledger, journey: Journey, at: int, bound: Bound) -> bool:
        """Whether it held at a moment, of what lies below a bound."""
        if self.holds is None or self.over is None:
            return True
        view, spans = View(rules, ledger, journey, at, bound), glance(rules, ledger, at, bound)
        temperature, grade = (
            (band_of(edges, spans[name][0]), band_of(edges, spans[name][1]))
            for edges, name in ((rules.temperature, "score"), (rules.grades, "fit"))
        )
        if temperature[0] != temperature[1] or grade[0] != grade[1]:
            return self.holds(view)
        answer = self.over(Outlook(temperature[0], grade[0], spans, view, {}))
        return self.holds(view) if answer is None else answer


def glance(rules: Compiled, ledger: Ledger, at: int, bound: Bound) -> Scores:
    """Bounds of every score at a moment, of what lies below a bound."""
    places: dict[Place, tuple[int, int]] = {}
    last = ledger.last_own(bound)
    for course in ledger.courses(bound):
        rule = course.rule
        if rule.idle:
            silence = ledger.silence(rule, bound)
            span = silence.span(at, at, last) if silence else (0, 0)
        else:
            count = course.below(bound)
            span = course.tally.about(at, count - 1 if count and rule.repeat.kind == "latest" else 0, count, last)
        place = (rule.score, rule.group)
        places[place] = plus(places.get(place, (0, 0)), capped(span, rule.cap))
    fixed = dict.fromkeys(rules.score_names, 0)
    for outcome in ledger.standing(bound).fit:
        fixed[outcome.rule.score] += outcome.points
    for _, name, points in ledger.adjusted(bound):
        fixed[name] += points
    return combined(rules, fixed, places)
