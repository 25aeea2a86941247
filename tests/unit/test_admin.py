"""What people see of leads and rules, and what they change: the handler on ports in memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from functions.admin.handler import lambda_handler
from functions.admin.openapi import document
from shared.adapters.routes import ROUTES
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import HOUR, MINUTE, SECOND, Moment, parse_moment
from shared.ports.errors import Conflict, Unavailable
from shared.ports.rules import RuleVersion
from shared.ports.stages import StageRecord, StoredTransition
from tests.desk import InMemoryDesk, a_desk
from tests.http_requests import NOW, answer, http_event
from tests.people import activity, browser, email, user

RULES: dict[str, Any] = {
    "name": "acme",
    "behaviour": [
        {"id": "demo", "label": "Requested a demo", "on": "demo_requested", "points": 60},
        {"id": "view", "label": "Viewed a page", "on": "page_viewed", "points": 5.5},
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}, {"name": "hot", "above": 75}],
    "grades": [{"name": "D"}, {"name": "C", "at_least": 25}],
}
ADA, GRACE = email("ada@example.com"), email("grace@example.com")
ONE = LeadId("lead-1")
YESTERDAY, MORNING = "2026-03-01T09:00:00Z", "2026-03-02T08:00:00Z"


class Caller:
    """Somebody who signed in, at a desk."""

    def __init__(self, desk: InMemoryDesk, role: str = "admin") -> None:
        self._desk = desk
        self._claims = {"sub": f"id-{role}", "email": f"{role}@acme.example", "cognito:groups": f"[{role}]"}

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self.ask(http_event("GET", path, query=query, claims=self._claims))

    def post(self, path: str, body: Any, **rest: Any) -> dict[str, Any]:
        return self.ask(http_event("POST", path, body, claims=self._claims, **rest))

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        return lambda_handler(event, None, self._desk.desk)


@pytest.fixture
def house() -> InMemoryDesk:
    """Rules are published; Ada asked for a demo this morning after a look yesterday, Grace looked at a page."""
    desk = a_desk()
    publish(desk, RULES)
    desk.happened(
        [
            activity("look", ADA, at=YESTERDAY, context={"campaign": "no object, as some clients have it"}),
            activity(
                "demo",
                ADA,
                browser("b-1"),
                type="demo_requested",
                at=MORNING,
                properties={"product": "crane"},
                context={"campaign": {"source": "newsletter"}},
            ),
            activity(
                "crm",
                ADA,
                user("u-1"),
                type="identified",
                at=MORNING,
                own=False,
                claims=Claims({"first_name": "Ada", "last_name": "Lovelace"}, {"name": "Engines"}, "granted"),
            ),
            activity("grace", GRACE, at=MORNING),
        ]
    )
    return desk


def publish(desk: InMemoryDesk, rules: dict[str, Any]) -> None:
    number = desk.versions.active_number() + 1
    desk.versions.publish(
        RuleVersion(number, rules["name"], "mia@acme.example", desk.clock.now(), "", "0" * 64, rules, "")
    )


@pytest.fixture
def admin(house: InMemoryDesk) -> Caller:
    return Caller(house)


def stand(house: InMemoryDesk, lead: str, stage: str, rank: int, temperature: str = "warm") -> None:
    journey = Journey(stage, {stage: 2}, parse_moment(MORNING), parse_moment(MORNING))
    house.stages.commit(StageRecord(LeadId(lead), journey, temperature=temperature, rank=rank))


# --- lists ---


def test_leads_of_a_temperature_come_best_first(house: InMemoryDesk, admin: Caller) -> None:
    stand(house, "lead-1", "mql", 65)
    stand(house, "lead-2", "suspect", 5)

    reply = admin.get("/v1/leads", temperature="warm")

    assert reply["statusCode"] == 200
    assert [lead["id"] for lead in answer(reply)["leads"]] == ["lead-1", "lead-2"]
    assert answer(reply)["next"] is None
    assert answer(reply)["leads"][0] == {
        "id": "lead-1",
        "person": {"emails": ["ada@example.com"], "name": "Ada Lovelace", "title": None, "company": "Engines"},
        "score": {
            "total": 65.5,
            "scores": {"engagement": 65.5, "fit": 0},
            "temperature": "warm",
            "grade": "D",
            "vetoed_by": [],
        },
        "stage": {"name": "mql", "epoch": 2, "entered_at": MORNING, "in_rules": False},
        "consent": "granted",
        "last_activity_at": MORNING,
        "rules_version": 1,
        "awaits_rules": None,
    }


def test_leads_of_a_stage_are_their_own_list(house: InMemoryDesk, admin: Caller) -> None:
    stand(house, "lead-1", "mql", 65)
    stand(house, "lead-2", "suspect", 5)

    assert [lead["id"] for lead in answer(admin.get("/v1/leads", stage="suspect"))["leads"]] == ["lead-2"]
    assert answer(admin.get("/v1/leads", stage="sql")) == {"leads": [], "next": None}


def test_pages_follow_one_another_until_there_are_no_more(house: InMemoryDesk, admin: Caller) -> None:
    house.happened(activity(f"a-{n}", email(f"p{n}@example.com"), at=MORNING) for n in range(7))
    for place, lead in enumerate(sorted(house.leads.records)):
        stand(house, lead, "suspect", place % 3)

    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        page = answer(admin.get("/v1/leads", stage="suspect", limit="2", **({"next": following} if following else {})))
        seen += [lead["id"] for lead in page["leads"]]
        following = page["next"]

    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"temperature": "hot", "stage": "mql"},
        {"temperature": ""},
        {"temperature": "hot", "limit": "0"},
        {"temperature": "hot", "limit": "101"},
        {"temperature": "hot", "limit": "ten"},
        {"temperature": "hot", "next": "nonsense"},
        {"temperature": "hot", "next": ""},
        {"temperature": "hot", "next": base64.urlsafe_b64encode(b'["stage","hot","lead-1",3]').decode()},
        {"temperature": "hot", "next": base64.urlsafe_b64encode(b'["temperature","cold","lead-1",3]').decode()},
        {"temperature": "hot", "next": base64.urlsafe_b64encode(b'["temperature","hot","lead-1",1e99]').decode()},
        {"temperature": "hot", "next": base64.urlsafe_b64encode(b"[" * 700).decode()},
        {"temperature": "hot", "next": "é"},
        {"email": "nobody"},
        {"temperature": "hot", "order": "worst"},
    ],
)
def test_a_list_that_cannot_be_is_refused(admin: Caller, query: dict[str, str]) -> None:
    assert admin.get("/v1/leads", **query)["statusCode"] == 422


def test_why_a_request_is_refused_is_told_in_its_own_words(admin: Caller) -> None:
    refused = answer(admin.get("/v1/leads"))
    assert refused["message"] == "ask for exactly one of temperature, stage, email and user_id"

    refused = answer(admin.post("/v1/leads/lead-1/adjustments", {"by": "ten", "why": "a call"}))
    assert refused["details"]["at"] == "by"


def test_a_lead_is_found_by_any_writing_of_its_address(admin: Caller) -> None:
    assert [lead["id"] for lead in answer(admin.get("/v1/leads", email=" ADA@Example.com "))["leads"]] == ["lead-1"]
    assert answer(admin.get("/v1/leads", email="eve@example.com")) == {"leads": [], "next": None}


def test_a_lead_is_found_by_its_user_id_too(house: InMemoryDesk, admin: Caller) -> None:
    house.happened([activity("crm", email("ada@example.com"), user("u-anna"), at=MORNING)])

    for name in ("u-anna", " u-anna ", "ADA@example.com"):
        assert [lead["id"] for lead in answer(admin.get("/v1/leads", user_id=name))["leads"]] == ["lead-1"]
    for name in ("u-otto", "ada@", " "):
        assert answer(admin.get("/v1/leads", user_id=name)) == {"leads": [], "next": None}
    assert admin.get("/v1/leads", user_id="u-anna", email="ada@example.com")["statusCode"] == 422


# --- one lead ---


def test_a_lead_is_shown_with_everything_that_led_to_it(house: InMemoryDesk, admin: Caller) -> None:
    stand(house, "lead-1", "mql", 65)
    key = HandoffKey(ONE, "mql", 1)
    asked = parse_moment(MORNING)
    handoff = Handoff(key, "inside-sales", ("email",), asked, Moment(asked + HOUR), "score", asked, {"total": 65.5})
    step = StoredTransition(
        1, None, "mql", 1, asked, "score at least 50", "demo", 1, by_rules=False, snapshot={"total": 65.5}
    )
    record = house.stages.records[ONE]
    house.stages.commit(replace(record, transitions=1), [step], [handoff])
    house.handoffs.mark_sent(key, "email", Moment(asked + MINUTE))

    told = answer(admin.get("/v1/leads/lead-1"))

    assert (told["id"], told["at"], told["rules_version"]) == ("lead-1", NOW, 1)
    assert told["identities"] == [
        {"kind": "email", "value": "ada@example.com"},
        {"kind": "user_id", "value": "u-1"},
    ]
    assert told["score"]["total"] == 65.5
    assert told["facts"]["company"] == {"name": "Engines"}
    assert told["consent"] == "granted"
    assert told["stage"] == {"name": "mql", "epoch": 2, "entered_at": MORNING, "in_rules": False}
    assert {row["activity_id"] for row in told["explanation"]["contributions"]} == {"look", "demo"}
    assert sum(row["counts"] for row in told["explanation"]["contributions"]) == 65.5
    assert told["explanation"]["rules"] == {"name": "acme", "version": 1}
    assert [(each["from_stage"], each["to_stage"], each["activity_id"]) for each in told["transitions"]] == [
        (None, "mql", "demo")
    ]
    assert told["handoffs"] == [
        {
            "id": "lead-1.mql.1",
            "lead": "lead-1",
            "stage": "mql",
            "epoch": 1,
            "state": "open",
            "to": "inside-sales",
            "assignee": None,
            "requested_at": MORNING,
            "respond_by": "2026-03-02T09:00:00Z",
            "answer": None,
            "done": [],
            "sent": {"email": "2026-03-02T08:01:00Z"},
        }
    ]
    assert [each["id"] for each in told["activities"]] == ["demo", "crm", "look"]
    assert told["activities"][0]["properties"] == {"product": "crane"}
    assert [each["campaign"] for each in told["activities"]] == [{"source": "newsletter"}, {}, {}]
    assert told["more_activities"] is False


def test_a_lead_is_shown_as_it_was_at_a_moment(house: InMemoryDesk, admin: Caller) -> None:
    stand(house, "lead-1", "mql", 65)
    told = answer(admin.get("/v1/leads/lead-1", at="2026-03-01T12:00:00+00:00", rules="active"))

    assert told["score"]["total"] == 5.5
    assert told["score"]["temperature"] == "cold"
    assert (told["consent"], told["facts"]["company"], told["stage"]) == (None, {}, None)
    assert [each["id"] for each in told["activities"]] == ["look"]


def test_the_explanation_tells_what_changed_since(admin: Caller) -> None:
    told = answer(admin.get("/v1/leads/lead-1", since="2026-03-01T12:00:00Z"))

    assert [(change["rule"], change["before"], change["after"]) for change in told["explanation"]["changes"]] == [
        ("demo", 0, 60)
    ]


def test_a_lead_is_shown_under_the_rules_that_hold_now(house: InMemoryDesk, admin: Caller) -> None:
    publish(house, RULES | {"behaviour": [{"id": "demo", "on": "demo_requested", "points": 7}]})
    house.clock.advance(MINUTE)

    told = answer(admin.get("/v1/leads/lead-1"))

    assert (told["score"]["total"], told["rules_version"]) == (7, 2)


def test_what_a_browser_did_before_it_had_a_name_belongs_to_the_lead(house: InMemoryDesk, admin: Caller) -> None:
    house.happened([activity("before", browser("b-1"), at=YESTERDAY)])

    assert "before" in [each["id"] for each in answer(admin.get("/v1/leads/lead-1"))["activities"]]


def test_a_long_history_shows_its_latest_hundred(house: InMemoryDesk, admin: Caller) -> None:
    house.happened(activity(f"x-{n:03d}", ADA, at=MORNING) for n in range(120))
    told = answer(admin.get("/v1/leads/lead-1"))

    assert len(told["activities"]) == 100
    assert told["more_activities"] is True


def test_a_merged_lead_points_at_the_one_that_it_is_part_of(house: InMemoryDesk, admin: Caller) -> None:
    house.leads.records[LeadId("old")] = replace(house.leads.records[ONE], lead=LeadId("old"), merged_into=ONE)

    reply = admin.get("/v1/leads/old", at=NOW)

    assert reply["statusCode"] == 307
    assert reply["headers"]["location"] == "lead-1?at=2026-03-02T09%3A00%3A00Z"
    assert answer(reply) == {"merged_into": "lead-1"}
    assert admin.get("/v1/leads/old")["headers"]["location"] == "lead-1"


@pytest.mark.parametrize("lead", ["nobody", "x" * 5000, "%00", "LEAD%23lead-1"])
def test_a_lead_that_is_none_is_not_found(admin: Caller, lead: str) -> None:
    assert admin.get(f"/v1/leads/{lead}")["statusCode"] == 404


@pytest.mark.parametrize(
    "query", [{"at": "yesterday"}, {"at": "2026-03-01"}, {"at": ""}, {"since": "x"}, {"when": NOW}]
)
def test_a_moment_that_is_none_is_refused(admin: Caller, query: dict[str, str]) -> None:
    assert admin.get("/v1/leads/lead-1", **query)["statusCode"] == 422


# --- adjustments ---


def adjustments(house: InMemoryDesk, identity: Any = ADA) -> list[Activity]:
    return [each for each in house.activities.under(identity) if each.type == "score_adjusted"]


def test_an_adjustment_is_an_activity_with_who_and_why(house: InMemoryDesk) -> None:
    reply = Caller(house, "sales").post("/v1/leads/lead-1/adjustments", {"by": 10.5, "why": "Met at the fair."})

    assert reply["statusCode"] == 202
    (adjusted,) = adjustments(house)
    assert answer(reply) == {"lead": "lead-1", "activity": adjusted.id}
    assert adjusted.properties == {
        "by": 10.5,
        "score": "engagement",
        "who": "sales@acme.example",
        "why": "Met at the fair.",
    }
    assert (adjusted.rank, adjusted.own, adjusted.occurred_at) == (Rank.SALES, False, parse_moment(NOW))


def test_an_adjustment_counts_and_is_explained(house: InMemoryDesk, admin: Caller) -> None:
    admin.post("/v1/leads/lead-1/adjustments", {"to": 0, "why": "Not a buyer."})
    house.happened(adjustments(house))

    assert answer(admin.get("/v1/leads/lead-1"))["score"]["total"] == 0


def test_the_same_adjustment_again_is_made_once(house: InMemoryDesk, admin: Caller) -> None:
    for request_id in ("r-1", "r-2"):
        admin.post(
            "/v1/leads/lead-1/adjustments",
            {"by": 1, "why": "x"},
            headers={"Idempotency-Key": "k-1"},
            request_id=request_id,
        )

    assert len(adjustments(house)) == 1


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("/v1/leads/lead-1/adjustments", {"by": 1, "why": "x"}, {"by": 2, "why": "x"}),
        ("/v1/leads/lead-1/adjustments", {"by": 1, "why": "x"}, {"to": 1, "why": "x"}),
        ("/v1/leads/lead-1/adjustments", {"by": 1, "why": "x"}, {"by": 1, "why": "y"}),
        ("/v1/leads/lead-1/merges", {"lead": "lead-2", "why": "x"}, {"lead": "lead-2", "why": "y"}),
        ("/v1/leads/lead-1/merges", {"lead": "lead-2"}, {"lead": "lead-1"}),
        ("/v1/noise/marks", {"lead": "lead-1", "why": "x"}, {"lead": "lead-1", "why": "y"}),
    ],
)
def test_who_says_something_else_under_the_same_key_is_told(
    house: InMemoryDesk, admin: Caller, path: str, first: Any, second: Any
) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert admin.post(path, first, headers=headers)["statusCode"] == 202
    said = house.activities.under(ADA)
    house.clock.advance(SECOND)

    reply = admin.post(path, second, headers=headers)
    assert (reply["statusCode"], answer(reply)["code"]) == (409, "conflict")
    assert "something else was said under this key at 2026-" in answer(reply)["message"]
    assert admin.post(path, first, headers=headers)["statusCode"] == 202
    assert house.activities.under(ADA) == said


def test_two_adjustments_are_two(house: InMemoryDesk, admin: Caller) -> None:
    for request_id in ("r-1", "r-2"):
        admin.post("/v1/leads/lead-1/adjustments", {"by": 1, "why": "x"}, request_id=request_id)

    assert len(adjustments(house)) == 2


def test_an_adjustment_of_a_merged_lead_goes_to_the_one_that_it_is_part_of(house: InMemoryDesk, admin: Caller) -> None:
    grace = house.leads.whose([GRACE])[GRACE]
    house.leads.records[grace] = replace(house.leads.records[grace], merged_into=ONE)

    reply = admin.post(f"/v1/leads/{grace}/adjustments", {"by": 1, "why": "x"})

    assert answer(reply)["lead"] == "lead-1"
    assert len(adjustments(house, ADA)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"why": "x"},
        {"by": 1, "to": 1, "why": "x"},
        {"by": 1},
        {"by": 1, "why": ""},
        {"by": 1, "why": "x" * 501},
        {"by": "1", "why": "x"},
        {"by": True, "why": "x"},
        {"by": 1e12, "why": "x"},
        {"by": 0.0000000001, "why": "x"},
        {"by": 1, "why": "x", "score": "charm"},
        {"by": 1, "why": "x", "who": "somebody else"},
        [],
    ],
)
def test_an_adjustment_that_cannot_be_is_refused(house: InMemoryDesk, admin: Caller, body: Any) -> None:
    assert admin.post("/v1/leads/lead-1/adjustments", body)["statusCode"] == 422
    assert adjustments(house) == []


def test_nobody_adjusts_a_lead_that_is_none(admin: Caller) -> None:
    assert admin.post("/v1/leads/nobody/adjustments", {"by": 1, "why": "x"})["statusCode"] == 404


# --- noise ---


def test_a_lead_is_marked_as_noise_and_taken_back_by_somebody_who_is_remembered(
    house: InMemoryDesk, admin: Caller
) -> None:
    before = answer(admin.get("/v1/leads/lead-1"))["score"]["total"]
    for way, total in (("marks", 0), ("unmarks", before)):
        house.clock.advance(SECOND)
        reply = Caller(house, "marketing").post(f"/v1/noise/{way}", {"lead": "lead-1", "why": "A colleague."})
        assert (reply["statusCode"], answer(reply)["lead"]) == (202, "lead-1")
        house.happened(each for each in house.activities.under(ADA) if each.type.startswith("noise_"))
        told = answer(admin.get("/v1/leads/lead-1"))
        assert told["score"]["total"] == total
    assert [(each["said"], each["who"], each["why"]) for each in told["decisions"]] == [
        ("marked as noise", "marketing@acme.example", "A colleague."),
        ("unmarked as noise", "marketing@acme.example", "A colleague."),
    ]


def test_addresses_and_agents_are_marked_listed_and_taken_back(house: InMemoryDesk, admin: Caller) -> None:
    said = [{"address": "203.0.113.77/24"}, {"agent": "*Scanner*"}]
    assert [answer(admin.post("/v1/noise/marks", {**each, "why": "Ours."})) for each in said] == [
        {"address": "203.0.113.0/24", "agent": None, "lead": None},
        {"address": None, "agent": "*scanner*", "lead": None},
    ]
    house.clock.advance(SECOND)
    assert admin.post("/v1/noise/unmarks", said[0])["statusCode"] == 202

    one, two = answer(admin.get("/v1/noise"))["marks"]
    assert (one["kind"], one["value"], one["unmarked"]["who"]) == ("address", "203.0.113.0/24", "admin@acme.example")
    assert (two["kind"], two["value"], two["unmarked"], two["marked"]["why"]) == ("agent", "*scanner*", None, "Ours.")


@pytest.mark.parametrize(
    ("body", "status", "at"),
    [
        ({}, 422, None),
        ({"address": "203.0.113.7", "agent": "*scanner*"}, 422, None),
        ({"address": "0.0.0.0/0"}, 422, "address"),
        ({"address": "everybody"}, 422, "address"),
        ({"agent": "*"}, 422, "agent"),
        ({"lead": "nobody"}, 404, None),
        ({"lead": 7}, 422, "lead"),
    ],
)
def test_what_cannot_be_marked_as_noise_is_refused(admin: Caller, body: Any, status: int, at: str | None) -> None:
    reply = admin.post("/v1/noise/marks", body)

    assert (reply["statusCode"], answer(reply)["details"].get("at")) == (status, at)


def test_what_nobody_marked_is_not_taken_back(admin: Caller) -> None:
    assert admin.post("/v1/noise/unmarks", {"address": "203.0.113.0/24"})["statusCode"] == 404


# --- who is who ---


def rulings(house: InMemoryDesk, identity: Any = ADA) -> list[Activity]:
    return [each for each in house.activities.under(identity) if each.type.startswith("identities_")]


def test_two_leads_are_said_to_be_one_by_somebody_who_is_remembered(house: InMemoryDesk, admin: Caller) -> None:
    reply = Caller(house, "marketing").post("/v1/leads/lead-1/merges", {"lead": "lead-2", "why": "Two addresses."})

    assert reply["statusCode"] == 202
    (ruled,) = rulings(house)
    assert answer(reply) == {"lead": "lead-1", "activity": ruled.id}
    assert ruled.properties == {"leads": ["lead-1", "lead-2"], "who": "marketing@acme.example", "why": "Two addresses."}
    house.happened([ruled])
    (one,) = {each["id"] for who in ("ada", "grace") for each in found(admin, f"{who}@example.com")}
    told = answer(admin.get(f"/v1/leads/{one}"))
    assert told["score"]["total"] == 71
    (decision,) = told["decisions"]
    assert (decision["said"], decision["who"], decision["why"]) == (
        "merged",
        "marketing@acme.example",
        "Two addresses.",
    )
    assert {each["value"] for each in decision["identities"]} == {"ada@example.com", "grace@example.com", "u-1"}
    assert decision["apart"] == []


def found(caller: Caller, address: str) -> Any:
    return answer(caller.get("/v1/leads", email=address))["leads"]


def test_a_lead_is_said_to_be_two(house: InMemoryDesk, admin: Caller) -> None:
    house.happened([activity("theirs", user("u-1"), at=MORNING)])
    apart = {"apart": [{"kind": "user_id", "value": "u-1"}]}

    reply = admin.post("/v1/leads/lead-1/unmerges", apart)

    assert reply["statusCode"] == 202
    house.happened(rulings(house))
    other = house.leads.whose([user("u-1")])[user("u-1")]
    assert other != ONE
    ours, theirs = (answer(admin.get(f"/v1/leads/{lead}")) for lead in (ONE, other))
    assert (ours["score"]["total"], theirs["score"]["total"]) == (65.5, 5.5)
    decision = {"activity": answer(reply)["activity"], "said": "unmerged", "at": NOW, "who": "admin@acme.example"}
    assert (
        ours["decisions"]
        == theirs["decisions"]
        == [
            {
                **decision,
                "why": "",
                "identities": [{"kind": "email", "value": "ada@example.com"}, *apart["apart"]],
                **apart,
            }
        ]
    )
    assert answer(admin.get(f"/v1/leads/{other}", at=MORNING))["decisions"] == []


def test_what_would_become_of_leads_is_told_and_nothing_is_changed(house: InMemoryDesk, admin: Caller) -> None:
    merged = admin.post("/v1/leads/lead-1/merges", {"lead": "lead-2", "preview": True})
    parted = admin.post(
        "/v1/leads/lead-1/unmerges", {"apart": [{"kind": "email", "value": "ADA@example.com"}], "preview": True}
    )

    assert (merged["statusCode"], parted["statusCode"]) == (200, 200)
    (together,) = answer(merged)["parts"]
    assert [each["value"] for each in together["identities"]] == ["ada@example.com", "grace@example.com", "u-1"]
    assert (together["score"]["total"], together["consent"]) == (71, "granted")
    left, gone = answer(parted)["parts"]
    assert [each["value"] for each in (*left["identities"], *gone["identities"])] == ["u-1", "ada@example.com"]
    assert (left["score"]["total"], gone["score"]["total"]) == (0, 65.5)
    assert rulings(house) == []


def test_the_same_ruling_again_is_made_once(house: InMemoryDesk, admin: Caller) -> None:
    for request_id in ("r-1", "r-2"):
        headers = {"Idempotency-Key": "k-1"}
        admin.post("/v1/leads/lead-1/merges", {"lead": "lead-2"}, headers=headers, request_id=request_id)

    assert len(rulings(house)) == 1


def test_a_ruling_on_a_merged_lead_is_one_on_the_lead_that_it_is_part_of(house: InMemoryDesk, admin: Caller) -> None:
    house.leads.records[LeadId("old")] = replace(house.leads.records[ONE], lead=LeadId("old"), merged_into=ONE)

    assert answer(admin.post("/v1/leads/old/merges", {"lead": "lead-2"}))["lead"] == "lead-1"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ""),
        ({"apart": []}, ""),
        ({"apart": ["u-1"]}, ""),
        ({"apart": [{"kind": "anonymous_id", "value": "b-1"}]}, ""),
        ({"apart": [{"kind": "email", "value": "nobody"}]}, ""),
        ({"apart": [{"kind": "user_id", "value": "u-1"}], "why": "x" * 501}, ""),
        ({"apart": [{"kind": "user_id", "value": "u-1"}], "who": "somebody else"}, ""),
        ({"apart": [{"kind": "email", "value": "grace@example.com"}]}, "not the lead's: email:grace@example.com"),
        (
            {"apart": [{"kind": "user_id", "value": "u-1"}, {"kind": "email", "value": "ada@example.com"}]},
            "all identities of the lead",
        ),
    ],
)
def test_an_unmerge_that_cannot_be_is_refused(house: InMemoryDesk, admin: Caller, body: Any, words: str) -> None:
    reply = admin.post("/v1/leads/lead-1/unmerges", body)

    assert reply["statusCode"] == 422
    assert words in answer(reply)["message"]
    assert rulings(house) == []


def test_a_merge_that_cannot_be_is_refused(house: InMemoryDesk, admin: Caller) -> None:
    house.happened([activity("many", GRACE, *(user(f"g-{n}") for n in range(19)), at=MORNING)])

    reply = admin.post("/v1/leads/lead-1/merges", {"lead": "lead-2"})

    assert reply["statusCode"] == 422
    assert "together they have 22 identities; a lead has at most 20" in answer(reply)["message"]
    assert admin.post("/v1/leads/lead-1/merges", {"lead": "nobody"})["statusCode"] == 404
    assert admin.post("/v1/leads/nobody/merges", {"lead": "lead-1"})["statusCode"] == 404
    assert rulings(house) == []


# --- rules ---


def test_before_the_first_publish_the_empty_rules_hold() -> None:
    told = answer(Caller(a_desk()).get("/v1/rules"))

    assert (told["number"], told["document"]) == (0, {})
    assert answer(Caller(a_desk()).get("/v1/rules/0"))["number"] == 0


def test_published_rules_hold_and_stay_readable() -> None:
    desk = a_desk()
    mia = Caller(desk, "marketing")
    text = f"{json.dumps(RULES)} # ours"
    first = mia.post("/v1/rules", {"document": RULES, "text": text, "note": "First."})
    second = mia.post("/v1/rules", {"document": RULES | {"name": "acme-2"}, "force": "So."})

    assert (first["statusCode"], second["statusCode"]) == (201, 201)
    assert answer(first) == {
        "number": 1,
        "name": "acme",
        "author": "marketing@acme.example",
        "published_at": NOW,
        "note": "First.",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "draft": None,
        "approvals": [],
        "notify": False,
        "forced": "",
        "restores": None,
        "publisher": "marketing@acme.example",
        "is_new": True,
        "warnings": [],
    }
    assert answer(mia.get("/v1/rules"))["number"] == 2
    assert answer(mia.get("/v1/rules/1"))["document"] == RULES
    assert answer(mia.get("/v1/rules/1"))["text"] == text
    assert [version["number"] for version in answer(mia.get("/v1/rules/versions"))["versions"]] == [2, 1]
    assert [event.name for event in desk.versions.outbox] == ["RulesPublished"] * 2


def test_publishing_what_is_active_publishes_nothing() -> None:
    desk = a_desk()
    said = {"document": RULES, "text": f"{json.dumps(RULES)} # ours", "note": "First."}
    Caller(desk).post("/v1/rules", said)
    again = Caller(desk).post("/v1/rules", said | {"note": "Again."})

    assert again["statusCode"] == 200
    assert (answer(again)["number"], answer(again)["note"], answer(again)["is_new"]) == (1, "First.", False)
    assert desk.versions.active_number() == 1


def test_a_rule_file_that_names_a_team_which_the_settings_do_not_have_is_published_with_a_warning() -> None:
    stages = [{"name": "mql", "enter": {"activity": "seen"}}]
    said = {"document": {"stages": stages, "handoff": {"mql": {"to": "inside-saless"}}}}
    desk = a_desk()

    for _ in range(2):
        (warning,) = answer(Caller(desk).post("/v1/rules", said))["warnings"]
        assert (warning["at"], warning["hint"]) == ("handoff.mql.to", "did you mean 'inside-sales'?")
        assert "no team 'inside-saless'" in warning["message"]
    assert desk.versions.active_number() == 1


def test_publishing_warns_of_leads_and_open_handoffs_in_stages_that_the_new_rules_drop() -> None:
    desk = a_desk()
    caller = Caller(desk)
    stages = [{"name": name, "enter": {"activity": name}} for name in ("mql", "sql", "won")]
    handoff, at = {"mql": {"to": "inside-sales"}}, parse_moment(MORNING)
    assert answer(caller.post("/v1/rules", {"document": {"stages": stages, "handoff": handoff}}))["warnings"] == []
    for number, stage in enumerate(("mql", "mql", "sql"), start=1):
        stand(desk, f"lead-{number}", stage, 60)
    for epoch in range(1, 121):
        key = HandoffKey(ONE, "mql", epoch)
        desk.handoffs.committed[key] = Handoff(key, "inside-sales", (), at, None, "it did something", None, {})

    told = answer(caller.post("/v1/rules", {"document": {"stages": stages[2:]}, "force": "They are gone."}))

    assert told["number"] == 2
    assert [(each["at"], each["message"]) for each in told["warnings"]] == [
        (
            "stages",
            "there is no stage 'mql' any more: 2 leads stand in it and 120 handoffs of it wait for an answer",
        ),
        ("stages", "there is no stage 'sql' any more: 1 lead stands in it"),
    ]


def test_what_was_active_once_may_be_published_again() -> None:
    desk = a_desk()
    for name in ("one", "two", "one"):
        told = {"document": RULES | {"name": name}, "force": "So."}
        assert Caller(desk).post("/v1/rules", told)["statusCode"] == 201
    assert desk.versions.active_number() == 3


def test_rules_without_their_text_keep_the_document_as_json() -> None:
    desk = a_desk()
    Caller(desk).post("/v1/rules", {"document": RULES})
    version = desk.versions.get(1)

    assert version is not None
    assert json.loads(version.text) == RULES


def test_rules_that_are_none_are_refused_with_everything_wrong_in_them() -> None:
    desk = a_desk()
    broken = {"name": "x", "behaviour": [{"id": "a", "on": "b", "pionts": 1}, {"id": "c", "on": "d", "points": "many"}]}
    reply = Caller(desk).post("/v1/rules", {"document": broken})

    assert reply["statusCode"] == 422
    problems = answer(reply)["details"]["problems"]
    assert any("pionts" in f"{problem['at']} {problem['message']}" for problem in problems)
    assert len(problems) >= 2
    assert desk.versions.active_number() == 0


@pytest.mark.parametrize(
    "body",
    [{}, {"document": []}, {"document": "name: x"}, {"document": RULES, "note": 7}, {"document": RULES, "author": "x"}],
)
def test_a_publish_of_another_shape_is_refused(body: Any) -> None:
    assert Caller(a_desk()).post("/v1/rules", body)["statusCode"] == 422


def test_rules_have_a_limit() -> None:
    reply = Caller(a_desk()).post("/v1/rules", {"document": RULES, "text": "#" * 131_072})

    assert reply["statusCode"] == 413


def test_who_publishes_at_the_same_time_as_another_takes_the_next_number(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = a_desk()
    put = desk.versions.publish

    def overtaken(version: RuleVersion) -> None:
        monkeypatch.setattr(desk.versions, "publish", put)
        publish(desk, RULES | {"name": "theirs"})
        raise Conflict("that number is taken")

    monkeypatch.setattr(desk.versions, "publish", overtaken)
    reply = Caller(desk).post("/v1/rules", {"document": RULES, "force": "So."})

    assert (reply["statusCode"], answer(reply)["number"]) == (201, 2)


def test_who_is_overtaken_again_and_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = a_desk()

    def overtaken(version: RuleVersion) -> None:
        raise Conflict("that number is taken")

    monkeypatch.setattr(desk.versions, "publish", overtaken)

    assert Caller(desk).post("/v1/rules", {"document": RULES})["statusCode"] == 409


@pytest.mark.parametrize("number", ["7", "-1", "one", "1.0", "٣", "9" * 30])
def test_a_version_that_is_none_is_not_found(admin: Caller, number: str) -> None:
    assert admin.get(f"/v1/rules/{number}")["statusCode"] == 404


def test_a_store_that_does_not_answer_is_told_as_such(admin: Caller, house: InMemoryDesk, monkeypatch: Any) -> None:
    def down(lead: LeadId) -> None:
        raise Unavailable("the table did not answer")

    monkeypatch.setattr(house.leads, "load", down)

    assert admin.get("/v1/leads/lead-1")["statusCode"] == 503


# --- documentation ---


def ask_openly(path: str, **headers: str) -> dict[str, Any]:
    return lambda_handler(http_event("GET", path, headers=headers), None, None)


def test_the_api_says_that_it_answers() -> None:
    assert answer(ask_openly("/health")) == {"status": "ok"}


def test_the_document_tells_every_route_and_who_may_ask() -> None:
    told = answer(ask_openly("/openapi.json"))
    routes = {f"{method.upper()} {path}" for path, methods in told["paths"].items() for method in methods}

    assert routes == {route.key for route in ROUTES}
    assert told["paths"]["/v1/leads"]["get"]["security"] == [{"people": []}]
    assert told["paths"]["/v1/track"]["post"]["security"] == [{"write_key": []}, {"write_token": []}]
    assert told["paths"]["/docs"]["get"]["security"] == []
    hubspot = told["paths"]["/submissions/v3/integration/submit/{portal}/{form}"]["post"]
    assert (hubspot["security"], hubspot["responses"]["400"]["content"]) == (
        [],
        {"application/json": {"schema": {"$ref": "#/components/schemas/HubSpotErrorResponse"}}},
    )


def test_every_reference_in_the_document_leads_somewhere() -> None:
    whole = document()
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(whole)):
        found: Any = whole
        for step in reference.split("/"):
            found = found[step]
        assert found


def test_the_document_tells_other_systems_what_to_put_on_the_bus() -> None:
    told = document()["components"]["schemas"]["ActivitySubmitted"]

    assert told["required"] == ["type"]
    assert told["additionalProperties"] is False


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for methods in document()["paths"].values() for operation in methods.values()]

    assert len(names) == len(set(names))


def test_the_page_loads_nothing_from_anywhere_and_runs_only_its_own_scripts() -> None:
    reply = ask_openly("/docs")
    page, policy = reply["body"], reply["headers"]["content-security-policy"]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)

    assert len(scripts) == 2
    for script in scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)


def test_the_page_comes_packed_to_who_can_unpack_it() -> None:
    packed = ask_openly("/docs", **{"accept-encoding": "gzip, br"})

    assert packed["isBase64Encoded"] is True
    assert packed["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(packed["body"])).decode() == ask_openly("/docs")["body"]
    assert len(packed["body"]) < 1_000_000


@pytest.mark.parametrize(
    ("key", "hint"), [("wordng", "did you mean `wording`?"), ("zzz", "there are consent, why, wording")]
)
def test_a_key_that_there_is_not_is_named_with_the_nearest_or_those_that_there_are(
    admin: Caller, key: str, hint: str
) -> None:
    reply = admin.post("/v1/leads/lead-1/consents", {"consent": "granted", "why": "A call.", key: "x"})
    told = answer(reply)

    assert reply["statusCode"] == 422
    assert told["message"] == f"there is no `{key}` here; {hint}"
    assert told["details"]["at"] == key
