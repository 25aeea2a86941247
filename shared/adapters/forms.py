"""Web forms: what a browser posts from a page without any script, or a script posts as JSON.

Fields whose name starts with `_` speak to Baton: `_next` is where the browser goes afterwards, `_gotcha` a field that
people do not see and robots fill in, `_anonymous_id` the browser's id, `_id` a submission's own id, so that sending it
again changes nothing. Fields that the form's settings map become facts, and so does the address; `utm_*` and click ids
become `context.campaign`, if no field tells them those of the page's own address; all others become `properties`.

Whoever asks for JSON by `Accept`, or posts it and asks for no page, is answered in JSON; everybody else by a page, as a
browser without script is. So it is whether the form was taken or not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urlsplit

from shared.adapters.answers import GRANTED, read_fact
from shared.adapters.email_addresses import email_identity
from shared.adapters.http_api import MAX_AGENT, HttpRequest, Reply, error_reply, json_reply
from shared.adapters.multipart import read_parts
from shared.adapters.segment import MAX_NAME
from shared.adapters.strict_json import check_text, decode, read_json
from shared.domain.activity import Activity, Claims, Identity, IdentityKind, Json, strongest_first
from shared.domain.admission import Source
from shared.domain.moments import MINUTE, Moment
from shared.domain.refusals import Invalid, Malformed

MAX_FIELDS = 200
_MAX_ID = 200
_MAX_URL = 2000
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
CAMPAIGN_FIELDS = frozenset(_CAMPAIGN) | _CLICK_IDS
"""What a page's address says of how the visitor came to it."""
_JSON = "application/json"
_THANKS = ("Thank you", "We have received your message.")
_GO_BACK = "Go back with your browser's button: what you wrote should still be there."


@dataclass(frozen=True, slots=True)
class FormConsent:
    """The checkbox by which consent is granted, and what stood beside it.

    Ticked it says `value`, or else one of the words for yes.
    """

    field: str
    wording: str
    version: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class FormShape:
    """What a form's fields mean: `fields` maps a field to `lead.first_name`, `company.name`, `qualification.need`."""

    name: str
    activity: str
    email_field: str = "email"
    fields: Mapping[str, str] = field(default_factory=dict)
    consent: FormConsent | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that somebody filled in, whoever shows it: what its fields say, and what is known besides.

    `id` is what a repetition of it is known by, and `at` when it was sent. `page` is the address of the page on which
    it stood and `title` what that is called; `agent` and `address` are the person's program and network address. What
    is not known is None.
    """

    id: str
    fields: Mapping[str, Json]
    at: Moment
    page: str | None = None
    title: str | None = None
    agent: str | None = None
    address: str | None = None


def read_fields(request: HttpRequest, limit: int) -> dict[str, Json]:
    """The fields that a form posted: in parts as the header says, urlencoded or as one JSON object.

    Raises:
        Malformed, TooLarge: the body cannot be read.
        UnsupportedMedia: there is a file in it.
        Invalid: it is JSON and no object, or has a nested field.
    """
    body = request.body(limit)
    if (content_type := request.headers.get("content-type", "")).lower().startswith("multipart/"):
        return _as_fields(read_parts(body, content_type, MAX_FIELDS))
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
    """Whether the field that people do not see is filled in; a page may have more than one of it."""
    return any(_each(fields.get("_gotcha")))


def read_form(shape: FormShape, fields: Mapping[str, Json], request: HttpRequest, source: Source) -> Activity:
    """The activity that a form is which a page posted.

    Raises:
        Invalid: there is no e-mail address in it, or none that is one.
    """
    told = fields.get("_id")
    submission = Submission(
        id=told if is_id(told) else content_id(shape, fields, request, request.received_at),
        fields=fields,
        at=request.received_at,
        page=request.told("referer"),
        agent=request.told("user-agent"),
        address=request.address,
    )
    return read_submission(shape, submission, request.received_at, source)


def read_submission(shape: FormShape, submission: Submission, received_at: Moment, source: Source) -> Activity:
    """The activity that a submission is.

    Raises:
        Invalid: there is no e-mail address in it, or none that is one.
    """
    fields = submission.fields
    identities: list[Identity] = [_email(shape, fields)]
    if browser := _browser(fields):
        identities.append(Identity(IdentityKind.ANONYMOUS_ID, browser))
    properties = {name: value for name, value in fields.items() if _is_property(shape, name)}
    consented = shape.consent is not None and _is_ticked(shape.consent, fields)
    if shape.consent is not None and consented:
        properties["consent"] = {"wording": shape.consent.wording, "version": shape.consent.version}
    return Activity(
        id=submission.id,
        type=shape.activity,
        occurred_at=submission.at,
        received_at=received_at,
        identities=strongest_first(tuple(identities)),
        rank=source.rank,
        channel="website",
        source=source.name,
        properties=properties | {"form": shape.name},
        context=_context(submission),
        claims=_claims(shape, fields, consented=consented),
    )


def is_id(told: Json) -> TypeGuard[str]:
    """Whether what was told as a submission's own id can be one."""
    return isinstance(told, str) and 0 < len(told) <= _MAX_ID


def content_id(shape: FormShape, fields: Mapping[str, Json], request: HttpRequest, at: Moment) -> str:
    """What a submission is known by that has no id of its own: who says what, in so many minutes."""
    # By the browser too, so that whoever sends somebody's words before them does not swallow the person's own.
    content = [shape.name, dict(fields), at // _SAME_SUBMISSION, request.headers.get("user-agent")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def form_reply(fields: Mapping[str, Json], request: HttpRequest, origins: tuple[str, ...]) -> Reply:
    """What the sender of a form that was taken gets: JSON, or a redirect to `_next`, or else a page of thanks."""
    if _is_for_json(request):
        return json_reply(200, {"success": True})
    if target := _next(fields.get("_next"), request, origins):
        return {"statusCode": 303, "headers": {"location": target, "cache-control": "no-store"}, "body": ""}
    return _page(200, *_THANKS)


def form_refusal(error: Exception, request: HttpRequest) -> Reply:
    """What the sender of a form is told of an error: in JSON or in a page, as it would have been answered without."""
    reply = error_reply(error)
    return reply if _is_for_json(request) else _as_page(reply)


def refusal_reply(error: Exception, request: HttpRequest) -> Reply:
    """What the sender of anything else is told: in a page if it asks for one, as browsers do, or in JSON."""
    reply = error_reply(error)
    return _as_page(reply) if _asks_for(request, "text/html") and not _asks_for(request, _JSON) else reply


def _is_for_json(request: HttpRequest) -> bool:
    is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _JSON
    return _asks_for(request, _JSON) or (is_json and not _asks_for(request, "text/html"))


def _asks_for(request: HttpRequest, kind: str) -> bool:
    return kind in request.headers.get("accept", "").lower()


def _as_page(reply: Reply) -> Reply:
    told = json.loads(reply["body"])
    message = f"{told['message'][:1].upper()}{told['message'][1:].rstrip('.')}."
    place = (f"The field is called \u201c{told['details']['at']}\u201d.",) if "at" in told["details"] else ()
    page = _page(reply["statusCode"], "This was not sent", message, *place, _GO_BACK)
    kept = {name: value for name, value in reply["headers"].items() if name not in page["headers"]}
    return page | {"headers": page["headers"] | kept}


def _page(status: int, title: str, *sentences: str) -> Reply:
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><h1>{escape(title)}</h1>"
        f"{''.join(f'<p>{escape(sentence)}</p>' for sentence in sentences)}</html>"
    )
    return {"statusCode": status, "headers": headers, "body": body}


def _urlencoded(body: bytes) -> dict[str, Json]:
    # An `&` too many says nothing, though strict parsing takes it for a fault.
    text = "&".join(filter(None, decode(body).split("&")))
    try:
        try:
            pairs = _pairs(text, "utf-8")
        except UnicodeDecodeError:
            pairs = _pairs(text, "cp1252")
    except ValueError as error:
        msg = f"the body is neither a urlencoded form of at most {MAX_FIELDS} fields nor JSON"
        raise Malformed(msg) from error
    return _as_fields(pairs)


def _pairs(text: str, encoding: str) -> list[tuple[str, str]]:
    """Names and values: a page sends them in its own encoding, which is UTF-8, or Windows-1252 if it is an old one."""
    return parse_qsl(
        text,
        keep_blank_values=True,
        encoding=encoding,
        errors="strict",
        max_num_fields=MAX_FIELDS,
        strict_parsing=bool(text),
    )


def _as_fields(pairs: Sequence[tuple[str, str]]) -> dict[str, Json]:
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


def _browser(fields: Mapping[str, Json]) -> str:
    """What the browser is called, first where a page tells it twice; nothing, if no other call could name it so."""
    told = next((each for each in _each(fields.get("_anonymous_id")) if each), None)
    name = str(told).strip() if isinstance(told, str | int) and not isinstance(told, bool) else ""
    return name if len(name) <= MAX_NAME else ""


def _is_ticked(consent: FormConsent, fields: Mapping[str, Json]) -> bool:
    """Whether a box is ticked; where a page sends a hidden "no" beside it, one ticked value is enough."""
    ticked = GRANTED if consent.value is None else {consent.value.strip().casefold()}
    return any(str(each).strip().casefold() in ticked for each in _each(fields.get(consent.field)))


def _each(value: Json) -> list[Json]:
    """The values of a field, which a page may have more than once."""
    return value if isinstance(value, list) else [value]


def _is_property(shape: FormShape, name: str) -> bool:
    spoken_for = name == shape.email_field or name in shape.fields or name in _CAMPAIGN or name in _CLICK_IDS
    is_consent = shape.consent is not None and name == shape.consent.field
    return not (spoken_for or is_consent or name.startswith("_") or name in {"consent", "form"})


def _context(submission: Submission) -> dict[str, Json]:
    page = submission.page or ""
    campaign = _campaign(submission.fields) or _campaign(_query(page))
    seen = {"url": page[:_MAX_URL], "title": (submission.title or "")[:MAX_NAME]}
    context: dict[str, Json] = {
        "campaign": campaign,
        "page": {name: value for name, value in seen.items() if value},
        "user_agent": (submission.agent or "")[:MAX_AGENT],
        "address": submission.address,
    }
    return {name: value for name, value in context.items() if value}


def _campaign(told: Mapping[str, Json]) -> dict[str, Json]:
    campaign = {ours: told[theirs] for theirs, ours in _CAMPAIGN.items() if told.get(theirs)}
    return campaign | {name: told[name] for name in sorted(_CLICK_IDS) if told.get(name)}


def _query(url: str) -> dict[str, Json]:
    """The parameters of a page's address, as far as they are text like a field's; who came by it could not help it."""
    try:
        found = parse_qsl(urlsplit(url[:_MAX_URL]).query, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    parameters: dict[str, Json] = {}
    for name, value in found:
        try:
            check_text(value, name)
        except Malformed:
            continue
        parameters.setdefault(name, value)
    return parameters


def _claims(shape: FormShape, fields: Mapping[str, Json], *, consented: bool) -> Claims:
    address = str(fields[shape.email_field]).strip()
    facts: dict[str, dict[str, Json]] = {"lead": {"email": address}, "company": {}, "qualification": {}}
    for name, fact in shape.fields.items():
        about, _, what = fact.partition(".")
        value = fields.get(name)
        value = read_fact(value) if about == "qualification" else value.strip() if isinstance(value, str) else value
        if value is not None and value != "":
            facts[about][what] = value
    return Claims(**facts, consent="granted" if consented else None)


def _next(wanted: Json, request: HttpRequest, origins: tuple[str, ...]) -> str | None:
    """Where to send the browser: a path on the page's own website, or an address on an allowed one; else nowhere."""
    if not isinstance(wanted, str) or not wanted or not wanted.isascii() or not wanted.isprintable():
        return None
    if any(sign in wanted for sign in ' \\"<>'):
        return None
    if wanted.startswith("/"):
        origin = _page_origin(request, origins)
        return origin + wanted if origin and not wanted.startswith("//") else None
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
