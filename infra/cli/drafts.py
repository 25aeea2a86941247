"""`baton rules draft`, `propose`, `approve`, `withdraw` and `drafts`: how people agree on new rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.asking import noted
from infra.cli.difference import lines_of_draft
from infra.cli.moments import short_moment
from infra.cli.rule_files import sent_file
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, path_of
from infra.failure import Failure
from shared.adapters.rule_texts import says_otherwise

_DRAFT = re.compile(r"(?:draft-)?([1-9][0-9]{0,5})", re.ASCII)
"""How a draft is called where nothing else can be meant: `draft-3`, or 3."""


def draft_number(text: str) -> int:
    """The number of a draft, which is called `draft-3`, or 3.

    Raises:
        typer.BadParameter: it is neither.
    """
    if not (found := _DRAFT.fullmatch(text)):
        msg = f"{text!r} is no draft: `baton rules drafts` lists them, such as draft-3"
        raise typer.BadParameter(msg)
    return int(found[1])


Number = Annotated[
    int,
    typer.Argument(
        metavar="DRAFT", parser=draft_number, help="Which, as `baton rules drafts` tells it.", show_default=False
    ),
]
Note = Annotated[
    str, typer.Option("--note", help="What changes and why; it stands in the list of versions. A terminal asks for it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the API's answer.")]
SCORED_AGAIN = "Every lead is scored again within minutes; `baton rules status` tells how far that is."
OVER = ("published", "withdrawn")
"""The states after which a draft is never published."""

_PAGE = 100


class Word(StrEnum):
    """A role whose word new rules may need."""

    ADMIN = "admin"
    MARKETING = "marketing"
    SALES = "sales"


def draft(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The rule file; - reads standard input.", show_default=False)
    ],
    note: Note = "",
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Check a rule file and keep it as a draft that others can read, simulate and approve. It changes nothing yet."""
    api = signed_in(environment)
    made = api.post("/v1/rules/drafts", {**sent_file(file), "note": noted(note)})
    if as_json:
        screen.json(made)
        return
    screen.say(f"Draft {made['number']} of {made['name']} is kept, based on version {made['based_on']}.")
    changed = lines_of_draft(api, made["number"], made["based_on"])
    for line in (*changed, *warning_lines(made["warnings"]), *next_lines(made, environment)):
        screen.say(line)


def propose(number: Number, environment: Environment = LOCAL, as_json: Json = False) -> None:
    """Ask for the words that a draft needs. From then on it can be approved."""
    _become(signed_in(environment), number, "proposals", {}, environment, as_json=as_json)


def approve(
    number: Number,
    role: Annotated[
        Word | None, typer.Option("--as", help="For which of your roles your word counts, if you have several.")
    ] = None,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Give your word for a draft. It counts for this draft alone: a changed file is another draft."""
    api = signed_in(environment)
    _check_is_what_people_read(api, number, environment)
    _become(api, number, "approvals", {"role": role.value} if role else {}, environment, as_json=as_json)


def withdraw(number: Number, environment: Environment = LOCAL, as_json: Json = False) -> None:
    """See to it that a draft is never published."""
    _become(signed_in(environment), number, "withdrawals", {}, environment, as_json=as_json)


def drafts(
    every: Annotated[bool, typer.Option("--all", help="Those too that were published or withdrawn.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 25,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """List drafts, newest first, with the words that each lacks."""
    found = _drafts(signed_in(environment), limit, every=every)
    if as_json:
        screen.json(found)
    elif found:
        screen.show(drafts_table(found))
    else:
        screen.say("There is no draft yet." if every else "No draft waits; `--all` shows those of before.")


def next_lines(found: Mapping[str, Any], environment: str) -> Iterator[str]:
    """What a draft waits for, and the command that does it."""
    number, at = found["number"], "" if environment == LOCAL else f" --env {environment}"
    if found["state"] in OVER:
        return
    if found["is_stale"]:
        yield (
            f"Another version than {found['based_on']} is active by now, so that it cannot be published: make the "
            f"change in the file that holds (`baton rules show{at}`), and draft that."
        )
    elif not found["missing"]:
        yield f"`baton rules publish draft-{number}{at}` publishes it."
    elif found["state"] == "draft":
        yield f"`baton rules propose draft-{number}{at}` asks for the word of {in_words(found['missing'])}."
    else:
        yield f"It lacks the word of {in_words(found['missing'])}: `baton rules approve draft-{number}{at}` gives it."
        yield f"`baton rules diff draft-{number}{at}` tells what it changes."


def check_is_open(found: Mapping[str, Any]) -> None:
    """Make sure that a draft can be published still, before a long simulation.

    Raises:
        Failure: it cannot.
    """
    if found["state"] in OVER:
        raise Failure(
            f"Draft {found['number']} is {found['state']}: nobody publishes it any more.",
            "`baton rules drafts` lists those that wait; a version is simulated by its number.",
        )


def warning_lines(warnings: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """What a rule file says that hardly happens as it was meant, in lines for people."""
    for each in warnings:
        hint = f" ({each['hint']})" if each["hint"] else ""
        yield f"Warning: {each['at']}: {each['message']}{hint}"


def drafts_table(found: Iterable[Mapping[str, Any]]) -> Table:
    """Drafts with what they wait for."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("draft", no_wrap=True)
    for title in ("rules", "state", "lacks", "based on", "by", "made (UTC)", "note"):
        table.add_column(title, overflow="fold")
    for each in found:
        based = f"version {each['based_on']}" + (", not active any more" if each["is_stale"] else "")
        state = f"published as {each['version']}" if each["version"] else each["state"]
        told = (
            each["name"],
            state,
            in_words(each["missing"]),
            based,
            each["author"],
            short_moment(each["created_at"]),
            each["note"],
        )
        table.add_row(f"draft-{each['number']}", *(escape(harmless(text)) for text in told))
    return table


def in_words(roles: Iterable[str]) -> str:
    """Roles as a sentence names them."""
    return " and ".join(roles)


def _check_is_what_people_read(api: Api, number: int, environment: str) -> None:
    """Whoever gives their word has read the text, and the document is what would hold."""
    found = api.get(path_of("v1", "rules", "drafts", str(number)))
    if says_otherwise(found["text"], found["document"]):
        at = "" if environment == LOCAL else f" --env {environment}"
        raise Failure(
            f"Draft {number} is not approved: its text says something else than the document that would hold.",
            f"`baton rules show draft-{number} --json{at}` prints both. Withdraw it (`baton rules withdraw "
            f"draft-{number}{at}`), and draft the file that is meant.",
        )


def _become(api: Api, number: int, way: str, said: Any, environment: str, *, as_json: bool) -> None:
    found = api.post(path_of("v1", "rules", "drafts", str(number), way), said)
    if as_json:
        screen.json(found)
        return
    screen.say(f"Draft {number} is {found['state']}.")
    for line in next_lines(found, environment):
        screen.say(line)


def _drafts(api: Api, limit: int, *, every: bool) -> list[Any]:
    found: list[Any] = []
    after: int | None = None
    while len(found) < limit:
        page = api.get("/v1/rules/drafts", {"limit": min(limit, _PAGE) if every else _PAGE, "next": after})
        found += [each for each in page["drafts"] if every or each["state"] not in OVER]
        after = page["next"]
        if after is None:
            break
    return found[:limit]
