"""The embed script, as every browser that asks for it gets it; `baton.js` is what people read."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from shared.adapters.http_api import HttpRequest, Reply

_SERVED = Path(__file__).with_name("baton.min.js")


class _Script(NamedTuple):
    """`packed` is gzip in base64, as a Lambda hands bytes on."""

    text: str
    packed: str
    etag: str


def script_reply(request: HttpRequest) -> Reply:
    """`GET /v1/baton.js`: the script, or that the browser has it already. It needs no settings and asks no store."""
    script = _script()
    headers = {
        "cache-control": "public, max-age=3600",
        "cross-origin-resource-policy": "cross-origin",
        "etag": script.etag,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if script.etag in request.headers.get("if-none-match", ""):
        return {"statusCode": 304, "headers": headers, "body": ""}
    headers["content-type"] = "text/javascript; charset=utf-8"
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return {"statusCode": 200, "headers": headers, "body": script.text}
    headers["content-encoding"] = "gzip"
    return {"statusCode": 200, "headers": headers, "body": script.packed, "isBase64Encoded": True}


@cache
def _script() -> _Script:
    content = _SERVED.read_bytes()
    # Weak, because packed and plain are the same script in other bytes.
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'
    return _Script(content.decode(), base64.b64encode(gzip.compress(content, mtime=0)).decode(), etag)
