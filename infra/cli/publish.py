"""`baton rules publish`: make a rule file the active version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.rule_files import parse_rule_text
from infra.cli.screen import screen
from infra.cli.session import Environment, signed_in
from infra.cli.yaml12 import load_yaml
from infra.deployed import LOCAL, Api
from infra.failure import Failure
from infra.local.home import PROJECT

STARTING_RULES = PROJECT / "infra" / "local" / "demo" / "rules.yaml"
"""What `baton up` publishes where nothing is published yet."""


def publish(
    file: Annotated[Path, typer.Argument(help="The rule file.", show_default=False)],
    note: Annotated[str, typer.Option("--note", help="Why; it stands in the list of versions.")] = "",
    environment: Environment = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Check a rule file, store it as a new version and score every lead by it."""
    answer = publish_file(signed_in(environment), file, note)
    if as_json:
        screen.json(answer)
    else:
        screen.say(f"Version {answer['number']} is active. Every lead is scored again within minutes.")
        for line in warning_lines(answer["warnings"]):
            screen.say(line)


def publish_file(api: Api, file: Path, note: str) -> Any:
    """Publish a rule file through the API, and answer what it says.

    Raises:
        Failure: the file cannot be read, or is not valid; each problem is listed.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read.", "Name a YAML file.", str(error)) from error
    parse_rule_text(text, str(file))
    document = load_yaml(text)
    try:
        json.dumps(document)
    except TypeError as error:
        raise Failure(
            f"{file} cannot be published.", "Write its numbers with at most 15 digits.", str(error)
        ) from error
    return api.post("/v1/rules", {"document": document, "text": text, "note": note})


def warning_lines(warnings: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """What a rule file says that hardly happens as it was meant, in lines for people."""
    for each in warnings:
        hint = f" ({each['hint']})" if each["hint"] else ""
        yield f"Warning: {each['at']}: {each['message']}{hint}"


def active_number(api: Api) -> int:
    """The number of the active version; 0 before the first publish."""
    return int(api.get("/v1/rules")["number"])
