"""Tallies: what all earnings of a rule have left together at any moment, within bounds, found by bisection.

A score is the sum of its earnings, each rounded by itself, so that telling it takes a look at each of them. Whoever
asks at thousands of moments whether it lies above an edge is told by bounds nearly always: the sum before any rounding
comes from sums prepared once, and each rounding moves it by a half at most.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from shared.domain.ageing import Decay, Halving
from shared.domain.outlook import Span


class Tally:
    """The same points earned at several moments, oldest first. From an own age of `ends` nothing is left of them."""

    def __init__(
        self, decay: Decay, points: int, moments: Sequence[int], ends: int | None, halving: Halving | None
    ) -> None:
        self._decay, self._points, self._moments = decay, points, moments
        self._ends, self._halving = ends, halving
        self._sums: list[int] = []

    def about(self, at: int, start: int, end: int, last_own: int | None) -> Span:
        """Bounds of what is left at a moment of a stretch of them, which lies at that moment or before it."""
        decay, points = self._decay, self._points
        over = start if self._ends is None else bisect_right(self._moments, at - self._ends, start, end)
        if decay.kind == "none":
            return _exactly(points * (end - over))
        if decay.since_last_activity and last_own is not None:
            return _exactly(decay.aged(points, at - last_own) * (end - over))
        if self._halving:
            return self._halving.about(at, start, end)
        if decay.kind == "linear":
            return self._in_line(at, over, end)
        if decay.kind == "step":
            return _exactly(self._in_steps(at, over, end))
        return _exactly(sum(decay.aged(points, at - moment) for moment in self._moments[over:end]))

    def _in_line(self, at: int, over: int, end: int) -> Span:
        """Where each loses the same in the same time, the sum of their ages tells what they have lost."""
        whole, lost = (abs(self._points) * self._decay.every, self._decay.lose)
        if self._decay.share:
            part, parts = self._decay.share
            whole, lost = whole * parts, abs(self._points) * part
        unit = whole // abs(self._points) if self._points else 1
        if lost:
            over = bisect_right(self._moments, at + -whole // lost, over, end)
        if not self._sums:
            self._sums = [0, *accumulate(self._moments)]
        count = end - over
        ages = count * at - (self._sums[end] - self._sums[over])
        size, doubt = (count * whole - lost * ages) // unit, count // 2 + 1
        low, high = max(0, size - doubt), size + doubt
        return (low, high) if self._points > 0 else (-high, -low)

    def _in_steps(self, at: int, over: int, end: int) -> int:
        """Those of the same step have the same left; no more steps are told than there are earnings."""
        every, left = self._decay.every, 0
        while over < end:
            step = (at - self._moments[over]) // every
            following = bisect_right(self._moments, at - step * every, over, end)
            left += self._decay.aged(self._points, step * every) * (following - over)
            over = following
        return left


def _exactly(points: int) -> Span:
    return points, points
