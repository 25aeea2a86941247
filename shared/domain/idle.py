"""Idle rules: points for what did not happen. Only the silence that lasts at the moment of scoring earns."""

from __future__ import annotations

from shared.domain.compiled import Compiled
from shared.domain.rulefile import BehaviourRule


class Silence:
    """What an idle rule earns by the silence since a moment, for as long as that lasts.

    The k-th earning is at `last` + k times the rule's `for`, for each k from `first` to `final` (None: no end). All
    moments and ages are microseconds, points billionths.
    """

    def __init__(self, rules: Compiled, rule: BehaviourRule, last: int) -> None:
        assert rule.idle is not None  # noqa: S101 - only idle rules have silences
        self.rule, self.last, self.length = rule, last, rule.idle.length
        self.first, self.final = 1, 1 if rule.repeat.kind == "once" else None
        if rule.active is not None and rule.active.since is not None:
            self.first = max(1, -((last - rule.active.since) // self.length))
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
        """Between which bounds `held` lies from one moment to another."""
        a, b = self.held(start, last_own), self.held(end, last_own)
        if not self.flat:
            before, after = len(self.moments(start)), len(self.moments(end))
            if self.alike:
                a = max(0, before - self._expired(end)) * self._each(end, last_own)
                most = min(after - self._expired(start), (self.rule.expires_after or end) // self.length + 1)
                b = most * self._each(start, last_own)
            elif before != after:
                # it holds most at an earning and least just before the next, both the more the oftener it has earned
                ended = self.final is not None and after == self.final - self.first + 1
                least, most = self._series(self.length - 1, before), self._series(0, after)
                a, b = min(least, b, key=abs) if ended else least, most
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
        ends = self._rules.ends[self.rule.id]
        if ends is not None:
            count = min(count, max(0, (ends - youngest - 1) // self.length + 1))
        if self._decay.kind == "none":
            return self.rule.points * count
        known_as = (youngest, count)
        if known_as not in self._sums:
            ages = range(-self.length * (count - 1), 1, self.length)
            self._sums[known_as] = sum(self._rules.age(self.rule, ages, youngest, None))
        return self._sums[known_as]
