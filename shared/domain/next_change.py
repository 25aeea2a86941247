"""When time alone changes something: the first whole second at which a band or a stage condition differs from now.

Time is cut at every jump: activities that lie ahead, edges of windows, thresholds of time in a stage. Between two cuts
scores only age, and `spans` bounds each of them over any piece of time. A piece over which the bounds leave no doubt
about any band or condition is done; any other is halved, down to the second, at which there is never a doubt.

A search ends where nothing moves any more. Only silences can earn for ever. Those whose earnings age repeat
themselves, so that one round of all of them tells the rest; those whose earnings stay move a score on and on, until
it lies beyond everything that anybody asks about.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, dropwhile, groupby, pairwise, takewhile
from math import lcm
from typing import Any

from shared.domain.bands import Band, band_of
from shared.domain.compiled import Compiled
from shared.domain.idle import Silence
from shared.domain.journey import Journey, View
from shared.domain.ledger import Ledger
from shared.domain.moments import SECOND, Moment
from shared.domain.outlook import Outlook
from shared.domain.spans import Place, Scores, Stretch
from shared.domain.stages import Activities, InStage, ScoreIs

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, where calendars end."""

MOST_LOOKS = 20_000
"""A search looks at no more pieces than this, about a second's work. What needs more was made for it: rules whose
points cancel to within billionths of an edge for years. Such a lead is to be looked at again at the second reached;
nothing differs before."""

_FAR = 10 * 366 * 86_400
"""Seconds within which a search goes on to its stop, without asking whether everything comes to rest before."""

AGAIN = "nothing yet, look again"

Signature = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class NextChange:
    """When something flips, and what it becomes."""

    at: Moment
    what: str


def go_on() -> None:
    """What is asked before each step of a long work that may take as long as it takes."""


def find(  # noqa: PLR0917 - a lead, and how far to search
    rules: Compiled,
    ledger: Ledger,
    now: int,
    journey: Journey | None,
    stop: int | None = None,
    before_each: Callable[[], None] = go_on,
) -> NextChange | None:
    """The first whole second after now, and not after `stop`, at which the signature differs; or None.

    `before_each` piece of time is called: what it raises ends the search.
    """
    search = _Search(rules, ledger, now, journey or Journey.start(), before_each)
    found = search.first(_LAST_SECOND if stop is None else stop // SECOND)
    if found is None:
        return None
    second, signature = found
    return NextChange(Moment(second * SECOND), _told(rules, search.base, signature))


def _told(rules: Compiled, base: Signature, signature: Signature | None) -> str:
    """What differs, in words."""
    if signature is None:
        return AGAIN
    names = ["temperature", "grade"]
    for name in rules.stages:
        names += [f"condition to enter {name}", f"condition to leave {name}"]
    told = [(name, after) for name, before, after in zip(names, base, signature, strict=True) if before != after]
    return "; ".join(f"{name} {after}" if " " in name else f"{name} becomes {after or 'none'}" for name, after in told)


class _Search:
    def __init__(
        self, rules: Compiled, ledger: Ledger, now: int, journey: Journey, before_each: Callable[[], None]
    ) -> None:
        self.rules, self.ledger, self.now, self.journey = rules, ledger, now, journey
        self._before_each = before_each
        self.base = self._now()
        self._looks = 0

    def _now(self) -> Signature:
        """Everything that shows: temperature, grade, and whether each stage condition holds."""
        look = View(self.rules, self.ledger, self.journey, self.now)
        told = [look.temperature, look.grade]
        for stage in self.rules.stages.values():
            told.append(_in_words(stage.enter is not None and stage.enter(look)))
            told.append(_in_words(stage.leave is not None and stage.leave(look)))
        return tuple(told)

    # --- cutting and halving ---

    def first(self, stop: int) -> tuple[int, Signature | None] | None:
        """The first second after now, and not after another, at which the signature differs, with that signature."""
        for cut, last in self._pieces(stop):
            stretch = Stretch(self.rules, self.ledger, cut)
            end = min(last, self._end(stretch, cut)) if last - cut > _FAR else last
            found = self._within(stretch, cut, end)
            if found is not None:
                return found
        return None

    def _within(self, stretch: Stretch, low: int, high: int) -> tuple[int, Signature | None] | None:
        """The first second from one to another, both included, that differs; nothing jumps in between."""
        look = View(self.rules, self.ledger, self.journey, low * SECOND)
        settled: dict[int, bool] = {}
        pieces = [(low, high)] if low <= high else []
        while pieces:
            self._before_each()
            low, high = pieces.pop()
            self._looks += 1
            if self._looks > MOST_LOOKS:
                return low, None
            told = self._over(look, settled, stretch.quick(low, high))
            if told is None and stretch.mixed and self._over(look, settled, stretch.quick(high, high)) == self.base:
                told = self._over(look, settled, stretch.close(low, high))
            if told is None:
                middle = (low + high) // 2
                pieces += [(middle + 1, high), (low, middle)]
            elif told != self.base:
                return low, told
        return None

    def _over(self, look: View, settled: dict[int, bool], spans: Scores) -> Signature | None:
        """The signature of a piece of time, or None where the spans of its scores leave a doubt."""
        bands: list[str | None] = []
        for edges, (low, high) in ((self.rules.temperature, spans["score"]), (self.rules.grades, spans["fit"])):
            bands.append(band_of(edges, low))
            if bands[-1] != band_of(edges, high):
                return None
        outlook, told = Outlook(bands[0], bands[1], spans, look, settled), [*bands]
        for stage in self.rules.stages.values():
            for condition in (stage.enter_over, stage.leave_over):
                answer = condition is not None and condition(outlook)
                if answer is None:
                    return None
                told.append(_in_words(answer))
        return tuple(told)

    # --- jumps ---

    def _pieces(self, stop: int) -> Iterator[tuple[int, int]]:
        """The seconds after now, up to another, cut into pieces in which nothing jumps after their first second.

        They are told in order, and worked out as they are asked for: whoever did a lot has many ahead, of which the
        first few mostly do.
        """
        start = self.now // SECOND + 1
        ahead = dropwhile(lambda cut: cut <= start, merge(*self._cuts()))
        cuts = (cut for cut, _ in groupby(takewhile(lambda cut: cut <= stop, ahead)))
        yield from ((cut, following - 1) for cut, following in pairwise(chain([start], cuts, [stop + 1])))

    def _cuts(self) -> Iterator[Iterable[int]]:
        """Seconds at which something jumps, other than by ageing and by silences: in several rows, each in order."""
        for keys in (self.ledger.keys, self.ledger.own):
            yield _seconds(keys, self.now, 0)
        for node in self._asked():
            if isinstance(node, Activities) and node.within is not None:
                for mark in node.marks:
                    yield _seconds(self.ledger.rows.get(mark, ()), self.now, node.within + 1)
            elif isinstance(node, InStage) and self.journey.entered_at is not None:
                for length in _lengths(node):
                    edge = self.journey.entered_at + length
                    yield -(-edge // SECOND), edge // SECOND + 1

    def _asked(self) -> Iterator[Any]:
        for stage in self.rules.stages.values():
            yield from stage.asks

    # --- the end ---

    def _end(self, stretch: Stretch, start: int) -> int:
        """The last second that a search needs to look at, when no jump lies ahead."""
        rest = max([start, *(moment // SECOND + 1 for moment in stretch.rests())])
        rounds = [silence for silence in stretch.silences if silence.endless]
        if not rounds:
            return min(rest, _LAST_SECOND)
        once_round = lcm(*(silence.length // SECOND for silence in rounds))
        moving = [silence for silence in rounds if silence.flat]
        if moving and not _cancel(moving, once_round):
            rest = self._settled(stretch, rest)
        return min(rest + once_round, _LAST_SECOND)

    def _settled(self, stretch: Stretch, rest: int) -> int:
        """The first second from which on what moves for ever lies beyond all that anybody asks about."""
        low, high = rest, _LAST_SECOND
        while low < high:
            middle = (low + high) // 2
            if self._beyond(stretch, middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _beyond(self, stretch: Stretch, start: int) -> bool:
        """Whether from a second on no edge lies in the span of any score that silences still move on and on."""
        spans = stretch.quick(start, _LAST_SECOND)
        moving = [each for each in stretch.silences if each.flat and not stretch.still(each, start, _LAST_SECOND)]
        moved = {each.rule.score for each in moving if spans[each.rule.score][0] != spans[each.rule.score][1]}
        if any(self.rules.weights[name] for name in moved):
            moved.add("score")
        return not any(spans[name][0] <= edge <= spans[name][1] for name in moved for edge in self._edges(name))

    def _edges(self, name: str) -> Iterator[int]:
        """Every number that a score is compared with."""
        bands: Sequence[Band] = {"score": self.rules.temperature, "fit": self.rules.grades}.get(name, ())
        yield from (band.edge for band in bands if band.edge is not None)
        for node in self._asked():
            if isinstance(node, ScoreIs) and node.name == name:
                yield from _lengths(node)


def _seconds(keys: Sequence[tuple[Any, ...]], now: int, later: int) -> Iterator[int]:
    """The whole seconds from which some moments, so much later than keys in order begin with, lie behind."""
    first = bisect_left(keys, (now - later,))
    return (-(-(keys[place][0] + later) // SECOND) for place in range(first, len(keys)))


def _in_words(answer: bool) -> str:  # noqa: FBT001 - the answer itself
    return "holds" if answer else "does not hold"


def _lengths(node: ScoreIs | InStage) -> Iterator[int]:
    """The numbers that a comparison names."""
    for _, limit in node.amount.tests:
        yield from limit if isinstance(limit, tuple) else (limit,)


def _cancel(silences: Sequence[Silence], once_round: int) -> bool:
    """Whether silences whose earnings stay add nothing in one round of all, wherever limits might part them."""
    moved: dict[Place, int] = {}
    for silence in silences:
        place = (silence.rule.score, silence.rule.group)
        moved[place] = moved.get(place, 0) + silence.rule.points * (once_round * SECOND // silence.length)
    return not any(moved.values()) and not any(silence.rule.cap for silence in silences)
