"""Stages, transitions and handoffs on DynamoDB, written together or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.handoffs import handoff_item, handoff_of, record_of, told_now
from shared.adapters.dynamodb.keys import (
    HANDOFF,
    STAGE,
    TRANSITION,
    TURN,
    due_shard,
    handoff,
    key,
    lead_partition,
    team_partition,
    transition,
    withheld,
)
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.handoff import Handoff, HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.ports.bus import Event
from shared.ports.clock import Clock
from shared.ports.stages import (
    MOST_WRITES,
    FollowedUp,
    OpenHandoff,
    StageRecord,
    StoredTransition,
    TurnsTaken,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from shared.adapters.dynamodb.keys import Item

NO_TEMPERATURE = "none"
"""Stands in the index for a lead outside every band, so that each lead is listed somewhere."""


class DynamoDBStages:
    """The stage side of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def load(self, lead: LeadId) -> StageRecord | None:
        """The record; see `shared.ports.stages.Stages`."""
        item = self._read(lead_partition(lead), STAGE)
        return None if item is None else _record(lead, item)

    def commit(
        self,
        record: StageRecord,
        transitions: Sequence[StoredTransition] = (),
        handoffs: Sequence[Handoff] = (),
        events: Sequence[Event] = (),
        *,
        follow_ups: Sequence[FollowedUp] = (),
        turns: Sequence[TurnsTaken] = (),
        retired: Sequence[StageRecord] = (),
        lifted: Sequence[HandoffKey] = (),
    ) -> None:
        """Write the record and all that follows from it; see `shared.ports.stages.Stages`."""
        partition = lead_partition(record.lead)
        now = self._clock.now()
        new = [
            *(_transition_item(partition, each) for each in transitions),
            *(handoff_item(each) for each in handoffs),
            *(outbox_item(partition, each, now) for each in events),
        ]
        beside = [*map(self._new, new), *map(self._followed_up, follow_ups), *map(self._taken, turns)]
        beside += [{"Put": self._put(each)} for each in retired]
        beside += [self._lifted(each, now) for each in lifted]
        main = self._put(record)
        if 1 + len(beside) > MOST_WRITES:
            msg = f"{1 + len(beside)} writes at once; {MOST_WRITES} fit together"
            raise ValueError(msg)
        with translated():
            if not beside:
                self._client.put_item(**main)
                return
            self._client.transact_write_items(TransactItems=[{"Put": main}, *beside])

    def standing(self, key_: HandoffKey) -> HandoffRecord | None:
        """A handoff as it stands now; see `shared.ports.stages.Stages`."""
        item = self._read(lead_partition(key_.lead), handoff(key_))
        return None if item is None else record_of(item)

    def withheld(self, key_: HandoffKey) -> bool:
        """Whether something about it was not sent; see `shared.ports.stages.Stages`."""
        item = self._read(lead_partition(key_.lead), withheld(key_))
        return item is not None and "lifted_at" not in item

    def turns(self, counter: str) -> int:
        """How many turns were taken; see `shared.ports.stages.Stages`."""
        item = self._read(team_partition(counter), TURN)
        return 0 if item is None else int(item["taken"]["N"])

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        """Every transition; see `shared.ports.stages.Stages`."""
        return [_transition_of(item) for item in self._all(lead, TRANSITION)]

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        """Every handoff; see `shared.ports.stages.Stages`."""
        return sorted((handoff_of(item) for item in self._all(lead, HANDOFF)), key=lambda handoff: handoff.requested_at)

    def _read(self, partition: str, sort: str) -> Any:
        with translated():
            answer = self._client.get_item(TableName=self._table, Key=key(partition, sort), ConsistentRead=True)
        return answer.get("Item")

    def _all(self, lead: LeadId, prefix: str) -> list[Any]:
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :lead AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":lead": {"S": lead_partition(lead)}, ":prefix": {"S": prefix}},
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]

    def _new(self, item: Item) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _followed_up(self, each: FollowedUp) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table,
                "Key": key(lead_partition(each.before.key.lead), handoff(each.before.key)),
                "UpdateExpression": "SET #now = :after",
                # An answer and a follow-up exclude each other, and of two follow-ups at once one is done.
                "ConditionExpression": (
                    "attribute_exists(pk) AND attribute_not_exists(answer) AND "
                    + ("#now = :before" if each.before.done else "attribute_not_exists(#now)")
                ),
                "ExpressionAttributeNames": {"#now": "now"},
                "ExpressionAttributeValues": {
                    ":after": {"S": told_now(each.after)},
                    **({":before": {"S": told_now(each.before)}} if each.before.done else {}),
                },
            }
        }

    def _lifted(self, each: HandoffKey, now: Moment) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table,
                "Key": key(lead_partition(each.lead), withheld(each)),
                "UpdateExpression": "SET lifted_at = :now",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeValues": {":now": {"N": str(now)}},
            }
        }

    def _taken(self, each: TurnsTaken) -> TransactWriteItemTypeDef:
        item: Item = {**key(team_partition(each.counter), TURN), "taken": {"N": str(each.after)}}
        if not each.before:
            return self._new(item)
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "taken = :before",
                "ExpressionAttributeValues": {":before": {"N": str(each.before)}},
            }
        }

    def _put(self, record: StageRecord) -> Any:
        put = {"TableName": self._table, "Item": _item(record), "ConditionExpression": "attribute_not_exists(pk)"}
        if record.version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": {"N": str(record.version)}}
        return put


def _item(record: StageRecord) -> Item:
    item: Item = {
        **key(lead_partition(record.lead), STAGE),
        "version": {"N": str(record.version + 1)},
        "rules_version": {"N": str(record.rules_version)},
        "journey": {"S": json.dumps(record.journey.as_json(), sort_keys=True, separators=(",", ":"))},
        "transitions": {"N": str(record.transitions)},
        "seen": {"N": str(record.seen)},
    }
    if record.listed:
        item["temperature"] = {"S": record.temperature or NO_TEMPERATURE}
        item["rank"] = {"N": str(record.rank)}
    if record.listed and record.journey.stage:
        item["stage"] = {"S": record.journey.stage}
    if record.due is not None:
        item["due"] = {"N": str(record.due)}
        item["due_shard"] = {"S": due_shard(record.lead)}
    named = {"committed": record.committed, "withheld": record.withheld, "unadvised": record.unadvised}
    item.update({name: {"S": json.dumps([each.stage, each.epoch])} for name, each in named.items() if each})
    waiting = [[each.key.lead, each.key.stage, each.key.epoch, each.due] for each in record.open]
    item["open"] = {"S": json.dumps(waiting)}
    if record.look_again is not None:
        item["look_again"] = {"N": str(record.look_again)}
    if record.absorbed:
        item["absorbed"] = {"S": json.dumps(record.absorbed)}
    return item


def _record(lead: LeadId, item: Mapping[str, Any]) -> StageRecord:
    temperature = item["temperature"]["S"] if "temperature" in item else NO_TEMPERATURE
    return StageRecord(
        lead=lead,
        journey=Journey.from_json(json.loads(item["journey"]["S"])),
        version=int(item["version"]["N"]),
        rules_version=int(item["rules_version"]["N"]),
        temperature=None if temperature == NO_TEMPERATURE else temperature,
        rank=int(item["rank"]["N"]) if "rank" in item else 0,
        transitions=int(item["transitions"]["N"]),
        due=Moment(int(item["due"]["N"])) if "due" in item else None,
        committed=_key(lead, item, "committed"),
        withheld=_key(lead, item, "withheld"),
        absorbed=tuple(LeadId(text) for text in json.loads(item["absorbed"]["S"])) if "absorbed" in item else (),
        listed="temperature" in item,
        open=_open(lead, item),
        look_again=Moment(int(item["look_again"]["N"])) if "look_again" in item else None,
        unadvised=_key(lead, item, "unadvised"),
        seen=int(item["seen"]["N"]) if "seen" in item else 0,
    )


def _open(lead: LeadId, item: Mapping[str, Any]) -> tuple[OpenHandoff, ...]:
    if "open" not in item:
        # Written before handoffs could be answered: the latest one may still wait.
        committed = _key(lead, item, "committed")
        return (OpenHandoff(committed),) if committed else ()
    return tuple(
        OpenHandoff(HandoffKey(LeadId(of), stage, epoch), None if due is None else Moment(due))
        for of, stage, epoch, due in json.loads(item["open"]["S"])
    )


def _key(lead: LeadId, item: Mapping[str, Any], name: str) -> HandoffKey | None:
    return HandoffKey(lead, *json.loads(item[name]["S"])) if name in item else None


def _transition_item(partition: str, each: StoredTransition) -> Item:
    told = {
        "from": each.from_stage,
        "to": each.to_stage,
        "epoch": each.epoch,
        "at": each.at,
        "cause": each.cause,
        "activity_id": each.activity_id,
        "rules_version": each.rules_version,
        "by_rules": each.by_rules,
        "snapshot": each.snapshot,
    }
    return {**key(partition, transition(each.number)), "told": {"S": json.dumps(told, sort_keys=True)}}


def _transition_of(item: Mapping[str, Any]) -> StoredTransition:
    told = json.loads(item["told"]["S"])
    return StoredTransition(
        number=int(item["sk"]["S"].removeprefix(TRANSITION)),
        from_stage=told["from"],
        to_stage=told["to"],
        epoch=told["epoch"],
        at=Moment(told["at"]),
        cause=told["cause"],
        activity_id=told["activity_id"],
        rules_version=told["rules_version"],
        by_rules=told["by_rules"],
        snapshot=told["snapshot"],
    )
