"""Operations on leads that are not what their log says."""

from __future__ import annotations

from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.cursors import cursor_of, foreign_cursor, told_by
from functions.admin.operations.reading import answered, lead_in, validated
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply
from shared.adapters.strict_json import read_json
from shared.domain.handoff import LeadId
from shared.domain.people import Person


def check_leads(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`POST /v1/checks`: some leads, or a page of all, compared with their logs now."""
    asked = validated(api.drift.CheckLeadsRequest, read_json(request.body(SINGLE_LIMIT)))
    if asked.leads is not None:
        return answered(200, replies.drift.checked(desk.reconcile.named(map(LeadId, asked.leads)), None))
    after = _check_place(asked.next, asked.segment, asked.of) if asked.next is not None else None
    page = desk.reconcile.page(asked.segment, asked.of, after, asked.limit)
    cursor = cursor_of([asked.segment, asked.of, page.following]) if page.following is not None else None
    return answered(200, replies.drift.checked(page.leads, cursor))


def list_drift(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/drift`: which leads were found not to be what their logs make."""
    return answered(200, replies.drift.drift(desk.reconcile.standing(), desk.reconcile.round()))


def repair_lead(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/repairs`: a lead is made anew from its log, whatever is stored of it."""
    return answered(202, api.drift.RepairResponse(lead=desk.repairs.ask(lead_in(path))))


def _check_place(cursor: str, segment: int, of: int) -> str:
    match told_by(cursor):
        case [of_segment, of_all, str(after)] if [of_segment, of_all] == [segment, of]:
            return after
    raise foreign_cursor()
