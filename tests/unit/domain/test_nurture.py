import pytest

from shared.domain.journey import Journey
from shared.domain.nurture import Advice
from shared.domain.state import ScoreState
from tests.unit.domain.leads import activity, facts, moment, rules_of

STAGES = [
    {"name": "unqualified", "from": ["suspect", "mql"], "enter": {"qualification.budget": {"is": False}}},
    {"name": "cold"},
    {"name": "recycled", "from": ["mql"], "enter": {"activity": "handoff_recycled", "since": "stage_entry"}},
    {"name": "suspect", "enter": {"activity": "form"}},
    {
        "name": "mql",
        "from": ["suspect", "cold", "recycled", "unqualified"],
        "enter": {
            "all": [
                {"score": {"at_least": 50}},
                {"fit": {"at_least": 20}},
                {"consent": "granted"},
                {"qualified": ["budget", "need"]},
                {"any": [{"activity_in": ["demo", "price"]}, {"company.size": {"at_least": 100}}]},
                {"not": {"any": [{"grade": "D"}, {"activity": "left"}]}},
            ]
        },
        "leave": {"when": {"score": {"below": 30}}, "to": "cold"},
    },
]
FILE = {
    "behaviour": [{"id": "seen", "on": "seen", "points": 60}],
    "fit": [{"id": "size", "where": {"company.size": {"at_least": 50}}, "points": 30}],
    "grades": [{"name": "D"}, {"name": "C", "at_least": 25}],
    "stages": STAGES,
    "handoff": {"mql": {"to": "inside-sales"}},
    "nurture": {
        "cold": {
            "tracks": [{"missing": "qualification.budget", "track": "money"}, {"missing": "score", "track": "wake-up"}],
            "else": "newsletter",
        },
        "recycled": "later",
        "unqualified": {"track": "basics"},
    },
}


def advise(*some, stage="cold", **changed):
    rules = rules_of(**{**FILE, **changed})
    state = rules.absorb(ScoreState.empty(), some)
    return rules.advise(state, Journey(stage, {stage: 1}, moment(1), moment(1)), moment(2))


def test_everything_that_the_next_stage_asks_and_the_lead_has_not_is_missing_in_the_order_of_the_rules():
    assert advise() == Advice(
        "money",
        (
            *("score", "fit", "consent", "qualification.budget", "qualification.need"),
            *("demo", "price", "company.size", "grade"),
        ),
    )


def test_what_the_lead_has_is_not_missing():
    known = facts(1, company={"size": 60}, consent="granted", qualification={"budget": True})
    assert advise(known, activity("demo")) == Advice("wake-up", ("score", "qualification.need"))


def test_what_speaks_against_the_lead_is_missing_too():
    known = facts(1, company={"size": 60}, consent="granted", qualification={"budget": True, "need": "rfp"})
    assert advise(known, activity("demo"), activity("seen"), activity("left")) == Advice("newsletter", ("left",))


def test_where_nothing_is_missing_the_other_track_is_advised():
    known = facts(1, company={"size": 60}, consent="granted", qualification={"budget": True, "need": "rfp"})
    assert advise(known, activity("demo"), activity("seen")) == Advice("newsletter", ())


def test_what_brought_the_lead_into_the_stage_is_missing_first_unless_it_is_something_done():
    advice = advise(facts(1, qualification={"budget": False}), stage="unqualified")
    assert advice.missing[0] == "qualification.budget"
    assert "handoff_recycled" not in advise(activity("handoff_recycled"), stage="recycled").missing


def test_of_stages_that_the_rules_do_not_nurture_nothing_is_advised():
    assert advise(stage="suspect") is None


def test_a_rating_below_the_agreed_one_is_missing_still():
    known = facts(1, consent="granted", qualification={"budget": 2, "need": 5})
    ratings = {"budget": {"confirmed_at": 3}, "need": {"confirmed_at": 3}}
    assert "qualification.budget" in advise(known, qualification=ratings).missing
    assert "qualification.need" not in advise(known, qualification=ratings).missing
    assert "qualification.budget" not in advise(known).missing


@pytest.mark.parametrize(("value", "confirms"), [(2, False), (3, True), (5, True), ("yes", True), (False, False)])
def test_a_rated_fact_is_confirmed_from_its_rating_on(value, confirms):
    stages = [{"name": "sql", "enter": {"qualified": ["budget"]}}]
    rules = rules_of(stages=stages, qualification={"budget": {"confirmed_at": 3}})
    journey, _ = rules.replay([facts(1, qualification={"budget": value})], moment(2))
    assert journey.stage == ("sql" if confirms else None)


def test_the_stage_to_go_to_may_be_named():
    named = {"cold": {"tracks": [{"missing": "form", "track": "a"}], "else": "b", "towards": "suspect"}}
    assert advise(nurture=named) == Advice("a", ("form",))
