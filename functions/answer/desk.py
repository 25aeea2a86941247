"""What `answer` works with, made from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import boto3
from botocore.config import Config

from functions.answer.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.handoffs import DynamoDBAnswers, DynamoDBHandoffs
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.environment import load
from shared.adapters.page_links import PageLinks
from shared.adapters.ssm import SSMSecrets
from shared.ports.clock import Clock
from shared.usecases.answer import AnswerHandoff
from shared.usecases.lead_page import OpenLeadPage
from shared.usecases.noise import KnownNoise
from shared.usecases.rulebook import Rulebook
from shared.usecases.story import TellStory

_PATIENCE = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
"""A table that hangs is given up within the function's own time."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who reads the links, opens the pages and takes the answers."""

    links: PageLinks
    pages: OpenLeadPage
    answers: AnswerHandoff
    clock: Clock


@cache
def from_environment() -> Desk:
    """The desk of this function's environment, made once and kept while the function is warm."""
    settings = load(Settings)
    clock = SystemClock()
    client = boto3.client("dynamodb", config=_PATIENCE)
    activities = DynamoDBActivities(client, settings.activities_table)
    leads = DynamoDBLeads(client, settings.leads_table)
    handoffs = DynamoDBHandoffs(client, settings.leads_table)
    rulebook = Rulebook(DynamoDBRuleVersions(client, settings.leads_table), clock)
    noise = KnownNoise(DynamoDBNoiseMarks(client, settings.leads_table), clock)
    return Desk(
        links=PageLinks(SSMSecrets(boto3.client("ssm", config=_PATIENCE), clock), settings.page_secret),
        pages=OpenLeadPage(
            handoffs=handoffs,
            leads=leads,
            stages=DynamoDBStages(client, settings.leads_table, clock),
            story=TellStory(activities, leads, rulebook, noise=noise),
            clock=clock,
            consent_required=settings.consent_required,
        ),
        answers=AnswerHandoff(
            handoffs=handoffs,
            answers=DynamoDBAnswers(client, settings.leads_table, activities),
            leads=leads,
            rulebook=rulebook,
            clock=clock,
        ),
        clock=clock,
    )
