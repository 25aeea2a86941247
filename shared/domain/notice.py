"""A notice: what the people to whom a lead is handed over are told, on any channel.

The words that come from outside (names, companies) stand in a notice as they are known; each channel makes them
harmless in its own way, with `shared.domain.quiet` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.brief import Brief, day_in_words
from shared.domain.handoff import Answer, Handoff, LeadId
from shared.domain.introduction import Introduction, Reason, reasons_of, shown_points, stage_in_words
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, to_datetime
from shared.domain.quiet import shown_address

MessageKind = Literal["requested", "reminder", "escalation", "reassignment", "released", "answered"]
"""`released` is told to the team that had the lead before a reassignment."""

_REASONS = 8


@dataclass(frozen=True, slots=True)
class Notice:
    """A handoff in the form in which it is passed on. `id` is stable: a receiver recognises a repetition by it.

    `kind` says what people are told: of the handoff itself, of what happens while nobody answers, or of the answer; and
    `name` tells such messages of one handoff apart (`escalation`, empty for the handoff itself). `to` and `assignee`
    have the lead now, `because` is what people call the reason of its answer, and `before` is the member of the same
    team who had it until now. `asked_at` is when the handoff itself was announced last: later than `requested_at` where
    it could not be sent for want of permission. `told_at` is when this message goes out.
    """

    id: str
    lead: LeadId
    stage: str
    epoch: int
    to: str
    introduction: Introduction
    total: float
    temperature: str | None
    grade: str | None
    rules_version: int
    reasons: tuple[Reason, ...]
    requested_at: Moment
    respond_by: Moment | None
    link: str | None = None
    brief: Brief | None = None
    kind: MessageKind = "requested"
    name: str = ""
    assignee: str | None = None
    before: str | None = None
    answer: Answer | None = None
    because: str | None = None
    followed_up_at: Moment | None = None
    asked_at: Moment | None = None
    told_at: Moment | None = None

    @property
    def stage_name(self) -> str:
        """The stage as people write it: `MQL`, `suspect`."""
        return stage_in_words(self.stage)

    @property
    def points(self) -> str:
        """The total in words, `65 points`."""
        text = shown_points(self.total)
        return f"{text} point" if text in {"1", "-1"} else f"{text} points"

    @property
    def who(self) -> str:
        """The shortest words that tell who it is: name and company, or the e-mail address, or the lead's id."""
        named = self.introduction.name or (
            shown_address(self.introduction.emails[0]) if self.introduction.emails else f"lead {self.lead}"
        )
        return f"{named} ({self.introduction.company})" if self.introduction.company else named

    @property
    def deadline(self) -> str | None:
        """By when somebody answers, in the time that is there still: `by 10:30 UTC on 1 March 2026 (within 1 hour)`.

        Only the handoff itself tells how long that is: later, part of it has gone.
        """
        if self.respond_by is None:
            return None
        stamp = to_datetime(self.respond_by)
        on = f"{stamp:%H:%M} UTC on {day_in_words(self.respond_by)}"
        if self.is_late:
            return f"the deadline passed at {on}"
        within = f" (within {_span(self.respond_by - self.requested_at)})" if self.kind == "requested" else ""
        return f"by {on}{within}"

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed when this is told."""
        at = self.told_at or self.followed_up_at or self.asked_at
        return self.respond_by is not None and at is not None and at >= self.respond_by


def compose(handoff: Handoff, introduction: Introduction, link: str | None = None) -> Notice:
    """The notice of a committed handoff; `link` may hold `{lead}` where the lead's id goes."""
    snapshot = handoff.snapshot
    return Notice(
        id=handoff.key.text,
        lead=handoff.key.lead,
        stage=handoff.key.stage,
        epoch=handoff.key.epoch,
        to=handoff.to,
        introduction=introduction,
        total=float(snapshot.get("total", 0)),
        temperature=snapshot.get("temperature"),
        grade=snapshot.get("grade"),
        rules_version=int(snapshot.get("rules_version", 0)),
        reasons=reasons_of(handoff)[:_REASONS],
        requested_at=handoff.requested_at,
        respond_by=handoff.respond_by,
        link=link.replace("{lead}", handoff.key.lead) if link else None,
    )


def _span(length: int) -> str:
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if length >= size and length % size == 0:
            count = length // size
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{length / 1_000_000:g} seconds"
