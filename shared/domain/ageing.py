"""Ageing: what is left of points after a time, in whole billionths, the same on every machine.

The half-life's 2^(-age/half_life) is defined by integer arithmetic, as a fixed-point fraction of 96 bits (`halved`):
whole half-lives are exact shifts; of the rest, 24 bits are looked up in two tables and the remainder, below 2^-24, is a
series of three terms. Its error is below 2^-88 of the points, far under the single rounding (half to even) at the end.
Where doubles provably round to the same whole number they are used instead, because they are quicker (`Halving`):
only + - * / of IEEE 754 and scaling by powers of two, whose results are the same everywhere, never the library's `pow`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import accumulate
from math import floor, ldexp
from typing import Literal

from shared.domain.points import divide

_BITS = 96
_ONE = 1 << _BITS
_GUARD = 64
_TABLE_BITS = 12
_TABLE = 1 << _TABLE_BITS
_MASK = _TABLE - 1
_FIRST_SHIFT = _BITS - _TABLE_BITS
_SECOND_SHIFT = _BITS - 2 * _TABLE_BITS
_REST_MASK = (1 << _SECOND_SHIFT) - 1

with localcontext() as _context:
    _context.prec = 80
    _LN2_EXACT = Decimal(2).ln()
    _LN2 = int(_LN2_EXACT * _ONE)
    _RATIOS = [
        int((-_LN2_EXACT / (1 << bits)).exp() * (1 << _BITS + _GUARD)) for bits in (_TABLE_BITS, 2 * _TABLE_BITS)
    ]


def _powers(ratio: int) -> tuple[int, ...]:
    """The first 4096 powers of a ratio, in fixed point, each within 2^-95 of the true value."""
    power, powers = 1 << _BITS + _GUARD, []
    for _ in range(_TABLE):
        powers.append(power >> _GUARD)
        power = power * ratio >> _BITS + _GUARD
    return tuple(powers)


_FIRST, _SECOND = map(_powers, _RATIOS)
_DOUBLES = (*(power / _ONE for power in _FIRST), 0.5)
_C1 = float(_LN2_EXACT)
_C2, _C3 = _C1 * _C1 / 2, _C1 * _C1 * _C1 / 6
_DOUBLE_ERROR = 4e-15
"""More than the relative error of the quick way: eighteen roundings of 2^-53 each, and series cut at 2^-54."""
_BIT = 2.0**-52
_SPARE = 64
"""So many bits at the end of a sum of doubles are in doubt beside one for each addition."""
_FARTHEST = 900
"""So many half-lives apart, a double still holds 2^(their number) times any points with all of its bits."""


def halved(points: int, age: int, half_life: int) -> int:
    """`points`·2^(-age/half_life), rounded half to even."""
    times, rest = divmod(age, half_life)
    if times > 2 * _BITS:
        return 0
    fraction = _ONE
    if rest:
        part = (rest << _BITS) // half_life
        fraction = (_FIRST[part >> _FIRST_SHIFT] * _SECOND[(part >> _SECOND_SHIFT) & _MASK]) >> _BITS
        small = ((part & _REST_MASK) * _LN2) >> _BITS
        square = (small * small) >> _BITS
        fraction = (fraction * (_ONE - small + square // 2 - (square * small >> _BITS) // 6)) >> _BITS
    bits = _BITS + times
    quotient, left, half = points * fraction >> bits, points * fraction & (1 << bits) - 1, 1 << bits - 1
    return quotient + (left > half or (left == half and quotient & 1))


@lru_cache(maxsize=2048)
def _power(age: int, half_life: int) -> float:
    """2^(-age/half_life) as a double; the age may be negative. The rules of one lead ask for the same ones."""
    times, rest = divmod(age, half_life)
    part = rest / half_life
    place = int(part * _TABLE)
    x = part - place / _TABLE
    return ldexp(_DOUBLES[place] * (1.0 - x * (_C1 - x * (_C2 - x * _C3))), -times)


class Halving:
    """The same points earned at several moments, oldest first, prepared so that what is left of them is told quickly.

    2^(-(at - moment)/half_life) is 2^((moment - origin)/half_life), worked out once, times what each look works out
    once, 2^(-(at - origin)/half_life). No moment lies before the origin. From an own age of `ends` nothing is left.
    """

    def __init__(self, points: int, moments: Sequence[int], half_life: int, ends: int, origin: int) -> None:
        self._points, self._moments, self._half_life, self._ends = points, moments, half_life, ends
        self._origin, self._latest_look = origin, origin + _FARTHEST * half_life
        doubt = abs(points) * _DOUBLE_ERROR
        self._below, self._above = 0.5 - doubt, 0.5 + doubt
        sure = doubt < 0.25 and moments[-1] <= self._latest_look  # noqa: PLR2004 - beyond, doubles tell nothing
        self._sizes = [points * _power(origin - moment, half_life) for moment in moments] if sure else None
        self._sums: list[float] = []

    def left(self, at: int, start: int, end: int) -> list[int]:
        """`halved` of a stretch of them at a moment: by doubles wherever those are sure to round the same."""
        points, moments, half_life, sizes = self._points, self._moments, self._half_life, self._sizes
        over = bisect_right(moments, at - self._ends, start, end)
        left = [0] * (over - start)
        if over == end:  # a moment may lie so long before the origin that no double tells it
            return left
        if sizes is None or at > self._latest_look:
            return left + [halved(points, at - moment, half_life) for moment in moments[over:end]]
        share, below, above = _power(at - self._origin, half_life), self._below, self._above
        for place in range(over, end):
            size = sizes[place] * share
            whole = floor(size + below)
            left.append(whole if whole == floor(size + above) else halved(points, at - moments[place], half_life))
        return left

    def about(self, at: int, start: int, end: int) -> tuple[int, int]:
        """Bounds of the sum of `left`, by bisection: a millionth of it apart at most, and a unit for each earning."""
        if self._sizes is None or at > self._latest_look:
            whole = sum(self.left(at, start, end))
            return whole, whole
        over = bisect_right(self._moments, at - self._ends, start, end)
        if over == end:
            return 0, 0
        if not self._sums:
            self._sums = [0.0, *accumulate(self._sizes)]
        share = _power(at - self._origin, self._half_life)
        size = int((self._sums[end] - self._sums[over]) * share)
        # Every earning is rounded by a half at most, and so is every addition of the sums, by a bit of their greatest.
        doubt = int(abs(self._sums[end]) * share * (end + _SPARE) * _BIT) + (end - over) // 2 + 2
        return size - doubt, size + doubt


@dataclass(frozen=True, slots=True)
class Decay:
    """How points age: what they lose `every` so often, as a `share` of the original points or in points (`lose`)."""

    kind: Literal["none", "half_life", "linear", "step"] = "none"
    half_life: int = 0
    every: int = 0
    share: tuple[int, int] | None = None
    lose: int = 0
    since_last_activity: bool = False

    def aged(self, points: int, age: int) -> int:
        """What is left of `points` at an age; negative points move towards 0 in the same way."""
        if self.kind == "none" or age <= 0:
            return points
        if self.kind == "half_life":
            return halved(points, age, self.half_life)
        if self.kind == "step":
            age -= age % self.every
        if self.share:
            part, whole = self.share
            left = whole * self.every - part * age
            return divide(points * left, whole * self.every) if left > 0 else 0
        size = abs(points) * self.every - self.lose * age
        left = divide(size, self.every) if size > 0 else 0
        return left if points > 0 else -left

    def gone_after(self, points: int) -> int | None:
        """An age from which nothing is left, or None when points stay."""
        if self.kind == "none":
            return None
        if self.kind == "half_life":
            return self.half_life * (abs(points).bit_length() + 2)
        if self.share:
            return -(-self.share[1] * self.every // self.share[0]) + self.every
        return -(-abs(points) * self.every // self.lose) + self.every


NO_DECAY = Decay()
