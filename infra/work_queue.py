"""A queue that a function works through, with the queue for what it could not do."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgement import acknowledge

TRIES: Final = 5
VISIBILITY_FACTOR: Final = 6
"""AWS's advice: a message stays hidden for six times the function's timeout, so that no two work on it at once."""


class DeadLetters(Construct):
    """Where something waits for a person when it was tried often enough; an alarm tells."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(
            self.queue,
            "Serverless-SQSRedrivePolicy",
            "It is where failures end up and wait for a person: an alarm, not a queue, follows.",
        )


class Failures(DeadLetters):
    """Dead letters of a stream or a schedule, which say where the failure was and cannot be redriven."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        acknowledge(
            self.queue,
            "AwsSolutions-SQS3",
            "It is an on-failure destination, which the check does not take for a dead-letter queue.",
        )


class WorkQueue(Construct):
    """Messages for one function, tried five times and then kept as dead letters."""

    def __init__(self, scope: Construct, construct_id: str, *, timeout: Duration) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetters(self, "DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(timeout.to_seconds() * VISIBILITY_FACTOR),
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters.queue, max_receive_count=TRIES),
        )

    @property
    def url(self) -> str:
        """The address that functions are told."""
        return self.queue.queue_url

    @property
    def arn(self) -> str:
        """What grants name."""
        return self.queue.queue_arn
