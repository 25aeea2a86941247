"""Noise filters on DynamoDB: one item each, in one partition of the Leads table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import NOISE, key, noise_filter
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.events import NoiseChanged
from shared.domain.moments import DAY, SECOND
from shared.domain.noise import NoiseFilter
from shared.ports.bus import Event
from shared.ports.noise import NoiseMark, Said

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item

UNMARKED_KEPT_FOR = 30 * DAY


class DynamoDBNoiseMarks:
    """The noise side of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all(self) -> list[NoiseMark]:
        """Every filter; see `shared.ports.noise.NoiseMarks`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :noise AND begins_with(sk, :filter)",
                ExpressionAttributeValues={":noise": {"S": NOISE}, ":filter": {"S": noise_filter("")}},
                ConsistentRead=True,
            )
            return [_mark(item) for page in pages for item in page["Items"]]

    def get(self, id_: str) -> NoiseMark | None:
        """A filter; see `shared.ports.noise.NoiseMarks`."""
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(NOISE, noise_filter(id_)), ConsistentRead=True
            )
        return _mark(answer["Item"]) if "Item" in answer else None

    def save(self, mark: NoiseMark) -> None:
        """Write it, and tell that the filters changed; see `shared.ports.noise.NoiseMarks`."""
        put: Any = {"TableName": self._table, "Item": _item(mark), "ConditionExpression": "attribute_not_exists(pk)"}
        if mark.version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": {"N": str(mark.version)}}
        said = NoiseChanged(id=f"noise-{mark.filter.id}-{mark.version + 1}", filter=mark.filter.id, at=mark.last.at)
        event = Event(id=said.id, name=said.NAME, detail=said.as_detail())
        with translated():
            self._client.transact_write_items(
                TransactItems=[
                    {"Put": put},
                    {"Put": {"TableName": self._table, "Item": outbox_item(NOISE, event, mark.last.at)}},
                ]
            )


def _item(mark: NoiseMark) -> Item:
    told = {"filter": asdict(mark.filter), "marked": asdict(mark.marked)}
    item: Item = {
        **key(NOISE, noise_filter(mark.filter.id)),
        "version": {"N": str(mark.version + 1)},
    }
    if mark.unmarked:
        told["unmarked"] = asdict(mark.unmarked)
        item["expires"] = {"N": str((mark.unmarked.at + UNMARKED_KEPT_FOR) // SECOND)}
    item["told"] = {"S": json.dumps(told, sort_keys=True)}
    return item


def _mark(item: Mapping[str, Any]) -> NoiseMark:
    told = json.loads(item["told"]["S"])
    return NoiseMark(
        NoiseFilter(**told["filter"]),
        Said(**told["marked"]),
        Said(**told["unmarked"]) if "unmarked" in told else None,
        int(item["version"]["N"]),
    )
