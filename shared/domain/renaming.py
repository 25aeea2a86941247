"""Renames between two rule files: the same content under another name, and the earlier file by the later names."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from shared.domain.ageing import NO_DECAY, Decay
from shared.domain.changes import label
from shared.domain.conditions import All, AnyOf, Not, Test, fold
from shared.domain.meaning import meaning
from shared.domain.rulefile import AtLeast, BandEdge, BehaviourRule, Example, FitRule, RuleFile, Stage, Veto

Names = Mapping[str, str]
"""Later names by earlier ones."""


@dataclass(frozen=True, slots=True)
class Renames:
    """What is called otherwise in the later file."""

    behaviour: Names = field(default_factory=dict)
    fit: Names = field(default_factory=dict)
    vetoes: Names = field(default_factory=dict)
    groups: Names = field(default_factory=dict)
    temperature: Names = field(default_factory=dict)
    grades: Names = field(default_factory=dict)


def renamed(before: RuleFile, after: RuleFile) -> tuple[RuleFile, Renames]:
    """The earlier file by the names of the later one, and which names those are."""
    bands = {
        key: _matched(
            {edge.name: begin_of(edge) for edge in getattr(before, key)},
            {edge.name: begin_of(edge) for edge in getattr(after, key)},
        )
        for key in ("temperature", "grades")
    }
    groups = _matched(_groups(before), _groups(after))
    behaviour: dict[str, str] = {}
    ages = _same_decay(before.decay, after.decay)
    for _ in before.behaviour:  # what a renamed rule takes from may be renamed itself
        old = {rule.id: _content(before, rule, behaviour, groups, ages=ages) for rule in before.behaviour}
        new = {rule.id: _content(after, rule, {}, {}, ages=ages) for rule in after.behaviour}
        found = _matched(old, new)
        if found == behaviour:
            break
        behaviour = found
    fit = _matched(dict(map(_judged, before.fit)), dict(map(_judged, after.fit)))
    vetoes = _matched(dict(map(_forbidden, before.vetoes)), dict(map(_forbidden, after.vetoes)))
    renames = Renames(behaviour, fit, vetoes, groups, bands["temperature"], bands["grades"])
    return _by(before, renames), renames


def age_of(decay: Decay) -> Hashable:
    """The meaning of an ageing: losing half in 30 days in a straight line is losing all in 60."""
    if decay.kind != "linear":
        return decay
    pace = Fraction(decay.every) * decay.share[1] / decay.share[0] if decay.share else Fraction(decay.every, decay.lose)
    return ("linear", decay.share is None, pace, decay.since_last_activity)


def ageing_of(file: RuleFile, rule: BehaviourRule) -> Decay:
    """How the points of a rule age, by its own word or the file's."""
    return rule.decay or (NO_DECAY if rule.idle else file.decay)


def needed(rule: BehaviourRule) -> AtLeast | None:
    """How many activities a rule needs; None where each one does, however that is written."""
    if rule.at_least is None or rule.at_least.times > 1:
        return rule.at_least
    return rule.at_least.model_copy(update={"within": None}) if rule.at_least.distinct else None


def _same_decay(one: Decay, other: Decay) -> bool:
    return age_of(one) == age_of(other)


def _matched(old: Mapping[str, Hashable], new: Mapping[str, Hashable]) -> dict[str, str]:
    """Names that are gone and names that have come with the same content, in the order of the files."""
    waiting: dict[Hashable, list[str]] = {}
    for name, content in new.items():
        if name not in old:
            waiting.setdefault(content, []).append(name)
    gone = [(name, content) for name, content in old.items() if name not in new]
    return {name: waiting[content].pop(0) for name, content in gone if waiting.get(content)}


def begin_of(edge: BandEdge) -> int | None:
    """The lowest score of a band, in billionths; None where it begins at any score."""
    band = edge.band
    return None if band.edge is None else band.edge + band.strict


def _groups(file: RuleFile) -> dict[str, Hashable]:
    return {
        name: (label(group.label, name), group.cap, frozenset(rule.id for rule in file.behaviour if rule.group == name))
        for name, group in file.groups.items()
    }


def _content(file: RuleFile, rule: BehaviourRule, behaviour: Names, groups: Names, *, ages: bool) -> Hashable:
    """What a rule says beside its name; `ages` where the file's own ageing is the same in both files."""
    of_the_file = rule.decay is None and rule.idle is None and not ages
    return (
        (rule.points, rule.score, label(rule.label, rule.id), rule.importance, rule.cap, rule.expires_after),
        (frozenset(rule.on or ()), meaning(rule.where), meaning(rule.only_if), needed(rule), rule.repeat),
        (rule.idle.length, frozenset(rule.idle.of or ())) if rule.idle else None,
        (rule.active.since, rule.active.until) if rule.active else None,
        None if of_the_file else age_of(ageing_of(file, rule)),
        behaviour.get(rule.instead_of, rule.instead_of) if rule.instead_of else None,
        groups.get(rule.group, rule.group) if rule.group else None,
    )


def _judged(rule: FitRule) -> tuple[str, Hashable]:
    return rule.id, (rule.points, rule.otherwise, rule.score, label(rule.label, rule.id), meaning(rule.where))


def _forbidden(veto: Veto) -> tuple[str, Hashable]:
    return veto.id, (label(veto.label, veto.id), meaning(veto.where))


# --- by the later names -----------------------------------------------------------------------------------------------


def _by(file: RuleFile, renames: Renames) -> RuleFile:
    bands = {
        kind: {fold(old): new for old, new in names.items()}
        for kind, names in (("temperature", renames.temperature), ("grade", renames.grades))
    }
    return file.model_copy(
        update={
            "behaviour": tuple(_rule_by(rule, renames) for rule in file.behaviour),
            "fit": _called(file.fit, "id", renames.fit),
            "vetoes": _called(file.vetoes, "id", renames.vetoes),
            "groups": {renames.groups.get(name, name): group for name, group in file.groups.items()},
            "temperature": _called(file.temperature, "name", renames.temperature),
            "grades": _called(file.grades, "name", renames.grades),
            "stages": tuple(_stage_by(stage, bands) for stage in file.stages),
            "examples": tuple(_example_by(example, renames, bands) for example in file.examples),
        }
    )


def _called(parts: Iterable[Any], key: str, names: Names) -> tuple[Any, ...]:
    return tuple(
        part.model_copy(update={key: names[name]}) if (name := getattr(part, key)) in names else part for part in parts
    )


def _rule_by(rule: BehaviourRule, renames: Renames) -> BehaviourRule:
    names = {"id": renames.behaviour, "instead_of": renames.behaviour, "group": renames.groups}
    update = {key: of[name] for key, of in names.items() if (name := getattr(rule, key)) in of}
    return rule.model_copy(update=update) if update else rule


def _stage_by(stage: Stage, bands: Mapping[str, Names]) -> Stage:
    leave = stage.leave and stage.leave.model_copy(update={"when": _asked_by(stage.leave.when, bands)})
    return stage.model_copy(update={"enter": _asked_by(stage.enter, bands), "leave": leave})


def _asked_by(node: Any, bands: Mapping[str, Names]) -> Any:
    match node:
        case Test(kind, operator, operand) if kind in bands:
            names = bands[kind]
            told = [
                names.get(fold(str(name)), name)
                for name in (operand if isinstance(operand, list | tuple) else [operand])
            ]
            return Test(kind, operator, told if isinstance(operand, list | tuple) else told[0])
        case Not(part):
            return Not(_asked_by(part, bands))
        case All(parts) | AnyOf(parts):
            return type(node)(tuple(_asked_by(part, bands) for part in parts))
    return node


def _example_by(example: Example, renames: Renames, bands: Mapping[str, Names]) -> Example:
    told = example.expect.model_dump(exclude_unset=True)
    for kind, names in bands.items():
        if told.get(kind):
            told[kind] = names.get(fold(told[kind]), told[kind])
    if "vetoed_by" in told:
        told["vetoed_by"] = tuple(renames.vetoes.get(name, name) for name in told["vetoed_by"])
    return example.model_copy(update={"expect": example.expect.model_copy(update=told)})
