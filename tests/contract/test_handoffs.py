import json
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any, cast

import pytest

from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.handoffs import DynamoDBAnswers, DynamoDBHandoffs, handoff_item, told_now
from shared.adapters.dynamodb.outbox import DynamoDBOutbox
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.domain.events import HandoffAnswered
from shared.domain.handoff import Answer, FollowUp, Handoff, HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.domain.refusals import NotFound
from shared.ports.bus import Event
from shared.ports.handoffs import AlreadyAnswered, HandoffPlace
from shared.ports.stages import StageRecord
from tests.fakes import FixedClock, InMemoryActivities, InMemoryHandoffs
from tests.people import activity, email
from tests.tables import ACTIVITIES, LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
LATER = Moment(NOON + MINUTE)
KEY, OTHER = HandoffKey(LeadId("lead-1"), "mql", 1), HandoffKey(LeadId("lead-1"), "mql", 11)
HANDOFF = Handoff(KEY, "inside-sales", ("email", "slack"), NOON, LATER, "score", None, {"total": 65.0, "reasons": []})
ASSIGNED = replace(
    HANDOFF,
    key=HandoffKey(LeadId("lead-2"), "mql", 1),
    assignee="ada",
    follow_ups=(FollowUp("reminder", LATER, "inside-sales"), FollowUp("reassignment", LATER, "field-sales")),
)
NO_BUDGET = Answer(
    "rejected", LATER, "ada@acme.example", "no_budget", "Ask in autumn.", rules=("pricing-visits", "webinar")
)
RECYCLED = Answer("recycled", LATER, "bob@acme.example", "bad_timing", look_again=Moment(LATER + MINUTE))


def saying(answer: Answer, id_: str = "answer-1"):
    """What belongs beside an answer: the activity, and the event."""
    said = activity(id_, email("sam@acme.example"), type=f"handoff_{answer.kind}", own=False)
    told = HandoffAnswered(
        id=f"{KEY.text}.answered", lead=KEY.lead, stage="mql", epoch=1, answer=answer.kind, at=answer.at
    )
    return said, Event(told.id, told.NAME, told.as_detail())


def at(minutes: int, stage: str = "mql", epoch: int = 1, lead: str = "lead-1") -> Handoff:
    return replace(HANDOFF, key=HandoffKey(LeadId(lead), stage, epoch), requested_at=Moment(NOON + minutes * MINUTE))


class HandoffsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def handoffs(self):
        """One committed handoff."""

    @abstractmethod
    def commit(self, *handoffs):
        """Handoffs are committed."""

    @abstractmethod
    def answers(self):
        """Where answers to them are given."""

    @abstractmethod
    def log(self):
        """The log into which answers go."""

    @abstractmethod
    def follow_up(self, before, after):
        """A follow-up was done."""

    @abstractmethod
    def event(self, key, id_):
        """The event that waits for the bus under an id."""

    def test_a_handoff_nobody_answered_is_open_with_whom_it_was_given_to(self, handoffs):
        assert handoffs.record(KEY) == HandoffRecord(HANDOFF, "inside-sales", None)
        assert handoffs.record(KEY).state == "open"
        assert handoffs.record(OTHER) is None

    def test_whose_turn_it_is_and_what_follows_if_nobody_answers_is_read_back(self, handoffs):
        self.commit(ASSIGNED)

        assert handoffs.record(ASSIGNED.key) == HandoffRecord(ASSIGNED, "inside-sales", "ada")

    def test_who_has_it_after_a_follow_up_is_read_back_and_what_was_decided_stays(self, handoffs):
        self.commit(ASSIGNED)
        before = handoffs.record(ASSIGNED.key)
        after = HandoffRecord(ASSIGNED, "field-sales", "bob", ASSIGNED.follow_ups)

        self.follow_up(before, after)

        assert handoffs.record(ASSIGNED.key) == after
        assert handoffs.get(ASSIGNED.key) == ASSIGNED

    def test_when_a_follow_up_was_done_is_read_back_beside_when_it_was_planned(self, handoffs):
        self.commit(ASSIGNED)
        before = handoffs.record(ASSIGNED.key)
        done = replace(ASSIGNED.follow_ups[0], done_at=Moment(LATER + 1))

        self.follow_up(before, HandoffRecord(ASSIGNED, "inside-sales", "ada", (done,)))

        (read,) = handoffs.record(ASSIGNED.key).done
        assert (read.at, read.done_at) == (LATER, LATER + 1)

    @pytest.mark.parametrize("answer", [NO_BUDGET, RECYCLED, Answer("accepted", LATER, "ada")])
    def test_an_answer_is_read_back_whole_with_its_activity_and_its_event(self, handoffs, answer):
        said, event = saying(answer)

        self.answers().answer(KEY, answer, said, event)

        assert handoffs.record(KEY) == HandoffRecord(HANDOFF, "inside-sales", None, answer=answer)
        assert handoffs.record(KEY).state == answer.kind
        assert self.log().under(said.identity) == [said]
        assert self.event(KEY, event.id) == event

    def test_the_same_answer_again_changes_nothing(self, handoffs):
        said, event = saying(NO_BUDGET)
        self.answers().answer(KEY, NO_BUDGET, said, event)

        self.answers().answer(KEY, replace(NO_BUDGET, at=Moment(LATER + MINUTE)), said, event)

        assert handoffs.record(KEY).answer == NO_BUDGET
        assert self.log().under(said.identity) == [said]

    def test_who_comes_second_is_told_who_answered_and_how_and_leaves_nothing(self, handoffs):
        self.answers().answer(KEY, NO_BUDGET, *saying(NO_BUDGET))

        with pytest.raises(AlreadyAnswered) as told:
            self.answers().answer(KEY, RECYCLED, *saying(RECYCLED, "answer-2"))

        assert told.value.record == handoffs.record(KEY)
        assert handoffs.record(KEY).answer == NO_BUDGET
        assert told.value.message == "ada@acme.example rejected it at 2026-03-01T12:01:00Z"
        assert [each.id for each in self.log().under(email("sam@acme.example"))] == ["answer-1"]

    def test_of_two_answers_at_once_one_wins_and_the_other_is_told(self, handoffs):
        given = [replace(NO_BUDGET, who=f"person {number}") for number in range(2)]
        store = self.answers()

        def answer(number):
            try:
                store.answer(KEY, given[number], *saying(given[number], f"answer-{number}"))
            except AlreadyAnswered as error:
                return error.record.answer
            return None

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(answer, range(2)))

        winner = handoffs.record(KEY).answer
        assert sorted(told, key=lambda each: each is None) == [winner, None]
        assert winner == given[told.index(None)]
        assert [each.id for each in self.log().under(email("sam@acme.example"))] == [f"answer-{told.index(None)}"]

    def test_what_was_never_handed_over_cannot_be_answered(self, handoffs):
        with pytest.raises(NotFound):
            self.answers().answer(OTHER, NO_BUDGET, *saying(NO_BUDGET))
        assert self.log().under(email("sam@acme.example")) == []

    def test_the_handoffs_of_some_leads_come_oldest_first(self, handoffs):
        self.commit(at(5, "sql"), at(3, epoch=2), at(4, lead="lead-2"), at(6, lead="lead-3"))

        found = [each.key.text for each in handoffs.of([LeadId("lead-1"), LeadId("lead-2")])]

        assert found == ["lead-1.mql.1", "lead-1.mql.2", "lead-2.mql.1", "lead-1.sql.1"]

    def test_a_list_holds_what_is_in_its_state_newest_first(self, handoffs):
        self.commit(at(1, epoch=2), at(2, epoch=3))
        self.answers().answer(KEY, NO_BUDGET, *saying(NO_BUDGET))

        assert [each.key.epoch for each in handoffs.page("open", 10)[0]] == [3, 2]
        assert handoffs.page("rejected", 10) == ([handoffs.record(KEY)], None)
        assert handoffs.page("accepted", 10) == ([], None)
        assert [each.key.epoch for each in handoffs.page(None, 10)[0]] == [3, 2, 1]

    @pytest.mark.parametrize("state", ["open", None])
    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_pages_follow_one_another_through_handoffs_of_one_moment_too(self, handoffs, state, limit):
        self.commit(*(at(0, epoch=epoch) for epoch in range(2, 6)), at(1, epoch=6), at(-1, epoch=7))
        if state is None:
            self.answers().answer(KEY, NO_BUDGET, *saying(NO_BUDGET))
        page, after = handoffs.page(state, limit)
        found = [each.key.epoch for each in page]
        while after is not None:
            assert after == HandoffPlace.of(page[-1])
            page, after = handoffs.page(state, limit, after)
            assert len(page) <= limit
            assert not set(found) & {each.key.epoch for each in page}
            found += [each.key.epoch for each in page]

        assert found == [6, 1, 2, 3, 4, 5, 7]

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
        self.memory = InMemoryHandoffs(HANDOFF, log=InMemoryActivities())
        return self.memory

    def commit(self, *handoffs):
        self.memory.committed.update({each.key: each for each in handoffs})

    def answers(self):
        return self.memory

    def log(self):
        return self.memory.log

    def follow_up(self, before, after):
        assert self.memory.follow_up(before, after)

    def event(self, key, id_):
        return next(each for each in self.memory.outbox if each.id == id_)


class Isolated:
    """A client whose transactions do not see each other half done, as DynamoDB's never do and moto's may."""

    def __init__(self, client):
        self._client = client
        self._lock = Lock()

    def __getattr__(self, name):
        return getattr(self._client, name)

    def transact_write_items(self, **asked):
        with self._lock:
            return self._client.transact_write_items(**asked)


class TestDynamoDBHandoffs(HandoffsContract):
    @pytest.fixture
    def handoffs(self, dynamodb):
        self.dynamodb = dynamodb
        stages = DynamoDBStages(dynamodb, LEADS, FixedClock())
        stages.commit(StageRecord(KEY.lead, Journey.start()), (), [HANDOFF])
        return DynamoDBHandoffs(dynamodb, LEADS)

    def commit(self, *handoffs):
        for each in handoffs:
            self.dynamodb.put_item(TableName=LEADS, Item=handoff_item(each))

    def answers(self):
        return DynamoDBAnswers(cast("Any", Isolated(self.dynamodb)), LEADS, self.log())

    def log(self):
        return DynamoDBActivities(self.dynamodb, ACTIVITIES)

    def follow_up(self, before, after):
        self.dynamodb.update_item(
            TableName=LEADS,
            Key={"pk": {"S": f"LEAD#{after.key.lead}"}, "sk": {"S": f"HANDOFF#{after.key.stage}#{after.key.epoch}"}},
            UpdateExpression="SET #now = :now",
            ExpressionAttributeNames={"#now": "now"},
            ExpressionAttributeValues={":now": {"S": told_now(after)}},
        )

    def event(self, key, id_):
        return DynamoDBOutbox(self.dynamodb, LEADS).get(f"LEAD#{key.lead}", f"OUTBOX#{id_}")

    def test_a_handoff_stored_before_there_were_answers_reads_as_open(self, handoffs, dynamodb):
        old = handoff_item(at(1, epoch=2))
        told = json.loads(old["told"]["S"])
        del old["handoff_state"], old["requested_at"], told["assignee"], told["follow_ups"]
        dynamodb.put_item(TableName=LEADS, Item={**old, "told": {"S": json.dumps(told)}})

        assert handoffs.record(HandoffKey(KEY.lead, "mql", 2)) == HandoffRecord(at(1, epoch=2), "inside-sales")
        assert [each.key for each in handoffs.page("open", 10)[0]] == [KEY]

    def test_the_first_reason_for_withholding_stays(self, handoffs, dynamodb):
        handoffs.withhold(KEY, "consent", NOON)
        handoffs.withhold(KEY, "veto", LATER)

        item = dynamodb.get_item(TableName=LEADS, Key={"pk": {"S": "LEAD#lead-1"}, "sk": {"S": "WITHHELD#mql#1"}})
        assert item["Item"]["reason"]["S"] == "consent"

    @pytest.mark.parametrize("limit", [3, 10])
    def test_what_is_answered_while_all_are_listed_stands_there_once(self, handoffs, monkeypatch, limit):
        self.commit(at(1, epoch=2), at(-1, epoch=3))
        listed = handoffs._listed

        def answered_in_between(state, after):
            places = list(listed(state, after))
            if state == "open" and handoffs.record(KEY).answer is None:
                self.answers().answer(KEY, NO_BUDGET, *saying(NO_BUDGET))
            return iter(places)

        monkeypatch.setattr(handoffs, "_listed", answered_in_between)
        page, after = handoffs.page(None, limit)
        found = list(page)
        while after is not None:
            page, after = handoffs.page(None, limit, after)
            found += page

        assert [(each.key.epoch, each.state) for each in found] == [(2, "open"), (1, "rejected"), (3, "open")]
