"""Rule versions on DynamoDB: immutable items and one pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import ACTIVE, RULES, VERSION, key, version
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.drafts import Approval
from shared.domain.events import RulesPublished
from shared.domain.moments import Moment
from shared.domain.people import Role
from shared.ports.bus import Event
from shared.ports.rules import RuleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBRuleVersions:
    """The rules side of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def active_number(self) -> int:
        """The number of the active version; see `shared.ports.rules.RuleVersions`."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=key(RULES, ACTIVE), ConsistentRead=True)
        return int(answer["Item"]["number"]["N"]) if "Item" in answer else 0

    def get(self, number: int) -> RuleVersion | None:
        """A version; see `shared.ports.rules.RuleVersions`."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=key(RULES, version(number)), ConsistentRead=True)
        return _version_of(answer["Item"]) if "Item" in answer else None

    def all(self) -> list[RuleVersion]:
        """Every version, newest first; see `shared.ports.rules.RuleVersions`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :rules AND begins_with(sk, :version)",
                ExpressionAttributeValues={":rules": {"S": RULES}, ":version": {"S": VERSION}},
                ScanIndexForward=False,
                ConsistentRead=True,
            )
            return [_version_of(item) for page in pages for item in page["Items"]]

    def publish(self, new: RuleVersion) -> None:
        """Store the version and move the pointer; see `shared.ports.rules.RuleVersions`."""
        pointer: Any = {
            "TableName": self._table,
            "Item": {**key(RULES, ACTIVE), "number": {"N": str(new.number)}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if new.number > 1:
            pointer["ConditionExpression"] = "#number = :before"
            pointer["ExpressionAttributeNames"] = {"#number": "number"}
            pointer["ExpressionAttributeValues"] = {":before": {"N": str(new.number - 1)}}
        said = RulesPublished(
            id=f"rules-{new.number}", version=new.number, sha256=new.sha256, published_at=new.published_at
        )
        event = Event(id=said.id, name=said.NAME, detail=said.as_detail())
        with translated():
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": {**key(RULES, version(new.number)), "told": {"S": _told(new)}},
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    {"Put": pointer},
                    {"Put": {"TableName": self._table, "Item": outbox_item(RULES, event, new.published_at)}},
                ]
            )


def _told(new: RuleVersion) -> str:
    return json.dumps(
        {
            "number": new.number,
            "name": new.name,
            "author": new.author,
            "published_at": new.published_at,
            "note": new.note,
            "sha256": new.sha256,
            "document": new.document,
            "text": new.text,
            "notify": new.notify,
            "draft": new.draft,
            "approvals": [_approval_told(each) for each in new.approvals],
            "forced": new.forced,
            "restores": new.restores,
        }
    )


def _approval_told(each: Approval) -> dict[str, Any]:
    return {"person": each.person, "name": each.name, "role": each.role.value, "at": each.at}


def _approval_of(told: Mapping[str, Any]) -> Approval:
    return Approval(told["person"], told["name"], Role(told["role"]), Moment(told["at"]))


def _version_of(item: Mapping[str, Any]) -> RuleVersion:
    told = json.loads(item["told"]["S"])
    approvals = tuple(_approval_of(each) for each in told.get("approvals", ()))
    return RuleVersion(**{**told, "published_at": Moment(told["published_at"]), "approvals": approvals})
