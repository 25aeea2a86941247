"""`baton score`: score leads from files, without any cloud."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.lead_lines import OfflineLead, beginning, read_activity, read_facts, read_lines, together
from infra.cli.rule_files import read_rule_file
from infra.cli.screen import screen
from infra.failure import Failure
from shared.domain.engine import Rules, compile_rules
from shared.domain.moments import Moment, MomentError, format_moment, from_datetime, parse_moment
from shared.domain.points import as_number

score_app = typer.Typer()
_SHOWN = 3


@score_app.command("score")
def score(
    rules: Annotated[Path, typer.Option("--rules", help="The rule file.", show_default=False)],
    activities: Annotated[Path, typer.Option("--activities", help="Activities, one JSON object a line.")],
    facts: Annotated[Path | None, typer.Option("--facts", help="Known facts, one JSON object a line.")] = None,
    at: Annotated[str, typer.Option("--at", help="The moment of scoring, such as 2026-03-31T00:00:00Z.")] = "now",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Score the leads in a file of activities at a moment.

    The stage is the one that would have been, had every activity been looked at as it occurred.
    """
    try:
        moment = from_datetime(datetime.now(UTC)) if at == "now" else parse_moment(at)
    except MomentError as error:
        raise Failure(str(error), "Write for instance --at 2026-03-31T00:00:00Z.") from error
    compiled = compile_rules(read_rule_file(rules))
    told = read_lines(activities, read_activity) + (read_lines(facts, read_facts) if facts else [])
    leads, unknown = together(told)
    results = [result(compiled, lead, moment) for lead in leads]
    if as_json:
        for line in results:
            typer.echo(json.dumps(line, ensure_ascii=False))
    else:
        screen.show(_table(results))
        screen.note(f"Stages as they would have been by {format_moment(moment)}, had every activity been on time.")
    if unknown:
        screen.note(f"{unknown} activities belong to visitors whom nobody knows yet.")


def result(rules: Rules, lead: OfflineLead, at: Moment) -> dict[str, Any]:
    """All there is to say about a lead at a moment, as JSON can hold it."""
    state = rules.replayed(lead.activities)
    told = rules.explain(state, at)
    journey, _ = rules.replay(lead.activities, at, beginning(lead.activities, at))
    change = rules.journey_change(state, journey, at)
    return {
        "identity": {lead.identity.kind.value: lead.identity.value},
        "scores": {name: as_number(points) for name, points in told.scores.items()},
        "total": as_number(told.total),
        "temperature": told.temperature,
        "grade": told.grade,
        "stage": journey.stage,
        "vetoed_by": list(told.vetoed_by),
        "contributions": [row.as_json() for row in told.contributions],
        "missing": list(told.missing),
        "next_change": change and {"at": format_moment(change.at), "what": change.what},
    }


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("Lead", "Total", "Temperature", "Grade", "Stage", "Because of"):
        table.add_column(name, justify="right" if name == "Total" else "left")
    for line in results:
        greatest = sorted(line["contributions"], key=lambda row: -abs(row["counts"]))[:_SHOWN]
        because = ", ".join(f"{row['label']} {row['counts']:+g}" for row in greatest if row["counts"])
        stage = "vetoed" if line["vetoed_by"] else line["stage"]
        bands = (line["temperature"] or "", line["grade"] or "", stage or "")
        table.add_row(next(iter(line["identity"].values())), f"{line['total']:g}", *bands, because)
    return table
