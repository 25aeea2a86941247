"""Conflicts: where a rule file that reads well contradicts itself, or says what can never happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

from shared.domain.ageing import NO_DECAY
from shared.domain.conditions import Test, fold, nearest
from shared.domain.impossible import Reach, never, values_of
from shared.domain.nurture import criteria, towards
from shared.domain.rule_values import Unread
from shared.domain.rulefile import (
    Active,
    BandEdge,
    BehaviourRule,
    Expected,
    HandoffRule,
    Nurture,
    Problem,
    RuleFile,
    Stage,
)
from shared.domain.stages import CONDITION_KEYS, ScoreIs, walk

MOST_LEFT = 100_000
"""How many earnings of one silence may have points left at once: by the hour with a half-life of 90 days is fewer."""

MOST_AT_ONCE = 95
"""So many writes at most a lead may cause that enters every stage in one look, of the 100 that fit into a transaction.

A stage causes two, the transition and its event, and one that hands over three more: the handoff, its event and a turn.
The others are for the lead itself, and for what else follows from a look.
"""

BY_STAGE = ("handoff", "nurture")
"""The parts of a rule file whose keys are the names of stages."""

_BANDS = {"temperature": "temperature", "grade": "grades"}


def conflicts(file: RuleFile, unread: Sequence[Problem] = ()) -> list[Problem]:
    """Everything that contradicts, in the file's order.

    A problem's path may leave out what lies between a condition and the key in it that is wrong. `unread` is what of
    the file could not be read, and is missing in it: a check that comes upon that finds nothing more.
    """
    checks = (
        _repeated_ids(file),
        _behaviours(file),
        _replacement_loops(file),
        _facts(file),
        _scores(file),
        _bands(file, "temperature"),
        _bands(file, "grades"),
        _stages(file),
        _too_many(file),
        *(_by_stage(file, section) for section in BY_STAGE),
        _handoffs(file),
        _nurtures(file),
        _answers(file),
        _examples(file),
    )
    found = [problem for check in checks for problem in _readable(check)]
    unsure = any(problem.path[:1] in (("stages",), ("temperature",), ("grades",)) for problem in (*unread, *found))
    return found if unsure else [*found, *_readable(_unreachable(file))]


def _readable(check: Iterator[Problem]) -> Iterator[Problem]:
    """What a check finds before it asks for what could not be read."""
    with suppress(Unread):
        yield from check


def no_such_stage(section: str, name: str, names: list[str]) -> Problem:
    """What is wrong with a key under `handoff` or `nurture` that names no stage."""
    message = f"there is no stage {name!r}: the keys under `{section}` are the names of stages"
    return Problem((section, name), message, nearest(name, names))


def _repeated_ids(file: RuleFile) -> Iterator[Problem]:
    seen: set[str] = set()
    for section in ("behaviour", "fit", "vetoes"):
        for place, rule in enumerate(getattr(file, section)):
            if rule.id in seen:
                yield Problem((section, place, "id"), f"the id {rule.id!r} is taken already")
            seen.add(rule.id)


def _behaviours(file: RuleFile) -> Iterator[Problem]:
    for place, rule in enumerate(file.behaviour):
        here = ("behaviour", place)
        for check in (
            _behaviour(file, place, rule),
            _earns_nothing(here, rule),
            _replacement(file, place, rule),
            _all_taken(file, here, rule),
        ):
            yield from _readable(check)


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
        yield from _crowd(here, rule)
    if rule.group is not None and rule.group not in file.groups:
        yield Problem((*here, "group"), f"there is no group {rule.group!r}", nearest(rule.group, list(file.groups)))


def _crowd(here: tuple[str, int], rule: BehaviourRule) -> Iterator[Problem]:
    """A silence whose points age has so many earnings left at once that adding them up would hold up every score."""
    decay = rule.decay or NO_DECAY
    if rule.idle is None or rule.repeat.kind != "every" or decay.kind == "none" or decay.since_last_activity:
        return
    lengths = (decay.gone_after(rule.points), rule.expires_after)
    times = min(length for length in lengths if length is not None) // rule.idle.length
    if times > MOST_LEFT:
        message = f"points would be left of {times:,} earnings at once, of at most {MOST_LEFT:,}"
        yield Problem((*here, "idle", "for"), message, "a longer `for`, or an earlier `expires_after`, leaves fewer")


def _earns_nothing(here: tuple[str, int], rule: BehaviourRule) -> Iterator[Problem]:
    if rule.points == 0:
        yield Problem((*here, "points"), "this rule can never earn: its points are 0")
    for key in ("where", "only_if"):
        if never(getattr(rule, key)):
            yield Problem((*here, key), "this rule can never earn: no value meets all of this at once")
    if rule.at_least and rule.at_least.distinct and rule.where is not None:
        values = values_of(rule.where, rule.at_least.distinct)
        if values is not None and values < rule.at_least.times:
            message = f"this rule can never earn: its `where` leaves only {values} value{'' if values == 1 else 's'}"
            yield Problem((*here, "at_least", "distinct"), message)
    yield from _period(here, rule.active)


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
        elif not {*(rule.on or ())} & {*(replaced.on or ())}:
            message = f"it takes nothing: {rule.instead_of!r} earns by other activity types"
            yield Problem((*here, "instead_of"), message)


def _all_taken(file: RuleFile, here: tuple[str, int], rule: BehaviourRule) -> Iterator[Problem]:
    """A rule whose every activity another one takes, whatever the lead is like."""
    takers = [
        other
        for other in file.behaviour
        if other.instead_of == rule.id
        and other is not rule
        and all(getattr(other, key) in (None, getattr(rule, key)) for key in ("where", "only_if", "active"))
    ]
    taken = {kind for other in takers for kind in other.on or ()}
    if rule.on and takers and set(rule.on) <= taken:
        names = " and ".join(repr(other.id) for other in takers)
        message = (
            f"the rule {rule.id!r} can never earn: {names} take{'' if len(takers) > 1 else 's'} every activity from it"
        )
        yield Problem(here, message, "give the one that takes a narrower `where`")


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


def _facts(file: RuleFile) -> Iterator[Problem]:
    for section in ("fit", "vetoes"):
        for place, rule in enumerate(getattr(file, section)):
            if never(rule.where):
                yield Problem((section, place, "where"), "this can never hold: no value meets all of this at once")


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


def _bands(file: RuleFile, section: str) -> Iterator[Problem]:
    edges: Sequence[BandEdge] = getattr(file, section)
    for place, edge in enumerate(edges):
        yield from _readable(_edge((section, place), edge))
    for place, (lower, upper) in enumerate(pairwise(edges), start=1):
        yield from _readable(_order((section, place), lower, upper))
    names = [edge.name for edge in edges]
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Problem((section, place, "name"), f"two bands are called {name!r}")


def _edge(here: tuple[str, int], edge: BandEdge) -> Iterator[Problem]:
    if edge.above is not None and edge.at_least is not None:
        yield Problem(here, "a band has one edge, `above` or `at_least`")
    if here[1] and edge.band.edge is None:
        yield Problem(here, f"the band {edge.name!r} needs an edge, `above` or `at_least`")


def _order(here: tuple[str, int], lower: BandEdge, upper: BandEdge) -> Iterator[Problem]:
    low, high = lower.band.edge, upper.band.edge
    if low is not None and high is not None and high <= low:
        yield Problem(here, f"the band {upper.name!r} does not lie above {lower.name!r}")


def _stages(file: RuleFile) -> Iterator[Problem]:
    names = [stage.name for stage in file.stages]
    for place, stage in enumerate(file.stages):
        if stage.name in names[:place]:
            yield Problem(("stages", place, "name"), f"two stages are called {stage.name!r}")
        yield from _readable(_stage(file, place, stage, names))


def _by_stage(file: RuleFile, section: str) -> Iterator[Problem]:
    names = [stage.name for stage in file.stages]
    for name in getattr(file, section):
        if name not in names:
            yield no_such_stage(section, name, names)


def _handoffs(file: RuleFile) -> Iterator[Problem]:
    for name, rule in file.handoff.items():
        yield from _readable(_handoff(name, rule))


def _nurtures(file: RuleFile) -> Iterator[Problem]:
    names = [stage.name for stage in file.stages]
    for name, advice in file.nurture.items():
        if name in names:
            yield from _readable(_nurture(file, name, advice))


def _too_many(file: RuleFile) -> Iterator[Problem]:
    """More stages than what follows from entering all of them at once can be written together."""
    stages, handing = len(file.stages), len(file.handoff)
    if 2 * stages + 3 * handing > MOST_AT_ONCE:
        message = (
            f"{stages} stages, of which {handing} hand over, are too many: a lead may enter all of them in one look, "
            f"and twice the stages and three times those that hand over may be {MOST_AT_ONCE} together"
        )
        yield Problem(("handoff",) if handing else ("stages",), message)


def _handoff(name: str, rule: HandoffRule) -> Iterator[Problem]:
    here = ("handoff", name)
    if rule.respond_within is None:
        for key in ("remind", "escalate", "reassign"):
            if getattr(rule, key) is not None:
                yield Problem((*here, key), f"`{key}` needs a deadline", "write `respond_within`, such as 1h")
    elif rule.remind is not None and rule.remind >= rule.respond_within:
        message = "the reminder would come before the handoff: it must be shorter than `respond_within`"
        yield Problem((*here, "remind"), message)
    if rule.reassign and rule.escalate and rule.reassign.after <= rule.escalate.after:
        yield Problem((*here, "reassign", "after"), "a lead is reassigned later than its handoff is escalated")
    if rule.route:
        if rule.route.by is None and not rule.route.rules:
            yield Problem((*here, "route"), "write `by`, `rules` or both")
        for place, each in enumerate(rule.route.rules):
            if never(each.when):
                message = "this can never hold: no value meets all of this at once"
                yield Problem((*here, "route", "rules", place, "when"), message)


def _nurture(file: RuleFile, name: str, advice: Nurture) -> Iterator[Problem]:
    here = ("nurture", name)
    names = [stage.name for stage in file.stages if stage.enter is not None]
    if advice.towards is not None and advice.towards not in names:
        message = f"there is no stage {advice.towards!r} that a lead can enter"
        yield Problem((*here, "towards"), message, nearest(advice.towards, names))
        return
    target = towards(file, name, advice)
    asked = criteria(file, name, target)
    if target is None and advice.tracks:
        yield Problem((*here, "tracks"), "no stage after this one hands over", "name the stage to go to in `towards`")
    for place, track in enumerate(advice.tracks if target else ()):
        if track.missing not in asked:
            message = f"to enter {target!r} nothing asks {track.missing!r}"
            yield Problem((*here, "tracks", place, "missing"), message, nearest(track.missing, asked))


def _answers(file: RuleFile) -> Iterator[Problem]:
    for kind in ("reject", "recycle"):
        names = [reason.name for reason in getattr(file.answers, kind)]
        if not names:
            yield Problem(("answers", kind), "wants at least one reason", "leave the key away for the usual ones")
        for place, name in enumerate(names):
            if name in names[:place]:
                yield Problem(("answers", kind, place), f"two reasons are called {name!r}")


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
    places = (("enter",), stage.enter), (("leave", "when"), stage.leave.when if stage.leave else None)
    for keys, condition in places:
        for node in walk(condition) if condition is not None else ():
            here = ("stages", place, *keys)
            if isinstance(node, ScoreIs) and node.name not in ("score", *file.score_names):
                known = [*CONDITION_KEYS, *file.scores]
                yield Problem((*here, node.name), f"there is no score {node.name!r}", nearest(node.name, known))
            elif isinstance(node, Test) and node.field in _BANDS:
                yield from _asked_bands(file, (*here, node.field), node.field, _named(node))


def _named(asked: Test) -> list[str]:
    """The names that a test of a band asks for."""
    if asked.operator not in ("is", "is_not", "in", "not_in"):
        return []
    return list(asked.operand) if isinstance(asked.operand, list | tuple) else [asked.operand]


def _asked_bands(file: RuleFile, here: tuple[str | int, ...], kind: str, asked: Iterable[str]) -> Iterator[Problem]:
    names = [edge.name for edge in getattr(file, _BANDS[kind])]
    for name in asked:
        if fold(str(name)) not in map(fold, names):
            hint = nearest(name, names) if names else f"define `{_BANDS[kind]}`"
            yield Problem(here, f"there is no {kind} {name!r}", hint)


def _examples(file: RuleFile) -> Iterator[Problem]:
    stages, vetoes = [stage.name for stage in file.stages], [veto.id for veto in file.vetoes]
    for place, example in enumerate(file.examples):
        here, expected = ("examples", place, "expect"), example.expect
        if not expected.model_fields_set:
            yield Problem(here, "expects nothing", f"valid here: {', '.join(Expected.model_fields)}")
        for name in expected.scores:
            if name not in file.score_names:
                yield Problem((*here, "scores", name), f"there is no score {name!r}", nearest(name, file.score_names))
        for kind in _BANDS:
            name = getattr(expected, kind)
            yield from _asked_bands(file, (*here, kind), kind, [] if name is None else [name])
        if expected.stage is not None and expected.stage not in stages:
            hint = nearest(expected.stage, stages)
            yield Problem((*here, "stage"), f"there is no stage {expected.stage!r}", hint)
        for name in expected.vetoed_by:
            if name not in vetoes:
                yield Problem((*here, "vetoed_by"), f"there is no veto {name!r}", nearest(name, vetoes))


def _unreachable(file: RuleFile) -> Iterator[Problem]:
    names, reach = {stage.name for stage in file.stages}, Reach.of(file)
    entered = {stage.name for stage in file.stages if stage.enter is not None and not never(stage.enter, reach)}
    left = [stage for stage in file.stages if stage.leave and not never(stage.leave.when, reach)]
    reached: set[str] = set()
    while True:
        more = {
            stage.name
            for stage in file.stages
            if stage.name in entered and (stage.origins is None or reached & set(stage.origins))
        }
        more |= {stage.leave.to for stage in left if stage.leave and stage.name in reached} & names
        if more <= reached:
            break
        reached |= more
    for place, stage in enumerate(file.stages):
        if stage.name in reached:
            continue
        message, here = f"the stage {stage.name!r} cannot be reached", ("stages", place)
        if stage.enter is None:
            yield Problem(here, message, "give it `enter`, or name it in another stage's `leave`")
        elif stage.name not in entered:
            yield Problem((*here, "enter"), f"{message}: what it asks can never hold, within the scores' limits")
        else:
            yield Problem((*here, "from"), f"{message}: no lead ever stands in {' or '.join(stage.origins or ())}")
