"""Who is who: whose the activities of a browser are, and how much may be linked before it says nothing any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from shared.domain.activity import Activity, Identity
from shared.domain.moments import Moment

MOST_IDENTITIES = 20
"""A lead of more known identities is refused further ones: a shared mailbox never melts people together."""
MOST_LEADS_OF_A_BROWSER = 10
"""A browser that more people used is a kiosk: the first of them in time stay attached, the others never are."""
MOST_BROWSERS_OF_A_LEAD = 50
"""What the first of its browsers did alone counts for a lead; of further ones only what was done in its name."""


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


def earliest_attached(attached: Mapping[Identity, Moment]) -> dict[Identity, Moment]:
    """Those who stay attached to a browser, with the moment at which each first was: the earliest, whoever came first.

    Keeping only these loses nothing: who is not among them now comes in only by an
    earlier attachment of their own.
    """
    ordered = sorted(attached.items(), key=lambda each: (each[1], each[0].key))
    return dict(islice(ordered, MOST_LEADS_OF_A_BROWSER))
