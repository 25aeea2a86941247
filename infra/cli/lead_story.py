"""`baton leads explain|timeline|qualify`: how a score adds up, what happened in order of time, and what is known."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli import as_of
from infra.cli.leads import (
    LOSSES,
    activity_line,
    answer_in_words,
    as_shown,
    cut_remark,
    fact_in_words,
    headline,
    nurture_lines,
    short_points,
    signed_points,
    stage_lines,
    story,
    sum_lines,
    told_at,
    weighted,
)
from infra.cli.leads import Json as AsJson
from infra.cli.moments import moment_named, short_moment, to_the_second
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.cli.transitions import QUIETLY, by_rules_in_words, cause_in_words, cause_of, moved_quietly, step_in_words
from infra.deployed import LOCAL, Api, Refusal, path_of
from infra.failure import Failure
from shared.adapters.answers import read_fact
from shared.domain.activity import HANDOFF_ACCEPTED, HANDOFF_RECYCLED, HANDOFF_REJECTED, Json
from shared.domain.moments import MICROSECOND, Moment, format_moment, parse_moment
from shared.domain.stages import QUALIFICATIONS

Lead = Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, an e-mail address or a user id.")]
_ANSWERS = {HANDOFF_ACCEPTED, HANDOFF_REJECTED, HANDOFF_RECYCLED}
_ORDER = {"activity": 0, "more": 1, "stage": 2, "handoff": 2, "follow-up": 3, "answer": 4}
"""Of one moment what was caused stands after its cause; the stages in the order of the path, each with its handoffs."""
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*")
_FACT = "yes, no, a rating from 1 to 5, or what the lead said"
_TAKEN_BY = dict(zip(LOSSES, ("aged", "rule cap", "group cap", "score limits"), strict=True))


def explain(  # noqa: PLR0917 - each is an option
    lead: Lead,
    at: as_of.At = None,
    since: Annotated[str | None, typer.Option("--since", help="Tell what changed since this moment.")] = None,
    rules: as_of.Rules = None,
    known: as_of.Known = None,
    environment: Environment = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Explain a lead's score as it adds up: what each point is for, what age and limits took, what would lift it.

    With --at it is the score of that moment, by what was known then and under the rules that were active then, unless
    --known and --rules say otherwise; the answer tells which it is.
    """
    from_then = None if since is None else format_moment(moment_named(since, "--since"))
    wish = {**as_of.asked(at, rules, known), "since": from_then}
    found = story(signed_in(environment), lead, wish)
    if as_json:
        screen.json({**found["explanation"], "as_of": found.get("as_of")})
        return
    screen.say(headline(found))
    for line in as_of.as_of_lines(found):
        screen.say(line)
    for line in stage_lines(found):
        screen.say(line)
    screen.show(_points(found["explanation"]))
    for line in (*sum_lines(found), *_outlook(found["explanation"])):
        screen.say(line)


def timeline(  # noqa: PLR0917 - each is an option
    lead: Lead,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many lines, the latest.")] = 50,
    before: Annotated[
        str | None, typer.Option("--before", help="Only what happened before: 2026-03-01T09:30:00Z.")
    ] = None,
    at: as_of.At = None,
    known: as_of.Known = None,
    environment: Environment = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Tell what a lead did and said, which stages it entered, to whom it was handed over, and what sales answered.

    In order of time, the latest part of it; the first line tells how to see what was earlier. With --at as it was known
    then: what had been received by that moment.
    """
    wish = as_of.asked(at, None, known)
    if known is not None and at is None:
        raise Failure("--known tells what had been received by a moment, which is missing.", "Give --at too.")
    api = signed_in(environment)
    story_then = story(api, lead, wish) if at is not None else None
    by = _received_by(wish) if story_then else None
    lines, earlier = happenings(api, lead, limit, before, at=wish["at"], received_by=by)
    if as_json:
        screen.json({"happened": lines, "before": earlier, "as_of": story_then["as_of"] if story_then else None})
        return
    if story_then:
        screen.say("what was known then:" if by is not None else "what is known now of what had occurred by then:")
    if earlier:
        screen.say(f"what was earlier: baton leads timeline {lead} --before {earlier}")
    screen.note("times in UTC")
    for each in lines:
        for line in told_at(to_the_second(each["at"]), each["words"]):
            screen.say(line)
    if before is None and at is None:
        for line in nurture_lines(story(api, lead)):
            screen.say(line)
    if not lines:
        screen.say("Nothing happened." if before is None else "Nothing happened before that.")


def qualify(  # noqa: PLR0917 - each is an option
    lead: Lead,
    authority: Annotated[str | None, typer.Option("--authority", help=f"Who decides: {_FACT}.")] = None,
    budget: Annotated[str | None, typer.Option("--budget", help=f"Whether there is a budget: {_FACT}.")] = None,
    need: Annotated[str | None, typer.Option("--need", help=f"What is needed: {_FACT}.")] = None,
    timeline: Annotated[str | None, typer.Option("--timeline", help=f"By when: {_FACT}.")] = None,
    asked: Annotated[
        list[str] | None, typer.Option("--asked", metavar="FACT", help="Asked, and not answered; again for more.")
    ] = None,
    unknown: Annotated[
        list[str] | None,
        typer.Option("--unknown", metavar="FACT", help="Take back what was said of a fact; again for more."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="How it is known, and what else there is to say.")] = "",
    environment: Environment = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Write down what a lead said of authority, budget, need and timeline, or which of them it was asked in vain.

    It holds over what pages and servers say. What was asked and not answered is told as asked, so that nobody asks the
    same question twice.
    """
    told = {"authority": authority, "budget": budget, "need": need, "timeline": timeline}
    facts: dict[str, Json] = {name: _value(name, text) for name, text in told.items() if text is not None}
    taken_back = _facts(unknown or [], "--unknown")
    if both := next((name for name in taken_back if name in facts), None):
        raise Failure(f"--{both} and --unknown {both} contradict each other.", "Give one of them.")
    facts |= dict.fromkeys(taken_back)
    said: dict[str, Any] = {"facts": facts, "asked": _facts(asked or [], "--asked"), "note": note}
    if not facts and not said["asked"]:
        options = ", ".join(f"--{name}" for name in QUALIFICATIONS)
        raise Failure("There is nothing to write down.", f"Give at least one of {options}, --asked and --unknown.")
    api = signed_in(environment)
    found = story(api, lead)
    try:
        answer = api.post(path_of("v1", "leads", found["id"], "qualifications"), said)
    except Refusal as refusal:
        told_why = refusal.answer if isinstance(refusal.answer, Mapping) else {}
        if "at" not in (told_why.get("details") or {}):
            raise
        raise Failure(f"It cannot be written down: {told_why['message']}.", "Correct it and try again.") from refusal
    if as_json:
        screen.json(answer)
        return
    screen.say(f"It is written down, and counts within moments: see `baton leads show {answer['lead']}`.")


def happenings(  # noqa: PLR0917 - each narrows what is told
    api: Api,
    lead: str,
    limit: int,
    before: str | None,
    at: str | None = None,
    received_by: Moment | None = None,
) -> tuple[list[dict[str, str]], str | None]:
    """What happened to a lead, oldest first: the latest `limit` things, and before which moment the earlier ones are.

    Things of one moment stay together, so that it can be a few more. `at` is the last moment that counts, and of
    activities counts what was received by `received_by`.
    """
    until = None if before is None else _just_before(moment_named(before, "--before"))
    if at is not None and (until is None or parse_moment(at) < parse_moment(until)):
        until = at
    whole = page = _page(api, lead, until)
    activities: dict[str, Mapping[str, Any]] = {}
    crowded: list[str] = []
    while True:
        activities |= {each["id"]: each for each in page["activities"]}
        more = bool(page["more_activities"])
        if not more:
            break
        newest, oldest = page["activities"][0]["occurred_at"], page["activities"][-1]["occurred_at"]
        # Of the last moment there may be more: it is shown once all of it is here.
        if sum(parse_moment(each["occurred_at"]) > parse_moment(oldest) for each in activities.values()) >= limit:
            break
        if newest == oldest:
            # There are more things of one moment than a page holds: those before it are told all the same.
            crowded.append(oldest)
            page = _page(api, lead, _just_before(parse_moment(oldest)))
        else:
            # The next page begins with the last moment of this one: what is told twice has the same id.
            page = _page(api, lead, oldest)
    done = [each for each in activities.values() if _was_received(each, received_by)]
    decided = list(_decided(whole, moved_quietly(api, whole)))
    placed = [*((0, each) for each in (*_done(whole, done), *_untold(lead, crowded))), *decided]
    placed.sort(key=_place_in_time, reverse=True)
    lines = [each for _, each in placed]
    reached = min((parse_moment(each["occurred_at"]) for each in activities.values()), default=None) if more else None
    shown = [each for each in lines if reached is None or parse_moment(each["at"]) >= reached]
    if len(shown) > limit:
        last = shown[limit - 1]["at"]
        kept = [each for number, each in enumerate(shown) if number < limit or each["at"] == last]
        more = more or len(kept) < len(shown)
        shown = kept
    return shown[::-1], shown[-1]["at"] if shown and more else None


def _page(api: Api, lead: str, until: str | None) -> dict[str, Any]:
    """A lead with the latest that occurred by a moment, whenever it was received; nothing where that is too early."""
    try:
        return story(api, lead, {"at": until, "known": None if until is None else "now"})
    except Refusal as refusal:
        details = (refusal.answer or {}).get("details") or {}
        if "first" in details:
            nothing: dict[str, Any] = {"activities": [], "more_activities": False, "transitions": [], "handoffs": []}
            return {**nothing, "qualification": {"facts": {}}}
        if "now" in details:
            return story(api, lead)
        raise


def _received_by(wish: Mapping[str, str | None]) -> Moment | None:
    """By when what counts had been received, by what a person asks; None where that is of no account."""
    return None if wish["at"] is None or wish["known"] == "now" else parse_moment(wish["at"])


def _was_received(activity: Mapping[str, Any], by: Moment | None) -> bool:
    return by is None or parse_moment(activity["received_at"]) <= by


def _done(found: Mapping[str, Any], activities: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """What the lead did and said; answers to handoffs are told with these."""
    said: dict[str, list[str]] = {}
    for name, fact in found["qualification"]["facts"].items():
        for word in fact["history"]:
            said.setdefault(word["activity"], []).append(f"{name} {fact_in_words(word['value'])}")
    for each in activities:
        if each["type"] in _ANSWERS:
            continue
        facts = "".join(f", {told}" for told in said.get(each["id"], ()))
        yield {"at": each["occurred_at"], "what": "activity", "words": activity_line(each, facts)}


def _untold(lead: str, crowded: Iterable[str]) -> Iterator[dict[str, str]]:
    """That of some moments not all is told, and where it stands."""
    for at in crowded:
        words = f"and more at this moment than is told here, which `baton leads export {lead}` tells"
        yield {"at": at, "what": "more", "words": words}


def _place_in_time(placed: tuple[int, Mapping[str, str]]) -> tuple[Moment, int, int, bool, str]:
    """Where a line stands among the others; the place of its step on the path comes with it."""
    step, each = placed
    return parse_moment(each["at"]), _ORDER[each["what"]], step, each["what"] == "handoff", each["words"]


def _decided(found: Mapping[str, Any], quiet: Collection[int]) -> Iterator[tuple[int, dict[str, str]]]:
    """The stages that a lead entered, its handoffs and what followed while nobody answered, each with its step."""
    for place, each in enumerate(found["transitions"]):
        why = f"; {QUIETLY}" if place in quiet else ""
        words = f"{step_in_words(each)}, because {cause_in_words(each)}{why}"
        yield place, {"at": each["at"], "what": "stage", "words": words}
    for each in found["handoffs"]:
        member = f" ({each['assignee']})" if each["assignee"] and not each["done"] else ""
        caused = cause_of(found, each)
        step = len(found["transitions"]) if caused is None else caused
        by = "" if caused is None else by_rules_in_words(found["transitions"][caused])
        words = f"handed over to {each['to']}{member} as {each['stage']}{by}"
        yield step, {"at": each["requested_at"], "what": "handoff", "words": words}
        for follow_up in each["done"]:
            words = f"{follow_up['kind']} to {follow_up['to']}: nobody had answered"
            yield step, {"at": follow_up.get("done_at") or follow_up["at"], "what": "follow-up", "words": words}
        if each["answer"]:
            note = f": {each['answer']['note']}" if each["answer"]["note"] else ""
            remark = f"\n{each['answer']['remark']}" if each["answer"]["remark"] else ""
            words = f"{each['id']} {answer_in_words(each['answer'], when=False)}{note}{remark}"
            yield step, {"at": each["answer"]["at"], "what": "answer", "words": words}


def _points(told: Mapping[str, Any]) -> Table:
    lines = [line for line in told["contributions"] if line["earned"] or line["counts"]]
    # What took nothing of any line has no column: the others have room to be read.
    losses = [name for name in LOSSES if any(as_shown(line)[name] for line in lines)]
    table = Table("when (UTC)", "what", "score", "earned", *(_TAKEN_BY[name] for name in losses), "counts")
    for column in table.columns[3:]:
        column.justify = "right"
    for line in sorted(lines, key=lambda line: line["at"] or "~"):
        shown = as_shown(line)
        cells = (
            short_moment(line["at"]),
            str(line["label"] or line["rule"]),
            weighted(told, line["score"]),
            signed_points(shown["earned"]),
            *(signed_points(-shown[name]) if shown[name] else "" for name in losses),
            signed_points(shown["counts"]),
        )
        table.add_row(*(escape(harmless(cell)) for cell in cells))
    table.add_section()
    table.add_row("", "total", *[""] * (len(losses) + 2), short_points(told["total"]), style="bold")
    table.caption = cut_remark(told)
    return table


def _outlook(told: Mapping[str, Any]) -> Iterator[str]:
    if lift := told["lift"]:
        yield (
            f"nearest step up: {lift['label'] or lift['rule']} ({lift['activity']}) would make it "
            f"{short_points(lift['total'])}, "
            f"{lift['temperature']}"
        )
    if told["since"] is None:
        return
    since = short_moment(told["since"])
    yield f"since {since}:" if told["changes"] else f"since {since} nothing changed"
    for change in told["changes"]:
        of = f" of {short_moment(change['at'])}" if change["at"] else ""
        yield f"    {change['rule']}{of}: {short_points(change['before'])} → {short_points(change['after'])}"


def _value(name: str, text: str) -> Json:
    """What a fact says: yes or no, a rating, or words."""
    if not text.strip():
        raise Failure(f"--{name} says nothing.", f"Write {_FACT}; `--unknown {name}` takes back what was said of it.")
    value = read_fact(text)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        remedy = "Write more than the number where it means something else, such as '20000 EUR' or 'in 2026'."
        raise Failure(f"--{name} {value} is no rating: a number alone is one, from 1 to 5.", remedy)
    return value


def _facts(names: list[str], option: str) -> list[str]:
    if strange := next((name for name in names if name not in QUALIFICATIONS), None):
        raise Failure(f"{option} {strange} is no qualification fact.", f"There are {', '.join(QUALIFICATIONS)}.")
    return list(dict.fromkeys(names))


def _just_before(moment: Moment) -> str:
    try:
        return format_moment(Moment(moment - MICROSECOND))
    except OverflowError as error:
        what = "--before names the first moment that there is: nothing happened before it."
        raise Failure(what, "Write a later one, such as 2026-03-01T09:30:00Z.") from error
