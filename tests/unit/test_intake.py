"""What a client is answered, and what is in the log then: the intake on a log in memory."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import Intake, configured
from functions.ingest.settings import ConsentWording, Form, PublicWriteKey, SecretWriteKey, Settings
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.erasure import Erasure
from shared.domain.handoff import LeadId
from shared.domain.moments import DAY, HOUR, Moment, parse_moment
from shared.ports.errors import Unavailable
from shared.usecases.erased import ErasedPeople
from tests.fakes import FixedClock, InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.fakes.erasures import InMemoryErasures
from tests.http_requests import NOW, answer, http_event
from tests.people import browser, email, user

SITE = "https://www.acme.example"
YESTERDAY = "2026-03-01T09:00:00Z"
SETTINGS = Settings(
    activities_table="activities",
    budgets_table="budgets",
    erasures_table="erasures",
    erasure_secret="/baton/test/erasure",
    write_keys=(
        PublicWriteKey(
            name="website", key="pk_web", activities=("page_viewed", "identified", "demo_requested", "aliased")
        ),
        SecretWriteKey(name="crm", secret="/baton/test/crm"),
    ),
    forms=(
        Form(
            name="contact",
            fields={"first": "lead.first_name"},
            consent=ConsentWording(field="agree", wording="You may call me.", version="1"),
        ),
    ),
    origins=(SITE,),
    catalogue={"Signed Up": "trial_started"},
)
ADA = email("ada@example.com")


class Log(InMemoryActivities):
    """A log in memory that can be asked for everything, and can be down."""

    down = False

    def append(self, activities: Iterable[Activity], withheld: Iterable[Activity] = ()) -> None:
        if self.down:
            raise Unavailable("the table did not answer for ada@example.com")
        super().append(activities, withheld)

    def all(self) -> list[Activity]:
        return list(self._log.values())


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def intake(log: Log) -> Intake:
    return configured(SETTINGS, log, lambda: InMemorySecrets(**{"/baton/test/crm": "sk_crm"}), InMemoryBudgets)


class Client:
    """Sends requests to the handler."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def post(self, path: str, body: Any, **rest: Any) -> dict[str, Any]:
        reply: dict[str, Any] = lambda_handler(http_event("POST", path, body, **rest), None, self._intake)
        return reply


@pytest.fixture
def client(intake: Intake) -> Client:
    return Client(intake)


def view(**said: Any) -> dict[str, Any]:
    return {"type": "page", "userId": "ada@example.com", "messageId": "m-1", "properties": {"path": "/"}} | said


def test_a_call_is_answered_with_exactly_200_and_is_in_the_log(client: Client, log: Log) -> None:
    reply = client.post("/v1/page", view(), key="pk_web")

    assert (reply["statusCode"], answer(reply)) == (200, {"success": True})
    (stored,) = log.all()
    assert (stored.id, stored.type, stored.rank, stored.identities) == (
        "public:m-1",
        "page_viewed",
        Rank.PUBLIC,
        (ADA,),
    )


@pytest.mark.parametrize("path", ["/v1/page", "/v1/p"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_every_clients_habit_is_understood(client: Client, log: Log, path: str, pack: Any, kind: str) -> None:
    body = json.dumps(view()).encode()
    reply = client.post(path, pack(body), key="pk_web", headers={"content-type": kind})

    assert reply["statusCode"] == 200
    assert len(log) == 1


CALLS_BY_NAME: dict[str, tuple[dict[str, Any], str]] = {
    "track": ({"event": "Demo Requested"}, "demo_requested"),
    "page": ({}, "page_viewed"),
    "screen": ({}, "screen_viewed"),
    "identify": ({"traits": {"plan": "team"}}, "identified"),
    "group": ({"groupId": "g-1"}, "grouped"),
    "alias": ({"previousId": "u-0"}, "aliased"),
}


@pytest.mark.parametrize("call", CALLS_BY_NAME)
def test_every_call_has_a_long_and_a_short_address_and_a_place_in_a_batch(client: Client, log: Log, call: str) -> None:
    said, kind = CALLS_BY_NAME[call]
    message = {"userId": "u-1", **said}
    replies = [
        client.post(f"/v1/{call}", {**message, "messageId": "1"}, key="sk_crm"),
        client.post(f"/v1/{call[0]}", {**message, "messageId": "2", "writeKey": "sk_crm"}),
        client.post("/v1/batch", {"batch": [{**message, "messageId": "3", "type": call}]}, key="sk_crm"),
        client.post("/v1/b", {"batch": [{**message, "messageId": "4", "type": call}], "writeKey": "sk_crm"}),
    ]

    assert [(reply["statusCode"], answer(reply)) for reply in replies] == [(200, {"success": True})] * 4
    assert sorted((stored.id, stored.type) for stored in log.all()) == [(number, kind) for number in "1234"]


@pytest.mark.parametrize(("key", "rank"), [("pk_web", Rank.PUBLIC), ("sk_crm", Rank.TRUSTED)])
def test_facts_are_as_good_as_the_key_that_tells_them(client: Client, log: Log, key: str, rank: Rank) -> None:
    traits = {"title": "CTO", "company": {"name": "Acme"}}
    assert client.post("/v1/identify", view(traits=traits), key=key)["statusCode"] == 200

    (stored,) = log.all()
    facts = {"title": "CTO", "email_kind": "business"}
    assert (stored.rank, stored.claims) == (rank, Claims(lead=facts, company={"name": "Acme"}))


def test_an_agent_that_holds_what_no_honest_text_holds_is_not_kept(client: Client, log: Log) -> None:
    assert client.post("/v1/page", view(), key="pk_web", headers={"user-agent": "x\u202ey"})["statusCode"] == 200

    assert "user_agent" not in log.all()[0].context


def test_the_key_may_stand_in_the_body(client: Client, log: Log) -> None:
    assert client.post("/v1/page", view(writeKey="pk_web"))["statusCode"] == 200
    assert client.post("/v1/page", view(writeKey="pk_other", messageId="m-2"))["statusCode"] == 401
    assert client.post("/v1/page", view(writeKey="pk_web", messageId="m-3"), key="pk_other")["statusCode"] == 401
    assert [stored.id for stored in log.all()] == ["public:m-1"]
    assert "pk_web" not in repr(log.all())


def test_the_same_again_changes_nothing_and_the_first_stays(client: Client, log: Log) -> None:
    client.post("/v1/page", view(properties={"path": "/first"}), key="pk_web")
    again = client.post("/v1/page", view(properties={"path": "/second"}), key="pk_web")

    assert (again["statusCode"], answer(again)) == (200, {"success": True})
    assert [stored.properties["path"] for stored in log.all()] == ["/first"]


def test_one_bad_activity_in_a_hundred_is_listed_and_the_others_are_stored(client: Client, log: Log) -> None:
    batch = [view(messageId=f"m-{n}") for n in range(100)]
    batch[41]["timestamp"] = "soon"
    reply = client.post("/v1/batch", {"batch": batch}, key="pk_web")

    assert (reply["statusCode"], answer(reply)["success"]) == (200, True)
    (refused,) = answer(reply)["refused"]
    assert (refused["index"], refused["message_id"], refused["at"]) == (41, "m-41", "batch[41].timestamp")
    assert {stored.id for stored in log.all()} == {f"public:m-{n}" for n in range(100)} - {"public:m-41"}


def test_a_batch_of_which_nothing_is_taken_is_an_error_that_lists_all(client: Client, log: Log) -> None:
    reply = client.post("/v1/batch", {"batch": [view(type="track", event="Other"), 7]}, key="pk_web")

    assert reply["statusCode"] == 403
    assert [refused["index"] for refused in answer(reply)["details"]["refused"]] == [0, 1]
    assert len(log) == 0


def test_an_empty_batch_is_no_fault(client: Client) -> None:
    assert answer(client.post("/v1/batch", {"batch": []}, key="pk_web")) == {"success": True}


REFUSED: dict[str, tuple[str, Any, str | None, int, str]] = {
    "malformed JSON": ("/v1/page", '{"userId": ', "pk_web", 400, "malformed"),
    "JSON that is no object": ("/v1/page", [1], "pk_web", 422, "invalid"),
    "no body": ("/v1/page", None, "pk_web", 400, "malformed"),
    "no key": ("/v1/page", view(), None, 401, "unauthenticated"),
    "an unknown key": ("/v1/page", view(), "pk_other", 401, "unauthenticated"),
    "an unknown key and malformed JSON": ("/v1/page", "{", "pk_other", 401, "unauthenticated"),
    "a body over the limit": ("/v1/page", view(name="x" * 32 * 1024), "pk_web", 413, "too_large"),
    "a batch over the limit": ("/v1/batch", {"batch": [view(name="x" * 512 * 1024)]}, "pk_web", 413, "too_large"),
    "more than a batch": ("/v1/batch", {"batch": [{}] * 501}, "pk_web", 413, "too_large"),
    "an activity without identity": ("/v1/page", {"properties": {}}, "pk_web", 422, "invalid"),
    "a time that is no moment": ("/v1/page", view(timestamp="soon"), "pk_web", 422, "invalid"),
    "a time before the log": ("/v1/page", view(timestamp="2020-01-01T00:00:00Z"), "pk_web", 422, "invalid"),
    "a type that the key may not send": ("/v1/track", view(event="Signed Up"), "pk_web", 403, "forbidden"),
    "an adjusted score": ("/v1/track", view(event="Score Adjusted"), "pk_web", 403, "forbidden"),
    "an adjusted score with a secret key": ("/v1/track", view(event="score_adjusted"), "sk_crm", 403, "forbidden"),
    "consent": ("/v1/identify", view(traits={"consent": "granted"}), "pk_web", 403, "forbidden"),
    "a sales fact": ("/v1/identify", view(traits={"qualification": {"budget": 1}}), "pk_web", 403, "forbidden"),
    "two known leads": (
        "/v1/identify",
        view(userId=None, traits={"email": "a@b.com"}, context={"traits": {"email": "b@b.com"}}),
        "pk_web",
        403,
        "forbidden",
    ),
    "an alias of two": ("/v1/alias", view(previousId="bob@example.com"), "pk_web", 403, "forbidden"),
    "an alias of two beside a browser": (
        "/v1/alias",
        view(previousId="u-2", anonymousId="b-1"),
        "pk_web",
        403,
        "forbidden",
    ),
    "an alias of nothing": ("/v1/alias", view(), "sk_crm", 422, "invalid"),
    "an event without a letter": ("/v1/track", view(event="!"), "sk_crm", 422, "invalid"),
    "an event that is called like another call": ("/v1/track", view(event="Identified"), "sk_crm", 422, "invalid"),
    "a form without an address": ("/v1/forms/contact", "first=Ada", None, 422, "invalid"),
    "a form with a broken address": ("/v1/forms/contact", "email=ada", None, 422, "invalid"),
    "a form that nobody configured": ("/v1/forms/other", "email=ada%40example.com", None, 404, "not_found"),
    "a form in parts": ("/v1/forms/contact", "%", None, 400, "malformed"),
    "an address that is none": ("/v1/nothing", view(), "pk_web", 404, "not_found"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why_and_leaves_nothing(client: Client, log: Log, case: str) -> None:
    path, body, key, status, code = REFUSED[case]
    reply = client.post(path, body, key=key, headers={"accept": "application/json"})

    assert (reply["statusCode"], answer(reply)["code"]) == (status, code)
    assert answer(reply)["message"]
    assert len(log) == 0


def test_a_secret_key_may_say_what_a_public_one_may_not(client: Client, log: Log) -> None:
    traits = {"email": "ada@example.com", "consent": "granted", "qualification": {"budget": True}}
    assert client.post("/v1/identify", view(userId="u-1", traits=traits), key="sk_crm")["statusCode"] == 200

    (stored,) = log.all()
    assert stored.identities == (ADA, user("u-1"))
    assert (stored.rank, stored.claims.consent, stored.claims.qualification) == (
        Rank.TRUSTED,
        "granted",
        {"budget": True},
    )


def test_what_every_page_says_of_who_signed_in_is_taken_and_joins_nobody(client: Client, log: Log) -> None:
    said = view(userId="u-1", anonymousId="b-1", traits={"email": "ada@example.com"})
    assert client.post("/v1/identify", said, key="pk_web")["statusCode"] == 200

    (stored,) = log.all()
    assert (stored.identities, stored.rank) == ((user("u-1"), browser("b-1")), Rank.PUBLIC)
    assert stored.claims == Claims({"email": "ada@example.com", "email_kind": "business"})


def test_the_catalogue_decides_before_the_key_is_asked(client: Client) -> None:
    assert client.post("/v1/track", view(event="Signed Up"), key="sk_crm")["statusCode"] == 200


def test_a_key_that_opens_intake_opens_no_other_method(intake: Intake) -> None:
    assert lambda_handler(http_event("GET", "/v1/page", key="pk_web"), None, intake)["statusCode"] == 405


def test_a_log_that_does_not_answer_is_told_as_such(client: Client, log: Log) -> None:
    log.down = True
    for path, body in (("/v1/page", view()), ("/v1/batch", {"batch": [view()]}), ("/v1/forms/contact", "email=a@b.co")):
        reply = client.post(path, body, key="pk_web", headers={"accept": "application/json"})

        assert (reply["statusCode"], answer(reply)["code"]) == (503, "unavailable")
        assert int(reply["headers"]["retry-after"]) > 0


def test_what_a_clock_of_2099_says_is_set_to_now_and_marked(client: Client, log: Log) -> None:
    client.post("/v1/page", view(timestamp="2099-01-01T00:00:00Z"), key="pk_web")

    (stored,) = log.all()
    assert (stored.occurred_at, stored.marks) == (parse_moment(NOW), ("clock",))


def test_the_settings_say_how_long_the_log_remembers(log: Log) -> None:
    short = configured(SETTINGS.model_copy(update={"retention_days": 1}), log, InMemorySecrets, InMemoryBudgets)
    old = http_event("POST", "/v1/page", view(timestamp=NOW), key="pk_web", at=Moment(parse_moment(NOW) + DAY + 1000))

    assert lambda_handler(old, None, short)["statusCode"] == 422


def test_answers_do_not_tell_whether_somebody_is_known(client: Client, log: Log) -> None:
    client.post("/v1/identify", view(userId="u-1", traits={"email": "known@example.com"}), key="sk_crm")
    answers = []
    for address in ("known@example.com", "unknown@example.com"):
        for path, body in (
            ("/v1/page", view(userId=address, messageId=None)),
            ("/v1/identify", view(userId=address, messageId=None, traits={"name": "x"})),
            ("/v1/identify", view(userId="u-9", messageId=None, traits={"email": address})),
            ("/v1/forms/contact", {"email": address}),
        ):
            reply = client.post(path, body, key="pk_web")
            answers.append((reply["statusCode"], reply["headers"], reply["body"]))

    assert answers[:4] == answers[4:]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/v1/page", view(userId="WHO", messageId=None, timestamp=YESTERDAY), "pk_web"),
        ("/v1/identify", view(messageId=None, traits={"name": "x", "email": "WHO"}, userId=None), "pk_web"),
        ("/v1/alias", view(userId="WHO", previousId="b-1", messageId=None), "pk_web"),
        ("/v1/batch", {"batch": [view(userId="WHO", timestamp=YESTERDAY), view(type="nothing")]}, "pk_web"),
        ("/v1/identify", view(userId="WHO", messageId=None, traits={"consent": "granted"}), "sk_crm"),
        ("/v1/forms/contact", {"email": "WHO", "agree": "on"}, None),
        ("/v1/import", {"as": "trade_show", "lines": [{"email": "WHO", "occurred_at": YESTERDAY}]}, "sk_crm"),
    ],
)
def test_answers_do_not_tell_who_is_new_known_erased_or_has_withdrawn(
    log: Log, path: str, body: Any, key: str | None, *, down: bool
) -> None:
    erased, erasures = parse_moment(NOW) + HOUR, InMemoryErasures()
    whom = frozenset({email("erased@example.com")})
    erasures.begin(Erasure("erasure-1", LeadId("x"), Moment(erased), Moment(erased), "Mia", "", whom))
    secrets = InMemorySecrets(**{"/baton/test/crm": "sk_crm"})
    client = Client(configured(SETTINGS, log, lambda: secrets, InMemoryBudgets, ErasedPeople(erasures, FixedClock())))
    client.post("/v1/identify", view(userId="known@example.com", traits={"first_name": "x"}), key="sk_crm")
    client.post("/v1/identify", view(userId="withdrew@example.com", traits={"consent": "denied"}), key="sk_crm")
    log.down = down

    answers = [
        client.post(path, json.dumps(body).replace("WHO", f"{who}@example.com"), key=key)
        for who in ("unknown", "known", "withdrew", "erased")
    ]

    assert answers[1:] == answers[:1] * 3
    assert answers[0]["statusCode"] == (503 if down else 200)
    assert log.under(email("erased@example.com")) == []


def test_a_plain_form_goes_into_the_log_and_the_browser_onwards(client: Client, log: Log) -> None:
    reply = client.post(
        "/v1/forms/contact",
        b"email=Ada%40Example.com&first=Ada&agree=on&utm_source=news&_anonymous_id=b-1&_next=%2Fthanks",
        headers={"content-type": "application/x-www-form-urlencoded", "origin": SITE},
    )

    assert (reply["statusCode"], reply["headers"]["location"]) == (303, f"{SITE}/thanks")
    (stored,) = log.all()
    assert stored.identities == (ADA, browser("b-1"))
    assert (stored.type, stored.claims.consent, stored.claims.lead) == (
        "form_submitted",
        "granted",
        {"email": "Ada@Example.com", "email_kind": "business", "first_name": "Ada"},
    )
    assert stored.context["campaign"] == {"source": "news"}


def test_a_form_that_was_not_taken_is_told_as_a_page_to_a_browser_and_as_json_to_a_script(
    client: Client, log: Log
) -> None:
    body = b"email=ada"
    page = client.post("/v1/forms/contact", body, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    plain = client.post("/v1/forms/contact", body, headers={"accept": "application/json"})

    assert (page["statusCode"], plain["statusCode"]) == (422, 422)
    assert page["headers"]["content-type"].startswith("text/html")
    assert answer(plain)["details"]["at"] == "email"
    assert "email" in page["body"]
    assert len(log) == 0


@pytest.mark.parametrize(("fields", "status"), [({"email": "ada@example.com"}, 200), ({"email": "ada"}, 422)])
@pytest.mark.parametrize("form", ["contact", "no-such"])
def test_who_posts_json_is_answered_in_json_and_a_form_of_fields_by_a_page(
    client: Client, fields: dict[str, str], status: int, form: str
) -> None:
    as_json = {"content-type": "application/json", "accept": "*/*"}
    script = client.post(f"/v1/forms/{form}", fields, headers=as_json)
    plain = client.post(f"/v1/forms/{form}", urlencode(fields).encode(), headers={"accept": "*/*"})

    wanted = status if form == "contact" else 404
    assert (script["statusCode"], plain["statusCode"]) == (wanted, wanted)
    assert answer(script).get("success", False) == (wanted == 200)
    assert plain["headers"]["content-type"].startswith("text/html")


def test_a_browser_is_shown_a_page_too_when_the_log_does_not_answer(client: Client, log: Log) -> None:
    log.down = True
    page = client.post("/v1/forms/contact", b"email=ada%40example.com", headers={"accept": "text/html"})

    assert (page["statusCode"], page["headers"]["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(page["headers"]["retry-after"]) > 0


def test_a_robot_is_told_the_same_and_nothing_is_stored(client: Client, log: Log) -> None:
    said = {"email": "ada@example.com", "_next": f"{SITE}/thanks"}
    robot = client.post("/v1/forms/contact", said | {"_gotcha": "buy"})
    assert len(log) == 0

    person = client.post("/v1/forms/contact", said)
    assert robot == person
    assert len(log) == 1


def bus_message(message_id: str, **detail: Any) -> dict[str, Any]:
    event = {"id": message_id, "detail-type": "ActivitySubmitted", "source": "billing", "time": NOW, "detail": detail}
    return {
        "messageId": message_id,
        "body": json.dumps(event),
        "attributes": {"SentTimestamp": str(parse_moment(NOW) // 1000)},
    }


def test_of_messages_from_the_bus_only_the_bad_ones_come_again(intake: Intake, log: Log) -> None:
    records = [
        bus_message("good-1", type="invoice_paid", email="ada@example.com", user_id="u-1"),
        bus_message("nobody", type="invoice_paid"),
        {"messageId": "torn", "body": "{", "attributes": {"SentTimestamp": "1"}},
        bus_message("adjusting", type="score_adjusted", user_id="u-1", properties={"by": 100}),
        bus_message("good-2", type="invoice_paid", user_id="u-2", consent="granted"),
    ]
    outcome = lambda_handler({"Records": records}, None, intake)

    assert [item["itemIdentifier"] for item in outcome["batchItemFailures"]] == ["nobody", "torn", "adjusting"]
    assert {stored.id for stored in log.all()} == {"billing:good-1", "billing:good-2"}
    assert {stored.rank for stored in log.all()} == {Rank.TRUSTED}


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ({"type": "Invoice Paid", "email": "canary@a.example"}, r"at type: String should match pattern '^[a-z]"),
        ({"type": "x", "consent": "canary"}, "at consent: Input should be 'granted' or 'denied'"),
        ({"type": "x", "canary@a.example": 1}, "at a key that there is not; there are email, user_id"),
        ({"type": "x", "email": "canary"}, "at email"),
        ({"email": "canary@a.example"}, "at type: Field required"),
    ],
)
def test_the_log_tells_what_an_event_of_the_bus_must_be_and_nothing_that_it_was(
    intake: Intake, caplog: pytest.LogCaptureFixture, detail: dict[str, Any], told: str
) -> None:
    with caplog.at_level(logging.ERROR):
        lambda_handler({"Records": [bus_message("m", **detail)]}, None, intake)

    assert told in caplog.text
    assert "canary" not in caplog.text
    assert "Invoice Paid" not in caplog.text


def test_while_the_log_does_not_answer_every_message_comes_again(intake: Intake, log: Log) -> None:
    log.down = True
    outcome = lambda_handler({"Records": [bus_message("m", type="x", user_id="u")]}, None, intake)

    assert outcome == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_nothing_that_somebody_sent_is_logged(
    client: Client, intake: Intake, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "canary-7f3a@example.com"
    with caplog.at_level(logging.DEBUG):
        for down in (False, True):
            log.down = down
            client.post("/v1/page", view(userId=canary), key="pk_web")
            client.post("/v1/page", view(userId=canary, timestamp=canary), key="pk_web")
            client.post("/v1/track", view(userId=canary, event=canary), key="pk_web")
            client.post("/v1/batch", {"batch": [view(userId=canary), {"type": canary}]}, key="pk_web")
            client.post("/v1/forms/contact", {"email": canary + canary})
            lambda_handler({"Records": [bus_message("m", type="x", email=canary, occurred_at=canary)]}, None, intake)
            lambda_handler({"Records": [bus_message("m", type="x", email=canary)]}, None, intake)

    assert "canary" not in caplog.text
    assert caplog.text


def test_the_log_tells_how_many_were_refused_and_why(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.post(
            "/v1/batch", {"batch": [view(), view(timestamp="soon"), view(event="x", type="track")]}, key="pk_web"
        )

    assert "refused 2 of 3: forbidden, invalid" in caplog.text


def test_a_handler_that_cannot_read_its_settings_answers_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Intake:
        raise KeyError("ACTIVITIES_TABLE")

    monkeypatch.setattr("functions.ingest.handler.from_environment", broken)
    reply = lambda_handler(http_event("POST", "/v1/page", view(), key="pk_web"), None)

    assert (reply["statusCode"], answer(reply)["code"]) == (500, "internal")


KEYS = st.sampled_from(["pk_web", "sk_crm"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from([NOW, "a@b.co"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(["event", "userId", "anonymousId", "messageId", "timestamp", "previousId"], ANYTHING)
    | {
        "type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]) | ANYTHING,
        "traits": ANYTHING | st.dictionaries(st.sampled_from(["email", "company", "consent", "Name"]), ANYTHING),
        "properties": ANYTHING | st.dictionaries(st.sampled_from(["email", "url", "path", "channel"]), ANYTHING),
        "context": ANYTHING | st.dictionaries(st.sampled_from(["traits", "page", "campaign"]), ANYTHING),
    },
)


@given(call=st.sampled_from(["track", "page", "identify", "group", "alias", "batch"]), said=CALLS, key=KEYS)
def test_whatever_a_call_holds_it_is_stored_or_refused(call: str, said: dict[str, Any], key: str) -> None:
    log = Log()
    client = Client(
        configured(SETTINGS, log, lambda: InMemorySecrets(**{"/baton/test/crm": "sk_crm"}), InMemoryBudgets)
    )
    body = {"batch": [said, view(messageId="another")]} if call == "batch" else said
    reply = client.post(f"/v1/{call}", body, key=key)

    assert reply["statusCode"] in (200, 400, 401, 403, 413, 422)
    sent = 2 if call == "batch" else 1
    refused = len(answer(reply).get("refused", [])) if reply["statusCode"] == 200 else sent
    assert len(log) + refused == sent


@given(st.sampled_from(["/v1/track", "/v1/batch", "/v1/forms/contact"]), ANYTHING)
def test_whatever_a_body_is_it_is_answered_and_what_is_refused_leaves_nothing(path: str, body: Any) -> None:
    log = Log()
    client = Client(configured(SETTINGS, log, InMemorySecrets, InMemoryBudgets))
    status = client.post(path, json.dumps(body), key="pk_web")["statusCode"]

    assert status < 500
    assert len(log) == 0 or status < 400
