"""What was taken of budgets, on DynamoDB: one number for each window, under a hash of what it counts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb.keys import key
from shared.domain.budget import Budget
from shared.domain.moments import HOUR, SECOND, Moment
from shared.ports.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED_FOR = HOUR


class DynamoDBBudgets:
    """The Budgets table. Its keys name nobody in clear, and its items expire an hour after their window."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, budget: Budget, at: Moment, count: int) -> int:
        """Count more, and answer the sum; see `shared.ports.budgets.Budgets`.

        `ADD` has no condition and may be done twice when its answer was lost: a budget is approximate anyway.
        """
        begin = budget.begin(at)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=key(_hash(budget, begin), budget.kind.value),
                UpdateExpression="ADD taken :count SET expires = :expires",
                ExpressionAttributeValues={
                    ":count": {"N": str(count)},
                    ":expires": {"N": str((begin + budget.window + _REMEMBERED_FOR) // SECOND)},
                },
                ReturnValues="UPDATED_NEW",
            )
        except (ClientError, BotoCoreError) as error:
            # Whatever is wrong with the count, activities are taken without it.
            raise Unavailable(type(error).__name__) from error
        return int(answer["Attributes"]["taken"]["N"])


def _hash(budget: Budget, begin: Moment) -> str:
    return hashlib.sha256(f"{budget.kind} {budget.name} {begin}".encode()).hexdigest()
