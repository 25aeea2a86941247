"""`baton rules publish`: make a rule file, or a draft that has its words, the active version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.asking import agreed, noted
from infra.cli.drafts import SCORED_AGAIN, check_is_open, draft_number, in_words, next_lines, warning_lines
from infra.cli.rule_files import sent_file
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.cli.simulations import Simulation, SimulationWish, shown, simulate, summary_lines
from infra.deployed import LOCAL, Api, Refusal, path_of
from infra.failure import Failure
from infra.local.home import PROJECT
from shared.domain.drafts import says_something

STARTING_RULES = PROJECT / "infra" / "local" / "demo" / "rules.yaml"
"""What `baton up` publishes where nothing is published yet."""

_DRAFT = re.compile(r"draft-[1-9][0-9]{0,5}", re.ASCII)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)


def publish(  # noqa: PLR0917 - each is an option
    which: Annotated[
        str,
        typer.Argument(
            metavar="DRAFT|FILE",
            help="A draft, such as draft-3; or a rule file, where the settings want nobody's word.",
            show_default=False,
        ),
    ],
    note: Annotated[
        str, typer.Option("--note", help="Why, of a file; a terminal asks for it. A draft has its own.")
    ] = "",
    force: Annotated[
        str | None,
        typer.Option("--force", metavar="REASON", help="Publish beyond the budget of handoffs; the reason is kept."),
    ] = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="Hand over, too, whom the new rules alone move to where leads are.")
    ] = False,
    environment: Environment = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Publish a draft or a rule file, and score every lead by it.

    It is simulated first, and refused if it would bring more handoffs than the settings' budget.
    """
    if _NUMBER.fullmatch(which):
        remedy = f"Write draft-{which} for a draft, ./{which} for a file; `baton rules rollback {which}` for a version."
        raise Failure(f"{which} may be a draft, a file or a version.", remedy)
    if force is not None and not says_something(force):
        raise Failure("--force wants a reason.", 'Write --force "REASON": it is kept with the version.')
    api = signed_in(environment)
    wish = {"force": force or "", "notify": notify}
    if _DRAFT.fullmatch(which):
        if note:
            raise Failure("A draft has its own note.", "Leave --note out, or draft the file again with another.")
        outcome = publish_draft(api, draft_number(which), wish, environment)
    else:
        _check_needs_no_words(api, which, environment)
        outcome = publish_file(api, Path(which), noted(note), wish)
    answer = outcome.answer
    if as_json:
        screen.json(answer)
        return
    if answer["is_new"]:
        screen.say(f"Version {answer['number']} is active. {SCORED_AGAIN}")
    else:
        screen.say(f"These rules hold already, as version {answer['number']}. Nothing has changed.")
    for line in warning_lines(each for each in answer["warnings"] if each not in outcome.told):
        screen.say(line)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the API answered to a publish, and the warnings that were told before it held."""

    answer: Any
    told: tuple[Mapping[str, str], ...] = ()


def publish_draft(api: Api, number: int, wish: Mapping[str, Any], environment: str = LOCAL) -> Outcome:
    """Publish a draft through the API, after a simulation.

    Raises:
        Failure: it is over, lacks words, or is based on another version than the active one.
        Refusal: the API refuses it.
    """
    path = path_of("v1", "rules", "drafts", str(number))
    found = api.get(path)
    check_is_open(found)
    if found["missing"] or found["is_stale"]:
        what = f"Draft {number} cannot be published yet." if found["missing"] else f"Draft {number} is out of date."
        raise Failure(what, " ".join(next_lines(found, environment)))
    return _seen(api, f"{path}/publications", {}, {"draft": number}, wish)


def publish_file(api: Api, file: Path, note: str, wish: Mapping[str, Any] | None = None) -> Outcome:
    """Publish a rule file through the API, after a simulation.

    Raises:
        Failure: the file cannot be read, or is not valid; each problem is listed.
        Refusal: the API refuses it.
    """
    sent = sent_file(file)
    return _seen(api, "/v1/rules", {**sent, "note": note}, sent, wish or {})


def active_number(api: Api) -> int:
    """The number of the active version; 0 before the first publish."""
    return int(api.get("/v1/rules")["number"])


def _seen(api: Api, path: str, said: Mapping[str, Any], rules: Mapping[str, Any], wish: Mapping[str, Any]) -> Outcome:
    """Publish rules, which are simulated once nothing else stands against them.

    Raises:
        Failure: they cannot be simulated, or the API refuses them.
    """
    asked = {**said, "notify": bool(wish.get("notify"))}
    try:
        return Outcome(api.post(path, asked))
    except Refusal as refusal:
        if _needs(refusal) != "simulation":
            raise
    found = _simulated(api, rules, wish)
    told = found.warnings if found else ()
    if told and not wish.get("force"):
        agreed("Publish these rules all the same?")
    shown_to_it = {"force": wish.get("force", ""), "simulation": found.token if found else ""}
    try:
        return Outcome(api.post(path, {**asked, **shown_to_it}), told)
    except Refusal as refusal:
        if _needs(refusal) == "force":
            refusal.remedy = 'Change the rules, or add --force "REASON": it is kept with the version.'
        raise


def _needs(refusal: Refusal) -> str:
    """What the API wants before it publishes."""
    details = refusal.answer.get("details") if isinstance(refusal.answer, dict) else None
    return str((details or {}).get("needs", ""))


def _simulated(api: Api, rules: Mapping[str, Any], wish: Mapping[str, Any]) -> Simulation | None:
    """Simulate rules, and tell what came out in short; None where a reason has to do.

    Raises:
        Failure: it cannot be simulated, and nobody gave a reason to publish it unseen.
    """
    try:
        with shown(screen, "Simulating what this would do") as tell:
            found = simulate(api, SimulationWish(rules, notify=bool(wish.get("notify"))), tell)
    except Failure as failure:
        if not wish.get("force"):
            raise
        screen.note(f"Nobody has seen what this does: {failure.what}")
        return None
    for line in summary_lines(found):
        screen.note(harmless(line))
    return found


def _check_needs_no_words(api: Api, file: str, environment: str) -> None:
    """Say what to do where a file is not published at once, before it is simulated."""
    needed = api.get("/v1/rules/drafts", {"limit": 1})["approvals"]
    if needed:
        at = "" if environment == LOCAL else f" --env {environment}"
        raise Failure(
            f"New rules need the words of {in_words(needed)} here, of one person each.",
            f"`baton rules draft {file}{at}` makes a draft and tells its number. `baton rules propose DRAFT{at}` asks "
            f"for the words, `baton rules approve DRAFT{at}` gives one, `baton rules publish DRAFT{at}` publishes it.",
        )
