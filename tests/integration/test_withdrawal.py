"""Consent that is withdrawn while a handoff is on its way: at whatever moment, nothing is sent any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.local_receiver import Receiver
from tests.whole_way import PUBLIC_KEY, WholeWay

SERVER_KEY = "sk_servers"
SECRETS = {"/baton/test/servers": SERVER_KEY, "/baton/test/signing": "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIHJlY2VpdmVy"}
SAM = "sam@acme.example"


@pytest.fixture
def way(dynamodb: Any) -> Iterator[WholeWay]:
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        secrets = {**SECRETS, "/baton/test/slack": f"http://127.0.0.1:{slack.port}/services/x"}
        yield WholeWay(dynamodb, slack, webhook, secrets)


def asks_for_a_demo(way: WholeWay) -> None:
    """With consent, and with points enough to be handed over."""
    way.post("/v1/forms/demo", {"email": SAM, "consent": "yes"})
    assert way.post("/v1/track", {"userId": SAM, "event": "Page Viewed"}, key=PUBLIC_KEY)["statusCode"] == 200


def by_page(way: WholeWay) -> None:
    """Sam withdraws at the website, with the key that everybody can read."""
    said = {"userId": SAM, "traits": {"consent": "denied"}}
    assert way.post("/v1/identify", said, key=PUBLIC_KEY)["statusCode"] == 200


def by_server(way: WholeWay) -> None:
    said = {"userId": SAM, "traits": {"consent": {"status": "denied", "source": "unsubscribe link"}}}
    assert way.post("/v1/identify", said, key=SERVER_KEY)["statusCode"] == 200


def by_people(way: WholeWay) -> None:
    found = json.loads(way.ask("GET", "/v1/leads", query={"email": SAM})["body"])["leads"]
    said = {"consent": "denied", "why": "On the telephone."}
    assert way.ask("POST", f"/v1/leads/{found[0]['id']}/consents", said)["statusCode"] == 202


MOMENTS = {"before evaluate": 1, "between evaluate and relay": 2, "between relay and notify": 3}
"""How often the streams are carried on before the withdrawal: to `score`, to `evaluate`, to `relay`."""


@pytest.mark.parametrize("withdraw", [by_page, by_server, by_people])
@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_under_way_is_not_sent(way: WholeWay, moment: str, withdraw: Callable[[WholeWay], None]) -> None:
    asks_for_a_demo(way)
    for _ in range(MOMENTS[moment]):
        way._stream()

    withdraw(way)
    # The withdrawal is scored before anything else moves, as its stream is.
    way.call("score", {"Records": way._changes("activities")})
    way.go_on()

    assert (way.webhook.requests, way.slack.requests) == ([], [])
    assert (way.escaped, way.dead) == ([], [])


def test_without_a_withdrawal_the_same_is_sent(way: WholeWay) -> None:
    asks_for_a_demo(way)
    for _ in range(3):
        way._stream()
    way.go_on()

    assert len(way.webhook.requests) == len(way.slack.requests) == 1


@pytest.mark.parametrize("withdraw", [by_page, by_server, by_people])
def test_a_channel_that_was_down_is_not_tried_again(way: WholeWay, withdraw: Callable[[WholeWay], None]) -> None:
    way.webhook.status = 503
    asks_for_a_demo(way)
    for _ in range(3):
        way._stream()
    (message,) = list(way._received("notify"))
    record = {"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"}
    assert way.call("notify", {"Records": [record]})["batchItemFailures"]
    assert (len(way.slack.requests), len(way.webhook.requests)) == (1, 1)

    withdraw(way)
    way.call("score", {"Records": way._changes("activities")})
    way.webhook.status = 200
    assert way.call("notify", {"Records": [record]}) == {"batchItemFailures": []}

    assert (len(way.slack.requests), len(way.webhook.requests)) == (1, 1)


def test_who_grants_again_is_handed_over_then(way: WholeWay) -> None:
    asks_for_a_demo(way)
    way._stream()
    by_page(way)
    way.go_on()
    assert way.webhook.requests == []

    way.post("/v1/forms/demo", {"email": SAM, "consent": "yes", "_id": "again"})
    way.go_on()

    assert len(way.webhook.requests) == 1
