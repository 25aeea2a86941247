"""Leads on DynamoDB: whose each identity is, and each lead's score state as one compressed attribute.

A state that outgrows its item is cut into months, and a month above `PART_BYTES` into halves by a digest of the ids,
`2026-03.0` and `2026-03.1`, and these again. The SCORE item then holds a digest of every part, so that a reader knows
whether what it read belongs together, and a writer writes only the parts that changed.

They are written in one transaction while they fit into one. More than that is put beforehand, under names of their own
(`2026-03.01~9f…`): what the stored SCORE tells of stays as it is until the transaction tells of the new parts, and
takes away as many of the old ones as fit into it. Whoever comes too late takes its parts back; one that dies leaves
parts that nobody counts, and they go with the lead. A lead cannot be written whole once the digests outgrow the
SCORE item, from some 5,000 parts on.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import (
    DUE_INDEX,
    DUE_SHARDS,
    SCORE,
    due_shard,
    identity_of_partition,
    identity_partition,
    key,
    lead_of_partition,
    lead_partition,
    score_segment,
)
from shared.domain.activity import Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import Link, Ties, Verdict, earliest_attached
from shared.domain.moments import Moment
from shared.domain.state import ScoreState, UnknownFormat, unpack
from shared.ports.errors import Conflict, Unavailable, Unreadable
from shared.ports.leads import DAMAGED, OTHER_FORMAT, Browser, LeadRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from shared.adapters.dynamodb.keys import Item

SPILL_ABOVE = 32 * 1024
"""Bytes of compressed state above which it is kept by month."""

PART_BYTES = 200 * 1024
"""Bytes that a part of a compressed state has at most; an item of DynamoDB holds 400 KB."""

_DAMAGE = (ValueError, LookupError, TypeError, StopIteration, zlib.error)
"""What comes of reading what nobody wrote so."""

_READS = 5
_TRANSACTION_LIMIT = 100
_TRANSACTION_BYTES = 3 * 1024 * 1024
"""Bytes of parts in one transaction; the rest of its 4 MB is for SCORE items and for whose identities are."""
_MOST_HALVINGS = 64
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
            digests = _parts(lead, item)
            months = self._months(lead) if digests else {}
            if all(_digest(months.get(month, b"")) == digest for month, digest in digests.items()):
                return _record(lead, item, [months[month] for month in digests])
            versions.add(str(item.get("version")))
        if len(versions) > 1:
            msg = "the lead changed while it was read, again and again"
            raise Unavailable(msg)
        # Nobody wrote it, and its parts are not those that it tells of: no part is taken for one that stands.
        return replace(_record(lead, item, None), stored_months=dict.fromkeys(digests, ""))

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
            **_left_beside(lead, item),
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
        cut = [(record, *_cut(record)) for record in records]
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
            gone = [_segment(record, place) for place in record.stored_months if place not in digests]
            stale += [{"Delete": {"TableName": self._table, "Key": each}} for each in gone]
        writes = [*mains, *beside] if mine else [*mains, *puts, *beside]
        if len(writes) > _TRANSACTION_LIMIT:
            msg = f"{len(records)} leads would take {len(writes)} writes at once; {_TRANSACTION_LIMIT} fit together"
            raise ValueError(msg)
        room = min(_TRANSACTION_LIMIT - len(writes), (_TRANSACTION_BYTES - size) // PART_BYTES)
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
        return {"Put": {"TableName": self._table, "Item": {**_segment(record, place), "state": {"B": blob}}}}

    def _main(
        self, record: LeadRecord, whole: bytes, digests: dict[str, str], instead_of: int | None
    ) -> TransactWriteItemTypeDef:
        item = _item(record, whole, digests)
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


class _Part(NamedTuple):
    """A part of a state, and the place where it is stored just so (None: nowhere yet)."""

    name: str
    blob: bytes
    digest: str
    place: str | None


def _cut(record: LeadRecord) -> tuple[bytes, list[_Part]]:
    """What the SCORE item holds of a lead, and the parts of a state that outgrew it."""
    whole = _packed(record, record.state)
    if len(whole) <= SPILL_ABOVE:
        return whole, []
    # The latest moment stays in SCORE, which is written in any case: in a part it would be one more to write each time.
    months = ScoreState(record.state.entries, record.state.seen).split_by_month()
    blobs = [small for month, part in months.items() for small in _small(month, part)]
    return _packed(record, ScoreState(last_own=record.state.last_own)), [_part(record, *each) for each in blobs]


def _part(record: LeadRecord, name: str, blob: bytes) -> _Part:
    digest = _digest(blob)
    stored = record.stored_months.items()
    return _Part(name, blob, digest, next((at for at, told in stored if told == digest and _is_of(at, name)), None))


def _is_of(place: str, name: str) -> bool:
    return place.partition("~")[0] == name


def _small(name: str, part: ScoreState, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """A part, or its halves and theirs until each is small enough; which is which depends on nothing but what it is."""
    blob = zlib.compress(part.pack(), 9)
    if len(blob) <= PART_BYTES or len(part.entries) + len(part.seen) <= 1 or depth == _MOST_HALVINGS:
        yield name, blob
        return
    for number, half in enumerate(part.halves(depth)):
        if half.entries or half.seen:
            yield from _small(f"{name}{number}" if depth else f"{name}.{number}", half, depth + 1)


def _segment(record: LeadRecord, place: str) -> Item:
    return key(lead_partition(record.lead), score_segment(place))


def _item(record: LeadRecord, whole: bytes, months: dict[str, str]) -> Item:
    item: Item = {
        **key(lead_partition(record.lead), SCORE),
        "version": {"N": str(record.version + 1)},
        "rules_version": {"N": str(record.rules_version)},
        "state": {"B": whole},
        "mark": {"N": str(record.mark)},
        "did": {"N": str(record.did)},
        "look": {"BOOL": record.look},
    }
    if months:
        item["months"] = {"S": json.dumps(months, sort_keys=True)}
    if record.merged_into:
        item["merged_into"] = {"S": record.merged_into}
    elif record.due is not None:
        item["due"] = {"N": str(record.due)}
        item["due_shard"] = {"S": due_shard(record.lead)}
    return item


def _packed(record: LeadRecord, state: ScoreState) -> bytes:
    who = {
        "identities": sorted(identity.key for identity in record.identities),
        "browsers": {name: [each.since, int(each.shared)] for name, each in sorted(record.browsers.items())},
        "absorbed": list(record.absorbed),
        "links": [_told_link(link) for link in sorted(record.ties.links, key=lambda link: link.order)],
        "verdicts": sorted(_told_verdict(verdict) for verdict in record.ties.verdicts),
        "owed": sorted(record.owed),
        "torn": int(record.torn),
        "muted": int(record.muted),
    }
    header = json.dumps({name: told for name, told in who.items() if told}, separators=(",", ":")).encode()
    return zlib.compress(struct.pack(">I", len(header)) + header + state.pack(), 9)


def _parts(lead: LeadId, item: Any) -> dict[str, str]:
    """The digest of each part of a state that outgrew its item.

    Raises:
        Unreadable: they cannot be told.
    """
    try:
        return dict(json.loads(item["months"]["S"])) if "months" in item else {}
    except _DAMAGE as error:
        msg = f"what is stored of the parts of lead {lead} is damaged"
        raise Unreadable(msg) from error


def _told_beside(lead: LeadId, item: Any) -> dict[str, Any]:
    """What an item tells of a lead beside its packed state."""
    return {
        "version": int(item["version"]["N"]),
        "mark": int(item["mark"]["N"]),
        "did": int(item["did"]["N"]) if "did" in item else 0,
        "look": item["look"]["BOOL"],
        "due": Moment(int(item["due"]["N"])) if "due" in item and _is_found_when_due(lead, item) else None,
        "merged_into": LeadId(item["merged_into"]["S"]) if "merged_into" in item else None,
    }


def _left_beside(lead: LeadId, item: Any) -> dict[str, Any]:
    """What is left to be told of a damaged item beside its packed state.

    What cannot be read is taken for the likeliest. Marks count some of the writes, so that none is above the version.
    """
    version, mark, did = (_number(item, name) for name in ("version", "mark", "did"))
    likeliest = version if version is not None else mark or 0
    due = _number(item, "due")
    return {
        "version": likeliest,
        "mark": likeliest if mark is None else mark,
        "did": likeliest if did is None else did,
        "due": Moment(due) if due is not None and _is_found_when_due(lead, item) else None,
        "merged_into": LeadId(into) if (into := item.get("merged_into", {}).get("S")) else None,
    }


def _number(item: Any, name: str) -> int | None:
    try:
        return int(item[name]["N"])
    except _DAMAGE:
        return None


def _is_found_when_due(lead: LeadId, item: Any) -> bool:
    """Whether the index of due leads has it in the place where it is looked for."""
    return "merged_into" in item or item.get("due_shard") == {"S": due_shard(lead)}


def _record(lead: LeadId, item: Any, months: list[bytes] | None) -> LeadRecord:
    """The record that an item holds, with the parts of its state; without them (None) the state is lost.

    Raises:
        Unreadable: it cannot be unpacked.
    """
    try:
        raw = zlib.decompress(item["state"]["B"])
        (length,) = struct.unpack_from(">I", raw)
        return _unpacked(lead, item, json.loads(raw[4 : 4 + length]), raw[4 + length :], months)
    except (*_DAMAGE, AttributeError, struct.error) as error:
        msg = f"what is stored of lead {lead} is damaged"
        raise Unreadable(msg) from error


def _unpacked(lead: LeadId, item: Any, who: Any, packed: bytes, months: list[bytes] | None) -> LeadRecord:
    rules_version, lost = int(item["rules_version"]["N"]), None if months is not None else DAMAGED
    try:
        state = unpack(packed)
        for blob in months or ():
            state = state.merge(unpack(zlib.decompress(blob)))
    except UnknownFormat:
        lost = OTHER_FORMAT if packed else DAMAGED
    except _DAMAGE:
        lost = DAMAGED
    if lost is not None:
        # Either way the log has it all, while it is known whose.
        if not who.get("identities") and "merged_into" not in item:
            msg = f"nothing is stored of who lead {lead} is"
            raise ValueError(msg)
        state, rules_version = ScoreState.empty(), lost
    return LeadRecord(
        lead=lead,
        identities=frozenset(Identity.of_key(text) for text in who.get("identities", ())),
        state=state,
        rules_version=rules_version,
        browsers={
            name: Browser(Moment(since), bool(shared)) for name, (since, shared) in who.get("browsers", {}).items()
        },
        **_told_beside(lead, item),
        absorbed=tuple(LeadId(text) for text in who.get("absorbed", ())),
        ties=Ties(
            frozenset(_link(*told) for told in who.get("links", ())),
            frozenset(_verdict(*told) for told in who.get("verdicts", ())),
        ),
        owed=frozenset(LeadId(text) for text in who.get("owed", ())),
        torn=bool(who.get("torn", 0)),
        muted=bool(who.get("muted", 0)),
        stored_months=_parts(lead, item),
    )


def _told_link(link: Link) -> list[Any]:
    return [link.occurred_at, link.activity_id, link.one.key, link.two.key]


def _link(at: int, activity_id: str, one: str, two: str) -> Link:
    return Link(Moment(at), activity_id, Identity.of_key(one), Identity.of_key(two))


def _told_verdict(verdict: Verdict) -> list[Any]:
    parts = [sorted(identity.key for identity in part) for part in verdict.parts]
    return [verdict.occurred_at, verdict.activity_id, parts]


def _verdict(at: int, activity_id: str, parts: list[list[str]]) -> Verdict:
    return Verdict(Moment(at), activity_id, tuple(frozenset(map(Identity.of_key, part)) for part in parts))


def _digest(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()[:16]
