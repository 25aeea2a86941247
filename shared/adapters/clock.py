"""The machine's clock."""

from __future__ import annotations

import time

from shared.domain.moments import Moment


class SystemClock:
    """Tells the machine's time in whole microseconds."""

    def now(self) -> Moment:
        """The present moment."""
        return Moment(time.time_ns() // 1000)
