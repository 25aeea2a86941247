"""Stage conditions: what the lifecycle asks of a lead at a moment, read once and composed into closures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Protocol

from shared.domain import conditions, durations
from shared.domain.conditions import All, AnyOf, Condition, ConditionError, Not, Path, Test, nearest
from shared.domain.durations import DurationError, parse_duration
from shared.domain.facts import Facts
from shared.domain.points import NumberError, exact_number, format_points, to_billionths

ACTIVITY_ROOTS: Mapping[str, bool] = {"properties": True, "context": True, "channel": False, "source": False}
FACT_ROOTS: Mapping[str, bool] = {"lead": True, "company": True, "qualification": True, "consent": False}
QUALIFICATIONS = ("authority", "budget", "need", "timeline")
COMPARISONS: Mapping[str, Callable[[int, Any], bool]] = {
    "above": lambda value, limit: value > limit,
    "at_least": lambda value, limit: value >= limit,
    "below": lambda value, limit: value < limit,
    "at_most": lambda value, limit: value <= limit,
    "between": lambda value, limit: limit[0] <= value <= limit[1],
}
_WORDS = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most", "between": "between"}
CONDITION_KEYS = (
    *("all", "any", "not", "score", "engagement", "fit", "grade", "temperature", "consent", "qualified", "activity"),
    *("activity_in", "count", "time_in_stage", "lead.*", "company.*", "qualification.*"),
)


class Look(Protocol):
    """A lead as a stage condition sees it at one moment."""

    @property
    def total(self) -> int: ...
    @property
    def scores(self) -> Mapping[str, int]: ...
    @property
    def grade(self) -> str | None: ...
    @property
    def temperature(self) -> str | None: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def in_stage(self) -> int: ...

    def count(self, asked: Activities) -> int:
        """How many activities the condition asks about have occurred."""
        ...


@dataclass(frozen=True, slots=True)
class Amount:
    """Comparisons of one whole number: billionths of a point, a count, or microseconds."""

    tests: tuple[tuple[str, Any], ...]

    def holds(self, value: int) -> bool:
        """Whether every comparison holds."""
        return all(COMPARISONS[name](value, limit) for name, limit in self.tests)

    def in_words(self, tell: Callable[[int], str]) -> str:
        """The comparisons for people, each number told by `tell`."""
        return " and ".join(
            f"{_WORDS[name]} {' and '.join(map(tell, limit)) if name == 'between' else tell(limit)}"
            for name, limit in self.tests
        )


@dataclass(frozen=True, slots=True)
class ScoreIs:
    """Asks the total (`name` is `score`) or a named score."""

    name: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Qualified:
    """Every named qualification fact has been confirmed; `ratings` tells from which number on one is."""

    names: tuple[str, ...]
    ratings: tuple[tuple[str, int], ...] = ()

    def confirms(self, name: str, value: Any) -> bool:
        """Whether a value of one of the facts confirms it."""
        return confirmed(value, dict(self.ratings).get(name))


@dataclass(frozen=True, slots=True)
class Activities:
    """Asks how many accepted activities of some types occurred, in a trailing window or since the stage's entry."""

    types: tuple[str, ...]
    amount: Amount
    where: Condition | None = None
    within: int | None = None
    since_entry: bool = False
    marks: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class InStage:
    """Asks how long the lead has been in its stage."""

    amount: Amount


StageCondition = ScoreIs | Qualified | Activities | InStage | Test | All | AnyOf | Not


def confirmed(value: Any, rating: int | None = None) -> bool:
    """Whether a qualification fact has been confirmed: it is known, and neither `false` nor zero nor empty.

    With a `rating` a number confirms it from that rating on.
    """
    number = exact_number(value)
    if number is not None:
        return number > 0 if rating is None else number >= rating
    return value is not None and value is not False and value not in ("", [], {}, ())


# --- reading ----------------------------------------------------------------------------------------------------------


def parse_stage_condition(raw: object, depth: int = 0) -> StageCondition:
    """Read a stage condition.

    Raises:
        ConditionError: it is none.
    """
    if not isinstance(raw, Mapping) or not raw:
        msg = "a stage condition is a mapping such as {score: {at_least: 50}}"
        raise ConditionError(msg)
    if depth > 20:  # noqa: PLR2004
        msg = "conditions nest at most 20 deep"
        raise ConditionError(msg)
    entries = dict(raw)
    beside = {key: entries.pop(key) for key in ("within", "since", "where") if key in entries}
    parts = tuple(_entry(key, value, beside, depth) for key, value in entries.items())
    if beside and not any(key in entries for key in ("activity", "activity_in", "count")):
        key = next(iter(beside))
        msg = f"`{key}` stands beside `activity`, `activity_in` or `count`"
        raise ConditionError(msg, (key,))
    return parts[0] if len(parts) == 1 else All(parts)  # type: ignore[arg-type]


def _entry(key: object, value: Any, beside: Mapping[str, Any], depth: int) -> StageCondition:
    try:
        return _read_entry(key, value, beside, depth)
    except ConditionError as error:
        own = error.path[:1] == (key,) or (key != "count" and error.path[:1] and error.path[0] in beside)
        raise ConditionError(str(error), error.path if own else (str(key), *error.path), error.hint) from error


def _read_entry(  # noqa: PLR0911 - one case for each kind of key
    key: object, value: Any, beside: Mapping[str, Any], depth: int
) -> StageCondition:
    match key:
        case "all" | "any" | "not":
            return _nested(str(key), value, depth)
        case "score":
            return ScoreIs("score", _amount(value, to_billionths))
        case "grade" | "temperature":
            return conditions.parse_tests(key, value if isinstance(value, Mapping) else {"is": value})
        case "consent":
            return _consent(value)
        case "qualified":
            return _qualified(value)
        case "activity" | "activity_in":
            return _activities({**beside, "of": value, "at_least": 1})
        case "count":
            return _activities({**beside, **_mapping(value, "{of: webinar_attended, at_least: 3, within: 30d}")})
        case "time_in_stage":
            return InStage(_amount(value, parse_duration))
    return _fact_or_score(key, value)


def _fact_or_score(key: object, value: Any) -> StageCondition:
    root = key.partition(".")[0] if isinstance(key, str) else ""
    if isinstance(key, str) and root in FACT_ROOTS:
        conditions.check_field(key, FACT_ROOTS)
        return conditions.parse_tests(key, value)
    if isinstance(key, str) and root == key and isinstance(value, Mapping):
        try:
            return ScoreIs(key, _amount(value, to_billionths))
        except ConditionError:
            if key in CONDITION_KEYS or "did you mean" not in nearest(key, CONDITION_KEYS):
                raise
    msg = f"{key!r} is nothing that a stage can ask"
    if root in ACTIVITY_ROOTS:
        raise ConditionError(msg, (), f"ask activities: {{activity: TYPE, where: {{{key}: ...}}}}")
    raise ConditionError(msg, (), nearest(key, CONDITION_KEYS))


def _nested(key: str, value: Any, depth: int) -> StageCondition:
    if key == "not":
        return Not(parse_stage_condition(value, depth + 1))  # type: ignore[arg-type]
    if not isinstance(value, list | tuple) or not value:
        msg = f"`{key}` wants a list of conditions"
        raise ConditionError(msg)
    parts = []
    for place, part in enumerate(value):
        try:
            parts.append(parse_stage_condition(part, depth + 1))
        except ConditionError as error:
            raise ConditionError(str(error), (place, *error.path), error.hint) from error
    return (All if key == "all" else AnyOf)(tuple(parts))  # type: ignore[arg-type]


def _mapping(value: Any, example: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        msg = f"write it as in {example}"
        raise ConditionError(msg)
    return value


def _amount(raw: Any, read: Callable[[Any], int]) -> Amount:
    tests: list[tuple[str, Any]] = []
    for name, limit in _mapping(raw, "{at_least: ...}").items():
        if name not in COMPARISONS:
            msg = f"{name!r} is no comparison"
            raise ConditionError(msg, (str(name),), nearest(name, tuple(COMPARISONS)))
        try:
            if name == "between":
                low, high = map(read, limit if isinstance(limit, list | tuple) else ())
                if low > high:
                    msg = "the lower end stands first"
                    raise ConditionError(msg, (name,))  # noqa: TRY301
                tests.append((name, (low, high)))
            else:
                tests.append((name, read(limit)))
        except ConditionError:
            raise
        except (NumberError, DurationError, ValueError) as error:
            msg = "`between` wants two values" if name == "between" else str(error)
            raise ConditionError(msg, (name,)) from error
    return Amount(tuple(tests))


def _consent(value: Any) -> StageCondition:
    words = ("granted", "denied", "unknown")
    raw = value if isinstance(value, Mapping) else {"is": value}
    for operator, operand in raw.items():
        if operator not in ("is", "is_not", "in", "not_in"):
            msg = f"`{operator}` cannot be asked of consent"
            raise ConditionError(msg, (str(operator),), nearest(operator, ("is", "is_not", "in", "not_in")))
        for word in operand if isinstance(operand, list | tuple) else [operand]:
            if word not in words:
                msg = f"{word!r} is no consent"
                raise ConditionError(msg, (), nearest(word, words))
    return conditions.parse_tests("consent", raw)


def _qualified(value: Any) -> StageCondition:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        msg = "`qualified` wants a list such as [authority, budget, need, timeline]"
        raise ConditionError(msg)
    if (strange := next((name for name in names if name not in QUALIFICATIONS), None)) is not None:
        msg = f"{strange!r} is no qualification fact"
        raise ConditionError(msg, (), nearest(strange, QUALIFICATIONS))
    return Qualified(tuple(names))


def _whole(value: Any) -> int:
    number = exact_number(value)
    if number is None or number != int(number) or number < 0:
        msg = f"{value!r} is no count"
        raise NumberError(msg)
    return int(number)


def _activities(raw: Mapping[str, Any]) -> Activities:
    entries = dict(raw)
    of, within, since, where = (entries.pop(key, None) for key in ("of", "within", "since", "where"))
    valid = ("of", "where", "within", "since", *COMPARISONS)
    if (strange := next((key for key in entries if key not in valid), None)) is not None:
        msg = f"unknown key {strange!r}"
        raise ConditionError(msg, (str(strange),), nearest(strange, valid))
    if not entries:
        msg = "say how many: {of: webinar_attended, at_least: 3}"
        raise ConditionError(msg)
    types = (of,) if isinstance(of, str) else of
    if not isinstance(types, list | tuple) or not types or not all(isinstance(kind, str) and kind for kind in types):
        msg = "name one activity type or a list of them"
        raise ConditionError(msg)
    if since not in (None, "stage_entry"):
        msg = "`since` is `stage_entry` or absent"
        raise ConditionError(msg, ("since",))
    try:
        window = None if within is None else parse_duration(within)
    except DurationError as error:
        raise ConditionError(str(error), ("within",)) from error
    asked = None if where is None else _where(where)
    amount = _amount(entries, _whole)
    return Activities(tuple(types), amount, asked, window, since is not None, _marks(tuple(types), where))


def _where(raw: object) -> Condition:
    try:
        return conditions.parse_condition(raw, ACTIVITY_ROOTS)
    except ConditionError as error:
        raise ConditionError(str(error), ("where", *error.path), error.hint) from error


def _marks(types: tuple[str, ...], where: Any) -> tuple[str, ...]:
    """The names under which the score state notes such activities: `@type`, or a digest where more is asked."""
    if where is None:
        return tuple(f"@{kind}" for kind in types)
    told = json.dumps([sorted(types), where], sort_keys=True, default=str)
    return (f"@?{blake2b(told.encode(), digest_size=6).hexdigest()}",)


# --- composing --------------------------------------------------------------------------------------------------------


def walk(node: StageCondition | Condition) -> Iterator[StageCondition | Condition]:
    """The node and everything below it."""
    yield node
    if isinstance(node, Not):
        yield from walk(node.part)
    elif isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from walk(part)


def rated(node: Any, ratings: Mapping[str, int]) -> Any:
    """The condition with the ratings from which on facts count as confirmed."""
    match node:
        case Qualified(names):
            return Qualified(names, tuple((name, ratings[name]) for name in names if name in ratings))
        case Not(part):
            return Not(rated(part, ratings))
        case All(parts) | AnyOf(parts):
            return type(node)(tuple(rated(part, ratings) for part in parts))
    return node


def compose(node: Any) -> Callable[[Look], bool]:  # noqa: C901, PLR0911 - one case for each kind of node
    """Compose a stage condition into one function of a look at the lead."""
    match node:
        case ScoreIs("score", amount):
            return lambda look: amount.holds(look.total)
        case ScoreIs(name, amount):
            return lambda look: amount.holds(look.scores[name])
        case Qualified(names):
            return lambda look: all(node.confirms(name, look.facts.qualification.get(name)) for name in names)
        case Activities():
            return lambda look: node.amount.holds(look.count(node))
        case InStage(amount):
            return lambda look: amount.holds(look.in_stage)
        case Test("grade" | "temperature" | "stage"):
            return conditions.holds(node)
        case Test("consent"):
            ask = conditions.holds(Test("value", node.operator, node.operand))
            return lambda look: ask(_Value(look.facts.consent or "unknown"))
        case Test():
            fact = conditions.holds(node)
            return lambda look: fact(look.facts)
        case Not(part):
            inner = compose(part)
            return lambda look: not inner(look)
    parts = tuple(compose(part) for part in node.parts)
    if isinstance(node, AnyOf):
        return lambda look: any(part(look) for part in parts)
    return lambda look: all(part(look) for part in parts)


@dataclass(frozen=True, slots=True)
class _Value:
    value: str


def what_held(node: Any, look: Look) -> Any:
    """Of a condition that holds, what of it does: of `any` the parts that hold, of several activities those that came.

    Of what is not so nothing is left out: `not` stays as it is written.
    """
    match node:
        case AnyOf(parts):
            return _all_of([what_held(part, look) for part in parts if compose(part)(look)])
        case All(parts):
            return _all_of([what_held(part, look) for part in parts])
        case Activities(types, Amount((("at_least", 1),)), None) if len(types) > 1:
            each = [replace(node, types=(kind,), marks=_marks((kind,), None)) for kind in types]
            return _all_of([asked for asked in each if compose(asked)(look)])
    return node


def _all_of(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else All(tuple(parts))


# --- telling ----------------------------------------------------------------------------------------------------------


def in_words(node: Any) -> str:  # noqa: PLR0911 - one case for each kind of node
    """A stage condition as a clause that people read."""
    match node:
        case ScoreIs(name, amount):
            return f"the {'total score' if name == 'score' else f'{name} score'} is {amount.in_words(format_points)}"
        case Qualified(names, ratings):
            *most, last = (f"{name}{_rated_in_words(dict(ratings).get(name))}" for name in names)
            return f"{', '.join(most)} and {last} are confirmed" if most else f"{last} is confirmed"
        case InStage(amount):
            return f"the time in the stage is {amount.in_words(durations.in_words)}"
        case Activities():
            return _activities_in_words(node)
        case Test("consent", operator, operand):
            told = conditions.OPERATORS[operator][2].format(conditions.value_in_words(operand))
            return f"the permission to be contacted {told.replace('“', '').replace('”', '')}"
        case Test("grade" | "temperature" as name, operator, operand):
            return f"the {name} {conditions.OPERATORS[operator][2].format(conditions.value_in_words(operand))}"
        case Test():
            return conditions.in_words(node)
        case Not(Activities(amount=Amount((("at_least", 1),))) as asked):
            return _activities_in_words(asked, occurred=False)
    return conditions.joined_in_words(node, in_words)


def _rated_in_words(rating: int | None) -> str:
    return "" if rating is None else f" (rated {rating} or more)"


def _activities_in_words(node: Activities, *, occurred: bool = True) -> str:
    kinds = ", ".join(f"`{kind}`" for kind in node.types)
    several = len(node.types) > 1
    text = f"{('one of ' if occurred else 'none of ') if several else '' if occurred else 'no '}{kinds} has occurred"
    if node.amount.tests != (("at_least", 1),):
        text = f"the number of {kinds}{' together' if several else ''} is {node.amount.in_words(str)}"
    where = f" where {conditions.in_words(node.where)}" if node.where else ""
    within = f" within the last {durations.in_words(node.within)}" if node.within else ""
    return text + where + within + (" since the lead entered its stage" if node.since_entry else "")


__all__ = [
    "ACTIVITY_ROOTS",
    "FACT_ROOTS",
    "Path",
    "StageCondition",
    "compose",
    "in_words",
    "parse_stage_condition",
    "walk",
    "what_held",
]
