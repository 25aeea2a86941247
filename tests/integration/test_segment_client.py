"""Segment's own Python client, unmodified, against the handler behind a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from customerio.analytics.client import Client as CustomerIo  # type: ignore[import-untyped]
from segment.analytics.client import Client  # type: ignore[import-untyped]

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import configured
from functions.ingest.settings import SecretWriteKey, Settings
from shared.domain.activity import Claims
from tests.fakes import InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.gateway import Gateway
from tests.people import browser, email, user

SETTINGS = Settings(
    activities_table="activities",
    budgets_table="budgets",
    erasures_table="erasures",
    erasure_secret="/baton/test/erasure",
    write_keys=(SecretWriteKey(name="shop", secret="shop"), SecretWriteKey(name="eu", secret="eu")),
)
SECRETS = InMemorySecrets(shop="sk_shop", eu="sk_eu_shop")


class Shop(Gateway):
    """A shop's clients post to `ingest`. `outage` requests are answered with 503 after they were taken."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.log = InMemoryActivities()
        self.outage = 0
        self._intake = configured(SETTINGS, self.log, lambda: SECRETS, InMemoryBudgets)

    def _take(self, event: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = lambda_handler(event, None, self._intake)
        if self.outage:
            self.outage -= 1
            return {"statusCode": 503, "headers": {"retry-after": "0"}, "body": "{}"}
        return reply


@pytest.fixture
def gateway() -> Iterator[Shop]:
    shop = Shop()
    with shop.listening():
        yield shop


def client(gateway: Shop, key: str = "sk_shop", **options: Any) -> tuple[Client, list[Any]]:
    errors: list[Any] = []
    made = Client(key, host=gateway.url, on_error=lambda error, _batch: errors.append(error), **options)
    return made, errors


@pytest.mark.parametrize("gzip", [False, True])
def test_five_hundred_activities_are_in_the_log_once(gateway: Shop, gzip: Any) -> None:
    segment, errors = client(gateway, gzip=gzip)
    for number in range(500):
        segment.track(f"user-{number % 20}", "Page Visited", {"number": number}, message_id=f"m-{number}")
    segment.shutdown()

    stored = [found for number in range(20) for found in gateway.log.under(user(f"user-{number}"))]
    assert errors == []
    assert {found.properties["number"] for found in stored} == set(range(500))
    assert len(gateway.log) == 500
    assert set(gateway.statuses) == {200}


def test_every_kind_of_call_arrives_as_it_was_meant(gateway: Shop) -> None:
    segment, errors = client(gateway)
    segment.identify("u-1", {"email": "Ada@Example.com", "company": {"name": "Acme"}}, anonymous_id="b-1")
    segment.page("u-1", None, "Pricing", {"path": "/pricing"})
    segment.screen("u-1", None, "Home")
    segment.group("u-1", "g-1", {"employees": 9})
    segment.alias("u-0", "u-1")
    segment.shutdown()

    assert errors == []
    (identified,) = gateway.log.under(email("ada@example.com"))
    assert identified.identities == (email("ada@example.com"), user("u-1"), browser("b-1"))
    assert identified.claims == Claims({"email": "Ada@Example.com", "email_kind": "business"}, {"name": "Acme"})
    assert {found.type for found in gateway.log.under(user("u-1"))} == {"page_viewed", "screen_viewed", "grouped"}
    (alias,) = gateway.log.under(user("u-0"))
    assert alias.identities == (user("u-0"), user("u-1"), browser("u-0"))


def test_what_met_an_outage_is_sent_again_and_stored_once(gateway: Shop) -> None:
    gateway.outage = 2
    segment, errors = client(gateway)
    segment.track("u-1", "Demo Requested", message_id="m-1")
    segment.shutdown()

    assert errors == []
    assert gateway.statuses == [503, 503, 200]
    assert [found.id for found in gateway.log.under(user("u-1"))] == ["m-1"]


def test_the_client_reports_an_unknown_key_with_code_and_message(gateway: Shop) -> None:
    segment, errors = client(gateway, key="sk_other")
    segment.track("u-1", "Demo Requested")
    segment.shutdown()

    (error,) = errors
    assert (error.status, error.code, error.message) == (401, "unauthenticated", "the write key is unknown")
    assert gateway.statuses == [401]


def test_customer_ios_client_sends_a_key_that_begins_like_its_own_as_a_token(gateway: Shop) -> None:
    errors: list[Any] = []
    sent = CustomerIo("sk_eu_shop", host=gateway.url, on_error=lambda error, _batch: errors.append(error))
    sent.track("u-1", "Demo Requested", message_id="m-1")
    sent.shutdown()

    assert errors == []
    assert [(found.id, found.source) for found in gateway.log.under(user("u-1"))] == [("m-1", "eu")]
