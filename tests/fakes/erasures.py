from collections.abc import Collection
from dataclasses import replace

from shared.domain.erasure import Erasure
from shared.domain.moments import Moment
from shared.ports.errors import Conflict


class InMemoryErasures:
    """Tombstones and erasures in dictionaries; `asked` counts how often tombstones were looked for."""

    def __init__(self) -> None:
        self.erasures: dict[str, Erasure] = {}
        self.tombstones: dict[str, Moment] = {}
        self.asked = 0
        self._latest: Moment | None = None

    def latest(self) -> Moment | None:
        return self._latest

    def erased(self, names: Collection[str]) -> dict[str, Moment]:
        self.asked += 1
        return {name: self.tombstones[name] for name in names if name in self.tombstones}

    def begin(self, erasure: Erasure) -> None:
        self.save(erasure)
        self._latest = max(erasure.erased_at, self._latest or erasure.erased_at)
        for name in erasure.names:
            self.tombstones[name] = max(erasure.erased_at, self.tombstones.get(name, erasure.erased_at))

    def get(self, erasure_id: str) -> Erasure | None:
        return self.erasures.get(erasure_id)

    def save(self, erasure: Erasure) -> None:
        stored = self.erasures.get(erasure.id)
        if (stored.version if stored else 0) != erasure.version:
            raise Conflict("another version is stored")
        self.erasures[erasure.id] = replace(erasure, version=erasure.version + 1)

    def all(self) -> list[Erasure]:
        return sorted(self.erasures.values(), key=lambda each: (each.asked_at, each.id), reverse=True)
