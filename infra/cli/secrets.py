"""`baton secrets`: write keys, signing secrets and webhook URLs, which no settings file or template holds."""

from __future__ import annotations

import getpass
import sys
from difflib import get_close_matches
from typing import Annotated

import typer
from rich.table import Table

from infra.cli.moments import short_moment
from infra.cli.screen import screen
from infra.cli.session import Environment
from infra.deployed import LOCAL, Deployed, of_environment
from infra.failure import Failure
from infra.secret_store import NeededSecret, SecretStore, needed_secrets
from infra.settings import ERASURE_SECRET, LEAD_PAGE_SECRET, read_settings

secrets_app = typer.Typer(help="Store the secrets that the settings name.", no_args_is_help=True)

_PURPOSES = {
    "write_key": "a secret write key",
    "form": "a form's host signs with it",
    "webhook": "signs webhooks",
    "slack": "the URL of Slack's incoming webhook",
    "lead_page": "signs the links to pages of leads; Baton makes it",
    "erasure": "knows erased people again; Baton makes it",
}


@secrets_app.command("set")
def set_secret(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name, as the settings have it.")],
    environment: Environment = LOCAL,
) -> None:
    """Store a secret, asked for without an echo or read from standard input."""
    deployed, needed = _environment(environment)
    if name == ERASURE_SECRET:
        what = "Baton makes this secret once. With another one nobody who was erased would be known again."
        raise Failure(what, f"`baton deploy --env {environment}` makes it if it is missing.")
    if name == LEAD_PAGE_SECRET:
        what = "Baton makes this secret, and nobody needs to know it."
        raise Failure(what, f"`baton secrets rotate {name} --env {environment}` makes a new one.")
    if name not in {secret.name for secret in needed}:
        near = get_close_matches(name, [secret.name for secret in needed], n=1)
        remedy = (
            f"Did you mean {near[0]}?"
            if near
            else f"`baton secrets list --env {environment}` shows those that they name."
        )
        raise Failure(f"The settings of {environment} name no secret {name!r}.", remedy)
    text = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read()
    text = text.strip()
    if not text:
        raise Failure(
            "There was no secret to store.",
            f"Type it, or pipe it: `... | baton secrets set {name} --env {environment}`.",
        )
    SecretStore(deployed).put(name, text)
    screen.say(f"Stored. Functions use it within minutes. It is {len(text)} characters long.")


@secrets_app.command("rotate")
def rotate_secret(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=f"{LEAD_PAGE_SECRET}: the only one that Baton may replace by itself.")
    ],
    environment: Environment = LOCAL,
) -> None:
    """Sign links to the pages of leads with a new secret; the one before it is read until the next time.

    Run it twice to make every link invalid that was sent before.
    """
    if name != LEAD_PAGE_SECRET:
        remedy = f"Store a new one with `baton secrets set {name} --env {environment}`."
        raise Failure(f"Baton replaces {LEAD_PAGE_SECRET} by itself, and not {name}.", remedy)
    SecretStore(of_environment(environment)).renew(name)
    screen.say("Replaced. Functions use it within minutes; links that the one before it signed stay good.")


@secrets_app.command("list")
def list_secrets(
    environment: Environment = LOCAL, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show which secrets the settings name and which are stored; never their texts."""
    deployed, needed = _environment(environment)
    stored = SecretStore(deployed).stored()
    rows = [
        {"name": secret.name, "purpose": _PURPOSES[secret.purpose], "stored_at": stored.get(secret.name)}
        for secret in needed
    ]
    if as_json:
        screen.json(rows)
        return
    table = Table("name", "purpose", "stored (UTC)")
    for row in rows:
        table.add_row(row["name"], row["purpose"], short_moment(row["stored_at"]) or "[bold red]missing[/bold red]")
    screen.show(table)


def _environment(environment: str) -> tuple[Deployed, list[NeededSecret]]:
    """Where the environment's secrets are, and which its settings name."""
    return of_environment(environment), needed_secrets(read_settings(environment))
