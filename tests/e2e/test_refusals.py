"""What the public API refuses, with a clear error, and of which nothing is stored anywhere."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import urllib3

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def keys(cloud):
    where = cloud.where
    return {"public": where["write_key"], "secret": where["secret_key"]}


@pytest.fixture
def stored(cloud):
    """Tells everything in both tables once nothing is under way; how far a rescore has come does not count."""

    def look():
        cloud.settle()
        items = [item for table in ("ActivitiesTable", "LeadsTable") for item in cloud.items(table)]
        return {json.dumps(i, sort_keys=True, default=str) for i in items if not i["pk"]["S"].startswith("RESCORE")}

    return look


FORBIDDEN_TO_BROWSERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "adjust a score": (
        "track",
        {"userId": "maya@meadow-wholesale.example", "event": "Score Adjusted", "properties": {"by": 500}},
        "signed-in person",
    ),
    "set a sales fact": (
        "identify",
        {"anonymousId": "b1", "traits": {"email": "sam@corner-grocer.example", "qualification": {"budget": True}}},
        "qualification",
    ),
    "grant consent": (
        "identify",
        {"anonymousId": "b1", "traits": {"email": "sam@corner-grocer.example", "consent": "granted"}},
        "consent",
    ),
    "join two known leads": (
        "identify",
        {"userId": "maya@meadow-wholesale.example", "traits": {"email": "sam@corner-grocer.example"}},
        "two of them are one lead",
    ),
    "tell of what only a server knows": (
        "track",
        {"userId": "sam@corner-grocer.example", "event": "Webinar Attended"},
        "webinar_attended",
    ),
}


@pytest.mark.parametrize("what", FORBIDDEN_TO_BROWSERS)
def test_a_browsers_public_key_cannot(what, cloud, keys, stored):
    call, body, words = FORBIDDEN_TO_BROWSERS[what]
    before = stored()

    answer = cloud.post(f"/v1/{call}", json.dumps({**body, "messageId": f"refused {what}"}), keys["public"])

    assert answer.status == 403
    assert words in answer.body["message"]
    assert stored() - before == set()


def test_the_same_things_said_with_the_secret_key_are_taken_but_for_the_adjustment(cloud, keys):
    for what, (call, body, _) in FORBIDDEN_TO_BROWSERS.items():
        someone = json.dumps({**body, "messageId": f"taken {what}"}).replace(
            "sam@corner-grocer.example", "otto@else.example"
        )
        someone = someone.replace("maya@meadow-wholesale.example", "otto@else.example")
        expected = 403 if what == "adjust a score" else 200
        assert cloud.post(f"/v1/{call}", someone, keys["secret"]).status == expected


def test_refusals_tell_nobody_who_is_known(cloud, keys):
    def refusal(address):
        body = json.dumps({"userId": "someone@else.example", "traits": {"email": address}})
        answer = cloud.post("/v1/identify", body, keys["public"])
        return answer.status, answer.body

    assert refusal("maya@meadow-wholesale.example") == refusal("nobody@unknown.example")


class Wrong(NamedTuple):
    """A request that is not taken, the status that it gets, and words that its answer holds."""

    path: str
    body: str
    status: int
    words: str
    key: str | None = "public"
    headers: Mapping[str, str] = MappingProxyType({})


def track(text: str, **more: Any) -> str:
    return json.dumps({"userId": "wrong@else.example", "event": "CTA Clicked", "messageId": f"wrong {text}", **more})


BY_FORM = {"content_type": "application/x-www-form-urlencoded"}
MALFORMED = {
    "JSON that ends too early": Wrong("/v1/track", '{"userId": "wrong@else.example"', 400, "JSON"),
    "a key twice": Wrong(
        "/v1/track", '{"userId": "a@b.example", "userId": "c@d.example", "event": "E"}', 400, "userId"
    ),
    "a number that is none": Wrong("/v1/track", '{"event": "E", "userId": "a@b.example", "x": NaN}', 400, "NaN"),
    "a list where an object belongs": Wrong("/v1/track", "[]", 422, "object"),
    "an unknown key": Wrong("/v1/track", track("key"), 401, "write key", key="nobody's"),
    "no key": Wrong("/v1/track", track("no key"), 401, "write key", key=None),
    "a body over the limit": Wrong("/v1/track", track("large", properties={"x": "x" * 40_000}), 413, "32768"),
    "a batch over the limit": Wrong("/v1/batch", json.dumps({"batch": [], "x": "x" * 600_000}), 413, "524288"),
    "a form without an address": Wrong("/v1/forms/demo-request", "first_name=Ada", 422, "e-mail", None, BY_FORM),
    "a form that nobody configured": Wrong("/v1/forms/no-such", "email=a%40b.example", 404, "form", None, BY_FORM),
    "nobody's activity": Wrong("/v1/track", '{"event": "CTA Clicked", "messageId": "wrong"}', 422, "names nobody"),
    "a time that is no moment": Wrong("/v1/track", track("time", timestamp="yesterday"), 422, "moment"),
    "a time without an offset": Wrong("/v1/track", track("offset", timestamp="2026-03-01T09:30:00"), 422, "offset"),
    "a time before all memory": Wrong(
        "/v1/track", track("old", timestamp="2001-03-01T09:30:00Z"), 422, "keeps nothing"
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_malformed_gets_the_right_status_and_a_message_that_says_what(what, cloud, keys, stored):
    wrong = MALFORMED[what]
    before = stored()

    answer = cloud.post(wrong.path, wrong.body, keys.get(wrong.key, wrong.key), **wrong.headers)

    assert answer.status == wrong.status, answer.body
    assert set(answer.body) >= {"code", "message", "details"}
    assert wrong.words in json.dumps(answer.body).replace(",", "")
    assert stored() - before == set()


def test_one_bad_activity_in_a_batch_of_100_is_listed_and_99_are_stored(cloud, keys):
    good = [
        {"type": "track", "event": "CTA Clicked", "userId": f"p{n % 9}@many.example", "messageId": f"m{n}"}
        for n in range(99)
    ]
    bad = {
        "type": "track",
        "event": "CTA Clicked",
        "userId": "p1@many.example",
        "messageId": "bad",
        "timestamp": "soon",
    }
    before = len(cloud.items("ActivitiesTable"))

    answer = cloud.post("/v1/batch", json.dumps({"batch": [*good[:40], bad, *good[40:]]}), keys["public"])

    assert answer.status == 200
    assert answer.body["success"] is True
    (refused,) = answer.body["refused"]
    assert (refused["index"], refused["message_id"]) == (40, "bad")
    assert "moment" in json.dumps(refused)
    assert len(cloud.items("ActivitiesTable")) == before + 99


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
