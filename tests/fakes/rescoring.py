from collections.abc import Sequence
from dataclasses import replace

from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.rescoring import Checkpoint


class InMemoryRescoring:
    """Checkpoints in a dictionary."""

    def __init__(self) -> None:
        self.outbox: list[Event] = []
        self._checkpoints: dict[tuple[str, int], Checkpoint] = {}

    def begin(self, checkpoints: Sequence[Checkpoint]) -> None:
        for each in checkpoints:
            self._checkpoints.setdefault((each.job, each.segment), replace(each, version=1))

    def unfinished(self) -> list[Checkpoint]:
        return [each for each in self.all() if each.done_at is None]

    def all(self) -> list[Checkpoint]:
        return [each for _, each in sorted(self._checkpoints.items())]

    def save(self, checkpoint: Checkpoint, *events: Event) -> None:
        place = (checkpoint.job, checkpoint.segment)
        if self._checkpoints[place].version != checkpoint.version:
            raise Conflict("another run has moved it on")
        self._checkpoints[place] = replace(checkpoint, version=checkpoint.version + 1)
        self.outbox.extend(events)
