"""Windows, shares and senders: the arithmetic of budgets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.budget import WINDOWS, Budget, BudgetKind, Taken
from shared.domain.moments import MINUTE, SECOND, Moment, parse_moment

NOON = parse_moment("2026-03-02T12:00:00Z")


def budget(kind=BudgetKind.KEY, limit=1000):
    return Budget(kind, "website", limit)


@pytest.mark.parametrize(
    ("kind", "after", "seconds"),
    [
        (BudgetKind.KEY, 0, 60),
        (BudgetKind.IDENTITY, 59 * SECOND, 1),
        (BudgetKind.KEY, MINUTE - 1, 1),
        (BudgetKind.KEY, SECOND // 2, 60),
        (BudgetKind.FORM, 0, 600),
        (BudgetKind.ADDRESS, 9 * MINUTE, 60),
        (BudgetKind.SENDER, 0, 60),
    ],
)
def test_a_window_has_whole_seconds_left(kind, after, seconds):
    assert budget(kind).seconds_left(Moment(NOON + after)) == seconds


@given(st.sampled_from(BudgetKind), st.integers(0, 2**60))
def test_who_waits_as_long_as_told_is_in_the_next_window_and_no_later_one(kind, at):
    some = budget(kind)
    later = Moment(at + some.seconds_left(Moment(at)) * SECOND)

    assert some.begin(later) == some.begin(Moment(at)) + WINDOWS[kind]
    assert 1 <= some.seconds_left(Moment(at)) <= WINDOWS[kind] // SECOND


@pytest.mark.parametrize(
    ("kind", "limit", "share"),
    [
        (BudgetKind.KEY, 60_000, 6000),
        (BudgetKind.IDENTITY, 3000, 300),
        (BudgetKind.IDENTITY, 3, 1),
        (BudgetKind.SENDER, 1200, 120),
        (BudgetKind.FORM, 600, 1),
        (BudgetKind.ADDRESS, 30, 1),
    ],
)
def test_a_large_budget_is_asked_for_by_tenths_and_a_small_one_each_time(kind, limit, share):
    assert budget(kind, limit).share == share


def test_what_is_known_is_the_last_answer_and_what_came_since():
    taken = Taken(by_all=990).more(4).more(6)

    assert taken.known == 1000
    assert taken.leaves_room(budget(), 0)
    assert not taken.leaves_room(budget(), 1)
    assert taken.told(1200) == Taken(by_all=1200)
