"""Conflicts: where a rule file that reads well contradicts itself, or says what can never happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from shared.domain.conditions import Test, fold, nearest
from shared.domain.rulefile import Active, BehaviourRule, Problem, RuleFile, Stage
from shared.domain.stages import ScoreIs, walk

_BANDS = {"temperature": "temperature", "grade": "grades"}


def conflicts(file: RuleFile) -> list[Problem]:
    """Everything that contradicts, in the file's order."""
    return [
        *_repeated_ids(file),
        *(problem for place, rule in enumerate(file.behaviour) for problem in _behaviour(file, place, rule)),
        *_replacement_loops(file),
        *_scores(file),
        *_bands(file),
        *_stages(file),
        *_unreachable(file),
    ]


def _repeated_ids(file: RuleFile) -> Iterator[Problem]:
    seen: set[str] = set()
    for section in ("behaviour", "fit", "vetoes"):
        for place, rule in enumerate(getattr(file, section)):
            if rule.id in seen:
                yield Problem((section, place, "id"), f"the id {rule.id!r} is taken already")
            seen.add(rule.id)


def _behaviour(file: RuleFile, place: int, rule: BehaviourRule) -> Iterator[Problem]:
    here = ("behaviour", place)
    if (rule.on is None) is (rule.idle is None):
        yield Problem(here, "a behaviour rule has either `on` or `idle`")
    if rule.idle:
        for key in ("where", "at_least", "instead_of"):
            if getattr(rule, key) is not None:
                yield Problem((*here, key), f"`{key}` does not go with `idle`")
        if rule.repeat.kind not in ("every", "once"):
            yield Problem((*here, "repeat"), "an idle rule repeats `every` time or `once`")
    if rule.group is not None and rule.group not in file.groups:
        yield Problem((*here, "group"), f"there is no group {rule.group!r}", nearest(rule.group, list(file.groups)))
    if rule.points == 0:
        yield Problem((*here, "points"), "this rule can never earn: its points are 0")
    yield from _period(here, rule.active)
    yield from _replacement(file, place, rule)


def _period(here: tuple[str, int], active: Active | None) -> Iterator[Problem]:
    if active:
        since, until = active.since, active.until
        if since is None and until is None:
            yield Problem((*here, "active"), "write `from`, `until` or both")
        elif since is not None and until is not None and since >= until:
            yield Problem((*here, "active"), "this rule can never earn: it ends before it begins")


def _replacement(file: RuleFile, place: int, rule: BehaviourRule) -> Iterator[Problem]:
    here = ("behaviour", place)
    if rule.instead_of is not None:
        replaced = next((other for other in file.behaviour if other.id == rule.instead_of), None)
        others = [other.id for other in file.behaviour if other.on is not None and other is not rule]
        if replaced is None:
            message = f"there is no behaviour rule {rule.instead_of!r}"
            yield Problem((*here, "instead_of"), message, nearest(rule.instead_of, others))
        elif replaced.idle:
            yield Problem((*here, "instead_of"), f"{rule.instead_of!r} is an idle rule: it matches no activity")
        elif (
            rule.where is None
            and rule.only_if is None
            and rule.active is None
            and set(replaced.on or ()) <= set(rule.on or ())
        ):
            message = f"the rule {replaced.id!r} can never earn: this one takes every activity from it"
            yield Problem((*here, "instead_of"), message, "give this rule a `where`")


def _replacement_loops(file: RuleFile) -> Iterator[Problem]:
    takes_from = {rule.id: rule.instead_of for rule in file.behaviour}
    for place, rule in enumerate(file.behaviour):
        chain = [rule.id]
        while (following := takes_from.get(chain[-1])) is not None and following not in chain:
            chain.append(following)
        if following == rule.id:
            yield Problem(
                ("behaviour", place, "instead_of"), f"goes round in a circle: {' → '.join([*chain, rule.id])}"
            )


def _scores(file: RuleFile) -> Iterator[Problem]:
    names = file.score_names
    for section in ("behaviour", "fit"):
        for place, rule in enumerate(getattr(file, section)):
            if rule.score not in names:
                yield Problem(
                    (section, place, "score"), f"there is no score {rule.score!r}", nearest(rule.score, names)
                )
    for name in file.total:
        if name not in names:
            yield Problem(("total", name), f"there is no score {name!r}", nearest(name, names))
    of_group: dict[str, str] = {}
    for place, rule in enumerate(file.behaviour):
        if rule.group is not None and of_group.setdefault(rule.group, rule.score) != rule.score:
            message = (
                f"the rules of group {rule.group!r} add to two scores, {of_group[rule.group]!r} and {rule.score!r}"
            )
            yield Problem(("behaviour", place, "score"), message)


def _bands(file: RuleFile) -> Iterator[Problem]:
    for section in ("temperature", "grades"):
        edges = getattr(file, section)
        for place, edge in enumerate(edges):
            if edge.above is not None and edge.at_least is not None:
                yield Problem((section, place), "a band has one edge, `above` or `at_least`")
            if place and edge.band.edge is None:
                yield Problem((section, place), f"the band {edge.name!r} needs an edge, `above` or `at_least`")
        for place, (lower, upper) in enumerate(pairwise(edges), start=1):
            low, high = lower.band.edge, upper.band.edge
            if low is not None and high is not None and high <= low:
                yield Problem((section, place), f"the band {upper.name!r} does not lie above {lower.name!r}")
        for name, times in Counter(edge.name for edge in edges).items():
            if times > 1:
                yield Problem((section,), f"two bands are called {name!r}")


def _stages(file: RuleFile) -> Iterator[Problem]:
    names = [stage.name for stage in file.stages]
    for name, times in Counter(names).items():
        if times > 1:
            yield Problem(("stages",), f"two stages are called {name!r}")
    for place, stage in enumerate(file.stages):
        yield from _stage(file, place, stage, names)
    for name in file.handoff:
        if name not in names:
            yield Problem(("handoff", name), f"there is no stage {name!r}", nearest(name, names))


def _stage(file: RuleFile, place: int, stage: Stage, names: list[str]) -> Iterator[Problem]:
    for origin in stage.origins or ():
        if origin not in names:
            yield Problem(("stages", place, "from"), f"there is no stage {origin!r}", nearest(origin, names))
    if stage.origins and stage.enter is None:
        yield Problem(("stages", place, "from"), "`from` without `enter` lets nobody in")
    if stage.leave and stage.leave.to not in names:
        message = f"there is no stage {stage.leave.to!r}"
        yield Problem(("stages", place, "leave", "to"), message, nearest(stage.leave.to, names))
    if stage.leave and stage.leave.to == stage.name:
        yield Problem(("stages", place, "leave", "to"), "a stage cannot be left for itself")
    for key, condition in (("enter", stage.enter), ("leave", stage.leave.when if stage.leave else None)):
        for node in walk(condition) if condition is not None else ():
            if isinstance(node, ScoreIs) and node.name not in ("score", *file.score_names):
                known = [
                    "score",
                    *file.score_names,
                    "grade",
                    "temperature",
                    "consent",
                    "qualified",
                    "activity",
                    "count",
                ]
                yield Problem(("stages", place, key), f"there is no score {node.name!r}", nearest(node.name, known))
            elif isinstance(node, Test) and node.field in _BANDS:
                yield from _asked_bands(file, ("stages", place, key), node)


def _asked_bands(file: RuleFile, here: tuple[str, int, str], asked: Test) -> Iterator[Problem]:
    names = [edge.name for edge in getattr(file, _BANDS[asked.field])]
    if names and asked.operator in ("is", "is_not", "in", "not_in"):
        for name in asked.operand if isinstance(asked.operand, list | tuple) else [asked.operand]:
            if fold(str(name)) not in map(fold, names):
                yield Problem((*here, asked.field), f"there is no {asked.field} {name!r}", nearest(name, names))


def _unreachable(file: RuleFile) -> Iterator[Problem]:
    names = {stage.name for stage in file.stages}
    reached: set[str] = set()
    while True:
        more = {
            stage.name
            for place, stage in enumerate(file.stages)
            if stage.enter is not None and (stage.origins is None or reached & set(stage.origins))
        }
        more |= {stage.leave.to for stage in file.stages if stage.leave and stage.name in reached} & names
        if more <= reached:
            break
        reached |= more
    for place, stage in enumerate(file.stages):
        if stage.name not in reached:
            message = f"the stage {stage.name!r} cannot be reached: nothing that can happen lets a lead in"
            yield Problem(("stages", place), message, "give it `enter`, or name it in another stage's `leave`")
