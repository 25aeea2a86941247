"""A rule file as the plain-language agreement that marketing and sales sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain import conditions, stages
from shared.domain.ageing import Decay
from shared.domain.bands import Band
from shared.domain.durations import in_words
from shared.domain.moments import format_moment
from shared.domain.points import POINT, format_points
from shared.domain.rulefile import BandEdge, BehaviourRule, RuleFile, Stage

_IMPORTANCE = {
    "influencing": "influencing",
    "important": "important",
    "most_important": "most important",
    "negative": "a negative sign",
}


def agreement_of(file: RuleFile) -> str:
    """The whole file in Markdown, in sentences."""
    return "\n".join(_lines(file)).rstrip() + "\n"


def _lines(file: RuleFile) -> Iterator[str]:
    yield f"# Lead agreement: {file.name or 'unnamed rules'}\n"
    if file.description:
        yield f"{file.description}\n"
    yield (
        "Marketing and sales agree on the following definitions. A **lead** is a person who showed interest and gave "
        "permission to be contacted. Its **score** is the sum of points that it earns; this text says for what.\n"
    )
    yield from _lead_types(file)
    yield from _handoffs(file)
    yield from _points(file)
    yield from _fit(file)
    yield from _sums(file)
    yield from _bands("Temperature", "the total score", file.temperature)
    yield from _bands("Grades", "the fit score", file.grades)
    yield from _examples(file)
    yield "## Signatures\n"
    yield "| For | Name | Date |\n|---|---|---|\n| Marketing | | |\n| Sales | | |"


def _lead_types(file: RuleFile) -> Iterator[str]:
    if not file.stages:
        return
    yield "## The types of lead\n"
    for place, stage in enumerate(file.stages):
        yield f"### {stage.label or stage.name}{f' (`{stage.name}`)' if stage.label else ''}\n"
        if stage.description:
            yield f"{stage.description}\n"
        yield f"{_entry(file, stage, place)}\n"
        if stage.leave:
            yield f"It falls back to {_stage(file, stage.leave.to)} when {stages.in_words(stage.leave.when)}.\n"
    yield (
        "Only crossing a line counts: a lead that stays above it is not announced again, one that fell out and came "
        "back is.\n"
    )
    if file.vetoes:
        yield "Some leads never move up and are never handed over, whatever their score:\n"
        for veto in file.vetoes:
            yield f"- {veto.label or veto.id}: {conditions.in_words(veto.where)}"
        yield ""


def _entry(file: RuleFile, stage: Stage, place: int) -> str:
    if stage.enter is None:
        sources = [other for other in file.stages if other.leave and other.leave.to == stage.name]
        return f"A lead comes here from {_list([_stage(file, other.name) for other in sources])} only."
    if stage.origins:
        origin = f"A lead in {_list([_stage(file, name) for name in stage.origins], 'or')}"
    elif place:
        origin = (
            f"A lead in no stage yet, or in {_list([_stage(file, other.name) for other in file.stages[:place]], 'or')},"
        )
    else:
        origin = "A lead in no stage yet"
    return f"{origin} becomes one when {stages.in_words(stage.enter)}."


def _handoffs(file: RuleFile) -> Iterator[str]:
    if not file.handoff:
        return
    yield "## Handing over\n"
    for name, handoff in file.handoff.items():
        within = f" and is answered within {in_words(handoff.respond_within)}" if handoff.respond_within else ""
        by = f" It is announced by {_list(handoff.notify)}." if handoff.notify else ""
        route = f" Who gets it is decided by `{handoff.route.by}`, otherwise by turn." if handoff.route else ""
        yield f"- Each {_stage(file, name)} is handed over to **{handoff.to}** once for each entry{within}.{by}{route}"
    yield ""


def _points(file: RuleFile) -> Iterator[str]:
    if not file.behaviour:
        return
    yield "## Points for what a lead does\n"
    for rule in file.behaviour:
        yield f"- **{rule.label or rule.id}**: {_rule(file, rule)}"
    yield ""


def _rule(file: RuleFile, rule: BehaviourRule) -> str:
    parts = [f"{_signed(rule.points)} points"]
    if rule.score != "engagement":
        parts[0] += f" for the {rule.score} score"
    if rule.idle:
        of = _list([f"`{kind}`" for kind in rule.idle.of], "or") if rule.idle.of else "activity at all"
        again = ", and again after every further such time" if rule.repeat.kind == "every" else ""
        parts.append(f"after {in_words(rule.idle.length)} without {of}{again}; they end with the next one")
    else:
        parts.append(f"for {_list([f'`{kind}`' for kind in rule.on or ()], 'or')}{_where(rule)}")
    parts += [text for text in _details(file, rule) if text]
    return "; ".join(parts) + "."


def _where(rule: BehaviourRule) -> str:
    text = f" where {conditions.in_words(rule.where)}" if rule.where is not None else ""
    if rule.at_least:
        different = f" with different values of `{rule.at_least.distinct}`" if rule.at_least.distinct else ""
        within = f" within {in_words(rule.at_least.within)}" if rule.at_least.within else ""
        text += f", at least {rule.at_least.times} of them{different}{within}"
    return text


def _details(file: RuleFile, rule: BehaviourRule) -> Iterator[str]:
    if rule.idle is None:
        yield {
            "every": "each time",
            "once": "once",
            "latest": "only the latest time",
            "once_per": f"at most once in {in_words(rule.repeat.every)}" if rule.repeat.every else "",
            "once_per_value": f"once for each value of `{rule.repeat.field}`",
        }[rule.repeat.kind]
    if rule.only_if is not None:
        yield f"only for leads where {conditions.in_words(rule.only_if)}"
    if rule.instead_of:
        yield f"instead of “{next((r.label or r.id for r in file.behaviour if r.id == rule.instead_of), '')}”"
    yield f"at most {format_points(rule.cap)} in all" if rule.cap else ""
    yield f"together with others of the group “{file.groups[rule.group].label or rule.group}”" if rule.group else ""
    yield _ageing(rule.decay or (Decay() if rule.idle else file.decay))
    yield f"ending after {in_words(rule.expires_after)}" if rule.expires_after else ""
    if rule.active:
        since, until = rule.active.since, rule.active.until
        yield (f"from {format_moment(since)} on" if since is not None else "") + (
            f"{' ' if since is not None else ''}until {format_moment(until)}" if until is not None else ""
        )
    yield f"{_IMPORTANCE[rule.importance]}" if rule.importance else ""


def _ageing(decay: Decay) -> str:
    if decay.kind == "none":
        return "the points stay"
    since = " since the lead's latest activity" if decay.since_last_activity else ""
    if decay.kind == "half_life":
        return f"worth half every {in_words(decay.half_life)}{since}"
    lost = (
        f"{format_points(decay.share[0] * 100 * POINT // decay.share[1])} %"
        if decay.share
        else format_points(decay.lose)
    )
    way = "evenly" if decay.kind == "linear" else "at a time"
    return f"losing {lost} of the original points every {in_words(decay.every)}{since}, {way}"


def _fit(file: RuleFile) -> Iterator[str]:
    if not file.fit:
        return
    yield "## Points for who a lead is\n"
    for rule in file.fit:
        otherwise = f", otherwise {_signed(rule.otherwise)}" if rule.otherwise else ""
        score = f" for the {rule.score} score" if rule.score != "fit" else ""
        where = conditions.in_words(rule.where)
        yield f"- **{rule.label or rule.id}**: {_signed(rule.points)} points{score} where {where}{otherwise}."
    yield "\nWhat is not known gives no points and is listed as missing.\n"


def _sums(file: RuleFile) -> Iterator[str]:
    yield "## How points add up\n"
    for name, group in file.groups.items():
        if group.cap:
            yield f"- The group “{group.label or name}” counts at most {format_points(group.cap)} points, either way."
    for name, limits in file.scores.items():
        low = f"at least {format_points(limits.floor)}" if limits.floor is not None else ""
        high = f"at most {format_points(limits.cap)}" if limits.cap is not None else ""
        if low or high:
            yield f"- The {limits.label or name} score (`{name}`) is {' and '.join(filter(None, (low, high)))}."
    weights = [f"{format_points(file.total.get(name, POINT))} times {name}" for name in file.score_names]
    yield f"- The total score is {' + '.join(weights)}.\n"


def _bands(title: str, of: str, edges: tuple[BandEdge, ...]) -> Iterator[str]:
    if not edges:
        return
    yield f"## {title}\n"
    for edge in edges:
        yield f"- **{edge.name}**: {_edge(edge.band, of)}"
    yield "\nThe last that holds is the one.\n"


def _edge(band: Band, of: str) -> str:
    if band.edge is None:
        return f"whatever {of} is"
    return f"{of} is {'above' if band.strict else 'at least'} {format_points(band.edge)}"


def _examples(file: RuleFile) -> Iterator[str]:
    if not file.examples:
        return
    yield "## Agreed examples\n"
    for example in file.examples:
        expected = _list(
            [_expected(key, value) for key, value in example.expect.model_dump(exclude_unset=True).items()]
        )
        yield f"- {example.name}: on {format_moment(example.at)[:10]} it has {expected}."
    yield ""


def _expected(key: str, value: Any) -> str:
    name = key.replace("_", " ")
    if isinstance(value, dict):
        return _list([_expected(f"{part} {name.removesuffix('s')}", each) for part, each in value.items()])
    if isinstance(value, list):
        return f"{name} {_list(value)}" if value else f"nothing in {name}"
    return f"no {name}" if value is None else f"{name} {value}"


def _stage(file: RuleFile, name: str) -> str:
    label = next((stage.label for stage in file.stages if stage.name == name), "")
    return label or f"`{name}`"


def _list(words: list[str] | tuple[str, ...], joiner: str = "and") -> str:
    *most, last = words or ("nothing",)
    return f"{', '.join(most)} {joiner} {last}" if most else last


def _signed(points: int) -> str:
    return f"{'+' if points > 0 else ''}{format_points(points)}"
