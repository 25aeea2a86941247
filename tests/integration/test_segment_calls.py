"""What Segment's calls say of who somebody is, from the request to the lead, every function in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.domain.activity import Identity
from tests.http_requests import answer
from tests.local_receiver import Receiver
from tests.people import email, user
from tests.tables import LEADS
from tests.whole_way import PUBLIC_KEY, WholeWay

SERVER_KEY = "servers-key"


@pytest.fixture
def way(dynamodb: Any) -> Iterator[WholeWay]:
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        yield WholeWay(dynamodb, slack, webhook, {"/baton/test/servers": SERVER_KEY})


def lead(way: WholeWay, named: Identity) -> Any:
    found = DynamoDBLeads(way.dynamodb, LEADS).whose([named])[named]
    return answer(way.ask("GET", f"/v1/leads/{found}"))


def names(lead: Any) -> set[tuple[str, str]]:
    return {(identity["kind"], identity["value"]) for identity in lead["identities"]}


@pytest.mark.parametrize("key", [PUBLIC_KEY, SERVER_KEY])
def test_an_alias_brings_what_the_browser_did(way: WholeWay, key: str) -> None:
    way.post("/v1/page", {"anonymousId": "b-1", "properties": {"path": "/"}}, key=PUBLIC_KEY)
    assert way.post("/v1/alias", {"previousId": "b-1", "userId": "u-1"}, key=key)["statusCode"] == 200
    way.go_on()

    assert (way.escaped, way.dead) == ([], [])
    assert lead(way, user("u-1"))["score"]["total"] == 40


def test_an_alias_of_a_server_joins_two_leads(way: WholeWay) -> None:
    way.post("/v1/page", {"userId": "ada@acme.example", "properties": {"path": "/"}}, key=PUBLIC_KEY)
    way.post("/v1/track", {"userId": "u-1", "event": "Demo Requested"}, key=SERVER_KEY)
    way.go_on()
    assert lead(way, user("u-1"))["id"] != lead(way, email("ada@acme.example"))["id"]

    way.post("/v1/alias", {"previousId": "ada@acme.example", "userId": "u-1"}, key=SERVER_KEY)
    way.go_on()

    joined = lead(way, user("u-1"))
    assert {("email", "ada@acme.example"), ("user_id", "u-1")} <= names(joined)
    assert (joined["score"]["total"], joined["id"]) == (65, lead(way, email("ada@acme.example"))["id"])


def test_no_alias_of_a_web_page_joins_two_leads(way: WholeWay) -> None:
    for who in ("u-0", "u-1"):
        way.post("/v1/track", {"userId": who, "event": "Demo Requested"}, key=SERVER_KEY)
    way.go_on()
    before = lead(way, user("u-0"))["id"], lead(way, user("u-1"))["id"]

    assert way.post("/v1/alias", {"previousId": "u-0", "userId": "u-1"}, key=PUBLIC_KEY)["statusCode"] == 200
    way.go_on()

    assert (lead(way, user("u-0"))["id"], lead(way, user("u-1"))["id"]) == before
    assert before[0] != before[1]
    assert lead(way, user("u-1"))["score"]["total"] == 25


def test_people_of_a_company_with_an_address_stay_people(way: WholeWay) -> None:
    company = {"name": "Acme", "email": "info@acme.example"}
    for who in ("u-1", "u-2"):
        way.post("/v1/group", {"userId": who, "groupId": "acme", "traits": company}, key=SERVER_KEY)
    way.go_on()

    ada, bob = lead(way, user("u-1")), lead(way, user("u-2"))
    assert ada["id"] != bob["id"]
    assert names(ada) == {("user_id", "u-1")}
    assert ada["facts"]["company"]["name"] == "Acme"
