"""How a lead's score side is written: one SCORE item, and the parts of a state that outgrew it.

A state that outgrows its item is cut into months, and a month above `PART_BYTES` into halves by a digest of the ids,
`2026-03.0` and `2026-03.1`, and these again. The SCORE item then holds a digest of every part, so that a reader knows
whether what it read belongs together, and a writer writes only the parts that changed. A lead cannot be written whole
once the digests outgrow the SCORE item, from some 5,000 parts on.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.adapters.dynamodb.keys import SCORE, due_shard, key, lead_partition, score_segment
from shared.domain.activity import Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import Link, Ties, Verdict
from shared.domain.moments import Moment
from shared.domain.state import ScoreState, UnknownFormat, unpack
from shared.ports.errors import Unreadable
from shared.ports.leads import DAMAGED, OTHER_FORMAT, Browser, LeadRecord

if TYPE_CHECKING:
    from shared.adapters.dynamodb.keys import Item

SPILL_ABOVE = 32 * 1024
"""Bytes of compressed state above which it is kept by month."""

PART_BYTES = 200 * 1024
"""Bytes that a part of a compressed state has at most; an item of DynamoDB holds 400 KB."""

_DAMAGE = (ValueError, LookupError, TypeError, StopIteration, zlib.error)
"""What comes of reading what nobody wrote so."""

_MOST_HALVINGS = 64


class Part(NamedTuple):
    """A part of a state, and the place where it is stored just so (None: nowhere yet)."""

    name: str
    blob: bytes
    digest: str
    place: str | None


def cut(record: LeadRecord) -> tuple[bytes, list[Part]]:
    """What the SCORE item holds of a lead, and the parts of a state that outgrew it."""
    whole = _packed(record, record.state)
    if len(whole) <= SPILL_ABOVE:
        return whole, []
    # The latest moment stays in SCORE, which is written in any case: in a part it would be one more to write each time.
    months = ScoreState(record.state.entries, record.state.seen).split_by_month()
    blobs = [small for month, part in months.items() for small in _small(month, part)]
    return _packed(record, ScoreState(last_own=record.state.last_own)), [_part(record, *each) for each in blobs]


def _part(record: LeadRecord, name: str, blob: bytes) -> Part:
    digest = digest_of(blob)
    stored = record.stored_months.items()
    return Part(name, blob, digest, next((at for at, told in stored if told == digest and _is_of(at, name)), None))


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


def part_key(record: LeadRecord, place: str) -> Item:
    """The key of a part of a lead's state; its place is `2026-03.01`, or that with a name of its own behind it."""
    return key(lead_partition(record.lead), score_segment(place))


def score_item(record: LeadRecord, whole: bytes, months: dict[str, str]) -> Item:
    """The SCORE item of a lead; `months` holds the digest of each part of its state by place."""
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


def digests_told(lead: LeadId, item: Any) -> dict[str, str]:
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


def left_beside(lead: LeadId, item: Any) -> dict[str, Any]:
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


def record_of(lead: LeadId, item: Any, months: list[bytes] | None) -> LeadRecord:
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
        stored_months=digests_told(lead, item),
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


def digest_of(blob: bytes) -> str:
    """By what a part is known, in hexadecimal."""
    return hashlib.sha256(blob).hexdigest()[:16]
