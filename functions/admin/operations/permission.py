"""Operations on consent, export and erasure."""

from __future__ import annotations

from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.reading import answered, lead_in, own_id, told_of, validated
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply
from shared.adapters.strict_json import read_json
from shared.domain.moments import Moment
from shared.domain.people import Person
from shared.domain.refusals import Invalid
from shared.usecases.consent import ConsentTold
from shared.usecases.erase import ErasureRequest
from shared.usecases.export import ExportPlace

_EXPORT_PARTS = 3
_LONGEST_NUMBER = 19


def record_consent(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/consents`: what the lead said of consent to somebody."""
    asked = validated(api.permission.RecordConsentRequest, read_json(request.body(SINGLE_LIMIT)))
    told = ConsentTold(own_id(request), asked.consent, asked.why, asked.wording)
    lead, activity = desk.consents.record(told_of(lead_in(path), desk), told, person)
    return answered(202, api.permission.RecordConsentResponse(lead=lead, activity=activity.id))


def export_lead(request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/leads/{id}/export`: all that is held of a lead, a page at a time."""
    query = validated(api.permission.ExportLeadRequest, request.query())
    place = _export_place(query.next) if query.next is not None else None
    return answered(200, replies.permission.export(desk.exports.page(lead_in(path), place)))


def erase_lead(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/erasures`: a person is erased, for good."""
    asked = validated(api.permission.EraseLeadRequest, read_json(request.body(SINGLE_LIMIT)))
    erasure = desk.erasures.ask(lead_in(path), ErasureRequest(own_id(request), person, asked.why))
    return answered(202, replies.permission.erasure(erasure))


def _export_place(cursor: str) -> ExportPlace:
    """Read what `replies.export` wrote."""
    parts = cursor.split(".")
    if len(parts) != _EXPORT_PARTS or not all(part.isascii() and part.isdigit() for part in parts):
        msg = "`next` comes from somewhere else: take it from the page before"
        raise Invalid(msg, "next")
    as_of, section, item = (min(int(part[:_LONGEST_NUMBER]), 1 << 62) for part in parts)
    return ExportPlace(Moment(as_of), section, item)
