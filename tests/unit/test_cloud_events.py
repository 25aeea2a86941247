"""Events of other systems as CloudEvents 1.0: what their sender is answered, and what is in the log then."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as Sent

from functions.admin.openapi import document
from functions.ingest.handler import lambda_handler
from functions.ingest.intake import Intake, configured
from functions.ingest.settings import BudgetLimits, PublicWriteKey, SecretWriteKey, Settings
from shared.adapters.http_api import SINGLE_LIMIT
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.moments import parse_moment
from tests.fakes import InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.http_requests import NOW, answer, http_event
from tests.people import browser, email, user

EVENTS = Path(__file__).parents[2] / "events"
STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}
BATCHED = {"content-type": "application/cloudevents-batch+json"}
ADA = email("ada@example.com")
ATTRIBUTES = {
    "id": "invoice-7",
    "source": "/billing/münchen 1",
    "type": "invoice.paid",
    "time": datetime(2026, 3, 1, 11, tzinfo=UTC),
    "subject": "acme",
    "traceparent": "00-4bf92f3577b34da6-01",
}
DATA: dict[str, Any] = {
    "email": "Ada@Example.com",
    "user_id": "u-1",
    "anonymous_id": "b-1",
    "channel": "billing",
    "properties": {"amount": 12.5},
    "context": {"campaign": {"source": "x"}},
    "lead": {"title": "CTO"},
    "company": {"employees": 9},
    "consent": "granted",
    "qualification": {"budget": True},
    "own": False,
}
PAID = Activity(
    id="/billing/münchen 1:invoice-7",
    type="invoice_paid",
    occurred_at=parse_moment("2026-03-01T11:00:00Z"),
    received_at=parse_moment(NOW),
    identities=(ADA, user("u-1"), browser("b-1")),
    rank=Rank.TRUSTED,
    channel="billing",
    source="/billing/münchen 1",
    properties={"amount": 12.5},
    context={"campaign": {"source": "x"}},
    claims=Claims({"email_kind": "business", "title": "CTO"}, {"employees": 9}, "granted", {"budget": True}),
    own=False,
)


class Log(InMemoryActivities):
    """A log in memory that can be asked for everything."""

    def all(self) -> list[Activity]:
        return list(self._log.values())


def intake_of(log: Log, **options: Any) -> Intake:
    settings = Settings(
        activities_table="activities",
        budgets_table="budgets",
        erasures_table="erasures",
        erasure_secret="/baton/test/erasure",
        write_keys=(
            PublicWriteKey(name="website", key="pk_web", activities=("invoice_paid",)),
            SecretWriteKey(name="crm", secret="/baton/test/crm"),
        ),
        catalogue={"com.acme.invoice.voided.v2": "invoice_voided"},
        **options,
    )
    return configured(settings, log, lambda: InMemorySecrets(**{"/baton/test/crm": "sk_crm"}), InMemoryBudgets)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def intake(log: Log) -> Intake:
    return intake_of(log)


def post(intake: Intake, body: Any, headers: Any = None, key: str | None = "sk_crm") -> tuple[int, Any]:
    reply = lambda_handler(http_event("POST", "/v1/events", body, key=key, headers=headers), None, intake)
    return reply["statusCode"], answer(reply)


def event(**said: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "e-1", "source": "/x", "type": "x", "data": {"user_id": "u-1"}} | said


def batched(*events: Sent) -> HTTPMessage:
    """As SDKs write a batch: a list of what they write alone."""
    return HTTPMessage(BATCHED, b"[" + b",".join(to_structured_event(each).body for each in events) + b"]")


@pytest.mark.parametrize("write", [to_structured_event, to_binary_event, batched])
@pytest.mark.parametrize("data", [DATA, json.dumps(DATA).encode()], ids=["json", "bytes"])
def test_what_the_sdk_of_cloudevents_sends_is_the_activity_that_it_tells(
    intake: Intake, log: Log, write: Any, data: Any
) -> None:
    message = write(Sent({**ATTRIBUTES, "datacontenttype": "application/json"}, data))

    assert post(intake, message.body, message.headers) == (200, {"success": True})
    assert log.all() == [PAID]


def test_the_golden_batch_is_taken_but_for_the_event_that_names_nobody(log: Log) -> None:
    golden = json.loads((EVENTS / "http_events.json").read_text(encoding="utf-8"))

    reply = lambda_handler(golden, None, intake_of(log))

    assert reply["statusCode"] == 200
    (refused,) = answer(reply)["refused"]
    assert (refused["index"], refused["message_id"], refused["at"]) == (1, "invoice-2042", "[1].data")
    (found,) = log.all()
    assert (found.id, found.type) == ("https://billing.acme.example:invoice-2041", "invoice_paid")


def test_an_event_sent_again_changes_nothing_and_another_system_may_have_the_same_id(intake: Intake, log: Log) -> None:
    for sent in (event(), event(time="2026-03-01T00:00:00Z"), event(source="/y"), event(id="e-2")):
        assert post(intake, sent, STRUCTURED)[0] == 200

    assert [found.id for found in log.all()] == ["/x:e-1", "/y:e-1", "/x:e-2"]
    assert log.all()[0].occurred_at == parse_moment(NOW), "without a time it happened when it was received"


def test_no_two_systems_tell_the_same_event_however_their_names_and_ids_are_written(intake: Intake, log: Log) -> None:
    told = [
        ("urn:acme", "billing:7"),
        ("urn:acme:billing", "7"),
        ("urn", "acme:billing:7"),
        ("urn", "acme%3Abilling:7"),
    ]
    for source, id_ in told:
        assert post(intake, event(source=source, id=id_), STRUCTURED)[0] == 200

    assert [found.source for found in log.all()] == [source for source, _ in told]


def test_an_event_is_one_whether_it_comes_by_http_or_on_the_bus(intake: Intake, log: Log) -> None:
    queue = json.loads((EVENTS / "queue_ingest.json").read_text(encoding="utf-8"))
    queue["Records"][0]["attributes"]["SentTimestamp"] = str(parse_moment(NOW) // 1000)
    assert lambda_handler(queue, None, intake) == {"batchItemFailures": []}
    (on_the_bus,) = log.all()
    source, _, id_ = on_the_bus.id.partition(":")

    assert post(intake, event(id=id_, source=source, data={"email": "ada@example.com"}), STRUCTURED)[0] == 200
    assert log.all() == [on_the_bus]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("InvoicePaid", "invoice_paid"),
        ("com.acme.invoice.paid", "com_acme_invoice_paid"),
        ("com.acme.invoice.voided.v2", "invoice_voided"),
        ("com-acme.invoiceVoided/v2", "invoice_voided"),
    ],
)
def test_the_catalogue_gives_a_type_and_else_its_whole_name_does(
    intake: Intake, log: Log, told: str, kind: str
) -> None:
    assert post(intake, event(type=told), STRUCTURED)[0] == 200
    assert log.all()[0].type == kind


def test_attributes_that_nobody_asks_and_those_that_are_null_are_left_alone(intake: Intake, log: Log) -> None:
    sent = event(time=None, data_base64=None, dataschema="x", subject=None, sequence=7, partitionkey="k", sampled=True)

    assert post(intake, sent, STRUCTURED)[0] == 200
    assert len(log) == 1


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("body", [event(), [event()], json.dumps(event()).encode()], ids=["one", "batch", "base64"])
def test_an_event_that_nothing_says_to_be_one_is_known_by_its_body(
    intake: Intake, log: Log, kind: str | None, body: Any
) -> None:
    assert post(intake, body, {"content-type": kind} if kind else {}) == (200, {"success": True})
    assert len(log) == 1


def headers(**said: str) -> dict[str, str]:
    return {"Ce-SpecVersion": "1.0", "ce-id": "e-1", "ce-source": "/x", "ce-type": "x"} | {
        f"ce-{name}": value for name, value in said.items()
    }


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%2fbilling%2525", "/billing%25"),
        (r'"a \"b\" \\ %c3%a9"', r'a "b" \ é'),
        ('a"b"', 'a"b"'),
        ("50%", "50%"),
    ],
)
def test_a_header_is_unquoted_and_decoded_once(intake: Intake, log: Log, written: str, source: str) -> None:
    assert post(intake, {"user_id": "u-1"}, headers(source=written))[0] == 200
    assert log.all()[0].source == source


@pytest.mark.parametrize("written", ["%C0%A0", "%ff", "%00", "%E2%80%AE", "\u202e", "%ED%A0%80"])
def test_a_header_that_no_honest_text_makes_is_refused_by_its_name(intake: Intake, log: Log, written: str) -> None:
    status, told = post(intake, {"user_id": "u-1"}, headers(source=written))

    assert (status, told["code"], told["details"]["at"]) == (400, "malformed", "ce-source")
    assert len(log) == 0


def test_data_stands_in_the_body_of_a_binary_event_and_nowhere_else(intake: Intake, log: Log) -> None:
    smuggled = headers(data='{"user_id": "u-2"}', data_base64="e30=")

    assert post(intake, {"user_id": "u-1"}, smuggled)[0] == 200
    assert post(intake, b"", smuggled)[1]["details"] == {"at": "data"}
    assert [found.identities for found in log.all()] == [(user("u-1"),)]


PACKED = base64.b64encode(b'{"user_id": "u-1", "lead": {"a": "\xff"}}').decode()


@pytest.mark.parametrize(
    ("said", "status", "at"),
    [
        ({"specversion": "0.3"}, 422, "specversion"),
        ({"id": ""}, 422, "id"),
        ({"id": 7}, 422, "id"),
        ({"source": None}, 422, "source"),
        ({"source": "s" * 1001}, 422, "source"),
        ({"source": " People "}, 422, "source"),
        ({"type": ""}, 422, "type"),
        ({"type": "…"}, 422, "type"),
        ({"type": "2nd.invoice"}, 422, "type"),
        ({"type": "facture.payée"}, 422, "type"),
        ({"type": "Identified"}, 422, "type"),
        ({"type": "score_adjusted"}, 403, "type"),
        ({"time": "yesterday"}, 422, "time"),
        ({"time": "2026-03-01T11:00:00"}, 422, "time"),
        ({"time": "2001-03-01T11:00:00Z"}, 422, "time"),
        ({"data": None}, 422, "data"),
        ({"data": {}}, 422, "data"),
        ({"data": "user_id=u-1"}, 422, "data"),
        ({"data": [{"user_id": "u-1"}]}, 422, "data"),
        ({"data": {"email": "nobody"}}, 422, "data.email"),
        ({"data": {"user_id": "u-1", "consent": "yes"}}, 422, "data.consent"),
        ({"data": {"user_id": "u-1", "qualification": {"mood": 1}}}, 422, "data.qualification"),
        ({"data": {"user_id": "u-1", "amount": 9}}, 422, "data.amount"),
        ({"data": {"user_id": "u-1", "id": "x"}}, 422, "data.id"),
        ({"data": {"user_id": "u-1", "lead": {"a": "\x00"}}}, 400, "data.lead.a"),
        ({"data": {"user_id": "u-1"}, "data_base64": "e30="}, 422, "data_base64"),
        ({"data": None, "data_base64": "e"}, 400, "data_base64"),
        ({"data": None, "data_base64": "e30=!"}, 400, "data_base64"),
        ({"data": None, "data_base64": 7}, 422, "data_base64"),
        ({"data": None, "data_base64": PACKED}, 400, "data_base64"),
        ({"data": {"user_id": "u-1", "lead": {"a": "b" * SINGLE_LIMIT}}}, 413, None),
    ],
)
def test_what_is_refused_leaves_nothing_and_says_what_and_where(
    intake: Intake, log: Log, said: dict[str, Any], status: int, at: str | None
) -> None:
    alone = post(intake, event(**said), STRUCTURED)
    in_a_batch = post(intake, [event(**said)], BATCHED)

    assert (alone[0], alone[1]["details"].get("at")) == (status, at)
    assert alone[1]["message"]
    if status != 400:  # else the batch cannot be read at all
        (refused,) = in_a_batch[1]["details"]["refused"]
        assert (in_a_batch[0], refused["at"]) == (status, ".".join(filter(None, ("[0]", at))))
    assert len(log) == 0


@pytest.mark.parametrize(
    ("key", "hint"), [("mail", "did you mean `email`?"), ("amount", "there are email, user_id, anonymous_id, ")]
)
def test_a_key_that_data_does_not_have_is_told_with_the_nearest_that_it_has(
    intake: Intake, key: str, hint: str
) -> None:
    told = post(intake, event(data={key: "ada@example.com"}), STRUCTURED)[1]

    assert told["message"].startswith(f"there is no `{key}` here; {hint}")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", STRUCTURED, 400),
        ("[]", STRUCTURED, 422),
        ('"x"', STRUCTURED, 422),
        (event(), BATCHED, 422),
        ([event(id=f"e-{n}") for n in range(501)], BATCHED, 413),
        (b"\x00", {"content-type": "application/cloudevents+avro"}, 415),
        (event(), {"content-type": "application/cloudevents"}, 415),
        ("<x/>", headers(), 400),
        ('{"user_id": 1, "user_id": 2}', headers(), 400),
    ],
)
def test_a_request_that_holds_no_events_is_refused_as_a_whole(
    intake: Intake, log: Log, body: Any, kind: dict[str, str], status: int
) -> None:
    assert post(intake, body, kind)[0] == status
    assert len(log) == 0


def test_of_a_batch_what_can_be_taken_is_and_the_others_are_told_with_their_places(intake: Intake, log: Log) -> None:
    large = event(id="e-3", data={"user_id": "u-1", "properties": {"x": "y" * SINGLE_LIMIT}})
    sent = [
        event(),
        "x",
        event(id="e-2", data={"email": "nobody"}),
        large,
        event(id="e-4", time="2001-01-01T00:00:00Z"),
    ]

    status, told = post(intake, sent, BATCHED)

    assert (status, told["success"]) == (200, True)
    assert [(each["index"], each["message_id"], each["code"], each["at"]) for each in told["refused"]] == [
        (1, None, "invalid", "[1]"),
        (2, "e-2", "invalid", "[2].data.email"),
        (3, "e-3", "too_large", "[3]"),
        (4, "e-4", "invalid", "[4].time"),
    ]
    assert [found.id for found in log.all()] == ["/x:e-1"]


def test_five_hundred_events_and_none_are_batches(intake: Intake, log: Log) -> None:
    assert post(intake, [event(id=f"e-{n}") for n in range(500)], BATCHED) == (200, {"success": True})
    assert post(intake, [], BATCHED) == (200, {"success": True})
    assert len(log) == 500


@pytest.mark.parametrize(
    ("authorization", "status"),
    [({}, 401), ({"key": "sk_other"}, 401), ({"key": "pk_web"}, 403), ({"key": "sk_crm"}, 200)],
)
def test_events_are_taken_with_a_secret_key_alone(
    intake: Intake, log: Log, authorization: dict[str, str], status: int
) -> None:
    paid = event(type="invoice.paid")
    as_user = http_event("POST", "/v1/events", paid, **authorization)  # type: ignore[arg-type]
    assert lambda_handler(as_user, None, intake)["statusCode"] == status

    as_token = {"authorization": f"Bearer {authorization['key']}"} if authorization else {}
    assert post(intake, paid, as_token, key=None)[0] == status
    assert len(log) == (status == 200)


def test_over_its_budget_a_key_is_told_when_to_come_again(log: Log) -> None:
    intake = intake_of(log, budgets=BudgetLimits(identity=500))
    assert post(intake, [event(id=f"e-{n}") for n in range(500)], BATCHED)[0] == 200

    reply = lambda_handler(http_event("POST", "/v1/events", event(id="more"), key="sk_crm"), None, intake)

    assert reply["statusCode"] == 429
    assert int(reply["headers"]["retry-after"]) > 0
    assert len(log) == 500


def test_the_document_of_the_api_tells_the_three_modes() -> None:
    told = document()["paths"]["/v1/events"]["post"]

    content = told["requestBody"]["content"]
    assert set(content) == {"application/cloudevents+json", "application/cloudevents-batch+json", "application/json"}
    assert {each["name"] for each in told["parameters"]} >= {"ce-specversion", "ce-id", "ce-source", "ce-type"}
    schemas = document()["components"]["schemas"]
    assert "email" in schemas["SubmittedDetail"]["properties"]
    assert schemas["CloudEvent"]["required"] == ["specversion", "id", "source", "type"]
