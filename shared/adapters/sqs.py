"""Queues on SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.ports.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_ENTRIES_PER_CALL = 10


class SQSQueue:
    """A queue that SQS keeps. Bodies are JSON."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Sequence[Mapping[str, object]]) -> None:
        """Put every message, ten to a call; see `shared.ports.queue.Queue`."""
        self.send_later(messages, 0)

    def waiting(self) -> int:
        """About how many messages it holds; see `shared.ports.queue.MeasuredQueue`."""
        try:
            told = self._client.get_queue_attributes(
                QueueUrl=self._url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
        except (ClientError, BotoCoreError) as error:
            msg = f"the queue did not answer: {type(error).__name__}"
            raise Unavailable(msg) from error
        return sum(int(number) for number in told["Attributes"].values())

    def send_later(self, messages: Sequence[Mapping[str, object]], seconds: int) -> None:
        """Put every message, to be delivered later; see `shared.ports.queue.DelayingQueue`."""
        for start in range(0, len(messages), _ENTRIES_PER_CALL):
            page = messages[start : start + _ENTRIES_PER_CALL]
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(place), "MessageBody": json.dumps(message, sort_keys=True), "DelaySeconds": seconds}
                if seconds
                else {"Id": str(place), "MessageBody": json.dumps(message, sort_keys=True)}
                for place, message in enumerate(page)
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                msg = f"the queue did not answer: {type(error).__name__}"
                raise Unavailable(msg) from error
            if refused := answer.get("Failed", []):
                msg = f"the queue refused {len(refused)} of {len(page)} messages: {refused[0].get('Code')}"
                raise Unavailable(msg)
