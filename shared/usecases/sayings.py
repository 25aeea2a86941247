"""What signed-in people say of leads: activities like any other, with who said it and why."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from shared.domain.activity import PEOPLE, Activity, Identity, Rank
from shared.domain.moments import Moment
from shared.domain.people import Person


def said_by(
    person: Person,
    now: Moment,
    *,
    id: str,  # noqa: A002 - the activity's own word
    type: str,  # noqa: A002
    identities: tuple[Identity, ...],
    why: str,
    properties: Mapping[str, Any],
) -> Activity:
    """The activity by which a person says something of a lead; it is not the lead's own."""
    return Activity(
        id=id,
        type=type,
        occurred_at=now,
        received_at=now,
        identities=identities,
        rank=Rank.SALES,
        source=PEOPLE,
        properties={**properties, "who": person.name, "why": why},
        own=False,
    )


def request_digest(*parts: str) -> str:
    """What tells one request of a person from every other, so that the same one again is the same activity."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
