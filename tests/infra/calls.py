"""Which AWS actions each function called, seen where boto3 sends its calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.tables import ACTIVITIES, BUDGETS, ERASURES, LEADS

Calls = dict[str, set[tuple[str, str]]]
"""For each function the pairs of what it called on, and the IAM action that the call needs."""

_TABLES = {ACTIVITIES: "Activities", BUDGETS: "Budgets", ERASURES: "Erasures", LEADS: "Leads"}
_OTHERS = {
    "SendMessage": "sqs:SendMessage",
    "SendMessageBatch": "sqs:SendMessage",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "PutEvents": "events:PutEvents",
    "GetParameter": "ssm:GetParameter",
    "SendEmail": "ses:SendEmail",
}


def record(calls: Calls, patch: pytest.MonkeyPatch) -> None:
    """From now on note every call that comes from a function's code."""
    original: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noting(client: BaseClient, operation: str, parameters: Mapping[str, Any]) -> Any:
        if (verb := _caller()) is not None:
            calls.setdefault(verb, set()).update(_needed(operation, parameters))
        return original(client, operation, parameters)

    patch.setattr(BaseClient, "_make_api_call", noting)


def _caller() -> str | None:
    """The function whose code stands on the stack."""
    frame = sys._getframe(2)
    while frame is not None:
        package, _, rest = frame.f_globals.get("__name__", "").partition(".")
        if package == "functions":
            return str(rest.partition(".")[0])
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def _needed(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation in _OTHERS:
        action = _OTHERS[operation]
        yield action.partition(":")[0], action
    elif operation == "TransactWriteItems":
        actions = {
            "Put": "PutItem",
            "Update": "UpdateItem",
            "Delete": "DeleteItem",
            "ConditionCheck": "ConditionCheckItem",
        }
        for item in parameters["TransactItems"]:
            for kind, write in item.items():
                yield _TABLES[write["TableName"]], f"dynamodb:{actions[kind]}"
    elif operation in {"BatchGetItem", "BatchWriteItem"}:
        for table in parameters["RequestItems"]:
            yield _TABLES[table], f"dynamodb:{operation}"
    else:
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        yield _TABLES[parameters["TableName"]] + index, f"dynamodb:{operation}"
