"""`erase`: everything that is held of a person goes, pass by pass."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from functions.erase.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.traces import DynamoDBTraces
from shared.adapters.environment import load
from shared.adapters.queue_messages import work_through
from shared.adapters.sqs import SQSQueue
from shared.adapters.ssm import SSMSecrets
from shared.usecases.erase import ErasePeople

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_log = Logger(service="erase")


@cache
def _erase() -> ErasePeople:
    settings = load(Settings)
    clock = SystemClock()
    dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
    secrets = SSMSecrets(boto3.client("ssm"), clock)
    return ErasePeople(
        DynamoDBActivities(dynamodb, settings.activities_table),
        DynamoDBLeads(dynamodb, settings.leads_table),
        DynamoDBTraces(dynamodb, activities=settings.activities_table, leads=settings.leads_table),
        DynamoDBErasures(dynamodb, settings.erasures_table, lambda: secrets.get(settings.erasure_secret)),
        score=SQSQueue(sqs, settings.score_queue_url),
        work=SQSQueue(sqs, settings.queue_url),
        clock=clock,
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext, erase: ErasePeople | None = None) -> Any:
    """Do the next pass of each erasure that the queue names; one that fails comes again by itself."""
    erase = erase or _erase()
    return work_through(event, context, lambda message: _go_on(message["erasure"], erase), _log, "nothing is erased")


def _go_on(name: str, erase: ErasePeople) -> None:
    erasure = erase.go_on(name)
    if erasure is None:
        _log.warning("there is no such erasure")
        return
    told = {"erasure": name, "passes": erasure.passes, "done": erasure.done_at is not None}
    _log.info("an erasure goes on", extra=told)
