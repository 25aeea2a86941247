"""`score`: activities join their leads' score states."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from functions.score.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities, activity_of
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stream import new_image
from shared.adapters.environment import load
from shared.adapters.faults import fault
from shared.adapters.queue_messages import work_through
from shared.adapters.sqs import SQSQueue
from shared.domain.activity import Activity, Identity
from shared.domain.handoff import LeadId
from shared.ports.activities import Activities, ActivityKey
from shared.ports.clock import Clock
from shared.ports.leads import Leads
from shared.ports.queue import Queue
from shared.usecases.late import still_held
from shared.usecases.lead_writer import LinkRefused
from shared.usecases.noise import KnownNoise
from shared.usecases.renew import renew
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_log = Logger(service="score")
_SPARE = 20_000
"""Milliseconds before the function's end after which no further lead is begun: the rest goes to the queue."""


class Scoring:
    """The use case beside the log and the queue from which single activities are tried again."""

    def __init__(self, score: Score, activities: Activities, leads: Leads, queue: Queue, clock: Clock) -> None:
        self.score = score
        self.activities = activities
        self.leads = leads
        self.clock = clock
        self.queue = queue


@cache
def _scoring() -> Scoring:
    settings = load(Settings)
    clock = SystemClock()
    dynamodb = boto3.client("dynamodb")
    activities = DynamoDBActivities(dynamodb, settings.activities_table)
    leads = DynamoDBLeads(dynamodb, settings.leads_table)
    rulebook = Rulebook(DynamoDBRuleVersions(dynamodb, settings.leads_table), clock)
    return Scoring(
        Score(
            activities,
            leads,
            rulebook,
            clock,
            lambda: LeadId(uuid.uuid4().hex),
            noise=KnownNoise(DynamoDBNoiseMarks(dynamodb, settings.leads_table), clock),
            report=report_refused,
        ),
        activities,
        leads,
        SQSQueue(boto3.client("sqs"), settings.queue_url),
        clock,
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext, scoring: Scoring | None = None) -> Any:
    """Apply a batch of the Activities stream, or do what the queue asks: one activity again, or a touch of a lead."""
    scoring = scoring or _scoring()
    if event["Records"][0]["eventSource"] == "aws:dynamodb":
        return _apply_stream(event["Records"], scoring, lambda: context.get_remaining_time_in_millis() > _SPARE)
    return work_through(event, context, lambda message: _work(message, scoring), _log, "not scored")


def report_refused(refused: LinkRefused) -> None:
    """Tell operators of a shared mailbox, a kiosk, or a source that joins again what a person has parted."""
    _log.warning("a link is refused", extra={"lead": refused.lead, "why": refused.why})
    with single_metric("LinksRefused", MetricUnit.Count, 1, namespace="Baton") as metric:
        metric.add_dimension("why", refused.why)


def _apply_stream(records: list[dict[str, Any]], scoring: Scoring, has_time: Callable[[], bool]) -> None:
    batch: dict[ActivityKey, Activity] = {}
    again: list[ActivityKey] = []
    for record in records:
        keys = record["dynamodb"]["Keys"]
        key = ActivityKey(Identity.of_key(keys["pk"]["S"]), keys["sk"]["S"])
        image = new_image(record)
        if image is None:
            continue
        try:
            batch[key] = activity_of(image)
        except (KeyError, ValueError) as error:
            _log.error("an activity of the log cannot be read", extra=fault(error))
            again.append(key)
    held = still_held(scoring.activities, batch.values(), scoring.clock.now())
    failed = _apply(held, scoring, has_time)
    again += [ActivityKey(each.identity, each.id) for each in failed]
    if again:
        # Raises only if this fails too: then the stream delivers the whole batch again, which changes nothing.
        scoring.queue.send([{"activity": {"identity": key.identity.key, "id": key.id}} for key in again])
    _log.info("applied", extra={"activities": len(batch), "queued": len(again)})


def _apply(batch: list[Activity], scoring: Scoring, has_time: Callable[[], bool]) -> list[Activity]:
    try:
        failed = scoring.score.apply(batch, has_time)
    except Exception as error:  # noqa: BLE001 (the log has them all; each is tried again by itself)
        _log.error("a batch could not be applied", extra=fault(error))
        return batch
    for each in failed:
        _log.error("an activity could not be applied", extra=fault(each.error))
    return [each.activity for each in failed]


def _work(message: dict[str, Any], scoring: Scoring) -> None:
    if "renew" in message:
        lead = LeadId(message["renew"])
        renew(scoring.activities, scoring.leads, lead, scoring.score.touch)
        scoring.score.touch(lead, rebuild=True)
    elif "repair" in message:
        scoring.score.repair(LeadId(message["repair"]))
    elif "lead" in message:
        scoring.score.touch(LeadId(message["lead"]), rebuild=message.get("rebuild", False))
    else:
        named = message["activity"]
        _apply_again(ActivityKey(Identity.of_key(named["identity"]), named["id"]), scoring)


def _apply_again(key: ActivityKey, scoring: Scoring) -> None:
    activity = scoring.activities.at(key)
    for failed in scoring.score.apply([activity] if activity else []):
        raise failed.error
