"""Who was erased, and until when: names that nobody can read back, and the erasures that are under way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from shared.domain.erasure import Erasure
from shared.domain.moments import Moment


class Erasures(Protocol):
    """Tombstones outlive every lead and every backup of the leads. A name's tombstone is only ever moved to later."""

    def latest(self) -> Moment | None:
        """The latest `erased_at` of all tombstones; None when nobody was ever erased. Strongly consistent."""
        ...

    def erased(self, names: Collection[str]) -> dict[str, Moment]:
        """Until when what was done under each name stays erased, for those names that have a tombstone.

        Raises:
            Unavailable: the store cannot answer now.
        """
        ...

    def begin(self, erasure: Erasure) -> None:
        """Write the tombstones of all its names, the latest moment and the erasure itself, all or nothing.

        It may be begun again with more names, over the version that it was made from.

        Raises:
            Conflict: another erasure begins at the same time, or another version is stored.
        """
        ...

    def get(self, erasure_id: str) -> Erasure | None:
        """The erasure, strongly consistent; None when it was never begun."""
        ...

    def save(self, erasure: Erasure) -> None:
        """Write over the version that it was made from.

        Raises:
            Conflict: another version is stored.
        """
        ...

    def all(self) -> list[Erasure]:
        """Every erasure, the latest first; of those that are done nothing is told that names somebody."""
        ...
