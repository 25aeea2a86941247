"""Leads in order on DynamoDB: two sparse indexes of keys over the STAGE items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.adapters.dynamodb.errors import translated
from shared.adapters.dynamodb.keys import (
    STAGE,
    STAGE_INDEX,
    TEMPERATURE_INDEX,
    key,
    lead_of_partition,
    lead_partition,
)
from shared.ports.lead_index import Place, Shelf

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_INDEX = {Shelf.TEMPERATURE: TEMPERATURE_INDEX, Shelf.STAGE: STAGE_INDEX}


class DynamoDBLeadIndex:
    """The shelves of the Leads table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def page(self, shelf: Shelf, name: str, limit: int, after: Place | None = None) -> list[Place]:
        """Some leads, best first; see `shared.ports.lead_index.LeadIndex`."""
        found: list[Place] = []
        start = _start(shelf, name, after) if after else {}
        while len(found) < limit:
            with translated():
                answer = self._client.query(
                    TableName=self._table,
                    IndexName=_INDEX[shelf],
                    KeyConditionExpression="#shelf = :name",
                    ExpressionAttributeNames={"#shelf": shelf.value},
                    ExpressionAttributeValues={":name": {"S": name}},
                    ScanIndexForward=False,
                    Limit=limit - len(found),
                    **start,
                )
            found += [Place(lead_of_partition(item["pk"]["S"]), int(item["rank"]["N"])) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found


def _start(shelf: Shelf, name: str, after: Place) -> dict[str, Any]:
    place = {**key(lead_partition(after.lead), STAGE), shelf.value: {"S": name}, "rank": {"N": str(after.rank)}}
    return {"ExclusiveStartKey": place}
