"""`baton rules`: check, read, agree on and test rule files, without any cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.agreement import agreement_of
from infra.cli.lead_lines import LineError, beginning, example_activities
from infra.cli.rule_files import parse_rule_text, preset_names, preset_text, read_rule_file
from infra.cli.screen import screen
from shared.domain.engine import Rules, compile_rules
from shared.domain.points import as_number
from shared.domain.rulefile import Example, RuleFile

rules_app = typer.Typer(help="Check, read, agree on and publish rule files.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="The rule file.", show_default=False)]


@rules_app.command()
def check(file: File) -> None:
    """Check a rule file; every problem is told with its line."""
    found = read_rule_file(file)
    parts = [
        f"{len(rules)} {name}"
        for name, rules in (
            ("behaviour rules", found.behaviour),
            ("fit rules", found.fit),
            ("vetoes", found.vetoes),
            ("stages", found.stages),
            ("examples", found.examples),
        )
        if rules
    ]
    screen.say(f"{file} is a valid rule file: {', '.join(parts) or 'empty'}.")


@rules_app.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """The JSON Schema as it ships."""
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **RuleFile.model_json_schema(by_alias=True)}
    return json.dumps(described, indent=2, sort_keys=True) + "\n"


@rules_app.command()
def presets() -> None:
    """List the rule files that ship with Baton."""
    for name in preset_names():
        screen.say(f"{name:20} {parse_rule_text(preset_text(name), name).description}")


@rules_app.command()
def show(preset: Annotated[str, typer.Argument(help="Its name or number.", show_default=False)]) -> None:
    """Print a preset, to start a rule file from."""
    typer.echo(preset_text(preset), nl=False)


@rules_app.command()
def agreement(file: File) -> None:
    """Print a rule file as the definition of each lead type that marketing and sales sign."""
    typer.echo(agreement_of(read_rule_file(file)), nl=False)


@rules_app.command()
def test(file: File) -> None:
    """Run the golden leads in a rule file; a difference fails."""
    found = read_rule_file(file)
    rules, failed = compile_rules(found), 0
    for example in found.examples:
        differences = differences_of(rules, example)
        failed += bool(differences)
        screen.say(f"{'FAILED' if differences else 'ok':6} {example.name}")
        for difference in differences:
            screen.say(f"         {difference}")
    if not found.examples:
        screen.say(f"{file} has no examples.")
    if failed:
        screen.say(f"{failed} of {len(found.examples)} examples differ from what was agreed.")
        raise typer.Exit(1)


def differences_of(rules: Rules, example: Example) -> list[str]:
    """Where a golden lead comes out otherwise than expected."""
    try:
        activities = list(example_activities(example.activities, example.facts))
    except LineError as error:
        return [str(error)]
    told = rules.explain(activities, example.at)
    actual: dict[str, Any] = {
        "total": as_number(told.total),
        "scores": {name: as_number(points) for name, points in told.scores.items()},
        "temperature": told.temperature,
        "grade": told.grade,
        "stage": rules.replay(activities, example.at, beginning(activities, example.at))[0].stage,
        "vetoed_by": list(told.vetoed_by),
        "missing": list(told.missing),
    }
    found = []
    for key, expected in example.expect.items():
        if key not in actual:
            found.append(f"{key}: nothing of that name comes out; expect {', '.join(actual)}")
        elif isinstance(expected, dict) and isinstance(actual[key], dict):
            for name, value in expected.items():
                if actual[key].get(name) != value:
                    found.append(f"{key}.{name}: expected {_shown(value)}, got {_shown(actual[key].get(name))}")
        elif actual[key] != expected:
            found.append(f"{key}: expected {_shown(expected)}, got {_shown(actual[key])}")
    return found


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
