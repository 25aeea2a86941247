"""A lead as it was: by what was known then or is known now, under the rules of then, of now or of a version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.admin.handler import lambda_handler
from functions.admin.replies import leads as replies
from shared.domain.activity import Activity
from shared.domain.forecast import Forecast
from shared.domain.handoff import LeadId
from shared.domain.journey import Journey
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND, Moment, parse_moment
from shared.domain.points import POINT, as_number
from shared.domain.refusals import Invalid
from shared.ports.rules import RuleVersion
from shared.usecases.evaluate import Evaluate
from shared.usecases.leads import LeadStory, LeadSummary
from shared.usecases.rulebook import Rulebook
from tests.desk import InMemoryDesk, a_desk
from tests.http_requests import answer, http_event
from tests.people import activity, email, merged

ADA = email("ada@engines.example")
ONE = LeadId("lead-1")


def rules_of(points: int, half_life: str = "30d") -> dict[str, Any]:
    return {
        "name": "acme",
        "behaviour": [
            {"id": "demo", "on": "demo_requested", "points": points, "decay": {"half_life": half_life}},
            {"id": "view", "on": "page_viewed", "points": 7},
        ],
        "temperature": [{"name": "cold"}, {"name": "warm", "above": 30}, {"name": "hot", "above": 60}],
        "stages": [
            {"name": "suspect", "enter": {"activity": "page_viewed"}},
            {
                "name": "mql",
                "enter": {"score": {"at_least": 50}},
                "leave": {"when": {"score": {"below": 20}}, "to": "cold"},
            },
            {"name": "cold"},
        ],
    }


class Past:
    """A desk at which time goes by: what is received is scored and looked at, at once."""

    def __init__(self) -> None:
        self.house: InMemoryDesk = a_desk()
        self.clock = self.house.clock
        self._evaluate = Evaluate(
            self.house.leads,
            self.house.stages,
            Rulebook(self.house.versions, self.clock),
            self.clock,
            consent_required=False,
        )
        self._count = 0

    def publish(self, document: dict[str, Any]) -> None:
        """A version is published, and every lead rescored; no function remembers the one before."""
        number = self.house.versions.active_number() + 1
        self.house.versions.publish(RuleVersion(number, "acme", "ada", self.clock.now(), "", "0" * 64, document, ""))
        self.clock.advance(MINUTE)
        self.touch()

    def does(self, type_: str, ago: int = 0) -> Activity:
        """Ada did something some microseconds ago, and it is received now."""
        self._count += 1
        now = self.clock.now()
        did = replace(activity(f"a{self._count}", ADA, type=type_), occurred_at=Moment(now - ago), received_at=now)
        self.house.happened([did])
        self._evaluate.look(ONE)
        return did

    def happens(self, said: Activity) -> None:
        """Anybody does something now, or it is said of them; everybody is looked at, and a day goes by."""
        now = self.clock.now()
        self.house.happened([replace(said, occurred_at=now, received_at=now)])
        for lead in list(self.house.leads.records):
            self._evaluate.look(lead)
        self.clock.advance(DAY)

    def touch(self) -> None:
        """The sweep comes by."""
        self.house._score.touch(ONE)
        self._evaluate.look(ONE)

    def summary(self) -> LeadSummary:
        (told,) = self.house.desk.leads.by_identity(ADA).leads
        return told

    def story(self, **asked: Any) -> LeadStory:
        told = self.house.desk.leads.story(ONE, **asked)
        assert isinstance(told, LeadStory)
        return told


@pytest.fixture
def past() -> Past:
    """Version 1 gives 40 for a demo, and version 2, published an hour later, 80."""
    past = Past()
    past.publish(rules_of(40, "36500d"))
    past.clock.advance(HOUR)
    past.does("demo_requested")
    past.clock.advance(HOUR)
    past.publish(rules_of(80, "36500d"))
    past.clock.advance(DAY)
    return past


def moment_of(past: Past) -> Moment:
    return past.house.activities.under(ADA)[0].received_at


def test_a_past_moment_is_told_under_the_rules_of_then_by_what_was_known_then(past: Past) -> None:
    told = past.story(at=moment_of(past))

    assert (told.score.total // POINT, told.rules_version) == (40, 1)
    assert told.as_of is not None
    assert told.as_of.in_words().startswith("as it was known then, under version 1, active then;")


def test_a_past_moment_is_told_under_any_version_and_says_so(past: Past) -> None:
    told = past.story(at=moment_of(past), rules=2)

    assert told.score.total // POINT == 80
    assert told.as_of is not None
    assert "under version 2, active now (version 1 was active then)" in told.as_of.in_words()
    assert past.story(at=moment_of(past), rules="active").score == told.score


def test_what_arrived_late_counts_only_by_what_is_known_now(past: Past) -> None:
    then = moment_of(past)
    past.does("page_viewed", ago=past.clock.now() - then + HOUR)

    assert past.story(at=then).score.total // POINT == 40
    now = past.story(at=then, known="now")
    assert now.score.total // POINT == 47
    assert now.as_of is not None
    assert now.as_of.in_words().startswith("as is known now of what had occurred by then, under version 1")


def test_without_a_moment_nothing_is_as_of_anything(past: Past) -> None:
    told = past.story()

    assert (told.as_of, told.rules_version, told.replayed) == (None, 2, None)


def test_the_stage_is_the_one_that_was_decided_and_beside_it_the_one_that_would_have_been(past: Past) -> None:
    then = moment_of(past)

    was, would = past.story(at=then), past.story(at=then, rules=2)

    assert (was.journey, was.replayed) == (None, None)
    assert would.journey is None
    assert would.replayed is not None
    assert would.replayed.stage == "mql"
    now = past.story()
    assert now.journey is not None
    assert now.journey.stage == "mql"


def test_a_stage_that_was_left_is_told_where_it_was_stood_in(past: Past) -> None:
    past.publish(rules_of(10))
    past.clock.advance(HOUR)
    assert [each.to_stage for each in past.story().transitions] == ["mql", "cold"]

    then = past.story(at=Moment(past.clock.now() - 2 * HOUR))

    assert then.journey is not None
    assert then.journey.stage == "mql"


@pytest.mark.parametrize(
    ("asked", "where", "words"),
    [
        ({"at": "2040-01-01T00:00:00Z"}, "at", "still to come"),
        ({"at": "2026-03-01T00:00:00Z"}, "at", "nothing had been heard of the lead by then: its first moment is 2026"),
        ({"at": "2026-03-01T00:00:00Z", "known": "now"}, "at", "nothing had happened to the lead by then"),
        ({"rules": 9}, "rules", "there is no rules version 9: they are 1 to 2"),
        ({"rules": 0}, "rules", "there is no rules version 0"),
    ],
)
def test_what_never_was_is_refused_in_words(past: Past, asked: dict[str, Any], where: str, words: str) -> None:
    if "at" in asked:
        asked = {**asked, "at": parse_moment(asked["at"])}
    with pytest.raises(Invalid, match=words) as refused:
        past.story(**asked)
    assert refused.value.at == where


def test_before_the_first_publish_the_empty_rules_held() -> None:
    past = Past()
    past.does("demo_requested")
    then = past.clock.now()
    past.clock.advance(HOUR)
    past.publish(rules_of(40))

    told = past.story(at=then)

    assert (told.score.total, told.rules_version) == (0, 0)
    assert told.as_of is not None
    assert "before any rules were published" in told.as_of.in_words()


def test_the_api_takes_and_tells_all_of_it(past: Past) -> None:
    claims = {"sub": "p", "cognito:groups": "[sales]"}
    query = {"at": "2026-03-02T12:00:00Z", "rules": "2", "known": "now"}

    told = answer(
        lambda_handler(http_event("GET", "/v1/leads/lead-1", query=query, claims=claims), None, past.house.desk)
    )

    assert told["as_of"] == {
        "rules_version": 2,
        "active_then": 2,
        "known": "now",
        "replayed": True,
        "words": "as is known now of what had occurred by then, under version 2, active then; who is who, and which "
        "addresses and agents are noise, are as of now",
    }
    assert told["replayed_stage"]["name"] == "mql"
    assert told["activities"][0]["received_at"] == "2026-03-02T10:01:00Z"
    for wrong in ({"rules": "latest"}, {"known": "later"}, {"rules": "-1"}):
        event = http_event("GET", "/v1/leads/lead-1", query=wrong, claims=claims)
        assert lambda_handler(event, None, past.house.desk)["statusCode"] == 422


def test_a_lead_that_newer_rules_have_not_reached_says_so(past: Past) -> None:
    number = past.house.versions.active_number() + 1
    past.house.versions.publish(RuleVersion(number, "acme", "ada", past.clock.now(), "", "0" * 64, rules_of(1), ""))
    past.clock.advance(MINUTE)

    told = past.story()
    page = past.house.desk.leads.by_identity(ADA)

    assert (told.rules_version, told.scored_under, told.awaits_rules) == (3, 2, 3)
    assert [(each.rules_version, each.awaits_rules) for each in page.leads] == [(2, 3)]
    past.touch()
    assert past.story().awaits_rules is None
    assert [each.awaits_rules for each in past.house.desk.leads.by_identity(ADA).leads] == [None]


@pytest.mark.parametrize("asked", ["story", "page"])
def test_whoever_remembers_older_rules_than_a_lead_was_scored_under_asks_for_those_of_now(
    past: Past, asked: str
) -> None:
    past.story()
    number = past.house.versions.active_number() + 1
    past.house.versions.publish(RuleVersion(number, "acme", "ada", past.clock.now(), "", "0" * 64, rules_of(1), ""))
    past.house.leads.save(replace(past.house.leads.records[ONE], rules_version=number))

    told = past.story() if asked == "story" else past.summary()

    assert (told.rules_version, told.awaits_rules) == (3, None)


def test_a_lead_tells_what_time_alone_will_change_next() -> None:
    past = Past()
    past.publish(rules_of(80, "10d"))
    past.does("demo_requested")

    told = replies.story(past.story(), rules=past.house.desk.leads._rulebook.active().rule_file)

    (change,) = told.forecast
    assert (change.what, change.before, change.after) == ("temperature", "hot", "warm")
    flips = parse_moment(change.at)
    past.clock.advance(flips - past.clock.now() - 1_000_000)
    assert past.story().score.temperature == "hot"
    past.clock.advance(1_000_000)
    assert past.story().score.temperature == "warm"
    assert past.story(at=Moment(flips - HOUR)).forecast == ()


def test_a_step_that_is_due_is_told_with_its_moment_until_the_sweep_comes_by() -> None:
    past = Past()
    past.publish(rules_of(80, "10d"))
    past.does("demo_requested")
    told: list[Forecast] = []
    while (record := past.house.stages.load(ONE)) and record.due is not None:
        past.clock.advance(record.due + 30 * SECOND - past.clock.now())
        due = [each for each in past.story().forecast if each.at <= past.clock.now()]
        assert due in ([], [Forecast(record.due, "stage", "mql", "cold")])
        told += due
        past.touch()

    assert len(told) == 1
    assert past.story().forecast == ()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("does"), st.sampled_from(["demo_requested", "page_viewed"]), st.integers(0, 40 * 24)),
        st.tuples(st.just("waits"), st.just(""), st.integers(1, 30 * 24)),
        st.tuples(st.just("publishes"), st.just(""), st.integers(5, 90)),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(steps=STEPS)
def test_as_of_the_moment_of_a_transition_is_what_it_was_decided_on(steps: list[tuple[str, str, int]]) -> None:
    past = Past()
    past.publish(rules_of(55))
    for what, kind, number in steps:
        past.clock.advance(MINUTE)
        if what == "does":
            past.does(kind, ago=number * HOUR)
        elif what == "waits":
            past.clock.advance(number * HOUR)
            past.touch()
        else:
            past.publish(rules_of(number))
    past.clock.advance(DAY)
    for each in past.house.stages.transitions(ONE):
        then = past.story(at=each.at)
        assert (as_number(then.score.total), then.score.temperature) == (
            each.snapshot["total"],
            each.snapshot["temperature"],
        )
        assert then.rules_version == each.rules_version


def test_a_merged_lead_stood_where_the_transitions_of_its_parts_say() -> None:
    past, bob = Past(), email("bob@engines.example")

    past.publish(rules_of(80, "36500d"))
    past.happens(activity("a1", ADA))
    past.happens(activity("b1", bob))
    past.happens(activity("b2", bob, type="demo_requested"))
    between = past.clock.now()
    past.clock.advance(DAY)
    past.happens(merged("m1", ADA, bob))

    for at in (None, between):
        story = past.story(at=at)
        assert story.journey is not None
        assert story.journey.stage == "mql"
        assert [each.to_stage for each in story.transitions] == ["suspect", "suspect", "mql"]


def test_of_leads_that_stood_apart_the_next_step_tells_where_the_one_they_became_stood() -> None:
    past, bob = Past(), email("bob@engines.example")

    past.publish(rules_of(80, "36500d"))
    past.happens(activity("a1", ADA, type="heard_of"))
    past.happens(activity("b1", bob, type="demo_requested"))
    past.happens(activity("a2", ADA))
    past.happens(merged("m1", ADA, bob))
    between, stood = past.clock.now(), past.story().journey
    past.clock.advance(DAY)
    past.publish(rules_of(5))

    assert [each.to_stage for each in past.story().transitions] == ["mql", "suspect", "cold"]
    then = past.story(at=between).journey
    assert stood is not None
    assert then is not None
    assert (then.stage, then.entered_at) == ("mql", stood.entered_at)


def test_leads_that_stood_in_one_stage_have_been_there_since_the_first_came() -> None:
    past, bob = Past(), email("bob@engines.example")

    past.publish(rules_of(80, "36500d"))
    past.happens(activity("a1", ADA, type="heard_of"))
    past.happens(activity("b1", bob))
    past.happens(activity("a2", ADA))
    past.happens(merged("m1", ADA, bob))
    between, stood = past.clock.now(), past.story().journey
    past.clock.advance(DAY)
    past.happens(activity("a3", ADA, type="demo_requested"))

    then = past.story(at=between).journey
    assert stood is not None
    assert then is not None
    assert (then.stage, then.entered_at) == ("suspect", stood.entered_at)


def test_a_handoff_that_a_later_answer_settled_hides_no_day_on_which_sales_wants_to_look_again() -> None:
    past = Past()
    rules = rules_of(80, "36500d")
    rules["stages"] = [
        {"name": "mql", "enter": {"activity": "demo_requested"}},
        {"name": "sql", "from": ["mql"], "enter": {"score": {"at_least": 50}}},
    ]
    hands_over = {"to": "default", "respond_within": "1h", "notify": ["email"]}
    past.publish({**rules, "handoff": {"mql": hands_over, "sql": hands_over}})
    past.does("demo_requested")
    record = past.house.stages.load(ONE)
    assert record is not None
    assert [each.key.stage for each in record.open] == ["mql", "sql"]
    again = Moment(past.clock.now() + DAY)
    back = Journey("mql", {"mql": 2, "sql": 1}, record.journey.entered_at, None, frozenset({"mql", "sql"}))
    past.house.stages.records[ONE] = replace(record, journey=back, open=(), look_again=again)

    assert [(each.at, each.what, each.after) for each in past.story().forecast] == [(again, "stage", "sql")]


def test_what_is_foretold_begins_where_the_lead_stands_though_its_rules_move_it_at_every_look() -> None:
    past = Past()
    rules = rules_of(80, "36500d")
    rules["stages"] = [
        {"name": "met", "enter": {"activity": "demo_requested"}},
        {
            "name": "mql",
            "enter": {"activity": "demo_requested"},
            "leave": {"when": {"score": {"at_least": 10}}, "to": "met"},
        },
        {
            "name": "busy",
            "enter": {"activity": "deal_closed"},
            "leave": {"when": {"count": {"of": "page_viewed", "at_least": 1, "within": "3d"}}, "to": "met"},
        },
    ]
    past.publish(rules)
    past.does("page_viewed", ago=DAY)
    past.does("demo_requested")

    (change,) = past.story().forecast

    assert (change.what, change.before, change.after) == ("stage", "mql", "met")
    past.clock.advance(change.at - past.clock.now())
    past.touch()
    journey = past.story().journey
    assert journey is not None
    assert journey.stage == "met"
