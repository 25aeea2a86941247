"""The golden messages are what the models say, and no model lets personal data in by the back door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.adapters.bus_events import TOLD
from shared.domain.events import (
    BusEvent,
    HandoffAnswered,
    HandoffFollowedUp,
    HandoffRequested,
    NoiseChanged,
    NurtureAdvised,
    RescoreRequested,
    RulesApplied,
    RulesPublished,
    StageChanged,
)
from shared.domain.handoff import HandoffKey, LeadId

GOLDEN = Path(__file__).parents[2] / "events"
MODELS: dict[str, type[BaseModel]] = {
    "bus_stage_changed": StageChanged,
    "bus_handoff_followed_up": HandoffFollowedUp,
    "bus_handoff_answered": HandoffAnswered,
    "bus_nurture_advised": NurtureAdvised,
    "bus_handoff_requested": HandoffRequested,
    "bus_rules_published": RulesPublished,
    "bus_rules_applied": RulesApplied,
    "bus_noise_changed": NoiseChanged,
    "bus_rescore_requested": RescoreRequested,
    "bus_rescore_requested_for_all": RescoreRequested,
    "bus_rescore_requested_leads": RescoreRequested,
    "bus_rescore_requested_where": RescoreRequested,
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_golden_bus_event_has_its_model() -> None:
    ours = {path.stem for path in GOLDEN.glob("bus_*.json") if golden(path.stem)["detail-type"] != "ActivitySubmitted"}
    assert ours == set(MODELS)


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_a_golden_event_reads_and_writes_back_the_same(name: str, model: type[BaseModel]) -> None:
    event = golden(name)
    assert event["detail-type"] == model.NAME  # type: ignore[attr-defined]
    written = model.model_validate(event["detail"]).model_dump(mode="json", exclude_unset=True)
    assert written == event["detail"]


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_an_event_with_anything_more_in_it_is_refused(name: str, model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({**golden(name)["detail"], "email": "sam@acme.example"})


@pytest.mark.parametrize("model", TOLD)
def test_no_event_of_ours_has_a_field_for_personal_data(model: type[BusEvent]) -> None:
    assert not set(model.model_fields) & {"email", "name", "company", "identity", "properties", "context", "facts"}


def test_the_messages_that_carry_a_handoff_agree() -> None:
    detail = golden("bus_handoff_requested")["detail"]
    assert json.loads(golden("queue_notify")["Records"][0]["body"])["detail"] == detail
    answered = json.loads(golden("queue_evaluate_answered")["Records"][0]["body"])
    assert answered == golden("bus_handoff_answered")["detail"]
    image = golden("stream_outbox")["Records"][1]["dynamodb"]["NewImage"]
    assert json.loads(image["detail"]["S"]) == detail
    assert json.loads(golden("queue_relay")["Records"][0]["body"]) == {"pk": image["pk"]["S"], "sk": image["sk"]["S"]}
    assert HandoffRequested.model_validate(detail).key == HandoffKey(LeadId("01JNB3V7Q9"), "mql", 1)
    assert golden("webhook_handoff")["data"]["id"] == HandoffRequested.model_validate(detail).key.text


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"all": False},
        {"lead": "x", "all": True},
        {"lead": None},
        {"lead": ""},
        {"leads": []},
        {"leads": ["x"] * 501},
        {"lead": "x", "leads": ["y"]},
        {"where": {}},
        {"where": {"stage": "mql"}, "all": True},
        {"lead": "x", "email": "a@b.example"},
    ],
)
def test_a_rescore_is_asked_for_one_lead_for_some_by_a_condition_or_for_all(detail: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RescoreRequested.model_validate(detail)
