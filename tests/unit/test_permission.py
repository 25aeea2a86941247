"""What people see and say of consent, what they hand out, and whom they erase: the handler on ports in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.activity import Claims, Rank
from shared.domain.handoff import Handoff, HandoffKey
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.ports.activities import ActivityKey
from shared.ports.stages import StageRecord, StoredTransition
from tests.desk import InMemoryDesk, a_desk
from tests.http_requests import answer
from tests.people import activity, browser, user
from tests.unit.test_admin import ADA, ONE, RULES, Caller, publish

STAGES = {
    "stages": [
        {"name": "suspect", "enter": {"activity": "demo_requested"}},
        {"name": "mql", "from": ["suspect"], "enter": {"score": {"at_least": 60}}},
    ],
    "handoff": {"mql": {"to": "sales", "notify": ["email"]}},
}
MORNING, NOON = "2026-03-02T08:00:00Z", "2026-03-02T08:30:00Z"
SHOWN = {"wording": "You may call me.", "version": "2026-01"}


@pytest.fixture
def house() -> InMemoryDesk:
    desk = a_desk()
    publish(desk, {**RULES, **STAGES})
    desk.happened(
        [
            activity(
                "form",
                ADA,
                browser("b-1"),
                type="demo_requested",
                at=MORNING,
                rank=Rank.PUBLIC,
                source="contact",
                properties={"consent": SHOWN, "form": "contact"},
                claims=Claims(lead={"first_name": "Ada"}, consent="granted"),
            ),
            activity(
                "crm", ADA, user("u-1"), type="identified", at=NOON, own=False, claims=Claims(lead={"title": "CEO"})
            ),
        ]
    )
    return desk


@pytest.fixture
def sales(house: InMemoryDesk) -> Caller:
    return Caller(house, "sales")


@pytest.fixture
def admin(house: InMemoryDesk) -> Caller:
    return Caller(house)


def consents(caller: Caller) -> Any:
    return answer(caller.get("/v1/leads/lead-1"))["consents"]


# --- consent ---


def test_a_lead_tells_which_consent_holds_since_when_from_whom_and_with_which_words(sales: Caller) -> None:
    told = consents(sales)

    assert told["since"] == MORNING
    assert told["holds"] == told["history"][0]
    assert (told["holds"]["consent"], told["holds"]["source"], told["holds"]["rank"]) == (
        "granted",
        "contact",
        "public",
    )
    assert {name: told["holds"][name] for name in SHOWN} == SHOWN


def test_of_another_moment_what_was_said_by_then_is_told(house: InMemoryDesk, sales: Caller) -> None:
    house.happened([activity("early", ADA, at="2026-03-02T07:00:00Z")])

    told = answer(sales.get("/v1/leads/lead-1", at="2026-03-02T07:30:00Z", known="now", rules="active"))

    assert (told["consent"], told["consents"]) == (None, {"holds": None, "since": None, "history": []})


def test_what_sales_write_down_holds_over_what_a_page_said_and_is_remembered_with_who_and_why(
    house: InMemoryDesk, sales: Caller
) -> None:
    reply = sales.post("/v1/leads/lead-1/consents", {"consent": "denied", "why": "She said so on the telephone."})

    assert reply["statusCode"] == 202
    recorded = house.activities.at(ActivityKey(ADA, answer(reply)["activity"]))
    assert recorded is not None
    house.happened([recorded])
    told = consents(sales)
    assert (told["holds"]["consent"], told["holds"]["who"]) == ("denied", "sales@acme.example")
    assert told["holds"]["why"] == "She said so on the telephone."
    assert [word["consent"] for word in told["history"]] == ["granted", "denied"]
    assert answer(sales.get("/v1/leads/lead-1"))["consent"] == "denied"


def test_the_wording_that_was_read_out_is_kept(house: InMemoryDesk, sales: Caller) -> None:
    said = {"consent": "granted", "why": "At the fair.", "wording": "May we call?"}
    reply = sales.post("/v1/leads/lead-1/consents", said)
    house.happened(house.activities.under(ADA))

    assert reply["statusCode"] == 202
    assert consents(sales)["holds"]["wording"] == "May we call?"


def test_the_same_word_again_is_one(house: InMemoryDesk, sales: Caller) -> None:
    said = {"consent": "denied", "why": "By letter."}
    replies = [
        answer(sales.post("/v1/leads/lead-1/consents", said, headers={"idempotency-key": "7"})) for _ in range(2)
    ]

    assert replies[0] == replies[1]
    assert len(house.activities.under(ADA)) == 3


@pytest.mark.parametrize(
    "said", [{}, {"consent": "denied"}, {"consent": "maybe", "why": "x"}, {"consent": "denied", "why": ""}]
)
def test_a_word_on_consent_says_what_and_why(sales: Caller, said: dict[str, str]) -> None:
    assert sales.post("/v1/leads/lead-1/consents", said)["statusCode"] == 422


# --- export ---


def exported(caller: Caller) -> dict[str, list[dict[str, Any]]]:
    """All pages together."""
    whole: dict[str, list[dict[str, Any]]] = {}
    query: dict[str, str] = {}
    while True:
        page = answer(caller.get("/v1/leads/lead-1/export", **query))
        for name, items in page["sections"].items():
            whole.setdefault(name, []).extend(items)
        if page["next"] is None:
            return whole
        query = {"next": page["next"]}


def test_an_export_holds_every_activity_whole_and_every_fact_with_its_source(
    house: InMemoryDesk, admin: Caller
) -> None:
    whole = exported(admin)

    assert [each["id"] for each in whole["activities"]] == ["form", "crm"]
    assert whole["activities"][0]["properties"] == {"consent": SHOWN, "form": "contact"}
    assert whole["identities"] == [{"kind": "email", "value": "ada@example.com"}, {"kind": "user_id", "value": "u-1"}]
    assert whole["browsers"] == [{"anonymous_id": "b-1", "since": MORNING, "shared": False}]
    facts = {each["fact"]: (each["value"], each["holds"], each["rank"], each["at"]) for each in whole["facts"]}
    assert facts == {"first_name": ("Ada", True, "public", MORNING), "title": ("CEO", True, "trusted", NOON)}
    assert whole["consents"][0]["wording"] == "You may call me."
    assert whole["person"][0]["consent_since"] == MORNING
    assert sum(each["counts"] for each in whole["points"]) == whole["person"][0]["total"] == 60


def test_an_export_tells_the_rule_text_by_which_each_decision_was_made(house: InMemoryDesk, admin: Caller) -> None:
    snapshot = {"total": 60, "rules_version": 1, "reasons": [{"rule": "demo", "label": "", "counts": 60}]}
    entered = StoredTransition(
        1, "suspect", "mql", 1, parse_moment(MORNING), "score", "form", 1, by_rules=False, snapshot=snapshot
    )
    key = HandoffKey(ONE, "mql", 1)
    handoff = Handoff(key, "sales", ("email",), parse_moment(MORNING), None, "score", None, snapshot)
    house.stages.commit(StageRecord(ONE, Journey("mql", {"mql": 1}, parse_moment(MORNING))), [entered], [handoff])
    house.handoffs.mark_sent(key, "email", parse_moment(NOON))
    publish(house, {**RULES, "behaviour": []})

    whole = exported(admin)

    (decision,) = whole["decisions"]
    assert decision["rules"]["version"] == 1
    assert decision["rules"]["stages"] == STAGES["stages"]
    assert decision["rules"]["earned"] == [RULES["behaviour"][0]]
    (handed_over,) = whole["handoffs"]
    assert handed_over["rules"]["handoff"] == STAGES["handoff"]
    assert handed_over["messages_sent"] == {"email": NOON}


def test_a_page_goes_on_where_the_one_before_ended_whatever_came_meanwhile(house: InMemoryDesk, admin: Caller) -> None:
    house.happened([activity(f"view-{number}", ADA, at=MORNING) for number in range(20)])
    first = answer(admin.get("/v1/leads/lead-1/export"))
    assert first["next"] is not None
    house.clock.advance(MINUTE)
    later = house.clock.now()
    house.happened([activity("early", ADA, at="2026-03-02T07:00:00Z"), activity("late", ADA, at=NOON)])
    for each in ("early", "late"):
        key = ActivityKey(ADA, each)
        house.activities._log[key] = _received(house.activities._log[key], later)

    pages, query = [first], first["next"]
    while query:
        pages.append(answer(admin.get("/v1/leads/lead-1/export", next=query)))
        query = pages[-1]["next"]

    ids = [each["id"] for page in pages for each in page["sections"].get("activities", [])]
    assert sorted(ids) == sorted(["form", "crm", *(f"view-{number}" for number in range(20))])
    assert all(len(json.dumps(page)) < 4000 for page in pages)


def _received(one: Any, at: Moment) -> Any:
    return type(one)(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, "received_at": at})


@pytest.mark.parametrize("cursor", ["", "1.2", "a.b.c", "1.2.-3", "1.2.3.4", "9" * 150])
def test_a_cursor_from_elsewhere_is_refused(admin: Caller, cursor: str) -> None:
    reply = admin.get("/v1/leads/lead-1/export", next=cursor)

    assert (reply["statusCode"], answer(reply)["details"]["at"]) == (422, "next")


def test_whom_nobody_knows_is_not_exported(admin: Caller) -> None:
    assert admin.get("/v1/leads/nobody/export")["statusCode"] == 404


# --- erase ---


def test_whoever_is_to_be_erased_has_a_tombstone_at_once_and_the_queue_is_told(
    house: InMemoryDesk, admin: Caller
) -> None:
    reply = admin.post("/v1/leads/lead-1/erasures", {"why": "By letter."}, headers={"idempotency-key": "7"})

    assert reply["statusCode"] == 202
    told = answer(reply)
    assert (told["lead"], told["erased_at"], told["done_at"]) == ("lead-1", "2026-03-02T09:00:00Z", None)
    assert house.erase_queue.messages == [{"erasure": told["erasure"]}]
    assert {"email:ada@example.com", "user_id:u-1", "anonymous_id:b-1"} == house.erasures.tombstones.keys()
    again = admin.post("/v1/leads/lead-1/erasures", {"why": "By letter."}, headers={"idempotency-key": "7"})
    assert answer(again) == told


@pytest.mark.parametrize("said", [{}, {"why": ""}, {"why": "x", "more": 1}])
def test_an_erasure_says_why(house: InMemoryDesk, admin: Caller, said: dict[str, Any]) -> None:
    assert admin.post("/v1/leads/lead-1/erasures", said)["statusCode"] == 422
    assert house.erasures.tombstones == {}


def test_a_reason_with_the_person_s_name_is_refused(house: InMemoryDesk, admin: Caller) -> None:
    reply = admin.post("/v1/leads/lead-1/erasures", {"why": "Ada asked for it."})

    assert (reply["statusCode"], answer(reply)["details"]["at"]) == (422, "why")
    assert house.erasures.tombstones == {}


def test_an_unknown_lead_is_erased_by_nobody(admin: Caller) -> None:
    assert admin.post("/v1/leads/nobody/erasures", {"why": "x"})["statusCode"] == 404
