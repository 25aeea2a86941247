"""Points: whole billionths of a point as plain integers, so that every sum is exact and order never matters."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

POINT = 1_000_000_000
LARGEST = 1_000_000_000
"""The largest number of points that a rule file may write; more is a slip of the finger."""
_MOST_DIGITS = 1000


class NumberError(ValueError):
    """A value is no number that a rule file can mean."""


def read_number(numeral: str) -> int | Decimal:
    """The number that a numeral of JSON or YAML writes, exactly: an integer, or a decimal with every digit.

    Raises:
        NumberError: it has more than a thousand digits, written or to be counted by its exponent.
    """
    try:
        exact = Decimal(numeral)
    except InvalidOperation:  # an exponent that no decimal carries
        exact = None
    if exact is None or len(numeral) > _MOST_DIGITS or (exact and abs(exact.adjusted()) >= _MOST_DIGITS):
        told = numeral if len(numeral) <= 40 else f"{numeral[:40]}…"  # noqa: PLR2004
        msg = f"the number {told} has more than {_MOST_DIGITS} digits"
        raise NumberError(msg)
    return int(numeral) if numeral.lstrip("+-").isdigit() else exact or Decimal(0)


def exact_number(value: Any) -> int | Decimal | None:
    """The number that a value is, as the decimal written; None for what is no finite number (a boolean is none).

    A float stands for the shortest decimal that names it: 0.1 is one tenth.
    """
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is float:
        return Decimal(repr(value)) if isfinite(value) else None
    if kind is Decimal:
        return Decimal(value) if value.is_finite() else None
    return None


def to_billionths(value: Any) -> int:
    """A number as whole billionths.

    Raises:
        NumberError: it is no number, has more than nine decimals, or is absurdly large.
    """
    number = exact_number(value)
    if number is None:
        msg = f"{value!r} is not a number"
        raise NumberError(msg)
    exact = Decimal(number)
    if exact.copy_abs() > LARGEST:
        msg = f"{value} is too large: at most {LARGEST}"
        raise NumberError(msg)
    sign, digits, exponent = exact.as_tuple()
    written = "".join(map(str, digits))
    kept = written.rstrip("0")
    zeros = int(exponent) + len(written) - len(kept) + 9
    if kept and zeros < 0:
        msg = f"{value} has more than nine decimals"
        raise NumberError(msg)
    return int(f"{'-' if sign else ''}{kept}{'0' * zeros}") if kept else 0


def divide(numerator: int, denominator: int) -> int:
    """Exact division rounded half to even; `denominator` is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = rest * 2
    return quotient + (twice > denominator or (twice == denominator and quotient & 1))


def clamp(value: int, low: int | None, high: int | None) -> int:
    """The value, no lower than `low` and no higher than `high`, where they are given."""
    if high is not None and value > high:
        return high
    return low if low is not None and value < low else value


def format_points(billionths: int) -> str:
    """Billionths as people write them: `65`, `12.5`, `-0.25`; every digit, no rounding."""
    whole, fraction = divmod(abs(billionths), POINT)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{'-' if billionths < 0 else ''}{whole}{digits}"


def to_a_tenth(billionths: int) -> str:
    """Points for people, cut to a tenth and never rounded up in size: nobody reads 50 who has not reached it."""
    return format_points(cut(billionths))


def cut(billionths: int) -> int:
    """Billionths without what lies below a tenth of a point, as `to_a_tenth` shows them."""
    tenth = POINT // 10
    size = abs(billionths) // tenth * tenth
    return size if billionths >= 0 else -size


def as_number(billionths: int) -> int | float:
    """Billionths as a JSON number: an integer where it is whole, else the nearest double."""
    return billionths // POINT if billionths % POINT == 0 else float(format_points(billionths))
