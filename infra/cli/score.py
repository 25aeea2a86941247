"""`baton score`: score leads from files, without any cloud."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.given import Given
from infra.cli.lead_lines import OfflineLead, beginning, read_activity, read_facts, read_lines, together
from infra.cli.leads import LOSSES, as_shown, signed_points
from infra.cli.rule_files import read_rule_file
from infra.cli.screen import harmless, screen
from infra.failure import Failure
from shared.domain.engine import NextChange, Rules, compile_rules
from shared.domain.explanation import Contribution, Explanation
from shared.domain.moments import Moment, MomentError, format_moment, from_datetime, parse_moment
from shared.domain.points import POINT, as_number, divide, format_points, to_a_tenth

score_app = typer.Typer()
_REASONS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """A lead at a moment: where its points come from, where it would stand, and what time alone will change."""

    lead: OfflineLead
    told: Explanation
    stage: str | None
    next_change: NextChange | None

    def as_json(self) -> dict[str, Any]:
        """The result for a script; points are exact decimals."""
        told = self.told
        return {
            "identity": {self.lead.identity.kind.value: self.lead.identity.value},
            "scores": {name: _exact(points) for name, points in told.scores.items()},
            "total": _exact(told.total),
            "temperature": told.temperature,
            "grade": told.grade,
            "stage": self.stage,
            "vetoed_by": list(told.vetoed_by),
            "contributions": [
                {
                    "rule": row.rule,
                    "activity_id": row.activity_id,
                    "at": None if row.at is None else format_moment(row.at),
                    "earned": _exact(row.earned),
                    "counts": _exact(row.counts),
                }
                for row in told.contributions
            ],
            "missing": list(told.missing),
            "next_change": self.next_change
            and {"at": format_moment(self.next_change.at), "what": self.next_change.what},
        }


@score_app.command("score")
def score(  # noqa: PLR0917 - each is an option
    rules: Annotated[Path, typer.Option("--rules", help="The rule file; - reads standard input.", show_default=False)],
    activities: Annotated[
        Path, typer.Option("--activities", help="Activities, one JSON object a line; - reads standard input.")
    ],
    facts: Annotated[Path | None, typer.Option("--facts", help="Known facts, one JSON object a line.")] = None,
    at: Annotated[str, typer.Option("--at", help="The moment of scoring, such as 2026-03-31T00:00:00Z.")] = "now",
    lead: Annotated[str | None, typer.Option("--lead", help="Only this lead: an e-mail address or an id.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell where every point comes from.")] = False,
    since: Annotated[str | None, typer.Option("--since", help="Tell what changed since this moment.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Score the leads in a file of activities at a moment.

    An activity: {"id", "identity": {"email": ...}, "type", "occurred_at", "properties", ...}. Facts: {"identity",
    "lead", "company", "consent", "qualification"}. The stage is the one that would have been, had every activity been
    looked at as it occurred.
    """
    moment, earlier = _moment(at, "--at"), None if since is None else _moment(since, "--since")
    if [str(path) for path in (rules, activities, facts)].count("-") > 1:
        raise Failure("Only one file can be standard input.", "Name the others by their paths.")
    compiled = compile_rules(read_rule_file(rules))
    acts = read_lines(cast(Path, Given(activities)), partial(read_activity, scores=compiled.score_names))
    leads, unknown = together(acts + (read_lines(cast(Path, Given(facts)), read_facts) if facts else []))
    _same_ids(Given(activities), leads)
    if lead is not None:
        wanted = lead.strip()
        leads = [each for each in leads if wanted.lower() in {known.value.lower() for known in each.identities}]
        if not leads:
            raise Failure(f"No line names the lead {wanted}.", "Name one of its identities.")
    results = (result(compiled, each, moment, earlier) for each in leads)
    if as_json:
        for line in results:
            more = {"explanation": _exactly(line.told.as_json(), line.told)} if explain or since else {}
            typer.echo(exact_json({**line.as_json(), **more}))
    else:
        _tell(list(results), explain=explain or since is not None)
        screen.note(f"Stages as they would have been by {format_moment(moment)}, had every activity been on time.")
    if unknown:
        what = "activity belongs" if unknown == 1 else "activities belong"
        screen.note(f"{unknown} {what} to visitors whom nobody knows yet.")


def result(rules: Rules, lead: OfflineLead, at: Moment, since: Moment | None = None) -> Result:
    """All there is to say about a lead at a moment."""
    state = rules.replayed(lead.activities)
    journey, _ = rules.replay(lead.activities, at, beginning(lead.activities, at))
    change = rules.journey_change(state, journey, at)
    return Result(lead, rules.explain(state, at, since), journey.stage, change)


def _moment(text: str, option: str) -> Moment:
    try:
        return from_datetime(datetime.now(UTC)) if text == "now" else parse_moment(text)
    except MomentError as error:
        raise Failure(f"{option}: {error}", f"Write for instance {option} 2026-03-31T00:00:00Z.") from error


def _same_ids(given: Given, leads: Iterable[OfflineLead]) -> None:
    """One id names one activity of a lead; a line that says the same again is fine."""
    for lead in leads:
        known: dict[str, Any] = {}
        for activity in lead.activities:
            if known.setdefault(activity.id, activity) != activity:
                places = (
                    f"{given}: " if str(given) == "standard input" else f"{given}:{_lines_of(given, activity.id)}: "
                )
                what = f"{places}two different activities of {lead.identity.value} have the id {activity.id!r}"
                raise Failure(what, "Give each activity an id of its own.")


def _lines_of(given: Given, name: str) -> str:
    lines = given.read_text().split("\n")
    return ",".join(
        str(n) for n, line in enumerate(lines, start=1) if line.strip() and json.loads(line).get("id") == name
    )


# --- for scripts ------------------------------------------------------------------------------------------------------


def _exact(points: int) -> Decimal:
    return Decimal(points).scaleb(-9)


def _exactly(told: Any, meant: Any) -> Any:
    """JSON in which each number is nearly that of billionths which stand in the same place, with every digit."""
    if isinstance(told, Mapping):
        inner = meant.get if isinstance(meant, Mapping) else partial(_part, meant)
        return {key: _exactly(value, inner(key)) for key, value in told.items()}
    if isinstance(told, list):
        return [_exactly(value, part) for value, part in zip(told, meant, strict=True)]
    return _exact(meant) if isinstance(told, int | float) and meant is not None else told


def _part(meant: Any, name: str) -> Any:
    return getattr(meant, name, None)


def exact_json(value: Any) -> str:
    """JSON in which a decimal stands with every digit and no noise."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{exact_json(str(key))}: {exact_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(exact_json, value)) + "]"
    whole = not isinstance(value, str) or value.isprintable()
    return json.dumps(value, ensure_ascii=not whole)


# --- for people -------------------------------------------------------------------------------------------------------


def _tell(results: list[Result], *, explain: bool) -> None:
    if not results:
        screen.say("There is no lead.")
    elif not explain:
        screen.show(_table(results))
    for line in results if explain else ():
        _explain(line)


def _table(results: Iterable[Result]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("Lead", "Total", "Temperature", "Grade", "Stage", "Because of"):
        table.add_column(name, justify="right" if name == "Total" else "left")
    for line in results:
        told = line.told
        cells = (
            line.lead.identity.value,
            to_a_tenth(told.total),
            told.temperature or "",
            told.grade or "",
            "vetoed" if told.vetoed_by else line.stage or "",
            _because(told),
        )
        table.add_row(*(escape(harmless(cell)) for cell in cells))
    return table


def _because(told: Explanation) -> str:
    """The rules that count most in the total."""
    counts: dict[str, int] = defaultdict(int)
    for row in told.contributions:
        counts[row.label] += divide(row.counts * told.weights[row.score], POINT)
    greatest = sorted(counts.items(), key=lambda reason: -abs(reason[1]))[:_REASONS]
    return ", ".join(f"{label} {signed_points(as_number(points))}" for label, points in greatest if points)


def _explain(line: Result) -> None:
    told, lead = line.told, line.lead
    bands = [told.temperature, told.grade and f"grade {told.grade}", line.stage and f"stage {line.stage}"]
    screen.say(", ".join([f"{lead.identity.value}: {to_a_tenth(told.total)} points", *filter(None, bands)]))
    if len(lead.identities) > 1:
        others = sorted(known.value for known in lead.identities if known != lead.identity)
        screen.say(f"  also known as {', '.join(others)}")
    screen.show(_points(told.contributions))
    sums = [
        f"{to_a_tenth(told.scores[name])} {name}" + ("" if weight == POINT else f" times {format_points(weight)}")
        for name, weight in told.weights.items()
        if weight
    ]
    screen.say(f"  total {to_a_tenth(told.total)} = {' + '.join(sums) or '0'}")
    if told.vetoed_by:
        screen.say(f"  vetoed by {', '.join(told.vetoed_by)}: no step up and no handoff")
    if told.missing:
        screen.say(f"  not known, and could still count: {', '.join(told.missing)}")
    if told.lift:
        lift = told.lift
        screen.say(
            f"  nearest step up: {lift.label} (`{lift.activity}`) would make it "
            f"{to_a_tenth(lift.total)}, {lift.temperature}"
        )
    if line.next_change:
        screen.say(f"  if nothing happens: {line.next_change.what} at {format_moment(line.next_change.at)}")
    if told.since is not None:
        screen.say(f"  since {format_moment(told.since)}: {'' if told.changes else 'nothing changed'}".rstrip(": "))
        for change in told.changes:
            what = f" of {_minute(change.at)}" if change.at is not None else ""
            screen.say(f"    {change.rule}{what}: {to_a_tenth(change.before)} → {to_a_tenth(change.after)}")
    screen.say("")


def _points(rows: Iterable[Contribution]) -> Table:
    """Where points come from; what is at 0 and never was more says nothing here."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for name in ("When", "What", "Earned", "Aged", "Rule cap", "Group cap", "Score limits", "Counts"):
        table.add_column(name, justify="left" if name in ("When", "What") else "right")
    for row in rows:
        if not row.earned and not row.counts:
            continue
        shown = as_shown({name: as_number(getattr(row, name)) for name in ("earned", "counts", *LOSSES)})
        cells = (
            "" if row.at is None else _minute(row.at),
            row.label,
            signed_points(shown["earned"]),
            *(signed_points(-shown[name]) if shown[name] else "" for name in LOSSES),
            signed_points(shown["counts"]),
        )
        table.add_row(*(escape(harmless(cell)) for cell in cells))
    return table


def _minute(at: Moment) -> str:
    return format_moment(at)[:16].replace("T", " ")
