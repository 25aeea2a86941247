"""What the models of requests and responses have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.drafts import says_something
from shared.domain.rule_values import LONGEST_NAME

Text = Annotated[str, Field(max_length=500)]


def _legible(text: str) -> str:
    if text and not says_something(text):
        msg = "write it in words: at least one letter or digit"
        raise ValueError(msg)
    return text


Words = Annotated[Text, AfterValidator(_legible)]
"""What people are told of new rules: nothing, or something that can be read."""
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
"""A name of the rule file."""
Cursor = Annotated[str, Field(max_length=4000)]
"""As long as one is that holds three of the longest names, in letters that take most."""
Points = int | float
Stamp = Annotated[str, Field(description="ISO 8601 in UTC.", examples=["2026-03-02T09:30:00Z"])]


class Request(BaseModel):
    """What every request is: strict, and nothing beside its own fields."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Response(BaseModel):
    """What every response is: told only in its own fields."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
