"""Tombstones and erasures on DynamoDB, in a table of their own: restoring another table leaves it as it is.

A tombstone's key is the HMAC of a name, with a secret that no table holds, so that nobody can read or guess from the
table who was erased. An erasure names the person only until it is done.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import key
from shared.domain.activity import Identity
from shared.domain.erasure import Erasure
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment
from shared.ports.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from shared.adapters.dynamodb.keys import Item

_LATEST = key("LATEST", "LATEST")
_ERASURE = "ERASURE"
_ERASED = "ERASED"
_PAGE_OF_KEYS = 100
_READS = 5


class DynamoDBErasures:
    """The Erasures table. `secret` answers the text that the HMACs are made with, and is asked once it is needed."""

    def __init__(self, client: DynamoDBClient, table: str, secret: Callable[[], str]) -> None:
        self._client = client
        self._table = table
        self._secret = secret

    def latest(self) -> Moment | None:
        """The latest moment of all; see `shared.ports.erasures.Erasures`."""
        return self._latest()[0]

    def erased(self, names: Collection[str]) -> dict[str, Moment]:
        """The tombstones of some names; see `shared.ports.erasures.Erasures`."""
        if not names:
            return {}
        wanted = {self._digest(name): name for name in names}
        keys = [key(digest, _ERASED) for digest in wanted]
        found: dict[str, Moment] = {}
        for start in range(0, len(keys), _PAGE_OF_KEYS):
            page: list[Any] = keys[start : start + _PAGE_OF_KEYS]
            for _ in range(_READS):
                with translated():
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": page, "ConsistentRead": True}}
                    )
                for item in answer["Responses"].get(self._table, []):
                    found[wanted[item["pk"]["S"]]] = Moment(int(item["erased_at"]["N"]))
                left: Any = answer.get("UnprocessedKeys", {})
                page = left.get(self._table, {}).get("Keys", [])
                if not page:
                    break
            else:
                msg = f"{len(page)} tombstones were left unread"
                raise Unavailable(msg)
        return found

    def begin(self, erasure: Erasure) -> None:
        """Write all of it in one transaction; see `shared.ports.erasures.Erasures`.

        Whoever begins moves the version of the latest moment on, so that of two at once one has to look again.
        """
        latest, version = self._latest()
        before = self.erased(erasure.names)
        main: Item = {
            **_LATEST,
            "erased_at": {"N": str(max(erasure.erased_at, latest or erasure.erased_at))},
            "version": {"N": str(version + 1)},
        }
        tombstones: list[Item] = [
            {
                **key(self._digest(name), _ERASED),
                "erased_at": {"N": str(max(erasure.erased_at, before.get(name, erasure.erased_at)))},
            }
            for name in sorted(erasure.names)
        ]
        writes: list[TransactWriteItemTypeDef] = [
            self._put(main, version),
            self._put(_item(erasure), erasure.version),
        ]
        writes += [{"Put": {"TableName": self._table, "Item": item}} for item in tombstones]
        with translated():
            self._client.transact_write_items(TransactItems=writes)

    def get(self, erasure_id: str) -> Erasure | None:
        """The erasure; see `shared.ports.erasures.Erasures`."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=key(_ERASURE, erasure_id), ConsistentRead=True)
        return _erasure(answer["Item"]) if "Item" in answer else None

    def save(self, erasure: Erasure) -> None:
        """Write over the version that it was made from; see `shared.ports.erasures.Erasures`."""
        put: Any = self._put(_item(erasure), erasure.version)["Put"]
        with translated():
            self._client.put_item(**put)

    def all(self) -> list[Erasure]:
        """Every erasure, the latest first; see `shared.ports.erasures.Erasures`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :erasure",
                ExpressionAttributeValues={":erasure": {"S": _ERASURE}},
                ConsistentRead=True,
            )
            found = [_erasure(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda each: (each.asked_at, each.id), reverse=True)

    def _latest(self) -> tuple[Moment | None, int]:
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=_LATEST, ConsistentRead=True)
        if "Item" not in answer:
            return None, 0
        return Moment(int(answer["Item"]["erased_at"]["N"])), int(answer["Item"]["version"]["N"])

    def _put(self, item: Item, version: int) -> TransactWriteItemTypeDef:
        put: Any = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
        return {"Put": put}

    def _digest(self, name: str) -> str:
        return hmac.new(self._secret().encode(), name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _item(erasure: Erasure) -> Item:
    told = {
        "lead": erasure.lead,
        "erased_at": erasure.erased_at,
        "asked_at": erasure.asked_at,
        "who": erasure.who,
        "why": erasure.why,
        "identities": sorted(each.key for each in erasure.identities),
        "browsers": sorted(each.key for each in erasure.browsers),
        "shared": sorted(each.key for each in erasure.shared),
        "leads": sorted(erasure.leads),
        "neighbours": sorted(erasure.neighbours),
        "passes": erasure.passes,
        "passed_at": erasure.passed_at,
        "done_at": erasure.done_at,
    }
    kept = {name: value for name, value in told.items() if value not in (None, [])}
    return {
        **key(_ERASURE, erasure.id),
        "version": {"N": str(erasure.version + 1)},
        "told": {"S": json.dumps(kept, sort_keys=True, separators=(",", ":"))},
    }


def _erasure(item: Mapping[str, Any]) -> Erasure:
    told = json.loads(item["told"]["S"])

    def identities(name: str) -> frozenset[Identity]:
        return frozenset(Identity.of_key(text) for text in told.get(name, ()))

    def moment(name: str) -> Moment | None:
        return Moment(told[name]) if name in told else None

    return Erasure(
        id=item["sk"]["S"],
        lead=LeadId(told["lead"]),
        erased_at=Moment(told["erased_at"]),
        asked_at=Moment(told["asked_at"]),
        who=told["who"],
        why=told["why"],
        identities=identities("identities"),
        browsers=identities("browsers"),
        shared=identities("shared"),
        leads=frozenset(LeadId(text) for text in told.get("leads", ())),
        neighbours=frozenset(LeadId(text) for text in told.get("neighbours", ())),
        passes=told["passes"],
        passed_at=moment("passed_at"),
        done_at=moment("done_at"),
        version=int(item["version"]["N"]),
    )
