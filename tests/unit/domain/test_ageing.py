from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ageing import Decay, Halving, halved
from shared.domain.moments import DAY, HOUR
from shared.domain.points import POINT, divide, format_points, to_billionths
from tests.unit.domain.leads import activity, moment, rules_of, total

MONTH = 30 * DAY
FORTY = 40 * POINT


@given(st.integers(-(10**18), 10**18), st.integers(0, 10 * 365 * DAY), st.integers(1, 365 * DAY))
def test_a_half_life_is_the_exact_power_rounded_once(points, age, half_life):
    with localcontext() as context:
        context.prec = 100
        exact = Decimal(points) * Decimal(2) ** (-Decimal(age) / Decimal(half_life))
        assert halved(points, age, half_life) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


@given(
    st.one_of(st.integers(-(10**18), 10**18), st.integers(-(10**4), 10**4)),
    st.lists(st.integers(0, 10 * 365 * DAY), min_size=1),
    st.lists(st.integers(0, 10 * 365 * DAY), min_size=1, max_size=5),
    st.integers(0, 365 * DAY),
    st.sampled_from([HOUR, DAY, MONTH, 1, 7, 2**50, 2**60 + 1]),
)
def test_the_quick_way_rounds_as_the_exact_one_does(points, moments, looks, before, half_life):
    moments = sorted(moments)
    ends = half_life * (abs(points).bit_length() + 2)
    prepared = Halving(points, moments, half_life, ends, moments[0] - before)
    for at in (at for at in looks if at >= moments[0]):
        happened = [moment for moment in moments if moment <= at]
        assert prepared.left(at, 0, len(happened)) == [halved(points, at - moment, half_life) for moment in happened]
        assert (
            prepared.left(at, len(happened) // 2, len(happened))
            == prepared.left(at, 0, len(happened))[len(happened) // 2 :]
        )


@pytest.mark.parametrize("points", [1, -1, 3, 5, -5, 5 * POINT, -FORTY])
def test_points_halfway_between_two_billionths_are_left_to_the_exact_way(points):
    prepared = Halving(points, [0], HOUR, 1000 * HOUR, 0)
    looks = [HOUR * hours for hours in range(70)]
    assert [prepared.left(at, 0, 1) for at in looks] == [[halved(points, at, HOUR)] for at in looks]


def test_of_nothing_nothing_is_left_however_long_before_the_first_earning():
    prepared = Halving(FORTY, [5000 * HOUR], HOUR, 1000 * HOUR, 5000 * HOUR)
    assert prepared.left(0, 0, 0) == []
    assert prepared.about(0, 0, 0) == (0, 0)


def test_whole_half_lives_are_exact_and_round_half_to_even():
    assert halved(FORTY, 3 * MONTH, MONTH) == 5 * POINT
    assert [halved(points, MONTH, MONTH) for points in (1, 3, 5, -1, -3)] == [0, 2, 2, 0, -2]
    assert halved(FORTY, 2**70, 1) == 0


@given(
    st.integers(0, 10**15), st.integers(0, 400 * DAY), st.integers(0, 400 * DAY), st.sampled_from([HOUR, DAY, MONTH])
)
def test_points_only_shrink_with_age(points, age, more, length):
    for decay in (
        Decay("half_life", half_life=length),
        Decay("linear", every=length, share=(1, 3)),
        Decay("step", every=length, lose=7 * POINT),
    ):
        assert 0 <= decay.aged(points, age + more) <= decay.aged(points, age) <= points
        assert decay.aged(-points, age) == -decay.aged(points, age)


@pytest.mark.parametrize(
    ("decay", "after", "left"),
    [
        ({"linear": {"lose": "50%", "every": "30d"}}, 15, 30),
        ({"linear": {"lose": "50%", "every": "30d"}}, 30, 20),
        ({"linear": {"lose": "50%", "every": "30d"}}, 60, 0),
        ({"linear": {"lose": "50%", "every": "30d"}}, 90, 0),
        ({"linear": {"lose": 4, "every": "30d"}}, 15, 38),
        ({"step": {"lose": "50%", "every": "30d"}}, 29, 40),
        ({"step": {"lose": "50%", "every": "30d"}}, 30, 20),
        ({"step": {"lose": "50%", "every": "30d"}}, 60, 0),
        ({"step": {"lose": "15%", "every": "45d"}}, 90, 28),
        ({"step": {"lose": 5, "every": "30d"}}, 65, 30),
        ({"half_life": "30d"}, 60, 10),
        ("none", 600, 40),
    ],
)
def test_forty_points_age_as_written(decay, after, left):
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 40, "decay": decay}])
    assert total(rules, [activity("seen")], moment(1 + after)) == left
    negative = rules_of(behaviour=[{"id": "a", "on": "seen", "points": -40, "decay": decay}])
    assert total(negative, [activity("seen")], moment(1 + after)) == -left


def test_new_activity_restores_points_that_age_since_the_last():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 40, "decay": {"half_life": "30d", "since": "last_activity"}}]
    )
    seen, other = activity("seen"), activity("anything", day=31)
    assert total(rules, [seen], moment(31)) == 20
    assert total(rules, [seen, other], moment(31)) == 40
    assert total(rules, [seen, other], moment(30, 23, 59)) > 20
    not_own = activity("told_by_crm", day=31, own=False)
    assert total(rules, [seen, not_own], moment(31)) == 20


def test_an_earning_counts_while_its_own_age_is_below_its_expiry():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 40, "expires_after": "7d", "decay": "none"}])
    assert total(rules, [activity("seen")], moment(8) - 1) == 40
    assert total(rules, [activity("seen")], moment(8)) == 0
    refreshed = rules_of(
        behaviour=[
            {
                "id": "a",
                "on": "seen",
                "points": 40,
                "expires_after": "7d",
                "decay": {"half_life": "1d", "since": "last_activity"},
            }
        ]
    )
    assert total(refreshed, [activity("seen"), activity("other", day=8)], moment(8)) == 0


def test_the_files_decay_is_the_default_of_rules_with_on_alone():
    rules = rules_of(
        behaviour=[
            {"id": "a", "on": "seen", "points": 40},
            {"id": "b", "on": "seen", "points": 1, "decay": "none"},
            {"id": "quiet", "idle": {"for": "10d"}, "points": -2, "repeat": "once"},
        ],
        decay={"half_life": "30d"},
    )
    assert total(rules, [activity("seen")], moment(31)) == 20 + 1 - 2


def test_numbers_mean_the_decimals_written():
    assert to_billionths(0.1) + to_billionths(0.2) == to_billionths(0.3) == 300_000_000
    assert to_billionths(Decimal("33.333333333")) == 33_333_333_333
    assert [format_points(value) for value in (65 * POINT, -250_000_000, 1, 0)] == ["65", "-0.25", "0.000000001", "0"]
    assert [divide(value, 2) for value in (1, 3, 5, -1, -3)] == [0, 2, 2, 0, -2]
