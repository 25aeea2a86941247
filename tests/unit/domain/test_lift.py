"""The nearest single activity that would lift a lead into the next band: one that a person could really do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.engine import compile_rules
from shared.domain.moments import DAY, Moment
from shared.domain.points import POINT
from shared.domain.reading import RuleFileError, parse_rule_file
from tests.unit.domain.leads import activity, facts, moment, rules_of
from tests.unit.domain.random_rules import START as BEGAN
from tests.unit.domain.random_rules import activities, documents

NOW = moment(20)


def lift(rules, *some, at=NOW):
    return rules.explain(some, at).lift


def one(*behaviour, **more):
    return rules_of(behaviour=[{"id": "start", "on": "start", "points": 45, "repeat": "once"}, *behaviour], **more)


START = activity("start")


def told(found):
    return found and (found.rule, found.activity, found.total // POINT, found.temperature)


def test_of_several_the_one_that_takes_the_least_is_named():
    rules = one(
        {"id": "big", "on": "b", "points": 40},
        {"id": "small", "on": "s", "points": 6},
        {"id": "no", "on": "n", "points": 5},
    )
    assert told(lift(rules, START)) == ("small", "s", 51, "warm")


def test_one_activity_that_several_rules_match_is_counted_with_all_of_them():
    rules = one(
        {"id": "page", "on": "seen", "points": 2},
        {"id": "pricing", "on": "seen", "points": 5, "where": {"properties.path": {"starts_with": "/pricing"}}},
        {"id": "deep", "on": "seen", "points": 1, "where": {"properties.path": {"like": "*/pricing*"}}},
    )
    assert told(lift(rules, START)) == ("pricing", "seen", 53, "warm")


def test_a_number_of_activities_that_is_one_short_is_completed():
    visits = {"id": "visits", "on": "seen", "points": 20, "at_least": {"times": 2, "within": "7d"}, "repeat": "once"}
    rules = one(visits)
    assert lift(rules, START) is None
    assert told(lift(rules, START, activity("seen", 13))) == ("visits", "seen", 65, "warm")
    assert lift(rules, START, activity("seen", 12)) is None
    used = activity("seen", 2), activity("seen", 3), activity("seen", 19)
    assert lift(rules_of(behaviour=[visits, {"id": "x", "on": "x", "points": 1}]), *used) is None


def test_different_values_are_completed_by_a_new_one():
    pages = {"id": "pages", "on": "seen", "points": 20, "at_least": {"times": 2, "distinct": "properties.path"}}
    assert told(lift(one(pages), START, activity("seen", path="/a"))) == ("pages", "seen", 65, "warm")


def test_what_a_cap_swallows_is_not_advised():
    rules = one(
        {"id": "web", "on": "w", "points": 5, "group": "g"},
        {"id": "site", "on": "s", "points": 5, "group": "g"},
        groups={"g": {"cap": 5}},
    )
    assert told(lift(rules, START, activity("w"))) is None
    rules = one({"id": "mail", "on": "m", "points": 6, "cap": 6, "active": {"until": "2026-01-10T00:00:00Z"}})
    assert lift(rules, START) is None
    rules = one({"id": "mail", "on": "m", "points": 3, "cap": 6})
    assert lift(rules, START, activity("m"), activity("m", 2)) is None
    assert lift(one(scores={"engagement": {"cap": 50}}), START) is None


def test_a_rule_that_is_capped_is_not_named_for_what_another_does():
    rules = rules_of(
        behaviour=[{"id": "capped", "on": "seen", "points": 40, "cap": 40}, {"id": "more", "on": "seen", "points": 6}]
    )
    assert told(lift(rules, activity("seen", id="1"))) == ("more", "seen", 52, "warm")


def test_a_rule_that_has_been_used_up_is_not_advised():
    once = {"id": "demo", "on": "demo", "points": 10, "repeat": "once"}
    rules = rules_of(behaviour=[{"id": "base", "on": "base", "points": 41, "repeat": "once"}, once])
    assert told(lift(rules, activity("base"))) == ("demo", "demo", 51, "warm")
    rules = rules_of(behaviour=[{"id": "base", "on": "base", "points": 40, "repeat": "once"}, once])
    assert lift(rules, activity("base"), activity("demo")) is None


def test_values_that_have_all_had_their_turn_are_not_advised():
    paper = {
        "id": "paper",
        "on": "got",
        "points": 26,
        "where": {"properties.asset": {"in": ["a", "b"]}},
        "repeat": {"once_per_value": "properties.asset"},
    }
    rules = rules_of(behaviour=[paper])
    assert told(lift(rules, activity("got", asset="A"))) == ("paper", "got", 52, "warm")
    rules = rules_of(behaviour=[{**paper, "points": 25}])
    assert lift(rules, activity("got", asset="a"), activity("got", 2, asset="b")) is None


def test_what_another_rule_takes_counts_for_that_one():
    rules = one(
        {"id": "paper", "on": "got", "points": 6},
        {
            "id": "special",
            "on": "got",
            "points": 5,
            "instead_of": "paper",
            "where": {"properties.kind": {"is": "special"}},
        },
    )
    assert told(lift(rules, START)) == ("paper", "got", 51, "warm")
    rules = one(
        {"id": "paper", "on": "got", "points": 6},
        {"id": "special", "on": "got", "points": 5, "instead_of": "paper", "only_if": {"company.size": {"above": 5}}},
    )
    assert told(lift(rules, START)) == ("paper", "got", 51, "warm")
    assert told(lift(rules, START, facts(company={"size": 6}))) is None


@pytest.mark.parametrize(
    ("period", "advised"),
    [
        ({"until": "2026-01-21T00:00:00Z"}, True),
        ({"until": "2026-01-20T00:00:00Z"}, False),
        ({"from": "2026-01-21T00:00:00Z"}, False),
    ],
)
def test_a_rule_out_of_its_period_is_not_advised(period, advised):
    rules = rules_of(behaviour=[{"id": "sale", "on": "sale", "points": 60, "active": period}])
    assert (lift(rules) is not None) is advised


def test_a_rule_that_is_not_for_this_lead_is_not_advised():
    rules = rules_of(behaviour=[{"id": "us", "on": "call", "points": 60, "only_if": {"company.country": {"is": "US"}}}])
    assert lift(rules) is None
    assert told(lift(rules, facts(company={"country": "US"}))) == ("us", "call", 60, "warm")


def test_doing_anything_may_bring_old_points_back_or_end_a_silence():
    fresh = {
        "id": "fresh",
        "on": "f",
        "points": 60,
        "decay": {"half_life": "10d", "since": "last_activity"},
        "repeat": "once",
    }
    rules = rules_of(behaviour=[fresh, {"id": "small", "on": "s", "points": 1}])
    assert told(lift(rules, activity("f"), at=Moment(moment() + 20 * DAY))) == ("fresh", "f", 60, "warm")
    quiet = {"id": "quiet", "idle": {"for": "5d", "of": "any"}, "points": -10}
    rules = rules_of(
        behaviour=[
            {"id": "once", "on": "o", "points": 51, "repeat": "once"},
            quiet,
            {"id": "n", "on": "n", "points": 1},
        ]
    )
    assert told(lift(rules, activity("o"))) == ("once", "o", 51, "warm")


def test_a_lead_in_the_highest_band_or_without_bands_needs_no_lift():
    assert lift(one(), START, activity("start", 2)) is None
    assert lift(one(temperature=[]), START) is None


CONDITIONS = [
    {"properties.x": {"above": 5, "below": 7}},
    {"properties.x": {"between": [5, 7]}},
    {"properties.x": {"contains": "b"}},
    {"properties.x": {"contains": 3}},
    {"properties.x": {"contains_any": ["a", "b"]}},
    {"properties.x": {"ends_with": ".pdf"}},
    {"properties.x": {"like": "/a/?/*"}},
    {"properties.x": {"exists": True}},
    {"properties.x": {"exists": False}},
    {"properties.x": {"is_not": "a"}},
    {"properties.x": {"not_in": ["a"]}},
    {"properties.x": {"after": "2026-01-01T00:00:00Z"}},
    {"properties.x": {"before": "2026-01-01T00:00:00Z"}},
    {"properties.a.b": {"is": 1}, "channel": {"is": "web"}, "context.ip": {"exists": True}},
    {"not": {"properties.x": {"is": "a"}}},
    {"not": {"properties.x": {"is_not": "a"}}},
    {"not": {"properties.x": {"not_in": ["a"]}}},
    {"not": {"properties.x": {"exists": False}}},
    {"any": [{"properties.x": {"is": "a", "not_in": ["A"]}}, {"properties.y": {"at_least": 1}}]},
    {
        "all": [
            {"any": [{"properties.x": {"is": "a"}}, {"properties.x": {"is": "b"}}]},
            {"properties.x": {"is_not": "a"}},
        ]
    },
]


@pytest.mark.parametrize("where", CONDITIONS)
def test_an_activity_is_found_for_every_operator(where):
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 60, "where": where}])
    assert told(lift(rules)) == ("a", "seen", 60, "warm")


@given(documents(), activities(), st.integers(0, 60))
def test_leaving_out_what_cannot_lift_a_lead_leaves_out_nothing_that_can(document, some, days):
    try:
        rules = compile_rules(parse_rule_file(document))
    except RuleFileError:
        return
    at = Moment(BEGAN + days * DAY)
    found = rules.explain(some, at).lift
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(rules), "_most", lambda rules, entry: 10**30)
        assert rules.explain(some, at).lift == found
