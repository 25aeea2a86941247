"""What an answer of sales means under a rule file: what people call its reason, and what of it changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.domain.activity import HANDOFF_RECYCLED
from shared.domain.conditions import AnyOf
from shared.domain.handoff import Answer
from shared.domain.introduction import stage_in_words
from shared.domain.rulefile import Answers, RuleFile, Stage
from shared.domain.stages import Activities


def labels_of(reasons: Answers) -> dict[str, str]:
    """What people call each of the reasons that the rules list, by its name."""
    return {each.name: each.title for each in (*reasons.recycle, *reasons.reject)}


def reason_in_words(reason: str, labels: Mapping[str, str]) -> str:
    """What people call a reason; of one that the rules do not list any more, its name as words."""
    return labels.get(reason) or reason.replace("_", " ").capitalize()


def remark_on(answer: Answer, stage: str, file: RuleFile) -> str | None:
    """What of an answer to a handoff of a stage changes nothing under the rules; None where all of it does."""
    if answer.look_again is None:
        return None
    here = _given_back_to(file, stage)
    if here in file.handoff or any(each in file.handoff for each in _ways_on(file, here)):
        return None
    name = stage_in_words(here)
    return f"The day to look again changes nothing: by the active rules nobody is handed over from {name}."


def _given_back_to(file: RuleFile, stage: str) -> str:
    """The stage into which a lead comes by being given back and nothing else, or else the one in which it stands."""
    for each in file.stages:
        if each.name != stage and _takes(file, each, stage) and _by_recycling(each.enter):
            return each.name
    return stage


def _by_recycling(node: Any) -> bool:
    """Whether a condition holds for whoever has just been given back, whatever else there is."""
    match node:
        case AnyOf(parts):
            return any(map(_by_recycling, parts))
        case Activities(types, amount, None):
            return HANDOFF_RECYCLED in types and amount.holds(1)
    return False


def _takes(file: RuleFile, target: Stage, origin: str) -> bool:
    """Whether a stage takes leads from another one, which the rules may have no more."""
    if target.enter is None:
        return False
    if target.origins is not None:
        return origin in target.origins
    places = {each.name: place for place, each in enumerate(file.stages)}
    return places[target.name] > places.get(origin, -1)


def _ways_on(file: RuleFile, stage: str) -> set[str]:
    """Every stage to which a lead may come from one, and by an entry of its own."""
    entered: set[str] = set()
    seen, waiting = {stage}, [stage]
    while waiting:
        here = waiting.pop()
        entries = [each.name for each in file.stages if each.name != here and _takes(file, each, here)]
        entered.update(entries)
        left = [each.leave.to for each in file.stages if each.name == here and each.leave]
        waiting += [step for step in dict.fromkeys((*entries, *left)) if step not in seen]
        seen.update(waiting)
    return entered
