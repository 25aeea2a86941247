"""One function, one role, only its grants: exact actions on exact resources."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from infra.settings import Settings, parse_settings
from tests.infra.template import Template, listed, referred, target

WITHOUT_RESOURCES = {
    "xray:PutTraceSegments": "AWS defines no resource for traces",
    "xray:PutTelemetryRecords": "AWS defines no resource for traces",
    "dynamodb:ListStreams": "AWS defines no resource for the list of streams",
}

READ_A_QUEUE = {
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueUrl",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}
SEND_TO_A_QUEUE = {"sqs:SendMessage"}
GIVE_UP_TO_A_QUEUE = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}
READ_A_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
EVERYBODY = {
    "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    "Log": {"logs:CreateLogStream", "logs:PutLogEvents"},
}
STREAM_READER = {"*": {*EVERYBODY["*"], "dynamodb:ListStreams"}, "Log": EVERYBODY["Log"]}
GRANTS: dict[str, dict[str, set[str]]] = {
    "ingest": {
        **EVERYBODY,
        "Activities": {"dynamodb:PutItem"},
        "Budgets": {"dynamodb:UpdateItem"},
        "IngestQueue": READ_A_QUEUE,
        "Erasures": {"dynamodb:GetItem", "dynamodb:BatchGetItem"},
        "parameter/baton/prod/servers-write-key": {"ssm:GetParameter"},
        "parameter/baton/prod/erasure": {"ssm:GetParameter"},
    },
    "score": {
        **STREAM_READER,
        "Activities stream": READ_A_STREAM,
        "AcceptedActivitiesFailures": GIVE_UP_TO_A_QUEUE,
        "Activities": {"dynamodb:GetItem", "dynamodb:Query"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
        },
        "ScoreQueue": {*READ_A_QUEUE, *SEND_TO_A_QUEUE},
    },
    "evaluate": {
        **STREAM_READER,
        "Leads stream": READ_A_STREAM,
        "ScoredLeadsFailures": GIVE_UP_TO_A_QUEUE,
        "Leads": {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "EvaluateQueue": {*READ_A_QUEUE, *SEND_TO_A_QUEUE},
    },
    "relay": {
        **STREAM_READER,
        "Leads stream": READ_A_STREAM,
        "OutboxFailures": GIVE_UP_TO_A_QUEUE,
        "Leads": {"dynamodb:GetItem"},
        "Events": {"events:PutEvents"},
        "RelayQueue": {*READ_A_QUEUE, *SEND_TO_A_QUEUE},
    },
    "notify": {
        **EVERYBODY,
        "Activities": {"dynamodb:Query"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        },
        "NotifyQueue": {*READ_A_QUEUE, *SEND_TO_A_QUEUE},
        "MissedSweepFailures": GIVE_UP_TO_A_QUEUE,
        "identity/baton@example.com": {"ses:SendEmail"},
        "identity/example.com": {"ses:SendEmail"},
        "parameter/baton/prod/lead-page": {"ssm:GetParameter"},
    },
    "rescore": {
        **EVERYBODY,
        "Activities": {"dynamodb:Query", "dynamodb:Scan"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PutItem",
        },
        "Leads/index/due": {"dynamodb:Query"},
        "RescoreQueue": READ_A_QUEUE,
        "ScoreQueue": {*SEND_TO_A_QUEUE, "sqs:GetQueueAttributes"},
        "DueSweepFailures": GIVE_UP_TO_A_QUEUE,
    },
    "reconcile": {
        **EVERYBODY,
        "Activities": {"dynamodb:Query"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
        },
        "HourlyCheckFailures": GIVE_UP_TO_A_QUEUE,
    },
    "admin": {
        **EVERYBODY,
        "Activities": {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        },
        "Leads/index/by_temperature": {"dynamodb:Query"},
        "Leads/index/by_stage": {"dynamodb:Query"},
        "Leads/index/by_state": {"dynamodb:Query"},
        "Erasures": {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"},
        "EraseQueue": SEND_TO_A_QUEUE,
        "ScoreQueue": SEND_TO_A_QUEUE,
        "parameter/baton/prod/erasure": {"ssm:GetParameter"},
        "parameter/baton/prod/lead-page": {"ssm:GetParameter"},
    },
    "answer": {
        **EVERYBODY,
        "Activities": {"dynamodb:Query", "dynamodb:PutItem"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        },
        "parameter/baton/prod/lead-page": {"ssm:GetParameter"},
    },
    "erase": {
        **EVERYBODY,
        "Activities": {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"},
        "Leads": {
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
        },
        "Erasures": {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"},
        "EraseQueue": {*READ_A_QUEUE, *SEND_TO_A_QUEUE},
        "ScoreQueue": SEND_TO_A_QUEUE,
        "parameter/baton/prod/erasure": {"ssm:GetParameter"},
    },
}


@pytest.mark.parametrize("verb", GRANTS)
def test_a_function_may_do_exactly_what_it_does(prod: Template, verb: str) -> None:
    found: dict[str, set[str]] = {}
    for statement in prod.statements(verb):
        for resource in listed(statement["Resource"]):
            found.setdefault(_named(prod, resource), set()).update(listed(statement["Action"]))
    assert found == GRANTS[verb]


@pytest.mark.parametrize(("verb", "actions"), [("reconcile", {"PutItem", "DeleteItem"}), ("admin", {"DeleteItem"})])
def test_what_was_found_of_drift_is_all_that_it_may_write_or_delete(
    prod: Template, verb: str, actions: set[str]
) -> None:
    bounds = {
        action.removeprefix("dynamodb:"): statement.get("Condition")
        for statement in prod.statements(verb)
        if "Leads" in json.dumps(statement["Resource"])
        for action in listed(statement["Action"])
    }
    bound = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["DRIFT"]}}
    assert {action: bounds[action] for action in actions} == dict.fromkeys(actions, bound)


def test_every_function_is_listed(prod: Template) -> None:
    assert set(prod.functions()) == set(GRANTS)


def test_notify_may_read_exactly_the_secrets_that_its_teams_name(synthesised: Callable[[Settings], Template]) -> None:
    teams = "{default: {slack: sales}, emea: {slack: sales, webhook: {url: 'https://crm.example.com', secret: crm}}}"
    template = synthesised(parse_settings(f"teams: {teams}", "teams"))
    read = [s for s in template.statements("notify") if s["Action"] == "ssm:GetParameter"]
    assert [_named(template, resource) for s in read for resource in listed(s["Resource"])] == [
        "parameter/baton/teams/crm",
        "parameter/baton/teams/sales",
        "parameter/baton/teams/lead-page",
    ]
    assert not [s for s in template.statements("notify") if "ses:SendEmail" in listed(s["Action"])]


def test_ingest_may_read_the_secrets_with_which_the_hosts_of_forms_sign_and_is_told_where_they_are(
    synthesised: Callable[[Settings], Template],
) -> None:
    hosted = "{name: demo, hosted_by: {kind: typeform, secret: typeform-signing}}"
    settings = parse_settings(f"forms: [{hosted}]\nteams: {{default: {{slack: slack-sales}}}}", "hosted")
    template = synthesised(settings)
    function = template.resource(template.functions()["ingest"])["Properties"]
    (form,) = json.loads(function["Environment"]["Variables"]["FORMS"])

    read = [s for s in template.statements("ingest") if s["Action"] == "ssm:GetParameter"]
    assert [_named(template, resource) for s in read for resource in listed(s["Resource"])] == [
        "parameter/baton/hosted/typeform-signing",
        "parameter/baton/hosted/erasure",
    ]
    assert form["hosted_by"]["secret"] == "/baton/hosted/typeform-signing"


def test_no_two_functions_share_a_role_and_no_role_is_anybody_elses(prod: Template) -> None:
    roles = [target(f["Role"]) for f in prod.of_type("AWS::Lambda::Function").values()]
    assert sorted(roles) == sorted(prod.of_type("AWS::IAM::Role"))


def test_a_role_is_for_lambda_alone_and_has_no_managed_policies(prod: Template) -> None:
    for role in prod.of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        ]


def test_no_wildcard_is_granted_but_those_for_which_aws_has_no_resource(prod: Template) -> None:
    for statement in _allowed(prod):
        actions = listed(statement["Action"])
        assert not any("*" in action for action in actions)
        if any("*" in json.dumps(resource) for resource in listed(statement["Resource"])):
            assert set(actions) <= set(WITHOUT_RESOURCES), statement


def test_nothing_is_open_to_everybody(prod: Template) -> None:
    for statement in _allowed(prod):
        assert statement.get("Principal") not in ("*", {"AWS": "*"})


def test_only_gateway_and_eventbridge_may_invoke_functions_each_from_one_source(prod: Template) -> None:
    for permission in prod.of_type("AWS::Lambda::Permission").values():
        assert permission["Principal"] in ("apigateway.amazonaws.com", "events.amazonaws.com")
        assert referred(permission["SourceArn"])


def _allowed(template: Template) -> Iterator[Mapping[str, Any]]:
    for kind in ("AWS::IAM::Policy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for policy in template.of_type(kind).values():
            yield from (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")


def _named(template: Template, resource: Any) -> str:
    """A resource as people call it: its name in the stack, and what of it is meant."""
    if resource == "*":
        return "*"
    if not (logical := _logical(resource)):
        return str(resource["Fn::Join"][1][-1]).removeprefix(":")
    [identifier] = logical
    assert identifier in template.document["Resources"]
    name = re.sub("[0-9A-F]{8}$", "", identifier)
    if name.endswith("LogGroup"):
        return "Log"
    name = re.sub("(?<=Failures)Queue$|Table$|Bus$", "", name)
    if "StreamArn" in json.dumps(resource):
        return f"{name} stream"
    return name + (str(resource["Fn::Join"][1][-1]) if "Fn::Join" in resource else "")


def _logical(resource: Any) -> set[str]:
    return {name for name in referred(resource) if not name.startswith("AWS::")}
