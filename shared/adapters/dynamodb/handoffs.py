"""Committed handoffs on DynamoDB: how they stand, the marks of what was sent of them, and their answers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final, get_args

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import (
    HANDOFF,
    STATE_INDEX,
    handoff,
    key,
    lead_of_partition,
    lead_partition,
    sent,
    withheld,
)
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.activity import Activity
from shared.domain.handoff import Answer, FollowUp, Handoff, HandoffKey, HandoffRecord, HandoffState, LeadId
from shared.domain.moments import Moment
from shared.domain.refusals import NotFound
from shared.ports.bus import Event
from shared.ports.errors import Conflict, Unavailable
from shared.ports.handoffs import AlreadyAnswered, HandoffPlace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.activities import DynamoDBActivities
    from shared.adapters.dynamodb.keys import Item

_STATES: Final[tuple[HandoffState, ...]] = get_args(HandoffState)
_ATTEMPTS = 10
_READS = 10
_PAGE = 100


class DynamoDBHandoffs:
    """Handoffs of the Leads table, as `notify` reads and marks them."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key_: HandoffKey) -> Handoff | None:
        """The handoff, or None; see `shared.ports.handoffs.Handoffs`."""
        record = self.record(key_)
        return record.handoff if record else None

    def record(self, key_: HandoffKey) -> HandoffRecord | None:
        """The handoff as it stands; see `shared.ports.handoffs.Handoffs`."""
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=_place(key_), ConsistentRead=True)
        return record_of(answer["Item"]) if "Item" in answer else None

    def of(self, leads: Sequence[LeadId]) -> list[HandoffRecord]:
        """Every handoff of some leads; see `shared.ports.handoffs.Handoffs`."""
        found: list[HandoffRecord] = []
        for lead in leads:
            with translated():
                pages = self._client.get_paginator("query").paginate(
                    TableName=self._table,
                    KeyConditionExpression="pk = :lead AND begins_with(sk, :prefix)",
                    ExpressionAttributeValues={":lead": {"S": lead_partition(lead)}, ":prefix": {"S": HANDOFF}},
                    ConsistentRead=True,
                )
                found.extend(record_of(item) for page in pages for item in page["Items"])
        return sorted(found, key=lambda each: (each.handoff.requested_at, each.key.text))

    def page(
        self, state: HandoffState | None, limit: int, after: HandoffPlace | None = None
    ) -> tuple[list[HandoffRecord], HandoffPlace | None]:
        """Handoffs in a state, newest first; see `shared.ports.handoffs.Handoffs`."""
        lists = (self._listed(each, after) for each in ([state] if state else _STATES))
        # What was answered between two of these lists stands in both, side by side.
        once = (place for place, _ in groupby(merge(*lists, key=_newest_first)))
        places = list(islice(once, limit))
        found = {record.key: record for record in self._records([place.key for place in places])}
        # Of what was answered since the index told of it, the state is another one now.
        records = (found.get(place.key) for place in places)
        following = places[-1] if len(places) == limit else None
        return [record for record in records if record and state in (None, record.state)], following

    def _listed(self, state: HandoffState, after: HandoffPlace | None) -> Iterator[HandoffPlace]:
        """The places in a state after a place, newest first, those of one moment by their keys."""
        asked: Item = {":state": {"S": state}}
        condition = "handoff_state = :state"
        if after is not None:
            asked[":at"] = {"N": str(after.requested_at)}
            condition += " AND requested_at <= :at"
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=STATE_INDEX,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=asked,
                ScanIndexForward=False,
                PaginationConfig={"PageSize": _PAGE},
            )
            places = (_place_of(item) for page in pages for item in page["Items"])
            for _, together in groupby(places, key=lambda place: place.requested_at):
                for place in sorted(together, key=_newest_first):
                    if after is None or _newest_first(place) > _newest_first(after):
                        yield place

    def _records(self, keys: Sequence[HandoffKey]) -> list[HandoffRecord]:
        left: Any = [_place(each) for each in keys]
        found: list[HandoffRecord] = []
        for _ in range(_READS):
            if not left:
                return found
            asked: Any = {self._table: {"Keys": left, "ConsistentRead": True}}
            with translated():
                answer = self._client.batch_get_item(RequestItems=asked)
            found.extend(record_of(item) for item in answer["Responses"].get(self._table, []))
            unread: Any = answer.get("UnprocessedKeys", {})
            left = unread.get(self._table, {}).get("Keys", [])
        msg = f"{len(left)} handoffs were left unread"
        raise Unavailable(msg)

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
                    ConditionExpression="attribute_not_exists(pk) OR attribute_exists(lifted_at)",
                )
        except Conflict:
            return


class DynamoDBAnswers:
    """Answers to the handoffs of the Leads table, with the activity in the log that says so."""

    def __init__(self, client: DynamoDBClient, table: str, log: DynamoDBActivities) -> None:
        self._client = client
        self._table = table
        self._log = log

    def answer(self, key_: HandoffKey, answer: Answer, activity: Activity, event: Event) -> None:
        """Answer a handoff; see `shared.ports.handoffs.Answers`."""
        answered: Any = {
            "TableName": self._table,
            "Key": _place(key_),
            "UpdateExpression": "SET answer = :answer, handoff_state = :state",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(answer)",
            "ExpressionAttributeValues": {
                ":answer": {"S": json.dumps(_told_answer(answer, activity.id), sort_keys=True)},
                ":state": {"S": answer.kind},
            },
        }
        waiting: Any = {"TableName": self._table, "Item": outbox_item(lead_partition(key_.lead), event, answer.at)}
        for _ in range(_ATTEMPTS):
            try:
                with translated():
                    self._client.transact_write_items(
                        TransactItems=[{"Update": answered}, self._log.write_of(activity), {"Put": waiting}]
                    )
            except Conflict:
                if self._is_given(key_, activity):
                    return
                continue
            return
        msg = f"handoff {key_.text} was written by others {_ATTEMPTS} times in a row"
        raise Conflict(msg)

    def _is_given(self, key_: HandoffKey, activity: Activity) -> bool:
        """Whether this very answer is stored; False while there is none."""
        with translated():
            found = self._client.get_item(TableName=self._table, Key=_place(key_), ConsistentRead=True)
        if "Item" not in found:
            msg = "there is no such handoff"
            raise NotFound(msg)
        item: Any = found["Item"]
        if "answer" not in item:
            return False
        if json.loads(item["answer"]["S"])["activity"] != activity.id:
            raise AlreadyAnswered(record_of(item))
        return True


def handoff_item(each: Handoff) -> Item:
    """The item of a handoff nobody has answered; the evaluation puts it in its own transaction."""
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
        "assignee": each.assignee,
        "follow_ups": _told_follow_ups(each.follow_ups),
    }
    return {
        **_place(each.key),
        "told": {"S": json.dumps(told, sort_keys=True)},
        "handoff_state": {"S": "open"},
        "requested_at": {"N": str(each.requested_at)},
    }


def told_now(record: HandoffRecord) -> str:
    """Who has a handoff by now, and which follow-ups have been done: the attribute `now` of its item."""
    now = {"to": record.to, "assignee": record.assignee, "done": _told_follow_ups(record.done)}
    return json.dumps(now, sort_keys=True)


def record_of(item: Mapping[str, Any]) -> HandoffRecord:
    """The handoff that an item holds, as it stands."""
    each = handoff_of(item)
    now = json.loads(item["now"]["S"]) if "now" in item else {"to": each.to, "assignee": each.assignee, "done": []}
    return HandoffRecord(
        handoff=each,
        to=now["to"],
        assignee=now["assignee"],
        done=_follow_ups(now["done"]),
        answer=_answer(json.loads(item["answer"]["S"])) if "answer" in item else None,
    )


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
        assignee=told.get("assignee"),
        follow_ups=_follow_ups(told.get("follow_ups", ())),
    )


def _place(key_: HandoffKey) -> Item:
    return key(lead_partition(key_.lead), handoff(key_))


def _place_of(item: Mapping[str, Any]) -> HandoffPlace:
    stage, _, epoch = item["sk"]["S"].removeprefix(HANDOFF).rpartition("#")
    lead = lead_of_partition(item["pk"]["S"])
    return HandoffPlace(Moment(int(item["requested_at"]["N"])), HandoffKey(lead, stage, int(epoch)))


def _newest_first(place: HandoffPlace) -> tuple[int, str]:
    return -place.requested_at, place.key.text


def _told_follow_ups(follow_ups: Sequence[FollowUp]) -> list[list[Any]]:
    return [
        [each.kind, each.at, each.to] if each.done_at is None else [each.kind, each.at, each.to, each.done_at]
        for each in follow_ups
    ]


def _follow_ups(told: Sequence[Sequence[Any]]) -> tuple[FollowUp, ...]:
    return tuple(
        FollowUp(kind, Moment(at), to, Moment(done_at[0]) if done_at else None) for kind, at, to, *done_at in told
    )


def _told_answer(answer: Answer, activity_id: str) -> dict[str, Any]:
    """An answer as JSON; the activity is how the same answer is known when it is sent again."""
    return {
        "kind": answer.kind,
        "at": answer.at,
        "who": answer.who,
        "reason": answer.reason,
        "note": answer.note,
        "look_again": answer.look_again,
        "rules": list(answer.rules),
        "activity": activity_id,
    }


def _answer(told: Mapping[str, Any]) -> Answer:
    look_again = told["look_again"]
    return Answer(
        kind=told["kind"],
        at=Moment(told["at"]),
        who=told["who"],
        reason=told["reason"],
        note=told["note"],
        look_again=None if look_again is None else Moment(look_again),
        rules=tuple(told["rules"]),
    )
