"""The bus on which Baton tells what happened and hears what other systems did."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.work_queue import WorkQueue

SOURCE = "baton"


class EventBus(Construct):
    """A bus of its own, with an archive of everything but the activities that others put: those are personal data."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, archive: Duration) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(self, "Bus", event_bus_name=name)
        self.bus.archive(
            "Archive",
            description="What Baton told and was asked, without personal data.",
            event_pattern=events.EventPattern(detail_type=events.Match.anything_but("ActivitySubmitted")),
            retention=archive,
        )

    def deliver(
        self, detail_type: str, *, to: WorkQueue, source: str | None = None, detail_only: bool = False
    ) -> events.Rule:
        """Send events of a type to a queue; what cannot be delivered is redriven from the queue's dead letters.

        A message is the whole event, or its detail alone for a queue whose messages look like that.
        """
        return events.Rule(
            self,
            f"{detail_type}Detail" if detail_only else detail_type,
            event_bus=self.bus,
            event_pattern=events.EventPattern(detail_type=[detail_type], source=[source] if source else None),
            targets=[
                targets.SqsQueue(
                    to.queue,
                    message=events.RuleTargetInput.from_event_path("$.detail") if detail_only else None,
                    dead_letter_queue=to.dead_letters.queue,
                    retry_attempts=100,
                    max_event_age=Duration.hours(24),
                )
            ],
        )
