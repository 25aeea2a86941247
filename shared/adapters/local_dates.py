"""Dates as people and spreadsheets write them: read when they can mean one moment only, or refused with the reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from shared.domain.moments import Moment, MomentError, from_datetime

DateOrder = Literal["iso", "day_first", "month_first"]
"""How the numbers of a date follow one another. A year of four digits that stands first is told by itself."""

_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\s*(.+))?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:,?[T ]\s*(.+))?")
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?\s*(?:([ap])\.?m\.?)?\s*(z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_CENTURY = 2000
_NOON = 12
_MONTHS = 12


class AmbiguousDate(MomentError):
    """A date that is one day to some readers and another day to others."""


def read_local_date(text: str, order: DateOrder | None, zone: tzinfo) -> Moment:
    """The moment of a date with or without a time; the day's beginning without one, in `zone` without an offset.

    Without an `order` a date is read that is the same in every order: 2026-03-01, 31/01/2026 or 02.02.2026, and not
    03/04/2026. Years of two digits are of this century.

    Raises:
        AmbiguousDate: it is another day in another order, and no order is told.
        MomentError: it is no date, or none in that order.
    """
    told = text.strip()
    if found := _YEAR_FIRST.fullmatch(told):
        year, month, day, time = int(found[1]), int(found[3]), int(found[4]), found[5]
    elif (found := _YEAR_LAST.fullmatch(told)) and order != "iso":
        day, month = _day_and_month(told, int(found[1]), int(found[3]), order)
        year, time = int(found[4]) if len(found[4]) > 2 else _CENTURY + int(found[4]), found[5]  # noqa: PLR2004
    else:
        raise _no_date(told, order)
    try:
        return from_datetime(_at_time(datetime(year, month, day, tzinfo=zone), time))
    except (ValueError, OverflowError) as error:
        raise _no_date(told, order) from error


def time_zone(name: str) -> tzinfo:
    """A time zone by its offset, `+01:00`, or by its name, `Europe/Berlin`.

    Raises:
        MomentError: nobody knows a zone of that name.
    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    if found := _OFFSET.fullmatch(name):
        return _offset(found[0])
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = f"{name[:40]!r} is no time zone that is known here: write an offset such as +01:00, or Europe/Berlin"
        raise MomentError(msg) from error


def _day_and_month(told: str, first: int, second: int, order: DateOrder | None) -> tuple[int, int]:
    if order == "day_first":
        return first, second
    if order == "month_first":
        return second, first
    if second > _MONTHS:
        return second, first
    if first > _MONTHS or first == second:
        return first, second
    msg = f"{told[:40]!r} is ambiguous: say whether dates are written day_first or month_first"
    raise AmbiguousDate(msg)


def _at_time(day: datetime, time: str | None) -> datetime:
    if time is None:
        return day
    found = _TIME.fullmatch(time.strip())
    if found is None:
        msg = "no time of day"
        raise ValueError(msg)
    hour, half = int(found[1]), (found[5] or "").lower()
    if half:
        if not 1 <= hour <= _NOON:
            msg = "no hour of half a day"
            raise ValueError(msg)
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    microsecond = int((found[4] or "0").ljust(6, "0"))
    zone = day.tzinfo if found[6] is None else UTC if found[6].lower() == "z" else _offset(found[6])
    return day.replace(hour=hour, minute=int(found[2]), second=int(found[3] or 0), microsecond=microsecond, tzinfo=zone)


def _offset(text: str) -> tzinfo:
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) >= 24 or int(found[3]) >= 60:  # noqa: PLR2004 (hours and minutes)
        msg = f"{text[:40]!r} is no offset"
        raise MomentError(msg)
    distance = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-distance if found[1] == "-" else distance)


_EXAMPLES: dict[DateOrder | None, str] = {
    None: "2026-03-01, 2026-03-01 09:30 or 2026-03-01T09:30:00Z",
    "iso": "2026-03-01, 2026-03-01 09:30 or 2026-03-01T09:30:00Z",
    "day_first": "31/01/2026, 31.01.2026 09:30 or 2026-01-31",
    "month_first": "01/31/2026, 1/31/2026 9:30 AM or 2026-01-31",
}


def _no_date(told: str, order: DateOrder | None) -> MomentError:
    return MomentError(f"{told[:40]!r} is not a date: write it like {_EXAMPLES[order]}")
