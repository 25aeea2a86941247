"""Requests and replies of an API Gateway HTTP API (payload format 2.0), and errors as `{code, message, details}`."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from shared.adapters.strict_json import is_honest
from shared.domain.moments import Moment
from shared.domain.refusals import (
    Contested,
    Forbidden,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    OverBudget,
    Refused,
    TooLarge,
    Unauthenticated,
    Unmet,
    UnsupportedMedia,
)
from shared.ports.errors import Conflict, SecretMissing, Unavailable, Unreadable

SINGLE_LIMIT = 32 * 1024
"""Bytes of a request's body, and of any one activity."""

BATCH_LIMIT = 512 * 1024
"""Bytes of a batch's body."""

MAX_AGENT = 500
"""Characters of a user agent that are kept."""

_GZIP = b"\x1f\x8b"
_DAMAGED = "\x1f\ufffd"
"""How gzip begins after it was taken for UTF-8."""
_RETRY_AFTER = "2"
_MILLISECOND = 1000
_MAX_PARAMETERS = 20

_STATUS: dict[type[Exception], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Contested: 409,
    Unmet: 409,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Invalid: 422,
    OverBudget: 429,
    Unavailable: 503,
    SecretMissing: 503,
}

_log = logging.getLogger(__name__)

Reply = dict[str, Any]
"""What a Lambda behind an HTTP API returns."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came; its body is read by `body`, which holds it to a limit. `address` is the sender's."""

    id: str
    method: str
    path: str
    received_at: Moment
    headers: Mapping[str, str] = field(default_factory=dict)
    raw_query: str = ""
    claims: Mapping[str, Any] | None = None
    raw_body: str = ""
    is_base64: bool = False
    address: str | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> HttpRequest:
        """Read the event of an HTTP API."""
        context = event["requestContext"]
        stage = context.get("stage", "$default")
        path: str = event["rawPath"]
        if stage != "$default" and path.startswith(f"/{stage}/"):
            path = path.removeprefix(f"/{stage}")
        return cls(
            id=context["requestId"],
            method=context["http"]["method"],
            path=path,
            received_at=Moment(int(context["timeEpoch"]) * _MILLISECOND),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            raw_query=event.get("rawQueryString") or "",
            claims=context.get("authorizer", {}).get("jwt", {}).get("claims"),
            raw_body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
            address=context["http"].get("sourceIp"),
        )

    def told(self, header: str) -> str | None:
        """What a header says of the sender; None if it is missing, or holds what no honest text holds."""
        value = self.headers.get(header)
        return value if value and is_honest(value) else None

    def query(self) -> dict[str, str]:
        """The parameters of the query.

        Raises:
            Invalid: one stands in it twice, or there are too many.
        """
        try:
            pairs = parse_qsl(self.raw_query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
        except ValueError as error:
            msg = f"the query has more than {_MAX_PARAMETERS} parameters"
            raise Invalid(msg) from error
        parameters = dict(pairs)
        if len(parameters) != len(pairs):
            msg = "a parameter stands twice in the query"
            raise Invalid(msg)
        return parameters

    def body(self, limit: int) -> bytes:
        """The body's bytes, base64 and gzip undone, whatever the headers say of them.

        Raises:
            TooLarge: it is, or would unpack to, more than `limit` bytes; nothing was parsed then.
            Malformed: it is no base64, or starts like gzip and is not.
        """
        if len(self.raw_body) > 2 * limit:
            raise _too_large(limit)
        if self.is_base64:
            try:
                body = base64.b64decode(self.raw_body, validate=True)
            except (binascii.Error, ValueError) as error:
                msg = "the body is not what its encoding says"
                raise Malformed(msg) from error
        elif self.raw_body.startswith(_DAMAGED):
            msg = "this is gzip that was taken for text on its way and damaged: label it application/octet-stream"
            raise Malformed(msg)
        else:
            body = self.raw_body.encode("utf-8", "surrogatepass")
        if len(body) > limit:
            raise _too_large(limit)
        return _unzip(body, limit) if body.startswith(_GZIP) else body


def json_reply(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply that carries JSON, and is stored by nobody on the way."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store", **(headers or {})},
        "body": json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    }


def error_reply(error: Exception) -> Reply:
    """What the sender is told of an error. A defect of ours is logged by type and place, without what was sent."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    headers = {}
    if isinstance(error, Refused):
        code, message = error.code, error.message
        details = {"at": error.at} | error.details if error.at else error.details
        if isinstance(error, OverBudget):
            headers["retry-after"] = str(error.retry_after)
        _log.info("refused: %s", code)
    elif status == 503:  # noqa: PLR2004 (the status that _STATUS gives)
        code, message, details = "unavailable", "the request cannot be taken now; send it again", {}
        headers["retry-after"] = _RETRY_AFTER
        _log.warning("unavailable: %s", type(error).__name__)
    elif status == 409:  # noqa: PLR2004
        code, message, details = Contested.code, "somebody else changed the same thing; look again", {}
    elif isinstance(error, Unreadable):
        code, details = "damaged", {}
        message = "what is stored of the lead is damaged; `baton leads repair` makes it anew from the log"
        _log.error("%s at %s", type(error).__name__, _place(error))
    else:
        code, message, details = "internal", "something went wrong here; the logs tell what", {}
        _log.error("%s at %s", type(error).__name__, _place(error))
    if status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = "WriteKey"
    return json_reply(status, {"code": code, "message": message, "details": details}, headers)


def _unzip(body: bytes, limit: int) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(body, limit + 1)
    except zlib.error as error:
        msg = "the body starts like gzip and is not"
        raise Malformed(msg) from error
    if len(plain) > limit:
        raise _too_large(limit)
    if not unzip.eof:
        msg = "the body's gzip ends before its end"
        raise Malformed(msg)
    return plain


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes", limit=limit)


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "an unknown place"
