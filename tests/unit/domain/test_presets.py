"""Every row and every worked example of the five guides, from the presets that ship."""

import pytest

from infra.cli.rule_files import parse_rule_text, preset_names, preset_text
from infra.cli.rules import differences_of
from shared.domain.activity import Rank
from shared.domain.bands import band_of
from shared.domain.engine import compile_rules
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment
from shared.domain.points import POINT
from shared.domain.state import ScoreState
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


def stage(rules, *some, at=LATER):
    return rules.replay(some, at)[0].stage


FORM = activity("form_submitted")
EBOOK = activity("content_downloaded", 2, kind="ebook", pain_point="x", email="a@b.c")
GRANTED = facts(1, id="consent", consent="granted")
PERSONA = facts(1, id="persona", lead={"role": "director"}, company={"employees": 200, "context": "favourable"})
STUDENT = facts(1, id="student", lead={"role": "student"})
BANT = {"authority": "decides", "budget": True, "need": "brief", "timeline": "2 to 6 months"}


@pytest.mark.parametrize(
    ("name", "reached", "some"),
    [
        # suspect: completed a form, nothing else known
        ("003", "suspect", [FORM]),
        ("003", "suspect", [activity("content_downloaded")]),
        ("003", "suspect", [activity("information_requested")]),
        ("003", None, [activity("page_viewed")]),
        # IQL: gave contact data for content
        ("001", "iql", [activity("content_downloaded")]),
        ("001", "iql", [activity("newsletter_subscribed")]),
        ("001", None, [activity("page_viewed")]),
        # MQL: the threshold and the persona
        ("001", "mql", [EBOOK, FORM, activity("email_clicked", 3)]),
        ("001", "mql", [EBOOK, FORM, activity("email_clicked", 3), PERSONA]),
        ("001", "iql", [EBOOK, FORM, activity("email_clicked", 3), STUDENT]),
        ("001", "iql", [EBOOK, FORM, activity("message_sent", 3, channel="linkedin"), PERSONA]),
        ("003", "suspect", [FORM, PERSONA]),
        ("003", "suspect", [FORM, STUDENT, GRANTED]),
        ("004", "mql", [activity("demo_requested")]),
        ("004", "suspect", [activity("demo_requested"), STUDENT]),
        ("004", "suspect", [activity("webinar_registered"), PERSONA]),
        # SQL: the intent to buy; as an MQL a webinar or a sample; or the four facts
        *[("001", "sql", [FORM, activity(kind, 2)]) for kind in ("demo_requested", "price_requested")],
        *[("001", "sql", [FORM, activity(kind, 2)]) for kind in ("integration_asked", "scale_asked")],
        *[("003", "sql", [FORM, GRANTED, activity(kind, 2)]) for kind in ("demo_requested", "price_requested")],
        *[("003", "sql", [FORM, GRANTED, activity(kind, 2)]) for kind in ("integration_asked", "scale_asked")],
        ("003", "suspect", [FORM, activity("demo_requested", 2)]),
        ("003", "sql", [FORM, GRANTED, facts(2, qualification=BANT)]),
        ("004", "sql", [activity("demo_requested"), activity("webinar_attended", 2)]),
        ("004", "sql", [activity("demo_requested"), activity("sample_requested", 2)]),
        ("004", "mql", [activity("webinar_attended"), activity("sample_requested"), activity("demo_requested", 2)]),
        # PQL: uses the trial and gets value
        ("002", "pql", [activity("feature_used", day) for day in range(1, 6)]),
        ("002", "suspect", [activity("feature_used", day) for day in range(1, 5)]),
        ("002", "suspect", [activity("feature_used", day) for day in range(1, 30, 5)]),
        ("002", "pql", [FORM, activity("limit_reached", 2)]),
        ("002", "pql", [FORM, activity("support_requested", 2, custom=True)]),
        ("002", "suspect", [FORM, activity("support_requested", 2)]),
        # opportunity: a formal proposal or quote
        ("003", "opportunity", [FORM, GRANTED, activity("demo_requested", 2), activity("quote_sent", 3)]),
        ("003", "opportunity", [FORM, GRANTED, activity("demo_requested", 2), activity("proposal_sent", 3)]),
        ("003", "suspect", [FORM, GRANTED, activity("quote_sent", 3)]),
        # a customer has bought
        ("002", "customer", [FORM, activity("purchased", 2)]),
        # unqualified: an essential criterion is missing
        *[
            ("002", "unqualified", [FORM, facts(2, qualification={fact: False})])
            for fact in ("need", "budget", "authority")
        ],
        ("002", "unqualified", [FORM, facts(2, company={"employees": 3})]),
        ("002", "suspect", [FORM, facts(2, qualification={"timeline": False})]),
        *[
            ("003", "unqualified", [FORM, facts(2, qualification={fact: False})])
            for fact in ("need", "budget", "authority")
        ],
        # cold again: was interested, and a year has passed
        ("003", "cold", [FORM, PERSONA, GRANTED]),
        # given back by sales, and nurtured until it comes back
        ("002", "recycled", [FORM, activity("limit_reached", 2), activity("handoff_recycled", 3)]),
        ("003", "recycled", [FORM, GRANTED, activity("demo_requested", 2), activity("handoff_recycled", 3)]),
        ("003", "suspect", [FORM, GRANTED, activity("handoff_recycled", 3)]),
        (
            "003",
            "customer",
            [FORM, GRANTED, activity("demo_requested"), activity("quote_sent", 2), activity("purchased", 3)],
        ),
    ],
)
def test_the_table_of_stages_row_by_row(name, reached, some):
    assert stage(preset(name), *some) == reached


def test_guide_003_calls_the_persona_with_permission_an_mql_while_it_is_interested():
    assert stage(preset("003"), FORM, PERSONA, GRANTED, at=moment(3)) == "mql"


def test_in_guide_003_whoever_went_cold_or_came_back_from_sales_is_handed_over_again_when_it_is_ready():
    again = activity("content_downloaded", 200)
    assert stage(preset("003"), FORM, PERSONA, GRANTED, again, at=moment(201)) == "mql"
    budget = facts(9, id="yes", qualification={"budget": True}, rank=Rank.SALES)
    no_budget = facts(2, id="no", qualification={"budget": False}, rank=Rank.SALES)
    assert stage(preset("003"), FORM, no_budget, budget, at=moment(10)) == "suspect"


@pytest.mark.parametrize(("rating", "reached"), [(2, "suspect"), (3, "sql"), (5, "sql")])
def test_guide_002_confirms_a_rated_fact_from_three_on(rating, reached):
    assert stage(preset("002"), FORM, facts(2, qualification={**BANT, "budget": rating})) == reached


@pytest.mark.parametrize(
    ("name", "standing", "some", "missing", "track"),
    [
        ("002", "unqualified", [facts(2, qualification={"need": False})], "qualification.need", "use-cases"),
        ("002", "unqualified", [facts(2, qualification={"budget": False})], "qualification.budget", "business-case"),
        ("003", "unqualified", [facts(2, qualification={"budget": False})], "qualification.budget", "business-case"),
        ("003", "cold", [PERSONA, GRANTED], "engagement", "wake-up"),
        ("default", "unqualified", [facts(2, qualification={"authority": False})], "fit", "for-your-boss"),
        ("default", "cold", [], "score", "wake-up"),
        ("default", "recycled", [], "consent", "keep-in-touch"),
    ],
)
def test_what_a_lead_misses_is_written_down_with_the_track_for_it(name, standing, some, missing, track):
    rules = preset(name)
    state = rules.absorb(ScoreState.empty(), some)
    advice = rules.advise(state, Journey(standing, {standing: 1}, moment(3), moment(3)), moment(4))
    assert missing in advice.missing
    assert advice.track == track


@pytest.mark.parametrize("reason", ["no_budget", "spam"])
def test_in_the_default_a_rejection_for_an_essential_criterion_unqualifies_for_three_months(reason):
    rejected = activity("handoff_rejected", 3, reason=reason)
    handed = [FORM, GRANTED, activity("demo_requested", 2), rejected]
    assert stage(preset("default"), *handed, at=moment(4)) == ("unqualified" if reason == "no_budget" else "sql")
    if reason == "no_budget":
        assert stage(preset("default"), *handed, at=moment(100)) == "suspect"


@pytest.mark.parametrize("name", ["002", "003", "default"])
@pytest.mark.parametrize("left_out", [None, *BANT])
def test_the_four_qualification_facts_make_an_sql_and_three_do_not(name, left_out):
    known = {fact: value for fact, value in BANT.items() if fact != left_out}
    reached = stage(preset(name), FORM, GRANTED, facts(2, qualification=known))
    assert (reached == "sql") is (left_out is None)


def test_guide_002_names_the_seven_factors():
    assert [limits.label for limits in preset("002").file.scores.values()] == [
        "Interest level",
        "Criteria fit",
        "Sales readiness",
        "Information availability",
        "Buying authority",
        "Business need",
        "Conversion probability",
    ]
    assert len(preset("002").score_names) == 7


@pytest.mark.parametrize(
    ("factor", "points", "some"),
    [
        ("engagement", 20, [activity("webinar_attended", 399)]),
        ("fit", 100, [facts(1, company={"employees": 50, "industry": "software", "country": "DE"})]),
        ("fit", -20, [facts(1, company={"employees": 5})]),
        ("sales_readiness", 100, [activity("demo_requested", 400), activity("proposal_requested", 400)]),
        ("information_availability", 50, [facts(1, lead={"phone": "1"}, company={"name": "Acme"})]),
        ("buying_authority", 60, [facts(1, lead={"title": "Head of Sales"})]),
        ("buying_authority", 40, [facts(1, qualification={"authority": "decides"})]),
        ("business_need", 50, [facts(1, qualification={"need": "slow follow-up"})]),
        ("business_need", 100, [facts(1, qualification={"need": "rfp"})]),
        ("business_need", 0, [facts(1, qualification={"need": False})]),
        ("conversion_probability", 40, [facts(1, qualification={"timeline": "soon"})]),
    ],
)
def test_guide_002_scores_each_factor(factor, points, some):
    rules = preset("002")
    scores = rules.explain(some, moment(400)).scores
    assert points - 0.5 <= scores[factor] / POINT <= points
    assert {name for name, value in scores.items() if value} <= {factor, "information_availability"}


def test_guide_002_writes_down_what_is_missing():
    told = preset("002").explain([FORM, facts(2, company={"employees": 100})], moment(3))
    assert {"company.industry", "company.country", "lead.title", "qualification.need"} <= set(told.missing)
    assert "company.employees" not in told.missing


def test_the_totals_of_guide_000_hold_at_any_later_moment():
    rules = preset("000")
    for example in rules.file.examples:
        later = example.model_copy(update={"at": moment(5000)})
        assert differences_of(rules, later) == []


def default_stage(*some, at=LATER):
    return stage(preset("default"), *some, at=at)


FITS = facts(1, id="fits", company={"employees": 90, "industry": "software"}, lead={"email": "ada@acme.example"})


def test_the_default_cools_and_comes_back():
    known = [FITS, GRANTED, activity("form_submitted")]
    keen = [[activity(kind, day) for kind in ("trial_started", "webinar_registered")] for day in (2, 120)]
    met = [activity("conversation_held", day, quality="good") for day in (2, 120)]
    _, taken = preset("default").replay([*known, *keen[0], *keen[1], *met], moment(121))
    steps = [(step.to_stage, step.epoch) for step in taken]
    assert steps == [("suspect", 1), ("iql", 1), ("mql", 1), ("cold", 1), ("mql", 2)]
    assert Moment(taken[0].at) == moment(1)


@pytest.mark.parametrize("kind", ["demo_requested", "price_requested", "rep_contacted"])
def test_in_the_default_who_raises_a_hand_goes_to_one_team_at_once(kind):
    _, taken = preset("default").replay([FITS, GRANTED, activity(kind, 2)], moment(3))
    assert [step.to_stage for step in taken] == ["suspect", "sql"]
    assert default_stage(FITS, activity(kind, 2)) == "suspect"


@pytest.mark.parametrize(
    "some",
    [
        [activity("limit_reached", 2)],
        [activity("support_requested", 2, custom=True)],
        [activity("feature_used", 2, hour) for hour in range(10)] + [activity("feature_used", 9, h) for h in range(10)],
    ],
)
def test_in_the_default_use_of_the_product_qualifies(some):
    reached = preset("default").replay([GRANTED, activity("trial_started"), *some], moment(9, 10))[0].stage
    assert reached == ("pql" if len(some) == 1 else "suspect")


def test_in_the_default_what_made_a_lead_unqualified_may_change():
    no_budget = facts(2, id="no", qualification={"budget": False}, rank=Rank.SALES)
    budget = facts(9, id="yes", qualification={"budget": True}, rank=Rank.SALES)
    assert default_stage(FORM, GRANTED, no_budget) == "unqualified"
    assert default_stage(FORM, GRANTED, no_budget, budget) == "suspect"
    assert default_stage(FORM, facts(2, company={"employees": 3}, lead={"email": "a@gmail.com"})) == "unqualified"
    assert default_stage(FORM, facts(2, lead={"email": "a@gmail.com"})) == "suspect"


def test_in_the_default_sales_gives_leads_back():
    assert default_stage(FORM, GRANTED, activity("demo_requested", 2), activity("lead_recycled", 3)) == "recycled"
    assert default_stage(FORM, GRANTED, activity("demo_requested", 2), activity("handoff_recycled", 3)) == "recycled"


def test_in_the_default_an_mql_that_attends_a_webinar_is_for_sales():
    keen = [
        activity("trial_started", 2),
        activity("webinar_registered", 2),
        activity("content_downloaded", 2, asset="x"),
    ]
    nearly = [FITS, GRANTED, *keen]
    assert default_stage(*nearly, at=moment(2)) == "iql"
    more = activity("email_clicked", 2, 1, message_id="1")
    assert default_stage(*nearly, more, at=moment(3)) == "mql"
    assert default_stage(*nearly, more, activity("webinar_attended", 3), at=moment(3)) == "sql"
    assert default_stage(FORM, GRANTED, activity("webinar_attended", 3), at=moment(3)) == "suspect"


@pytest.mark.parametrize(
    ("title", "senior"),
    [
        *((title, True) for title in ("CEO", "VP Sales", "Head of IT", "Director", "Chief of Staff", "owner")),
        *((title, False) for title in ("Contractor", "Product Owner", "Doctor", "VPN engineer")),
    ],
)
def test_the_default_knows_who_decides(title, senior):
    told = preset("default").explain([facts(1, lead={"title": title})], moment(2))
    assert (told.scores["fit"] == 30 * POINT) is senior


def test_nothing_small_alone_makes_a_lead_of_the_default_warm():
    rules = preset("default")
    for rule in rules.file.behaviour:
        if rule.importance == "influencing" and rule.on:
            assert rule.cap or rule.group, f"{rule.id} may add up without end"
