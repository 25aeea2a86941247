"""A log that is kept for as long as the settings say, and not longer."""

from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


class Log(Construct):
    """A log group that goes with the stack. Which numbers of days there are, `infra.settings.LogDays` says."""

    def __init__(self, scope: Construct, construct_id: str, *, days: int, name: str | None = None) -> None:
        super().__init__(scope, construct_id)
        self.group = logs.LogGroup(self, "Group", log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
        resource: Any = self.group.node.default_child
        resource.add_property_override("RetentionInDays", days)
