"""`baton up`, `down`, `status` and `logs`: the local cloud."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import ClientError

from infra.cli.publish import STARTING_RULES, active_number, publish_file
from infra.cli.screen import screen
from infra.deployed import LOCAL, of_environment
from infra.failure import Failure
from infra.local.cloud import LocalCloud, Whereabouts
from infra.local.home import Home

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

FUNCTIONS = ("ingest", "score", "evaluate", "relay", "notify", "rescore", "reconcile", "erase", "answer", "admin")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
EnvironmentOption = Annotated[str, typer.Option("--env", help="The environment; `local` is the one of `baton up`.")]


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Then send visitors' activities and show what becomes of them.")
    ] = False,
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the demo; status 0 only if all of it came true.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start Baton on this machine: deploy the real stack into a local cloud and tell where everything is.

    Needs neither Docker nor an AWS account. Run it again after a change: it deploys what has changed. What it stores
    stays, in `.baton/`, until that folder is removed.
    """
    began = time.monotonic()
    local = LocalCloud(Home.usual())
    where = local.up(screen.step)
    publish_starting_rules(local)
    screen.note(f"Up after {time.monotonic() - began:.1f} s.")
    if as_json:
        screen.json(where.as_json())
    else:
        tell(where)
    if demo:
        from infra.local.demo.show import show  # noqa: PLC0415 - the demo's client is not needed without it

        if not show(local, screen, leave=leave):
            raise typer.Exit(1)


def down() -> None:
    """Stop the local cloud. It keeps every lead until the next `baton up`."""
    home = Home.usual()
    if LocalCloud(home).down(screen.step):
        screen.say("Stopped. `baton up` starts it again with all it holds.")
    else:
        screen.say("It was not running.")


def status(as_json: Json = False) -> None:
    """Tell whether the local cloud runs, and where everything is."""
    where = LocalCloud(Home.usual()).whereabouts()
    if as_json:
        screen.json(where.as_json())
    else:
        tell(where)


def logs(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help=f"One of {', '.join(FUNCTIONS)}.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How far to look back.")] = 15,
    environment: EnvironmentOption = LOCAL,
) -> None:
    """Print what a function logged."""
    if function not in FUNCTIONS:
        raise Failure(f"There is no function {function!r}.", f"It is one of {', '.join(FUNCTIONS)}.")
    deployed = of_environment(environment)
    client: CloudWatchLogsClient = deployed.client("logs")
    since = int((time.time() - minutes * 60) * 1000)
    seen: set[tuple[object, ...]] = set()
    while True:
        try:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/{deployed.stack}-{function}", startTime=since
            )
            fresh = [event for page in pages for event in page["events"] if _mark(event) not in seen]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            fresh = []
        for event in fresh:
            seen.add(_mark(event))
            moment = datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC)
            time_of = f"{moment:%H:%M:%S.%f}"[:-3]
            for number, line in enumerate(event["message"].splitlines()):
                screen.say(f"{'' if number else time_of:12}  {line}")
        if not follow:
            return
        time.sleep(1)


def _mark(event: Mapping[str, Any]) -> tuple[object, ...]:
    """What tells an event from others; the local cloud gives them no id."""
    return (event.get("eventId"), event["timestamp"], event.get("logStreamName"), event["message"])


def tell(where: Whereabouts) -> None:
    """Print where everything is; what is secret stays out of scrollbacks and logs."""
    lines = {
        "Sample website": where.site,
        "API": where.api,
        "Its documentation": where.docs,
        "Received handoffs": where.inbox,
        "Public write key": where.write_key,
    }
    width = max(map(len, lines))
    screen.say("")
    for title, value in lines.items():
        screen.say(f"  {title:<{width}}  {value}")
    screen.say("")
    screen.say("  Fill in the form at the sample website, then `baton leads list`.")
    screen.say("  `baton status --json` tells the secret key and a token as well; `baton down` stops it all.")


def publish_starting_rules(local: LocalCloud) -> None:
    """Publish the demo's rule file where none is active, so that the first visitor is scored."""
    api = local.api()
    if not active_number(api):
        with screen.step("Publishing the starting rule file"):
            publish_file(api, STARTING_RULES, "The starting rule file")
