"""Conditions: what a rule asks of an activity or of the facts about a lead. See the operators in `OPERATORS`.

A condition is read once into a small tree and composed once into closures. `holds` asks with two answers: a missing
field matches only `exists: false` and the negative operators. `decides` asks with three, for fit rules: on a missing
field only `exists` answers, everything else is unknown, and the unknown fields are handed back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from operator import attrgetter
from typing import Any

from shared.domain.moments import MomentError, parse_moment
from shared.domain.points import exact_number

Path = tuple[str | int, ...]
Holds = Callable[[Any], bool]
Decides = Callable[[Any], tuple[bool | None, frozenset[str]]]
_DEEPEST = 20
_NOTHING: frozenset[str] = frozenset()


class ConditionError(ValueError):
    """A condition cannot be read; `path` leads from the condition to what is wrong."""

    def __init__(self, message: str, path: Path = (), hint: str = "") -> None:
        super().__init__(message)
        self.path, self.hint = path, hint


@dataclass(frozen=True, slots=True)
class Test:
    """One operator asked of one field."""

    __test__ = False
    field: str
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class All:
    """Holds when every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when the part does not."""

    part: Condition


Condition = Test | All | AnyOf | Not


# --- values -----------------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """Text as it is compared: stripped and case-folded."""
    return text.strip().casefold()


def comparable(value: Any) -> Any:
    """A scalar such that `==` is the rule file's equality (true is not 1, "200" is not 200); None for the rest."""
    kind = type(value)
    if kind is str:
        return fold(value)
    if kind is bool:
        return (value,)
    return exact_number(value)


def read_field(field: str) -> Callable[[Any], Any]:
    """A function that reads a dotted field of an activity or of facts; a step through no mapping reads as missing."""
    root, *steps = field.split(".")
    start = attrgetter(root)
    if not steps:
        return start
    if len(steps) == 1:
        key = steps[0]
        return lambda subject: start(subject).get(key)

    def descend(subject: Any) -> Any:
        value = start(subject)
        for step in steps:
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
        return value

    return descend


# --- operators --------------------------------------------------------------------------------------------------------


def _is(operand: Any) -> Holds:
    wanted = comparable(operand)
    if type(operand) is str:
        return lambda value: type(value) is str and fold(value) == wanted
    return lambda value: value is not None and comparable(value) == wanted


def _in(operand: Any) -> Holds:
    wanted = frozenset(map(comparable, operand))
    return lambda value: (found := comparable(value)) is not None and found in wanted


def _contains(operand: Any) -> Holds:
    return _contains_any([operand])


def _contains_any(operand: Any) -> Holds:
    wanted = frozenset(map(comparable, operand))
    texts = tuple(value for value in wanted if type(value) is str)

    def holds(value: Any) -> bool:
        if type(value) is str:
            folded = fold(value)
            return any(text in folded for text in texts)
        return isinstance(value, list | tuple) and not wanted.isdisjoint(
            found for element in value if (found := comparable(element)) is not None
        )

    return holds


def _starts_with(operand: Any) -> Holds:
    start = fold(operand)
    return lambda value: type(value) is str and fold(value).startswith(start)


def _ends_with(operand: Any) -> Holds:
    end = fold(operand)
    return lambda value: type(value) is str and fold(value).endswith(end)


def _like(operand: Any) -> Holds:
    pattern = fold(operand)
    return lambda value: type(value) is str and matches_wildcards(fold(value), pattern)


def matches_wildcards(text: str, pattern: str) -> bool:
    """`*` for any run and `?` for one character, over the whole text; never slower than the product of both lengths."""
    place = step = 0
    star = retry = -1
    while place < len(text):
        if step < len(pattern) and pattern[step] == "*":
            star, retry = step, place
            step += 1
        elif step < len(pattern) and pattern[step] in ("?", text[place]):
            place, step = place + 1, step + 1
        elif star >= 0:
            retry += 1
            place, step = retry, star + 1
        else:
            return False
    return not pattern[step:].strip("*")


def _number(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Holds]:
    def of(operand: Any) -> Holds:
        limit = exact_number(operand)
        return lambda value: (number := exact_number(value)) is not None and compare(number, limit)

    return of


def _between(operand: Any) -> Holds:
    low, high = map(exact_number, operand)
    return lambda value: (number := exact_number(value)) is not None and low <= number <= high  # type: ignore[operator]


def _moment(compare: Callable[[int, int], bool]) -> Callable[[Any], Holds]:
    def of(operand: Any) -> Holds:
        edge = parse_moment(operand)

        def holds(value: Any) -> bool:
            try:
                return type(value) is str and compare(parse_moment(value.strip()), edge)
            except (MomentError, OverflowError):
                return False

        return holds

    return of


def _complement(positive: Callable[[Any], Holds]) -> Callable[[Any], Holds]:
    def of(operand: Any) -> Holds:
        holds = positive(operand)
        return lambda value: not holds(value)

    return of


def _exists(operand: Any) -> Holds:
    return (lambda value: value is not None) if operand else (lambda value: value is None)


def _scalar(operand: Any) -> str:
    return "" if comparable(operand) is not None else "wants one text, number or boolean"


def _scalars(operand: Any) -> str:
    fine = isinstance(operand, list | tuple) and operand and all(not _scalar(value) for value in operand)
    return "" if fine else "wants a list of texts, numbers or booleans"


def _text(operand: Any) -> str:
    return "" if type(operand) is str else "wants a text"


def _a_number(operand: Any) -> str:
    return "" if exact_number(operand) is not None else "wants a number"


def _two_numbers(operand: Any) -> str:
    if not isinstance(operand, list | tuple) or len(operand) != 2:  # noqa: PLR2004
        return "wants two numbers, the lower and the upper end"
    low, high = map(exact_number, operand)
    return "" if low is not None and high is not None and low <= high else "wants two numbers, the lower end first"


def _a_moment(operand: Any) -> str:
    try:
        parse_moment(operand if type(operand) is str else str(operand))
    except (MomentError, OverflowError) as error:
        return str(error)
    return "" if type(operand) is str else "wants a moment"


def _a_boolean(operand: Any) -> str:
    return "" if type(operand) is bool else "wants true or false"


OPERATORS: Mapping[str, tuple[Callable[[Any], Holds], Callable[[Any], str], str]] = {
    "is": (_is, _scalar, "is {}"),
    "is_not": (_complement(_is), _scalar, "is not {}"),
    "in": (_in, _scalars, "is {}"),
    "not_in": (_complement(_in), _scalars, "is none of {}"),
    "contains": (_contains, _scalar, "contains {}"),
    "contains_any": (_contains_any, _scalars, "contains {}"),
    "starts_with": (_starts_with, _text, "starts with {}"),
    "ends_with": (_ends_with, _text, "ends with {}"),
    "like": (_like, _text, "looks like {}"),
    "above": (_number(lambda value, limit: value > limit), _a_number, "is above {}"),
    "at_least": (_number(lambda value, limit: value >= limit), _a_number, "is at least {}"),
    "below": (_number(lambda value, limit: value < limit), _a_number, "is below {}"),
    "at_most": (_number(lambda value, limit: value <= limit), _a_number, "is at most {}"),
    "between": (_between, _two_numbers, "is between {}"),
    "before": (_moment(lambda value, edge: value < edge), _a_moment, "is before {}"),
    "after": (_moment(lambda value, edge: value > edge), _a_moment, "is after {}"),
    "exists": (_exists, _a_boolean, "{}"),
}
"""Each operator: how it is composed, what its operand must be, and how it reads."""


# --- reading ----------------------------------------------------------------------------------------------------------


_ALSO_CALLED: Mapping[str, str] = {
    **dict.fromkeys(("equals", "equal", "eq", "=", "=="), "is"),
    **dict.fromkeys(("!=", "ne", "not_equals", "isnt"), "is_not"),
    **dict.fromkeys((">", "gt", "greater_than", "more_than", "over", "after"), "above"),
    **dict.fromkeys((">=", "gte", "min", "minimum"), "at_least"),
    **dict.fromkeys(("<", "lt", "less_than", "under", "before"), "below"),
    **dict.fromkeys(("<=", "lte"), "at_most"),
    **dict.fromkeys(("one_of", "any_of"), "in"),
    **dict.fromkeys(("none_of",), "not_in"),
    **dict.fromkeys(("regex", "matches", "glob"), "like"),
    "and": "all",
    "or": "any",
    "to": "until",
    "max": "cap",
    "maximum": "cap",
    "limit": "cap",
    "if": "where",
}
"""Words that people try first, and what the rule file calls them."""
_ASKED_IN: Mapping[str, str] = {
    **dict.fromkeys(("properties", "context", "channel", "source"), "where"),
    **dict.fromkeys(("lead", "company", "qualification", "consent"), "only_if"),
}


def nearest(word: object, valid: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    """A hint that names the nearest valid key, or all of them when none is near; empty where there is none."""
    known = list(valid)
    if not known:
        return ""
    if (meant := _ALSO_CALLED.get(str(word).lower())) in known:
        return f"did you mean {meant!r}?"
    close = get_close_matches(str(word), known, n=1, cutoff=0.55)
    return f"did you mean {close[0]!r}?" if close else f"valid here: {', '.join(known)}"


def parse_condition(raw: object, roots: Mapping[str, bool], depth: int = 0) -> Condition:
    """Read `{field: {operator: value}}` with `all`, `any` and `not`.

    `roots` names what fields may start with, and whether a dotted name must follow.

    Raises:
        ConditionError: it is no such thing.
    """
    if not isinstance(raw, Mapping) or not raw:
        msg = "a condition is a mapping such as {properties.path: {starts_with: /pricing}}"
        raise ConditionError(msg)
    if depth > _DEEPEST:
        msg = f"conditions nest at most {_DEEPEST} deep"
        raise ConditionError(msg)
    parts = tuple(_parse_entry(key, value, roots, depth) for key, value in raw.items())
    return parts[0] if len(parts) == 1 else All(parts)


def _parse_entry(key: object, value: object, roots: Mapping[str, bool], depth: int) -> Condition:
    if key == "not":
        return Not(_inside(("not",), value, roots, depth))
    if key in ("all", "any"):
        if not isinstance(value, list | tuple) or not value:
            msg = f"`{key}` wants a list of conditions"
            raise ConditionError(msg, (key,))
        parts = tuple(_inside((key, place), part, roots, depth) for place, part in enumerate(value))
        return All(parts) if key == "all" else AnyOf(parts)
    check_field(key, roots)
    condition = parse_tests(str(key), value)
    if key == "consent":
        _check_consent(value)
    return condition


def _check_consent(raw: Any) -> None:
    """A fact has no value while it is unknown, and two where it is known."""
    for name, operand in raw.items():
        for word in operand if isinstance(operand, list | tuple) else [operand]:
            if name != "exists" and word not in ("granted", "denied"):
                msg = f"{word!r} is no consent that is known"
                hint = "write {exists: false}" if word == "unknown" else nearest(word, ("granted", "denied"))
                raise ConditionError(msg, ("consent", str(name)), hint)


def _inside(path: Path, raw: object, roots: Mapping[str, bool], depth: int) -> Condition:
    try:
        return parse_condition(raw, roots, depth + 1)
    except ConditionError as error:
        raise ConditionError(str(error), path + error.path, error.hint) from error


def check_field(field: object, roots: Mapping[str, bool]) -> str:
    """The field, when it starts with a known root and names something below it where it must.

    Raises:
        ConditionError: it does not.
    """
    root, dot, rest = str(field).partition(".")
    if not isinstance(field, str) or root not in roots:
        msg = f"{field!r} is no field that can be asked here"
        raise ConditionError(msg, (str(field),), _field_meant(root, rest, roots))
    if bool(dot) is not roots[root] or (dot and not all(rest.split("."))):
        msg = f"{field!r} is no field: write {root}.NAME" if roots[root] else f"{root!r} has no parts"
        raise ConditionError(msg, (field,))
    return field


def _field_meant(root: str, rest: str, roots: Mapping[str, bool]) -> str:
    """A hint for a field whose beginning is not known: the nearest one, or where else it may be asked."""
    deep = [name for name, has_parts in roots.items() if has_parts]
    whole = ["all", "any", "not", *(name for name in roots if name not in deep)]
    if rest:
        if root in _ASKED_IN:
            return f"a behaviour rule asks this in `{_ASKED_IN[root]}`"
        if close := get_close_matches(root, deep, n=1, cutoff=0.55):
            return f"did you mean '{close[0]}.{rest}'?"
    elif root:
        close = get_close_matches(_ALSO_CALLED.get(root.lower(), root), whole, n=1, cutoff=0.7)
        meant = close or [f"{name}.{root}" for name in deep]
        return f"did you mean {' or '.join(map(repr, meant))}?"
    return f"valid here: {', '.join([*(f'{name}.*' for name in deep), *whole])}"


def parse_tests(field: str, raw: object) -> Condition:
    """Read `{operator: value, ...}` for one field; several operators all hold.

    Raises:
        ConditionError: it is none; its path begins with the field.
    """
    if not isinstance(raw, Mapping) or not raw:
        msg = f"write an operator for {field!r}, such as {{is: {raw}}}"
        raise ConditionError(msg, (field,))
    tests = []
    for name, operand in raw.items():
        if name not in OPERATORS:
            msg = f"{name!r} is no operator"
            raise ConditionError(msg, (field, str(name)), nearest(name, tuple(OPERATORS)))
        if complaint := OPERATORS[name][1](operand):
            msg = f"`{name}` {complaint}"
            raise ConditionError(msg, (field, name))
        tests.append(Test(field, name, operand))
    return tests[0] if len(tests) == 1 else All(tuple(tests))


def fields_of(condition: Condition | None) -> Iterator[str]:
    """Every field that a condition asks."""
    if isinstance(condition, Test):
        yield condition.field
    elif isinstance(condition, Not):
        yield from fields_of(condition.part)
    elif condition is not None:
        for part in condition.parts:
            yield from fields_of(part)


# --- composing --------------------------------------------------------------------------------------------------------


def holds(condition: Condition) -> Holds:
    """Compose a condition into one function of an activity or of facts."""
    if isinstance(condition, Test):
        read, ask = read_field(condition.field), OPERATORS[condition.operator][0](condition.operand)
        return lambda subject: ask(read(subject))
    if isinstance(condition, Not):
        inner = holds(condition.part)
        return lambda subject: not inner(subject)
    parts = tuple(map(holds, condition.parts))
    if isinstance(condition, AnyOf):
        return lambda subject: any(part(subject) for part in parts)
    return lambda subject: all(part(subject) for part in parts)


def decides(condition: Condition) -> Decides:
    """Compose a condition into a function with three answers (None: unknown) that also names the missing fields."""
    if isinstance(condition, Test):
        return _decides_test(condition)
    if isinstance(condition, Not):
        inner = decides(condition.part)

        def negated(subject: Any) -> tuple[bool | None, frozenset[str]]:
            answer, missing = inner(subject)
            return (None if answer is None else not answer), missing

        return negated
    parts = tuple(map(decides, condition.parts))
    final = isinstance(condition, AnyOf)  # one such answer settles it

    def combined(subject: Any) -> tuple[bool | None, frozenset[str]]:
        answers = [part(subject) for part in parts]
        if any(answer is final for answer, _ in answers):
            return final, _NOTHING
        missing = _NOTHING.union(*(fields for answer, fields in answers if answer is None))
        return (None if missing else not final), missing

    return combined


def _decides_test(test: Test) -> Decides:
    read, ask = read_field(test.field), OPERATORS[test.operator][0](test.operand)
    field, answers_always = frozenset({test.field}), test.operator == "exists"

    def decided(subject: Any) -> tuple[bool | None, frozenset[str]]:
        value = read(subject)
        return (None, field) if value is None and not answers_always else (ask(value), _NOTHING)

    return decided


# --- telling ----------------------------------------------------------------------------------------------------------


def in_words(condition: Condition) -> str:
    """A condition as a clause that people read."""
    if isinstance(condition, Test):
        if condition.operator == "exists":
            return f"`{condition.field}` is {'known' if condition.operand else 'not known'}"
        if condition.operator == "between":
            low, high = map(value_in_words, condition.operand)
            return f"`{condition.field}` is between {low} and {high}"
        return f"`{condition.field}` {OPERATORS[condition.operator][2].format(value_in_words(condition.operand))}"
    return joined_in_words(condition, in_words)


def joined_in_words(node: Any, tell: Callable[[Any], str]) -> str:
    """What `all`, `any` and `not` say of their parts, each told by `tell`."""
    if isinstance(node, Not):
        return f"it is not so that {_in_brackets(node.part, tell)}"
    joiner = " or " if isinstance(node, AnyOf) else " and "
    return joiner.join(tell(part) if type(part) is type(node) else _in_brackets(part, tell) for part in node.parts)


def _in_brackets(part: Any, tell: Callable[[Any], str]) -> str:
    return f"({tell(part)})" if isinstance(part, All | AnyOf | Not) else tell(part)


def value_in_words(operand: Any) -> str:
    """An operand for people: texts in quotes, lists with commas."""
    if isinstance(operand, list | tuple):
        *most, last = map(value_in_words, operand)
        return f"{', '.join(most)} or {last}" if most else last
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return f"“{operand}”" if isinstance(operand, str) else f"{Decimal(str(operand)):f}"
