"""`baton rules`: check, read, agree on and test rule files, without any cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.given import Given
from infra.cli.lead_lines import LineError, beginning, example_activities
from infra.cli.rule_files import parse_rule_text, preset_names, preset_text, read_rule_file, read_with_lines
from infra.cli.screen import screen
from shared.domain.activity import Activity
from shared.domain.agreement import agreement_of
from shared.domain.engine import Rules, compile_rules
from shared.domain.in_vain import in_vain
from shared.domain.points import format_points
from shared.domain.reading import located
from shared.domain.rulefile import Example
from shared.domain.schema import schema as schema_of_rule_files

rules_app = typer.Typer(help="Check, read, agree on and publish rule files.", no_args_is_help=True)
File = Annotated[
    Path, typer.Argument(metavar="FILE", help="The rule file, or a preset; - reads standard input.", show_default=False)
]


@rules_app.command()
def check(file: File) -> None:
    """Check a rule file; every problem is told with its line, and what it says in vain as a warning."""
    found, document = read_with_lines(file)
    parts = [
        f"{len(rules)} {one if len(rules) == 1 else many}"
        for one, many, rules in (
            ("behaviour rule", "behaviour rules", found.behaviour),
            ("fit rule", "fit rules", found.fit),
            ("veto", "vetoes", found.vetoes),
            ("stage", "stages", found.stages),
            ("handoff", "handoffs", found.handoff),
            ("example", "examples", found.examples),
        )
        if rules
    ]
    for each in in_vain(found):
        problem = located(document.value, each)
        screen.say(f"Warning: {Given(file)}:{document.line_of(problem.path) or 1}: {problem}")
    screen.say(f"{Given(file)} is a valid rule file: {', '.join(parts) or 'empty'}.")


@rules_app.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """The JSON Schema as it ships."""
    return json.dumps(schema_of_rule_files(), indent=2, ensure_ascii=False) + "\n"


@rules_app.command()
def presets() -> None:
    """List the rule files that ship with Baton."""
    for name in preset_names():
        found = parse_rule_text(preset_text(name), name)
        silent = "" if found.handoff else " It has no handoff: sales gets nobody."
        screen.say(f"{name:20} {found.description}{silent}")


@rules_app.command()
def agreement(file: File) -> None:
    """Print a rule file as the definition of each lead type that marketing and sales sign."""
    typer.echo(agreement_of(read_rule_file(file)), nl=False)


@rules_app.command()
def test(file: File) -> None:
    """Run the golden leads in a rule file; a difference fails."""
    found, document = read_with_lines(file)
    rules, failed = compile_rules(found), 0
    for place, example in enumerate(found.examples):
        differences = differences_of(rules, example)
        failed += bool(differences)
        line = document.line_of(("examples", place))
        screen.say(f"FAILED {example.name}  ({Given(file)}:{line})" if differences else f"ok     {example.name}")
        for told in differences:
            screen.say(f"         {told}")
        if differences:
            for told in reasons_of(rules, example):
                screen.say(f"         {told}")
    count = f"{len(found.examples)} example{'' if len(found.examples) == 1 else 's'}"
    if failed:
        screen.say(f"{failed} of {count} {'differs' if failed == 1 else 'differ'} from what was agreed.")
        raise typer.Exit(1)
    screen.say(f"{count}, all as agreed." if found.examples else f"{Given(file)} has no examples.")


def differences_of(rules: Rules, example: Example) -> list[str]:
    """Where a golden lead comes out otherwise than expected."""
    try:
        activities = _activities_of(example)
    except LineError as error:
        return [str(error)]
    told, expected = rules.explain(activities, example.at), example.expect
    actual: dict[str, tuple[Any, Any]] = {
        "total": (expected.total, told.total),
        **{f"scores.{name}": (points, told.scores[name]) for name, points in expected.scores.items()},
        "temperature": (expected.temperature, told.temperature),
        "grade": (expected.grade, told.grade),
        "stage": (
            expected.stage,
            rules.replay(activities, example.at, beginning(activities, example.at))[0].stage,
        ),
        "vetoed_by": (sorted(expected.vetoed_by), sorted(told.vetoed_by)),
        "missing": (sorted(expected.missing), sorted(told.missing)),
    }
    return [
        f"{key}: expected {_shown(wanted)}, got {_shown(got)}"
        for key, (wanted, got) in actual.items()
        if key.partition(".")[0] in expected.model_fields_set and wanted != got
    ]


def reasons_of(rules: Rules, example: Example) -> list[str]:
    """Where the points of a golden lead come from, for whom the difference surprises."""
    try:
        rows = rules.explain(_activities_of(example), example.at).contributions
    except LineError:
        return []
    counted = [row for row in rows if row.counts or row.earned]
    return [
        "because of" if counted else "because nothing earned",
        *(
            f"  {format_points(row.counts):>8}  {row.rule}"
            + (f" ({format_points(row.earned)} earned)" if row.counts != row.earned else "")
            for row in counted
        ),
    ]


def _activities_of(example: Example) -> list[Activity]:
    lines = [activity.line() for activity in example.activities]
    return list(example_activities(lines, example.facts.line()))


def _shown(value: Any) -> str:
    return format_points(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
