"""Leads on DynamoDB: whose each identity is, and each lead's score side, in items as `lead_items` makes them.

The parts of a state are written in one transaction with SCORE while they fit into one. More than that is put
beforehand, under names of their own (`2026-03.01~9f…`): what the stored SCORE tells of stays as it is until the
transaction tells of the new parts, and takes away as many of the old ones as fit into it. Whoever comes too late takes
its parts back; one that dies leaves parts that nobody counts, and they go with the lead.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb import lead_items
from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import (
    DUE_INDEX,
    DUE_SHARDS,
    SCORE,
    identity_of_partition,
    identity_partition,
    key,
    lead_of_partition,
    lead_partition,
    score_segment,
)
from shared.domain.activity import Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import earliest_attached
from shared.domain.moments import Moment
from shared.domain.state import ScoreState
from shared.ports.errors import Conflict, Unavailable
from shared.ports.leads import DAMAGED, LeadRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from shared.adapters.dynamodb.keys import Item

_READS = 5
_TRANSACTION_LIMIT = 100
_TRANSACTION_BYTES = 3 * 1024 * 1024
"""Bytes of parts in one transaction; the rest of its 4 MB is for SCORE items and for whose identities are."""
_PAGE_OF_KEYS = 100


class DynamoDBLeads:
    """The score side of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def whose(self, identities: Iterable[Identity], *, consistent: bool = False) -> dict[Identity, LeadId]:
        """The lead of each identity that has one; see `shared.ports.leads.Leads`.

        Reads without strong consistency, at half the price, unless it is asked to: an identity that was claimed a
        moment ago may be missing, and then `claim` answers with the lead that has it.
        """
        wanted = {identity_partition(identity): identity for identity in identities}
        keys = [key(partition, "LEAD") for partition in wanted]
        found: dict[Identity, LeadId] = {}
        for start in range(0, len(keys), _PAGE_OF_KEYS):
            page: list[Any] = keys[start : start + _PAGE_OF_KEYS]
            for _ in range(_READS):
                with translated():
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": page, "ConsistentRead": consistent}}
                    )
                for item in answer["Responses"].get(self._table, []):
                    if "lead" in item:
                        found[wanted[item["pk"]["S"]]] = LeadId(item["lead"]["S"])
                left: Any = answer.get("UnprocessedKeys", {})
                page = left.get(self._table, {}).get("Keys", [])
                if not page:
                    break
            else:
                msg = f"{len(page)} identities were left unread"
                raise Unavailable(msg)
        return found

    def claim(self, identity: Identity, lead: LeadId, *, instead_of: LeadId | None = None) -> LeadId:
        """Give an identity to a lead unless it has another one; see `shared.ports.leads.Leads`."""
        place = key(identity_partition(identity), "LEAD")
        put: Any = {
            "ConditionExpression": "attribute_not_exists(#lead)",
            "ExpressionAttributeNames": {"#lead": "lead"},
        }
        if instead_of is not None:
            put["ConditionExpression"] += " OR #lead = :instead_of"
            put["ExpressionAttributeValues"] = {":instead_of": {"S": instead_of}}
        try:
            with translated():
                self._client.put_item(TableName=self._table, Item={**place, "lead": {"S": lead}}, **put)
        except Conflict:
            with translated():
                answer = self._client.get_item(TableName=self._table, Key=place, ConsistentRead=True)
            return LeadId(answer["Item"]["lead"]["S"])
        return lead

    def attach(self, browser: Identity, known: Identity, at: Moment) -> Mapping[Identity, Moment]:
        """Attach a known identity to an anonymous id; see `shared.ports.leads.Leads`."""
        return self._change_attached(
            browser, lambda before: earliest_attached({**before, known: min(at, before.get(known, at))})
        )

    def detach(self, browser: Identity, known: Collection[Identity]) -> Mapping[Identity, Moment]:
        """Detach known identities from an anonymous id; see `shared.ports.leads.Leads`."""
        return self._change_attached(
            browser, lambda before: {each: since for each, since in before.items() if each not in known}
        )

    def _change_attached(
        self, browser: Identity, change: Callable[[dict[Identity, Moment]], dict[Identity, Moment]]
    ) -> Mapping[Identity, Moment]:
        place = key(identity_partition(browser), "ATTACHED")
        for _ in range(_READS):
            version, before = self._read_attached(browser)
            after = change(before)
            if after == before:
                return before
            put: Any = {
                "TableName": self._table,
                "Item": {
                    **place,
                    "version": {"N": str(version + 1)},
                    "known": {"M": {identity.key: {"N": str(since)} for identity, since in after.items()}},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            if version:
                put["ConditionExpression"] = "version = :version"
                put["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
            try:
                with translated():
                    self._client.put_item(**put)
            except Conflict:
                # Somebody else attached at the same time, or the answer to this very put was lost.
                continue
            return after
        msg = "a browser was attached by others again and again"
        raise Conflict(msg)

    def attached(self, browser: Identity) -> Mapping[Identity, Moment]:
        """The known identities attached to an anonymous id; see `shared.ports.leads.Leads`."""
        return self._read_attached(browser)[1]

    def _read_attached(self, browser: Identity) -> tuple[int, dict[Identity, Moment]]:
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(identity_partition(browser), "ATTACHED"), ConsistentRead=True
            )
        item: Any = answer.get("Item")
        if item is None:
            return 0, {}
        known = {Identity.of_key(text): Moment(int(since["N"])) for text, since in item["known"]["M"].items()}
        return int(item["version"]["N"]), known

    def load(self, lead: LeadId) -> LeadRecord | None:
        """The record, whole; see `shared.ports.leads.Leads`."""
        versions: set[str] = set()
        for _ in range(_READS):
            with translated():
                answer = self._client.get_item(
                    TableName=self._table, Key=key(lead_partition(lead), SCORE), ConsistentRead=True
                )
            if "Item" not in answer:
                return None
            item = answer["Item"]
            digests = lead_items.digests_told(lead, item)
            months = self._months(lead) if digests else {}
            if all(lead_items.digest_of(months.get(month, b"")) == digest for month, digest in digests.items()):
                return lead_items.record_of(lead, item, [months[month] for month in digests])
            versions.add(str(item.get("version")))
        if len(versions) > 1:
            msg = "the lead changed while it was read, again and again"
            raise Unavailable(msg)
        # Nobody wrote it, and its parts are not those that it tells of: no part is taken for one that stands.
        return replace(lead_items.record_of(lead, item, None), stored_months=dict.fromkeys(digests, ""))

    def salvage(self, lead: LeadId) -> LeadRecord | None:
        """What can be told of a damaged record; see `shared.ports.leads.Leads`."""
        with translated():
            answer = self._client.get_item(
                TableName=self._table, Key=key(lead_partition(lead), SCORE), ConsistentRead=True
            )
        item: Any = answer.get("Item")
        if item is None:
            return None
        identities: set[Identity] = set()
        absorbed: set[LeadId] = set()
        with translated():
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table,
                ConsistentRead=True,
                ProjectionExpression="pk, sk",
                FilterExpression="(sk = :claimed AND #lead = :lead) OR (sk = :score AND merged_into = :lead)",
                ExpressionAttributeNames={"#lead": "lead"},
                ExpressionAttributeValues={
                    ":lead": {"S": lead},
                    ":claimed": {"S": "LEAD"},
                    ":score": {"S": SCORE},
                },
            )
            for found in (item for page in pages for item in page["Items"]):
                if found["sk"]["S"] == SCORE:
                    absorbed.add(lead_of_partition(found["pk"]["S"]))
                else:
                    identities.add(identity_of_partition(found["pk"]["S"]))
        return LeadRecord(
            lead=lead,
            identities=frozenset(identities),
            state=ScoreState.empty(),
            rules_version=DAMAGED,
            absorbed=tuple(sorted(absorbed)),
            stored_months=dict.fromkeys(self._months(lead), ""),
            read_as={name: item.get(name) for name in ("version", "rules_version")},
            **lead_items.left_beside(lead, item),
        )

    def save(self, record: LeadRecord) -> None:
        """Write over the version that the record was made from; see `shared.ports.leads.Leads`."""
        self._write([record])

    def overrule(self, record: LeadRecord, wrong: int) -> None:
        """Write over rules that never were; see `shared.ports.leads.Leads`."""
        self._write([record], instead_of=wrong)

    def join(self, survivor: LeadRecord, absorbed: LeadRecord) -> None:
        """Save the survivor, redirect the other and hand over its identities; see `shared.ports.leads.Leads`."""
        self._hand_over(survivor, absorbed, absorbed.identities, survivor.lead)

    def part(self, remaining: LeadRecord, parted: LeadRecord) -> None:
        """Save both, and give the second its identities; see `shared.ports.leads.Leads`."""
        self._hand_over(remaining, parted, parted.identities, parted.lead)

    def _hand_over(self, one: LeadRecord, two: LeadRecord, identities: Iterable[Identity], to: LeadId) -> None:
        moves: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {**key(identity_partition(identity), "LEAD"), "lead": {"S": to}},
                }
            }
            for identity in sorted(identities, key=lambda identity: identity.key)
        ]
        self._write([one, two], moves)

    def due(self, until: Moment, page: int) -> Iterator[list[LeadId]]:
        """Leads whose moment has come; see `shared.ports.leads.Leads`.

        Each is told once although the index may tell of it twice: by its score and by its stage, or where it stood and
        where it stands.
        """
        told: set[LeadId] = set()
        waiting: list[LeadId] = []
        for lead in self._due(until, page):
            if lead not in told:
                told.add(lead)
                waiting.append(lead)
            if len(waiting) == page:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _due(self, until: Moment, page: int) -> Iterator[LeadId]:
        # An equal share of each shard in turn, so that leads which cannot be scored hold up at most their own.
        share = -(-page // DUE_SHARDS)
        places: dict[int, Any] = {shard: {} for shard in range(DUE_SHARDS)}
        while places:
            for shard in list(places):
                with translated():
                    answer = self._client.query(
                        TableName=self._table,
                        IndexName=DUE_INDEX,
                        KeyConditionExpression="due_shard = :shard AND due <= :until",
                        ExpressionAttributeValues={":shard": {"S": str(shard)}, ":until": {"N": str(until)}},
                        Limit=share,
                        **places[shard],
                    )
                yield from (lead_of_partition(item["pk"]["S"]) for item in answer["Items"])
                if "LastEvaluatedKey" in answer:
                    places[shard] = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
                else:
                    del places[shard]

    def segment(
        self,
        number: int,
        of: int,
        after: str | None,
        limit: int,
        older_than: int | None = None,
        *,
        redirects: bool = False,
    ) -> tuple[list[LeadId], str | None]:
        """A page of one segment of all leads; see `shared.ports.leads.Leads`."""
        values: Item = {":score": {"S": SCORE}}
        condition = "sk = :score" if redirects else "sk = :score AND attribute_not_exists(merged_into)"
        if older_than is not None:
            values[":older_than"] = {"N": str(older_than)}
            condition += " AND rules_version < :older_than"
        start: Any = {"ExclusiveStartKey": json.loads(after)} if after else {}
        with translated():
            answer = self._client.scan(
                TableName=self._table,
                Segment=number,
                TotalSegments=of,
                Limit=limit,
                ConsistentRead=True,
                ProjectionExpression="pk",
                FilterExpression=condition,
                ExpressionAttributeValues=values,
                **start,
            )
        following = answer.get("LastEvaluatedKey")
        return (
            [lead_of_partition(item["pk"]["S"]) for item in answer["Items"]],
            json.dumps(following, sort_keys=True) if following else None,
        )

    def after(self, lead: LeadId) -> str:
        """The place right after a lead; see `shared.ports.leads.Leads`."""
        return json.dumps(key(lead_partition(lead), SCORE), sort_keys=True)

    def _months(self, lead: LeadId) -> dict[str, bytes]:
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :lead AND begins_with(sk, :segment)",
                ExpressionAttributeValues={":lead": {"S": lead_partition(lead)}, ":segment": {"S": score_segment("")}},
                ConsistentRead=True,
            )
            items = [item for page in pages for item in page["Items"]]
        return {item["sk"]["S"].removeprefix(score_segment("")): item["state"]["B"] for item in items}

    def _write(
        self,
        records: Sequence[LeadRecord],
        beside: Sequence[TransactWriteItemTypeDef] = (),
        *,
        instead_of: int | None = None,
    ) -> None:
        """Write some leads, and what belongs beside them, all or nothing; or one `instead_of` rules that never were."""
        cut = [(record, *lead_items.cut(record)) for record in records]
        new = [part for _, _, parts in cut for part in parts if part.place is None]
        size = sum(len(part.blob) for part in new)
        mine = ""
        if len(records) + len(new) + len(beside) > _TRANSACTION_LIMIT or size > _TRANSACTION_BYTES:
            mine, size = f"~{secrets.token_hex(8)}", 0
        mains: list[TransactWriteItemTypeDef] = []
        puts: list[TransactWriteItemTypeDef] = []
        stale: list[TransactWriteItemTypeDef] = []
        for record, whole, parts in cut:
            digests = {part.place or f"{part.name}{mine}": part.digest for part in parts}
            puts += [self._put(record, f"{part.name}{mine}", part.blob) for part in parts if part.place is None]
            mains.append(self._main(record, whole, digests, instead_of))
            gone = [lead_items.part_key(record, place) for place in record.stored_months if place not in digests]
            stale += [{"Delete": {"TableName": self._table, "Key": each}} for each in gone]
        writes = [*mains, *beside] if mine else [*mains, *puts, *beside]
        if len(writes) > _TRANSACTION_LIMIT:
            msg = f"{len(records)} leads would take {len(writes)} writes at once; {_TRANSACTION_LIMIT} fit together"
            raise ValueError(msg)
        room = min(_TRANSACTION_LIMIT - len(writes), (_TRANSACTION_BYTES - size) // lead_items.PART_BYTES)
        before = puts if mine else []
        for each in before:
            with translated():
                self._client.put_item(**each["Put"])
        try:
            self._transact([*writes, *stale[:room]])
        except Conflict as reason:
            # Of one in progress nobody knows whether it will tell of the parts: those stay.
            for each in before if "InProgress" not in str(reason) else ():
                item = each["Put"]["Item"]
                with translated():
                    self._client.delete_item(TableName=self._table, Key={name: item[name] for name in ("pk", "sk")})
            raise

    def _transact(self, writes: Sequence[TransactWriteItemTypeDef]) -> None:
        with translated():
            if len(writes) == 1:
                self._client.put_item(**writes[0]["Put"])
            else:
                self._client.transact_write_items(TransactItems=writes)

    def _put(self, record: LeadRecord, place: str, blob: bytes) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self._table, "Item": {**lead_items.part_key(record, place), "state": {"B": blob}}}}

    def _main(
        self, record: LeadRecord, whole: bytes, digests: dict[str, str], instead_of: int | None
    ) -> TransactWriteItemTypeDef:
        item = lead_items.score_item(record, whole, digests)
        condition = "attribute_not_exists(pk)"
        values: dict[str, Any] = {}
        if record.read_as is not None:
            is_as_read = [
                f"{name} = :{name}" if value is not None else f"attribute_not_exists({name})"
                for name, value in record.read_as.items()
            ]
            condition = " AND ".join(["attribute_exists(pk)", *is_as_read])
            told = {f":{name}": value for name, value in record.read_as.items() if value is not None}
            values = {"ExpressionAttributeValues": told} if told else {}
        elif record.version:
            than, bound = ("<=", record.rules_version) if instead_of is None else ("=", instead_of)
            condition = f"version = :version AND rules_version {than} :bound"
            values = {
                "ExpressionAttributeValues": {
                    ":version": {"N": str(record.version)},
                    ":bound": {"N": str(bound)},
                }
            }
        main: Any = {"TableName": self._table, "Item": item, "ConditionExpression": condition, **values}
        return {"Put": main}
