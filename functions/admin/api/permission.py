"""The requests and responses about consent, export and erasure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from functions.admin.api.fields import Request, Response, Stamp


class RecordConsentRequest(Request):
    """What the lead said of consent, to somebody who signed in."""

    consent: Literal["granted", "denied"]
    why: Annotated[str, Field(min_length=1, max_length=500, description="How it is known: a call, a letter, a card.")]
    wording: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        None, description="The words that stood before the lead."
    )


class ExportLeadRequest(Request):
    """The query of an export."""

    next: Annotated[str, Field(max_length=200)] | None = Field(None, description="`next` of the page before.")


class EraseLeadRequest(Request):
    """That a person is erased, for good."""

    why: Annotated[
        str,
        Field(min_length=1, max_length=500, description="It is kept: write it without the person's name or address."),
    ]


class ConsentWordResponse(Response):
    """Consent was granted or denied, once."""

    consent: Literal["granted", "denied"]
    at: Stamp
    rank: Literal["public", "trusted", "sales"] = Field(description="How far the source is believed.")
    source: str | None = Field(description="The form, the key or the system that told it; `people` when a person did.")
    who: str | None = Field(description="The person who wrote it down.")
    why: str | None
    told_by: str | None = Field(description="Where the source says that it has it from.")
    wording: str | None = Field(description="The words that stood before the lead.")
    version: str | None
    activity: str


class ConsentResponse(Response):
    """Every word on consent, oldest first, which of them holds, and since when."""

    holds: ConsentWordResponse | None
    since: Stamp | None
    history: list[ConsentWordResponse]


class RecordConsentResponse(Response):
    """The word is in the log; what follows from it follows within moments."""

    lead: str
    activity: str


class ExportResponse(Response):
    """A page of what is held of a lead: put together the lists of the same section, page by page."""

    lead: str
    as_of: Stamp
    sections: dict[str, list[dict[str, Any]]]
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class ErasureResponse(Response):
    """The tombstones are written, and nothing older is taken in any more; what is held goes within minutes."""

    erasure: str
    lead: str
    erased_at: Stamp = Field(description="What occurred until then is erased; what occurs later begins a new lead.")
    done_at: Stamp | None
