"""Queues on moto: what is sent is JSON, in as many calls as it takes, and may be kept back."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from shared.adapters.sqs import SQSQueue
from shared.ports.errors import Unavailable


@pytest.fixture
def queue(aws: None) -> tuple[Any, str]:
    sqs = boto3.client("sqs")
    return sqs, sqs.create_queue(QueueName="work")["QueueUrl"]


def waiting(sqs: Any, url: str, what: str) -> int:
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(told[f"ApproximateNumberOfMessages{what}"])


def test_more_than_ten_messages_go_in_several_calls(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    SQSQueue(sqs, url).send([{"lead": f"lead-{number}"} for number in range(25)])

    assert (waiting(sqs, url, ""), waiting(sqs, url, "Delayed")) == (25, 0)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["lead"].startswith("lead-")


def test_what_is_sent_for_later_is_kept_back(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    SQSQueue(sqs, url).send_later([{"erasure": "erasure-1"}], 60)

    assert (waiting(sqs, url, ""), waiting(sqs, url, "Delayed")) == (0, 1)


def test_what_waits_and_what_is_being_worked_on_is_counted_and_what_is_kept_back_is_not(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    work = SQSQueue(sqs, url)
    work.send([{"lead": f"lead-{number}"} for number in range(7)])
    work.send_later([{"erasure": "erasure-1"}], 60)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)

    assert work.waiting() == 7
    with pytest.raises(Unavailable):
        SQSQueue(sqs, f"{url}-none").waiting()


def test_a_queue_that_is_not_there_is_told_as_unavailable(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    with pytest.raises(Unavailable):
        SQSQueue(sqs, f"{url}-none").send_later([{"erasure": "erasure-1"}], 60)
