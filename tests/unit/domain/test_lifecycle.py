import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.activity import Claims
from shared.domain.conditions import All, Not, Test
from shared.domain.engine import compile_rules
from shared.domain.journey import Journey, View
from shared.domain.moments import HOUR, Moment
from shared.domain.points import as_number, to_billionths
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.stages import ScoreIs, in_words, rated, what_held
from shared.domain.state import ScoreState
from tests.unit.domain.leads import activity, facts, moment, rules_of
from tests.unit.domain.random_rules import START, activities, documents

LADDER: dict[str, Any] = {
    "behaviour": [{"id": "seen", "on": "seen", "points": 60, "repeat": "latest", "decay": {"half_life": "30d"}}],
    "fit": [{"id": "size", "where": {"company.size": {"at_least": 50}}, "points": 30}],
    "total": {"fit": 0},
    "vetoes": [{"id": "rival", "where": {"company.domain": {"is": "rival.example"}}}],
    "stages": [
        {"name": "cold"},
        {"name": "suspect", "enter": {"activity": "form"}},
        {
            "name": "mql",
            "from": ["suspect", "cold"],
            "enter": {"all": [{"score": {"at_least": 50}}, {"fit": {"at_least": 20}}]},
            "leave": {"when": {"score": {"below": 30}}, "to": "cold"},
        },
        {"name": "sql", "from": ["mql"], "enter": {"activity": "attended", "since": "stage_entry"}},
    ],
    "handoff": {"mql": {"to": "inside-sales", "respond_within": "1h", "notify": ["email"]}},
}
BIG = facts(1, company={"size": 200})


class Walk:
    """A lead looked at again and again."""

    def __init__(self, **changed):
        self.rules = rules_of(**{**LADDER, **changed})
        self.state, self.journey = ScoreState.empty(), Journey.start()

    def look(self, at, *some):
        self.state = self.rules.absorb(self.state, some)
        self.journey, taken = self.rules.advance(self.state, self.journey, at)
        return [(step.to_stage, step.epoch) for step in taken]


def test_several_transitions_follow_from_one_look():
    walk = Walk()
    assert walk.look(moment(1), BIG, activity("form"), activity("seen")) == [("suspect", 1), ("mql", 1)]
    assert walk.look(moment(1)) == []


def test_before_its_least_time_is_over_no_lead_leaves_a_stage_neither_up_nor_down():
    stages = [dict(stage) for stage in LADDER["stages"]]
    stages[2]["stay"] = "50d"
    walk = Walk(stages=stages)
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    assert walk.look(moment(2), activity("attended", 2)) == []
    assert walk.look(moment(40)) == []  # its score has fallen below the exit

    change = walk.rules.journey_change(walk.state, walk.journey, moment(40))
    assert change.at == moment(51)
    assert "least time in mql" in change.what
    assert walk.look(Moment(change.at - 1)) == []
    assert walk.look(change.at) == [("cold", 1)]


def test_what_held_during_a_stay_is_done_when_it_is_over_and_a_replay_says_the_same():
    stages = [dict(stage) for stage in LADDER["stages"]]
    stages[2]["stay"] = "5d"
    walk = Walk(stages=stages)
    did = [BIG, activity("form"), activity("seen"), activity("attended", 2)]
    walk.look(moment(1), *did[:3])
    walk.look(moment(2), did[3])
    assert walk.look(moment(6)) == [("sql", 1)]

    _, taken = walk.rules.replay(did, moment(9))
    assert [(step.to_stage, step.at) for step in taken][-1] == ("sql", moment(6))


def test_what_was_sent_together_and_arrived_late_still_counts():
    walk = Walk()
    walk.look(moment(1, 5), BIG, activity("form", hour=1), activity("seen", hour=1))
    assert walk.journey.entered_at == moment(1, 5)
    assert walk.journey.entered_by == moment(1, 1)
    assert walk.look(moment(1, 6), activity("attended", hour=1)) == [("sql", 1)]
    early = Walk()
    early.look(moment(1, 5), BIG, activity("form", hour=1), activity("seen", hour=1))
    assert early.look(moment(1, 6), activity("attended", hour=0)) == []


def test_a_lead_that_stays_above_does_not_alert_again_and_one_that_fell_out_and_came_back_does():
    walk = Walk()
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    assert walk.look(moment(5), activity("seen", 5)) == []
    assert walk.look(moment(36), *[]) == [("cold", 1)]
    assert walk.look(moment(37)) == []
    assert walk.look(moment(40), activity("seen", 40)) == [("mql", 2)]


def test_between_entry_and_exit_nothing_flaps():
    walk = Walk()
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    assert walk.look(moment(25)) == []
    assert walk.journey.stage == "mql"


def test_a_stage_is_not_entered_again_before_its_condition_was_seen_false():
    walk = Walk(
        stages=[
            {"name": "recycled", "from": ["mql"], "enter": {"activity": "given_back", "since": "stage_entry"}},
            {"name": "mql", "from": ["recycled"], "enter": {"score": {"at_least": 50}}},
            {"name": "new", "enter": {"activity": "form"}, "leave": {"when": {"score": {"at_least": 50}}, "to": "mql"}},
        ],
        handoff={},
    )
    assert walk.look(moment(1), activity("form"), activity("seen")) == [("new", 1), ("mql", 1)]
    assert walk.look(moment(2), activity("given_back", 2)) == [("recycled", 1)]
    assert walk.look(moment(3)) == []
    assert walk.look(moment(20)) == []
    assert walk.look(moment(21), activity("seen", 21)) == [("mql", 2)]


def test_a_veto_beats_any_score_and_blocks_every_step_up_but_none_down():
    walk = Walk()
    rival = facts(1, id="rival", company={"domain": "rival.example", "size": 200})
    assert walk.look(moment(1), rival, activity("form"), activity("seen")) == []
    later = Walk()
    later.look(moment(1), BIG, activity("form"), activity("seen"))
    assert later.look(moment(40), facts(2, id="rival", company={"domain": "rival.example"})) == [("cold", 1)]
    assert later.look(moment(41), activity("seen", 41)) == []


def test_a_veto_blocks_no_entry_into_a_stage_listed_before():
    recycled = {"name": "recycled", "from": ["mql"], "enter": {"activity": "bounced"}}
    walk = Walk(stages=[recycled, {"name": "mql", "enter": {"score": {"at_least": 50}}}])
    assert walk.look(moment(1), activity("seen")) == [("mql", 1)]
    rival = facts(2, company={"domain": "rival.example"})
    assert walk.look(moment(2), rival, activity("bounced", 2)) == [("recycled", 1)]


def test_nobody_enters_the_stage_in_which_they_stand_though_it_lies_among_its_origins():
    mql = {"name": "mql", "from": ["suspect", "mql"], "enter": {"score": {"at_least": 50}}}
    walk = Walk(stages=[{"name": "suspect", "enter": {"activity": "form"}}, mql])
    assert walk.look(moment(1), activity("form"), activity("seen")) == [("suspect", 1), ("mql", 1)]
    assert walk.look(moment(36)) == []
    assert walk.look(moment(37), activity("seen", 37)) == []


def test_two_stages_that_are_left_for_each_other_are_entered_once_in_a_look():
    low = {"score": {"below": 50}}
    one = {"name": "mql", "enter": {"activity": "form"}, "leave": {"when": low, "to": "cold"}}
    walk = Walk(stages=[one, {"name": "cold", "leave": {"when": low, "to": "mql"}}])
    assert walk.look(moment(1), activity("form")) == [("mql", 1), ("cold", 1)]


JUMPS = [
    {"name": "recycled", "enter": {"activity": "given_back", "since": "stage_entry"}, "from": ["mql", "sql"]},
    {"name": "suspect", "enter": {"activity": "form"}, "from": ["sql"]},
    {"name": "mql", "from": ["suspect", "recycled"], "enter": {"score": {"at_least": 50}}},
    {"name": "sql", "enter": {"activity": "attended", "since": "stage_entry"}},
]
BOTH = {name: {"to": name, "notify": ["email"]} for name in ("mql", "sql")}


def test_whoever_steps_back_has_not_crossed_into_what_was_jumped_over_and_a_replay_says_the_same():
    walk = Walk(stages=JUMPS, handoff=BOTH)
    did = [activity("attended"), activity("seen"), activity("given_back", 2), activity("seen", 40)]
    assert walk.look(moment(1), *did[:2]) == [("sql", 1)]
    assert walk.look(moment(2), did[2]) == [("recycled", 1)]
    assert walk.look(moment(3)) == []
    assert walk.look(moment(12)) == []  # fallen
    assert walk.look(moment(40), did[3]) == [("mql", 1)]

    _, taken = walk.rules.replay(did, moment(41))
    assert [(step.to_stage, step.at) for step in taken[1:]] == [("recycled", moment(2)), ("mql", moment(40))]


def test_whoever_is_given_back_to_a_stage_listed_later_has_not_crossed_into_what_was_jumped_over_either():
    walk = Walk(stages=[*JUMPS[1:], JUMPS[0]], handoff=BOTH)
    assert walk.look(moment(1), activity("attended"), activity("seen")) == [("sql", 1)]
    assert walk.look(moment(2), activity("given_back", 2)) == [("recycled", 1)]


def test_whoever_leaves_nurture_because_nothing_is_missing_any_more_is_handed_over():
    unqualified = {
        "name": "unqualified",
        "from": ["suspect"],
        "enter": {"qualification.need": {"is": False}},
        "leave": {"when": {"not": {"qualification.need": {"is": False}}}, "to": "suspect"},
    }
    mql = {"name": "mql", "from": ["suspect"], "enter": {"score": {"at_least": 50}}}
    walk = Walk(
        stages=[{"name": "suspect", "enter": {"activity": "form"}}, mql, unqualified], handoff={"mql": BOTH["mql"]}
    )
    no, some = (Claims(qualification={"need": value}) for value in (False, "Two more depots"))
    assert walk.look(moment(1), activity("form", claims=no)) == [("suspect", 1), ("unqualified", 1)]
    assert walk.look(moment(2), activity("seen", 2)) == []
    told = activity("told", 3, claims=some)
    assert walk.look(moment(3), told) == [("suspect", 2), ("mql", 1)]


def test_who_is_demoted_by_decay_and_comes_back_is_entered_again():
    stages = [*JUMPS[:3], {**JUMPS[3], "leave": {"when": {"score": {"below": 40}}, "to": "suspect"}}]
    walk = Walk(stages=stages, handoff=BOTH)
    assert walk.look(moment(1), activity("attended"), activity("seen")) == [("sql", 1)]
    assert walk.look(moment(30)) == [("suspect", 1)]
    assert walk.look(moment(31), activity("seen", 31)) == [("mql", 1)]


def test_what_fell_by_time_alone_between_two_activities_was_entered_by_the_second():
    walk = Walk(stages=JUMPS, handoff=BOTH)
    walk.look(moment(1), activity("form"), activity("seen"))
    journey = walk.rules.advance(walk.state, Journey("suspect", {}, moment(1), moment(1)), moment(1))[0]
    assert journey.stage == "mql"
    walk.journey = journey
    walk.look(moment(2), activity("given_back", 2))
    assert walk.look(moment(32)) == []
    assert walk.look(moment(33), activity("seen", 33)) == [("mql", 2)]
    assert walk.journey.entered_by == moment(33)
    assert walk.look(moment(34), activity("given_back", 34)) == [("recycled", 2)]


def test_on_the_day_whoever_stands_in_a_stage_that_hands_over_enters_it_once_more_if_it_still_holds():
    walk = Walk()
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    journey, taken = walk.rules.advance(walk.state, walk.journey, moment(3), again=True)
    assert [(step.from_stage, step.to_stage, step.epoch, step.activity_id) for step in taken] == [
        ("mql", "mql", 2, None)
    ]
    assert taken[0].cause == "sales asked to look again on this day"
    assert (journey.entered_at, journey.entered_by, journey.epochs["mql"]) == (moment(3), moment(3), 2)
    assert walk.rules.advance(walk.state, journey, moment(4))[1] == ()
    assert walk.rules.advance(walk.state, walk.journey, moment(15), again=True)[1] == ()  # below the entry, not yet out
    vetoed = walk.rules.absorb(walk.state, [facts(2, id="rival", company={"domain": "rival.example"})])
    assert walk.rules.advance(vetoed, walk.journey, moment(3), again=True)[1] == ()


def test_on_the_day_a_stage_is_not_left_nor_entered_before_the_least_time_in_it_is_over():
    stages = [dict(stage) for stage in LADDER["stages"]]
    stages[2]["stay"] = "3d"
    walk = Walk(stages=stages)
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    assert walk.rules.advance(walk.state, walk.journey, moment(2), again=True) == (walk.journey, ())
    assert walk.rules.advance(walk.state, walk.journey, moment(4), again=True)[1][0].to_stage == "mql"


def test_what_occurred_since_the_entry_must_lie_in_the_window_too():
    asked = {"activity": "attended", "since": "stage_entry", "within": "7d"}
    walk = Walk(stages=[*LADDER["stages"][:3], {"name": "sql", "from": ["mql"], "enter": asked}])
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    assert walk.look(moment(20), activity("attended", 2)) == []
    assert walk.look(moment(20, 1), activity("attended", 13, 1)) == [("sql", 1)]


def test_a_stage_without_from_is_entered_from_no_stage_or_one_listed_before_it():
    stages = [
        {"name": "one", "enter": {"activity": "a"}},
        {"name": "two", "enter": {"activity": "b"}},
        {"name": "three", "from": ["two"], "enter": {"activity": "c"}},
    ]
    assert Walk(stages=stages, handoff={}).look(moment(9), activity("b")) == [("two", 1)]
    walk = Walk(stages=stages, handoff={})
    assert walk.look(moment(9), activity("b"), activity("c")) == [("two", 1), ("three", 1)]
    assert walk.look(moment(10), activity("a", 10)) == []


def test_a_transition_says_which_condition_and_which_activity_caused_it():
    rules = rules_of(**LADDER)
    _, taken = rules.replay([BIG, activity("form", id="f"), activity("seen", 2, id="s")], moment(3))
    assert [(step.to_stage, step.activity_id, step.at) for step in taken] == [
        ("suspect", "f", moment(1)),
        ("mql", "s", moment(2)),
    ]
    assert taken[1].cause == "the total score is at least 50 and the fit score is at least 20"
    assert taken[1].snapshot["reasons"][0] == {"rule": "seen", "label": "seen", "counts": 60}
    assert taken[1].snapshot["total"] == 60


def test_a_cause_names_the_branch_that_held_and_none_that_did_not():
    asks = {
        "all": [
            {"consent": "granted"},
            {
                "any": [
                    {"activity_in": ["webinar_attended", "sample_requested", "demo_requested"]},
                    {"qualified": ["budget", "need"]},
                    {"score": {"at_least": 50}},
                ]
            },
        ]
    }
    rules = rules_of(
        **LADDER
        | {
            "stages": [{"name": "sql", "enter": asks}],
            "handoff": {},
            "qualification": {"need": {"confirmed_at": 3}},
        }
    )
    consent = facts(1, consent="granted")

    def cause(*some):
        _, (step, *_) = rules.replay([consent, *some], moment(3))
        return step.cause

    granted = "the permission to be contacted is granted"
    assert cause(activity("sample_requested")) == f"{granted} and `sample_requested` has occurred"
    assert cause(activity("seen")) == f"{granted} and the total score is at least 50"
    assert cause(facts(1, id="plans", qualification={"budget": True, "need": 4})) == (
        f"{granted} and budget and need (rated 3 or more) are confirmed"
    )
    assert cause(activity("seen"), activity("demo_requested"), activity("webinar_attended")) == (
        f"{granted} and `webinar_attended` has occurred and `demo_requested` has occurred "
        "and the total score is at least 50"
    )


def test_a_replay_finds_what_time_alone_did_between_activities():
    rules = rules_of(**LADDER)
    _, taken = rules.replay([BIG, activity("form"), activity("seen", 1), activity("seen", 90, id="z")], moment(100))
    assert [(step.to_stage, step.epoch) for step in taken] == [("suspect", 1), ("mql", 1), ("cold", 1), ("mql", 2)]
    assert taken[2].at == moment(31) + 1_000_000  # below 30 is a second after exactly 30
    assert taken[2].activity_id is None


def test_a_replay_looks_at_activities_that_match_nothing():
    rules = rules_of(stages=[{"name": "calm", "enter": {"not": {"score": {"at_least": 5}}}}])
    journey, _ = rules.replay([activity("unheard")], moment(3))
    assert (journey.stage, journey.entered_at) == ("calm", moment(1))


def test_a_replay_looks_at_facts_that_were_always_known_by_its_beginning():
    rules = rules_of(stages=[{"name": "known", "enter": {"lead.role": {"is": "head"}}}])
    stated = activity("facts_stated", -700, claims=Claims({"role": "head"}), own=False)
    journey, _ = rules.replay([stated, activity("unheard", 2)], moment(3), since=moment(2))
    assert (journey.stage, journey.entered_at) == ("known", moment(2))


def test_conditions_ask_facts_consent_qualification_grade_and_counts():
    stage = {
        "name": "x",
        "enter": {
            "consent": "granted",
            "lead.role": {"is": "head"},
            "grade": {"in": ["A", "B"]},
            "qualified": ["budget", "need"],
            "count": {"of": ["seen", "form"], "at_least": 2, "within": "7d"},
            "not": {"activity": "left", "where": {"properties.why": {"is": "price"}}},
        },
    }
    rules = rules_of(stages=[stage], grades=[{"name": "B"}, {"name": "A", "at_least": 80}])
    known = facts(1, lead={"role": "Head"}, consent="granted", qualification={"budget": True, "need": "rfp"})
    good = [known, activity("seen"), activity("form", 8)]

    end = moment(8)

    def stages(some, at=end):
        return [step.to_stage for step in rules.advance(rules.absorb(ScoreState.empty(), some), Journey.start(), at)[1]]

    assert stages(good) == ["x"]
    assert stages(good, Moment(moment(8) + 1)) == []
    assert stages([*good, activity("left", 2, why="price")]) == []
    assert stages([*good, activity("left", 2, why="other")]) == ["x"]
    assert stages([*good, facts(2, id="no", qualification={"budget": False})]) == []
    assert stages([*good, facts(2, id="no", consent="denied")]) == []
    assert stages(good[1:]) == []


def test_a_journey_survives_being_stored():
    walk = Walk()
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    assert Journey.from_json(json.loads(json.dumps(walk.journey.as_json()))) == walk.journey
    assert Journey.from_json(Journey.start().as_json()) == Journey.start()


def test_two_journeys_join_at_the_further_stage_and_nothing_alerts_again():
    walk, other = Walk(), Walk()
    walk.look(moment(1), BIG, activity("form"), activity("seen"))
    other.look(moment(2), activity("form", 2))
    joined = walk.rules.joined(other.journey, walk.journey)
    assert joined == walk.rules.joined(walk.journey, other.journey)
    assert (joined.stage, joined.epochs) == ("mql", {"suspect": 1, "mql": 1})
    state = walk.state.merge(other.state)
    assert walk.rules.advance(state, joined, moment(3))[1] == ()


def test_a_handoff_is_told_by_its_stage():
    rules = rules_of(**LADDER)
    assert rules.handoff_for("mql").to == "inside-sales"
    assert rules.handoff_for("mql").respond_within == HOUR
    assert rules.handoff_for("suspect") is None


@given(documents(stages=True), activities())
def test_each_look_enters_a_stage_at_most_once_and_a_second_look_finds_nothing(document, some):
    try:
        rules = compile_rules(parse_rule_file(document))
    except RuleFileError:
        return
    state, journey = rules.absorb(ScoreState.empty(), some), Journey.start()
    for hours in range(0, 24 * 30, 37):
        at = Moment(START + hours * HOUR)
        before = journey
        journey, taken = rules.advance(state, journey, at)
        entered = [step.to_stage for step in taken]
        assert len(set(entered)) == len(entered)
        for step in taken:
            assert step.epoch == before.epochs.get(step.to_stage, 0) + 1
        assert (journey.stage == before.stage) or taken


def bears_out(snapshot, held):
    """Whether what was written down as known has it so too, as far as a condition asks for numbers and their names."""
    match held:
        case All(parts):
            return all(bears_out(snapshot, part) for part in parts)
        case Not(ScoreIs() | Test("temperature" | "grade") as part):
            return not bears_out(snapshot, part)
        case ScoreIs(name, amount):
            return amount.holds(to_billionths(snapshot["total"] if name == "score" else snapshot["scores"][name]))
        case Test("temperature" | "grade" as band, _, named):
            return snapshot[band] in ([named] if isinstance(named, str) else named)
    return True


@given(documents(stages=True), activities())
def test_transitions_form_a_path_of_the_configured_stages_and_each_has_the_one_cause_that_held(document, some):
    try:
        rules = compile_rules(parse_rule_file(document))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise
    journey, taken = rules.replay(some, Moment(START + 20 * 24 * HOUR))
    state = rules.replayed(some)
    stage: str | None = None
    since = Moment(0)
    entered_by = None
    ratings = rules.file.qualification.confirmed_at
    for step in taken:
        here, there = rules.stages.get(stage or ""), rules.stages[step.to_stage]
        assert step.from_stage == stage
        on_the_way = Journey(stage, {}, since if stage else None, entered_by)
        view = View(rules, rules.ledger(state), on_the_way, step.at)
        assert not (here and here.stage.stay) or step.at - since >= here.stage.stay
        left = here is not None and here.stage.leave is not None and step.cause.startswith(f"left {stage}: ")
        held = what_held(rated(here.stage.leave.when if left else there.stage.enter, ratings), view)
        if left:
            assert here.stage.leave.to == step.to_stage
            assert step.cause == f"left {stage}: {in_words(held)}"
        else:
            assert step.cause == in_words(held)
            upward = here is None or there.place > here.place
            assert upward if there.stage.origins is None else stage in there.stage.origins
            assert not (upward and rules.score(state, step.at).vetoed_by)
        if step.activity_id:  # what made the difference has occurred by then
            (cause,) = {each.occurred_at for each in some if each.id == step.activity_id}
            assert cause <= step.at
        told = rules.score(state, step.at)
        assert step.snapshot["total"] == as_number(told.total)
        assert step.snapshot["scores"] == {name: as_number(points) for name, points in told.scores.items()}
        assert (step.snapshot["temperature"], step.snapshot["grade"]) == (told.temperature, told.grade)
        assert bears_out(step.snapshot, held)
        assert sum(reason["counts"] for reason in step.snapshot["reasons"]) == pytest.approx(step.snapshot["total"])
        stage, since = step.to_stage, step.at
        entered_by = next((each.occurred_at for each in some if each.id == step.activity_id), step.at)
    assert journey.stage == stage


@given(documents(stages=True), activities())
def test_the_activity_that_let_a_lead_in_is_the_one_before_which_the_condition_did_not_hold(document, some):
    try:
        rules = compile_rules(parse_rule_file(document))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise
    state, journey = rules.replayed(some), Journey.start()
    ledger = rules.ledger(state)
    for hours in range(0, 24 * 20, 31):
        at, before = Moment(START + hours * HOUR), journey
        journey, taken = rules.advance(state, before, at)
        if not taken or taken[0].activity_id is None:
            continue
        place = next(n for n, key in enumerate(ledger.keys) if key[1] == taken[0].activity_id)
        key, since = ledger.keys[place], before.entered_by
        here, there = rules.stages.get(before.stage or ""), rules.stages[taken[0].to_stage]
        left = here is not None and taken[0].cause.startswith(f"left {before.stage}: ")
        holds = here.leave if here and left else there.enter
        assert holds
        assert holds(View(rules, ledger, before, key[0], (key[0], key[1] + "\0")))
        if place and (since is None or ledger.keys[place - 1] >= (since, "")):
            assert not holds(View(rules, ledger, before, key[0], key))


@given(documents(stages=True), activities(), st.integers(0, 24 * 20))
def test_on_the_day_whoever_stands_where_leads_are_handed_over_has_come_there_now_if_it_holds(document, some, hours):
    handoff = {each["name"]: {"to": "sales", "notify": ["email"]} for each in document.get("stages", ())[::2]}
    try:
        rules = compile_rules(parse_rule_file({**document, "handoff": handoff}))
    except RuleFileError:
        assume(False)  # noqa: FBT003
        raise
    day, state = Moment(START + hours * HOUR), rules.absorb(ScoreState.empty(), some)
    _, usual = rules.advance(state, Journey.start(), day)
    before, _ = rules.advance(state, Journey.start(), Moment(day - HOUR))
    journey, taken = rules.advance(state, before, day, again=True)
    entered = [step.to_stage for step in taken]
    assert len(set(entered)) == len(entered)
    assert rules.advance(state, Journey.start(), day, again=True)[1][: len(usual)] == usual
    stage = rules.stages.get(journey.stage or "")
    stays = rules.stays_until(before)
    if stage and stage.stage.name in handoff and stage.enter and not (stays and stays > day):
        view = View(rules, rules.ledger(state), journey, day)
        if stage.enter(view) and not view.vetoed:
            assert not handoff.keys().isdisjoint(entered)


def test_a_replay_looks_at_its_last_moment_too_be_it_between_two_seconds():
    rules = rules_of(
        behaviour=[{"id": "a", "on": "seen", "points": 10, "expires_after": "4s"}],
        stages=[
            {
                "name": "in",
                "enter": {"score": {"at_least": 5}},
                "leave": {"when": {"score": {"below": 5}}, "to": "out"},
            },
            {"name": "out"},
        ],
    )
    seen = activity("seen", at=moment(1, microsecond=250_000))
    told = {
        at: rules.replay([seen], moment(1, second=4, microsecond=at))[0].stage for at in (249_999, 250_000, 800_000)
    }
    assert told == {249_999: "in", 250_000: "out", 800_000: "out"}
