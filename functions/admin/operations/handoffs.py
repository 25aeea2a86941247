"""Operations on handoffs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.cursors import cursor_of, foreign_cursor, told_by
from functions.admin.operations.reading import LONGEST_ID, MAX_VERSION, answered, own_id, told_of, validated
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply
from shared.adapters.strict_json import read_json
from shared.domain.handoff import HandoffKey, LeadId
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.people import Person
from shared.domain.refusals import Invalid, NotFound
from shared.domain.rule_values import LONGEST_NAME
from shared.ports.handoffs import HandoffPlace
from shared.usecases.answer import AnswerTold
from shared.usecases.handoffs import HandoffWish

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def list_handoffs(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/handoffs`: what is open or was answered, newest first."""
    query = validated(api.handoffs.ListHandoffsRequest, request.query())
    wish = HandoffWish(None if query.state == "all" else query.state, query.team, query.assignee)
    after = _handoff_place(query.next, wish) if query.next is not None else None
    page = desk.handoffs.page(wish, query.limit, after)
    cursor = _handoff_cursor(page.following, wish)
    rules = desk.answers.rule_file()
    listed = [replies.handoffs.listed_handoff(each, rules) for each in page.handoffs]
    return answered(200, api.handoffs.HandoffsResponse(handoffs=listed, next=cursor))


def get_handoff(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/handoffs/{lead}/{stage}/{epoch}`: one, with what was known then and how it may be answered."""
    shown, sent = desk.handoffs.one(_handoff(path))
    return answered(200, replies.handoffs.handoff_story(shown, sent, desk.answers.rule_file()))


def answer_handoff(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/handoffs/{lead}/{stage}/{epoch}/answers`: sales keeps the lead, refuses it or gives it back."""
    asked = validated(api.handoffs.AnswerHandoffRequest, read_json(request.body(SINGLE_LIMIT)))
    told = AnswerTold(own_id(request), asked.answer, asked.reason, asked.note, _day(asked.look_again, "look_again"))
    key = _handoff(path)
    told_of(key.lead, desk)
    return answered(201, replies.handoffs.handoff(desk.answers.answer(key, told, person), desk.answers.rule_file()))


def _handoff(path: Mapping[str, str]) -> HandoffKey:
    lead, stage, epoch = path["lead"], path["stage"], path["epoch"]
    is_number = epoch.isascii() and epoch.isdigit() and len(epoch) <= MAX_VERSION
    if len(lead) > LONGEST_ID or len(stage) > LONGEST_NAME or not is_number:
        msg = "there is no such handoff"
        raise NotFound(msg)
    return HandoffKey(LeadId(lead), stage, int(epoch))


def _handoff_cursor(place: HandoffPlace | None, wish: HandoffWish) -> str | None:
    if place is None:
        return None
    key = place.key
    return cursor_of([wish.state, wish.to, wish.assignee, place.requested_at, key.lead, key.stage, key.epoch])


def _handoff_place(cursor: str, wish: HandoffWish) -> HandoffPlace:
    try:
        state, to, assignee, at, lead, stage, epoch = told_by(cursor)
    except (ValueError, TypeError) as error:
        raise foreign_cursor() from error
    sound = isinstance(lead, str) and isinstance(stage, str)
    sound &= all(type(number) is int and abs(number) < 1 << 62 for number in (at, epoch))
    if [state, to, assignee] != [wish.state, wish.to, wish.assignee] or not sound:
        raise foreign_cursor()
    return HandoffPlace(Moment(at), HandoffKey(LeadId(lead), stage, epoch))


def _day(text: str | None, at: str) -> Moment | None:
    """A moment, or the beginning of a day in UTC."""
    is_day = text is not None and _DAY.fullmatch(text)
    try:
        return parse_moment(f"{text}T00:00:00Z") if is_day else None if text is None else parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = "write a day such as 2026-03-01, or a date and time with an offset, such as 2026-03-01T09:30:00Z"
        raise Invalid(msg, at) from error
