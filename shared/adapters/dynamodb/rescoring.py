"""Checkpoints of rescores on DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import RESCORE, key
from shared.domain.moments import DAY, SECOND
from shared.ports.errors import Conflict
from shared.ports.rescoring import Checkpoint

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item

REMEMBERED_FOR = 30 * DAY


class DynamoDBRescoring:
    """The rescoring side of the Leads table; all checkpoints stand in one partition, a few dozen at most."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def begin(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Store first checkpoints; see `shared.ports.rescoring.Rescoring`."""
        for checkpoint in checkpoints:
            try:
                self._put(checkpoint, "attribute_not_exists(pk)")
            except Conflict:
                continue

    def unfinished(self) -> list[Checkpoint]:
        """Every segment that is not done; see `shared.ports.rescoring.Rescoring`."""
        return [checkpoint for checkpoint in self.all() if not checkpoint.done]

    def all(self) -> list[Checkpoint]:
        """Every remembered segment; see `shared.ports.rescoring.Rescoring`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :rescore",
                ExpressionAttributeValues={":rescore": {"S": RESCORE}},
                ConsistentRead=True,
            )
            return [_checkpoint(item) for page in pages for item in page["Items"]]

    def save(self, checkpoint: Checkpoint) -> None:
        """Write over its version; see `shared.ports.rescoring.Rescoring`."""
        self._put(checkpoint, "version = :version", {":version": {"N": str(checkpoint.version)}})

    def _put(self, checkpoint: Checkpoint, condition: str, values: Item | None = None) -> None:
        item: Item = {
            **key(RESCORE, f"{checkpoint.job}#{checkpoint.segment:03d}"),
            "version": {"N": str(checkpoint.version + 1)},
            "told": {"S": json.dumps(asdict(checkpoint), sort_keys=True)},
            "expires": {"N": str((checkpoint.began + REMEMBERED_FOR) // SECOND)},
        }
        optional: Any = {"ExpressionAttributeValues": values} if values else {}
        with translated():
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression=condition, **optional)


def _checkpoint(item: Mapping[str, Any]) -> Checkpoint:
    return replace(Checkpoint(**json.loads(item["told"]["S"])), version=int(item["version"]["N"]))
