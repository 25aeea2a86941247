"""A simulation tells exactly what publishing does at that moment, and does nothing itself."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import cache, reduce
from itertools import count
from operator import add
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.domain.activity import (
    HANDOFF_ACCEPTED,
    HANDOFF_RECYCLED,
    HANDOFF_REJECTED,
    NOISE_MARKED,
    NOISE_UNMARKED,
    Activity,
    Claims,
    Identity,
    Rank,
)
from shared.domain.handoff import Answer, AnswerKind, HandoffKey, LeadId
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND, Moment
from shared.domain.noise import Noise, NoiseFilter
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.refusals import Contested, Invalid
from shared.domain.routing import Member, Owners
from shared.domain.simulation import NONE_WITHHELD, Findings, LeadSimulated, Simulated, Withheld, united
from shared.ports.bus import Event
from shared.ports.leads import LeadRecord
from shared.ports.rules import RuleVersion
from shared.usecases.history import SILENCE, gather
from shared.usecases.score import Score
from shared.usecases.simulate import Candidate, Simulate
from tests.people import activity, browser, email, merged, unmerged
from tests.unit.domain import random_rules
from tests.unit.test_evaluate import ADA, RULES, Hall

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


def simulator(hall: Hall, *, consent_required: bool = True, noise: Noise = SILENCE) -> Simulate:
    """A simulation of what is in a hall, which can read and nothing else."""
    return Simulate(
        activities=ReadOnly(hall.log, "under", "at"),
        leads=ReadOnly(hall.leads, "load", "segment", "after", "attached", "whose"),
        stages=ReadOnly(hall.stages, "load", "standing", "withheld", "turns"),
        rulebook=hall.rulebook,
        clock=hall.clock,
        consent_required=consent_required,
        rosters=ROSTERS,
        noise=lambda: noise,
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
    publish(hall, document, notify=notify)
    for record in live_leads(hall):
        rescored(hall, record.lead)


def publish(hall: Hall, document: dict[str, Any], *, notify: bool) -> None:
    """The rules are published, and no lead is rescored yet."""
    number = hall.versions.active_number() + 1
    version = RuleVersion(number, "new", "mia", hall.clock.now(), "", "c" * 64, document, "", notify=notify)
    hall.versions.publish(version)
    hall.rulebook.refresh()


def rescored(hall: Hall, lead: LeadId) -> None:
    hall.score.touch(lead)
    hall.evaluate.look(lead)


def live_leads(hall: Hall) -> list[LeadRecord]:
    return [each for _, each in sorted(hall.leads.records.items()) if not each.merged_into]


def standings(hall: Hall) -> dict[str, tuple[str | None, str | None]]:
    """Where each lead stands by the stored record of its stage."""
    found = {each.lead: hall.stages.load(each.lead) for each in live_leads(hall)}
    return {lead: (each.journey.stage, each.temperature) if each else (None, None) for lead, each in found.items()}


def handoffs(hall: Hall) -> set[tuple[str, str, int]]:
    committed = hall.stages.handed_over.committed
    return {(key.lead, key.stage, key.epoch) for key in committed}


def waiting(hall: Hall) -> set[tuple[str, HandoffKey]]:
    """Which handoffs wait for permission."""
    return {(lead, each.withheld) for lead, each in hall.stages.records.items() if each.withheld}


# --- simulation equals reality ----------------------------------------------------------------------------------------


def _is_valid(document: dict[str, Any]) -> bool:
    try:
        parse_rule_file(document)
    except RuleFileError:
        return False
    return True


STREET, BROWSER = NoiseFilter("address", "203.0.113.0/24"), browser("shared")
ANSWERED: dict[AnswerKind, str] = {
    "accepted": HANDOFF_ACCEPTED,
    "rejected": HANDOFF_REJECTED,
    "recycled": HANDOFF_RECYCLED,
}


def chance(draw: st.DrawFn, of: int) -> bool:
    return draw(st.integers(1, of)) == 1


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Random rules, of which many hand over from every stage and ask what sales answered."""
    document: dict[str, Any] = draw(random_rules.documents(stages=True))
    if chance(draw, 3):
        document["stages"] = [{"name": "open", "enter": {"activity_in": random_rules.TYPES}}]
        document["nurture"] = {}
    names = [each["name"] for each in document["stages"]]
    if not chance(draw, 3):
        document["handoff"] = {name: draw(random_rules.handoff_rules()) for name in names}
    if draw(st.booleans()):
        answer = draw(st.sampled_from(list(ANSWERED.values())))
        document["stages"].append({"name": "answered", "from": names, "enter": {"activity": answer}})
    return document


RULE_FILES = documents().filter(_is_valid)


class World(Hall):
    """A hall whose people answer handoffs, and whose filters silence a street."""

    def __init__(self, rules: dict[str, Any], *, consent_required: bool, filters: tuple[NoiseFilter, ...] = ()) -> None:
        super().__init__(rules, consent_required=consent_required)
        self.noise = Noise(filters)
        new_ids = (LeadId(f"lead-{number}") for number in count(1))
        self.score = Score(
            self.log, self.leads, self.rulebook, self.clock, lambda: next(new_ids), noise=lambda: self.noise
        )

    def said(self, kind: str, *names: Identity, **more: Any) -> None:
        """People say something about a lead, now."""
        one = activity(f"said-{next(self.numbers)}", *names, type=kind, rank=Rank.SALES, own=False, **more)
        self.take(replace(one, occurred_at=self.clock.now(), received_at=self.clock.now()))

    def answered(self, key: HandoffKey, kind: AnswerKind, again: int | None) -> None:
        """Sales answers a handoff, now; of a lead that is given back it may name a day to look again."""
        now = self.clock.now()
        answer = Answer(kind, now, "Mia", look_again=Moment(now + again) if again and kind == "recycled" else None)
        (record,) = [each for each in live_leads(self) if key.lead in (each.lead, *each.absorbed)]
        one = activity(f"answer-{next(self.numbers)}", name_of(record), type=ANSWERED[kind], rank=Rank.SALES, own=False)
        one = replace(one, occurred_at=now, received_at=now)
        self.stages.handed_over.answer(key, answer, one, Event(id=one.id, name="HandoffAnswered", detail={}))
        self.take(one)


def name_of(record: LeadRecord) -> Identity:
    return min(record.identities - {BROWSER}, key=lambda name: name.key)


@st.composite
def deeds(draw: st.DrawFn, number: int) -> list[Activity]:
    """What one person did: by name or at a shared browser, some of it as a bot, and some from the street."""
    person = PEOPLE[number]
    did = []
    for each in draw(random_rules.activities(most=8)):
        names = draw(st.sampled_from([(person,), (person,), (person,), (person, BROWSER), (BROWSER,)]))
        context = {"address": "203.0.113.9"} if chance(draw, 3) else {}
        did.append(
            replace(
                each,
                id=f"{number}-{each.id}",
                identities=(person,) if each.rank >= Rank.SALES else names,
                marks=("bot",) if chance(draw, 12) else (),
                context=context,
            )
        )
    if chance(draw, 2):
        granted = activity(f"{number}-granted", person, type="other", claims=Claims(consent="granted"))
        did.insert(draw(st.integers(0, len(did))), granted)
    return did


def looked_at(draw: st.DrawFn, world: World) -> None:
    """Most leads are looked at, and now and then people take one for noise."""
    for record in live_leads(world):
        if chance(draw, 10):
            world.said(draw(st.sampled_from([NOISE_MARKED, NOISE_UNMARKED])), name_of(record))
        if not chance(draw, 4):
            world.evaluate.look(record.lead)


def sales_answers(draw: st.DrawFn, world: World) -> None:
    """Some handoffs are answered, a day to look again perhaps; others nobody was told of for want of permission."""
    for key in list(world.stages.handed_over.committed):
        if not world.stages.standing(key).answer and chance(draw, 2):
            world.answered(
                key,
                draw(st.sampled_from([*ANSWERED, "recycled"])),
                draw(st.sampled_from([2 * DAY, 2 * DAY, 30 * DAY, None])),
            )
        elif chance(draw, 4):
            world.stages.handed_over.withhold(key, "consent", world.clock.now())


def other_rules(draw: st.DrawFn, world: World) -> None:
    """Rules are published, and not every lead is rescored yet."""
    publish(world, draw(RULE_FILES), notify=draw(st.booleans()))
    for record in live_leads(world):
        if chance(draw, 2):
            rescored(world, record.lead)


def joined(draw: st.DrawFn, world: World) -> None:
    """Two leads are one, and perhaps two again."""
    one, two = (name_of(each) for each in live_leads(world)[:2])
    world.take(merged("together", one, two, at="2026-03-27T09:00:00Z"))
    if chance(draw, 2):
        world.evaluate.look(live_leads(world)[0].lead)
    if chance(draw, 3):
        world.take(unmerged("apart", [one], [two], at="2026-03-28T09:00:00Z"))


@st.composite
def worlds(draw: st.DrawFn, before: dict[str, Any], *, consent_required: bool) -> World:
    """Leads that did things while the rules held, were looked at on the way and answered, and perhaps not since."""
    world = World(before, consent_required=consent_required, filters=draw(st.sampled_from([(), (STREET,)])))
    world.clock.moment = Moment(random_rules.START + 25 * DAY)
    did = [each for number in range(draw(st.integers(1, len(PEOPLE)))) for each in draw(deeds(number))]
    half = draw(st.integers(0, len(did)))
    for some in (did[:half], did[half:]):
        if some:
            world.take(*some)
        looked_at(draw, world)
        sales_answers(draw, world)
        if chance(draw, 4):
            other_rules(draw, world)
        world.clock.advance(draw(st.sampled_from([3 * DAY, 40 * DAY, HOUR, SECOND])))
    if len(live_leads(world)) > 1 and chance(draw, 3):
        joined(draw, world)
    return world


@given(st.data(), RULE_FILES, RULE_FILES, st.booleans(), st.booleans())
def test_publishing_at_the_same_moment_moves_exactly_the_leads_that_were_named_and_hands_over_exactly_those(
    data, before, after, notify, consent_required
):
    world = data.draw(worlds(before, consent_required=consent_required))
    after = data.draw(st.sampled_from([after, after, before]))
    stood, handed_over, waited = standings(world), handoffs(world), waiting(world)

    simulate = simulator(world, consent_required=consent_required, noise=world.noise)
    told = whole(simulate, candidate(after, notify=notify))
    published(world, after, notify=notify)

    assert {each.lead for each in told} == stood.keys()
    assert {each.lead: (each.before.stage, each.before.temperature) for each in told} == stood
    assert {each.lead: (each.after.stage, each.after.temperature) for each in told} == standings(world)
    now = {(each.lead, sent.stage, sent.epoch) for each in told for sent in each.now}
    assert now == handoffs(world) - handed_over
    assert {each.lead for each in told if each.withheld.now} == {lead for lead, _ in waiting(world) - waited}
    for each in told:
        record = world.leads.load(each.lead)
        rules = world.rulebook.version(record.rules_version).rules
        assert each.after.total == rules.score(record.state, world.clock.now()).total
    event(f"{sum(each.moves for each in told)} leads move")
    event(f"{len(now)} handed over")
    event(f"{sum(each.withheld.now for each in told)} withheld")
    event(f"{len(world.stages.handed_over.outbox)} answered")


def told_and_done(world: World, document: dict[str, Any], *, notify: bool) -> tuple[set[Any], set[Any]]:
    """Which handoffs a simulation says that publishing sends, and which it does send."""
    before = handoffs(world)
    told = whole(simulator(world, noise=world.noise), candidate(document, notify=notify))
    published(world, document, notify=notify)
    return {(each.lead, sent.stage, sent.epoch) for each in told for sent in each.now}, handoffs(world) - before


@pytest.mark.parametrize(("notify", "days", "epochs"), [(True, 3, {2}), (True, 1, set()), (False, 3, set())])
def test_whom_sales_wants_to_look_at_again_is_told_when_the_day_has_come(notify, days, epochs):
    world = World(RULES, consent_required=True)
    world.did("form_submitted", claims=Claims(consent="granted"))
    world.did("page_viewed", times=9)
    (key,) = world.stages.handed_over.committed
    world.answered(key, "recycled", 2 * DAY)
    world.look()
    world.clock.advance(days * DAY)

    told, done = told_and_done(world, {**RULES, "name": "as before"}, notify=notify)
    assert told == done == {(key.lead, "mql", epoch) for epoch in epochs}


def test_a_handoff_that_waited_is_told_once_permission_has_come():
    world = World(RULES, consent_required=True)
    world.did("form_submitted")
    world.did("page_viewed", times=9)
    granted = activity("granted", ADA, type="form_submitted", claims=Claims(consent="granted"))
    world.take(replace(granted, occurred_at=world.clock.now()))

    told, done = told_and_done(world, SOFTER, notify=False)
    assert told == done
    assert {stage for _, stage, _ in told} == {"mql"}


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
def test_handoffs_that_would_be_withheld_are_told_apart_and_count_nowhere(crowd, notify):
    rules = candidate(SOFTER, notify=notify)
    page = simulator(crowd).page(rules, simulator(crowd).begin(rules, 0, 1), 1000, named=True)
    withheld = {each.name: each.withheld for each in page.found if each.withheld != NONE_WITHHELD}

    # Of those in the stage that hands over, the third and the sixth have granted nothing; the sixth waits already.
    assert withheld == {
        "lead-3@engines.example": Withheld(now=int(notify), after=1),
        "lead-6@engines.example": Withheld(before=1, after=1),
    }
    assert (page.stretch.handoffs_before, page.stretch.handoffs_after) == (3, 5)
    asked_of_nobody = simulator(crowd, consent_required=False)
    assert {each.withheld for each in whole(asked_of_nobody, rules)} == {NONE_WITHHELD}


def test_names_stand_in_the_order_of_the_rule_files(crowd):
    rules = candidate({**RULES, "stages": STAGES[:1], "handoff": {}, "temperature": [{"name": "icy"}]})
    page = simulator(crowd).page(rules, simulator(crowd).begin(rules, 0, 1), 1, named=False)

    assert page.stages == ("suspect", "mql", "sql", "cold")
    assert page.temperatures == ("cold", "warm", "hot", "icy")


@pytest.mark.parametrize("notify", [True, False])
def test_with_notify_publishing_hands_over_whom_the_rules_alone_move_and_the_simulation_says_so(crowd, notify):
    told = whole(simulator(crowd), candidate(SOFTER, notify=notify))
    before = handoffs(crowd)
    published(crowd, SOFTER, notify=notify)

    now = {(each.lead, sent.stage, sent.epoch) for each in told for sent in each.now}
    assert now == handoffs(crowd) - before
    assert len(now) == (2 if notify else 0)


def counted(hall, document):
    """How many handoffs the budget counts before and after, without notify and with it."""
    simulate, found = simulator(hall), {}
    for notify in (False, True):
        rules = candidate(document, notify=notify)
        page = simulate.page(rules, simulate.begin(rules, 0, 1), 1000, named=False)
        assert page.stretch.notify is notify
        found[notify] = (page.stretch.handoffs_before, page.stretch.handoffs_after)
    return found


def test_with_notify_no_lead_counts_twice_that_the_replay_hands_over_too(crowd):
    told = whole(simulator(crowd), candidate(SOFTER, notify=True))
    assert sum(len(each.now) for each in told) == 2

    assert counted(crowd, SOFTER) == {False: (3, 5), True: (3, 5)}


def test_with_notify_whoever_was_handed_over_and_is_once_more_counts_besides():
    hall = Hall()
    hall.did("form_submitted", claims=Claims(consent="granted"))
    hall.did("demo_requested")
    hall.clock.advance(17 * DAY)
    hall.look()
    assert hall.stage() == "cold"

    # It would never have left the stage under the new rules; publishing them hands it over a second time.
    assert counted(hall, SOFTER) == {False: (1, 1), True: (1, 2)}


def test_a_lead_that_did_something_itself_since_it_was_looked_at_counts_once_with_notify_too():
    hall = Hall()
    hall.did("form_submitted", claims=Claims(consent="granted"))
    hall.take(replace(activity("demo", ADA, type="demo_requested"), occurred_at=hall.clock.now()))

    assert len(whole(simulator(hall), candidate(SOFTER))[0].now) == 1
    assert counted(hall, SOFTER) == {False: (1, 1), True: (1, 1)}


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
