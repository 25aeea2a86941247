"""What happens to a handoff while nobody answers, and after somebody did: on the ports in memory."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.activity import Claims, Rank
from shared.domain.handoff import Answer, HandoffKey
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, format_moment
from shared.domain.routing import Member
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.usecases.evaluate import Evaluate
from tests.fakes import InMemoryStages
from tests.people import activity, email, merged, unmerged, user
from tests.unit.test_score import House

ADA, ADA_S_ID, BOB = email("ada@engines.example"), user("u-ada"), email("bob@engines.example")
GRANTED, DENIED = Claims(consent="granted"), Claims(consent="denied")
RULES: dict[str, Any] = {
    "behaviour": [
        {"id": "view", "on": "page_viewed", "label": "Viewed a page", "points": 10},
        {"id": "demo", "on": "demo_requested", "points": 60, "decay": {"linear": {"lose": "100%", "every": "30d"}}},
    ],
    "vetoes": [{"id": "rival", "where": {"company.domain": {"is": "rival.example"}}}],
    "stages": [
        {"name": "recycled", "from": ["mql"], "enter": {"activity": "handoff_recycled", "since": "stage_entry"}},
        {"name": "cold"},
        {"name": "suspect", "enter": {"activity": "form_submitted"}},
        {
            "name": "mql",
            "from": ["suspect", "cold", "recycled"],
            "enter": {"score": {"at_least": 50}},
            "leave": {"when": {"score": {"below": 30}}, "to": "cold"},
        },
    ],
    "handoff": {
        "mql": {
            "to": "inside",
            "respond_within": "1h",
            "remind": "15m",
            "escalate": {"to": "heads", "after": "30m"},
            "reassign": {"after": "2h"},
            "notify": ["email"],
        },
    },
    "nurture": {
        "cold": {"tracks": [{"missing": "score", "track": "wake-up"}], "else": "newsletter"},
        "recycled": "later",
    },
}
ROSTERS = {"inside": (Member("ines"), Member("igor")), "heads": (Member("hana"),)}
STEPS = [("reminder", "inside"), ("escalation", "heads"), ("reassignment", "inside")]


class Floor(House):
    """Scoring, evaluation and sales, with their ports in memory."""

    def __init__(self, rules=RULES, rosters=ROSTERS, *, consent_required=True):
        super().__init__(rules)
        self.stages = InMemoryStages()
        self.pauses = []
        self.evaluate = self.evaluation(rosters, consent_required=consent_required)
        self.numbers = iter(range(1000))

    def evaluation(self, rosters=ROSTERS, *, consent_required=True):
        return Evaluate(
            self.leads,
            self.stages,
            self.rulebook,
            self.clock,
            consent_required=consent_required,
            rosters=rosters,
            pause=self.pauses.append,
        )

    def did(self, kind, *, who=ADA, claims=None, times=1, **more):
        for _ in range(times):
            one = activity(f"a{next(self.numbers)}", who, type=kind, **more)
            one = replace(one, occurred_at=self.clock.now(), received_at=self.clock.now(), claims=claims or one.claims)
            assert self.take(one) == []
        return self.look(who)

    def look(self, who=ADA):
        return self.evaluate.look(self.lead(who).lead)

    def record(self, who=ADA):
        return self.stages.load(self.lead(who).lead)

    def mql(self, who=ADA, claims=GRANTED):
        """The lead becomes an MQL and is handed over now."""
        self.did("form_submitted", who=who, claims=claims)
        self.did("page_viewed", who=who, times=5)
        return HandoffKey(self.lead(who).lead, "mql", 1)

    def answer(self, key, kind="accepted", look_again=None):
        """As the answer is stored: with the activity that says so, which is scored later."""
        number = next(self.numbers)
        told = activity(f"p{number}", ADA, type=f"handoff_{kind}", rank=Rank.SALES)
        told = replace(told, occurred_at=self.clock.now(), received_at=self.clock.now(), own=False)
        answer = Answer(kind, self.clock.now(), "ines", look_again=look_again)
        self.stages.handed_over.answer(key, answer, told, Event(f"e{number}", "HandoffAnswered", {}))
        return told

    def recycle(self, key, look_again=None):
        """Sales gives the lead back; it is scored and evaluated."""
        assert self.take(self.answer(key, "recycled", look_again)) == []
        return self.look()

    def followed_up(self):
        events = [event for event in self.stages.outbox if event.name == "HandoffFollowedUp"]
        return [(event.detail["kind"], event.detail["to"]) for event in events]

    def advised(self):
        return [event.detail for event in self.stages.outbox if event.name == "NurtureAdvised"]

    def to_due(self, who=ADA):
        """Time goes on to the moment that is booked; the sweep has the lead looked at."""
        due = self.record(who).due
        if due is None:
            return False
        self.clock.advance(max(0, due - self.clock.now()))
        self.look(who)
        return True


@pytest.fixture
def floor():
    return Floor()


def test_a_handoff_tells_who_has_it_and_what_will_happen_while_nobody_answers(floor):
    key = floor.mql()
    handoff = floor.stages.standing(key).handoff
    requested = handoff.requested_at
    assert (handoff.to, handoff.assignee) == ("inside", "ines")
    assert [(each.kind, each.to, each.at - requested) for each in handoff.follow_ups] == [
        ("reminder", "inside", 45 * MINUTE),
        ("escalation", "heads", 90 * MINUTE),
        ("reassignment", "inside", 180 * MINUTE),
    ]
    assert floor.record().due == requested + 45 * MINUTE


def test_reminder_escalation_and_reassignment_come_each_at_its_moment(floor):
    key = floor.mql()
    start = floor.clock.now()
    moments = []
    while floor.to_due():
        moments.append((floor.clock.now() - start, floor.followed_up()[-1]))
    assert moments == [(45 * MINUTE, STEPS[0]), (90 * MINUTE, STEPS[1]), (180 * MINUTE, STEPS[2])]
    standing = floor.stages.standing(key)
    assert (standing.to, standing.assignee) == ("inside", "igor")
    assert [each.kind for each in standing.done] == ["reminder", "escalation", "reassignment"]


def test_what_was_done_late_tells_when_it_was_done_beside_when_it_was_planned(floor):
    key = floor.mql()
    start = floor.clock.now()
    floor.clock.advance(46 * MINUTE)
    floor.look()
    (done,) = floor.stages.standing(key).done
    assert (done.at - start, done.done_at) == (45 * MINUTE, floor.clock.now())


def test_a_reassignment_to_another_team_finds_a_member_there():
    rule = {**RULES["handoff"]["mql"], "reassign": {"after": "2h", "to": "heads"}}
    floor = Floor({**RULES, "handoff": {"mql": rule}})
    key = floor.mql()
    floor.clock.advance(5 * HOUR)
    floor.look()
    standing = floor.stages.standing(key)
    assert (standing.to, standing.assignee) == ("heads", "hana")
    assert floor.followed_up()[-1] == ("reassignment", "heads")


@given(st.lists(st.integers(1, 120), max_size=12), st.booleans(), st.integers(0, 12))
def test_each_follow_up_is_done_once_whenever_the_lead_is_looked_at_and_none_after_an_answer(steps, answers, place):
    floor = Floor()
    key = floor.mql()
    start, done = floor.clock.now(), []
    for number, minutes in enumerate(steps):
        if answers and number == place:
            floor.answer(key)
        floor.clock.advance(minutes * MINUTE)
        floor.look()
        passed = floor.clock.now() - start
        if not (answers and number >= place):
            done = [step for step, at in zip(STEPS, (45, 90, 180), strict=True) if at * MINUTE <= passed]
        assert floor.followed_up() == done
    answered = answers and place < len(steps)
    assert [each.key for each in floor.record().open] == ([] if answered else [key])


def handed_over_twice():
    """A lead that fell out of its stage before anybody answered, and came back."""
    complaint = {"id": "complaint", "on": "complained", "points": -30}
    floor = Floor({**RULES, "behaviour": [*RULES["behaviour"], complaint]})
    first = floor.mql()
    floor.clock.advance(10 * MINUTE)
    floor.did("complained")
    floor.did("page_viewed", times=3)
    return floor, first, replace(first, epoch=2)


def test_of_a_stage_that_a_lead_came_back_to_the_latest_handoff_alone_is_followed_up():
    floor, first, second = handed_over_twice()
    assert [(each.key, each.due) for each in floor.record().open] == [
        (first, None),
        (second, floor.clock.now() + 45 * MINUTE),
    ]

    while floor.to_due():
        pass

    assert floor.followed_up() == STEPS
    assert (floor.stages.standing(first).done, len(floor.stages.standing(second).done)) == ((), 3)


def test_an_earlier_handoff_is_heard_until_a_later_one_of_its_stage_is_answered_and_followed_up_no_more():
    floor, first, second = handed_over_twice()
    floor.clock.advance(MINUTE)
    day = Moment(floor.clock.now() + 30 * DAY)
    floor.recycle(first, day)
    assert (floor.record().journey.stage, floor.record().look_again) == ("recycled", day)
    assert [each.key for each in floor.record().open] == [second]

    floor, first, second = handed_over_twice()
    floor.answer(second)
    floor.clock.advance(DAY)
    floor.look()
    assert (floor.record().open, floor.followed_up()) == ((), [])


def test_an_answer_and_a_follow_up_exclude_each_other(floor):
    key = floor.mql()
    floor.clock.advance(HOUR)
    commit = floor.stages.commit

    def answered_meanwhile(*args, **rest):
        floor.stages.commit = commit
        floor.answer(key)
        commit(*args, **rest)

    floor.stages.commit = answered_meanwhile
    floor.look()

    assert floor.followed_up() == []
    assert floor.record().open == ()
    assert floor.pauses == [0]


def test_two_evaluations_at_once_follow_up_once(floor):
    floor.mql()
    floor.clock.advance(5 * HOUR)
    commit = floor.stages.commit

    def interleaved(*args, **rest):
        floor.stages.commit = commit
        floor.look()
        commit(*args, **rest)

    floor.stages.commit = interleaved
    floor.look()

    assert floor.followed_up() == STEPS


@given(st.integers(1, 12), st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_turns_are_fair_under_evaluations_that_interleave(leads, weights, data):
    members = tuple(Member(f"m{place}", weight) for place, weight in enumerate(weights))
    floor = Floor(rosters={"inside": members})
    people = [email(f"p{number}@engines.example") for number in range(leads)]
    for who in people:
        floor.did("form_submitted", who=who, claims=GRANTED)
        for number in range(5):
            floor.take(
                replace(
                    activity(f"{who.value}{number}", who), occurred_at=floor.clock.now(), received_at=floor.clock.now()
                )
            )
    commit = floor.stages.commit
    waiting = [floor.lead(who).lead for who in people]

    def interleaved(*args, **rest):
        # While this one was deciding, others may have come first.
        if waiting and data.draw(st.booleans()):
            floor.evaluate.look(waiting.pop())
        commit(*args, **rest)

    floor.stages.commit = interleaved  # type: ignore[method-assign]
    while waiting:
        floor.evaluate.look(waiting.pop())

    handed = [each for who in people for each in floor.stages.handoffs(floor.lead(who).lead)]
    had = [sum(each.assignee == member.name for each in handed) for member in members]
    assert sum(had) == leads == floor.stages.turns("inside")
    rounds = leads // sum(weights)
    for count, weight in zip(had, weights, strict=True):
        assert rounds * weight <= count <= (rounds + 1) * weight


@pytest.mark.parametrize("claims", [DENIED, Claims(company={"domain": "rival.example"})])
def test_nobody_is_told_of_a_lead_that_may_not_be_handed_over_any_more(floor, claims):
    key = floor.mql()
    floor.did("email_unsubscribed", claims=claims)
    assert [(each.key, each.due) for each in floor.record().open] == [(key, None)]

    floor.clock.advance(5 * HOUR)
    floor.look()

    assert floor.followed_up() == []
    assert floor.record().due is None


def test_what_came_while_permission_was_missing_is_done_when_it_is_there_again(floor):
    floor.mql()
    floor.did("email_unsubscribed", claims=DENIED)
    floor.clock.advance(HOUR)
    floor.look()
    floor.did("form_submitted", claims=GRANTED)
    assert floor.followed_up() == [STEPS[0]]


def test_what_came_is_done_too_when_permission_returns_after_the_lead_has_left_the_stage(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    key = HandoffKey(floor.lead(ADA).lead, "mql", 1)
    floor.did("email_unsubscribed", claims=DENIED)
    floor.clock.advance(20 * DAY)
    floor.look()
    assert floor.record().journey.stage == "cold"
    floor.did("form_submitted", claims=GRANTED)
    assert floor.followed_up() == STEPS
    assert [each.kind for each in floor.stages.standing(key).done] == [kind for kind, _ in STEPS]


def test_what_follows_is_committed_though_nothing_else_about_the_lead_changes(floor):
    floor.did("form_submitted", claims=GRANTED)
    key = floor.mql(who=ADA_S_ID)
    floor.evaluate.look(join(floor))
    floor.look()
    floor.did("email_unsubscribed", claims=DENIED)
    floor.clock.advance(4 * HOUR)
    floor.look()
    before = floor.record()
    floor.did("form_submitted", claims=GRANTED)
    assert floor.record() == replace(before, version=before.version + 1, seen=before.seen + 1)
    assert floor.followed_up() == STEPS
    assert floor.stages.standing(key).assignee == "igor"


# --- permission that comes and goes -----------------------------------------------------------------------------------


def asked(floor):
    """For which handoffs people were to be told again, to whom, by which event."""
    events = [event for event in floor.stages.outbox if event.name == "HandoffRequested"]
    return [(event.id, event.detail["to"]) for event in events if not event.id.endswith(".requested")]


def denied_meanwhile(floor, key):
    """Consent was withdrawn and granted again before anybody looked, and in between somebody was about to be told."""
    floor.stages.handed_over.withhold(key, "consent", floor.clock.now())
    floor.clock.advance(MINUTE)


def test_what_was_withheld_between_two_looks_is_asked_for_again_once(floor):
    key = floor.mql()
    denied_meanwhile(floor, key)
    version = floor.record().version
    floor.look()
    assert asked(floor) == [(f"{key.text}.requested.{version}", "inside")]

    floor.clock.advance(MINUTE)
    assert floor.look() is None
    denied_meanwhile(floor, key)
    floor.look()
    assert len({event for event, _ in asked(floor)}) == 2


def test_it_is_asked_for_when_permission_is_there(floor):
    key = floor.mql()
    floor.did("email_unsubscribed", claims=DENIED)
    denied_meanwhile(floor, key)
    floor.look()
    assert asked(floor) == []
    floor.did("form_submitted", claims=GRANTED)
    assert len(asked(floor)) == 1


def test_what_followed_and_was_withheld_is_announced_again_to_those_whom_it_concerns():
    rule = {**RULES["handoff"]["mql"], "reassign": {"after": "2h", "to": "heads"}}
    floor = Floor({**RULES, "handoff": {"mql": rule}})
    key = floor.mql()
    floor.clock.advance(5 * HOUR)
    floor.look()
    first = floor.followed_up()
    denied_meanwhile(floor, key)
    floor.look()
    assert [to for _, to in asked(floor)] == ["heads"]
    assert floor.followed_up() == first * 2
    assert [to for _, to in first] == ["inside", "heads", "heads"]
    assert len({event.id for event in floor.stages.outbox}) == len(floor.stages.outbox)
    assert len(floor.stages.standing(key).done) == 3


def test_nobody_is_asked_again_about_a_handoff_that_was_answered(floor):
    key = floor.mql()
    denied_meanwhile(floor, key)
    floor.answer(key)
    floor.look()
    assert asked(floor) == []


def test_it_is_asked_for_the_handoff_of_a_lead_that_was_joined_too(floor):
    floor.did("form_submitted", claims=GRANTED)
    key = floor.mql(who=ADA_S_ID)
    gone = join(floor)
    floor.look()
    floor.evaluate.look(gone)
    denied_meanwhile(floor, key)
    floor.look()
    ((event, to),) = asked(floor)
    assert (event.startswith(f"{key.text}.requested."), to) == (True, "inside")


STAGES = [f"stage-{number}" for number in range(19)]
"""As many as may hand over in one rule file."""
MANY = range(2 * len(STAGES))


def handed_over_many_times():
    """A lead of two people, either of whom was handed over to every team, and nobody has answered."""
    rule = RULES["handoff"]["mql"]
    stages = [{"name": name, "enter": {"activity": name.replace("-", "_")}} for name in STAGES]
    floor = Floor({**RULES, "stages": stages, "handoff": dict.fromkeys(STAGES, rule), "nurture": {}})
    for who in (ADA, ADA_S_ID):
        floor.did("form_submitted", who=who, claims=GRANTED)
        for name in STAGES:
            floor.did(name.replace("-", "_"), who=who)
    join(floor)
    floor.look()
    assert len(floor.record().open) == len(MANY)
    return floor


def test_more_follow_ups_than_one_commit_holds_are_done_in_several_each_once():
    floor = handed_over_many_times()
    before = floor.record().version
    floor.clock.advance(5 * HOUR)

    decision = floor.look()

    assert floor.record().version > before + 1
    assert sorted(floor.followed_up()) == sorted(STEPS * len(MANY))
    assert len({event.id for event in floor.stages.outbox}) == len(floor.stages.outbox)
    assert len(decision.follow_ups) == len(MANY)
    assert not decision.more
    assert floor.look() is None


def test_whoever_dies_between_two_of_them_leaves_the_lead_due_and_nothing_is_lost(monkeypatch):
    floor = handed_over_many_times()
    floor.clock.advance(5 * HOUR)
    commit = floor.stages.commit

    def first_alone(*given, **named):
        commit(*given, **named)
        raise RuntimeError("the process is gone")

    monkeypatch.setattr(floor.stages, "commit", first_alone)
    with pytest.raises(RuntimeError):
        floor.look()
    assert 0 < len(floor.followed_up()) < 3 * len(MANY)
    assert floor.record().due <= floor.clock.now()

    monkeypatch.setattr(floor.stages, "commit", commit)
    floor.look()
    assert sorted(floor.followed_up()) == sorted(STEPS * len(MANY))


def test_what_was_withheld_of_many_handoffs_is_asked_for_in_several_commits_each_once():
    floor = handed_over_many_times()
    floor.clock.advance(5 * HOUR)
    floor.look()
    done = len(floor.followed_up())
    for each in floor.record().open:
        floor.stages.handed_over.withhold(each.key, "consent", floor.clock.now())
    floor.clock.advance(MINUTE)

    floor.look()

    assert len(asked(floor)) == len(MANY)
    assert sorted(floor.followed_up()) == sorted(STEPS * len(MANY) * 2)
    assert len(floor.followed_up()) == 2 * done
    assert not floor.stages.handed_over.reasons


def test_an_erased_lead_is_followed_up_no_more(floor):
    key = floor.mql()
    floor.clock.advance(HOUR)
    del floor.leads.records[key.lead]
    assert floor.evaluate.look(key.lead) is None
    assert floor.followed_up() == []


def test_the_follow_ups_are_those_of_the_rules_under_which_it_was_handed_over(floor):
    floor.mql()
    floor.clock.advance(1 * MINUTE)
    floor.publish({**RULES, "handoff": {"mql": {"to": "inside", "respond_within": "1d", "remind": "1h"}}})
    floor.clock.advance(HOUR)
    floor.score.touch(floor.lead(ADA).lead)
    floor.look()
    assert floor.followed_up() == [STEPS[0]]


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answered_handoff_is_open_no_more(floor):
    key = floor.mql()
    floor.answer(key)
    floor.look()
    assert floor.record().open == ()
    assert floor.record().due is None


def test_a_recycled_lead_is_nurtured_until_the_day_on_which_it_is_looked_at_again(floor):
    key = floor.mql()
    day = Moment(floor.clock.now() + 10 * DAY)
    floor.recycle(key, look_again=day)

    assert floor.record().journey.stage == "recycled"
    assert floor.record().due == day
    (advised,) = floor.advised()
    assert (advised["stage"], advised["track"], advised["missing"]) == ("recycled", "later", [])
    assert advised["look_again"] is not None

    floor.clock.advance(9 * DAY)
    floor.look()
    assert floor.record().journey.stage == "recycled"  # its score never fell, so that nothing crosses

    floor.to_due()
    assert floor.record().journey.stage == "mql"
    assert [each.key.epoch for each in floor.stages.handoffs(key.lead)] == [1, 2]
    assert floor.record().look_again is None


def test_a_recycled_lead_without_a_day_comes_back_when_it_crosses_again(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    key = HandoffKey(floor.lead(ADA).lead, "mql", 1)
    floor.recycle(key)
    floor.clock.advance(20 * DAY)
    floor.look()
    assert floor.record().journey.stage == "recycled"
    floor.did("demo_requested")
    assert [each.key.epoch for each in floor.stages.handoffs(key.lead)] == [1, 2]


def test_on_the_day_a_recycled_lead_whose_score_has_fallen_stays_where_it_is(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    key = HandoffKey(floor.lead(ADA).lead, "mql", 1)
    floor.recycle(key, look_again=Moment(floor.clock.now() + 20 * DAY))
    while floor.to_due():
        pass
    assert floor.record().journey.stage == "recycled"
    assert floor.record().look_again is None


def without_recycled():
    """Rules in which a lead that sales gives back stays where it is."""
    leave = {"when": {"score": {"below": 30}}, "to": "suspect"}
    mql = {**RULES["stages"][3], "from": ["suspect"], "leave": leave}
    return {**RULES, "stages": [RULES["stages"][2], mql], "nurture": {}}


def epochs_of(floor, key):
    return [each.key.epoch for each in floor.stages.handoffs(key.lead)]


def test_on_the_day_a_lead_that_still_stands_where_it_was_given_back_is_handed_over_once_more():
    floor = Floor(without_recycled())
    key = floor.mql()
    floor.recycle(key, look_again=Moment(floor.clock.now() + DAY))
    assert epochs_of(floor, key) == [1]
    floor.to_due()

    assert epochs_of(floor, key) == [1, 2]
    (told,) = floor.stages.transitions(key.lead)[2:]
    assert (told.from_stage, told.to_stage, told.epoch, told.activity_id) == ("mql", "mql", 2, None)
    assert told.cause == "sales asked to look again on this day"
    assert floor.record().look_again is None
    floor.clock.advance(DAY)
    floor.look()
    assert epochs_of(floor, key) == [1, 2]


def test_a_day_before_the_least_time_in_the_stage_is_over_waits_for_that(floor):
    stages = [*RULES["stages"][:3], {**RULES["stages"][3], "stay": "7d"}]
    floor = Floor({**RULES, "stages": stages})
    key, start = floor.mql(), floor.clock.now()
    floor.recycle(key, look_again=Moment(start + 2 * DAY))
    floor.clock.advance(2 * DAY)
    floor.look()
    assert epochs_of(floor, key) == [1]
    assert floor.record().due == start + 7 * DAY

    floor.to_due()
    assert epochs_of(floor, key) == [1, 2]
    assert [each.to_stage for each in floor.stages.transitions(key.lead)[2:]] == ["recycled", "mql"]


def test_a_day_that_has_come_before_the_answer_is_looked_at_waits_for_the_least_time_too_and_is_done_with_then(floor):
    stages = [*RULES["stages"][:3], {**RULES["stages"][3], "stay": "7d"}]
    floor = Floor({**RULES, "stages": stages})
    key, start = floor.mql(), floor.clock.now()
    floor.take(floor.answer(key, "recycled", Moment(start + MINUTE)))
    floor.clock.advance(HOUR)
    floor.did("email_unsubscribed", claims=DENIED)
    assert (floor.record().look_again, floor.record().due) == (start + 7 * DAY, start + 7 * DAY)

    floor.to_due()
    assert floor.record().withheld == replace(key, epoch=2)
    assert floor.record().look_again is None


def test_on_the_day_a_stage_that_was_renamed_meanwhile_hands_over():
    floor = Floor(without_recycled())
    key = floor.mql()
    floor.recycle(key, look_again=Moment(floor.clock.now() + DAY))
    stages = [RULES["stages"][2], {"name": "ready", "enter": RULES["stages"][3]["enter"]}]
    floor.publish({**RULES, "stages": stages, "handoff": {"ready": RULES["handoff"]["mql"]}, "nurture": {}})
    floor.clock.advance(MINUTE)
    floor.score.touch(key.lead)
    floor.look()
    assert floor.record().journey.stage == "ready"
    floor.clock.advance(DAY)
    floor.look()
    assert [each.key.stage for each in floor.stages.handoffs(key.lead)] == ["mql", "ready"]


def test_on_the_day_nothing_is_handed_over_that_lies_with_sales_already():
    second = {"name": "sql", "from": ["mql"], "enter": {"activity": "webinar_attended"}}
    rules = without_recycled()
    both = {**RULES["handoff"], "sql": RULES["handoff"]["mql"]}
    floor = Floor({**rules, "stages": [*rules["stages"], second], "handoff": both})
    key = floor.mql()
    floor.did("webinar_attended")
    floor.recycle(key, look_again=Moment(floor.clock.now() + DAY))
    floor.clock.advance(DAY)
    floor.look()
    assert [each.key.text.split(".", 1)[1] for each in floor.stages.handoffs(key.lead)] == ["mql.1", "sql.1"]
    assert floor.record().look_again is None


@given(st.lists(st.tuples(st.sampled_from(["view", "wait", "recycle", "day"]), st.integers(1, 30)), max_size=15))
def test_after_the_day_sales_has_the_lead_again_wherever_it_stood_if_it_still_qualifies(steps):
    for rules in (RULES, without_recycled()):
        floor = Floor(rules)
        key = floor.mql()
        for what, number in [*steps, ("day", 1)]:
            floor.clock.advance(MINUTE)
            open_ = [each.key for each in floor.record().open]
            if what == "view":
                floor.did("page_viewed")
            elif what == "wait":
                floor.clock.advance(number * DAY)
                floor.look()
            elif open_:
                floor.recycle(open_[0], look_again=Moment(floor.clock.now() + number * DAY) if what == "day" else None)
                if what == "day":
                    assert floor.record().open == ()  # it is not handed over again by being given back
                    floor.clock.advance(number * DAY)
                    floor.look()
                    assert [each.key.stage for each in floor.record().open] == ["mql"]
        keys = epochs_of(floor, key)
        assert keys == list(range(1, len(keys) + 1))


def test_a_lead_that_jumped_over_a_stage_is_not_handed_over_for_it_when_sales_gives_it_back():
    stages = [
        {"name": "recycled", "from": ["sql"], "enter": {"activity": "handoff_recycled", "since": "stage_entry"}},
        {"name": "mql", "from": ["recycled"], "enter": {"score": {"at_least": 50}}},
        {"name": "sql", "enter": {"all": [{"activity": "form_submitted"}, {"score": {"at_least": 50}}]}},
    ]
    both = {"mql": RULES["handoff"]["mql"], "sql": RULES["handoff"]["mql"]}
    floor = Floor({**RULES, "stages": stages, "handoff": both, "nurture": {}})
    key = replace(floor.mql(), stage="sql")
    day = Moment(floor.clock.now() + DAY)
    floor.recycle(key, look_again=day)
    assert [each.key.stage for each in floor.stages.handoffs(key.lead)] == ["sql"]
    assert (floor.record().journey.stage, floor.record().look_again) == ("recycled", day)
    floor.to_due()
    assert "mql" in [each.key.stage for each in floor.stages.handoffs(key.lead)]


def test_a_lead_that_falls_and_comes_back_can_be_given_back_each_time(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    for epoch in (1, 2, 3):
        floor.clock.advance(HOUR)
        floor.recycle(HandoffKey(floor.lead(ADA).lead, "mql", epoch))
        assert floor.record().journey.stage == "recycled"
        floor.clock.advance(31 * DAY)
        floor.look()
        floor.did("demo_requested")
        assert floor.record().journey.stage == "mql"


def test_a_lead_that_was_handed_over_again_is_not_looked_at_on_the_old_day(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    key = HandoffKey(floor.lead(ADA).lead, "mql", 1)
    floor.recycle(key, look_again=Moment(floor.clock.now() + 25 * DAY))
    floor.clock.advance(20 * DAY)
    floor.look()
    floor.did("demo_requested")
    assert floor.record().journey.epochs["mql"] == 2
    assert floor.record().look_again is None


# --- nurture ----------------------------------------------------------------------------------------------------------


def gone_cold(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    floor.clock.advance(25 * DAY)


def test_a_lead_that_went_cold_is_advised_once_with_what_it_misses(floor):
    gone_cold(floor)
    floor.look()
    floor.clock.advance(DAY)
    floor.look()
    (advised,) = floor.advised()
    assert (advised["stage"], advised["epoch"]) == ("cold", 1)
    assert (advised["missing"], advised["track"]) == (["score"], "wake-up")


def test_without_permission_nurture_is_advised_when_permission_comes_and_the_lead_is_still_there(floor):
    gone_cold(floor)
    floor.did("email_unsubscribed", claims=DENIED)
    assert floor.record().journey.stage == "cold"
    assert floor.advised() == []

    floor.clock.advance(MINUTE)
    floor.did("form_submitted", claims=GRANTED)
    assert [each["stage"] for each in floor.advised()] == ["cold"]


def test_of_a_stage_that_was_left_meanwhile_nothing_is_advised(floor):
    gone_cold(floor)
    floor.did("email_unsubscribed", claims=DENIED)
    floor.did("demo_requested")
    assert floor.record().journey.stage == "mql"
    floor.clock.advance(MINUTE)
    floor.did("form_submitted", claims=GRANTED)
    assert floor.advised() == []


def test_where_no_permission_is_required_none_is_waited_for():
    floor = Floor(consent_required=False)
    floor.did("form_submitted")
    floor.did("demo_requested")
    floor.clock.advance(25 * DAY)
    floor.look()
    assert len(floor.advised()) == 1


def test_new_rules_advise_nothing_by_themselves(floor):
    floor.mql()
    floor.clock.advance(DAY)
    floor.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 1}]})
    floor.clock.advance(DAY)
    floor.score.touch(floor.lead(ADA).lead)
    floor.look()
    assert floor.record().journey.stage == "cold"
    assert floor.advised() == []


# --- merging ----------------------------------------------------------------------------------------------------------


def join(floor):
    """Both names turn out to be one person; the answer is the lead that goes."""
    before = set(floor.leads.records)
    floor.take(replace(activity("join", ADA, ADA_S_ID, type="identified"), occurred_at=floor.clock.now()))
    return next(lead for lead in before if floor.leads.records[lead].merged_into)


@pytest.mark.parametrize("first", ["the one that stays", "the one that goes"])
def test_an_open_handoff_of_the_lead_that_goes_is_followed_up_and_answered_under_its_old_key(floor, first):
    floor.did("form_submitted", claims=GRANTED)
    floor.mql(who=ADA_S_ID)
    gone = join(floor)
    key = HandoffKey(gone, "mql", 1)
    assert floor.stages.standing(key) is not None
    for lead in [floor.lead(ADA).lead, gone] if first == "the one that stays" else [gone, floor.lead(ADA).lead]:
        floor.evaluate.look(lead)
    assert [each.key for each in floor.record().open] == [key]

    floor.to_due()
    assert floor.followed_up() == [STEPS[0]]
    floor.answer(key)
    floor.evaluate.look(gone)  # whom the answer names
    assert floor.record().open == ()
    floor.clock.advance(DAY)
    floor.look()
    assert floor.followed_up() == [STEPS[0]]
    handed = [each.key for lead in floor.leads.records for each in floor.stages.handoffs(lead)]
    assert handed == [key]


def test_the_lead_that_stays_has_the_open_handoff_before_anybody_looks_at_the_one_that_went(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.mql(who=ADA_S_ID)
    gone = join(floor)
    floor.look()
    assert [each.key for each in floor.record().open] == [HandoffKey(gone, "mql", 1)]


def test_an_answer_that_was_heard_is_not_heard_again_from_the_lead_that_went(floor):
    floor.did("form_submitted", claims=GRANTED)
    key = floor.mql(who=ADA_S_ID)
    gone = join(floor)
    floor.look()
    assert key.lead == gone
    floor.recycle(key, look_again=Moment(floor.clock.now() + DAY))
    floor.to_due()
    again = floor.record().open[0].key
    floor.clock.advance(MINUTE)
    floor.recycle(again)
    assert floor.record().journey.stage == "recycled"

    floor.evaluate.look(gone)

    assert floor.record().journey.stage == "recycled"


def test_a_handoff_committed_while_the_leads_were_joined_moves_too(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("form_submitted", who=ADA_S_ID, claims=GRANTED)
    gone = join(floor)
    floor.look()
    # The other evaluation began before the leads were joined, and commits only now.
    key = HandoffKey(gone, "mql", 1)
    other = Floor()
    other.mql()
    (handoff,) = other.stages.handoffs(other.lead(ADA).lead)
    late = replace(other.record(), lead=gone, version=floor.stages.load(gone).version)
    late = replace(late, open=(replace(late.open[0], key=key),), listed=True)
    floor.stages.commit(late, (), [replace(handoff, key=key)])

    floor.evaluate.look(gone)

    assert [each.key for each in floor.record().open] == [key]


def test_a_handoff_that_waits_for_permission_goes_with_the_lead(floor):
    floor.did("form_submitted")
    floor.mql(who=ADA_S_ID, claims=None)
    gone = join(floor)
    floor.evaluate.look(gone)
    floor.look()
    floor.did("form_submitted", claims=GRANTED)
    assert [each.key for each in floor.stages.handoffs(floor.lead(ADA).lead)] == [
        HandoffKey(floor.lead(ADA).lead, "mql", 1)
    ]


def handed_over(floor):
    return [each.key.text for lead in floor.leads.records for each in floor.stages.handoffs(lead)]


@pytest.mark.parametrize("first", ["the lead that stays", "the lead that goes"])
def test_of_a_lead_that_crosses_while_it_is_joined_one_handoff_comes(floor, first):
    floor = Floor(rosters={"inside": (), "heads": ()})  # whose turn it is would hold one of the two up
    floor.did("form_submitted", claims=GRANTED)
    floor.did("page_viewed", times=3)
    floor.did("form_submitted", who=ADA_S_ID, claims=GRANTED)
    floor.did("page_viewed", who=ADA_S_ID, times=4)
    crosses = replace(activity("over", ADA_S_ID), occurred_at=floor.clock.now(), received_at=floor.clock.now())
    assert floor.take(crosses) == []
    stays, goes = floor.lead(ADA).lead, floor.lead(ADA_S_ID).lead
    commit, begun = floor.stages.commit, []

    def interleaved(record, *args, **rest):
        if not begun:
            begun.append(record)
            join(floor)
            if first == "the lead that stays":
                floor.look()
        commit(record, *args, **rest)

    floor.stages.commit = interleaved
    floor.evaluate.look(goes)
    for lead in (goes, stays):
        floor.evaluate.look(lead)
    assert len(handed_over(floor)) == 1
    assert [each.key.text for each in floor.record().open] == handed_over(floor)


def test_a_lead_that_nobody_looked_at_before_it_was_joined_is_handed_over_once():
    floor = Floor(rosters={"inside": (), "heads": ()})
    floor.mql()
    for kind, times in {"form_submitted": 1, "page_viewed": 5}.items():
        for number in range(times):
            one = activity(f"{kind}{number}", ADA_S_ID, type=kind, claims=GRANTED)
            floor.take(replace(one, occurred_at=floor.clock.now(), received_at=floor.clock.now()))
    goes = floor.lead(ADA_S_ID).lead
    commit = floor.stages.commit

    def interleaved(*args, **rest):
        floor.stages.commit = commit  # type: ignore[method-assign]
        join(floor)
        floor.look()
        commit(*args, **rest)

    floor.stages.commit = interleaved  # type: ignore[method-assign]
    floor.evaluate.look(goes)
    assert handed_over(floor) == [f"{floor.lead(ADA).lead}.mql.1"]
    assert not floor.stages.load(goes).listed


def test_a_lead_that_was_parted_and_handed_over_is_not_handed_over_again_when_it_is_joined_once_more(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("form_submitted", who=ADA_S_ID, claims=GRANTED)
    gone = join(floor)
    floor.look()
    floor.clock.advance(MINUTE)
    floor.take(unmerged("v1", [ADA], [ADA_S_ID], at=format_moment(floor.clock.now())))
    floor.look()
    assert floor.record().absorbed == ()
    floor.clock.advance(MINUTE)
    floor.did("page_viewed", who=ADA_S_ID, times=5)
    assert handed_over(floor) == [f"{gone}.mql.1"]
    floor.clock.advance(MINUTE)
    floor.take(replace(merged("v2", ADA, ADA_S_ID), occurred_at=floor.clock.now()))
    for lead in floor.leads.records:
        floor.evaluate.look(lead)
    assert handed_over(floor) == [f"{gone}.mql.1"]
    assert [each.key.text for each in floor.record().open] == [f"{gone}.mql.1"]


def test_the_day_that_sales_named_goes_with_the_lead(floor):
    floor.did("form_submitted", claims=GRANTED)
    key = floor.mql(who=ADA_S_ID)
    day = Moment(floor.clock.now() + 7 * DAY)
    told = replace(floor.answer(key, "recycled", look_again=day), identities=(ADA_S_ID,))
    floor.take(told)
    floor.look(ADA_S_ID)
    assert floor.record(ADA_S_ID).look_again == day
    floor.clock.advance(MINUTE)
    join(floor)
    floor.look()
    assert (floor.record().look_again, floor.record().due) == (day, day)
    floor.to_due()
    assert floor.record().journey.stage == "mql"
    assert len(handed_over(floor)) == 2


def test_nurture_that_was_not_advised_yet_goes_with_the_lead(floor):
    floor.did("page_left")
    floor.did("form_submitted", who=ADA_S_ID)
    floor.did("demo_requested", who=ADA_S_ID)
    floor.clock.advance(40 * DAY)
    floor.score.touch(floor.lead(ADA_S_ID).lead)
    floor.look(ADA_S_ID)
    assert floor.record(ADA_S_ID).unadvised is not None
    join(floor)
    floor.look()
    assert floor.record().journey.stage == "cold"
    floor.did("page_left", claims=GRANTED)
    assert [each["stage"] for each in floor.advised()] == ["cold"]
    assert floor.record().unadvised is None


def test_a_handoff_that_waits_goes_with_the_lead_also_where_the_other_was_handed_over_long_ago(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.did("demo_requested")
    floor.clock.advance(20 * DAY)
    floor.look()
    assert floor.record().journey.stage == "cold"
    floor.mql(who=ADA_S_ID, claims=DENIED)
    waits = floor.record(ADA_S_ID).withheld
    assert waits is not None
    floor.clock.advance(MINUTE)
    join(floor)
    floor.look()
    floor.clock.advance(MINUTE)
    floor.did("form_submitted", claims=GRANTED)
    stays = floor.lead(ADA).lead
    assert handed_over(floor) == [f"{stays}.mql.1", f"{stays}.mql.2"]
    assert floor.record().journey.epochs["mql"] == 2


@pytest.mark.parametrize(("has", "waits"), [(ADA, ADA_S_ID), (ADA_S_ID, ADA)])
def test_a_handoff_does_not_wait_where_the_other_lead_stands_there_and_was_handed_over(floor, has, waits):
    floor.did("page_left")
    key = floor.mql(who=has)
    floor.did("form_submitted", who=waits, claims=DENIED)
    floor.did("page_viewed", who=waits, times=5)
    assert floor.record(waits).withheld is not None
    floor.clock.advance(MINUTE)
    join(floor)
    floor.look()
    floor.clock.advance(MINUTE)
    floor.did("form_submitted", claims=GRANTED)
    assert handed_over(floor) == [key.text]


def test_a_handoff_of_a_lead_that_was_parted_again_is_its_own(floor):
    floor.did("form_submitted", claims=GRANTED)
    floor.mql(who=ADA_S_ID)
    gone = join(floor)
    floor.look()
    key = HandoffKey(gone, "mql", 1)
    floor.take(unmerged("v1", [ADA], [ADA_S_ID], at="2026-03-09T09:00:00Z"))
    floor.look()
    assert [each.key for each in floor.record().open] == []
    floor.evaluate.look(gone)
    assert [each.key for each in floor.stages.load(gone).open] == [key]


def test_a_lead_of_which_others_take_every_turn_is_given_back(floor):
    floor.did("form_submitted", claims=GRANTED)

    def always(*args, **rest):
        raise Conflict("again")

    floor.stages.commit = always
    with pytest.raises(Conflict):
        floor.did("page_viewed", times=5)
    assert floor.pauses == list(range(10))
