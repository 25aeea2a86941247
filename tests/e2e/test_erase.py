"""A person is exported, withdraws, and is erased by the `baton` command on the local cloud."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

VERA, BROWSER, CRM = "vera.canary@fold.example", "canary-browser-7", "canary-crm-7"
CANARIES = (VERA, BROWSER, CRM, "Canarysson")


def said(cloud: Cloud, path: str, key: str, **told: Any) -> None:
    assert cloud.post(path, json.dumps(told), cloud.where[key]).status == 200


def stored(cloud: Cloud) -> str:
    tables = ("ActivitiesTable", "LeadsTable", "ErasuresTable")
    return str([item for table in tables for item in cloud.items(table)])


def erasures(cloud: Cloud) -> list[dict[str, Any]]:
    return list(json.loads(cloud.printed("erasures", "list", "--json")))


def test_a_person_is_exported_and_erased_and_comes_back_as_somebody_new(cloud: Cloud) -> None:
    said(cloud, "/v1/page", "write_key", anonymousId=BROWSER, name="Prices")
    said(cloud, "/v1/track", "secret_key", userId=CRM, anonymousId=BROWSER, event="Webinar Registered")
    traits = {"email": VERA, "lastName": "Canarysson", "consent": {"status": "granted", "wording": "Yes, call me."}}
    said(cloud, "/v1/identify", "secret_key", userId=CRM, traits=traits)
    cloud.eventually(lambda: (cloud.lead(VERA) or {}).get("consent") == "granted")
    old = cloud.lead(VERA)
    assert old is not None

    shown = cloud.printed("leads", "show", VERA)
    assert "with the words: Yes, call me." in shown
    cloud.printed("leads", "consent", VERA, "denied", "--why", "On the telephone.")
    cloud.eventually(lambda: (cloud.lead(VERA) or {}).get("consent") == "denied")
    file = cloud.home.root.parent / "vera.json"
    cloud.printed("leads", "export", VERA, "--output", str(file))
    document = json.loads(file.read_text(encoding="utf-8"))
    assert len(document["activities"]) == 4
    assert [word["consent"] for word in document["consents"]] == ["granted", "denied"]
    assert all(canary in str(document) for canary in CANARIES)

    before = datetime.now(tz=UTC).isoformat()
    cloud.printed("leads", "erase", VERA, "--why", "Asked for by letter.", "--yes")
    cloud.eventually(lambda: not [canary for canary in CANARIES if canary in str(cloud.items("LeadsTable"))])

    said(cloud, "/v1/track", "secret_key", userId=CRM, event="Webinar Registered", timestamp=before)
    cloud.eventually(lambda: all(each["done_at"] for each in erasures(cloud)))
    assert not [canary for canary in CANARIES if canary in stored(cloud)]
    assert cloud.lead(VERA) is None

    said(cloud, "/v1/track", "secret_key", userId=VERA, event="Webinar Registered")
    cloud.eventually(lambda: cloud.lead(VERA))
    new = cloud.lead(VERA)
    assert new is not None
    assert new["id"] != old["id"]
    assert len(new["activities"]) == 1
    assert new["consents"]["history"] == []
    assert not [queue for queue, waiting in cloud.dead_letters().items() if "canary" in str(waiting)]
