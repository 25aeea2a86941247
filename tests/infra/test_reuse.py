"""Another team's CDK app can take a part of Baton without the rest."""

from __future__ import annotations

from aws_cdk import App, Duration, Stack
from aws_cdk.assertions import Match, Template

from infra.event_bus import EventBus
from infra.leads_table import DUE, LeadsTable
from infra.work_queue import WorkQueue


def test_a_table_of_leads_stands_in_a_stack_of_somebody_else() -> None:
    stack = Stack(App(), "Crm")
    leads = LeadsTable(stack, "Prospects", protected=True)
    assert stack.resolve(leads.index(DUE))["Fn::Join"][1][-1] == "/index/due"
    Template.from_stack(stack).has_resource_properties("AWS::DynamoDB::Table", {"DeletionProtectionEnabled": True})


def test_a_bus_delivers_events_that_baton_never_heard_of_to_a_queue() -> None:
    stack = Stack(App(), "Crm")
    bus = EventBus(stack, "Bus", name="crm", archive=Duration.days(7))
    bus.deliver("DealWon", to=WorkQueue(stack, "DealsQueue", timeout=Duration.seconds(10)), source="crm")
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {"detail-type": ["DealWon"], "source": ["crm"]},
            "Targets": [Match.object_like({"DeadLetterConfig": Match.any_value()})],
        },
    )
    template.has_resource_properties("AWS::SQS::Queue", {"VisibilityTimeout": 60, "RedrivePolicy": Match.any_value()})
