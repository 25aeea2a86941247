"""Leads: identities, scores, stages, transitions, handoffs and rule versions, and what waits to be published."""

from typing import Final

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.table import Table

DUE: Final = "due"
BY_TEMPERATURE: Final = "by_temperature"
BY_STAGE: Final = "by_stage"
BY_STATE: Final = "by_state"

_INDEXES: Final = {
    DUE: ("due_shard", "due"),
    BY_TEMPERATURE: ("temperature", "rank"),
    BY_STAGE: ("stage", "rank"),
    BY_STATE: ("handoff_state", "requested_at"),
}


class LeadsTable(Table):
    """Leads, with four sparse indexes of keys: what is due, who is best in a temperature or stage, and handoffs."""

    def __init__(self, scope: Construct, construct_id: str, *, protected: bool) -> None:
        super().__init__(scope, construct_id, protected=protected)
        for index, (partition, sort) in _INDEXES.items():
            self.table.add_global_secondary_index(
                index_name=index,
                partition_key=dynamodb.Attribute(name=partition, type=dynamodb.AttributeType.STRING),
                sort_key=dynamodb.Attribute(name=sort, type=dynamodb.AttributeType.NUMBER),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )

    def index(self, name: str) -> str:
        """What a grant to query one index names."""
        return f"{self.arn}/index/{name}"
