"""Moments as people write them on the command line, and as tables show them."""

from __future__ import annotations

from infra.failure import Failure
from shared.adapters.clock import SystemClock
from shared.domain.moments import Moment, MomentError, parse_moment

_REMEDY = "Write it as 2026-03-01T09:30:00Z, or a day as 2026-03-01, which is its first moment in UTC."


def moment_named(text: str, option: str) -> Moment:
    """The moment that an option names; a day is its first moment in UTC.

    Raises:
        Failure: it is none; the failure says what one looks like.
    """
    try:
        return parse_moment(text if "T" in text else f"{text}T00:00:00Z")
    except (MomentError, OverflowError) as error:
        why = str(error) if "T" in text else ""
        raise Failure(f"{option} {text} is no day and no moment.", _REMEDY, why) from error


def present() -> Moment:
    """The machine's present moment."""
    return SystemClock().now()


def short_moment(moment: str | None) -> str:
    """A moment to the minute."""
    return moment[:16].replace("T", " ") if moment else ""


def to_the_second(moment: str) -> str:
    """A moment to the second."""
    return moment[:19].replace("T", " ")


def short_day(moment: str) -> str:
    """The day that a moment begins, or a moment to the minute."""
    return short_moment(moment).removesuffix(" 00:00")
