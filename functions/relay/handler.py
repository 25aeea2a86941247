"""`relay`: what waits in the outbox goes on the bus."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from functions.relay.settings import Settings
from shared.adapters.dynamodb.outbox import DynamoDBOutbox, event_of
from shared.adapters.dynamodb.stream import new_image
from shared.adapters.environment import load
from shared.adapters.eventbridge import EventBridgeBus
from shared.adapters.faults import fault
from shared.adapters.queue_messages import work_through
from shared.adapters.sqs import SQSQueue
from shared.usecases.relay import OutboxKey, Relay

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.ports.bus import Event

_log = Logger(service="relay")


@cache
def _relay() -> Relay:
    settings = load(Settings)
    return Relay(
        bus=EventBridgeBus(boto3.client("events"), settings.bus_name),
        outbox=DynamoDBOutbox(boto3.client("dynamodb"), settings.leads_table),
        queue=SQSQueue(boto3.client("sqs"), settings.queue_url),
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext, relay: Relay | None = None) -> Any:
    """Publish a batch of the Leads stream, or retry what an earlier batch put in the queue."""
    relay = relay or _relay()
    if event["Records"][0]["eventSource"] == "aws:dynamodb":
        return _publish_stream(event["Records"], relay)
    return work_through(event, context, lambda message: _publish_message(message, relay), _log, "not published")


def _publish_stream(records: list[dict[str, Any]], relay: Relay) -> None:
    waiting: dict[OutboxKey, Event] = {}
    unreadable: list[OutboxKey] = []
    for record in records:
        keys = record["dynamodb"]["Keys"]
        key = OutboxKey(keys["pk"]["S"], keys["sk"]["S"])
        image = new_image(record)
        if image is None:
            continue
        try:
            waiting[key] = event_of(image)
        except (KeyError, ValueError) as error:
            _log.error("an outbox item cannot be read", extra={"sort": key.sort, **fault(error)})
            unreadable.append(key)
    queued = relay.publish_all(waiting, unreadable)
    _log.info("published", extra={"events": len(waiting), "queued": queued})


def _publish_message(message: dict[str, str], relay: Relay) -> None:
    if not relay.publish(OutboxKey(message["pk"], message["sk"])):
        _log.warning("nothing is stored any more under what a message names")
