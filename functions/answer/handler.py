"""`answer`: whoever holds a signed link sees the page of a handed-over lead, and answers there.

To look at it changes nothing, however often it is done, and by whatever program that follows links in mails.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from functions.answer.desk import Desk, from_environment
from functions.answer.form import entered, read_form, told_by
from functions.answer.page import answered_page, lead_page, plain_page
from shared.adapters.http_api import HttpRequest, Reply, error_reply
from shared.adapters.page_links import LinkExpired, LinkForged, PageLink
from shared.adapters.routes import find
from shared.domain.refusals import Invalid
from shared.ports.handoffs import AlreadyAnswered
from shared.usecases.lead_page import LeadGone, Objection, Withheld, holder

_OTHERWISE = "Ask whoever passed it on to you, or your own Baton, for the lead."
_GONE: Mapping[type[Exception], tuple[int, str, tuple[str, ...]]] = {
    LinkForged: (
        404,
        "This is no link of ours",
        ("It was cut or changed on its way: open it from the message in which it came.",),
    ),
    LinkExpired: (410, "This link has expired", ("Links to leads are good for a time only.", _OTHERWISE)),
    LeadGone: (410, "This lead is gone", ("All that was known of the person has been erased.",)),
}
_SO = "So nothing of them is shown, and nobody should call or write."
_WITHHELD: Mapping[Objection, tuple[str, str]] = {
    "denied": ("This person may not be contacted", "They do not want to be contacted, or consent was denied for them."),
    "noise": ("This lead is noise", "What they did was marked as noise, and their consent with it."),
    "unknown": ("This person may not be contacted", "No consent of theirs is known."),
}
_log = logging.getLogger(__name__)


def lambda_handler(event: dict[str, Any], _context: object, desk: Desk | None = None) -> Reply:
    """Show the page of a link, or take the answer that one of its forms sent."""
    request = HttpRequest.of(event)
    back = None
    try:
        route, variables = find(request.method, request.path, "answer")
        token = variables["token"]
        desk = desk or from_environment()
        link = desk.links.read(token, desk.clock.now())
        # Only what has been read is ours: nothing else becomes an address on a page of ours.
        back = token
        return _answer(request, token, link, desk) if route.operation == "answer_page" else _page(request, link, desk)
    except Exception as error:  # noqa: BLE001 (every request gets an answer)
        return _refusal(error, back)


def _page(request: HttpRequest, link: PageLink, desk: Desk) -> Reply:
    return lead_page(desk.pages.open(link.key), form_id=request.id, until=link.until)


def _answer(request: HttpRequest, token: str, link: PageLink, desk: Desk) -> Reply:
    """Take an answer, and lead back to the page, which shows it; what cannot be taken is shown there again."""
    fields = read_form(request)
    page = desk.pages.open(link.key)
    try:
        record = desk.answers.answer(link.key, told_by(fields), holder(page.record, link.to, link.assignee))
    except Invalid as error:
        told = entered(fields, _sentence(error.message))
        return lead_page(page, form_id=fields["id"], until=link.until, entered=told)
    _log.info("%s is %s by its page", link.key.text, record.state)
    # Beside this address, whatever stands before it: a stage of the API, or a name of one's own.
    return {"statusCode": 303, "headers": {"location": token, "cache-control": "no-store"}, "body": ""}


def _refusal(error: Exception, back: str | None) -> Reply:
    if isinstance(error, AlreadyAnswered):
        return answered_page(error.record, back)
    if isinstance(error, Withheld):
        title, why = _WITHHELD[error.because]
        return plain_page(403, title, why, _SO)
    for kind, (status, title, sentences) in _GONE.items():
        if isinstance(error, kind):
            return plain_page(status, title, *sentences)
    reply = error_reply(error)
    told = json.loads(reply["body"])
    page = plain_page(reply["statusCode"], "This did not work", _sentence(told["message"]), back=back)
    kept = {name: value for name, value in reply["headers"].items() if name not in page["headers"]}
    return page | {"headers": page["headers"] | kept}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
