"""What a stream hands on late: it may have been erased meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.activity import Activity
from shared.domain.moments import SECOND, Moment
from shared.ports.activities import Activities, ActivityKey

LATE_AFTER = 20 * SECOND
"""What is scored sooner after it was received is found by an erasure's second pass: this, and the time for which a
function does not know of an erasure and still takes activities in, are less than the pause before it, together."""


def still_held(activities: Activities, batch: Iterable[Activity], now: Moment) -> list[Activity]:
    """Those of a batch that the log holds. It is asked only about what comes late: nearly always about none."""
    return [
        each
        for each in batch
        if now - each.received_at < LATE_AFTER or activities.at(ActivityKey(each.identity, each.id)) is not None
    ]
