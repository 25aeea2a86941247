"""Relaying: the outbox goes on the bus, and what fails is tried again by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.relay.handler import lambda_handler
from shared.ports.bus import Event
from shared.ports.errors import Unavailable
from shared.usecases.relay import NotPublished, OutboxKey, Relay
from tests.fakes import InMemoryBus, InMemoryQueue

GOLDEN = Path(__file__).parents[2] / "events"
STAGE, HANDOFF = "01JNB3V7Q9.transition.1", "01JNB3V7Q9.mql.1.requested"


class InMemoryOutbox:
    """Waiting events by key."""

    def __init__(self, **waiting: Event) -> None:
        self.waiting = waiting

    def get(self, partition: str, sort: str) -> Event | None:
        return self.waiting.get(sort.removeprefix("OUTBOX#")) if partition == "LEAD#01JNB3V7Q9" else None


class World:
    def __init__(self) -> None:
        self.bus = InMemoryBus()
        self.queue = InMemoryQueue()
        detail = golden("bus_handoff_requested")["detail"]
        self.outbox = InMemoryOutbox(**{HANDOFF: Event(HANDOFF, "HandoffRequested", detail)})
        self.relay = Relay(self.bus, self.outbox, self.queue)

    def deliver(self, event: Any) -> Any:
        return lambda_handler(event, None, self.relay)  # type: ignore[arg-type]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture
def world() -> World:
    return World()


def test_what_the_stream_brings_goes_on_the_bus_under_its_own_ids(world: World) -> None:
    assert world.deliver(golden("stream_outbox")) is None
    assert [(event.id, event.name) for event in world.bus.events] == [
        (STAGE, "StageChanged"),
        (HANDOFF, "HandoffRequested"),
    ]
    assert world.bus.events[1].detail == golden("bus_handoff_requested")["detail"]
    assert world.queue.messages == []


def test_an_event_that_the_bus_refuses_waits_in_the_queue_by_its_key_and_holds_up_no_other(world: World) -> None:
    world.bus.refuses = {STAGE}
    world.deliver(golden("stream_outbox"))
    assert [event.id for event in world.bus.events] == [HANDOFF]
    assert world.queue.messages == [{"pk": "LEAD#01JNB3V7Q9", "sk": f"OUTBOX#{STAGE}"}]


def test_only_when_the_queue_fails_too_does_the_stream_deliver_the_batch_again(world: World) -> None:
    world.bus.refuses = {STAGE}
    world.queue.fails = True
    with pytest.raises(Unavailable):
        world.deliver(golden("stream_outbox"))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"detail": {"S": "{"}},
        {"detail": {"S": "[1]"}},
        {"detail": {"S": "7"}},
        {"detail": {"N": "1"}},
        {"name": {"N": "1"}},
        {"sk": {"S": "OUTBOX#x"}, "name": None},
    ],
)
def test_an_item_that_is_no_event_goes_to_the_queue_and_the_others_on_the_bus(
    world: World, spoilt: dict[str, Any]
) -> None:
    event = golden("stream_outbox")
    image = event["Records"][0]["dynamodb"]["NewImage"]
    for name, value in spoilt.items():
        image.pop(name)
        if value is not None:
            image[name] = value
    world.deliver(event)
    assert [each.id for each in world.bus.events] == [HANDOFF]
    assert world.queue.messages == [{"pk": "LEAD#01JNB3V7Q9", "sk": f"OUTBOX#{STAGE}"}]


def test_an_expired_outbox_item_is_no_event(world: World) -> None:
    event = golden("stream_outbox")
    for record in event["Records"]:
        record["eventName"] = "REMOVE"
        del record["dynamodb"]["NewImage"]
    world.deliver(event)
    assert (world.bus.events, world.queue.messages) == ([], [])


def test_the_queue_brings_a_key_and_the_stored_event_goes_on_the_bus(world: World) -> None:
    assert world.deliver(golden("queue_relay")) == {"batchItemFailures": []}
    assert [event.id for event in world.bus.events] == [HANDOFF]


def test_of_a_batch_of_the_queue_only_what_failed_comes_again(world: World) -> None:
    event = golden("queue_relay")
    good = event["Records"][0]
    poison = {**good, "messageId": "poison", "body": "no JSON"}
    keyless = {**good, "messageId": "keyless", "body": "{}"}
    gone = {**good, "messageId": "gone", "body": '{"pk": "LEAD#01JNB3V7Q9", "sk": "OUTBOX#gone"}'}
    answer = world.deliver({"Records": [poison, good, keyless, gone]})
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["poison", "keyless"]
    assert [each.id for each in world.bus.events] == [HANDOFF]


def test_a_whole_batch_that_fails_is_reported_entry_by_entry_and_not_raised(world: World) -> None:
    world.bus.refuses = {HANDOFF}
    answer = world.deliver(golden("queue_relay"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]}


def test_an_event_that_the_bus_goes_on_refusing_is_told_by_its_id(world: World) -> None:
    world.bus.refuses = {HANDOFF}
    with pytest.raises(NotPublished, match=HANDOFF):
        world.relay.publish(OutboxKey("LEAD#01JNB3V7Q9", f"OUTBOX#{HANDOFF}"))
