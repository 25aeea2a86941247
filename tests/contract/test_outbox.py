import pytest

from shared.adapters.dynamodb.keys import OUTBOX
from shared.adapters.dynamodb.outbox import DynamoDBOutbox, event_of, outbox_item
from shared.domain.moments import parse_moment
from shared.ports.bus import Event
from tests.tables import LEADS

NOW = parse_moment("2026-03-01T12:00:00Z")
EVENT = Event("lead-1.mql.1.requested", "HandoffRequested", {"lead": "lead-1", "epoch": 1, "to": "inside-sales"})


@pytest.fixture
def outbox(dynamodb):
    dynamodb.put_item(TableName=LEADS, Item=outbox_item("LEAD#lead-1", EVENT, NOW))
    return DynamoDBOutbox(dynamodb, LEADS)


def test_a_waiting_event_is_read_back_whole(outbox):
    assert outbox.get("LEAD#lead-1", f"{OUTBOX}{EVENT.id}") == EVENT


def test_an_event_that_does_not_wait_is_none(outbox):
    assert outbox.get("LEAD#lead-1", f"{OUTBOX}another") is None
    assert outbox.get("LEAD#lead-2", f"{OUTBOX}{EVENT.id}") is None


def test_an_event_waits_as_long_as_a_queue_keeps_the_message_that_names_it():
    assert int(outbox_item("LEAD#lead-1", EVENT, NOW)["expires"]["N"]) - NOW // 1_000_000 == 14 * 24 * 3600


@pytest.mark.parametrize("detail", ["{", "[1]", "7", "null"])
def test_what_is_no_event_is_told_apart(detail):
    item = outbox_item("LEAD#lead-1", EVENT, NOW) | {"detail": {"S": detail}}
    with pytest.raises(ValueError, match=r"detail|Expecting"):
        event_of(item)
