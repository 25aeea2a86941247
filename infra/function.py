"""A Lambda function with a role of its own that may do nothing but write its log and its traces."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.failure import Failure
from infra.log import Log
from infra.work_queue import WorkQueue
from shared.adapters.environment import FunctionSettings

RUNTIME: Final = lambda_.Runtime.PYTHON_3_14
ENVIRONMENT_BYTES: Final = 4096
"""Lambda's limit for the names and values of all environment variables together."""
LONGEST_NAME: Final = 160
"""What a table's name or a queue's address is taken to need, for it is known only when it is deployed."""
WITHOUT_WINDOW: Final = 10
"""The largest batch from a queue that Lambda allows without waiting for it to fill."""


class Function(Construct):
    """The function `functions/<verb>`, told its settings; what else it may do, the stack grants."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        verb: str,
        code: lambda_.Code,
        settings: FunctionSettings,
        timeout: Duration,
        log_days: int,
        memory: int = 512,
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"{Stack.of(self).stack_name}-{verb}"
        log = Log(self, "Log", days=log_days, name=f"/aws/lambda/{name}")
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.resource = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"functions.{verb}.handler.lambda_handler",
            code=code,
            environment=_fits(verb, _environment(verb, settings)),
            timeout=timeout,
            memory_size=memory,
            role=self.role,
            log_group=log.group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE,
        )
        self.timeout = timeout
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=[log.group.log_group_arn])
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "AWS lets xray:PutTraceSegments, xray:PutTelemetryRecords and dynamodb:ListStreams name no resource but *.",
        )
        acknowledge(
            self.resource,
            "Serverless-LambdaDLQ",
            "Who calls keeps what fails: a queue its dead letters, a stream and a schedule an on-failure destination.",
        )

    def allow(self, *actions: str, on: list[str], only: list[str] | None = None) -> None:
        """Grant exactly these actions on exactly these resources; of a table `only` in these partitions."""
        conditions = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": only}} if only else None
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=on, conditions=conditions))

    def work_through(self, queue: WorkQueue, *, at_once: int, concurrency: int | None = None) -> None:
        """Do what waits in a queue, `at_once` messages to an invocation; what fails comes back without the rest."""
        queue.queue.grant_consume_messages(self.role)
        mapping = lambda_.EventSourceMapping(
            self,
            f"{queue.node.id}Source",
            target=self.resource,
            event_source_arn=queue.arn,
            batch_size=at_once,
            max_batching_window=Duration.seconds(1) if at_once > WITHOUT_WINDOW else None,
            max_concurrency=concurrency,
            report_batch_item_failures=True,
        )
        acknowledge(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "Lambda offers no on-failure destination for queues: the queue's own dead-letter queue keeps what fails.",
        )


def _environment(verb: str, settings: FunctionSettings) -> dict[str, str]:
    return {
        **settings.environment(),
        "POWERTOOLS_SERVICE_NAME": verb,
        "POWERTOOLS_METRICS_NAMESPACE": "Baton",
    }


def _fits(verb: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment, unless Lambda would refuse it for its size.

    Raises:
        Failure: it is too large.
    """
    sizes = {
        name: len(name.encode()) + (LONGEST_NAME if Token.is_unresolved(value) else len(value.encode()))
        for name, value in environment.items()
    }
    if sum(sizes.values()) > ENVIRONMENT_BYTES:
        largest = ", ".join(sorted(sizes, key=lambda name: sizes[name], reverse=True)[:2]).lower()
        raise Failure(
            f"The settings of `{verb}` take {sum(sizes.values())} bytes, and Lambda allows {ENVIRONMENT_BYTES}.",
            f"Shorten what takes most in the settings file: {largest}.",
        )
    return environment
