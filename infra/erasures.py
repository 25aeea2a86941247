"""The erasures of a deployed stack, with the AWS rights of an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployed import Deployed
from infra.failure import Failure
from infra.settings import ERASURE_SECRET
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.adapters.dynamodb.keys import identity_of_partition
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.sqs import SQSQueue
from shared.domain.activity import Identity
from shared.domain.moments import Moment, format_moment
from shared.usecases.erase import ReplayErasures

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE = 500


@dataclass(frozen=True)
class ErasuresOf:
    """The erasures of an environment."""

    deployed: Deployed

    def rows(self) -> list[dict[str, Any]]:
        """Every erasure without what would name anybody, the latest first."""
        return [
            {
                "erasure": each.id,
                "lead": each.lead,
                "asked_at": format_moment(each.asked_at),
                "who": each.who,
                "why": each.why,
                "erased_at": format_moment(each.erased_at),
                "done_at": _stamp(each.done_at),
            }
            for each in self._erasures.all()
        ]

    def resume(self) -> int:
        """Wake every erasure that is not done; answers how many there are."""
        return self._replaying.resume()

    def replay(self, tell: Callable[[int], None]) -> int:
        """Erase again whom a backup has brought back; answers of how many identities something older was held."""
        found, seen = 0, 0
        identities = self._identities()
        while page := set(islice(identities, _AT_ONCE)):
            found += self._replaying.replay(page, "baton erasures replay")
            seen += len(page)
            tell(seen)
        return found

    def _identities(self) -> Iterator[Identity]:
        """Every identity of which a table holds something, some of them more than once."""
        client: DynamoDBClient = self._dynamodb
        last = ""
        for table in (self.deployed.outputs["LeadsTable"], self.deployed.outputs["ActivitiesTable"]):
            pages = client.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk")
            for partition in (item["pk"]["S"] for page in pages for item in page["Items"]):
                if partition != last and (identity := _identity(partition)):
                    yield identity
                last = partition

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self.deployed.client("dynamodb")
        return client

    @cached_property
    def _erasures(self) -> DynamoDBErasures:
        return DynamoDBErasures(self._dynamodb, self.deployed.outputs["ErasuresTable"], cache(self._secret))

    @cached_property
    def _replaying(self) -> ReplayErasures:
        outputs = self.deployed.outputs
        return ReplayErasures(
            DynamoDBActivities(self._dynamodb, outputs["ActivitiesTable"]),
            DynamoDBLeads(self._dynamodb, outputs["LeadsTable"]),
            self._erasures,
            SQSQueue(self.deployed.client("sqs"), outputs["EraseQueueUrl"]),
            SystemClock(),
        )

    def _secret(self) -> str:
        name = f"/baton/{self.deployed.environment}/{ERASURE_SECRET}"
        try:
            text: str = self.deployed.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except (ClientError, BotoCoreError) as error:
            what = "The secret with which erased people are known again cannot be read."
            raise Failure(
                what, f"It is {name} in Parameter Store, made by the first deployment.", str(error)
            ) from error
        return text


def _identity(partition: str) -> Identity | None:
    try:
        return identity_of_partition(partition)
    except ValueError:
        return None


def _stamp(moment: Moment | None) -> str | None:
    return None if moment is None else format_moment(moment)
