"""Marking noise, now or later, and taking it back: exactly the leads concerned are scored anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.events import NoiseChanged
from shared.domain.handoff import LeadId
from shared.domain.moments import MINUTE, SECOND
from shared.domain.noise import BOT, Noise, noise_filter
from shared.domain.people import Person, Role
from shared.domain.refusals import Invalid, NotFound
from shared.ports.errors import Conflict
from shared.usecases.history import gather
from shared.usecases.noise import MOST_FILTERS, KnownNoise, MarkNoise, NoiseWord
from shared.usecases.picking import Pick
from shared.usecases.rescore import Rescore
from tests.fakes import InMemoryDrifts, InMemoryNoiseMarks, InMemoryQueue, InMemoryRescoring, InMemoryStages
from tests.people import activity, browser, user
from tests.unit.test_score import ADA, BOB, LAPTOP, House

RANGE = noise_filter("address", "203.0.113.0/24")
SCANNER = noise_filter("agent", "*scanner*")
MIA = Person("mia", "mia@acme.example", frozenset({Role.MARKETING}))
NOISY: Any = {"context": {"address": "203.0.113.7"}}


class Noisy(House):
    """The house of `score`, and all that marks noise around it."""

    def __init__(self) -> None:
        super().__init__()
        self.marks = InMemoryNoiseMarks()
        known = KnownNoise(self.marks, self.clock)
        self.score._writer._noise = known
        self.mark = MarkNoise(self.marks, self.log, self.leads, self.clock)
        self.queue = InMemoryQueue()
        self.rescore = Rescore(
            leads=self.leads,
            pick=Pick(
                activities=self.log,
                leads=self.leads,
                stages=InMemoryStages(),
                noise=self.marks,
                known_noise=known,
                rulebook=self.rulebook,
                clock=self.clock,
                page=3,
            ),
            rescoring=InMemoryRescoring(),
            touches=self.queue,
            drifts=InMemoryDrifts(),
            rulebook=self.rulebook,
            clock=self.clock,
            segments=2,
            page=3,
        )
        self.words = 0
        self.asked: set[str] = set()

    def word(self) -> NoiseWord:
        self.words += 1
        return NoiseWord(f"word-{self.words}", MIA, "It is nobody.")

    def say_of_lead(self, identity, *, noise: bool) -> None:
        lead = self.lead(identity).lead
        said = (self.mark.mark_lead if noise else self.mark.unmark_lead)(lead, self.word())
        assert said == lead
        self.deliver()

    def deliver(self) -> None:
        """The stream hands the whole log on, as it may again and again."""
        every, after = self.log.segment(0, 1, None, 10_000)
        assert after is None
        assert self.score.apply(every) == []

    def follow(self) -> None:
        """What was said of filters is heard by everybody."""
        for event in self.marks.outbox:
            changed = NoiseChanged.model_validate(event.detail)
            self.rescore.noise_changed(changed.id, changed.filter)
        self.marks.outbox.clear()
        for _ in range(4):
            self.rescore.tick(lambda: True)
            for message in self.queue.messages:
                self.asked.add(str(message["lead"]))
                self.score.touch(LeadId(str(message["lead"])), rebuild=bool(message["rebuild"]))
            self.queue.messages.clear()
            self.clock.advance(MINUTE)

    def replayed(self, identity):
        record = self.lead(identity)
        noise = Noise(mark.filter for mark in self.marks.all() if mark.stands)
        activities = gather(self.log, self.leads, record.lead, record.identities, noise=noise).activities
        return self.rulebook.active().rules.absorb(type(record.state).empty(), noise.marked(activities))


@pytest.fixture
def house() -> Noisy:
    return Noisy()


def test_what_a_bot_did_is_in_the_log_and_counts_for_nothing(house):
    bot = activity("a1", ADA, marks=(BOT,))
    house.take(bot, activity("a2", ADA))

    assert bot in house.log
    assert house.points(ADA) == 1


def test_a_range_is_marked_later_for_the_leads_concerned_alone_and_taken_back(house):
    house.take(activity("a1", ADA, **NOISY), activity("a2", ADA), activity("b1", BOB))
    written = house.leads.records[house.lead(BOB).lead].version

    house.mark.mark(RANGE, house.word())
    house.follow()
    assert (house.points(ADA), house.points(BOB)) == (1, 1)
    assert house.asked == {house.lead(ADA).lead}

    house.mark.unmark(RANGE, house.word())
    house.follow()
    assert (house.points(ADA), house.points(BOB)) == (2, 1)
    assert house.leads.records[house.lead(BOB).lead].version == written


def test_a_lead_is_concerned_by_what_its_browser_did_alone(house):
    house.take(activity("a1", LAPTOP, **NOISY), activity("a2", ADA, LAPTOP))

    house.mark.mark(RANGE, house.word())
    house.follow()

    assert house.points(ADA) == 1
    assert house.asked == {house.lead(ADA).lead}


def test_browsers_that_somebody_invented_for_a_lead_are_let_go_when_that_is_found_out(house):
    house.take(
        activity("a1", LAPTOP, at="2026-03-01T10:00:00Z"), activity("a2", ADA, LAPTOP, at="2026-03-01T10:01:00Z")
    )
    assert house.points(ADA) == 2
    forged = [
        activity(f"f{number}", ADA, browser(f"fake-{number}"), type="identified", at="2024-06-01T00:00:00Z", **NOISY)
        for number in range(50)
    ]
    house.take(*forged)
    assert house.points(ADA) == 1

    house.mark.mark(RANGE, house.word())
    house.follow()
    assert house.points(ADA) == 2
    assert set(house.lead(ADA).browsers) == {"laptop"}

    house.mark.unmark(RANGE, house.word())
    house.follow()
    assert house.points(ADA) == 1


def test_a_bot_attaches_no_browser(house):
    house.take(activity("a1", LAPTOP), activity("a2", ADA, LAPTOP, marks=(BOT,)), activity("a3", ADA))

    assert house.points(ADA) == 1
    assert house.lead(ADA).browsers == {}


def test_what_comes_after_the_mark_is_noise_too(house):
    house.mark.mark(RANGE, house.word())
    house.clock.advance(MINUTE)
    house.take(activity("a1", ADA, **NOISY), activity("a2", ADA))

    assert house.points(ADA) == 1


def test_what_was_scored_by_a_function_that_had_not_heard_of_the_mark_is_found_in_time(house):
    house.take(activity("a1", ADA))
    house.mark.mark(RANGE, house.word())
    house.clock.advance(10 * SECOND)
    house.take(activity("a2", ADA, **NOISY))
    assert house.points(ADA) == 2

    house.follow()

    assert house.points(ADA) == 1


def test_a_lead_that_is_marked_counts_for_nothing_from_then_on_and_back(house):
    house.take(activity("a1", ADA, user("u-1")), activity("b1", BOB))

    house.say_of_lead(ADA, noise=True)
    house.take(activity("a2", user("u-1"), LAPTOP), activity("a3", LAPTOP))
    assert (house.points(ADA), house.points(BOB)) == (0, 1)

    house.clock.advance(MINUTE)
    house.say_of_lead(ADA, noise=False)
    assert (house.points(ADA), house.points(BOB)) == (3, 1)


def test_saying_the_same_again_changes_nothing(house):
    first = house.mark.mark(RANGE, house.word())
    assert house.mark.mark(RANGE, house.word()) == first
    back = house.mark.unmark(RANGE, house.word())
    assert house.mark.unmark(RANGE, house.word()) == back
    assert len(house.marks.outbox) == 2


def test_what_was_taken_back_is_marked_again(house):
    house.take(activity("a1", ADA, **NOISY))
    for _ in range(2):
        house.mark.mark(RANGE, house.word())
        house.follow()
        assert house.points(ADA) == 0
        house.mark.unmark(RANGE, house.word())
        house.follow()
        assert house.points(ADA) == 1


def test_what_nobody_marked_is_not_taken_back(house):
    with pytest.raises(NotFound, match=r"203\.0\.113\.0/24"):
        house.mark.unmark(RANGE, house.word())
    with pytest.raises(NotFound):
        house.mark.mark_lead(LeadId("nobody"), house.word())


def test_filters_have_an_end(house):
    for number in range(MOST_FILTERS):
        house.mark.mark(noise_filter("address", f"10.{number // 256}.{number % 256}.0/24"), house.word())
    with pytest.raises(Invalid):
        house.mark.mark(RANGE, house.word())
    house.mark.mark(noise_filter("address", "10.0.0.0/24"), house.word())


def test_of_two_who_speak_at_once_one_is_told(house):
    real = house.marks.get
    house.marks.get = lambda id_: None
    house.mark.mark(RANGE, house.word())
    with pytest.raises(Conflict):
        house.mark.mark(RANGE, house.word())
    house.marks.get = real


DEEDS = st.builds(
    lambda number, who, address, marks: activity(
        f"a{number}-{address}-{len(marks)}",
        *who,
        context={"address": address},
        marks=marks,
        at=f"2026-03-01T09:{number:02d}:00Z",
    ),
    st.integers(0, 59),
    st.sampled_from(
        [
            (ADA,),
            (BOB,),
            (LAPTOP,),
            (ADA, LAPTOP),
            (BOB, LAPTOP),
            (ADA, user("u-9")),
            (BOB, browser("b")),
            (browser("b"),),
        ]
    ),
    st.sampled_from(["203.0.113.7", "198.51.100.7"]),
    st.sampled_from([(), (), (BOT,)]),
)
STEPS = st.lists(
    DEEDS.map(lambda each: ("deed", each))
    | st.sampled_from(
        [("mark", RANGE), ("unmark", RANGE), ("mark", SCANNER), ("lead", ADA), ("back", ADA), ("follow", None)]
    ),
    max_size=14,
)


@given(STEPS)
def test_whatever_is_said_in_whatever_order_every_lead_ends_as_its_replay(steps) -> None:
    house = Noisy()
    for what, which in steps:
        house.clock.advance(SECOND)
        if what == "deed":
            house.take(which)
        elif what == "mark":
            house.mark.mark(which, house.word())
        elif what == "unmark" and house.marks.get(which.id):
            house.mark.unmark(which, house.word())
        elif what in ("lead", "back") and house.lead(which):
            house.say_of_lead(which, noise=what == "lead")
        elif what == "follow":
            house.follow()
    house.follow()

    for record in house.leads.records.values():
        if not record.merged_into:
            identity = next(iter(record.identities))
            assert record.state.entries == house.replayed(identity).entries
            assert record.state.last_own == house.replayed(identity).last_own
