"""What differs between two rule files in what they mean, in sentences that a marketer reads.

How a file is written tells nothing: the order of keys, `1w` or `7d`, a default written out. A part with the same
content under another name is told as renamed. What follows from another sentence is not told again: rules that age as
the file says are silent when the file says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from shared.domain import conditions, phrases, stages
from shared.domain.ageing import Decay
from shared.domain.changes import Tell, asks, joined_or_left, label, pairs, sentence, turned
from shared.domain.durations import in_words
from shared.domain.example_differences import example_differences
from shared.domain.meaning import meaning
from shared.domain.nurture import towards
from shared.domain.phrases import codes, listed, one_line, quoted, signed
from shared.domain.points import POINT, format_points
from shared.domain.renaming import Names, Renames, age_of, ageing_of, begin_of, needed, renamed
from shared.domain.rulefile import (
    BandEdge,
    BehaviourRule,
    FitRule,
    HandoffRule,
    Nurture,
    NurtureTrack,
    Reason,
    Route,
    RouteRule,
    RuleFile,
    ScoreLimits,
    Stage,
)
from shared.domain.stages import QUALIFICATIONS, rated

V = TypeVar("V")
NONE = "none"


def differences(before: RuleFile, after: RuleFile) -> tuple[str, ...]:
    """What the later file says otherwise, a sentence for each part, in the order in which people read a file."""
    return tuple(told for sentences in differences_by_subject(before, after).values() for told in sentences)


def differences_by_subject(before: RuleFile, after: RuleFile) -> Mapping[str, tuple[str, ...]]:
    """As `differences`, under the headings of `SUBJECTS`; what does not differ has none."""
    by_later_names, renames = renamed(before, after)
    told = {subject: tuple(tell(by_later_names, after, renames)) for subject, tell in SUBJECTS.items()}
    return {subject: sentences for subject, sentences in told.items() if sentences}


# --- points -----------------------------------------------------------------------------------------------------------


def _points(before: RuleFile, after: RuleFile, renames: Renames) -> Iterator[str]:
    yield from _renamed("rule", {**renames.behaviour, **renames.fit})
    yield from sentence("All rules without an ageing of their own", _ageing(before.decay, after.decay, ""))
    for name, old, new in pairs(_by_id(before.behaviour), _by_id(after.behaviour)):
        if old is None and new is not None:
            more = "".join(f" {told}" for told in phrases.details(after, new))
            yield f"New rule {_called(new.label, name)}: {phrases.earned(new)}.{more}"
        elif new is None and old is not None:
            yield f"The rule `{name}` is gone, which gave {phrases.earned(old)}."
        elif old and new:
            yield from sentence(f"`{name}`", _rule(before, after, old, new))
    for name, was, rule in pairs(_by_id(before.fit), _by_id(after.fit)):
        if was is None and rule is not None:
            yield f"New rule {_called(rule.label, name)}: {_fit_in_words(rule)}."
        elif rule is None and was is not None:
            yield f"The rule `{name}` is gone, which gave {_fit_in_words(was)}."
        elif was and rule:
            yield from sentence(f"`{name}`", _fit(was, rule))


def _rule(before: RuleFile, after: RuleFile, old: BehaviourRule, new: BehaviourRule) -> Iterator[str]:
    yield from _given(old, new)
    yield from _own_ageing(before, after, old, new)
    yield from _what_earns(old, new)
    yield from asks(old.where, new.where)
    yield from asks(old.only_if, new.only_if, on=" of the lead")
    yield from turned("earned by", *(_several(rule) for rule in (old, new)))
    yield from turned("counts", phrases.counted(old), phrases.counted(new))
    if old.instead_of != new.instead_of:
        if new.instead_of:
            yield f"now counts instead of `{new.instead_of}`, not beside it"
        if old.instead_of:
            yield f"no longer counts instead of `{old.instead_of}`"
    yield from turned("cap", _or_none(old.cap, format_points), _or_none(new.cap, format_points))
    yield from turned("group", _or_none(old.group, _code), _or_none(new.group, _code))
    yield from turned("expires", *("never" if each is None else f"after {in_words(each)}" for each in _ends(old, new)))
    periods = [phrases.in_force(rule.active) if rule.active else "always" for rule in (old, new)]
    yield from turned("in force", *periods)
    yield from turned("importance", *(_or_none(rule.importance, phrases.IMPORTANCE.__getitem__) for rule in (old, new)))
    yield from turned("label", label(old.label, old.id), label(new.label, new.id))


def _ends(old: BehaviourRule, new: BehaviourRule) -> tuple[int | None, int | None]:
    return old.expires_after, new.expires_after


def _given(old: BehaviourRule | FitRule, new: BehaviourRule | FitRule) -> Iterator[str]:
    if old.points != new.points:
        yield f"now gives {format_points(new.points)} instead of {format_points(old.points)}"
    if old.score != new.score:
        yield f"now counts for the {new.score} score instead of the {old.score} score"


def _what_earns(old: BehaviourRule, new: BehaviourRule) -> Iterator[str]:
    """Activities, or a silence."""
    if old.idle is None and new.idle is None:
        yield from joined_or_left(old.on or (), new.on or (), "for", codes)
    elif old.idle and new.idle and set(old.idle.of or ()) == set(new.idle.of or ()):
        yield from turned("earned after", *(f"{in_words(idle.length)} of silence" for idle in (old.idle, new.idle)))
    else:
        yield from turned("earned", *(_occasion(rule) for rule in (old, new)))


def _occasion(rule: BehaviourRule) -> str:
    return f"after {phrases.silence(rule)}" if rule.idle else f"for {codes(rule.on or ())}"


def _several(rule: BehaviourRule) -> str:
    at_least = needed(rule)
    return phrases.several(at_least).removeprefix("for ") if at_least else "each one"


def _ageing(old: Decay, new: Decay, what: str = "ageing: ") -> Iterator[str]:
    if age_of(old) == age_of(new):
        return
    halves = old.kind == new.kind == "half_life" and old.since_last_activity is new.since_last_activity
    if halves:
        yield from turned("half-life", in_words(old.half_life), in_words(new.half_life))
    else:
        yield f"{what}{phrases.pace(old)} → {phrases.pace(new)}"


def _own_ageing(before: RuleFile, after: RuleFile, old: BehaviourRule, new: BehaviourRule) -> Iterator[str]:
    """How a rule ages by its own word; what changes because the file's own ageing does is told there."""
    if all(rule.decay is None and rule.idle is None for rule in (old, new)):
        return
    was, now = ageing_of(before, old), ageing_of(after, new)
    yield from _ageing(was, now)
    followed = old.decay is None and old.idle is None
    if followed and age_of(was) == age_of(now) and age_of(before.decay) != age_of(after.decay):
        yield f"keeps its ageing, now by a word of its own: {phrases.pace(now)}"


def _fit(old: FitRule, new: FitRule) -> Iterator[str]:
    yield from _given(old, new)
    yield from turned("where that is known not to be so,", signed(old.otherwise), signed(new.otherwise))
    yield from asks(old.where, new.where)
    yield from turned("label", label(old.label, old.id), label(new.label, new.id))


def _fit_in_words(rule: FitRule) -> str:
    otherwise = f"; where that is known not to be so, {signed(rule.otherwise)}" if rule.otherwise else ""
    return f"{phrases.amount(rule.points, rule.score, 'fit')} where {conditions.in_words(rule.where)}{otherwise}"


# --- limits and bands -------------------------------------------------------------------------------------------------


def _limits(before: RuleFile, after: RuleFile, renames: Renames) -> Iterator[str]:
    yield from _renamed("group", renames.groups)
    for name, old, new in pairs(before.groups, after.groups):
        if old is None and new is not None:
            cap = f"its rules count at most {format_points(new.cap)} together" if new.cap else "without a cap"
            yield f"New group {_called(new.label, name)}: {cap}."
        elif new is None:
            yield f"The group `{name}` is gone."
        elif old:
            caps = turned("cap", _or_none(old.cap, format_points), _or_none(new.cap, format_points))
            labels = turned("label", label(old.label, name), label(new.label, name))
            yield from sentence(f"The group `{name}`", [*caps, *labels])
    old_scores, new_scores = (
        {name: file.scores.get(name, ScoreLimits()) for name in file.score_names} for file in (before, after)
    )
    for name, was, limits in pairs(old_scores, new_scores):
        if limits is None:
            yield f"The {name} score is gone."
            continue
        since = was or ScoreLimits()
        weight = before.total.get(name, POINT) if was else POINT
        clauses = [
            *turned("cap", _or_none(since.cap, format_points), _or_none(limits.cap, format_points)),
            *turned("floor", _or_none(since.floor, format_points), _or_none(limits.floor, format_points)),
            *turned("weight in the total", format_points(weight), format_points(after.total.get(name, POINT))),
            *turned("label", label(since.label, name), label(limits.label, name)),
        ]
        # A new score is told against one that says nothing.
        yield from sentence(f"The {name} score", clauses if was else ["is new", *clauses])


def _bands(before: RuleFile, after: RuleFile, renames: Renames) -> Iterator[str]:
    yield from _edges("temperature", before.temperature, after.temperature, renames.temperature)
    yield from _edges("grade", before.grades, after.grades, renames.grades)


def _edges(what: str, before: Iterable[BandEdge], after: Iterable[BandEdge], names: Names) -> Iterator[str]:
    yield from _renamed(what, names)
    for name, old, new in pairs(_by_name(before), _by_name(after)):
        if old is None and new is not None:
            yield f"New {what} `{name}`, which begins {_begin(new)}."
        elif new is None:
            yield f"The {what} `{name}` is gone."
        elif old and begin_of(old) != begin_of(new):
            yield f"The {what} `{name}` now begins {_begin(new)} instead of {_begin(old)}."


def _begin(edge: BandEdge) -> str:
    return phrases.edge(edge.band).replace("at least", "at") or "at any score"


# --- stages -----------------------------------------------------------------------------------------------------------


def _stages(before: RuleFile, after: RuleFile, _renames: Renames) -> Iterator[str]:
    yield from _order([stage.name for stage in before.stages], [stage.name for stage in after.stages])
    for name, old, new in pairs(_by_name(before.stages), _by_name(after.stages)):
        if old is None and new is not None:
            yield from _new_stage(after, new)
        elif new is None:
            yield f"The stage `{name}` is gone."
        elif old:
            yield from sentence(f"The stage `{name}`", _stage(before, after, old, new))


def _order(before: list[str], after: list[str]) -> Iterator[str]:
    """How those stand that stand in both."""
    old, new = [name for name in before if name in after], [name for name in after if name in before]
    if old != new:
        yield f"The stages now stand in the order {codes(new, 'and')} instead of {codes(old, 'and')}."


def _new_stage(file: RuleFile, stage: Stage) -> Iterator[str]:
    tell, names = _asked_in(file), [each.name for each in file.stages]
    place = names.index(stage.name)
    told = [f"after `{names[place - 1]}`" if place else "as the first"]
    if stage.enter is not None:
        told.append(f"from {_origins(stage)} when {tell(stage.enter)}")
    if stage.leave:
        told.append(f"left for `{stage.leave.to}` when {tell(stage.leave.when)}")
    if stage.stay:
        told.append(f"for at least {in_words(stage.stay)}")
    if stage.description:
        told.append(f"described as {quoted(stage.description)}")
    yield f"New stage {_called(stage.label, stage.name)}: {'; '.join(told)}."


def _stage(before: RuleFile, after: RuleFile, old: Stage, new: Stage) -> Iterator[str]:
    was, now = _asked_in(before), _asked_in(after)
    if old.enter is None and new.enter is not None:
        yield f"can now be entered when {now(new.enter)}"
    elif new.enter is None and old.enter is not None:
        yield f"can no longer be entered, as it could when {was(old.enter)}"
    else:
        yield from asks(old.enter, new.enter, now, was, " on entry")
    yield from turned("entered from", _origins(old), _origins(new))
    if old.leave and new.leave:
        yield from turned("left for", f"`{old.leave.to}`", f"`{new.leave.to}`")
        yield from asks(old.leave.when, new.leave.when, now, was, " on leaving")
    elif new.leave:
        yield f"is now left for `{new.leave.to}` when {now(new.leave.when)}"
    elif old.leave:
        yield f"is no longer left for `{old.leave.to}`, as it was when {was(old.leave.when)}"
    yield from turned(
        "stay", *("any time" if each is None else f"at least {in_words(each)}" for each in (old.stay, new.stay))
    )
    yield from turned("label", label(old.label, old.name), label(new.label, new.name))
    yield from turned("description", _or_none(old.description, quoted), _or_none(new.description, quoted))


def _asked_in(file: RuleFile) -> Tell:
    """How a stage condition of a file reads, with the file's own ratings."""
    return lambda node: stages.in_words(rated(node, file.qualification.confirmed_at))


def _origins(stage: Stage) -> str:
    return codes(sorted(stage.origins)) if stage.origins else "no stage, or any before it"


# --- handing over -----------------------------------------------------------------------------------------------------


def _handing_over(before: RuleFile, after: RuleFile, renames: Renames) -> Iterator[str]:
    yield from _renamed("veto", renames.vetoes)
    for name, was, veto in pairs(_by_id(before.vetoes), _by_id(after.vetoes)):
        if was is None and veto is not None:
            told = conditions.in_words(veto.where)
            yield f"New veto {_called(veto.label, name)}: nobody is handed over where {told}."
        elif veto is None and was is not None:
            yield f"The veto `{name}` is gone, which held back leads where {conditions.in_words(was.where)}."
        elif was and veto:
            labels = turned("label", label(was.label, name), label(veto.label, name))
            yield from sentence(f"The veto `{name}`", [*asks(was.where, veto.where), *labels])
    for stage, old, new in pairs(before.handoff, after.handoff):
        if old is None and new is not None:
            yield f"Leads in `{stage}` are now handed over to {quoted(new.to)}. {' '.join(_handoff_in_words(new))}"
        elif new is None and old is not None:
            yield f"Leads in `{stage}` are no longer handed over to {quoted(old.to)}."
        elif old and new:
            yield from sentence(f"Handing over from `{stage}`", _handoff(old, new))


def _handoff_in_words(handoff: HandoffRule) -> Iterator[str]:
    if handoff.notify:
        yield f"They are told by {phrases.told_by(handoff)}."
    yield from phrases.deadlines(handoff)
    if handoff.first_touch:
        yield f"Advised first touch: {quoted(handoff.first_touch)}."
    yield phrases.who_gets_it(handoff)
    for each in handoff.route.rules if handoff.route else ():
        yield f"To {quoted(each.to)} where {conditions.in_words(each.when)}."


def _handoff(old: HandoffRule, new: HandoffRule) -> Iterator[str]:
    yield from turned("to", quoted(old.to), quoted(new.to))
    within = [
        f"within {in_words(each.respond_within)}" if each.respond_within else "at any time" for each in (old, new)
    ]
    yield from turned("answer due", *within)
    before = [f"{in_words(each.remind)} before the deadline" if each.remind else NONE for each in (old, new)]
    yield from turned("reminder", *before)
    yield from turned("escalation", *(phrases.escalated(e) if (e := each.escalate) else NONE for each in (old, new)))
    yield from turned("reassignment", *(phrases.reassigned(r) if (r := each.reassign) else NONE for each in (old, new)))
    if set(old.notify) != set(new.notify):
        yield from turned("told by", *(phrases.told_by(each) if each.notify else "nothing" for each in (old, new)))
    yield from turned("advised first touch", *(_or_none(each.first_touch, quoted) for each in (old, new)))
    yield from _routes(old.route or Route(), new.route or Route())


def _routes(old: Route, new: Route) -> Iterator[str]:
    yield from turned("who of the team, by", *(f"`{each.by}`" if each.by else "turns alone" for each in (old, new)))
    was, now = _ways(old), _ways(new)
    for place, (key, rule) in enumerate(now.items()):
        if key not in was:
            asked = f", asked {'first' if not place else f'as number {place + 1}'}" if len(now) > 1 else ""
            yield f"now to {quoted(rule.to)} where {conditions.in_words(rule.when)}{asked}"
    for key, rule in was.items():
        if key not in now:
            yield f"no longer to {quoted(rule.to)} where {conditions.in_words(rule.when)}"
    if [key for key in was if key in now] != [key for key in now if key in was]:
        order = [f"{quoted(rule.to)} where {conditions.in_words(rule.when)}" for rule in now.values()]
        yield f"its rules are now asked in the order {listed(order, 'and then')}"


def _ways(route: Route) -> dict[Hashable, RouteRule]:
    """The rules of a route in order, by meaning, without those that say what an earlier one says."""
    ways: dict[Hashable, RouteRule] = {}
    for rule in route.rules:
        ways.setdefault((meaning(rule.when), rule.to), rule)
    return ways


# --- answers, questions and nurture -----------------------------------------------------------------------------------


def _answers(before: RuleFile, after: RuleFile, _renames: Renames) -> Iterator[str]:
    for what, old, new in (
        ("to reject a lead", before.answers.reject, after.answers.reject),
        ("to give a lead back", before.answers.recycle, after.answers.recycle),
    ):
        yield from _reasons(what, _by_name(old), _by_name(new))


def _reasons(what: str, before: Mapping[str, Reason], after: Mapping[str, Reason]) -> Iterator[str]:
    for name, old, new in pairs(before, after):
        if old is None and new is not None:
            yield f"New reason {what}: {_called(new.title, name)}."
        elif new is None and old is not None:
            yield f"The reason {_called(old.title, name)} {what} is gone."
        elif old and new:
            yield from sentence(f"The reason `{name}` {what}", turned("label", quoted(old.title), quoted(new.title)))


def _questions(before: RuleFile, after: RuleFile, _renames: Renames) -> Iterator[str]:
    for name in QUALIFICATIONS:
        old, new = before.qualification.of(name), after.qualification.of(name)
        clauses = [
            *turned("label", quoted(old.label or name), quoted(new.label or name)),
            *turned("question", _or_none(old.question, quoted), _or_none(new.question, quoted)),
            *turned(
                "confirmed by a rating",
                *(f"of {fact.confirmed_at} or more" if fact.confirmed_at else "above 0" for fact in (old, new)),
            ),
        ]
        yield from sentence(f"The question about `{name}`", clauses)


def _nurture(before: RuleFile, after: RuleFile, _renames: Renames) -> Iterator[str]:
    for stage, old, new in pairs(before.nurture, after.nurture):
        if old is None and new is not None:
            told = f"{phrases.advised(new)}{_measured(after, stage, new)}"
            yield f"Leads in `{stage}` are now nurtured: {told}."
        elif new is None and old is not None:
            yield f"Leads in `{stage}` are no longer nurtured: {phrases.advised(old)}."
        elif old and new:
            clauses = [*turned("track", phrases.advised(_once_each(old)), phrases.advised(_once_each(new)))]
            if old.towards is not None or new.towards is not None:
                goals = [towards(file, stage, advice) for file, advice in ((before, old), (after, new))]
                clauses += turned("measured by what is asked by", *(_or_none(goal, _code) for goal in goals))
            yield from sentence(f"Nurture in `{stage}`", clauses)


def _measured(file: RuleFile, stage: str, advice: Nurture) -> str:
    target = towards(file, stage, advice)
    return f", measured by what `{target}` asks" if target else ""


def _once_each(advice: Nurture) -> Nurture:
    """The advice without tracks for what an earlier one is for already."""
    first: dict[str, NurtureTrack] = {}
    for each in advice.tracks:
        first.setdefault(each.missing, each)
    return advice.model_copy(update={"tracks": tuple(first.values())})


# --- names ------------------------------------------------------------------------------------------------------------


def _names(before: RuleFile, after: RuleFile, _renames: Renames) -> Iterator[str]:
    names = turned("name", _or_none(one_line(before.name), quoted), _or_none(one_line(after.name), quoted))
    told = [_or_none(one_line(file.description), quoted) for file in (before, after)]
    yield from sentence("The rule file", [*names, *turned("description", *told)])


SUBJECTS: Mapping[str, Callable[[RuleFile, RuleFile, Renames], Iterator[str]]] = {
    "Points": _points,
    "Limits": _limits,
    "Bands": _bands,
    "Stages": _stages,
    "Handing over": _handing_over,
    "Answers": _answers,
    "Qualification": _questions,
    "Nurture": _nurture,
    "Examples": lambda before, after, _: example_differences(before.examples, after.examples),
    "Names": _names,
}
"""What a difference is told under, in order."""


# --- words ------------------------------------------------------------------------------------------------------------


def _renamed(what: str, names: Names) -> Iterator[str]:
    yield from (f"The {what} `{old}` is now called `{new}`." for old, new in names.items())


def _called(text: str, name: str) -> str:
    return f"`{name}`" if label(text, name) == NONE else f"{label(text, name)} (`{name}`)"


def _or_none(value: V | None, tell: Callable[[V], str]) -> str:
    return tell(value) if value is not None and value != "" else NONE


def _code(name: str) -> str:
    return f"`{name}`"


def _by_id(parts: Sequence[Any]) -> dict[str, Any]:
    return {part.id: part for part in parts}


def _by_name(parts: Iterable[Any]) -> dict[str, Any]:
    return {part.name: part for part in parts}
