"""The stack as a table of contents: what there is, what triggers what, who may do what, and what wakes somebody up."""

from __future__ import annotations

from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer, HttpUserPoolAuthorizer
from constructs import Construct

from functions.admin.settings import Settings as AdminSettings
from functions.answer.settings import Settings as AnswerSettings
from functions.erase.settings import Settings as EraseSettings
from functions.evaluate.settings import Settings as EvaluateSettings
from functions.ingest.settings import Form, SecretWriteKey, WriteKey
from functions.ingest.settings import Settings as IngestSettings
from functions.notify.settings import Settings as NotifySettings
from functions.notify.settings import Team, WebhookTarget
from functions.reconcile.settings import Settings as ReconcileSettings
from functions.relay.settings import Settings as RelaySettings
from functions.rescore.settings import Settings as RescoreSettings
from functions.score.settings import Settings as ScoreSettings
from infra.activities_table import ActivitiesTable
from infra.alarms import Alarms
from infra.budgets_table import BudgetsTable
from infra.erasures_table import ErasuresTable
from infra.event_bus import SOURCE, EventBus
from infra.function import Function
from infra.http_api import HttpApi
from infra.leads_table import BY_STAGE, BY_STATE, BY_TEMPERATURE, DUE, LeadsTable
from infra.schedule import Schedule
from infra.settings import ERASURE_SECRET, LEAD_PAGE_SECRET, OpenIdConnect, Settings
from infra.stream_source import StreamSource
from infra.user_pool import UserPool
from infra.work_queue import WorkQueue
from shared.adapters.dynamodb.keys import DRIFT
from shared.adapters.environment import FunctionSettings
from shared.adapters.routes import ROUTES
from shared.domain.people import Role
from shared.domain.routing import Member

TIMEOUTS: Final = {
    "ingest": Duration.seconds(20),
    "score": Duration.seconds(60),
    "evaluate": Duration.seconds(30),
    "relay": Duration.seconds(30),
    "notify": Duration.seconds(60),
    "rescore": Duration.seconds(60),
    "reconcile": Duration.seconds(300),
    "erase": Duration.seconds(120),
    "answer": Duration.seconds(20),
    "admin": Duration.seconds(20),
}

WRITE_KEY: Final = "Clients of websites cannot sign in: the function checks the write key and what that key may post."
FORM: Final = "Visitors of a website cannot sign in: the function takes configured forms only, as a public source."
SCRIPT: Final = "Browsers load it as part of any page; it holds no key and is the same for everybody."
SIGNED_LINK: Final = "Whom a message reaches need not sign in: the function checks the link's signature and time."
ABOUT_THE_API: Final = "It tells what the published documentation tells, and nothing about any lead."
BECAUSE: Final = {"ingest": WRITE_KEY, "answer": SIGNED_LINK, "admin": ABOUT_THE_API}
BECAUSE_OF: Final = {"form": FORM, "hubspot_form": FORM, "script": SCRIPT}


class BatonStack(Stack):
    """Baton in one environment."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, code: lambda_.Code, **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        self._settings = settings
        self._code = code
        self._add_stores()
        self._add_api()
        self._add_functions()
        self._add_routes()
        self._add_triggers()
        self._add_grants()
        self._add_alarms()
        self._add_outputs()

    def _add_stores(self) -> None:
        protected = self._settings.deletion_protection
        self.activities = ActivitiesTable(self, "Activities", protected=protected)
        self.budgets = BudgetsTable(self, "Budgets", protected=protected)
        self.erasures = ErasuresTable(self, "Erasures", protected=protected)
        self.leads = LeadsTable(self, "Leads", protected=protected)
        self.bus = EventBus(
            self, "Events", name=self.stack_name, archive=Duration.days(self._settings.retention.archive)
        )
        self.ingest_queue = WorkQueue(self, "IngestQueue", timeout=TIMEOUTS["ingest"])
        self.score_queue = WorkQueue(self, "ScoreQueue", timeout=TIMEOUTS["score"])
        self.evaluate_queue = WorkQueue(self, "EvaluateQueue", timeout=TIMEOUTS["evaluate"])
        self.relay_queue = WorkQueue(self, "RelayQueue", timeout=TIMEOUTS["relay"])
        self.notify_queue = WorkQueue(self, "NotifyQueue", timeout=TIMEOUTS["notify"])
        self.rescore_queue = WorkQueue(self, "RescoreQueue", timeout=TIMEOUTS["rescore"])
        self.erase_queue = WorkQueue(self, "EraseQueue", timeout=TIMEOUTS["erase"])

    def _add_functions(self) -> None:
        settings, activities, leads = self._settings, self.activities.name, self.leads.name
        self.ingest = self._function(
            "Ingest",
            IngestSettings(
                activities_table=activities,
                budgets_table=self.budgets.name,
                erasures_table=self.erasures.name,
                erasure_secret=settings.parameter(ERASURE_SECRET),
                write_keys=tuple(_with_parameter(settings, key) for key in settings.write_keys),
                forms=tuple(_with_form_parameter(settings, form) for form in settings.forms),
                origins=settings.origins,
                catalogue=settings.catalogue,
                budgets=settings.budgets,
                retention_days=settings.retention.activities,
                anonymous_retention_days=settings.retention.anonymous,
            ),
            memory=1024,
        )
        self.score = self._function(
            "Score",
            ScoreSettings(activities_table=activities, leads_table=leads, queue_url=self.score_queue.url),
            memory=1024,
        )
        self.evaluate = self._function(
            "Evaluate",
            EvaluateSettings(
                leads_table=leads,
                queue_url=self.evaluate_queue.url,
                consent_required=settings.consent_required,
                teams={name: _roster(team) for name, team in settings.teams.items()},
            ),
        )
        self.relay = self._function(
            "Relay",
            RelaySettings(leads_table=leads, bus_name=self.bus.bus.event_bus_name, queue_url=self.relay_queue.url),
        )
        self.notify = self._function(
            "Notify",
            NotifySettings(
                activities_table=activities,
                leads_table=leads,
                queue_url=self.notify_queue.url,
                teams={name: _with_parameters(settings, team) for name, team in settings.teams.items()},
                email_from=settings.email_from,
                consent_required=settings.consent_required,
                allow_local_receivers=settings.allow_local_receivers,
                lead_link=settings.lead_link,
                page_secret=settings.parameter(LEAD_PAGE_SECRET),
                page_address=self._address(),
                page_days=settings.lead_page_days,
            ),
        )
        self.rescore = self._function(
            "Rescore",
            RescoreSettings(activities_table=activities, leads_table=leads, score_queue_url=self.score_queue.url),
        )
        self.reconcile = self._function(
            "Reconcile",
            ReconcileSettings(
                activities_table=activities,
                leads_table=leads,
                retention_days=settings.retention.activities,
                anonymous_retention_days=settings.retention.anonymous,
            ),
        )
        self.erase = self._function(
            "Erase",
            EraseSettings(
                activities_table=activities,
                leads_table=leads,
                erasures_table=self.erasures.name,
                erasure_secret=settings.parameter(ERASURE_SECRET),
                queue_url=self.erase_queue.url,
                score_queue_url=self.score_queue.url,
            ),
        )
        self.answer = self._function(
            "Answer",
            AnswerSettings(
                activities_table=activities,
                leads_table=leads,
                page_secret=settings.parameter(LEAD_PAGE_SECRET),
                consent_required=settings.consent_required,
            ),
            memory=1024,
        )
        self.admin = self._function(
            "Admin",
            AdminSettings(
                activities_table=activities,
                leads_table=leads,
                erasures_table=self.erasures.name,
                erasure_secret=settings.parameter(ERASURE_SECRET),
                erase_queue_url=self.erase_queue.url,
                score_queue_url=self.score_queue.url,
                retention_days=settings.retention.activities,
                anonymous_retention_days=settings.retention.anonymous,
                page_secret=settings.parameter(LEAD_PAGE_SECRET),
                consent_required=settings.consent_required,
                roles_claim=settings.sign_in.roles_claim,
                approvals=tuple(map(Role, settings.rules.approvals)),
                handoff_budget=settings.rules.handoff_budget,
                teams={name: _roster(team) for name, team in settings.teams.items()},
            ),
            memory=1024,
        )

    def _add_api(self) -> None:
        settings = self._settings
        self.users: UserPool | None = None
        self.api = HttpApi(
            self,
            "Api",
            origins=settings.origins,
            rate=settings.throttle.rate,
            burst=settings.throttle.burst,
            log_days=settings.retention.logs,
            authorizer=self._authorizer(),
        )
        self.domain = (
            self.api.named(settings.domain.name, certificate=settings.domain.certificate) if settings.domain else None
        )

    def _add_routes(self) -> None:
        functions = {
            "ingest": self.ingest.resource,
            "answer": self.answer.resource,
            "admin": self.admin.resource,
        }
        for route in ROUTES:
            if route.roles is None:
                because = BECAUSE_OF.get(route.operation, BECAUSE[route.function])
                self.api.open_to_all(route.key, functions[route.function], because=because)
            else:
                self.api.signed_in(route.key, functions[route.function])

    def _add_triggers(self) -> None:
        self.bus.deliver("ActivitySubmitted", to=self.ingest_queue)
        self.bus.deliver("HandoffRequested", to=self.notify_queue, source=SOURCE)
        self.bus.deliver("HandoffFollowedUp", to=self.notify_queue, source=SOURCE)
        self.bus.deliver("HandoffAnswered", to=self.notify_queue, source=SOURCE)
        self.bus.deliver("HandoffAnswered", to=self.evaluate_queue, source=SOURCE, detail_only=True)
        self.bus.deliver("RulesPublished", to=self.rescore_queue, source=SOURCE)
        self.bus.deliver("NoiseChanged", to=self.rescore_queue, source=SOURCE)
        self.bus.deliver("RescoreRequested", to=self.rescore_queue)

        self.ingest.work_through(self.ingest_queue, at_once=10)
        # What rescores ask for never takes more of `score` than this: the stream, where visitors' activities come,
        # keeps its own pace.
        self.score.work_through(self.score_queue, at_once=100, concurrency=4)
        self.evaluate.work_through(self.evaluate_queue, at_once=10)
        self.relay.work_through(self.relay_queue, at_once=10)
        self.notify.work_through(self.notify_queue, at_once=10, concurrency=2)
        self.rescore.work_through(self.rescore_queue, at_once=10)
        self.erase.work_through(self.erase_queue, at_once=1)

        self.accepted = StreamSource(
            self,
            "AcceptedActivities",
            table=self.activities.table,
            function=self.score,
            batch=1000,
            where={"eventName": ["INSERT"]},
        )
        self.scored = StreamSource(
            self,
            "ScoredLeads",
            table=self.leads.table,
            function=self.evaluate,
            batch=500,
            where={
                "eventName": ["INSERT", "MODIFY"],
                # `score` marks what there is to look at; most activities change nothing that shows.
                "dynamodb": {"Keys": {"sk": {"S": ["SCORE"]}}, "NewImage": {"look": {"BOOL": [True]}}},
            },
        )
        self.outbox = StreamSource(
            self,
            "Outbox",
            table=self.leads.table,
            function=self.relay,
            batch=100,
            where={
                "eventName": ["INSERT"],
                "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "OUTBOX#"}]}}},
            },
        )
        self.due_sweep = Schedule(self, "DueSweep", every=Duration.minutes(1), function=self.rescore)
        self.missed_sweep = Schedule(self, "MissedSweep", every=Duration.minutes(1), function=self.notify)
        self.hourly_check = Schedule(self, "HourlyCheck", every=Duration.hours(1), function=self.reconcile)

    def _add_grants(self) -> None:
        """Who may do what. Reading streams and queues, logs and traces come with the sources above."""
        activities, leads = self.activities.arn, self.leads.arn
        due, by_temperature, by_stage = (self.leads.index(name) for name in (DUE, BY_TEMPERATURE, BY_STAGE))

        self.ingest.allow("dynamodb:PutItem", on=[activities])
        self.ingest.allow("dynamodb:UpdateItem", on=[self.budgets.arn])
        self.ingest.allow("dynamodb:GetItem", "dynamodb:BatchGetItem", on=[self.erasures.arn])
        self._allow_secrets(self.ingest, [*self._ingest_secrets(), ERASURE_SECRET])

        self.score.allow("dynamodb:GetItem", "dynamodb:Query", on=[activities])
        self.score.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            on=[leads],
        )
        # Who a lead is whose record is damaged is found by going through all; see `Leads.salvage`.
        self.score.allow("dynamodb:Scan", on=[leads])
        self.score.allow("sqs:SendMessage", on=[self.score_queue.arn])

        self.evaluate.allow("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", on=[leads])
        self.evaluate.allow("sqs:SendMessage", on=[self.evaluate_queue.arn])

        self.relay.allow("dynamodb:GetItem", on=[leads])
        self.relay.allow("events:PutEvents", on=[self.bus.bus.event_bus_arn])
        self.relay.allow("sqs:SendMessage", on=[self.relay_queue.arn])

        self.notify.allow("dynamodb:Query", on=[activities])
        self.notify.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            on=[leads],
        )
        self.notify.allow("sqs:SendMessage", on=[self.notify_queue.arn])
        self._allow_secrets(self.notify, [*self._notify_secrets(), LEAD_PAGE_SECRET])
        if self._settings.email_from:
            self.notify.allow("ses:SendEmail", on=self._identities(self._settings.email_from))

        self.rescore.allow("dynamodb:Query", "dynamodb:Scan", on=[activities])
        self.rescore.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PutItem",
            on=[leads],
        )
        self.rescore.allow("dynamodb:Query", on=[due])
        self.rescore.allow("sqs:SendMessage", "sqs:GetQueueAttributes", on=[self.score_queue.arn])

        self.reconcile.allow("dynamodb:Query", on=[activities])
        self.reconcile.allow("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", on=[leads])
        self.reconcile.allow("dynamodb:PutItem", "dynamodb:DeleteItem", on=[leads], only=[DRIFT])

        self.answer.allow("dynamodb:Query", "dynamodb:PutItem", on=[activities])
        self.answer.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            on=[leads],
        )
        self._allow_secrets(self.answer, [LEAD_PAGE_SECRET])

        self.admin.allow("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", on=[activities])
        self.admin.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            on=[leads],
        )
        self.admin.allow("dynamodb:Query", on=[by_temperature, by_stage, self.leads.index(BY_STATE)])
        self.admin.allow("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", on=[self.erasures.arn])
        self.admin.allow("dynamodb:DeleteItem", on=[leads], only=[DRIFT])
        self.admin.allow("sqs:SendMessage", on=[self.erase_queue.arn, self.score_queue.arn])
        self._allow_secrets(self.admin, [ERASURE_SECRET, LEAD_PAGE_SECRET])

        self.erase.allow(
            "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", on=[activities]
        )
        self.erase.allow(
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
            on=[leads],
        )
        self.erase.allow("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", on=[self.erasures.arn])
        self.erase.allow("sqs:SendMessage", on=[self.erase_queue.arn, self.score_queue.arn])
        self._allow_secrets(self.erase, [ERASURE_SECRET])

    def _add_alarms(self) -> None:
        self.alarms = Alarms(self, "Alarms", emails=self._settings.alarm_emails)
        for name, queue in self._queues.items():
            self.alarms.on_backlog(f"{name}Backlog", queue.queue)
            self.alarms.on_dead_letters(f"{name}DeadLetters", queue.dead_letters.queue)
        sources: tuple[StreamSource | Schedule, ...] = (self.accepted, self.scored, self.outbox, *self._schedules)
        for source in sources:
            self.alarms.on_dead_letters(f"{source.node.id}Failures", source.failures.queue)
        for function in self._functions:
            self.alarms.on_function(function.node.id, function)
        for function in (self.score, self.evaluate, self.relay):
            self.alarms.on_stream(function.node.id, function)
        self.alarms.on_channels()
        self.alarms.on_drift()
        self.alarms.on_api(self.api.stage)

    def _add_outputs(self) -> None:
        outputs = {
            "ApiUrl": self.api.api.api_endpoint,
            "ActivitiesTable": self.activities.name,
            "LeadsTable": self.leads.name,
            "ErasuresTable": self.erasures.name,
            "BudgetsTable": self.budgets.name,
            "BusName": self.bus.bus.event_bus_name,
            "AlarmTopic": self.alarms.topic.topic_arn,
        }
        for name, queue in self._queues.items():
            outputs[f"{name}Url"] = queue.url
            outputs[f"{name}DeadLettersUrl"] = queue.dead_letters.queue.queue_url
        if self.users:
            outputs["UserPoolId"] = self.users.pool.user_pool_id
            outputs["UserPoolClientId"] = self.users.client.user_pool_client_id
        if self.domain:
            outputs["DomainTarget"] = self.domain.regional_domain_name
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)

    @property
    def _functions(self) -> tuple[Function, ...]:
        return (
            self.ingest,
            self.score,
            self.evaluate,
            self.relay,
            self.notify,
            self.rescore,
            self.reconcile,
            self.erase,
            self.answer,
            self.admin,
        )

    @property
    def _schedules(self) -> tuple[Schedule, ...]:
        return (self.due_sweep, self.missed_sweep, self.hourly_check)

    @property
    def _queues(self) -> dict[str, WorkQueue]:
        queues = (
            self.ingest_queue,
            self.score_queue,
            self.evaluate_queue,
            self.relay_queue,
            self.notify_queue,
            self.rescore_queue,
            self.erase_queue,
        )
        return {queue.node.id: queue for queue in queues}

    def _function(self, name: str, settings: FunctionSettings, *, memory: int = 512) -> Function:
        return Function(
            self,
            name,
            verb=name.lower(),
            code=self._code,
            settings=settings,
            timeout=TIMEOUTS[name.lower()],
            memory=memory,
            log_days=self._settings.retention.logs,
        )

    def _authorizer(self) -> apigateway.IHttpRouteAuthorizer:
        sign_in = self._settings.sign_in
        if isinstance(sign_in, OpenIdConnect):
            return HttpJwtAuthorizer("People", sign_in.issuer, jwt_audience=list(sign_in.audience))
        self.users = UserPool(self, "Users", protected=self._settings.deletion_protection)
        return HttpUserPoolAuthorizer("People", self.users.pool, user_pool_clients=[self.users.client])

    def _address(self) -> str:
        """Where people's browsers reach the API: the settings' own address, its name, or the one that AWS gave it."""
        settings = self._settings
        if settings.api_address:
            return settings.api_address.replace("{api}", self.api.api.api_id)
        return f"https://{settings.domain.name}" if settings.domain else self.api.api.api_endpoint

    def _ingest_secrets(self) -> list[str]:
        keys = [key.secret for key in self._settings.write_keys if isinstance(key, SecretWriteKey)]
        return keys + sorted({form.signing_secret for form in self._settings.forms if form.signing_secret})

    def _notify_secrets(self) -> list[str]:
        named = [
            secret
            for team in self._settings.teams.values()
            for secret in (team.slack, team.webhook.secret if team.webhook else None)
        ]
        return sorted({secret for secret in named if secret})

    def _allow_secrets(self, function: Function, secrets: list[str]) -> None:
        """Let it read these secrets and no other parameter; AWS's own key for SSM opens them for who may read them."""
        if secrets:
            parameters = [self._settings.parameter(secret).removeprefix("/") for secret in secrets]
            function.allow("ssm:GetParameter", on=[self._arn("ssm", "parameter", name) for name in parameters])

    def _identities(self, sender: str) -> list[str]:
        """The sender's address and its domain: SES asks about the one of the two that was verified."""
        address = sender.rpartition("<")[2].rstrip(">")
        return [self._arn("ses", "identity", name) for name in (address, address.rpartition("@")[2])]

    def _arn(self, service: str, resource: str, name: str) -> str:
        return self.format_arn(service=service, resource=resource, resource_name=name)


def _with_parameter(settings: Settings, key: WriteKey) -> WriteKey:
    """A write key as the function is told it: the name of its secret as Parameter Store has it."""
    if isinstance(key, SecretWriteKey):
        return key.model_copy(update={"secret": settings.parameter(key.secret)})
    return key


def _with_form_parameter(settings: Settings, form: Form) -> Form:
    """A form as the function is told it, likewise."""
    if form.hosted_by is None or form.signing_secret is None:
        return form
    host = form.hosted_by.model_copy(update={"secret": settings.parameter(form.signing_secret)})
    return form.model_copy(update={"hosted_by": host})


def _roster(team: Team) -> tuple[Member, ...]:
    """The members of a team as `evaluate` and `admin` are told them: without their addresses."""
    return tuple(Member(member.name, member.weight, member.takes) for member in team.members)


def _with_parameters(settings: Settings, team: Team) -> Team:
    """A team as the function is told it, likewise."""
    webhook = team.webhook
    return Team(
        email=team.email,
        slack=settings.parameter(team.slack) if team.slack else None,
        webhook=WebhookTarget(url=webhook.url, secret=settings.parameter(webhook.secret)) if webhook else None,
        members=team.members,
    )
