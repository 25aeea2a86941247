"""Who is who: whose the activities of a browser are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.activity import Activity, Identity
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class Attachment:
    """At a moment an activity named a browser and somebody known together."""

    occurred_at: Moment
    activity_id: str
    known: Identity


def attachments(activities: Iterable[Activity], browser: Identity) -> list[Attachment]:
    """The attachments to a browser that these activities are, in order of time."""
    return sorted(
        (
            Attachment(activity.occurred_at, activity.id, activity.known_identities[0])
            for activity in activities
            if activity.known_identities and activity.anonymous_id == browser
        ),
        key=lambda attachment: (attachment.occurred_at, attachment.activity_id),
    )


def owner(of: Iterable[Attachment], at: Moment) -> Identity | None:
    """Whose an anonymous activity at a moment is: the last who was attached by then, or else the first after it.

    `of` stands in order of time, as `attachments` gives it. Two people at one computer so stay two people.
    """
    latest: Identity | None = None
    for attachment in of:
        if attachment.occurred_at > at and latest is not None:
            break
        latest = attachment.known
        if attachment.occurred_at > at:
            break
    return latest
