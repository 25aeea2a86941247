"""Rescores as people ask for them and follow them."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.moments import HOUR, MINUTE, Moment
from shared.domain.rescores import LeadsOfNoise, LeadsUnderOlderRules, LeadsWhereDone, UnappliedActivities
from shared.usecases.rescore import first_checkpoints
from tests.desk import InMemoryDesk, a_desk
from tests.http_requests import answer
from tests.unit.test_admin import RULES, Caller, publish


@pytest.fixture
def house() -> InMemoryDesk:
    desk = a_desk()
    publish(desk, {**RULES, "stages": [{"name": "mql", "enter": {"score": {"at_least": 50}}}]})
    return desk


def listed(house: InMemoryDesk, role: str = "analyst") -> Any:
    return answer(Caller(house, role).get("/v1/rescores"))


def ask(house: InMemoryDesk, body: Any, key: str = "key-1", role: str = "marketing") -> dict[str, Any]:
    return Caller(house, role).post("/v1/rescores", body, headers={"idempotency-key": key})


def test_nothing_is_under_way_and_the_active_version_is_told(house):
    assert listed(house) == {"version": 1, "active_since": "2026-03-02T09:00:00Z", "rescores": []}
    assert answer(Caller(a_desk()).get("/v1/rescores")) == {"version": 0, "active_since": None, "rescores": []}


@pytest.mark.parametrize(
    ("body", "kind", "asks", "segments"),
    [
        ({"all": True}, "every_lead", [], 4),
        ({"leads": ["lead-1", "lead-2", "lead-1"]}, "leads", [], 1),
        (
            {"where": {"any": [{"stage": "mql"}, {"lead.email": {"is": "sam@acme.example"}}, {"score": {"above": 3}}]}},
            "where",
            ["lead.email", "score", "stage mql"],
            4,
        ),
    ],
)
def test_a_rescore_is_asked_for_and_then_listed_without_a_value_of_its_condition(house, body, kind, asks, segments):
    reply = ask(house, body)

    told = answer(reply)
    assert reply["statusCode"] == 202
    assert told == {
        "id": told["id"],
        "kind": kind,
        "version": None,
        "asks": asks,
        "since": None,
        "began": "2026-03-02T09:00:00Z",
        "segments": segments,
        "done": 0,
        "found": 0,
        "touched": 0,
        "left_out": 0,
        "looks_again": False,
        "ended": None,
    }
    assert listed(house)["rescores"] == [told]


def test_the_same_request_again_is_the_same_rescore_and_another_one_under_its_key_is_refused(house):
    first, again = ask(house, {"all": True}), ask(house, {"all": True})
    assert answer(first) == answer(again)

    reply = ask(house, {"leads": ["lead-1"]})
    assert (reply["statusCode"], answer(reply)["details"]["when"]) == (409, "2026-03-02T09:00:00Z")
    assert answer(ask(house, {"all": True}, key="key-2"))["id"] != answer(first)["id"]
    assert len(listed(house)["rescores"]) == 2


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, None),
        ({"all": True, "leads": ["x"]}, None),
        ({"leads": []}, "leads"),
        ({"leads": ["x"] * 501}, "leads"),
        ({"where": {}}, "where"),
        ({"where": {"stage": "mql", "activity": "demo_requested"}}, "where.activity"),
        ({"where": {"any": [{"company.country": {"equals": "DE"}}]}}, "where.any.0.company.country.equals"),
        ({"where": {"product": {"above": 1}}}, "where.product"),
        ({"where": {"stage": "mq"}}, "where.stage"),
        ({"leads": ["lead-1", "sam@acme.example"]}, "leads"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_place_and_begins_nothing(house, body, at):
    reply = ask(house, body)

    assert reply["statusCode"] == 422
    assert answer(reply)["details"].get("at") == at
    assert listed(house)["rescores"] == []


def test_a_hint_tells_what_is_meant(house):
    reply = ask(house, {"where": {"company.country": {"equals": "DE"}}})

    assert answer(reply)["details"]["hint"] == "did you mean 'is'?"


def test_catching_up_is_asked_for_by_admins_from_a_moment_that_was(house):
    reply = Caller(house).post("/v1/catch-ups", {"since": "2026-03-02T08:00:00Z"})

    told = answer(reply)
    assert (reply["statusCode"], told["kind"], told["since"]) == (202, "catch_up", "2026-03-02T08:00:00Z")
    assert {each.aim for each in house.rescoring.all()} == {UnappliedActivities(Moment(house.clock.now() - HOUR))}
    assert Caller(house).post("/v1/catch-ups", {"since": "2026-03-02T10:00:00Z"})["statusCode"] == 422
    assert Caller(house).post("/v1/catch-ups", {"since": "yesterday"})["statusCode"] == 422
    assert Caller(house, "marketing").post("/v1/catch-ups", {"since": "2026-03-02T08:00:00Z"})["statusCode"] == 403


def test_a_rescore_looks_again_once_all_was_gone_through_until_it_finds_somebody(house):
    now = house.clock.now()
    house.rescoring.begin(first_checkpoints("rules-000001", LeadsUnderOlderRules(1), now, 2))

    def looks_again():
        return listed(house)["rescores"][0]["looks_again"]

    for expected in (False, True):
        segment = house.rescoring.unfinished()[int(expected)]
        house.rescoring.save(replace(segment, most=4, touched=4, began=Moment(now + MINUTE)))
        assert looks_again() is expected
    house.rescoring.save(replace(house.rescoring.all()[0], done_at=Moment(now + 2 * MINUTE)))
    assert looks_again()
    house.rescoring.save(replace(house.rescoring.unfinished()[0], found=1))
    assert not looks_again()


def test_what_is_under_way_and_what_has_ended_is_told_the_latest_first(house):
    now = house.clock.now()
    house.rescoring.begin(first_checkpoints("rules-000001", LeadsUnderOlderRules(1), now, 2))
    house.rescoring.begin(first_checkpoints("noise-1", LeadsOfNoise("5d41"), Moment(now + MINUTE), 2))
    for segment, leads in zip(house.rescoring.all()[2:], (30, 40), strict=True):
        ended = Moment(now + (segment.segment + 2) * MINUTE)
        house.rescoring.save(replace(segment, most=leads, touched=leads + 1, left_out=1, done_at=ended))
    one = house.rescoring.all()[0]
    house.rescoring.save(replace(one, most=7, touched=9, done_at=now))

    noise, rules = listed(house)["rescores"]

    assert (noise["left_out"], rules["left_out"]) == (0, 2)
    assert (noise["kind"], noise["done"], noise["found"], noise["ended"]) == ("noise", 1, 7, None)
    assert (rules["kind"], rules["version"], rules["done"], rules["found"], rules["touched"], rules["ended"]) == (
        *("older_rules", 1, 2, 70, 72),
        "2026-03-02T09:03:00Z",
    )


def test_a_condition_that_is_done_is_told_and_is_the_same_rescore_still(house):
    where = {"where": {"lead.email": {"is": "sam@acme.example"}, "score": {"above": 3}}}
    began = answer(ask(house, where))
    for each in house.rescoring.all():
        house.rescoring.save(replace(each, aim=LeadsWhereDone(("lead.email", "score")), done_at=house.clock.now()))

    (told,) = listed(house)["rescores"]
    assert (told["kind"], told["asks"], told["done"]) == ("where", ["lead.email", "score"], 4)
    assert answer(ask(house, where))["id"] == began["id"]
    assert ask(house, {"where": {"stage": "mql"}})["statusCode"] == 409
