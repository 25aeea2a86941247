"""Budgets as functions take of them, each counting for itself and now and then all together."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.budget import Budget, BudgetKind
from shared.domain.moments import MINUTE, SECOND, Moment, parse_moment
from shared.domain.refusals import OverBudget
from shared.usecases import spending
from shared.usecases.spending import PAUSE, Spending
from tests.fakes import InMemoryBudgets

NOON = parse_moment("2026-03-02T12:00:00Z")
KEY = Budget(BudgetKind.KEY, "website", 1000)
ADDRESS = Budget(BudgetKind.ADDRESS, "203.0.113.7", 3)


def taken(one: Spending, budget: Budget, counts: list[int], at: Moment = NOON) -> list[bool]:
    """Whether each was within the budget."""
    found = []
    for count in counts:
        try:
            one.take(budget, count, at)
            found.append(True)
        except OverBudget:
            found.append(False)
    return found


def test_a_budget_is_taken_to_its_end_and_is_whole_again_in_the_next_window() -> None:
    one = Spending(InMemoryBudgets)

    assert taken(one, ADDRESS, [1] * 5) == [True, True, True, False, False]
    assert taken(one, ADDRESS, [1], Moment(NOON + 10 * MINUTE)) == [True]


def test_the_answer_tells_how_long_to_wait() -> None:
    one = Spending(InMemoryBudgets)
    taken(one, ADDRESS, [3])

    with pytest.raises(OverBudget) as refusal:
        one.take(ADDRESS, 1, Moment(NOON + 4 * MINUTE + 1))
    assert refusal.value.retry_after == refusal.value.details["retry_after"] == 360
    assert refusal.value.message == (
        "the budget of your network address is 3 activities in 10 minutes, and it is used up: send it again in 360 s"
    )


def test_nobody_is_asked_before_a_share_is_taken_nor_once_the_budget_is_known_to_be_used_up() -> None:
    budgets = InMemoryBudgets()
    one = Spending(lambda: budgets)

    taken(one, KEY, [1] * 99)
    assert budgets.asked == 0
    taken(one, KEY, [1])
    assert budgets.asked == 1
    taken(one, KEY, [1] * 1500)
    assert budgets.asked == 10


def test_what_others_took_is_heard_of_at_the_next_asking() -> None:
    budgets = InMemoryBudgets()
    one, other = Spending(lambda: budgets), Spending(lambda: budgets)
    taken(one, KEY, [500, 500])

    assert taken(other, KEY, [1] * 101) == [True] * 99 + [False] * 2
    assert taken(other, ADDRESS, [1]) == [True]


def test_a_flood_over_the_budget_costs_no_question_each() -> None:
    budgets = InMemoryBudgets()
    one, other = Spending(lambda: budgets), Spending(lambda: budgets)
    taken(one, ADDRESS, [1] * 3)

    assert taken(other, ADDRESS, [1] * 50) == [False] * 50
    assert budgets.asked == 4


def test_while_the_common_count_is_away_a_function_goes_by_its_own_and_does_not_ask_again_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    budgets = InMemoryBudgets()
    budgets.down = True
    one = Spending(lambda: budgets)

    with caplog.at_level(logging.DEBUG):
        assert taken(one, ADDRESS, [1] * 4) == [True, True, True, False]
    assert budgets.asked == 1
    assert "going by this function's own" in caplog.text
    assert ADDRESS.name not in caplog.text

    budgets.down = False
    assert taken(one, KEY, [200], Moment(NOON + PAUSE - SECOND)) == [True]
    assert taken(one, KEY, [1], Moment(NOON + PAUSE)) == [True]
    assert budgets.asked == 2
    assert budgets.add(KEY, NOON, 0) == 201


def test_a_flood_of_invented_names_pushes_out_the_names_that_were_not_heard_of_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spending, "MOST_REMEMBERED", 10)
    one = Spending(InMemoryBudgets)
    taken(one, KEY, [10])
    for number in range(1000):
        taken(one, Budget(BudgetKind.IDENTITY, f"invented {number}", 3000), [1])
        taken(one, KEY, [1])

    assert taken(one, KEY, [1]) == [False]


COUNTS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60)), max_size=60)


@given(
    counts=COUNTS,
    limit=st.integers(60, 400),
    kind=st.sampled_from(BudgetKind),
)
def test_several_functions_take_no_more_than_a_budget_and_a_share_each(counts, limit, kind) -> None:
    """And no fewer than a function alone would, unless something is counted that was refused."""
    budget = Budget(kind, "one", limit)
    common = InMemoryBudgets()
    functions = [Spending(lambda: common) for _ in range(5)]
    sums = [0] * 5
    refused = 0
    for function, count in counts:
        if taken(functions[function], budget, [count]) == [True]:
            sums[function] += count
        else:
            refused += count

    assert sum(sums) <= limit + 4 * (budget.share - 1)
    assert all(one <= limit for one in sums)
    if sum(count for _, count in counts) <= limit:
        assert refused == 0
