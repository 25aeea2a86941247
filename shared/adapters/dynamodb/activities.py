"""The log of activities on DynamoDB: one conditional put each, and the item as the stream hands it on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import key
from shared.domain.activity import NO_CLAIMS, Activity, Claims, Identity, Rank
from shared.domain.moments import DAY, SECOND, Moment
from shared.ports.activities import ActivityKey
from shared.ports.errors import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from shared.adapters.dynamodb.keys import Item

_PARALLEL_PUTS = 16
_COMPRESS_ABOVE = 640
"""Bytes of JSON above which a body is compressed, so that a browser's activity stays within one write unit of 1 KB."""

_IF_NEW = "attribute_not_exists(pk)"
_NEVER = "attribute_not_exists(pk) AND attribute_exists(pk)"


class DynamoDBActivities:
    """The Activities table: partition = identity, sort = activity id."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, retention_days: int = 760, anonymous_retention_days: int = 90
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention_days * DAY
        self._anonymous_retention = anonymous_retention_days * DAY

    def append(self, activities: Iterable[Activity], withheld: Iterable[Activity] = ()) -> None:
        """Store each unless it is there; see `shared.ports.activities.Activities`."""
        puts = [(self._item(activity), _IF_NEW) for activity in activities]
        puts += [(self._item(activity), _NEVER) for activity in withheld]
        if len(puts) == 1:
            self._put(puts[0])
        elif puts:
            with ThreadPoolExecutor(min(_PARALLEL_PUTS, len(puts))) as pool:
                list(pool.map(self._put, puts))

    def write_of(self, activity: Activity) -> TransactWriteItemTypeDef:
        """The write that appends an activity, for a transaction with what belongs beside it."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": self._item(activity),
                "ConditionExpression": _IF_NEW,
            }
        }

    def under(self, identity: Identity) -> list[Activity]:
        """All that is kept under an identity; see `shared.ports.activities.Activities`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :identity",
                ExpressionAttributeValues={":identity": {"S": identity.key}},
                ConsistentRead=True,
            )
            found = [activity_of(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda activity: (activity.occurred_at, activity.id))

    def segment(
        self, number: int, of: int, after: str | None, limit: int, received_since: Moment | None = None
    ) -> tuple[list[Activity], str | None]:
        """A page of one segment of the log; see `shared.ports.activities.Activities`."""
        optional: Any = {"ExclusiveStartKey": json.loads(after)} if after else {}
        if received_since is not None:
            optional["FilterExpression"] = "received_at >= :since"
            optional["ExpressionAttributeValues"] = {":since": {"N": str(received_since)}}
        with translated():
            answer = self._client.scan(
                TableName=self._table, Segment=number, TotalSegments=of, Limit=limit, ConsistentRead=True, **optional
            )
        following = answer.get("LastEvaluatedKey")
        return [activity_of(item) for item in answer["Items"]], json.dumps(following) if following else None

    def at(self, key_: ActivityKey) -> Activity | None:
        """The activity under a key; see `shared.ports.activities.Activities`."""
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(key_.identity.key, key_.id), ConsistentRead=True
            )
        return activity_of(answer["Item"]) if "Item" in answer else None

    def _put(self, put: tuple[Item, str]) -> None:
        item, condition = put
        try:
            with translated():
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression=condition)
        except Conflict:
            # It is there already, sent again by the client or by botocore after a lost answer; or it is withheld.
            return

    def _item(self, activity: Activity) -> Item:
        keep = self._retention if activity.known_identities else self._anonymous_retention
        return {
            **key(activity.identity.key, activity.id),
            "type": {"S": activity.type},
            "occurred_at": {"N": str(activity.occurred_at)},
            "received_at": {"N": str(activity.received_at)},
            "expires": {"N": str((activity.received_at + keep) // SECOND)},
            **_body(activity),
        }


def activity_of(item: Mapping[str, Any]) -> Activity:
    """The activity that an item of the table, or of its stream, holds."""
    text = zlib.decompress(item["body"]["B"]) if "B" in item["body"] else item["body"]["S"]
    body = json.loads(text)
    claims = body.get("claims")
    return Activity(
        id=item["sk"]["S"],
        type=item["type"]["S"],
        occurred_at=Moment(int(item["occurred_at"]["N"])),
        received_at=Moment(int(item["received_at"]["N"])),
        identities=(Identity.of_key(item["pk"]["S"]), *(Identity.of_key(text) for text in body.get("also", ()))),
        rank=Rank(body["rank"]),
        channel=body.get("channel"),
        source=body.get("source"),
        properties=body.get("properties", {}),
        context=body.get("context", {}),
        claims=Claims(**claims) if claims else NO_CLAIMS,
        own=body.get("own", True),
        marks=tuple(body.get("marks", ())),
    )


def _body(activity: Activity) -> Item:
    whole = {
        "rank": int(activity.rank),
        "also": [identity.key for identity in activity.identities[1:]],
        "channel": activity.channel,
        "source": activity.source,
        "properties": activity.properties,
        "context": activity.context,
        "claims": {name: said for name, said in asdict(activity.claims).items() if said},
        "marks": list(activity.marks),
    }
    present = {name: said for name, said in whole.items() if said not in (None, {}, [])}
    if not activity.own:
        present["own"] = False
    text = json.dumps(present, separators=(",", ":"), ensure_ascii=False)
    encoded = text.encode()
    return {"body": {"B": zlib.compress(encoded, 9)} if len(encoded) > _COMPRESS_ABOVE else {"S": text}}
