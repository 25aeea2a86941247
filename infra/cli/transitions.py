"""How a lead's changes of stage are told: why, whether new rules alone made them, and which handoff they caused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from infra.deployed import Api, path_of

QUIETLY = "not handed over: only the rules moved it"


def step_in_words(transition: Mapping[str, Any]) -> str:
    """From where to where, and that new rules did it: `suspect → mql (by new rules, version 3)`."""
    by = f" (by new rules, version {transition['rules_version']})" if transition["by_rules"] else ""
    return f"{transition['from_stage'] or '(new)'} → {transition['to_stage']}{by}"


def cause_in_words(transition: Mapping[str, Any]) -> str:
    """Why; that a stage was left stands in the step already."""
    return str(transition["cause"]).removeprefix(f"left {transition['from_stage']}: ")


def cause_of(found: Mapping[str, Any], handoff: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The lead's transition that caused a handoff; None for one of a lead that became part of it."""
    if handoff["lead"] != found["id"]:
        return None
    entered = (handoff["stage"], handoff["epoch"])
    return next((each for each in found["transitions"] if (each["to_stage"], each["epoch"]) == entered), None)


def moved_quietly(api: Api, found: Mapping[str, Any]) -> Collection[int]:
    """The numbers of the transitions for which nobody was told, only because new rules alone made them."""
    told = [cause_of(found, handoff) for handoff in found["handoffs"]]
    silent = [each for each in found["transitions"] if each["by_rules"] and each not in told]
    versions = {
        number: api.get(path_of("v1", "rules", str(number))) for number in {each["rules_version"] for each in silent}
    }
    return {
        each["number"]
        for each in silent
        if not versions[each["rules_version"]]["notify"]
        and each["to_stage"] in (versions[each["rules_version"]]["document"].get("handoff") or {})
    }
