"""`relay`: what waits in the outbox goes on the bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.relay.settings import Settings
from shared.adapters.dynamodb.outbox import DynamoDBOutbox, event_of
from shared.adapters.dynamodb.stream import new_image
from shared.adapters.environment import load
from shared.adapters.eventbridge import EventBridgeBus
from shared.adapters.faults import fault
from shared.adapters.sqs import SQSQueue
from shared.usecases.relay import OutboxKey, Relay

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
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
    return process_partial_response(
        event=event,
        record_handler=lambda record: _publish_message(record, relay),
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


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


def _publish_message(record: SQSRecord, relay: Relay) -> None:
    try:
        key = _key(json.loads(record.body))
        if not relay.publish(key):
            _log.warning(
                "nothing is stored any more under what a message names", extra={"message_id": record.message_id}
            )
    except Exception as error:
        _log.error("not published", extra={"message_id": record.message_id, **fault(error)})
        raise


def _key(body: Mapping[str, str]) -> OutboxKey:
    return OutboxKey(body["pk"], body["sk"])
