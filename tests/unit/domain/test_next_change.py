"""When time alone changes something, held against looking at every moment."""

import pytest
from hypothesis import assume, given

from shared.domain.engine import compile_rules
from shared.domain.journey import Journey, View
from shared.domain.moments import DAY, HOUR, SECOND, Moment
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.state import ScoreState
from tests.unit.domain.leads import activity, moment, rules_of
from tests.unit.domain.random_rules import activities, documents, moments


def signature(rules, state, at):
    view = View(rules, rules.ledger(state), Journey.start(), at)
    stages = [stage.enter(view) for stage in rules.stages.values()]
    leaves = [bool(stage.leave and stage.leave(view)) for stage in rules.stages.values()]
    return (view.temperature, view.grade, stages, leaves)


@given(documents(stages=True), activities(), moments)
def test_it_is_the_first_second_that_differs(document, some, now):
    try:
        rules = compile_rules(parse_rule_file(document))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise
    state = rules.absorb(ScoreState.empty(), some)
    change = rules.next_change(state, now)
    base = signature(rules, state, now)
    end = change.at if change else Moment((now // SECOND + 1) * SECOND + 400 * DAY)
    if change:
        assert change.at % SECOND == 0
        assert change.at > now
        # a score that goes to and fro over an edge without any effect is to be looked at again, far ahead
        assert signature(rules, state, change.at) != base or change.what == "nothing yet, look again"
        last = change.at - SECOND
        assert last <= now or signature(rules, state, last) == base
    # nothing differs before, on any hour, at any exact age, nor on a grid of the whole time
    first = (now // SECOND + 1) * SECOND
    samples = set(range(first, min(end, first + 40 * DAY), 7 * HOUR)) | set(
        range(first, end, max((end - first) // 60, SECOND))
    )
    for entry in state.entries.values():
        for length in (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY):
            samples |= {-(-(entry.at + n * length + extra) // SECOND) * SECOND for n in (1, 2, 3) for extra in (0, 1)}
    for sample in sorted(samples):
        if now < sample < end:
            assert signature(rules, state, Moment(sample - sample % SECOND)) == base, sample


def test_points_that_never_age_change_nothing_by_themselves():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 60}], decay="none")
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    assert rules.next_change(state, moment(day=30)) is None


def test_a_total_that_rounds_to_an_edge_and_lies_still_never_changes():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 60}],
        fit=[{"id": "b", "where": {"company.size": {"exists": True}}, "points": 1, "otherwise": -0.000000001}],
        decay={"half_life": "30d"},
        total={"engagement": 0, "fit": 0.25},
        temperature=[{"name": "cold"}, {"name": "warm", "at_least": 0}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    assert rules.score(state, moment(day=1)).temperature == "warm"
    assert rules.next_change(state, moment(day=1)) is None


def test_points_that_come_and_go_below_a_strict_edge_never_reach_it():
    rules = rules_of(
        behaviour=[{"id": "quiet", "idle": {"for": "2m"}, "points": -7, "expires_after": "10s"}],
        temperature=[{"name": "cold"}, {"name": "warm", "above": 0}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    assert rules.next_change(state, moment(day=1)) is None


def test_the_second_at_which_a_half_life_falls_below_a_band_is_exact():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 100}], decay={"half_life": "30d"})
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=1)])
    # above 75 until 30·log2(100/75) days, above 50 until exactly 30 days
    hot_until = rules.next_change(state, moment(day=1))
    assert rules.score(state, hot_until.at).temperature == "warm"
    assert rules.score(state, Moment(hot_until.at - SECOND)).temperature == "hot"
    assert rules.next_change(state, hot_until.at).at == moment(day=31)


def test_a_silence_cools_a_lead_at_its_exact_moment():
    rules = rules_of(
        behaviour=[
            {"id": "a", "on": "seen", "points": 60},
            {"id": "quiet", "idle": {"for": "10d", "of": "any"}, "points": -5},
        ],
        decay="none",
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=1)])
    change = rules.next_change(state, moment(day=1))
    assert change.at == moment(day=21)
    assert change.what == "temperature becomes cold"


def test_points_that_come_and_go_at_once_are_told_by_the_band_they_leave():
    rules = rules_of(
        behaviour=[
            {"id": "up", "on": "seen", "points": 60, "decay": {"half_life": "30d"}},
            {"id": "down", "on": "seen", "points": -30, "decay": {"linear": {"lose": "50%", "every": "5d"}}},
        ],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=1)])
    change = rules.next_change(state, moment(day=1))
    assert change is None or rules.score(state, change.at).temperature != "cold"


def test_an_activity_that_lies_ahead_is_a_change_of_its_own():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 60}])
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=5)])
    assert rules.next_change(state, moment(day=1)).at == moment(day=5)


def test_a_window_that_empties_flips_the_stage_condition_just_after_its_edge():
    rules = rules_of(
        stages=[{"name": "busy", "enter": {"count": {"of": "seen", "at_least": 2, "within": "7d"}}}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=1, id="a"), activity("seen", day=3, id="b")])
    assert rules.next_change(state, moment(day=3)).at == moment(day=8) + SECOND


def test_time_in_a_stage_is_awaited():
    rules = rules_of(
        stages=[
            {"name": "fresh", "enter": {"activity": "seen"}},
            {"name": "stale", "from": ["fresh"], "enter": {"time_in_stage": {"at_least": "14d"}}},
        ],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=1)])
    journey, _ = rules.advance(state, Journey.start(), moment(day=1))
    assert journey.stage == "fresh"
    due = rules.journey_change(state, journey, moment(day=1))
    assert due.at == moment(day=15)
    journey, taken = rules.advance(state, journey, due.at)
    assert journey.stage == "stale"
    assert taken[0].activity_id is None


@pytest.mark.parametrize(
    ("later", "points", "decay"),
    [
        (1, -40, {"half_life": "30d"}),
        (31, -20, {"half_life": "30d"}),
        (1, -40, {"linear": {"lose": "50%", "every": "30d"}}),
        (1, -40, {"step": {"lose": "5%", "every": "1d"}}),
    ],
)
def test_points_that_cancel_at_every_moment_are_known_to_stay_on_the_edge(later, points, decay):
    rules = rules_of(
        behaviour=[{"id": "up", "on": "up", "points": 40}, {"id": "down", "on": "down", "points": points}],
        decay=decay,
        temperature=[{"name": "low"}, {"name": "high", "above": 0}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("up"), activity("down", later)])
    assert rules.next_change(state, moment(later)) is None
