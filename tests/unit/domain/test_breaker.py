"""When a breaker opens, how long it waits, and when it tries again."""

from __future__ import annotations

from shared.domain.breaker import CLOSED, LONGEST_WAIT, TOLERATED, Breaker
from shared.domain.moments import MINUTE, Moment, parse_moment

NOON = parse_moment("2026-03-01T12:00:00Z")


def after(failures: int) -> Breaker:
    """After so many failures, each at the moment of the next try."""
    breaker = CLOSED
    for _ in range(failures):
        breaker = breaker.failed(breaker.tries_at or NOON, "no answer")
    return breaker


def test_it_opens_at_the_third_failure_in_a_row_and_no_sooner() -> None:
    assert [after(failures).is_open for failures in range(5)] == [False, False, False, True, True]


def test_while_it_is_closed_everything_is_tried() -> None:
    assert all(after(failures).may_try(NOON) for failures in range(TOLERATED))


def test_an_open_one_tries_once_its_minute_is_over() -> None:
    breaker = after(TOLERATED)
    assert not breaker.may_try(Moment(NOON + MINUTE - 1))
    assert breaker.may_try(Moment(NOON + MINUTE))


def test_each_try_that_fails_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    waits = [after(TOLERATED + tries).wait // MINUTE for tries in range(7)]
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    assert after(20).wait == LONGEST_WAIT


def test_what_was_begun_before_it_opened_and_fails_after_changes_nothing() -> None:
    opened = after(TOLERATED)
    assert opened.failed(NOON, "timeout") == opened.failed(Moment(NOON + MINUTE - 1), "timeout") == opened


def test_it_knows_whether_a_try_has_failed_since_it_opened_or_came_back() -> None:
    assert [after(failures).has_tried for failures in range(TOLERATED + 2)] == [False] * (TOLERATED + 1) + [True]
    assert not after(TOLERATED + 1).failed_again(NOON, "no answer").has_tried


def test_it_remembers_since_when_it_is_open_and_what_failed_last() -> None:
    breaker = after(TOLERATED).failed(Moment(NOON + MINUTE), "the receiver answered 503")
    assert (breaker.since, breaker.error, breaker.failures) == (NOON, "the receiver answered 503", TOLERATED + 1)
    assert breaker.tries_at == NOON + 3 * MINUTE


def test_one_that_came_back_for_a_moment_waits_as_at_first_and_stays_open() -> None:
    breaker = after(TOLERATED + 4).failed_again(NOON, "no answer")
    assert (breaker.wait, breaker.is_open, breaker.since) == (MINUTE, True, NOON)
