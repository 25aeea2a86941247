from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.behaviour import Key
from shared.domain.engine import Rules, compile_rules
from shared.domain.glance import glance
from shared.domain.journey import Journey, View
from shared.domain.ledger import Ledger, until
from shared.domain.moments import HOUR, MINUTE, Moment
from shared.domain.points import POINT
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.state import ScoreState
from tests.unit.domain.leads import activity, moment, rules_of
from tests.unit.domain.random_rules import START, activities, documents


def compiled(document: dict[str, Any]) -> Rules:
    try:
        return compile_rules(parse_rule_file(document))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise


def bounds(ledger: Ledger) -> list[tuple[int, Key]]:
    """Right before and right after everything that happened, and a while later."""
    told = [(at, (at, name + more)) for at, name in ledger.happened for more in ("", "\0")]
    return told + [(at + while_, until(at + while_)) for at, _ in ledger.happened for while_ in (0, 1, 5 * HOUR)]


@given(documents(), activities())
def test_what_a_glance_tells_of_scores_holds_what_a_look_finds_and_is_near_it(document, some):
    rules = compiled(document)
    ledger = rules.ledger(rules.absorb(ScoreState.empty(), some))
    for at, bound in bounds(ledger):
        spans, scores = glance(rules, ledger, at, bound), ledger.scores(at, bound)
        for name, points in {**scores, "score": ledger.total(scores)}.items():
            low, high = spans[name]
            assert low <= points <= high
            assert high - low < POINT // 1000


def since_when(rules: Rules, ledger: Ledger, journey: Journey, at: int, stage: str, left: bool) -> Key | None:  # noqa: FBT001, PLR0917
    """The plain way: look at everything that happened, from the latest back."""
    here, there = rules.stages.get(journey.stage or ""), rules.stages[stage]
    holds = here.leave if here and left else there.enter
    assert holds
    first = journey.entered_by if journey.entered_by is not None else 0
    happened = [key for key in ledger.happened if first <= key[0] <= at]
    cause = None
    for place in reversed(range(len(happened))):
        key = happened[place]
        if not holds(View(rules, ledger, journey, key[0], (key[0], key[1] + "\0"))):
            return cause if cause is None or cause[0] == key[0] else (cause[0], "")
        cause = key
        moved_on = place and happened[place - 1][0] < key[0]
        if moved_on and not holds(View(rules, ledger, journey, key[0], key)):
            break
    return cause


@given(documents(stages=True), activities(), st.sampled_from([7, 31, 20 * 24]))
def test_a_glance_finds_the_cause_that_a_look_at_every_activity_finds(document, some, hours):
    rules = compiled(document)
    state, journey = rules.replayed(some), Journey.start()
    ledger = rules.ledger(state)
    for passed in range(0, 24 * 20 + 1, hours):
        at, before = Moment(START + passed * HOUR), journey
        journey, taken = rules.advance(state, before, at)
        if taken:
            left = taken[0].cause.startswith(f"left {before.stage}: ")
            found = since_when(rules, ledger, before, at, taken[0].to_stage, left)
            assert taken[0].activity_id == (found[1] if found and found[1] else None)
            if len(taken) == 1:
                assert journey.entered_by == (found[0] if found else at)


SILENT: dict[str, Any] = {
    "behaviour": [
        {"id": "demo", "on": "demo_requested", "points": 60},
        {"id": "silence", "idle": {"for": "10d", "of": "any"}, "points": -20},
    ],
    "stages": [
        {"name": "mql", "enter": {"score": {"at_least": 50}}},
        {"name": "sql", "from": ["mql"], "enter": {"activity": "webinar_attended", "since": "stage_entry"}},
    ],
}


def test_what_no_rule_asks_about_lets_a_lead_in_where_it_ends_a_silence():
    rules = rules_of(**SILENT)
    demo, page = activity("demo_requested", 1), activity("page_viewed", 20)
    webinar = activity("webinar_attended", 21)
    began = Journey("cold", {}, moment(15), moment(15))

    state = rules.replayed([demo, page, webinar])
    journey, taken = rules.advance(state, began, moment(22))

    assert [(each.to_stage, each.activity_id) for each in taken] == [("mql", None), ("sql", webinar.id)]
    assert journey.entered_by == webinar.occurred_at
    only, (entered,) = rules.advance(rules.replayed([demo, page]), began, moment(22))
    assert (only.entered_by, entered.activity_id) == (page.occurred_at, None)


def test_what_came_after_time_had_let_a_lead_in_is_no_cause_and_counts_since_the_entry():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "a", "points": 10, "expires_after": "1h"}, {"id": "b", "on": "b", "points": 1}],
        stages=[
            {"name": "low", "enter": {"score": {"below": 5}}},
            {"name": "woken", "from": ["low"], "enter": {"activity": "b", "since": "stage_entry"}},
        ],
    )
    came = activity("b", 1, 2)

    _, taken = rules.advance(rules.replayed([activity("a", 1, 0), came]), Journey.start(), moment(1, 3))

    assert [(each.to_stage, each.activity_id) for each in taken] == [("low", None), ("woken", came.id)]


@pytest.mark.parametrize(
    "decay",
    [
        "none",
        {"half_life": "30d"},
        {"linear": {"lose": "100%", "every": "400d"}},
        {"step": {"lose": 1, "every": "40d"}},
    ],
    ids=lambda decay: decay if isinstance(decay, str) else next(iter(decay)),
)
def test_whoever_did_very_much_at_once_is_looked_at_whole_only_a_few_times(decay, monkeypatch):
    rules = rules_of(
        behaviour=[{"id": "used", "on": "feature_used", "points": 10}],
        decay=decay,
        stages=[{"name": "pql", "enter": {"all": [{"score": {"at_least": 5}}, {"activity": "feature_used"}]}}],
    )
    some = [activity("feature_used", at=Moment(moment(1) + n * MINUTE), id=f"a{n:04}") for n in range(2000)]
    state = rules.absorb(ScoreState.empty(), some)
    looks: list[int] = []
    sums = Ledger.sums

    def counted(ledger: Ledger, at: int, bound: Key) -> dict[str, int]:
        looks.append(at)
        return sums(ledger, at, bound)

    monkeypatch.setattr(Ledger, "sums", counted)

    _, (entered,) = rules.advance(state, Journey.start(), moment(3))

    assert entered.activity_id == "a0000"
    assert len(looks) < 20
