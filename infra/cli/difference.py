"""`baton rules diff`: what a rule file says otherwise than another, in meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.given import Given
from infra.cli.rule_files import parse_rule_text, preset_names, preset_text, read_rule_file, warning_of_text
from infra.cli.screen import screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, path_of
from infra.failure import Failure
from shared.domain.difference import differences_by_subject
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.rulefile import RuleFile

ACTIVE = "active"
_STORED = re.compile(r"active|(draft-)?(0|[1-9][0-9]{0,8})", re.ASCII)
_NAMES = "A file, - for standard input, a preset, `active`, a version's number, or `draft-` and a draft's number."


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_NAMES, show_default=False)],
    new: Annotated[
        str | None,
        typer.Argument(
            metavar="NEW",
            help="The same; without it OLD is the new one, told against the active version.",
            show_default=False,
        ),
    ] = None,
    environment: Environment = LOCAL,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with status 1 where something differs, as `git diff` does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list, each with its `subject` and `text`.")] = False,
) -> None:
    """Tell what a rule file says otherwise than another, in sentences and by meaning: how it is written is nothing."""
    before, after = (ACTIVE, old) if new is None else (old, new)
    if before == after == "-":
        raise Failure("Both cannot be standard input.", "Name a file for one of them.")
    reached: list[Api] = []

    def api() -> Api:
        if not reached:
            reached.append(signed_in(environment))
        return reached[0]

    found = differences_by_subject(_named(before, api), _named(after, api))
    if as_json:
        screen.json([{"subject": subject, "text": text} for subject, texts in found.items() for text in texts])
    elif not found:
        told = f"{_told(after)} means the same as {_told(before)}."
        screen.say(told[0].upper() + told[1:] if _STORED.fullmatch(after) else told)
    else:
        for line in _lines((subject, text) for subject, texts in found.items() for text in texts):
            screen.say(line)
    if exit_code and found:
        raise typer.Exit(1)


def lines_of_draft(api: Api, number: int, based_on: int) -> Iterator[str]:
    """What a draft says otherwise than the version on which it is based, in lines for people."""
    told = api.get("/v1/rules/differences", {"from": str(based_on), "to": f"draft-{number}"})["differences"]
    if not told:
        yield f"It means the same as version {based_on}."
    yield from _lines((each["subject"], each["text"]) for each in told)


def _lines(told: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Sentences under the headings of their subjects."""
    heading = ""
    for subject, text in told:
        if subject != heading:
            yield subject
            heading = subject
        yield f"  {text}"


def _named(name: str, api: Callable[[], Api]) -> RuleFile:
    """The rule file of a name.

    Raises:
        Failure: there is none, or it is not valid; every problem is told.
    """
    if _STORED.fullmatch(name):
        return _stored(name, api())
    presets = preset_names()
    if name in presets or (name in {preset.partition("-")[0] for preset in presets} and not Path(name).exists()):
        return parse_rule_text(preset_text(name), name)
    return read_rule_file(Path(name))


def _stored(name: str, api: Api) -> RuleFile:
    kind, _, number = name.rpartition("-")
    path = path_of("v1", "rules", *(["drafts"] if kind else []), *([] if name == ACTIVE else [number]))
    stored = api.get(path)
    for line in warning_of_text(stored, name):
        screen.note(line)
    try:
        return parse_rule_file(stored["document"])
    except RuleFileError as error:
        what = f"The rule file of {_told(name)} is not valid any more."
        raise Failure(what, "Compare with another one.", str(error)) from error


def _told(name: str) -> str:
    if name == ACTIVE:
        return "the active version"
    if _STORED.fullmatch(name):
        return name.replace("-", " ") if name.startswith("draft-") else f"version {name}"
    return str(Given(Path(name)))
