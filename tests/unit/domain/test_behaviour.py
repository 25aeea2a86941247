import pytest

from shared.domain.activity import Rank
from shared.domain.limits import limited
from shared.domain.moments import DAY, Moment
from shared.domain.points import POINT
from shared.domain.state import ScoreState, known_facts
from tests.unit.domain.leads import activity, facts, moment, rules_of, total

LATER = moment(300)


def one(**rule):
    return rules_of(behaviour=[{"id": "a", "on": "seen", "points": 10, **rule}])


def seen(*days, **more):
    return [activity("seen", day, id=f"{place:02}", **more) for place, day in enumerate(days)]


def earned(rules, activities, at=LATER):
    return [(row.activity_id, row.counts // POINT) for row in rules.explain(activities, at).contributions]


def test_a_lead_with_no_activity_has_zero_and_never_null():
    rules = one()
    assert total(rules, [], LATER) == 0
    assert rules.explain([], LATER).scores == {"engagement": 0, "fit": 0}


def test_types_are_compared_exactly():
    assert total(one(), [activity("Seen")], LATER) == 0
    assert total(one(on=["seen", "heard"]), [activity("seen"), activity("heard")], LATER) == 20


def test_a_rule_is_in_force_from_its_first_moment_until_just_before_its_last():
    rules = one(active={"from": "2026-01-02T00:00:00Z", "until": "2026-01-03T00:00:00Z"})
    edges = [moment(2) - 1, moment(2), moment(3) - 1, moment(3)]
    found = [activity("seen", id=f"{place}", at=Moment(at)) for place, at in enumerate(edges)]
    assert earned(rules, found) == [("1", 10), ("2", 10)]


def test_an_activity_at_exactly_the_moment_of_scoring_counts_and_a_later_one_not_yet():
    assert total(one(), [activity("seen", 5)], moment(5)) == 10
    assert total(one(), [activity("seen", 5)], Moment(moment(5) - 1)) == 0


def test_the_activity_that_completes_the_number_within_the_window_earns_and_they_are_used_up():
    rules = one(at_least={"times": 2, "within": "7d"})
    assert earned(rules, seen(1, 8)) == [("01", 10)]
    assert earned(rules, [*seen(1), activity("seen", id="z", at=Moment(moment(8) + 1))]) == []
    assert earned(rules, seen(1, 2, 3)) == [("01", 10)]
    assert earned(rules, seen(1, 2, 3, 4)) == [("01", 10), ("03", 10)]
    assert earned(rules, seen(1, 9, 10)) == [("02", 10)]


def test_distinct_counts_different_values_and_keeps_the_latest_of_a_repeated_one():
    rules = one(at_least={"times": 2, "within": "7d", "distinct": "properties.post"})
    posts = [activity("seen", day, id=f"{day}", post=post) for day, post in ((1, "a"), (6, " A"), (12, "b"))]
    assert earned(rules, posts) == [("12", 10)]
    assert earned(rules, posts[:2]) == []
    nameless = [activity("seen", day, id=f"{day}") for day in (1, 2)]
    assert earned(rules, nameless) == []


def test_a_repeated_value_also_takes_its_new_place_in_time():
    rules = one(at_least={"times": 3, "within": "7d", "distinct": "properties.post"})
    posts = ((1, "a"), (2, "b"), (9, "a"), (10, "c"))
    assert earned(rules, [activity("seen", day, id=f"{day:02}", post=post) for day, post in posts]) == []


def test_equal_moments_go_by_id():
    rules = one(at_least={"times": 2}, repeat={"once_per_value": "properties.post"})
    found = [activity("seen", 1, id=name, post=post) for name, post in (("b", "x"), ("a", "y"), ("d", "y"), ("c", "x"))]
    # a+b completes with b (x); c+d with d (y)
    assert earned(rules, found) == [("b", 10), ("d", 10)]


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ("every", ["00", "01", "02", "03"]),
        ("once", ["00"]),
        ("latest", ["03"]),
        ({"once_per": "7d"}, ["00", "02", "03"]),
        ({"once_per_value": "properties.mail"}, ["00"]),
    ],
)
def test_repeat_chooses_among_the_earnings(repeat, expected):
    assert [name for name, _ in earned(one(repeat=repeat), seen(1, 4, 8, 15))] == expected


def test_one_mail_opened_three_times_scores_once():
    rules = one(repeat={"once_per_value": "properties.mail"})
    opened = [activity("seen", day, id=f"{day}", mail=mail) for day, mail in ((1, 1), (2, "1"), (3, 1.0), (4, 1))]
    assert [name for name, _ in earned(rules, opened)] == ["1", "2"]


def test_repeat_never_looks_at_age_or_expiry():
    rules = one(repeat="once", expires_after="7d", decay="none")
    assert earned(rules, seen(1, 20), moment(21)) == [("00", 0)]
    fresh = one(repeat="latest", decay={"half_life": "30d"})
    assert total(fresh, seen(1, 31), moment(31)) == 10


def test_a_rule_instead_of_another_takes_its_activities_from_it_alone():
    rules = rules_of(
        behaviour=[
            {"id": "any", "on": "seen", "points": 1},
            {"id": "paper", "on": "seen", "points": 10},
            {"id": "special", "on": "seen", "points": 30, "where": {"properties.x": {"is": 1}}, "instead_of": "paper"},
        ]
    )
    assert total(rules, [activity("seen", x=1)], LATER) == 31
    assert total(rules, [activity("seen", x=2)], LATER) == 11


def test_it_takes_them_even_where_it_does_not_earn_but_not_where_only_if_fails():
    def rules(**more):
        return rules_of(
            behaviour=[
                {"id": "paper", "on": "seen", "points": 10},
                {
                    "id": "special",
                    "on": "seen",
                    "points": 30,
                    "instead_of": "paper",
                    "where": {"properties.x": {"is": 1}},
                    **more,
                },
            ]
        )

    found = [activity("seen", day, id=f"{day}", x=1) for day in (1, 2)]
    assert total(rules(repeat="once"), found, LATER) == 30
    only_if = rules(only_if={"company.country": {"is": "US"}})
    assert total(only_if, found, LATER) == 20
    assert total(only_if, [*found, facts(3, company={"country": "us"})], LATER) == 60
    assert total(only_if, [*found, facts(3, company={"country": "us"})], moment(2)) == 20


def test_a_rule_that_is_itself_replaced_still_replaces():
    rules = rules_of(
        behaviour=[
            {"id": "low", "on": "seen", "points": 1},
            {
                "id": "middle",
                "on": "seen",
                "points": 10,
                "instead_of": "low",
                "where": {"properties.x": {"at_least": 1}},
            },
            {
                "id": "high",
                "on": "seen",
                "points": 100,
                "instead_of": "middle",
                "where": {"properties.x": {"at_least": 2}},
            },
        ]
    )
    assert [total(rules, [activity("seen", x=x)], LATER) for x in (0, 1, 2)] == [1, 10, 100]


def test_caps_take_from_the_latest_positive_contributions_first():
    rules = one(cap=25)
    assert earned(rules, seen(1, 2, 3)) == [("00", 10), ("01", 10), ("02", 5)]
    assert earned(one(points=-10, cap=25), seen(1, 2, 3)) == [("00", -10), ("01", -10), ("02", -5)]


def test_a_cap_takes_nothing_from_negative_points_and_a_floor_nothing_from_positive_ones():
    assert limited([20, -5], None, 10) == [15, -5]
    assert limited([-20, 5], -10, None) == [-15, 5]


def test_at_exactly_its_expiry_nothing_counts_any_more_of_what_halves_either():
    rules = one(decay={"half_life": "30d"}, expires_after="7d")
    assert total(rules, seen(1), moment(8)) == 0
    assert total(rules, seen(1), Moment(moment(8) - 1)) > 0


def test_a_groups_cap_is_on_its_net_and_holds_both_ways():
    def rules(points, other):
        return rules_of(
            behaviour=[
                {"id": "a", "on": "seen", "points": points, "group": "g"},
                {"id": "b", "on": "heard", "points": other, "group": "g"},
            ],
            groups={"g": {"cap": 15}},
        )

    both = [activity("seen", 1, id="1"), activity("heard", 2, id="2")]
    assert total(rules(10, 10), both, LATER) == 15
    assert total(rules(20, -10), both, LATER) == 10
    assert total(rules(-10, -10), both, LATER) == -15
    assert earned(rules(10, 10), both) == [("1", 10), ("2", 5)]
    assert earned(rules(-10, -10), both) == [("1", -10), ("2", -5)]


def test_a_score_keeps_its_floor_and_cap_and_then_weighs_in_the_total():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 80}, {"id": "b", "on": "left", "points": -30}],
        scores={"engagement": {"floor": -20, "cap": 100}, "product": {}},
        total={"engagement": 0.5},
    )
    assert total(rules, seen(1, 2), LATER) == 50
    assert total(rules, [activity("left")], LATER) == -10
    assert earned(rules, seen(1, 2)) == [("00", 80), ("01", 20)]
    assert earned(rules, [activity("left", id="x")]) == [("x", -20)]


def test_scores_of_fifty_and_a_half_are_warm():
    rules = one(points=50.5)
    assert rules.explain(seen(1), LATER).temperature == "warm"
    assert [one(points=points).explain(seen(1), LATER).temperature for points in (50, 75, 75.000000001)] == [
        "cold",
        "warm",
        "hot",
    ]


def test_only_the_silence_that_lasts_earns():
    rules = rules_of(behaviour=[{"id": "quiet", "idle": {"for": "30d", "of": "any"}, "points": -10, "repeat": "every"}])
    assert total(rules, [], LATER) == 0
    assert total(rules, [activity("anything")], moment(31) - 1) == 0
    assert total(rules, [activity("anything")], moment(31)) == -10
    assert total(rules, [activity("anything")], moment(91)) == -30
    assert total(rules, [activity("anything"), activity("other", 91)], moment(91)) == 0
    assert total(rules, [activity("anything"), activity("crm", 91, own=False)], moment(91)) == -30


def test_a_silence_of_some_types_is_ended_by_those_alone():
    rules = rules_of(
        behaviour=[{"id": "quiet", "idle": {"for": "10d", "of": ["seen"]}, "points": -10, "repeat": "once"}]
    )
    assert total(rules, [activity("seen"), activity("other", 20)], moment(40)) == -10
    assert total(rules, [activity("other")], moment(40)) == 0
    assert total(rules, [activity("seen", id="1"), activity("seen", 35, id="2")], moment(40)) == 0


def test_adjustments_enter_before_the_floor_and_cap_and_never_age():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 40, "cap": 40, "decay": {"half_life": "30d"}}],
        scores={"engagement": {"floor": 0, "cap": 100}},
    )

    def adjusted(day, **said):
        return activity("score_adjusted", day, id=f"adj-{day}", rank=Rank.SALES, own=False, score="engagement", **said)

    assert total(rules, [activity("seen"), adjusted(1, by=70)], moment(1)) == 100
    assert total(rules, [activity("seen"), adjusted(31, to=80)], moment(31)) == 80
    assert total(rules, [activity("seen"), adjusted(31, to=80)], moment(61)) == 70
    assert total(rules, [activity("seen"), adjusted(31, to=80), adjusted(32, to=10)], moment(32)) == 10
    assert total(rules, [adjusted(1, by=-30)], LATER) == 0
    public = activity("score_adjusted", rank=Rank.PUBLIC, by=70)
    assert total(rules, [public], LATER) == 0


def test_to_reckons_with_the_sum_just_before_it_ahead_of_the_cap():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 80}], scores={"engagement": {"cap": 100}}, decay="none"
    )
    to = activity("score_adjusted", 5, id="m", rank=Rank.SALES, to=80, score="engagement")
    before = seen(1, 2)  # 160, ahead of the cap
    assert total(rules, [*before, to], LATER) == 80
    same_moment = [activity("seen", 5, id="a"), activity("seen", 5, id="z")]
    assert total(rules, [same_moment[0], to], LATER) == 80
    assert total(rules, [to, same_moment[1]], LATER) == 100
    unknown = activity("score_adjusted", 5, id="n", rank=Rank.SALES, to=80, score="nothing")
    assert total(rules, [unknown], LATER) == 0


def test_fit_rules_give_points_otherwise_or_nothing_while_unknown():
    rules = rules_of(
        fit=[
            {"id": "size", "where": {"company.employees": {"at_least": 200}}, "points": 15, "otherwise": -5},
            {"id": "mail", "where": {"lead.email_kind": {"in": ["free"]}}, "points": -10},
        ],
        grades=[{"name": "D"}, {"name": "A", "at_least": 15}],
    )
    told = rules.explain([], LATER)
    assert (told.total, told.missing) == (0, ("company.employees", "lead.email_kind"))
    told = rules.explain([facts(company={"employees": 200})], LATER)
    assert (told.total, told.missing, told.grade) == (15 * POINT, ("lead.email_kind",), "A")
    told = rules.explain([facts(company={"employees": 199}, lead={"email_kind": "free"})], LATER)
    assert (told.total, told.missing, told.grade) == (-15 * POINT, (), "D")


def test_a_fact_is_known_by_rank_then_time_then_id_and_consent_is_denied_on_a_tie():
    rules = rules_of()

    def known(*claims):
        return known_facts(rules.absorb(ScoreState.empty(), claims))

    by_sales = facts(1, id="s", rank=Rank.SALES, lead={"role": "head"}, consent="granted")
    by_form = facts(9, id="p", rank=Rank.PUBLIC, lead={"role": "none", "name": "Ada"}, consent="denied")
    assert known(by_sales, by_form).lead == {"role": "head", "name": "Ada"}
    assert known(by_sales, by_form).consent == "granted"
    later = facts(2, id="q", rank=Rank.PUBLIC, lead={"name": "Eve"})
    assert known(by_form, later).lead["name"] == "Ada"
    tie = (facts(3, id="a", consent="denied", lead={"x": 1}), facts(3, id="b", consent="granted", lead={"x": 2}))
    assert known(*tie).consent == known(*tie[::-1]).consent == "denied"
    assert known(*tie).lead == {"x": 2}


def test_the_explanation_tells_what_changed_and_what_would_lift_the_lead():
    rules = rules_of(
        behaviour=[
            {"id": "small", "on": "seen", "points": 5, "label": "Seen"},
            {"id": "demo", "on": "demo", "points": 60},
            {"id": "call", "on": "called", "points": 51},
        ]
    )
    told = rules.explain([activity("seen", 1, id="1"), activity("seen", 5, id="2")], moment(6), since=moment(3))
    assert [(change.activity_id, change.before, change.after) for change in told.changes] == [("2", 0, 5 * POINT)]
    assert (told.lift.rule, told.lift.temperature, told.lift.total) == ("call", "warm", 61 * POINT)
    assert rules.explain([activity("demo"), activity("called")], moment(6)).lift is None


def test_age_is_told_in_the_explanation():
    rules = one(decay={"half_life": "30d"})
    row = rules.explain(seen(1), moment(31)).contributions[0]
    assert (row.earned, row.lost_to_age, row.counts, row.at) == (10 * POINT, 5 * POINT, 5 * POINT, moment(1))
    assert moment(31) - moment(1) == 30 * DAY
