"""No name, address or secret reaches logs, metrics or the bus, however a function fails."""

from __future__ import annotations

import json
import logging
import traceback
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from shared.usecases import erase
from tests.local_receiver import Receiver
from tests.tables import ACTIVITIES, BUDGETS
from tests.whole_way import PUBLIC_KEY, WholeWay

PERSON = {
    "email": "canary.sam@acme-canary.example",
    "name": "Canary Samantha Jones",
    "company": "Canary Haulage",
    "phone": "+15550100999",
}
ADDRESS = "203.0.113.77"
CANARIES = ("canary", "15550100999", "192.0.2.77", ADDRESS, "Bearer ")
SLACK_TOKEN, SIGNING, SERVER_KEY = (
    "T0CANARY/B0/tokencanary",
    "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5",
    "sk_canary_servers",
)
SECRETS_IN_BASE64 = ("Y2FuYXJ5", "c2tfY2FuYXJ5")


class Ear(logging.Handler):
    """Hears everything that any logger says, with all that hangs on a record."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = {name: value for name, value in record.__dict__.items() if name not in {"pathname", "filename"}}
        self.heard.append(f"{record.getMessage()} {told!r}")
        if record.exc_info:
            self.heard.append("".join(traceback.format_exception(*record.exc_info)))


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    names = [None, *(name for name in logging.root.manager.loggerDict if not name.startswith(("moto", "responses")))]
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addHandler(ear)
    yield ear
    for logger in loggers:
        logger.removeHandler(ear)


@pytest.fixture
def way(dynamodb: Any) -> Iterator[WholeWay]:
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        secrets = {
            "/baton/test/slack": f"http://127.0.0.1:{slack.port}/services/{SLACK_TOKEN}",
            "/baton/test/signing": SIGNING,
            "/baton/test/servers": SERVER_KEY,
        }
        yield WholeWay(dynamodb, slack, webhook, secrets)


class Watch:
    """The whole way, and everything that its functions say while it is gone."""

    def __init__(self, way: WholeWay, ear: Ear, capsys: pytest.CaptureFixture[str]) -> None:
        self.way, self._ear, self._capsys = way, ear, capsys

    def come(self) -> None:
        """A visitor looks at the prices, asks for a demo and is handed over."""
        page = {"event": "Page Viewed", "anonymousId": "canary-browser", "context": {"ip": "192.0.2.77"}}
        noted = {
            "event": "Page Viewed",
            "userId": PERSON["email"],
            "properties": {"note": "canary note"},
            "context": {"ip": "192.0.2.77"},
        }
        self.way.post("/v1/track", page, key=PUBLIC_KEY, address=ADDRESS)
        told = {"content-type": "application/json"}
        self.way.post("/v1/forms/demo", {**PERSON, "consent": "yes"}, headers=told, address=ADDRESS)
        self.way.post("/v1/track", noted, key=SERVER_KEY, address=ADDRESS)
        self.way.go_on()

    def look(self) -> list[int]:
        """Somebody looks the visitor up, adjusts the score and errs a few times; the answer is the statuses."""
        found = self.way.ask("GET", "/v1/leads", query={"email": PERSON["email"]})
        leads = json.loads(found["body"]).get("leads") or [{"id": "unknown"}]
        lead = f"/v1/leads/{leads[0]['id']}"
        replies = [
            found,
            self.way.ask("GET", lead),
            self.way.ask("POST", f"{lead}/adjustments", {"score": "engagement", "by": 1, "why": "canary told me"}),
            self.way.ask("POST", f"{lead}/adjustments", {"canary": 1}),
            self.way.ask("POST", f"{lead}/adjustments", "{canary"),
            self.way.ask("POST", f"{lead}/merges", {"lead": "canary", "why": "canary told me"}),
            self.way.ask("POST", f"{lead}/unmerges", {"apart": [{"kind": "email", "value": PERSON["email"]}]}),
            self.way.ask("GET", "/v1/leads/canary"),
            self.way.ask("GET", "/v1/canary", query={"email": PERSON["email"]}),
            self.way.ask(
                "POST", "/v1/rules", {"document": {"name": "canary"}, "text": "name: canary", "note": "canary"}
            ),
        ]
        return [reply["statusCode"] for reply in replies]

    def logs(self) -> str:
        """Everything that would stand in a log or a metric."""
        output = self._capsys.readouterr()
        escaped = ["".join(traceback.format_exception(error)) for error in self.way.escaped]
        return "\n".join([output.out, output.err, *self._ear.heard, *escaped])


@pytest.fixture
def watch(way: WholeWay, ear: Ear, capsys: pytest.CaptureFixture[str]) -> Watch:
    return Watch(way, ear, capsys)


def is_clean(text: str) -> None:
    for canary in (*CANARIES, *SECRETS_IN_BASE64):
        place = text.lower().find(canary.lower())
        assert place < 0, f"{canary} stands in: ...{text[max(0, place - 300) : place + 200]}..."


def test_the_ear_hears_what_a_log_would_hold(watch: Watch) -> None:
    sayings: list[Callable[[], object]] = [
        lambda: logging.getLogger("notify").error("one", extra={"canary": 1}),
        lambda: print('{"_aws": "canary"}'),  # noqa: T201
        lambda: watch.way.escaped.append(ValueError("canary")),
    ]
    for say in sayings:
        say()
        with pytest.raises(AssertionError, match="canary"):
            is_clean(watch.logs())


def test_nobody_is_named_when_all_goes_well(watch: Watch) -> None:
    watch.come()
    assert len(watch.way.slack.requests) == len(watch.way.webhook.requests) == 1, "the visitor was not handed over"
    assert watch.way.dead == []
    assert watch.look()[:3] == [200, 200, 202]
    logs, bus = watch.logs(), json.dumps(watch.way.heard())
    assert "SecondsToNotify" in logs
    assert "HandoffRequested" in bus
    is_clean(logs)
    is_clean(bus)


def unpacked(item: dict[str, Any]) -> str:
    """An item's text, what is compressed in it too."""
    packed = [value["B"] for value in item.values() if "B" in value]
    return " ".join([str(item), *(zlib.decompress(each).decode(errors="replace") for each in packed)])


def test_a_network_address_stands_in_the_log_of_activities_and_nowhere_else(watch: Watch) -> None:
    watch.come()
    watch.look()
    tables = {
        table: " ".join(map(unpacked, watch.way.dynamodb.scan(TableName=table)["Items"]))
        for table in watch.way.dynamodb.list_tables()["TableNames"]
    }
    for address in (ADDRESS, "192.0.2.77"):
        assert {table for table, items in tables.items() if address in items} == {ACTIVITIES}
    assert len(watch.way.dynamodb.scan(TableName=BUDGETS)["Items"]) == 2


OPERATIONS = (
    *("PutItem", "GetItem", "UpdateItem", "Query", "BatchGetItem", "BatchWriteItem", "TransactWriteItems"),
    *("SendMessageBatch", "PutEvents", "SendEmail", "GetParameter"),
)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let an operation fail, its error repeating what was asked as AWS's sometimes do."""
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def fail(operation: str, code: str) -> None:
        def _make_api_call(self: Any, name: str, asked: Any) -> Any:
            if name != operation:
                return call(self, name, asked)
            message = f"{code} for {asked!r} {PERSON} {SIGNING} {SERVER_KEY}"
            error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(error, name)  # type: ignore[arg-type]

        monkeypatch.setattr(BaseClient, "_make_api_call", _make_api_call)

    return fail


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody_is_named_when_an_aws_call_fails(
    watch: Watch, failing: Callable[[str, str], None], operation: str
) -> None:
    for code in ("ThrottlingException", "ValidationException", "MessageRejected"):
        failing(operation, code)
        watch.come()
        watch.look()
    is_clean(watch.logs())


def test_a_flood_of_a_form_becomes_no_handoffs_beyond_its_budget_and_names_nobody(watch: Watch) -> None:
    views = [{"type": "page", "userId": f"canary-{number}@acme.example"} for number in range(60)]
    watch.way.post("/v1/batch", {"batch": views}, key=SERVER_KEY)
    replies = [
        watch.way.post(
            "/v1/forms/demo",
            {**PERSON, "email": f"canary-{number}@acme.example", "consent": "yes"},
            headers={"accept": "application/json"},
            address=ADDRESS,
        )
        for number in range(60)
    ]
    watch.way.go_on()
    assert [reply["statusCode"] for reply in replies] == [200] * 30 + [429] * 30
    assert len(watch.way.slack.requests) == 30, "what was refused was handed over"
    is_clean(watch.logs())


def test_nobody_is_named_when_a_list_comes_and_lines_of_it_are_refused(watch: Watch) -> None:
    person = {**PERSON, "Date": "2026-10-01"}
    lines = [person, {**person, "email": "canary at nowhere"}, {**person, "Date": "canary day"}, {"canary": "canary"}]
    taken = watch.way.post("/v1/import", {"as": "demo_requested", "lines": lines}, key=SERVER_KEY)
    whole = [
        watch.way.post("/v1/import", {"as": "Canary", "lines": lines}, key=SERVER_KEY),
        watch.way.post("/v1/import", {"as": "x", "map": {"canary": "canary"}, "lines": lines}, key=SERVER_KEY),
        watch.way.post("/v1/import", 'email\n"canary', key=SERVER_KEY, query={"as": "x"}),
        watch.way.post("/v1/import", {"as": "x", "lines": lines}, key=PUBLIC_KEY),
    ]
    watch.way.go_on()
    assert (taken["statusCode"], json.loads(taken["body"])["taken"]) == (200, 1)
    assert [reply["statusCode"] for reply in whole] == [422, 422, 400, 403]
    is_clean(watch.logs())


def test_nobody_is_named_when_events_come_and_some_of_them_are_refused(watch: Watch) -> None:
    event = {"specversion": "1.0", "id": "canary", "source": "canary", "type": "demo_requested"}
    person = {"email": PERSON["email"], "lead": PERSON}
    refused = [{}, {"email": "canary at nowhere"}, {"canary": "canary"}, {**person, "consent": "canary"}]
    batch = [{**event, "data": person}, *({**event, "data": data} for data in refused), {**event, "type": "Canary"}]
    headers = {"ce-id": "canary", "ce-source": "%ffcanary", "ce-type": "demo_requested", "ce-specversion": "1.0"}
    taken = watch.way.post("/v1/events", batch, key=SERVER_KEY)
    whole = [
        watch.way.post("/v1/events", batch[1], key=SERVER_KEY),
        watch.way.post("/v1/events", person, key=SERVER_KEY, headers=headers),
        watch.way.post("/v1/events", batch, key=PUBLIC_KEY),
    ]
    watch.way.go_on()
    assert (taken["statusCode"], len(json.loads(taken["body"])["refused"])) == (200, 5)
    assert [reply["statusCode"] for reply in whole] == [422, 400, 403]
    is_clean(watch.logs())


def test_nobody_is_named_when_a_person_withdraws_is_exported_and_erased(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "PAUSE", 0)
    watch.come()
    found = watch.way.ask("GET", "/v1/leads", query={"email": PERSON["email"]})
    lead = f"/v1/leads/{json.loads(found['body'])['leads'][0]['id']}"
    replies = [
        watch.way.ask("POST", f"{lead}/consents", {"consent": "denied", "why": "canary told me", "wording": "canary"}),
        watch.way.ask("POST", f"{lead}/consents", {"consent": "canary", "why": "canary"}),
        watch.way.ask("GET", f"{lead}/export"),
        watch.way.ask("GET", f"{lead}/export", query={"next": "canary"}),
        watch.way.ask("POST", f"{lead}/erasures", {"why": f"{PERSON['email']} asked"}),
        watch.way.ask("POST", f"{lead}/erasures", {"why": "Asked for by letter."}),
    ]
    watch.way.go_on()
    watch.come()
    assert [reply["statusCode"] for reply in replies] == [202, 422, 200, 422, 422, 202]
    assert watch.way.dead == []
    is_clean(watch.logs())


@pytest.mark.parametrize("status", [302, 400, 410, 429, 500])
def test_nobody_is_named_when_receivers_refuse(watch: Watch, status: int) -> None:
    for receiver in (watch.way.slack, watch.way.webhook):
        receiver.status = status
        receiver.headers = {"X-Echo": "canary", "Location": "https://canary.example/"}
    watch.come()
    assert watch.way.dead, "the handoff was not given up"
    is_clean(watch.logs())


@pytest.mark.parametrize("secret", [" ", "canary is no secret", "whsec_canary", "https://canary.example/hook/canary"])
def test_nobody_is_named_when_a_secret_is_wrong(watch: Watch, secret: str) -> None:
    for name in ("/baton/test/slack", "/baton/test/signing"):
        boto3.client("ssm").put_parameter(Name=name, Value=secret, Type="SecureString", Overwrite=True)
    watch.come()
    assert watch.way.dead
    is_clean(watch.logs())


POISON = [
    "canary is no JSON",
    '{"lead": {"canary": 1}}',
    json.dumps(PERSON),
    json.dumps([PERSON]),
    json.dumps({"activity": {"identity": "canary", "id": "canary"}}),
    json.dumps({"activity": {"identity": f"email:{PERSON['email']}", "id": "canary"}}),
    json.dumps({"pk": "LEAD#canary", "sk": "canary"}),
    json.dumps({"detail-type": "HandoffRequested", "detail": PERSON}),
    json.dumps({"detail-type": "ActivitySubmitted", "id": "canary", "detail": PERSON}),
    json.dumps(
        {
            "detail-type": "ActivitySubmitted",
            "id": "1",
            "time": "canary",
            "source": "crm",
            "detail": {"type": "called", "email": PERSON["email"]},
        }
    ),
    json.dumps({"detail-type": "RescoreRequested", "id": "1", "detail": {"lead": "x", "all": True, **PERSON}}),
    json.dumps({"detail-type": "RescoreRequested", "id": "2", "detail": {"where": PERSON}}),
    json.dumps({"detail-type": "RescoreRequested", "id": "3", "detail": {"where": {PERSON["email"]: {"is": 1}}}}),
    json.dumps({"detail-type": "RescoreRequested", "id": "4", "detail": {"where": {"lead.email": PERSON}}}),
    json.dumps({"detail-type": "RulesPublished", "id": "1", "detail": PERSON}),
]


@pytest.mark.parametrize("function", ["ingest", "score", "evaluate", "relay", "notify", "rescore", "erase"])
def test_nobody_is_named_when_a_queue_brings_poison(watch: Watch, function: str) -> None:
    for body in POISON:
        record = {"messageId": "1", "body": body, "attributes": {"SentTimestamp": "1772443805400"}}
        watch.way.call(function, {"Records": [{**record, "eventSource": "aws:sqs"}]})
    is_clean(watch.logs())


SPOILT: list[dict[str, Any]] = [
    {},
    {"activity": {"S": "canary"}},
    {"state": {"B": "Y2FuYXJ5"}, "version": {"N": "canary"}},
    {"name": {"S": "canary"}, "detail": {"S": json.dumps([PERSON])}},
    {"name": {"N": "7"}, "detail": {"S": '{"canary": NaN'}},
]


@pytest.mark.parametrize(
    ("function", "partition", "sort"),
    [
        ("score", f"email:{PERSON['email']}", "canary-activity"),
        ("evaluate", "LEAD#7", "SCORE"),
        ("relay", "LEAD#7", "OUTBOX#7"),
    ],
)
def test_nobody_is_named_when_a_stream_brings_an_item_that_cannot_be_read(
    watch: Watch, function: str, partition: str, sort: str
) -> None:
    keys = {"pk": {"S": partition}, "sk": {"S": sort}}
    for image in SPOILT:
        record = {"eventSource": "aws:dynamodb", "dynamodb": {"Keys": keys, "NewImage": {**keys, **image}}}
        watch.way.call(function, {"Records": [record]})
    is_clean(watch.logs())


REQUESTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("/v1/batch", "{canary", {"key": PUBLIC_KEY}),
    ("/v1/batch", {"batch": [PERSON]}, {"key": PUBLIC_KEY}),
    ("/v1/track", {"event": "canary", "userId": PERSON["email"]}, {"key": "canary-key"}),
    ("/v1/track", {"event": "Score Adjusted", "userId": PERSON["email"]}, {"key": PUBLIC_KEY}),
    ("/v1/track", {"event": "Page Viewed", "userId": PERSON["email"], "timestamp": "canary"}, {"key": PUBLIC_KEY}),
    ("/v1/identify", {"userId": "canary", "traits": PERSON}, {"headers": {"authorization": "Bearer canary"}}),
    ("/v1/forms/demo", {**PERSON, "email": "canary is none"}, {}),
    ("/v1/forms/canary", PERSON, {}),
    ("/v1/canary", PERSON, {"query": {"email": PERSON["email"]}}),
]


def test_nobody_is_named_when_requests_are_refused(watch: Watch) -> None:
    for path, body, rest in REQUESTS:
        reply = watch.way.post(path, body, **rest)
        assert 400 <= reply["statusCode"] < 500 or '"refused"' in reply["body"], path
    watch.way.go_on()
    is_clean(watch.logs())
