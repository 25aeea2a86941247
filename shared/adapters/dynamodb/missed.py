"""Breakers and missed messages in the Leads table.

All stand in one partition: a query of one item finds the next channel for which something waits, however many messages
lie before it, and no channel is lost whose team has left the settings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import BREAKER, CHANNELS, MISSED, key
from shared.domain.breaker import CLOSED, Breaker
from shared.domain.moments import Moment
from shared.ports.errors import Conflict
from shared.ports.missed import ChannelKey, MissedMessage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item

_ATTEMPTS = 5
_AFTER_ALL = "~"
"""Sorts behind every quoted text and `#`."""


class DynamoDBMissed:
    """Breakers and missed messages of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def breaker(self, channel: ChannelKey) -> Breaker:
        """The channel's breaker; see `shared.ports.missed.Missed`."""
        return self._stored(channel)[0]

    def failed(self, channel: ChannelKey, now: Moment, error: str, *, again: bool = False) -> Breaker:
        """Count a failure; see `shared.ports.missed.Missed`.

        A failure whose write got no answer may count twice: then the breaker opens the sooner, and nothing is lost.
        """
        for _ in range(_ATTEMPTS):
            before, version = self._stored(channel)
            after = before.failed_again(now, error) if again and before.is_open else before.failed(now, error)
            condition: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
            if version:
                condition = {
                    "ConditionExpression": "version = :version",
                    "ExpressionAttributeValues": {":version": {"N": str(version)}},
                }
            try:
                with translated():
                    self._client.put_item(TableName=self._table, Item=_item(channel, after, version + 1), **condition)
            except Conflict:
                continue
            return after
        msg = f"others count failures of {channel.text} all the time"
        raise Conflict(msg)

    def close(self, channel: ChannelKey) -> None:
        """Forget all failures; see `shared.ports.missed.Missed`."""
        with translated():
            self._client.delete_item(TableName=self._table, Key=_breaker_key(channel))

    def breakers(self) -> dict[ChannelKey, Breaker]:
        """Every channel that failed last; see `shared.ports.missed.Missed`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :channels AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":channels": {"S": CHANNELS}, ":prefix": {"S": BREAKER}},
                ConsistentRead=True,
            )
            items = [item for page in pages for item in page["Items"]]
        return {_channel_of(item["sk"]["S"].removeprefix(BREAKER)): _breaker_of(item) for item in items}

    def put_by(self, channel: ChannelKey, message: MissedMessage) -> None:
        """Keep a message; see `shared.ports.missed.Missed`."""
        told = {"id": message.id, "at": message.at, "name": message.name, "detail": message.detail}
        with translated():
            self._client.put_item(
                TableName=self._table,
                Item={**_message_key(channel, message), "told": {"S": json.dumps(told, sort_keys=True)}},
            )

    def waiting(self) -> list[ChannelKey]:
        """Every channel for which something waits; see `shared.ports.missed.Missed`."""
        found: list[ChannelKey] = []
        after = MISSED
        while items := self._query(after, MISSED + _AFTER_ALL, limit=1, fields="sk"):
            channel = _channel_of(items[0]["sk"]["S"].removeprefix(MISSED))
            found.append(channel)
            after = _of(channel) + _AFTER_ALL
        return found

    def next(self, channel: ChannelKey, limit: int, after: MissedMessage | None = None) -> list[MissedMessage]:
        """The oldest that wait; see `shared.ports.missed.Missed`."""
        start = _message_key(channel, after)["sk"]["S"] + " " if after else _of(channel)
        items = self._query(start, _of(channel) + _AFTER_ALL, limit=limit)
        return [MissedMessage(**json.loads(item["told"]["S"])) for item in items]

    def done(self, channel: ChannelKey, message: MissedMessage) -> None:
        """Take a message away; see `shared.ports.missed.Missed`."""
        with translated():
            self._client.delete_item(TableName=self._table, Key=_message_key(channel, message))

    def _query(self, start: str, end: str, *, limit: int, fields: str | None = None) -> list[Any]:
        asked: Any = {"ProjectionExpression": fields} if fields else {}
        with translated():
            return self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :channels AND sk BETWEEN :start AND :end",
                ExpressionAttributeValues={":channels": {"S": CHANNELS}, ":start": {"S": start}, ":end": {"S": end}},
                ConsistentRead=True,
                Limit=limit,
                **asked,
            )["Items"]

    def _stored(self, channel: ChannelKey) -> tuple[Breaker, int]:
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=_breaker_key(channel), ConsistentRead=True)
        if "Item" not in answer:
            return CLOSED, 0
        return _breaker_of(answer["Item"]), int(answer["Item"]["version"]["N"])


def _written(channel: ChannelKey) -> str:
    """The channel in a sort key; a team may be called anything."""
    return f"{quote(channel.team, safe='', errors='replace').replace('~', '%7E')}#{channel.channel}#"


def _of(channel: ChannelKey) -> str:
    return MISSED + _written(channel)


def _channel_of(rest: str) -> ChannelKey:
    team, channel, _ = rest.split("#", 2)
    return ChannelKey(unquote(team), channel)


def _breaker_key(channel: ChannelKey) -> Item:
    return key(CHANNELS, BREAKER + _written(channel))


def _message_key(channel: ChannelKey, message: MissedMessage) -> Any:
    return key(CHANNELS, f"{_of(channel)}{message.at:020d}#{message.id}")


def _item(channel: ChannelKey, breaker: Breaker, version: int) -> Item:
    told = {
        "failures": breaker.failures,
        "since": breaker.since,
        "tries_at": breaker.tries_at,
        "wait": breaker.wait,
        "error": breaker.error,
    }
    return {
        **_breaker_key(channel),
        "version": {"N": str(version)},
        "told": {"S": json.dumps(told, sort_keys=True)},
    }


def _breaker_of(item: Any) -> Breaker:
    return Breaker(**json.loads(item["told"]["S"]))
