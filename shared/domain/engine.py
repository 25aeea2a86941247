"""The engine: a rule file compiled once, and everything that can be asked of it.

`absorb` takes activities into a lead's state; `score`, `explain`, `next_change` and `advance` read the state at a
moment. All of them are pure functions of the set of activities, the rule file and the moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain import conditions, explanation, lifecycle, next_change
from shared.domain.activity import SCORE_ADJUSTED, Activity
from shared.domain.adjustments import adjustment_of
from shared.domain.ageing import NO_DECAY, halved_all
from shared.domain.bands import band_of
from shared.domain.explanation import Explanation, Lift
from shared.domain.fit import judge, veto
from shared.domain.ledger import Ledger, until
from shared.domain.lifecycle import Journey, Transition
from shared.domain.matching import Asked, index
from shared.domain.moments import Moment
from shared.domain.next_change import NextChange
from shared.domain.points import POINT
from shared.domain.rulefile import BehaviourRule, HandoffRule, RuleFile
from shared.domain.stages import Activities
from shared.domain.state import Entry, ScoreState, Trace, digest, short_id, told_claims


@dataclass(frozen=True, slots=True)
class Score:
    """A lead's score at a moment, in billionths of a point."""

    at: Moment
    scores: Mapping[str, int]
    total: int
    temperature: str | None
    grade: str | None
    vetoed_by: tuple[str, ...]
    missing: tuple[str, ...]


class Rules:
    """A compiled rule file."""

    def __init__(self, rule_file: RuleFile, version: int = 0) -> None:
        self.file, self.version = rule_file, version
        self.score_names = rule_file.score_names
        self.limits = {name: (limits.floor, limits.cap) for name, limits in rule_file.scores.items()}
        self.weights = {name: rule_file.total.get(name, POINT) for name in self.score_names}
        self.temperature = tuple(edge.band for edge in rule_file.temperature)
        self.grades = tuple(edge.band for edge in rule_file.grades)
        self.stages = {stage.name: lifecycle.compiled(stage, place) for place, stage in enumerate(rule_file.stages)}
        rules = rule_file.behaviour
        self.idle = tuple(rule for rule in rules if rule.idle)
        self.decays = {rule.id: rule.decay or (NO_DECAY if rule.idle else rule_file.decay) for rule in rules}
        self._ends = {rule.id: self._end(rule) for rule in rules}
        self.only_if = {rule.id: conditions.holds(rule.only_if) for rule in rules if rule.only_if is not None}
        self.judge, self.veto = judge(rule_file.fit), veto(rule_file.vetoes)
        of_group = {rule.group: rule.score for rule in rules if rule.group}
        self.groups = {
            name: (of_group[name], group.cap) for name, group in rule_file.groups.items() if name in of_group
        }
        self.takers: dict[str, list[str]] = {}
        for rule in rules:
            if rule.instead_of:
                self.takers.setdefault(rule.instead_of, []).append(rule.id)
        self._minds_silence = any(decay.since_last_activity for decay in self.decays.values()) or any(
            rule.idle and rule.idle.of is None for rule in self.idle
        )
        self._asked = self._asks()
        self._match = index(self._asked)
        self._read = {
            f: conditions.read_field(f) for every in self._asked.values() for each in every for f in each.fields
        }
        self._traces: dict[tuple[bool, str, tuple[str, ...]], Trace] = {}

    def _asks(self) -> dict[str, list[Asked]]:
        """What is noted of each activity type: for rules, for idle rules, and for stage conditions."""
        asked: dict[str, dict[str, Asked]] = {}
        for rule in self.file.behaviour:
            fields = (rule.at_least.distinct if rule.at_least else None, rule.repeat.field)
            kept = tuple(field for field in fields if field)
            for kind in rule.on or ():
                asked.setdefault(kind, {})[rule.id] = Asked(rule.id, rule.where, rule.active, kept)
            for kind in (rule.idle and rule.idle.of) or ():
                asked.setdefault(kind, {})[f"@{kind}"] = Asked(f"@{kind}")
        for node in (node for stage in self.stages.values() for node in stage.asks() if isinstance(node, Activities)):
            for kind in node.types:
                mark = node.marks[0] if node.where is not None else f"@{kind}"
                asked.setdefault(kind, {})[mark] = Asked(mark, node.where)
        return {kind: list(marks.values()) for kind, marks in asked.items()}

    # --- taking in ---

    def match(self, activity: Activity) -> tuple[str, ...]:
        """The marks of an activity: the ids of the behaviour rules that it matches, and what stages ask (`@...`)."""
        match = self._match.get(activity.type)
        return match(activity) if match else ()

    def absorb(self, state: ScoreState, activities: Iterable[Activity]) -> ScoreState:
        """The state with some activities added. Adding one again changes nothing; the order does not matter."""
        return self._absorb(state, activities, short_id)

    def _absorb(self, state: ScoreState, activities: Iterable[Activity], name: Callable[[str], str]) -> ScoreState:
        entries: dict[str, Entry] = {}
        seen: set[int] = set()
        last: int | None = None
        clash = ScoreState.empty()
        for activity in activities:
            at, own = activity.occurred_at, activity.own and activity.type != SCORE_ADJUSTED
            if own and (last is None or at > last):
                last = at
            trace, values = self._trace(activity, own=own)
            if trace is None:
                if own and self._minds_silence:
                    seen.add(at)
                continue
            entry = Entry(at, name(activity.id), trace, values)
            if entries.setdefault(entry.id, entry) != entry:
                clash = clash.merge(ScoreState({entry.id: entry}))
        return state.merge(ScoreState(entries, frozenset(seen), last)).merge(clash)

    def _trace(self, activity: Activity, *, own: bool) -> tuple[Trace | None, tuple[bytes, ...]]:
        marks = self.match(activity)
        if activity.claims or activity.type == SCORE_ADJUSTED:
            claims, adjustment = told_claims(activity.claims), adjustment_of(activity)
            if not marks and not claims and adjustment is None:
                return None, ()
            fields = self._fields(activity.type, marks)
            trace = Trace(own, marks, fields, int(activity.rank) if claims else 0, claims, adjustment)
        elif not marks:
            return None, ()
        else:
            known_as = (own, activity.type, marks)
            trace_ = self._traces.get(known_as)
            if trace_ is None:
                trace_ = self._traces[known_as] = Trace(own, marks, self._fields(activity.type, marks))
            trace = trace_
        return trace, tuple([digest(self._read[field](activity)) for field in trace.fields])

    def _fields(self, kind: str, marks: Sequence[str]) -> tuple[str, ...]:
        """The fields whose values the marks of an activity ask to keep."""
        asked = [field for each in self._asked.get(kind, ()) if each.mark in marks for field in each.fields]
        return tuple(dict.fromkeys(asked))

    # --- scoring ---

    def ledger(self, state: ScoreState) -> Ledger:
        """The state read under these rules; kept with the state, so that asking again is cheap."""
        if not state.ledger or state.ledger[0].rules is not self:
            state.ledger[:] = [Ledger(self, state)]
        ledger: Ledger = state.ledger[0]
        return ledger

    def age(self, rule: BehaviourRule, moments: Sequence[int], at: int, last_own: int | None) -> list[int]:
        """What is left at a moment of points that a rule earned at some moments."""
        decay, points, ends = self.decays[rule.id], rule.points, self._ends[rule.id]
        over = bisect_right(moments, at - ends) if ends is not None else 0  # nothing is left of the oldest ones
        live = moments[over:] if over else moments
        if decay.kind == "none":
            left = [points] * len(live)
        elif decay.since_last_activity and last_own is not None:
            left = [decay.aged(points, at - last_own)] * len(live)
        elif decay.kind == "half_life":
            left = halved_all(points, [at - moment for moment in live], decay.half_life)
        else:
            left = [decay.aged(points, at - moment) for moment in live]
        return [0] * over + left if over else left

    def _end(self, rule: BehaviourRule) -> int | None:
        """The own age from which nothing of a rule's points is left, if there is one that is known beforehand."""
        decay = self.decays[rule.id]
        gone = None if decay.since_last_activity else decay.gone_after(rule.points)
        return min((age for age in (gone, rule.expires_after) if age is not None), default=None)

    def score(self, state: ScoreState, at: Moment) -> Score:
        """The lead's scores at a moment."""
        return self._score(self.ledger(state), at)

    def _score(self, ledger: Ledger, at: int) -> Score:
        bound = until(at)
        scores = ledger.scores(at, bound)
        total, standing = ledger.total(scores), ledger.standing(bound)
        return Score(
            Moment(at),
            scores,
            total,
            band_of(self.temperature, total),
            band_of(self.grades, scores["fit"]),
            standing.vetoed_by,
            standing.missing,
        )

    def explain(self, source: ScoreState | Iterable[Activity], at: Moment, since: Moment | None = None) -> Explanation:
        """Where every point comes from. From activities it names full ids, from a stored state short ones."""
        state = source if isinstance(source, ScoreState) else self.replayed(source)
        ledger = self.ledger(state)
        score, rows = self._score(ledger, at), explanation.contributions(ledger, at)
        changed = explanation.changes(explanation.contributions(ledger, since), rows) if since is not None else ()
        return Explanation(
            at,
            self.file.name,
            self.version,
            score.scores,
            self.weights,
            score.total,
            score.temperature,
            score.grade,
            score.vetoed_by,
            score.missing,
            tuple(rows),
            since,
            changed,
            self._lift(state, score),
        )

    def replayed(self, activities: Iterable[Activity]) -> ScoreState:
        """A state in which ids are whole: for explanations and replays, not for storing."""
        return self._absorb(ScoreState.empty(), activities, str)

    def _lift(self, state: ScoreState, score: Score) -> Lift | None:
        """The single activity of least effect that reaches a higher band; it matches a rule and what always matches."""
        names = [band.name for band in self.temperature]
        here = names.index(score.temperature) if score.temperature else -1
        found: list[tuple[int, int, Lift]] = []
        for place, rule in enumerate(self.file.behaviour):
            for kind in rule.on or () if here + 1 < len(names) else ():
                sure = (
                    rule.id,
                    *(each.mark for each in self._asked[kind] if each.where is None and each.active is None),
                )
                marks = tuple(dict.fromkeys(sure))
                trace = Trace(own=True, marks=marks, fields=self._fields(kind, marks))
                entry = Entry(score.at, "\U0010ffff", trace, tuple(b"\xff" * 6 for _ in trace.fields))
                after = self.score(state.merge(ScoreState({entry.id: entry}, frozenset(), score.at)), score.at)
                if after.temperature in names[here + 1 :]:
                    lift = Lift(rule.id, rule.label or rule.id, kind, after.total, after.temperature)
                    found.append((after.total, place, lift))
        return min(found, key=lambda option: option[:2])[2] if found else None

    # --- time and the lifecycle ---

    def next_change(self, state: ScoreState, now: Moment) -> NextChange | None:
        """The first whole second after now at which time alone changes a band or a stage condition."""
        return next_change.find(self, self.ledger(state), now, None)

    def journey_change(self, state: ScoreState, journey: Journey, now: Moment) -> NextChange | None:
        """As `next_change`, with conditions as they are on this journey: time in the stage, since its entry."""
        return next_change.find(self, self.ledger(state), now, journey)

    def advance(self, state: ScoreState, journey: Journey, at: Moment) -> tuple[Journey, tuple[Transition, ...]]:
        """Where the lead goes on one look at it, and every stage that it enters on the way."""
        return lifecycle.advance(self, self.ledger(state), journey, at)

    def snapshot(self, state: ScoreState, at: Moment) -> dict[str, Any]:
        """What a handoff remembers of the lead at a moment: scores, bands and reasons, no personal data."""
        return lifecycle.snapshot(self, self.ledger(state), at)

    def joined(self, journey: Journey, other: Journey) -> Journey:
        """The journey of two leads that turn out to be one: the further stage, with the epochs of both going on."""
        return lifecycle.joined(self, journey, other)

    def replay(self, activities: Iterable[Activity], until_moment: Moment) -> tuple[Journey, tuple[Transition, ...]]:
        """The stages that a lead would have had, had every activity been looked at as it occurred."""
        return lifecycle.replay(self, self.replayed(activities), until_moment)

    def handoff_for(self, stage: str) -> HandoffRule | None:
        """To whom a stage hands its leads over, or None."""
        return self.file.handoff.get(stage)


def compile_rules(rule_file: RuleFile, version: int = 0) -> Rules:
    """Compile a rule file once; the result is used for every lead."""
    return Rules(rule_file, version)


__all__ = ["Journey", "NextChange", "Rules", "Score", "ScoreState", "Transition", "compile_rules"]
