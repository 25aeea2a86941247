"""The ledger: a state read under a rule file, ready to be scored at any moment.

Matches, earnings and facts look only backwards in time, so each is worked out once for all that is in the state; what
had happened by a moment is the beginning of it, found by bisection. A `Bound` is such a moment: everything whose
(moment, id) lies below it has happened.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.domain.ageing import Halving
from shared.domain.behaviour import Key, Match, earning, repeated
from shared.domain.compiled import Compiled
from shared.domain.facts import Facts, known
from shared.domain.fit import FitOutcome
from shared.domain.idle import Silence
from shared.domain.points import POINT, clamp, divide
from shared.domain.rulefile import BehaviourRule
from shared.domain.stages import Activities
from shared.domain.state import NO_VALUE, Adjustment, Entry, ScoreState, claims_of
from shared.domain.tally import Tally

Bound = Key


def until(at: int) -> Bound:
    """The bound below which lies everything that occurred at a moment or before."""
    return (at + 1, "")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the facts decide, as they are known at one time."""

    facts: Facts
    allowed: Mapping[str, bool]
    fit: Sequence[FitOutcome]
    vetoed_by: tuple[str, ...]
    missing: tuple[str, ...]


class Course(NamedTuple):
    """All that a rule ever earns from activities, oldest first, and prepared for halving where it ages so."""

    rule: BehaviourRule
    moments: Sequence[int]
    ids: Sequence[str]
    halving: Halving | None
    tally: Tally

    def below(self, bound: Bound) -> int:
        """How many of them lie below a bound."""
        at, id_ = bound
        start = bisect_left(self.moments, at)
        return bisect_left(self.ids, id_, start, bisect_right(self.moments, at, start)) if id_ else start


MOST_TOLD = 10_000
"""Of one silence so many earnings are told one by one, the latest; those before them are told as one."""


class Earned(NamedTuple):
    """What one rule has earned by a moment, oldest first: whence, and what is left of it.

    The first of them stands for `together` earnings of a long silence.
    """

    rule: BehaviourRule
    moments: Sequence[int]
    ids: Sequence[str | None]
    left: list[int]
    together: int = 1


class Ledger:
    """One lead's state under one rule file."""

    def __init__(self, rules: Compiled, state: ScoreState) -> None:
        self.rules = rules
        entries = sorted(state.entries.values())  # by moment and id, which no two share
        self.keys: list[Key] = [entry[:2] for entry in entries]
        self.rows: dict[str, list[Entry]] = defaultdict(list)
        own: list[Key] = [(moment, "") for moment in state.seen]
        self.adjustments: list[tuple[Key, Adjustment]] = []
        claiming = False
        for entry, key in zip(entries, self.keys, strict=True):
            is_own, marks, _, _, claims, adjustment = entry[2]
            for mark in marks:
                self.rows[mark].append(entry)
            if is_own:
                own.append(key)
            if adjustment:
                self.adjustments.append((key, adjustment))
            if claims:
                claiming = True
        self.own = sorted(own)
        self.happened: list[Key] = sorted({*self.keys, *((moment, "") for moment in state.seen)})
        self.own_of = {
            mark: [entry[:2] for entry in self.rows.get(mark, ()) if entry.trace.own]
            for mark in {f"@{kind}" for rule in rules.idle for kind in (rule.idle and rule.idle.of) or ()}
        }
        self.claims = claims_of(state) if claiming else []
        self.claim_keys: list[Key] = [(claim.at, claim.id) for claim in self.claims]
        self._standings: dict[int, Standing] = {}
        self._courses: dict[tuple[bool, ...], list[Course]] = {}
        self._earnings: dict[tuple[str, tuple[str, ...]], tuple[list[int], list[str]]] = {}
        self._asked: dict[tuple[str, ...], list[Key]] = {}
        self._added: list[int] | None = None

    # --- what had happened by a moment ---

    def standing(self, bound: Bound) -> Standing:
        """What the facts known below a bound decide."""
        count = bisect_left(self.claim_keys, bound)
        if count not in self._standings:
            facts, rules = known(self.claims[:count]), self.rules
            fit = rules.judge(facts)
            self._standings[count] = Standing(
                facts,
                {name: holds(facts) for name, holds in rules.only_if.items()},
                fit,
                rules.veto(facts),
                tuple(sorted({field for outcome in fit for field in outcome.missing})),
            )
        return self._standings[count]

    def last_own(self, bound: Bound, kinds: Sequence[str] | None = None) -> int | None:
        """The moment of the lead's latest own activity (of some types) below a bound."""
        every = [self.own] if kinds is None else [self.own_of[f"@{kind}"] for kind in kinds]
        return max([keys[place - 1][0] for keys in every if (place := bisect_left(keys, bound))], default=None)

    def earnings(self, rule: BehaviourRule, standing: Standing) -> tuple[list[int], list[str]]:
        """Moments and ids of all activities whose earnings count, under what the facts allow."""
        takers = tuple(name for name in self.rules.takers.get(rule.id, ()) if standing.allowed.get(name, True))
        known_as = (rule.id, takers)
        if known_as not in self._earnings:
            kept = self.rows[rule.id]
            if takers:
                kept = [row for row in kept if not any(taker in row.trace.marks for taker in takers)]
            if rule.at_least is None and rule.repeat.kind in ("every", "latest"):
                self._earnings[known_as] = [row.at for row in kept], [row.id for row in kept]
            else:
                matches = [Match(row.at, row.id, *self._values(rule, row)) for row in kept]
                counted = repeated(earning(matches, rule.at_least), rule.repeat)
                self._earnings[known_as] = [match.at for match in counted], [match.id for match in counted]
        return self._earnings[known_as]

    @staticmethod
    def _values(rule: BehaviourRule, entry: Entry) -> tuple[bytes, bytes]:
        noted = dict(zip(entry.trace.fields, entry.values, strict=True))
        distinct = rule.at_least.distinct if rule.at_least else None
        return noted.get(distinct or "", NO_VALUE), noted.get(rule.repeat.field, NO_VALUE)

    def courses(self, bound: Bound) -> list[Course]:
        """Every rule that the facts known below a bound allow, with all that it ever earns from activities."""
        standing = self.standing(bound)
        allowed = tuple(standing.allowed.values())
        if allowed not in self._courses:
            self._courses[allowed] = [
                self._course(rule, standing)
                for rule in self.rules.file.behaviour
                if standing.allowed.get(rule.id, True) and (rule.idle or rule.id in self.rows)
            ]
        return self._courses[allowed]

    def _course(self, rule: BehaviourRule, standing: Standing) -> Course:
        moments, ids = ([], []) if rule.idle else self.earnings(rule, standing)
        halving = self.rules.halving(rule, moments, self.keys[0][0]) if moments else None
        tally = Tally(self.rules.decays[rule.id], rule.points, moments, self.rules.ends[rule.id], halving)
        return Course(rule, moments, ids, halving, tally)

    def silence(self, rule: BehaviourRule, bound: Bound) -> Silence | None:
        """The silence by which an idle rule earns, as it lasts below a bound; None if no such activity came before."""
        last = self.last_own(bound, rule.idle.of if rule.idle else None)
        return None if last is None else Silence(self.rules, rule, last)

    def earned(self, at: int, bound: Bound) -> list[Earned]:
        """Steps 1 to 4: every rule that has earned below a bound, aged to a moment."""
        told: list[Earned] = []
        age, last = self.rules.age, self.last_own(bound)
        for course in self.courses(bound):
            rule, moments, ids, halving, _ = course
            if rule.idle:
                told += self._silent(rule, at, bound)
                continue
            if count := course.below(bound):
                start = count - 1 if rule.repeat.kind == "latest" else 0
                kept = moments[start:count]
                left = halving.left(at, start, count) if halving else age(rule, kept, at, last)
                told.append(Earned(rule, kept, ids[start:count], left))
        return told

    def _silent(self, rule: BehaviourRule, at: int, bound: Bound) -> Iterator[Earned]:
        """What a silence has earned, aged to a moment."""
        silence, last = self.silence(rule, bound), self.last_own(bound)
        moments = silence.moments(at) if silence else range(0)
        if silence and moments:
            told = moments[-MOST_TOLD:]
            left = self.rules.age(rule, told, at, last)
            if len(told) < len(moments):
                left[0] += silence.held(at, last) - sum(left)
            yield Earned(rule, told, [None] * len(told), left, len(moments) - len(told) + 1)

    # --- sums ---

    def sums(self, at: int, bound: Bound) -> dict[str, int]:
        """Each named score ahead of adjustments, floor and cap."""
        scores = dict.fromkeys(self.rules.score_names, 0)
        groups: dict[str, int] = {}
        for earned in self.earned(at, bound):
            rule = earned.rule
            points = clamp(sum(earned.left), -rule.cap, rule.cap) if rule.cap else sum(earned.left)
            if rule.group is None:
                scores[rule.score] += points
            else:
                groups[rule.group] = groups.get(rule.group, 0) + points
        for name, points in groups.items():
            score, cap = self.rules.groups[name]
            scores[score] += clamp(points, -cap, cap) if cap else points
        for outcome in self.standing(bound).fit:
            scores[outcome.rule.score] += outcome.points
        return scores

    def added(self) -> list[int]:
        """What each adjustment adds, in order; `to` adds what brings the sum just before it to its value."""
        if self._added is None:
            added: list[int] = []
            for place, (key, adjustment) in enumerate(self.adjustments):
                points = adjustment.points
                if adjustment.kind == "to" and adjustment.score in self.rules.score_names:
                    points -= self.sums(key[0], key)[adjustment.score]
                    before = zip(self.adjustments[:place], added, strict=True)
                    points -= sum(other for (_, earlier), other in before if earlier.score == adjustment.score)
                added.append(points)
            self._added = added
        return self._added

    def adjusted(self, bound: Bound) -> list[tuple[Key, str, int]]:
        """The adjustments below a bound to scores that exist: when, of which score, how much."""
        if not self.adjustments:
            return []
        return [
            (key, adjustment.score, points)
            for (key, adjustment), points in zip(self.adjustments, self.added(), strict=True)
            if key < bound and adjustment.score in self.rules.score_names
        ]

    def scores(self, at: int, bound: Bound) -> dict[str, int]:
        """Each named score at a moment, within its limits."""
        scores = self.sums(at, bound)
        for _, name, points in self.adjusted(bound):
            scores[name] += points
        for name, (floor, cap) in self.rules.limits.items():
            scores[name] = clamp(scores[name], floor, cap)
        return scores

    def total(self, scores: Mapping[str, int]) -> int:
        """The weighted total of scores, rounded once to a billionth (exact where the weights are whole)."""
        weighted = sum(points * self.rules.weights[name] for name, points in scores.items())
        return divide(weighted, POINT)

    # --- what stages ask ---

    def count(self, asked: Activities, at: int, bound: Bound, since: int | None) -> int:
        """How many activities that the condition asks about lie below a bound and inside its window up to a moment."""
        start = at - asked.within if asked.within is not None else None
        if asked.since_entry and since is not None:
            start = since if start is None else max(start, since)
        found = self._asked.get(asked.marks)
        if found is None:
            found = sorted({row[:2] for mark in asked.marks for row in self.rows.get(mark, ())})
            self._asked[asked.marks] = found
        return max(0, bisect_left(found, bound) - (0 if start is None else bisect_left(found, (start, ""))))
