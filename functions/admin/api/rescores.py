"""The requests and responses about rescores and catching up."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from functions.admin.api.fields import Request, Response, Stamp
from shared.domain.events import MOST_NAMED_LEADS


class AskForRescoreRequest(Request):
    """Which leads are to be scored anew: exactly one of `leads`, `where` and `all`."""

    leads: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=100)]],
            Field(min_length=1, max_length=MOST_NAMED_LEADS, description="Leads by their ids."),
        ]
        | None
    ) = None
    where: dict[str, Any] | None = Field(
        None,
        description="A condition as rules write them, on `lead.*`, `company.*`, `qualification.*`, `consent`, `stage`, "
        "`temperature`, `grade` and scores: `{company.country: {is: DE}, stage: mql}`.",
    )
    all: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum((self.all, self.leads is not None, self.where is not None)) != 1:
            msg = "give exactly one of leads, where, and all: true"
            raise ValueError(msg)
        return self


class CatchUpRequest(Request):
    """That activities which no lead has taken in be looked for."""

    since: Annotated[
        str,
        Field(max_length=40, description="Received from this moment on, ISO 8601 with an offset."),
    ]


class RescoreResponse(Response):
    """How far a rescore is. It goes on by itself every minute."""

    id: str
    kind: Literal["every_lead", "older_rules", "leads", "where", "noise", "catch_up"] = Field(
        description="Every lead; those under older rules; named ones; those that meet a condition; those that a word "
        "on noise concerns; activities that no lead has taken in."
    )
    version: int | None = Field(description="Of `older_rules`: the version that was published.")
    asks: list[str] = Field(description="Of `where`: what it asks; of what rules name also for which, as `stage mql`.")
    since: Stamp | None = Field(description="Of `catch_up`: from when on activities are looked for.")
    began: Stamp
    segments: int
    done: int = Field(description="How many of the segments are done.")
    found: int = Field(description="How many leads, or activities, were found so far.")
    touched: int = Field(description="How often `score` was asked for one; who is asked for again counts again.")
    left_out: int = Field(description="How many leads could not be judged, for they are damaged.")
    looks_again: bool = Field(
        description="Every segment was gone through, and looking once more, lest somebody was written by older rules "
        "meanwhile, has found nobody yet."
    )
    ended: Stamp | None


class RescoresResponse(Response):
    """The active rules version, since when it is active, and every rescore of the last 30 days, the latest first."""

    version: int
    active_since: Stamp | None
    rescores: list[RescoreResponse]
