"""Makes activities and identities for tests, with only what a test cares about."""

from collections.abc import Sequence
from typing import Any

from shared.domain.activity import (
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    Activity,
    Identity,
    IdentityKind,
    Rank,
    strongest_first,
)
from shared.domain.identity import APART
from shared.domain.moments import parse_moment


def email(address: str) -> Identity:
    return Identity(IdentityKind.EMAIL, address)


def user(user_id: str) -> Identity:
    return Identity(IdentityKind.USER_ID, user_id)


def browser(anonymous_id: str) -> Identity:
    return Identity(IdentityKind.ANONYMOUS_ID, anonymous_id)


def activity(
    activity_id: str,
    *identities: Identity,
    type: str = "page_viewed",  # noqa: A002 (the field's word)
    at: str = "2026-03-01T09:00:00Z",
    rank: Rank = Rank.TRUSTED,
    **rest: Any,
) -> Activity:
    moment = parse_moment(at)
    return Activity(
        id=activity_id,
        type=type,
        occurred_at=moment,
        received_at=moment,
        identities=strongest_first(identities),
        rank=rank,
        **rest,
    )


def merged(activity_id: str, *identities: Identity, **rest: Any) -> Activity:
    """A person decided that some identities are one lead."""
    return activity(activity_id, *identities, **{"type": IDENTITIES_MERGED, "rank": Rank.SALES, "own": False, **rest})


def unmerged(activity_id: str, one: Sequence[Identity], other: Sequence[Identity], **rest: Any) -> Activity:
    """A person decided that some identities are one lead, and others another one."""
    apart = {APART: [identity.key for identity in one]}
    decided = {"type": IDENTITIES_UNMERGED, "rank": Rank.SALES, "own": False, "properties": apart, **rest}
    return activity(activity_id, *one, *other, **decided)
