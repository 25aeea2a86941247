"""Events that wait for `relay`, stored in the transaction that made them happen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import OUTBOX, key, outbox
from shared.domain.moments import DAY, SECOND, Moment
from shared.ports.bus import Event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item

KEPT_FOR = 14 * DAY
"""As long as a queue keeps a message, so that a redrive finds what it names."""


class DynamoDBOutbox:
    """Reads single outbox items again, for a retry that names one by its key."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, partition: str, sort: str) -> Event | None:
        """The event under a key, or None when it has expired."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=key(partition, sort), ConsistentRead=True)
        return event_of(answer["Item"]) if "Item" in answer else None


def outbox_item(partition: str, event: Event, now: Moment) -> Item:
    """The item that holds an event until it is published, and two weeks longer."""
    return {
        **key(partition, outbox(event.id)),
        "name": {"S": event.name},
        "detail": {"S": json.dumps(event.detail, sort_keys=True, separators=(",", ":"))},
        "expires": {"N": str((now + KEPT_FOR) // SECOND)},
    }


def event_of(item: Mapping[str, Any]) -> Event:
    """The event that an outbox item, or its stream image, holds.

    Raises:
        KeyError: an attribute is missing or of another type.
        ValueError: its detail is no JSON object.
    """
    detail = json.loads(item["detail"]["S"])
    if not isinstance(detail, dict):
        msg = "an event's detail is a JSON object"
        raise ValueError(msg)  # noqa: TRY004 (what is stored is wrong, not the caller)
    return Event(id=item["sk"]["S"].removeprefix(OUTBOX), name=item["name"]["S"], detail=detail)
