"""What the parts of a rule file read like in plain words: the agreement and the difference of two files say the same.

Phrases are plain text in which names of activities, facts and rules stand in backticks. Names that people wrote go
through `name`, so that who prints Markdown can set them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from shared.domain import conditions
from shared.domain.ageing import Decay
from shared.domain.bands import Band
from shared.domain.durations import in_words
from shared.domain.moments import Moment, format_moment
from shared.domain.points import POINT, format_points
from shared.domain.rulefile import (
    Active,
    AtLeast,
    BehaviourRule,
    Escalate,
    HandoffRule,
    Nurture,
    Reassign,
    Repeat,
    RuleFile,
)

CHANNELS = {"email": "e-mail", "slack": "Slack", "webhook": "webhook"}
IMPORTANCE = {
    "influencing": "influencing",
    "important": "important",
    "most_important": "most important",
    "negative": "a negative sign",
}
Written = Callable[[str], str]
"""How a name that people wrote is set apart."""


def quoted(text: str) -> str:
    """A text that people wrote, on one line and in quotes."""
    return f"“{one_line(text)}”"


def one_line(text: str) -> str:
    """A text without its line ends."""
    return " ".join(text.split())


def titled(label: str, name: str) -> str:
    """What people call it, and the name under which the systems know it."""
    return f"{one_line(label)} (`{name}`)" if label and label != name else f"`{name}`"


def codes(names: Iterable[str], joiner: str = "or") -> str:
    """Names in backticks, as a list."""
    return listed([f"`{name}`" for name in names], joiner)


def listed(words: list[str] | tuple[str, ...], joiner: str = "and") -> str:
    """Words as a list that a person reads aloud."""
    *most, last = words or ("nothing",)
    return f"{', '.join(most)} {joiner} {last}" if most else last


def signed(points: int) -> str:
    """Billionths of a point, with a plus where they are above zero."""
    return f"{'+' if points > 0 else ''}{format_points(points)}"


def moment_in_words(moment: Moment) -> str:
    """A moment for people: `2026-03-01`, or with the time of day where it is not midnight."""
    day, _, time = format_moment(moment).partition("T")
    return day if time == "00:00:00Z" else f"{day} {time.removesuffix(':00Z').removesuffix('Z')} UTC"


# --- points -----------------------------------------------------------------------------------------------------------


def amount(points: int, score: str, usual: str) -> str:
    """Points, and the score to which they add where it is not the `usual` one."""
    unit = "point" if abs(points) == POINT else "points"
    return f"{signed(points)} {unit}{f' for the {score} score' if score != usual else ''}"


def earned(rule: BehaviourRule) -> str:
    """What a behaviour rule gives, and for what."""
    if rule.idle:
        again = ", and again after every further such time" if rule.repeat.kind == "every" else ""
        told = f"{amount(rule.points, rule.score, 'engagement')} after {silence(rule)}{again}"
        return f"{told}; when the silence ends, they are gone"
    where = f" where {conditions.in_words(rule.where)}" if rule.where is not None else ""
    told = f"{amount(rule.points, rule.score, 'engagement')} for {codes(rule.on or ())}{where}"
    return f"{told}, {several(rule.at_least)}" if rule.at_least else told


def silence(rule: BehaviourRule) -> str:
    """The silence for which an idle rule gives points."""
    if rule.idle is None:
        return ""
    of = f"without any {codes(rule.idle.of)}" if rule.idle.of else "in which the lead does nothing"
    return f"{in_words(rule.idle.length)} {of}"


def several(at_least: AtLeast) -> str:
    """How many activities together earn."""
    different = f" with different values of `{at_least.distinct}`" if at_least.distinct else ""
    within = f" within {in_words(at_least.within)}" if at_least.within else ""
    return f"for every {at_least.times} of them{different}{within}"


def repeated(repeat: Repeat) -> str:
    """Which of the earning activities count, as a sentence; none where every one does."""
    return {
        "every": "",
        "once": "Only the first time counts.",
        "latest": "Only the latest time counts.",
        "once_per": f"It counts at most {_once_in(repeat.every)}.",
        "once_per_value": f"Each value of `{repeat.field}` counts once.",
    }[repeat.kind]


def counted(rule: BehaviourRule) -> str:
    """Which of its earnings count, as part of a sentence."""
    repeat = rule.repeat
    if rule.idle:
        return "again after every further such time" if repeat.kind == "every" else "only the first such time"
    return {
        "every": "every time",
        "once": "only the first time",
        "latest": "only the latest time",
        "once_per": f"at most {_once_in(repeat.every)}",
        "once_per_value": f"once for each value of `{repeat.field}`",
    }[repeat.kind]


def _once_in(length: int) -> str:
    told = in_words(length or 1)
    return f"once {'an' if told == '1 hour' else 'a'} {told[2:]}" if told.startswith("1 ") else f"once in {told}"


def details(file: RuleFile, rule: BehaviourRule) -> Iterator[str]:
    """What else a behaviour rule says, a sentence each."""
    if rule.idle is None and rule.repeat.kind != "every":
        yield repeated(rule.repeat)
    if rule.only_if is not None:
        yield f"Only for leads where {conditions.in_words(rule.only_if)}."
    if rule.instead_of:
        other = next((each.label for each in file.behaviour if each.id == rule.instead_of), "")
        yield f"It counts instead of {titled(other, rule.instead_of)}, not beside it."
    if rule.cap:
        yield f"At most {format_points(rule.cap)} in all{', below zero' if rule.points < 0 else ''}."
    if rule.group:
        yield f"Limited together with others as {quoted(file.groups[rule.group].label or rule.group)}."
    if rule.decay is not None or (rule.idle and file.decay.kind != "none"):
        yield f"Here {ageing(rule.decay or Decay())}."
    if rule.expires_after:
        yield f"After {in_words(rule.expires_after)} they are gone altogether."
    if rule.active:
        yield f"In force {in_force(rule.active)}."
    if rule.importance:
        told = IMPORTANCE[rule.importance]
        yield f"{told[0].upper()}{told[1:]}."


def in_force(active: Active) -> str:
    """The period in which a rule earns."""
    told = [
        f"from {moment_in_words(active.since)}" if active.since is not None else "",
        f"until {moment_in_words(active.until)}" if active.until is not None else "",
    ]
    return " ".join(filter(None, told))


def ageing(decay: Decay) -> str:
    """How points age, as a clause."""
    if decay.kind == "none":
        return "points stay as they are"
    since = ", counted from the lead's latest activity" if decay.since_last_activity else ""
    if decay.kind == "half_life":
        return f"points are worth half after {in_words(decay.half_life)}, a quarter after twice that, and so on{since}"
    lost = f"{percent(decay.share)} %" if decay.share else f"{format_points(decay.lose)} points"
    way = "little by little" if decay.kind == "linear" else "all at once at the end of that time"
    every = in_words(decay.every)
    return f"points lose {lost} of what they were at first in every {every}, {way}, until nothing is left{since}"


def pace(decay: Decay) -> str:
    """How points age, as briefly as it can be told."""
    since = ", counted from the lead's latest activity" if decay.since_last_activity else ""
    if decay.kind == "none":
        return "points stay as they are"
    if decay.kind == "half_life":
        return f"half-life {in_words(decay.half_life)}{since}"
    lost = f"{percent(decay.share)} %" if decay.share else f"{format_points(decay.lose)} points"
    way = "little by little" if decay.kind == "linear" else "all at once at the end of that time"
    return f"{lost} lost in every {in_words(decay.every)}, {way}{since}"


def percent(share: tuple[int, int]) -> str:
    """A share in percent."""
    return format_points(share[0] * 100 * POINT // share[1])


def edge(band: Band) -> str:
    """From where on a band holds."""
    return "" if band.edge is None else f"{'above' if band.strict else 'at least'} {format_points(band.edge)}"


# --- handing over -----------------------------------------------------------------------------------------------------


def deadlines(handoff: HandoffRule, name: Written = quoted) -> Iterator[str]:
    """By when sales answers, and what happens while nobody does, a sentence each."""
    if handoff.respond_within is None:
        return
    yield f"The answer is due within {in_words(handoff.respond_within)}."
    if handoff.remind:
        yield f"Who has not answered is reminded {in_words(handoff.remind)} before that."
    if handoff.escalate:
        told = escalated(handoff.escalate, name)
        yield f"{told[0].upper()}{told[1:]}."
    if handoff.reassign:
        yield f"{reassigned(handoff.reassign, name)}."


def escalated(escalate: Escalate, name: Written = quoted) -> str:
    """Who is told that nobody has answered, and when."""
    when = f"{in_words(escalate.after)} after the deadline" if escalate.after else "at the deadline"
    return f"{when} {name(escalate.to)} is told that nobody has answered"


def reassigned(reassign: Reassign, name: Written = quoted) -> str:
    """To whom a lead goes that nobody answered, and when."""
    to = f"to {name(reassign.to)}" if reassign.to else "to the next person of the same team"
    return f"{in_words(reassign.after)} after the deadline the lead goes {to}"


def told_by(handoff: HandoffRule) -> str:
    """The channels on which a handoff goes out."""
    return listed([CHANNELS[channel] for channel in dict.fromkeys(handoff.notify)])


def who_gets_it(handoff: HandoffRule) -> str:
    """Who in the team gets a lead."""
    within = "People of a team take turns, by weight."
    if handoff.route and handoff.route.by:
        within = f"`{handoff.route.by}` decides which person gets it; where that decides nothing, they take turns."
    if handoff.route and handoff.route.rules:
        within += " But the first of these that holds decides:"
    return within


def advised(advice: Nurture, name: Written = quoted) -> str:
    """The track for each thing that a lead may miss."""
    tracks = [f"{name(each.track)} for leads that lack {_lacked(each.missing)}" for each in advice.tracks]
    return ", else ".join([*tracks, name(advice.otherwise)])


def _lacked(criterion: str) -> str:
    """What a lead lacks, by the name of the criterion."""
    return f"the {criterion}" if criterion in ("score", "grade", "temperature", "consent") else f"`{criterion}`"


# --- examples ---------------------------------------------------------------------------------------------------------


def expected(key: str, value: Any) -> Iterator[str]:
    """What an example says of one key of what must come out."""
    match key, value:
        case "scores", dict():
            yield from (f"{format_points(points)} points of {name}" for name, points in value.items())
        case "total", int():
            yield f"{format_points(value)} points in all"
        case "stage", _:
            yield f"the type `{value}`" if value else "no type"
        case "vetoed_by", _:
            yield f"the veto {listed([f'`{name}`' for name in value])}" if value else "no veto"
        case "missing", _:
            yield f"{codes(value, 'and')} missing" if value else "nothing missing"
        case _:
            yield f"the {key} {one_line(value)}" if value else f"no {key}"
