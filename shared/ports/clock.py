"""The time of day, as an argument."""

from typing import Protocol

from shared.domain.moments import Moment


class Clock(Protocol):
    """Tells the moment that is now."""

    def now(self) -> Moment:
        """The present moment, in microseconds since the epoch."""
        ...
