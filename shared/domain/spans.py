"""Spans: between which bounds every score lies over a stretch of time in which nothing happens but ageing.

Over such a stretch each earning only moves towards 0, and what silences earn is bounded from both ends. Adding up the
ends of every rule bounds every score (`Stretch.quick`); that is exact for one second, and near enough wherever points
of one sign are left. Where signs are mixed, a sum need not be monotone, and the rounding of each earning lets it
flicker by billionths: `Stretch.close` then treats half-lives and straight lines as the curves that they are. Earnings
with opposite curves cancel exactly; those with one half-life in common add up to a multiple of one curve, hence to a
monotone one, however mixed their signs; and the slopes bound what different curves can do together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import gcd, log
from typing import Any, NamedTuple

from shared.domain.ageing import Decay
from shared.domain.compiled import Compiled
from shared.domain.idle import Silence
from shared.domain.ledger import Ledger, until
from shared.domain.moments import SECOND
from shared.domain.outlook import Span
from shared.domain.points import POINT, clamp, divide
from shared.domain.rulefile import BehaviourRule

Scores = Mapping[str, Span]
"""The span of each named score, and of the total as `score`."""

Place = tuple[str, str | None]
"""Where points add up first: a score, and a group of it or none."""

Kind = tuple[str, int]
"""The kind of a curve: a half-life with its length, a straight line, or any other."""


class Curve(NamedTuple):
    """What all earnings share whose sizes are the same at every moment.

    Curves of one kind and scale are multiples of one another, by their parts and exponents, until they end.
    """

    kind: Kind
    scale: Any
    exponent: int
    part: int
    ends: int | None


_LINE: Kind = ("line", 0)
_OTHER: Kind = ("other", 0)
_LN2 = log(2)


@dataclass(slots=True)
class _Sum:
    """A sum over a piece of time: a span, and multiples of curves, each with its size at both ends of the piece."""

    low: int = 0
    high: int = 0
    curves: dict[Curve, list[int]] = field(default_factory=dict)

    def add(self, other: _Sum, weight: int = 1) -> None:
        low, high = sorted((other.low * weight, other.high * weight))
        self.low += low
        self.high += high
        for curve, (times, first, last) in other.curves.items():
            mine = self.curves.setdefault(curve, [0, first, last])
            mine[0] += times * weight
            if not mine[0]:
                del self.curves[curve]

    def span(self, seconds: int) -> Span:
        """Bounds of the sum on a piece of so many seconds."""
        low, high = self.low, self.high
        signs = 0
        for times, first, last in self.curves.values():
            if times > 0:
                low, high, signs = low + times * last, high + times * first, signs | 1
            else:
                low, high, signs = low + times * first, high + times * last, signs | 2
        if signs != 3 or not seconds:  # noqa: PLR2004 - both signs
            return low, high
        closer = self._closer(seconds)
        return max(low, closer[0]), min(high, closer[1])

    def _closer(self, seconds: int) -> Span:
        """Bounds by the curves: what the rounded earnings add up to differs from them by half of each multiple."""
        low, high = self.low, self.high
        scales: dict[tuple[Kind, Any], dict[tuple[int, int], list[int]]] = {}
        for (kind, scale, exponent, part, _), (times, first, last) in self.curves.items():
            if kind is _OTHER or not last:  # it may have ended within the piece
                low, high = low + min(times * last, times * first), high + max(times * last, times * first)
            else:
                alike = scales.setdefault((kind, scale), {}).setdefault((exponent, part), [0, first, last])
                alike[0] += times
        kinds: dict[Kind, list[int]] = {}
        for (kind, _), curves in scales.items():
            doubt = sum(abs(times) for times, _, _ in curves.values())
            least = min(exponent for exponent, _ in curves)
            if not sum(times * part << exponent - least for (exponent, part), (times, _, _) in curves.items()):
                # the curves cancel at every moment: what is left is how they are rounded, each by a half at most
                unit = gcd(*(times for times, _, _ in curves.values())) or 1
                rounded = doubt // (2 * unit) * unit
                low, high = low - rounded, high + rounded
                continue
            sums = kinds.setdefault(kind, [0, 0, 0])
            sums[0] += sum(times * first for times, first, _ in curves.values())
            sums[1] += sum(times * last for times, _, last in curves.values())
            sums[2] += doubt
        if not kinds:
            return low, high
        begin = finish = slack = least = most = 0
        falls, climbs = 0.0, 0.0  # the least and the greatest slope, per second
        for (name, length), (first, last, doubt) in kinds.items():
            begin, finish, slack = begin + first, finish + last, slack + doubt
            bottom, top = min(first, last), max(first, last)
            least, most = least + bottom, most + top
            if name == "line":
                falls += (last - first - doubt) / seconds
                climbs += (last - first + doubt) / seconds
            else:
                rate = _LN2 * SECOND / length
                falls -= rate * (top + doubt)
                climbs -= rate * (bottom - doubt)
        if falls < 0 < climbs:
            # it lies under the lines that leave both ends with the greatest slopes, and over those with the least
            wide = climbs - falls
            most = min(most, int((climbs * finish - falls * begin - climbs * falls * seconds) / wide) + 1)
            least = max(least, int((climbs * begin - falls * finish + climbs * falls * seconds) / wide) - 1)
        else:
            least, most = max(least, min(begin, finish)), min(most, max(begin, finish))
        slack += 1 + (abs(begin) + abs(finish) + abs(least) + abs(most) >> 40)  # doubles have 53 bits
        return low + least - slack, high + most + slack


class Stretch:
    """A lead over some seconds in which no activity occurs, under the facts and earnings at their beginning."""

    def __init__(self, rules: Compiled, ledger: Ledger, second: int) -> None:
        self.rules, self.bound = rules, until(second * SECOND)
        self.last_own = ledger.last_own(self.bound)
        self.earnings: list[tuple[BehaviourRule, Sequence[int]]] = []
        self.silences: list[Silence] = []
        self._aged: list[Callable[[int], list[int]]] = []
        for rule, moments, _, halving, _ in ledger.courses(self.bound):
            if rule.idle:
                silence = ledger.silence(rule, self.bound)
                if silence:
                    self.silences.append(silence)
                continue
            count = bisect_left(moments, self.bound[0])
            start = max(count - 1, 0) if rule.repeat.kind == "latest" else 0
            kept = moments[start:count]
            if kept:
                self.earnings.append((rule, kept))
                aged = partial(rules.age, rule, kept, last_own=self.last_own)
                self._aged.append(partial(halving.left, start=start, end=count) if halving else aged)
        self.fixed = dict.fromkeys(rules.score_names, 0)
        for outcome in ledger.standing(self.bound).fit:
            self.fixed[outcome.rule.score] += outcome.points
        for _, name, points in ledger.adjusted(self.bound):
            self.fixed[name] += points
        signs = {rule.points > 0 for rule, _ in self.earnings}
        self.mixed = len(signs) > 1 or any(weight < 0 for weight in rules.weights.values())
        self._left: dict[int, list[list[int]]] = {}
        self._sums: dict[int, list[int]] = {}
        self._curves: list[list[Curve]] | None = None

    # --- spans ---

    def quick(self, low: int, high: int) -> Scores:
        """The span of every score from one second to another, by what each rule has left at both."""
        return combined(self.rules, self.fixed, self._places(low, high))

    def still(self, silence: Silence, low: int, high: int) -> bool:
        """Whether what a silence adds stays as it is between two seconds, as its own or its group's cap binds."""
        place = (silence.rule.score, silence.rule.group)
        spans = self._silent(silence, low, high), _grouped(self.rules, place, self._places(low, high)[place])
        return any(span[0] == span[1] for span in (spans if silence.rule.group else spans[:1]))

    def _places(self, low: int, high: int) -> dict[Place, Span]:
        """The sum of every group, and of what stands in no group of each score, ahead of the groups' caps."""
        sums: dict[Place, Span] = {}
        for (rule, _), a, b in zip(self.earnings, self._summed(low), self._summed(high), strict=True):
            span = capped((b, a) if rule.points > 0 else (a, b), rule.cap)
            sums[rule.score, rule.group] = plus(sums.get((rule.score, rule.group), (0, 0)), span)
        for silence in self.silences:
            rule, span = silence.rule, self._silent(silence, low, high)
            sums[rule.score, rule.group] = plus(sums.get((rule.score, rule.group), (0, 0)), span)
        return sums

    def close(self, low: int, high: int) -> Scores:
        """As `quick`, nearer where points of both signs are left: a limit that does not bind parts no curves."""
        seconds = high - low
        sums: dict[Place, _Sum] = {}
        first, last = self.left(low), self.left(high)
        for place, ((rule, _), a, b) in enumerate(
            zip(self.earnings, self._summed(low), self._summed(high), strict=True)
        ):
            mine = sums.setdefault((rule.score, rule.group), _Sum())
            if rule.cap and max(abs(a), abs(b)) > rule.cap:
                mine.add(_Sum(*capped((min(a, b), max(a, b)), rule.cap)))
                continue
            times = 1 if rule.points > 0 else -1
            for curve, size, end in zip(self.curves()[place], first[place], last[place], strict=True):
                if size:
                    mine.add(_Sum(0, 0, {curve: [times, abs(size), abs(end)]}))
        for silence in self.silences:
            rule, span = silence.rule, self._silent(silence, low, high)
            sums.setdefault((rule.score, rule.group), _Sum()).add(_Sum(*span))
        scores = {name: _Sum(points, points) for name, points in self.fixed.items()}
        for (name, group), found in sums.items():
            cap = self.rules.groups[group][1] if group else None
            scores[name].add(_limited(found, None if cap is None else -cap, cap, seconds))
        total = _Sum()
        spans: dict[str, Span] = {}
        for name, found in scores.items():
            within = _limited(found, *self.rules.limits[name], seconds) if name in self.rules.limits else found
            spans[name] = within.span(seconds)
            total.add(within, self.rules.weights[name])
        whole = total.span(seconds)
        spans["score"] = divide(whole[0], POINT), divide(whole[1], POINT)
        return spans

    def rests(self) -> Iterator[int]:
        """Moments after which nothing moves any more, but for what silences earn for ever."""
        for rule, moments in self.earnings:
            decay, ends = self.rules.decays[rule.id], self.rules.ends[rule.id]
            if ends is not None:
                yield moments[-1] + ends
            elif decay.since_last_activity:
                since = moments[-1] if self.last_own is None else self.last_own
                yield since + (decay.gone_after(rule.points) or 0)
        for silence in self.silences:
            yield silence.settled(self.last_own)

    def _silent(self, silence: Silence, low: int, high: int) -> Span:
        return capped(silence.span(low * SECOND, high * SECOND, self.last_own), silence.rule.cap)

    def left(self, second: int) -> list[list[int]]:
        """What is left at a second of each earning from an activity, rule by rule."""
        found = self._left.get(second)
        if found is None:
            found = self._left[second] = [aged(second * SECOND) for aged in self._aged]
        return found

    def _summed(self, second: int) -> list[int]:
        """What is left at a second of each rule's earnings from activities."""
        found = self._sums.get(second)
        if found is None:
            found = self._sums[second] = [sum(left) for left in self.left(second)]
        return found

    def curves(self) -> list[list[Curve]]:
        """The curve of each earning, rule by rule."""
        if self._curves is None:
            self._curves = [
                [_curve(self.rules.decays[rule.id], rule, moment, self.last_own) for moment in moments]
                for rule, moments in self.earnings
            ]
        return self._curves


def _curve(decay: Decay, rule: BehaviourRule, moment: int, last_own: int | None) -> Curve:
    """The curve of an earning's size, which is `part`·2^`exponent` of its scale while it has not ended."""
    size, ends = abs(rule.points), None if rule.expires_after is None else moment + rule.expires_after
    start = last_own if decay.since_last_activity and last_own is not None else moment
    if decay.kind == "half_life":
        times, phase = divmod(start, decay.half_life)
        twos = (size & -size).bit_length() - 1  # twice the points one half-life earlier are the same
        return Curve(("half-life", decay.half_life), phase, twos + times, size >> twos, ends)
    if decay.kind == "none":
        return Curve(_OTHER, None, 0, size, ends)
    if decay.kind == "linear" and decay.share:
        return Curve(_LINE, (decay, start), 0, size, ends)
    return Curve(_LINE if decay.kind == "linear" else _OTHER, (decay, start, size), 0, size, ends)


def combined(rules: Compiled, fixed: Mapping[str, int], places: Mapping[Place, Span]) -> Scores:
    """The spans of all scores from what does not age and from the sums of their places, ahead of groups' caps."""
    scores = {name: (points, points) for name, points in fixed.items()}
    for place, span in places.items():
        scores[place[0]] = plus(scores[place[0]], _grouped(rules, place, span))
    for name, (floor, cap) in rules.limits.items():
        scores[name] = clamp(scores[name][0], floor, cap), clamp(scores[name][1], floor, cap)
    total = (0, 0)
    for name, weight in rules.weights.items():
        a, b = scores[name]
        total = plus(total, (a * weight, b * weight) if weight >= 0 else (b * weight, a * weight))
    scores["score"] = divide(total[0], POINT), divide(total[1], POINT)
    return scores


def _grouped(rules: Compiled, place: Place, span: Span) -> Span:
    return capped(span, rules.groups[place[1]][1] if place[1] else None)


def plus(span: Span, other: Span) -> Span:
    """The span of a sum."""
    return span[0] + other[0], span[1] + other[1]


def capped(span: Span, cap: int | None) -> Span:
    """The span of what a cap allows, upwards and downwards."""
    return (clamp(span[0], -cap, cap), clamp(span[1], -cap, cap)) if cap else span


def _limited(found: _Sum, low: int | None, high: int | None, seconds: int) -> _Sum:
    """The sum within limits; the curves stay known where the limits do not bind."""
    span = found.span(seconds)
    if (low is None or span[0] >= low) and (high is None or span[1] <= high):
        return found
    return _Sum(clamp(span[0], low, high), clamp(span[1], low, high))
