"""`baton events`: what other systems may put on the bus and hear there, for those who connect them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from infra.cli.screen import screen
from infra.failure import Failure
from shared.adapters.bus_events import BUS_EVENTS, TAKEN, schema_of, summary_of
from shared.domain.conditions import nearest

events_app = typer.Typer(help="See the events that other systems put on the bus and hear there.", no_args_is_help=True)


@events_app.command("list")
def list_events(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """List the events: which of them Baton takes from any system, and which it tells."""
    rows = [
        {"name": name, "way": "taken" if model in TAKEN else "told", "says": summary_of(model)}
        for name, model in BUS_EVENTS.items()
    ]
    if as_json:
        screen.json(rows)
        return
    table = Table("detail type", "way", "says")
    for row in rows:
        table.add_row(row["name"], row["way"], row["says"])
    screen.show(table)


@events_app.command()
def schema(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The event's detail type.", show_default=False)
    ] = None,
) -> None:
    """Print the JSON Schema of an event's detail; without a name those of all events, by their names."""
    if name is not None and name not in BUS_EVENTS:
        hint = nearest(name, list(BUS_EVENTS))
        raise Failure(f"There is no event {name!r}.", hint[:1].upper() + hint[1:])
    screen.json(
        schema_of(BUS_EVENTS[name]) if name else {event: schema_of(model) for event, model in BUS_EVENTS.items()}
    )
