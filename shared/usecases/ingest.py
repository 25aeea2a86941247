"""Take activities in: hold each to what its source may say, and append what remains to the log."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.activity import Activity
from shared.domain.admission import Rejection, Source, Unreadable, admit
from shared.domain.moments import DAY
from shared.domain.refusals import Refused
from shared.ports.activities import Activities


class Ingest:
    """Appends; the stream of the log does the rest. Running twice over the same activities changes nothing."""

    def __init__(self, activities: Activities, *, retention_days: int) -> None:
        self._activities = activities
        self._retention = retention_days * DAY

    def submit(self, sent: Sequence[Activity | Unreadable], source: Source) -> list[Rejection]:
        """Store every activity that may be stored, and return the others.

        Raises:
            Unavailable: the log did not take all of them; sending the same ones again is safe.
        """
        admitted, rejections = self._sorted(sent, source)
        if admitted:
            self._activities.append(admitted)
        return rejections

    def check(self, sent: Sequence[Activity | Unreadable], source: Source) -> list[Rejection]:
        """Return what `submit` would not store of these, and store nothing."""
        return self._sorted(sent, source)[1]

    def _sorted(self, sent: Sequence[Activity | Unreadable], source: Source) -> tuple[list[Activity], list[Rejection]]:
        admitted: list[Activity] = []
        rejections: list[Rejection] = []
        for index, item in enumerate(sent):
            try:
                admitted.append(self._admitted(item, source))
            except Refused as reason:
                rejections.append(Rejection(index, item.id, reason))
        return admitted, rejections

    def _admitted(self, item: Activity | Unreadable, source: Source) -> Activity:
        if isinstance(item, Unreadable):
            raise item.reason
        return admit(item, source, retention=self._retention)
