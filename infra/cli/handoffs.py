"""`baton handoffs`: what was handed to sales, who has it, and what sales answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.leads import (
    Json,
    answer_in_words,
    check_said,
    more_than,
    name_of,
    note_lines,
    sent_in_words,
    signed_points,
    story,
    withheld_in_words,
)
from infra.cli.moments import moment_named, short_moment
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, Refusal, path_of
from infra.failure import Failure
from shared.adapters.clock import SystemClock
from shared.domain.moments import Moment, parse_moment
from shared.domain.quiet import shown_address

handoffs_app = typer.Typer(help="See what was handed to sales, and answer it.", no_args_is_help=True)

Which = Annotated[
    str,
    typer.Argument(
        metavar="HANDOFF",
        help="As `baton handoffs list` tells it, LEAD.STAGE.EPOCH; or a lead's id, e-mail address or user id for its "
        "latest.",
    ),
]
Note = Annotated[str, typer.Option("--note", help="What else there is to say; it stays with the lead.")]
Reason = Annotated[
    str, typer.Option("--reason", help="One of those that the rules list; `baton handoffs show` tells them.")
]
_REMEDY = "`baton handoffs list --state all` shows those that there are."
_HAPPENED = {"reminder": "reminded", "escalation": "escalated", "reassignment": "reassigned"}
_PAGE = 100
_LINES = 5
_DEADLINE = "answer by (UTC)"
_SPARE = ("with", _DEADLINE)
"""What a list goes without on a narrow terminal, the least needed first; `show` and `--json` tell it."""
_NO_CONTACT = {
    "denied": "consent was withdrawn or denied",
    "unknown": "no consent of theirs counts: it was never given, or they are marked as noise",
}


class State(StrEnum):
    """How a handoff stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RECYCLED = "recycled"
    ALL = "all"


_ANSWERS = (State.ACCEPTED, State.REJECTED, State.RECYCLED)


@handoffs_app.command("list")
def list_handoffs(  # noqa: PLR0917 - each is an option
    state: Annotated[
        State, typer.Option("--state", help="Only those that are open, or were answered so.")
    ] = State.OPEN,
    team: Annotated[str | None, typer.Option("--team", help="Only those that this team has now.")] = None,
    assignee: Annotated[str | None, typer.Option("--assignee", help="Only those that this member has now.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """List handoffs, newest first; without options those that nobody has answered."""
    check_said({"team": team, "assignee": assignee})
    api = signed_in(environment)
    try:
        found = list(_handoffs(api, {"state": state.value, "team": team, "assignee": assignee}, limit + 1))
    except Refusal as refusal:
        raise _nobody(refusal) from refusal
    there_are_more, found = len(found) > limit, found[:limit]
    if as_json:
        screen.json(found)
    elif found:
        screen.show(handoffs_table(found, SystemClock().now()), _SPARE)
    else:
        screen.say("There is no such handoff.")
    if there_are_more:
        screen.note(more_than(limit))


@handoffs_app.command("show")
def show(which: Which, environment: Environment = LOCAL, as_json: Json = False) -> None:
    """Show a handoff: whom it is about, why, what happened since, and how it may be answered."""
    api = signed_in(environment)
    found = _handoff(api, which)
    if as_json:
        screen.json(found)
        return
    for line in handoff_lines(found):
        screen.say(line)


@handoffs_app.command("accept")
def accept(which: Which, note: Note = "", environment: Environment = LOCAL, as_json: Json = False) -> None:
    """Take a lead over. Whoever answers first has answered."""
    _answer(environment, which, {"answer": "accepted", "note": note}, as_json=as_json)


@handoffs_app.command("reject")
def reject(
    which: Which, reason: Reason, note: Note = "", environment: Environment = LOCAL, as_json: Json = False
) -> None:
    """Refuse a lead, with a reason. The reason is kept with the rules that had fired, for their review."""
    _answer(environment, which, {"answer": "rejected", "reason": reason, "note": note}, as_json=as_json)


@handoffs_app.command("recycle")
def recycle(  # noqa: PLR0917 - each is an option
    which: Which,
    reason: Reason,
    look_again: Annotated[
        str | None,
        typer.Option(
            "--look-again",
            metavar="DAY",
            help="From then on it may be handed over again for what holds then: 2026-06-01, or a moment.",
        ),
    ] = None,
    note: Note = "",
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Give a lead back to be nurtured, with a reason. It comes back by itself when it meets the criteria anew."""
    said = {"answer": "recycled", "reason": reason, "note": note} | ({"look_again": look_again} if look_again else {})
    _answer(environment, which, said, as_json=as_json)


@handoffs_app.command("reasons")
def reasons(
    since: Annotated[
        str | None, typer.Option("--since", help="Only of handoffs from then on: 2026-03-01, or a moment.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many of each answer, the latest.")] = 1000,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Tell why sales gives leads back, by reason and by the rules that had fired, so that the rules can be reviewed."""
    earliest = None if since is None else moment_named(since, "--since")
    api = signed_in(environment)
    answered: list[Mapping[str, Any]] = []
    for state in _ANSWERS:
        for each in _handoffs(api, {"state": state.value}, limit):
            if earliest is not None and parse_moment(each["requested_at"]) < earliest:
                break
            answered.append(each["answer"])
    told = review(answered)
    if as_json:
        screen.json(told)
    elif answered:
        labels = {each["reason"]: each["label"] for each in answered}
        screen.show(_reasons_table(told["reasons"], labels))
        screen.show(_rules_table(told["rules"], labels))
    else:
        screen.say("Nobody has answered a handoff yet." if since is None else "Nobody has answered one since then.")


def review(answers: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Answers by reason, and by each rule that had fired: how many, and how many of them were given back why."""
    by_reason = Counter((each["answer"], each["reason"]) for each in answers if each["reason"])
    by_rule: dict[str, Counter[str]] = defaultdict(Counter)
    why: dict[str, Counter[str]] = defaultdict(Counter)
    for each in answers:
        for rule in each["rules"]:
            by_rule[rule][each["answer"]] += 1
            if each["reason"]:
                why[rule][each["reason"]] += 1
    given_back = {rule: counts["rejected"] + counts["recycled"] for rule, counts in by_rule.items()}
    return {
        "reasons": [
            {"answer": answer, "reason": reason, "times": times}
            for (answer, reason), times in sorted(by_reason.items(), key=lambda each: (-each[1], each[0]))
        ],
        "rules": [
            {
                "rule": rule,
                **{state.value: by_rule[rule][state.value] for state in _ANSWERS},
                "reasons": dict(sorted(why[rule].items(), key=lambda each: (-each[1], each[0]))),
            }
            for rule in sorted(by_rule, key=lambda rule: (-given_back[rule], rule))
        ],
    }


def name_of_handoff(found: Mapping[str, Any]) -> str:
    """How a handoff is told apart from every other."""
    return f"{found['lead']}.{found['stage']}.{found['epoch']}"


def handoffs_table(handoffs: Iterable[Mapping[str, Any]], now: Moment) -> Table:
    """Handoffs with who has them and how they stand at a moment."""
    # The name tells the stage too. When it was handed over `show` tells, and the order of the lines.
    table = Table("handoff", "who", "with", _DEADLINE, "state")
    # It is copied to answer: whatever else has to be folded, it stays whole.
    table.columns[0].no_wrap = True
    for each in handoffs:
        cells = (
            name_of_handoff(each),
            ", ".join(filter(None, (_who(each), each["person"]["company"]))),
            ", ".join(filter(None, (each["to"], each["assignee"]))),
            short_moment(each["respond_by"]),
            _state_in_words(each, now),
        )
        table.add_row(*(escape(harmless(cell)) for cell in cells))
    return table


def _state_in_words(found: Mapping[str, Any], now: Moment) -> str:
    """How a handoff stands: what sales said, or what happened while nobody has answered; and who may not be called."""
    barred = ["no consent"] if found["objection"] else []
    if answer := found["answer"]:
        why = [f"{answer['answer']} by {answer['who']}" + (f": {answer['label']}" if answer["reason"] else "")]
        return ", ".join([*why, *barred])
    overdue = found["respond_by"] is not None and parse_moment(found["respond_by"]) <= now
    done = dict.fromkeys(_HAPPENED[each["kind"]] for each in found["done"])
    return ", ".join([found["state"], *barred, *(["overdue"] if overdue else []), *done])


def handoff_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A handoff in lines for people."""
    person = found["person"]
    who = ", ".join(filter(None, (_who(found), person["title"], person["company"])))
    yield f"{name_of_handoff(found)}: {who}"
    yield from _no_contact(found)
    if found["now_part_of"]:
        yield f"the lead is part of {found['now_part_of']} now"
    if person["emails"] and not found["objection"]:
        yield f"e-mail {', '.join(map(shown_address, person['emails']))}"
    member = f", {found['assignee']}" if found["assignee"] else ""
    deadline = f", to be answered by {short_moment(found['respond_by'])}" if found["respond_by"] else ""
    yield f"handed over at {short_moment(found['requested_at'])}{deadline} (all times are UTC)"
    yield f"with {found['to']}{member}: {found['state']}"
    yield f"because {found['caused_by']}"
    for reason in found["snapshot"].get("reasons", ())[:_LINES]:
        yield f"    {signed_points(reason['counts'])} {reason.get('label') or reason['rule']}"
    for mark, moment in found["sent"].items():
        yield f"sent by {sent_in_words(mark)} at {short_moment(moment)}"
    done = found["done"]
    for each in done:
        planned, at = short_moment(each["at"]), short_moment(each.get("done_at") or each["at"])
        late = f" (planned for {planned})" if at != planned else ""
        yield f"{each['kind']} to {each['to']} at {at}{late}"
    if found["answer"]:
        yield answer_in_words(found["answer"])
        yield from note_lines(found["answer"])
        return
    for each in found["follow_ups"]:
        if (each["kind"], each["at"]) not in {(step["kind"], step["at"]) for step in done}:
            yield f"if nobody answers: {each['kind']} to {each['to']} at {short_moment(each['at'])}"
    for state, choices in found["reasons"].items():
        told = ", ".join(f"{each['name']} ({each['label']})" for each in choices)
        yield f"may be {state} for {told}"


def _no_contact(found: Mapping[str, Any]) -> Iterator[str]:
    """That nobody may call or write to the person, and why."""
    if found["objection"]:
        yield f"may not be contacted: {_NO_CONTACT[found['objection']]}; nobody should call or write"


def _answer(environment: str, which: str, said: Mapping[str, Any], *, as_json: bool) -> None:
    api = signed_in(environment)
    found = _handoff(api, which, to_answer=True)
    if meant := _reason_called(found, said):
        said = {**said, "reason": meant}
    path = path_of("v1", "handoffs", found["lead"], found["stage"], str(found["epoch"]), "answers")
    try:
        answered = api.post(path, said)
    except Refusal as refusal:
        raise _why_not(refusal, found) from refusal
    if as_json:
        screen.json(answered)
    else:
        _say_answered(found, answered["answer"])
    if answered["answer"]["answer"] != "rejected":
        for line in _no_contact(found):
            screen.note(f"{name_of_handoff(found)} {line}")


def _say_answered(found: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    screen.say(f"{name_of_handoff(found)} is {answer_in_words(answer)}.")
    if answer["remark"]:
        screen.say(answer["remark"])


def _reason_called(found: Mapping[str, Any], said: Mapping[str, Any]) -> str | None:
    """The name of the reason that somebody calls by its label, None where none or several have it."""
    listed, called = found["reasons"].get(said["answer"], ()), str(said.get("reason") or "").casefold()
    named = [each["name"] for each in listed if each["label"].casefold() == called]
    exact = any(each["name"] == said.get("reason") for each in listed)
    return str(named[0]) if len(named) == 1 and not exact else None


def _nobody(refusal: Refusal) -> Failure:
    """That there is no such team or member, and which there are."""
    told = refusal.answer if isinstance(refusal.answer, Mapping) else {}
    there_are = (told.get("details") or {}).get("there_are")
    if there_are is None:
        return refusal
    message = str(told.get("message", ""))
    return Failure(f"{message[:1].upper()}{message[1:]}.", f"There are {', '.join(there_are)}." if there_are else "")


def _why_not(refusal: Refusal, found: Mapping[str, Any]) -> Failure:
    """Why an answer was not taken, and what can be done."""
    told = refusal.answer if isinstance(refusal.answer, Mapping) else {}
    details = told.get("details") or {}
    if refusal.status == HTTPStatus.CONFLICT and "who" in details:
        when = f"{short_moment(details['when'])} UTC"
        what = f"{name_of_handoff(found)} was answered before: {details['who']} {details['answer']} it at {when}."
        points = f"Points by hand are given by the API: POST {path_of('v1', 'leads', found['lead'], 'adjustments')}."
        return Failure(what, f"A handoff is answered once; talk with each other. {points}")
    if refusal.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return refusal
    option = str(details.get("at") or "").replace("_", "-")
    message = str(told.get("message", ""))
    return Failure(f"{message[:1].upper()}{message[1:]}.", f"Correct --{option}." if option else "")


def _handoff(api: Api, which: str, *, to_answer: bool = False) -> dict[str, Any]:
    """A handoff by its name, or the latest of a lead, to be answered the one that is open.

    Raises:
        Failure: there is none, or a lead has several that are open.
    """
    lead, _, rest = which.partition(".")
    stage, _, epoch = rest.rpartition(".")
    if "@" not in which and stage and epoch.isdecimal():
        return _named(api, lead, stage, epoch)
    found = story(api, which)
    every = sorted(found["handoffs"], key=lambda each: str(each["requested_at"]))
    if not every:
        if withheld := found["withheld"]:
            remedy = f"`baton leads consent {found['id']} granted` writes down a grant that you were given."
            raise Failure(
                f"{name_of(found)} was {withheld_in_words(withheld)}.",
                remedy if "consent" in withheld["waits_for"] else "",
            )
        raise Failure(f"{name_of(found)} was never handed over.", _REMEDY)
    still_open = [each for each in every if each["state"] == "open"]
    if to_answer and len(still_open) > 1:
        names = ", ".join(name_of_handoff(each) for each in still_open)
        raise Failure(f"{name_of(found)} has several open handoffs.", f"Name one of {names}.")
    one = (still_open or every)[-1]
    return _named(api, one["lead"], one["stage"], str(one["epoch"]))


def _named(api: Api, lead: str, stage: str, epoch: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = api.get(path_of("v1", "handoffs", lead, stage, epoch))
    except Refusal as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND:
            raise
        raise Failure(f"There is no handoff {lead}.{stage}.{epoch}.", _REMEDY) from refusal
    return found


def _handoffs(api: Api, query: Mapping[str, str | None], limit: int) -> Iterator[dict[str, Any]]:
    following: str | None = None
    while limit > 0:
        page = api.get("/v1/handoffs", {**query, "limit": min(limit, _PAGE), "next": following})
        yield from page["handoffs"]
        limit -= len(page["handoffs"])
        following = page["next"]
        if not following:
            return


def _who(found: Mapping[str, Any]) -> str:
    person = found["person"]
    return str(person["name"] or next(map(shown_address, person["emails"]), found["lead"]))


def _reasons_table(rows: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> Table:
    table = Table("answer", "reason", "times", title="Why leads were given back")
    table.columns[2].justify = "right"
    for row in rows:
        table.add_row(row["answer"], escape(harmless(labels[row["reason"]])), str(row["times"]))
    return table


def _rules_table(rows: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> Table:
    table = Table("rule that had fired", *_ANSWERS, "reasons", title="By rule, those most often given back first")
    for column in table.columns[1:4]:
        column.justify = "right"
    for row in rows:
        why = ", ".join(f"{labels[reason]} {times}" for reason, times in row["reasons"].items())
        table.add_row(escape(harmless(row["rule"])), *(str(row[each]) for each in _ANSWERS), escape(harmless(why)))
    return table
