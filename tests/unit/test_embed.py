"""The embed script as it is served."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from functions.ingest import embed
from functions.ingest.handler import lambda_handler
from shared.adapters.forms import CAMPAIGN_FIELDS
from tests.http_requests import http_event

SOURCE = Path(embed.__file__).with_name("baton.js")
KILOBYTE = 1000


def served(**headers: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    reply: dict[str, Any] = lambda_handler(http_event("GET", "/v1/baton.js", headers=told), None)
    return reply


def test_the_script_is_under_a_kilobyte_as_browsers_get_it() -> None:
    reply = served(accept_encoding="gzip")
    packed = base64.b64decode(reply["body"])

    assert reply == served(accept_encoding="gzip, deflate, br, zstd")
    assert reply["headers"]["content-encoding"] == "gzip"
    assert len(packed) < KILOBYTE
    assert gzip.decompress(packed).decode() == served()["body"]


def test_any_page_may_load_it_and_a_browser_keeps_it_for_an_hour() -> None:
    reply = served()

    assert reply["statusCode"] == 200
    assert reply["headers"]["content-type"] == "text/javascript; charset=utf-8"
    assert reply["headers"]["cache-control"] == "public, max-age=3600"
    assert reply["headers"]["cross-origin-resource-policy"] == "cross-origin"
    assert reply["headers"]["x-content-type-options"] == "nosniff"
    assert reply["headers"]["vary"] == "accept-encoding"
    assert "content-encoding" not in reply["headers"]


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_browser_that_has_it_is_not_sent_it_again(encoding: str) -> None:
    etag = served()["headers"]["etag"]
    same = served(accept_encoding=encoding, if_none_match=f'"other", {etag}')
    changed = served(accept_encoding=encoding, if_none_match='"other"')

    assert (same["statusCode"], same["body"], same["headers"]["etag"]) == (304, "", etag)
    assert changed["statusCode"] == 200


def test_the_script_is_served_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Any:
        raise KeyError("ACTIVITIES_TABLE")

    monkeypatch.setattr("functions.ingest.handler.from_environment", none)
    assert served()["statusCode"] == 200


def test_the_script_and_the_forms_know_the_same_campaign_fields() -> None:
    (pattern,) = re.findall(r"/(\^\(utm_.*)/\.test", SOURCE.read_text(encoding="utf-8"))

    assert {name for name in CAMPAIGN_FIELDS if not re.match(pattern, name)} == set()
    assert [name for name in ("utm_id", "xgclid", "gclid2", "email") if re.match(pattern, name)] == []
    assert pattern in served()["body"]


@pytest.mark.parametrize(
    "forbidden", ["cookie", "sessionStorage", "indexedDB", "eval(", "Function(", ".style", "innerHTML"]
)
def test_the_script_holds_nothing_that_a_strict_policy_or_a_visitor_would_mind(forbidden: str) -> None:
    assert forbidden not in served()["body"]
