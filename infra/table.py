"""What all tables have in common: capacity on demand, backups, encryption, expiry, protection, and mostly a stream."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

BACKUP_DAYS: Final = 35
"""How far back a table can be restored; DynamoDB's greatest."""


class Table(Construct):
    """A table with `pk` and `sk`, whose items expire by `expires`; its stream, if any, carries what they became."""

    def __init__(self, scope: Construct, construct_id: str, *, protected: bool, streams: bool = True) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_IMAGE if streams else None,
            time_to_live_attribute="expires",
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True, recovery_period_in_days=BACKUP_DAYS
            ),
            deletion_protection=protected,
            removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        )

    @property
    def name(self) -> str:
        """The name that functions are told."""
        return self.table.table_name

    @property
    def arn(self) -> str:
        """What grants name."""
        return self.table.table_arn
