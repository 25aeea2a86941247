from abc import ABC, abstractmethod

import pytest

from shared.adapters.dynamodb.handoffs import DynamoDBHandoffs
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.ports.stages import StageRecord
from tests.fakes import FixedClock, InMemoryHandoffs
from tests.tables import LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
LATER = Moment(NOON + MINUTE)
KEY, OTHER = HandoffKey(LeadId("lead-1"), "mql", 1), HandoffKey(LeadId("lead-1"), "mql", 11)
HANDOFF = Handoff(KEY, "inside-sales", ("email", "slack"), NOON, LATER, "score", None, {"total": 65.0, "reasons": []})


class HandoffsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def handoffs(self):
        """One committed handoff."""

    def test_a_committed_handoff_is_read_back_whole(self, handoffs):
        assert handoffs.get(KEY) == HANDOFF

    def test_what_was_never_committed_is_none(self, handoffs):
        assert handoffs.get(OTHER) is None

    def test_a_mark_keeps_its_first_moment(self, handoffs):
        handoffs.mark_sent(KEY, "email", NOON)
        handoffs.mark_sent(KEY, "email", LATER)
        handoffs.mark_sent(KEY, "slack", LATER)

        assert handoffs.sent(KEY) == {"email": NOON, "slack": LATER}

    def test_the_marks_of_the_eleventh_entry_are_not_those_of_the_first(self, handoffs):
        handoffs.mark_sent(OTHER, "email", NOON)

        assert handoffs.sent(KEY) == {}

    def test_of_two_claims_one_holds(self, handoffs):
        assert handoffs.claim(KEY, "email", NOON, LATER)
        assert not handoffs.claim(KEY, "email", NOON, LATER)
        assert handoffs.claim(KEY, "slack", NOON, LATER)

    def test_a_claim_ends_at_its_moment(self, handoffs):
        handoffs.claim(KEY, "email", NOON, LATER)

        assert handoffs.claim(KEY, "email", LATER, Moment(LATER + MINUTE))

    def test_what_was_sent_is_not_claimed_again(self, handoffs):
        handoffs.claim(KEY, "email", NOON, LATER)
        handoffs.mark_sent(KEY, "email", NOON)

        assert not handoffs.claim(KEY, "email", Moment(LATER + MINUTE), Moment(LATER + 2 * MINUTE))

    def test_a_claim_alone_is_no_mark(self, handoffs):
        handoffs.claim(KEY, "email", NOON, LATER)

        assert handoffs.sent(KEY) == {}


class TestInMemoryHandoffs(HandoffsContract):
    @pytest.fixture
    def handoffs(self):
        return InMemoryHandoffs(HANDOFF)


class TestDynamoDBHandoffs(HandoffsContract):
    @pytest.fixture
    def handoffs(self, dynamodb):
        stages = DynamoDBStages(dynamodb, LEADS, FixedClock())
        stages.commit(StageRecord(KEY.lead, Journey.start()), (), [HANDOFF])
        return DynamoDBHandoffs(dynamodb, LEADS)

    def test_the_first_reason_for_withholding_stays(self, handoffs, dynamodb):
        handoffs.withhold(KEY, "consent", NOON)
        handoffs.withhold(KEY, "veto", LATER)

        item = dynamodb.get_item(TableName=LEADS, Key={"pk": {"S": "LEAD#lead-1"}, "sk": {"S": "WITHHELD#mql#1"}})
        assert item["Item"]["reason"]["S"] == "consent"
