"""Leads are compared with their logs: what is damaged is found, named, and mended when asked; nothing else is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from shared.domain.activity import NOISE_MARKED, Identity, Rank
from shared.domain.drift import Fault
from shared.domain.handoff import LeadId
from shared.domain.identity import NO_TIES
from shared.domain.moments import DAY, HOUR, MINUTE, Moment
from shared.domain.noise import noise_filter
from shared.domain.people import Person
from shared.domain.refusals import NotFound
from shared.domain.state import ScoreState
from shared.ports.leads import DAMAGED, OTHER_FORMAT, LeadRecord
from shared.ports.rules import RuleVersion
from shared.usecases.noise import KnownNoise, MarkNoise, NoiseWord
from shared.usecases.reconcile import Reconcile, RepairLeads
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryLeads,
    InMemoryNoiseMarks,
    InMemoryQueue,
    InMemoryRuleVersions,
)
from tests.fakes.drift import InMemoryDrifts
from tests.people import activity, browser, email, unmerged, user

RULES: dict[str, Any] = {
    "name": "test",
    "behaviour": [
        {"id": "view", "on": "page_viewed", "points": 1},
        {"id": "demo", "on": "demo_requested", "points": 25, "decay": {"half_life": "30d"}},
        {"id": "quiet", "idle": {"for": "60d", "of": "any"}, "points": -5, "repeat": "once"},
    ],
    "temperature": [{"name": "cold"}, {"name": "hot", "above": 20}],
}
MIA = Person("mia", "mia", frozenset())


class House:
    """Leads, their log, whoever scores them and whoever compares."""

    def __init__(self) -> None:
        self.log, self.leads, self.drifts = InMemoryActivities(), InMemoryLeads(), InMemoryDrifts()
        self.versions, self.marks, self.queue = InMemoryRuleVersions(), InMemoryNoiseMarks(), InMemoryQueue()
        self.clock = FixedClock("2026-03-02T09:00:00Z")
        numbers = count(1)
        self.score = Score(
            self.log,
            self.leads,
            Rulebook(self.versions, self.clock),
            self.clock,
            lambda: LeadId(f"lead-{next(numbers):04d}"),
            noise=KnownNoise(self.marks, self.clock),
        )
        self.reconcile = Reconcile(
            activities=self.log,
            leads=self.leads,
            rulebook=Rulebook(self.versions, self.clock),
            noise=self.marks,
            drifts=self.drifts,
            clock=self.clock,
        )
        self.publish()

    def publish(self, points: int = 1) -> None:
        number = self.versions.active_number() + 1
        behaviour = [{**RULES["behaviour"][0], "points": points}, *RULES["behaviour"][1:]]
        document = {**RULES, "behaviour": behaviour}
        self.versions.publish(RuleVersion(number, "test", "mia", self.clock.now(), "", "0" * 64, document, ""))

    def logged(self, *activities: Any, ago: int = 0) -> list[Any]:
        """They occurred so long ago, and are in the log."""
        at = Moment(self.clock.now() - ago)
        told = [replace(each, occurred_at=at, received_at=self.clock.now()) for each in activities]
        self.log.append(told)
        return told

    def takes(self, *activities: Any, ago: int = 0) -> None:
        """They are logged and applied."""
        assert self.score.apply(self.logged(*activities, ago=ago)) == []

    def round(self) -> dict[str, tuple[Fault, ...]]:
        """Go round all leads once: which have drifted, and how."""
        for _ in range(1000):
            if self.reconcile.tick(lambda: True, most=400).is_round_over:
                return {each.lead: each.faults for each in self.drifts.all()}
        raise AssertionError("the round does not end")

    def damage(self, lead: str, **changes: Any) -> None:
        """A record is otherwise than it was written; its version tells nothing of it."""
        self.leads.records[LeadId(lead)] = replace(self.leads.records[LeadId(lead)], **changes)


@pytest.fixture
def house() -> House:
    return House()


def known(record: LeadRecord) -> tuple[Any, ...]:
    """What of a record follows from the log."""
    beside = (record.rules_version, record.due, record.muted, record.absorbed, record.ties)
    return (record.identities, record.state, dict(record.browsers), *beside)


def without_one_entry(state: ScoreState) -> ScoreState:
    return ScoreState(dict(list(state.entries.items())[1:]), state.seen, state.last_own)


def test_one_planted_damage_of_each_kind_in_a_thousand_leads_is_found_named_and_mended(house: House) -> None:
    everything = []
    for number in range(1000):
        who, own = email(f"ada{number}@engines.example"), browser(f"b-{number}")
        everything += [
            activity(f"d{number}", who, *([own] if number % 3 == 0 else []), type="demo_requested"),
            activity(f"v{number}", who, *([user(f"u-{number}")] if number % 5 == 0 else [])),
        ]
        everything += [activity(f"n{number}", own)] if number % 3 == 0 else []
    house.takes(*everything)
    house.clock.advance(HOUR)
    assert house.round() == {}
    assert len(house.leads.records) == 1000
    leads = house.leads.records
    sound = {lead: known(record) for lead, record in leads.items()}
    with_browser = [lead for lead, record in leads.items() if record.browsers]
    other = leads[LeadId("lead-0002")]

    house.damage("lead-0100", state=without_one_entry(leads[LeadId("lead-0100")].state))
    house.damage("lead-0101", state=leads[LeadId("lead-0101")].state.merge(other.state))
    house.damage("lead-0102", state=ScoreState.empty(), rules_version=DAMAGED)
    house.damage("lead-0103", rules_version=99)
    house.damage("lead-0104", due=None)
    house.damage("lead-0105", due=Moment(house.clock.now() + 1000 * DAY))
    house.damage("lead-0106", muted=True)
    house.damage(with_browser[50], browsers={})
    house.damage("lead-0108", state=replace(leads[LeadId("lead-0108")].state, last_own=None))
    house.leads.damaged.add(LeadId("lead-0109"))
    (of_110,) = [each for each in leads[LeadId("lead-0110")].identities if each.kind == "email"]
    (of_111,) = [each for each in leads[LeadId("lead-0111")].identities if each.kind == "email"]
    house.leads._whose[of_110] = other.lead
    del house.leads._whose[of_111]

    planted = {
        "lead-0100": (Fault.SCORE,),
        "lead-0101": (Fault.SCORE,),
        "lead-0102": (Fault.UNREADABLE,),
        "lead-0103": (Fault.RULES,),
        "lead-0104": (Fault.DUE,),
        "lead-0105": (Fault.DUE,),
        "lead-0106": (Fault.NOISE,),
        with_browser[50]: (Fault.BROWSERS,),
        "lead-0108": (Fault.SCORE,),
        "lead-0109": (Fault.UNREADABLE,),
        "lead-0110": (Fault.NAMES,),
        "lead-0111": (Fault.NAMES,),
    }
    assert {
        lead: tuple(fault for fault in told if fault != Fault.DUE or told == (fault,))
        for lead, told in house.round().items()
    } == planted
    for lead in planted:
        house.score.repair(LeadId(lead))
    assert {lead: known(record) for lead, record in house.leads.records.items()} == sound
    assert house.leads.damaged == set()
    house.clock.advance(HOUR)
    assert house.round() == {}
    assert {each.lead for each in house.drifts.all()} == set()


def test_nothing_is_told_of_what_is_received_in_the_same_moments(house: House) -> None:
    """Between any two steps of scoring somebody goes round."""
    ada, bob, laptop = email("ada@engines.example"), email("bob@engines.example"), browser("laptop")
    house.takes(activity("a0", ada, laptop), activity("b0", bob))
    house.clock.advance(HOUR)
    steps: list[list[Any]] = [
        house.logged(activity("a1", ada)),
        house.logged(activity("a2", laptop)),
        house.logged(activity("b1", bob, laptop)),
        house.logged(activity("a3", laptop)),
        house.logged(activity("a4", ada, user("u-ada"))),
        house.logged(activity("a5", ada, type="demo_requested")),
    ]
    assert house.round() == {}
    for step in reversed(steps):
        assert house.score.apply(step) == []
        assert house.round() == {}
        house.clock.advance(30_000_000)
    house.clock.advance(HOUR)
    assert house.round() == {}


def test_a_browser_that_somebody_else_just_came_to_is_no_drift_of_who_had_it(house: House) -> None:
    """What was done by it alone goes to the other one; who had it is made anew a moment later."""
    ada, bob, laptop = email("ada@engines.example"), email("bob@engines.example"), browser("laptop")
    house.takes(activity("a0", ada, laptop), activity("b0", bob))
    house.clock.advance(HOUR)
    house.takes(activity("n1", laptop))
    house.clock.advance(HOUR)
    late = house.logged(activity("b1", bob, laptop), ago=90 * MINUTE)
    house.leads.attach(laptop, bob, late[0].occurred_at)

    assert house.round() == {}

    assert house.score.apply(late) == []
    house.clock.advance(HOUR)
    assert house.round() == {}
    assert "n1" in house.leads.records[LeadId("lead-0002")].state.entries


def test_what_was_received_five_minutes_ago_and_is_not_there_is_drift(house: House) -> None:
    ada = email("ada@engines.example")
    house.takes(activity("a0", ada))
    lost = house.logged(activity("a1", ada))

    house.clock.advance(4 * MINUTE)
    assert house.round() == {}
    house.clock.advance(2 * MINUTE)
    assert house.round() == {"lead-0001": (Fault.SCORE,)}

    assert house.score.apply(lost) == []
    assert house.round() == {}


def test_a_lead_that_is_always_busy_is_checked_all_the_same(house: House) -> None:
    ada, laptop = email("ada@engines.example"), browser("laptop")
    house.takes(*(activity(f"a{place}", ada, laptop) for place in range(5)))
    house.clock.advance(HOUR)
    house.damage("lead-0001", state=without_one_entry(house.leads.records[LeadId("lead-0001")].state))
    house.takes(activity("now", ada, laptop))

    assert house.round() == {"lead-0001": (Fault.SCORE,)}


def test_a_lead_that_is_written_between_two_looks_is_left_for_the_next_round(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.takes(activity("a0", email("ada@engines.example")))
    house.clock.advance(HOUR)
    house.damage("lead-0001", muted=True)
    load: Callable[[LeadId], LeadRecord | None] = house.leads.load

    def written_again(lead: LeadId) -> LeadRecord | None:
        house.damage(lead, version=house.leads.records[lead].version + 1)
        return load(lead)

    monkeypatch.setattr(house.leads, "load", written_again)
    assert house.reconcile.check(LeadId("lead-0001")).faults is None
    assert house.round() == {}


def test_what_the_log_has_let_go_is_no_drift(house: House) -> None:
    ada, laptop = email("ada@engines.example"), browser("laptop")
    house.takes(activity("a0", laptop))
    house.takes(activity("a1", ada, laptop))
    house.clock.advance(100 * DAY)
    house.score.touch(LeadId("lead-0001"))
    gone = next(key for key in house.log._log if key.id == "a0")
    del house.log._log[gone]

    assert house.round() == {}


def test_a_lead_under_older_rules_is_compared_under_those(house: House) -> None:
    house.takes(activity("a0", email("ada@engines.example")), activity("b0", email("bob@engines.example")))
    house.clock.advance(HOUR)
    house.publish(points=7)
    house.clock.advance(HOUR)
    house.score.touch(LeadId("lead-0001"))

    assert house.round() == {}
    assert [each.rules_version for each in house.leads.records.values()] == [2, 1]


def test_while_a_word_on_noise_is_young_its_leads_are_not_told_as_drift(house: House) -> None:
    house.takes(activity("a0", email("ada@engines.example"), context={"address": "203.0.113.7"}))
    house.clock.advance(HOUR)
    mark = MarkNoise(house.marks, house.log, house.leads, house.clock)
    mark.mark(noise_filter("address", "203.0.113.7"), NoiseWord("w", MIA, ""))
    house.clock.advance(MINUTE)
    assert house.round() == {}

    house.clock.advance(HOUR)
    assert house.round() == {"lead-0001": (Fault.SCORE,)}


def test_people_s_word_on_a_lead_that_was_not_heard_is_drift(house: House) -> None:
    ada = email("ada@engines.example")
    house.takes(activity("a0", ada))
    house.logged(activity("n", ada, type=NOISE_MARKED, rank=Rank.SALES, own=False))
    house.clock.advance(MINUTE)
    assert house.round() == {}
    house.clock.advance(HOUR)

    assert house.round() == {"lead-0001": (Fault.SCORE, Fault.NOISE)}


def test_a_round_goes_on_where_it_was_and_begins_anew_at_its_end(house: House) -> None:
    house.takes(*(activity(f"a{number}", email(f"a{number}@engines.example")) for number in range(5)))
    house.clock.advance(HOUR)

    one = house.reconcile.tick(lambda: True, most=2)
    two = house.reconcile.tick(lambda: True, most=2)
    three = house.reconcile.tick(lambda: True, most=2)

    assert [(each.checked, each.is_round_over) for each in (one, two, three)] == [(2, False), (2, False), (1, True)]
    round_ = house.drifts.round()
    assert round_ is not None
    assert (round_.after, round_.checked, round_.before) == (None, 0, house.clock.now())


def test_a_run_without_time_checks_nobody_and_loses_no_place(house: House) -> None:
    house.takes(*(activity(f"a{number}", email(f"a{number}@engines.example")) for number in range(5)))
    house.clock.advance(HOUR)
    left = iter([True, True, True, False, False])

    tick = house.reconcile.tick(lambda: next(left), most=100)

    assert (tick.checked, tick.is_round_over) == (2, False)
    rest = house.reconcile.tick(lambda: True, most=100)
    assert (rest.checked, rest.is_round_over) == (3, True)


def test_one_lead_that_cannot_be_checked_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.takes(*(activity(f"a{number}", email(f"a{number}@engines.example")) for number in range(3)))
    house.clock.advance(HOUR)
    house.damage("lead-0003", due=None, state=house.leads.records[LeadId("lead-0003")].state)
    check = house.reconcile.check

    def fails(lead: LeadId) -> Any:
        if lead == "lead-0002":
            raise ValueError("nobody expected this")
        return check(lead)

    monkeypatch.setattr(house.reconcile, "check", fails)
    tick = house.reconcile.tick(lambda: True, most=100)

    assert [lead for lead, _ in tick.failed] == ["lead-0002"]
    assert (tick.checked, tick.is_round_over) == (3, True)


def test_drift_of_a_lead_that_is_no_more_is_forgotten_at_the_next_tick(house: House) -> None:
    house.takes(activity("a0", email("ada@engines.example")))
    house.clock.advance(HOUR)
    house.leads.damaged.add(LeadId("lead-0001"))
    assert list(house.round()) == ["lead-0001"]

    house.leads.damaged.clear()
    del house.leads.records[LeadId("lead-0001")]

    assert house.reconcile.tick(lambda: True, most=1).standing == 0


def test_however_many_have_drifted_the_round_goes_on(house: House) -> None:
    house.takes(*(activity(f"a{number}", email(f"a{number}@engines.example")) for number in range(9)))
    house.clock.advance(HOUR)
    house.leads.damaged.update(house.leads.records)
    assert len(house.round()) == 9

    ticks = [house.reconcile.tick(lambda: True, most=4) for _ in range(5)]

    assert [each.checked for each in ticks] == [4, 4, 4, 4, 3]
    assert ticks[-1].is_round_over
    assert ticks[-1].standing == 9


def test_a_repair_leaves_to_another_lead_what_that_one_has_and_knows(house: House) -> None:
    ada, bob = email("ada@engines.example"), email("bob@engines.example")
    house.takes(activity("a0", ada), activity("b0", bob, type="demo_requested"))
    house.clock.advance(HOUR)
    house.damage("lead-0001", identities=frozenset({ada, bob}))
    assert Fault.NAMES in house.round()["lead-0001"]

    house.score.repair(LeadId("lead-0001"))

    assert house.leads.records[LeadId("lead-0001")].identities == {ada}
    assert house.leads.records[LeadId("lead-0002")].identities == {bob}
    assert house.round() == {}


@pytest.mark.parametrize("unreadable", [False, True])
def test_a_lead_that_lost_identities_gets_back_all_that_are_given_to_it(house: House, *, unreadable: bool) -> None:
    ada, hers, bob = email("ada@engines.example"), user("u-ada"), email("bob@engines.example")
    house.takes(activity("a0", ada, hers, type="other"), activity("a1", ada), activity("a2", hers), activity("b0", bob))
    house.clock.advance(HOUR)
    lead = LeadId("lead-0001")
    before = known(house.leads.records[lead])

    for left in (frozenset({ada}), frozenset({hers}), frozenset[Identity]()):
        house.damage(lead, identities=left)
        assert Fault.NAMES in house.round()[lead]
        house.leads.damaged.update({lead} if unreadable else ())
        house.score.repair(lead)
        assert known(house.leads.records[lead]) == before
        assert house.round() == {}


def test_a_name_that_is_lost_without_having_earned_anything_is_found(house: House) -> None:
    ada, hers = email("ada@engines.example"), user("u-ada")
    house.takes(activity("a0", ada, hers, type="other"), activity("a1", ada))
    house.clock.advance(HOUR)
    house.damage("lead-0001", identities=frozenset({ada}))

    assert house.round() == {"lead-0001": (Fault.NAMES,)}


@pytest.mark.parametrize("kind", ["demo_requested", "other"])
@pytest.mark.parametrize("lost", [email("ada@engines.example"), user("u-ada")])
def test_a_name_that_nobody_has_any_more_is_found_and_given_back(house: House, lost: Identity, kind: str) -> None:
    ada, hers, bob, laptop = (
        email("ada@engines.example"),
        user("u-ada"),
        email("bob@engines.example"),
        browser("laptop"),
    )
    house.takes(activity("a0", ada, hers), activity("a1", ada), activity("b0", bob, hers, rank=Rank.PUBLIC))
    house.takes(activity("a2", hers, laptop, type=kind), activity("a3", laptop))
    house.clock.advance(HOUR)
    assert house.round() == {}
    lead = house.leads.whose([ada])[ada]
    before, names = known(house.leads.records[lead]), dict(house.leads._whose)
    house.damage(lead, identities=frozenset({ada, hers} - {lost}))
    del house.leads._whose[lost]
    assert Fault.NAMES in house.round()[lead]

    house.score.repair(lead)

    assert known(house.leads.records[lead]) == before
    assert house.leads._whose == names
    assert house.round() == {}


def test_a_name_that_people_parted_from_a_lead_is_not_claimed_by_its_repair(house: House) -> None:
    ada, hers = email("ada@engines.example"), user("u-ada")
    house.takes(activity("a0", ada, hers, type="demo_requested"), ago=5 * DAY)
    house.takes(unmerged("u", [ada], [hers]), ago=4 * DAY)
    house.clock.advance(HOUR)
    lead = house.leads.whose([ada])[ada]
    del house.leads._whose[hers]
    assert house.reconcile.check(lead).faults == ()

    house.score.repair(lead)

    assert house.leads._whose == {ada: lead}


def test_names_that_the_store_tells_of_only_later_are_no_drift(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.takes(activity("a0", email("ada@engines.example"), user("u-ada")))
    whose = house.leads.whose

    def late(identities: Iterable[Identity], *, consistent: bool = False) -> dict[Identity, LeadId]:
        return whose(identities) if consistent else {}

    monkeypatch.setattr(house.leads, "whose", late)
    assert house.reconcile.check(LeadId("lead-0001")).faults == ()


def test_two_damaged_leads_at_one_browser_are_both_mended(house: House) -> None:
    ada, bob, laptop = email("ada@engines.example"), email("bob@engines.example"), browser("laptop")
    house.takes(activity("a0", ada, laptop), ago=3 * DAY)
    house.takes(activity("b0", bob, laptop, type="demo_requested"), ago=2 * DAY)
    house.takes(activity("n0", laptop), ago=DAY)
    house.clock.advance(HOUR)
    for lead in list(house.leads.records):
        house.score.touch(lead)
    before = {lead: known(record) for lead, record in house.leads.records.items()}
    house.leads.damaged.update(before)

    for lead in before:
        house.score.repair(lead)

    assert house.leads.damaged == set()
    assert {lead: known(record) for lead, record in house.leads.records.items()} == before
    assert house.round() == {}


def test_a_damaged_lead_stops_nobody_at_its_browser(house: House) -> None:
    ada, bob, laptop = email("ada@engines.example"), email("bob@engines.example"), browser("laptop")
    house.takes(activity("a0", ada, laptop), ago=3 * DAY)
    house.takes(activity("b0", bob, laptop), ago=2 * DAY)
    house.clock.advance(HOUR)
    house.leads.damaged.add(LeadId("lead-0002"))

    assert house.reconcile.check(LeadId("lead-0001")).faults == ()
    house.takes(activity("a1", ada, laptop, type="demo_requested"), ago=4 * DAY)
    house.score.touch(LeadId("lead-0001"), rebuild=True)

    assert "a1" in house.leads.records[LeadId("lead-0001")].state.entries


def test_what_a_person_said_and_a_lead_forgot_is_found_and_remembered_again(house: House) -> None:
    ada, hers = email("ada@engines.example"), user("u-ada")
    house.takes(activity("a0", ada, hers, type="demo_requested"), ago=5 * DAY)
    house.takes(unmerged("u", [ada], [hers]), ago=4 * DAY)
    house.clock.advance(HOUR)
    assert house.round() == {}
    for lead in house.leads.records:
        house.damage(lead, ties=NO_TIES)

    drifted = house.round()
    assert set(drifted.values()) == {(Fault.TIES,)}
    for each in drifted:
        house.score.repair(LeadId(each))

    assert house.round() == {}
    house.takes(activity("a1", ada, hers))
    assert house.leads.whose([ada])[ada] != house.leads.whose([hers])[hers]


@pytest.mark.parametrize("into", ["nobody", "lead-0001", "lead-0002"])
def test_a_redirect_to_nowhere_or_in_a_circle_is_found_and_taken_back(house: House, into: str) -> None:
    ada, bob = email("ada@engines.example"), email("bob@engines.example")
    house.takes(activity("a0", ada), activity("b0", bob))
    house.clock.advance(HOUR)
    before = known(house.leads.records[LeadId("lead-0001")])
    house.damage("lead-0001", merged_into=LeadId(into))
    if into == "lead-0002":
        house.damage("lead-0002", merged_into=LeadId("lead-0001"))
    assert house.round()["lead-0001"] == (Fault.REDIRECT,)
    assert live_record(house.leads, LeadId("lead-0001")) is None
    assert RepairLeads(house.leads, house.queue).ask(LeadId("lead-0001")) == "lead-0001"

    house.score.repair(LeadId("lead-0001"))

    assert known(house.leads.records[LeadId("lead-0001")]) == before
    assert house.reconcile.check(LeadId("lead-0001")).faults == ()


def test_a_redirect_that_leads_to_a_lead_is_sound_and_stays(house: House) -> None:
    ada, bob = email("ada@engines.example"), email("bob@engines.example")
    house.takes(activity("a0", ada), activity("b0", bob))
    house.takes(activity("m", ada, bob))
    house.clock.advance(HOUR)
    assert house.round() == {}

    house.score.repair(LeadId("lead-0002"))
    house.leads.damaged.add(LeadId("lead-0001"))
    house.score.repair(LeadId("lead-0002"))

    assert house.leads.records[LeadId("lead-0002")].merged_into == "lead-0001"


def test_a_redirect_that_cannot_be_read_is_mended_and_leads_on(house: House) -> None:
    ada, bob = email("ada@engines.example"), email("bob@engines.example")
    house.takes(activity("a0", ada), activity("b0", bob))
    house.takes(activity("m", ada, bob))
    house.clock.advance(HOUR)
    house.leads.damaged.add(LeadId("lead-0002"))
    assert house.round() == {"lead-0002": (Fault.UNREADABLE,)}
    before = known(house.leads.records[LeadId("lead-0001")])

    house.score.repair(RepairLeads(house.leads, house.queue).ask(LeadId("lead-0002")))

    assert house.round() == {}
    survivor = live_record(house.leads, LeadId("lead-0002"))
    assert survivor is not None
    assert (survivor.lead, known(survivor)) == ("lead-0001", before)


@pytest.mark.parametrize("damaged", [False, True])
def test_who_is_who_that_nobody_heard_of_is_acted_on_by_a_repair(house: House, *, damaged: bool) -> None:
    ada, bob = email("ada@engines.example"), email("bob@engines.example")
    carl, his = email("carl@engines.example"), user("u-carl")
    house.takes(activity("a0", ada), activity("b0", bob), activity("c0", carl, his), activity("c1", his), ago=DAY)
    house.logged(activity("m", ada, bob), unmerged("u", [carl], [his]))
    house.clock.advance(HOUR)
    drifted = house.round()
    assert sorted(drifted) == ["lead-0001", "lead-0003"]
    house.leads.damaged.update(map(LeadId, drifted) if damaged else ())

    for lead in drifted:
        house.score.repair(LeadId(lead))

    house.clock.advance(HOUR)
    assert house.round() == {}
    assert {each.identities for each in house.leads.records.values() if not each.merged_into} == {
        frozenset({ada, bob}),
        frozenset({carl}),
        frozenset({his}),
    }


def test_of_a_redirect_to_nowhere_whose_log_is_gone_no_lead_is_made(house: House) -> None:
    house.takes(activity("a0", email("ada@engines.example")))
    house.damage("lead-0001", merged_into=LeadId("nobody"))
    house.log._log.clear()

    house.score.repair(LeadId("lead-0001"))

    assert house.leads.records[LeadId("lead-0001")].merged_into == "nobody"


@pytest.mark.parametrize("how", ["touch", "repair"])
def test_a_lead_in_the_format_of_another_release_is_no_drift_and_a_touch_or_repair_writes_it_anew(
    house: House, how: str
) -> None:
    house.takes(activity("a0", email("ada@engines.example")))
    house.clock.advance(HOUR)
    house.damage("lead-0001", state=ScoreState.empty(), rules_version=OTHER_FORMAT)
    assert house.round() == {}

    getattr(house.score, how)(LeadId("lead-0001"))

    assert "a0" in house.leads.records[LeadId("lead-0001")].state.entries


def test_a_repair_of_a_sound_lead_changes_nothing_that_follows_from_the_log(house: House) -> None:
    house.takes(activity("a0", email("ada@engines.example"), browser("laptop"), type="demo_requested"))
    before = known(house.leads.records[LeadId("lead-0001")])

    house.score.repair(LeadId("lead-0001"))
    house.score.repair(LeadId("lead-0001"))
    house.score.repair(LeadId("nobody"))

    assert known(house.leads.records[LeadId("lead-0001")]) == before
    assert list(house.leads.records) == ["lead-0001"]


def test_a_repair_is_asked_for_the_lead_that_lives_and_of_nobody_else(house: House) -> None:
    ada, bob = email("ada@engines.example"), email("bob@engines.example")
    house.takes(activity("a0", ada), activity("b0", bob))
    house.takes(activity("m", ada, bob))
    repairs = RepairLeads(house.leads, house.queue)

    assert repairs.ask(LeadId("lead-0002")) == "lead-0001"
    house.leads.damaged.add(LeadId("lead-0001"))
    assert repairs.ask(LeadId("lead-0001")) == "lead-0001"
    with pytest.raises(NotFound):
        repairs.ask(LeadId("nobody"))
    assert repairs.ask(LeadId("lead-0002")) == "lead-0001"
    assert house.queue.messages == [{"repair": "lead-0001"}] * 3
