"""What `ingest` is told by the stack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.adapters.environment import FunctionSettings


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublicWriteKey(_Part):
    """A write key that sits in a web page, where everybody can read it: it may post only the listed activity types."""

    kind: Literal["public"] = "public"
    name: str
    key: str
    activities: tuple[str, ...]


class SecretWriteKey(_Part):
    """A write key that a server keeps; its text is a secret, stored under `secret`."""

    kind: Literal["secret"] = "secret"
    name: str
    secret: str


WriteKey = Annotated[PublicWriteKey | SecretWriteKey, Field(discriminator="kind")]


class ConsentWording(_Part):
    """The checkbox by which a form grants consent, and what the visitor read beside it."""

    field: str
    wording: str
    version: str


class Form(_Part):
    """A configured form: which field fills which fact, and which activity its submission is.

    `fields` maps a form field to a fact (`lead.first_name`, `company.name`, `qualification.need`); the field that holds
    the e-mail address is `email_field`.
    """

    name: str
    activity: str = "form_submitted"
    email_field: str = "email"
    fields: dict[str, str] = {}
    consent: ConsentWording | None = None


class Settings(FunctionSettings):
    """The environment of `ingest`."""

    activities_table: str
    write_keys: tuple[WriteKey, ...]
    forms: tuple[Form, ...] = ()
    origins: tuple[str, ...] = ()
    catalogue: dict[str, str] = Field({})
    retention_days: int = 760
    anonymous_retention_days: int = 90
