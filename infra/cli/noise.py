"""`baton noise`: what counts for nothing, and who said so."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.asking import agreed
from infra.cli.leads import Yes, name_of, story
from infra.cli.moments import short_moment
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, Refusal
from infra.failure import Failure

noise_app = typer.Typer(
    help="Mark what nobody of interest did as noise: it is kept, and counts for nothing.", no_args_is_help=True
)
Address = Annotated[
    str | None, typer.Option("--address", metavar="RANGE", help="A network address or range: 203.0.113.0/24.")
]
Agent = Annotated[
    str | None, typer.Option("--agent", metavar="PATTERN", help="A user agent; * stands for anything: '*scanner*'.")
]
Lead = Annotated[
    str | None, typer.Option("--lead", metavar="LEAD", help="A lead's id, an e-mail address or a user id.")
]
Why = Annotated[str, typer.Option("--why", help="The reason, for those who look at it later.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
_LEADS_APART = "Leads that are named as noise are not listed: `baton leads show LEAD` tells it of one."


@noise_app.command("list")
def list_noise(environment: Environment = LOCAL, as_json: Json = False) -> None:
    """List the addresses and agents that are noise, and those that were until lately.

    Of a lead that is named as noise `baton leads show` tells it, with who said so and why.
    """
    marks = signed_in(environment).get("/v1/noise")["marks"]
    if as_json:
        screen.json(marks)
    elif marks:
        screen.show(_table(marks))
        screen.say(_LEADS_APART)
    else:
        screen.say(
            "No address and no agent is marked as noise. What the user agent says to be a bot's is noise anyway."
        )
        screen.say(_LEADS_APART)


@noise_app.command("mark")
def mark(  # noqa: PLR0917 - each is an option
    address: Address = None,
    agent: Agent = None,
    lead: Lead = None,
    why: Why = "",
    yes: Yes = False,
    environment: Environment = LOCAL,
) -> None:
    """Say that what an address range, an agent or a lead did and will do is noise; on a terminal it asks before.

    Nothing is lost: `baton noise unmark` with the same words lets all of it count again. The leads concerned are scored
    anew within a few minutes; a lead that is named, at once. That somebody does not want to be contacted still holds.
    """
    api = signed_in(environment)
    asked, whose = _asked(api, address, agent, lead)
    if not yes:
        agreed(f"{whose} would count for nothing. Mark it as noise?")
    _say(api, "marks", {**asked, "why": why})
    screen.say("Marked as noise. The leads concerned follow by themselves.")


@noise_app.command("unmark")
def unmark(
    address: Address = None, agent: Agent = None, lead: Lead = None, why: Why = "", environment: Environment = LOCAL
) -> None:
    """Take back what was marked as noise: it counts again, from the beginning."""
    api = signed_in(environment)
    asked, _ = _asked(api, address, agent, lead)
    _say(api, "unmarks", {**asked, "why": why})
    screen.say("No longer noise. The leads concerned follow by themselves.")


def _asked(api: Api, address: str | None, agent: str | None, lead: str | None) -> tuple[dict[str, str], str]:
    """The one thing that is named, and in words all that it concerns.

    Raises:
        Failure: nothing is, or more than one thing, or a lead that there is not.
    """
    named = {"address": address, "agent": agent, "lead": lead}
    given = {name: value for name, value in named.items() if value is not None}
    if len(given) != 1:
        raise Failure("Name one thing that is noise.", "Give exactly one of --address, --agent and --lead.")
    if lead is not None:
        found = story(api, lead)
        return {"lead": found["id"]}, f"All that {harmless(name_of(found))} (lead {found['id']}) did and will do"
    by = f"from {address}" if agent is None else f"by a user agent like {agent}"
    return given, f"All that was and will be done {by}, of however many leads,"


def _say(api: Api, what: str, said: dict[str, str]) -> None:
    """Tell the API what is noise, or no longer.

    Raises:
        Refusal: it does not take that; it tells which option is to be corrected.
    """
    try:
        api.post(f"/v1/noise/{what}", said)
    except Refusal as refusal:
        if refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY and refusal.field in said:
            refusal.remedy, refusal.details = f"Correct --{refusal.field}.", ""
        raise


def _table(marks: list[dict[str, Any]]) -> Table:
    table = Table("what", "noise", "said by", "at (UTC)", "why")
    for each in marks:
        words = [("until it was taken back" if each["unmarked"] else "yes", each["marked"])]
        words += [("no longer", each["unmarked"])] if each["unmarked"] else []
        for stands, said in words:
            cells = (f"{each['kind']} {each['value']}", stands, said["who"], short_moment(said["at"]), said["why"])
            table.add_row(*(escape(harmless(text)) for text in cells))
    return table
