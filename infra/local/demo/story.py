"""What should come true in the demo, and what did: told from the API's answers and the inbox alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from infra.local.demo.visitors import MAYA, VISITORS, Visitor
from shared.adapters.page_links import PATH

CHANNELS = ("email", "slack", "webhook")
_HELD_UNDER = {"email": "emails", "slack": "slack", "webhook": "webhooks"}

Lead = Mapping[str, Any]
Inbox = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Arrival:
    """A handoff that has arrived: of whom, as what, on which channel, when, and how many times."""

    visitor: Visitor
    stage: str
    channel: str
    at: datetime
    times: int


@dataclass(frozen=True)
class Check:
    """Something that should come true, and whether it did."""

    promise: str
    came_true: bool
    seen: str = ""


def arrivals(leads: Mapping[str, Lead], inbox: Inbox) -> list[Arrival]:
    """The handoffs in the inbox that concern the demo's visitors, in order of arrival."""
    found = []
    for visitor in VISITORS:
        lead = leads.get(visitor.name)
        if lead is None:
            continue
        for handoff in lead["handoffs"]:
            number = f"{lead['id']}.{handoff['stage']}.{handoff['epoch']}"
            for channel in CHANNELS:
                came = [message for message in inbox[_HELD_UNDER[channel]] if number in json.dumps(message)]
                if came:
                    at = min(datetime.fromisoformat(message["received_at"]) for message in came)
                    found.append(Arrival(visitor, handoff["stage"], channel, at, len(came)))
    return sorted(found, key=lambda arrival: arrival.at)


def pages(leads: Mapping[str, Lead], inbox: Inbox) -> dict[str, str]:
    """The path of the page of each visitor's latest handoff, as the messages in the inbox link to it."""
    found = {}
    for arrival in arrivals(leads, inbox):
        key = {"lead": leads[arrival.visitor.name]["id"], "stage": arrival.stage}
        for message in inbox[_HELD_UNDER["webhook"]]:
            told = message.get("message", {}).get("data", {})
            if told.get("link") and {name: told.get(name) for name in key} == key:
                # The API's own address may be another one since, as ports of this machine are.
                found[arrival.visitor.name] = PATH + str(told["link"]).rpartition(PATH)[2]
    return {visitor.name: found[visitor.name] for visitor in VISITORS if visitor.name in found}


def checks(leads: Mapping[str, Lead], inbox: Inbox) -> list[Check]:
    """Everything that the demo promises. `leads` are those that the API knows, by the visitors' names."""
    arrived = arrivals(leads, inbox)
    promises = [check for visitor in VISITORS for check in _of_visitor(visitor, leads.get(visitor.name), arrived)]
    promises.append(_became_sql_by_the_webinar(leads.get(MAYA.name)))
    return promises


def next_steps(site: str) -> tuple[str, ...]:
    """What to do once the demo is over; `site` is the address of the sample website."""
    steps = {
        f"baton leads show {MAYA.email}": "tells a lead's whole story",
        "baton handoffs list": "tells what waits for sales",
        "baton rules show active": "prints the rules that hold, to begin yours with",
        "baton down": "stops it all; the next `baton up` finds every lead again",
    }
    width = max(map(len, steps))
    return (
        "What to do next:",
        f"  Fill in a form at {site}, then `baton leads list` shows the lead.",
        *(f"  {command:<{width}}  {what}" for command, what in steps.items()),
    )


def _of_visitor(visitor: Visitor, lead: Lead | None, arrived: Sequence[Arrival]) -> list[Check]:
    promise = f"{visitor.name} has {visitor.score} points and is {visitor.temperature}"
    if lead is None:
        return [Check(promise, came_true=False, seen="no such lead")]
    score, temperature = lead["score"]["total"], lead["score"]["temperature"]
    right = (score, temperature) == (visitor.score, visitor.temperature)
    found = [Check(promise, right, "" if right else f"{score} and {temperature}")]
    explained = _explained(lead["explanation"])
    adds_up = explained == Decimal(str(score))
    found.append(Check(f"{visitor.name}'s points are explained to the last", adds_up, f"explained: {explained}"))
    handed = tuple(handoff["stage"] for handoff in lead["handoffs"])
    right = handed == visitor.stages
    found.append(Check(f"{visitor.name} is handed over {_as(visitor.stages)}", right, "" if right else _as(handed)))
    for stage in visitor.stages:
        for channel in CHANNELS:
            times = sum(a.times for a in arrived if (a.visitor, a.stage, a.channel) == (visitor, stage, channel))
            way = "signed webhook" if channel == "webhook" else channel
            what = f"{visitor.name}'s handoff as {stage.upper()} arrived once by {way}"
            found.append(Check(what, times == 1, "" if times == 1 else f"{times} times"))
    return found


def _explained(explanation: Mapping[str, Any]) -> Decimal:
    """The sum of all that counts, each with the weight of its score."""
    weights = explanation["weights"]
    return sum(
        (Decimal(str(line["counts"])) * Decimal(str(weights[line["score"]])) for line in explanation["contributions"]),
        Decimal(),
    )


def _became_sql_by_the_webinar(lead: Lead | None) -> Check:
    promise = "Maya became an MQL, and an SQL by attending a webinar"
    ways = [(step["from_stage"], step["to_stage"], step["activity_id"]) for step in (lead or {}).get("transitions", ())]
    right = bool(ways) and ways[-1] == ("mql", "sql", MAYA.then[0].id)
    return Check(promise, right, "" if right else json.dumps(ways))


def _as(stages: Sequence[str]) -> str:
    return "as " + " and as ".join(stage.upper() for stage in stages) if stages else "to nobody"
