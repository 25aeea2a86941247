"""`baton rules show`, `history` and `rollback`: what was published, and back to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.asking import agreed, noted
from infra.cli.drafts import SCORED_AGAIN, Json, next_lines, warning_lines
from infra.cli.moments import short_moment
from infra.cli.rule_files import preset_text, warning_of_text
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, Refusal, path_of

ACTIVE = "active"
_ROLLBACKS = "/v1/rules/rollbacks"
_STORED = re.compile(r"active|draft-(?P<draft>[1-9][0-9]{0,5})|(?P<version>0|[1-9][0-9]{0,5})", re.ASCII)
_HASH = 12
"""Characters of a hash by which people tell files apart."""


def show(
    which: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="`active`, a version's number, a draft such as draft-3, or a preset's name, to start a file from.",
        ),
    ] = ACTIVE,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Print a rule file to the letter: the active one, a version, a draft or a preset.

    What is known of a version or a draft goes to standard error, so that the file itself can be redirected.
    """
    named = _STORED.fullmatch(which)
    if named is None:
        typer.echo(preset_text(which), nl=False)
        return
    api = signed_in(environment)
    if named["draft"]:
        found = api.get(path_of("v1", "rules", "drafts", named["draft"]))
        notes = [f"Draft {found['number']} of {found['name']}, by {found['author']}: {found['state']}."]
        notes += next_lines(found, environment)
    else:
        found = api.get(path_of("v1", "rules", named["version"]) if named["version"] else "/v1/rules")
        notes = [f"Version {found['number']} of {found['name']}, by {_by(found) or 'nobody'}."]
    notes = [*([] if as_json else notes), *warning_of_text(found, which)]
    for line in notes:
        screen.note(harmless(line))
    if as_json:
        screen.json(found)
        return
    screen.file(found["text"])


def history(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the latest.")] = 25,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """List the published versions, newest first: who wrote, approved and published each, why, and which is active."""
    found = signed_in(environment).get("/v1/rules/versions")["versions"][:limit]
    if as_json:
        screen.json(found)
    elif found:
        screen.show(history_table(found))
    else:
        screen.say("Nothing is published yet.")


def rollback(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="NUMBER", min=1, help="The version to go back to; without it the one before the active one."
        ),
    ] = None,
    note: Annotated[
        str, typer.Option("--note", help="Why; it stands in the list of versions. A terminal asks for it.")
    ] = "",
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Publish the file of an old version once more, at once: every score comes back. Nobody is handed over by that.

    It needs no words and no simulation: both sides agreed to that file once.
    """
    api = signed_in(environment)
    number, told = _way_back(api, number)
    for line in warning_lines(told):
        screen.note(harmless(line))
    if told:
        agreed("Go back all the same?")
    back = api.post(_ROLLBACKS, {**_named(number), "note": noted(note)})
    if as_json:
        screen.json(back)
        return
    screen.say(f"The rules of version {back['restores']} are active again, as version {back['number']}.")
    screen.say(SCORED_AGAIN)
    for line in warning_lines(each for each in back["warnings"] if each not in told):
        screen.say(line)


def _way_back(api: Api, number: int | None) -> tuple[int | None, Sequence[Mapping[str, str]]]:
    """Where a rollback would lead, and what it would warn of; as asked, and nothing, where the API cannot tell it now.

    Raises:
        Failure: the API would not go back there, or not for this person.
    """
    try:
        told = api.post(_ROLLBACKS, {**_named(number), "preview": True})
    except Refusal as refusal:
        # A way back must be open. An API of an older release knows no preview, and says that it is there.
        if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR and refusal.field != "preview":
            raise
        return number, ()
    return int(told["version"]), told["warnings"]


def _named(number: int | None) -> dict[str, int]:
    """A version as a rollback names it, which is the one before where it names none."""
    return {} if number is None else {"number": number}


def history_table(found: Iterable[Mapping[str, Any]]) -> Table:
    """Versions, the first of which is active."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version", justify="right", no_wrap=True)
    for title in ("published (UTC)", "rules", "by", "approved by", "what and why"):
        table.add_column(title, overflow="fold")
    table.add_column("sha256", no_wrap=True)
    for place, each in enumerate(found):
        words = [f"{one['name']} ({one['role']})" for one in each["approvals"]]
        told = (
            short_moment(each["published_at"]),
            each["name"],
            _by(each),
            ", ".join(words),
            *remarks(each, is_active=place == 0),
        )
        first, remarked = told[:4], told[4:]
        what = "\n".join(escape(harmless(text)) for text in remarked)
        cells = (*(escape(harmless(text)) for text in first), what, each["sha256"][:_HASH])
        table.add_row(str(each["number"]), *cells)
    return table


def remarks(version: Mapping[str, Any], *, is_active: bool) -> list[str]:
    """What there is to say of a version, each apart: what it is, why it was forced, and its note."""
    said = ["Active."] if is_active else []
    if version["restores"]:
        said.append(f"Restores version {version['restores']}.")
    if version["notify"]:
        said.append("Handed over whom it moved.")
    publisher = _publisher(version)
    forced = f"Forced by {publisher}:" if publisher else "Forced:"
    apart = [" ".join(said), version["forced"] and f"{forced} {version['forced']}"]
    return [each for each in (*apart, version["note"] and f"Note: {version['note']}") if each]


def _by(version: Mapping[str, Any]) -> str:
    """Who wrote a version, and who published it, where that was another person and is known."""
    author, publisher = str(version["author"]), _publisher(version)
    return f"{author}, published by {publisher}" if publisher not in {"", author} else author


def _publisher(version: Mapping[str, Any]) -> str:
    """Who published a version; empty where that is not kept, or an API of an older release does not tell it."""
    return str(version.get("publisher", ""))
