"""The curve of a score: both ends, even steps, and the moments at which it jumps."""

from __future__ import annotations

from shared.domain.curve import POINTS, curve
from shared.domain.engine import compile_rules
from shared.domain.moments import DAY, HOUR, Moment, parse_moment
from shared.domain.points import POINT
from shared.domain.reading import parse_rule_file
from tests.people import activity, email

RULES = compile_rules(
    parse_rule_file(
        {
            "name": "acme",
            "behaviour": [{"id": "demo", "on": "demo_requested", "points": 8, "decay": {"half_life": "1d"}}],
        }
    )
)
ASKED = parse_moment("2026-03-02T09:00:00Z")
STATE = RULES.replayed([activity("a1", email("ada@example.com"), type="demo_requested", at="2026-03-02T09:00:00Z")])


def test_it_runs_from_the_first_moment_to_the_last_in_even_steps_with_the_score_of_each() -> None:
    points = curve(RULES, STATE, ASKED, Moment(ASKED + 59 * DAY))

    assert [point.at for point in points] == [ASKED + day * DAY for day in range(POINTS)]
    assert [point.total for point in points[:4]] == [8 * POINT, 4 * POINT, 2 * POINT, POINT]


def test_moments_between_are_on_it_once_and_those_beyond_it_are_not() -> None:
    until = Moment(ASKED + 59 * DAY)
    between = Moment(ASKED + DAY + 1)
    points = curve(RULES, STATE, ASKED, until, [between, ASKED, until, Moment(ASKED - 1), Moment(until + 1)])

    assert len(points) == POINTS + 1
    assert points[2].at == between
    assert [point.at for point in points] == sorted({point.at for point in points})


def test_what_began_this_minute_is_drawn_from_an_hour_before() -> None:
    points = curve(RULES, STATE, ASKED, ASKED)

    assert (points[0].at, points[-1].at) == (ASKED - HOUR, ASKED)
    assert (points[0].total, points[-1].total) == (0, 8 * POINT)
