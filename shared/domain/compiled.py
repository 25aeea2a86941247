"""A rule file compiled once: what everything else in the engine asks the rules for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shared.domain import conditions
from shared.domain.ageing import NO_DECAY, Halving
from shared.domain.fit import judge, veto
from shared.domain.matching import Asked, index
from shared.domain.outlook import Weigh, compose_over
from shared.domain.points import POINT
from shared.domain.rulefile import BehaviourRule, RuleFile, Stage
from shared.domain.stages import Activities, Look, compose, rated, walk


@dataclass(frozen=True, slots=True)
class CompiledStage:
    """A stage with its conditions composed."""

    stage: Stage
    place: int
    enter: Callable[[Look], bool] | None
    leave: Callable[[Look], bool] | None
    enter_over: Weigh | None
    leave_over: Weigh | None
    asks: tuple[Any, ...]
    """Every node of its conditions."""


def compiled_stage(stage: Stage, place: int, ratings: Mapping[str, int] = MappingProxyType({})) -> CompiledStage:
    """Compose the conditions of the stage at a place in the file; `ratings` confirm qualification facts."""
    enter, leave = (rated(each, ratings) for each in (stage.enter, stage.leave.when if stage.leave else None))
    return CompiledStage(
        stage,
        place,
        None if enter is None else compose(enter),
        None if leave is None else compose(leave),
        None if enter is None else compose_over(enter),
        None if leave is None else compose_over(leave),
        tuple(node for condition in (enter, leave) if condition is not None for node in walk(condition)),
    )


class Compiled:
    """What a rule file becomes once: tables by rule and by activity type, and conditions as functions."""

    def __init__(self, rule_file: RuleFile, version: int = 0) -> None:
        self.file, self.version = rule_file, version
        self.score_names = rule_file.score_names
        self.limits = {name: (limits.floor, limits.cap) for name, limits in rule_file.scores.items()}
        self.weights = {name: rule_file.total.get(name, POINT) for name in self.score_names}
        self.temperature = tuple(edge.band for edge in rule_file.temperature)
        self.grades = tuple(edge.band for edge in rule_file.grades)
        ratings = rule_file.qualification.confirmed_at
        self.stages = {
            stage.name: compiled_stage(stage, place, ratings) for place, stage in enumerate(rule_file.stages)
        }
        rules = rule_file.behaviour
        self.idle = tuple(rule for rule in rules if rule.idle)
        self.decays = {rule.id: rule.decay or (NO_DECAY if rule.idle else rule_file.decay) for rule in rules}
        self.ends = {rule.id: self._end(rule) for rule in rules}
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
        self.minds_silence = any(decay.since_last_activity for decay in self.decays.values()) or any(
            rule.idle and rule.idle.of is None for rule in self.idle
        )
        self.asked = self._asks()
        self.matchers = index(self.asked)
        self.readers = {
            f: conditions.read_field(f) for every in self.asked.values() for each in every for f in each.fields
        }

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
        for node in (node for stage in self.stages.values() for node in stage.asks if isinstance(node, Activities)):
            for kind in node.types:
                mark = node.marks[0] if node.where is not None else f"@{kind}"
                asked.setdefault(kind, {})[mark] = Asked(mark, node.where)
        return {kind: list(marks.values()) for kind, marks in asked.items()}

    def halving(self, rule: BehaviourRule, moments: Sequence[int], origin: int) -> Halving | None:
        """What a rule earned at some moments, prepared for many looks, where it ages by a half-life of its own."""
        decay, ends = self.decays[rule.id], self.ends[rule.id]
        if not moments or ends is None or decay.kind != "half_life" or decay.since_last_activity:
            return None
        return Halving(rule.points, moments, decay.half_life, ends, origin)

    def age(self, rule: BehaviourRule, moments: Sequence[int], at: int, last_own: int | None) -> list[int]:
        """What is left at a moment of points that a rule earned at some moments, oldest first."""
        decay, points, ends = self.decays[rule.id], rule.points, self.ends[rule.id]
        over = bisect_right(moments, at - ends) if ends is not None else 0  # nothing is left of the oldest ones
        live = moments[over:] if over else moments
        if decay.kind == "none":
            left = [points] * len(live)
        elif decay.since_last_activity and last_own is not None:
            left = [decay.aged(points, at - last_own)] * len(live)
        elif live and (halving := self.halving(rule, live, live[0])):
            left = halving.left(at, 0, len(live))
        else:
            left = [decay.aged(points, at - moment) for moment in live]
        return [0] * over + left if over else left

    def _end(self, rule: BehaviourRule) -> int | None:
        """The own age from which nothing of a rule's points is left, if there is one that is known beforehand."""
        decay = self.decays[rule.id]
        gone = None if decay.since_last_activity else decay.gone_after(rule.points)
        return min((age for age in (gone, rule.expires_after) if age is not None), default=None)
