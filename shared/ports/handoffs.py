"""Committed handoffs, and what has been sent of them."""

from typing import Protocol

from shared.domain.handoff import Handoff, HandoffKey
from shared.domain.moments import Moment


class Handoffs(Protocol):
    """Handoffs are written by `evaluate` in one transaction with their stage; here they are read and marked as sent."""

    def get(self, key: HandoffKey) -> Handoff | None:
        """The handoff, or None when nothing of that key was ever committed."""
        ...

    def sent(self, key: HandoffKey) -> dict[str, Moment]:
        """The channels on which it has been sent, and when. Strongly consistent."""
        ...

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        """Take the sending on a channel for oneself until a moment, by which one has sent and marked it or is dead.

        False when it has been sent already, or while (at `at`) somebody else's claim lasts: of two deliveries at
        once one sends.
        """
        ...

    def mark_sent(self, key: HandoffKey, channel: str, at: Moment) -> None:
        """Remember that it went out on a channel. Marking again keeps the first moment."""
        ...

    def withhold(self, key: HandoffKey, reason: str, at: Moment) -> None:
        """Remember that it was not sent, and why (`consent`, `veto` or `gone`). The first record stays."""
        ...
