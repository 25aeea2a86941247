"""What `ingest` is told by the stack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.adapters.catalogue import contradictions
from shared.adapters.environment import FunctionSettings
from shared.adapters.segment import MAX_BATCH


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


Limit = Annotated[int, Field(ge=1, le=1_000_000_000)]
KeyLimit = Annotated[int, Field(ge=MAX_BATCH, le=1_000_000_000)]
"""A budget in which no batch fits would refuse it for ever."""

EventTypes = Annotated[dict[Word, ActivityType], AfterValidator(_free_of_contradictions)]
"""The activity types of the events whose names say something else."""


class BudgetLimits(_Part):
    """How many activities are taken: with a write key, of one identity and from a network address that uses a public
    key (`sender`) in a minute, by a form and from a network address that fills in forms in ten. What has none (null) is
    taken without end.
    """

    key: KeyLimit | None = 60_000
    identity: KeyLimit | None = 3_000
    sender: KeyLimit | None = 1_200
    form: Limit | None = 600
    address: Limit | None = 30


class PublicWriteKey(_Part):
    """A write key that sits in a web page, where everybody can read it: it may post only the listed activity types.

    `budget` is its own number of activities in a minute, in place of the one that `budgets` gives every key.
    """

    kind: Literal["public"] = "public"
    name: Word
    key: Word
    activities: tuple[ActivityType, ...]
    budget: KeyLimit | None = None


class SecretWriteKey(_Part):
    """A write key that a server keeps; its text is a secret, stored under `secret`. `budget` as of a public one."""

    kind: Literal["secret"] = "secret"
    name: Word
    secret: Word
    budget: KeyLimit | None = None


WriteKey = Annotated[PublicWriteKey | SecretWriteKey, Field(discriminator="kind")]


class ConsentWording(_Part):
    """The checkbox by which a form grants consent, and what the visitor read beside it.

    `value` is what the box says when it is ticked, if that is no usual word for yes.
    """

    field: Word
    wording: Annotated[str, Field(min_length=1, max_length=2000)]
    version: Word
    value: Word | None = None


class TypeformHost(_Part):
    """Typeform shows the form, and signs what it tells with a secret that is stored under `secret`."""

    kind: Literal["typeform"]
    secret: Word


class WebflowHost(_Part):
    """Webflow shows the form, and signs likewise. Of a site with several, `form` is the name or id of this one."""

    kind: Literal["webflow"]
    secret: Word
    form: Word | None = None


class HubSpotHost(_Part):
    """Pages send the form to the address that it has at HubSpot, whose API this is a part of."""

    kind: Literal["hubspot"]
    portal: Annotated[str, Field(pattern=r"^[0-9]{1,20}$", coerce_numbers_to_str=True)]
    form: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")]

    @property
    def place(self) -> tuple[str, str]:
        """What names the form at HubSpot: the portal, and the form's GUID in small letters."""
        return self.portal, self.form.lower()


FormHost = Annotated[TypeformHost | WebflowHost | HubSpotHost, Field(discriminator="kind")]


class Form(_Part):
    """A configured form: which field fills which fact, and which activity its submission is.

    `fields` maps a form field to a fact (`lead.first_name`, `company.name`, `qualification.need`); the field that holds
    the e-mail address is `email_field`. `budget` is its own number of submissions in ten minutes. A form that
    `hosted_by` tells of is no part of a page of one's own.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]
    activity: ActivityType = "form_submitted"
    email_field: Word = "email"
    fields: dict[Word, Fact] = {}
    consent: ConsentWording | None = None
    budget: Limit | None = None
    hosted_by: FormHost | None = None

    @property
    def signing_secret(self) -> str | None:
        """Where the secret is stored with which the form's host signs; None if nobody does."""
        return self.hosted_by.secret if isinstance(self.hosted_by, TypeformHost | WebflowHost) else None


class Settings(FunctionSettings):
    """The environment of `ingest`."""

    activities_table: str
    budgets_table: str
    erasures_table: str
    erasure_secret: str
    write_keys: tuple[WriteKey, ...]
    forms: tuple[Form, ...] = ()
    origins: tuple[str, ...] = ()
    catalogue: EventTypes = Field({})
    budgets: BudgetLimits = BudgetLimits()
    retention_days: int = 760
    anonymous_retention_days: int = 90
