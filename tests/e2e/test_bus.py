"""What other systems put on the bus, on the local cloud: activities, and requests to score anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e


def put(cloud: Cloud, detail_type: str, detail: dict[str, Any]) -> None:
    entry = {
        "EventBusName": cloud.local.deployed.outputs["BusName"],
        "Source": "crm.example",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
    }
    assert cloud.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def versions(cloud: Cloud) -> dict[str, int]:
    """How often each lead's score has been written."""
    return {
        item["pk"]["S"].removeprefix("LEAD#"): int(item["version"]["N"])
        for item in cloud.items("LeadsTable")
        if item["sk"]["S"] == "SCORE"
    }


def test_an_activity_that_another_system_puts_on_the_bus_is_scored(cloud: Cloud) -> None:
    paid = {
        "id": "webinar-77",
        "type": "webinar_registered",
        "occurred_at": "2026-03-02T09:00:00Z",
        "email": "billing@bus.example",
        "properties": {"webinar_id": "w-77"},
    }

    put(cloud, "ActivitySubmitted", paid)
    put(cloud, "ActivitySubmitted", paid)

    lead = cloud.eventually(lambda: cloud.lead("billing@bus.example"))
    assert lead["score"]["total"] == 15


def test_any_system_may_ask_that_one_lead_be_scored_anew(cloud: Cloud) -> None:
    before = versions(cloud)
    lead = min(before)

    put(cloud, "RescoreRequested", {"lead": lead})

    cloud.eventually(lambda: versions(cloud)[lead] > before[lead])


def test_any_system_may_ask_that_all_leads_be_scored_anew(cloud: Cloud) -> None:
    before = versions(cloud)

    put(cloud, "RescoreRequested", {"all": True})

    cloud.eventually(lambda: all(after > before.get(lead, 0) for lead, after in versions(cloud).items()))
