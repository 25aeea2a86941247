"""Events of an HTTP API, as tests write them: only what a test cares about."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from shared.domain.moments import Moment, parse_moment

NOW = "2026-03-02T09:00:00Z"


def http_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    claims: Mapping[str, str] | None = None,
    at: Moment | None = None,
    request_id: str = "request-1",
    address: str | None = None,
) -> dict[str, Any]:
    """A request: `body` bytes go in base64, text as it is, anything else as JSON; `key` as HTTP Basic.

    `address` is the network address from which it comes.
    """
    told = {name.lower(): value for name, value in (headers or {}).items()}
    if key is not None:
        told["authorization"] = f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
    context: dict[str, Any] = {
        "stage": "$default",
        "requestId": request_id,
        "timeEpoch": (parse_moment(NOW) if at is None else at) // 1000,
        "http": {"method": method, "path": path} | ({"sourceIp": address} if address else {}),
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": told,
        "requestContext": context,
        "isBase64Encoded": isinstance(body, bytes),
    }
    if isinstance(body, bytes):
        event["body"] = base64.b64encode(body).decode()
    elif body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


def answer(reply: Mapping[str, Any]) -> Any:
    """The JSON of a reply."""
    return json.loads(reply["body"])
