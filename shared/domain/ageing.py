"""Ageing: what is left of points after a time, in whole billionths, the same on every machine.

Everything here is integer arithmetic. The half-life's 2^(-age/half_life) is a fixed-point fraction of 96 bits: whole
half-lives are exact shifts; of the rest, 24 bits are looked up in two tables and the remainder, below 2^-24, is a
series of three terms. Its error is below 2^-90 of the points, far under the single rounding (half to even) that ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal

from shared.domain.points import divide

_BITS = 96
_ONE = 1 << _BITS
_TABLE_BITS = 12
_MASK = (1 << _TABLE_BITS) - 1
_FIRST_SHIFT = _BITS - _TABLE_BITS
_SECOND_SHIFT = _BITS - 2 * _TABLE_BITS
_REST_MASK = (1 << _SECOND_SHIFT) - 1


def _powers(step: int) -> tuple[int, ...]:
    """2^(-k/step) for k from 0 to 2^12 - 1, in fixed point, each within 2^-95 of the true value."""
    with localcontext() as context:
        context.prec = 60
        one, ratio = Decimal(_ONE), (Decimal(2).ln() / -step).exp()
        powers = []
        for _ in range(1 << _TABLE_BITS):
            powers.append(int(one.to_integral_value()))
            one *= ratio
        return tuple(powers)


with localcontext() as _context:
    _context.prec = 60
    _LN2 = int(Decimal(2).ln() * _ONE)
_FIRST, _SECOND = _powers(1 << _TABLE_BITS), _powers(1 << 2 * _TABLE_BITS)


def halved(points: int, age: int, half_life: int) -> int:
    """`points`·2^(-age/half_life), rounded half to even."""
    times, rest = divmod(age, half_life)
    shift = _BITS + times
    if rest:
        part = (rest << _BITS) // half_life
        fraction = (_FIRST[part >> _FIRST_SHIFT] * _SECOND[(part >> _SECOND_SHIFT) & _MASK]) >> _BITS
        small = ((part & _REST_MASK) * _LN2) >> _BITS
        square = (small * small) >> _BITS
        fraction = (fraction * (_ONE - small + square // 2 - (square * small >> _BITS) // 6)) >> _BITS
    elif times > 2 * _BITS:
        return 0
    else:
        fraction = _ONE
    if shift > 3 * _BITS:
        return 0
    return _shift(points * fraction, shift)


def _shift(value: int, bits: int) -> int:
    """`value` divided by 2^bits, rounded half to even."""
    quotient, rest, half = value >> bits, value & ((1 << bits) - 1), 1 << (bits - 1)
    return quotient + (rest > half or (rest == half and quotient & 1))


@dataclass(frozen=True, slots=True)
class Decay:
    """How points age. `share` is what is lost `every` so often, of the original points, as a fraction; `lose` is it in points."""

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
