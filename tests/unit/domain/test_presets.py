"""Every row and every worked example of the five guides, from the presets that ship."""

import pytest

from infra.cli.rule_files import parse_rule_text, preset_names, preset_text
from infra.cli.rules import differences_of
from shared.domain.bands import band_of
from shared.domain.engine import compile_rules
from shared.domain.moments import MINUTE, Moment
from shared.domain.points import POINT
from tests.unit.domain.leads import activity, facts, moment, total

LATER = moment(400)
EXAMPLES = [
    pytest.param(name, example, id=f"{name}: {example.name}")
    for name in preset_names()
    for example in parse_rule_text(preset_text(name), name).examples
]


def preset(name):
    return compile_rules(parse_rule_text(preset_text(name), name))


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_golden_leads_in_each_preset_come_out_as_agreed(name, example):
    assert differences_of(preset(name), example) == []


def test_the_five_guides_and_a_default_ship():
    assert [name.partition("-")[0] for name in preset_names()] == ["000", "001", "002", "003", "004", "default"]


def page(path, day=1, hour=0, minute=0):
    return activity("page_viewed", day, hour, minute, path=path)


@pytest.mark.parametrize(
    ("points", "some"),
    [
        (5, [activity("newsletter_subscribed")]),
        (15, [activity("webinar_registered")]),
        (30, [activity("webinar_registered"), activity("webinar_registered", 2)]),
        (0, [page("/pricing")]),
        (40, [page("/pricing"), page("/pricing", 8)]),
        (0, [page("/pricing"), page("/pricing", 9)]),
        (40, [page("/pricing", day) for day in range(1, 7)]),
        (0, [page("/blog/one"), page("/blog/one", 2)]),
        (5, [page("/blog/one"), page("/blog/two", 200), page("/blog/three", 201), page("/blog/four", 202)]),
        (50, [activity("rep_contacted")]),
        (10, [activity("cta_clicked")]),
        (25, [activity("demo_requested")]),
    ],
)
def test_guide_000_row_by_row(points, some):
    assert total(preset("000"), some, LATER) == points


@pytest.mark.parametrize(
    ("points", "temperature"), [(50, "cold"), (50.000000001, "warm"), (50.5, "warm"), (75, "warm"), (75.5, "hot")]
)
def test_guide_000_has_no_gap_between_its_bands(points, temperature):
    assert band_of(preset("000").temperature, int(points * POINT)) == temperature


@pytest.mark.parametrize(
    ("points", "some"),
    [
        (30, [activity("content_downloaded", kind="ebook", pain_point="x", email="a@b.c")]),
        (0, [activity("content_downloaded", kind="ebook", email="a@b.c")]),
        (0, [activity("content_downloaded", kind="ebook", pain_point="x")]),
        (10, [activity("email_clicked")]),
        (10, [activity("form_submitted")]),
        (5, [activity("message_sent", channel="LinkedIn")]),
        (0, [activity("message_sent", channel="chat")]),
    ],
)
def test_guide_001_row_by_row(points, some):
    assert total(preset("001"), some, LATER) == points


@pytest.mark.parametrize(
    ("points", "some"),
    [
        (1, [activity("email_opened")]),
        (5, [activity("email_clicked")]),
        (3, [activity("email_forwarded")]),
        (-5, [activity("email_unsubscribed")]),
        (50, [activity("demo_requested")]),
        (20, [page("/pricing")]),
        (10, [page("/a"), page("/b", minute=15), page("/c", minute=30)]),
        (0, [page("/a"), page("/b", minute=15), page("/c", minute=31)]),
        (0, [page("/a"), page("/b", minute=15), page("/a", minute=30)]),
        (20, [page(path, day, minute=m) for day in (1, 2) for m, path in enumerate(("/a", "/b", "/c"))]),
        (-5, [page("/careers/sales")]),
        (10, [activity("webinar_registered")]),
        (2, [activity("webinar_attended")]),
        (3, [activity("event_attended")]),
        (10, [activity("conversation_held", quality="good")]),
        (30, [activity("conversation_held", quality="amazing")]),
        (10, [activity("content_downloaded", kind="white_paper")]),
        (30, [activity("content_downloaded", kind="white_paper", specific=True)]),
        (10, [activity("interactive_content_completed")]),
    ],
)
def test_guide_004_row_by_row(points, some):
    assert total(preset("004"), some, LATER) == points


@pytest.mark.parametrize(
    ("rule", "importance"),
    [
        ("email-opened", "influencing"),
        ("email-clicked", "most_important"),
        ("email-forwarded", "influencing"),
        ("email-unsubscribed", "negative"),
        ("demo-requested", "most_important"),
        ("pricing-visited", "important"),
        ("pages-visited", "influencing"),
        ("careers-visited", "negative"),
        ("webinar-registered", "influencing"),
        ("webinar-attended", "important"),
        ("event-attended", "influencing"),
        ("good-conversation", "influencing"),
        ("amazing-conversation", "important"),
        ("white-paper", "influencing"),
        ("specific-white-paper", "important"),
        ("interactive-content", "influencing"),
    ],
)
def test_guide_004_says_how_important_each_row_is(rule, importance):
    assert next(each.importance for each in preset("004").file.behaviour if each.id == rule) == importance


@pytest.mark.parametrize("kind", ["webinar_attended", "sample_requested"])
def test_guide_004_hands_an_mql_that_attended_or_sampled_to_sales(kind):
    rules = preset("004")
    journey, taken = rules.replay([activity("demo_requested"), activity(kind, 2)], moment(3))
    assert [step.to_stage for step in taken] == ["suspect", "mql", "sql"]
    assert rules.handoff_for("sql").respond_within == 5 * MINUTE
    assert rules.replay([activity("webinar_registered"), activity(kind, 2)], moment(3))[0].stage == "suspect"
    assert journey.stage == "sql"


def test_guide_002_shows_seven_factors():
    assert len(preset("002").score_names) == 7


def test_guide_002_a_product_qualified_lead_uses_the_trial_often_or_reaches_its_limits():
    rules = preset("002")
    used = [activity("feature_used", day) for day in range(1, 6)]
    assert rules.replay(used, moment(6))[0].stage == "pql"
    assert rules.replay([activity("form_submitted"), activity("limit_reached")], moment(2))[0].stage == "pql"
    assert rules.replay(used[:4], moment(6))[0].stage == "suspect"


def test_guide_003_goes_no_further_than_suspect_without_permission():
    rules = preset("003")
    persona = facts(1, lead={"role": "director"}, company={"employees": 100})
    assert rules.replay([persona, activity("form_submitted")], moment(2))[0].stage == "suspect"
    granted = facts(1, id="yes", consent="granted")
    assert rules.replay([persona, granted, activity("form_submitted")], moment(2))[0].stage == "mql"


def test_the_default_cools_and_comes_back():
    rules = preset("default")
    known = facts(
        1, lead={"title": "Head of Sales"}, company={"employees": 90, "industry": "software"}, consent="granted"
    )
    some = [known, activity("form_submitted"), activity("rep_contacted"), activity("webinar_attended")]
    _, taken = rules.replay([*some, activity("rep_contacted", 120), activity("webinar_registered", 120)], moment(121))
    assert [(step.to_stage, step.epoch) for step in taken][-2:] == [("cold", 1), ("mql", 2)] or [
        step.to_stage for step in taken
    ][-1] == "sql"
    assert Moment(taken[0].at) == moment(1)
