"""Every key of the Leads table, in one place."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from shared.domain.activity import Identity
from shared.domain.handoff import HandoffKey, LeadId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

SCORE = "SCORE"
STAGE = "STAGE"
TRANSITION = "TRANSITION#"
HANDOFF = "HANDOFF#"
SENT = "SENT#"
WITHHELD = "WITHHELD#"
OUTBOX = "OUTBOX#"
RULES = "RULES"
ACTIVE = "ACTIVE"
VERSION = "VERSION#"
DRAFT = "DRAFT#"
RESCORE = "RESCORE"
NOISE = "NOISE"
TURN = "TURN"
CHANNELS = "CHANNELS"
BREAKER = "BREAKER#"
MISSED = "MISSED#"
DRIFT = "DRIFT"
ROUND = "ROUND"

DUE_INDEX = "due"
TEMPERATURE_INDEX = "by_temperature"
STAGE_INDEX = "by_stage"
STATE_INDEX = "by_state"
DUE_SHARDS = 8
"""The due index is spread over this many partitions, so that no single one takes every lead's write."""

_LEAD = "LEAD#"
_IDENTITY = "IDENTITY#"


def key(partition: str, sort: str) -> Item:
    """A primary key."""
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def lead_partition(lead: LeadId) -> str:
    """The partition that holds all of a lead."""
    return f"{_LEAD}{lead}"


def lead_of_partition(partition: str) -> LeadId:
    """Read a lead's partition back.

    Raises:
        ValueError: it is no lead's partition.
    """
    if not partition.startswith(_LEAD):
        msg = f"{partition!r} is not the partition of a lead"
        raise ValueError(msg)
    return LeadId(partition.removeprefix(_LEAD))


def team_partition(counter: str) -> str:
    """The partition of whose turn it is in a team, or among some of it."""
    return f"TEAM#{counter}"


def identity_partition(identity: Identity) -> str:
    """The partition that tells whose an identity is."""
    return f"{_IDENTITY}{identity.key}"


def identity_of_partition(partition: str) -> Identity:
    """Read the identity back of a partition of either table.

    Raises:
        ValueError: it is no identity's partition.
    """
    return Identity.of_key(partition.removeprefix(_IDENTITY))


def score_segment(part: str) -> str:
    """The sort key of a part, a month or less, of a state that outgrew its item."""
    return f"{SCORE}#{part}"


def transition(number: int) -> str:
    """The sort key of a lead's n-th transition; text order is number order."""
    return f"{TRANSITION}{number:06d}"


def handoff(key_: HandoffKey) -> str:
    """The sort key of a handoff."""
    return f"{HANDOFF}{key_.stage}#{key_.epoch}"


def sent(key_: HandoffKey, channel: str) -> str:
    """The sort key that marks a handoff as sent on a channel."""
    return f"{SENT}{key_.stage}#{key_.epoch}#{channel}"


def withheld(key_: HandoffKey) -> str:
    """The sort key that tells why a handoff was not sent."""
    return f"{WITHHELD}{key_.stage}#{key_.epoch}"


def outbox(event_id: str) -> str:
    """The sort key of an event that is to be published."""
    return f"{OUTBOX}{event_id}"


def noise_filter(id_: str) -> str:
    """The sort key of a noise filter."""
    return f"FILTER#{id_}"


def drift(lead: LeadId) -> str:
    """The sort key that tells that a lead has drifted."""
    return f"{_LEAD}{lead}"


def version(number: int) -> str:
    """The sort key of a rule version; text order is number order."""
    return f"{VERSION}{number:06d}"


def draft(number: int) -> str:
    """The sort key of a draft of rules; text order is number order."""
    return f"{DRAFT}{number:06d}"


def due_shard(lead: LeadId) -> str:
    """The partition of the due index in which a lead stands; the same on every machine."""
    return str(zlib.crc32(lead.encode()) % DUE_SHARDS)
