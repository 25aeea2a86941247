"""Whatever a lead does, its transitions are a path through the stages of the rules, each with one cause that holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.adapters.yaml12 import load_yaml
from shared.domain.activity import Activity, Claims, Identity, Rank
from shared.domain.engine import Rules
from shared.domain.handoff import Answer
from shared.domain.journey import Journey, View
from shared.domain.lifecycle import LOOK_AGAIN
from shared.domain.moments import DAY, HOUR, MINUTE, Moment
from shared.domain.stages import in_words, rated, what_held
from shared.domain.state import ScoreState, short_id
from shared.ports.bus import Event
from shared.ports.stages import StoredTransition
from tests.people import activity, merged, unmerged
from tests.unit.test_evaluate import ADA, ADA_S_ID, Hall

RULES: dict[str, Any] = load_yaml((Path(__file__).parents[1] / "e2e" / "journeys.yaml").read_text())
EASIER = {"all": [{"engagement": {"at_least": 10}}, {"fit": {"at_least": 60}}, {"consent": "granted"}]}


def with_mql(**changed: Any) -> dict[str, Any]:
    """The rules with something else said of one stage."""
    stages = [{**each, **changed} if each["name"] == "mql" else each for each in RULES["stages"]]
    return {**RULES, "stages": stages}


LENIENT = with_mql(enter=EASIER, leave={"when": {"engagement": {"below": 5}}, "to": "cold"})
STRICTER = with_mql(leave={"when": {"engagement": {"below": 45}}, "to": "cold"})
PERSONA: dict[str, Any] = {"lead": {"role": "head"}, "company": {"employees": 300}}

DID = st.sampled_from(
    [
        *("form_submitted", "content_downloaded", "link_clicked", "interest_shown", "feature_used", "limit_reached"),
        *("webinar_attended", "demo_requested", "proposal_sent", "purchased", "handoff_recycled", "handoff_rejected"),
    ]
)
CLAIMED = st.sampled_from(
    [
        *(
            Claims(),
            Claims(),
            Claims(consent="granted", **PERSONA),
            Claims(consent="granted"),
            Claims(consent="denied"),
        ),
        *(Claims(qualification={"need": False}), Claims(qualification={"need": "Two depots more"})),
        Claims(qualification={"authority": True, "budget": True, "need": True, "timeline": "May"}),
        *(Claims(company={"domain": "rival.example"}), Claims(company={"domain": "honest.example"})),
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("does"), DID, CLAIMED),
        st.tuples(st.just("time passes"), st.sampled_from([MINUTE, HOUR, DAY, 3 * DAY, 40 * DAY]), st.none()),
        st.tuples(st.just("rules are published"), st.sampled_from([RULES, LENIENT, STRICTER]), st.none()),
    ),
    min_size=10,
    max_size=30,
)


def live(hall: Hall, steps: list[tuple[str, Any, Any]]) -> list[StoredTransition]:
    """A journey: after each step the lead is scored and looked at, as the stream and the sweep have it."""
    hall.did("form_submitted", claims=Claims(consent="granted", **PERSONA))
    lead = hall.lead(ADA).lead
    for what, which, claims in steps:
        if what == "does":
            hall.clock.advance(MINUTE)
            hall.did(which, claims=claims)
            continue
        if what == "time passes":
            hall.clock.advance(which)
        else:
            hall.publish({**which, "name": f"version {hall.versions.active_number() + 1}"})
            hall.clock.advance(MINUTE)
        hall.score.touch(lead)
        hall.look()
    return hall.stages.transitions(lead)


def known_at(hall: Hall, moment: Moment) -> list[Activity]:
    return [each for each in hall.log.under(ADA) if each.occurred_at <= moment]


@given(STEPS)
def test_transitions_are_a_path_of_the_stages_and_each_has_one_cause_that_holds(steps):
    hall = Hall(RULES)
    journey = Journey.start()
    transitions = live(hall, steps)
    event(f"{min(len(transitions), 6)} transitions")
    for number, each in enumerate(transitions, start=1):
        assert (each.number, each.from_stage) == (number, journey.stage)
        rules = hall.rulebook.version(each.rules_version).rules
        state = rules.absorb(ScoreState.empty(), known_at(hall, each.at))
        view = View(rules, rules.ledger(state), journey, each.at)
        here, there = rules.stages.get(journey.stage or ""), rules.stages[each.to_stage]

        # It is one step of the graph: out of the stage to where that leads, or into one that takes leads from there.
        causes, ratings = [], rules.file.qualification.confirmed_at
        if here and here.leave and here.stage.leave and here.stage.leave.to == each.to_stage and here.leave(view):
            causes.append(f"left {here.stage.name}: {in_words(what_held(rated(here.stage.leave.when, ratings), view))}")
        origins, upward = there.stage.origins, here is None or there.place > here.place
        if there.enter and (journey.stage in origins if origins is not None else upward) and there.enter(view):
            causes.append(in_words(what_held(rated(there.stage.enter, ratings), view)))
        assert each.cause in causes
        assert not (upward and view.vetoed) or each.cause.startswith("left ")

        # What was known then explains it, point by point.
        assert each.snapshot == rules.snapshot(state, each.at)
        assert sum(reason["counts"] for reason in each.snapshot["reasons"]) == pytest.approx(each.snapshot["total"])
        by = [a for a in known_at(hall, each.at) if short_id(a.id) == each.activity_id]
        assert len(by) == (each.activity_id is not None)

        epoch = journey.epochs.get(each.to_stage, 0) + 1
        assert each.epoch == epoch
        entered_by = by[0].occurred_at if by else each.at
        journey = replace(
            journey,
            stage=each.to_stage,
            epochs={**journey.epochs, each.to_stage: epoch},
            entered_at=each.at,
            entered_by=entered_by,
        )


@given(STEPS)
def test_every_entry_that_is_to_be_handed_over_is_once_and_none_of_a_vetoed_lead(steps):
    hall = Hall(RULES)
    entries = [(each, (each.to_stage, each.epoch)) for each in live(hall, steps) if each.to_stage in RULES["handoff"]]
    handed_over = hall.handed_over()

    assert len(handed_over) == len(set(handed_over))
    assert set(handed_over) <= {key for _, key in entries}
    for each, key in entries:
        rules = hall.rulebook.version(each.rules_version).rules
        state = rules.absorb(ScoreState.empty(), known_at(hall, each.at))
        view = View(rules, rules.ledger(state), Journey.start(), each.at)
        if view.facts.consent == "granted" and not view.vetoed:
            assert (key in handed_over) is not each.by_rules


BOTH = (ADA, ADA_S_ID)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("does"), st.sampled_from(BOTH), st.tuples(DID, CLAIMED)),
        st.tuples(st.just("time passes"), st.sampled_from(BOTH), st.sampled_from([MINUTE, HOUR, 3 * DAY, 40 * DAY])),
        st.tuples(st.just("rules are published"), st.sampled_from(BOTH), st.sampled_from([RULES, LENIENT, STRICTER])),
        st.tuples(st.sampled_from(["they are one", "they are two"]), st.sampled_from(BOTH), st.none()),
        st.tuples(
            st.just("sales answers"), st.sampled_from(BOTH), st.sampled_from(["accepted", "rejected", DAY, None])
        ),
    ),
    min_size=8,
    max_size=20,
)


def happens(hall: Hall, number: int, what: str, who: Identity, which: Any) -> None:  # noqa: C901 - a case each
    """Something happens, and every lead is looked at."""
    hall.clock.advance(MINUTE)
    now: Any = {"occurred_at": hall.clock.now(), "received_at": hall.clock.now()}
    match what:
        case "does":
            kind, claims = which
            hall.take(replace(activity(f"d{number}", who, type=kind, claims=claims), **now))
        case "time passes":
            hall.clock.advance(which)
        case "rules are published":
            hall.publish({**which, "name": f"version {hall.versions.active_number() + 1}"})
        case "they are one":
            hall.take(replace(merged(f"m{number}", *BOTH), **now))
        case "they are two":
            hall.take(replace(unmerged(f"u{number}", [ADA], [ADA_S_ID]), **now))
        case "sales answers":
            stands = hall.stages.load(hall.lead(who).lead)
            if stands is None or not stands.open:
                return
            said: Any = which if isinstance(which, str) else "recycled"
            again = Moment(hall.clock.now() + which) if isinstance(which, int) else None
            told = replace(activity(f"s{number}", who, type=f"handoff_{said}", rank=Rank.SALES, own=False), **now)
            answer = Answer(said, hall.clock.now(), "ines", look_again=again)
            hall.stages.handed_over.answer(stands.open[0].key, answer, told, Event(told.id, "HandoffAnswered", {}))
            hall.take(told)
    for lead, record in sorted(hall.leads.records.items()):
        if not record.merged_into:
            hall.score.touch(lead)
    for lead in sorted(hall.leads.records):
        hall.evaluate.look(lead)


def ways(rules: Rules, journey: Journey, view: View, to: str) -> list[str]:
    """Every cause that could bring a lead from where it stands to a stage now."""
    here, there = rules.stages.get(journey.stage or ""), rules.stages[to]
    ratings, found = rules.file.qualification.confirmed_at, []
    if here and here.leave and here.stage.leave and here.stage.leave.to == to and here.leave(view):
        found.append(f"left {here.stage.name}: {in_words(what_held(rated(here.stage.leave.when, ratings), view))}")
    origins, upward = there.stage.origins, here is None or there.place > here.place
    entered = there.enter and there.enter(view) and not (upward and view.vetoed)
    if entered and (journey.stage in origins if origins is not None else upward):
        found.append(in_words(what_held(rated(there.stage.enter, ratings), view)))
    if to == journey.stage and to in rules.file.handoff and entered:
        found.append(LOOK_AGAIN)
    return found


@given(EVENTS)
def test_whatever_happens_to_two_leads_or_one_each_step_has_a_cause_that_holds_where_they_stood(steps):
    hall = Hall(RULES)
    for number, who in enumerate(BOTH):
        happens(hall, -1 - number, "does", who, ("form_submitted", Claims(consent="granted", **PERSONA)))
        happens(hall, -3 - number, "does", who, ("interest_shown", Claims()))
    for number, step in enumerate(steps, start=1):
        before = dict(hall.stages.records)
        happens(hall, number, *step)
        for lead, record in hall.leads.records.items():
            stood = [before[each] for each in (lead, *record.absorbed) if each in before]
            known = before[lead].transitions if lead in before else 0
            journeys = [each.journey for each in stood] or [Journey.start()]
            for each in hall.stages.transitions(lead)[known:]:
                event(f"{step[0]}: {each.from_stage} to {each.to_stage}")
                rules = hall.rulebook.version(each.rules_version).rules
                view = View(rules, rules.ledger(record.state), Journey.start(), each.at)
                here = [journey for journey in journeys if journey.stage == each.from_stage]
                assert here
                causes = {cause for journey in here for cause in ways(rules, journey, view.on(journey), each.to_stage)}
                assert each.cause in causes
                assert each.snapshot == rules.snapshot(record.state, each.at)
                assert each.activity_id is None or record.state.entries[each.activity_id].at <= each.at
                by = record.state.entries.get(each.activity_id or "")
                epochs = {each.to_stage: each.epoch}
                journeys = [Journey(each.to_stage, epochs, each.at, Moment(by.at) if by else each.at)]
            if not record.merged_into:
                assert hall.stages.load(lead).journey.stage in {journey.stage for journey in journeys}
