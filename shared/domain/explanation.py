"""The explanation: where every point comes from, what each limit took, and what would lift the lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.ledger import Ledger, until
from shared.domain.limits import limited
from shared.domain.moments import Moment, format_moment
from shared.domain.points import POINT, as_number, divide


@dataclass(slots=True)
class Contribution:
    """One earning: what it gave and what became of it. Points are billionths; `counts` add up to the score."""

    rule: str
    label: str
    score: str
    activity_id: str | None
    at: Moment | None
    group: str | None
    earned: int
    lost_to_age: int = 0
    lost_to_rule_cap: int = 0
    lost_to_group_cap: int = 0
    lost_to_score_limits: int = 0
    counts: int = 0

    def as_json(self) -> dict[str, Any]:
        """The contribution with points as numbers and the moment as text."""
        points = ("earned", "lost_to_age", "lost_to_rule_cap", "lost_to_group_cap", "lost_to_score_limits", "counts")
        return {
            "rule": self.rule,
            "label": self.label,
            "score": self.score,
            "activity_id": self.activity_id,
            "at": None if self.at is None else format_moment(self.at),
            **{name: as_number(getattr(self, name)) for name in points},
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A contribution that counts otherwise than it did at an earlier moment."""

    rule: str
    activity_id: str | None
    at: Moment | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Lift:
    """The nearest single activity that would lift the lead into the next band."""

    rule: str
    label: str
    activity: str
    total: int
    temperature: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything behind a score. The counts add up exactly to the scores and, weighted, to the total."""

    at: Moment
    rules_name: str
    rules_version: int
    scores: Mapping[str, int]
    weights: Mapping[str, int]
    total: int
    temperature: str | None
    grade: str | None
    vetoed_by: tuple[str, ...]
    missing: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    since: Moment | None
    changes: tuple[Change, ...]
    lift: Lift | None

    def as_json(self) -> dict[str, Any]:
        """The explanation as JSON can hold it: points as numbers, moments as text."""
        return {
            "at": format_moment(self.at),
            "rules": {"name": self.rules_name, "version": self.rules_version},
            "scores": {name: as_number(points) for name, points in self.scores.items()},
            "weights": {name: as_number(weight) for name, weight in self.weights.items()},
            "total": as_number(self.total),
            "temperature": self.temperature,
            "grade": self.grade,
            "vetoed_by": list(self.vetoed_by),
            "missing": list(self.missing),
            "contributions": [contribution.as_json() for contribution in self.contributions],
            "since": None if self.since is None else format_moment(self.since),
            "changes": [
                {
                    "rule": change.rule,
                    "activity_id": change.activity_id,
                    "at": None if change.at is None else format_moment(change.at),
                    "before": as_number(change.before),
                    "after": as_number(change.after),
                }
                for change in self.changes
            ],
            "lift": self.lift
            and {
                "rule": self.lift.rule,
                "label": self.lift.label,
                "activity": self.lift.activity,
                "total": as_number(self.lift.total),
                "temperature": self.lift.temperature,
            },
        }


def contributions(ledger: Ledger, at: int) -> list[Contribution]:
    """Every earning that survived the repeat step, also at 0, then fit rules and adjustments, in the file's order."""
    bound = until(at)
    rows: list[Contribution] = []
    for earned in ledger.earned(at, bound):
        rule = earned.rule
        capped = limited(earned.left, -rule.cap, rule.cap) if rule.cap else earned.left
        label, times = rule.label or rule.id, earned.together
        for moment, name, left, kept in zip(earned.moments, earned.ids, earned.left, capped, strict=True):
            points, told = rule.points * times, label if times == 1 else f"{label} ({times} times)"
            times = 1
            rows.append(
                Contribution(
                    rule.id,
                    told,
                    rule.score,
                    name,
                    Moment(moment),
                    rule.group,
                    points,
                    points - left,
                    left - kept,
                    counts=kept,
                )
            )
    for name, (_, cap) in ledger.rules.groups.items():
        if cap:
            _limit([row for row in rows if row.group == name], -cap, cap, "lost_to_group_cap")
    for outcome in ledger.standing(bound).fit:
        rule_, label = outcome.rule, outcome.rule.label or outcome.rule.id
        rows.append(
            Contribution(
                rule_.id,
                label if outcome.matched or not outcome.points else f"Not so: {label}",
                rule_.score,
                None,
                None,
                None,
                outcome.points,
                counts=outcome.points,
            )
        )
    for (moment, name), score, points in ledger.adjusted(bound):
        rows.append(
            Contribution(
                "score_adjusted",
                "Adjusted by hand",
                score,
                name,
                Moment(moment),
                None,
                points,
                counts=points,
            )
        )
    for name, (floor, cap) in ledger.rules.limits.items():
        _limit([row for row in rows if row.score == name], floor, cap, "lost_to_score_limits")
    return rows


def _limit(rows: list[Contribution], low: int | None, high: int | None, lost: str) -> None:
    """Limit some contributions together, the latest first; those without a moment count as the oldest."""
    rows = sorted(rows, key=lambda row: (row.at is not None, row.at or 0, row.activity_id or ""))
    for row, kept in zip(rows, limited([row.counts for row in rows], low, high), strict=True):
        setattr(row, lost, row.counts - kept)
        row.counts = kept


def changes(before: Iterable[Contribution], after: Iterable[Contribution]) -> tuple[Change, ...]:
    """What counts otherwise."""
    earlier = {(row.rule, row.activity_id, row.at): row.counts for row in before}
    later = {(row.rule, row.activity_id, row.at): row.counts for row in after}
    return tuple(
        Change(*key, earlier.get(key, 0), later.get(key, 0))
        for key in dict.fromkeys([*earlier, *later])
        if earlier.get(key, 0) != later.get(key, 0)
    )


def by_rule(ledger: Ledger, at: int) -> dict[str, int]:
    """What each rule counts in all."""
    counts: dict[str, int] = {}
    for row in contributions(ledger, at):
        counts[row.rule] = counts.get(row.rule, 0) + row.counts
    return counts


def weighted(rows: Iterable[Contribution], weights: Mapping[str, int]) -> int:
    """The total that contributions add up to."""
    return divide(sum(row.counts * weights[row.score] for row in rows), POINT)
