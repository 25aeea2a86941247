"""The bus and the secrets on moto."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from shared.adapters.eventbridge import EventBridgeBus
from shared.adapters.ssm import SSMSecrets
from shared.domain.moments import MINUTE, SECOND
from shared.ports.bus import Event
from shared.ports.errors import SecretMissing, Unavailable
from tests.fakes import FixedClock

BUS = "baton"


@pytest.fixture
def queue_on_bus(aws: None) -> tuple[Any, str]:
    """A queue that hears everything that Baton puts on its bus."""
    events, sqs = boto3.client("events"), boto3.client("sqs")
    events.create_event_bus(Name=BUS)
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps({"source": ["baton"]}))
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "heard", "Arn": arn}])
    return sqs, url


def heard(sqs: Any, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def numbered(count: int, size: int = 10) -> list[Event]:
    return [Event(f"id-{place:03d}", "StageChanged", {"note": "x" * size}) for place in range(count)]


def test_events_arrive_with_their_source_name_and_id(queue_on_bus: tuple[Any, str]) -> None:
    bus = EventBridgeBus(boto3.client("events"), BUS)
    assert bus.put([Event("lead-7.mql.1.requested", "HandoffRequested", {"lead": "lead-7"})]) == []
    (event,) = heard(*queue_on_bus)
    assert (event["source"], event["detail-type"]) == ("baton", "HandoffRequested")
    assert event["detail"] == {"lead": "lead-7", "id": "lead-7.mql.1.requested"}


def test_more_than_ten_events_go_in_several_calls(queue_on_bus: tuple[Any, str]) -> None:
    assert EventBridgeBus(boto3.client("events"), BUS).put(numbered(25)) == []
    assert sorted(event["detail"]["id"] for event in heard(*queue_on_bus)) == [event.id for event in numbered(25)]


class CountingEvents:
    """EventBridge that counts what each call holds and refuses what it is told to."""

    def __init__(self, refuses: tuple[str, ...] = (), breaks_on: str | None = None) -> None:
        self.calls: list[list[str]] = []
        self.bytes: list[int] = []
        self._refuses = refuses
        self._breaks_on = breaks_on

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 (boto3's own name)
        ids = [json.loads(entry["Detail"])["id"] for entry in Entries]
        self.calls.append(ids)
        self.bytes.append(sum(len("".join((e["Source"], e["DetailType"], e["Detail"])).encode()) + 14 for e in Entries))
        if self._breaks_on in ids:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutEvents")
        return {
            "FailedEntryCount": 0,
            "Entries": [
                {"ErrorCode": "ThrottlingException"} if id_ in self._refuses else {"EventId": "e"} for id_ in ids
            ],
        }


def test_a_call_never_holds_more_than_256_kilobytes() -> None:
    client = CountingEvents()
    events = numbered(9, 100_000)
    assert EventBridgeBus(client, BUS).put(events) == []  # type: ignore[arg-type]
    assert [id_ for call in client.calls for id_ in call] == [event.id for event in events]
    assert max(client.bytes) <= 256 * 1024
    assert len(client.calls) == 5


def test_only_the_entries_that_failed_are_given_back() -> None:
    client = CountingEvents(refuses=("id-003", "id-011"))
    assert [event.id for event in EventBridgeBus(client, BUS).put(numbered(12))] == ["id-003", "id-011"]  # type: ignore[arg-type]


def test_a_call_that_fails_gives_back_its_own_events_and_no_others() -> None:
    client = CountingEvents(breaks_on="id-004")
    assert EventBridgeBus(client, BUS).put(numbered(12)) == numbered(12)[:10]  # type: ignore[arg-type]
    assert len(client.calls) == 2


def test_a_secret_is_read_decrypted_and_remembered_for_five_minutes(aws: None) -> None:
    ssm, clock = boto3.client("ssm"), FixedClock()
    ssm.put_parameter(Name="/baton/prod/slack", Value="first", Type="SecureString")
    secrets = SSMSecrets(ssm, clock)
    assert secrets.get("/baton/prod/slack") == "first"
    ssm.put_parameter(Name="/baton/prod/slack", Value="second", Type="SecureString", Overwrite=True)
    clock.advance(5 * MINUTE - 1)
    assert secrets.get("/baton/prod/slack") == "first"
    clock.advance(1)
    assert secrets.get("/baton/prod/slack") == "second"
    assert "second" not in repr(secrets)


def test_whoever_needs_it_reads_a_newer_secret_at_once_and_not_more_often_than_every_ten_seconds(aws: None) -> None:
    ssm, clock = boto3.client("ssm"), FixedClock()

    def put(text: str) -> None:
        ssm.put_parameter(Name="/baton/prod/page", Value=text, Type="SecureString", Overwrite=True)

    put("first")
    secrets = SSMSecrets(ssm, clock)
    assert secrets.get("/baton/prod/page") == "first"
    put("second")
    clock.advance(10 * SECOND)
    assert secrets.get("/baton/prod/page") == "first"
    assert secrets.get("/baton/prod/page", anew=True) == "second"
    put("third")
    clock.advance(10 * SECOND - 1)
    assert secrets.get("/baton/prod/page", anew=True) == "second"
    clock.advance(1)
    assert secrets.get("/baton/prod/page", anew=True) == secrets.get("/baton/prod/page") == "third"


def test_a_missing_secret_is_told_by_its_name_and_found_once_it_is_put(aws: None) -> None:
    ssm = boto3.client("ssm")
    secrets = SSMSecrets(ssm, FixedClock())
    with pytest.raises(SecretMissing, match="/baton/prod/slack"):
        secrets.get("/baton/prod/slack")
    ssm.put_parameter(Name="/baton/prod/slack", Value="now", Type="SecureString")
    assert secrets.get("/baton/prod/slack") == "now"


def test_a_store_that_does_not_answer_may_answer_later(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ssm = boto3.client("ssm")

    def throttled(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetParameter")

    monkeypatch.setattr(ssm, "get_parameter", throttled)
    with pytest.raises(Unavailable):
        SSMSecrets(ssm, FixedClock()).get("/baton/prod/slack")
