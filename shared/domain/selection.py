"""Selections: conditions that pick leads by what is known of them now. The rule file's grammar, and no other.

A selection asks facts (`lead.*`, `company.*`, `qualification.*`, `consent`), the `stage`, `temperature` and `grade`,
and the scores by name; what happened, and for how long a lead has been in a stage, it does not ask.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain import conditions
from shared.domain.conditions import All, AnyOf, ConditionError, Not, Path, Test, fold, nearest
from shared.domain.facts import Facts
from shared.domain.rulefile import RuleFile
from shared.domain.stages import (
    Activities,
    Look,
    Qualified,
    ScoreIs,
    StageCondition,
    compose,
    parse_stage_condition,
    walk,
)

SELECTION_KEYS = (
    *("all", "any", "not", "score", "engagement", "fit", "grade", "temperature", "stage", "consent", "qualified"),
    *("lead.*", "company.*", "qualification.*"),
)
LONGEST_SELECTION = 10_000
"""Characters of a selection as JSON."""
_DEEPEST = 20
OF_RULES = ("stage", "temperature", "grade")
"""What is asked by a name that rules give, so that it is nobody's."""
_NAMING = ("is", "in", "is_not", "not_in")
_OF_WHAT_HAPPENED = ("activity", "activity_in", "count", "time_in_stage", "within", "since", "where")


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead as a selection sees it: where it stands, its scores in billionths of a point, and what is known."""

    stage: str | None
    temperature: str | None
    grade: str | None
    total: int
    scores: Mapping[str, int]
    facts: Facts

    @property
    def in_stage(self) -> int:
        """No selection asks it."""
        return 0

    def count(self, asked: Activities) -> int:  # noqa: ARG002 - as stage conditions ask it
        """No selection asks it."""
        return 0


class Selection:
    """A condition that was read, ready to be asked of leads."""

    def __init__(self, condition: StageCondition) -> None:
        self._holds: Callable[[Look], bool] = compose(condition)
        self.asks = tuple(sorted(set(_asked_by(condition))))
        """The fields, scores and the like that it asks, by their names; `stage mql` for what rules name."""
        self.scores = frozenset(
            node.name for node in walk(condition) if isinstance(node, ScoreIs) and node.name != "score"
        )
        self._names = tuple(
            (node.field, name)
            for node in walk(condition)
            if isinstance(node, Test) and node.field in OF_RULES and node.operator in _NAMING
            for name in _operands(node)
        )

    def holds(self, lead: Standing) -> bool:
        """Whether a lead is picked. A score that its rules do not have is 0."""
        return self._holds(
            Standing(
                lead.stage,
                lead.temperature,
                lead.grade,
                lead.total,
                {**dict.fromkeys(self.scores, 0), **lead.scores},
                lead.facts,
            )
        )

    def check(self, rules: RuleFile) -> None:
        """Make sure that the rules have each score, stage, temperature and grade that is asked by its name.

        Raises:
            ConditionError: they do not.
        """
        known = rules.score_names
        if strange := sorted(self.scores - set(known)):
            msg = f"the rules have no score {strange[0]!r}"
            raise ConditionError(msg, (strange[0],), nearest(strange[0], known))
        named = {
            "stage": [each.name for each in rules.stages],
            "temperature": [each.name for each in rules.temperature],
            "grade": [each.name for each in rules.grades],
        }
        for field, name in self._names:
            if fold(str(name)) not in map(fold, named[field]):
                msg = f"the rules have no {field} {name!r}"
                raise ConditionError(msg, (field,), nearest(name, named[field]))


def _operands(node: Test) -> tuple[Any, ...]:
    return tuple(node.operand) if isinstance(node.operand, list | tuple) else (node.operand,)


def _asked_by(node: object) -> Iterator[str]:
    match node:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _asked_by(part)
        case Not(part):
            yield from (each.partition(" ")[0] for each in _asked_by(part))
        case Test("stage" | "temperature" | "grade" as field, "is" | "in"):
            yield f"{field} {' or '.join(map(str, _operands(node)))}"
        case Test(field) | ScoreIs(field):
            yield field
        case Qualified(names):
            yield from (f"qualification.{name}" for name in names)


def parse_selection(raw: object) -> Selection:
    """Read a selection such as `{company.country: {is: DE}, stage: mql}`; several fields all hold.

    Raises:
        ConditionError: it is none, or longer or deeper than anybody writes.
    """
    try:
        length = len(json.dumps(raw, default=str))
    except RecursionError:
        raise _too_deep() from None
    if length > LONGEST_SELECTION:
        msg = f"a selection has at most {LONGEST_SELECTION} characters"
        raise ConditionError(msg)
    return Selection(_read(raw, 0))


def _too_deep() -> ConditionError:
    return ConditionError(f"conditions nest at most {_DEEPEST} deep")


def _read(raw: object, depth: int) -> StageCondition:
    if not isinstance(raw, Mapping) or not raw:
        msg = "a selection is a mapping such as {company.country: {is: DE}}"
        raise ConditionError(msg)
    if depth > _DEEPEST:
        raise _too_deep()
    parts = tuple(_entry(key, value, depth) for key, value in raw.items())
    return parts[0] if len(parts) == 1 else All(parts)  # type: ignore[arg-type]


def _entry(key: object, value: Any, depth: int) -> StageCondition:
    if key == "not":
        return Not(_inside(("not",), value, depth))  # type: ignore[arg-type]
    if key in ("all", "any"):
        if not isinstance(value, list | tuple) or not value:
            msg = f"`{key}` wants a list of conditions"
            raise ConditionError(msg, (str(key),))
        parts = tuple(_inside((str(key), place), part, depth) for place, part in enumerate(value))
        return All(parts) if key == "all" else AnyOf(parts)  # type: ignore[arg-type]
    if key == "stage":
        return conditions.parse_tests("stage", value if isinstance(value, Mapping) else {"is": value})
    if key in _OF_WHAT_HAPPENED:
        msg = f"{key!r} is nothing that a selection can ask"
        raise ConditionError(msg, (str(key),), f"valid here: {', '.join(SELECTION_KEYS)}")
    try:
        return parse_stage_condition({key: value})
    except ConditionError as error:
        if len(error.path) > 1 or str(key).partition(".")[0] + ".*" in SELECTION_KEYS or key in SELECTION_KEYS:
            raise
        msg = f"{key!r} is nothing that a selection can ask"
        raise ConditionError(msg, (str(key),), nearest(key, SELECTION_KEYS)) from error


def _inside(path: Path, raw: object, depth: int) -> StageCondition:
    try:
        return _read(raw, depth + 1)
    except ConditionError as error:
        raise ConditionError(str(error), path + error.path, error.hint) from error
