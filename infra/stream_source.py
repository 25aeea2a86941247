"""What of a table's stream triggers a function, and where it ends up when that fails for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_lambda_event_sources import SqsDlq
from constructs import Construct

from infra.function import Function
from infra.work_queue import Failures

TRIES: Final = 10


class StreamSource(Construct):
    """Records of a stream, in big batches. A handler sends what it cannot do to its own queue and raises only if that
    fails; then the batch is halved and tried again, and after ten times `failures` holds where in the stream it stands.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: dynamodb.ITable,
        function: Function,
        batch: int,
        where: Mapping[str, Any],
    ) -> None:
        super().__init__(scope, construct_id)
        self.failures = Failures(self, "Failures")
        table.grant_stream_read(function.role)
        self.failures.queue.grant_send_messages(function.role)
        lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=function.resource,
            event_source_arn=table.table_stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=batch,
            filters=[lambda_.FilterCriteria.filter(dict(where))],
            bisect_batch_on_error=True,
            retry_attempts=TRIES,
            max_record_age=Duration.hours(24),
            on_failure=SqsDlq(self.failures.queue),
        )
