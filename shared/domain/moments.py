"""Moments: whole microseconds since 1970-01-01T00:00:00Z, as plain integers, so that arithmetic on them is exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType

Moment = NewType("Moment", int)
"""Microseconds since the Unix epoch, UTC."""

MICROSECOND = 1
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class MomentError(ValueError):
    """A text is not a moment: no ISO 8601 date and time with an offset."""


def parse_moment(text: str) -> Moment:
    """Read an ISO 8601 date and time that carries an offset (`Z` or `+01:00`).

    Raises:
        MomentError: the text is no date and time, or carries no offset.
    """
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is not a moment: write a date and time such as 2026-03-01T09:30:00Z"
        raise MomentError(msg) from error
    return from_datetime(stamp)


def from_datetime(stamp: datetime) -> Moment:
    """Exact microseconds of an aware datetime.

    Raises:
        MomentError: the datetime has no offset, or lies before the year 1 or after the year 9999 in UTC.
    """
    if stamp.tzinfo is None:
        msg = f"{stamp.isoformat()!r} has no offset: add Z or, for instance, +01:00"
        raise MomentError(msg)
    if not _FIRST <= stamp <= _LAST:
        msg = f"{stamp.isoformat()!r} lies outside the years 1 to 9999"
        raise MomentError(msg)
    return Moment((stamp - _EPOCH) // timedelta(microseconds=1))


def to_datetime(moment: Moment) -> datetime:
    """The same moment as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=moment)


def format_moment(moment: Moment) -> str:
    """ISO 8601 in UTC with a `Z`; microseconds only where there are any."""
    return to_datetime(moment).isoformat().replace("+00:00", "Z")
