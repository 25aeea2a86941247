"""The events on the bus that other systems may put or hear, and the schema of each one's detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from shared.adapters.submitted_activities import ActivitySubmitted
from shared.domain.events import (
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

TAKEN: Final[tuple[type[BaseModel], ...]] = (ActivitySubmitted, RescoreRequested)
"""What any system may put on the bus; a model is called as its event's detail type."""

TOLD: Final[tuple[type[BaseModel], ...]] = (
    StageChanged,
    HandoffRequested,
    HandoffFollowedUp,
    HandoffAnswered,
    NurtureAdvised,
    RulesPublished,
    RulesApplied,
    NoiseChanged,
)
"""What Baton itself puts on the bus, with the source `baton`: ids and numbers, never personal data."""

BUS_EVENTS: Final[Mapping[str, type[BaseModel]]] = {model.__name__: model for model in (*TAKEN, *TOLD)}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of an event's detail, as other systems write it or read it."""
    schema = model.model_json_schema(mode="validation" if model in TAKEN else "serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def summary_of(model: type[BaseModel]) -> str:
    """What an event says, in one sentence."""
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())
