"""A lead that has been handed over, and the channels of everybody who is to hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.domain.events import HandoffAnswered, HandoffFollowedUp, HandoffRequested
from shared.domain.handoff import Answer, AnswerKind, FollowUp, FollowUpKind, HandoffKey
from shared.domain.moments import HOUR, SECOND, Moment
from shared.domain.notice import Notice
from shared.ports.bus import Event
from shared.ports.missed import ChannelKey
from shared.usecases.delivery import Announced, Delivery
from shared.usecases.notify import Notify
from shared.usecases.recover import Recovery
from shared.usecases.rulebook import Rulebook
from tests.fakes import FixedClock, InMemoryHandoffs, InMemoryLeads, InMemoryMissed, InMemoryQueue, InMemoryRuleVersions
from tests.handed_over import HANDOFF, KEY, LEAD, NOW, RULES, sam
from tests.people import activity, email

SLACK = ChannelKey("inside-sales", "slack")


def requested(key: HandoffKey = KEY) -> HandoffRequested:
    """The event that announces a handoff."""
    return HandoffRequested(
        id=f"{key.text}.requested",
        lead=key.lead,
        stage=key.stage,
        epoch=key.epoch,
        to=HANDOFF.to,
        requested_at=HANDOFF.requested_at,
    )


class RecordingChannel:
    """Keeps the notices that it was given; fails as it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.error: Exception | None = None
        self.tries = 0

    def send(self, notice: Notice) -> None:
        self.tries += 1
        if self.error:
            raise self.error
        self.notices.append(notice)


class World:
    """A lead that has been handed over, and everybody who is to hear of it."""

    def __init__(self) -> None:
        self.clock = FixedClock(NOW)
        self.handoffs = InMemoryHandoffs(HANDOFF)
        self.missed, self.queue = InMemoryMissed(), InMemoryQueue()
        self.leads = InMemoryLeads()
        versions = InMemoryRuleVersions()
        versions.publish(RULES)
        self.email, self.slack, self.webhook = RecordingChannel(), RecordingChannel(), RecordingChannel()
        self.teams: dict[str, dict[str, Any]] = {
            "inside-sales": {"email": self.email, "slack": self.slack, "webhook": self.webhook}
        }
        self.rulebook = Rulebook(versions, self.clock)
        self.knows(consent="granted")

    def knows(self, **claims: Any) -> None:
        """Let this be known of the lead, beside who it is."""
        self.leads.records[LEAD] = sam(**claims)

    def notify(self, **settings: Any) -> Notify:
        return Notify(
            self.handoffs, self.leads, self.rulebook, self.clock, self.teams, self.missed, self.queue, **settings
        )

    def deliver(self, **settings: Any) -> Delivery:
        return self.tell(requested(), **settings)

    def tell(self, announced: Announced, **settings: Any) -> Delivery:
        return self.notify(**settings).deliver(announced, Moment(self.clock.now() + 30 * SECOND))

    @property
    def told(self) -> list[int]:
        """How many notices e-mail, Slack and webhook have had."""
        return [len(channel.notices) for channel in (self.email, self.slack, self.webhook)]

    def recover(self, seconds: int = 60) -> Recovery:
        """The schedule ticks."""
        return self.notify().recover(Moment(self.clock.now() + seconds * SECOND))

    def more(self, *epochs: int) -> list[HandoffRequested]:
        """Further handoffs of the lead, each requested a second after the one before."""
        for epoch in epochs:
            key = replace(KEY, epoch=epoch)
            at = Moment(HANDOFF.requested_at + epoch * SECOND)
            self.handoffs.committed[key] = replace(HANDOFF, key=key, requested_at=at)
        return [
            requested(replace(KEY, epoch=epoch)).model_copy(
                update={"requested_at": Moment(HANDOFF.requested_at + epoch * SECOND)}
            )
            for epoch in epochs
        ]

    def followed_up(
        self, kind: FollowUpKind, to: str = "inside-sales", assignee: str | None = None
    ) -> HandoffFollowedUp:
        """Nobody has answered, and this is done about it."""
        at = Moment(HANDOFF.requested_at + HOUR // 2)
        before = self.handoffs.record(KEY)
        assert before is not None
        has = (to, assignee) if kind == "reassignment" else (before.to, before.assignee)
        after = replace(before, to=has[0], assignee=has[1], done=(*before.done, FollowUp(kind, at, to)))
        assert self.handoffs.follow_up(before, after)
        return HandoffFollowedUp(
            id=f"{KEY.text}.{kind}.{len(after.done)}",
            lead=KEY.lead,
            stage=KEY.stage,
            epoch=KEY.epoch,
            kind=kind,
            to=to,
            at=at,
        )

    def answered(self, kind: AnswerKind = "accepted", note: str = "") -> HandoffAnswered:
        """Sales answers."""
        at = Moment(HANDOFF.requested_at + HOUR)
        event = HandoffAnswered(
            id=f"{KEY.text}.answered", lead=KEY.lead, stage=KEY.stage, epoch=KEY.epoch, answer=kind, at=at
        )
        told = activity("answer", email("sam@acme.example"), type=f"handoff_{kind}")
        self.handoffs.answer(KEY, Answer(kind, at, "Ada", note=note), told, Event(event.id, event.NAME, {}))
        return event


def kinds(channel: RecordingChannel) -> Sequence[str]:
    """What a channel was told, in order."""
    return [notice.kind for notice in channel.notices]
