"""When time alone changes something, held against looking at every moment."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain import next_change
from shared.domain.engine import compile_rules
from shared.domain.journey import Journey, View
from shared.domain.moments import DAY, HOUR, SECOND, Moment
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.state import ScoreState
from tests.unit.domain.leads import activity, moment, rules_of
from tests.unit.domain.random_rules import START, activities, documents, moments


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
        assert signature(rules, state, change.at) != base
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


LIVED_FAST = {"1h": "2s", "2h": "3s", "6h": "5s", "1d": "10s", "3d": "20s", "7d": "45s", "30d": "60s"}


def lived_fast(told):
    """A document with seconds for hours."""
    if isinstance(told, dict):
        return {name: value if name == "active" else lived_fast(value) for name, value in told.items()}
    if isinstance(told, list):
        return [lived_fast(each) for each in told]
    return LIVED_FAST.get(told, told) if isinstance(told, str) else told


@given(documents(stages=True), activities(), moments, st.integers(0, 30 * 24), st.booleans())
def test_a_search_that_stops_tells_what_one_that_goes_on_tells_up_to_there(document, some, now, hours, entered):
    try:
        rules = compile_rules(parse_rule_file(document))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise
    state = rules.absorb(ScoreState.empty(), some)
    stage = next(iter(rules.stages), None) if entered else None
    journey = Journey(stage, {}, now, now) if stage else Journey.start()
    stop = Moment(now + hours * HOUR)
    whole = next_change.find(rules, rules.ledger(state), now, journey)
    found = next_change.find(rules, rules.ledger(state), now, journey, stop)
    assert found == (whole if whole and whole.at <= stop else None)


def test_of_all_that_lies_ahead_a_search_reads_no_more_than_it_needs():
    class Counted(list[Any]):
        read = 0

        def __getitem__(self, place):
            Counted.read += 1
            return super().__getitem__(place)

        def __iter__(self):
            for each in super().__iter__():
                Counted.read += 1
                yield each

    rules = rules_of(
        behaviour=[{"id": "r", "on": "seen", "points": 1, "repeat": "every"}],
        stages=[{"name": "one", "enter": {"count": {"of": "seen", "at_least": 2, "within": "2d"}}}],
        temperature=[{"name": "low"}, {"name": "high", "at_least": 900}],
        decay="none",
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen", day, id=f"a{day:04d}") for day in range(1, 1001)])
    ledger = rules.ledger(state)
    ledger.keys, ledger.own = Counted(ledger.keys), Counted(ledger.own)
    ledger.rows.update({mark: Counted(rows) for mark, rows in ledger.rows.items()})
    journey = Journey("one", {}, moment(500), moment(500))
    assert next_change.find(rules, ledger, moment(500), journey, moment(501)) is None  # what is read once for all
    Counted.read = 0

    assert next_change.find(rules, ledger, moment(500), journey, moment(502)) is None
    assert Counted.read < 100


@given(documents(stages=True), activities(), st.integers(0, 100))
def test_it_is_what_looking_at_every_second_finds(document, some, seconds):
    try:
        rules = compile_rules(parse_rule_file(lived_fast(document)))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise
    quick = [replace(each, occurred_at=Moment(START + (each.occurred_at - START) // 3600)) for each in some]
    state = rules.absorb(ScoreState.empty(), quick)
    now = Moment(max([START, *(each.occurred_at for each in quick)]) // SECOND * SECOND + seconds * SECOND)
    change, base = rules.next_change(state, now), signature(rules, state, now)
    told = next(
        (n for n in range(1, 200) if signature(rules, state, Moment(now + n * SECOND)) != base),
        None,
    )
    found = None if change is None else (change.at - now) // SECOND
    assert found == told or (told is None and found is not None and found >= 200)


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


def test_points_that_age_since_the_last_activity_age_on_their_own_where_the_lead_itself_did_nothing():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 60}], decay={"half_life": "30d", "since": "last_activity"}
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen", day=1, own=False)])
    change = rules.next_change(state, moment(day=1))
    assert rules.score(state, change.at).temperature == "cold"
    assert rules.score(state, Moment(change.at - SECOND)).temperature == "warm"


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


def test_points_that_cancel_until_one_of_them_expires_are_known_to_stay_on_the_edge():
    rules = rules_of(
        behaviour=[
            {"id": "up", "on": "seen", "points": 40, "expires_after": "365d"},
            {"id": "down", "on": "seen", "points": -40, "expires_after": "200d"},
        ],
        decay={"half_life": "30d"},
        temperature=[{"name": "low"}, {"name": "high", "above": 0}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    assert rules.next_change(state, moment(1)).at == moment(201)


BY_A_BILLIONTH = 0.000000001
HALVED = {"half_life": "30d"}


@pytest.mark.parametrize(
    ("points", "edge"),
    [((5, 5, -10), n) for n in range(-4, 5)] + [((3, 3, 3, -9), n) for n in (-4, -3, -1, 0, 2, 3)],
)
def test_points_that_cancel_but_for_their_rounding_are_told_at_once(points, edge):
    rules = rules_of(
        behaviour=[{"id": f"r{place}", "on": "seen", "points": each} for place, each in enumerate(points)],
        decay=HALVED,
        temperature=[{"name": "low"}, {"name": "high", "above": round(edge * BY_A_BILLIONTH, 9)}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    change, base = rules.next_change(state, moment(2)), signature(rules, state, moment(2))
    near = (n for n in range(1, 2000) if signature(rules, state, Moment(moment(2) + n * SECOND)) != base)
    assert (None if change is None else (change.at - moment(2)) // SECOND) == next(near, None)


@pytest.mark.parametrize("beyond", [-100, -1, 0, 1, 2, 3, 100])
def test_a_sum_that_rises_and_falls_reaches_its_peak_and_no_billionth_more(beyond):
    peak, at = 18.898815749, 2217588  # of -40 with a half-life of 10 days and 40 with one of 40, by every second
    rules = rules_of(
        behaviour=[
            {"id": "down", "on": "seen", "points": -40, "decay": {"half_life": "10d"}},
            {"id": "up", "on": "seen", "points": 40, "decay": {"half_life": "40d"}},
        ],
        temperature=[{"name": "low"}, {"name": "high", "at_least": round(peak + beyond * BY_A_BILLIONTH, 9)}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    change = rules.next_change(state, moment(2))
    if beyond > 0:
        assert change is None
    else:
        assert change.what == "temperature becomes high"
        assert signature(rules, state, Moment(change.at - SECOND)) == signature(rules, state, moment(2))
        assert at - 400 < (change.at - moment(2)) // SECOND <= at


def test_the_last_billionth_of_a_point_that_leaves_is_told():
    rules = rules_of(
        behaviour=[
            {"id": "stays", "on": "seen", "points": 50, "decay": "none"},
            {"id": "up", "on": "seen", "points": 10},
            {"id": "down", "on": "left", "points": -2},
        ],
        decay=HALVED,
        temperature=[{"name": "low"}, {"name": "high", "above": 50}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen"), activity("left", 3)])
    change = rules.next_change(state, moment(4))
    assert rules.score(state, change.at).total == 50 * 10**9
    assert rules.score(state, Moment(change.at - SECOND)).total == 50 * 10**9 + 1


QUIET = {"decay": {"half_life": "30d"}, "points": -1}


@pytest.mark.parametrize(
    ("rules", "edge", "days"),
    [
        # earns for ever, and its points stay: 10,001 times 30 days after the 1st
        ([{"idle": {"for": "30d"}, "points": -1}], -10000.5, 10001 * 30),
        ([{"idle": {"for": "30d"}, "points": -1}], -1000000, None),
        # earns for ever, and its points age: the sum tends to one that repeats itself
        ([{"idle": {"for": "1d"}, **QUIET}], -20, 27),
        ([{"idle": {"for": "1d"}, **QUIET}], -43.8, None),
        ([{"idle": {"for": "1h", "of": ["seen"]}, **QUIET}], -1100, None),
        # two that take turns never add up to more than one of them
        ([{"idle": {"for": "7h"}, "points": 1}, {"idle": {"for": "7h"}, "points": -1}], 1.5, None),
        ([{"idle": {"for": "30d"}, "points": -1}, {"idle": {"for": "60d"}, "points": 2}], 1.5, None),
        # one gains on the other, a point in 930 days: 156 times 30 days begin where 150 times 31 have ended
        ([{"idle": {"for": "30d"}, "points": -1}, {"idle": {"for": "31d"}, "points": 1}], -5.5, 4680),
        ([{"idle": {"for": "30d"}, "points": -1}, {"idle": {"for": "31d"}, "points": 1}], 5, None),
        # one has moved to its cap, the other comes and goes for ever
        (
            [
                {"idle": {"for": "1d"}, "points": 33.3, "cap": 60},
                {"idle": {"for": "3d"}, "points": -60, "expires_after": "1d"},
            ],
            61,
            None,
        ),
    ],
)
def test_what_silences_earn_for_ever_is_told_to_its_end(rules, edge, days):
    compiled = rules_of(
        behaviour=[{"id": f"r{place}", "repeat": "every", **rule} for place, rule in enumerate(rules)],
        temperature=[{"name": "low"}, {"name": "high", "above": edge}],
        decay="none",
    )
    state = compiled.absorb(ScoreState.empty(), [activity("seen")])
    change = compiled.next_change(state, moment(1))
    assert (change and (change.at - moment(1)) / DAY) == days


def test_an_edge_that_a_score_crosses_without_effect_holds_nothing_up():
    rules = rules_of(
        behaviour=[{"id": "quiet", "idle": {"for": "1d"}, "repeat": "every", **QUIET}],
        stages=[{"name": "s", "enter": {"all": [{"activity": "never"}, {"score": {"above": -40}}]}}],
    )
    state = rules.absorb(ScoreState.empty(), [activity("seen")])
    assert rules.next_change(state, moment(1)) is None


def test_the_last_earning_is_waited_for_though_the_first_is_long_gone():
    bands = [{"name": "cold"}, {"name": "warm", "above": 5}]
    rule = {"id": "a", "on": "seen", "points": 10, "expires_after": "30d"}
    rules = rules_of(temperature=bands, behaviour=[rule])
    state = rules.absorb(ScoreState.empty(), [activity("seen", 1), activity("seen", 100)])
    assert rules.next_change(state, moment(101)).at == moment(130)


def test_what_silences_earn_and_lose_again_is_awaited_in_any_of_their_rounds():
    bands = [{"name": "cold"}, {"name": "warm", "above": 5}]
    rule = {"id": "a", "idle": {"for": "10d", "of": "any"}, "points": 10, "expires_after": "1d"}
    rules = rules_of(temperature=bands, behaviour=[rule])
    state = rules.absorb(ScoreState.empty(), [activity("seen", 1)])
    assert rules.next_change(state, moment(105)).at == moment(111)
    assert rules.next_change(state, moment(111)).at == moment(112)


def test_above_a_time_in_a_stage_is_a_second_after_it():
    stages = [{"name": "one", "enter": {"activity": "seen"}}]
    stages.append({"name": "two", "enter": {"time_in_stage": {"above": "1h"}}})
    rules = rules_of(stages=stages)
    state = rules.absorb(ScoreState.empty(), [activity("seen", 1)])
    journey, _ = rules.advance(state, Journey.start(), moment(1))
    assert rules.journey_change(state, journey, moment(1)).at == moment(1, 1, 0, 1)
