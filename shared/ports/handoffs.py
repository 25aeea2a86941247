"""Committed handoffs, and what has been sent of them."""

from typing import Protocol

from shared.domain.handoff import Handoff, HandoffKey
from shared.domain.moments import Moment


class Handoffs(Protocol):
    """Handoffs are written by the evaluation in one transaction with their stage; here they are read and marked as sent."""

    def get(self, key: HandoffKey) -> Handoff | None:
        """The handoff, or None when nothing of that key was ever committed."""
        ...

    def sent(self, key: HandoffKey) -> dict[str, Moment]:
        """The channels on which it has been sent, and when."""
        ...

    def mark_sent(self, key: HandoffKey, channel: str, at: Moment) -> None:
        """Remember that it went out on a channel. Marking again keeps the first moment."""
        ...
