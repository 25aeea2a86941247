"""What everybody may read: that the API answers, the OpenAPI document, and the page that shows it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from functions.admin.api.health import HealthResponse
from functions.admin.openapi import document
from shared.adapters.http_api import HttpRequest, Reply, json_reply

_START = (
    "SwaggerUIBundle({spec: JSON.parse(document.getElementById('document').textContent), dom_id: '#page',"
    " deepLinking: true, validatorUrl: null, presets: [SwaggerUIBundle.presets.apis]});"
)


def health(_request: HttpRequest) -> Reply:
    """`GET /health`: the function runs. It asks no store, so that a check of it costs and tells nothing."""
    return json_reply(200, HealthResponse().model_dump())


def openapi(_request: HttpRequest) -> Reply:
    """`GET /openapi.json`."""
    return json_reply(200, document())


def docs(request: HttpRequest) -> Reply:
    """`GET /docs`: the document to read and try, in one page that loads nothing from anywhere."""
    page, policy = _page()
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
        "vary": "accept-encoding",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return {"statusCode": 200, "headers": headers, "body": page.decode()}
    packed = base64.b64encode(gzip.compress(page, mtime=0)).decode()
    return {
        "statusCode": 200,
        "headers": headers | {"content-encoding": "gzip"},
        "body": packed,
        "isBase64Encoded": True,
    }


DOCUMENTATION: Mapping[str, Callable[[HttpRequest], Reply]] = {"health": health, "openapi": openapi, "docs": docs}
"""By the name that the table of routes gives them."""


@cache
def _page() -> tuple[bytes, str]:
    """The page, and the policy that lets run exactly the scripts which stand in it."""
    assets = files("aws_lambda_powertools") / "event_handler" / "openapi" / "swagger_ui"
    script = (assets / "swagger-ui-bundle.min.js").read_text(encoding="utf-8")
    style = (assets / "swagger-ui.min.css").read_text(encoding="utf-8")
    told = json.dumps(document()).replace("<", "\\u003c")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Baton API</title>'
        f'<style>{style}</style></head><body><div id="page"></div>'
        f'<script id="document" type="application/json">{told}</script>'
        f"<script>{script}</script><script>{_START}</script></body></html>"
    )
    policy = (
        f"default-src 'none'; script-src {_hash(script)} {_hash(_START)}; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
