"""What people are told of, one turn of telling it on each channel, and what became of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.domain.events import HandoffAnswered, HandoffFollowedUp, HandoffRequested

if TYPE_CHECKING:
    from shared.domain.handoff import HandoffKey
    from shared.domain.moments import Moment
    from shared.ports.missed import ChannelKey

Following = HandoffFollowedUp | HandoffAnswered
"""What is told of a handoff that people have been told of."""
Announced = HandoffRequested | Following
ANNOUNCED: Mapping[str, type[Announced]] = {
    each.NAME: each for each in (HandoffRequested, HandoffFollowedUp, HandoffAnswered)
}
"""The events of the bus of which people are told."""

ELSEWHERE = "another delivery is sending it"
"""Why a channel counts as failed while somebody else's claim on it lasts: this delivery comes back and looks again."""


class NotCommitted(Exception):
    """A handoff was announced that nobody committed: nothing is sent."""


class NobodyToTell(Exception):
    """A handoff is for a team that has none of the handoff's channels: it would be dropped in silence."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message this time. `sent` holds the microseconds from the last activity to each sending.

    All three mappings are by mark, which for the handoff itself is the channel's name. `put_by` holds the channels that
    are down, with the last error of each: the message goes out there once they are back. `refused` are those of the
    failed that will not take this message, whatever becomes of others. `unbriefed` tells that it went out without the
    whole story, and why that could not be made.
    """

    key: HandoffKey
    sent: Mapping[str, int | None] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    withheld: str | None = None
    put_by: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    unbriefed: str | None = None


class NotDelivered(Exception):
    """At least one channel did not take it; the others have it, and only the failed ones are tried again."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(
            f"{delivery.key.text}: {', '.join(f'{name} ({why})' for name, why in delivery.failed.items())}"
        )
        self.delivery = delivery


@dataclass(frozen=True, slots=True)
class Turn:
    """How a message goes out this time, which has ended `until` then; a handoff itself was `asked_at` to.

    One that was missed goes `only` to the channel that missed it, and is `back` where others have just arrived. One
    that was `given_back` by a channel, `inside-sales/slack`, is at fault itself if it fails there.
    """

    until: Moment
    asked_at: Moment | None = None
    only: ChannelKey | None = None
    back: bool = False
    given_back: str | None = None


def asked_at(announced: Announced) -> Moment | None:
    """To when a handoff itself was asked for; None for what follows it."""
    return announced.requested_at if isinstance(announced, HandoffRequested) else None
