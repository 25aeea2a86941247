"""A brief tells the whole story of a lead in words: who, why now, what they did, what is known and what is to ask."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.activity import (
    CONSENT_RECORDED,
    HANDOFF_RECYCLED,
    NOISE_MARKED,
    Activity,
    Claims,
    Identity,
    IdentityKind,
    Rank,
)
from shared.domain.brief import Brief, ToAsk, compose_brief, in_words, suggested_touch, timeline
from shared.domain.consent import consent_history
from shared.domain.facts import Facts
from shared.domain.handoff import Handoff, HandoffKey, HandoffRecord, LeadId
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, parse_moment

ADA = Identity(IdentityKind.EMAIL, "ada@example.com")
NOW = parse_moment("2026-03-04T09:00:00Z")
REQUESTED = parse_moment("2026-03-03T09:30:00Z")


def handed_over(caused_by: str = "`demo_requested` has occurred") -> HandoffRecord:
    reasons = [
        {"rule": "pricing", "label": "Visited the pricing page several times in a week", "counts": 40},
        {"rule": "careers", "label": "Looked for a job", "counts": -5.5},
    ]
    handoff = Handoff(
        HandoffKey(LeadId("lead-7"), "mql", 2),
        "inside-sales",
        ("email",),
        REQUESTED,
        Moment(REQUESTED + HOUR),
        caused_by,
        None,
        {"total": 34.5, "reasons": reasons},
    )
    return HandoffRecord(handoff, "inside-sales", "bo")


def did(kind: str, at: str = "2026-03-02T09:05:00Z", **more: Any) -> Activity:
    moment = parse_moment(at)
    return Activity(f"{kind}-{at}", kind, moment, moment, (ADA,), **more)


def told(*activities: Activity, facts: Facts | None = None, **more: Any) -> Brief:
    newest_first = sorted(activities, key=lambda each: -each.occurred_at)
    return compose_brief(
        handed_over(),
        facts=facts or Facts(),
        identities=[ADA],
        consents=consent_history(activities),
        activities=newest_first,
        now=NOW,
        **more,
    )


def test_the_reasons_stand_in_words_with_their_points() -> None:
    assert told().why == (
        "Visited the pricing page several times in a week, +40 points",
        "Looked for a job, -5.5 points",
    )


def test_what_is_known_twice_under_one_label_is_one_row() -> None:
    asked = did(
        "form_submitted",
        source="demo-request",
        claims=Claims(lead={"need": "Less waste", "phone": "1"}, qualification={"need": "Fewer dropped leads"}),
    )
    brief = told(asked, facts=Facts({"need": "Less waste", "phone": "1"}, {}, {"need": "Fewer dropped leads"}))
    assert [(each.label, each.value) for each in (*brief.known, *brief.person)] == [
        ("Need", "Fewer dropped leads; also Less waste (demo-request, 2 March 2026)"),
        ("Phone", "1"),
    ]
    same = told(asked, facts=Facts({"need": "less waste"}, {}, {"need": "Less waste"}))
    assert [(each.label, each.value) for each in (*same.known, *same.person)] == [("Need", "Less waste")]


def test_what_caused_the_stage_names_activities_as_people_do() -> None:
    assert told().cause == "“demo requested” has occurred"


def test_the_team_and_the_assignee_are_those_of_now() -> None:
    brief = told()
    assert (brief.to, brief.assignee) == ("inside-sales", "bo")


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        (did("page_viewed", properties={"path": "/pricing"}), "Looked at /pricing"),
        (did("page_viewed", context={"page": {"title": "Prices", "path": "/pricing"}}), "Looked at Prices"),
        (did("page_viewed"), "Looked at a page"),
        (
            did("content_downloaded", properties={"asset": "buyers-guide"}, context={"campaign": {"name": "Spring"}}),
            "Downloaded buyers-guide (campaign Spring)",
        ),
        (did("webinar_attended", properties={"webinar_id": 7}), "Attended the webinar 7"),
        (did("robot_petted"), "Did this: robot petted"),
        (did("robot_petted", properties={"name": "Marvin"}), "Did this: robot petted: Marvin"),
        (did("page_viewed", properties={"title": {"a": 1}, "path": ["b"]}), "Looked at a page"),
        (
            did(HANDOFF_RECYCLED, rank=Rank.SALES, own=False, properties={"who": "Bo", "reason": "bad_timing"}),
            "Bo gave the lead back: Bad timing",
        ),
    ],
)
def test_what_somebody_did_is_a_sentence_with_what_is_known_of_it(activity: Activity, words: str) -> None:
    assert in_words(activity) == words


def test_the_same_thing_on_one_day_is_one_line_and_the_newest_stands_first() -> None:
    lines = timeline(
        [
            did("page_viewed", "2026-03-02T09:00:00Z", properties={"path": "/a"}),
            did("page_viewed", "2026-03-02T09:01:00Z", properties={"path": "/b"}),
            did("page_viewed", "2026-03-02T09:02:00Z", properties={"path": "/a"}),
            did("page_viewed", "2026-03-03T09:00:00Z", properties={"path": "/a"}),
            did("identified"),
        ]
    )
    assert [line.told for line in lines] == ["Looked at /a", "Looked at /a (2 times)", "Looked at /b"]
    assert lines[1].day == "2 March 2026, 09:02 UTC"


def test_a_long_story_is_cut_and_what_is_left_out_is_counted() -> None:
    many = [
        did("page_viewed", f"2026-02-{day:02}T09:00:00Z", properties={"path": f"/{page}"})
        for day in range(1, 16)
        for page in "ab"
    ]
    brief = told(*many)
    assert (len(brief.timeline), brief.earlier) == (20, 10)


def test_noise_and_what_lies_ahead_are_no_part_of_the_story() -> None:
    brief = told(
        did("demo_requested", marks=("noise",)), did("demo_requested", "2026-03-05T09:00:00Z"), did(NOISE_MARKED)
    )
    assert brief.timeline == ()
    assert brief.first_touch == "Introduce yourself, and ask what they are looking for"


def test_a_fact_tells_who_said_so_last_among_those_believed_most() -> None:
    trusted = did("identified", claims=Claims(company={"employees": 500}), source="crm", own=False)
    page = did("form_submitted", "2026-03-03T09:00:00Z", rank=Rank.PUBLIC, claims=Claims(company={"employees": 3}))
    facts = Facts(
        lead={"first_name": "Ada", "phone": "+44 1"}, company={"name": "Acme", "employees": 500, "public": True}
    )
    brief = told(trusted, page, facts=facts)
    assert [(each.label, each.value, each.origin) for each in brief.company] == [
        ("Employees", "500", "crm, 2 March 2026"),
        ("Public", "yes", ""),
    ]
    assert [(each.label, each.value) for each in brief.person] == [("Phone", "+44 1")]


def test_qualification_facts_stand_in_their_own_order_and_say_who_wrote_them_down() -> None:
    said = did(
        "lead_qualified",
        rank=Rank.SALES,
        own=False,
        properties={"who": "Bo"},
        claims=Claims(qualification={"need": "new CRM"}),
    )
    brief = told(said, facts=Facts(qualification={"need": "new CRM", "budget": 4}))
    assert [(each.name, each.value, each.origin) for each in brief.known] == [
        ("qualification.budget", "4", ""),
        ("qualification.need", "new CRM", "Bo, 2 March 2026"),
    ]


def test_what_is_known_or_was_asked_is_not_to_be_asked_again() -> None:
    questions = [
        ToAsk("budget", "Budget", "Is there a budget?"),
        ToAsk("need", "Need", "What for?"),
        ToAsk("timeline", "Timeline", "By when?", asked_at=REQUESTED),
    ]
    brief = told(facts=Facts(qualification={"need": "x"}), to_ask=questions)
    assert [each.fact for each in brief.to_ask] == ["budget"]
    assert [each.fact for each in brief.asked] == ["timeline"]


def test_consent_tells_since_when_by_whom_and_with_which_words() -> None:
    granted = did(
        "form_submitted",
        source="contact",
        claims=Claims(consent="granted"),
        properties={"consent": {"wording": "You may call me."}},
    )
    consent = told(granted).consent
    assert consent.words == "Granted since 2 March 2026, by contact"
    assert consent.wording == "You may call me."
    by_hand = did(CONSENT_RECORDED, rank=Rank.SALES, claims=Claims(consent="denied"), properties={"who": "Bo"})
    assert told(by_hand).consent.words == "Denied since 2 March 2026, by Bo"
    assert told().consent.words == "Nothing is known of consent"


def test_the_first_touch_is_what_the_rules_say_or_follows_from_what_they_asked_for_last() -> None:
    asked = did("demo_requested", "2026-03-02T09:00:00Z")
    looked = did("page_viewed", "2026-03-03T09:00:00Z", properties={"title": "Prices"})
    assert told(asked, looked, first_touch="Call at once").first_touch == "Call at once"
    assert told(asked, looked).first_touch == "Call about the demo that they asked for on 2 March"
    assert suggested_touch([looked]) == "Offer help with Prices, which they read on 3 March"
    assert suggested_touch([did("feature_used", properties={"feature": "export"})]) == (
        "Begin with what they did last: used export on 2 March"
    )


def test_words_from_outside_are_one_short_line_each() -> None:
    brief = told(
        did("page_viewed", properties={"title": "x" * 5000 + "\n"}),
        facts=Facts(company={"about": "long\nstory " * 500}),
    )
    assert brief.timeline[0].words == f"Looked at {'x' * 99}…"
    assert "\n" not in brief.company[0].value
    assert len(brief.company[0].value) <= 100


def test_lines_of_one_day_are_told_by_the_day_in_utc() -> None:
    late = did("page_viewed", "2026-03-02T23:59:00Z")
    early = did("page_viewed", "2026-03-03T00:01:00Z")
    assert early.occurred_at - late.occurred_at == 2 * MINUTE < DAY
    assert len(timeline([early, late])) == 2
