"""A damaged lead on the local cloud: the hourly check finds it, a person has it repaired, and it is as it was."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Cloud

pytestmark = [pytest.mark.e2e, pytest.mark.full]

NORA = "nora@drift.example"


def points_of(cloud: Cloud) -> float | None:
    lead = cloud.lead(NORA)
    return lead["score"]["total"] if lead else None


def drifted(cloud: Cloud) -> list[str]:
    return [each["lead"] for each in json.loads(cloud.printed("leads", "drift", "--json"))["drifted"]]


def test_a_damaged_lead_is_found_by_the_hourly_check_and_made_anew(cloud: Cloud) -> None:
    said = {"userId": NORA, "event": "Webinar Registered", "properties": {"webinar": "shelf-life"}}
    assert cloud.post("/v1/track", json.dumps(said), cloud.where["secret_key"]).status == 200
    cloud.becomes(lambda: points_of(cloud), 15)
    cloud.settle()
    found = cloud.lead(NORA)
    assert found is not None
    place = {"pk": {"S": f"LEAD#{found['id']}"}, "sk": {"S": "SCORE"}}
    table = cloud.local.deployed.outputs["LeadsTable"]
    cloud.client("dynamodb").update_item(
        TableName=table,
        Key=place,
        UpdateExpression="SET #state = :damaged",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":damaged": {"B": b"damaged"}},
    )

    cloud.client("lambda").invoke(FunctionName="baton-local-reconcile", Payload=b'{"tick": true}')

    assert drifted(cloud) == [found["id"]]
    told = cloud.baton("leads", "check", found["id"])
    assert (told.returncode, "what is stored cannot be read" in told.stdout) == (1, True)
    cloud.printed("leads", "repair", "--drifted", "--yes")
    cloud.eventually(lambda: cloud.baton("leads", "check", found["id"]).returncode == 0)
    assert drifted(cloud) == []
    assert points_of(cloud) == 15
