"""Webflow's webhooks of the trigger `form_submission`, in version 2: each field under the name that it has in the form.

The body is told at https://developers.webflow.com/data/reference/all-events, how it is signed at
https://developers.webflow.com/data/docs/working-with-webhooks. Those that a site's settings make are not signed; those
made with the API are. What was signed more than five minutes ago is refused, so that nobody sends it again later.
"""

from __future__ import annotations

from shared.adapters.form_hosts import FormHost, Payload, told_id, told_moment, told_object
from shared.adapters.forms import FormShape, Submission
from shared.adapters.http_api import HttpRequest
from shared.domain.moments import MINUTE
from shared.domain.refusals import Unauthenticated

_MOMENT = "x-webflow-timestamp"
_MILLISECOND = 1000
_BELIEVED = 5 * MINUTE
_LONGEST = 20
_AT = "payload."


def _signed(request: HttpRequest, body: bytes) -> bytes:
    told = request.headers.get(_MOMENT, "")
    if not told.isascii() or not told.isdecimal() or len(told) > _LONGEST:
        msg = f"Webflow tells when it signed, in milliseconds, by the header {_MOMENT}"
        raise Unauthenticated(msg)
    if abs(request.received_at - int(told) * _MILLISECOND) > _BELIEVED:
        msg = "Webflow signed this more than five minutes ago, or its clock is ahead"
        raise Unauthenticated(msg)
    return f"{told}:".encode() + body


def _read(payload: Payload, _shape: FormShape, only: str | None) -> Submission | None:
    if payload.get("triggerType") != "form_submission":
        return None
    told = told_object(payload, "payload")
    if only is not None and only not in (told.get("formId"), told.get("name")):
        return None
    page = told.get("pageUrl")
    return Submission(
        id=told_id(told, "id", _AT),
        fields=told_object(told, "data", _AT),
        at=told_moment(told, "submittedAt", _AT),
        page=page if isinstance(page, str) else None,
    )


WEBFLOW = FormHost("Webflow", "x-webflow-signature", _signed, bytes.hex, _read)
