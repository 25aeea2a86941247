from dataclasses import replace

from shared.domain.handoff import LeadId
from shared.ports.drift import Drift, Round
from shared.ports.errors import Conflict


class InMemoryDrifts:
    """Drift in a dictionary; `lead in drifts` asks whether it has drifted."""

    def __init__(self) -> None:
        self._drifts: dict[LeadId, Drift] = {}
        self._round: Round | None = None

    def __contains__(self, lead: LeadId) -> bool:
        return lead in self._drifts

    def all(self) -> list[Drift]:
        return [drift for _, drift in sorted(self._drifts.items())]

    def note(self, found: Drift) -> None:
        self._drifts[found.lead] = found

    def clear(self, lead: LeadId) -> None:
        self._drifts.pop(lead, None)

    def round(self) -> Round | None:
        return self._round

    def go_on(self, round_: Round) -> None:
        if (self._round.version if self._round else 0) != round_.version:
            raise Conflict("another run has moved it on")
        self._round = replace(round_, version=round_.version + 1)
