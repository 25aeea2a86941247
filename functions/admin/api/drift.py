"""The requests and responses about leads that are not what their log says."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.admin.api.fields import Cursor, Request, Response, Stamp


class CheckLeadsRequest(Request):
    """Leads to compare with their logs: some by their ids, or a page of a segment of all."""

    leads: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] | None = None
    segment: Annotated[int, Field(ge=0, le=99)] = 0
    of: Annotated[int, Field(ge=1, le=100, description="Into so many segments all leads are cut.")] = 1
    limit: Annotated[int, Field(ge=1, le=200, description="At most so many leads; a page may hold fewer.")] = 100
    next: Cursor | None = Field(None, description="`next` of the page before.")

    @model_validator(mode="after")
    def _is_a_segment(self) -> Self:
        if self.segment >= self.of:
            msg = f"segments count from 0 to {self.of - 1}"
            raise ValueError(msg)
        return self


FaultName = Literal["unreadable", "rules", "score", "names", "ties", "redirect", "browsers", "noise", "due"]


class FaultResponse(Response):
    """What is wrong with what is stored of a lead."""

    fault: FaultName
    words: str


class CheckedLeadResponse(Response):
    """A lead that has drifted from its log."""

    lead: str
    faults: list[FaultResponse]


class CheckLeadsResponse(Response):
    """What was found; it is written down for `GET /v1/drift` too."""

    checked: int
    drifted: list[CheckedLeadResponse]
    unsure: list[str] = Field(description="Leads that were written again and again while they were read: check again.")
    unknown: list[str] = Field(description="Leads that there are not; they are not counted.")
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class DriftResponse(CheckedLeadResponse):
    """A lead that has drifted, when it was found first, and when it was seen last."""

    found_at: Stamp
    seen_at: Stamp


class RoundResponse(Response):
    """How far the present going round of all leads is."""

    began: Stamp
    checked: int
    drifted: int
    last_ended: Stamp | None


class DriftsResponse(Response):
    """The leads that have drifted, and how far the going round is (null before the first)."""

    drifted: list[DriftResponse]
    round: RoundResponse | None


class RepairResponse(Response):
    """It is asked for; the lead is made anew within moments, and a later check tells."""

    lead: str
