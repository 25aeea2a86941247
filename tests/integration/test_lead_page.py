"""From the link in a message to the answer in the log, every function in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.local_receiver import Receiver
from tests.whole_way import WholeWay

SIGNING = "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIHJlY2VpdmVy"
EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def way(dynamodb: Any) -> Iterator[WholeWay]:
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        secrets = {
            "/baton/test/slack": f"http://127.0.0.1:{slack.port}/services/T0/B0/x",
            "/baton/test/signing": SIGNING,
            "/baton/test/servers": "servers-key",
        }
        yield WholeWay(dynamodb, slack, webhook, secrets)


def handed_over(way: WholeWay) -> str:
    """Sam asked for a demo, at a browser that Bo uses too, and sales was told; the link in the message."""
    asks_json = {"content-type": "application/json", "accept": "application/json"}
    for told in (
        {"email": "bo@acme.example", "name": "Bo Jones"},
        {"email": "sam@acme.example", "name": "Sam Jones", "company": "Acme", "consent": "yes"},
    ):
        way.post("/v1/forms/demo", {**told, "_anonymous_id": "browser-1"}, headers=asks_json)
    again = {"event": "Page Viewed", "userId": "sam@acme.example", "messageId": "again", "anonymousId": "browser-1"}
    way.post("/v1/track", again, key="servers-key")
    way.go_on()
    assert (way.escaped, way.dead) == ([], [])
    (_, headers, body) = way.webhook.requests[0]
    return str(Webhook(SIGNING).verify(body, headers)["data"]["link"])


def form_of(page: str, answer: str, **more: str) -> str:
    (id_,) = set(re.findall(r'name="id" value="([^"]+)"', page))
    return "&".join([f"id={id_}", f"answer={answer}", *(f"{name}={value}" for name, value in more.items())])


def test_the_link_of_a_message_opens_the_page_and_the_answer_goes_into_the_log_and_onto_the_bus(way: WholeWay) -> None:
    link = handed_over(way)
    reply = way.open(link)
    assert reply["statusCode"] == 200, reply["body"]
    assert "Sam Jones" in reply["body"]

    form = form_of(reply["body"], "recycle", reason="bad_timing", note="In+spring")
    assert way.open(link, form)["statusCode"] == 303
    assert way.open(link, form)["statusCode"] == 303
    second = way.open(link, form.replace("id=", "id=other"))
    assert second["statusCode"] == 409
    way.go_on()

    assert "Given back by the holder of the link sent to inside-sales" in way.open(link)["body"]
    heard = [event["detail"] for event in way.heard() if event["detail-type"] == "HandoffAnswered"]
    assert [(told["answer"], told["reason"]) for told in heard] == [("recycled", "bad_timing")]
    lead = json.loads(way.ask("GET", "/v1/leads", query={"email": "sam@acme.example"})["body"])["leads"][0]["id"]
    story = json.loads(way.ask("GET", f"/v1/leads/{lead}")["body"])
    (said,) = (each for each in story["activities"] if each["type"] == "handoff_recycled")
    assert said["properties"]["note"] == "In spring"
    assert (way.escaped, way.dead) == ([], [])


def test_the_link_of_somebody_who_withdrew_or_was_erased_shows_nothing(way: WholeWay) -> None:
    link = handed_over(way)
    lead = json.loads(way.ask("GET", "/v1/leads", query={"email": "sam@acme.example"})["body"])["leads"][0]["id"]
    way.ask("POST", f"/v1/leads/{lead}/consents", {"consent": "denied", "why": "She rang."})
    assert way.open(link)["statusCode"] == 403

    way.ask("POST", f"/v1/leads/{lead}/erasures", {"why": "She asked."})
    way.go_on()
    gone = way.open(link)
    assert gone["statusCode"] == 410
    assert "Sam" not in gone["body"]


@pytest.mark.parametrize("name", ["http_show_page", "http_try_page", "http_answer_page"])
def test_what_the_api_hands_on_is_understood_though_the_link_is_none_of_ours(way: WholeWay, name: str) -> None:
    reply = way.call("answer", json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))

    assert reply["statusCode"] == 404
    assert "This is no link of ours" in reply["body"]
