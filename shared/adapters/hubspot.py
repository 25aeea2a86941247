"""HubSpot's API for submissions (Forms v3), as pages call it: in such a page only the host changes.

It is told at https://legacydocs.hubspot.com/docs/methods/forms/submit_form. Anybody may call it, so that it is believed
like any form of a page.

| in the request | becomes |
|---|---|
| `fields` | fields; one of another object than the contact as `0-2/name`; what is told twice is a list |
| `context.hutk` | the browser's id, unless a field `_anonymous_id` tells it |
| `context.pageUri`, `pageName` | the page, and with the parameters of its address the campaign |
| `legalConsentOptions.consent` | the fields `consentToProcess` and, by its subscription, `communications.999` |
| `legalConsentOptions.legitimateInterest` | the field `legitimateInterest` |
| `submittedAt` | when it occurred, in milliseconds; now when missing |

`context.ipAddress` is not believed, and what is not named here is left alone. Where no browser tells its `Origin`, a
server sends what somebody filled in, and by which program it does says nothing of that person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from shared.adapters.form_hosts import Payload, told_object
from shared.adapters.forms import FormShape, Submission, content_id
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply, error_reply, json_reply
from shared.adapters.segment import read_payload
from shared.domain.activity import Json
from shared.domain.moments import Moment
from shared.domain.refusals import Forbidden, Invalid, Malformed, Refused, TooLarge, UnsupportedMedia

_CONTACT = "0-1"
_MILLISECOND = 1000
_LAST = 253_402_300_799_999
"""The end of the year 9999, in milliseconds."""
_LONGEST = 20
"""Digits of a moment. Thousands of them Python makes no number of."""

_FAULTY = (Malformed, Invalid, TooLarge, UnsupportedMedia, Forbidden)
_BROWSER = "_anonymous_id"
_NO_FIELDS = {"context", "fields", "legalConsentOptions", "submittedAt", "timestamp"}


class _Missing(Invalid):
    """A field is not there that the form needs."""


def read_hubspot(request: HttpRequest, shape: FormShape) -> Submission:
    """The submission that a page sent.

    Raises:
        Malformed, TooLarge, Invalid: it cannot be read, or names nobody.
    """
    body = read_payload(request.body(SINGLE_LIMIT))
    context = told_object(body, "context")
    fields: dict[str, Json] = {}
    for name, value in (*_fields(body.get("fields")), *_consents(told_object(body, "legalConsentOptions"))):
        if name in fields:
            before = fields[name]
            fields[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            fields[name] = value
    if fields.get(shape.email_field) in (None, ""):
        msg = "the form needs an e-mail address"
        raise _Missing(msg, shape.email_field)
    if not fields.get(_BROWSER) and context.get("hutk"):
        fields[_BROWSER] = context["hutk"]
    at = _moment(body["submittedAt"]) if body.get("submittedAt") is not None else request.received_at
    return Submission(
        id=content_id(shape, fields, request, at),
        fields=fields,
        at=at,
        page=_text(context, "pageUri") or request.told("referer"),
        title=_text(context, "pageName"),
        agent=request.told("user-agent") if "origin" in request.headers else None,
        address=request.address,
    )


def hubspot_reply() -> Reply:
    """What HubSpot answers when it has taken a form."""
    return json_reply(200, {"inlineMessage": "Thank you. We have received your message."})


def hubspot_refusal(error: Exception, request: HttpRequest, email_field: str = "email") -> Reply:
    """What HubSpot's API answers to what it does not take: 400, with its kinds of errors, if it is wrong in itself."""
    reply = error_reply(error)
    message: str = json.loads(reply["body"])["message"]
    told = {"status": "error", "message": message, "correlationId": request.id}
    if isinstance(error, _FAULTY):
        fault = {
            "message": f"{_place(error.at)}{message[:1].upper()}{message[1:]}",
            "errorType": _kind(error, email_field),
        }
        told |= {"message": "The request is not valid"}
        return json_reply(400, {**told, "errors": [fault]})
    return json_reply(reply["statusCode"], told, reply["headers"])


def _place(at: str | None) -> str:
    if not at:
        return ""
    is_field = at.partition(".")[0].partition("[")[0] not in _NO_FIELDS
    return f"Error in '{'fields.' if is_field else ''}{at}'. "


def _kind(error: Refused, email_field: str) -> str:
    if isinstance(error, TooLarge):
        return "INPUT_TOO_LARGE"
    if isinstance(error, _Missing):
        return "REQUIRED_FIELD"
    return "INVALID_EMAIL" if error.at == email_field else "INVALID_METADATA"


def _fields(sent: Json) -> Iterator[tuple[str, Json]]:
    if not isinstance(sent, list):
        msg = "the fields are a list of objects"
        raise Invalid(msg, "fields")
    for place, each in enumerate(sent):
        told = each if isinstance(each, dict) else {}
        name, value, of = told.get("name"), told.get("value"), told.get("objectTypeId") or _CONTACT
        if not isinstance(name, str) or not name or not isinstance(of, str):
            msg = "a field is an object with a name and a value"
            raise Invalid(msg, f"fields[{place}]")
        if isinstance(value, dict | list):
            msg = "a field's value is text, a number, true or false"
            raise Invalid(msg, name)
        if value is not None:
            yield (name if of == _CONTACT or name.startswith(f"{of}/") else f"{of}/{name}"), value


def _consents(told: Payload) -> Iterator[tuple[str, Json]]:
    interest = told_object(told, "legitimateInterest", "legalConsentOptions.")
    if interest.get("value") is not None:
        yield "legitimateInterest", interest["value"]
    consent = told_object(told, "consent", "legalConsentOptions.")
    if consent.get("consentToProcess") is not None:
        yield "consentToProcess", consent["consentToProcess"]
    subscriptions = consent.get("communications") or []
    for each in subscriptions if isinstance(subscriptions, list) else []:
        if isinstance(each, dict) and each.get("value") is not None:
            yield f"communications.{each.get('subscriptionTypeId')}", each["value"]


def _moment(told: Json) -> Moment:
    text = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST or int(text) > _LAST:
        msg = "submittedAt is when the form was sent, in milliseconds since 1970"
        raise Invalid(msg, "submittedAt")
    return Moment(int(text) * _MILLISECOND)


def _text(context: Payload, name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) and value else None
