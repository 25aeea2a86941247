"""`baton leads drift|check|repair`: leads that are not what their logs make, found and made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli import asking
from infra.cli.leads import Json, Yes, story
from infra.cli.moments import short_moment
from infra.cli.screen import screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, Refusal, path_of
from infra.failure import Failure

Leads = Annotated[list[str] | None, typer.Argument(metavar="LEAD", help="Leads' ids, or e-mail addresses.")]
_PAGE = 100
"""So many leads are checked by one request."""


def drift(environment: Environment = LOCAL, as_json: Json = False) -> None:
    """List the leads that were found not to be what their logs make, and how far the hourly round is.

    They stay in the list until a check finds them sound, as after `baton leads repair`.
    """
    told = signed_in(environment).get("/v1/drift")
    if as_json:
        screen.json(told)
        return
    if told["drifted"]:
        table = Table("lead", "what is wrong", "found (UTC)", "seen last (UTC)")
        for each in told["drifted"]:
            table.add_row(each["lead"], _in_words(each), short_moment(each["found_at"]), short_moment(each["seen_at"]))
        screen.show(table)
    else:
        screen.say("No lead has drifted from its log, as far as is known.")
    if round_ := told["round"]:
        ended = f"; the round before ended {short_moment(round_['last_ended'])}" if round_["last_ended"] else ""
        began = f"{short_moment(round_['began'])} UTC"
        screen.say(f"The round that began {began} has checked {_leads(round_['checked'])}{ended}.")


def check(
    leads: Leads = None,
    every: Annotated[bool, typer.Option("--all", help="Check every lead.")] = False,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Compare leads with their logs now, without waiting for the hourly round.

    Ends with status 1 if any has drifted, or there is no such lead. What is received in these moments is no drift.
    """
    if every is bool(leads):
        raise Failure("Say which leads to check.", "Name some, or give --all.")
    api = signed_in(environment)
    found = _check_all(api) if every else _check_named(api, _ids_of(api, leads or ()))
    if as_json:
        screen.json(found)
    else:
        _tell(found)
    if found["drifted"] or (found["unknown"] and not every):
        raise typer.Exit(1)


def repair(
    leads: Leads = None,
    drifted: Annotated[bool, typer.Option("--drifted", help="Repair every lead that has drifted.")] = False,
    yes: Yes = False,
    environment: Environment = LOCAL,
) -> None:
    """Make leads anew from their logs, whatever is stored of them. Repairing a sound lead changes nothing.

    Stages and handoffs that were decided stay; what follows from what was missing is decided then, so that a lead may
    be handed over.
    """
    if drifted is bool(leads):
        raise Failure("Say which leads to repair.", "Name some, or give --drifted.")
    api = signed_in(environment)
    if drifted:
        wanted = [each["lead"] for each in api.get("/v1/drift")["drifted"]]
        if not wanted:
            screen.say("No lead has drifted from its log, as far as is known.")
            return
        _confirm(_leads(len(wanted)), yes=yes)
    else:
        wanted = _ids_of(api, leads or ())
        # A script names each lead itself, and is not asked.
        _confirm(", ".join(leads or ()), yes=yes or not asking.is_asked())
    asked: list[str] = []
    refused: dict[str, Refusal] = {}
    for lead in wanted:
        try:
            asked.append(api.post(path_of("v1", "leads", lead, "repairs"), {})["lead"])
        except Refusal as refusal:
            refused[lead] = refusal
    if asked:
        told = f"`baton leads check {' '.join(asked)}` tells"
        screen.say(f"{_leads(len(asked))} will be made anew within moments: {told}.")
    if refused:
        raise _not_repaired(refused, among=len(wanted))


def _not_repaired(refused: Mapping[str, Refusal], *, among: int) -> Failure:
    """That the API would not have some leads repaired; the others are."""
    first = next(iter(refused.values()))
    if among == 1:
        return first
    what = f"{_leads(len(refused))} cannot be repaired: {', '.join(refused)}."
    return Failure(what, "Whoever is gone leaves the list of drift once checked.", first.what)


def _confirm(which: str, *, yes: bool) -> None:
    if not yes and asking.is_asked():
        screen.say("Score and facts are made again from the log; stages and handoffs that were decided stay.")
        screen.say("What follows from what was missing is decided then, so that a lead may be handed over.")
    asking.confirm(f"Make {which} anew?", yes=yes)


def _ids_of(api: Api, leads: Sequence[str]) -> list[str]:
    """Leads' ids, each once. What is no address is one: of a damaged lead nothing more can be asked."""
    return list(dict.fromkeys(str(story(api, lead)["id"]) if "@" in lead else lead for lead in leads))


def _check_named(api: Api, leads: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"checked": 0, "drifted": [], "unsure": [], "unknown": []}
    for start in range(0, len(leads), _PAGE):
        page = api.post("/v1/checks", {"leads": leads[start : start + _PAGE]})
        for name in found:
            found[name] += page[name]
    return found


def _check_all(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = {"checked": 0, "drifted": [], "unsure": [], "unknown": []}
    following: str | None = None
    with screen.step("Comparing every lead with its log") as news:
        while True:
            page = api.post("/v1/checks", {"limit": _PAGE} | ({"next": following} if following else {}))
            for name in found:
                found[name] += page[name]
            news(f"{_leads(found['checked'])} checked, {len(found['drifted'])} drifted")
            following = page["next"]
            if not following:
                return found


def _tell(found: Mapping[str, Any]) -> None:
    for each in found["drifted"]:
        screen.say(f"{each['lead']}: {_in_words(each)}")
    if found["unsure"]:
        screen.say(f"written again and again while they were read, so check again: {', '.join(found['unsure'])}")
    for lead in found["unknown"]:
        screen.say(f"There is no lead with the id {lead}.")
    if found["unknown"] and not found["checked"]:
        return
    sound = found["checked"] - len(found["drifted"]) - len(found["unsure"])
    screen.say(f"{_leads(found['checked'])} checked: {sound} as the log makes them, {len(found['drifted'])} drifted.")
    if found["drifted"]:
        screen.say("`baton leads repair --drifted` makes them anew.")


def _in_words(drifted: Mapping[str, Any]) -> str:
    return "; ".join(each["words"] for each in drifted["faults"])


def _leads(count: int) -> str:
    return f"{count} lead" if count == 1 else f"{count} leads"
