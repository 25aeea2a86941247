"""From a form on a page to a notified sales person, every function in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.local_receiver import Receiver
from tests.whole_way import WholeWay

SIGNING = "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIHJlY2VpdmVy"


@pytest.fixture
def way(dynamodb: Any) -> Iterator[WholeWay]:
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        secrets = {
            "/baton/test/slack": f"http://127.0.0.1:{slack.port}/services/T0/B0/x",
            "/baton/test/signing": SIGNING,
            "/baton/test/servers": "servers-key",
        }
        yield WholeWay(dynamodb, slack, webhook, secrets)


def ask_for_a_demo(way: WholeWay, **fields: str) -> Any:
    told = {"email": "sam@acme.example", "name": "Sam Jones", "company": "Acme", "anonymous_id": "browser-1", **fields}
    return way.post("/v1/forms/demo", told, headers={"content-type": "application/json", "accept": "application/json"})


def view_again(way: WholeWay) -> Any:
    again = {"event": "Page Viewed", "userId": "sam@acme.example", "messageId": "again"}
    return way.post("/v1/track", again, key="servers-key")


def test_a_form_on_a_page_ends_in_the_inbox_of_a_sales_person(way: WholeWay) -> None:
    assert ask_for_a_demo(way, consent="yes")["statusCode"] == 200
    assert view_again(way)["statusCode"] == 200
    way.go_on()

    assert (way.escaped, way.dead) == ([], [])
    (_, headers, body), *others = way.webhook.requests
    assert others == []
    told = Webhook(SIGNING).verify(body, headers)["data"]
    assert (told["stage"], told["total"], told["temperature"]) == ("mql", 65, "warm")
    assert told["person"] == {"emails": ["sam@acme.example"], "name": "Sam Jones", "title": None, "company": "Acme"}
    assert [(reason["label"], reason["points"]) for reason in told["reasons"]] == [
        ("Visited the pricing page", 40),
        ("Asked for a demo", 25),
    ]
    assert [event["detail-type"] for event in way.heard()].count("HandoffRequested") == 1


def test_the_same_requests_again_change_nothing_and_notify_nobody(way: WholeWay) -> None:
    ask_for_a_demo(way, consent="yes")
    view_again(way)
    way.go_on()
    before = way.dynamodb.scan(TableName="leads")["Items"]
    view_again(way)
    way.go_on()
    assert way.dynamodb.scan(TableName="leads")["Items"] == before
    assert len(way.webhook.requests) == len(way.slack.requests) == 1


def test_without_consent_nobody_hears_of_the_visitor_until_it_is_given(way: WholeWay) -> None:
    ask_for_a_demo(way)
    view_again(way)
    way.go_on()
    assert (way.webhook.requests, way.slack.requests) == ([], [])

    ask_for_a_demo(way, consent="yes")
    way.go_on()
    assert len(way.webhook.requests) == 1
    assert json.loads(way.slack.requests[0][2])["text"].startswith("MQL: Sam Jones (Acme)")


def test_a_message_for_every_hop_delivered_twice_is_still_one_notification(way: WholeWay) -> None:
    ask_for_a_demo(way, consent="yes")
    view_again(way)
    way.go_on()
    for table in way._streamed.values():
        table.clear()
    way.go_on()
    assert (way.escaped, way.dead) == ([], [])
    assert len(way.webhook.requests) == len(way.slack.requests) == 1


def test_what_came_from_an_address_that_is_marked_as_noise_counts_for_nothing_and_then_again(way: WholeWay) -> None:
    ask_for_a_demo(way, consent="yes", _anonymous_id="browser-1")
    noisy = {"type": "page", "anonymousId": "browser-1", "messageId": "alone", "context": {"ip": "203.0.113.7"}}
    way.post("/v1/batch", {"batch": [noisy]}, key="servers-key")
    way.go_on()
    (lead,) = json.loads(way.ask("GET", "/v1/leads", query={"email": "sam@acme.example"})["body"])["leads"]
    assert lead["score"]["total"] == 65

    for word, total in (("marks", 25), ("unmarks", 65)):
        said = way.ask("POST", f"/v1/noise/{word}", {"address": "203.0.113.0/28", "why": "A scanner."})
        assert said["statusCode"] == 202
        way.go_on()
        # Warm functions remember for some seconds what was noise; a later pass finds what they wrote by that.
        way.start_anew()
        way.call("rescore", {})
        way.go_on()
        told = json.loads(way.ask("GET", f"/v1/leads/{lead['id']}")["body"])
        assert told["score"]["total"] == total
        stored = json.loads(way.ask("GET", "/v1/leads", query={"email": "sam@acme.example"})["body"])["leads"]
        assert stored[0]["score"]["total"] == total
    assert (way.escaped, way.dead) == ([], [])
