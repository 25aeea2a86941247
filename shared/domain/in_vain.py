"""What a rule file says in vain: it may be said, and can hardly come about as it was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain.activity import HANDOFF_RECYCLED, HANDOFF_REJECTED
from shared.domain.conditions import Path, Test, fold, nearest
from shared.domain.impossible import Reach, just_entered
from shared.domain.rulefile import Problem, RuleFile
from shared.domain.stages import Activities, walk

_REASON = "properties.reason"
_BY_NAME = ("is", "is_not", "in", "not_in")


def in_vain(file: RuleFile) -> Iterator[Problem]:
    """Each such thing; a problem's path may leave out what lies between a condition and the key in it.

    Whether leads need consent is a setting, which a rule file does not know.
    """
    for place, rule in enumerate(file.behaviour):
        if rule.on is not None and rule.where is not None:
            yield from _unknown_reasons(file, ("behaviour", place, "where"), rule.on, rule.where)
    for place, stage in enumerate(file.stages):
        asked = (("enter",), stage.enter), (("leave", "when"), stage.leave.when if stage.leave else None)
        for keys, condition in asked:
            for node in walk(condition) if condition is not None else ():
                if isinstance(node, Activities) and node.where is not None:
                    yield from _unknown_reasons(file, ("stages", place, *keys), node.types, node.where)
    for name, advice in file.nurture.items():
        for place, track in enumerate(advice.tracks):
            if track.missing == "consent":
                message = (
                    "where the settings require consent, nothing is advised to a lead without it: no lead gets this"
                )
                yield Problem(("nurture", name, "tracks", place, "missing"), message)
    yield from _circles(file)


def _circles(file: RuleFile) -> Iterator[Problem]:
    """Stages that leave for one another, with nothing in between, in which a lead would go round for ever."""
    reach, places = Reach.of(file), {stage.name: place for place, stage in enumerate(file.stages)}
    leaves = {stage.name: stage.leave for stage in file.stages if stage.leave and stage.stay is None}
    for place, stage in enumerate(file.stages):
        round_, name = [], stage.name
        while name in leaves and name not in round_:
            round_.append(name)
            name = leaves[name].to
        if not round_ or name != stage.name or place > min(places[each] for each in round_):
            continue  # no circle that begins here, or one that was told from its first stage
        if just_entered((leaves[each].when for each in round_), reach):
            message = (
                f"goes round in a circle: {' → '.join([*round_, stage.name])}, with every look at a lead for which all "
                "of these hold at once"
            )
            hint = "let one of them ask what another rules out, or give a stage `stay`"
            yield Problem(("stages", place, "leave"), message, hint)


def _unknown_reasons(file: RuleFile, here: Path, types: tuple[str, ...], where: Any) -> Iterator[Problem]:
    """The reasons that a condition asks answers of sales for, and that sales cannot choose."""
    lists = {HANDOFF_REJECTED: file.answers.reject, HANDOFF_RECYCLED: file.answers.recycle}
    if not set(types) <= lists.keys():
        return
    names = list(dict.fromkeys(reason.name for kind in types for reason in lists[kind]))
    for node in walk(where):
        if isinstance(node, Test) and node.field == _REASON and node.operator in _BY_NAME:
            asked = node.operand if isinstance(node.operand, list | tuple) else [node.operand]
            for reason in asked:
                if fold(str(reason)) not in map(fold, names):
                    message = f"sales cannot choose {reason!r} as a reason: `answers` does not list it for {_of(types)}"
                    yield Problem((*here, _REASON), message, nearest(reason, names))


def _of(types: tuple[str, ...]) -> str:
    return " or ".join(f"`{kind}`" for kind in types)
