"""Stages, transitions and handoffs on DynamoDB, written together or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.handoffs import handoff_item, handoff_of
from shared.adapters.dynamodb.keys import HANDOFF, STAGE, TRANSITION, due_shard, key, lead_partition, transition
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.ports.bus import Event
from shared.ports.clock import Clock
from shared.ports.stages import StageRecord, StoredTransition

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
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(lead_partition(lead), STAGE), ConsistentRead=True
            )
        return _record(lead, answer["Item"]) if "Item" in answer else None

    def commit(
        self,
        record: StageRecord,
        transitions: Sequence[StoredTransition] = (),
        handoffs: Sequence[Handoff] = (),
        events: Sequence[Event] = (),
    ) -> None:
        """Write the record and all that follows from it; see `shared.ports.stages.Stages`."""
        partition = lead_partition(record.lead)
        now = self._clock.now()
        new = [
            *(_transition_item(partition, each) for each in transitions),
            *(handoff_item(each) for each in handoffs),
            *(outbox_item(partition, each, now) for each in events),
        ]
        main = self._put(record)
        with translated():
            if not new:
                self._client.put_item(**main)
                return
            self._client.transact_write_items(TransactItems=[{"Put": main}, *map(self._new, new)])

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        """Every transition; see `shared.ports.stages.Stages`."""
        return [_transition_of(item) for item in self._all(lead, TRANSITION)]

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        """Every handoff; see `shared.ports.stages.Stages`."""
        return sorted((handoff_of(item) for item in self._all(lead, HANDOFF)), key=lambda handoff: handoff.requested_at)

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
    }
    if record.listed:
        item["temperature"] = {"S": record.temperature or NO_TEMPERATURE}
        item["rank"] = {"N": str(record.rank)}
    if record.listed and record.journey.stage:
        item["stage"] = {"S": record.journey.stage}
    if record.due is not None:
        item["due"] = {"N": str(record.due)}
        item["due_shard"] = {"S": due_shard(record.lead)}
    for name, named in (("committed", record.committed), ("withheld", record.withheld)):
        if named:
            item[name] = {"S": json.dumps([named.stage, named.epoch])}
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
