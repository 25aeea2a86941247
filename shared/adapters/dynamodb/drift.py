"""Drift on DynamoDB: all in one partition of the Leads table, the one to which `reconcile` may write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import DRIFT, ROUND, drift, key
from shared.domain.drift import Fault
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment
from shared.ports.drift import Drift, Round

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBDrifts:
    """The drift side of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all(self) -> list[Drift]:
        """Every lead that has drifted; see `shared.ports.drift.Drifts`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :drift AND begins_with(sk, :lead)",
                ExpressionAttributeValues={":drift": {"S": DRIFT}, ":lead": {"S": drift(LeadId(""))}},
                ConsistentRead=True,
            )
            return [_drift(item) for page in pages for item in page["Items"]]

    def note(self, found: Drift) -> None:
        """Store it; see `shared.ports.drift.Drifts`."""
        with translated():
            self._client.put_item(
                TableName=self._table, Item={**key(DRIFT, drift(found.lead)), "told": {"S": json.dumps(asdict(found))}}
            )

    def clear(self, lead: LeadId) -> None:
        """Forget it; see `shared.ports.drift.Drifts`."""
        with translated():
            self._client.delete_item(TableName=self._table, Key=key(DRIFT, drift(lead)))

    def round(self) -> Round | None:
        """The round under way; see `shared.ports.drift.Drifts`."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=key(DRIFT, ROUND), ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = answer["Item"]
        return replace(Round(**json.loads(item["told"]["S"])), version=int(item["version"]["N"]))

    def go_on(self, round_: Round) -> None:
        """Write over its version; see `shared.ports.drift.Drifts`."""
        put: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
        if round_.version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": {"N": str(round_.version)}}
        with translated():
            self._client.put_item(
                TableName=self._table,
                Item={
                    **key(DRIFT, ROUND),
                    "version": {"N": str(round_.version + 1)},
                    "told": {"S": json.dumps(asdict(round_))},
                },
                **put,
            )


def _drift(item: Mapping[str, Any]) -> Drift:
    told = json.loads(item["told"]["S"])
    return Drift(
        LeadId(told["lead"]),
        tuple(Fault(each) for each in told["faults"]),
        Moment(told["found_at"]),
        Moment(told["seen_at"]),
    )
