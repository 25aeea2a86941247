"""What wakes somebody up, and whom."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.function import Function

FIVE_MINUTES = Duration.minutes(5)


class Alarms(Construct):
    """A topic for the people on call, and the alarms that publish to it. Missing data is no alarm: nothing happened."""

    def __init__(self, scope: Construct, construct_id: str, *, emails: Sequence[str]) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name="Baton alarms", enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        for email in emails:
            acknowledge(
                self.topic.add_subscription(subscriptions.EmailSubscription(email)),
                "Serverless-SNSRedrivePolicy",
                "An alarm that no mail server takes is still seen in CloudWatch; nobody reads a queue of old ones.",
            )

    def on_dead_letters(self, name: str, queue: sqs.IQueue) -> None:
        """Something was given up and waits in this queue."""
        self._alarm(
            name,
            queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="max"),
            "Something could not be done and waits. See why in the function's log, then redrive it.",
        )

    def on_backlog(self, name: str, queue: sqs.IQueue) -> None:
        """The oldest message has waited for half an hour: work comes faster than it is done, or fails."""
        self._alarm(
            name,
            queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic="max"),
            "Messages wait for more than half an hour.",
            at_least=1800,
        )

    def on_function(self, name: str, function: Function) -> None:
        """It fails, is throttled, or comes near its timeout."""
        resource = function.resource
        self._alarm(f"{name}Errors", resource.metric_errors(period=FIVE_MINUTES), "Invocations failed.")
        self._alarm(f"{name}Throttles", resource.metric_throttles(period=FIVE_MINUTES), "Invocations were throttled.")
        self._alarm(
            f"{name}Duration",
            resource.metric_duration(period=FIVE_MINUTES, statistic="p99"),
            "The slowest invocations take more than four fifths of the timeout.",
            at_least=function.timeout.to_milliseconds() * 0.8,
        )

    def on_stream(self, name: str, function: Function) -> None:
        """It lags behind the stream that it reads; after 24 hours records are lost to it."""
        self._alarm(
            f"{name}IteratorAge",
            function.resource.metric("IteratorAge", period=FIVE_MINUTES, statistic="max"),
            "The function is more than ten minutes behind its stream, which keeps records for 24 hours.",
            at_least=600_000,
        )

    def on_channels(self) -> None:
        """A team's channel is left alone because it fails again and again; `notify` counts those each minute."""
        self._alarm(
            "ChannelsDown",
            _counted_by("notify", "ChannelsDown"),
            "A team's e-mail, Slack or webhook is down. What it misses is put by and goes out once it is back: see "
            "`baton channels list`, and mend its address or secret.",
        )

    def on_drift(self) -> None:
        """What is stored of a lead is not what its log makes; `reconcile` counts such leads each hour."""
        self._alarm(
            "LeadsDrifted",
            _counted_by("reconcile", "LeadsDrifted"),
            "What is stored of some leads is not what their logs make. See `baton leads drift`, and `baton leads "
            "repair --drifted` makes them anew.",
        )

    def on_api(self, stage: apigateway.HttpStage) -> None:
        """Requests fail, or take long."""
        self._alarm("ApiFailures", stage.metric_server_error(period=FIVE_MINUTES), "Requests were answered with 5xx.")
        self._alarm(
            "ApiLatency",
            stage.metric_latency(period=FIVE_MINUTES, statistic="p99"),
            "The slowest requests take more than three seconds.",
            at_least=3000,
            times=3,
        )

    def _alarm(
        self, name: str, metric: cloudwatch.Metric, description: str, *, at_least: float = 1, times: int = 1
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=at_least,
            evaluation_periods=times,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))


def _counted_by(service: str, metric: str) -> cloudwatch.Metric:
    """The most that a function has counted at once of something."""
    return cloudwatch.Metric(
        namespace="Baton",
        metric_name=metric,
        dimensions_map={"service": service},
        period=FIVE_MINUTES,
        statistic="max",
    )
