from dataclasses import replace

from shared.domain.events import NoiseChanged
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.noise import NoiseMark


class InMemoryNoiseMarks:
    """Noise filters in a dictionary, and the events that tell of them."""

    def __init__(self) -> None:
        self.outbox: list[Event] = []
        self._marks: dict[str, NoiseMark] = {}

    def all(self) -> list[NoiseMark]:
        return list(self._marks.values())

    def get(self, id_: str) -> NoiseMark | None:
        return self._marks.get(id_)

    def save(self, mark: NoiseMark) -> None:
        stored = self._marks.get(mark.filter.id)
        if (stored.version if stored else 0) != mark.version:
            raise Conflict("another version is stored")
        self._marks[mark.filter.id] = replace(mark, version=mark.version + 1)
        said = NoiseChanged(id=f"noise-{mark.filter.id}-{mark.version + 1}", filter=mark.filter.id, at=mark.last.at)
        self.outbox.append(Event(id=said.id, name=said.NAME, detail=said.as_detail()))
