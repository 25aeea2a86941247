"""The log of activities: append-only, keyed by identity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from shared.domain.activity import Activity, Identity
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class ActivityKey:
    """Where the log keeps an activity."""

    identity: Identity
    id: str


class Activities(Protocol):
    """The log. The first activity with an (identity, id) stays; appending it again changes nothing."""

    def append(self, activities: Iterable[Activity], withheld: Iterable[Activity] = ()) -> None:
        """Store each activity unless its key is there already. Returns only when every one of them is in the log.

        `withheld` leaves nothing in the log, and takes the work and the faults of what is stored: so that nobody tells
        by the time of an answer, or by its failure, who was erased.

        Raises:
            Unavailable: the store did not take all of them; appending the same ones again is safe.
        """
        ...

    def under(self, identity: Identity) -> list[Activity]:
        """All activities kept under an identity, strongly consistent, in order of (occurred_at, id)."""
        ...

    def segment(
        self, number: int, of: int, after: str | None, limit: int, received_since: Moment | None = None
    ) -> tuple[list[Activity], str | None]:
        """A page of one of `of` segments of the whole log, and where to go on (None: the segment is done).

        With `received_since` only what was received at or after that moment. `limit` bounds what is read, so a page may
        be empty and not the last.
        """
        ...

    def at(self, key: ActivityKey) -> Activity | None:
        """The activity under a key, or None when the log has none."""
        ...
