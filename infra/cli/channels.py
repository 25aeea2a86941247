"""`baton channels`: which teams' e-mail, Slack or webhook fail, and what waits for them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.moments import short_moment
from infra.cli.screen import harmless, screen
from infra.deployed import LOCAL, of_environment
from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.domain.moments import format_moment
from shared.ports.missed import Missed

channels_app = typer.Typer(help="See which channels are down, and what waits for them.", no_args_is_help=True)

_COUNTED = 1000


@dataclass(frozen=True)
class Outage:
    """A channel that failed last. While it is down `waiting` messages, at most 1,000 counted, are kept for it."""

    team: str
    channel: str
    down: bool
    since: str | None
    next_try: str | None
    failures: int
    error: str
    waiting: int


def outages(missed: Missed) -> list[Outage]:
    """Every channel that failed last, or for which something waits."""
    breakers = missed.breakers()
    found = []
    for place in sorted({*breakers, *missed.waiting()}):
        breaker = breakers.get(place) or missed.breaker(place)
        found.append(
            Outage(
                team=place.team,
                channel=place.channel,
                down=breaker.is_open,
                since=None if breaker.since is None else format_moment(breaker.since),
                next_try=None if breaker.tries_at is None else format_moment(breaker.tries_at),
                failures=breaker.failures,
                error=breaker.error,
                waiting=len(missed.next(place, _COUNTED)),
            )
        )
    return found


@channels_app.command("list")
def list_channels(
    environment: Annotated[str, typer.Option("--env", help="The environment.")] = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the channels that failed last: since when they are down, why, when they are tried again, and what waits.

    A channel comes back by itself within a quarter of an hour once its cause is mended, and is sent all that it missed.
    """
    deployed = of_environment(environment)
    found = outages(DynamoDBMissed(deployed.client("dynamodb"), deployed.outputs["LeadsTable"]))
    if as_json:
        screen.json([asdict(each) for each in found])
        return
    if not found:
        screen.say("Every channel works, and nothing waits.")
        return
    table = Table("team", "channel", "state", "failures", "last error", "down since (UTC)", "next try (UTC)", "waiting")
    for each in found:
        state = "[bold red]down[/bold red]" if each.down else "failing"
        moments = (short_moment(each.since), short_moment(each.next_try))
        words = (str(each.failures), each.error, *moments, str(each.waiting))
        table.add_row(escape(harmless(each.team)), each.channel, state, *(escape(harmless(word)) for word in words))
    screen.show(table)
