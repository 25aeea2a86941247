"""`baton queues`: what waits, what was given up, and how to try that again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from infra.cli.screen import screen
from infra.deployed import LOCAL, of_environment
from infra.failure import Failure
from infra.queues import Queues

queues_app = typer.Typer(help="See what waits in the queues, and redrive dead letters.", no_args_is_help=True)
Environment = Annotated[str, typer.Option("--env", help="The environment.")]


@queues_app.command("list")
def list_queues(
    environment: Environment = LOCAL, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show what lies in each function's queue and among its dead letters."""
    backlogs = _queues(environment).backlogs()
    if as_json:
        screen.json([asdict(backlog) for backlog in backlogs])
        return
    table = Table("queue", "waiting", "dead letters")
    for backlog in backlogs:
        dead = f"[bold red]{backlog.dead}[/bold red]" if backlog.dead else "0"
        table.add_row(backlog.name, str(backlog.waiting), dead)
    screen.show(table)


@queues_app.command("redrive")
def redrive(
    name: Annotated[str | None, typer.Argument(metavar="FUNCTION", help="The function whose queue it is.")] = None,
    environment: Environment = LOCAL,
    everything: Annotated[bool, typer.Option("--all", help="Redrive every queue.")] = False,
) -> None:
    """Put dead letters back to work, once their cause is mended. Doing something twice changes nothing."""
    queues = _queues(environment)
    if everything is (name is not None):
        raise Failure("Say which queue, or --all.", f"The queues are {', '.join(queues.names)}.")
    for each in [name] if name else queues.names:
        moved = queues.redrive(each)
        screen.say(f"{each}: {moved} {'dead letter goes' if moved == 1 else 'dead letters go'} back to work.")


def _queues(environment: str) -> Queues:
    return Queues(of_environment(environment))
