"""Activities that other systems put on the event bus, with the detail type `ActivitySubmitted`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.adapters.email_addresses import email_identity
from shared.adapters.segment import claimed_qualification, validation_fault
from shared.adapters.strict_json import read_json
from shared.domain.activity import Activity, Claims, Identity, IdentityKind, strongest_first
from shared.domain.admission import trusted_source
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.refusals import Invalid

SOURCE = trusted_source("bus")
"""Whoever may put events on the bus is one of the team's own systems."""

_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Name = Annotated[str, Field(min_length=1, max_length=256)]


class ActivitySubmitted(BaseModel):
    """The detail of such an event. At least one of `email`, `user_id` and `anonymous_id` names the person.

    `own` is false for what others say about the person: it ends no silence and refreshes no points.
    """

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)

    id: _Id | None = Field(None, description="The same id again changes nothing; the event's own id when missing.")
    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
    occurred_at: str | None = Field(None, description="ISO 8601 with an offset; the event's time when missing.")
    email: _Name | None = None
    user_id: _Name | None = None
    anonymous_id: _Name | None = None
    channel: _Name | None = None
    source: _Name | None = None
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    lead: dict[str, Any] = Field({}, description="Facts of the lead.")
    company: dict[str, Any] = Field({}, description="Facts of its company.")
    consent: Literal["granted", "denied"] | None = None
    qualification: dict[str, Any] = Field({}, description="authority, budget, need, timeline.")
    own: bool = True


def read_submitted(message: Mapping[str, Any]) -> Activity:
    """The activity in an SQS message whose body is the event.

    Raises:
        Malformed, Invalid: there is none in it.
    """
    event = read_json(message["body"].encode("utf-8", "surrogatepass"))
    if not isinstance(event, dict) or event.get("detail-type") != ActivitySubmitted.__name__:
        msg = f"the event is not of the detail type {ActivitySubmitted.__name__}"
        raise Invalid(msg, "detail-type")
    try:
        detail = ActivitySubmitted.model_validate(event.get("detail"))
    except ValidationError as error:
        raise validation_fault(error) from error
    received_at = Moment(int(message["attributes"]["SentTimestamp"]) * 1000)
    return Activity(
        id=detail.id or _text(event, "id"),
        type=detail.type,
        occurred_at=_moment(detail.occurred_at or _text(event, "time"), "occurred_at"),
        received_at=received_at,
        identities=_identities(detail),
        rank=SOURCE.rank,
        channel=detail.channel,
        source=detail.source or _text(event, "source"),
        properties=detail.properties,
        context=detail.context,
        claims=Claims(
            detail.lead, detail.company, detail.consent, claimed_qualification(detail.qualification, "qualification")
        ),
        own=detail.own,
    )


def _identities(detail: ActivitySubmitted) -> tuple[Identity, ...]:
    named = [email_identity(detail.email, "email")] if detail.email else []
    named += [Identity(IdentityKind.USER_ID, detail.user_id)] if detail.user_id else []
    named += [Identity(IdentityKind.ANONYMOUS_ID, detail.anonymous_id)] if detail.anonymous_id else []
    return strongest_first(tuple(named))


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        msg = "the event lacks it"
        raise Invalid(msg, name)
    return value


def _moment(text: str, at: str) -> Moment:
    try:
        return parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = f"{text[:40]!r} is not a moment"
        raise Invalid(msg, at) from error
