"""The outlook: what shows of a lead over a piece of time in which nothing but its scores can move.

A stage condition then has three answers: it holds all the time, it holds at no time, or the spans of the scores leave
that in doubt (None). What does not ask about scores is asked once, at the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from shared.domain import conditions
from shared.domain.conditions import AnyOf, Not, Test
from shared.domain.stages import Amount, Look, ScoreIs, compose

Span = tuple[int, int]
"""The least and the greatest that a number may be."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A lead from one moment to another, over which both bands stay what they are.

    `look` answers what does not move; its answers are kept in `settled`. The total's span is that of `score`.
    """

    temperature: str | None
    grade: str | None
    spans: Mapping[str, Span]
    look: Look
    settled: dict[int, bool]


Weigh = Callable[[Outlook], bool | None]


def compose_over(node: Any) -> Weigh:
    """Compose a stage condition into one function of an outlook: True, False, or None where that is in doubt."""
    match node:
        case ScoreIs(name, amount):
            return lambda outlook: _holds_over(amount, outlook.spans[name])
        case Test("grade" | "temperature"):
            return conditions.holds(node)
        case Not(part):
            inner = compose_over(part)

            def negated(outlook: Outlook) -> bool | None:
                answer = inner(outlook)
                return None if answer is None else not answer

            return negated
        case conditions.All(parts) | AnyOf(parts):
            return _joined(tuple(compose_over(part) for part in parts), decisive=isinstance(node, AnyOf))
    ask = compose(node)

    def settled(outlook: Outlook) -> bool:
        known = outlook.settled
        if id(ask) not in known:
            known[id(ask)] = ask(outlook.look)
        return known[id(ask)]

    return settled


def _joined(parts: tuple[Weigh, ...], *, decisive: bool) -> Weigh:
    """All parts or any of them: one decisive answer settles it, else one doubt leaves it in doubt."""

    def answer(outlook: Outlook) -> bool | None:
        told: bool | None = not decisive
        for part in parts:
            found = part(outlook)
            if found is decisive:
                return decisive
            told = None if found is None else told
        return told

    return answer


def _holds_over(amount: Amount, span: Span) -> bool | None:
    """Whether every comparison holds of every number in a span, or of none of them."""
    low, high = span
    told: bool | None = True
    for name, limit in amount.tests:
        least, greatest = _BETWEEN[name](limit)
        if high < least or low > greatest:
            return False
        if low < least or high > greatest:
            told = None
    return told


_BETWEEN: Mapping[str, Callable[[Any], tuple[float, float]]] = {
    "above": lambda limit: (limit + 1, inf),
    "at_least": lambda limit: (limit, inf),
    "below": lambda limit: (-inf, limit - 1),
    "at_most": lambda limit: (-inf, limit),
    "between": lambda limit: limit,
}
