"""Rule versions on DynamoDB: immutable items, one pointer, and the drafts from which they come."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import ACTIVE, DRAFT, RULES, VERSION, key, version
from shared.adapters.dynamodb.keys import draft as draft_key
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.drafts import Approval, Draft, Step
from shared.domain.events import RulesPublished
from shared.domain.moments import Moment
from shared.domain.people import Role
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_COMPRESS_ABOVE = 4096
"""Bytes; an item holds 400 kB, and a file stands in it twice, as its text and as what that says."""


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

    def publish(self, new: RuleVersion, draft: Draft | None = None) -> None:
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
        puts: list[Any] = [
            {
                "TableName": self._table,
                "Item": {**key(RULES, version(new.number)), "told": _packed(_told(new))},
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            pointer,
            {"TableName": self._table, "Item": outbox_item(RULES, event, new.published_at)},
        ]
        if draft:
            puts.append(self._put_of(draft))
        with translated():
            self._client.transact_write_items(TransactItems=[{"Put": each} for each in puts])

    def draft(self, number: int) -> Draft | None:
        """A draft; see `shared.ports.rules.RuleVersions`."""
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(RULES, draft_key(number)), ConsistentRead=True
            )
        return _draft_of(answer["Item"]) if "Item" in answer else None

    def drafts(self, limit: int, before: int | None = None) -> list[Draft]:
        """Drafts, newest first; see `shared.ports.rules.RuleVersions`."""
        if before is not None and before <= 1:
            return []
        last = f"{DRAFT}~" if before is None else draft_key(before - 1)
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :rules AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues={":rules": {"S": RULES}, ":first": {"S": DRAFT}, ":last": {"S": last}},
                ScanIndexForward=False,
                ConsistentRead=True,
                PaginationConfig={"MaxItems": limit, "PageSize": limit},
            )
            return [_draft_of(item) for page in pages for item in page["Items"]]

    def store(self, draft: Draft) -> None:
        """Store a draft; see `shared.ports.rules.RuleVersions`."""
        try:
            with translated():
                self._client.put_item(**self._put_of(draft))
        except Conflict:
            # The answer to this very put may have been lost, and botocore sent it again.
            if self.draft(draft.number) != draft:
                raise

    def _put_of(self, draft: Draft) -> Any:
        """The put of a draft, on the condition that nobody wrote it since it was read."""
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": {
                **key(RULES, draft_key(draft.number)),
                "revision": {"N": str(draft.revision)},
                "told": _packed(_draft_told(draft)),
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if draft.revision:
            put["ConditionExpression"] = "revision = :before"
            put["ExpressionAttributeValues"] = {":before": {"N": str(draft.revision - 1)}}
        return put


def _packed(told: Mapping[str, Any]) -> Any:
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    encoded = text.encode()
    return {"B": zlib.compress(encoded, 9)} if len(encoded) > _COMPRESS_ABOVE else {"S": text}


def _unpacked(item: Mapping[str, Any]) -> dict[str, Any]:
    packed = item["told"]
    told: dict[str, Any] = json.loads(zlib.decompress(packed["B"]) if "B" in packed else packed["S"])
    return told


def _told(new: RuleVersion) -> dict[str, Any]:
    return {
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
        "publisher": new.publisher,
    }


def _approval_told(each: Approval) -> dict[str, Any]:
    return {"person": each.person, "name": each.name, "role": each.role.value, "at": each.at}


def _approval_of(told: Mapping[str, Any]) -> Approval:
    return Approval(told["person"], told["name"], Role(told["role"]), Moment(told["at"]))


def _draft_told(draft: Draft) -> dict[str, Any]:
    return {
        "number": draft.number,
        "name": draft.name,
        "document": draft.document,
        "text": draft.text,
        "sha256": draft.sha256,
        "author_id": draft.author_id,
        "author": draft.author,
        "note": draft.note,
        "created_at": draft.created_at,
        "based_on": draft.based_on,
        "state": draft.state,
        "approvals": [_approval_told(each) for each in draft.approvals],
        "steps": [{"state": each.state, "who": each.who, "at": each.at} for each in draft.steps],
        "version": draft.version,
        "revision": draft.revision,
    }


def _draft_of(item: Mapping[str, Any]) -> Draft:
    told = _unpacked(item)
    made = {
        "created_at": Moment(told["created_at"]),
        "approvals": tuple(_approval_of(each) for each in told["approvals"]),
        "steps": tuple(Step(each["state"], each["who"], Moment(each["at"])) for each in told["steps"]),
    }
    return Draft(**{**told, **made})


def _version_of(item: Mapping[str, Any]) -> RuleVersion:
    told = _unpacked(item)
    approvals = tuple(_approval_of(each) for each in told.get("approvals", ()))
    return RuleVersion(**{**told, "published_at": Moment(told["published_at"]), "approvals": approvals})
