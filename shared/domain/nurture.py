"""Nurture: what a lead that is not ready misses, told by the names of criteria, and the track that the rules give it.

A criterion is the name of what a stage condition asks: `score`, `fit` or another score, `grade`, `temperature`,
`consent`, `qualification.budget`, a field such as `company.country`, or an activity type. No value of a lead is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.domain.compiled import Compiled
from shared.domain.conditions import All, AnyOf, Not, Test
from shared.domain.journey import Journey, View
from shared.domain.ledger import Ledger
from shared.domain.rulefile import Nurture, RuleFile
from shared.domain.stages import Activities, Look, Qualified, ScoreIs, compose, rated


@dataclass(frozen=True, slots=True)
class Advice:
    """What a lead misses, in the order in which the rules ask it, and the track for that."""

    track: str
    missing: tuple[str, ...]


def advise(rules: Compiled, ledger: Ledger, journey: Journey, at: int) -> Advice | None:
    """What is advised for a lead in the stage where it stands, or None where the rules say nothing of it."""
    name = journey.stage or ""
    advice = rules.file.nurture.get(name)
    if advice is None:
        return None
    view, ratings = View(rules, ledger, journey, at), rules.file.qualification.confirmed_at
    target = towards(rules.file, name, advice)
    found = [
        *(_why(rated(_entry(rules.file, name), ratings), view, wanted=False, lasting=True)),
        *(_why(rated(_entry(rules.file, target), ratings), view, wanted=True)),
    ]
    missing = tuple(dict.fromkeys(found))
    track = next((each.track for each in advice.tracks if each.missing in missing), advice.otherwise)
    return Advice(track, missing)


def criteria(file: RuleFile, name: str, target: str | None) -> list[str]:
    """Every criterion that a lead in a stage may miss on its way to another."""
    lasting = [each for each in _leaves(_entry(file, name)) if not isinstance(each, Activities)]
    asked = [*lasting, *_leaves(_entry(file, target))]
    return list(dict.fromkeys(each for leaf in asked for each in _names(leaf)))


def towards(file: RuleFile, name: str, advice: Nurture) -> str | None:
    """The stage whose entry tells what is missing: as written, else the next one that hands over.

    The next is the first to which the lead can come that the file lists after its stage, or else the first of all.
    """
    if advice.towards is not None:
        return advice.towards
    places = {stage.name: place for place, stage in enumerate(file.stages)}
    reached, waiting = {name}, [name]
    while waiting:
        here = waiting.pop()
        steps = [
            stage.name
            for stage in file.stages
            if stage.enter is not None
            and (here in stage.origins if stage.origins is not None else places[stage.name] > places[here])
        ]
        steps += [stage.leave.to for stage in file.stages if stage.name == here and stage.leave]
        waiting += [step for step in dict.fromkeys(steps) if step not in reached and step in places]
        reached.update(waiting)
    found = [stage for stage in file.stages if stage.name in reached - {name} and stage.name in file.handoff]
    able = [stage.name for stage in found if stage.enter is not None]
    return next((each for each in able if places[each] > places[name]), able[0] if able else None)


def _entry(file: RuleFile, name: str | None) -> Any:
    return next((stage.enter for stage in file.stages if stage.name == name), None)


def _why(node: Any, view: Look, *, wanted: bool, lasting: bool = False) -> Iterator[str]:
    """The criteria because of which a condition is not as wanted; of the `lasting` ones nobody asks what was done."""
    match node:
        case None:
            return
        case Not(part):
            yield from _why(part, view, wanted=not wanted, lasting=lasting)
        case All(parts) | AnyOf(parts):
            if compose(node)(view) is not wanted:
                for part in parts:
                    yield from _why(part, view, wanted=wanted, lasting=lasting)
        case Qualified(names):
            if wanted:
                known = view.facts.qualification
                yield from (f"qualification.{name}" for name in names if not node.confirms(name, known.get(name)))
            elif compose(node)(view):
                yield from _names(node)
        case _ if compose(node)(view) is not wanted and not (lasting and isinstance(node, Activities)):
            yield from _names(node)


def _leaves(node: Any) -> Iterator[Any]:
    match node:
        case None:
            return
        case Not(part):
            yield from _leaves(part)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            yield node


def _names(leaf: Any) -> tuple[str, ...]:
    match leaf:
        case ScoreIs(name):
            return (name,)
        case Qualified(names):
            return tuple(f"qualification.{name}" for name in names)
        case Activities(types):
            return types
        case Test(field):
            return (field,)
    return ()
