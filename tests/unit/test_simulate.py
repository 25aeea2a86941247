"""A simulation tells exactly what publishing does at that moment, and does nothing itself."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import cache, reduce
from operator import add
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.domain.activity import Claims
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND, Moment
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.refusals import Contested, Invalid
from shared.domain.routing import Member, Owners
from shared.domain.simulation import Findings, LeadSimulated, Simulated, united
from shared.ports.leads import LeadRecord
from shared.ports.rules import RuleVersion
from shared.usecases.history import gather
from shared.usecases.simulate import Candidate, Simulate
from tests.people import activity, email, merged
from tests.unit.domain import random_rules
from tests.unit.test_evaluate import RULES, Hall

PEOPLE = [email(f"person-{number}@engines.example") for number in range(5)]
ROSTERS = {
    "default": (),
    "inside-sales": (Member("mia", takes=("DE",)), Member("bo", weight=2), Member("cy")),
    "account-executives": (),
}
STAGES: list[dict[str, Any]] = RULES["stages"]  # type: ignore[assignment]
SOFTER = {
    **RULES,
    "name": "softer",
    "stages": [
        {**each, "enter": {"score": {"at_least": 20}}, "leave": {"when": {"score": {"below": 10}}, "to": "cold"}}
        if each["name"] == "mql"
        else each
        for each in STAGES
    ],
}


class ReadOnly:
    """A port of which everything but some readings is refused."""

    def __init__(self, port: Any, *readings: str) -> None:
        self._port, self._readings = port, readings

    def __getattr__(self, name: str) -> Any:
        if name not in self._readings:
            raise AssertionError(f"a simulation does not {name}")
        return getattr(self._port, name)


def simulator(hall: Hall, *, consent_required: bool = True) -> Simulate:
    """A simulation of what is in a hall, which can read and nothing else."""
    return Simulate(
        activities=ReadOnly(hall.log, "under", "at"),
        leads=ReadOnly(hall.leads, "load", "segment", "after", "attached", "whose"),
        stages=ReadOnly(hall.stages, "load", "standing", "withheld", "turns"),
        rulebook=hall.rulebook,
        clock=hall.clock,
        consent_required=consent_required,
        rosters=ROSTERS,
    )


def candidate(document: dict[str, Any], *, notify: bool = False) -> Candidate:
    return Candidate(parse_rule_file(document), "c" * 64, notify)


def whole(simulate: Simulate, rules: Candidate, **moments: Moment) -> list[LeadSimulated]:
    """Every lead in one page."""
    page = simulate.page(rules, simulate.begin(rules, 0, 1, **moments), 1000, named=True)
    assert page.stretch.done
    return list(page.found)


def published(hall: Hall, document: dict[str, Any], *, notify: bool = False) -> None:
    """The rules are published, and every lead is rescored and looked at, all in one moment."""
    number = hall.versions.active_number() + 1
    version = RuleVersion(number, "new", "mia", hall.clock.now(), "", "c" * 64, document, "", notify=notify)
    hall.versions.publish(version)
    hall.rulebook.refresh()
    for record in live_leads(hall):
        hall.score.touch(record.lead)
        hall.evaluate.look(record.lead)


def live_leads(hall: Hall) -> list[LeadRecord]:
    return [each for _, each in sorted(hall.leads.records.items()) if not each.merged_into]


def standings(hall: Hall) -> dict[str, tuple[str | None, str | None]]:
    """Where each lead stands by the stored record of its stage."""
    found = {each.lead: hall.stages.load(each.lead) for each in live_leads(hall)}
    return {lead: (each.journey.stage, each.temperature) if each else (None, None) for lead, each in found.items()}


def handoffs(hall: Hall) -> set[tuple[str, str, int]]:
    committed = hall.stages.handed_over.committed
    return {(key.lead, key.stage, key.epoch) for key in committed}


# --- simulation equals reality ----------------------------------------------------------------------------------------


def _is_valid(document: dict[str, Any]) -> bool:
    try:
        parse_rule_file(document)
    except RuleFileError:
        return False
    return True


RULE_FILES = random_rules.documents(stages=True).filter(_is_valid)


@st.composite
def halls(draw: st.DrawFn, rules: dict[str, Any], *, consent_required: bool) -> Hall:
    """Some leads that did things while the rules held, were looked at on the way, and perhaps not since."""
    hall = Hall(rules, consent_required=consent_required)
    hall.clock.moment = Moment(random_rules.START + 25 * DAY)
    did: list[Any] = []
    for number, person in enumerate(PEOPLE[: draw(st.integers(1, len(PEOPLE)))]):
        did += [
            replace(each, id=f"{number}-{each.id}", identities=(person,))
            for each in draw(random_rules.activities(most=8))
        ]
    if did:
        half = draw(st.integers(0, len(did)))
        for some in (did[:half], did[half:]):
            hall.take(*some)
            for record in live_leads(hall):
                if draw(st.integers(1, 4)) > 1:
                    hall.evaluate.look(record.lead)
            hall.clock.advance(draw(st.sampled_from([SECOND, HOUR, 3 * DAY, 40 * DAY])))
    leads = live_leads(hall)
    if len(leads) > 1 and draw(st.integers(1, 3)) == 1:
        one, two = (min(each.identities, key=lambda name: name.key) for each in leads[:2])
        hall.take(merged("together", one, two, at="2026-03-27T09:00:00Z"))
    return hall


@given(st.data(), RULE_FILES, RULE_FILES, st.booleans(), st.booleans())
def test_publishing_at_the_same_moment_moves_exactly_the_leads_that_were_named_and_hands_over_exactly_those(
    data, before, after, notify, consent_required
):
    hall = data.draw(halls(before, consent_required=consent_required))
    stood, handed_over = standings(hall), handoffs(hall)

    told = whole(simulator(hall, consent_required=consent_required), candidate(after, notify=notify))
    published(hall, after, notify=notify)

    assert {each.lead for each in told} == stood.keys()
    assert {each.lead: (each.before.stage, each.before.temperature) for each in told} == stood
    assert {each.lead: (each.after.stage, each.after.temperature) for each in told} == standings(hall)
    now = {(each.lead, sent.stage, sent.epoch) for each in told for sent in each.now}
    assert now == handoffs(hall) - handed_over
    for each in told:
        record = hall.leads.load(each.lead)
        rules = hall.rulebook.version(record.rules_version).rules
        assert each.after.total == rules.score(record.state, hall.clock.now()).total
    event(f"{sum(each.moves for each in told)} leads move")
    event(f"{len(now)} handed over")


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd() -> Hall:
    """Nine leads between nothing and the stage that hands over, scored and looked at."""
    hall = Hall()
    for number in range(9):
        who = email(f"lead-{number}@engines.example")
        hall.did("form_submitted", who=who, claims=Claims(consent="granted" if number % 3 else None))
        hall.did("page_viewed", who=who, times=number)
        hall.clock.advance(HOUR)
    return hall


def walked(simulate: Simulate, rules: Candidate, of: int, limit: int, turn: Any) -> tuple[Findings, Simulated]:
    """A whole simulation, whose pages are asked for in whatever order `turn` says."""
    at = simulate.begin(rules, 0, 1).at
    going = {segment: simulate.begin(rules, segment, of, at=at) for segment in range(of)}
    done, found = [], []
    while going:
        segment = turn(sorted(going))
        page = simulate.page(rules, going.pop(segment), limit, named=True)
        assert len(page.found) <= limit
        found.append(Findings.of(page.found))
        if page.stretch.done:
            done.append(page.stretch)
        else:
            going[segment] = page.stretch
    return reduce(add, reversed(found)), united(done)


@cache
def five() -> Hall:
    """Five leads; who simulates them leaves them as they are."""
    hall = Hall()
    for number, who in enumerate(PEOPLE):
        hall.did("form_submitted", who=who, claims=Claims(consent="granted"))
        hall.did("page_viewed", who=who, times=number)
    return hall


@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_pages_of_any_size_in_any_order_find_the_same(data, of, limit):
    simulate, rules = simulator(five()), candidate(SOFTER)
    everything = Findings.of(whole(simulate, rules))

    findings, simulated = walked(simulate, rules, of, limit, lambda going: data.draw(st.sampled_from(going)))

    assert findings == everything
    assert Findings.from_json(findings.as_json()) == findings
    assert (simulated.leads, simulated.share) == (5, 1)
    assert simulated.handoffs_before == everything.sent("before")
    assert simulated.handoffs_after == everything.sent("after")


def test_a_page_ends_when_its_time_is_up_and_goes_on_after_the_last_lead(crowd):
    simulate, rules = simulator(crowd), candidate(SOFTER)
    load = crowd.leads.load

    def slow(lead):
        crowd.clock.advance(3 * SECOND)
        return load(lead)

    crowd.leads.load = slow
    first = simulate.page(rules, simulate.begin(rules, 0, 1), 1000, named=False)
    assert 0 < len(first.found) < 9
    assert not first.stretch.done

    found, stretch = list(first.found), first.stretch
    while not stretch.done:
        page = simulate.page(rules, stretch, 1000, named=False)
        found, stretch = [*found, *page.found], page.stretch
    assert sorted(each.lead for each in found) == sorted(crowd.leads.records)


def test_a_lead_whose_history_outgrows_its_time_is_passed_over_and_counted_as_such(crowd, monkeypatch):
    rules = candidate(SOFTER)
    told = {each.lead: each for each in whole(simulator(crowd), rules)}
    long = next(lead for lead, each in told.items() if each.sent_after)

    def slow(activities, leads, lead, *rest, **more):
        crowd.clock.advance(10 * SECOND if lead == long else 0)
        return gather(activities, leads, lead, *rest, **more)

    monkeypatch.setattr("shared.usecases.simulate.gather", slow)
    simulate = simulator(crowd)
    found, stretch = [], simulate.begin(rules, 0, 1)
    while not stretch.done:
        page = simulate.page(rules, stretch, 1, named=True)
        found, stretch = [*found, *page.found], page.stretch

    assert {each.lead: each for each in found} == told | {
        long: replace(told[long], sent_before=(), sent_after=(), passed_over=True)
    }
    findings = Findings.of(found)
    assert (findings.leads, findings.passed_over) == (len(told), 1)


class Watched:
    """Lives as long as the history that holds on to it."""

    def __init__(self, history: Any) -> None:
        history.browsers["watched"] = self


def test_no_more_histories_are_held_at_once_than_leads_are_read_side_by_side(crowd, monkeypatch):
    held: weakref.WeakSet[Watched] = weakref.WeakSet()
    most = []

    def counted(*args, **rest):
        history = gather(*args, **rest)
        held.add(Watched(history))
        most.append(len(held))
        return history

    monkeypatch.setattr("shared.usecases.simulate.gather", counted)
    simulate, rules = simulator(crowd), candidate(SOFTER)
    simulate.page(rules, simulate.begin(rules, 0, 1), 1000, named=False)

    assert len(most) == 9
    assert max(most) <= 5


# --- what one lead tells ----------------------------------------------------------------------------------------------


def test_a_lead_tells_where_it_stands_and_would_stand_and_what_would_have_been_sent(crowd):
    told = {each.name: each for each in whole(simulator(crowd), candidate(SOFTER))}
    fourth = told["lead-4@engines.example"]

    assert (fourth.before.stage, fourth.after.stage) == ("suspect", "mql")
    assert fourth.moves
    assert (fourth.sent_before, [each.stage for each in fourth.sent_after]) == ((), ["mql"])
    assert [(each.owners.team, each.owners.counter) for each in fourth.sent_after] == [("inside-sales", "inside-sales")]
    assert set(fourth.sent_after[0].owners.round) == {"mia", "bo", "cy"}
    # Without consent nobody is handed over, under whatever rules.
    assert told["lead-3@engines.example"].moves
    assert told["lead-3@engines.example"].sent_after == ()


@pytest.mark.parametrize("notify", [True, False])
def test_with_notify_publishing_hands_over_whom_the_rules_alone_move_and_the_simulation_says_so(crowd, notify):
    told = whole(simulator(crowd), candidate(SOFTER, notify=notify))
    before = handoffs(crowd)
    published(crowd, SOFTER, notify=notify)

    now = {(each.lead, sent.stage, sent.epoch) for each in told for sent in each.now}
    assert now == handoffs(crowd) - before
    assert len(now) == (2 if notify else 0)


def test_with_notify_whom_publishing_itself_hands_over_counts_besides(crowd):
    simulate = simulator(crowd)
    counted = {}
    for notify in (False, True):
        rules = candidate(SOFTER, notify=notify)
        page = simulate.page(rules, simulate.begin(rules, 0, 1), 1000, named=False)
        assert page.stretch.notify is notify
        counted[notify] = (page.stretch.handoffs_before, page.stretch.handoffs_after)

    assert counted[True] == (counted[False][0], counted[False][1] + 2)


def test_names_are_for_those_who_may_see_them(crowd):
    simulate, rules = simulator(crowd), candidate(SOFTER, notify=True)
    found = simulate.page(rules, simulate.begin(rules, 0, 1), 99, named=False).found
    sent = [each for lead in found for each in (*lead.now, *lead.sent_before, *lead.sent_after)]

    assert {each.name for each in found} == {None}
    assert {each.owners for each in sent} == {Owners("inside-sales", ())}
    assert len(sent) == sum(len((*lead.now, *lead.sent_before, *lead.sent_after)) for lead in whole(simulate, rules))


def test_handoffs_are_counted_from_a_moment_on_by_when_they_would_have_been_sent(crowd):
    began = crowd.clock.now() - 9 * HOUR

    def sent(since):
        return sum(len(each.sent_after) for each in whole(simulator(crowd), candidate(SOFTER), since=since))

    assert sent(Moment(began - DAY)) == 5
    assert sent(Moment(began + 5 * HOUR - MINUTE)) == 3


def test_a_lead_that_is_written_while_it_is_read_is_read_again(crowd):
    simulate, rules = simulator(crowd), candidate(SOFTER)
    lead = crowd.lead(email("lead-4@engines.example")).lead
    load, busy = crowd.leads.load, [True]

    def in_between(asked):
        if asked == lead and busy and busy.pop():
            crowd.leads.load = load
            crowd.did("page_viewed", who=email("lead-4@engines.example"))
            record = load(asked)
            # What was read is what was stored before the lead did more, beside the stage of after it.
            return replace(record, did=record.did + 7)
        return load(asked)

    crowd.leads.load = in_between
    told = {each.lead: each for each in whole(simulate, rules)}

    assert told[lead].now == ()
    assert told[lead].before.total == 50 * 10**9


def test_what_was_erased_or_joined_to_another_is_not_counted(crowd):
    one, two = email("lead-7@engines.example"), email("lead-8@engines.example")
    crowd.take(merged("together", one, two, at="2026-03-02T09:00:00Z"))

    assert len(whole(simulator(crowd), candidate(SOFTER))) == 8


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "moments", "place"),
    [
        ((1, 1), {}, "segment"),
        ((0, 0), {}, "segment"),
        ((0, 101), {}, "segment"),
        ((-1, 4), {}, "segment"),
        ((0, 1), {"at": SECOND}, "at"),
        ((0, 1), {"at": -DAY}, "at"),
        ((0, 1), {"since": 0}, "since"),
        ((0, 1), {"since": DAY}, "since"),
    ],
)
def test_a_segment_or_a_moment_that_cannot_be_is_refused_with_its_place(crowd, segment, moments, place):
    now = crowd.clock.now()
    with pytest.raises(Invalid) as refused:
        simulator(crowd).begin(
            candidate(SOFTER), *segment, **{name: Moment(now + after) for name, after in moments.items()}
        )
    assert refused.value.at == place


def test_a_simulation_goes_on_with_the_same_rules_alone_and_never_after_its_end(crowd):
    simulate, rules = simulator(crowd), candidate(SOFTER)
    stretch = simulate.begin(rules, 0, 1)

    with pytest.raises(Invalid, match="another rule file"):
        simulate.page(replace(rules, sha256="d" * 64), stretch, 10, named=False)
    with pytest.raises(Invalid, match="another `notify`"):
        simulate.page(replace(rules, notify=True), stretch, 10, named=False)
    with pytest.raises(Invalid, match="done"):
        simulate.page(rules, simulate.page(rules, stretch, 10, named=False).stretch, 10, named=False)


def test_a_simulation_ends_when_other_rules_are_published_meanwhile(crowd):
    simulate, rules = simulator(crowd), candidate(SOFTER)
    stretch = simulate.page(rules, simulate.begin(rules, 0, 1), 4, named=False).stretch
    published(crowd, RULES)

    with pytest.raises(Contested, match="version 2 was published meanwhile"):
        simulate.page(rules, stretch, 10, named=False)


def test_before_the_first_publish_everybody_moves_from_nowhere_and_nothing_is_too_many():
    hall = Hall(rules=None)
    hall.take(activity("a1", PEOPLE[0], type="form_submitted", claims=Claims(consent="granted")))
    simulate, rules = simulator(hall), candidate(RULES)
    page = simulate.page(rules, simulate.begin(rules, 0, 1), 10, named=True)

    assert [(each.before.stage, each.after.stage) for each in page.found] == [(None, "suspect")]
    assert not united([page.stretch]).exceeds(0)
