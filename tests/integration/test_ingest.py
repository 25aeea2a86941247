"""`ingest` on DynamoDB and SSM, fed with golden events."""

from __future__ import annotations

import base64
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import from_environment
from functions.ingest.settings import (
    ConsentWording,
    Form,
    HubSpotHost,
    PublicWriteKey,
    SecretWriteKey,
    Settings,
    TypeformHost,
    WebflowHost,
)
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.domain.activity import Activity, Claims, Identity, Rank
from shared.domain.moments import parse_moment
from tests.people import browser, email, user
from tests.tables import ACTIVITIES, BUDGETS, ERASURES

EVENTS = Path(__file__).parents[2] / "events"
SITE = "https://www.acme.example"
ADA = email("ada@example.com")


def golden(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def log(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBActivities]:
    """The log, empty; the function finds it by its environment alone."""
    for name in ("typeform", "webflow"):
        boto3.client("ssm").put_parameter(Name=f"/baton/test/{name}", Value=f"{name}-signing-text", Type="SecureString")
    boto3.client("ssm").put_parameter(Name="/baton/test/crm-key", Value="sk_crm", Type="SecureString")
    settings = Settings(
        activities_table=ACTIVITIES,
        budgets_table=BUDGETS,
        erasures_table=ERASURES,
        erasure_secret="/baton/test/erasure",
        write_keys=(
            PublicWriteKey(name="website", key="pk_website", activities=("page_viewed", "demo_requested")),
            SecretWriteKey(name="crm", secret="/baton/test/crm-key"),
        ),
        forms=(
            Form(
                name="contact",
                fields={"first_name": "lead.first_name", "company": "company.name"},
                consent=ConsentWording(field="agree", wording="You may call me.", version="2026-01"),
            ),
            Form(name="demo-typeform", hosted_by=TypeformHost(kind="typeform", secret="/baton/test/typeform")),
            Form(
                name="contact-webflow",
                email_field="Email",
                hosted_by=WebflowHost(kind="webflow", secret="/baton/test/webflow"),
            ),
            Form(
                name="contact-hubspot",
                hosted_by=HubSpotHost(kind="hubspot", portal="4711", form="319478e5-e5fd-4d39-9d13-fc1f90bf46da"),
            ),
        ),
        origins=(SITE,),
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    from_environment.cache_clear()
    yield DynamoDBActivities(dynamodb, ACTIVITIES)
    from_environment.cache_clear()


def items(dynamodb: Any) -> int:
    count: int = dynamodb.scan(TableName=ACTIVITIES, Select="COUNT", ConsistentRead=True)["Count"]
    return count


def only(log: DynamoDBActivities, identity: Identity) -> Activity:
    (found,) = log.under(identity)
    return found


def test_a_track_call_is_in_the_log(log: DynamoDBActivities) -> None:
    reply = lambda_handler(golden("http_track"), None)

    assert (reply["statusCode"], reply["body"]) == (200, '{"success":true}')
    assert only(log, ADA) == Activity(
        id="public:5f0c2b1e-demo",
        type="demo_requested",
        occurred_at=parse_moment("2026-03-02T09:29:58.120Z"),
        received_at=parse_moment("2026-03-02T09:30:00Z"),
        identities=(ADA, browser("b7c1d9e2")),
        rank=Rank.PUBLIC,
        source="website",
        properties={"product": "crane"},
        context={
            "campaign": {"source": "newsletter", "medium": "email", "name": "spring"},
            "page": {"path": "/demo", "url": "https://www.acme.example/demo"},
            "user_agent": "Mozilla/5.0",
            "address": "203.0.113.7",
        },
    )


def test_what_a_warm_function_keeps_is_not_looked_through_for_garbage_in_the_middle_of_a_request(log: Any) -> None:
    gc.unfreeze()

    from_environment()

    assert gc.get_freeze_count() > len(sys.modules)
    gc.unfreeze()


def test_a_page_of_somebody_unknown_waits_under_the_browser(log: DynamoDBActivities) -> None:
    assert lambda_handler(golden("http_page"), None)["statusCode"] == 200

    found = only(log, browser("b7c1d9e2"))
    assert (found.type, found.properties["path"], found.channel) == ("page_viewed", "/pricing", "website")


def test_an_identify_call_with_a_secret_key_is_believed(log: DynamoDBActivities) -> None:
    assert lambda_handler(golden("http_identify"), None)["statusCode"] == 200

    found = only(log, ADA)
    assert found.identities == (ADA, user("crm-77"))
    assert found.claims == Claims(
        lead={"email": "Ada@Example.com", "email_kind": "business", "first_name": "Ada", "last_name": "Lovelace"},
        company={"name": "Example Cranes", "employees": 250},
        consent="granted",
        qualification={"budget": True, "need": "two cranes"},
    )
    assert (found.rank, found.own) == (Rank.TRUSTED, False)


def test_a_group_call_tells_of_the_company_and_names_nobody_by_its_address(log: DynamoDBActivities) -> None:
    assert lambda_handler(golden("http_group"), None)["statusCode"] == 200

    found = only(log, user("crm-77"))
    company = {"id": "acct-9", "name": "Example Cranes", "email": "info@cranes.example", "employees": 250}
    assert found.identities == (user("crm-77"),)
    assert found.claims == Claims(company=company | {"industry": "cranes"})


def test_an_alias_call_is_in_the_log_with_both_names(log: DynamoDBActivities) -> None:
    assert lambda_handler(golden("http_alias"), None)["statusCode"] == 200

    assert only(log, user("crm-77")).identities == (user("crm-77"), user("trial-12"), browser("trial-12"))


def test_a_screen_call_is_in_the_log(log: DynamoDBActivities) -> None:
    assert lambda_handler(golden("http_screen"), None)["statusCode"] == 200

    found = only(log, user("crm-77"))
    assert (found.type, found.channel) == ("screen_viewed", "app")
    assert found.properties == {"name": "Dashboard", "tab": "usage"}


def test_of_a_batch_all_but_the_bad_one_are_in_the_log(log: DynamoDBActivities) -> None:
    reply = lambda_handler(golden("http_batch"), None)

    assert reply["statusCode"] == 200
    assert [refused["message_id"] for refused in json.loads(reply["body"])["refused"]] == ["b-2"]
    assert {found.id for found in log.under(ADA)} == {"b-1", "b-3"}


def test_a_browser_loads_the_embed_script() -> None:
    reply = lambda_handler(golden("http_script"), None)

    assert (reply["statusCode"], reply["headers"]["content-encoding"]) == (200, "gzip")


def test_a_form_of_a_page_without_script_is_in_the_log(log: DynamoDBActivities) -> None:
    reply = lambda_handler(golden("http_form"), None)

    assert (reply["statusCode"], reply["headers"]["location"]) == (303, f"{SITE}/thanks")
    found = only(log, ADA)
    assert found.identities == (ADA, browser("b7c1d9e2"))
    facts = {"email": "Ada@Example.com", "email_kind": "business", "first_name": "Ada"}
    assert found.claims == Claims(facts, {"name": "Example Cranes"}, "granted")
    assert found.properties == {
        "message": "A crane, please",
        "form": "contact",
        "consent": {"wording": "You may call me.", "version": "2026-01"},
    }
    assert found.context["campaign"] == {"source": "newsletter", "medium": "email"}


def test_a_form_of_a_script_is_in_the_log(log: DynamoDBActivities) -> None:
    reply = lambda_handler(golden("http_form_json"), None)

    assert (reply["statusCode"], reply["body"]) == (200, '{"success":true}')
    assert only(log, email("grace@example.com")).id == "form:contact:f-2041"


def test_an_event_of_the_bus_is_in_the_log(log: DynamoDBActivities) -> None:
    assert lambda_handler(golden("queue_ingest"), None) == {"batchItemFailures": []}

    found = only(log, ADA)
    assert (found.id, found.type, found.source, found.rank) == (
        "acme.billing:invoice-2041",
        "invoice_paid",
        "acme.billing",
        Rank.TRUSTED,
    )
    assert found.identities == (ADA, user("crm-77"))


def test_the_queues_message_holds_the_event_of_the_bus() -> None:
    assert json.loads(golden("queue_ingest")["Records"][0]["body"]) == golden("bus_activity_submitted")


@pytest.mark.parametrize(
    "name",
    [
        "http_track",
        "http_page",
        "http_screen",
        "http_identify",
        "http_group",
        "http_alias",
        "http_batch",
        "http_form",
        "http_form_typeform",
        "http_form_webflow",
        "http_hubspot_form",
        "http_import",
        "http_events",
        "queue_ingest",
    ],
)
def test_everything_may_be_delivered_twice(log: DynamoDBActivities, dynamodb: Any, name: str) -> None:
    lambda_handler(golden(name), None)
    once = items(dynamodb)
    lambda_handler(golden(name), None)

    assert items(dynamodb) == once > 0


def with_key(event: Any, key: str) -> Any:
    event["headers"]["authorization"] = f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
    return event


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (with_key(golden("http_track"), "pk_other"), 401),
        (with_key(golden("http_identify"), "pk_website"), 403),
        (golden("http_track") | {"body": "{"}, 400),
        (golden("http_track") | {"body": "x" * 40_000}, 413),
        (golden("http_form") | {"body": "name=Ada", "isBase64Encoded": False}, 422),
    ],
)
def test_what_is_refused_leaves_nothing(log: DynamoDBActivities, dynamodb: Any, event: Any, status: int) -> None:
    assert lambda_handler(event, None)["statusCode"] == status
    assert items(dynamodb) == 0


def test_hundred_activities_of_which_one_is_bad(log: DynamoDBActivities, dynamodb: Any) -> None:
    batch = [
        {"type": "page", "messageId": f"m-{n}", "userId": "ada@example.com", "properties": {"path": f"/{n}"}}
        for n in range(100)
    ]
    batch[7].pop("userId")
    reply = lambda_handler(golden("http_batch") | {"body": json.dumps({"batch": batch})}, None)

    assert [refused["index"] for refused in json.loads(reply["body"])["refused"]] == [7]
    assert items(dynamodb) == 99


def test_a_table_that_is_away_is_told_as_unavailable_or_internal_but_never_as_success(
    log: DynamoDBActivities, dynamodb: Any
) -> None:
    dynamodb.delete_table(TableName=ACTIVITIES)

    assert lambda_handler(golden("http_track"), None)["statusCode"] >= 500
