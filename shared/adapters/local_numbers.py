"""Numbers as people and spreadsheets write them: read when they can mean one number only, or refused with the reason.

What is no number, such as 51-200 or 007, stays the text that it is.
"""

from __future__ import annotations

import re
from typing import Literal

DecimalSign = Literal["point", "comma"]
"""What parts a number from its decimals; the other sign then parts its thousands."""

_EXACT = 2**53
"""Below it a number with a point is exactly the whole number that it seems to be."""
_PLAIN = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?")
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:(?:\.\d{3}){1,4}|(?:,\d{3}){1,4})")
"""Without decimals: 1.200 is what some write for 1200, and 1,200 is what others do."""
_GROUPED = r"-?(?:0|[1-9]\d{{0,14}}|[1-9]\d{{0,2}}(?:{thousands}\d{{3}}){{1,4}})(?:{decimals}\d{{1,10}})?"
_WRITTEN: dict[DecimalSign, re.Pattern[str]] = {
    "point": re.compile(_GROUPED.format(thousands=",", decimals=r"\.")),
    "comma": re.compile(_GROUPED.format(thousands=r"\.", decimals=",")),
}


class AmbiguousNumber(ValueError):
    """A number that is a thousand times another to other readers."""


def read_local_number(text: str, decimal: DecimalSign | None) -> int | float | str:
    """The number that stands there, or the text as it is. One value is one number, however it is written: 7.0 is 7.

    Without a `decimal` sign a number is read that has no thousands parted, such as 1200, 12.5 or 0.125.

    Raises:
        AmbiguousNumber: it may have thousands parted, or decimals, and no sign is told: 1.200, 1,200 or 1.200.000.
    """
    if decimal is None and _THOUSANDS.fullmatch(text):
        msg = (
            f"{text!r} is ambiguous: write it without a sign between thousands, or say which sign parts decimals "
            "(`decimal`: point or comma)"
        )
        raise AmbiguousNumber(msg)
    if not (_WRITTEN[decimal] if decimal else _PLAIN).fullmatch(text):
        return text
    plain = text.replace(".", "").replace(",", ".") if decimal == "comma" else text.replace(",", "")
    return whole_if_exact(float(plain)) if "." in plain else int(plain)


def whole_if_exact(number: float) -> int | float:
    """The whole number that a number with a point exactly is; another stays as it is."""
    return int(number) if number.is_integer() and abs(number) < _EXACT else number
