"""Channels that fail, and the messages that they missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.domain.breaker import Breaker
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True, order=True)
class ChannelKey:
    """One channel (`email`, `slack` or `webhook`) of one team."""

    team: str
    channel: str

    @property
    def text(self) -> str:
        """The key as people read it, `inside-sales/slack`."""
        return f"{self.team}/{self.channel}"


@dataclass(frozen=True, slots=True)
class MissedMessage:
    """A message that waits until its channel is back: the bus event that announced it, which names nobody.

    `id` is the event's and `at` its moment: messages of a channel go out in the order of (at, id).
    """

    id: str
    at: Moment
    name: str
    detail: Mapping[str, object]


class Missed(Protocol):
    """The breakers of all channels, and what waits for each."""

    def breaker(self, channel: ChannelKey) -> Breaker:
        """The channel's breaker; a closed one where nothing is stored. Strongly consistent."""
        ...

    def failed(self, channel: ChannelKey, now: Moment, error: str, *, again: bool = False) -> Breaker:
        """Count a failure of the channel and answer what its breaker is now; `again` if it had come back meanwhile.

        Raises:
            Conflict: others count failures of it all the time.
        """
        ...

    def close(self, channel: ChannelKey) -> None:
        """Forget all failures of the channel."""
        ...

    def breakers(self) -> dict[ChannelKey, Breaker]:
        """Every channel that failed last, with its breaker."""
        ...

    def put_by(self, channel: ChannelKey, message: MissedMessage) -> None:
        """Keep a message until the channel is back. Putting it by again changes nothing."""
        ...

    def waiting(self) -> list[ChannelKey]:
        """Every channel for which something waits, whether its breaker is open or not. Strongly consistent."""
        ...

    def next(self, channel: ChannelKey, limit: int, after: MissedMessage | None = None) -> list[MissedMessage]:
        """So many of the messages that wait for a channel, oldest first, after one. Strongly consistent."""
        ...

    def done(self, channel: ChannelKey, message: MissedMessage) -> None:
        """Take away a message that waits no more."""
        ...
