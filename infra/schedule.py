"""A clock that triggers a function."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from infra.function import Function
from infra.work_queue import Failures


class Schedule(Construct):
    """A rule that tells a function `{"tick": true}`. A failed tick is not repeated: the next one does its work."""

    def __init__(self, scope: Construct, construct_id: str, *, every: Duration, function: Function) -> None:
        super().__init__(scope, construct_id)
        self.failures = Failures(self, "Failures")
        self.rule = events.Rule(
            self,
            "Rule",
            schedule=events.Schedule.rate(every),
            targets=[
                targets.LambdaFunction(
                    function.resource,
                    event=events.RuleTargetInput.from_object({"tick": True}),
                    dead_letter_queue=self.failures.queue,
                    retry_attempts=2,
                    max_event_age=every,
                )
            ],
        )
        function.resource.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.failures.queue), retry_attempts=0, max_event_age=every
        )
