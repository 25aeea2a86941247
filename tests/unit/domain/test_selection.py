"""Selections pick leads by what is known of them; what they cannot ask is an error that says where and what instead."""

from typing import Any

import pytest

from shared.domain.conditions import ConditionError
from shared.domain.facts import Facts
from shared.domain.points import POINT
from shared.domain.reading import parse_rule_file
from shared.domain.rulefile import RuleFile
from shared.domain.selection import LONGEST_SELECTION, Standing, parse_selection

LEAD = Standing(
    stage="mql",
    temperature="warm",
    grade="B",
    total=60 * POINT,
    scores={"engagement": 40 * POINT, "fit": 20 * POINT},
    facts=Facts(
        lead={"title": "Head of Cranes"},
        company={"country": "DE", "employees": 500},
        qualification={"budget": True},
        consent="granted",
    ),
)


def rules_with(**more: Any) -> RuleFile:
    return parse_rule_file({"name": "acme", **more})


NAMING = rules_with(
    temperature=[{"name": "cold"}, {"name": "warm", "above": 40}],
    grades=[{"name": "A"}],
    stages=[{"name": name, "enter": {"score": {"at_least": 50}}} for name in ("mql", "sql")],
)
NOBODY = Standing(None, None, None, 0, {"engagement": 0, "fit": 0}, Facts())


@pytest.mark.parametrize(
    "where",
    [
        {"stage": "mql"},
        {"stage": {"in": ["MQL", "sql"]}},
        {"temperature": "warm", "grade": {"is_not": "D"}},
        {"score": {"at_least": 60}},
        {"fit": {"between": [20, 30]}},
        {"engagement": {"above": 39.5}},
        {"company.country": {"is": "de"}, "company.employees": {"at_least": 200}},
        {"lead.title": {"starts_with": "head"}},
        {"qualification.budget": {"is": True}},
        {"qualified": ["budget"]},
        {"consent": "granted"},
        {"any": [{"stage": "sql"}, {"all": [{"stage": "mql"}, {"not": {"consent": "denied"}}]}]},
        {"not": {"stage": {"exists": False}}},
    ],
)
def test_a_lead_is_picked_for_what_is_known_of_it_and_nobody_else_is(where):
    assert parse_selection(where).holds(LEAD)
    assert not parse_selection(where).holds(NOBODY) or "not" in str(where)


@pytest.mark.parametrize(
    "where",
    [
        {"stage": "sql"},
        {"company.country": {"is": "FR"}},
        {"score": {"above": 60}},
        {"stage": "mql", "consent": "denied"},
    ],
)
def test_who_does_not_meet_it_is_left_alone(where):
    assert not parse_selection(where).holds(LEAD)


def test_who_is_in_no_stage_is_picked_by_that():
    assert parse_selection({"stage": {"exists": False}}).holds(NOBODY)
    assert parse_selection({"stage": {"is_not": "mql"}}).holds(NOBODY)


@pytest.mark.parametrize(
    ("where", "path", "says"),
    [
        ({}, (), "a selection is a mapping"),
        ([], (), "a selection is a mapping"),
        ({"any": []}, ("any",), "list of conditions"),
        ({"any": [{"stage": "mql"}, {"stge": "mql"}]}, ("any", 1, "stge"), "nothing that a selection can ask"),
        ({"activity": "demo_requested"}, ("activity",), "nothing that a selection can ask"),
        ({"count": {"of": "x", "at_least": 1}}, ("count",), "nothing that a selection can ask"),
        ({"time_in_stage": {"at_least": "3d"}}, ("time_in_stage",), "nothing that a selection can ask"),
        ({"properties.path": {"is": "/"}}, ("properties.path",), "nothing that a selection can ask"),
        ({"company.country": "DE"}, ("company.country",), "write an operator"),
        ({"company.country": {"equals": "DE"}}, ("company.country", "equals"), "no operator"),
        ({"score": {"at_least": "many"}}, ("score", "at_least"), ""),
        ({"consent": "perhaps"}, ("consent",), "no consent"),
        ({"stage": {"like": 3}}, ("stage", "like"), "wants a text"),
        (7, (), "a selection is a mapping"),
        ({"lead.note": {"is": "x" * LONGEST_SELECTION}}, (), "at most"),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_place(where, path, says):
    with pytest.raises(ConditionError) as error:
        parse_selection(where)

    assert error.value.path == path
    assert says in str(error.value)


def test_a_word_that_is_nearly_right_is_told_the_right_one():
    with pytest.raises(ConditionError) as error:
        parse_selection({"stge": "mql"})

    assert error.value.hint == "did you mean 'stage'?"


@pytest.mark.parametrize("depth", [30, 3_000])
def test_nesting_has_an_end(depth):
    where: dict[str, Any] = {"stage": "mql"}
    for _ in range(depth):
        where = {"not": where}

    with pytest.raises(ConditionError, match="at most 20 deep"):
        parse_selection(where)


def test_a_score_that_the_rules_do_not_have_is_told_with_the_nearest_one():
    selection = parse_selection({"product": {"above": 3}})

    assert not selection.holds(LEAD)  # it has none, which is 0
    selection.check(rules_with(scores={"product": {}}))
    with pytest.raises(ConditionError, match="no score 'product'") as error:
        selection.check(rules_with(scores={"products": {}}))
    assert error.value.hint == "did you mean 'products'?"


@pytest.mark.parametrize(
    ("where", "complaint", "hint"),
    [
        ({"stage": "mq"}, "no stage 'mq'", "did you mean 'mql'?"),
        ({"any": [{"stage": "mql"}, {"not": {"temperature": "lukewarm"}}]}, "no temperature 'lukewarm'", "did you"),
        ({"grade": {"not_in": ["A", "F"]}}, "no grade 'F'", "valid here: A"),
        ({"stage": 7}, "no stage 7", "valid here: mql, sql"),
    ],
)
def test_what_rules_name_and_these_do_not_have_is_told_with_what_they_have(where, complaint, hint):
    with pytest.raises(ConditionError, match=complaint) as error:
        parse_selection(where).check(NAMING)

    assert error.value.hint.startswith(hint)


@pytest.mark.parametrize(
    "where",
    [
        {"stage": "mql", "temperature": {"in": ["Warm", "cold"]}, "grade": {"is_not": "A"}},
        {"stage": {"starts_with": "m"}, "grade": {"exists": False}},
    ],
)
def test_what_the_rules_name_may_be_asked_however_it_is_written(where):
    parse_selection(where).check(NAMING)


@pytest.mark.parametrize(
    ("where", "asks"),
    [
        ({"stage": "mql", "lead.email": {"is": "sam@acme.example"}}, ("lead.email", "stage mql")),
        ({"stage": {"in": ["mql", "sql"]}, "temperature": {"is": "hot"}}, ("stage mql or sql", "temperature hot")),
        ({"any": [{"grade": "A"}, {"not": {"stage": "mql"}}, {"stage": {"is_not": "sql"}}]}, ("grade A", "stage")),
    ],
)
def test_it_is_told_what_is_asked_and_of_what_rules_name_for_which(where, asks):
    assert parse_selection(where).asks == asks
