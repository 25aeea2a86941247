from collections.abc import Sequence
from dataclasses import replace

from shared.domain.handoff import Handoff, LeadId
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.stages import StageRecord, StoredTransition


class InMemoryStages:
    """Stages, transitions, handoffs and the outbox, written together."""

    def __init__(self) -> None:
        self.records: dict[LeadId, StageRecord] = {}
        self.outbox: list[Event] = []
        self._transitions: dict[LeadId, dict[int, StoredTransition]] = {}
        self._handoffs: dict[LeadId, dict[str, Handoff]] = {}

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
        handed_over = self._handoffs.setdefault(record.lead, {})
        if (
            (stored.version if stored else 0) != record.version
            or any(each.number in decided for each in transitions)
            or any(each.key.text in handed_over for each in handoffs)
        ):
            raise Conflict("somebody else wrote first")
        self.records[record.lead] = replace(record, version=record.version + 1)
        decided.update({each.number: each for each in transitions})
        handed_over.update({each.key.text: each for each in handoffs})
        self.outbox.extend(events)

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        return [each for _, each in sorted(self._transitions.get(lead, {}).items())]

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        return sorted(self._handoffs.get(lead, {}).values(), key=lambda each: each.requested_at)
