from collections.abc import Sequence
from dataclasses import replace

from shared.domain.handoff import Handoff, LeadId
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.stages import StageRecord, StoredTransition
from tests.fakes.handoffs import InMemoryHandoffs


class InMemoryStages:
    """Stages, transitions, handoffs and the outbox, written together; `handed_over` has the handoffs."""

    def __init__(self, handed_over: InMemoryHandoffs | None = None) -> None:
        self.records: dict[LeadId, StageRecord] = {}
        self.outbox: list[Event] = []
        self._transitions: dict[LeadId, dict[int, StoredTransition]] = {}
        self.handed_over = InMemoryHandoffs() if handed_over is None else handed_over

    def load(self, lead: LeadId) -> StageRecord | None:
        return self.records.get(lead)

    def commit(
        self,
        record: StageRecord,
        transitions: Sequence[StoredTransition] = (),
        handoffs: Sequence[Handoff] = (),
        events: Sequence[Event] = (),
    ) -> None:
        stored = self.records.get(record.lead)
        decided = self._transitions.setdefault(record.lead, {})
        if (
            (stored.version if stored else 0) != record.version
            or any(each.number in decided for each in transitions)
            or any(each.key in self.handed_over.committed for each in handoffs)
        ):
            raise Conflict("somebody else wrote first")
        self.records[record.lead] = replace(record, version=record.version + 1)
        decided.update({each.number: each for each in transitions})
        self.handed_over.committed.update({each.key: each for each in handoffs})
        self.outbox.extend(events)

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        return [each for _, each in sorted(self._transitions.get(lead, {}).items())]

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        return [each.handoff for each in self.handed_over.of([lead])]
