"""The values of a rule file: how each is read, what is wrong with it, and how the JSON Schema tells it.

Numbers mean the decimals written: points become whole billionths, durations and moments whole microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from shared.domain.conditions import ConditionError, check_field, nearest, parse_condition
from shared.domain.durations import parse_duration
from shared.domain.moments import Moment, parse_moment
from shared.domain.points import exact_number, to_billionths
from shared.domain.stages import ACTIVITY_ROOTS, FACT_ROOTS, parse_stage_condition


def reading_by(read: Callable[[Any], Any]) -> PlainValidator:
    """A validator whose complaint carries the path and the hint of the reader's own error."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, OverflowError) as error:
            path, hint = getattr(error, "path", ()), getattr(error, "hint", "")
            context = {"message": str(error), "path": path, "hint": hint}
            raise PydanticCustomError("unreadable", "{message}", context) from error

    return PlainValidator(validate)


def above_zero(value: Any) -> int:
    """Points above zero, in billionths.

    Raises:
        ValueError: they are none, or not above zero.
    """
    points = to_billionths(value)
    if points <= 0:
        msg = f"{value} is not above zero"
        raise ValueError(msg)
    return points


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


def names(value: Any) -> tuple[str, ...]:
    """A name or a list of names, each once.

    Raises:
        ConditionError: it is neither.
    """
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


def field_in(roots: Mapping[str, bool]) -> Callable[[Any], str]:
    """A reader of the name of a field below some roots."""

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


def defined(name: str) -> WithJsonSchema:
    """A part of the JSON Schema that `schema.py` writes out."""
    return WithJsonSchema({DEFINED: name})


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]{1,12}(s|mo|m|h|d|w)|P([0-9]+[YMWD])*(T([0-9]+[HMS])+)?)$",
    "examples": ["30s", "15m", "1h", "7d", "1mo"],
}
Points = Annotated[int, reading_by(to_billionths), WithJsonSchema({"type": "number"})]
AboveZero = Annotated[int, reading_by(above_zero), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
Duration = Annotated[int, reading_by(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
Wait = Annotated[int, reading_by(_wait), WithJsonSchema({**_DURATION_SCHEMA, "examples": ["0s", "15m", "1h"]})]
Rating = Annotated[int, reading_by(_rating), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 5})]
MomentText = Annotated[Moment, reading_by(_moment), WithJsonSchema(_MOMENT_SCHEMA)]
TimeText = Annotated[str, reading_by(_moment_text), WithJsonSchema(_MOMENT_SCHEMA)]
Text = Annotated[str, reading_by(_text), WithJsonSchema({"type": "string"})]
Name = Annotated[str, reading_by(_name), WithJsonSchema(NAME_SCHEMA)]
Names = Annotated[
    tuple[str, ...],
    reading_by(names),
    defined("Names"),
]
Times = Annotated[int, reading_by(_count), WithJsonSchema({"type": "integer", "minimum": 1})]
ActivityField = Annotated[str, reading_by(field_in(ACTIVITY_ROOTS)), defined("ActivityField")]
FactField = Annotated[str, reading_by(field_in(FACT_ROOTS)), defined("FactField")]
OfActivity = Annotated[Any, reading_by(lambda raw: parse_condition(raw, ACTIVITY_ROOTS)), defined("ActivityCondition")]
OfLead = Annotated[Any, reading_by(lambda raw: parse_condition(raw, FACT_ROOTS)), defined("LeadCondition")]
OfStage = Annotated[Any, reading_by(parse_stage_condition), defined("StageCondition")]


class Unread(AttributeError):
    """Something is asked of a part of a rule file that could not be read."""


class Strict(BaseModel):
    """A part of a rule file: what it does not know is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Asked only for what is not there, which is a field that could not be read or no field at all."""
            if name in type(self).model_fields:
                raise Unread(name)
            return super().__getattr__(name)


class Part(Strict):
    """A part of which no key stands without a value."""

    @field_validator("*", mode="before")
    @classmethod
    def _has_a_value(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("no_value", "has no value: write one, or leave the key away")
        return value


def one_of(raw: Any, words: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, Any]:
    """A word, or a mapping with one of the keys (and what it holds).

    Raises:
        ConditionError: it is neither, or a mapping with several of them.
    """
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


def under(key: str, read: Callable[[Any], Any], raw: Any) -> Any:
    """What a reader makes of the value of a key; its complaint is told under the key.

    Raises:
        ConditionError: the reader complains; the path begins with the key.
    """
    try:
        return read(raw)
    except ValueError as error:
        path, hint = getattr(error, "path", ()), getattr(error, "hint", "")
        raise ConditionError(str(error), (key, *path), hint) from error
