"""What operations read from a request, and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from functions.admin.desk import Desk
from shared.adapters.http_api import HttpRequest, Reply, json_reply
from shared.adapters.segment import validation_fault
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.people import Person
from shared.domain.refusals import Invalid, NotFound

MAX_VERSION = 9
LONGEST_ID = 100
Operation = Callable[[HttpRequest, Mapping[str, str], Person, Desk], Reply]
M = TypeVar("M", bound=BaseModel)


def answered(status: int, response: BaseModel) -> Reply:
    """A response with its status."""
    return json_reply(status, response.model_dump(mode="json"))


def number_in(path: Mapping[str, str], what: str) -> int:
    """The number in the path.

    Raises:
        NotFound: it is none.
    """
    number = path["number"]
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_VERSION):
        msg = f"{what} is a whole number"
        raise NotFound(msg)
    return int(number)


def lead_in(path: Mapping[str, str]) -> LeadId:
    """The lead in the path.

    Raises:
        NotFound: no lead has such an id.
    """
    if len(path["id"]) > LONGEST_ID:
        msg = "there is no such lead"
        raise NotFound(msg)
    return LeadId(path["id"])


def told_of(lead: LeadId, desk: Desk) -> LeadId:
    """A lead of which somebody has something to say."""
    desk.being_erased.check(lead)
    return lead


def own_id(request: HttpRequest) -> str:
    """What the request is known by, so that the same one again is the same: its `Idempotency-Key`, if it has one."""
    return request.headers.get("idempotency-key") or request.id


def moment_of(text: str | None, at: str) -> Moment | None:
    """A moment that a request tells.

    Raises:
        Invalid: it is none; `at` says where it stands.
    """
    try:
        return None if text is None else parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = "write a date and time with an offset, such as 2026-03-01T09:30:00Z"
        raise Invalid(msg, at) from error


def validated(model: type[M], told: object) -> M:
    """What was told, as a model.

    Raises:
        Invalid: it does not fit; the message says what, where and how.
    """
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise validation_fault(error, model) from error
