"""Qualification: what is known of the four facts, what is still to ask, and the seven factors."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.activity import LEAD_QUALIFIED, Activity, Claims, Rank
from shared.domain.engine import compile_rules
from shared.domain.journey import Journey
from shared.domain.moments import parse_moment
from shared.domain.qualification import Factor, factors, missing_questions, qualification_history
from shared.domain.reading import parse_rule_file
from shared.domain.rulefile import EMPTY
from shared.domain.state import ScoreState, known_facts
from tests.people import activity, email

SAM = email("sam@acme.example")
NOON = parse_moment("2026-03-02T12:00:00Z")
RULES: dict[str, Any] = {
    "name": "acme",
    "behaviour": [{"id": "webinar", "on": "webinar_attended", "points": 30}],
    "fit": [{"id": "size", "where": {"company.employees": {"at_least": 200}}, "points": 50}],
    "vetoes": [{"id": "competitor", "where": {"company.domain": {"in": ["rival.example"]}}}],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 20}, {"name": "hot", "above": 60}],
    "grades": [{"name": "C"}, {"name": "B", "at_least": 25}, {"name": "A", "at_least": 50}],
    "stages": [
        {"name": "suspect", "enter": {"activity": "form_submitted"}},
        {"name": "mql", "enter": {"score": {"at_least": 50}}},
    ],
    "handoff": {"mql": {"to": "inside-sales"}},
    "qualification": {"need": {"confirmed_at": 4, "question": "What for?", "label": "The need"}},
}


def form(id_: str = "form", at: str = "2026-03-01T09:00:00Z", rank: Rank = Rank.PUBLIC, **facts: Any) -> Activity:
    claims = Claims(qualification=facts)
    return activity(id_, SAM, type="form_submitted", at=at, rank=rank, claims=claims, source="form:contact")


def qualified(id_: str = "call", at: str = "2026-03-02T09:00:00Z", asked: Any = (), **facts: Any) -> Activity:
    return activity(
        id_,
        SAM,
        type=LEAD_QUALIFIED,
        at=at,
        rank=Rank.SALES,
        own=False,
        source="people",
        claims=Claims(qualification=facts),
        properties={"asked": list(asked), "who": "ada", "why": "She called.", "note": "She called."},
    )


def test_a_fact_has_its_value_who_said_so_and_when() -> None:
    budget = qualification_history([form(budget="20k"), qualified(budget=True)])["budget"]

    assert budget.value is True
    assert budget.holds is not None
    assert (budget.holds.who, budget.holds.at, budget.holds.note) == (
        "ada",
        parse_moment("2026-03-02T09:00:00Z"),
        "She called.",
    )
    assert [(word.value, word.source, word.who) for word in budget.words] == [
        ("20k", "form:contact", None),
        (True, "people", "ada"),
    ]


def test_what_sales_wrote_down_holds_over_a_later_form() -> None:
    later = form("later", rank=Rank.TRUSTED, at="2026-03-09T09:00:00Z", budget="none")

    assert qualification_history([qualified(budget=True), later])["budget"].value is True


def test_history_and_known_facts_say_the_same() -> None:
    told = [form(budget=1, need="CRM"), qualified(budget=4), qualified("b", "2026-03-03T09:00:00Z", need=None)]
    state = compile_rules(EMPTY).absorb(ScoreState.empty(), told)
    history = qualification_history(told)

    assert {name: each.value for name, each in history.items() if each.words} == known_facts(state).qualification


def test_a_fact_that_was_taken_back_is_to_ask_again() -> None:
    history = qualification_history([qualified(budget=True), qualified("b", "2026-03-03T09:00:00Z", budget=None)])

    assert not history["budget"].is_known
    assert "budget" in [each.fact for each in missing_questions(EMPTY.qualification, history)]


def test_what_is_missing_is_listed_with_the_question_that_would_fill_it() -> None:
    rules = parse_rule_file(RULES)
    missing = missing_questions(rules.qualification, qualification_history([qualified(budget=True, authority=False)]))

    assert [(each.fact, each.label, each.question) for each in missing] == [
        ("need", "The need", "What for?"),
        ("timeline", "Timeline", "By when do you want it to work?"),
    ]


@pytest.mark.parametrize("value", [False, 0, 1, "no", "next year"])
def test_a_no_is_an_answer_too(value: Any) -> None:
    history = qualification_history([qualified(budget=value)])

    assert history["budget"].is_known
    assert "budget" not in [each.fact for each in missing_questions(EMPTY.qualification, history)]


@pytest.mark.parametrize("value", [None, "", "  ", []])
def test_an_empty_answer_is_none(value: Any) -> None:
    assert not qualification_history([form(budget=value)])["budget"].is_known


def test_a_question_that_got_no_answer_is_told_as_asked_until_it_gets_one() -> None:
    asked = [qualified(asked=["budget"]), qualified("again", "2026-03-03T09:00:00Z", asked=["budget", "need"])]

    missing = {each.fact: each for each in missing_questions(EMPTY.qualification, qualification_history(asked))}
    answered = qualification_history([*asked, qualified("c", "2026-03-04T09:00:00Z", budget="20k")])

    assert missing["budget"].asked_at == parse_moment("2026-03-03T09:00:00Z")
    assert missing["timeline"].asked_at is None
    assert [each.who for each in answered["budget"].asked] == ["ada", "ada"]
    assert "budget" not in [each.fact for each in missing_questions(EMPTY.qualification, answered)]


def test_only_people_say_what_was_asked() -> None:
    told = activity("x", SAM, type="page_viewed", properties={"asked": ["budget"], "who": "mallory"})

    assert qualification_history([told])["budget"].asked == ()


def lead(
    *told: Activity, rules: dict[str, Any] | None = None, stage: str | None = None, **facts: Any
) -> dict[str, Factor]:
    compiled = compile_rules(parse_rule_file(rules or RULES))
    known = activity("known", SAM, type="identified", own=False, claims=Claims(**facts))
    state = compiled.absorb(ScoreState.empty(), [known, *told])
    found = factors(
        compiled,
        score=compiled.score(state, NOON),
        facts=known_facts(state),
        journey=Journey(stage) if stage else None,
        last_activity_at=state.last_activity_at,
    )
    return {each.name: each for each in found}


def attended(number: int) -> list[Activity]:
    return [activity(f"w{n}", SAM, type="webinar_attended") for n in range(number)]


def test_there_are_the_seven_factors_in_the_order_of_the_guide() -> None:
    assert list(lead()) == [
        "interest_level",
        "criteria_fit",
        "sales_readiness",
        "information_availability",
        "buying_authority",
        "business_need",
        "conversion_probability",
    ]


def test_a_lead_of_which_nothing_is_known_is_low_or_unknown_in_each() -> None:
    assert {name: each.level for name, each in lead().items()} == {
        "interest_level": "low",
        "criteria_fit": "low",
        "sales_readiness": "low",
        "information_availability": "low",
        "buying_authority": "unknown",
        "business_need": "unknown",
        "conversion_probability": "low",
    }
    assert lead()["business_need"].because == "What for?"


def test_the_lead_that_sales_waits_for_is_high_in_each() -> None:
    told = [*attended(3), qualified(authority=True, budget="20k", need=5, timeline="May")]

    found = lead(*told, company={"employees": 500})

    assert {each.level for each in found.values()} == {"high"}
    assert found["interest_level"].because == "hot: 90 points for what they did"
    assert found["sales_readiness"].because == "In no stage, 4 of 4 facts confirmed: authority, budget, need, timeline"


@pytest.mark.parametrize(("number", "level"), [(0, "low"), (1, "medium"), (3, "high")])
def test_interest_goes_by_the_temperature(number: int, level: str) -> None:
    assert lead(form(), *attended(number))["interest_level"].level == level


def test_a_stage_that_is_handed_over_is_ready_for_sales() -> None:
    assert lead(stage="suspect")["sales_readiness"].level == "low"
    assert lead(stage="mql")["sales_readiness"].level == "high"
    assert lead(qualified(authority=True, budget=True))["sales_readiness"].level == "medium"


def test_a_rating_below_what_confirms_is_neither_yes_nor_no() -> None:
    assert lead(qualified(need=4))["business_need"].level == "high"
    assert lead(qualified(need=3))["business_need"].level == "medium"
    assert lead(qualified(need=1))["business_need"].level == "low"
    assert lead(qualified(authority=False))["buying_authority"].level == "low"


def test_a_veto_speaks_against_fit_and_conversion() -> None:
    told = [*attended(3), qualified(authority=True, budget="20k", need=5, timeline="May")]

    found = lead(*told, company={"employees": 500, "domain": "rival.example"})

    assert (found["criteria_fit"].level, found["conversion_probability"].level) == ("low", "low")
    assert found["criteria_fit"].because == "Ruled out by competitor"


def test_what_is_not_known_is_told_with_what_the_rules_ask() -> None:
    found = lead(qualified(authority=True, budget=True, need=5))["information_availability"]

    assert found == Factor(
        "information_availability", "Information availability", "medium", "Not known: Company employees, Timeline"
    )


def test_what_is_not_known_is_told_by_the_labels_that_people_read_each_once() -> None:
    asked = ("lead.job_role", "company.country", "qualification.need", "qualification.vat_id")
    fit = [{"id": f"r{number}", "where": {field: {"is": "x"}}, "points": 5} for number, field in enumerate(asked)]
    found = lead(qualified(authority=True, budget=True, timeline="May"), rules={**RULES, "fit": fit, "grades": []})

    labels = "Company country, Job role, The need, VAT ID"
    assert found["information_availability"].because == f"Not known: {labels}"
    assert found["criteria_fit"].because == f"0 points for who they are; not known: {labels}"


def test_rules_without_bands_still_tell_interest_and_fit() -> None:
    plain = {"name": "plain", "behaviour": RULES["behaviour"]}

    assert lead(*attended(1), rules=plain)["interest_level"].level == "medium"
    assert lead(rules=plain)["criteria_fit"].level == "unknown"
    fit = {**plain, "fit": RULES["fit"]}
    assert lead(rules=fit)["criteria_fit"].level == "unknown"
    assert lead(rules=fit, company={"employees": 500})["criteria_fit"].level == "medium"
    assert lead(rules=fit, company={"employees": 5})["criteria_fit"].level == "low"
