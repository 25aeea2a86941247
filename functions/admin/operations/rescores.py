"""Operations on rescores and catching up."""

from __future__ import annotations

from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.reading import answered, moment_of, own_id, validated
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply
from shared.adapters.strict_json import read_json
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment
from shared.domain.people import Person
from shared.domain.rescores import Aim, EveryLead, LeadsWhere, NamedLeads, UnappliedActivities


def list_rescores(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rescores`: what is being scored anew, or was lately, and how far it is."""
    version, since = desk.rescores.active()
    return answered(200, replies.rescores.rescores(version, since, desk.rescores.all()))


def ask_for_rescore(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rescores`: some leads, those that meet a condition, or all are to be scored anew."""
    asked = validated(api.rescores.AskForRescoreRequest, read_json(request.body(SINGLE_LIMIT)))
    aim: Aim = EveryLead()
    if asked.leads is not None:
        aim = NamedLeads(tuple(dict.fromkeys(map(LeadId, asked.leads))))
    elif asked.where is not None:
        aim = LeadsWhere(asked.where)
    return answered(202, replies.rescores.rescore(desk.rescores.ask(aim, own_id(request), person)))


def catch_up(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/catch-ups`: activities of the log that no lead has taken in are to be found and applied."""
    asked = validated(api.rescores.CatchUpRequest, read_json(request.body(SINGLE_LIMIT)))
    since = moment_of(asked.since, "since")
    aim = UnappliedActivities(Moment(since or 0))
    return answered(202, replies.rescores.rescore(desk.rescores.ask(aim, own_id(request), person)))
