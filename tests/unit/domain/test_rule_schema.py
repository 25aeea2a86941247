"""The JSON Schema for editors: it takes what Baton takes, marks what is misspelt, and tells what each key means."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

import shared.domain
from infra.cli.rule_files import preset_names, preset_text
from infra.cli.rules import schema_text
from shared.adapters.yaml12 import load_yaml
from shared.domain.reading import RuleFileError, parse_rule_file

SCHEMA = json.loads(schema_text())
RULE = {"id": "a", "on": "seen", "points": 1}
EVERYTHING = Path(__file__).with_name("everything.yaml").read_text(encoding="utf-8")


def complaints(document):
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(document)]


def test_the_schema_that_ships_is_the_one_that_the_command_prints():
    assert Path(shared.domain.__file__).with_name("rule_file.schema.json").read_text() == schema_text()


def test_the_schema_is_one():
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", preset_names())
def test_it_takes_every_preset(name):
    assert complaints(load_yaml(preset_text(name))) == []


def test_it_takes_a_file_that_uses_everything():
    assert complaints(load_yaml(EVERYTHING)) == []


HOLD_NAMES = {
    "scores",
    "groups",
    "handoff",
    "total",
    "lead",
    "company",
    "qualification",
    "properties",
    "context",
    "nurture",
}
SCORES = {"score", "engagement", "fit", "product"}
"""Misspelt, these could be a score of the file's own: `baton rules check` knows better."""


def misspelt(node, path=()):
    """A document with one key misspelt, for each key that is the language's and no name of the file's own."""
    if isinstance(node, list):
        for place, part in enumerate(node):
            for where, variant in misspelt(part, (*path, place)):
                yield where, [*node[:place], variant, *node[place + 1 :]]
    if isinstance(node, dict):
        for key, value in node.items():
            if not (path and path[-1] in HOLD_NAMES) and "." not in key and key not in SCORES:
                yield (*path, key), {(f"{k}x" if k == key else k): v for k, v in node.items()}
            for where, variant in misspelt(value, (*path, key)):
                yield where, {**node, key: variant}


def test_it_marks_every_key_that_is_misspelt_and_so_does_the_check():
    document = load_yaml(EVERYTHING)
    variants = list(misspelt(document))
    assert len(variants) > 150
    assert [where for where, variant in variants if not complaints(variant)] == []
    parse_rule_file(document)
    for where, variant in variants:
        with pytest.raises(RuleFileError) as caught:
            parse_rule_file(variant)
        assert any(f"{where[-1]}x" in str(problem.path[-1:]) for problem in caught.value.problems), where


@pytest.mark.parametrize(
    "document",
    [
        {"behaviour": [{**RULE, "where": {"lead.role": {"is": "x"}}}]},
        {"behaviour": [{**RULE, "where": {"properties.x": {"in": "x"}}}]},
        {"behaviour": [{**RULE, "repeat": {"once_per": "1x"}}]},
        {"behaviour": [{**RULE, "repeat": "daily"}]},
        {"behaviour": [{**RULE, "decay": {"linear": {"lose": "50", "every": "1d"}}}]},
        {"behaviour": [{**RULE, "cap": -1}]},
        {"behaviour": [{**RULE, "cap": None}]},
        {"behaviour": [{**RULE, "idle": {"for": "3d"}}]},
        {"behaviour": [{**RULE, "active": {"from": "2026-01-01"}}]},
        {"behaviour": [{"id": "a", "on": "seen"}]},
        {"stages": [{"name": "a", "enter": {"score": 5}}]},
        {"stages": [{"name": "a\nb", "enter": {"score": {"above": 1}}}]},
        {"handoff": {"mql": {"to": "x\u202e"}}},
        {"answers": {"reject": ["no\u0000budget"]}},
        {"stages": [{"name": "a", "enter": {"consent": "yes"}}]},
        {"stages": [{"name": "a", "enter": {"score": {"above": 1}, "since": "stage_entry"}}]},
        {"temperature": [{"name": "a", "above": 1, "at_least": 1}]},
        {"handoff": {"mql": {"to": "x", "notify": ["mail"]}}},
        {"handoff": {"mql": {"to": "x", "remind": "15m"}}},
        {"handoff": {"mql": {"to": "x", "route": {"else": "round_robin"}}}},
        {"answers": {"reject": []}},
        {"qualification": {"budget": {"confirmed_at": 6}}},
        {"nurture": {"cold": {"tracks": [{"missing": "score", "track": "a"}]}}},
        {"examples": [{"name": "x", "at": "2026-01-01T00:00:00Z", "expect": {}}]},
    ],
)
def test_it_marks_what_cannot_be(document):
    assert complaints(document)


def test_every_key_that_it_knows_says_what_it_means():
    def undescribed(node, path):
        if isinstance(node, list):
            for place, part in enumerate(node):
                yield from undescribed(part, f"{path}.{place}")
        if not isinstance(node, dict):
            return
        for key, part in node.get("properties", {}).items():
            if not part.get("description"):
                yield f"{path}.{key}"
            yield from undescribed(part, f"{path}.{key}")
        for key in ("items", "not", "anyOf", "oneOf", "additionalProperties"):
            yield from undescribed(node.get(key), f"{path}.{key}")
        for key in ("patternProperties", "definitions"):
            for name, part in node.get(key, {}).items():
                yield from undescribed(part, f"{path}.{name}")

    assert list(undescribed(SCHEMA, "")) == []
