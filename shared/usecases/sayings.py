"""What signed-in people say of leads: activities like any other, with who said it and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.activity import PEOPLE, Activity, Identity, Rank
from shared.domain.moments import Moment, format_moment
from shared.domain.people import Person
from shared.domain.refusals import Contested
from shared.ports.activities import Activities, ActivityKey


class SaidOtherwise(Contested):
    """Under the same request id the same person said something else: what is new needs an id of its own."""

    def __init__(self, before: Activity) -> None:
        at = format_moment(before.occurred_at)
        super().__init__(f"something else was said under this key at {at}; say what is new under another one", when=at)


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


def say(log: Activities, activity: Activity) -> Activity:
    """Append what a person says; the answer is how it stands in the log, the first time that it was said.

    Raises:
        SaidOtherwise: something else stands there under its id.
    """
    log.append([activity])
    return said_before(log, activity, activity.identities[:1]) or activity


def said_before(log: Activities, activity: Activity, identities: Iterable[Identity]) -> Activity | None:
    """What stands in the log under an activity's id and one of some identities; None where nothing does.

    Raises:
        SaidOtherwise: it says something else.
    """
    for identity in identities:
        before = log.at(ActivityKey(identity, activity.id))
        if before is None:
            continue
        # Who said it may be called otherwise by now, and what was written before a property came to be lacks it.
        if any(activity.properties.get(name) != told for name, told in before.properties.items() if name != "who"):
            raise SaidOtherwise(before)
        return before
    return None
