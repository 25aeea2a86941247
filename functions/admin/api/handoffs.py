"""The requests and responses about handoffs and their answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from functions.admin.api.fields import Cursor, Name, Request, Response, Stamp
from functions.admin.api.people import PersonResponse


class ListHandoffsRequest(Request):
    """The query of a list of handoffs."""

    model_config = ConfigDict(strict=False)

    state: Literal["open", "accepted", "rejected", "recycled", "all"] = "open"
    team: Name | None = Field(None, description="The team that has it now.")
    assignee: Name | None = Field(None, description="The member of the team who has it now.")
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    next: Cursor | None = Field(None, description="`next` of the page before.")


class AnswerHandoffRequest(Request):
    """What sales says to a handoff, once."""

    answer: Literal["accepted", "rejected", "recycled"]
    reason: Name | None = Field(
        None, description="One of those that the rules list, for a lead that is rejected or recycled."
    )
    note: Annotated[str, Field(max_length=2000)] = ""
    look_again: Annotated[str, Field(max_length=40)] | None = Field(
        None,
        description="From when on a recycled lead may be handed over again for what holds then: a day (its beginning "
        "in UTC) or a moment with an offset, at most two years ahead.",
    )


class FollowUpResponse(Response):
    """What happens at a moment while nobody has answered; `to` is the team that is told, or that gets the lead."""

    kind: Literal["reminder", "escalation", "reassignment"]
    at: Stamp = Field(description="When it is to be done.")
    done_at: Stamp | None = Field(description="When it was done, a little later; null while it has not been.")
    to: str


class AnswerResponse(Response):
    """What sales said."""

    answer: Literal["accepted", "rejected", "recycled"]
    at: Stamp
    who: str
    reason: str | None
    label: str | None = Field(description="What people call the reason.")
    note: str
    look_again: Stamp | None
    rules: list[str] = Field(description="The rules that had fired when it was handed over, for their review.")
    remark: str | None = Field(description="What of it changes nothing under the active rules.")


class HandoffResponse(Response):
    """A handoff as it stands, known by lead, stage and epoch; `to` and `assignee` have it now."""

    id: str = Field(description="LEAD.STAGE.EPOCH, as the commands take it.")
    lead: str = Field(description="The lead that was handed over; by now it may be part of another.")
    stage: str
    epoch: int
    state: Literal["open", "accepted", "rejected", "recycled"]
    to: str
    assignee: str | None
    requested_at: Stamp
    respond_by: Stamp | None
    answer: AnswerResponse | None
    done: list[FollowUpResponse] = Field(description="What happened while nobody had answered.")


class SentHandoffResponse(HandoffResponse):
    """A handoff, and on which channels it has gone out."""

    sent: dict[str, Stamp]


class ListedHandoffResponse(HandoffResponse):
    """A handoff in a list, and whom it is about."""

    person: PersonResponse
    now_part_of: str | None = Field(description="The lead of which its own is part by now.")
    objection: Literal["denied", "unknown"] | None = Field(
        description="Why nobody may call or write to the person: they said no, or no grant of theirs counts, as it was "
        "never given or they are noise; null where somebody may."
    )


class HandoffsResponse(Response):
    """A page of handoffs, newest first; of a team or an assignee it may be short while others follow."""

    handoffs: list[ListedHandoffResponse]
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class ReasonResponse(Response):
    """Why sales gives a lead back."""

    name: str
    label: str


class ReasonsResponse(Response):
    """The reasons that the active rules list."""

    rejected: list[ReasonResponse]
    recycled: list[ReasonResponse]


class HandoffStoryResponse(ListedHandoffResponse):
    """A handoff with what was known when it was decided, what follows while nobody answers, and how to answer it."""

    caused_by: str
    last_activity_at: Stamp | None
    snapshot: dict[str, Any]
    follow_ups: list[FollowUpResponse]
    sent: dict[str, Stamp]
    reasons: ReasonsResponse
