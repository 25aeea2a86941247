"""What `admin` works with, made from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import boto3
from botocore.config import Config

from functions.admin.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.drift import DynamoDBDrifts
from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.adapters.dynamodb.handoffs import DynamoDBAnswers, DynamoDBHandoffs
from shared.adapters.dynamodb.lead_index import DynamoDBLeadIndex
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.dynamodb.traces import DynamoDBTraces
from shared.adapters.environment import load
from shared.adapters.simulation_tokens import SignedSimulations
from shared.adapters.sqs import SQSQueue
from shared.adapters.ssm import SSMSecrets
from shared.domain.drafts import Terms
from shared.ports.simulations import Simulations
from shared.usecases.adjust import AdjustScore
from shared.usecases.answer import AnswerHandoff
from shared.usecases.compare import CompareRules
from shared.usecases.consent import RecordConsent
from shared.usecases.drafts import DraftRules
from shared.usecases.erase import AskForErasure
from shared.usecases.erased import BeingErased
from shared.usecases.export import ExportLead
from shared.usecases.handoffs import ReadHandoffs
from shared.usecases.leads import ReadLeads
from shared.usecases.merge import ForeseeWhoIsWho, RuleWhoIsWho
from shared.usecases.noise import KnownNoise, MarkNoise
from shared.usecases.publish import PublishRules
from shared.usecases.qualify import QualifyLead
from shared.usecases.reconcile import Reconcile, RepairLeads
from shared.usecases.rescores import Rescores
from shared.usecases.rulebook import Rulebook
from shared.usecases.simulate import Simulate
from shared.usecases.stranded import Stranded

_PATIENCE = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)
"""A table that hangs is given up within the function's own time; lists read many leads side by side."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What people do here, and the claim that tells their roles."""

    leads: ReadLeads
    scores: AdjustScore
    rulings: RuleWhoIsWho
    foreseen: ForeseeWhoIsWho
    noise: MarkNoise
    consents: RecordConsent
    qualifications: QualifyLead
    handoffs: ReadHandoffs
    answers: AnswerHandoff
    exports: ExportLead
    erasures: AskForErasure
    being_erased: BeingErased
    drafts: DraftRules
    rules: PublishRules
    comparisons: CompareRules
    rescores: Rescores
    reconcile: Reconcile
    repairs: RepairLeads
    simulate: Simulate
    simulations: Simulations
    roles_claim: str


@cache
def from_environment() -> Desk:
    """The desk of this function's environment, made once and kept while the function is warm."""
    settings = load(Settings)
    client = boto3.client("dynamodb", config=_PATIENCE)
    clock = SystemClock()
    activities = DynamoDBActivities(client, settings.activities_table)
    leads = DynamoDBLeads(client, settings.leads_table)
    stages = DynamoDBStages(client, settings.leads_table, clock)
    handoffs = DynamoDBHandoffs(client, settings.leads_table)
    index = DynamoDBLeadIndex(client, settings.leads_table)
    versions = DynamoDBRuleVersions(client, settings.leads_table)
    rulebook = Rulebook(versions, clock)
    marks = DynamoDBNoiseMarks(client, settings.leads_table)
    secrets = SSMSecrets(boto3.client("ssm", config=_PATIENCE), clock)
    erasures = DynamoDBErasures(client, settings.erasures_table, lambda: secrets.get(settings.erasure_secret))
    noise = KnownNoise(marks, clock)
    simulations = SignedSimulations(secrets, settings.page_secret, clock)
    terms = Terms(settings.approvals, settings.handoff_budget)
    rules = PublishRules(versions, clock, settings.teams, simulations, terms, stranded=Stranded(index, handoffs).by)
    return Desk(
        leads=ReadLeads(
            activities=activities,
            leads=leads,
            stages=stages,
            handoffs=handoffs,
            index=index,
            rulebook=rulebook,
            clock=clock,
            consent_required=settings.consent_required,
            noise=noise,
        ),
        scores=AdjustScore(activities, leads, rulebook, clock),
        rulings=RuleWhoIsWho(activities, leads, clock),
        foreseen=ForeseeWhoIsWho(activities, leads, rulebook, clock, noise=noise),
        noise=MarkNoise(marks, activities, leads, clock),
        consents=RecordConsent(activities, leads, clock),
        qualifications=QualifyLead(activities, leads, clock),
        handoffs=ReadHandoffs(handoffs, leads, settings.teams, consent_required=settings.consent_required),
        answers=AnswerHandoff(
            handoffs=handoffs,
            answers=DynamoDBAnswers(client, settings.leads_table, activities),
            leads=leads,
            rulebook=rulebook,
            clock=clock,
        ),
        exports=ExportLead(
            activities=activities,
            leads=leads,
            stages=stages,
            handoffs=handoffs,
            traces=DynamoDBTraces(client, activities=settings.activities_table, leads=settings.leads_table),
            versions=versions,
            rulebook=rulebook,
            clock=clock,
            noise=noise,
        ),
        erasures=AskForErasure(
            activities,
            leads,
            erasures,
            SQSQueue(boto3.client("sqs", config=_PATIENCE), settings.erase_queue_url),
            clock,
        ),
        being_erased=BeingErased(leads, erasures),
        drafts=DraftRules(versions, clock, terms, rules.warnings),
        comparisons=CompareRules(versions),
        rules=rules,
        rescores=Rescores(DynamoDBRescoring(client, settings.leads_table), versions, rulebook, clock),
        reconcile=Reconcile(
            activities=activities,
            leads=leads,
            rulebook=rulebook,
            noise=marks,
            drifts=DynamoDBDrifts(client, settings.leads_table),
            clock=clock,
            retention_days=settings.retention_days,
            anonymous_retention_days=settings.anonymous_retention_days,
        ),
        repairs=RepairLeads(leads, SQSQueue(boto3.client("sqs", config=_PATIENCE), settings.score_queue_url)),
        simulate=Simulate(
            activities=activities,
            leads=leads,
            stages=stages,
            rulebook=rulebook,
            clock=clock,
            consent_required=settings.consent_required,
            rosters=settings.teams,
            noise=noise,
        ),
        simulations=simulations,
        roles_claim=settings.roles_claim,
    )
