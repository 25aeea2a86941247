"""JSON from strangers: read to the letter, or refused with a reason before it can cost anything."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Never

from shared.domain.activity import Json
from shared.domain.refusals import Malformed, TooLarge

MAX_DEPTH = 20
MAX_VALUES = 50_000
_MAX_NUMERAL = 40
_MAX_MAGNITUDE = 1e100
_HOLDS_TEXT = frozenset({str, dict, list})

_UNSAFE = re.compile("[\x00\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""NUL, the controls that make text read otherwise than it is stored (Unicode's Bidi_Control), lone surrogates."""


def read_json(body: bytes) -> Json:
    """The JSON value that UTF-8 bytes hold.

    Stricter than `json.loads`: a key stands once in an object, numbers are finite and of a sane size, text holds no
    NUL, bidirectional control or lone surrogate, and nothing is nested deeper than `MAX_DEPTH`.

    Raises:
        Malformed: the bytes are no such JSON; the message says where.
        TooLarge: it holds more values than anybody sends in good faith.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        msg = f"the body holds more than {MAX_VALUES} values"
        raise TooLarge(msg)
    value = _parse(decode(body))
    _check(value, "", 1)
    return value


def decode(body: bytes) -> str:
    """UTF-8 bytes as text, a byte order mark left out.

    Raises:
        Malformed: the bytes are not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"the body is not UTF-8 text (byte {error.start})"
        raise Malformed(msg) from error


def size(value: Json) -> int:
    """The bytes of a JSON value in its shortest writing, so that blanks and escapes make nothing larger."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def is_honest(text: str) -> bool:
    """Whether text holds neither a NUL nor a bidirectional control nor a lone surrogate."""
    return not _UNSAFE.search(text)


def honest(text: str) -> str:
    """Text without what no honest text holds: for what people type, who see neither it nor what a program adds."""
    return _UNSAFE.sub("", text)


def check_text(text: str, at: str) -> None:
    """Refuse text that holds what no honest text holds.

    Raises:
        Malformed: the text has a NUL, a bidirectional control or a lone surrogate.
    """
    if found := _UNSAFE.search(text):
        msg = f"the text holds the character U+{ord(found.group()):04X}, which is refused"
        raise Malformed(msg, at or None)


def _parse(text: str) -> Json:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant)
    except json.JSONDecodeError as error:
        msg = f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise Malformed(msg) from error
    except RecursionError as error:
        raise _too_deep("") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"the key {_short(twice)} stands twice in one object"
        raise Malformed(msg)
    return value


def _float(numeral: str) -> float:
    value = float(numeral) if len(numeral) <= _MAX_NUMERAL else math.inf
    vanished = value == 0 and any(digit in "123456789" for digit in numeral.lower().partition("e")[0])
    if abs(value) >= _MAX_MAGNITUDE or vanished:
        raise _bad_number(numeral)
    return value


def _int(numeral: str) -> int:
    if len(numeral) > _MAX_NUMERAL:
        raise _bad_number(numeral)
    return int(numeral)


def _constant(name: str) -> Never:
    msg = f"{name} is not a JSON number"
    raise Malformed(msg)


def _bad_number(numeral: str) -> Malformed:
    return Malformed(f"the number {_short(numeral)} is beyond what is taken")


def _too_deep(at: str) -> Malformed:
    return Malformed(f"the body is nested deeper than {MAX_DEPTH} levels", at[:100] or None)


def _short(text: str) -> str:
    return ascii(text if len(text) <= _MAX_NUMERAL else text[:_MAX_NUMERAL] + "…")


def _check(value: Json, at: str, depth: int) -> None:
    kind = value.__class__
    if kind is str:
        check_text(value, at)
    elif kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise _too_deep(at)
        _check_members(value, at, depth + 1)


def _check_members(value: dict[str, Json] | list[Json], at: str, depth: int) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            check_text(name, at)
            if inner.__class__ in _HOLDS_TEXT:
                _check(inner, f"{at}.{name}" if at else name, depth)
    else:
        for place, inner in enumerate(value):
            if inner.__class__ in _HOLDS_TEXT:
                _check(inner, f"{at}[{place}]", depth)
