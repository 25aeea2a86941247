"""`rescore`: asks `score` to look again at leads whose moment has come, at those somebody names or picks, or at all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from pydantic import ValidationError

from functions.rescore.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.drift import DynamoDBDrifts
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.environment import load
from shared.adapters.faults import fault
from shared.adapters.queue_messages import work_through
from shared.adapters.sqs import SQSQueue
from shared.domain.events import NoiseChanged, RescoreRequested, RulesPublished
from shared.usecases.noise import KnownNoise
from shared.usecases.picking import Pick
from shared.usecases.rescore import NotUnderstood, Rescore
from shared.usecases.rulebook import Rulebook

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_log = Logger(service="rescore")
_SPARE_MILLISECONDS = 10_000
"""A page is begun only while this much of the function's time is left, so that none is cut off in the middle."""


@cache
def _rescore() -> Rescore:
    settings = load(Settings)
    clock = SystemClock()
    dynamodb = boto3.client("dynamodb")
    leads = DynamoDBLeads(dynamodb, settings.leads_table)
    noise = DynamoDBNoiseMarks(dynamodb, settings.leads_table)
    rulebook = Rulebook(DynamoDBRuleVersions(dynamodb, settings.leads_table), clock)
    return Rescore(
        leads=leads,
        pick=Pick(
            activities=DynamoDBActivities(dynamodb, settings.activities_table),
            leads=leads,
            stages=DynamoDBStages(dynamodb, settings.leads_table, clock),
            noise=noise,
            known_noise=KnownNoise(noise, clock),
            rulebook=rulebook,
            clock=clock,
            page=settings.page,
        ),
        rescoring=DynamoDBRescoring(dynamodb, settings.leads_table),
        touches=SQSQueue(boto3.client("sqs"), settings.score_queue_url),
        rulebook=rulebook,
        drifts=DynamoDBDrifts(dynamodb, settings.leads_table),
        clock=clock,
        segments=settings.segments,
        page=settings.page,
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext, rescore: Rescore | None = None) -> Any:
    """Sweep and move rescores on when the schedule ticks, or begin what an event in the queue asks for."""
    rescore = rescore or _rescore()
    if "Records" not in event:
        asked = rescore.tick(lambda: context.get_remaining_time_in_millis() > _SPARE_MILLISECONDS)
        _log.info("swept", extra={"touches": asked})
        return None
    answer = work_through(event, context, lambda told: _begin(told, rescore), _log, "no rescore begun")
    try:
        rescore.go_on(lambda: context.get_remaining_time_in_millis() > _SPARE_MILLISECONDS)
    except Exception as error:  # noqa: BLE001 (what was begun is begun, and goes on at the next tick, which tells it)
        # Without the traceback: what it quotes may name somebody.
        _log.error("a rescore did not go on", extra=fault(error))
    return answer


def _begin(event: dict[str, Any], rescore: Rescore) -> None:
    if event["detail-type"] == RulesPublished.NAME:
        rescore.published(RulesPublished.model_validate(event["detail"]).version)
        return
    if event["detail-type"] == NoiseChanged.NAME:
        changed = NoiseChanged.model_validate(event["detail"])
        rescore.noise_changed(changed.id, changed.filter)
        return
    try:
        requested, job = RescoreRequested.model_validate(event["detail"]), f"event-{event['id']}"
    except ValidationError:
        msg = "a RescoreRequested says one of lead, leads, where, or all: true, and nothing else"
        raise NotUnderstood(msg) from None
    if requested.lead is not None:
        rescore.one(requested.lead)
    elif requested.leads is not None:
        rescore.some(job, requested.leads)
    elif requested.where is not None:
        rescore.where(job, requested.where)
    else:
        rescore.everyone(job)
