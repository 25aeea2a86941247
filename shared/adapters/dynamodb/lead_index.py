"""Leads in order on DynamoDB: two sparse indexes over the STAGE items."""

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

_INDEXES = {Shelf.TEMPERATURE: TEMPERATURE_INDEX, Shelf.STAGE: STAGE_INDEX}


class DynamoDBLeadIndex:
    """The shelves; an index follows its table within moments."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def page(self, shelf: Shelf, name: str, limit: int, after: Place | None = None) -> list[Place]:
        """A page of a shelf, best first; see `shared.ports.lead_index.LeadIndex`."""
        start: Any = {"ExclusiveStartKey": _key(shelf, name, after)} if after else {}
        with translated():
            answer = self._client.query(
                TableName=self._table,
                IndexName=_INDEXES[shelf],
                KeyConditionExpression="#shelf = :name",
                ExpressionAttributeNames={"#shelf": shelf.value},
                ExpressionAttributeValues={":name": {"S": name}},
                ScanIndexForward=False,
                Limit=limit,
                **start,
            )
        return [Place(lead_of_partition(item["pk"]["S"]), int(item["rank"]["N"])) for item in answer["Items"]]


def _key(shelf: Shelf, name: str, place: Place) -> dict[str, Any]:
    return {
        **key(lead_partition(place.lead), STAGE),
        shelf.value: {"S": name},
        "rank": {"N": str(place.rank)},
    }
