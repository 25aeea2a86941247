"""A score is a pure function of the set of activities, the rule file and a moment."""

import random
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.activity import Identity, IdentityKind
from shared.domain.engine import compile_rules
from shared.domain.moments import DAY, HOUR, Moment
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.state import ScoreState, unpack
from tests.unit.domain import reference
from tests.unit.domain.random_rules import START, activities, documents, moments


def compiled(document):
    try:
        return compile_rules(parse_rule_file(document))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise


def absorbed(rules, some):
    return rules.absorb(ScoreState.empty(), some)


@given(documents(), activities(), moments)
def test_a_compiled_rule_file_scores_as_a_plain_interpreter_does(document, some, at):
    rules = compiled(document)
    expected = reference.score(document, some, at)
    actual = rules.score(absorbed(rules, some), at)
    assert {name: getattr(actual, name) for name in expected if name != "rows"} == {
        name: value for name, value in expected.items() if name != "rows"
    }


@given(documents(), activities(), moments)
def test_an_explanation_names_what_is_left_of_each_earning(document, some, at):
    rules = compiled(document)
    rows = rules.explain(some, at).contributions
    of_rules = [
        (row.rule, row.activity_id, row.at, row.earned - row.lost_to_age) for row in rows if row.rule[:4] == "rule"
    ]
    assert sorted(of_rules, key=repr) == sorted(reference.score(document, some, at)["rows"], key=repr)


@given(documents(), activities(), moments)
def test_the_counts_of_an_explanation_add_up_to_the_scores_and_the_total(document, some, at):
    rules = compiled(document)
    told = rules.explain(some, at)
    for name, points in told.scores.items():
        assert sum(row.counts for row in told.contributions if row.score == name) == points
    for row in told.contributions:
        lost = row.lost_to_age + row.lost_to_rule_cap + row.lost_to_group_cap + row.lost_to_score_limits
        assert row.earned - lost == row.counts
    weighted = sum(row.counts * told.weights[row.score] for row in told.contributions)
    assert abs(weighted - told.total * 10**9) <= 10**9 // 2
    assert rules.score(absorbed(rules, some), at).total == told.total


@given(documents(stages=True), activities(), moments, st.randoms(use_true_random=False))
def test_order_duplicates_and_batches_change_nothing(document, some, at, chance: random.Random):
    rules = compiled(document)
    whole = absorbed(rules, some)
    again = [*some, *chance.choices(some, k=len(some))] if some else []
    chance.shuffle(again)
    state = ScoreState.empty()
    while again:
        size = chance.randint(1, 4)
        batch, again = again[:size], again[size:]
        state = rules.absorb(state, batch)
    assert state == whole
    assert state.pack() == whole.pack()
    assert rules.score(state, at) == rules.score(whole, at)


@given(documents(stages=True), activities(), st.integers(0, 12))
def test_states_of_two_identities_merge_into_the_state_of_one_lead(document, some, split):
    rules = compiled(document)
    other = (Identity(IdentityKind.USER_ID, "u-1"),)
    left, right = some[:split], [replace(activity, identities=other) for activity in some[split:]]
    one, two = absorbed(rules, left), absorbed(rules, right)
    assert one.merge(two) == two.merge(one) == absorbed(rules, some)
    assert one.merge(one) == one
    assert one.merge(two).merge(one) == one.merge(two)


@given(documents(stages=True), activities(), activities(), activities())
def test_merging_is_associative_even_where_ids_clash(document, first, second, third):
    rules = compiled(document)
    a, b, c = (absorbed(rules, some) for some in (first, second, third))
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(b) == b.merge(a)


@given(documents(stages=True), activities(), moments)
def test_a_stored_state_scores_as_the_replay_of_the_log(document, some, at):
    rules = compiled(document)
    stored = unpack(absorbed(rules, some).pack())
    assert stored == absorbed(rules, some)
    parts = stored.split_by_month().values()
    joined = ScoreState.empty()
    for part in parts:
        joined = joined.merge(part)
    assert joined == stored
    assert rules.score(joined, at) == rules.score(rules.replayed(some), at)


@given(documents(), activities(), moments)
def test_what_occurs_later_does_not_count_yet(document, some, at):
    rules = compiled(document)
    happened = [activity for activity in some if activity.occurred_at <= at]
    assert rules.score(absorbed(rules, some), at) == rules.score(absorbed(rules, happened), at)


@given(documents(), activities(), moments)
def test_no_limit_is_ever_exceeded(document, some, at):
    rules = compiled(document)
    told = rules.explain(some, at)
    for name, (floor, cap) in rules.limits.items():
        assert floor is None or told.scores[name] >= floor
        assert cap is None or told.scores[name] <= cap
    for rule in rules.file.behaviour:
        left = sum(
            row.earned - row.lost_to_age - row.lost_to_rule_cap for row in told.contributions if row.rule == rule.id
        )
        assert rule.cap is None or abs(left) <= rule.cap


@given(documents(), activities(), st.integers(0, 60 * 24), st.integers(0, 60 * 24))
def test_positive_points_never_grow_by_waiting(document, some, hours, more):
    document["behaviour"] = [
        {**rule, "points": abs(rule["points"])} for rule in document["behaviour"] if "idle" not in rule
    ]
    document["total"] = {}
    rules = compiled(document)
    state = absorbed(rules, [activity for activity in some if activity.type != "score_adjusted"])
    first = Moment(START + 20 * DAY + hours * HOUR)
    later = Moment(first + more * HOUR)
    assert rules.score(state, later).scores["engagement"] <= rules.score(state, first).scores["engagement"]
