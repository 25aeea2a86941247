"""`reconcile`: goes round all leads, and tells which are not what their logs make."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from functions.reconcile.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.drift import DynamoDBDrifts
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.environment import load
from shared.adapters.faults import fault
from shared.usecases.reconcile import Reconcile, Tick
from shared.usecases.rulebook import Rulebook

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_log = Logger(service="reconcile")
_SPARE_MILLISECONDS = 120_000
"""No lead is begun later than this before the function's end, well before the alarm on slow runs."""


class NotChecked(Exception):
    """Some leads could not be checked; the log tells which and why."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The use case, and how many leads it checks at each tick."""

    reconcile: Reconcile
    most: int


@cache
def _rounds() -> Rounds:
    settings = load(Settings)
    clock = SystemClock()
    dynamodb = boto3.client("dynamodb")
    reconcile = Reconcile(
        activities=DynamoDBActivities(dynamodb, settings.activities_table),
        leads=DynamoDBLeads(dynamodb, settings.leads_table),
        rulebook=Rulebook(DynamoDBRuleVersions(dynamodb, settings.leads_table), clock),
        noise=DynamoDBNoiseMarks(dynamodb, settings.leads_table),
        drifts=DynamoDBDrifts(dynamodb, settings.leads_table),
        clock=clock,
        retention_days=settings.retention_days,
        anonymous_retention_days=settings.anonymous_retention_days,
    )
    return Rounds(reconcile, settings.most)


def lambda_handler(_event: dict[str, Any], context: LambdaContext, rounds: Rounds | None = None) -> None:
    """Go on with the round when the schedule ticks."""
    rounds = rounds or _rounds()
    tick = rounds.reconcile.tick(lambda: context.get_remaining_time_in_millis() > _SPARE_MILLISECONDS, most=rounds.most)
    _report(tick)
    if tick.failed:
        msg = f"{len(tick.failed)} leads could not be checked"
        raise NotChecked(msg)


def _report(tick: Tick) -> None:
    """Log and count what was found: ids of leads and kinds of faults alone."""
    for each in tick.drifted:
        _log.error("a lead has drifted from its log", extra={"lead": each.lead, "faults": each.faults})
    for lead, error in tick.failed:
        _log.error("a lead could not be checked", extra={"lead": lead, **fault(error)})
    if tick.standing:
        with single_metric("LeadsDrifted", MetricUnit.Count, tick.standing, namespace="Baton"):
            pass
    told = {"checked": tick.checked, "drifted": tick.standing, "round_over": tick.is_round_over}
    _log.info("went on with the round", extra=told)
