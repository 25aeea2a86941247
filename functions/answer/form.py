"""The forms of the lead's page, read: nothing is taken but what they send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Final
from urllib.parse import parse_qsl

from functions.answer.page import Entered
from shared.adapters.http_api import HttpRequest
from shared.adapters.strict_json import decode, honest, is_honest
from shared.domain.handoff import AnswerKind
from shared.domain.moments import Moment, from_datetime
from shared.domain.refusals import Invalid, Malformed, UnsupportedMedia
from shared.domain.rule_values import LONGEST_NAME
from shared.usecases.answer import AnswerTold

LIMIT: Final = 32 * 1024
"""Bytes of a form: a note of the greatest length in characters that take most, twelve bytes each, and the rest."""

_KINDS: Final[Mapping[str, AnswerKind]] = {"accept": "accepted", "reject": "rejected", "recycle": "recycled"}
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "accept": frozenset({"id", "answer", "note"}),
    "reject": frozenset({"id", "answer", "reason", "note"}),
    "recycle": frozenset({"id", "answer", "reason", "note", "look_again"}),
}
_LONGEST_ID = 100
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_form(request: HttpRequest) -> dict[str, str]:
    """The fields that a form of the page sent; its note without the controls that keyboards and programs put into it.

    Raises:
        UnsupportedMedia: it is no urlencoded form.
        Malformed, TooLarge: the body cannot be read.
        Invalid: a field is none of the page's, stands twice, or is missing.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        msg = "this takes the forms of its own page"
        raise UnsupportedMedia(msg)
    try:
        pairs = parse_qsl(
            decode(request.body(LIMIT)), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=10
        )
    except ValueError as error:
        msg = "the body is no form of this page"
        raise Malformed(msg) from error
    fields = dict(pairs)
    known = _FIELDS.get(fields.get("answer", ""))
    if known is None:
        msg = f"the answer is one of {', '.join(_FIELDS)}"
        raise Invalid(msg, "answer")
    if len(fields) != len(pairs) or not {"id", "answer"} <= fields.keys() <= known:
        msg = "the form has other fields than the page's"
        raise Invalid(msg)
    if "note" in fields:
        fields["note"] = honest(fields["note"])
    if not all(is_honest(value) for value in fields.values()):
        msg = "there are characters in it that nobody types"
        raise Invalid(msg)
    return fields


def told_by(fields: Mapping[str, str]) -> AnswerTold:
    """The answer that a form's fields say; a day is its first moment in UTC.

    Raises:
        Invalid: an id, a reason or a day is none.
    """
    if not 0 < len(fields["id"]) <= _LONGEST_ID or len(fields.get("reason", "")) > LONGEST_NAME:
        msg = "the form has other values than the page's"
        raise Invalid(msg)
    return AnswerTold(
        id=fields["id"],
        kind=_KINDS[fields["answer"]],
        reason=fields.get("reason") or None,
        note=fields.get("note", "").replace("\r\n", "\n"),
        look_again=_moment(fields.get("look_again", "")),
    )


def entered(fields: Mapping[str, str], fault: str) -> Entered:
    """What was sent, to be shown again with what was wrong with it."""
    return Entered(
        fault,
        fields["answer"],
        fields.get("reason", ""),
        fields.get("note", ""),
        fields.get("look_again", "") if _DAY.fullmatch(fields.get("look_again", "")) else "",
    )


def _moment(day: str) -> Moment | None:
    if not day:
        return None
    try:
        written = _DAY.fullmatch(day)
        return from_datetime(datetime.combine(date.fromisoformat(written[0] if written else ""), time(), UTC))
    except ValueError as error:
        msg = "write the day to look again as 2026-03-31"
        raise Invalid(msg, "look_again") from error
