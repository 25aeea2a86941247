"""A handoff: the passing of a lead from marketing to sales, once for each entry into a stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

from shared.domain.moments import Moment

LeadId = NewType("LeadId", str)
"""An opaque id that tells nothing about the person."""


@dataclass(frozen=True, slots=True)
class HandoffKey:
    """There is one handoff for each (lead, stage, epoch), however often it is asked for."""

    lead: LeadId
    stage: str
    epoch: int

    @property
    def text(self) -> str:
        """The key as one text, `LEAD.STAGE.EPOCH`: the stable id of every message about it."""
        return f"{self.lead}.{self.stage}.{self.epoch}"


FollowUpKind = Literal["reminder", "escalation", "reassignment"]
AnswerKind = Literal["accepted", "rejected", "recycled"]
HandoffState = Literal["open", "accepted", "rejected", "recycled"]
"""`open` while nobody has answered."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What happens at a moment while nobody has answered; `to` is the team that is told, or that gets the lead.

    `at` is when it is to be done, and `done_at` when it was: the same follow-up, done a little later.
    """

    kind: FollowUpKind
    at: Moment
    to: str
    done_at: Moment | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Handoff:
    """A committed handoff, as decided; `snapshot` is what was known then, without personal data.

    `snapshot` holds `total`, `scores`, `temperature`, `grade`, `rules_version` and `reasons`, a list of
    `{"rule", "label", "counts"}` with the greatest first. `notify` names channels: `email`, `slack`, `webhook`.
    `to` is a team, and `assignee` the member of it whose turn it is, None where the team has no members. `follow_ups`
    are what happens, in order of time, while nobody answers.
    """

    key: HandoffKey
    to: str
    notify: tuple[str, ...]
    requested_at: Moment
    respond_by: Moment | None
    caused_by: str
    last_activity_at: Moment | None
    snapshot: Mapping[str, Any]
    assignee: str | None = None
    follow_ups: tuple[FollowUp, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What sales said to a handoff, once.

    `who` is the person's name. `reason` is one of the reasons that the rules list for a rejection or a recycling, and
    `rules` are the ids of those that had fired when it was handed over, for their review. `look_again` is the day from
    which a recycled lead may be handed over again for what holds then.
    """

    kind: AnswerKind
    at: Moment
    who: str
    reason: str | None = None
    note: str = ""
    look_again: Moment | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandoffRecord:
    """A handoff as it stands now: who has it, which follow-ups have been done, and how it was answered."""

    handoff: Handoff
    to: str
    assignee: str | None = None
    done: tuple[FollowUp, ...] = ()
    answer: Answer | None = None

    @property
    def key(self) -> HandoffKey:
        """The handoff's key."""
        return self.handoff.key

    @property
    def state(self) -> HandoffState:
        """How it was answered, or that it is open."""
        return self.answer.kind if self.answer else "open"
