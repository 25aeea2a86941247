"""How a lead is known."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from functions.admin.api.fields import Request, Response


class KnownIdentity(Request):
    """A name under which a lead is known."""

    kind: Literal["email", "user_id"]
    value: Annotated[str, Field(min_length=1, max_length=500)]


class PersonResponse(Response):
    """Who a lead is, as far as it is known."""

    emails: list[str]
    name: str | None
    title: str | None
    company: str | None


class IdentityResponse(Response):
    """One name under which the lead is known."""

    kind: Literal["email", "user_id", "anonymous_id"]
    value: str
