import json
from abc import ABC, abstractmethod

import boto3
import pytest

from shared.adapters.eventbridge import EventBridgeBus
from shared.ports.bus import Event
from tests.fakes import InMemoryBus

ONE = Event("lead-1.mql.1.requested", "HandoffRequested", {"lead": "lead-1", "epoch": 1})
MANY = [Event(f"lead-{number}.transition.1", "StageChanged", {"lead": f"lead-{number}"}) for number in range(23)]


class BusContract(ABC):
    @pytest.fixture
    @abstractmethod
    def bus(self):
        """A bus that nobody has put anything on."""

    @abstractmethod
    def heard(self, bus):
        """The names, ids and leads of all that was put on it."""

    def test_what_was_taken_is_heard_under_its_name_and_id(self, bus):
        assert bus.put([ONE]) == []
        assert self.heard(bus) == {("HandoffRequested", "lead-1.mql.1.requested", "lead-1")}

    def test_more_than_one_call_can_hold_are_all_taken(self, bus):
        assert bus.put(MANY) == []
        assert len(self.heard(bus)) == len(MANY)

    def test_nothing_is_nothing(self, bus):
        assert bus.put([]) == []
        assert self.heard(bus) == set()


class TestInMemoryBus(BusContract):
    @pytest.fixture
    def bus(self):
        return InMemoryBus()

    def heard(self, bus):
        return {(event.name, event.id, event.detail["lead"]) for event in bus.events}


class TestEventBridgeBus(BusContract):
    @pytest.fixture
    def bus(self, aws):
        events, sqs = boto3.client("events"), boto3.client("sqs")
        events.create_event_bus(Name="baton")
        url = sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="all", EventBusName="baton", EventPattern=json.dumps({"source": ["baton"]}))
        events.put_targets(Rule="all", EventBusName="baton", Targets=[{"Id": "heard", "Arn": arn}])
        return EventBridgeBus(events, "baton")

    def heard(self, bus):
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName="heard")["QueueUrl"]
        found = set()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            events = [json.loads(message["Body"]) for message in messages]
            found |= {(event["detail-type"], event["detail"]["id"], event["detail"]["lead"]) for event in events}
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found
