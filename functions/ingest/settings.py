"""What `ingest` is told by the stack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.adapters.catalogue import contradictions
from shared.adapters.environment import FunctionSettings


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


ActivityType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
Fact = Annotated[
    str, Field(pattern=r"^((lead|company)\.[a-z][a-z0-9_]{0,99}|qualification\.(authority|budget|need|timeline))$")
]
Word = Annotated[str, Field(min_length=1, max_length=200)]


def _free_of_contradictions(types: dict[str, str]) -> dict[str, str]:
    found = "; ".join(contradictions(types))
    if found:
        raise ValueError(found)
    return types


EventTypes = Annotated[dict[Word, ActivityType], AfterValidator(_free_of_contradictions)]
"""The activity types of the events whose names say something else."""


class PublicWriteKey(_Part):
    """A write key that sits in a web page, where everybody can read it: it may post only the listed activity types."""

    kind: Literal["public"] = "public"
    name: Word
    key: Word
    activities: tuple[ActivityType, ...]


class SecretWriteKey(_Part):
    """A write key that a server keeps; its text is a secret, stored under `secret`."""

    kind: Literal["secret"] = "secret"
    name: Word
    secret: Word


WriteKey = Annotated[PublicWriteKey | SecretWriteKey, Field(discriminator="kind")]


class ConsentWording(_Part):
    """The checkbox by which a form grants consent, and what the visitor read beside it."""

    field: Word
    wording: Annotated[str, Field(min_length=1, max_length=2000)]
    version: Word


class Form(_Part):
    """A configured form: which field fills which fact, and which activity its submission is.

    `fields` maps a form field to a fact (`lead.first_name`, `company.name`, `qualification.need`); the field that holds
    the e-mail address is `email_field`.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]
    activity: ActivityType = "form_submitted"
    email_field: Word = "email"
    fields: dict[Word, Fact] = {}
    consent: ConsentWording | None = None


class Settings(FunctionSettings):
    """The environment of `ingest`."""

    activities_table: str
    write_keys: tuple[WriteKey, ...]
    forms: tuple[Form, ...] = ()
    origins: tuple[str, ...] = ()
    catalogue: EventTypes = Field({})
    retention_days: int = 760
    anonymous_retention_days: int = 90
