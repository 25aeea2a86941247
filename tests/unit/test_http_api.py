"""Requests are unpacked whatever their headers say, within a limit; errors tell what and where, and nothing more."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import tracemalloc
import zlib
from typing import Any

import pytest

from shared.adapters.http_api import HttpRequest, error_reply
from shared.domain.refusals import (
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    OverBudget,
    Refused,
    TooLarge,
    Unauthenticated,
)
from shared.ports.errors import Conflict, SecretMissing, Unavailable
from tests.http_requests import answer, http_event

LIMIT = 1000


def request(body: Any = None, **rest: Any) -> HttpRequest:
    return HttpRequest.of(http_event("POST", "/v1/track", body, **rest))


def test_a_body_is_the_same_as_text_in_base64_or_packed() -> None:
    plain = '{"event": "Démo requested"}'
    bodies = [plain, plain.encode(), gzip.compress(plain.encode(), mtime=0)]

    assert [request(body).body(LIMIT) for body in bodies] == [plain.encode()] * 3


def test_gzip_is_found_by_its_bytes_and_not_by_its_header() -> None:
    assert request(gzip.compress(b"{}", mtime=0), headers={"Content-Type": "text/plain"}).body(LIMIT) == b"{}"
    assert request(b"{}", headers={"Content-Encoding": "gzip"}).body(LIMIT) == b"{}"


@pytest.mark.parametrize("body", ["x" * (LIMIT + 1), b"x" * (LIMIT + 1), "x" * 10 * LIMIT, "é" * (LIMIT // 2 + 1)])
def test_a_body_over_the_limit_is_refused(body: Any) -> None:
    with pytest.raises(TooLarge):
        request(body).body(LIMIT)


@pytest.mark.parametrize("body", ["x" * LIMIT, b"x" * LIMIT, gzip.compress(b"x" * LIMIT, mtime=0)])
def test_a_body_at_the_limit_is_taken(body: Any) -> None:
    assert request(body).body(LIMIT) == b"x" * LIMIT


def test_a_bomb_is_refused_before_it_unpacks() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000, compresslevel=9, mtime=0)[:50_000]

    asked = request(bomb)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        asked.body(512 * 1024)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 4 * 1024 * 1024


def test_gzip_that_a_gateway_took_for_text_is_told_as_that() -> None:
    damaged = gzip.compress(b"{}", mtime=0).decode("utf-8", "replace")

    with pytest.raises(Malformed, match="gzip"):
        request(damaged, headers={"Content-Type": "application/json"}).body(LIMIT)


@pytest.mark.parametrize(
    "body",
    [
        b"\x1f\x8b",
        b"\x1f\x8bnonsense",
        gzip.compress(b"{}" * 50, mtime=0)[:-8],
        zlib.compress(b"{}")[:0] + b"\x1f\x8b\x08",
    ],
)
def test_what_only_starts_like_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        request(body).body(LIMIT)


@pytest.mark.parametrize("query", ["a=1&a=2", "a=1&a=1", "&".join(f"a{n}=1" for n in range(21))])
def test_a_query_that_says_a_thing_twice_or_too_much_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        HttpRequest.of(http_event("GET", "/v1/leads") | {"rawQueryString": query}).query()


def test_a_query_is_read_as_it_was_meant() -> None:
    event = http_event("GET", "/v1/leads") | {"rawQueryString": "email=a%2Bb%40example.com&next="}

    assert HttpRequest.of(event).query() == {"email": "a+b@example.com", "next": ""}


def test_what_is_no_base64_is_malformed() -> None:
    event = http_event("POST", "/v1/track", b"{}") | {"body": "!!!"}

    with pytest.raises(Malformed):
        HttpRequest.of(event).body(LIMIT)


def test_a_named_stage_is_no_part_of_the_path() -> None:
    event = http_event("GET", "/prod/v1/leads")
    event["requestContext"]["stage"] = "prod"

    assert HttpRequest.of(event).path == "/v1/leads"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Malformed("m"), 400, "malformed"),
        (Unauthenticated("m"), 401, "unauthenticated"),
        (Forbidden("m"), 403, "forbidden"),
        (NotFound("m"), 404, "not_found"),
        (Conflict("m"), 409, "conflict"),
        (TooLarge("m"), 413, "too_large"),
        (Invalid("m"), 422, "invalid"),
        (Unavailable("table down"), 503, "unavailable"),
        (SecretMissing("/baton/x"), 503, "unavailable"),
        (KeyError("ada@example.com"), 500, "internal"),
    ],
)
def test_every_error_has_a_code_a_message_and_details(error: Exception, status: int, code: str) -> None:
    reply = error_reply(error)

    assert reply["statusCode"] == status
    assert answer(reply).keys() == {"code", "message", "details"}
    assert answer(reply)["code"] == code


def test_the_place_of_a_fault_is_in_the_details() -> None:
    assert answer(error_reply(Invalid("m", "batch[2].timestamp", more=1)))["details"] == {
        "at": "batch[2].timestamp",
        "more": 1,
    }


def test_who_is_told_to_come_again_is_told_when() -> None:
    assert int(error_reply(Unavailable("x"))["headers"]["retry-after"]) > 0

    over = error_reply(OverBudget("used up", retry_after=37))
    assert (over["statusCode"], over["headers"]["retry-after"]) == (429, "37")
    assert json.loads(over["body"]) == {"code": "over_budget", "message": "used up", "details": {"retry_after": 37}}


def test_a_browser_that_sent_an_unknown_key_does_not_ask_its_visitor_for_a_password() -> None:
    assert "basic" not in error_reply(Unauthenticated("x"))["headers"]["www-authenticate"].lower()


def test_a_defect_is_neither_told_nor_logged_with_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        try:
            json.loads('{"email": "canary@example.com"}')["canary@example.com"]
        except KeyError as error:
            reply = error_reply(error)

    assert "canary" not in json.dumps(reply)
    assert "canary" not in caplog.text
    assert "KeyError" in caplog.text


def test_every_refusal_has_a_status_of_its_own() -> None:
    kinds = Refused.__subclasses__()
    more: dict[type[Refused], dict[str, Any]] = {OverBudget: {"retry_after": 7}}
    replies = [error_reply(kind("m", **more.get(kind, {}))) for kind in kinds]

    assert kinds
    assert all(400 <= reply["statusCode"] < 500 for reply in replies)
    assert len({json.loads(reply["body"])["code"] for reply in replies}) == len(kinds)


def test_base64_that_is_far_too_long_is_not_even_decoded() -> None:
    event = http_event("POST", "/v1/track", b"") | {"body": base64.b64encode(b"x" * 4 * LIMIT).decode()}

    with pytest.raises(TooLarge):
        HttpRequest.of(event).body(LIMIT)
