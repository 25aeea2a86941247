"""A person is erased from end to end: nothing is left in any table, and no answer ever tells who was erased."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.domain.moments import HOUR, MINUTE, Moment, format_moment
from shared.ports.missed import ChannelKey, MissedMessage
from shared.usecases import erase
from tests.local_receiver import Receiver
from tests.tables import ACTIVITIES, BUDGETS, ERASURES, LEADS
from tests.whole_way import PUBLIC_KEY, WholeWay

GOLDEN = Path(__file__).parents[2] / "events" / "queue_erase.json"
SERVER_KEY = "sk_servers"
SECRETS = {"/baton/test/servers": SERVER_KEY, "/baton/test/signing": "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIHJlY2VpdmVy"}
SAM = "canary.sam@acme-canary.example"
CANARIES = ("canary", "Samantha")


@pytest.fixture
def way(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[WholeWay]:
    monkeypatch.setattr(erase, "PAUSE", 0)
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        secrets = {**SECRETS, "/baton/test/slack": f"http://127.0.0.1:{slack.port}/services/x"}
        yield WholeWay(dynamodb, slack, webhook, secrets)


def track(way: WholeWay, who: str, event: str = "Invoice Paid", key: str = SERVER_KEY, **rest: Any) -> Any:
    return way.post("/v1/track", {"userId": who, "event": event, **rest}, key=key)


def came(way: WholeWay) -> None:
    """Sam looks at pages, asks for a demo, is known to the CRM, and is handed over; Grace only pays."""
    browser = {"anonymousId": "canary-browser"}
    way.post("/v1/page", {**browser, "name": "Prices"}, key=PUBLIC_KEY)
    way.post("/v1/track", {**browser, "event": "Page Viewed"}, key=PUBLIC_KEY)
    form = {"email": SAM, "name": "Samantha Jones", "company": "Canary Haulage", "consent": "yes"}
    way.post("/v1/forms/demo", {**form, "_anonymous_id": "canary-browser"})
    way.post("/v1/identify", {"userId": "canary-crm", "traits": {"email": SAM, "title": "CEO"}}, key=SERVER_KEY)
    track(way, SAM, "Page Viewed", timestamp=format_moment(Moment(SystemClock().now() - HOUR)))
    track(way, "grace@other.example")
    way.go_on()


def lead_of(way: WholeWay, address: str) -> str | None:
    found = json.loads(way.ask("GET", "/v1/leads", query={"email": address})["body"])["leads"]
    return found[0]["id"] if found else None


def erased(way: WholeWay, address: str = SAM) -> None:
    reply = way.ask("POST", f"/v1/leads/{lead_of(way, address)}/erasures", {"why": "Asked for by letter."})
    assert reply["statusCode"] == 202, reply
    way.go_on()


def stored(way: WholeWay) -> str:
    """Everything in every table, packed bytes read out too."""
    told = []
    for table in (ACTIVITIES, BUDGETS, ERASURES, LEADS):
        for item in way.dynamodb.scan(TableName=table)["Items"]:
            told.append(str(item))
            told += [str(zlib.decompress(value["B"])) for value in item.values() if "B" in value]
    return "\n".join(told)


def test_what_waits_for_a_channel_that_is_down_is_exported_and_erased_with_the_person(way: WholeWay) -> None:
    came(way)
    lead = lead_of(way, SAM)
    message = {"lead": lead, "stage": "mql", "epoch": 1}
    DynamoDBMissed(way.dynamodb, LEADS).put_by(
        ChannelKey("inside-sales", "webhook"),
        MissedMessage(f"{lead}.mql.1.requested", SystemClock().now(), "HandoffRequested", message),
    )
    assert "MISSED#inside-sales" in way.ask("GET", f"/v1/leads/{lead}/export")["body"]

    erased(way)

    assert DynamoDBMissed(way.dynamodb, LEADS).waiting() == []
    assert lead is not None
    assert lead not in str(way.dynamodb.scan(TableName=LEADS)["Items"])


def test_after_an_erasure_no_table_holds_anything_of_the_person(way: WholeWay) -> None:
    came(way)
    assert way.webhook.requests
    assert all(canary in stored(way) for canary in CANARIES)
    grace = lead_of(way, "grace@other.example")

    erased(way)

    assert not [canary for canary in CANARIES if canary in stored(way)]
    assert lead_of(way, "grace@other.example") == grace
    assert (way.escaped, way.dead) == ([], [])
    (erasure,) = [item for item in way.dynamodb.scan(TableName=ERASURES)["Items"] if item["pk"]["S"] == "ERASURE"]
    assert "done_at" in erasure["told"]["S"]


def test_no_queue_holds_anything_of_the_person(way: WholeWay) -> None:
    came(way)
    erased(way)
    sqs = boto3.client("sqs")
    for url in way.queues.values():
        if not url.endswith("heard"):
            assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_what_is_sent_again_revives_nobody_and_what_is_new_begins_a_new_lead(way: WholeWay) -> None:
    came(way)
    old = lead_of(way, SAM)
    before = format_moment(Moment(SystemClock().now() - MINUTE))
    erased(way)
    way.start_anew()

    assert track(way, SAM, "Demo Requested", messageId="canary-1", timestamp=before)["statusCode"] == 200
    way.go_on()
    assert lead_of(way, SAM) is None
    assert not [canary for canary in CANARIES if canary in stored(way)]

    track(way, SAM, "Demo Requested")
    way.go_on()
    new = lead_of(way, SAM)
    assert new not in (None, old)
    shown = json.loads(way.ask("GET", f"/v1/leads/{new}")["body"])
    assert [each["type"] for each in shown["activities"]] == ["demo_requested"]
    assert shown["consents"]["history"] == []


def test_nothing_that_was_under_way_to_sales_is_sent_for_an_erased_person_and_nothing_fails(way: WholeWay) -> None:
    came(way)
    way.post("/v1/forms/demo", {"email": "late@canary.example", "consent": "yes"})
    track(way, "late@canary.example", "Page Viewed")
    # Scored, evaluated, and relayed: the queue of `notify` announces a handoff.
    for _ in range(3):
        way._stream()
    sent = len(way.webhook.requests)
    lead = lead_of(way, "late@canary.example")
    way.ask("POST", f"/v1/leads/{lead}/erasures", {"why": "Asked for by letter."})
    # The erasure overtakes everything that streams and queues still hold.
    for message in boto3.client("sqs").receive_message(QueueUrl=way.queues["erase"])["Messages"]:
        way.call("erase", _delivered(message["Body"]))

    way.go_on()

    assert len(way.webhook.requests) == sent
    assert "late@canary" not in stored(way)
    assert (way.escaped, way.dead) == ([], [])


def _delivered(body: str) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    golden["Records"][0]["body"] = body
    return golden


def test_what_others_share_with_the_person_stays_and_no_longer_names_them(way: WholeWay) -> None:
    came(way)
    # Grace uses Sam's browser too, was taken for Sam, and says so once more; and Sam has a further name by now.
    shared = {"anonymousId": "canary-browser"}
    track(way, "grace@other.example", **shared)
    way.go_on()
    sam, grace = lead_of(way, SAM), lead_of(way, "grace@other.example")
    way.ask("POST", f"/v1/leads/{sam}/merges", {"lead": grace})
    way.go_on()
    both = lead_of(way, SAM)
    apart = [{"kind": "email", "value": "grace@other.example"}]
    way.ask("POST", f"/v1/leads/{both}/unmerges", {"apart": apart})
    way.go_on()
    track(way, "canary-crm", context={"traits": {"email": "grace@other.example"}})
    way.post("/v1/identify", {"userId": "canary-crm", "traits": {"email": "grace@other.example"}}, key=SERVER_KEY)
    way.go_on()
    assert lead_of(way, SAM) != lead_of(way, "grace@other.example")
    way.post("/v1/identify", {"userId": "canary-new", "traits": {"email": SAM}}, key=SERVER_KEY)
    lead = lead_of(way, SAM)
    way.ask("POST", f"/v1/leads/{lead}/erasures", {"why": "Asked for by letter."})
    way._stream()
    way.go_on()

    left = stored(way).replace("canary-browser", "browser")
    assert not [canary for canary in CANARIES if canary in left]
    found = json.loads(way.ask("GET", f"/v1/leads/{lead_of(way, 'grace@other.example')}")["body"])
    assert {each["value"] for each in found["identities"]} == {"grace@other.example"}
    assert "invoice_paid" in {each["type"] for each in found["activities"]}
    assert (way.escaped, way.dead) == ([], [])


def test_what_a_stream_hands_on_after_the_last_pass_revives_nobody(way: WholeWay) -> None:
    came(way)
    track(way, SAM, "Page Viewed")
    late = way._changes(ACTIVITIES)
    erased(way)
    for record in late:
        image = record["dynamodb"]["NewImage"]
        image["received_at"] = {"N": str(SystemClock().now() - MINUTE)}

    way.call("score", {"Records": late})
    way.go_on()

    assert late
    assert not [canary for canary in CANARIES if canary in stored(way)]


NEW, KNOWN, SUPPRESSED = "new@acme.example", "grace@other.example", "denied@acme.example"


def everybody(way: WholeWay) -> None:
    """Sam is erased, Grace is known, somebody has withdrawn consent."""
    came(way)
    way.post("/v1/identify", {"userId": SUPPRESSED, "traits": {"consent": "denied"}}, key=SERVER_KEY)
    way.go_on()
    erased(way)
    way.start_anew()


def calls(who: str, key: str) -> dict[str, dict[str, Any]]:
    """Each way in with a moment before and after the erasure."""
    then = format_moment(Moment(SystemClock().now() - HOUR))
    one = {"userId": who, "timestamp": then, "messageId": f"m-{key}"}
    alias = {"userId": who, "previousId": f"p-{who}", "timestamp": then}
    return {
        "/v1/track": {**one, "event": "Demo Requested"},
        "/v1/identify": {**one, "traits": {"title": "CEO"}},
        "/v1/group": {**one, "groupId": "g-1", "traits": {"name": "Acme"}},
        "/v1/page": one,
        "/v1/screen": one,
        "/v1/alias": alias,
        "/v1/batch": {"batch": [{**one, "type": "track", "event": "Demo Requested"}]},
    }


def answers(way: WholeWay, who: str) -> list[Any]:
    """What every way in answers about somebody, to a server and to a page."""
    told = []
    for key in (SERVER_KEY, PUBLIC_KEY):
        for path, body in calls(who, key).items():
            told.append((path, _plain(way.post(path, body, key=key), who)))
    forms = ({"email": who, "consent": "yes"}, {"email": who, "_gotcha": "x"})
    told += [("form", _plain(way.post("/v1/forms/demo", body), who)) for body in forms]
    lines = {"as": "trade_show", "rows": [{"email": who}]}
    told.append(("import", _plain(way.post("/v1/import", lines, key=SERVER_KEY), who)))
    event = {"specversion": "1.0", "id": f"e-{who}", "source": "crm", "type": "invoice.paid", "data": {"email": who}}
    told.append(("event", _plain(way.post("/v1/events", event, key=SERVER_KEY), who)))
    return told


def _plain(reply: Any, who: str) -> Any:
    return json.loads(json.dumps(reply).replace(who, "somebody"))


def test_no_answer_tells_whether_somebody_is_new_known_erased_or_has_withdrawn(way: WholeWay) -> None:
    everybody(way)

    expected = answers(way, NEW)

    assert {reply["statusCode"] for _, reply in expected} >= {200}
    for who in (KNOWN, SAM, SUPPRESSED):
        assert answers(way, who) == expected, who
    way.go_on()
    assert (way.escaped, way.dead) == ([], [])


def test_on_the_bus_what_an_erased_person_did_before_is_taken_like_everything_and_dropped(way: WholeWay) -> None:
    everybody(way)
    body = {
        "detail-type": "ActivitySubmitted",
        "id": "e-1",
        "source": "acme.billing",
        "time": format_moment(Moment(SystemClock().now() - HOUR)),
        "detail": {"type": "invoice_paid", "email": SAM},
    }
    message = _delivered(json.dumps(body))
    message["Records"][0]["attributes"]["SentTimestamp"] = str(SystemClock().now() // 1000)

    assert way.call("ingest", message) == {"batchItemFailures": []}
    assert "canary" not in stored(way)


def test_an_export_holds_every_item_of_the_lead_and_every_activity_of_the_log(way: WholeWay) -> None:
    came(way)
    lead = lead_of(way, SAM)
    way.ask("POST", f"/v1/leads/{lead}/consents", {"consent": "denied", "why": "On the telephone."})
    way.go_on()

    page = json.loads(way.ask("GET", f"/v1/leads/{lead}/export")["body"])

    assert page["next"] is None
    told = page["sections"]
    for item in way.dynamodb.scan(TableName=LEADS)["Items"]:
        partition, name = item["pk"]["S"], item["sk"]["S"]
        if partition == f"LEAD#{lead}":
            (found,) = [each for each in told["stored"] if each["item"] == name]
            for attribute in item.keys() - {"pk", "sk", "state"}:
                ((_, value),) = item[attribute].items()
                assert str(found[attribute]) == str(value)
        elif partition.startswith("IDENTITY#") and item.get("lead", {}).get("S") == lead:
            kind, _, value = partition.removeprefix("IDENTITY#").partition(":")
            assert {"kind": kind, "value": value} in told["identities"]
        elif name == "ATTACHED":
            assert partition.removeprefix("IDENTITY#anonymous_id:") in {
                each["anonymous_id"] for each in told["browsers"]
            }
    logged = [
        item
        for item in way.dynamodb.scan(TableName=ACTIVITIES)["Items"]
        if "grace@other.example" not in item["pk"]["S"]
    ]
    assert sorted(item["sk"]["S"] for item in logged) == sorted(each["id"] for each in told["activities"])
    whole = json.dumps(told)
    for canary in (SAM, "canary-crm", "canary-browser", "Samantha Jones", "Canary Haulage", "You may contact me."):
        assert canary in whole
    (handed_over,) = told["handoffs"]
    assert set(handed_over["messages_sent"]) == {"email", "slack", "webhook"}
    assert {each["id"] for each in handed_over["rules"]["earned"]} == {"pricing", "demo"}
    assert told["person"][0]["consent"] == "denied"
