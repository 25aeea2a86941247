"""The requests and responses about simulations."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from functions.admin.api.fields import Points, Request, Response, Stamp
from functions.admin.api.rules import WarningResponse
from shared.domain.simulation import MOST_SEGMENTS


class SimulateRequest(Request):
    """A page of a simulation: of exactly one of `draft`, `version` and `document`, the same on every page.

    Each of `of` segments of all leads is asked for by itself, side by side with others if one likes, a page at a time.
    """

    draft: Annotated[int, Field(ge=1, le=999_999)] | None = None
    version: Annotated[int, Field(ge=1, le=999_999)] | None = None
    document: dict[str, Any] | None = Field(None, description="What the YAML of a rule file says.")
    text: str | None = Field(None, description="That file to the letter. The document alone is simulated.")
    notify: Annotated[bool, Field(description="As if it were published so.")] = False
    segment: Annotated[int, Field(ge=0, lt=MOST_SEGMENTS)] = 0
    of: Annotated[int, Field(ge=1, le=MOST_SEGMENTS)] = 1
    at: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="The moment to simulate, now when missing; `at` of the first segment for all others."
    )
    since: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="From when handoffs are counted; 90 days before `at` when missing."
    )
    limit: Annotated[int, Field(ge=1, le=500, description="How many leads at most.")] = 100
    next: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="`simulation` of the segment's page before, which holds its moments and numbers."
    )

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if sum(named is not None for named in (self.draft, self.version, self.document)) != 1:
            msg = "give exactly one of draft, version and document"
            raise ValueError(msg)
        if self.text is not None and self.document is None:
            msg = "text goes with a document"
            raise ValueError(msg)
        return self


class FlowResponse(Response):
    """How many leads stand here before and there after; null is no stage, or no temperature."""

    before: str | None
    after: str | None
    leads: int


class ColumnResponse(Response):
    """How many leads have a total in a column of the distribution, and the whole points at which that begins."""

    when: Literal["before", "after"]
    from_points: int
    leads: int


class ShareResponse(Response):
    """How many handoffs of a week, by the active rules (`before`) or the new, a team would have got.

    They are for `assignee`, for those who take turns by `counter` (see `rounds`), or for nobody in particular.
    """

    when: Literal["before", "after"]
    week: str = Field(description="Its Monday, in UTC.", examples=["2026-03-02"])
    team: str
    assignee: str | None
    counter: str | None
    handoffs: int


class WithheldResponse(Response):
    """How many handoffs would be withheld, for want of consent or by a veto; they stand in no other number.

    `now` by publishing itself, where they wait for permission; `before` and `after` are entries of the past for which
    none came until the lead left the stage.
    """

    now: int
    before: int
    after: int


class FindingsResponse(Response):
    """What was found of some leads; those of several pages are added up, in any order."""

    leads: int
    moved: int
    sent_now: int = Field(description="How many handoffs publishing itself would cause.")
    besides: int = Field(
        description="How many of them the budget counts with `notify`, besides those that would have been sent by the "
        "new rules: the others are told there."
    )
    withheld: WithheldResponse
    passed_over: int = Field(
        description="How many leads have histories too long to be replayed in time: no handoff of theirs is counted "
        "that would have been sent."
    )
    stranded: int = Field(description="How many leads would stand in a stage that the new rules do not have.")
    stages: list[FlowResponse]
    temperatures: list[FlowResponse]
    scores: list[ColumnResponse]
    shares: list[ShareResponse]
    rounds: dict[str, list[str]] = Field(description="Who takes turns by each counter, in order.")


class ChangeResponse(Response):
    """What something is, and what it would be."""

    before: str | None
    after: str | None


class TotalChangeResponse(Response):
    """A lead's total under the active rules and under the new ones, at that moment."""

    before: Points
    after: Points


class MoveResponse(Response):
    """A lead that would come into another stage or temperature; its name is for those who may see names."""

    lead: str
    name: str | None
    stage: ChangeResponse
    temperature: ChangeResponse
    total: TotalChangeResponse


class ForeseenHandoffResponse(Response):
    """A handoff that publishing would cause (`now`), or that would have been sent, by the active rules or the new."""

    when: Literal["now", "before", "after"]
    lead: str
    stage: str
    epoch: int
    at: Stamp
    team: str
    assignee: str | None = Field(description="Null where the team has no members, or they take turns.")
    counter: str | None = Field(description="By which they take turns.")


class OrderResponse(Response):
    """The names in the order of the rule files: of stages, and of temperatures from the lowest up."""

    stages: list[str]
    temperatures: list[str]


class SimulateResponse(Response):
    """A page of a simulation. Nothing was written, and nobody was told."""

    sha256: str = Field(description="Of the rule file's document.")
    against: int = Field(description="The version that is active.")
    at: Stamp
    since: Stamp
    segment: int
    of: int
    done: bool = Field(description="Whether this was the segment's last page.")
    simulation: str = Field(
        description="`next` of the segment's following page. Those of the last pages are shown to a publish, for a day."
    )
    warnings: list[WarningResponse] = Field(
        description="What a publish of it would warn of: who is named and unknown to the settings, what is vain, and "
        "whom it leaves in stages that it drops. Told by the first page of segment 0 alone."
    )
    order: OrderResponse
    findings: FindingsResponse
    moves: list[MoveResponse]
    handoffs: list[ForeseenHandoffResponse]
