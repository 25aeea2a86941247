"""The rule file: the models that read it, and what is wrong with one, told by key.

Numbers mean the decimals written: read YAML or JSON with decimals kept as `Decimal` where you can; a float stands for
the shortest decimal that names it. Points become whole billionths, durations and moments whole microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.ageing import NO_DECAY, Decay
from shared.domain.bands import Band
from shared.domain.conditions import Condition, ConditionError, check_field, nearest, parse_condition
from shared.domain.durations import parse_duration
from shared.domain.moments import Moment, parse_moment
from shared.domain.points import exact_number, to_billionths
from shared.domain.stages import ACTIVITY_ROOTS, FACT_ROOTS, StageCondition, parse_stage_condition


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a path of keys and places), what, and what to write instead."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return f"{where + ': ' if where else ''}{self.message}{f' ({self.hint})' if self.hint else ''}"


# --- values -----------------------------------------------------------------------------------------------------------


def _reading(read: Callable[[Any], Any]) -> PlainValidator:
    """A validator whose complaint carries the path and the hint of the reader's own error."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, OverflowError) as error:
            path, hint = getattr(error, "path", ()), getattr(error, "hint", "")
            context = {"message": str(error), "path": path, "hint": hint}
            raise PydanticCustomError("unreadable", "{message}", context) from error

    return PlainValidator(validate)


def _above_zero(value: Any) -> int:
    points = to_billionths(value)
    if points <= 0:
        msg = f"{value} is not above zero"
        raise ValueError(msg)
    return points


def _weight(value: Any) -> int:
    return to_billionths(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200:  # noqa: PLR2004
        msg = f"{value!r} is no name: write a short text"
        raise ConditionError(msg)
    return value


def _names(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not values:
        msg = f"{value!r} is neither a name nor a list of names"
        raise ConditionError(msg)
    return tuple(dict.fromkeys(map(_name, values)))


def _moment(value: Any) -> Moment:
    if not isinstance(value, str):
        msg = f"{value!r} is not a moment: write a date and time such as 2026-03-01T09:30:00Z"
        raise ConditionError(msg)
    return parse_moment(value)


def _activity_field(value: Any) -> str:
    return check_field(value, ACTIVITY_ROOTS)


def _count(value: Any) -> int:
    number = exact_number(value)
    if number is None or not 1 <= number <= 100_000 or number != int(number):  # noqa: PLR2004
        msg = f"{value!r} is not a whole number from 1 to 100000"
        raise ConditionError(msg)
    return int(number)


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^(\d+(s|mo|m|h|d|w)|P.+)$",
    "examples": ["30s", "15m", "1h", "7d", "1mo"],
}
_CONDITION_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "description": "{field: {operator: value}}; several fields all hold; all, any and not nest.",
}
_STAGE_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "description": "What must hold: scores, grade, facts, activities.",
}
Points = Annotated[int, _reading(to_billionths), WithJsonSchema({"type": "number"})]
AboveZero = Annotated[int, _reading(_above_zero), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
Duration = Annotated[int, _reading(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
MomentText = Annotated[Moment, _reading(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Name = Annotated[str, _reading(_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})]
Names = Annotated[
    tuple[str, ...],
    _reading(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Times = Annotated[int, _reading(_count), WithJsonSchema({"type": "integer", "minimum": 1})]
ActivityField = Annotated[str, _reading(_activity_field), WithJsonSchema({"type": "string"})]
OfActivity = Annotated[
    Any, _reading(lambda raw: parse_condition(raw, ACTIVITY_ROOTS)), WithJsonSchema(_CONDITION_SCHEMA)
]
OfLead = Annotated[Any, _reading(lambda raw: parse_condition(raw, FACT_ROOTS)), WithJsonSchema(_CONDITION_SCHEMA)]
OfStage = Annotated[Any, _reading(parse_stage_condition), WithJsonSchema(_STAGE_SCHEMA)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _one_of(raw: Any, words: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, Any]:
    """A word, or a mapping with one of the keys (and what it holds)."""
    if isinstance(raw, str) and raw in words:
        return raw, None
    if isinstance(raw, Mapping) and len(raw) == 1 and next(iter(raw)) in keys:
        return next(iter(raw.items()))
    strange = (
        raw
        if isinstance(raw, str)
        else next((key for key in raw if key not in keys), None)
        if isinstance(raw, Mapping)
        else None
    )
    valid = [*words, *(f"{{{key}: ...}}" for key in keys)]
    hint = nearest(strange, [*words, *keys]) if strange is not None else f"valid here: {', '.join(valid)}"
    msg = f"{raw!r} is none of {', '.join(valid)}"
    raise ConditionError(msg, (), hint)


# --- behaviour --------------------------------------------------------------------------------------------------------


class AtLeast(_Part):
    """How many matching activities, of how many different values, within what time."""

    times: Times
    within: Duration | None = None
    distinct: ActivityField | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """Which of the earning activities count."""

    kind: Literal["every", "once", "latest", "once_per", "once_per_value"] = "every"
    every: int = 0
    field: str = ""


def _repeat(raw: Any) -> Repeat:
    kind, value = _one_of(raw, ("every", "once", "latest"), ("once_per", "once_per_value"))
    if kind == "once_per":
        return Repeat("once_per", every=parse_duration(value))
    if kind == "once_per_value":
        return Repeat("once_per_value", field=_activity_field(value))
    return Repeat(kind)  # type: ignore[arg-type]


def _decay(raw: Any) -> Decay:
    if raw == "none":
        return NO_DECAY
    since = isinstance(raw, Mapping) and raw.get("since")
    if since not in (None, False, "last_activity"):
        msg = f"`since` is last_activity or absent, not {since!r}"
        raise ConditionError(msg, ("since",))
    shape = {key: value for key, value in raw.items() if key != "since"} if isinstance(raw, Mapping) else raw
    kind, value = _one_of(shape, ("none",), ("half_life", "linear", "step"))
    try:
        if kind == "half_life":
            return Decay("half_life", half_life=parse_duration(value), since_last_activity=bool(since))
        share, lose, every = _loss(value)
    except ConditionError as error:
        raise ConditionError(str(error), (kind, *error.path), error.hint) from error
    except ValueError as error:
        raise ConditionError(str(error), (kind,)) from error
    return Decay(kind, every=every, share=share, lose=lose, since_last_activity=bool(since))  # type: ignore[arg-type]


def _loss(raw: Any) -> tuple[tuple[int, int] | None, int, int]:
    if not isinstance(raw, Mapping) or set(raw) != {"lose", "every"}:
        strange = next((key for key in raw if key not in ("lose", "every")), None) if isinstance(raw, Mapping) else None
        msg = "write {lose: 50%, every: 30d}"
        raise ConditionError(
            msg, (str(strange),) if strange else (), nearest(strange, ("lose", "every")) if strange else ""
        )
    every, lose = parse_duration(raw["every"]), raw["lose"]
    if isinstance(lose, str) and lose.endswith("%"):
        try:
            percent = Decimal(lose[:-1].strip())
        except ArithmeticError:
            percent = Decimal(0)
        if not 0 < percent <= 1_000_000 or percent.as_tuple().exponent < -9:  # type: ignore[operator]  # noqa: PLR2004
            msg = f"{lose!r} is no share: write for instance 50%"
            raise ConditionError(msg, ("lose",))
        return percent.scaleb(-2).as_integer_ratio(), 0, every
    try:
        return None, _above_zero(lose), every
    except ValueError as error:
        raise ConditionError(str(error), ("lose",), "points such as 5, or a share such as 50%") from error


Repeats = Annotated[Any, _reading(_repeat), WithJsonSchema({"type": ["string", "object"]})]
Decays = Annotated[Any, _reading(_decay), WithJsonSchema({"type": ["string", "object"]})]


class Active(_Part):
    """When a rule is in force: from ≤ occurred < until."""

    since: MomentText | None = Field(None, alias="from")
    until: MomentText | None = None


class Idle(_Part):
    """A silence: nothing of some kinds for a time. `of` is None for any activity at all."""

    length: Duration = Field(alias="for")
    of: Annotated[
        Any,
        _reading(lambda raw: None if raw == "any" else _names(raw)),
        WithJsonSchema({"type": ["string", "array"]}),
    ] = None


Importance = Literal["influencing", "important", "most_important", "negative"]


class BehaviourRule(_Part):
    """Points for what a lead does (`on`), or for what it does not (`idle`)."""

    id: Name
    label: str = ""
    on: Names | None = None
    where: OfActivity | None = None
    points: Points
    at_least: AtLeast | None = None
    repeat: Repeats = Repeat()
    score: Name = "engagement"
    group: Name | None = None
    importance: Importance | None = None
    cap: AboveZero | None = None
    decay: Decays | None = None
    expires_after: Duration | None = None
    instead_of: Name | None = None
    only_if: OfLead | None = None
    active: Active | None = None
    idle: Idle | None = None


class FitRule(_Part):
    """Points for who the lead is."""

    id: Name
    label: str = ""
    where: OfLead
    points: Points
    otherwise: Points = 0
    score: Name = "fit"


class Veto(_Part):
    """What forbids every upward stage and every handoff."""

    id: Name
    label: str = ""
    where: OfLead


# --- limits and bands -------------------------------------------------------------------------------------------------


class Group(_Part):
    """Rules that are limited together, in size both ways."""

    label: str = ""
    cap: AboveZero | None = None


def _floor(value: Any) -> int:
    points = to_billionths(value)
    if points > 0:
        msg = "a floor is at most 0"
        raise ValueError(msg)
    return points


def _cap(value: Any) -> int:
    points = to_billionths(value)
    if points < 0:
        msg = "a cap is at least 0"
        raise ValueError(msg)
    return points


class ScoreLimits(_Part):
    """A named score and what it stays within."""

    label: str = ""
    floor: Annotated[int, _reading(_floor), WithJsonSchema({"type": "number", "maximum": 0})] | None = None
    cap: Annotated[int, _reading(_cap), WithJsonSchema({"type": "number", "minimum": 0})] | None = None


class BandEdge(_Part):
    """A band and its lower bound, `above` it or `at_least` at it."""

    name: Name
    above: Points | None = None
    at_least: Points | None = None

    @property
    def band(self) -> Band:
        """The band itself."""
        return Band(self.name, self.at_least if self.above is None else self.above, self.above is not None)


# --- lifecycle --------------------------------------------------------------------------------------------------------


class Leave(_Part):
    """When a lead falls out of a stage, and into which."""

    when: OfStage
    to: Name


class Stage(_Part):
    """One stage: where leads come from, what lets them in and what makes them leave."""

    name: Name
    label: str = ""
    description: str = ""
    origins: Names | None = Field(None, alias="from")
    enter: OfStage | None = None
    leave: Leave | None = None


class Route(_Part):
    """Who of a team gets the lead: by a fact, else by turn."""

    by: Annotated[str, _reading(lambda raw: check_field(raw, FACT_ROOTS)), WithJsonSchema({"type": "string"})]
    otherwise: Literal["round_robin"] = Field("round_robin", alias="else")


class HandoffRule(_Part):
    """To whom a stage hands its leads, how fast an answer is due, and on which channels it goes out."""

    to: Name
    respond_within: Duration | None = None
    notify: tuple[Literal["email", "slack", "webhook"], ...] = ()
    route: Route | None = None


class Example(_Part):
    """A golden lead: what it did, what is known, and what the file must make of it at a moment."""

    name: Name
    activities: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
    at: MomentText
    expect: dict[str, Any] = Field(min_length=1)


class RuleFile(_Part):
    """A whole rule file."""

    name: str = ""
    description: str = ""
    behaviour: tuple[BehaviourRule, ...] = ()
    fit: tuple[FitRule, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    groups: dict[str, Group] = Field(default_factory=dict)
    scores: dict[str, ScoreLimits] = Field(default_factory=dict)
    total: dict[str, Points] = Field(default_factory=dict)
    decay: Decays = NO_DECAY
    temperature: tuple[BandEdge, ...] = ()
    grades: tuple[BandEdge, ...] = ()
    stages: tuple[Stage, ...] = ()
    handoff: dict[str, HandoffRule] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def score_names(self) -> tuple[str, ...]:
        """Every score: engagement and fit always, then the declared ones."""
        return tuple(dict.fromkeys(("engagement", "fit", *self.scores)))


EMPTY = RuleFile()
"""The rule file that holds before the first is published: nothing earns, nobody moves."""

__all__ = ["EMPTY", "Condition", "Decay", "Problem", "RuleFile", "StageCondition"]
