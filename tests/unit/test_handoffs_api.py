"""Handoffs and qualification by HTTP: listed, shown, answered once, and written down with who said so."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from shared.domain.handoff import HandoffKey, HandoffRecord, LeadId
from shared.domain.moments import DAY, HOUR, Moment, format_moment, parse_moment
from shared.domain.reading import parse_rule_file
from shared.usecases.answer import LATEST_LOOK
from tests.desk import InMemoryDesk
from tests.http_requests import NOW, answer
from tests.people import activity
from tests.sales_desk import (
    ADA,
    ADAS,
    GRACE,
    GRACES,
    MORNING,
    RULES,
    Seller,
    a_sales_desk,
    handed_over,
    joined,
    publish,
    said,
    seller,
    stand,
)

ADAS_ANSWERS = "/v1/handoffs/lead-1/mql/1/answers"
NO_BUDGET = {"answer": "rejected", "reason": "no_budget", "note": "Ask in autumn."}
ACCEPTED = {"answer": "accepted"}


@pytest.fixture
def desk() -> InMemoryDesk:
    return a_sales_desk()


@pytest.fixture
def bob(desk: InMemoryDesk) -> Seller:
    return seller(desk)


def post(who: Seller, path: str, body: Any, status: int = 201, request_id: str = "request-1") -> Any:
    reply = who.ask("POST", path, body, request_id)
    assert reply["statusCode"] == status, reply
    return answer(reply)


# --- answers ---


def test_a_rejected_lead_is_answered_with_who_why_and_the_rules_that_had_fired(desk: InMemoryDesk, bob: Seller) -> None:
    told = post(bob, ADAS_ANSWERS, NO_BUDGET)

    assert told["state"] == "rejected"
    assert told["answer"] == {
        "answer": "rejected",
        "at": NOW,
        "who": "bob@acme.example",
        "reason": "no_budget",
        "label": "No budget",
        "note": "Ask in autumn.",
        "look_again": None,
        "rules": ["demo", "view"],
        "remark": None,
    }
    (activity_,) = said(desk, "handoff_rejected")
    assert activity_.identity == ADA
    assert not activity_.own
    assert activity_.properties == {
        "stage": "mql",
        "epoch": 1,
        "reason": "no_budget",
        "note": "Ask in autumn.",
        "rules": ["demo", "view"],
        "who": "bob@acme.example",
        "why": "Ask in autumn.",
    }


def test_the_bus_is_told_of_an_answer_without_who_and_what_was_noted(desk: InMemoryDesk, bob: Seller) -> None:
    post(bob, ADAS_ANSWERS, NO_BUDGET)

    (event,) = desk.handoffs.outbox
    assert (event.id, event.name) == ("lead-1.mql.1.answered", "HandoffAnswered")
    assert event.detail == {
        "id": "lead-1.mql.1.answered",
        "lead": "lead-1",
        "stage": "mql",
        "epoch": 1,
        "answer": "rejected",
        "reason": "no_budget",
        "look_again": None,
        "at": NOW,
    }


@pytest.mark.parametrize(
    ("look_again", "stored"),
    [
        ("2026-06-01", "2026-06-01T00:00:00Z"),
        ("2026-06-01T10:00:00+02:00", "2026-06-01T08:00:00Z"),
        (format_moment(Moment(parse_moment(NOW) + LATEST_LOOK)), "2028-03-01T09:00:00Z"),
        (None, None),
    ],
)
def test_a_recycled_lead_may_have_a_day_to_look_again(bob: Seller, look_again: str | None, stored: str | None) -> None:
    told = post(bob, ADAS_ANSWERS, {"answer": "recycled", "reason": "bad_timing", "look_again": look_again})

    assert (told["state"], told["answer"]["look_again"]) == ("recycled", stored)


@pytest.mark.parametrize(
    ("body", "at", "words"),
    [
        ({"answer": "rejected"}, "reason", "no_budget, wrong_contact"),
        ({"answer": "rejected", "reason": "dull"}, "reason", "there is no reason 'dull'"),
        ({"answer": "rejected", "reason": "bad_timing"}, "reason", "there is no reason 'bad_timing'"),
        ({"answer": "recycled", "reason": "no_budget"}, "reason", "bad_timing, no_budget_yet, no_answer, other"),
        ({"answer": "accepted", "reason": "no_budget"}, "reason", "without a reason"),
        ({"answer": "accepted", "look_again": "2026-06-01"}, "look_again", "only a recycled lead"),
        ({"answer": "recycled", "reason": "other", "look_again": "2026-03-02"}, "look_again", "to come"),
        ({"answer": "recycled", "reason": "other", "look_again": "2028-03-02"}, "look_again", "two years"),
        ({"answer": "recycled", "reason": "other", "look_again": "soon"}, "look_again", "2026-03-01"),
        ({"answer": "recycled", "reason": "other", "look_again": "2026-13-40"}, "look_again", "2026-03-01"),
        ({"answer": "recycled", "reason": "other", "look_again": "2026-06-01T10:00:00"}, "look_again", "offset"),
        ({"answer": "maybe"}, "answer", ""),
        ({"answer": "accepted", "note": "x" * 2001}, "note", ""),
        ({}, "answer", ""),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_nothing_is_stored(
    desk: InMemoryDesk, bob: Seller, body: Any, at: str, words: str
) -> None:
    refused = post(bob, ADAS_ANSWERS, body, 422)

    assert refused["details"]["at"] == at
    assert words in refused["message"]
    assert desk.handoffs.record(ADAS) == HandoffRecord(handed_over(), "inside-sales", "mia")
    assert desk.handoffs.outbox == []


def test_who_comes_second_is_told_who_answered_and_how(desk: InMemoryDesk, bob: Seller) -> None:
    post(bob, ADAS_ANSWERS, NO_BUDGET)

    refused = post(seller(desk, "eve"), ADAS_ANSWERS, ACCEPTED, 409)

    assert refused["code"] == "conflict"
    assert refused["message"] == f"bob@acme.example rejected it at {NOW}"
    assert refused["details"] == {"answer": "rejected", "who": "bob@acme.example", "when": NOW}
    assert said(desk, "handoff_accepted") == []


def test_of_two_who_answer_at_once_one_wins_and_the_other_is_told(desk: InMemoryDesk) -> None:
    people = [seller(desk, "bob"), seller(desk, "eve")]

    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda who: who.ask("POST", ADAS_ANSWERS, NO_BUDGET), people))

    assert sorted(reply["statusCode"] for reply in replies) == [201, 409]
    (won,) = [answer(reply) for reply in replies if reply["statusCode"] == 201]
    (lost,) = [answer(reply) for reply in replies if reply["statusCode"] == 409]
    assert lost["details"]["who"] == won["answer"]["who"]
    assert len(said(desk, "handoff_rejected")) == 1


def test_the_same_answer_sent_again_changes_nothing_even_if_the_rules_changed(desk: InMemoryDesk, bob: Seller) -> None:
    first = post(bob, ADAS_ANSWERS, NO_BUDGET)
    publish(desk, RULES | {"answers": {"reject": ["spam"]}})
    desk.clock.advance(HOUR)

    assert post(bob, ADAS_ANSWERS, NO_BUDGET) == first
    assert len(desk.handoffs.outbox) == 1
    post(bob, ADAS_ANSWERS, NO_BUDGET, 409, request_id="request-2")


@pytest.mark.parametrize(
    "second",
    [
        ACCEPTED,
        NO_BUDGET | {"reason": "wrong_contact"},
        NO_BUDGET | {"note": "On second thoughts."},
        {"answer": "recycled", "reason": "bad_timing"},
    ],
)
def test_another_answer_under_the_same_key_is_told_of_the_first(
    desk: InMemoryDesk, bob: Seller, second: dict[str, str]
) -> None:
    first = post(bob, ADAS_ANSWERS, NO_BUDGET)

    refused = post(bob, ADAS_ANSWERS, second, 409)

    assert refused["message"] == f"bob@acme.example rejected it at {NOW}"
    assert post(bob, ADAS_ANSWERS, NO_BUDGET) == first
    assert len(desk.handoffs.outbox) == 1


def test_another_day_to_look_again_under_the_same_key_is_another_answer(bob: Seller) -> None:
    recycled = {"answer": "recycled", "reason": "bad_timing", "look_again": "2026-06-01"}
    post(bob, ADAS_ANSWERS, recycled)

    post(bob, ADAS_ANSWERS, recycled | {"look_again": "2026-06-02"}, 409)


def test_every_name_that_the_rules_may_have_can_be_asked_for_and_answered_with(desk: InMemoryDesk, bob: Seller) -> None:
    longest = "\N{FACE WITH TEARS OF JOY}" * 200
    rules = copy.deepcopy(RULES) | {"answers": {"reject": [longest]}}
    rules["stages"][0]["name"] = longest
    rules["handoff"] = {longest: {"to": longest}}
    parse_rule_file(rules)
    publish(desk, rules)
    desk.clock.advance(HOUR)
    keys = [HandoffKey(LeadId("lead-1"), longest, epoch) for epoch in (1, 2)]
    desk.handoffs.committed |= {key: replace(handed_over(key), to=longest, assignee=longest) for key in keys}
    asked = f"/v1/handoffs?limit=1&team={quote(longest)}&assignee={quote(longest)}"

    first = answer(bob.ask("GET", asked))
    second = answer(bob.ask("GET", f"{asked}&next={first['next']}"))

    assert [each["epoch"] for told in (first, second) for each in told["handoffs"]] == [1, 2]
    assert answer(bob.ask("GET", f"/v1/leads?stage={quote(longest)}"))["leads"] == []
    post(bob, f"/v1/handoffs/lead-1/{quote(longest)}/1/answers", {"answer": "rejected", "reason": longest})


@pytest.mark.parametrize(
    "path", ["lead-1/mql/2", "lead-1/sql/1", "nobody/mql/1", "lead-1/mql/one", "lead-1/mql/-1", f"{'x' * 101}/mql/1"]
)
def test_what_was_never_handed_over_is_not_found(bob: Seller, path: str) -> None:
    assert bob.ask("GET", f"/v1/handoffs/{path}")["statusCode"] == 404
    post(bob, f"/v1/handoffs/{path}/answers", ACCEPTED, 404)


def test_an_answer_counts_where_the_rules_ask_for_it(desk: InMemoryDesk, bob: Seller) -> None:
    rules = {**RULES, "behaviour": [*RULES["behaviour"], {"id": "r", "on": "handoff_recycled", "points": -30}]}
    publish(desk, rules)
    desk.clock.advance(HOUR)
    post(bob, ADAS_ANSWERS, {"answer": "recycled", "reason": "other"})
    desk.happened(said(desk, "handoff_recycled"))

    told = answer(bob.ask("GET", "/v1/leads/lead-1"))

    assert told["score"]["total"] == 35.5
    assert told["last_activity_at"] == MORNING


def test_a_handoff_of_a_merged_lead_is_found_under_both_ids_and_answered_in_the_name_of_the_lead_that_lives(
    desk: InMemoryDesk, bob: Seller
) -> None:
    joined(desk, LeadId("lead-2"), LeadId("lead-1"))

    for lead in ("lead-1", "lead-2"):
        told = answer(bob.ask("GET", f"/v1/handoffs/{lead}/mql/1"))
        assert (told["lead"], told["now_part_of"]) == ("lead-1", "lead-2")
    post(bob, "/v1/handoffs/lead-2/mql/1/answers", ACCEPTED)

    assert desk.handoffs.record(ADAS).state == "accepted"
    (each,) = answer(bob.ask("GET", "/v1/leads/lead-2"))["handoffs"]
    assert (each["lead"], each["state"]) == ("lead-1", "accepted")


@pytest.mark.parametrize(("into", "absorbed"), [("lead-1", "lead-2"), ("lead-2", "lead-1")])
@pytest.mark.parametrize("key", [ADAS, GRACES])
def test_what_was_answered_while_leads_were_one_is_logged_under_the_one_that_was_handed_over(
    desk: InMemoryDesk, bob: Seller, into: str, absorbed: str, key: HandoffKey
) -> None:
    desk.handoffs.committed[key] = handed_over(key)
    joined(desk, LeadId(into), LeadId(absorbed))

    post(bob, f"/v1/handoffs/{key.lead}/mql/1/answers", ACCEPTED)

    (told,) = said(desk, "handoff_accepted")
    assert told.identities == ((ADA,) if key == ADAS else (GRACE,))


def test_an_answer_about_a_lead_whose_name_is_another_s_by_now_is_logged_under_what_there_is(
    desk: InMemoryDesk, bob: Seller
) -> None:
    joined(desk, LeadId("lead-2"), LeadId("lead-1"))
    whole = desk.leads.records[LeadId("lead-2")]
    desk.leads.records[LeadId("lead-2")] = replace(whole, identities=frozenset({GRACE}))

    post(bob, ADAS_ANSWERS, ACCEPTED)

    (told,) = said(desk, "handoff_accepted")
    assert told.identities == (GRACE,)


# --- lists ---


def test_open_handoffs_are_listed_newest_first_with_whom_they_are_about(desk: InMemoryDesk, bob: Seller) -> None:
    stand(desk, GRACES, handed_over(GRACES, "2026-03-02T08:30:00Z"))

    told = answer(bob.ask("GET", "/v1/handoffs"))

    assert [each["lead"] for each in told["handoffs"]] == ["lead-2", "lead-1"]
    assert told["next"] is None
    assert told["handoffs"][1] == {
        "id": "lead-1.mql.1",
        "lead": "lead-1",
        "stage": "mql",
        "epoch": 1,
        "state": "open",
        "to": "inside-sales",
        "assignee": "mia",
        "requested_at": MORNING,
        "respond_by": "2026-03-02T09:00:00Z",
        "answer": None,
        "done": [],
        "person": {"emails": ["ada@example.com"], "name": "Ada", "title": None, "company": "Engines"},
        "now_part_of": None,
        "objection": None,
    }


def test_an_answered_handoff_is_in_the_list_of_its_answer(desk: InMemoryDesk, bob: Seller) -> None:
    post(bob, ADAS_ANSWERS, NO_BUDGET)

    listed = {
        state: len(answer(bob.ask("GET", f"/v1/handoffs?state={state}"))["handoffs"])
        for state in ("open", "accepted", "rejected", "recycled", "all")
    }
    assert listed == {"open": 0, "accepted": 0, "rejected": 1, "recycled": 0, "all": 1}


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_teams_and_a_persons_handoffs_are_paged_through_to_the_end(
    desk: InMemoryDesk, bob: Seller, limit: int
) -> None:
    for number in range(2, 8):
        key = HandoffKey(LeadId("lead-1"), "mql", number)
        desk.handoffs.committed[key] = handed_over(key, f"2026-03-02T08:{number // 2:02}:00Z")
        before = desk.handoffs.record(key)
        assert before is not None
        if number % 2:
            desk.handoffs.follow_up(before, HandoffRecord(before.handoff, "field-sales", "eve"))
    seen: dict[str, list[int]] = {}
    for query in ("", "&team=field-sales", "&assignee=mia", "&team=managers&assignee=mia"):
        following = ""
        while True:
            told = answer(bob.ask("GET", f"/v1/handoffs?limit={limit}{query}{following}"))
            epochs = [each["epoch"] for each in told["handoffs"]]
            assert len(epochs) <= limit
            assert not set(epochs) & set(seen.get(query, ()))
            seen.setdefault(query, []).extend(epochs)
            if told["next"] is None:
                break
            following = f"&next={told['next']}"

    assert seen == {
        "": [6, 7, 4, 5, 2, 3, 1],
        "&team=field-sales": [7, 5, 3],
        "&assignee=mia": [6, 4, 2, 1],
        "&team=managers&assignee=mia": [],
    }


@pytest.mark.parametrize(
    "query", ["state=closed", "limit=0", "limit=101", "next=x", "next=W10", "colour=red", "next=WyJvcGVuIl0"]
)
def test_a_list_that_cannot_be_is_refused(bob: Seller, query: str) -> None:
    assert bob.ask("GET", f"/v1/handoffs?{query}")["statusCode"] == 422


def test_a_page_of_another_list_is_refused(desk: InMemoryDesk, bob: Seller) -> None:
    stand(desk, GRACES, handed_over(GRACES))
    following = answer(bob.ask("GET", "/v1/handoffs?limit=1"))["next"]

    refused = bob.ask("GET", f"/v1/handoffs?limit=1&state=all&next={following}")
    assert (refused["statusCode"], answer(refused)["details"]["at"]) == (422, "next")


def test_one_handoff_is_shown_with_what_was_known_what_follows_and_how_it_may_be_answered(bob: Seller) -> None:
    told = answer(bob.ask("GET", "/v1/handoffs/lead-1/mql/1"))

    assert told["caused_by"] == "score at least 50"
    assert told["snapshot"]["total"] == 65.5
    assert told["sent"] == {"email": "2026-03-02T08:01:00Z"}
    assert told["follow_ups"] == [
        {"kind": "reminder", "at": "2026-03-02T08:45:00Z", "done_at": None, "to": "inside-sales"}
    ]
    assert told["reasons"]["rejected"] == [
        {"name": "no_budget", "label": "No budget"},
        {"name": "wrong_contact", "label": "Not who they say"},
    ]


def test_a_lead_shows_its_handoffs_as_they_stood_at_a_moment(desk: InMemoryDesk, bob: Seller) -> None:
    before = desk.handoffs.record(ADAS)
    assert before is not None
    done = (replace(before.handoff.follow_ups[0], done_at=parse_moment("2026-03-02T08:46:10Z")),)
    desk.handoffs.follow_up(before, HandoffRecord(before.handoff, "inside-sales", "mia", done))
    post(bob, ADAS_ANSWERS, ACCEPTED)

    def shown(at: str) -> tuple[Any, ...]:
        (each,) = answer(bob.ask("GET", f"/v1/leads/lead-1?at={at}"))["handoffs"]
        return each["state"], each["assignee"], len(each["done"])

    assert shown("2026-03-02T08:46:00Z") == ("open", "mia", 0)
    assert shown("2026-03-02T08:50:00Z") == ("open", "mia", 1)
    assert shown(NOW) == ("accepted", "mia", 1)
    (told,) = answer(bob.ask("GET", "/v1/handoffs/lead-1/mql/1"))["done"]
    assert (told["at"], told["done_at"]) == ("2026-03-02T08:45:00Z", "2026-03-02T08:46:10Z")


# --- qualification ---


def qualify(who: Seller, desk: InMemoryDesk, body: Any, request_id: str = "q") -> Any:
    told = post(who, "/v1/leads/lead-1/qualifications", body, 202, request_id)
    desk.happened([each for each in said(desk, "lead_qualified") if each.id == told["activity"]])
    return told


def test_what_sales_found_out_holds_with_who_and_when_and_what_is_still_to_ask(desk: InMemoryDesk, bob: Seller) -> None:
    before = answer(bob.ask("GET", "/v1/leads/lead-1"))["qualification"]
    qualify(bob, desk, {"facts": {"budget": True, "authority": 4}, "asked": ["timeline"], "note": "A call."})

    told = answer(bob.ask("GET", "/v1/leads/lead-1"))["qualification"]

    assert [each["fact"] for each in before["to_ask"]] == ["authority", "need", "timeline"]
    assert (before["facts"]["budget"]["value"], before["facts"]["budget"]["holds"]["source"]) == ("20k", "form:contact")
    assert told["facts"]["budget"]["value"] is True
    assert told["facts"]["budget"]["holds"]["who"] == "bob@acme.example"
    assert [(each["value"], each["who"]) for each in told["facts"]["budget"]["history"]] == [
        ("20k", None),
        (True, "bob@acme.example"),
    ]
    assert told["to_ask"] == [
        {"fact": "need", "label": "Need", "question": "What for?", "asked_at": None},
        {"fact": "timeline", "label": "Timeline", "question": "By when do you want it to work?", "asked_at": NOW},
    ]


def test_what_was_said_can_be_taken_back(desk: InMemoryDesk, bob: Seller) -> None:
    qualify(bob, desk, {"facts": {"budget": None}})

    told = answer(bob.ask("GET", "/v1/leads/lead-1"))
    assert told["qualification"]["facts"]["budget"]["value"] is None
    assert "budget" in [each["fact"] for each in told["qualification"]["to_ask"]]


def test_a_lead_shows_the_seven_factors(bob: Seller) -> None:
    told = answer(bob.ask("GET", "/v1/leads/lead-1"))["factors"]

    assert len(told) == 7
    assert told[0] == {
        "name": "interest_level",
        "label": "Interest level",
        "level": "high",
        "because": "warm: 65.5 points for what they did",
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"facts": {}},
        {"facts": {"colour": "red"}},
        {"asked": ["colour"]},
        {"facts": {"": True}},
        {"asked": [""]},
        {"asked": [[]]},
        {"asked": [1]},
        {"facts": {"budget": 0}},
        {"facts": {"budget": 6}},
        {"facts": {"budget": 2.5}},
        {"facts": {"budget": ""}},
        {"facts": {"budget": "  "}},
        {"facts": {"budget": "x" * 501}},
        {"facts": {"budget": ["20k"]}},
        {"facts": {"budget": True}, "asked": ["budget"]},
        {"facts": {"budget": True}, "note": "x" * 2001},
    ],
)
def test_a_qualification_that_cannot_be_is_refused(desk: InMemoryDesk, bob: Seller, body: Any) -> None:
    post(bob, "/v1/leads/lead-1/qualifications", body, 422)
    assert said(desk, "lead_qualified") == []


@pytest.mark.parametrize("value", [[], {}, 4.0, 0, 6, " ", ["20k"]])
def test_what_no_fact_can_say_is_told_in_one_sentence(bob: Seller, value: Any) -> None:
    told = post(bob, "/v1/leads/lead-1/qualifications", {"facts": {"need": value}}, 422)

    assert told["details"] == {"at": "facts.need"}
    assert told["message"].startswith("a fact is true or false, a text of at most 500 characters, a whole")


@pytest.mark.parametrize(("body", "at"), [({"facts": {"bugdet": 1}}, "facts.bugdet"), ({"asked": ["bugdet"]}, "asked")])
def test_a_fact_that_is_none_of_the_four_is_told_with_those_that_are(bob: Seller, body: Any, at: str) -> None:
    told = post(bob, "/v1/leads/lead-1/qualifications", body, 422)

    assert told["details"] == {"at": at}
    assert told["message"] == "'bugdet' is no qualification fact; there are authority, budget, need, timeline"


@pytest.mark.parametrize(("words", "value"), [("no", False), ("Ja", True), ("4", 4), ("a crane", "a crane")])
def test_a_fact_that_the_api_is_told_in_words_is_read_as_elsewhere(
    desk: InMemoryDesk, bob: Seller, words: str, value: Any
) -> None:
    qualify(bob, desk, {"facts": {"need": words}})

    told = answer(bob.ask("GET", "/v1/leads/lead-1"))["qualification"]["facts"]["need"]
    assert repr(told["value"]) == repr(value)


def test_nobody_qualifies_a_lead_that_is_none_and_a_merged_ones_word_goes_to_the_lead_that_lives(
    desk: InMemoryDesk, bob: Seller
) -> None:
    post(bob, "/v1/leads/nobody/qualifications", {"facts": {"need": "CRM"}}, 404)
    joined(desk, LeadId("lead-2"), LeadId("lead-1"))

    assert qualify(bob, desk, {"facts": {"need": "CRM"}})["lead"] == "lead-2"


def test_the_same_word_again_is_said_once(desk: InMemoryDesk, bob: Seller) -> None:
    qualify(bob, desk, {"facts": {"need": "CRM"}})
    qualify(bob, desk, {"facts": {"need": "CRM"}})

    assert len(said(desk, "lead_qualified")) == 1


@pytest.mark.parametrize("second", [{"facts": {"need": "ERP"}}, {"facts": {"budget": 1}}, {"asked": ["need"]}])
def test_another_word_under_the_same_key_is_said_too(desk: InMemoryDesk, bob: Seller, second: dict[str, Any]) -> None:
    for told in ({"facts": {"budget": True}}, {"facts": {"budget": True}}, second):
        qualify(bob, desk, told)

    assert len(said(desk, "lead_qualified")) == 2


def test_another_word_on_consent_under_the_same_key_is_said_too(desk: InMemoryDesk, bob: Seller) -> None:
    granted = {"consent": "granted", "why": "She rang."}
    for told in (granted, granted, {"consent": "denied", "why": "She rang."}):
        post(bob, "/v1/leads/lead-1/consents", told, 202)

    assert len(said(desk, "consent_recorded")) == 2


# --- what is held ---


def test_the_export_holds_answers_and_qualification(desk: InMemoryDesk, bob: Seller) -> None:
    post(bob, ADAS_ANSWERS, NO_BUDGET)
    qualify(bob, desk, {"facts": {"budget": True}, "asked": ["need"], "note": "A call."})
    desk.clock.advance(DAY)
    marketer = seller(desk, "mia", "marketing")
    sections: dict[str, list[dict[str, Any]]] = {}
    following = ""
    while True:
        page = answer(marketer.ask("GET", f"/v1/leads/lead-1/export{following}"))
        for name, items in page["sections"].items():
            sections.setdefault(name, []).extend(items)
        if page["next"] is None:
            break
        following = f"?next={page['next']}"

    (handoff,) = sections["handoffs"]
    assert (handoff["state"], handoff["assignee"], handoff["answer"]["note"]) == ("rejected", "mia", "Ask in autumn.")
    assert handoff["answer"]["who"] == "bob@acme.example"
    assert {each["type"] for each in sections["said_by_people"]} == {"handoff_rejected", "lead_qualified"}
    facts = {(each["fact"], str(each["value"])): each["holds"] for each in sections["facts"]}
    assert facts["budget", "True"] is True
    assert facts["budget", "20k"] is False


def test_words_of_a_note_are_in_no_event(desk: InMemoryDesk, bob: Seller) -> None:
    post(bob, ADAS_ANSWERS, {**NO_BUDGET, "note": "Her number is 555-0100."})

    assert "555" not in json.dumps([dict(event.detail) for event in desk.handoffs.outbox])


def test_a_lead_that_did_something_later_still_tells_when_it_was_its_own(desk: InMemoryDesk, bob: Seller) -> None:
    qualify(bob, desk, {"facts": {"need": "CRM"}})
    desk.happened([activity("later", ADA, at="2026-03-02T08:30:00Z")])

    assert answer(bob.ask("GET", "/v1/leads/lead-1"))["last_activity_at"] == "2026-03-02T08:30:00Z"


# --- while somebody is erased ---

BOTH = {"lead": "lead-1", "why": "The same."}
OF_A_LEAD = [
    (ADAS_ANSWERS, NO_BUDGET),
    ("/v1/leads/lead-1/qualifications", {"facts": {"need": "Ada wants a CRM"}}),
    ("/v1/leads/lead-1/consents", {"consent": "granted", "why": "She rang."}),
    ("/v1/leads/lead-1/adjustments", {"by": 5, "why": "She rang."}),
    ("/v1/leads/lead-1/merges", {"lead": "lead-2", "why": "The same."}),
    ("/v1/leads/lead-2/merges", BOTH),
    ("/v1/leads/lead-1/unmerges", {"apart": [{"kind": "email", "value": "ada@example.com"}], "why": "Two people."}),
    ("/v1/noise/marks", {"lead": "lead-1", "why": "A test."}),
    ("/v1/noise/unmarks", {"lead": "lead-1", "why": "No test."}),
]


@pytest.mark.parametrize(("path", "told"), OF_A_LEAD)
def test_nothing_is_written_down_of_whoever_is_being_erased(desk: InMemoryDesk, path: str, told: Any) -> None:
    anne = seller(desk, "anne", "admin")
    post(anne, "/v1/leads/lead-1/erasures", {"why": "By letter."}, 202)
    desk.clock.advance(HOUR)
    before = len(desk.activities)

    refused = post(anne, path, told, 409, request_id="request-2")

    assert (refused["code"], "is being erased" in refused["message"]) == ("conflict", True)
    assert len(desk.activities) == before
    assert not desk.handoffs.outbox


@pytest.mark.parametrize("came", [True, False])
def test_of_somebody_else_and_of_whoever_came_back_people_may_say_what_they_like(
    desk: InMemoryDesk,
    came: bool,  # noqa: FBT001
) -> None:
    anne = seller(desk, "anne", "admin")
    post(anne, f"/v1/leads/{'lead-1' if came else 'lead-2'}/erasures", {"why": "By letter."}, 202)
    desk.clock.advance(HOUR)
    if came:
        desk.happened([activity("back", ADA, at=format_moment(desk.clock.now()))])

    post(anne, "/v1/leads/lead-1/qualifications", {"facts": {"need": "CRM"}}, 202, request_id="request-2")
