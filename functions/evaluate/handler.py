"""`evaluate`: leads enter and leave stages, and are handed over."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from functions.evaluate.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.keys import lead_of_partition
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.environment import load
from shared.adapters.faults import fault
from shared.adapters.pause import random_pause
from shared.adapters.queue_messages import work_through
from shared.adapters.sqs import SQSQueue
from shared.domain.handoff import LeadId
from shared.ports.queue import Queue
from shared.usecases.evaluate import Evaluate
from shared.usecases.rulebook import Rulebook

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_log = Logger(service="evaluate")


class Evaluation:
    """The use case beside the queue from which single leads are looked at again."""

    def __init__(self, evaluate: Evaluate, queue: Queue) -> None:
        self.evaluate = evaluate
        self.queue = queue


@cache
def _evaluation() -> Evaluation:
    settings = load(Settings)
    clock = SystemClock()
    dynamodb = boto3.client("dynamodb")
    return Evaluation(
        Evaluate(
            DynamoDBLeads(dynamodb, settings.leads_table),
            DynamoDBStages(dynamodb, settings.leads_table, clock),
            Rulebook(DynamoDBRuleVersions(dynamodb, settings.leads_table), clock),
            clock,
            consent_required=settings.consent_required,
            rosters=settings.teams,
            pause=random_pause,
        ),
        SQSQueue(boto3.client("sqs"), settings.queue_url),
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext, evaluation: Evaluation | None = None) -> Any:
    """Look at each lead of a batch of the Leads stream once, or at those that the queue names.

    In the queue stand leads that are to be looked at again, and the details of `HandoffAnswered`: each names a `lead`.
    """
    evaluation = evaluation or _evaluation()
    if event["Records"][0]["eventSource"] == "aws:dynamodb":
        return _look_at_stream(event["Records"], evaluation)
    return work_through(
        event, context, lambda message: _look(LeadId(message["lead"]), evaluation), _log, "not evaluated"
    )


def _look_at_stream(records: list[dict[str, Any]], evaluation: Evaluation) -> None:
    leads = dict.fromkeys(lead_of_partition(record["dynamodb"]["Keys"]["pk"]["S"]) for record in records)
    again = []
    for lead in leads:
        try:
            _look(lead, evaluation)
        except Exception as error:  # noqa: BLE001 (one bad lead never holds up another)
            _log.error("not evaluated", extra={"lead": lead, **fault(error)})
            again.append(lead)
    if again:
        # Raises only if this fails too: then the stream delivers the whole batch again, which changes nothing.
        evaluation.queue.send([{"lead": lead} for lead in again])


def _look(lead: LeadId, evaluation: Evaluation) -> None:
    decision = evaluation.evaluate.look(lead)
    for transition in decision.transitions if decision else ():
        _log.info("stage changed", extra={"lead": lead, "to": transition.to_stage, "epoch": transition.epoch})
    for each in decision.follow_ups if decision else ():
        _log.info("nobody has answered", extra={"handoff": each.after.key.text, "done": each.after.done[-1].kind})
