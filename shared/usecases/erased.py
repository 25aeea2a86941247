"""Who was erased, as those know it who take activities in."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.activity import Activity
from shared.domain.erasure import is_erased, names_in
from shared.domain.moments import SECOND
from shared.ports.clock import Clock
from shared.ports.erasures import Erasures
from shared.usecases.remembered import Remembered

LATEST_REMEMBERED_FOR = 15 * SECOND
"""How long a warm function goes on with the latest erasure that it knows. What it takes in too much during that time
is found by the erasure's second pass, which is later than this and the longest call together."""


class ErasedPeople:
    """Drops what erased people did before they were erased.

    What occurred after the latest of all erasures, as nearly everything did, is asked nothing.
    """

    def __init__(self, erasures: Erasures, clock: Clock) -> None:
        self._erasures = erasures
        self._latest = Remembered(erasures.latest, clock, LATEST_REMEMBERED_FOR)

    def without(self, activities: Sequence[Activity]) -> list[Activity]:
        """The activities that are nobody's who was erased after they occurred.

        Raises:
            Unavailable: the store of tombstones cannot answer now.
        """
        latest = self._latest()
        asked = {
            name
            for activity in activities
            if latest is not None and activity.occurred_at <= latest
            for name in names_in(activity)
        }
        tombstones = self._erasures.erased(asked) if asked else {}
        return [activity for activity in activities if not is_erased(activity, tombstones)]
