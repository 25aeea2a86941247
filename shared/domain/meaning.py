"""What conditions mean, apart from how they are written: two that always answer the same, as far as that is plain.

`{in: [us]}` and `{is: US}`, `between` and its two ends, `all` in another order, `1w` and `7d` have one meaning each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from shared.domain.conditions import All, AnyOf, Not, Test, comparable, fold
from shared.domain.moments import parse_moment
from shared.domain.points import exact_number
from shared.domain.stages import Activities, InStage, Qualified, ScoreIs

_NEGATIVE = {"is_not": "is", "not_in": "in"}
_OF_EACH = {"in": "is", "contains_any": "contains"}
"""Operators with a list that ask whether one of its values does what another operator asks of one."""
_FLIPPED = {"at_least": "below", "below": "at_least"}


def meaning(node: Any, *, is_so: bool = True) -> Hashable:  # noqa: PLR0911 - one case for each kind of node
    """The meaning of a condition of an activity, a lead or a stage, or of its opposite; None where there is none.

    Raises:
        TypeError: it is no condition.
    """
    match node:
        case None:
            return None
        case Not(part):
            return meaning(part, is_so=not is_so)
        case All(parts) | AnyOf(parts):
            return _joined("all" if isinstance(node, All) is is_so else "any", (meaning(p, is_so=is_so) for p in parts))
        case Test():
            return _tested(node, is_so=is_so)
        case Qualified(names):
            return _joined("all" if is_so else "any", (("qualified", name, is_so) for name in names))
        case ScoreIs(name, amount):
            return _compared(("score", name), amount.tests, is_so=is_so)
        case InStage(amount):
            return _compared(("time_in_stage",), amount.tests, is_so=is_so)
        case Activities():
            asked = (frozenset(node.types), meaning(node.where), node.within, node.since_entry)
            return _compared(("activities", *asked), node.amount.tests, is_so=is_so)
    msg = f"{type(node).__name__} is no condition"
    raise TypeError(msg)


def parts_of(node: Any, kind: type[All | AnyOf]) -> Mapping[Hashable, Any]:
    """What a condition asks together (`All`) or as alternatives (`AnyOf`), by meaning."""
    if node is None:
        return {}
    if isinstance(node, kind):
        return {key: part for each in node.parts for key, part in parts_of(each, kind).items()}
    return {meaning(node): node}


def value_of(value: Any) -> Hashable:
    """A value of JSON such that `==` tells whether two are the same: true is not 1, and 1 is 1.0."""
    if isinstance(value, Mapping):
        return ("mapping", frozenset((key, value_of(each)) for key, each in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(map(value_of, value)))
    number = exact_number(value)
    return (type(value).__name__, value) if number is None else ("number", number)


def _tested(test: Test, *, is_so: bool) -> Hashable:
    operator, operand = test.operator, test.operand
    if operator in _NEGATIVE:
        operator, is_so = _NEGATIVE[operator], not is_so
    if operator == "exists":
        return ("exists", test.field, bool(operand) is is_so)
    if operator in _OF_EACH:
        found = [_leaf(test.field, _OF_EACH[operator], comparable(each), is_so=is_so) for each in operand]
        return _joined("any" if is_so else "all", found)
    if operator == "between":
        low, high = map(exact_number, operand)
        found = [_leaf(test.field, "at_least", low, is_so=is_so), _leaf(test.field, "at_most", high, is_so=is_so)]
        return _joined("all" if is_so else "any", found)
    return _leaf(test.field, operator, _operand(operator, operand), is_so=is_so)


def _operand(operator: str, operand: Any) -> Hashable:
    if operator in ("before", "after"):
        return parse_moment(operand)
    if operator in ("starts_with", "ends_with", "like"):
        return fold(operand)
    told: Hashable = comparable(operand)
    return told


def _leaf(field: str, operator: str, operand: Hashable, *, is_so: bool) -> Hashable:
    return ("field", field, operator, operand, is_so)


def _compared(subject: tuple[Hashable, ...], tests: Iterable[tuple[str, Any]], *, is_so: bool) -> Hashable:
    """Comparisons of a whole number: each is `at_least` or `below` one."""
    found: list[tuple[Hashable, ...]] = []
    for name, limit in tests:
        if name == "between":
            found += [("at_least", limit[0]), ("below", limit[1] + 1)]
        else:
            found.append({"above": ("at_least", limit + 1), "at_most": ("below", limit + 1)}.get(name, (name, limit)))
    kept = found if is_so else [(_FLIPPED[str(name)], limit) for name, limit in found]
    return _joined("all" if is_so else "any", ((*subject, *test) for test in kept))


def _joined(how: str, parts: Iterable[Hashable]) -> Hashable:
    """Parts that all hold, or one of which does: in no order, each once, and those of one kind not nested."""
    flat: set[Hashable] = set()
    for part in parts:
        if isinstance(part, tuple) and part[0] == how:
            flat |= part[1]
        else:
            flat.add(part)
    return next(iter(flat)) if len(flat) == 1 else (how, frozenset(flat))
