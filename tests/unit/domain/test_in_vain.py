"""What a rule file says in vain is told with where it stands, and what was meant; what can come about is not."""

import pytest

from infra.cli.rule_files import parse_rule_text, preset_names, preset_text
from shared.domain.in_vain import in_vain
from shared.domain.reading import parse_rule_file

MQL = {"name": "mql", "enter": {"score": {"at_least": 50}, "consent": "granted"}}


def told(**keys):
    return list(in_vain(parse_rule_file({"stages": [MQL], "handoff": {"mql": {"to": "sales"}}, **keys})))


def asking(kind, where):
    return [MQL, {"name": "back", "from": ["mql"], "enter": {"activity": kind, "where": where}}]


@pytest.mark.parametrize(
    ("kind", "where", "reason", "hint"),
    [
        ("handoff_rejected", {"properties.reason": {"is": "no_buget"}}, "no_buget", "did you mean 'no_budget'?"),
        ("handoff_recycled", {"properties.reason": {"in": ["bad_timing", "timing"]}}, "timing", "'bad_timing'"),
        ("handoff_recycled", {"not": {"properties.reason": {"is_not": "No answer"}}}, "No answer", "'no_answer'"),
        ("handoff_rejected", {"properties.reason": {"is": "bad_timing"}}, "bad_timing", "valid here: no_need"),
        (["handoff_rejected", "handoff_recycled"], {"properties.reason": {"is": "x"}}, "x", "bad_timing"),
    ],
)
def test_a_reason_that_sales_cannot_choose_is_told_with_the_nearest(kind, where, reason, hint):
    (problem,) = told(stages=asking(kind, where))

    assert problem.path == ("stages", 1, "enter", "properties.reason")
    assert f"sales cannot choose {reason!r}" in problem.message
    assert hint in problem.hint

    rule = {"id": "a", "on": kind, "points": -5, "where": where}
    assert [each.path for each in told(behaviour=[rule])] == [("behaviour", 0, "where", "properties.reason")]


def test_a_reason_asked_on_leaving_is_told_too():
    when = {"activity": "handoff_rejected", "where": {"properties.reason": {"is": "to_small"}}}
    (problem,) = told(
        stages=[MQL | {"leave": {"when": when, "to": "back"}}, {"name": "back"}],
        answers={"reject": [{"name": "too_small", "label": "Too small"}]},
    )

    assert problem.path == ("stages", 0, "leave", "when", "properties.reason")
    assert problem.hint == "did you mean 'too_small'?"


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("handoff_rejected", {"properties.reason": {"is": "No_Budget "}}),
        ("handoff_recycled", {"properties.reason": {"in": ["bad_timing", "no_answer"]}}),
        ("handoff_rejected", {"properties.reason": {"starts_with": "no"}}),
        ("handoff_rejected", {"properties.note": {"is": "x"}}),
        ("survey_answered", {"properties.reason": {"is": "x"}}),
        (["handoff_rejected", "survey_answered"], {"properties.reason": {"is": "x"}}),
    ],
)
def test_what_can_come_about_is_no_warning(kind, where):
    assert told(stages=asking(kind, where)) == []


def test_a_track_for_leads_without_consent_is_told():
    tracks = [{"missing": "score", "track": "wake"}, {"missing": "consent", "track": "ask"}]
    (problem,) = told(
        stages=[{"name": "cold", "enter": {"activity": "a"}}, MQL], nurture={"cold": {"tracks": tracks, "else": "x"}}
    )

    assert problem.path == ("nurture", "cold", "tracks", 1, "missing")
    assert "where the settings require consent, nothing is advised" in problem.message


def leaving(one, two, **more):
    return [
        {"name": "new", "enter": {"activity": "a"}, "leave": {"when": {"activity": "b"}, "to": "one"}},
        {"name": "one", "leave": {"when": one, "to": "two"}},
        {"name": "two", "leave": {"when": two, "to": "one"}, **more},
    ]


def test_stages_that_leave_for_one_another_while_both_hold_are_told_once():
    (problem,) = told(stages=leaving({"score": {"below": 30}}, {"activity": "b"}), handoff={})

    assert problem.path == ("stages", 1, "leave")
    assert "one → two → one" in problem.message


@pytest.mark.parametrize(
    "stages",
    [
        leaving({"score": {"below": 30}}, {"score": {"at_least": 30}}),
        leaving({"score": {"below": 30}}, {"activity": "b"}, stay="1d"),
        leaving({"score": {"below": 30}}, {"time_in_stage": {"at_least": "1d"}}),
        leaving({"score": {"below": 30}}, {"activity": "b", "since": "stage_entry"}),
        [*leaving({"score": {"below": 30}}, {"activity": "b"})[:2], {"name": "two"}],
    ],
)
def test_a_way_back_that_opens_later_is_no_circle(stages):
    assert told(stages=stages, handoff={}) == []


@pytest.mark.parametrize("name", preset_names())
def test_no_preset_says_anything_in_vain(name):
    assert list(in_vain(parse_rule_text(preset_text(name), name))) == []
