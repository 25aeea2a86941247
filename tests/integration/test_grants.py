"""What the functions called in all these tests is what the stack grants them: nothing is missing, nothing is spare."""

from __future__ import annotations

import pytest

from tests.infra.calls import Calls
from tests.infra.test_permissions import GRANTS

BY_LAMBDA_ITSELF = {
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueUrl",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}

OF_OTHER_SETTINGS = {"notify": {("ssm", "ssm:GetParameter")}}
"""What is granted only where a team is told by Slack or by a webhook; in production's file as it comes none is."""


@pytest.mark.parametrize("verb", GRANTS)
def test_a_function_calls_what_it_may_and_may_what_it_calls(calls: Calls, verb: str) -> None:
    granted = {
        (name if action.startswith("dynamodb:") else action.partition(":")[0], action)
        for name, actions in GRANTS[verb].items()
        for action in actions - (set() if _is_anothers_queue(name, actions) else BY_LAMBDA_ITSELF)
        if not name.endswith("Failures")
    }
    assert calls[verb] == granted | OF_OTHER_SETTINGS.get(verb, set())


def _is_anothers_queue(name: str, actions: set[str]) -> bool:
    """Whether it is a queue that Lambda does not read for the function."""
    return name.endswith("Queue") and "sqs:ReceiveMessage" not in actions
