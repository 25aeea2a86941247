"""What both tables keep of a person, read whole and deleted in batches."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import CHANNELS, MISSED, RESCORE, SCORE, identity_partition, key, lead_partition
from shared.domain.activity import Activity, Identity, Json
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment
from shared.ports.errors import Conflict, Unavailable
from shared.ports.traces import Trace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item

_DELETES_PER_CALL = 25
_TRIES = 8
_ATTEMPTS = 5


class DynamoDBTraces:
    """The items of a lead, of its identities and of its activities."""

    def __init__(self, client: DynamoDBClient, *, activities: str, leads: str) -> None:
        self._client = client
        self._activities = activities
        self._leads = leads

    def remove(self, activities: Collection[Activity]) -> None:
        """Take activities out of the log; see `shared.ports.traces.Traces`."""
        self._delete(self._activities, [key(each.identity.key, each.id) for each in activities])

    def unname(self, activity: Activity, names: Collection[Identity]) -> None:
        """Take names out of an activity; see `shared.ports.traces.Traces`."""
        place = key(activity.identity.key, activity.id)
        with translated():
            item: Any = self._client.get_item(TableName=self._activities, Key=place, ConsistentRead=True).get("Item")
        if item is None:
            return
        packed = "B" in item["body"]
        body = json.loads(zlib.decompress(item["body"]["B"]) if packed else item["body"]["S"])
        gone = {each.key for each in names}
        body["also"] = [each for each in body.get("also", ()) if each not in gone]
        text = json.dumps({name: said for name, said in body.items() if said != []}, separators=(",", ":"))
        try:
            with translated():
                self._client.update_item(
                    TableName=self._activities,
                    Key=place,
                    UpdateExpression="SET body = :body",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={
                        ":body": {"B": zlib.compress(text.encode(), 9)} if packed else {"S": text}
                    },
                )
        except Conflict:
            # It has expired meanwhile, or was erased.
            return

    def of(self, lead: LeadId) -> list[Trace]:
        """Every item of a lead; see `shared.ports.traces.Traces`."""
        return [_trace(item) for item in (*self._items(lead), *self._missed(lead))]

    def wipe(self, lead: LeadId, version: int) -> int:
        """Delete every item of a lead; see `shared.ports.traces.Traces`."""
        items = (*self._items(lead, keys_only=True), *self._missed(lead))
        # First what tells whether somebody was joined to it meanwhile: from then on nobody can be.
        condition: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
        if version:
            condition["ConditionExpression"] = "version = :version"
            condition["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
        with translated():
            self._client.delete_item(TableName=self._leads, Key=key(lead_partition(lead), SCORE), **condition)
        places = [key(item["pk"]["S"], item["sk"]["S"]) for item in items]
        self._delete(self._leads, places)
        return len(places)

    def release(self, identities: Iterable[Identity], leads: Collection[LeadId]) -> int:
        """Make identities nobody's; see `shared.ports.traces.Traces`."""
        found = 0
        values: Item = {f":lead{number}": {"S": lead} for number, lead in enumerate(sorted(leads))}
        for identity in sorted(identities, key=lambda each: each.key) if leads else ():
            try:
                with translated():
                    self._client.delete_item(
                        TableName=self._leads,
                        Key=key(identity_partition(identity), "LEAD"),
                        ConditionExpression=f"#lead IN ({', '.join(values)})",
                        ExpressionAttributeNames={"#lead": "lead"},
                        ExpressionAttributeValues=values,
                    )
            except Conflict:
                continue
            found += 1
        return found

    def detach(self, browser: Identity, known: Collection[Identity], until: Moment) -> int:
        """Detach identities from a browser; see `shared.ports.traces.Traces`."""
        place = key(identity_partition(browser), "ATTACHED")
        for _ in range(_ATTEMPTS):
            with translated():
                item: Any = self._client.get_item(TableName=self._leads, Key=place, ConsistentRead=True).get("Item")
            if item is None:
                return 0
            before = item["known"]["M"]
            gone = {each.key for each in known}
            left = {name: at for name, at in before.items() if name not in gone or int(at["N"]) > until}
            if left == before:
                return 0
            try:
                self._attach(place, item["version"], left)
            except Conflict:
                continue
            return len(before) - len(left)
        msg = "a browser was attached by others again and again"
        raise Conflict(msg)

    def _attach(self, place: Item, version: Any, left: Mapping[str, Any]) -> None:
        condition: Any = {
            "TableName": self._leads,
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": version},
        }
        with translated():
            if not left:
                self._client.delete_item(Key=place, **condition)
                return
            after = {**place, "version": {"N": str(int(version["N"]) + 1)}, "known": {"M": left}}
            self._client.put_item(Item=after, **condition)

    def leave(self, names: Collection[Identity]) -> int:
        """Let no rescore remember a place in their logs; see `shared.ports.traces.Traces`."""
        partitions = {each.key for each in names}
        found = 0
        for item in self._rescores():
            told = json.loads(item["told"]["S"])
            if _partition(told.get("after")) not in partitions:
                continue
            found += 1
            after = {**told, "after": None, "found": 0}
            version = item["version"]
            anew: Item = {
                **item,
                "told": {"S": json.dumps(after, sort_keys=True)},
                "version": {"N": str(int(version["N"]) + 1)},
            }
            try:
                with translated():
                    self._client.put_item(
                        TableName=self._leads,
                        Item=anew,
                        ConditionExpression="version = :version",
                        ExpressionAttributeValues={":version": version},
                    )
            except Conflict:
                # It has moved on, and whether to another of these places is found the next time.
                continue
        return found

    def _rescores(self) -> list[Any]:
        """How far each rescore is; all stand in one partition."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._leads,
                KeyConditionExpression="pk = :rescore",
                ExpressionAttributeValues={":rescore": {"S": RESCORE}},
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]

    def _items(self, lead: LeadId, *, keys_only: bool = False) -> list[Any]:
        asked: Any = {"ProjectionExpression": "pk, sk"} if keys_only else {}
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._leads,
                KeyConditionExpression="pk = :lead",
                ExpressionAttributeValues={":lead": {"S": lead_partition(lead)}},
                ConsistentRead=True,
                **asked,
            )
            return [item for page in pages for item in page["Items"]]

    def _missed(self, lead: LeadId) -> list[Any]:
        """What waits of a lead for channels that are down; all that waits stands in one partition."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._leads,
                KeyConditionExpression="pk = :channels AND begins_with(sk, :missed)",
                FilterExpression="contains(told, :lead)",
                ExpressionAttributeValues={
                    ":channels": {"S": CHANNELS},
                    ":missed": {"S": MISSED},
                    ":lead": {"S": json.dumps(lead)},
                },
                ConsistentRead=True,
            )
            items = [item for page in pages for item in page["Items"]]
        return [item for item in items if json.loads(item["told"]["S"])["detail"].get("lead") == lead]

    def _delete(self, table: str, places: Sequence[Item]) -> None:
        for start in range(0, len(places), _DELETES_PER_CALL):
            left: Any = [{"DeleteRequest": {"Key": place}} for place in places[start : start + _DELETES_PER_CALL]]
            for _ in range(_TRIES):
                with translated():
                    answer = self._client.batch_write_item(RequestItems={table: left})
                unprocessed: Any = answer.get("UnprocessedItems", {})
                left = unprocessed.get(table, [])
                if not left:
                    break
            else:
                msg = f"{len(left)} items were left undeleted"
                raise Unavailable(msg)


def _partition(after: str | None) -> str | None:
    """In which partition a rescore stopped; None where that is told by a number, or nowhere."""
    place = json.loads(after) if after else None
    return str(place["pk"]["S"]) if isinstance(place, dict) else None


def _trace(item: Mapping[str, Any]) -> Trace:
    content = {name: _plain(value) for name, value in item.items() if name not in {"pk", "sk"} and "B" not in value}
    return Trace(item["sk"]["S"], content)


def _plain(value: Mapping[str, Any]) -> Json:
    ((kind, content),) = value.items()
    if kind == "N":
        number = Decimal(content)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "M":
        return {name: _plain(inner) for name, inner in content.items()}
    if kind == "L":
        return [_plain(inner) for inner in content]
    return content
