"""Web forms: what a browser posts from a page without any script, or a script posts as JSON.

Fields whose name starts with `_` speak to Baton: `_next` is where the browser goes afterwards, `_gotcha` a field that
people do not see and robots fill in, `_anonymous_id` the browser's id, `_id` a submission's own id, so that sending it
again changes nothing. Fields that the form's settings map become facts; `utm_*` and click ids become
`context.campaign`; all others become `properties`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.adapters.email_addresses import email_identity
from shared.adapters.http_api import HttpRequest, Reply, json_reply
from shared.adapters.strict_json import check_text, decode, read_json
from shared.domain.activity import Activity, Claims, Identity, IdentityKind, Json, strongest_first
from shared.domain.admission import Source
from shared.domain.moments import MINUTE
from shared.domain.refusals import Invalid, Malformed, UnsupportedMedia

MAX_FIELDS = 200
_MAX_ID = 200
_SAME_SUBMISSION = 10 * MINUTE
"""A second click on the button is no second submission; the same words an hour later are."""

_CAMPAIGN = {
    "utm_campaign": "name",
    "utm_content": "content",
    "utm_medium": "medium",
    "utm_source": "source",
    "utm_term": "term",
}
_CLICK_IDS = {"dclid", "fbclid", "gbraid", "gclid", "li_fat_id", "msclkid", "ttclid", "twclid", "wbraid"}
_TICKED = {"on", "true", "yes", "1"}
_THANKS = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>Thank you</title><p>Thank you. We have received your message.</p></html>"
)


@dataclass(frozen=True, slots=True)
class FormConsent:
    """The checkbox by which consent is granted, and what stood beside it."""

    field: str
    wording: str
    version: str


@dataclass(frozen=True, slots=True)
class FormShape:
    """What a form's fields mean: `fields` maps a field to `lead.first_name`, `company.name`, `qualification.need`."""

    name: str
    activity: str
    email_field: str = "email"
    fields: Mapping[str, str] = field(default_factory=dict)
    consent: FormConsent | None = None


def read_fields(request: HttpRequest, limit: int) -> dict[str, Json]:
    """The fields that a form posted: urlencoded or as one JSON object, told apart by how the body begins.

    Raises:
        Malformed, TooLarge: the body cannot be read.
        UnsupportedMedia: it is in parts, as for files.
        Invalid: it is JSON and no object, or has a nested field.
    """
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        msg = "send the form urlencoded (without an enctype; in a script as URLSearchParams) or as JSON"
        raise UnsupportedMedia(msg)
    body = request.body(limit)
    fields = read_json(body) if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else _urlencoded(body)
    if not isinstance(fields, dict):
        msg = "a form sent as JSON is one object"
        raise Invalid(msg)
    for name, value in fields.items():
        if isinstance(value, dict):
            msg = "a form's field holds text, a number, true or false, or a list of those"
            raise Invalid(msg, name)
    return fields


def is_robot(fields: Mapping[str, Json]) -> bool:
    """Whether the field that people do not see is filled in."""
    return bool(fields.get("_gotcha"))


def read_form(shape: FormShape, fields: Mapping[str, Json], request: HttpRequest, source: Source) -> Activity:
    """The activity that a submission is.

    Raises:
        Invalid: there is no e-mail address in it, or none that is one.
    """
    identities: list[Identity] = [_email(shape, fields)]
    if browser := str(fields.get("_anonymous_id") or "").strip()[:_MAX_ID]:
        identities.append(Identity(IdentityKind.ANONYMOUS_ID, browser))
    properties = {name: value for name, value in fields.items() if _is_property(shape, name)}
    consented = shape.consent is not None and str(fields.get(shape.consent.field, "")).lower() in _TICKED
    if shape.consent is not None and consented:
        properties["consent"] = {"wording": shape.consent.wording, "version": shape.consent.version}
    return Activity(
        id=_id(shape, fields, request),
        type=shape.activity,
        occurred_at=request.received_at,
        received_at=request.received_at,
        identities=strongest_first(tuple(identities)),
        rank=source.rank,
        channel="website",
        source=source.name,
        properties=properties | {"form": shape.name},
        context=_context(fields, request),
        claims=_claims(shape, fields, consented=consented),
    )


def form_reply(fields: Mapping[str, Json], request: HttpRequest, origins: tuple[str, ...]) -> Reply:
    """What the sender of a form gets: JSON when it asks for JSON, else a redirect to `_next`, else a page of thanks."""
    if "application/json" in request.headers.get("accept", ""):
        return json_reply(200, {"success": True})
    if target := _next(fields.get("_next"), request, origins):
        return {"statusCode": 303, "headers": {"location": target, "cache-control": "no-store"}, "body": ""}
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'",
        "cache-control": "no-store",
    }
    return {"statusCode": 200, "headers": headers, "body": _THANKS}


def _urlencoded(body: bytes) -> dict[str, Json]:
    try:
        pairs = parse_qsl(
            decode(body), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS, strict_parsing=bool(body)
        )
    except ValueError as error:
        msg = f"the body is neither a urlencoded form of at most {MAX_FIELDS} fields nor JSON"
        raise Malformed(msg) from error
    fields: dict[str, Any] = {}
    for name, value in pairs:
        check_text(name, "")
        check_text(value, name)
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields


def _email(shape: FormShape, fields: Mapping[str, Json]) -> Identity:
    address = fields.get(shape.email_field)
    if address is None or address == "":
        msg = "the form needs an e-mail address"
        raise Invalid(msg, shape.email_field)
    if not isinstance(address, str):
        msg = "the form takes one e-mail address"
        raise Invalid(msg, shape.email_field)
    return email_identity(address, shape.email_field)


def _is_property(shape: FormShape, name: str) -> bool:
    spoken_for = name == shape.email_field or name in shape.fields or name in _CAMPAIGN or name in _CLICK_IDS
    is_consent = shape.consent is not None and name == shape.consent.field
    return not (spoken_for or is_consent or name.startswith("_") or name in {"consent", "form"})


def _id(shape: FormShape, fields: Mapping[str, Json], request: HttpRequest) -> str:
    told = fields.get("_id")
    if isinstance(told, str) and 0 < len(told) <= _MAX_ID:
        return told
    content = [shape.name, dict(fields), request.received_at // _SAME_SUBMISSION]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _context(fields: Mapping[str, Json], request: HttpRequest) -> dict[str, Json]:
    campaign = {ours: fields[theirs] for theirs, ours in _CAMPAIGN.items() if fields.get(theirs)}
    campaign |= {name: fields[name] for name in sorted(_CLICK_IDS) if fields.get(name)}
    context: dict[str, Json] = {"campaign": campaign} if campaign else {}
    if referrer := request.headers.get("referer"):
        context["page"] = {"url": referrer[:2000]}
    if agent := request.headers.get("user-agent"):
        context["user_agent"] = agent[:500]
    return context


def _claims(shape: FormShape, fields: Mapping[str, Json], *, consented: bool) -> Claims:
    facts: dict[str, dict[str, Json]] = {"lead": {}, "company": {}, "qualification": {}}
    for name, fact in shape.fields.items():
        about, _, what = fact.partition(".")
        value = fields.get(name)
        if value is not None and value != "":
            facts[about][what] = value.strip() if isinstance(value, str) else value
    return Claims(**facts, consent="granted" if consented else None)


def _next(wanted: Json, request: HttpRequest, origins: tuple[str, ...]) -> str | None:
    """Where to send the browser: a path on the page's own website, or an address on an allowed one; else nowhere."""
    if not isinstance(wanted, str) or not wanted or not wanted.isascii() or not wanted.isprintable():
        return None
    if any(sign in wanted for sign in ' \\"<>'):
        return None
    if wanted.startswith("/"):
        return None if wanted.startswith("//") else _page_origin(request, origins) + wanted
    return wanted if _origin(wanted) in origins else None


def _page_origin(request: HttpRequest, origins: tuple[str, ...]) -> str:
    told = (request.headers.get("origin"), _origin(request.headers.get("referer", "")))
    return next((origin for origin in told if origin and origin in origins), "")


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if "@" in parts.netloc or parts.scheme not in {"http", "https"}:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}"
