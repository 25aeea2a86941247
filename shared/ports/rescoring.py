"""Full rescores in progress: which segments of the leads have been asked for a touch, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One segment of one rescore.

    With a noise filter's id in `noise` the log is gone through instead of the leads, for the leads of what the filter
    catches, until a whole pass began after `until_quiet`.
    `older_than` limits it to leads under an older rules version and makes it repeat until a whole pass that began after
    `until_quiet` finds none. `found` counts the leads of the present pass, `touched` those of all passes.
    """

    job: str
    segment: int
    of: int
    older_than: int | None
    began: Moment
    until_quiet: Moment
    after: str | None = None
    found: int = 0
    touched: int = 0
    version: int = 0
    done: bool = False
    noise: str | None = None


class Rescoring(Protocol):
    """Stored checkpoints, so that a rescore goes on where it was stopped."""

    def begin(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Store the first checkpoint of each segment. A rescore of the same job that has begun stays as it is."""
        ...

    def unfinished(self) -> list[Checkpoint]:
        """Every segment that is not done."""
        ...

    def all(self) -> list[Checkpoint]:
        """Every segment of every rescore that is still remembered."""
        ...

    def save(self, checkpoint: Checkpoint) -> None:
        """Write over the version that it was made from.

        Raises:
            Conflict: another run has moved it on.
        """
        ...
