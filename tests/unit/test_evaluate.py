from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.activity import Claims
from shared.domain.handoff import HandoffKey
from shared.domain.moments import DAY, HOUR, MINUTE, Moment
from shared.domain.routing import Member
from shared.ports.errors import Conflict
from shared.usecases.evaluate import Evaluate
from tests.fakes import InMemoryStages
from tests.people import activity, email, unmerged, user
from tests.unit.test_score import House

ADA, ADA_S_ID = email("ada@engines.example"), user("u-ada")
GRANTED, DENIED = Claims(consent="granted"), Claims(consent="denied")

RULES = {
    "name": "test",
    "behaviour": [
        {"id": "view", "on": "page_viewed", "label": "Viewed a page", "points": 10},
        {"id": "demo", "on": "demo_requested", "points": 60, "decay": {"linear": {"lose": "100%", "every": "30d"}}},
    ],
    "vetoes": [{"id": "rival", "where": {"company.domain": {"is": "rival.example"}}}],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 25}, {"name": "hot", "above": 50}],
    "stages": [
        {"name": "suspect", "enter": {"activity": "form_submitted"}},
        {
            "name": "mql",
            "from": ["suspect", "cold"],
            "enter": {"score": {"at_least": 50}},
            "leave": {"when": {"score": {"below": 30}}, "to": "cold"},
        },
        {"name": "sql", "from": ["mql"], "enter": {"activity_in": ["webinar_attended"]}},
        {"name": "cold"},
    ],
    "handoff": {
        "mql": {"to": "inside-sales", "respond_within": "1h", "notify": ["email", "slack"]},
        "sql": {"to": "account-executives", "notify": ["webhook"]},
    },
}


class Hall(House):
    """Scoring and evaluation with their ports in memory."""

    def __init__(self, rules=RULES, *, consent_required=True):
        super().__init__(rules)
        self.stages = InMemoryStages()
        self.evaluate = Evaluate(self.leads, self.stages, self.rulebook, self.clock, consent_required=consent_required)
        self.numbers = iter(range(1000))

    def did(self, kind, *, who=ADA, claims=None, times=1):
        """The lead does something now; it is scored and evaluated."""
        for _ in range(times):
            one = activity(f"a{next(self.numbers)}", who, type=kind)
            one = replace(one, occurred_at=self.clock.now(), received_at=self.clock.now(), claims=claims or one.claims)
            assert self.take(one) == []
        return self.look(who)

    def look(self, who=ADA):
        return self.evaluate.look(self.lead(who).lead)

    def stage(self, who=ADA):
        return self.stages.load(self.lead(who).lead).journey.stage

    def handed_over(self, who=ADA):
        return [(each.key.stage, each.key.epoch) for each in self.stages.handoffs(self.lead(who).lead)]

    def events(self, name):
        return [event for event in self.stages.outbox if event.name == name]


@pytest.fixture
def hall():
    return Hall()


def test_a_lead_that_crosses_the_threshold_is_handed_over_once(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=5)
    hall.did("page_viewed")
    hall.look()

    assert hall.stage() == "mql"
    assert hall.handed_over() == [("mql", 1)]
    assert [event.detail["stage"] for event in hall.events("HandoffRequested")] == ["mql"]


def test_a_handoff_tells_to_whom_until_when_and_why(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=5)

    (handoff,) = hall.stages.handoffs(hall.lead(ADA).lead)
    assert (handoff.to, handoff.notify) == ("inside-sales", ("email", "slack"))
    assert handoff.respond_by == hall.clock.now() + HOUR
    assert handoff.last_activity_at == hall.clock.now()
    assert handoff.snapshot["total"] == 50
    assert handoff.snapshot["temperature"] == "warm"
    assert handoff.snapshot["rules_version"] == 1
    assert handoff.snapshot["reasons"][0] == {"rule": "view", "label": "Viewed a page", "counts": 50}


def test_what_does_not_count_in_the_total_is_no_reason_for_a_handoff():
    fit = [{"id": "size", "where": {"company.employees": {"at_least": 200}}, "points": 15}]
    hall = Hall({**RULES, "fit": fit, "total": {"engagement": 0.5, "fit": 0}})
    hall.did("form_submitted", claims=Claims(consent="granted", company={"employees": 500}))
    hall.did("page_viewed", times=10)

    (handoff,) = hall.stages.handoffs(hall.lead(ADA).lead)
    assert [(each["rule"], each["counts"]) for each in handoff.snapshot["reasons"]] == [("view", 50)]


def test_several_stages_may_follow_from_one_look(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("webinar_attended")
    hall.did("page_viewed", times=5)

    assert [each.to_stage for each in hall.stages.transitions(hall.lead(ADA).lead)] == ["suspect", "mql", "sql"]
    assert hall.handed_over() == [("mql", 1), ("sql", 1)]


def test_all_the_stages_that_a_rule_file_may_have_fit_into_one_look():
    names = [f"s{place}" for place in range(19)]
    hall = Hall(
        {
            **RULES,
            "stages": [{"name": name, "enter": {"activity": "form_submitted"}} for name in names],
            "handoff": {name: {"to": f"team-{name}"} for name in names},
        }
    )
    rosters = {f"team-{name}": (Member("mia"), Member("bo")) for name in names}
    hall.evaluate = Evaluate(hall.leads, hall.stages, hall.rulebook, hall.clock, consent_required=True, rosters=rosters)
    hall.did("form_submitted", claims=GRANTED)

    assert sorted(hall.handed_over()) == sorted((name, 1) for name in names)
    assert [hall.stages.turns(team) for team in rosters] == [1] * 19


def test_each_transition_is_told_with_its_cause_and_its_rules(hall):
    hall.did("form_submitted", claims=GRANTED)

    (transition,) = hall.stages.transitions(hall.lead(ADA).lead)
    assert (transition.from_stage, transition.to_stage, transition.epoch) == (None, "suspect", 1)
    assert transition.activity_id == "a0"
    assert "form_submitted" in transition.cause
    assert transition.rules_version == 1
    (event,) = hall.events("StageChanged")
    assert event.detail["to_stage"] == "suspect"


def test_without_consent_a_lead_is_scored_but_not_handed_over(hall):
    hall.did("form_submitted")
    hall.did("page_viewed", times=5)

    assert hall.stage() == "mql"
    assert hall.handed_over() == []


def test_the_handoff_that_waited_for_consent_goes_out_when_it_is_granted(hall):
    hall.did("form_submitted")
    hall.did("page_viewed", times=5)
    hall.did("form_submitted", claims=GRANTED)
    hall.look()

    assert hall.handed_over() == [("mql", 1)]


def test_consent_that_was_withdrawn_is_no_consent(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.clock.advance(DAY)
    hall.did("email_unsubscribed", claims=DENIED)
    hall.did("page_viewed", times=5)

    assert hall.handed_over() == []


def test_consent_withdrawn_and_granted_again_asks_again_for_what_was_not_sent(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=5)
    hall.clock.advance(DAY)
    hall.did("email_unsubscribed", claims=DENIED)
    key = HandoffKey(hall.lead(ADA).lead, "mql", 1)
    hall.stages.handed_over.withhold(key, "consent", hall.clock.now())
    hall.clock.advance(DAY)
    hall.did("form_submitted", claims=GRANTED)
    hall.look()

    requested = hall.events("HandoffRequested")
    assert [(event.detail["stage"], event.detail["epoch"]) for event in requested] == [("mql", 1), ("mql", 1)]
    assert len({event.id for event in requested}) == 2
    assert hall.handed_over() == [("mql", 1)]


def test_a_handoff_that_waits_is_forgotten_when_the_rules_want_none_any_more(hall):
    hall.did("form_submitted")
    hall.did("page_viewed", times=5)
    hall.publish({**RULES, "handoff": {}})
    hall.clock.advance(DAY)

    hall.did("form_submitted", claims=GRANTED)

    assert hall.handed_over() == []


def test_a_handoff_does_not_wait_for_a_lead_that_has_left_the_stage(hall):
    hall.did("form_submitted")
    hall.did("demo_requested")
    hall.clock.advance(25 * DAY)
    hall.look()
    assert hall.stage() == "cold"

    hall.did("form_submitted", claims=GRANTED)

    assert hall.handed_over() == []


def test_where_no_consent_is_required_none_is_asked_for():
    hall = Hall(consent_required=False)
    hall.did("form_submitted")
    hall.did("page_viewed", times=5)

    assert hall.handed_over() == [("mql", 1)]


def test_a_vetoed_lead_is_never_handed_over(hall):
    hall.did("form_submitted", claims=Claims(consent="granted", company={"domain": "rival.example"}))
    hall.did("page_viewed", times=9)

    assert hall.handed_over() == []


def test_a_lead_that_fell_out_and_came_back_is_handed_over_again(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("demo_requested")
    hall.clock.advance(25 * DAY)
    hall.look()
    assert hall.stage() == "cold"

    hall.did("demo_requested")

    assert hall.handed_over() == [("mql", 1), ("mql", 2)]


def test_a_look_that_changes_nothing_writes_nothing(hall):
    hall.did("form_submitted", claims=GRANTED)
    version = hall.stages.load(hall.lead(ADA).lead).version

    assert hall.look() is None
    assert hall.stages.load(hall.lead(ADA).lead).version == version


def test_the_lists_are_ordered_by_whole_points(hall):
    hall.did("demo_requested", claims=GRANTED)
    hall.clock.advance(Moment(HOUR))
    hall.look()

    record = hall.stages.load(hall.lead(ADA).lead)
    assert (record.rank, record.temperature) == (59, "hot")


def test_new_rules_hand_nobody_over_by_themselves(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed")
    hall.clock.advance(DAY)
    hall.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 70}]})
    hall.clock.advance(DAY)
    hall.score.touch(hall.lead(ADA).lead)
    hall.look()

    assert hall.stage() == "mql"
    assert hall.stages.transitions(hall.lead(ADA).lead)[-1].by_rules
    assert hall.handed_over() == []


EASIER = {**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 70}]}


def test_rules_that_were_published_so_hand_over_whom_they_move_and_it_is_marked_as_theirs(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed")
    hall.clock.advance(DAY)
    hall.publish(EASIER, notify=True)
    hall.clock.advance(DAY)
    hall.score.touch(hall.lead(ADA).lead)
    hall.look()
    hall.look()

    assert hall.stages.transitions(hall.lead(ADA).lead)[-1].by_rules
    assert hall.handed_over() == [("mql", 1)]
    (requested,) = hall.events("HandoffRequested")
    assert requested.detail["stage"] == "mql"
    (handoff,) = hall.stages.handed_over.committed.values()
    assert handoff.caused_by.endswith(", by new rules (version 2)")


def test_whom_such_rules_move_without_permission_waits_for_it(hall):
    hall.did("form_submitted")
    hall.did("page_viewed")
    hall.publish(EASIER, notify=True)
    hall.clock.advance(MINUTE)
    hall.score.touch(hall.lead(ADA).lead)
    hall.look()
    assert hall.handed_over() == []

    hall.did("consent_given", claims=GRANTED)
    assert hall.handed_over() == [("mql", 1)]


def test_rules_published_after_them_hand_nobody_over_whom_they_had_not_reached(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed")
    hall.publish(EASIER, notify=True)
    hall.publish({**EASIER, "name": "next"})
    hall.clock.advance(MINUTE)
    hall.score.touch(hall.lead(ADA).lead)
    hall.look()

    assert hall.stage() == "mql"
    assert hall.handed_over() == []


def test_a_lead_that_acts_after_a_publish_is_handed_over_though_nobody_touched_it_before(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.clock.advance(DAY)
    hall.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 70}]})
    hall.clock.advance(DAY)
    hall.did("page_viewed")

    assert hall.handed_over() == [("mql", 1)]


def told(hall, kind, *, occurred_at=None):
    """The lead does something that is scored, and not looked at yet."""
    one = activity(f"t{next(hall.numbers)}", ADA, type=kind)
    now = hall.clock.now()
    assert hall.take(replace(one, occurred_at=occurred_at or now, received_at=now)) == []


def rescored(hall, document=None):
    """New rules are published, and the lead is scored and looked at under them."""
    hall.publish(document or {**RULES, "name": f"version {hall.versions.active_number() + 1}"})
    hall.clock.advance(MINUTE)
    hall.score.touch(hall.lead(ADA).lead)
    hall.look()


def test_a_lead_that_crossed_and_was_not_looked_at_before_a_publish_is_handed_over(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=4)
    told(hall, "page_viewed")
    hall.clock.advance(1)
    rescored(hall)
    assert hall.handed_over() == [("mql", 1)]


def test_what_was_done_before_a_publish_and_told_after_it_hands_over(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=4)
    before = hall.clock.now()
    hall.clock.advance(DAY)
    hall.publish({**RULES, "name": "next"})
    hall.clock.advance(MINUTE)
    told(hall, "page_viewed", occurred_at=before)
    hall.look()
    assert hall.handed_over() == [("mql", 1)]


@pytest.mark.parametrize("kind", ["mouse_moved", "form_submitted"])
def test_what_counts_for_nothing_or_was_known_already_is_not_the_lead_s_doing_after_a_publish(hall, kind):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=4)
    hall.clock.advance(MINUTE)
    hall.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 20}]})
    hall.clock.advance(MINUTE)
    if kind == "form_submitted":  # delivered once more
        hall.score.apply([each for each in hall.log.under(ADA) if each.type == kind])
        hall.look()
    else:
        hall.did(kind)
    assert hall.stages.transitions(hall.lead(ADA).lead)[-1].by_rules
    assert hall.handed_over() == []


def test_a_silence_that_ends_after_a_publish_is_the_lead_s_doing(hall):
    rules = {**RULES, "behaviour": [*RULES["behaviour"], {"id": "quiet", "idle": {"for": "3d"}, "points": -30}]}
    hall = Hall(rules)
    hall.did("form_submitted", claims=GRANTED)
    told(hall, "page_viewed")
    hall.clock.advance(4 * DAY)
    for _ in range(4):
        told(hall, "page_viewed", occurred_at=Moment(hall.clock.now() - 4 * DAY))
    hall.look()
    assert hall.stage() == "suspect"
    hall.publish({**rules, "name": "next"})
    hall.clock.advance(MINUTE)
    hall.did("mouse_moved")
    assert hall.handed_over() == [("mql", 1)]


@given(st.lists(st.sampled_from(["does", "looks", "publishes", "waits"]), max_size=20))
def test_publishes_that_change_no_meaning_neither_take_a_handoff_nor_make_one(steps):
    hall, still = Hall(), Hall()
    for each in (hall, still):
        each.did("form_submitted", claims=GRANTED)
    for what in [*steps, "looks"]:
        for each in (hall, still):
            each.clock.advance(MINUTE)
            if what == "does":
                told(each, "page_viewed")
            elif what == "looks":
                each.look()
            elif what == "waits":
                each.clock.advance(DAY)
        if what == "publishes":
            rescored(hall)
            still.clock.advance(MINUTE)
            still.look()
    assert hall.handed_over() == still.handed_over()


def test_a_decision_that_somebody_else_was_faster_with_is_made_again(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.take(*(replace(activity(f"b{n}", ADA), occurred_at=hall.clock.now()) for n in range(5)))
    commit = hall.stages.commit

    def interleaved(*args, **rest):
        hall.stages.commit = commit
        hall.look()
        commit(*args, **rest)

    hall.stages.commit = interleaved
    hall.look()

    assert hall.handed_over() == [("mql", 1)]


HAPPENS: dict[str, Any] = {
    "vetoed": ("identified", Claims(company={"domain": "rival.example"})),
    "withdrawn": ("email_unsubscribed", DENIED),
    "attends": ("webinar_attended", None),
    "asks for a demo": ("demo_requested", None),
    "rules": None,
}


def happens(hall, names, *, looked_at):
    """Things happen to a lead, and are scored; whoever looks at it then may be another process."""
    for name in names:
        hall.clock.advance(MINUTE)
        if HAPPENS[name] is None:
            hall.publish({**RULES, "name": f"version {hall.versions.active_number() + 1}"})
            hall.score.touch(hall.lead(ADA).lead)
        else:
            tell(hall, *HAPPENS[name])
        if looked_at:
            hall.look()


def tell(hall, kind, claims=None):
    """The lead does something, and nobody looks at it yet."""
    one = activity(f"a{next(hall.numbers)}", ADA, type=kind)
    one = replace(one, occurred_at=hall.clock.now(), received_at=hall.clock.now(), claims=claims or one.claims)
    assert hall.take(one) == []


def ended(hall):
    """Where a lead stands after a last look, and what it was handed over for."""
    hall.clock.advance(MINUTE)
    hall.look()
    record = hall.stages.load(hall.lead(ADA).lead)
    return record.journey.stage, dict(record.journey.epochs), hall.handed_over(), record.withheld


def crossing():
    """A lead that will be found above the threshold."""
    hall = Hall()
    hall.did("form_submitted", claims=GRANTED)
    for _ in range(5):
        tell(hall, "page_viewed")
    return hall


def forgiven():
    """A lead that was looked at above the threshold, and is vetoed no more since."""
    hall = Hall()
    hall.did("form_submitted", claims=replace(GRANTED, company={"domain": "rival.example"}))
    hall.did("page_viewed", times=5)
    hall.clock.advance(MINUTE)
    tell(hall, "identified", Claims(company={"domain": "honest.example"}))
    return hall


@pytest.mark.parametrize("names", [each for n in (1, 2) for each in product(HAPPENS, repeat=n)], ids=" then ".join)
@pytest.mark.parametrize("about_to_be_handed_over", [crossing, forgiven])
def test_whoever_paused_before_the_commit_decided_either_before_what_happened_or_after_it(
    about_to_be_handed_over, names, monkeypatch
):
    before, after = about_to_be_handed_over(), about_to_be_handed_over()
    before.look()
    happens(before, names, looked_at=False)
    happens(after, names, looked_at=True)
    outcomes = [ended(before), ended(after)]

    for looked_at in (False, True):
        hall = about_to_be_handed_over()
        commit = hall.stages.commit

        def paused(*given, hall=hall, commit=commit, looked_at=looked_at, **rest):
            monkeypatch.setattr(hall.stages, "commit", commit)
            happens(hall, names, looked_at=looked_at)
            commit(*given, **rest)

        monkeypatch.setattr(hall.stages, "commit", paused)
        hall.look()
        # Where another looked at what happened, that look is first; else it is as if this one had been before.
        assert ended(hall) == outcomes[looked_at]


def test_a_lead_that_others_keep_evaluating_is_given_back(hall):
    hall.did("form_submitted", claims=GRANTED)

    def always(*args, **rest):
        raise Conflict("again")

    hall.stages.commit = always

    with pytest.raises(Conflict):
        hall.did("page_viewed", times=5)


def test_a_joined_lead_keeps_the_further_stage_and_is_not_handed_over_again(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=5)
    hall.did("form_submitted", who=ADA_S_ID, claims=GRANTED)
    handed = [(each.key.stage, each.key.epoch) for lead in hall.leads.records for each in hall.stages.handoffs(lead)]
    joining = replace(activity("join", ADA, ADA_S_ID, type="identified"), occurred_at=hall.clock.now())
    hall.take(joining)

    hall.look()

    assert hall.stage() == "mql"
    after = [(each.key.stage, each.key.epoch) for lead in hall.leads.records for each in hall.stages.handoffs(lead)]
    assert after == handed == [("mql", 1)]


def test_the_lead_that_went_leaves_the_lists(hall):
    hall.did("form_submitted")
    hall.did("form_submitted", who=ADA_S_ID)
    gone = max(hall.leads.records)
    hall.take(replace(activity("join", ADA, ADA_S_ID), occurred_at=hall.clock.now()))

    assert hall.evaluate.look(gone) is None
    assert not hall.stages.load(gone).listed


def test_a_lead_that_is_parted_again_returns_to_the_lists_with_its_own_journey(hall):
    hall.did("form_submitted", claims=GRANTED)
    hall.did("page_viewed", times=5)
    hall.did("form_submitted", who=ADA_S_ID)
    before = {lead: hall.stages.load(lead).journey for lead in hall.leads.records}
    gone = max(hall.leads.records)
    hall.take(replace(activity("join", ADA, ADA_S_ID), occurred_at=hall.clock.now()))
    hall.look()
    assert hall.evaluate.look(gone) is None

    hall.take(unmerged("v1", [ADA], [ADA_S_ID], at="2026-03-09T09:00:00Z"))
    for lead in hall.leads.records:
        hall.evaluate.look(lead)

    assert hall.stages.load(gone).listed
    assert {lead: hall.stages.load(lead).journey.stage for lead in before} == {
        lead: journey.stage for lead, journey in before.items()
    }
    handed = [(each.key.stage, each.key.epoch) for lead in before for each in hall.stages.handoffs(lead)]
    assert handed == [("mql", 1)]
