"""How a lead's changes of stage are told: why, whether new rules alone made them, and which handoff they caused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from infra.deployed import Api, path_of
from shared.domain.moments import parse_moment

QUIETLY = "not handed over: only the rules moved it"


def step_in_words(transition: Mapping[str, Any]) -> str:
    """From where to where, and that new rules did it: `suspect → mql (by new rules, version 3)`."""
    from_ = transition["from_stage"] or "(new)"
    return f"{from_} → {transition['to_stage']}{by_rules_in_words(transition)}"


def by_rules_in_words(transition: Mapping[str, Any]) -> str:
    """That new rules alone made it, and which; nothing where the lead did."""
    return f" (by new rules, version {transition['rules_version']})" if transition["by_rules"] else ""


def cause_in_words(transition: Mapping[str, Any]) -> str:
    """Why; that a stage was left stands in the step already."""
    return str(transition["cause"]).removeprefix(f"left {transition['from_stage']}: ")


def cause_of(found: Mapping[str, Any], handoff: Mapping[str, Any]) -> int | None:
    """Where among the lead's transitions the one stands that caused a handoff; None where it is not told.

    Of parts that are one lead now each may have entered the stage: it is the latest that did before the handoff.
    """
    entered = (handoff["stage"], handoff["epoch"])
    until = parse_moment(handoff["requested_at"])
    places = [
        place
        for place, each in enumerate(found["transitions"])
        if (each["to_stage"], each["epoch"]) == entered and parse_moment(each["at"]) <= until
    ]
    return places[-1] if places else None


def moved_quietly(api: Api, found: Mapping[str, Any]) -> Collection[int]:
    """Where those transitions stand for which nobody was told, only because new rules alone made them."""
    told = {cause_of(found, handoff) for handoff in found["handoffs"]}
    steps = enumerate(found["transitions"])
    silent = {place: each for place, each in steps if each["by_rules"] and place not in told}
    numbers = {each["rules_version"] for each in silent.values()}
    versions = {number: api.get(path_of("v1", "rules", str(number))) for number in numbers}
    return {place for place, each in silent.items() if _would_hand_over(versions[each["rules_version"]], each)}


def _would_hand_over(version: Mapping[str, Any], transition: Mapping[str, Any]) -> bool:
    return not version["notify"] and transition["to_stage"] in (version["document"].get("handoff") or {})
