from shared.domain.breaker import CLOSED, Breaker
from shared.domain.moments import Moment
from shared.ports.missed import ChannelKey, MissedMessage


class InMemoryMissed:
    """Breakers, and what waits for each channel."""

    def __init__(self) -> None:
        self.stored: dict[ChannelKey, Breaker] = {}
        self.messages: dict[ChannelKey, dict[tuple[Moment, str], MissedMessage]] = {}

    def breaker(self, channel: ChannelKey) -> Breaker:
        return self.stored.get(channel, CLOSED)

    def failed(self, channel: ChannelKey, now: Moment, error: str, *, again: bool = False) -> Breaker:
        before = self.breaker(channel)
        after = before.failed_again(now, error) if again and before.is_open else before.failed(now, error)
        self.stored[channel] = after
        return after

    def close(self, channel: ChannelKey) -> None:
        self.stored.pop(channel, None)

    def breakers(self) -> dict[ChannelKey, Breaker]:
        return dict(self.stored)

    def put_by(self, channel: ChannelKey, message: MissedMessage) -> None:
        self.messages.setdefault(channel, {})[message.at, message.id] = message

    def waiting(self) -> list[ChannelKey]:
        return sorted(channel for channel, held in self.messages.items() if held)

    def next(self, channel: ChannelKey, limit: int, after: MissedMessage | None = None) -> list[MissedMessage]:
        held = sorted(self.messages.get(channel, {}).items())
        return [each for place, each in held if after is None or place > (after.at, after.id)][:limit]

    def done(self, channel: ChannelKey, message: MissedMessage) -> None:
        self.messages.get(channel, {}).pop((message.at, message.id), None)
