from collections.abc import Sequence

from shared.domain.activity import Activity
from shared.domain.handoff import Answer, FollowUp, Handoff, HandoffKey, HandoffRecord, HandoffState, LeadId
from shared.domain.moments import Moment
from shared.domain.refusals import NotFound
from shared.ports.bus import Event
from shared.ports.handoffs import AlreadyAnswered, HandoffPlace
from tests.fakes.activities import InMemoryActivities


class InMemoryHandoffs:
    """Committed handoffs, with what was claimed, sent and withheld, who has them now and how they were answered.

    What an answer brings with it goes into `log` and `outbox`.
    """

    def __init__(self, *committed: Handoff, log: InMemoryActivities | None = None) -> None:
        self.committed = {each.key: each for each in committed}
        self.reasons: dict[HandoffKey, str] = {}
        self.log = InMemoryActivities() if log is None else log
        self.outbox: list[Event] = []
        self._claimed: dict[tuple[HandoffKey, str], Moment] = {}
        self._sent: dict[HandoffKey, dict[str, Moment]] = {}
        self._now: dict[HandoffKey, tuple[str, str | None, tuple[FollowUp, ...]]] = {}
        self._answers: dict[HandoffKey, tuple[Answer, str]] = {}

    def get(self, key: HandoffKey) -> Handoff | None:
        return self.committed.get(key)

    def record(self, key: HandoffKey) -> HandoffRecord | None:
        if key not in self.committed:
            return None
        handoff = self.committed[key]
        to, assignee, done = self._now.get(key, (handoff.to, handoff.assignee, ()))
        answer = self._answers[key][0] if key in self._answers else None
        return HandoffRecord(handoff, to, assignee, done, answer)

    def of(self, leads: Sequence[LeadId]) -> list[HandoffRecord]:
        found = [record for key in self.committed if key.lead in leads and (record := self.record(key))]
        return sorted(found, key=lambda each: (each.handoff.requested_at, each.key.text))

    def page(
        self, state: HandoffState | None, limit: int, after: HandoffPlace | None = None
    ) -> tuple[list[HandoffRecord], HandoffPlace | None]:
        records = [record for key in self.committed if (record := self.record(key)) and state in (None, record.state)]
        newest = sorted(records, key=lambda each: _newest_first(HandoffPlace.of(each)))
        rest = [r for r in newest if after is None or _newest_first(HandoffPlace.of(r)) > _newest_first(after)]
        page = rest[:limit]
        return page, HandoffPlace.of(page[-1]) if len(page) == limit else None

    def follow_up(self, before: HandoffRecord, after: HandoffRecord) -> bool:
        """As `evaluate` writes it: False when it was answered, or stands otherwise by now."""
        if self.record(before.key) != before or before.answer:
            return False
        self._now[before.key] = (after.to, after.assignee, after.done)
        return True

    def answer(self, key: HandoffKey, answer: Answer, activity: Activity, event: Event) -> None:
        record = self.record(key)
        if record is None:
            raise NotFound("there is no such handoff")
        mine = (answer, activity.id)
        given = self._answers.setdefault(key, mine)
        if given is mine:
            self.log.append([activity])
            self.outbox.append(event)
        elif given[1] != activity.id:
            raise AlreadyAnswered(HandoffRecord(record.handoff, record.to, record.assignee, record.done, given[0]))

    def forget(self, lead: LeadId) -> None:
        """All of a lead's handoffs, as an erasure leaves them."""
        for kept in (self.committed, self.reasons, self._sent, self._now, self._answers):
            for key in [each for each in kept if each.lead == lead]:
                del kept[key]

    def sent(self, key: HandoffKey) -> dict[str, Moment]:
        return dict(self._sent.get(key, {}))

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        if channel in self._sent.get(key, {}) or self._claimed.get((key, channel), at) > at:
            return False
        self._claimed[key, channel] = until
        return True

    def mark_sent(self, key: HandoffKey, channel: str, at: Moment) -> None:
        self._sent.setdefault(key, {}).setdefault(channel, at)
        self._claimed.pop((key, channel), None)

    def withhold(self, key: HandoffKey, reason: str, at: Moment) -> None:
        self.reasons.setdefault(key, reason)


def _newest_first(place: HandoffPlace) -> tuple[int, str]:
    return -place.requested_at, place.key.text
