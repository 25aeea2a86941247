"""Suggestions: for each behaviour rule, the plainest activities that it would match, to see what one more would do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from shared.domain.activity import Activity
from shared.domain.conditions import All, AnyOf, Condition, Not, Test
from shared.domain.moments import SECOND, Moment, format_moment, parse_moment
from shared.domain.points import exact_number

Values = dict[str, Any]
"""A value for each dotted field; a field that is not named is missing."""
_MOST = 50


def activities_for(kind: str, where: Condition | None, at: Moment) -> Iterator[tuple[Activity, frozenset[str]]]:
    """Activities that may match a condition, and the fields in which only these very values would."""
    pinned = frozenset(_pinned(where))
    for values in islice(_meeting(where), _MOST):
        roots: dict[str, Any] = {"properties": {}, "context": {}, "channel": None, "source": None}
        for field, value in values.items():
            *steps, last = field.split(".")
            place = roots
            for step in steps:
                place = place.setdefault(step, {})
            place[last] = value
        yield Activity("", kind, at, at, (), **roots), pinned


def _pinned(where: Condition | None) -> Iterator[str]:
    if isinstance(where, Test) and where.operator in ("is", "in"):
        yield where.field
    elif isinstance(where, All):
        for part in where.parts:
            yield from _pinned(part)


def _meeting(where: Condition | None) -> Iterator[Values]:  # noqa: C901 - one case for each kind of node
    """Values that meet a condition, or nearly: whoever asks looks whether they do."""
    match where:
        case None:
            yield {}
        case Test(field, operator, operand):
            yield from ({} if value is None else {field: value} for value in _values(operator, operand))
        case Not(Test(field, "is_not", operand)):
            yield {field: operand}
        case Not(Test(field, "not_in", operand)):
            yield from ({field: value} for value in operand)
        case Not(Test(field, "exists", False)):
            yield {field: "x"}
        case Not():
            yield {}
        case AnyOf(parts):
            for part in parts:
                yield from _meeting(part)
        case All(parts):
            for chosen in product(*(list(islice(_meeting(part), _MOST)) for part in parts)):
                yield {field: value for values in chosen for field, value in values.items()}


def _values(operator: str, operand: Any) -> list[Any]:  # noqa: PLR0911 - one case for each kind of operator
    number = exact_number(operand)
    match operator:
        case "in":
            return list(operand)
        case "contains" | "contains_any":
            wanted = operand[0] if operator == "contains_any" else operand
            return [wanted if isinstance(wanted, str) else [wanted]]
        case "like":
            return [operand.replace("*", "").replace("?", "x")]
        case "above" | "below" if number is not None:
            return [number + 1 if operator == "above" else number - 1]
        case "between":
            return [operand[0]]
        case "before" | "after":
            aside = SECOND if operator == "after" else -SECOND
            return [format_moment(Moment(parse_moment(operand) + aside))]
        case "exists":
            return ["x" if operand else None]
        case "is_not" | "not_in":
            return [None]
    return [operand]
