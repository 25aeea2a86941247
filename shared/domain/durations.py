"""Durations: whole microseconds above zero. A day has 24 hours, a month 30 days, a year 365."""

from __future__ import annotations

import re

from shared.domain.moments import DAY, HOUR, MINUTE, SECOND

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY}
_SHORT = re.compile(r"(\d{1,12})(s|mo|m|h|d|w)", re.ASCII)
_ISO = re.compile(
    r"P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})W)?(?:(\d{1,9})D)?"
    r"(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})S)?)?",
    re.ASCII,
)
_ISO_UNITS = (365 * DAY, 30 * DAY, 7 * DAY, DAY, HOUR, MINUTE, SECOND)
_LONGEST = 200 * 365 * DAY
_WORDS = (("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("second", SECOND))


class DurationError(ValueError):
    """A text is no duration."""


def parse_duration(text: object) -> int:
    """Read `30s 15m 1h 7d 4w 1mo` or ISO 8601 (`P1M`, `PT12H`).

    Raises:
        DurationError: it is neither, is not above zero, or is longer than 200 years.
    """
    length = 0
    if isinstance(text, str):
        if short := _SHORT.fullmatch(text):
            length = int(short[1]) * _UNITS[short[2]]
        elif iso := _ISO.fullmatch(text):
            length = sum(int(count) * unit for count, unit in zip(iso.groups(), _ISO_UNITS, strict=True) if count)
    if not 0 < length <= _LONGEST:
        msg = f"{text!r} is not a duration: write a whole number above zero with a unit, as 30s, 15m, 1h, 7d, 4w or 1mo"
        raise DurationError(msg)
    return length


def in_words(length: int) -> str:
    """A duration for people: `7 days`, `1 hour`, `90 minutes`."""
    unit, size = next(((word, size) for word, size in _WORDS if length % size == 0), ("microsecond", 1))
    count = length // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
