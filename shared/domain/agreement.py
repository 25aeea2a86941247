"""A rule file as the plain-language agreement that marketing and sales sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shared.domain import conditions, phrases, stages
from shared.domain.bands import Band
from shared.domain.conditions import All, AnyOf, Not
from shared.domain.durations import in_words
from shared.domain.moments import format_moment, parse_moment
from shared.domain.nurture import towards
from shared.domain.phrases import listed, moment_in_words, signed
from shared.domain.points import POINT, format_points
from shared.domain.rulefile import BandEdge, Example, RuleFile, Stage
from shared.domain.stages import QUALIFICATIONS, Qualified, rated

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
        yield f"A lead comes here only when it moves on from {listed(sources, 'or')}.\n"
        return
    earlier = [_stage(file, other.name) for other in file.stages[:place]]
    if stage.origins:
        beginning = f"A lead comes here from {listed([_stage(file, name) for name in stage.origins], 'or')} when"
    elif earlier:
        beginning = f"A lead that has no type yet, or comes from {listed(earlier, 'or')}, comes here when"
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
            told.append(f"They are told by {phrases.told_by(handoff)}.")
        told += phrases.deadlines(handoff, _strong)
        if handoff.first_touch:
            told.append(f"Advised first touch: {_sentence(handoff.first_touch)}")
        told.append(_words(phrases.who_gets_it(handoff)))
        yield f"- {' '.join(told)}"
        for each in handoff.route.rules if handoff.route else ():
            yield f"  - To **{_plain(each.to)}** where {_words(conditions.in_words(each.when))}."
    yield ""


def _answers(file: RuleFile) -> Iterator[str]:
    if not file.handoff:
        return
    yield "## Answering\n"
    yield "Sales answers each lead once, and says one of these where it does not keep it:\n"
    for title, reasons in (("Rejected", file.answers.reject), ("Given back to be nurtured", file.answers.recycle)):
        yield f"- **{title}**: {listed([_title(each.title, each.name) for each in reasons], 'or')}."
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
        yield f"- {_stage(file, name)}{of}: {phrases.advised(advice, _strong)}."
    yield "\nWithout permission to be contacted nothing is advised.\n"


def _sentence(text: str) -> str:
    told = _plain(text)
    return told if told.endswith((".", "?", "!")) else f"{told}."


# --- points -----------------------------------------------------------------------------------------------------------


def _points(file: RuleFile) -> Iterator[str]:
    if not file.behaviour:
        return
    yield "## Points for what a lead does\n"
    yield f"Unless a line says otherwise, points count each time, and {phrases.ageing(file.decay)}.\n"
    for rule in file.behaviour:
        told = " ".join((f"{phrases.earned(rule)}.", *phrases.details(file, rule)))
        yield f"- {_title(rule.label, rule.id, strong=True)}: {_words(told)}"
    yield ""


def _fit(file: RuleFile) -> Iterator[str]:
    if not file.fit:
        return
    yield "## Points for who a lead is\n"
    for rule in file.fit:
        otherwise = f"; where that is known not to be so, {signed(rule.otherwise)}" if rule.otherwise else ""
        told = f"{phrases.amount(rule.points, rule.score, 'fit')} where {conditions.in_words(rule.where)}{otherwise}"
        yield f"- {_title(rule.label, rule.id, strong=True)}: {_words(told)}."
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
        within = f"is {listed([*filter(None, (low, high))])}" if low or high else "has no limits"
        yield f"- The {_title(label or name.replace('_', ' '), name)} score {within}."
    parts = [
        f"{'' if weight == POINT else f'{format_points(weight)} times '}{_plain(name)}"
        for name in file.score_names
        if (weight := file.total.get(name, POINT))
    ]
    out = [_plain(name) for name in file.score_names if file.total.get(name, POINT) == 0]
    left_out = f"; {listed(out)} {'adds' if len(out) == 1 else 'add'} nothing to it" if out else ""
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
    low, high = phrases.edge(band), ""
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
        expected = _words(listed([text for key, value in told.items() for text in phrases.expected(key, value)]))
        known = "".join(f" Known: {text}." for text in [_known(example)] if text)
        when = moment_in_words(example.at)
        yield f"- **{_plain(example.name)}.** {_did(example)}{known} On {when} it has {expected}."
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
    return f"The lead did {listed(told)}." if told else "The lead did nothing."


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


# --- words ------------------------------------------------------------------------------------------------------------


def _stage(file: RuleFile, name: str) -> str:
    label = next((stage.label for stage in file.stages if stage.name == name), "")
    return f"“{_plain(label or name)}”"


def _title(label: str, name: str, *, strong: bool = False) -> str:
    told = _plain(label or name)
    told = f"**{told}**" if strong else told
    return f"{told} (`{name}`)" if label and label != name else told


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _WEIGHTY.sub(r"\\\1", " ".join(text.split()))


def _strong(text: str) -> str:
    return f"**{_plain(text)}**"


def _words(text: str) -> str:
    """As `_plain`, except for what stands between backticks."""
    return "".join(
        part if place % 2 else _WEIGHTY.sub(r"\\\1", part) for place, part in enumerate(re.split("(`[^`]*`)", text))
    )
