"""Rescores in progress: which of their segments have been gone through, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.moments import Moment
from shared.domain.rescores import Aim
from shared.ports.bus import Event


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One segment of one rescore: `aim` tells what is gone through for whom.

    `started` is when the rescore began, `began` when the present pass through the segment did; a pass that began before
    `until_quiet` is not the last. `found` counts what the present pass picked, `most` is the most that any pass did,
    and `touched` adds up all passes: who is asked for twice counts twice. `left_out` counts the leads that the latest
    pass could not judge, for they are damaged. `done_at` is when the last pass was over. On the first segment
    `announced` tells that the end of the whole rescore was told.
    """

    job: str
    segment: int
    of: int
    aim: Aim
    started: Moment
    began: Moment
    until_quiet: Moment
    after: str | None = None
    found: int = 0
    most: int = 0
    touched: int = 0
    left_out: int = 0
    version: int = 0
    done_at: Moment | None = None
    announced: bool = False


class Rescoring(Protocol):
    """Stored checkpoints, so that a rescore goes on where it was stopped."""

    def begin(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Store the first checkpoint of each segment, of all or of none.

        A rescore of the same job that has begun stays as it is.
        """
        ...

    def unfinished(self) -> list[Checkpoint]:
        """Every segment that is not done."""
        ...

    def all(self) -> list[Checkpoint]:
        """Every segment of every rescore that is still remembered, those of one job together and in order."""
        ...

    def save(self, checkpoint: Checkpoint, *events: Event) -> None:
        """Write over the version that it was made from, and in the same transaction note events for the bus.

        Raises:
            Conflict: another run has moved it on; then no event is noted either.
        """
        ...
