"""Matching: one function for each activity type, generated once from the conditions of everything that asks about it.

The generated text holds nothing of the rule file: fields, operands and names reach it as bound constants. It does what
`conditions.holds` does, with the commonest comparisons written out so that they cost no call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.domain.activity import Activity
from shared.domain.conditions import OPERATORS, AnyOf, Condition, Not, Test, fold, read_field
from shared.domain.points import exact_number
from shared.domain.rulefile import Active


class Asked(NamedTuple):
    """What is noted of an activity of some type: a mark, under what condition, when, and the fields that are kept."""

    mark: str
    where: Condition | None = None
    active: Active | None = None
    fields: tuple[str, ...] = ()


_COMPARED = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}


def matcher(asked: Sequence[Asked]) -> Callable[[Activity], tuple[str, ...]]:
    """A function that gives the marks of an activity, in the order in which they are asked."""
    source = _Source()
    lines = ["def match(activity):", " P = activity.properties", " found = []"]
    for each in asked:
        mark, asks = source.constant(each.mark), source.asked(each)
        lines.append(f" if {asks}: found.append({mark})" if asks else f" found.append({mark})")
    if all(source.asked(each) == "" for each in asked):
        lines = ["def match(activity):", f" return {source.constant(tuple(each.mark for each in asked))}"]
    else:
        lines.append(" return tuple(found)")
    scope = source.constants
    exec("\n".join(lines), scope)  # noqa: S102 - the text is made of the fragments below alone
    match: Callable[[Activity], tuple[str, ...]] = scope["match"]
    return match


class _Source:
    """Python expressions, and the constants that they name."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}

    def constant(self, value: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def asked(self, each: Asked) -> str:
        """What an activity must meet for a mark; empty when nothing."""
        parts = []
        if each.active and each.active.since is not None:
            parts.append(f"{self.constant(each.active.since)} <= activity.occurred_at")
        if each.active and each.active.until is not None:
            parts.append(f"activity.occurred_at < {self.constant(each.active.until)}")
        if each.where is not None:
            parts.append(self.condition(each.where))
        return " and ".join(parts)

    def condition(self, node: Condition) -> str:
        if isinstance(node, Test):
            return self.test(node)
        if isinstance(node, Not):
            return f"(not {self.condition(node.part)})"
        joiner = " or " if isinstance(node, AnyOf) else " and "
        return f"({joiner.join(map(self.condition, node.parts))})"

    def test(self, test: Test) -> str:
        value, ask = self.read(test.field), self.constant(OPERATORS[test.operator][0](test.operand))
        if test.operator == "is" and type(test.operand) is str:
            return f"(type(v := {value}) is str and v.strip().casefold() == {self.constant(fold(test.operand))})"
        if test.operator in ("starts_with", "ends_with"):
            method = f"{test.operator.replace('_', '')}({self.constant(fold(test.operand))})"
            return f"(type(v := {value}) is str and v.strip().casefold().{method})"
        if test.operator in _COMPARED:
            limit = self.constant(exact_number(test.operand))
            return f"(v {_COMPARED[test.operator]} {limit} if type(v := {value}) is int else {ask}(v))"
        return f"{ask}({value})"

    def read(self, field: str) -> str:
        root, *steps = field.split(".")
        if root == "properties" and len(steps) == 1:
            return f"P.get({self.constant(steps[0])})"
        return f"{self.constant(read_field(field))}(activity)"


def index(asked: Mapping[str, Sequence[Asked]]) -> dict[str, Callable[[Activity], tuple[str, ...]]]:
    """The functions of all activity types that anything asks about."""
    return {kind: matcher(every) for kind, every in asked.items()}
