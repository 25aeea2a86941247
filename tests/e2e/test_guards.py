"""What intake does against floods and bots, on the local cloud."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

import pytest

from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36"
)


def taken(cloud: Cloud, kind: str) -> int:
    """How much was taken of all budgets of a kind, by what the functions count in common."""
    return sum(int(item["taken"]["N"]) for item in cloud.items("BudgetsTable") if item["sk"]["S"] == kind)


def fill_in(cloud: Cloud, email: str, agent: str | None = None) -> None:
    told = {"content_type": "application/x-www-form-urlencoded", "accept": "application/json"}
    body = urlencode({"email": email, "need": uuid.uuid4().hex})
    answer = cloud.post("/v1/forms/demo-request", body, **told, **({"user_agent": agent} if agent else {}))
    assert (answer.status, answer.body) == (200, {"success": True})


def test_forms_are_counted_in_common_by_form_and_by_sender(cloud: Cloud) -> None:
    before = {kind: taken(cloud, kind) for kind in ("form", "address")}

    for number in range(3):
        fill_in(cloud, f"counted-{number}@guards.example")

    assert {kind: taken(cloud, kind) - before[kind] for kind in before} == {"form": 3, "address": 3}
    assert "127.0.0.1" not in str(cloud.items("BudgetsTable"))


def test_what_a_bot_does_is_kept_with_its_mark_and_its_address_and_earns_nothing(cloud: Cloud) -> None:
    fill_in(cloud, "robot@guards.example", HEADLESS)
    fill_in(cloud, "robot@guards.example")
    fill_in(cloud, "later@guards.example")

    # The log's stream is read in order: who came later is scored after both.
    person = cloud.eventually(lambda: cloud.lead("later@guards.example"))
    lead = cloud.lead("robot@guards.example")
    assert lead
    told = {
        each.context["user_agent"] == HEADLESS: (each.marks, each.context["address"])
        for each in cloud.log()
        if each.identity.value == "robot@guards.example"
    }
    assert told == {True: (("bot",), "127.0.0.1"), False: ((), "127.0.0.1")}
    assert lead["score"]["total"] == person["score"]["total"] > 0


def test_a_form_in_parts_comes_through_the_gateway(cloud: Cloud) -> None:
    parts = {"email": "parts@guards.example", "need": "Grüße"}
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
    )
    told = {"content_type": "multipart/form-data; boundary=x", "accept": "application/json"}
    answer = cloud.post("/v1/forms/contact", f"{body}--x--\r\n".encode(), **told)

    assert (answer.status, answer.body) == (200, {"success": True})
    (stored,) = [each for each in cloud.log() if each.identity.value == "parts@guards.example"]
    assert stored.claims.qualification == {"need": "Grüße"}
    assert stored.claims.lead["email_kind"] == "business"
