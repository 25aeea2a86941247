"""What a stream lost is found in the log, and nothing else is."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.activity import Claims
from shared.domain.identity import ties_of
from shared.domain.moments import HOUR, MINUTE, Moment
from shared.domain.people import Person, Role
from shared.domain.rescores import UnappliedActivities
from shared.usecases.noise import KnownNoise, MarkNoise, NoiseWord
from shared.usecases.picking import Pick
from shared.usecases.rescore import first_checkpoints
from shared.usecases.unapplied import FindUnapplied
from tests.fakes import InMemoryNoiseMarks, InMemoryStages
from tests.people import activity, browser, email, merged, unmerged, user
from tests.unit.test_score import (
    ADA,
    ADA_S_ID,
    BOB,
    DECIDED,
    LAPTOP,
    LIMITS,
    House,
    by_the_set,
    stored,
)

EXAMPLES = int(os.environ.get("EXAMPLES", "20"))


class Watched(House):
    """The house of `score`, and who looks after it for what it has missed."""

    def __init__(self) -> None:
        super().__init__()
        self.marks = InMemoryNoiseMarks()
        self.noise = KnownNoise(self.marks, self.clock)
        self.score._writer._noise = self.noise
        self.find = FindUnapplied(self.log, self.leads, self.rulebook, self.noise)

    def missed(self, *activities):
        """They are in the log, and nobody was told."""
        self.log.append(activities)

    def unapplied(self):
        every, _ = self.log.segment(0, 1, None, 10_000)
        return self.find.among(every)

    def ids(self):
        return sorted(each.id for each in self.unapplied())


@pytest.fixture
def house():
    return Watched()


def test_what_is_applied_is_not_found(house):
    house.take(activity("a1", ADA, LAPTOP), activity("a2", LAPTOP), activity("a3", BOB, type="demo_requested"))

    assert house.unapplied() == []


def test_an_activity_of_somebody_new_is_found(house):
    house.take(activity("a1", ADA))
    house.missed(activity("a2", BOB))

    assert house.ids() == ["a2"]


def test_what_a_lead_lacks_is_found_and_nothing_else_of_it(house):
    house.take(activity("a1", ADA), activity("a3", ADA))
    house.missed(activity("a2", ADA), activity("a4", ADA, type="demo_requested"))

    assert house.ids() == ["a2", "a4"]


def test_what_a_visitor_without_a_name_did_is_found_once_somebody_has_the_browser(house):
    house.missed(activity("a1", LAPTOP))
    assert house.unapplied() == []

    house.take(activity("a2", ADA, LAPTOP))
    assert house.unapplied() == []

    house.missed(activity("a3", LAPTOP))
    assert house.ids() == ["a3"]


def test_of_a_browser_that_two_share_what_its_owner_lacks_is_found(house):
    house.take(
        activity("a1", ADA, LAPTOP, at="2026-03-01T09:00:00Z"),
        activity("b1", BOB, LAPTOP, at="2026-03-01T12:00:00Z"),
        activity("n1", LAPTOP, at="2026-03-01T10:00:00Z"),
        activity("n2", LAPTOP, at="2026-03-01T13:00:00Z"),
    )
    assert house.unapplied() == []

    house.missed(activity("n3", LAPTOP, at="2026-03-01T14:00:00Z"))
    assert house.ids() == ["n3"]


def test_a_second_name_a_new_browser_and_a_decision_are_found(house):
    house.take(activity("a1", ADA))
    house.missed(
        activity("a2", ADA, browser("phone"), type="nothing_that_counts"),
        activity("a3", ADA, ADA_S_ID, type="nothing_that_counts"),
    )
    assert house.ids() == ["a2", "a3"]

    house.score.apply(house.unapplied())
    house.missed(unmerged("v1", [ADA], [ADA_S_ID]))
    assert house.ids() == ["v1"]


def test_what_leaves_no_trace_is_not_found(house):
    house.take(activity("a1", ADA, at="2026-03-01T10:00:00Z"))
    house.missed(activity("a0", ADA, type="nothing_that_counts", at="2026-03-01T08:00:00Z"))

    assert house.unapplied() == []


def test_a_fact_that_nobody_heard_is_found(house):
    house.take(activity("a1", ADA, at="2026-03-01T10:00:00Z"))
    told = activity("f1", ADA, type="identified", at="2026-03-01T08:00:00Z", claims=Claims(lead={"name": "Ada"}))
    house.missed(told)

    assert house.unapplied() == [told]


def test_what_a_lead_that_is_noise_did_is_applied_and_a_word_that_nobody_heard_is_found(house):
    house.take(activity("a1", ADA), activity("a2", ADA))
    mark = MarkNoise(house.marks, house.log, house.leads, house.clock)
    word = NoiseWord("w1", Person("mia", "mia", frozenset({Role.MARKETING})), "Our own tester.")
    mark.mark_lead(house.lead(ADA).lead, word)
    assert [each.type for each in house.unapplied()] == ["noise_marked"]

    house.score.apply(house.unapplied())
    assert house.unapplied() == []

    house.missed(activity("a3", ADA, at="2026-03-01T10:00:00Z"))
    house.score.apply(house.unapplied())
    assert house.points(ADA) == 0


def test_an_hour_of_stream_records_thrown_away_is_caught_up_exactly_and_nothing_else_is_queued(house):
    """Sixty people do something each minute for two hours; of the second one no record reaches `score`."""
    start = house.clock.now()
    people = [email(f"visitor-{number}@engines.example") for number in range(60)]

    def did(minute, person):
        at = Moment(start + minute * MINUTE)
        return replace(activity(f"a{minute}-{person}", people[person]), occurred_at=at, received_at=at)

    first = [did(minute, (minute * 7 + n) % 40) for minute in range(60) for n in range(5)]
    lost = [did(minute, (minute * 7 + n) % 60) for minute in range(60, 120) for n in range(5)]
    house.clock.advance(2 * HOUR)
    house.take(*first)
    house.missed(*lost)
    pick = Pick(
        activities=house.log,
        leads=house.leads,
        stages=InMemoryStages(),
        noise=house.marks,
        known_noise=house.noise,
        rulebook=house.rulebook,
        clock=house.clock,
        page=50,
    )

    queued = []
    for place in first_checkpoints("job", UnappliedActivities(Moment(start + 30 * MINUTE)), house.clock.now(), 4):
        after: str | None = ""
        while after is not None:
            page = pick.page(replace(place, after=after or None))
            queued += [message["activity"] for message in page.messages]
            after = page.after

    assert sorted(map(str, queued)) == sorted(str({"identity": e.identity.key, "id": e.id}) for e in lost)
    house.score.apply(lost)
    assert house.unapplied() == []
    assert stored(house) == by_the_set([*first, *lost])


@pytest.fixture(params=["usual", "many browsers", "everything"], scope="module")
def limits(request):
    """The limits of what may be linked, as they are, and so narrow that a few people reach them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in LIMITS[request.param].items():
            patch.setattr(f"shared.domain.identity.{name}", limit)
        yield


@settings(max_examples=EXAMPLES)
@given(DECIDED, st.randoms())
def test_when_everything_was_delivered_nothing_is_found(limits, activities, random):
    shuffled, house = list(activities), Watched()
    random.shuffle(shuffled)
    house.take(*shuffled)

    assert house.unapplied() == []


@settings(max_examples=EXAMPLES)
@given(DECIDED, st.randoms())
def test_whatever_was_lost_is_caught_up(limits, activities, random):
    shuffled, house = list(activities), Watched()
    random.shuffle(shuffled)
    house.log.append(shuffled)
    house.score.apply(shuffled[: len(shuffled) // 2])

    assert house.score.apply(house.unapplied()) == []

    assert stored(house) == by_the_set(activities)


def test_of_two_names_that_came_with_a_browser_at_one_moment_the_one_that_counts_is_found(house):
    lost = activity("a2", user("u0"), LAPTOP, type="nothing_that_counts")
    house.missed(lost)
    house.take(activity("a1", user("u1"), LAPTOP, type="nothing_that_counts"))
    house.take(activity("a3", user("u0"), user("u1"), type="nothing_that_counts"))

    assert house.ids() == ["a2"]

    house.score.apply([lost])
    assert house.ids() == []


def test_what_the_other_name_of_that_moment_did_is_not_found(house):
    house.take(
        activity("a1", user("u0"), LAPTOP, type="nothing_that_counts"),
        activity("a3", user("u0"), user("u1")),
    )
    house.missed(activity("a2", user("u1"), LAPTOP, type="nothing_that_counts"))

    assert house.ids() == []


def test_what_one_lead_read_in_its_log_and_the_other_never_heard_is_found(house):
    house.take(activity("a1", ADA), activity("b1", BOB))
    link = merged("m1", ADA, BOB)
    house.missed(link)
    house.leads.save(replace(house.lead(ADA), ties=ties_of([link])))

    assert house.ids() == ["m1"]

    house.score.apply([link])
    assert house.lead(ADA) == house.lead(BOB)
    assert house.ids() == []


@pytest.mark.parametrize("names", [(ADA,), (ADA, LAPTOP), (LAPTOP,)])
def test_what_belongs_to_a_damaged_lead_is_found_and_holds_up_nothing(house, names):
    house.take(activity("a1", ADA, LAPTOP), activity("b1", BOB))
    house.missed(activity("a2", *names), activity("b2", BOB))
    house.leads.damaged = {house.lead(ADA).lead}

    assert house.ids() == ["a1", "a2", "b2"]


def test_what_belongs_to_a_lead_under_rules_that_never_were_is_found(house):
    house.take(activity("a1", ADA))
    lead = house.lead(ADA).lead
    house.leads.records[lead] = replace(house.leads.records[lead], rules_version=99)

    assert house.ids() == ["a1"]
