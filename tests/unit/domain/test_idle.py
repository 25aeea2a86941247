"""Silences that earn many times over: exact sums, however long they last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.idle import Silence
from shared.domain.ledger import MOST_TOLD
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND, Moment
from shared.domain.points import POINT
from shared.domain.reading import RuleFileError
from shared.domain.state import ScoreState
from tests.unit.domain.leads import activity, moment, rules_of


def quiet(length, **more):
    return rules_of(behaviour=[{"id": "quiet", "idle": {"for": length}, "points": -1, "repeat": "every", **more}])


def lead_of(rules):
    return rules.absorb(ScoreState.empty(), [activity("seen")])


def test_a_silence_earns_as_often_as_it_has_lasted():
    rules = quiet("1d")
    assert rules.score(lead_of(rules), Moment(moment() + 3000 * DAY)).total == -3000 * POINT


@pytest.mark.parametrize("times", [MOST_TOLD, MOST_TOLD + 1, 40 * MOST_TOLD])
@pytest.mark.parametrize("more", [{}, {"cap": 7}, {"expires_after": "5h"}, {"decay": {"half_life": "12h"}}])
def test_a_long_silence_is_explained_with_its_earliest_earnings_told_as_one(times, more):
    rules = quiet("5m", **more)
    at = Moment(moment() + times * 5 * MINUTE)
    explained = rules.explain(lead_of(rules), at)
    rows = explained.contributions
    assert len(rows) == min(times, MOST_TOLD)
    assert sum(row.earned for row in rows) == -times * POINT
    assert sum(row.counts for row in rows) == explained.total == rules.score(lead_of(rules), at).total
    assert rows[0].label == ("quiet" if times == MOST_TOLD else f"quiet ({times - MOST_TOLD + 1} times)")
    for row in rows:
        assert row.earned == row.counts + row.lost_to_age + row.lost_to_rule_cap


def test_so_many_earnings_with_points_left_that_no_score_could_add_them_up_are_refused():
    with pytest.raises(RuleFileError) as refused:
        quiet("1m", decay={"half_life": "30d"})
    assert "behaviour.0.idle.for" in str(refused.value)
    assert "at most 100,000" in str(refused.value)
    quiet("1h", decay={"half_life": "90d"})
    quiet("1m", decay={"half_life": "30d"}, expires_after="7d")
    quiet("1s")


@given(
    st.sampled_from(["7s", "1m", "1h"]),
    st.fixed_dictionaries(
        {},
        optional={
            "decay": st.sampled_from(
                [
                    {"half_life": "10m"},
                    {"half_life": "2h"},
                    {"half_life": "10m", "since": "last_activity"},
                    {"linear": {"lose": "50%", "every": "1m"}},
                    {"step": {"lose": 0.3, "every": "1m"}, "since": "last_activity"},
                ]
            ),
            "expires_after": st.sampled_from(["7s", "10s", "1m", "1h"]),
            "repeat": st.sampled_from(["once", "every"]),
            "active": st.sampled_from(
                [
                    {"from": "2026-01-01T00:01:30Z"},
                    {"until": "2026-01-01T00:02:00Z"},
                    {"from": "2026-01-01T00:00:07Z", "until": "2026-01-01T00:30:00.000001Z"},
                ]
            ),
        },
    ),
    st.lists(st.integers(0, 4 * HOUR // SECOND), min_size=3, max_size=8, unique=True),
    st.integers(0, 999_999),
)
def test_what_is_held_lies_within_its_span_at_every_moment_between(length, more, seconds, micros):
    rules = quiet(length, **more)
    rule, last = rules.file.behaviour[0], moment() - micros
    silence = Silence(rules, rule, last)
    start, *between, end = (moment() + second * SECOND for second in sorted(seconds))
    low, high = silence.span(start, end, last)
    for at in (start, *between, end):
        told = silence.moments(at)
        assert silence.held(at, last) == sum(rules.age(rule, told, at, last))
        assert low <= silence.held(at, last) <= high


@pytest.mark.parametrize("hours", range(3000, 3020))
def test_the_bounds_of_a_long_silence_leave_room_for_how_its_earnings_are_rounded(hours):
    rules = quiet("1h", decay={"half_life": "90d"})
    last = moment()
    silence, start = Silence(rules, rules.file.behaviour[0], last), last + hours * HOUR
    low, high = silence.span(start, start + 1, last)
    assert low <= silence.held(start, last) <= silence.held(start + 1, last) <= high


def test_the_once_of_a_silence_is_the_first_earning_that_its_period_allows():
    rules = quiet("10d", repeat="once", active={"from": "2026-01-25T00:00:00Z"})
    state = lead_of(rules)
    earned = [rules.score(state, moment(day)).total // POINT for day in (11, 21, 30, 31, 32, 300)]
    assert earned == [0, 0, 0, -1, -1, -1]
    assert rules.next_change(state, moment(day=2)) is None
    assert [row.at for row in rules.explain(state, moment(day=300)).contributions] == [moment(day=31)]
