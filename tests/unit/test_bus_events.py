"""The published schemas of bus events say what is read and what is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from functions.admin.openapi import document
from infra.cli.main import app
from infra.failure import Failure
from shared.adapters.bus_events import BUS_EVENTS, TAKEN, TOLD, schema_of, summary_of
from shared.adapters.submitted_activities import ActivitySubmitted, read_submitted
from shared.domain.events import BusEvent, OfHandoff
from shared.domain.refusals import Refused, TooLarge

ROOT = Path(__file__).parents[2]
GOLDEN = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "events").glob("bus_*.json"))]
SUBMITTED = {"type": "invoice_paid", "user_id": "crm-7"}


def message(detail: Any) -> dict[str, Any]:
    event = {"id": "e-1", "detail-type": "ActivitySubmitted", "source": "acme", "time": "2026-03-02T09:00:00Z"}
    body = json.dumps(event | {"detail": detail}, ensure_ascii=False)
    return {"messageId": "m", "body": body, "attributes": {"SentTimestamp": "1772441999000"}}


@pytest.mark.parametrize("name", BUS_EVENTS)
def test_every_event_has_a_schema_a_sentence_and_a_place_in_the_document(name: str) -> None:
    schema = schema_of(BUS_EVENTS[name])

    Draft202012Validator.check_schema(schema)
    assert schema["title"] == name
    assert summary_of(BUS_EVENTS[name]).endswith(".")
    assert name in document()["components"]["schemas"]
    assert f"`{name}`" in document()["info"]["description"]


@pytest.mark.parametrize("event", GOLDEN, ids=lambda event: str(event["detail-type"]))
def test_the_golden_events_fit_their_schemas(event: dict[str, Any]) -> None:
    Draft202012Validator(schema_of(BUS_EVENTS[event["detail-type"]])).validate(event["detail"])


def test_every_event_that_baton_tells_is_listed() -> None:
    assert set(TOLD) == {*BusEvent.__subclasses__(), *OfHandoff.__subclasses__()} - {OfHandoff}


@pytest.mark.parametrize(
    "detail",
    [
        SUBMITTED,
        {"type": "x", "email": "ada@example.com", "own": False, "consent": "denied"},
        {"type": "x", "anonymous_id": "b-1", "qualification": {"budget": 3}, "occurred_at": "2026-03-02T09:00:00Z"},
        {"type": "x", "user_id": None, "email": "ada@example.com", "id": None},
        {},
        {"type": "x"},
        {"type": "Invoice Paid", "user_id": "u"},
        {"type": "x", "user_id": ""},
        {"type": "x", "user_id": 7},
        {"type": "x", "user_id": "u", "id": "i" * 201},
        {"type": "x", "user_id": "u", "consent": "yes"},
        {"type": "x", "user_id": "u", "qualification": {"mood": 1}},
        {"type": "x", "user_id": "u", "own": "no"},
        {"type": "x", "user_id": "u", "score": 100},
    ],
)
def test_the_schema_takes_what_is_taken(detail: dict[str, Any]) -> None:
    fits = Draft202012Validator(schema_of(ActivitySubmitted)).is_valid(detail)
    try:
        is_read = bool(read_submitted(message(detail)).identities)
    except Refused:
        is_read = False

    assert fits == is_read


@pytest.mark.parametrize(("filler", "is_taken"), [("x" * 32_000, True), ("x" * 33_000, False), ("ü" * 17_000, False)])
def test_a_detail_has_at_most_32_kilobytes(filler: str, is_taken: bool) -> None:  # noqa: FBT001
    told = message(SUBMITTED | {"properties": {"note": filler}})
    if is_taken:
        assert read_submitted(told).properties["note"] == filler
    else:
        with pytest.raises(TooLarge):
            read_submitted(told)


def test_the_readme_tells_every_field_of_a_submitted_activity() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| field of the detail") :].partition("\n\n")[0]
    told = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}

    assert told == set(ActivitySubmitted.model_fields)


def test_the_command_lists_the_events_and_prints_their_schemas() -> None:
    listed = CliRunner().invoke(app, ["events", "list"]).output
    rows = json.loads(CliRunner().invoke(app, ["events", "list", "--json"]).output)
    one = json.loads(CliRunner().invoke(app, ["events", "schema", "StageChanged"]).output)
    all_ = json.loads(CliRunner().invoke(app, ["events", "schema"]).output)

    assert all(name in listed for name in BUS_EVENTS)
    assert {row["name"] for row in rows if row["way"] == "taken"} == {model.__name__ for model in TAKEN}
    assert all_["StageChanged"] == one
    assert one["properties"]["at"]["type"] == "string"
    assert set(all_) == set(BUS_EVENTS)


def test_an_event_that_there_is_not_is_told_with_the_nearest() -> None:
    done = CliRunner().invoke(app, ["events", "schema", "StageChange"])

    assert isinstance(done.exception, Failure)
    assert "StageChanged" in done.exception.remedy
