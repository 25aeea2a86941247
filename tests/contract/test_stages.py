from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.handoffs import DynamoDBAnswers, DynamoDBHandoffs
from shared.adapters.dynamodb.outbox import DynamoDBOutbox
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.domain.handoff import Answer, FollowUp, Handoff, HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import parse_moment
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.stages import MOST_WRITES, FollowedUp, OpenHandoff, StageRecord, StoredTransition, TurnsTaken
from tests.fakes import FixedClock, InMemoryStages
from tests.people import activity, email
from tests.tables import ACTIVITIES, LEADS

ONE = LeadId("lead-1")
NOON = parse_moment("2026-03-01T12:00:00Z")
FRESH = StageRecord(ONE, Journey.start())
TRANSITION = StoredTransition(
    number=1,
    from_stage=None,
    to_stage="mql",
    epoch=1,
    at=NOON,
    cause="score at least 50",
    activity_id="a1",
    rules_version=2,
    by_rules=False,
    snapshot={"total": 65.0},
)
HANDOFF = Handoff(
    HandoffKey(ONE, "mql", 1), "inside-sales", ("email", "slack"), NOON, None, "score", NOON, {"total": 65.0}
)
REMINDER = FollowUp("reminder", NOON, "inside-sales")
ESCALATION = FollowUp("escalation", NOON, "heads")
OPEN = HandoffRecord(HANDOFF, "inside-sales")
REMINDED = replace(OPEN, done=(REMINDER,))
ANSWER = Answer("accepted", NOON, "ines")
EVENT = Event("lead-1.transition.1", "StageChanged", {"id": "lead-1.transition.1", "lead": "lead-1"})


class StagesContract(ABC):
    @pytest.fixture
    @abstractmethod
    def stages(self):
        """No stages yet."""

    def test_a_record_is_loaded_as_it_was_committed(self, stages):
        whole = replace(
            FRESH,
            rules_version=2,
            temperature="hot",
            rank=-3,
            transitions=4,
            due=NOON,
            committed=HandoffKey(ONE, "mql", 1),
            withheld=HandoffKey(ONE, "mql", 2),
            absorbed=(LeadId("lead-2"),),
            open=(OpenHandoff(HandoffKey(ONE, "mql", 1), NOON), OpenHandoff(HandoffKey(LeadId("lead-2"), "sql", 3))),
            look_again=NOON,
            seen=4,
            unadvised=HandoffKey(ONE, "cold", 1),
        )

        stages.commit(whole)

        assert stages.load(ONE) == replace(whole, version=1)

    def test_a_lead_that_is_no_longer_listed_keeps_its_journey(self, stages):
        unlisted = replace(FRESH, transitions=2, listed=False)

        stages.commit(unlisted)

        assert stages.load(ONE) == replace(unlisted, version=1)

    def test_a_lead_that_nobody_looked_at_has_no_record(self, stages):
        assert stages.load(ONE) is None

    def test_all_that_follows_is_committed_with_the_record(self, stages):
        stages.commit(FRESH, [TRANSITION], [HANDOFF], [EVENT])

        assert stages.transitions(ONE) == [TRANSITION]
        assert stages.handoffs(ONE) == [HANDOFF]

    def test_what_is_more_than_fits_together_is_not_committed_at_all(self, stages):
        events = [replace(EVENT, id=f"lead-1.event.{number}") for number in range(MOST_WRITES)]
        with pytest.raises(ValueError, match="at once"):
            stages.commit(FRESH, events=events)
        assert stages.load(ONE) is None

        stages.commit(FRESH, events=events[1:])
        assert stages.load(ONE) == replace(FRESH, version=1)

    def test_nothing_is_committed_over_another_version(self, stages):
        stages.commit(FRESH)

        with pytest.raises(Conflict):
            stages.commit(FRESH, [TRANSITION], [HANDOFF], [EVENT])
        assert stages.transitions(ONE) == []
        assert stages.handoffs(ONE) == []

    def test_a_handoff_is_committed_once(self, stages):
        stages.commit(FRESH, [TRANSITION], [HANDOFF])

        with pytest.raises(Conflict):
            stages.commit(replace(FRESH, version=1), [replace(TRANSITION, number=2)], [HANDOFF])
        assert stages.load(ONE).version == 1

    def test_a_follow_up_is_committed_with_the_record(self, stages):
        stages.commit(FRESH, [TRANSITION], [HANDOFF])
        assert stages.standing(HANDOFF.key) == OPEN

        stages.commit(replace(FRESH, version=1), follow_ups=[FollowedUp(OPEN, REMINDED)])
        assert stages.standing(HANDOFF.key) == REMINDED

        reassigned = replace(REMINDED, to="others", assignee="eve", done=(REMINDER, ESCALATION))
        stages.commit(replace(FRESH, version=2), follow_ups=[FollowedUp(REMINDED, reassigned)])
        assert stages.standing(HANDOFF.key) == reassigned

    def test_nothing_stands_where_nothing_was_handed_over(self, stages):
        assert stages.standing(HANDOFF.key) is None

    def test_what_is_followed_up_already_is_not_followed_up_again(self, stages):
        stages.commit(FRESH, [TRANSITION], [HANDOFF])
        stages.commit(replace(FRESH, version=1), follow_ups=[FollowedUp(OPEN, REMINDED)])

        with pytest.raises(Conflict):
            stages.commit(replace(FRESH, version=2), follow_ups=[FollowedUp(OPEN, REMINDED)])
        escalated, other = replace(OPEN, done=(ESCALATION,)), replace(OPEN, done=(ESCALATION, REMINDER))
        with pytest.raises(Conflict):
            stages.commit(replace(FRESH, version=2), follow_ups=[FollowedUp(escalated, other)])
        assert stages.load(ONE).version == 2
        assert stages.standing(HANDOFF.key) == REMINDED

    def test_what_is_answered_is_not_followed_up(self, stages, answers):
        stages.commit(FRESH, [TRANSITION], [HANDOFF])
        answers.answer(HANDOFF.key, ANSWER, activity("p1", email("ada@engines.example")), EVENT)

        with pytest.raises(Conflict):
            stages.commit(replace(FRESH, version=1), follow_ups=[FollowedUp(OPEN, REMINDED)])
        assert stages.standing(HANDOFF.key) == replace(OPEN, answer=ANSWER)

    def test_what_was_never_handed_over_is_not_followed_up(self, stages):
        with pytest.raises(Conflict):
            stages.commit(FRESH, follow_ups=[FollowedUp(OPEN, REMINDED)])
        assert stages.load(ONE) is None

    def test_a_turn_is_taken_once(self, stages):
        assert stages.turns("inside-sales") == 0
        stages.commit(FRESH, turns=[TurnsTaken("inside-sales", 0, 1), TurnsTaken("heads", 0, 2)])
        assert (stages.turns("inside-sales"), stages.turns("heads")) == (1, 2)

        for before in (0, 2):
            with pytest.raises(Conflict):
                stages.commit(replace(FRESH, version=1), turns=[TurnsTaken("inside-sales", before, 3)])
        stages.commit(replace(FRESH, version=1), turns=[TurnsTaken("inside-sales", 1, 2)])
        assert stages.turns("inside-sales") == 2

    def test_the_record_of_a_lead_that_was_joined_is_written_over_its_own_version(self, stages):
        other, fresh = replace(FRESH, lead=LeadId("lead-2")), replace(FRESH, lead=LeadId("lead-3"), listed=False)
        stages.commit(other)
        gone = replace(other, version=1, listed=False)

        stages.commit(FRESH, retired=[gone, fresh])
        assert (stages.load(ONE).version, stages.load(other.lead)) == (1, replace(gone, version=2))
        assert stages.load(fresh.lead) == replace(fresh, version=1)

        for late in (gone, fresh):
            with pytest.raises(Conflict):
                stages.commit(replace(FRESH, version=1), [TRANSITION], [HANDOFF], retired=[late])
        assert stages.load(ONE).version == 1
        assert stages.handoffs(ONE) == []

    def test_what_is_withheld_is_known_until_it_is_lifted(self, stages, marks):
        stages.commit(FRESH, [TRANSITION], [HANDOFF])
        assert not stages.withheld(HANDOFF.key)

        for version in (1, 2):
            marks.withhold(HANDOFF.key, "consent", NOON)
            assert stages.withheld(HANDOFF.key)
            stages.commit(replace(FRESH, version=version), lifted=[HANDOFF.key])
            assert not stages.withheld(HANDOFF.key)

    def test_what_was_never_withheld_is_not_lifted(self, stages):
        with pytest.raises(Conflict):
            stages.commit(FRESH, lifted=[HANDOFF.key])
        assert stages.load(ONE) is None

    def test_transitions_come_in_the_order_in_which_they_were_decided(self, stages):
        for number in range(1, 12):
            stages.commit(replace(FRESH, version=number - 1), [replace(TRANSITION, number=number)])

        assert [each.number for each in stages.transitions(ONE)] == list(range(1, 12))


class TestInMemoryStages(StagesContract):
    @pytest.fixture
    def stages(self):
        return InMemoryStages()

    @pytest.fixture
    def answers(self, stages):
        return stages.handed_over

    @pytest.fixture
    def marks(self, stages):
        return stages.handed_over


class TestDynamoDBStages(StagesContract):
    @pytest.fixture
    def stages(self, dynamodb):
        return DynamoDBStages(dynamodb, LEADS, FixedClock())

    @pytest.fixture
    def answers(self, dynamodb):
        return DynamoDBAnswers(dynamodb, LEADS, DynamoDBActivities(dynamodb, ACTIVITIES))

    @pytest.fixture
    def marks(self, dynamodb):
        return DynamoDBHandoffs(dynamodb, LEADS)

    def test_a_record_of_before_handoffs_could_be_answered_has_its_latest_one_open(self, stages, dynamodb):
        stages.commit(replace(FRESH, committed=HANDOFF.key))
        dynamodb.update_item(
            TableName=LEADS,
            Key={"pk": {"S": "LEAD#lead-1"}, "sk": {"S": "STAGE"}},
            UpdateExpression="REMOVE #open",
            ExpressionAttributeNames={"#open": "open"},
        )

        assert stages.load(ONE).open == (OpenHandoff(HANDOFF.key),)

    def test_the_event_waits_in_the_outbox(self, stages, dynamodb):
        stages.commit(FRESH, [TRANSITION], [HANDOFF], [EVENT])

        assert DynamoDBOutbox(dynamodb, LEADS).get("LEAD#lead-1", f"OUTBOX#{EVENT.id}") == EVENT

    def test_a_lead_outside_every_band_is_listed_too(self, stages, dynamodb):
        stages.commit(FRESH)

        found = dynamodb.query(
            TableName=LEADS,
            IndexName="by_temperature",
            KeyConditionExpression="temperature = :none",
            ExpressionAttributeValues={":none": {"S": "none"}},
        )
        assert found["Count"] == 1
        assert stages.load(ONE).temperature is None
