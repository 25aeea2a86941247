"""The requests and responses about noise."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.admin.api.fields import Request, Response, Stamp, Text


class NoiseRequest(Request):
    """What is noise, or is noise no longer: exactly one of `address`, `agent` and `lead`."""

    address: Annotated[str, Field(max_length=60, description="A network address or range, such as 203.0.113.0/24.")] | (
        None
    ) = None
    agent: Annotated[str, Field(max_length=200, description="A user agent; `*` stands for anything.")] | None = None
    lead: Annotated[str, Field(min_length=1, max_length=100, description="A lead's id.")] | None = None
    why: Annotated[Text, Field(description="For those who look at it later.")] = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(said is not None for said in (self.address, self.agent, self.lead)) != 1:
            msg = "give exactly one of address, agent and lead"
            raise ValueError(msg)
        return self


class NoiseResponse(Response):
    """What was said is stored; the leads concerned follow within minutes, or a lead that was named within moments."""

    address: str | None = None
    agent: str | None = None
    lead: str | None = None


class SaidResponse(Response):
    """Who said something, when, and why."""

    who: str
    at: Stamp
    why: str


class NoiseMarkResponse(Response):
    """A filter; what it catches is noise unless it was taken back (`unmarked`)."""

    kind: Literal["address", "agent"]
    value: str
    marked: SaidResponse
    unmarked: SaidResponse | None


class NoiseMarksResponse(Response):
    """Every filter that stands, and those that were taken back in the last 30 days; the latest word first."""

    marks: list[NoiseMarkResponse]
