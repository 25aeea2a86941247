"""`baton leads consent|export|erase` and `baton erasures`: what a lead permits, what is held of it, and its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.asking import confirm
from infra.cli.leads import Yes, headline, leads_app, names_of, story
from infra.cli.moments import short_moment
from infra.cli.screen import screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, of_environment, path_of
from infra.erasures import ErasuresOf
from infra.failure import Failure

erasures_app = typer.Typer(help="See erasures, and do them again after a backup was restored.", no_args_is_help=True)
Lead = Annotated[str, typer.Argument(metavar="LEAD", help="A lead's id, an e-mail address or a user id.")]
Because = Annotated[str, typer.Option("--why", help="How it is known: a call, a letter, a card at the fair.")]


class Consent(StrEnum):
    """What a lead can say of consent."""

    GRANTED = "granted"
    DENIED = "denied"


@leads_app.command("consent")
def consent(
    lead: Lead,
    said: Annotated[Consent, typer.Argument(metavar="granted|denied", help="What the lead said.")],
    why: Because,
    wording: Annotated[str | None, typer.Option("--wording", help="The words that the lead agreed to.")] = None,
    environment: Environment = LOCAL,
) -> None:
    """Write down what a lead said of consent.

    It holds over what pages and servers say, whenever they say it. A denial takes effect at once: nothing of the lead
    goes to sales any more, not even what is on its way.
    """
    api = signed_in(environment)
    found = story(api, lead)
    told = {"consent": said.value, "why": why} | ({"wording": wording} if wording else {})
    api.post(path_of("v1", "leads", found["id"], "consents"), told)
    screen.say(f"It is written down, and holds within moments: see `baton leads show {found['id']}`.")


@leads_app.command("export")
def export(
    lead: Lead,
    output: Annotated[
        Path | None, typer.Option("--output", help="The file to write; without it, to standard output.")
    ] = None,
    environment: Environment = LOCAL,
) -> None:
    """Write everything that is held of a person into one JSON document, to hand it to them.

    It tells who they are, every fact with its source, every word on consent, the score point by point, every automated
    decision with the text of the rules by which it was made, what people decided, what was sent, every stored item, and
    every activity whole. The file that it writes can be read by you alone.
    """
    api = signed_in(environment)
    found = story(api, lead)
    document = joined(_pages(api, found["id"]))
    if output is None:
        screen.json(document)
        return
    try:
        _write(output, document)
    except OSError as error:
        raise Failure(f"{output} cannot be written.", "Name another file.", str(error)) from error
    screen.say(f"{len(document['activities'])} activities, and all else that is held, are in {output}.")


@leads_app.command("erase")
def erase(
    lead: Lead,
    why: Annotated[str, typer.Option("--why", help="The reason. It is kept: leave out name and address.")],
    yes: Yes = False,
    environment: Environment = LOCAL,
) -> None:
    """Erase a person for good, after a look at what that is.

    Everything goes: identities, facts, activities, scores, stages, handoffs. Nothing that they did before is taken in
    again, whoever sends it. What they do from now on begins a new lead. What backups and other systems still hold, and
    for how long, stands in the README.
    """
    api = signed_in(environment)
    found = story(api, lead)
    screen.say(headline(found))
    screen.show(_what_goes(found))
    confirm("Erase this person for good?", yes=yes)
    told = api.post(path_of("v1", "leads", found["id"], "erasures"), {"why": why})
    until = f"{short_moment(told['erased_at'])} UTC"
    screen.say(f"What they did until {until} is taken in no more, and all that is held goes within minutes.")
    screen.say(f"`baton erasures list` tells when {told['erasure']} is done.")


@erasures_app.command("list")
def list_erasures(
    environment: Environment = LOCAL, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List erasures, the latest first: who asked for each, when and why, and whether it is done.

    It names nobody who was erased. It needs the AWS rights of an operator.
    """
    rows = ErasuresOf(of_environment(environment)).rows()
    if as_json:
        screen.json(rows)
        return
    table = Table("erasure", "asked (UTC)", "by", "why", "done (UTC)")
    for row in rows:
        table.add_row(
            row["erasure"],
            short_moment(row["asked_at"]),
            row["who"],
            row["why"],
            short_moment(row["done_at"]) or "[bold]under way[/bold]",
        )
    screen.show(table)


@erasures_app.command("replay")
def replay(environment: Environment = LOCAL) -> None:
    """Erase again whom a restored backup has brought back, and go on with erasures that were interrupted.

    Run it after items of a backup were put into a table again. It reads every identity, and leaves alone who came back
    by themselves after the erasure. It needs the AWS rights of an operator.
    """
    erasures = ErasuresOf(of_environment(environment))
    with screen.step("Looking for erased people") as tell:
        found = erasures.replay(lambda seen: tell(f"{seen} identities"))
    resumed = erasures.resume()
    screen.say(f"{found} {'identity is' if found == 1 else 'identities are'} erased again; {resumed} erasures go on.")


def joined(pages: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """The pages of an export as one document: what there is one of as it is, everything else as lists."""
    document: dict[str, Any] = {}
    for page in pages:
        document |= {"lead": page["lead"], "as_of": page["as_of"]}
        for name, items in page["sections"].items():
            document.setdefault(name, []).extend(items)
    (document["person"],) = document["person"]
    return document


def _pages(api: Api, lead: str) -> Iterator[Mapping[str, Any]]:
    following: str | None = None
    while True:
        page = api.get(path_of("v1", "leads", lead, "export"), {"next": following})
        yield page
        following = page["next"]
        if following is None:
            return


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a file that its owner alone can read."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _what_goes(found: Mapping[str, Any]) -> Table:
    """What is held of a lead, in figures."""
    more = " and older ones" if found["more_activities"] else ""
    table = Table("what", "", title="What will be erased")
    table.add_row("known as", names_of(found["identities"]), end_section=True)
    table.add_row("activities", f"{len(found['activities'])}{more}")
    table.add_row("words on consent", str(len(found["consents"]["history"])))
    table.add_row("changes of stage", str(len(found["transitions"])))
    table.add_row("handoffs", str(len(found["handoffs"])))
    return table
