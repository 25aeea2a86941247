from collections.abc import Sequence
from dataclasses import replace

from shared.domain.handoff import Handoff, HandoffKey, HandoffRecord, LeadId
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.stages import MOST_WRITES, FollowedUp, StageRecord, StoredTransition, TurnsTaken
from tests.fakes.handoffs import InMemoryHandoffs


class InMemoryStages:
    """Stages, transitions, handoffs and the outbox, written together; `handed_over` has the handoffs."""

    def __init__(self, handed_over: InMemoryHandoffs | None = None) -> None:
        self.records: dict[LeadId, StageRecord] = {}
        self.outbox: list[Event] = []
        self._transitions: dict[LeadId, dict[int, StoredTransition]] = {}
        self._turns: dict[str, int] = {}
        self.handed_over = InMemoryHandoffs() if handed_over is None else handed_over

    def load(self, lead: LeadId) -> StageRecord | None:
        return self.records.get(lead)

    def commit(
        self,
        record: StageRecord,
        transitions: Sequence[StoredTransition] = (),
        handoffs: Sequence[Handoff] = (),
        events: Sequence[Event] = (),
        *,
        follow_ups: Sequence[FollowedUp] = (),
        turns: Sequence[TurnsTaken] = (),
        retired: Sequence[StageRecord] = (),
        lifted: Sequence[HandoffKey] = (),
    ) -> None:
        together = (transitions, handoffs, events, follow_ups, turns, retired, lifted)
        if 1 + sum(map(len, together)) > MOST_WRITES:
            raise ValueError("more than is committed at once")
        decided = self._transitions.setdefault(record.lead, {})
        if (
            any(self._version(each.lead) != each.version for each in (record, *retired))
            or any(each.number in decided for each in transitions)
            or any(each.key in self.handed_over.committed for each in handoffs)
            or any(each.before.answer or self.standing(each.before.key) != each.before for each in follow_ups)
            or any(self.turns(each.counter) != each.before for each in turns)
            or any(each not in self.handed_over.reasons for each in lifted)
        ):
            raise Conflict("somebody else wrote first")
        self.records.update({each.lead: replace(each, version=each.version + 1) for each in (record, *retired)})
        decided.update({each.number: each for each in transitions})
        self.handed_over.committed.update({each.key: each for each in handoffs})
        self.outbox.extend(events)
        for each in follow_ups:
            self.handed_over.follow_up(each.before, each.after)
        self._turns.update({each.counter: each.after for each in turns})
        for key in lifted:
            del self.handed_over.reasons[key]

    def standing(self, key: HandoffKey) -> HandoffRecord | None:
        return self.handed_over.record(key)

    def withheld(self, key: HandoffKey) -> bool:
        return key in self.handed_over.reasons

    def turns(self, counter: str) -> int:
        return self._turns.get(counter, 0)

    def transitions(self, lead: LeadId) -> list[StoredTransition]:
        return [each for _, each in sorted(self._transitions.get(lead, {}).items())]

    def handoffs(self, lead: LeadId) -> list[Handoff]:
        return [each.handoff for each in self.handed_over.of([lead])]

    def _version(self, lead: LeadId) -> int:
        stored = self.records.get(lead)
        return stored.version if stored else 0
