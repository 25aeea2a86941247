"""Idle rules: points for what did not happen. Only the silence that lasts at the moment of scoring earns."""

from __future__ import annotations

from math import exp, expm1, log

from shared.domain.compiled import Compiled
from shared.domain.moments import SECOND
from shared.domain.rulefile import BehaviourRule

_LN2 = log(2)
_LONG = 2_000
"""So many earnings are no longer added up one by one where bounds of their sum will do."""


class Silence:
    """What an idle rule earns by the silence since a moment, for as long as that lasts.

    The k-th earning is at `last` + k times the rule's `for`, for each k from `first` to `final` (None: no end). The
    first that `active` allows is the one that counts `once`. All moments and ages are microseconds, points billionths.
    """

    def __init__(self, rules: Compiled, rule: BehaviourRule, last: int) -> None:
        assert rule.idle is not None  # noqa: S101 - only idle rules have silences
        self.rule, self.last, self.length = rule, last, rule.idle.length
        self.first = 1
        if rule.active is not None and rule.active.since is not None:
            self.first = max(1, -((last - rule.active.since) // self.length))
        self.final = self.first if rule.repeat.kind == "once" else None
        if rule.active is not None and rule.active.until is not None:
            over = (rule.active.until - 1 - last) // self.length
            self.final = over if self.final is None else min(self.final, over)
        decay = rules.decays[rule.id]
        self.flat = decay.kind == "none" and rule.expires_after is None
        self.alike = self.flat or decay.since_last_activity
        self.endless = self.final is None and not decay.since_last_activity
        self._rules, self._decay = rules, decay
        self._sums: dict[tuple[int, int], int] = {}

    def moments(self, at: int) -> range:
        """When it has earned up to a moment, oldest first."""
        times = (at - self.last) // self.length
        if self.final is not None and times > self.final:
            times = self.final
        return range(self.last + self.length * self.first, self.last + self.length * times + 1, self.length)

    def held(self, at: int, last_own: int | None) -> int:
        """What it has earned and not yet lost, at a moment."""
        moments = self.moments(at)
        if not moments:
            return 0
        if self.alike:
            return (len(moments) - self._expired(at)) * self._each(at, last_own)
        return self._series(at - moments[-1], len(moments))

    def span(self, start: int, end: int, last_own: int | None) -> tuple[int, int]:
        """Between which bounds `held` lies at every whole second from one to another."""
        if start == end or self.flat:
            a, b = self.held(start, last_own), self.held(end, last_own)
            return min(a, b), max(a, b)
        earned, later = self.moments(start), self.moments(end)
        if self.alike:
            fewest = max(0, len(earned) - self._expired(end))
            most = min(len(later) - self._expired(start), (self.rule.expires_after or end) // self.length + 1)
            a, b = fewest * self._each(end, last_own), most * self._each(start, last_own)
        elif not later:
            return 0, 0
        elif len(earned) == len(later):
            a = self._about(end - later[-1], len(later))[0]
            b = self._about(start - later[-1], len(later))[1]
        else:
            # it holds most at an earning and least just before the next, both the more the oftener it has earned
            youngest = -self.last % SECOND
            a = self._about(self.length - SECOND + youngest, len(earned))[0]
            b = self._about(youngest, len(later))[1]
            if self.final is not None and len(later) == self.final - self.first + 1:
                a = min(a, self._about(end - later[-1], len(later))[0], key=abs)
        return min(a, b), max(a, b)

    def settled(self, last_own: int | None) -> int:
        """A moment from which on it holds the same for ever, or if `endless` repeats itself with every earning."""
        if self._decay.since_last_activity and last_own is not None:
            return last_own + (self._decay.gone_after(self.rule.points) or 0)
        earned = self.last + self.length * (self.first + 1 if self.final is None else self.final)
        return earned + (self._rules.ends[self.rule.id] or 0)

    def _each(self, at: int, last_own: int | None) -> int:
        """What is left of each earning, where all are left with the same."""
        return self.rule.points if last_own is None else self._decay.aged(self.rule.points, at - last_own)

    def _expired(self, at: int) -> int:
        return 0 if self.rule.expires_after is None else len(self.moments(at - self.rule.expires_after))

    def _series(self, youngest: int, count: int) -> int:
        """The sum of what is left of so many earnings, each a silence older than the next, the youngest of some age."""
        count = self._live(youngest, count)
        if self._decay.kind == "none":
            return self.rule.points * count
        known_as = (youngest, count)
        if known_as not in self._sums:
            ages = range(-self.length * (count - 1), 1, self.length)
            self._sums[known_as] = sum(self._rules.age(self.rule, ages, youngest, None))
        return self._sums[known_as]

    def _live(self, youngest: int, count: int) -> int:
        """How many of so many earnings may have points left, the youngest of some age."""
        ends = self._rules.ends[self.rule.id]
        return count if ends is None else min(count, max(0, (ends - youngest - 1) // self.length + 1))

    def _about(self, youngest: int, count: int) -> tuple[int, int]:
        """The least and the greatest in size that such a sum may be; the sum itself unless it is long."""
        count = self._live(youngest, count)
        if count < _LONG or self._decay.kind != "half_life":
            exact = self._series(youngest, count)
            return exact, exact
        each, first = -_LN2 * self.length / self._decay.half_life, -_LN2 * youngest / self._decay.half_life
        size = abs(self.rule.points) * exp(first) * expm1(each * count) / expm1(each)
        doubt = count // 2 + 2 + int(size * 1e-12)  # a half for each rounding, and what doubles are off
        sign = 1 if self.rule.points > 0 else -1
        return sign * max(0, int(size) - doubt), sign * (int(size) + doubt)
