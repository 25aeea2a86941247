from shared.domain.handoff import Handoff, HandoffKey
from shared.domain.moments import Moment


class InMemoryHandoffs:
    """Committed handoffs, with what was claimed, sent and withheld."""

    def __init__(self, *committed: Handoff) -> None:
        self.committed = {each.key: each for each in committed}
        self.reasons: dict[HandoffKey, str] = {}
        self._claimed: dict[tuple[HandoffKey, str], Moment] = {}
        self._sent: dict[HandoffKey, dict[str, Moment]] = {}

    def get(self, key: HandoffKey) -> Handoff | None:
        return self.committed.get(key)

    def sent(self, key: HandoffKey) -> dict[str, Moment]:
        return dict(self._sent.get(key, {}))

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        if channel in self._sent.get(key, {}) or self._claimed.get((key, channel), at) > at:
            return False
        self._claimed[key, channel] = until
        return True

    def mark_sent(self, key: HandoffKey, channel: str, at: Moment) -> None:
        self._sent.setdefault(key, {}).setdefault(channel, at)
        self._claimed.pop((key, channel), None)

    def withhold(self, key: HandoffKey, reason: str, at: Moment) -> None:
        self.reasons.setdefault(key, reason)
