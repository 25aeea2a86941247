"""Committed handoffs: how they stand, what has been sent of them, and how they were answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.activity import Activity
from shared.domain.handoff import Answer, Handoff, HandoffKey, HandoffRecord, HandoffState, LeadId
from shared.domain.moments import Moment, format_moment
from shared.domain.refusals import Contested
from shared.ports.bus import Event


class AlreadyAnswered(Contested):
    """Somebody was faster: a handoff is answered once. `record` tells who, when and how."""

    def __init__(self, record: HandoffRecord) -> None:
        told = record.answer
        if told is None:
            msg = f"nobody has answered handoff {record.key.text}"
            raise ValueError(msg)
        at = format_moment(told.at)
        super().__init__(f"{told.who} {told.kind} it at {at}", answer=told.kind, who=told.who, when=at)
        self.record = record


@dataclass(frozen=True, slots=True)
class HandoffPlace:
    """Where a handoff stands in a list, so that the next page goes on after it."""

    requested_at: Moment
    key: HandoffKey

    @classmethod
    def of(cls, record: HandoffRecord) -> HandoffPlace:
        """The place of a handoff."""
        return cls(record.handoff.requested_at, record.key)


class Handoffs(Protocol):
    """Handoffs are written by `evaluate` in one transaction with their stage; here they are read and marked as sent.

    Of what was stored before handoffs could be answered, a handoff reads as open and is in no list.
    """

    def get(self, key: HandoffKey) -> Handoff | None:
        """The handoff, or None when nothing of that key was ever committed."""
        ...

    def record(self, key: HandoffKey) -> HandoffRecord | None:
        """The handoff as it stands now, strongly consistent; None when nothing of that key was ever committed."""
        ...

    def of(self, leads: Sequence[LeadId]) -> list[HandoffRecord]:
        """Every handoff of some leads, as each stands now, oldest first. Strongly consistent."""
        ...

    def page(
        self, state: HandoffState | None, limit: int, after: HandoffPlace | None = None
    ) -> tuple[list[HandoffRecord], HandoffPlace | None]:
        """Handoffs in a state, or in any (None), newest first: `limit` (at most 100) of them at most, after a place.

        The answer tells too after which place to go on (None: there are no more).

        A list follows what happens within moments. What was answered while it was paged through may be missing, and
        stands where it belongs when it is asked for again.
        """
        ...

    def sent(self, key: HandoffKey) -> dict[str, Moment]:
        """The channels on which it has been sent, and when. Strongly consistent."""
        ...

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        """Take the sending on a channel for oneself until a moment, by which one has sent and marked it or is dead.

        False when it has been sent already, or while (at `at`) somebody else's claim lasts: of two deliveries at
        once one sends.
        """
        ...

    def mark_sent(self, key: HandoffKey, channel: str, at: Moment) -> None:
        """Remember that it went out on a channel. Marking again keeps the first moment."""
        ...

    def withhold(self, key: HandoffKey, reason: str, at: Moment) -> None:
        """Remember that something about it was not sent, and why (`consent` or `veto`).

        The first record stays, until `evaluate` has lifted it.
        """
        ...


class Answers(Protocol):
    """Answers to handoffs, each written once and whole."""

    def answer(self, key: HandoffKey, answer: Answer, activity: Activity, event: Event) -> None:
        """In one transaction answer a handoff, append the activity that says so, and store the event for the bus.

        The same activity again changes nothing: it is the same answer, sent once more.

        Raises:
            AlreadyAnswered: somebody was faster.
            NotFound: there is no such handoff.
            Conflict: others wrote the same all the time; the same answer may be given again.
        """
        ...
