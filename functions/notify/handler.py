"""`notify`: a handoff, what follows it and its answer go out by e-mail, Slack and signed webhook."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from functions.notify.report import report, report_recovery
from functions.notify.settings import Settings, Team
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.handoffs import DynamoDBHandoffs
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.email import EmailChannel
from shared.adapters.environment import load
from shared.adapters.faults import fault
from shared.adapters.page_links import PageLinks
from shared.adapters.receivers import Receivers
from shared.adapters.slack import SlackChannel
from shared.adapters.sqs import SQSQueue
from shared.adapters.ssm import SSMSecrets
from shared.adapters.webhook import WebhookChannel
from shared.domain.moments import SECOND, Moment
from shared.usecases.delivery import ANNOUNCED, Delivery, NotDelivered
from shared.usecases.noise import KnownNoise
from shared.usecases.notify import Notify
from shared.usecases.rulebook import Rulebook
from shared.usecases.story import TellStory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.ports.channels import Channel
    from shared.ports.missed import ChannelKey
    from shared.ports.secrets import Secrets

_MILLISECOND = SECOND // 1000
_AT_ONCE = 10
_log = Logger(service="notify")

# Beside a receiver's fourteen seconds these keep a handoff well inside the function's time.
_PROMPT = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
_ONCE = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
"""For SES, which has no key against repetition: what got no answer is tried again by the queue alone."""


@cache
def _notify() -> Notify:
    settings = load(Settings)
    clock = SystemClock()
    dynamodb = boto3.client("dynamodb", config=_PROMPT)
    secrets = SSMSecrets(boto3.client("ssm", config=_PROMPT), clock)
    leads = DynamoDBLeads(dynamodb, settings.leads_table)
    rulebook = Rulebook(DynamoDBRuleVersions(dynamodb, settings.leads_table), clock)
    story = TellStory(
        DynamoDBActivities(dynamodb, settings.activities_table),
        leads,
        rulebook,
        noise=KnownNoise(DynamoDBNoiseMarks(dynamodb, settings.leads_table), clock),
    )
    pages = PageLinks(secrets, settings.page_secret, settings.page_address, days=settings.page_days)
    return Notify(
        handoffs=DynamoDBHandoffs(dynamodb, settings.leads_table),
        leads=leads,
        rulebook=rulebook,
        clock=clock,
        teams={name: channels(team, settings, secrets) for name, team in settings.teams.items()},
        missed=DynamoDBMissed(dynamodb, settings.leads_table),
        queue=SQSQueue(boto3.client("sqs", config=_PROMPT), settings.queue_url),
        consent_required=settings.consent_required,
        link=settings.lead_link,
        page=pages.link if settings.page_address else None,
        brief=lambda record, lead: story.of(record, lead, clock.now()).brief,
    )


def channels(team: Team, settings: Settings, secrets: Secrets) -> dict[str, Channel]:
    """A team's configured channels by name; opens no connection yet."""
    receivers = Receivers(allow_local=settings.allow_local_receivers)
    found: dict[str, Channel] = {}
    if team.writes_mail and settings.email_from:
        found["email"] = EmailChannel(boto3.client("sesv2", config=_ONCE), settings.email_from, team.recipients)
    if team.slack:
        mentions = {member.name: member.slack for member in team.members if member.slack}
        found["slack"] = SlackChannel(receivers, secrets, team.slack, mentions)
    if team.webhook:
        found["webhook"] = WebhookChannel(receivers, secrets, SystemClock(), team.webhook.url, team.webhook.secret)
    return found


def lambda_handler(event: dict[str, Any], context: LambdaContext, notify: Notify | None = None) -> Any:
    """Tell of what a batch of the queue announces, side by side; the failed ones come again by themselves.

    When the schedule ticks, send to channels that were down what they missed.
    """
    notify = notify or _notify()
    until = Moment(notify.clock.now() + context.get_remaining_time_in_millis() * _MILLISECOND)
    if "Records" not in event:
        report_recovery(notify.recover(until, _side_by_side))
        return None
    records = event["Records"]
    # A receiver that keeps one handoff waiting delays no other, and not the function's end.
    with ThreadPoolExecutor(len(records)) as pool:
        outcomes = list(pool.map(lambda record: _outcome(record["body"], notify, until), records))
    failed = [
        record["messageId"]
        for record, outcome in zip(records, outcomes, strict=True)
        if not _reported(record["messageId"], outcome)
    ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _outcome(body: str, notify: Notify, until: Moment) -> Delivery | Exception:
    try:
        event = json.loads(body)
        announced = ANNOUNCED[event["detail-type"]].model_validate(event["detail"])
        return notify.deliver(announced, until, event.get("given_back"))
    except NotDelivered as error:
        return error.delivery
    except Exception as error:  # noqa: BLE001 (one bad message never holds up another)
        return error


def _reported(message_id: str, outcome: Delivery | Exception) -> bool:
    """Log and count what became of a message; the answer is whether it is done with."""
    if isinstance(outcome, Exception):
        _log.error("nothing is sent", extra={"message_id": message_id, **fault(outcome)})
        return False
    report(outcome)
    return not outcome.failed


def _side_by_side(work: Callable[[ChannelKey], int], places: Sequence[ChannelKey]) -> list[int]:
    if not places:
        return []
    with ThreadPoolExecutor(min(len(places), _AT_ONCE)) as pool:
        # The lambda keeps this function on the thread's stack, where its calls are told from those of others.
        return list(pool.map(lambda place: work(place), places))  # noqa: PLW0108
