"""Rule files on disk: read with line numbers, and the presets that ship with Baton."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from infra.cli.given import Given, unreadable
from infra.failure import Failure
from shared.adapters.rule_texts import says_otherwise
from shared.adapters.yaml12 import Document, YamlError, load_yaml, read_yaml
from shared.domain.conditions import nearest
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.rulefile import RuleFile

_PRESETS = resources.files("shared.domain") / "presets"


def read_rule_file(path: Path) -> RuleFile:
    """Read and check a rule file, standard input where the path is `-`, or a preset where no file has its name.

    Raises:
        Failure: it cannot be read or is not valid; every problem is told with its file, line and key.
    """
    return read_with_lines(path)[0]


def read_with_lines(path: Path) -> tuple[RuleFile, Document]:
    """As `read_rule_file`, with the document that knows its lines."""
    given = Given(path)
    if is_preset(str(path)):
        return _parsed(preset_text(str(path)), str(given))
    text = _text_of(given)
    return _parsed(text, str(given))


def sent_file(path: Path) -> dict[str, Any]:
    """A rule file as the API takes it: what it says, and its text to the letter. `-` is standard input.

    Raises:
        Failure: it cannot be read, is not valid, or JSON cannot carry a number of it; every problem is told.
    """
    given = Given(path)
    text = _text_of(given)
    parse_rule_text(text, str(given))
    document = load_yaml(text)
    try:
        json.dumps(document)
    except TypeError as error:
        what = f"{given} cannot be published."
        raise Failure(what, "Write its numbers with at most 15 digits.", str(error)) from error
    return {"document": document, "text": text}


def warning_of_text(stored: Mapping[str, Any], which: str) -> list[str]:
    """The warning where that is so, of rules that a command knows as `which`."""
    if not says_otherwise(stored["text"], stored["document"]):
        return []
    told = f"Warning: the text of {which} says something else than its document, and the document is what counts: "
    return [f"{told}`baton rules show {which} --json` prints both."]


def parse_rule_text(text: str, name: str) -> RuleFile:
    """Read and check the text of a rule file that is called `name`.

    Raises:
        Failure: it is not valid.
    """
    return _parsed(text, name)[0]


def _text_of(given: Given) -> str:
    try:
        return given.read_text()
    except (OSError, UnicodeDecodeError) as error:
        remedy = "Name a YAML file."
        if is_preset(str(given.path)):
            remedy = f"That is a preset: `baton rules show {given} > rules.yaml` makes a file of it."
        raise Failure(unreadable(given, error), remedy) from error


def _parsed(text: str, name: str) -> tuple[RuleFile, Document]:
    try:
        document = read_yaml(text)
        return parse_rule_file(document.value), document
    except YamlError as error:
        details = f"{name}:{error.line or 1}: {error.message}"
        raise Failure(f"{name} is not YAML that Baton reads.", "Correct the line.", details) from error
    except RuleFileError as error:
        lines = [_told(name, document, problem.path, problem.message, problem.hint) for problem in error.problems]
        count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
        raise Failure(f"{name} has {count}.", "Correct the lines and check again.", "\n".join(lines)) from error


def _told(name: str, document: Document, path: tuple[str | int, ...], message: str, hint: str) -> str:
    key = ".".join(map(str, path))
    return f"{name}:{document.line_of(path) or 1}: {key + ': ' if key else ''}{message}{f' ({hint})' if hint else ''}"


def preset_names() -> list[str]:
    """The names of the presets, such as `000-temperature`."""
    return sorted(file.name.removesuffix(".yaml") for file in _PRESETS.iterdir() if file.name.endswith(".yaml"))


def is_preset(name: str) -> bool:
    """Whether a name means a preset, and no file."""
    names = preset_names()
    return name in {*names, *(each.partition("-")[0] for each in names)} and not Path(name).exists()


def preset_text(name: str) -> str:
    """The YAML of a preset, found by its name or by the number that it begins with.

    Raises:
        Failure: there is no such preset.
    """
    found = [known for known in preset_names() if name in (known, known.partition("-")[0])]
    if not found:
        hint = nearest(name, [*preset_names(), "active"])
        remedy = hint[:1].upper() + hint[1:] + ("" if hint.endswith("?") else ".")
        others = "A version goes by its number, and a draft is called draft-3."
        raise Failure(f"There are no rules {name!r}.", f"{remedy} {others}")
    return (_PRESETS / f"{found[0]}.yaml").read_text(encoding="utf-8")
