"""Committed handoffs on DynamoDB, and the marks of what was sent of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import handoff, key, lead_of_partition, lead_partition, sent, withheld
from shared.domain.handoff import Handoff, HandoffKey
from shared.domain.moments import Moment
from shared.ports.errors import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item


class DynamoDBHandoffs:
    """Handoffs of the Leads table, as `notify` reads and marks them."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key_: HandoffKey) -> Handoff | None:
        """The handoff, or None; see `shared.ports.handoffs.Handoffs`."""
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(lead_partition(key_.lead), handoff(key_)), ConsistentRead=True
            )
        return handoff_of(answer["Item"]) if "Item" in answer else None

    def sent(self, key_: HandoffKey) -> dict[str, Moment]:
        """The channels on which it went out; see `shared.ports.handoffs.Handoffs`."""
        prefix = sent(key_, "")
        with translated():
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :lead AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":lead": {"S": lead_partition(key_.lead)}, ":prefix": {"S": prefix}},
                ConsistentRead=True,
            )
        return {
            item["sk"]["S"].removeprefix(prefix): Moment(int(item["at"]["N"]))
            for item in answer["Items"]
            if "at" in item
        }

    def claim(self, key_: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        """Take the sending for oneself; see `shared.ports.handoffs.Handoffs`.

        `claimed_by` lets botocore's repetition of a call whose answer was lost find its own claim.
        """
        try:
            with translated():
                self._client.update_item(
                    TableName=self._table,
                    Key=key(lead_partition(key_.lead), sent(key_, channel)),
                    UpdateExpression="SET claimed_until = :until, claimed_by = :by",
                    ConditionExpression=(
                        "attribute_not_exists(#at) AND "
                        "(attribute_not_exists(claimed_until) OR claimed_until <= :now OR claimed_by = :by)"
                    ),
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={
                        ":until": {"N": str(until)},
                        ":now": {"N": str(at)},
                        ":by": {"S": uuid.uuid4().hex},
                    },
                )
        except Conflict:
            return False
        return True

    def mark_sent(self, key_: HandoffKey, channel: str, at: Moment) -> None:
        """Remember that it went out; see `shared.ports.handoffs.Handoffs`."""
        try:
            with translated():
                self._client.update_item(
                    TableName=self._table,
                    Key=key(lead_partition(key_.lead), sent(key_, channel)),
                    UpdateExpression="SET #at = :at REMOVE claimed_until, claimed_by",
                    ConditionExpression="attribute_not_exists(#at)",
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={":at": {"N": str(at)}},
                )
        except Conflict:
            return

    def withhold(self, key_: HandoffKey, reason: str, at: Moment) -> None:
        """Remember that it was not sent, and why; see `shared.ports.handoffs.Handoffs`."""
        try:
            with translated():
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        **key(lead_partition(key_.lead), withheld(key_)),
                        "reason": {"S": reason},
                        "at": {"N": str(at)},
                    },
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except Conflict:
            return


def handoff_item(each: Handoff) -> Item:
    """The item of a handoff; the evaluation puts it in its own transaction."""
    told = {
        "stage": each.key.stage,
        "epoch": each.key.epoch,
        "to": each.to,
        "notify": list(each.notify),
        "requested_at": each.requested_at,
        "respond_by": each.respond_by,
        "caused_by": each.caused_by,
        "last_activity_at": each.last_activity_at,
        "snapshot": each.snapshot,
    }
    return {
        **key(lead_partition(each.key.lead), handoff(each.key)),
        "told": {"S": json.dumps(told, sort_keys=True)},
    }


def handoff_of(item: Mapping[str, Any]) -> Handoff:
    """The handoff that an item holds."""
    told = json.loads(item["told"]["S"])
    respond_by, last = told["respond_by"], told["last_activity_at"]
    return Handoff(
        key=HandoffKey(lead_of_partition(item["pk"]["S"]), told["stage"], told["epoch"]),
        to=told["to"],
        notify=tuple(told["notify"]),
        requested_at=Moment(told["requested_at"]),
        respond_by=None if respond_by is None else Moment(respond_by),
        caused_by=told["caused_by"],
        last_activity_at=None if last is None else Moment(last),
        snapshot=told["snapshot"],
    )
