"""The rule file: the models that read it, and what is wrong with one, told by key.

Numbers mean the decimals written: read YAML or JSON with decimals kept as `Decimal` where you can; a float stands for
the shortest decimal that names it. Points become whole billionths, durations and moments whole microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from shared.domain.ageing import NO_DECAY, Decay
from shared.domain.bands import Band
from shared.domain.conditions import Condition, ConditionError, check_field, nearest, parse_condition
from shared.domain.durations import parse_duration
from shared.domain.moments import Moment, parse_moment
from shared.domain.points import exact_number, to_billionths
from shared.domain.stages import ACTIVITY_ROOTS, FACT_ROOTS, QUALIFICATIONS, StageCondition, parse_stage_condition


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


LONGEST_NAME = 200
"""Characters of a name."""

_IN_NO_NAME = "\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"
NAME_SCHEMA: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    "pattern": f"^[^{_IN_NO_NAME}]+$",
}
"""A name stands in keys, subjects and lines of its own, and reads as it is stored."""
_STRANGE = re.compile(f"[{_IN_NO_NAME}\\ud800-\\udfff]")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_NAME:
        msg = f"{value!r} is no name: write a text of at most {LONGEST_NAME} characters"
        raise ConditionError(msg)
    if found := _STRANGE.search(value):
        msg = f"{value!a} is no name: it holds U+{ord(found[0]):04X}, a line end or a character that does not show"
        raise ConditionError(msg)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        msg = "wants a text; put it in quotes"
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


def _moment_text(value: Any) -> str:
    _moment(value)
    return str(value)


def _field(roots: Mapping[str, bool]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        try:
            return check_field(value, roots)
        except ConditionError as error:  # the field is a value here, no key
            raise ConditionError(str(error), (), error.hint) from error

    return read


def _count(value: Any) -> int:
    number = exact_number(value)
    if number is None or not 1 <= number <= 100_000 or number != int(number):  # noqa: PLR2004
        msg = f"{value!r} is not a whole number from 1 to 100000"
        raise ConditionError(msg)
    return int(number)


_NO_TIME = re.compile("0(s|mo|m|h|d|w)")


def _wait(value: Any) -> int:
    return 0 if isinstance(value, str) and _NO_TIME.fullmatch(value) else parse_duration(value)


def _rating(value: Any) -> int:
    number = exact_number(value)
    if number is None or not 1 <= number <= 5 or number != int(number):  # noqa: PLR2004
        msg = f"{value!r} is no rating: write a whole number from 1 to 5"
        raise ConditionError(msg)
    return int(number)


MOMENT_PATTERN = r"^[0-9]{4}.+[T ].+(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_MOMENT_SCHEMA = {"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN}
DEFINED = "defined"


def _defined(name: str) -> WithJsonSchema:
    """A part of the JSON Schema that `schema.py` writes out."""
    return WithJsonSchema({DEFINED: name})


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]{1,12}(s|mo|m|h|d|w)|P([0-9]+[YMWD])*(T([0-9]+[HMS])+)?)$",
    "examples": ["30s", "15m", "1h", "7d", "1mo"],
}
Points = Annotated[int, _reading(to_billionths), WithJsonSchema({"type": "number"})]
AboveZero = Annotated[int, _reading(_above_zero), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
Duration = Annotated[int, _reading(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
Wait = Annotated[int, _reading(_wait), WithJsonSchema({**_DURATION_SCHEMA, "examples": ["0s", "15m", "1h"]})]
Rating = Annotated[int, _reading(_rating), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 5})]
MomentText = Annotated[Moment, _reading(_moment), WithJsonSchema(_MOMENT_SCHEMA)]
TimeText = Annotated[str, _reading(_moment_text), WithJsonSchema(_MOMENT_SCHEMA)]
Text = Annotated[str, _reading(_text), WithJsonSchema({"type": "string"})]
Name = Annotated[str, _reading(_name), WithJsonSchema(NAME_SCHEMA)]
Names = Annotated[
    tuple[str, ...],
    _reading(_names),
    _defined("Names"),
]
Times = Annotated[int, _reading(_count), WithJsonSchema({"type": "integer", "minimum": 1})]
ActivityField = Annotated[str, _reading(_field(ACTIVITY_ROOTS)), _defined("ActivityField")]
FactField = Annotated[str, _reading(_field(FACT_ROOTS)), _defined("FactField")]
OfActivity = Annotated[Any, _reading(lambda raw: parse_condition(raw, ACTIVITY_ROOTS)), _defined("ActivityCondition")]
OfLead = Annotated[Any, _reading(lambda raw: parse_condition(raw, FACT_ROOTS)), _defined("LeadCondition")]
OfStage = Annotated[Any, _reading(parse_stage_condition), _defined("StageCondition")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class _Part(_Strict):
    @field_validator("*", mode="before")
    @classmethod
    def _has_a_value(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("no_value", "has no value: write one, or leave the key away")
        return value


def _one_of(raw: Any, words: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, Any]:
    """A word, or a mapping with one of the keys (and what it holds)."""
    valid = " or ".join([*words, *(f"{{{key}: ...}}" for key in keys)])
    if isinstance(raw, str):
        if raw in words:
            return raw, None
        if raw in keys:
            msg = f"`{raw}` wants a value: write {{{raw}: ...}}"
            raise ConditionError(msg)
        msg = f"{raw!r} is not valid"
        raise ConditionError(msg, (), _hint(raw, (*words, *keys), valid))
    if not isinstance(raw, Mapping) or len(known := [key for key in raw if key in keys]) > 1 or not raw:
        msg = f"write one of {valid}"
        raise ConditionError(msg)
    if (strange := next((key for key in raw if key not in keys), None)) is not None:
        msg = f"unknown key {strange!r}"
        raise ConditionError(msg, (str(strange),), _hint(strange, keys, valid))
    return known[0], raw[known[0]]


def _hint(word: object, known: tuple[str, ...], otherwise: str) -> str:
    hint = nearest(word, known)
    return hint if hint.startswith("did you mean") else f"write {otherwise}"


def _under(key: str, read: Callable[[Any], Any], raw: Any) -> Any:
    """What a reader makes of the value of a key; its complaint is told under the key."""
    try:
        return read(raw)
    except ValueError as error:
        path, hint = getattr(error, "path", ()), getattr(error, "hint", "")
        raise ConditionError(str(error), (key, *path), hint) from error


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
        return Repeat("once_per", every=_under(kind, parse_duration, value))
    if kind == "once_per_value":
        return Repeat("once_per_value", field=_under(kind, _field(ACTIVITY_ROOTS), value))
    return Repeat(kind)  # type: ignore[arg-type]


_AGEING = ("half_life", "linear", "step", "since")


def _decay(raw: Any) -> Decay:
    since = isinstance(raw, Mapping) and "since" in raw
    if since and raw["since"] != "last_activity":
        msg = f"{raw['since']!r} is not valid"
        raise ConditionError(msg, ("since",), "write last_activity, or leave it away")
    shape = {key: value for key, value in raw.items() if key != "since"} if since else raw
    if (
        isinstance(raw, Mapping)
        and len(raw) > 1
        and (strange := next((key for key in raw if key not in _AGEING), None)) is not None
    ):
        msg = f"unknown key {strange!r}"
        raise ConditionError(msg, (str(strange),), nearest(strange, _AGEING))
    kind, value = _one_of(shape, ("none",), _AGEING[:-1])
    if kind == "none":
        return NO_DECAY
    if kind == "half_life":
        return Decay("half_life", half_life=_under(kind, parse_duration, value), since_last_activity=since)
    share, lose, every = _under(kind, _loss, value)
    return Decay(kind, every=every, share=share, lose=lose, since_last_activity=since)  # type: ignore[arg-type]


def _loss(raw: Any) -> tuple[tuple[int, int] | None, int, int]:
    keys = ("lose", "every")
    if not isinstance(raw, Mapping):
        msg = "write {lose: 50%, every: 30d}"
        raise ConditionError(msg)
    if (strange := next((key for key in raw if key not in keys), None)) is not None:
        msg = f"unknown key {strange!r}"
        raise ConditionError(msg, (str(strange),), nearest(strange, keys))
    if absent := next((key for key in keys if key not in raw), None):
        msg = f"{absent!r} is missing: write {{lose: 50%, every: 30d}}"
        raise ConditionError(msg)
    share, lose = _under("lose", _lost, raw["lose"])
    return share, lose, _under("every", parse_duration, raw["every"])


def _lost(lose: Any) -> tuple[tuple[int, int] | None, int]:
    if isinstance(lose, str) and lose.endswith("%"):
        try:
            percent = Decimal(lose[:-1].strip())
        except ArithmeticError:
            percent = Decimal(0)
        if not 0 < percent <= 1_000_000 or percent.as_tuple().exponent < -9:  # type: ignore[operator]  # noqa: PLR2004
            msg = f"{lose!r} is no share: write for instance 50%"
            raise ConditionError(msg)
        return percent.scaleb(-2).as_integer_ratio(), 0
    try:
        return None, _above_zero(lose)
    except ValueError as error:
        raise ConditionError(str(error), (), "points such as 5, or a share such as 50%") from error


Repeats = Annotated[Any, _reading(_repeat), _defined("Repeat")]
Decays = Annotated[Any, _reading(_decay), _defined("Decay")]


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
        _defined("Names"),
    ] = None


Importance = Literal["influencing", "important", "most_important", "negative"]


class BehaviourRule(_Part):
    """Points for what a lead does (`on`), or for what it does not (`idle`)."""

    id: Name
    label: Text = ""
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
    label: Text = ""
    where: OfLead
    points: Points
    otherwise: Points = 0
    score: Name = "fit"


class Veto(_Part):
    """What forbids every upward stage and every handoff."""

    id: Name
    label: Text = ""
    where: OfLead


# --- limits and bands -------------------------------------------------------------------------------------------------


class Group(_Part):
    """Rules that are limited together, in size both ways."""

    label: Text = ""
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

    label: Text = ""
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
    label: Text = ""
    description: Text = ""
    origins: Names | None = Field(None, alias="from")
    enter: OfStage | None = None
    leave: Leave | None = None
    stay: Duration | None = None


class RouteRule(_Part):
    """Where leads of one kind go: to another team, or to one member of the stage's own team."""

    when: OfLead
    to: Name


class Route(_Part):
    """Who gets the lead: by the first rule that holds, then within the team by a fact, else by turn."""

    rules: tuple[RouteRule, ...] = ()
    by: FactField | None = None
    otherwise: Literal["round_robin"] = Field("round_robin", alias="else")


class Escalate(_Part):
    """Who is told of a handoff that nobody answered, and how long after its deadline."""

    to: Name
    after: Wait = 0


class Reassign(_Part):
    """How long after its deadline a handoff that nobody answered goes to somebody else, in the same team or another."""

    after: Duration
    to: Name | None = None


Channel = Literal["email", "slack", "webhook"]
Channels = Annotated[
    tuple[Channel, ...], BeforeValidator(lambda raw: (raw,) if isinstance(raw, str) else raw), _defined("Channels")
]


class HandoffRule(_Part):
    """To whom a stage hands its leads, how fast an answer is due, and on which channels it goes out."""

    to: Name
    respond_within: Duration | None = None
    remind: Duration | None = None
    escalate: Escalate | None = None
    reassign: Reassign | None = None
    notify: Channels = ()
    route: Route | None = None
    first_touch: Text = ""


class Reason(_Part):
    """Why sales gives a lead back; a bare text in the file is a name."""

    name: Name
    label: Text = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.name.replace("_", " ").capitalize()


def _reason(raw: Any) -> Any:
    return {"name": raw} if isinstance(raw, str) else raw


def _reasons(**labels: str) -> tuple[Reason, ...]:
    return tuple(Reason(name=name, label=label) for name, label in labels.items())


Reasons = Annotated[tuple[Annotated[Reason, BeforeValidator(_reason)], ...], _defined("Reasons")]

REJECTIONS = _reasons(
    no_need="No need",
    no_budget="No budget",
    no_authority="Not the one who decides",
    no_fit="Not the kind of customer that we look for",
    wrong_contact="The contact data is wrong",
    competitor="Works for a competitor",
    spam="Not a real enquiry",
    duplicate="Is known already under another name",
    other="Another reason",
)
RECYCLINGS = _reasons(
    bad_timing="The time is not right",
    no_budget_yet="No budget yet",
    no_answer="Does not answer",
    other="Another reason",
)


class Answers(_Part):
    """The reasons from which sales chooses when it does not keep a lead."""

    reject: Reasons = REJECTIONS
    recycle: Reasons = RECYCLINGS


class QualificationFact(_Part):
    """One of the four qualification facts: what people call it, how it is asked, and which rating confirms it."""

    label: Text = ""
    question: Text = ""
    confirmed_at: Rating | None = None


_FACTS: Mapping[str, Mapping[str, Any]] = {
    "authority": {"label": "Authority", "question": "Who decides about this, and what is your part in it?"},
    "budget": {"label": "Budget", "question": "Is there a budget for this?"},
    "need": {"label": "Need", "question": "What do you need, and what happens if nothing changes?"},
    "timeline": {"label": "Timeline", "question": "By when do you want it to work?"},
}


def _completed(name: str) -> BeforeValidator:
    """The file says of a qualification fact only what differs from what everybody asks."""
    return BeforeValidator(lambda raw: {**_FACTS[name], **raw} if isinstance(raw, Mapping) else raw)


class Qualification(_Part):
    """The four qualification facts."""

    authority: Annotated[QualificationFact, _completed("authority")] = QualificationFact(**_FACTS["authority"])
    budget: Annotated[QualificationFact, _completed("budget")] = QualificationFact(**_FACTS["budget"])
    need: Annotated[QualificationFact, _completed("need")] = QualificationFact(**_FACTS["need"])
    timeline: Annotated[QualificationFact, _completed("timeline")] = QualificationFact(**_FACTS["timeline"])

    def of(self, name: str) -> QualificationFact:
        """The fact of a name.

        Raises:
            KeyError: it is none of the four.
        """
        if name not in QUALIFICATIONS:
            raise KeyError(name)
        fact: QualificationFact = getattr(self, name)
        return fact

    @property
    def confirmed_at(self) -> Mapping[str, int]:
        """From which rating on a fact counts as confirmed; only those for which the file says so."""
        ratings = {name: self.of(name).confirmed_at for name in QUALIFICATIONS}
        return {name: rating for name, rating in ratings.items() if rating is not None}


class NurtureTrack(_Part):
    """The track for leads that miss one criterion."""

    missing: Name
    track: Name


class Nurture(_Part):
    """What is advised for a lead that entered a stage: the track for the first of `tracks` that it misses, or `else`.

    `towards` is the stage whose entry condition tells what is missing.
    """

    tracks: tuple[NurtureTrack, ...] = ()
    otherwise: Name = Field(alias="else")
    towards: Name | None = None


def _nurture(raw: Any) -> Any:
    """`TRACK` and `{track: TRACK}` say the same as `{else: TRACK}`."""
    if isinstance(raw, str):
        return {"else": raw}
    if isinstance(raw, Mapping) and "track" in raw and not {"else", "tracks"} & set(raw):
        return {("else" if key == "track" else key): value for key, value in raw.items()}
    return raw


Nurtures = Annotated[Nurture, BeforeValidator(_nurture)]


class ExampleActivity(_Part):
    """What a golden lead did: a line of `baton score`, which needs no identity and no id here."""

    type: Name
    occurred_at: TimeText
    id: Name | None = None
    identity: dict[str, Text] | None = None
    channel: Name | None = None
    source: Name | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """What is written, as a line of a file of activities says it."""
        return self.model_dump(exclude_unset=True)


class ExampleFacts(_Part):
    """What is known of a golden lead."""

    lead: dict[str, Any] = Field(default_factory=dict)
    company: dict[str, Any] = Field(default_factory=dict)
    consent: Literal["granted", "denied", "unknown"] | None = None
    qualification: dict[str, Any] = Field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """What is written, as a line of a file of facts says it."""
        return self.model_dump(exclude_unset=True)


class Expected(_Strict):
    """What must come out; what is not written may be anything."""

    total: Points = 0
    scores: dict[str, Points] = Field(default_factory=dict)
    temperature: Text | None = None
    grade: Text | None = None
    stage: Text | None = None
    vetoed_by: tuple[Text, ...] = ()
    missing: tuple[Text, ...] = ()


class Example(_Part):
    """A golden lead: what it did, what is known, and what the file must make of it at a moment."""

    name: Name
    activities: tuple[ExampleActivity, ...] = ()
    facts: ExampleFacts = ExampleFacts()
    at: MomentText
    expect: Expected


class RuleFile(_Part):
    """A whole rule file."""

    name: Text = ""
    description: Text = ""
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
    answers: Answers = Answers()
    qualification: Qualification = Qualification()
    nurture: Annotated[dict[str, Nurtures], _defined("NurtureOfStages")] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def score_names(self) -> tuple[str, ...]:
        """Every score: engagement and fit always, then the declared ones."""
        return tuple(dict.fromkeys(("engagement", "fit", *self.scores)))


EMPTY = RuleFile()
"""The rule file that holds before the first is published: nothing earns, nobody moves."""

__all__ = ["EMPTY", "Condition", "Decay", "Problem", "RuleFile", "StageCondition"]
