"""What `ingest` and `answer` take and answer, and how every refusal reads: models that describe and read nothing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RefusedResponse(BaseModel):
    """An activity of a batch that was not taken, and why."""

    index: int = Field(description="Its place in the batch, from 0.")
    message_id: str | None
    code: str
    reason: str
    at: str | None = Field(description="The place of the fault in it.")


class AcceptedResponse(BaseModel):
    """Everything that `refused` does not list is stored."""

    success: bool = True
    refused: list[RefusedResponse] | None = None


class RefusedLineResponse(BaseModel):
    """A line of a list that was not taken, and why."""

    line: int = Field(description="Its number in the list: of CSV the file's line, else the place, from 1.")
    code: str
    message: str
    at: str | None = Field(description="The column in which the fault is.")


class ImportResponse(BaseModel):
    """Every line that `refused` does not list is in the log; of a dry run, would be."""

    success: bool = True
    dry_run: bool
    lines: int
    taken: int
    refused: list[RefusedLineResponse]
    map: dict[str, str] = Field(description="What each column became.")
    retry_after: int | None = Field(
        None, description="Seconds until lines refused as `over_budget` may be sent again; missing if there are none."
    )


class ErrorResponse(BaseModel):
    """Nothing of the request was stored."""

    code: str = Field(examples=["invalid"])
    message: str
    details: dict[str, Any] = Field(description="`at` tells where the fault is; more depends on the code.")


class FormRequest(BaseModel):
    """The fields of a form, as its page names them."""

    model_config = ConfigDict(extra="allow")

    email: str = Field(description="Or the field that the form's settings name.")
    next_: str | None = Field(None, alias="_next", description="Where to go then: a path, or on an allowed origin.")
    gotcha: str | None = Field(None, alias="_gotcha", description="Only robots fill it in.")
    anonymous_id: str | None = Field(None, alias="_anonymous_id")
    id: str | None = Field(None, alias="_id", description="The same id again changes nothing.")


class HubSpotRequest(BaseModel):
    """A form as HubSpot's API takes it."""

    fields: list[dict[str, Any]] = Field(description="Each with `name` and `value`, and what it is of: `objectTypeId`.")
    context: dict[str, Any] | None = Field(None, description="`hutk`, `pageUri` and `pageName`.")
    legal_consent_options: dict[str, Any] | None = Field(None, alias="legalConsentOptions")
    submitted_at: str | int | None = Field(None, alias="submittedAt", description="In milliseconds; now when missing.")


class HubSpotResponse(BaseModel):
    """What HubSpot answers."""

    inline_message: str = Field(alias="inlineMessage")


class HubSpotFault(BaseModel):
    """What is wrong with a form, by one of HubSpot's kinds of errors."""

    message: str
    error_type: str = Field(alias="errorType", examples=["INVALID_EMAIL"])


class HubSpotErrorResponse(BaseModel):
    """Nothing was stored, told as HubSpot tells it."""

    status: Literal["error"]
    message: str
    correlation_id: str = Field(alias="correlationId")
    errors: list[HubSpotFault] | None = None


class LeadPageRequest(BaseModel):
    """What the forms of a lead's page send."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=100, description="The same id again is the same answer.")
    answer: Literal["accept", "reject", "recycle"]
    reason: str | None = Field(None, description="One of the rules' reasons, to reject or recycle.")
    note: str | None = None
    look_again: str | None = Field(None, description="The day from which a recycled lead may come back, `2026-03-31`.")
