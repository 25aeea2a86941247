"""A lead at another moment or by other rules: how a command is asked for it, and what it says to what it goes by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from infra.cli.moments import moment_named, present
from infra.failure import Failure
from shared.domain.introduction import stage_in_words
from shared.domain.moments import format_moment, parse_moment, to_datetime

At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="MOMENT", help="As it was then: 2026-03-01T09:30:00Z, or a day, whose first moment is meant."
    ),
]
Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="NUMBER|then|active",
        help="Under a version of the rules, those active then (as it is with --at), or those active now.",
    ),
]
Known = Annotated[
    str | None,
    typer.Option(
        "--known",
        metavar="then|now",
        help="Count what had been received by then (as it is with --at), or all that had occurred by then.",
    ),
]


def asked(at: str | None, rules: str | None, known: str | None) -> dict[str, str | None]:
    """What the API is asked for by these options.

    Raises:
        Failure: one of them says what it cannot.
    """
    if rules is not None and not re.fullmatch(r"then|active|[0-9]{1,9}", rules):
        raise Failure(f"--rules {rules} is no version of the rules.", "Write its number, `then` or `active`.")
    if known not in (None, "then", "now"):
        raise Failure(f"--known {known} says nothing.", "Write `then` or `now`.")
    return {"at": None if at is None else format_moment(moment_named(at, "--at")), "rules": rules, "known": known}


def as_of_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What an answer goes by, the stage that would have been, what time will change, and newer rules on their way."""
    if as_of := found.get("as_of"):
        yield f"at {_exactly(found['at'])}, {as_of['words']}"
        if as_of["replayed"]:
            yield _replayed_in_words(found)
        elif as_of["known"] == "now" or as_of["rules_version"] != as_of["active_then"]:
            yield "the stage above is the one that was decided: so many activities are not replayed"
    yield from forecast_lines(found)
    if found.get("awaits_rules") is not None:
        yield f"{under_in_words(found['scored_under'])}; version {found['awaits_rules']} is on its way"


def _replayed_in_words(found: Mapping[str, Any]) -> str:
    """Where a lead would have stood, beside where it was decided that it stands."""
    stage = found["replayed_stage"]
    would = f"it would have stood in {stage_in_words(stage['name']) if stage else 'no stage'}"
    if found["stage"]:
        return f"replayed so {would}; the stage above is the one that was decided"
    return f"no stage had been decided by then; replayed so {would}{'' if stage else ' either'}"


def forecast_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What time alone will change next: `leaves hot on 3 December at 14:07 UTC unless something happens`."""
    for each in found.get("forecast", ()):
        is_due = parse_moment(each["at"]) <= parse_moment(found["at"])
        when = "now, within a minute" if is_due else f"on {moment_in_words(each['at'])} unless something happens"
        before, after = (_band_in_words(each["what"], each[side]) for side in ("before", "after"))
        if before is None:
            yield f"becomes {after} {when}"
        else:
            yield f"leaves {before} {when}{f', and is {after} then' if after else ''}"


def behind_lines(leads: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """That some leads of a list are scored under older rules still."""
    behind: dict[tuple[int, int], int] = {}
    for lead in leads:
        if lead.get("awaits_rules") is not None:
            versions = (lead["rules_version"], lead["awaits_rules"])
            behind[versions] = behind.get(versions, 0) + 1
    for (number, active), count in sorted(behind.items()):
        yield f"{count} {'lead' if count == 1 else 'leads'} {under_in_words(number)}; version {active} is on its way"


def under_in_words(number: int) -> str:
    """Under which version a lead is scored."""
    if number < 0:
        return "not scored, as its state cannot be read"
    return f"scored under version {number}" if number else "scored under no rules"


def moment_in_words(text: str) -> str:
    """`3 December at 14:07 UTC`, with the year where it is not the present one."""
    stamp = to_datetime(parse_moment(text))
    year = "" if stamp.year == to_datetime(present()).year else f" {stamp.year}"
    return f"{stamp.day} {stamp:%B}{year} at {stamp:%H:%M} UTC"


def _exactly(text: str) -> str:
    """`3 December 2026 at 14:07:05 UTC`: as exact as it was asked."""
    stamp = to_datetime(parse_moment(text))
    seconds = f":{stamp:%S}" if stamp.second or stamp.microsecond else ""
    fraction = f".{stamp.microsecond:06d}".rstrip("0") if stamp.microsecond else ""
    return f"{stamp.day} {stamp:%B %Y} at {stamp:%H:%M}{seconds}{fraction} UTC"


def _band_in_words(what: str, name: str | None) -> str | None:
    if name is None:
        return None
    return {"temperature": name, "grade": f"grade {name}", "stage": stage_in_words(name)}[what]
