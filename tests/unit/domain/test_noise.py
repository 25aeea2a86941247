"""Noise is kept and counts for nothing, in whatever order anything is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED, Activity, Claims, Rank
from shared.domain.engine import compile_rules
from shared.domain.moments import parse_moment
from shared.domain.noise import BOT, NOISE, Noise, NoiseFilter, noise_filter
from shared.domain.points import POINT
from shared.domain.reading import parse_rule_file
from shared.domain.refusals import Invalid
from shared.domain.state import known_facts
from tests.people import activity, email, user

ADA, ADA_S_ID = email("ada@engines.example"), user("u-1")
LATER = parse_moment("2026-04-01T00:00:00Z")
RULES = compile_rules(
    parse_rule_file(
        {
            "name": "test",
            "behaviour": [
                {"id": "view", "on": "page_viewed", "points": 1},
                {"id": "silent", "idle": {"for": "7d", "of": "any"}, "points": -100},
            ],
        }
    )
)


def viewed(number: int, address: str = "198.51.100.1", agent: str = "Mozilla/5.0", **rest: Any) -> Activity:
    context = {"address": address, "user_agent": agent}
    return activity(f"a{number}", ADA, context=context, at=f"2026-03-{number:02d}T09:00:00Z", **rest)


def told(kind: str, number: int, identity=ADA, activity_id: str = "") -> Activity:
    name = activity_id or f"{kind}-{number}"
    return activity(name, identity, type=kind, rank=Rank.SALES, own=False, at=f"2026-03-{number:02d}T10:00:00Z")


def points(noise: Noise, *activities: Activity) -> float:
    return RULES.score(RULES.replayed(noise.marked(activities)), parse_moment("2026-03-03T12:00:00Z")).total / POINT


@pytest.mark.parametrize(
    ("written", "address", "caught"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.77/24", "203.0.113.1", True),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "203.0.113.9", False),
        ("::ffff:203.0.113.0/120", "203.0.113.9", True),
        ("::ffff:203.0.113.0/120", "::ffff:203.0.113.9", True),
        ("203.0.113.0/24", "not an address", False),
        ("203.0.113.0/24", "", False),
    ],
)
def test_a_range_catches_the_addresses_in_it(written: str, address: str, *, caught: bool) -> None:
    assert Noise([noise_filter("address", written)]).catches(viewed(1, address)) is caught


@pytest.mark.parametrize(
    ("pattern", "agent", "caught"),
    [
        ("*scanner*", "Acme Scanner/2.0", True),
        ("Acme Scanner/?.0", "acme scanner/2.0", True),
        ("scanner", "Acme Scanner/2.0", False),
        ("*scanner*", "Mozilla/5.0", False),
    ],
)
def test_a_pattern_catches_the_agents_that_look_like_it(pattern: str, agent: str, *, caught: bool) -> None:
    assert Noise([noise_filter("agent", pattern)]).catches(viewed(1, agent=agent)) is caught


@pytest.mark.parametrize("written", ["203.0.113", "0.0.0.0/0", "10.0.0.0/7", "::/0", "", "203.0.113.0/33", "localhost"])
def test_what_is_no_range_or_too_wide_a_one_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        noise_filter("address", written)
    assert refused.value.at == "address"


@pytest.mark.parametrize("pattern", ["*", "**", "", "*a?b*", "x" * 201])
def test_a_pattern_that_would_catch_nearly_all_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid) as refused:
        noise_filter("agent", pattern)
    assert refused.value.at == "agent"


def test_one_filter_has_one_writing_and_one_id_that_tells_no_address() -> None:
    one, same = noise_filter("address", " 203.0.113.77/24"), noise_filter("address", "203.0.113.0/24")
    assert one == same == NoiseFilter("address", "203.0.113.0/24")
    assert one.id == same.id != noise_filter("address", "203.0.112.0/24").id
    assert "203" not in one.id


def test_noise_earns_nothing_ends_no_silence_and_tells_nothing() -> None:
    said = Claims(lead={"title": "CEO"}, consent="granted")
    noisy = [viewed(1), viewed(2, marks=(BOT,), claims=said), viewed(3, address="203.0.113.7", claims=said)]
    state = RULES.replayed(Noise([noise_filter("address", "203.0.113.0/24")]).marked(noisy))

    assert state.last_activity_at == noisy[0].occurred_at
    assert (known_facts(state).lead, known_facts(state).consent) == ({}, None)
    assert RULES.score(state, parse_moment("2026-03-03T12:00:00Z")).total == POINT
    assert RULES.score(state, parse_moment("2026-03-09T12:00:00Z")).total == -99 * POINT


def test_that_somebody_does_not_want_to_be_contacted_is_heard_in_all_noise() -> None:
    state = RULES.replayed([viewed(1), viewed(2, marks=(BOT,), claims=Claims(consent="denied"))])

    assert known_facts(state).consent == "denied"


def test_a_denial_that_anybody_can_send_is_not_heard_from_where_people_have_found_noise() -> None:
    noise = Noise([noise_filter("address", "203.0.113.0/24")])
    denial: Any = {"claims": Claims(consent="denied"), "address": "203.0.113.7"}
    granted = viewed(1, claims=Claims(consent="granted"))

    by_anybody = noise.marked([granted, viewed(2, rank=Rank.PUBLIC, **denial)])
    by_a_server = noise.marked([granted, viewed(2, **denial)])

    assert known_facts(RULES.replayed(by_anybody)).consent == "granted"
    assert known_facts(RULES.replayed(by_a_server)).consent == "denied"


def test_what_people_said_is_never_noise() -> None:
    by_sales = viewed(1, rank=Rank.SALES, address="203.0.113.7")
    adjusted = viewed(2, type="score_adjusted", address="203.0.113.7")
    noise = Noise([noise_filter("address", "203.0.113.0/24")])

    assert noise.marked([by_sales, adjusted]) == [by_sales, adjusted]
    assert noise.marked([told(NOISE_MARKED, 1), by_sales])[1] == by_sales


def test_a_lead_that_people_marked_is_noise_until_they_take_it_back() -> None:
    did = [viewed(1), viewed(2)]
    assert points(Noise(), *did) == 2
    assert points(Noise(), *did, told(NOISE_MARKED, 1)) == 0
    assert points(Noise(), *did, told(NOISE_MARKED, 1), told(NOISE_UNMARKED, 2)) == 2
    assert points(Noise(), *did, told(NOISE_UNMARKED, 1), told(NOISE_MARKED, 2)) == 0


def test_a_word_on_one_identity_is_taken_back_on_that_identity_alone() -> None:
    did = [viewed(1), told(NOISE_MARKED, 1), told(NOISE_MARKED, 1, ADA_S_ID, "again")]
    assert points(Noise(), *did, told(NOISE_UNMARKED, 2)) == 0
    assert points(Noise(), *did, told(NOISE_UNMARKED, 2), told(NOISE_UNMARKED, 2, ADA_S_ID, "back")) == 1


def test_only_people_mark_a_lead() -> None:
    assert points(Noise(), viewed(1), replace(told(NOISE_MARKED, 1), rank=Rank.TRUSTED)) == 1


WORDS = st.builds(
    told,
    st.sampled_from([NOISE_MARKED, NOISE_UNMARKED]),
    st.integers(1, 6),
    st.sampled_from([ADA, ADA_S_ID]),
    st.uuids().map(str),
)
DEEDS = st.builds(
    viewed,
    st.integers(1, 28),
    st.sampled_from(["203.0.113.7", "203.0.114.7", "2001:db8::7"]),
    st.sampled_from(["Mozilla/5.0", "Acme Scanner/2.0"]),
    marks=st.sampled_from([(), (BOT,), ("clock",)]),
    claims=st.sampled_from([Claims(), Claims(consent="denied"), Claims(lead={"title": "CEO"})]),
)
FILTERS = st.lists(
    st.sampled_from(
        [
            noise_filter("address", "203.0.113.0/24"),
            noise_filter("address", "2001:db8::/32"),
            noise_filter("agent", "*scanner*"),
        ]
    ),
    unique=True,
)


@given(st.lists(WORDS | DEEDS, max_size=12, unique_by=lambda each: each.id), FILTERS, st.randoms(use_true_random=False))
def test_the_order_is_of_no_account_and_taking_back_restores_exactly(said, filters, random) -> None:
    shuffled = random.sample(said, len(said))
    as_it_was = RULES.replayed(Noise().marked(said))

    assert RULES.replayed(Noise(filters).marked(said)) == RULES.replayed(Noise(filters[::-1]).marked(shuffled))
    marked = Noise(filters).marked([*said, told(NOISE_MARKED, 27), told(NOISE_MARKED, 27, ADA_S_ID, "too")])
    assert all(NOISE in each.marks or BOT in each.marks for each in marked if each.rank < Rank.SALES)
    words = {NOISE_MARKED, NOISE_UNMARKED}
    deeds = [each for each in said if each.type not in words]
    both = [told(NOISE_MARKED, 27), told(NOISE_UNMARKED, 28)]
    assert RULES.replayed(Noise().marked([*deeds, *both])) == RULES.replayed(Noise().marked(deeds))
    assert as_it_was == RULES.replayed(Noise().marked(shuffled))
