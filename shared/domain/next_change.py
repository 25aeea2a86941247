"""When time alone changes something: the first whole second at which a band or a stage condition differs from now.

Time is cut at every jump (activities that lie ahead, edges of windows, thresholds of time in a stage). Between two cuts
what is left of each rule's points only shrinks, and what silences earn can be bounded from both ends; so the scores at
both ends of a piece, rule by rule, bound every score inside it. A piece in which no score can cross an edge that
anybody asks about is done; any other is halved, down to the second. Earnings that cancel each other at every moment are
taken out of the bounds, lest a score that lies still on an edge be looked at second by second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.ageing import Decay
from shared.domain.compiled import Compiled
from shared.domain.idle import MOST_EARNINGS, silences
from shared.domain.journey import Journey, View
from shared.domain.ledger import Earned, Ledger, until
from shared.domain.moments import SECOND, Moment
from shared.domain.points import POINT, clamp, divide
from shared.domain.rulefile import BehaviourRule
from shared.domain.stages import Activities, InStage, ScoreIs

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, where calendars end."""

MOST_LOOKS = 600
"""A search looks at no more pieces than this. A lead that needs more (its score lies within billionths of an edge for
weeks and never crosses it, or a silence earns by the minute) is to be looked at again at the second reached: nothing
differs before that."""

Range = tuple[int, int]
Curve = tuple[Any, ...]
Signature = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class NextChange:
    """When something flips, and what it becomes."""

    at: Moment
    what: str


def find(
    rules: Compiled, ledger: Ledger, now: int, journey: Journey | None, stop: int | None = None
) -> NextChange | None:
    """The first whole second after now, and not after `stop`, at which the signature differs; or None."""
    search = _Search(rules, ledger, now, journey)
    second = search.first(None if stop is None else stop // SECOND)
    if second is None:
        return None
    return NextChange(Moment(second * SECOND), search.becomes(second))


class _Search:
    def __init__(self, rules: Compiled, ledger: Ledger, now: int, journey: Journey | None) -> None:

        self.rules, self.ledger, self.now = rules, ledger, now
        self.journey = journey or Journey.start()
        self.base = self.signature(now)
        self.edges = _edges(rules)
        self._earnings: dict[int, dict[str, Earned]] = {}
        self._signatures: dict[int, Signature] = {}
        self._looks = 0
        self._silent: dict[tuple[str, int, int], int] = {}

    def signature(self, at: int) -> Signature:
        """Everything that shows: temperature, grade, and whether each stage condition holds."""
        view = View(self.rules, self.ledger, self.journey, at)
        told: list[str | None] = [view.temperature, view.grade]
        for stage in self.rules.stages.values():
            told.append("holds" if stage.enter and stage.enter(view) else "does not hold")
            told.append("holds" if stage.leave and stage.leave(view) else "does not hold")
        return tuple(told)

    def at_second(self, second: int) -> Signature:
        if second not in self._signatures:
            self._signatures[second] = self.signature(second * SECOND)
        return self._signatures[second]

    def becomes(self, second: int) -> str:
        """What differs at a second, in words."""
        names = ["temperature", "grade"]
        for name in self.rules.stages:
            names += [f"condition to enter {name}", f"condition to leave {name}"]
        pairs = zip(names, self.base, self.at_second(second), strict=True)
        told = [(name, after) for name, before, after in pairs if before != after]
        if not told:
            return "nothing yet, look again"
        return "; ".join(
            f"{name} {after}" if " " in name else f"{name} becomes {after or 'none'}" for name, after in told
        )

    # --- cutting and halving ---

    def first(self, stop: int | None) -> int | None:
        start = self.now // SECOND + 1
        end = min(self._rest() // SECOND + 1, _LAST_SECOND)
        if stop is not None:
            end = min(end, stop)
        cuts = sorted({cut for cut in self._cuts() if start < cut <= end} | {start})
        for place, cut in enumerate(cuts):
            if self.at_second(cut) != self.base or place > 2 * MOST_LOOKS:
                return cut
            found = self._within(cut, cuts[place + 1] - 1 if place + 1 < len(cuts) else end)
            if found is not None:
                return found
        return None

    def _within(self, low: int, high: int) -> int | None:
        """The first second in (low, high] that differs, given that `low` does not and nothing jumps in between."""
        pieces = [(low, high)]
        while pieces:
            low, high = pieces.pop()
            self._looks += 1
            if self._looks > MOST_LOOKS:
                return low + 1
            if low >= high or self._steady(low, high):
                continue
            if high == low + 1:
                if self.at_second(high) != self.base:
                    return high
                continue
            middle = (low + high) // 2
            pieces += [(middle, high), (low, middle)]
        return None

    def _steady(self, low: int, high: int) -> bool:
        """Whether no score crosses an edge between two seconds."""
        return self._within_edges(self._ranges(low, high, self._whole_span)) or self._within_edges(
            self._ranges(low, high, self._uncancelled_span)
        )

    def _within_edges(self, scores: dict[str, Range]) -> bool:
        return all(
            bisect_right(edges, scores[name][0]) == bisect_right(edges, scores[name][1])
            for name, edges in self.edges.items()
        )

    # --- bounding ---

    def _earned(self, second: int) -> dict[str, Earned]:
        """What is left at a second of the points of each rule with `on`."""
        if second not in self._earnings:
            at = second * SECOND
            every = self.ledger.earned(at, until(at))
            self._earnings[second] = {earned.rule.id: earned for earned in every if not earned.rule.idle}
        return self._earnings[second]

    def _ranges(
        self, low: int, high: int, span_of: Callable[[list[BehaviourRule], int, int], Range]
    ) -> dict[str, Range]:
        """Bounds of every score and of the total (`score`) from one second to another."""
        rules, bound = self.rules, until(low * SECOND)
        together: dict[tuple[str, str | None], list[BehaviourRule]] = {}
        sums: dict[tuple[str, str | None], Range] = {}
        for rule in rules.file.behaviour:
            place = (rule.score, rule.group)
            if rule.idle or rule.cap:
                span = (
                    _silent_span(rules, self.ledger, rule, low, high, self._silent)
                    if rule.idle
                    else self._whole_span([rule], low, high)
                )
                capped = _clamped(span, -rule.cap, rule.cap) if rule.cap else span
                sums[place] = _plus(sums.get(place, (0, 0)), capped)
            else:
                together.setdefault(place, []).append(rule)
        for place, free in together.items():
            sums[place] = _plus(sums.get(place, (0, 0)), span_of(free, low, high))
        scores: dict[str, Range] = dict.fromkeys(rules.score_names, (0, 0))
        for (score, group), span in sums.items():
            cap = rules.groups[group][1] if group else None
            scores[score] = _plus(scores[score], _clamped(span, -cap, cap) if cap else span)
        for outcome in self.ledger.standing(bound).fit:
            scores[outcome.rule.score] = _plus(scores[outcome.rule.score], (outcome.points, outcome.points))
        for _, name, points in self.ledger.adjusted(bound):
            scores[name] = _plus(scores[name], (points, points))
        for name, (floor, cap) in rules.limits.items():
            scores[name] = _clamped(scores[name], floor, cap)
        ends = [sorted((scores[name][0] * weight, scores[name][1] * weight)) for name, weight in rules.weights.items()]
        total = (divide(sum(end[0] for end in ends), POINT), divide(sum(end[1] for end in ends), POINT))
        return {**scores, "score": total}

    def _whole_span(self, rules: list[BehaviourRule], low: int, high: int) -> Range:
        """Bounds of the sum of some rules: each lies between its values at both ends."""
        first, last, span = self._earned(low), self._earned(high), (0, 0)
        for rule in rules:
            if rule.id in first:
                a, b = sum(first[rule.id].left), sum(last[rule.id].left)
                span = _plus(span, (min(a, b), max(a, b)))
        return span

    def _uncancelled_span(self, rules: list[BehaviourRule], low: int, high: int) -> Range:
        """As `_whole_span`, but by single earnings and without those that cancel at every moment."""
        first, last = self._earned(low), self._earned(high)
        kept: dict[Curve, list[tuple[int, int]]] = {}
        for rule in rules:
            if rule.id in first:
                sign = 1 if rule.points > 0 else -1
                for moment, a, b in zip(first[rule.id].moments, first[rule.id].left, last[rule.id].left, strict=True):
                    curve = _curve(self.rules.decays[rule.id], rule, moment)
                    opposite = kept.get((-sign, *curve))
                    if opposite:
                        opposite.pop()
                    else:
                        kept.setdefault((sign, *curve), []).append((min(a, b), max(a, b)))
        spans = [span for every in kept.values() for span in every]
        return sum(low for low, _ in spans), sum(high for _, high in spans)

    # --- jumps ---

    def _cuts(self) -> Iterable[int]:
        """Seconds at which something jumps, other than by what bounds cover."""
        yield from (-(-at // SECOND) for at, _ in (*self.ledger.keys, *self.ledger.own) if at > self.now)
        for stage in self.rules.stages.values():
            for node in stage.asks():
                if isinstance(node, Activities) and node.within is not None:
                    for mark in node.marks:
                        yield from ((row[0] + node.within) // SECOND + 1 for row in self.ledger.rows.get(mark, ()))
                elif isinstance(node, InStage) and self.journey.entered_at is not None:
                    for _, limit in node.amount.tests:
                        for length in limit if isinstance(limit, tuple) else (limit,):
                            edge = self.journey.entered_at + length
                            yield from (-(-edge // SECOND), edge // SECOND + 1)
        for rule in self.rules.idle:
            if _cut_by_each(self.rules, rule):
                yield from self._silent_cuts(rule)

    def _silent_cuts(self, rule: BehaviourRule) -> Iterable[int]:
        length, expiry = rule.idle.length if rule.idle else 1, rule.expires_after
        most = 1 if rule.repeat.kind == "once" else MOST_EARNINGS
        for key in [key for key in self.ledger.own if key[0] > self.now] + [until(self.now)]:
            last = self.ledger.last_own((key[0], key[1] + "\0"), rule.idle.of if rule.idle else None)
            if last is None:
                continue
            decay = self.rules.decays[rule.id]
            gone = decay.gone_after(rule.points) if decay.since_last_activity else None
            last_moment = rule.active.until if rule.active and rule.active.until is not None else _LAST_SECOND * SECOND
            if gone is not None:
                last_moment = min(last_moment, (self.ledger.last_own((key[0], key[1] + "\0")) or last) + gone)
            for number in range(1, 1 + min(most, max(0, last_moment - last) // length)):
                moment = last + number * length
                yield -(-moment // SECOND)
                if expiry is not None:
                    yield -(-(moment + expiry) // SECOND)

    def _rest(self) -> int:
        """A moment after which nothing moves any more."""
        ledger, rules, rest = self.ledger, self.rules, self.now
        ahead = [at for at, _ in (*ledger.keys, *ledger.own)]
        latest = max([self.now, *ahead])
        for rule in rules.file.behaviour:
            gone = rules.decays[rule.id].gone_after(rule.points)
            lengths = [length for length in (gone, rule.expires_after) if length is not None]
            if rule.idle:
                times = 1 if rule.repeat.kind == "once" else MOST_EARNINGS
                rest = max(rest, latest + rule.idle.length * times + max(lengths, default=0))
            elif rule.id in ledger.rows and lengths:
                rest = max(rest, latest + min(lengths))
        windows = [
            node.within
            for stage in rules.stages.values()
            for node in stage.asks()
            if isinstance(node, Activities) and node.within is not None
        ]
        waits = [
            edge
            for stage in rules.stages.values()
            for node in stage.asks()
            if isinstance(node, InStage)
            for _, limit in node.amount.tests
            for edge in (limit if isinstance(limit, tuple) else (limit,))
        ]
        started = self.journey.entered_at or self.now
        return max(rest, latest + max(windows, default=0), started + max(waits, default=0)) + 2 * SECOND


def _curve(decay: Decay, rule: BehaviourRule, moment: int) -> Curve:
    """What two earnings have in common whose sizes are the same at every moment."""
    size, ends = abs(rule.points), None if rule.expires_after is None else moment + rule.expires_after
    if decay.kind != "half_life" or decay.since_last_activity:
        start = None if decay.kind == "none" or decay.since_last_activity else moment
        return (decay, size, start, ends)
    times, phase = divmod(moment, decay.half_life)
    twos = (size & -size).bit_length() - 1  # twice the points one half-life earlier are the same
    return (decay, size >> twos, twos + times, phase, ends)


def _edges(rules: Compiled) -> dict[str, Sequence[int]]:
    """For each score that anybody asks about, the billionths from which on an answer is another one."""
    edges: dict[str, set[int]] = {}
    for name, bands in (("score", rules.temperature), ("fit", rules.grades)):
        edges[name] = {band.edge + band.strict for band in bands if band.edge is not None}
    for stage in rules.stages.values():
        for node in stage.asks():
            if isinstance(node, ScoreIs):
                for _, limit in node.amount.tests:
                    for edge in limit if isinstance(limit, tuple) else (limit,):
                        edges.setdefault(node.name, set()).update((edge, edge + 1))
    return {name: sorted(values) for name, values in edges.items()}


def _cut_by_each(rules: Compiled, rule: BehaviourRule) -> bool:
    """Whether an idle rule's earnings are too irregular to be bounded together."""
    decay = rules.decays[rule.id]
    ages = decay.kind != "none" or rule.expires_after is not None
    return rule.repeat.kind == "once" or (ages and (rule.active is not None or decay.since_last_activity))


def _silent_span(  # noqa: PLR0917
    rules: Compiled, ledger: Ledger, rule: BehaviourRule, low: int, high: int, known: dict[tuple[str, int, int], int]
) -> Range:
    """Bounds of what a silence has earned and not yet lost, from one second to another.

    A silence that has earned k times holds, at its k-th earning, the most that k earnings can, and just before the
    next the least; both only grow with k. Where each earning is a cut, or nothing ages, the ends bound what is between.
    `known` remembers sums between calls.
    """
    decay, bound = rules.decays[rule.id], until(low * SECOND)
    last = ledger.last_own(bound, rule.idle.of if rule.idle else None)
    if last is None or rule.idle is None or not ledger.standing(bound).allowed.get(rule.id, True):
        return 0, 0
    own, length = ledger.last_own(bound), rule.idle.length
    regular = rule.active is None and not _cut_by_each(rules, rule)

    def series(youngest: int, count: int) -> int:
        key = (rule.id, youngest, count)
        if key not in known:
            known[key] = _series(rules, rule, youngest, count)
        return known[key]

    def held(second: int) -> int:
        if regular:
            count = min((second * SECOND - last) // length, MOST_EARNINGS)
            return series(second * SECOND - last - count * length, count)
        moments = silences(rule, last, second * SECOND)
        return sum(rules.age(rule, moments, second * SECOND, own))

    if not regular or (decay.kind == "none" and rule.expires_after is None):
        a, b = held(low), held(high)
        return min(a, b), max(a, b)
    first, final = ((second * SECOND - last) // length for second in (low, high))
    if first == final:
        a, b = held(low), held(high)
        return min(a, b), max(a, b)
    least = 0 if final > MOST_EARNINGS else series(length, min(first, MOST_EARNINGS))
    most = series(0, min(final, MOST_EARNINGS))
    return min(least, most), max(least, most)


def _series(rules: Compiled, rule: BehaviourRule, youngest: int, count: int) -> int:
    """The sum of what is left of so many earnings, one silence apart, the youngest of some age."""
    length = rule.idle.length if rule.idle else 1
    if rules.decays[rule.id].kind == "none" and rule.expires_after is None:
        return rule.points * count
    return sum(rules.age(rule, range(length * (1 - count), 1, length), youngest, None))


def _plus(span: Range, other: Range) -> Range:
    return span[0] + other[0], span[1] + other[1]


def _clamped(span: Range, low: int | None, high: int | None) -> Range:
    return clamp(span[0], low, high), clamp(span[1], low, high)
