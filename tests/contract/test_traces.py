from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.handoffs import DynamoDBAnswers, DynamoDBHandoffs
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.dynamodb.traces import DynamoDBTraces
from shared.domain.breaker import TOLERATED
from shared.domain.handoff import Answer, Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.domain.rescores import UnappliedActivities
from shared.domain.state import ScoreState
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord
from shared.ports.missed import ChannelKey, MissedMessage
from shared.ports.rescoring import Checkpoint
from shared.ports.stages import StageRecord, StoredTransition
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryHandoffs,
    InMemoryLeads,
    InMemoryMissed,
    InMemoryRescoring,
    InMemoryStages,
    InMemoryTraces,
)
from tests.people import activity, browser, email, user
from tests.tables import ACTIVITIES, LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
LATER = Moment(NOON + MINUTE)
ADA, BOB, LAPTOP = email("ada@engines.example"), email("bob@engines.example"), browser("laptop")
ONE, TWO = LeadId("lead-1"), LeadId("lead-2")
KEY = HandoffKey(ONE, "mql", 1)


@dataclass
class Stores:
    traces: Any
    log: Any
    leads: Any
    stages: Any
    missed: Any
    rescoring: Any


class TracesContract(ABC):
    @pytest.fixture
    @abstractmethod
    def stores(self):
        """Empty stores, and the traces in them."""

    def test_a_lead_is_told_whole_and_wiped_whole_and_no_other(self, stores):
        for lead in (ONE, TWO):
            stores.leads.save(LeadRecord(lead, frozenset({ADA}), ScoreState.empty()))
        entered = StoredTransition(1, None, "mql", 1, NOON, "a form", "a1", 1, by_rules=False, snapshot={"total": 5})
        handoff = Handoff(KEY, "sales", ("email",), NOON, None, "a form", None, {"total": 5})
        stores.stages.commit(StageRecord(ONE, Journey.start()), [entered], [handoff])

        names = [each.name for each in stores.traces.of(ONE)]

        assert names == ["HANDOFF#mql#1", "SCORE", "STAGE", "TRANSITION#000001"]
        assert stores.traces.wipe(ONE, 1) == 4
        assert stores.traces.wipe(ONE, 0) == 0
        assert stores.leads.load(ONE) is None
        assert stores.stages.load(ONE) is None
        assert stores.stages.transitions(ONE) == stores.stages.handoffs(ONE) == stores.traces.of(ONE) == []
        assert stores.leads.load(TWO) is not None

    def test_a_lead_that_was_written_since_it_was_read_is_not_wiped(self, stores):
        stores.leads.save(LeadRecord(ONE, frozenset({ADA}), ScoreState.empty()))
        stores.stages.commit(StageRecord(ONE, Journey.start()))

        for version in (0, 2):
            with pytest.raises(Conflict):
                stores.traces.wipe(ONE, version)
        assert [each.name for each in stores.traces.of(ONE)] == ["SCORE", "STAGE"]

    def test_what_waits_of_a_lead_for_its_channels_is_told_and_wiped_and_nothing_of_another(self, stores):
        places = [ChannelKey("a#b", "slack"), ChannelKey("sales", "webhook")]
        for lead in (ONE, TWO):
            for place in places:
                detail = {"lead": lead, "stage": str(ONE), "epoch": 1}
                stores.missed.put_by(place, MissedMessage(f"{lead}.mql.1", NOON, "HandoffRequested", detail))
        for _ in range(TOLERATED):
            stores.missed.failed(places[0], NOON, "no answer")

        assert [(each.name.split("#")[0], ONE in str(each.content)) for each in stores.traces.of(ONE)] == [
            ("MISSED", True),
            ("MISSED", True),
        ]
        assert stores.traces.wipe(ONE, 0) == 2
        assert stores.traces.of(ONE) == []
        assert [[each.detail["lead"] for each in stores.missed.next(place, 9)] for place in places] == [[TWO], [TWO]]
        assert stores.missed.breaker(places[0]).is_open

    def test_activities_are_removed_and_the_others_stay(self, stores):
        many = [activity(f"a{number:02d}", ADA) for number in range(60)]
        stores.log.append([*many, activity("b", BOB)])

        stores.traces.remove(many[1:])
        stores.traces.remove(many[1:])

        assert stores.log.under(ADA) == many[:1]
        assert len(stores.log.under(BOB)) == 1

    def test_names_are_taken_out_of_an_activity_and_nothing_else_of_it_changes(self, stores):
        for number, properties in enumerate([{"a": 1}, {"text": "long " * 300}]):
            one = activity(f"a{number}", BOB, user("u-ada"), LAPTOP, properties=properties, own=False)
            stores.log.append([one])

            stores.traces.unname(one, {user("u-ada"), ADA})

            expected = activity(f"a{number}", BOB, LAPTOP, properties=properties, own=False)
            assert stores.log.under(BOB)[number] == expected

    def test_names_are_not_taken_out_of_what_is_gone(self, stores):
        stores.traces.unname(activity("a1", BOB, user("u-ada")), {user("u-ada")})

        assert stores.log.under(BOB) == []

    def test_an_identity_of_these_leads_is_nobody_s_afterwards(self, stores):
        stores.leads.claim(ADA, ONE)
        stores.leads.claim(BOB, TWO)

        assert stores.traces.release([ADA, BOB, user("u-x")], {ONE, LeadId("lead-3")}) == 1
        assert stores.traces.release([ADA, BOB], set()) == 0

        assert stores.leads.whose([ADA, BOB]) == {BOB: TWO}

    def test_who_was_attached_to_a_browser_until_a_moment_is_so_no_more(self, stores):
        stores.leads.attach(LAPTOP, ADA, NOON)
        stores.leads.attach(LAPTOP, BOB, NOON)
        stores.leads.attach(LAPTOP, user("u-ada"), LATER)

        assert stores.traces.detach(LAPTOP, {ADA, user("u-ada")}, NOON) == 1
        assert stores.leads.attached(LAPTOP) == {BOB: NOON, user("u-ada"): LATER}
        assert stores.traces.detach(LAPTOP, {ADA}, LATER) == 0

        assert stores.traces.detach(LAPTOP, {BOB, user("u-ada")}, LATER) == 2
        assert stores.leads.attached(LAPTOP) == {}
        stores.leads.attach(LAPTOP, BOB, LATER)
        assert stores.leads.attached(LAPTOP) == {BOB: LATER}

    def test_a_rescore_that_stopped_in_the_log_of_one_of_these_begins_its_segment_anew_and_no_other_does(self, stores):
        stores.log.append([activity(f"a{number}", each) for each in (ADA, BOB) for number in range(2)])
        _, first = stores.log.segment(0, 1, None, 1)
        _, last = stores.log.segment(0, 1, None, 3)
        hers, his = (first, last) if ADA.key in first else (last, first)
        places = {"hers": hers, "his": his, "of-a-lead": stores.leads.after(ONE), "named": "4", "begun": None}
        aim = UnappliedActivities(NOON)
        began = [Checkpoint(job, 0, 1, aim, NOON, NOON, NOON, after=place, found=2) for job, place in places.items()]
        for each in began:
            stores.rescoring.begin([each])
        before = {each.job: each for each in stores.rescoring.all()}

        assert stores.traces.leave({ADA, LAPTOP}) == 1
        assert stores.traces.leave({ADA, LAPTOP}) == 0

        after = {each.job: each for each in stores.rescoring.all()}
        assert after == {**before, "hers": replace(before["hers"], after=None, found=0, version=2)}
        with pytest.raises(Conflict):
            stores.rescoring.save(before["hers"])


class TestInMemoryTraces(TracesContract):
    @pytest.fixture
    def stores(self):
        log, leads, stages, missed = InMemoryActivities(), InMemoryLeads(), InMemoryStages(), InMemoryMissed()
        rescoring = InMemoryRescoring()
        traces = InMemoryTraces(log, leads, stages, InMemoryHandoffs(), missed, rescoring=rescoring)
        return Stores(traces, log, leads, stages, missed, rescoring)


class TestDynamoDBTraces(TracesContract):
    @pytest.fixture
    def stores(self, dynamodb):
        return Stores(
            DynamoDBTraces(dynamodb, activities=ACTIVITIES, leads=LEADS),
            DynamoDBActivities(dynamodb, ACTIVITIES),
            DynamoDBLeads(dynamodb, LEADS),
            DynamoDBStages(dynamodb, LEADS, FixedClock()),
            DynamoDBMissed(dynamodb, LEADS),
            DynamoDBRescoring(dynamodb, LEADS),
        )

    def test_a_browser_to_which_nobody_is_attached_leaves_nothing(self, stores, dynamodb):
        stores.leads.attach(LAPTOP, ADA, NOON)
        stores.traces.detach(LAPTOP, {ADA}, NOON)

        assert dynamodb.scan(TableName=LEADS)["Items"] == []

    def test_an_answered_handoff_is_told_and_wiped_whole_with_its_event(self, stores, dynamodb):
        handoff = Handoff(KEY, "inside-sales", (), NOON, None, "score", None, {"total": 65})
        stores.stages.commit(StageRecord(ONE, Journey.start()), (), [handoff])
        answer = Answer("rejected", NOON, "bob@acme.example", "no_budget", "She said no.")
        said = activity("answer-1", ADA, type="handoff_rejected", own=False)
        event = Event("answered", "HandoffAnswered", {"id": "answered"})
        DynamoDBAnswers(dynamodb, LEADS, stores.log).answer(KEY, answer, said, event)

        told = {each.name: each.content for each in stores.traces.of(ONE)}
        assert "She said no." in told["HANDOFF#mql#1"]["answer"]
        stores.traces.remove([said])
        assert stores.traces.wipe(ONE, 0) == 3
        assert dynamodb.scan(TableName=LEADS)["Items"] == []
        assert dynamodb.scan(TableName=ACTIVITIES)["Items"] == []

    def test_marks_of_what_was_sent_and_withheld_are_told_and_wiped_too(self, stores, dynamodb):
        handoffs = DynamoDBHandoffs(dynamodb, LEADS)
        handoffs.mark_sent(KEY, "email", NOON)
        handoffs.withhold(KEY, "consent", NOON)

        told = {each.name: each.content for each in stores.traces.of(ONE)}

        assert told == {"SENT#mql#1#email": {"at": NOON}, "WITHHELD#mql#1": {"reason": "consent", "at": NOON}}
        assert stores.traces.wipe(ONE, 0) == 2
        assert dynamodb.scan(TableName=LEADS)["Items"] == []
