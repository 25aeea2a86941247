"""What leads contribute to a simulation, how it adds up, and when it is too much."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import lifecycle
from shared.domain.activity import Activity, Claims
from shared.domain.engine import compile_rules
from shared.domain.handoff import LeadId
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, parse_moment
from shared.domain.points import POINT
from shared.domain.reading import parse_rule_file
from shared.domain.refusals import Invalid
from shared.domain.routing import Member, Owners, owners, route
from shared.domain.simulation import (
    MOST_SEGMENTS,
    MOST_STEPS,
    Findings,
    LeadSimulated,
    Sending,
    Share,
    Simulated,
    Standing,
    Stretch,
    Withheld,
    bin_of,
    in_order,
    sample,
    sendings,
    united,
    week_of,
)
from tests.people import activity, email

NOON = parse_moment("2026-03-02T12:00:00Z")  # a Monday
FOUND = Simulated("a" * 64, 3, NOON, 1000, 1.0, 100, 115, Moment(NOON - DAY))


# --- the budget -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "too_much"),
    [
        (100, 115, False),
        (100, 116, True),
        (100, 0, False),
        (0, 0, False),
        (0, 1, True),
        (7, 8, False),
        (6, 7, True),
    ],
)
def test_more_handoffs_than_so_many_percent_are_too_many(before, after, too_much):
    assert replace(FOUND, handoffs_before=before, handoffs_after=after).exceeds(15) is too_much


def test_before_the_first_publish_or_with_nobody_scored_nothing_is_too_many():
    assert not replace(FOUND, against=0, handoffs_before=0).exceeds(0)
    assert not replace(FOUND, leads=0, handoffs_before=0).exceeds(0)


# --- segments ---------------------------------------------------------------------------------------------------------

DONE = [
    Stretch("a" * 64, 3, NOON, Moment(NOON - DAY), segment, 4).with_page(None, 10, segment, 2 * segment)
    for segment in range(4)
]


def test_segments_together_are_the_simulation():
    since = Moment(NOON - DAY)
    assert united(DONE) == Simulated("a" * 64, 3, NOON, 40, 1.0, 6, 12, since)
    assert united(DONE[1:3]) == Simulated("a" * 64, 3, NOON, 20, 0.5, 3, 6, since)
    assert united([replace(each, notify=True) for each in DONE]).notify


@pytest.mark.parametrize(
    ("segments", "of", "leads", "speaks"),
    [
        (range(4), 4, 0, True),
        ([0, 1, 2], 4, 1000, False),
        (sample(3), MOST_SEGMENTS, 34, True),
        (sample(3)[::-1], MOST_SEGMENTS, 34, True),
        (sample(3), MOST_SEGMENTS, 33, False),
        ([0, 33, 67], MOST_SEGMENTS, 1000, False),
        ([0], MOST_SEGMENTS, 100, True),
        ([17], MOST_SEGMENTS, 1000, False),
        (range(100), MOST_SEGMENTS, 0, True),
    ],
)
def test_all_leads_speak_for_all_and_so_does_a_large_sample_that_nobody_chose(segments, of, leads, speaks):
    stretches = [replace(DONE[0], segment=segment, of=of, leads=leads) for segment in segments]

    assert united(stretches).speaks_for_all is speaks


def test_a_page_counts_on_and_the_last_one_ends_the_segment():
    begun = replace(DONE[0], done=False, leads=0)
    further = begun.with_page("place", 5, 1, 2).with_page("further", 3, 0, 1)

    assert (further.after, further.done, further.leads) == ("further", False, 8)
    assert (further.handoffs_before, further.handoffs_after) == (1, 3)
    assert further.with_page(None, 0, 0, 0).done


@pytest.mark.parametrize(
    ("stretches", "why"),
    [
        ([], "of no segment"),
        ([*DONE[:2], replace(DONE[2], done=False)], "not done"),
        ([*DONE, DONE[0]], "stands twice"),
        ([DONE[0], replace(DONE[1], sha256="b" * 64)], "different simulations"),
        ([DONE[0], replace(DONE[1], against=2)], "different simulations"),
        ([DONE[0], replace(DONE[1], at=Moment(NOON - 1))], "different simulations"),
        ([DONE[0], replace(DONE[1], since=Moment(0))], "different simulations"),
        ([DONE[0], replace(DONE[1], of=5)], "different simulations"),
        ([DONE[0], replace(DONE[1], notify=True)], "different simulations"),
    ],
)
def test_what_is_no_whole_simulation_is_refused(stretches, why):
    with pytest.raises(Invalid, match=why) as refused:
        united(stretches)
    assert refused.value.at == "simulation"


# --- the handoffs that would have been sent ---------------------------------------------------------------------------

RULES = compile_rules(
    parse_rule_file(
        {
            "name": "test",
            "behaviour": [{"id": "demo", "on": "demo_requested", "points": 60, "expires_after": "10d"}],
            "vetoes": [{"id": "rival", "where": {"company.domain": {"is": "rival.example"}}}],
            "stages": [
                {"name": "cold"},
                {
                    "name": "mql",
                    "enter": {"score": {"at_least": 50}},
                    "leave": {"when": {"score": {"below": 50}}, "to": "cold"},
                },
                {"name": "sql", "from": ["mql"], "enter": {"activity": "webinar_attended"}},
            ],
            "handoff": {"mql": {"to": "inside-sales"}, "sql": {"to": "executives"}},
        }
    )
)
GRANTED, DENIED = Claims(consent="granted"), Claims(consent="denied")


def did(day: int, kind: str, claims: Claims | None = None) -> Activity:
    """Something that a lead did on a day, counted from the second of March."""
    at = Moment(NOON + day * DAY)
    one = activity(f"{kind}-{day}", email("ada@lead.example"), type=kind)
    return replace(one, occurred_at=at, received_at=at, claims=claims or Claims())


def sent(*happened: Activity, **when: Any) -> list[tuple[str, int]]:
    """The stage and the day of each handoff that would have been sent."""
    return [each for each, is_sent in told(*happened, **when) if is_sent]


def withheld(*happened: Activity, **when: Any) -> list[tuple[str, int]]:
    """The stage and the day of the entry of each handoff that would have been withheld."""
    return [each for each, is_sent in told(*happened, **when) if not is_sent]


def told(
    *happened: Activity, since: int = -100, at: int = 100, consent_required: bool = True
) -> list[tuple[tuple[str, int], bool]]:
    state = RULES.replayed(happened)
    found = sendings(
        RULES,
        state,
        {each.occurred_at for each in happened},
        Moment(NOON + since * DAY),
        Moment(NOON + at * DAY),
        consent_required=consent_required,
    )
    return [((stage, (moment - NOON) // DAY), facts is not None) for stage, _, moment, facts in found]


def test_an_entry_with_permission_is_handed_over_at_once():
    assert sent(did(0, "demo_requested", GRANTED), did(3, "webinar_attended")) == [("mql", 0), ("sql", 3)]
    assert sent(did(0, "demo_requested"), consent_required=False) == [("mql", 0)]


def test_each_entry_is_a_handoff_of_its_own():
    assert sent(did(0, "demo_requested", GRANTED), did(20, "demo_requested")) == [("mql", 0), ("mql", 20)]


def test_without_permission_it_waits_for_it_as_long_as_the_lead_stays():
    asked = did(0, "demo_requested")

    assert sent(asked) == []
    assert sent(asked, did(2, "page_viewed", GRANTED)) == [("mql", 2)]
    assert sent(asked, did(2, "page_viewed", DENIED), did(4, "page_viewed", GRANTED)) == [("mql", 4)]
    # The ten days of the score are over, and the lead has left the stage.
    assert sent(asked, did(12, "page_viewed", GRANTED)) == []
    assert sent(asked, did(3, "webinar_attended", GRANTED)) == [("sql", 3)]


def test_a_vetoed_lead_is_not_handed_over():
    rival = Claims(consent="granted", company={"domain": "rival.example"})

    assert sent(did(0, "demo_requested", rival)) == []
    honest = Claims(company={"domain": "honest.example"})
    assert sent(did(0, "demo_requested", rival), did(1, "page_viewed", honest)) == [("mql", 1)]


def test_what_waits_for_permission_in_vain_is_withheld_and_told_apart():
    asked = did(0, "demo_requested")
    rival = Claims(consent="granted", company={"domain": "rival.example"})

    assert withheld(asked) == [("mql", 0)]
    assert withheld(asked, consent_required=False) == []
    assert withheld(asked, did(2, "page_viewed", GRANTED)) == []
    assert withheld(asked, did(2, "page_viewed", DENIED)) == [("mql", 0)]
    # Permission comes when the lead has left the stage: for the next one, or for none.
    assert withheld(asked, did(3, "webinar_attended", GRANTED)) == [("mql", 0)]
    assert withheld(asked, did(12, "page_viewed", GRANTED), did(20, "demo_requested")) == [("mql", 0)]
    # Nobody who is vetoed climbs.
    assert withheld(did(0, "demo_requested", rival)) == []


def test_what_is_withheld_is_told_by_when_the_stage_was_entered():
    twice = did(0, "demo_requested"), did(20, "demo_requested")

    assert withheld(*twice) == [("mql", 0), ("mql", 20)]
    assert withheld(*twice, since=1) == [("mql", 20)]
    # It was sent before the time that is looked back over, and is not withheld because of that.
    assert withheld(did(0, "demo_requested", GRANTED), since=1) == []


def test_only_what_was_sent_in_the_time_is_told():
    twice = did(0, "demo_requested", GRANTED), did(20, "demo_requested")

    assert sent(*twice, since=1) == [("mql", 20)]
    assert sent(*twice, since=20) == [("mql", 20)]
    assert sent(*twice, at=19) == [("mql", 0)]
    assert sent(did(0, "demo_requested"), did(2, "page_viewed", GRANTED), since=1) == [("mql", 2)]


def test_a_lead_that_goes_round_in_circles_is_followed_so_far_and_no_further():
    circle = compile_rules(
        parse_rule_file(
            {
                "name": "circle",
                "stages": [
                    {
                        "name": "one",
                        "enter": {"activity": "demo_requested"},
                        "stay": "30s",
                        "leave": {"when": {"activity": "demo_requested"}, "to": "two"},
                    },
                    {
                        "name": "two",
                        "stay": "30s",
                        "leave": {"when": {"activity": "demo_requested"}, "to": "one"},
                    },
                ],
                "handoff": {"one": {"to": "inside-sales"}},
            }
        )
    )
    state = circle.replayed([did(0, "demo_requested")])
    found = list(sendings(circle, state, {NOON}, Moment(NOON - 1), Moment(NOON + 100 * DAY), consent_required=False))

    assert len(found) == MOST_STEPS // 2
    assert found[-1][2] < NOON + 2 * HOUR


def test_a_lead_with_a_long_history_is_looked_at_often_enough_to_be_told_and_no_oftener(monkeypatch):
    happened = [did(0, "demo_requested", GRANTED), *(did(day, "page_viewed") for day in range(1, 50))]
    monkeypatch.setattr("shared.domain.simulation._LOOKS_BY_MOMENTS", 500)
    looks = []
    replay = lifecycle.replay

    def watched(rules, ledger, moments, *rest, **more):
        looks.append(moments)
        return replay(rules, ledger, moments, *rest, **more)

    monkeypatch.setattr("shared.domain.simulation.lifecycle.replay", watched)

    assert [stage for stage, _ in sent(*happened)] == ["mql"]
    assert len(looks[0]) == 10
    assert looks[0][-1] == happened[-1].occurred_at


def test_a_long_replay_can_be_ended_in_the_midst_of_one_search():
    class EndedError(Exception):
        pass

    calls = []

    def before_each():
        calls.append(1)
        if len(calls) > 40:
            raise EndedError

    happened = [did(day, "form_submitted", GRANTED) for day in range(100)]
    ledger = RULES.ledger(RULES.replayed(happened))
    with pytest.raises(EndedError):
        lifecycle.replay(RULES, ledger, [NOON], Moment(NOON + 200 * DAY), before_each=before_each)


# --- whom publishing itself hands over --------------------------------------------------------------------------------

ONE = Sending("mql", 1, NOON, Owners("inside-sales", ()))
STANDS = Standing("mql", "hot", 0)


@pytest.mark.parametrize(
    ("now", "before", "after", "besides"),
    [
        (1, 0, 1, 0),  # the replay told it already
        (1, 0, 0, 1),
        (1, 1, 1, 1),  # it was handed over by the active rules, and is once more
        (1, 1, 2, 0),
        (1, 0, 3, 0),
        (2, 0, 1, 1),
        (1, 3, 1, 1),  # never more than publishing itself sends
        (0, 1, 1, 0),
    ],
)
def test_with_notify_a_handoff_that_the_replay_tells_counts_once(now, before, after, besides):
    lead = LeadSimulated(
        LeadId("ada"), None, STANDS, STANDS, (ONE,) * now, (ONE,) * before, (ONE,) * after, by_rules=True
    )

    assert lead.besides == besides
    # What the lead did itself would be handed over without notify too.
    assert replace(lead, by_rules=False).besides == 0


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [
        ([], ["suspect", "mql"], ["suspect", "mql"]),
        (["suspect", "mql"], [], ["suspect", "mql"]),
        (["suspect", "warm", "mql"], ["suspect", "mql", "sql"], ["suspect", "warm", "mql", "sql"]),
        (["old", "suspect"], ["suspect", "mql"], ["old", "suspect", "mql"]),
        (["mql", "a", "b"], ["suspect", "mql"], ["suspect", "mql", "a", "b"]),
        (["mql", "suspect", "a"], ["suspect", "mql"], ["suspect", "a", "mql"]),
    ],
)
def test_names_stand_in_the_order_of_the_new_file_and_what_it_lost_where_it_stood(before, after, order):
    assert in_order(before, after) == tuple(order)


# --- sums -------------------------------------------------------------------------------------------------------------

TURNS = Owners("inside-sales", ("mia", "bo", "bo"), "inside-sales")
OWNERS = st.sampled_from(
    [TURNS, Owners("default", ("kim", "lee"), "default"), Owners("executives", ("zoe",)), Owners("nobody", ())]
)
SENDINGS = st.lists(
    st.builds(lambda hours, to: Sending("mql", 1, Moment(NOON + hours * HOUR), to), st.integers(0, 500), OWNERS),
    max_size=4,
).map(tuple)
STANDINGS = st.builds(
    Standing,
    st.sampled_from([None, "suspect", "mql"]),
    st.sampled_from([None, "cold", "hot"]),
    st.integers(-(10**13), 10**13),
)
LEADS = st.builds(
    lambda number, before, after, now, was, will, withheld: LeadSimulated(
        LeadId(f"lead-{number}"),
        None,
        before,
        after,
        now,
        was,
        will,
        number % 2 == 0,
        number % 3 == 0,
        withheld,
        number % 5 == 0,
    ),
    st.integers(0, 99),
    STANDINGS,
    STANDINGS,
    SENDINGS,
    SENDINGS,
    SENDINGS,
    st.builds(Withheld, st.integers(0, 1), st.integers(0, 3), st.integers(0, 3)),
)


@given(st.lists(LEADS, max_size=8), st.randoms(use_true_random=False), st.integers(1, 5))
def test_findings_add_up_the_same_in_any_parts_and_order(leads, random, size):
    shuffled = random.sample(leads, len(leads))
    parts = [Findings.of(shuffled[place : place + size]) for place in range(0, len(leads), size)]
    whole = Findings.of(leads)

    assert reduce(add, parts, Findings()) == whole
    assert Findings.from_json(whole.as_json()) == whole
    assert whole.leads == len(leads) == sum(whole.stages.values()) == sum(whole.temperatures.values())
    assert whole.passed_over == sum(each.passed_over for each in leads)
    assert whole.stranded == sum(each.stranded for each in leads)
    assert whole.besides == sum(each.besides for each in leads)
    assert whole.withheld == reduce(add, (each.withheld for each in leads), Withheld())
    assert whole.sent("before") == sum(len(each.sent_before) for each in leads)
    assert sum(load.after for load in whole.loads()) == whole.sent("after")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5))
def test_who_takes_turns_gets_week_by_week_what_turns_one_after_the_other_give(counts):
    shares = {
        Share("after", week_of(Moment(NOON + week * 7 * DAY)), "inside-sales", None, "inside-sales"): count
        for week, count in enumerate(counts)
    }
    found = Findings(shares=shares, rounds={"inside-sales": TURNS.round})

    turn, expected = 0, Counter()
    for week, count in enumerate(counts):
        for _ in range(count):
            expected[week_of(Moment(NOON + week * 7 * DAY)), TURNS.round[turn % 3]] += 1
            turn += 1
    assert {(load.week, load.assignee): load.after for load in found.loads() if load.after} == dict(expected)


def test_a_week_begins_on_monday_in_utc():
    assert week_of(NOON) == "2026-03-02"
    assert week_of(Moment(NOON - 12 * HOUR - MINUTE)) == "2026-02-23"
    assert week_of(Moment(NOON + 6 * DAY)) == "2026-03-02"


@pytest.mark.parametrize(
    ("points", "column"),
    [
        (0, 0),
        (4, 0),
        (5, 5),
        (-1, -5),
        (-5, -5),
        (999, 995),
        (1000, 1000),
        (1234, 1200),
        (-1234, -1300),
        (10**9, 10**9),
    ],
)
def test_a_total_stands_in_a_column(points, column):
    assert bin_of(points * POINT) == column


@given(st.lists(st.integers(-(10**18), 10**18), min_size=1))
def test_columns_are_few_and_hold_their_totals(totals):
    assert all(bin_of(total) * POINT <= total for total in totals)
    assert len({bin_of(points * POINT) for points in range(-5000, 5000)}) < 600


# --- who would get it -------------------------------------------------------------------------------------------------

ROSTERS = {
    "default": (),
    "inside-sales": (
        Member("mia", takes=("DE",)),
        Member("bo", weight=2),
        Member("cy", takes=("FR",)),
        Member("di", takes=("FR",)),
    ),
}


@pytest.mark.parametrize("country", [None, "DE", "FR", "IT"])
def test_turns_that_nobody_takes_name_the_same_people_as_turns_that_are_taken(country):
    file = parse_rule_file(
        {
            "name": "test",
            "stages": [{"name": "mql", "enter": {"activity": "demo_requested"}}],
            "handoff": {"mql": {"to": "inside-sales", "route": {"by": "company.country"}}},
        }
    )
    rule = file.handoff["mql"]
    facts = (
        RULES.ledger(RULES.replayed([did(0, "x", Claims(company={"country": country} if country else {}))]))
        .standing((NOON + 1, ""))
        .facts
    )
    found = owners(rule, ROSTERS, facts)

    turns = Counter()

    def take(counter: str) -> int:
        assert counter == found.counter
        turns[counter] += 1
        return turns[counter] - 1

    got = [route(rule, ROSTERS, facts, take) for _ in range(12)]
    assert {each.team for each in got} == {found.team}
    assert [each.assignee for each in got] == [found.round[turn % len(found.round)] for turn in range(12)]
    assert found.assignee == (None if found.counter else "mia")
