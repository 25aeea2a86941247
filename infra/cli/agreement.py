"""A rule file as the plain-language agreement that marketing and sales sign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from shared.domain import conditions, stages
from shared.domain.ageing import Decay
from shared.domain.bands import Band
from shared.domain.conditions import All, AnyOf, Not
from shared.domain.durations import in_words
from shared.domain.moments import Moment, format_moment, parse_moment
from shared.domain.nurture import towards
from shared.domain.points import POINT, format_points
from shared.domain.rulefile import BandEdge, BehaviourRule, Example, HandoffRule, RuleFile, Stage
from shared.domain.stages import QUALIFICATIONS, Qualified, rated

_IMPORTANCE = {
    "influencing": "Influencing.",
    "important": "Important.",
    "most_important": "Most important.",
    "negative": "A negative sign.",
}
_CHANNELS = {"email": "e-mail", "slack": "Slack", "webhook": "webhook"}
_WEIGHTY = re.compile(r"([\\*<>\[\]|#]|(?<!\w)_|_(?!\w))")


def agreement_of(file: RuleFile) -> str:
    """The whole file in Markdown, in sentences."""
    return "\n".join(_lines(file)).rstrip() + "\n"


def _lines(file: RuleFile) -> Iterator[str]:
    yield f"# Lead agreement: {_plain(file.name or 'unnamed rules')}\n"
    if file.description:
        yield f"{_plain(file.description)}\n"
    yield (
        "Marketing and sales agree on the following definitions. A **lead** is a person who showed interest and gave "
        "permission to be contacted. Its **score** is the sum of the points that it earns; this text says for what. "
        "Words written `like_this` are the names under which our systems know activities and facts.\n"
    )
    yield from _lead_types(file)
    yield from _vetoes(file)
    yield from _handoffs(file)
    yield from _answers(file)
    yield from _questions(file)
    yield from _nurture(file)
    yield from _points(file)
    yield from _fit(file)
    yield from _sums(file)
    yield from _bands("Temperature", "the total score", file.temperature)
    yield from _bands("Grades", "the fit score", file.grades)
    yield from _examples(file)
    yield "## Signatures\n"
    yield "| For | Name | Date |\n|---|---|---|\n| Marketing | | |\n| Sales | | |"


# --- the types of lead ------------------------------------------------------------------------------------------------


def _lead_types(file: RuleFile) -> Iterator[str]:
    if not file.stages:
        return
    yield "## The types of lead\n"
    for place, stage in enumerate(file.stages):
        yield f"### {_title(stage.label, stage.name)}\n"
        if stage.description:
            yield f"{_plain(stage.description)}\n"
        yield from _entry(file, stage, place)
        if stage.leave:
            condition = rated(stage.leave.when, file.qualification.confirmed_at)
            yield from _when(f"It moves on to {_stage(file, stage.leave.to)} when", condition)
        if stage.stay:
            yield f"It stays here for at least {in_words(stage.stay)}, whatever happens meanwhile.\n"
    yield (
        "Only the moment in which a condition comes true counts: a lead of which it stays true is not announced again, "
        "one that fell out and came back is.\n"
    )


def _entry(file: RuleFile, stage: Stage, place: int) -> Iterator[str]:
    sources = [_stage(file, other.name) for other in file.stages if other.leave and other.leave.to == stage.name]
    if stage.enter is None:
        yield f"A lead comes here only when it moves on from {_list(sources, 'or')}.\n"
        return
    earlier = [_stage(file, other.name) for other in file.stages[:place]]
    if stage.origins:
        beginning = f"A lead comes here from {_list([_stage(file, name) for name in stage.origins], 'or')} when"
    elif earlier:
        beginning = f"A lead that has no type yet, or comes from {_list(earlier, 'or')}, comes here when"
    else:
        beginning = "A lead that has no type yet comes here when"
    yield from _when(beginning, rated(stage.enter, file.qualification.confirmed_at))


def _when(beginning: str, condition: Any) -> Iterator[str]:
    """A sentence, or a list where more than one thing is asked."""
    parts = condition.part if isinstance(condition, Not) else condition
    if isinstance(parts, All | AnyOf):
        yield f"{beginning} {_holds(condition)}:\n"
        yield from _items(parts, 0)
        yield ""
    else:
        yield f"{beginning} {_words(stages.in_words(condition))}.\n"


def _items(node: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for part in node.parts:
        inner = part.part if isinstance(part, Not) else part
        if isinstance(inner, All | AnyOf):
            yield f"{indent}- {_holds(part)}:"
            yield from _items(inner, depth + 1)
        else:
            yield f"{indent}- {_words(stages.in_words(part))}"


def _holds(node: Any) -> str:
    if isinstance(node, Not):
        return "none of these is so" if isinstance(node.part, AnyOf) else "at least one of these is not so"
    return "at least one of these is so" if isinstance(node, AnyOf) else "all of these are so"


def _vetoes(file: RuleFile) -> Iterator[str]:
    if not file.vetoes:
        return
    yield "## Who is never handed over\n"
    yield "Such a lead never moves up and is never handed over, whatever its score:\n"
    for veto in file.vetoes:
        yield f"- {_title(veto.label, veto.id, strong=True)}: {_words(conditions.in_words(veto.where))}."
    yield ""


def _handoffs(file: RuleFile) -> Iterator[str]:
    if not file.handoff:
        return
    yield "## Handing over\n"
    for name, handoff in file.handoff.items():
        told = [
            f"Each {_stage(file, name)} is handed over to **{_plain(handoff.to)}**, once each time that it becomes one."
        ]
        if handoff.notify:
            told.append(f"They are told by {_list([_CHANNELS[channel] for channel in handoff.notify])}.")
        told += _deadlines(handoff)
        if handoff.first_touch:
            told.append(f"Advised first touch: {_sentence(handoff.first_touch)}")
        told.append(_who_gets_it(handoff))
        yield f"- {' '.join(told)}"
        for each in handoff.route.rules if handoff.route else ():
            yield f"  - To **{_plain(each.to)}** where {_words(conditions.in_words(each.when))}."
    yield ""


def _deadlines(handoff: HandoffRule) -> Iterator[str]:
    if handoff.respond_within is None:
        return
    yield f"The answer is due within {in_words(handoff.respond_within)}."
    if handoff.remind:
        yield f"Who has not answered is reminded {in_words(handoff.remind)} before that."
    if handoff.escalate:
        when = f"{in_words(handoff.escalate.after)} after the deadline" if handoff.escalate.after else "At the deadline"
        yield f"{when[0].upper()}{when[1:]} **{_plain(handoff.escalate.to)}** is told that nobody has answered."
    if handoff.reassign:
        to = f"to **{_plain(handoff.reassign.to)}**" if handoff.reassign.to else "to the next person of the same team"
        yield f"{in_words(handoff.reassign.after).capitalize()} after the deadline the lead goes {to}."


def _who_gets_it(handoff: HandoffRule) -> str:
    within = "People of a team take turns, by weight."
    if handoff.route and handoff.route.by:
        within = f"`{handoff.route.by}` decides which person gets it; where that decides nothing, they take turns."
    if handoff.route and handoff.route.rules:
        within += " But the first of these that holds decides:"
    return within


def _answers(file: RuleFile) -> Iterator[str]:
    if not file.handoff:
        return
    yield "## Answering\n"
    yield "Sales answers each lead once, and says one of these where it does not keep it:\n"
    for title, reasons in (("Rejected", file.answers.reject), ("Given back to be nurtured", file.answers.recycle)):
        yield f"- **{title}**: {_list([_title(each.title, each.name) for each in reasons], 'or')}."
    yield (
        "\nWho gives a lead back may name a day; from that day on it is handed over again for what holds then. "
        "Reasons are kept with the rules that had fired, so that the rules can be bettered.\n"
    )


def _questions(file: RuleFile) -> Iterator[str]:
    asked = [node for stage in file.stages for each in _conditions(stage) for node in stages.walk(each)]
    if not any(isinstance(node, Qualified) for node in asked) and "qualification" not in file.model_fields_set:
        return
    yield "## Qualification\n"
    yield "Each of these facts is asked once, and kept with who said it and when:\n"
    for name in QUALIFICATIONS:
        fact = file.qualification.of(name)
        rating = f" Rated from 1 to 5, it is confirmed from {fact.confirmed_at} on." if fact.confirmed_at else ""
        yield f"- {_title(fact.label, name, strong=True)}: {_sentence(fact.question)}{rating}"
    yield ""


def _conditions(stage: Stage) -> Iterator[Any]:
    yield from (each for each in (stage.enter, stage.leave.when if stage.leave else None) if each is not None)


def _nurture(file: RuleFile) -> Iterator[str]:
    if not file.nurture:
        return
    yield "## Nurture\n"
    yield "When a lead becomes one of these, what it misses is written down, and a track is advised with it:\n"
    for name, advice in file.nurture.items():
        target = towards(file, name, advice)
        of = f", measured by what {_stage(file, target)} asks" if target else ""
        tracks = [f"**{_plain(each.track)}** where `{each.missing}` is missing" for each in advice.tracks]
        last = f"**{_plain(advice.otherwise)}**"
        told = f"{', else '.join(tracks)}, else {last}" if tracks else last
        yield f"- {_stage(file, name)}{of}: {told}."
    yield "\nWithout permission to be contacted nothing is advised.\n"


def _sentence(text: str) -> str:
    told = _plain(text)
    return told if told.endswith((".", "?", "!")) else f"{told}."


# --- points -----------------------------------------------------------------------------------------------------------


def _points(file: RuleFile) -> Iterator[str]:
    if not file.behaviour:
        return
    yield "## Points for what a lead does\n"
    yield f"Unless a line says otherwise, points count each time, and {_ageing(file.decay)}.\n"
    for rule in file.behaviour:
        told = [f"{_idle(rule) if rule.idle else _does(rule)}.", *_details(file, rule)]
        yield f"- {_title(rule.label, rule.id, strong=True)}: {' '.join(told)}"
    yield ""


def _amount(points: int, score: str, usual: str) -> str:
    unit = "point" if abs(points) == POINT else "points"
    return f"{_signed(points)} {unit}{f' for the {_plain(score)} score' if score != usual else ''}"


def _idle(rule: BehaviourRule) -> str:
    silence = rule.idle
    if silence is None:
        return ""
    of = f"without any {_codes(silence.of)}" if silence.of else "in which the lead does nothing"
    again = ", and again after every further such time" if rule.repeat.kind == "every" else ""
    return (
        f"{_amount(rule.points, rule.score, 'engagement')} after {in_words(silence.length)} {of}{again}; "
        "when the silence ends, they are gone"
    )


def _does(rule: BehaviourRule) -> str:
    where = f" where {_words(conditions.in_words(rule.where))}" if rule.where is not None else ""
    told = f"{_amount(rule.points, rule.score, 'engagement')} for {_codes(rule.on or ())}{where}"
    if rule.at_least:
        different = f" with different values of `{rule.at_least.distinct}`" if rule.at_least.distinct else ""
        within = f" within {in_words(rule.at_least.within)}" if rule.at_least.within else ""
        told += f", for every {rule.at_least.times} of them{different}{within}"
    return told


def _details(file: RuleFile, rule: BehaviourRule) -> Iterator[str]:
    if rule.idle is None and rule.repeat.kind != "every":
        yield {
            "once": "Only the first time counts.",
            "latest": "Only the latest time counts.",
            "once_per": f"It counts at most {_once_in(rule.repeat.every)}.",
            "once_per_value": f"Each value of `{rule.repeat.field}` counts once.",
        }[rule.repeat.kind]
    if rule.only_if is not None:
        yield f"Only for leads where {_words(conditions.in_words(rule.only_if))}."
    if rule.instead_of:
        other = next((each.label for each in file.behaviour if each.id == rule.instead_of), "")
        yield f"It counts instead of {_title(other, rule.instead_of)}, not beside it."
    if rule.cap:
        yield f"At most {format_points(rule.cap)} in all{', below zero' if rule.points < 0 else ''}."
    if rule.group:
        yield f"Limited together with others as “{_plain(file.groups[rule.group].label or rule.group)}”."
    if rule.decay is not None or (rule.idle and file.decay.kind != "none"):
        yield f"Here {_ageing(rule.decay or Decay())}."
    if rule.expires_after:
        yield f"After {in_words(rule.expires_after)} they are gone altogether."
    if rule.active:
        since, until = rule.active.since, rule.active.until
        told = [
            f"from {_moment(since)}" if since is not None else "",
            f"until {_moment(until)}" if until is not None else "",
        ]
        yield f"In force {' '.join(filter(None, told))}."
    if rule.importance:
        yield _IMPORTANCE[rule.importance]


def _once_in(length: int) -> str:
    told = in_words(length or 1)
    return f"once {'an' if told == '1 hour' else 'a'} {told[2:]}" if told.startswith("1 ") else f"once in {told}"


def _ageing(decay: Decay) -> str:
    if decay.kind == "none":
        return "points stay as they are"
    since = ", counted from the lead's latest activity" if decay.since_last_activity else ""
    if decay.kind == "half_life":
        return f"points are worth half after {in_words(decay.half_life)}, a quarter after twice that, and so on{since}"
    lost = f"{_percent(decay.share)} %" if decay.share else f"{format_points(decay.lose)} points"
    way = "little by little" if decay.kind == "linear" else "all at once at the end of that time"
    every = in_words(decay.every)
    return f"points lose {lost} of what they were at first in every {every}, {way}, until nothing is left{since}"


def _percent(share: tuple[int, int]) -> str:
    return format_points(share[0] * 100 * POINT // share[1])


def _fit(file: RuleFile) -> Iterator[str]:
    if not file.fit:
        return
    yield "## Points for who a lead is\n"
    for rule in file.fit:
        otherwise = f"; where that is known not to be so, {_signed(rule.otherwise)}" if rule.otherwise else ""
        where = _words(conditions.in_words(rule.where))
        amount = _amount(rule.points, rule.score, "fit")
        yield f"- {_title(rule.label, rule.id, strong=True)}: {amount} where {where}{otherwise}."
    yield "\nWhat is not known gives no points and is listed as missing, so that somebody can ask.\n"


def _sums(file: RuleFile) -> Iterator[str]:
    yield "## How points add up\n"
    used = {rule.group for rule in file.behaviour}
    for name, group in file.groups.items():
        if group.cap and name in used:
            of, most = _title(group.label, name, strong=True), format_points(group.cap)
            yield f"- {of}: these points together count at most {most}, above zero or below."
    for name in file.score_names:
        limits = file.scores.get(name)
        label = limits.label if limits else ""
        low = f"never below {format_points(limits.floor)}" if limits and limits.floor is not None else ""
        high = f"never above {format_points(limits.cap)}" if limits and limits.cap is not None else ""
        within = f"is {_list([*filter(None, (low, high))])}" if low or high else "has no limits"
        yield f"- The {_title(label or name.replace('_', ' '), name)} score {within}."
    parts = [
        f"{'' if weight == POINT else f'{format_points(weight)} times '}{_plain(name)}"
        for name in file.score_names
        if (weight := file.total.get(name, POINT))
    ]
    out = [_plain(name) for name in file.score_names if file.total.get(name, POINT) == 0]
    left_out = f"; {_list(out)} {'adds' if len(out) == 1 else 'add'} nothing to it" if out else ""
    yield f"- The total score is {' plus '.join(parts) or 'always 0'}{left_out}.\n"


def _bands(title: str, of: str, edges: tuple[BandEdge, ...]) -> Iterator[str]:
    if not edges:
        return
    yield f"## {title}\n"
    following = [*[edge.band for edge in edges[1:]], None]
    for edge, after in zip(edges, following, strict=True):
        yield f"- **{_plain(edge.name)}**: {_edge(edge.band, after, of)}."
    yield ""


def _edge(band: Band, after: Band | None, of: str) -> str:
    low = "" if band.edge is None else f"{'above' if band.strict else 'at least'} {format_points(band.edge)}"
    high = ""
    if after is not None and after.edge is not None:
        high = f"{'at most' if after.strict else 'below'} {format_points(after.edge)}"
    return f"{of} is {' and '.join(filter(None, (low, high))) or 'anything'}"


# --- examples ---------------------------------------------------------------------------------------------------------


def _examples(file: RuleFile) -> Iterator[str]:
    if not file.examples:
        return
    yield "## Agreed examples\n"
    for example in file.examples:
        told = example.expect.model_dump(exclude_unset=True)
        expected = _list([text for key, value in told.items() for text in _expected(key, value)])
        known = "".join(f" Known: {text}." for text in [_known(example)] if text)
        yield f"- **{_plain(example.name)}.** {_did(example)}{known} On {_moment(example.at)} it has {expected}."
    yield ""


def _did(example: Example) -> str:
    """What the lead did, in the order of time; the same several times in one day at once."""
    days: dict[tuple[str, str, str], int] = {}
    for each in sorted(example.activities, key=lambda each: parse_moment(each.occurred_at)):
        said = {
            **{key: value for key, value in (("channel", each.channel), ("source", each.source)) if value},
            **each.properties,
        }
        more = ", ".join(f"{key} {conditions.value_in_words(value)}" for key, value in said.items() if _is_plain(value))
        key = (format_moment(parse_moment(each.occurred_at))[:10], each.type, more)
        days[key] = days.get(key, 0) + 1
    told = [
        f"`{kind}`{f' ({_words(more)})' if more else ''}{f' {count} times' if count > 1 else ''} on {day}"
        for (day, kind, more), count in days.items()
    ]
    return f"The lead did {_list(told)}." if told else "The lead did nothing."


def _known(example: Example) -> str:
    facts = example.facts.line()
    told = [f"consent {facts.pop('consent')}"] if "consent" in facts else []
    told += [
        f"`{group}.{key}` {_words(conditions.value_in_words(value))}"
        for group, values in facts.items()
        for key, value in values.items()
        if _is_plain(value)
    ]
    return ", ".join(told)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) or (
        isinstance(value, list) and bool(value) and all(map(_is_plain, value))
    )


def _expected(key: str, value: Any) -> Iterator[str]:
    match key, value:
        case "scores", dict():
            yield from (f"{format_points(points)} points of {_plain(name)}" for name, points in value.items())
        case "total", int():
            yield f"{format_points(value)} points in all"
        case "stage", _:
            yield f"the type `{value}`" if value else "no type"
        case "vetoed_by", _:
            yield f"the veto {_list([f'`{name}`' for name in value])}" if value else "no veto"
        case "missing", _:
            yield f"{_codes(value, 'and')} missing" if value else "nothing missing"
        case _:
            yield f"the {key} {_plain(value)}" if value else f"no {key}"


# --- words ------------------------------------------------------------------------------------------------------------


def _stage(file: RuleFile, name: str) -> str:
    label = next((stage.label for stage in file.stages if stage.name == name), "")
    return f"“{_plain(label or name)}”"


def _title(label: str, name: str, *, strong: bool = False) -> str:
    told = _plain(label or name)
    told = f"**{told}**" if strong else told
    return f"{told} (`{name}`)" if label and label != name else told


def _codes(names: Iterable[str], joiner: str = "or") -> str:
    return _list([f"`{name}`" for name in names], joiner)


def _list(words: list[str] | tuple[str, ...], joiner: str = "and") -> str:
    *most, last = words or ("nothing",)
    return f"{', '.join(most)} {joiner} {last}" if most else last


def _signed(points: int) -> str:
    return f"{'+' if points > 0 else ''}{format_points(points)}"


def _moment(moment: Moment) -> str:
    """A moment for people: `2026-03-01`, or with the time of day where it is not midnight."""
    day, _, time = format_moment(moment).partition("T")
    return day if time == "00:00:00Z" else f"{day} {time.removesuffix(':00Z').removesuffix('Z')} UTC"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _WEIGHTY.sub(r"\\\1", " ".join(text.split()))


def _words(text: str) -> str:
    """As `_plain`, except for what stands between backticks."""
    return "".join(
        part if place % 2 else _WEIGHTY.sub(r"\\\1", part) for place, part in enumerate(re.split("(`[^`]*`)", text))
    )
