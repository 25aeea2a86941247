"""The README's `aws events put-events`, put on a bus that passes it on to the queue of `ingest`."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import boto3

from shared.adapters.submitted_activities import read_submitted
from tests.people import email

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
GOLDEN = json.loads((Path(__file__).parents[2] / "events" / "bus_activity_submitted.json").read_text(encoding="utf-8"))


def entries() -> Any:
    [command] = re.findall(r"```sh\n(aws events put-events .*?)```", README, re.DOTALL)
    words = shlex.split(command)
    assert words[:4] == ["aws", "events", "put-events", "--entries"]
    return json.loads(words[4])


def test_the_readmes_event_reaches_ingest_and_is_the_activity_that_it_says(dynamodb: Any) -> None:
    events, sqs = boto3.client("events"), boto3.client("sqs")
    bus = entries()[0]["EventBusName"]
    queue = sqs.create_queue(QueueName="ingest")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name=bus)
    events.put_rule(Name="r", EventBusName=bus, EventPattern=json.dumps({"detail-type": ["ActivitySubmitted"]}))
    events.put_targets(Rule="r", EventBusName=bus, Targets=[{"Id": "ingest", "Arn": arn}])

    assert events.put_events(Entries=entries())["FailedEntryCount"] == 0

    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    found = read_submitted(
        {"messageId": "m", "body": message["Body"], "attributes": {"SentTimestamp": "1772441999000"}}
    )
    assert (found.id, found.type, found.source) == ("acme.billing:invoice-2041", "invoice_paid", "acme.billing")
    assert found.identities == (email("ada@example.com"),)
    assert found.properties == {"amount": 1250.5}


def test_the_readmes_event_is_the_golden_one_in_short() -> None:
    detail = json.loads(entries()[0]["Detail"])

    assert entries()[0]["Source"] == GOLDEN["source"]
    for name in ("id", "type", "email"):
        assert detail[name] == GOLDEN["detail"][name]
