"""Activities that other systems tell: on the event bus, with the detail type `ActivitySubmitted`, or by HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.adapters.email_addresses import email_identity, user_identity
from shared.adapters.http_api import SINGLE_LIMIT
from shared.adapters.segment import claimed_qualification, validation_fault
from shared.adapters.strict_json import read_json, size
from shared.domain.activity import PEOPLE, Activity, Claims, Identity, IdentityKind, strongest_first
from shared.domain.admission import trusted_source
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.refusals import Invalid, Refused, TooLarge

SOURCE = trusted_source("bus")
"""Whoever may put events on the bus is one of the team's own systems."""

ACTIVITY_TYPE = r"^[a-z][a-z0-9_]{0,99}$"

_MOST_OF_AN_ID = 1000
"""Bytes: a little less than the log's key may have."""

_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Name = Annotated[str, Field(min_length=1, max_length=256)]


class SubmittedDetail(BaseModel):
    """What a system tells of an activity, beside what an event says of itself.

    At least one of `email`, `user_id` and `anonymous_id` names the person.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        defer_build=True,
        json_schema_extra={"anyOf": [{"required": [name]} for name in ("email", "user_id", "anonymous_id")]},
    )

    email: _Name | None = Field(None, description="The person's e-mail address.")
    user_id: _Name | None = Field(None, description="The person's id in your systems; with `email` the two are one.")
    anonymous_id: _Name | None = Field(None, description="The browser or device that the person used.")
    channel: _Name | None = Field(None, description="Where it happened, such as billing.")
    properties: dict[str, Any] = Field({}, description="What the activity was like, for rules to ask.")
    context: dict[str, Any] = Field({}, description="What was around it, such as the campaign.")
    lead: dict[str, Any] = Field({}, description="Facts of the lead.")
    company: dict[str, Any] = Field({}, description="Facts of its company.")
    consent: Literal["granted", "denied"] | None = Field(None, description="Whether sales may contact the person.")
    qualification: dict[str, Any] = Field(
        {},
        description="Any of authority, budget, need and timeline.",
        json_schema_extra={"propertyNames": {"enum": ["authority", "budget", "need", "timeline"]}},
    )
    own: bool = Field(
        default=True, description="False for what others say of the person: it ends no silence, refreshes no points."
    )


class ActivitySubmitted(SubmittedDetail):
    """A system tells what somebody did, or what it knows of them.

    At least one of `email`, `user_id` and `anonymous_id` names the person. The detail has at most 32 kB.
    """

    id: _Id | None = Field(
        None,
        description="The same id with the same source of the event changes nothing; the event's own id when missing.",
    )
    type: Annotated[str, Field(pattern=ACTIVITY_TYPE)] = Field(
        description="The activity type, such as invoice_paid; the settings' catalogue is not asked."
    )
    occurred_at: str | None = Field(None, description="ISO 8601 with an offset; the event's time when missing.")
    source: _Name | None = Field(None, description="Who tells it; the event's source when missing.")


def read_submitted(message: Mapping[str, Any]) -> Activity:
    """The activity in an SQS message whose body is the event.

    Raises:
        Malformed, Invalid, TooLarge: there is none in it.
    """
    body = message["body"].encode("utf-8", "surrogatepass")
    event = read_json(body)
    if not isinstance(event, dict) or event.get("detail-type") != ActivitySubmitted.__name__:
        msg = f"the event is not of the detail type {ActivitySubmitted.__name__}"
        raise Invalid(msg, "detail-type")
    if len(body) > SINGLE_LIMIT and size(event.get("detail")) > SINGLE_LIMIT:
        msg = f"the detail is larger than {SINGLE_LIMIT} bytes"
        raise TooLarge(msg, "detail")
    try:
        detail = ActivitySubmitted.model_validate(event.get("detail"))
    except ValidationError as error:
        raise validation_fault(error, ActivitySubmitted) from error
    source = _text(event, "source")
    return submitted_activity(
        detail,
        detail.type,
        id_=event_id(source, detail.id or _text(event, "id")),
        source=read_teller(detail.source or source),
        occurred_at=read_moment(detail.occurred_at or _text(event, "time"), "occurred_at"),
        received_at=Moment(int(message["attributes"]["SentTimestamp"]) * 1000),
    )


def broken_rule(reason: Refused) -> str:
    """The field for which an event's detail was refused, and what must hold of it, without anything that was sent."""
    if not isinstance(reason.__cause__, ValidationError):
        return (reason.at or "").partition(".")[0]  # below it stands what the sender wrote
    first = reason.__cause__.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(first["loc"][0]) if first["loc"] else "detail"
    if first["type"] == "extra_forbidden":
        return f"a key that there is not; there are {', '.join(ActivitySubmitted.model_fields)}"
    return f"{field}: {first['msg']}"


def submitted_activity(
    detail: SubmittedDetail, kind: str, *, id_: str, source: str, occurred_at: Moment, received_at: Moment
) -> Activity:
    """The activity of the type `kind` that a detail tells.

    Raises:
        Invalid: it names somebody by what is no address, or has a fact that is none of the four.
    """
    return Activity(
        id=id_,
        type=kind,
        occurred_at=occurred_at,
        received_at=received_at,
        identities=_identities(detail),
        rank=SOURCE.rank,
        channel=detail.channel,
        source=source,
        properties=detail.properties,
        context=detail.context,
        claims=Claims(
            detail.lead, detail.company, detail.consent, claimed_qualification(detail.qualification, "qualification")
        ),
        own=detail.own,
    )


def _identities(detail: SubmittedDetail) -> tuple[Identity, ...]:
    address, browser = (detail.email or "").strip(), (detail.anonymous_id or "").strip()
    named = (
        email_identity(address, "email") if address else None,
        user_identity(detail.user_id or ""),
        Identity(IdentityKind.ANONYMOUS_ID, browser) if browser else None,
    )
    return strongest_first(tuple(identity for identity in named if identity))


def event_id(source: str, id_: str) -> str:
    """The id by which the log knows an event: two systems may each have an invoice 2041."""
    # What follows the last colon is the event's, so that `urn:acme` and `7:1` are not `urn:acme:7` and `1`.
    own = id_.replace("%", "%25").replace(":", "%3A")
    whole = f"{source}:{own}"
    return whole if len(whole.encode()) <= _MOST_OF_AN_ID else hashlib.sha256(whole.encode()).hexdigest()


def read_teller(source: str) -> str:
    """Who tells an activity.

    Raises:
        Invalid: it is the name of what no system tells.
    """
    if source.strip().casefold() == PEOPLE:
        msg = f"{PEOPLE!r} tells what signed-in people decided; name the system that tells this"
        raise Invalid(msg, "source")
    return source


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        msg = "the event lacks it"
        raise Invalid(msg, name)
    return value


def read_moment(text: str, at: str) -> Moment:
    """The moment that a text says, with an offset.

    Raises:
        Invalid: it says none; `at` is where it stands.
    """
    try:
        return parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = f"{text[:40]!r} is not a moment"
        raise Invalid(msg, at) from error
