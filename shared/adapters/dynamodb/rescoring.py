"""Checkpoints of rescores on DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import RESCORE, RULES, key
from shared.adapters.dynamodb.outbox import outbox_item
from shared.domain.handoff import LeadId
from shared.domain.moments import DAY, SECOND, Moment
from shared.domain.rescores import (
    Aim,
    EveryLead,
    LeadsOfNoise,
    LeadsUnderOlderRules,
    LeadsWhere,
    LeadsWhereDone,
    NamedLeads,
    UnappliedActivities,
)
from shared.ports.errors import Conflict
from shared.ports.rescoring import Checkpoint

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from shared.adapters.dynamodb.keys import Item
    from shared.ports.bus import Event

REMEMBERED_FOR = 30 * DAY

_KINDS: Mapping[str, type[Any]] = {
    "every_lead": EveryLead,
    "older_rules": LeadsUnderOlderRules,
    "leads": NamedLeads,
    "where": LeadsWhere,
    "where_done": LeadsWhereDone,
    "noise": LeadsOfNoise,
    "unapplied": UnappliedActivities,
}
"""What an aim is called where it is stored."""


class DynamoDBRescoring:
    """The rescoring side of the Leads table; all checkpoints stand in one partition, a few dozen at most."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def begin(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Store first checkpoints; see `shared.ports.rescoring.Rescoring`."""
        puts = [self._put(each, {"ConditionExpression": "attribute_not_exists(pk)"}) for each in checkpoints]
        try:
            self._write(puts)
        except Conflict:
            # Who was cut off by another that began it at this very moment tries again, unless that one did it.
            if not {each.job for each in checkpoints} <= {each.job for each in self.all()}:
                raise

    def unfinished(self) -> list[Checkpoint]:
        """Every segment that is not done; see `shared.ports.rescoring.Rescoring`."""
        return [checkpoint for checkpoint in self.all() if checkpoint.done_at is None]

    def all(self) -> list[Checkpoint]:
        """Every remembered segment; see `shared.ports.rescoring.Rescoring`."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :rescore",
                ExpressionAttributeValues={":rescore": {"S": RESCORE}},
                ConsistentRead=True,
            )
            return [_checkpoint(item) for page in pages for item in page["Items"]]

    def save(self, checkpoint: Checkpoint, *events: Event) -> None:
        """Write over its version; see `shared.ports.rescoring.Rescoring`."""
        condition = {
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": {"N": str(checkpoint.version)}},
        }
        now = checkpoint.done_at or checkpoint.began
        notes = [{"Put": {"TableName": self._table, "Item": outbox_item(RULES, event, now)}} for event in events]
        self._write([self._put(checkpoint, condition), *notes])

    def _put(self, checkpoint: Checkpoint, condition: Mapping[str, Any]) -> dict[str, Any]:
        item: Item = {
            **key(RESCORE, f"{checkpoint.job}#{checkpoint.segment:03d}"),
            "version": {"N": str(checkpoint.version + 1)},
            "told": {"S": json.dumps(_told(checkpoint), sort_keys=True)},
            "expires": {"N": str((checkpoint.began + REMEMBERED_FOR) // SECOND)},
        }
        return {"Put": {"TableName": self._table, "Item": item, **condition}}

    def _write(self, puts: Sequence[Any]) -> None:
        """All or none."""
        with translated():
            if len(puts) == 1:
                self._client.put_item(**puts[0]["Put"])
            else:
                self._client.transact_write_items(TransactItems=puts)


def _told(checkpoint: Checkpoint) -> dict[str, Any]:
    kind = next(kind for kind, of in _KINDS.items() if isinstance(checkpoint.aim, of))
    return {**asdict(checkpoint), "aim": {"kind": kind, **asdict(checkpoint.aim)}}


def _checkpoint(item: Mapping[str, Any]) -> Checkpoint:
    told = json.loads(item["told"]["S"])
    if "aim" not in told:
        told = _of_the_first_format(told)
    return Checkpoint(**{**told, "aim": _aim(**told["aim"]), "version": int(item["version"]["N"])})


def _aim(kind: str, **told: Any) -> Aim:
    if "leads" in told:
        told["leads"] = tuple(LeadId(lead) for lead in told["leads"])
    if "asks" in told:
        told["asks"] = tuple(told["asks"])
    aim: Aim = _KINDS[kind](**told)
    return aim


def _of_the_first_format(told: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint that was stored before aims had a name: by the fields `older_than` and `noise`, and `done`.

    Of one that was done already nobody is told again.
    """
    older_than, noise, done = told.pop("older_than"), told.pop("noise", None), told.pop("done")
    aim: dict[str, Any] = {"kind": "every_lead"}
    if noise is not None:
        aim = {"kind": "noise", "filter": noise}
    elif older_than is not None:
        aim = {"kind": "older_rules", "version": older_than}
    moment = Moment(told["began"])
    return {
        **told,
        "aim": aim,
        "started": moment,
        "most": told["touched"],
        "done_at": moment if done else None,
        "announced": done,
    }
