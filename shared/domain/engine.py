"""The engine: a rule file compiled once, and everything that can be asked of it.

`absorb` takes activities into a lead's state; `score`, `explain`, `next_change` and `advance` read the state at a
moment. All of them are pure functions of the set of activities, the rule file and the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain import explanation, lifecycle, next_change, nurture
from shared.domain.activity import SCORE_ADJUSTED, Activity
from shared.domain.adjustments import adjustment_of
from shared.domain.bands import band_of
from shared.domain.compiled import Compiled
from shared.domain.explanation import Contribution, Explanation, Lift
from shared.domain.journey import Journey
from shared.domain.ledger import Ledger, until
from shared.domain.lifecycle import Transition
from shared.domain.moments import Moment
from shared.domain.next_change import NextChange
from shared.domain.noise import is_noise, silenced
from shared.domain.nurture import Advice
from shared.domain.points import POINT
from shared.domain.rulefile import HandoffRule, RuleFile
from shared.domain.state import Entry, ScoreState, Trace, digest, short_id, told_claims
from shared.domain.suggestions import activities_for

_NEW = b"\xff" * 6
"""A value that no activity had before."""


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


class Rules(Compiled):
    """A compiled rule file, and all that can be asked of it."""

    def __init__(self, rule_file: RuleFile, version: int = 0) -> None:
        super().__init__(rule_file, version)
        self._traces: dict[tuple[bool, str, tuple[str, ...]], Trace] = {}

    # --- taking in ---

    def match(self, activity: Activity) -> tuple[str, ...]:
        """The marks of an activity: the ids of the behaviour rules that it matches, and what stages ask (`@...`)."""
        match = self.matchers.get(activity.type)
        return match(activity) if match else ()

    def absorb(self, state: ScoreState, activities: Iterable[Activity]) -> ScoreState:
        """The state with some activities added. Adding one again changes nothing; the order does not matter."""
        return self._absorb(state, activities, short_id)

    def _absorb(self, state: ScoreState, activities: Iterable[Activity], name: Callable[[str], str]) -> ScoreState:
        entries: dict[str, Entry] = {}
        seen: set[int] = set()
        last: int | None = None
        clash = ScoreState.empty()
        for each in activities:
            activity = silenced(each) if each.marks and is_noise(each) else each
            at, own = activity.occurred_at, activity.own and activity.type != SCORE_ADJUSTED
            if own and (last is None or at > last):
                last = at
            trace, values = self._trace(activity, own=own)
            if trace is None:
                if own and self.minds_silence:
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
        return trace, tuple([digest(self.readers[field](activity)) for field in trace.fields])

    def _fields(self, kind: str, marks: Sequence[str]) -> tuple[str, ...]:
        """The fields whose values the marks of an activity ask to keep."""
        asked = [field for each in self.asked.get(kind, ()) if each.mark in marks for field in each.fields]
        return tuple(dict.fromkeys(asked))

    # --- scoring ---

    def ledger(self, state: ScoreState) -> Ledger:
        """The state read under these rules; kept with the state, so that asking again is cheap."""
        if not state.ledger or state.ledger[0].rules is not self:
            state.ledger[:] = [Ledger(self, state)]
        ledger: Ledger = state.ledger[0]
        return ledger

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
            self._lift(state, score, rows),
        )

    def replayed(self, activities: Iterable[Activity]) -> ScoreState:
        """A state in which ids are whole: for explanations and replays, not for storing."""
        return self._absorb(ScoreState.empty(), activities, str)

    def _lift(self, state: ScoreState, score: Score, rows: Iterable[Contribution]) -> Lift | None:
        """The single activity of least effect that reaches a higher band, with all that it would do."""
        names = [band.name for band in self.temperature]
        higher = names[names.index(score.temperature) + 1 if score.temperature else 0 :]
        nearest: tuple[Score, ScoreState, Entry, str] | None = None
        woken = self._woken(rows)
        for kind, entry in self._next_entries(score.at) if higher else ():
            if band_of(self.temperature, score.total + woken + self._most(entry)) not in higher:
                continue
            merged = state.merge(ScoreState({entry.id: entry}, frozenset(), score.at))
            after = self._score(Ledger(self, merged), score.at)
            if after.temperature in higher and (nearest is None or after.total < nearest[0].total):
                nearest = after, merged, entry, kind
        if nearest is None:
            return None
        after, merged, entry, kind = nearest
        before, now = (explanation.by_rule(self.ledger(each), score.at) for each in (state, merged))
        matched = [rule for rule in self.file.behaviour if rule.id in entry.trace.marks]
        rule = max(matched, key=lambda rule: now.get(rule.id, 0) - before.get(rule.id, 0))
        return Lift(rule.id, rule.label or rule.id, kind, after.total, str(after.temperature))

    def _woken(self, rows: Iterable[Contribution]) -> int:
        """The most by which any activity can raise the total: it ends silences and refreshes points."""
        idle = {rule.id for rule in self.idle}
        fresh = {name for name, decay in self.decays.items() if decay.since_last_activity}
        changed = ((row, abs(row.earned if row.rule in idle else row.lost_to_age)) for row in rows)
        points = sum(size * abs(self.weights[row.score]) for row, size in changed if row.rule in idle | fresh)
        return -(-points // POINT) + 1

    def _most(self, entry: Entry) -> int:
        """The most by which the rules that an activity matches can raise the total; no limit adds to that."""
        matched = (rule for rule in self.file.behaviour if rule.id in entry.trace.marks)
        return -(-sum(abs(rule.points * self.weights[rule.score]) for rule in matched) // POINT) + 1

    def _next_entries(self, at: Moment) -> Iterator[tuple[str, Entry]]:
        """What the plainest next activities of every behaviour rule would enter."""
        tried: set[tuple[str, Trace, tuple[bytes, ...]]] = set()
        for rule in self.file.behaviour:
            for kind in rule.on or ():
                for activity, pinned in activities_for(kind, rule.where, at):
                    trace, given = self._trace(activity, own=True)
                    if trace is None or rule.id not in trace.marks:
                        continue
                    values = tuple([v if f in pinned else _NEW for f, v in zip(trace.fields, given, strict=True)])
                    if (kind, trace, values) not in tried:
                        tried.add((kind, trace, values))
                        yield kind, Entry(at, "\U0010ffff", trace, values)

    # --- time and the lifecycle ---

    def next_change(self, state: ScoreState, now: Moment) -> NextChange | None:
        """The first whole second after now at which time alone changes a band or a stage condition."""
        return next_change.find(self, self.ledger(state), now, None)

    def journey_change(self, state: ScoreState, journey: Journey, now: Moment) -> NextChange | None:
        """As `next_change`, with conditions as they are on this journey: since its entry, time and stay in it."""
        return lifecycle.next_move(self, self.ledger(state), journey, now)

    def advance(
        self, state: ScoreState, journey: Journey, at: Moment, *, again: bool = False
    ) -> tuple[Journey, tuple[Transition, ...]]:
        """Where the lead goes on one look at it, and every stage that it enters on the way.

        With `again` it may be handed over for what holds already.
        """
        return lifecycle.advance(self, self.ledger(state), journey, at, again=again)

    def stays_until(self, journey: Journey) -> Moment | None:
        """The moment before which a lead does not leave its stage, None where the stage asks no stay."""
        return lifecycle.stays_until(self, journey)

    def advise(self, state: ScoreState, journey: Journey, at: Moment) -> Advice | None:
        """What is advised to nurture a lead where it stands, or None."""
        return nurture.advise(self, self.ledger(state), journey, at)

    def snapshot(self, state: ScoreState, at: Moment) -> dict[str, Any]:
        """What a handoff remembers of the lead at a moment: scores, bands and reasons, no personal data."""
        return lifecycle.snapshot(self, self.ledger(state), at)

    def joined(self, journey: Journey, other: Journey) -> Journey:
        """The journey of two leads that turn out to be one: the further stage, with the epochs of both going on."""
        return lifecycle.joined(self, journey, other)

    def replay(
        self, activities: Iterable[Activity], until_moment: Moment, since: Moment | None = None
    ) -> tuple[Journey, tuple[Transition, ...]]:
        """The stages that a lead would have had, had every activity been looked at as it occurred.

        What occurred before `since` is looked at then: facts that were always known, by the first activity.
        """
        every = list(activities)
        moments = {activity.occurred_at if since is None else max(since, activity.occurred_at) for activity in every}
        return lifecycle.replay(self, self.ledger(self.replayed(every)), moments, until_moment)

    def handoff_for(self, stage: str) -> HandoffRule | None:
        """To whom a stage hands its leads over, or None."""
        return self.file.handoff.get(stage)


def compile_rules(rule_file: RuleFile, version: int = 0) -> Rules:
    """Compile a rule file once; the result is used for every lead."""
    return Rules(rule_file, version)


__all__ = ["Journey", "NextChange", "Rules", "Score", "ScoreState", "Transition", "compile_rules"]
