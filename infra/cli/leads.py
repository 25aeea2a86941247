"""`baton leads`: the leads as tables, or as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli import as_of
from infra.cli.asking import confirm
from infra.cli.moments import short_day, short_moment
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.cli.transitions import QUIETLY, cause_in_words, cause_of, moved_quietly, step_in_words
from infra.deployed import LOCAL, Api, Refusal, path_of
from infra.failure import Failure
from shared.domain.brief import subject_of
from shared.domain.introduction import shown_points
from shared.domain.quiet import shown_address

leads_app = typer.Typer(help="Look at leads, and say who is who.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for those who look at the lead later.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")]
_REMEDY = "`baton leads list` shows those that there are."
_DECISIONS = {
    "merged": "said to be one person",
    "unmerged": "said to be two people",
    "marked as noise": "said to be noise",
    "unmarked as noise": "said to be no noise",
}
LOSSES = ("lost_to_age", "lost_to_rule_cap", "lost_to_group_cap", "lost_to_score_limits")
"""What may take points of a line of an explanation, in the order in which it does."""
_LATEST = 10
"""Activities that a person is shown; all that the API tells stand in the JSON."""
_SPARE = ("company", "temperature", "consent", "stage")
"""What a list goes without on a narrow terminal, the least needed first; `show` and `--json` tell it."""
_WAITS_FOR = {"consent": "consent", "veto": "the end of a veto"}
_CAMPAIGN = ("source", "medium", "name")
_MARKS = {
    "bot": "noise, a bot by its user agent",
    "noise": "noise, as people marked it",
    "clock": "its clock was ahead",
}
_COLORS = {"hot": "red", "warm": "yellow", "cold": "cyan"}


@leads_app.command("list")
def list_leads(  # noqa: PLR0917 - each is an option
    temperature: Annotated[str | None, typer.Option("--temperature", help="Only leads of this temperature.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="Only leads in this stage.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="The lead with this address.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """List leads, best first: of a temperature, of a stage, or of all temperatures from the top.

    One of --temperature, --stage and --email narrows it. Where there are more than it shows, it says so.
    """
    wanted = {"email": email, "temperature": temperature, "stage": stage}
    check_said(wanted)
    if len(given := [f"--{name}" for name, value in wanted.items() if value is not None]) > 1:
        what = f"Leads are listed by one thing, and not by {' and '.join(given)} together."
        raise Failure(what, f"Give {' or '.join(given)}; the other stands in each line of --json.")
    api = signed_in(environment)
    if any(wanted.values()):
        try:
            found = list(_pages(api, wanted, limit + 1))
        except Refusal as refusal:
            raise _no_address(refusal, email or "") from refusal
        if not found:
            _check_named(api, temperature, "temperature", "temperature")
            _check_named(api, stage, "stage", "stages")
    else:
        found = all_leads(api, limit + 1)
    there_are_more, found = len(found) > limit, found[:limit]
    if as_json:
        screen.json(found)
    elif found:
        table = leads_table(found)
        table.columns[0].no_wrap = True
        screen.show(table, _SPARE)
        for line in as_of.behind_lines(found):
            screen.say(line)
    else:
        screen.say("There is no such lead." if any(wanted.values()) else "There is no lead yet.")
    if there_are_more:
        screen.note(more_than(limit))


@leads_app.command("show")
def show(  # noqa: PLR0917 - each is an option
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, an e-mail address or a user id.")],
    at: as_of.At = None,
    rules: as_of.Rules = None,
    known: as_of.Known = None,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Show a lead: what it permits, its score point by point, what is known, its stages, and what was handed over.

    It tells what time alone will change next. With --at it is shown as it was, by what was known then and under the
    rules that were active then, and says so.
    """
    wish = as_of.asked(at, rules, known)
    api = signed_in(environment)
    found = story(api, lead, wish)
    if as_json:
        screen.json(found)
        return
    screen.say(headline(found))
    for line in stage_lines(found):
        screen.say(line)
    for line in as_of.as_of_lines(found):
        screen.say(line)
    screen.say(f"known as {names_of(found['identities'])}")
    for line in consent_lines(found["consents"]):
        screen.say(line)
    screen.show(explanation_table(found))
    for line in (*sum_lines(found), *fact_lines(found), *qualification_lines(found), *nurture_lines(found)):
        screen.say(line)
    for heading, lines in _parts(found, moved_quietly(api, found)):
        if told := list(lines):
            screen.say("")
            screen.say(heading)
        for line in told:
            screen.say(line)


@leads_app.command("merge")
def merge(
    one: Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, an e-mail address or a user id.")],
    other: Annotated[str, typer.Argument(metavar="LEAD", help="The lead that is the same person.")],
    why: Why = "",
    yes: Yes = False,
    environment: Environment = LOCAL,
) -> None:
    """Say that two leads are one person, after a look at what that makes of them.

    Scores, facts and consent are then those of all that both did. Nothing is handed over again that either was handed
    over for. `baton leads unmerge` undoes it.
    """
    api = signed_in(environment)
    first, second = story(api, one), story(api, other)
    if first["id"] == second["id"]:
        screen.say(f"They are one lead already: {first['id']}.")
        return
    path = path_of("v1", "leads", first["id"], "merges")
    said = {"lead": second["id"], "why": why}
    (together,) = api.post(path, {**said, "preview": True})["parts"]
    screen.show(_before_and_after([first, second], {"together": together}))
    confirm("Are they one person?", yes=yes)
    _decided(api.post(path, said))


@leads_app.command("unmerge")
def unmerge(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, an e-mail address or a user id.")],
    apart: Annotated[
        list[str],
        typer.Option("--apart", metavar="IDENTITY", help="A name of the lead that is somebody else's; again for more."),
    ],
    why: Why = "",
    yes: Yes = False,
    environment: Environment = LOCAL,
) -> None:
    """Say that a lead is two people, after a look at what that makes of them.

    An identity is an e-mail address or a user id, as `baton leads show` tells them. The identities that are named
    become a lead of their own with what was done under them, and no activity joins them again: only `baton leads merge`
    does. Transitions and handoffs stay with the lead under which they happened.
    """
    api = signed_in(environment)
    found = story(api, lead)
    path = path_of("v1", "leads", found["id"], "unmerges")
    said = {"apart": [_identity(found, told) for told in apart], "why": why}
    left, gone = api.post(path, {**said, "preview": True})["parts"]
    screen.show(_before_and_after([found], {"stays": left, "apart": gone}))
    confirm("Are they two people?", yes=yes)
    _decided(api.post(path, said))


def all_leads(api: Api, limit: int) -> list[dict[str, Any]]:
    """Leads of all temperatures that the active rules name, the highest first."""
    rules = api.get("/v1/rules")["document"]
    bands = [band["name"] for band in reversed(rules.get("temperature") or [])]
    found: list[dict[str, Any]] = []
    for band in bands:
        found += _pages(api, {"temperature": band}, limit - len(found))
    return found


def check_said(options: Mapping[str, str | None]) -> None:
    """That no option which narrows a list is given and says nothing, as a script's does whose variable is not set.

    Raises:
        Failure: one does.
    """
    if empty := next((name for name, value in options.items() if value is not None and not value.strip()), None):
        raise Failure(f"--{empty} says nothing.", "Leave it out to see all.")


def more_than(limit: int) -> str:
    """That a list has more than it shows, and how to see them."""
    return f"There are more than these {limit}: --limit {limit * 10} shows up to {limit * 10} of them."


def _no_address(refusal: Refusal, told: str) -> Failure:
    """That what was told is no e-mail address, where that is what the API has against it."""
    if refusal.status != HTTPStatus.UNPROCESSABLE_ENTITY or refusal.field != "email":
        return refusal
    return Failure(f"{told} is no e-mail address.", f"Write it as ada@example.com. {_REMEDY}")


def _check_named(api: Api, name: str | None, kind: str, section: str) -> None:
    """That the active rules have what was asked for; leads may still stand in what older ones had."""
    names = [each["name"] for each in api.get("/v1/rules")["document"].get(section) or []]
    if name is not None and name not in names:
        remedy = f"There are {', '.join(names)}." if names else f"They have no {section}."
        raise Failure(f"The active rules have no {kind} {name!r}.", remedy)


def story(api: Api, lead: str, asked: Mapping[str, str | None] = MappingProxyType({})) -> dict[str, Any]:
    """Everything about a lead, found by its id, an e-mail address or a user id.

    `asked` are `at`, `since`, `rules` and `known`.

    Raises:
        Failure: there is none.
    """
    if not lead.strip():
        raise Failure("No lead is named.", _REMEDY)
    number = lead
    if "@" in lead:
        try:
            found = api.get("/v1/leads", {"email": lead})["leads"]
        except Refusal as refusal:
            raise _no_address(refusal, lead) from refusal
        if not found:
            raise Failure(f"There is no lead with the address {lead}.", _REMEDY)
        number = found[0]["id"]
    try:
        answer: dict[str, Any] = api.get(path_of("v1", "leads", number), asked)
    except Refusal as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND:
            if named := _by_user_id(api, lead):
                return story(api, named, asked)
            raise Failure(f"There is no lead with the id or user id {lead}.", _REMEDY) from refusal
        if isinstance(refusal.answer, Mapping) and "now" in (refusal.answer.get("details") or {}):
            refusal.remedy = f"`baton leads show {lead}` tells what time may change."
        if isinstance(refusal.answer, Mapping) and (refusal.answer.get("details") or {}).get("occurred"):
            refusal.remedy = "`--known now` counts what had occurred by then and was heard of later."
        raise
    return answer


def _by_user_id(api: Api, name: str) -> str | None:
    """The id of the lead with a user id; None where there is none, also where the API takes that for no user id."""
    try:
        found = api.get("/v1/leads", {"user_id": name})["leads"]
    except Refusal as refusal:
        if refusal.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return None
    return str(found[0]["id"]) if found else None


def headline(found: Mapping[str, Any]) -> str:
    """A lead in one line."""
    stage = (found["stage"] or {}).get("name") or "no stage"
    score = found["score"]
    points = short_points(score["total"])
    return f"{name_of(found)}: {points} points, {score['temperature'] or 'no temperature'}, {stage}"


def stage_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """That the active rules do not have the stage in which a lead stands, and of which version it is."""
    stage = found["stage"]
    if stage is None or stage["in_rules"]:
        return
    entries = [each["rules_version"] for each in found["transitions"] if each["to_stage"] == stage["name"]]
    of = f"version {entries[-1]}" if entries else "earlier rules"
    yield f"{stage['name']} is a stage of {of}; the active rules have no such stage"


def name_of(found: Mapping[str, Any]) -> str:
    """Who a lead is, in the fewest words."""
    person = found["person"]
    return str(person["name"] or next(map(shown_address, person["emails"]), found["id"]))


def leads_table(leads: Sequence[Mapping[str, Any]]) -> Table:
    """Leads with score, temperature and stage."""
    table = Table("lead", "who", "company", "score", "temperature", "stage", "consent")
    table.columns[3].justify = "right"
    for lead in leads:
        temperature = lead["score"]["temperature"] or ""
        table.add_row(
            lead["id"],
            escape(harmless(name_of(lead))),
            escape(harmless(lead["person"]["company"] or "")),
            short_points(lead["score"]["total"]),
            f"[{_COLORS.get(temperature, 'default')}]{escape(temperature)}[/]",
            escape(_stage_in_words(lead["stage"])),
            lead["consent"] or "",
        )
    return table


def explanation_table(found: Mapping[str, Any]) -> Table:
    """Where a lead's points come from, point by point."""
    table = Table("when", "what", "earned", "aged", "limits", "counts", title="Point by point, times in UTC")
    for column in table.columns[2:]:
        column.justify = "right"
    for line in sorted(found["explanation"]["contributions"], key=lambda line: line["at"] or "~"):
        if not line["earned"] and line["at"] is None:
            continue
        shown = as_shown(line)
        limits = sum(shown[name] for name in LOSSES[1:])
        counted = weighted(found["explanation"], line["score"])
        what = str(line["label"] or line["rule"]) + (f" ({counted})" if counted != line["score"] else "")
        table.add_row(
            short_moment(line["at"]),
            escape(harmless(what)),
            short_points(shown["earned"]),
            signed_points(-shown["lost_to_age"]) if shown["lost_to_age"] else "",
            signed_points(-limits) if limits else "",
            short_points(shown["counts"]),
        )
    table.add_section()
    table.add_row("", "total", "", "", "", short_points(found["score"]["total"]), style="bold")
    table.caption = cut_remark(found["explanation"])
    return table


def as_shown(line: Mapping[str, Any]) -> dict[str, float]:
    """What a line of an explanation earned, lost and counts, cut to a tenth so that the row adds up as it is shown.

    What cutting takes stands in the first of its losses.
    """
    shown = {name: _to_a_tenth(line[name]) for name in ("earned", "counts", *LOSSES)}
    lost = [name for name in LOSSES if line[name]]
    if lost:
        rest = shown["earned"] - shown["counts"] - sum(shown[name] for name in lost[1:])
        shown[lost[0]] = round(rest, 1)
    return shown


def cut_remark(told: Mapping[str, Any]) -> str | None:
    """That an explanation is shown to a tenth of a point; None where no number was cut."""
    numbers = [told["total"], *(line[name] for line in told["contributions"] for name in ("earned", "counts", *LOSSES))]
    is_cut = any(_to_a_tenth(number) != number for number in numbers)
    return "Shown to a tenth of a point; --json tells it exactly." if is_cut else None


def short_points(points: float) -> str:
    """Points for people, to a tenth."""
    return shown_points(points)


def signed_points(points: float) -> str:
    """Points for people with their sign, which nothing has."""
    return f"+{short_points(points)}" if points > 0 else short_points(points)


def _to_a_tenth(points: float) -> float:
    return float(shown_points(points))


def weighted(told: Mapping[str, Any], score: str) -> str:
    """A score of an explanation, and how many times it counts towards the total where that is not once."""
    weight = told["weights"].get(score, 0)
    return score if weight == 1 else f"{score} times {weight}"


def sum_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """How the total comes of the scores, and what is not known."""
    told = found["explanation"]
    sums = [f"{short_points(told['scores'][name])} {weighted(told, name)}" for name in told["weights"]]
    yield f"total {short_points(found['score']['total'])} = {' + '.join(sums)}"
    if told["vetoed_by"]:
        yield f"vetoed by {', '.join(told['vetoed_by'])}: no step up and no handoff"
    if told["missing"]:
        yield f"not known, and could still count: {', '.join(told['missing'])}"


def activity_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What the lead did last, where it came from, and what of it is noise."""
    for each in found["activities"][:_LATEST]:
        yield from told_at(short_moment(each["occurred_at"]), activity_line(each))
    if found["more_activities"] or len(found["activities"]) > _LATEST:
        yield "    and more before that, which `--json` tells"


def told_at(moment: str, words: str) -> Iterator[str]:
    """Words beside their moment; where they have several lines, as a note may, those after the first stand below it."""
    first, *rest = words.splitlines() or [""]
    yield f"{moment}  {first}"
    yield from (f"{' ' * len(moment)}  {line}" for line in rest)


def activity_line(each: Mapping[str, Any], facts: str = "") -> str:
    """One thing that a lead did, or that somebody who signed in said of it; `facts` are those that it tells."""
    told = each.get("properties") or {}
    if each.get("source") == "people" and told.get("who"):
        why = f": {told['why']}" if told.get("why") else ""
        return f"{each['type']} by {told['who']}{facts}{why}"
    places = [each["channel"], *(str(each["campaign"][name]) for name in _CAMPAIGN if each["campaign"].get(name))]
    marks = [_MARKS[mark] for mark in each["marks"] if mark in _MARKS]
    where = f" ({', '.join(filter(None, places))})" if any(places) else ""
    return f"{each['type']}{_subject(each['type'], told)}{where}{facts}{''.join(f': {mark}' for mark in marks)}"


def _subject(kind: str, told: Mapping[str, Any]) -> str:
    """What it was about; of a page its path, which rules ask about, rather than its title."""
    path = told.get("path") if kind == "page_viewed" else None
    subject = path if path and isinstance(path, str) else subject_of(kind, told)
    return f" {subject}" if subject else ""


def fact_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What is known of the person, the company and what they need, but for the four facts that are told with who."""
    for group, facts in found["facts"].items():
        for name, value in sorted(facts.items()):
            if group != "qualification" or name not in found["qualification"]["facts"]:
                yield f"{group}.{name}: {fact_in_words(value)}"


def qualification_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What is known of the four facts and who said so, what is still to ask, and the seven factors."""
    for name, fact in found["qualification"]["facts"].items():
        if (holds := fact["holds"]) and holds["value"] is not None:
            by = holds["who"] or holds["source"] or "an unnamed source"
            yield f"{name}: {fact_in_words(holds['value'])}, by {by} at {short_moment(holds['at'])}"
    for each in found["qualification"]["to_ask"]:
        if each["asked_at"]:
            yield f"asked at {short_moment(each['asked_at'])}, and not answered: {each['question']}"
        else:
            yield f"still to ask: {each['question']}"
    for factor in found["factors"]:
        yield f"{factor['label']}: {factor['level']}, {factor['because']}"


def _parts(found: Mapping[str, Any], quiet: Collection[int]) -> Iterator[tuple[str, Iterator[str]]]:
    """What happened to a lead, part by part, each with its heading, which tells the order of time in it."""
    yield "What they did, newest first", activity_lines(found)
    yield "Stages, oldest first", _stage_steps(found, quiet)
    yield "Handed over, oldest first", _handed_over(found)
    yield "What people decided, oldest first", _decision_lines(found)


def _stage_steps(found: Mapping[str, Any], quiet: Collection[int]) -> Iterator[str]:
    for place, transition in enumerate(found["transitions"]):
        yield f"{short_moment(transition['at'])}  {step_in_words(transition)}"
        yield f"    because {cause_in_words(transition)}"
        if place in quiet:
            yield f"    {QUIETLY}"


def _handed_over(found: Mapping[str, Any]) -> Iterator[str]:
    for handoff in found["handoffs"]:
        yield from handoff_lines(handoff)
        place = cause_of(found, handoff)
        if place is not None and (cause := found["transitions"][place])["by_rules"]:
            yield f"    because version {cause['rules_version']} of the rules moved it, and not what the lead did"
    if withheld := found["withheld"]:
        yield withheld_in_words(withheld)


def withheld_in_words(withheld: Mapping[str, Any]) -> str:
    """That a handoff waits for permission, and for which."""
    waits_for = " and ".join(_WAITS_FOR[each] for each in withheld["waits_for"])
    why = f"it waits for {waits_for}" if waits_for else "it is on its way"
    return f"not handed over as {withheld['stage']} yet: {why}"


def _decision_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What people decided of who the lead is."""
    for decision in found["decisions"]:
        yield f"{short_moment(decision['at'])}  {_DECISIONS[decision['said']]} by {decision['who']}{_of_whom(decision)}"
        if decision["why"]:
            yield f"    because {decision['why']}"


def _of_whom(decision: Mapping[str, Any]) -> str:
    """Of which names it was said that they are one person's, or two people's."""
    names = [each for each in decision["identities"] if each not in decision["apart"]]
    apart = f"; and {names_of(decision['apart'])}" if decision["apart"] else ""
    return f": {names_of(names)}{apart}" if names else ""


def nurture_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What a lead that is nurtured where it stands misses, and its track."""
    if advice := found["nurture"]:
        missing = ", ".join(advice["missing"]) or "nothing"
        yield f"nurtured by {advice['track']}, missing: {missing}"


def fact_in_words(value: Any) -> str:
    """What a fact says; null is what was taken back, and of several parts each is told."""
    if value is None:
        return "taken back"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def handoff_lines(handoff: Mapping[str, Any]) -> Iterator[str]:
    """A handoff, to whom it went out, and how it was answered."""
    sent = [f"{sent_in_words(mark)} {short_moment(moment)}" for mark, moment in handoff["sent"].items()]
    to = f"{handoff['to']} ({handoff['assignee']})" if handoff["assignee"] else handoff["to"]
    state = answer_in_words(handoff["answer"]) if handoff["answer"] else handoff["state"]
    told = f"handed over to {to} as {handoff['stage']}: {', '.join(sent) or 'not sent yet'}; {state}"
    yield f"{short_moment(handoff['requested_at'])}  {told}"
    if handoff["answer"]:
        yield from note_lines(handoff["answer"])


def sent_in_words(mark: str) -> str:
    """What went out on which channel, as `slack/answered/inside-sales` marks it; the handoff itself by its channel."""
    channel, _, what = mark.partition("/")
    name, _, team = what.partition("/")
    return f"{channel} to {team} ({name.replace('.', ', ')})" if team else channel


def answer_in_words(answer: Mapping[str, Any], *, when: bool = True) -> str:
    """What sales said, in a line without the note."""
    reason = f" ({answer['label'] or answer['reason']})" if answer["reason"] else ""
    at = f" at {short_moment(answer['at'])} UTC" if when else ""
    again = f", to look at again from {short_day(answer['look_again'])}" if answer["look_again"] else ""
    return f"{answer['answer']}{reason} by {answer['who']}{at}{again}"


def note_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The note of an answer, each of its lines indented, and what of the answer changes nothing."""
    for line in str(answer["note"]).splitlines():
        yield f"    {line}"
    if answer["remark"]:
        yield f"    {answer['remark']}"


def _identity(found: Mapping[str, Any], told: str) -> dict[str, str]:
    """The identity of a lead that a person means: by its value, or as `user_id:crm-77` where two have that value."""
    wanted = told.strip()
    means = [
        each
        for each in found["identities"]
        if wanted in (each["value"], f"{each['kind']}:{each['value']}", _shown(each))
        or (each["kind"] == "email" and wanted.lower() in (each["value"], f"email:{each['value']}"))
    ]
    if not means:
        remedy = f"It is known as {names_of(found['identities'])}."
        raise Failure(f"{wanted} is no identity of {name_of(found)}.", remedy)
    if len(means) > 1:
        ways = " or ".join(f"{each['kind']}:{each['value']}" for each in means)
        raise Failure(f"{name_of(found)} has two identities {wanted}.", f"Write {ways}.")
    return dict(means[0])


def consent_lines(consents: Mapping[str, Any]) -> Iterator[str]:
    """The consent that holds, since when and by whom, with which words; then every other word that was said."""
    if consents["holds"] is None:
        yield "nothing is known of consent"
        return
    holds = consents["holds"]
    yield f"consent {holds['consent']} since {short_moment(consents['since'])}, by {_teller(holds)}"
    if holds["wording"]:
        version = f" (version {holds['version']})" if holds["version"] else ""
        yield f"    with the words: {holds['wording']}{version}"
    if holds["why"]:
        yield f"    because {holds['why']}"
    if others := [word for word in consents["history"] if word != holds]:
        yield "    what else was said of consent, oldest first:"
    for word in others:
        yield f"      {short_moment(word['at'])}  {word['consent']} by {_teller(word)}"


def _teller(word: Mapping[str, Any]) -> str:
    """Who told a word on consent."""
    source = word["who"] or word["source"] or "an unnamed source"
    return f"{source}, from {word['told_by']}" if word["told_by"] else str(source)


def names_of(identities: Sequence[Mapping[str, str]]) -> str:
    """How a lead is known, in words."""
    return ", ".join(f"{each['kind'].replace('_', ' ')} {_shown(each)}" for each in identities)


def _shown(identity: Mapping[str, str]) -> str:
    return shown_address(identity["value"]) if identity["kind"] == "email" else identity["value"]


def _before_and_after(before: Sequence[Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> Table:
    """The leads that are, and those that would be."""
    table = Table("lead", "known as", "score", "temperature", "consent", title="What would become of them")
    table.columns[2].justify = "right"
    for lead in before:
        table.add_row(lead["id"], *_cells(lead))
    table.add_section()
    for name, part in after.items():
        table.add_row(name, *_cells(part), style="bold")
    return table


def _cells(lead: Mapping[str, Any]) -> tuple[str, ...]:
    """How a lead is known, and where it stands."""
    score = lead["score"]
    known = escape(harmless(names_of(lead["identities"])))
    return known, short_points(score["total"]), escape(score["temperature"] or ""), lead["consent"] or ""


def _decided(answer: Mapping[str, str]) -> None:
    screen.say(f"It is decided, and scored within moments: see `baton leads show {answer['lead']}`.")


def _stage_in_words(stage: Mapping[str, Any] | None) -> str:
    """A stage in a table; what the active rules do not have is marked."""
    return "" if stage is None else stage["name"] if stage["in_rules"] else f"{stage['name']} (not in the rules)"


def _pages(api: Api, query: Mapping[str, str | None], limit: int) -> Iterator[dict[str, Any]]:
    following: str | None = None
    while limit > 0:
        page = api.get("/v1/leads", {**query, "limit": min(limit, 100), "next": following})
        yield from page["leads"]
        limit -= len(page["leads"])
        following = page["next"]
        if not following:
            return
