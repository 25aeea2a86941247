"""The queues of a deployed stack: what waits in them, and how dead letters go back to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.deployed import Deployed
from infra.failure import Failure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_DEAD_LETTERS = "QueueDeadLettersUrl"
_AT_ONCE = 10


@dataclass(frozen=True)
class Backlog:
    """What lies in a queue: `waiting` and being worked on, and `dead`, given up after the last try."""

    name: str
    waiting: int
    dead: int


class Queues:
    """Each function's queue, by the function's name."""

    def __init__(self, deployed: Deployed) -> None:
        self._client: SQSClient = deployed.client("sqs")
        outputs = deployed.outputs
        self._urls = {
            name.removesuffix(_DEAD_LETTERS).lower(): (outputs[name.replace(_DEAD_LETTERS, "QueueUrl")], outputs[name])
            for name in sorted(outputs)
            if name.endswith(_DEAD_LETTERS)
        }

    def backlogs(self) -> list[Backlog]:
        """What lies in every queue, as far as SQS can tell at once."""
        return [Backlog(name, self._depth(work), self._depth(dead)) for name, (work, dead) in self._urls.items()]

    def redrive(self, name: str) -> int:
        """Put a queue's dead letters back to work and tell how many there were.

        Each is sent before it is deleted: if this stops in between, one is done twice, which changes nothing.

        Raises:
            Failure: there is no such queue.
        """
        if name not in self._urls:
            raise Failure(f"There is no queue {name!r}.", f"It is one of {', '.join(self._urls)}.")
        work, dead = self._urls[name]
        moved = 0
        while messages := self._client.receive_message(QueueUrl=dead, MaxNumberOfMessages=_AT_ONCE).get("Messages"):
            for message in messages:
                self._client.send_message(QueueUrl=work, MessageBody=message["Body"])
                self._client.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
        return moved

    @property
    def names(self) -> list[str]:
        """The names of the queues."""
        return list(self._urls)

    def _depth(self, url: str) -> int:
        told = self._client.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        return sum(int(number) for number in told.values())
