"""What is scored anew and how far it is, `baton leads rescore`, and `baton catch-up` after an outage."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer
import yaml

from infra.cli.leads import story
from infra.cli.moments import moment_named, short_moment
from infra.cli.screen import screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api
from infra.failure import Failure
from shared.adapters.yaml12 import load_yaml
from shared.domain.conditions import ConditionError
from shared.domain.moments import format_moment
from shared.domain.selection import parse_selection

Rescore = Mapping[str, Any]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
_FINISHED = 5
"""How many finished rescores are told of."""

_PAUSE = 2.0
"""Seconds between two looks at something that goes on every minute."""
_REMEDY = "Write it as in --where '{company.country: {is: DE}, stage: mql}'."


def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on telling until every lead has the active rules.")
    ] = False,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Tell which rules are active since when, how many leads were scored by them, and what else is under way."""
    api = signed_in(environment)
    told = api.get("/v1/rescores")
    if watch:
        with screen.step("Waiting until every lead has the active rules") as tell:
            before = ""
            while not _is_applied(told):
                news = " ".join(_active_lines(told))
                tell(news)
                if news != before and not screen.progress.is_terminal:
                    screen.note(news)
                before = news
                time.sleep(_PAUSE)
                told = api.get("/v1/rescores")
    if as_json:
        screen.json(told)
        return
    for line in _lines(told):
        screen.say(line)


def rescore(
    lead: Annotated[
        list[str] | None,
        typer.Argument(metavar="LEAD", help="Leads, by id, e-mail address or user id.", show_default=False),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Those that meet a condition, as JSON or YAML: '{company.country: {is: DE}, stage: mql}'.",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every lead.")] = False,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Have leads scored anew: those that are named, those that meet a condition, or all.

    Nothing needs it in daily life: it changes what is stored only where something was stored wrongly. It begins within
    a minute, and `baton rules status` tells how far it is.
    """
    if sum((bool(lead), where is not None, every)) != 1:
        raise Failure("It is not clear which leads are meant.", "Name leads, or give either --where or --all.")
    condition = None if where is None else _condition(where)
    api = signed_in(environment)
    asked: dict[str, Any] = {"all": True}
    if condition is not None:
        asked = {"where": condition}
    elif lead:
        asked = {"leads": [story(api, each)["id"] for each in lead]}
    begun = api.post("/v1/rescores", asked)
    if as_json:
        screen.json(begun)
    else:
        screen.say(f"{begun['id']} begins within a minute; `baton rules status` tells how far it is.")


def catch_up(
    since: Annotated[
        str,
        typer.Option("--since", metavar="MOMENT", help="When the outage began: 2026-03-01T09:30:00Z, or a day."),
    ],
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Find activities that no lead has taken in since a moment, and have them applied; for admins.

    For an outage that lasted longer than the stream remembers, which is 24 hours, or whenever somebody doubts. The
    whole log is gone through; what is applied already is let be, and to do it again changes nothing. It waits until
    all is found; stopped in between it goes on by itself, and `baton rules status` tells how far it is.
    """
    moment = moment_named(since, "--since")
    api = signed_in(environment)
    begun = api.post("/v1/catch-ups", {"since": format_moment(moment)})
    with screen.step(f"Looking for activities since {format_moment(moment)} that no lead has taken in") as tell:
        found = _followed(api, begun["id"], tell)
    if as_json:
        screen.json(found)
    elif found["found"]:
        number = found["found"]
        many = f"{number} {'activity was' if number == 1 else 'activities were'}"
        screen.say(f"{many} in the log and applied to no lead; `score` is applying {'it' if number == 1 else 'them'}.")
    else:
        screen.say("Every activity of that time is applied.")


def _followed(api: Api, job: str, tell: Callable[[str], None]) -> Rescore:
    """A rescore when it has ended; its progress is told meanwhile.

    Raises:
        Failure: it is not known any more.
    """
    while True:
        found = next((each for each in api.get("/v1/rescores")["rescores"] if each["id"] == job), None)
        if found is None:
            raise Failure(f"{job} is not known any more.", "Look at `baton rules status`.")
        if found["ended"]:
            return dict(found)
        tell(_progress(found))
        time.sleep(_PAUSE)


def _condition(text: str) -> Any:
    """What `--where` says.

    Raises:
        Failure: it is no condition; the failure says where and what is meant.
    """
    try:
        condition = load_yaml(text)
        parse_selection(condition)
        json.dumps(condition)
    except ConditionError as error:
        place = ".".join(map(str, error.path))
        hint = f" ({error.hint})" if error.hint else ""
        raise Failure(f"--where: {f'{place}: ' if place else ''}{error}{hint}.", _REMEDY) from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise Failure("--where can be read neither as JSON nor as YAML.", _REMEDY, str(error)) from error
    return condition


def _of_active(told: Mapping[str, Any]) -> Rescore | None:
    """The rescore of the active version; None when it has not begun, or was forgotten."""
    return next((each for each in told["rescores"] if each["version"] == told["version"]), None)


def _is_applied(told: Mapping[str, Any]) -> bool:
    """Whether nothing is left to wait for."""
    own = _of_active(told)
    return told["version"] == 0 or (own is not None and own["ended"] is not None)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield from _active_lines(told)
    own = _of_active(told)
    others = [each for each in told["rescores"] if each is not own]
    for each in others:
        if not each["ended"]:
            yield f"Under way since {short_moment(each['began'])}: {_what(each)}, {_progress(each)} ({each['id']})."
    for each in [each for each in others if each["ended"]][:_FINISHED]:
        yield f"Finished at {short_moment(each['ended'])}: {_what(each)}, {_progress(each)} ({each['id']})."


def _active_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What is known of the active rules and how far they hold."""
    own = _of_active(told)
    if told["version"] == 0:
        yield "No rules are published yet."
    else:
        yield f"Version {told['version']} of the rules is active since {short_moment(told['active_since'])} UTC."
    if own and own["ended"]:
        yield f"Every lead has it since {short_moment(own['ended'])}: {_progress(own)}."
    elif own and own["looks_again"]:
        yield (
            f"Not finished: every lead that was found has it, {_counted(own)}. One more look, within some two minutes, "
            "makes sure that none is left under older rules."
        )
    elif own:
        yield f"Leads are being scored by it: {_progress(own)}. Until then some stand under older rules."
    elif told["version"]:
        yield "Nothing is known of its leads: it was published within the last minute, or more than 30 days ago."


def _progress(one: Rescore) -> str:
    done = f"{one['done']} of {one['segments']} segment{'' if one['segments'] == 1 else 's'} done"
    return f"{_touched(one)}, {done}{_damaged(one)}"


def _counted(one: Rescore) -> str:
    return f"{_touched(one)}{_damaged(one)}"


def _touched(one: Rescore) -> str:
    of = {"catch_up": ("activity", "activities")}.get(one["kind"], ("lead", "leads"))
    again = f" ({one['touched']} times)" if one["touched"] > one["found"] else ""
    asked = "queued" if one["kind"] == "catch_up" else "touched"
    return f"{one['found']} {of[one['found'] != 1]} {asked}{again}"


def _damaged(one: Rescore) -> str:
    left = one["left_out"]
    return (
        f"; {left} damaged {'lead was' if left == 1 else 'leads were'} left out (`baton leads drift`)" if left else ""
    )


def _what(one: Rescore) -> str:
    """What a rescore is for, for people."""
    return {
        "every_lead": "every lead",
        "older_rules": "every lead" if one["version"] == 1 else f"leads under rules before version {one['version']}",
        "leads": "leads by name",
        "where": f"leads by {', '.join(one['asks'])}",
        "noise": "leads that a word on noise concerns",
        "catch_up": f"activities since {short_moment(one['since'])} that no lead has taken in",
    }[one["kind"]]
