"""What time alone will change next of what people see of a lead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.engine import Rules, compile_rules
from shared.domain.forecast import Forecast, forecast
from shared.domain.journey import Journey
from shared.domain.moments import DAY, SECOND, Moment, parse_moment
from shared.domain.reading import parse_rule_file
from tests.people import activity, email

ADA = email("ada@engines.example")
NOW = parse_moment("2026-03-01T09:00:00Z")
RULES: dict[str, Any] = {
    "name": "acme",
    "behaviour": [
        {"id": "demo", "on": "demo_requested", "points": 80, "expires_after": "10d"},
        {"id": "view", "on": "page_viewed", "points": 10, "expires_after": "5d"},
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 40}, {"name": "hot", "above": 85}],
}


def rules_of(**more: Any) -> Rules:
    return compile_rules(parse_rule_file({**RULES, **more}), 1)


def did(rules: Rules, *types: str) -> Any:
    return rules.replayed(
        replace(activity(f"a{place}", ADA, type=type_), occurred_at=NOW) for place, type_ in enumerate(types)
    )


def told(rules: Rules, state: Any, journey: Journey | None = None, **rest: Any) -> list[tuple[int, str, Any, Any]]:
    found = forecast(rules, state, journey or Journey.start(), NOW, **rest)
    return [((each.at - NOW) // DAY, each.what, each.before, each.after) for each in found]


def test_a_temperature_that_ends_is_told_with_its_day_and_what_comes_then() -> None:
    rules = rules_of()

    assert told(rules, did(rules, "demo_requested", "page_viewed")) == [(5, "temperature", "hot", "warm")]


def test_where_nothing_will_ever_change_nothing_is_told() -> None:
    rules = rules_of()

    assert told(rules, did(rules, "page_viewed")) == []


def test_what_nobody_sees_is_gone_through() -> None:
    """A condition that holds no longer moves no lead that it let in long ago."""
    stages = [{"name": "mql", "enter": {"score": {"at_least": 90}}}]
    rules = rules_of(temperature=[{"name": "cold"}, {"name": "warm", "above": 40}], stages=stages)
    state = did(rules, "demo_requested", "page_viewed")
    journey, _ = rules.advance(state, Journey.start(), NOW)

    assert journey.stage == "mql"
    assert told(rules, state, journey) == [(10, "temperature", "warm", "cold")]


def test_however_many_conditions_change_unseen_before_what_shows_is_told() -> None:
    asks = [{"count": {"of": "page_viewed", "at_least": number, "within": "1h"}} for number in range(1, 41)]
    nowhere = [{"name": f"s{place}", "from": ["closed"], "enter": ask} for place, ask in enumerate(asks)]
    stages = [*nowhere, {"name": "closed", "enter": {"activity": "deal_closed"}}]
    rules = rules_of(stages=stages)
    views = [
        replace(activity(f"v{second:02d}", ADA), occurred_at=Moment(NOW - second * SECOND)) for second in range(40)
    ]

    assert told(rules, rules.replayed(views)) == [(4, "temperature", "hot", "warm")]


def test_what_changes_in_one_second_is_told_together() -> None:
    stages = [
        {
            "name": "mql",
            "enter": {"score": {"at_least": 80}},
            "leave": {"when": {"score": {"below": 50}}, "to": "rest"},
        },
        {"name": "rest"},
    ]
    rules = rules_of(stages=stages)
    state = did(rules, "demo_requested")
    journey, _ = rules.advance(state, Journey.start(), NOW)

    assert told(rules, state, journey) == [(10, "temperature", "warm", "cold"), (10, "stage", "mql", "rest")]


def test_the_day_on_which_sales_wants_to_look_again_is_one_on_which_a_stage_may_change() -> None:
    stages = [
        {"name": "recycled", "enter": {"activity": "handoff_recycled"}},
        {"name": "mql", "from": ["recycled"], "enter": {"score": {"at_least": 80}}},
    ]
    rules = rules_of(stages=stages, handoff={"mql": {"to": "default", "respond_within": "1h", "notify": ["email"]}})
    state = did(rules, "demo_requested")
    back = Journey("recycled", {"mql": 1, "recycled": 1}, NOW, NOW, frozenset({"mql"}))

    assert told(rules, state, back) == [(10, "temperature", "warm", "cold")]
    assert told(rules, state, back, look_again=Moment(NOW + 3 * DAY)) == [(3, "stage", "recycled", "mql")]


@given(
    points=st.lists(st.integers(-60, 90), min_size=1, max_size=4),
    half_lives=st.lists(st.sampled_from(["1d", "3d", "10d"]), min_size=4, max_size=4),
)
@example(points=[0, -1, 45, -5], half_lives=["1d", "1d", "10d", "1d"])  # warm as soon as a moment has gone by
def test_nothing_that_shows_differs_before_the_moment_and_it_does_then(
    points: list[int], half_lives: list[str]
) -> None:
    kinds = [f"did_{place}" for place in range(len(points))]
    behaviour = [
        {"id": kind, "on": kind, "points": point or 1, "decay": {"half_life": half_life}}
        for kind, point, half_life in zip(kinds, points, half_lives, strict=False)
    ]
    rules = rules_of(behaviour=behaviour)
    state = did(rules, *kinds)
    before = rules.score(state, NOW).temperature

    found = forecast(rules, state, Journey.start(), NOW)

    if not found:
        later = [rules.score(state, Moment(NOW + day * DAY)).temperature for day in range(400)]
        assert set(later) == {before}
        return
    (change,) = found
    assert change == Forecast(change.at, "temperature", before, rules.score(state, change.at).temperature)
    assert change.after != before
    seconds = (change.at - NOW) // SECOND
    steps = [Moment(NOW + seconds * part // 50 * SECOND) for part in range(50)] + [Moment(change.at - SECOND)]
    assert {rules.score(state, at).temperature for at in steps} == {before}


TESTS = st.sampled_from(
    [
        {"score": {"at_least": 30}},
        {"score": {"below": 10}},
        {"temperature": "warm"},
        {"count": {"of": "page_viewed", "below": 2, "within": "20s"}},
        {"activity": "demo_requested", "since": "stage_entry"},
        {"time_in_stage": {"at_least": "15s"}},
    ]
)
ASKED = st.one_of(TESTS, st.lists(TESTS, min_size=2, max_size=2).map(lambda parts: {"any": parts}))


@given(
    asked=st.lists(ASKED, min_size=1, max_size=3),
    stay=st.sampled_from([None, "10s", "25s"]),
    silence=st.sampled_from(["15s", "40s"]),
    did_at=st.lists(st.integers(-40_000, 5_000), min_size=1, max_size=5),
)
def test_whoever_looks_every_second_sees_nothing_else_first(
    asked: list[dict[str, Any]], stay: str | None, silence: str, did_at: list[int]
) -> None:
    """Moments are milliseconds from now; what lies ahead is of somebody whose clock is."""
    stages: list[dict[str, Any]] = [{"name": f"s{place}", "enter": ask} for place, ask in enumerate(asked)]
    stages[0] |= {"stay": stay} if stay else {}
    behaviour = [
        {"id": "demo", "on": "demo_requested", "points": 40, "decay": {"half_life": "20s"}},
        {"id": "view", "on": "page_viewed", "points": 15, "expires_after": "30s"},
        {"id": "quiet", "idle": {"for": silence, "of": "any"}, "points": -5, "repeat": "every"},
    ]
    bands = [{"name": "cold"}, {"name": "warm", "above": 20}]
    rules = rules_of(behaviour=behaviour, temperature=bands, stages=stages)
    state = rules.replayed(
        replace(activity(f"a{place}", ADA, type=kind), occurred_at=Moment(NOW + at * SECOND // 1000))
        for place, (at, kind) in enumerate(zip(did_at, ["demo_requested", "page_viewed"] * 3, strict=False))
    )
    journey, _ = rules.advance(state, Journey.start(), NOW)
    before = rules.score(state, NOW).temperature, journey.stage

    found = forecast(rules, state, journey, NOW, looked_at=True)

    seen = None
    for second in range(1, 91):
        at = Moment(NOW + second * SECOND)
        journey, _ = rules.advance(state, journey, at)
        now = rules.score(state, at).temperature, journey.stage
        if now != before:
            names = zip(("temperature", "stage"), before, now, strict=True)
            seen = [Forecast(at, what, was, becomes) for what, was, becomes in names if was != becomes]  # type: ignore[arg-type]
            break
    assert [each for each in found if each.at <= NOW + 90 * SECOND] == (seen or [])
