"""What the public API refuses, with a clear error, and of which nothing is stored anywhere."""

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import urllib3

from tests.e2e.conftest import Answer

pytestmark = pytest.mark.e2e


class Request(NamedTuple):
    """A request that is not taken, the status that it gets, and words that its answer holds.

    MARK in it stands for a word that is in no other request.
    """

    path: str
    body: str
    status: int
    words: str
    key: str | None = "public"
    headers: Mapping[str, str] = MappingProxyType({})


class Outcome(NamedTuple):
    """What a refused request got, the keys that the log has got with it, and the items that hold its mark."""

    answer: Answer
    logged: set[tuple[str, str]]
    traces: list[str]


def mark(what: str) -> str:
    """Letters alone, so that nothing that packs a state or splits an id takes them apart."""
    return "".join(filter(str.isalpha, f"{what} refused")).lower()


def said(call: str, status: int, words: str, **body: Any) -> Request:
    return Request(f"/v1/{call}", json.dumps({"messageId": "MARK", **body}), status, words)


def track(status: int, words: str, key: str | None = "public", **more: Any) -> Request:
    body = {"userId": "MARK@else.example", "event": "CTA Clicked", "messageId": "MARK", **more}
    return Request("/v1/track", json.dumps(body), status, words, key)


MAYA, SAM = "maya@meadow-wholesale.example", "sam@corner-grocer.example"
FORBIDDEN_TO_BROWSERS = {
    "adjust a score": said(
        "track", 403, "signed-in people", userId=MAYA, event="Score Adjusted", properties={"by": 500}
    ),
    "set a sales fact": said(
        "identify",
        403,
        "qualification",
        anonymousId="MARK",
        traits={"email": SAM, "qualification": {"budget": True}},
    ),
    "grant consent": said("identify", 403, "consent", anonymousId="MARK", traits={"email": SAM, "consent": "granted"}),
    "join two known leads": said(
        "identify", 403, "two of them are one lead", traits={"email": SAM}, context={"traits": {"email": MAYA}}
    ),
    "tell of what only a server knows": said("track", 403, "webinar_attended", userId=SAM, event="Webinar Attended"),
}
BY_FORM = {"content_type": "application/x-www-form-urlencoded", "accept": "application/json"}
MALFORMED = {
    "JSON that ends too early": Request("/v1/track", '{"userId": "MARK@else.example"', 400, "JSON"),
    "a key twice": Request(
        "/v1/track", '{"userId": "MARK@a.example", "userId": "MARK@b.example", "event": "E"}', 400, "userId"
    ),
    "a number that is none": Request(
        "/v1/track", '{"event": "E", "userId": "MARK@else.example", "x": NaN}', 400, "NaN"
    ),
    "a list where an object belongs": Request("/v1/track", '["MARK"]', 422, "object"),
    "an unknown key": track(401, "write key", key="nobody's"),
    "no key": track(401, "write key", key=None),
    "a body over the limit": track(413, "32768", properties={"x": "x" * 40_000}),
    "a batch over the limit": Request(
        "/v1/batch",
        json.dumps(
            {"batch": [{"type": "track", "event": "E", "userId": "MARK@else.example"}], "context": "x" * 600_000}
        ),
        413,
        "524288",
    ),
    "a form without an address": Request("/v1/forms/demo-request", "first_name=MARK", 422, "e-mail", None, BY_FORM),
    "a form that nobody configured": Request("/v1/forms/no-such", "email=MARK%40b.example", 404, "form", None, BY_FORM),
    "nobody's activity": Request("/v1/track", '{"event": "CTA Clicked", "messageId": "MARK"}', 422, "names nobody"),
    "a time that is no moment": track(422, "moment", timestamp="yesterday"),
    "a time without an offset": track(422, "offset", timestamp="2026-03-01T09:30:00"),
    "a time before all memory": track(422, "keeps nothing", timestamp="2001-03-01T09:30:00Z"),
}
REFUSED = FORBIDDEN_TO_BROWSERS | MALFORMED


@pytest.fixture(scope="module")
def keys(cloud):
    where = cloud.where
    return {"public": where["write_key"], "secret": where["secret_key"]}


def send(cloud, keys, what, request):
    return cloud.post(
        request.path, request.body.replace("MARK", mark(what)), keys.get(request.key, request.key), **request.headers
    )


def log(cloud):
    return {(item["pk"]["S"], item["sk"]["S"]) for item in cloud.items("ActivitiesTable")}


def texts(cloud):
    """Every item of both tables as text, and what is compressed in it too."""

    def plain(held):
        if isinstance(held, bytes):
            with suppress(zlib.error):
                return zlib.decompress(held).decode(errors="replace")
        return str(held)

    items = [item for table in ("ActivitiesTable", "LeadsTable") for item in cloud.items(table)]
    return [json.dumps(item, default=plain, ensure_ascii=False).lower() for item in items]


@pytest.fixture(scope="module")
def outcomes(cloud, keys):
    """What became of every refused request.

    Scores, stages and rescores go on all the time and by themselves. The log does not: only `ingest` adds to it, before
    it answers. And wherever else something of a request may stand, its mark stands there too.
    """
    cloud.settle()
    answers, logged, before = {}, {}, log(cloud)
    for what, request in REFUSED.items():
        answers[what] = send(cloud, keys, what, request)
        after = log(cloud)
        logged[what], before = after - before, after
    cloud.settle()
    held = texts(cloud)
    return {
        what: Outcome(answers[what], logged[what], [text for text in held if mark(what) in text]) for what in REFUSED
    }


@pytest.mark.parametrize("what", FORBIDDEN_TO_BROWSERS)
def test_a_browsers_public_key_cannot(what, outcomes):
    answer = outcomes[what].answer
    assert answer.status == 403
    assert FORBIDDEN_TO_BROWSERS[what].words in answer.body["message"]


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_malformed_gets_the_right_status_and_a_message_that_says_what(what, outcomes):
    wrong, answer = MALFORMED[what], outcomes[what].answer
    assert answer.status == wrong.status, answer.body
    assert set(answer.body) >= {"code", "message", "details"}
    assert wrong.words in json.dumps(answer.body).replace(",", "")


@pytest.mark.parametrize("what", REFUSED)
def test_of_what_is_refused_nothing_is_stored(what, outcomes):
    assert outcomes[what].logged == set()
    assert outcomes[what].traces == []


def test_the_same_things_said_with_the_secret_key_are_taken_but_for_the_adjustment(cloud, keys):
    for what, request in FORBIDDEN_TO_BROWSERS.items():
        taken = f"{what} by a server"
        of_otto = request.body.replace(SAM, "otto@else.example").replace(MAYA, "otto@else.example")
        answer = send(cloud, keys, taken, request._replace(body=of_otto, key="secret"))
        assert answer.status == (403 if what == "adjust a score" else 200)
        assert any(mark(taken) in text for text in texts(cloud)) is (answer.status == 200)


def test_refusals_tell_nobody_who_is_known(cloud, keys):
    def refusal(address):
        beside = {"traits": {"email": "someone@else.example"}}
        body = json.dumps({"traits": {"email": address}, "context": beside})
        answer = cloud.post("/v1/identify", body, keys["public"])
        assert answer.status == 403
        return answer.body

    assert refusal("maya@meadow-wholesale.example") == refusal("nobody@unknown.example")


def test_one_bad_activity_in_a_batch_of_100_is_listed_and_99_are_stored(cloud, keys):
    good = [
        {"type": "track", "event": "CTA Clicked", "userId": f"p{n % 9}@batch-of-100.example", "messageId": f"m{n}"}
        for n in range(99)
    ]
    bad = {
        "type": "track",
        "event": "CTA Clicked",
        "userId": "p1@batch-of-100.example",
        "messageId": "bad",
        "timestamp": "soon",
    }
    answer = cloud.post("/v1/batch", json.dumps({"batch": [*good[:40], bad, *good[40:]]}), keys["public"])

    assert answer.status == 200
    assert answer.body["success"] is True
    (refused,) = answer.body["refused"]
    assert (refused["index"], refused["message_id"]) == (40, "bad")
    assert "moment" in json.dumps(refused)
    assert len([who for who, _ in log(cloud) if who.endswith("@batch-of-100.example")]) == 99


def test_without_signing_in_nobody_reads_a_lead(cloud):
    api = cloud.local.deployed.api
    for path in ("/v1/leads?temperature=hot", "/v1/leads/x", "/v1/rules"):
        for headers in ({}, {"authorization": "Bearer not.a.token"}):
            assert urllib3.request("GET", api + path, headers=headers).status == 401


def test_health_and_documentation_are_open(cloud):
    where = cloud.where
    assert urllib3.request("GET", f"{where['api']}/health").status == 200
    assert urllib3.request("GET", where["docs"]).status == 200
    assert "/v1/leads" in urllib3.request("GET", f"{where['api']}/openapi.json").json()["paths"]
