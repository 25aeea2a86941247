"""What is kept is encrypted, backed up and hard to delete, and nothing else is kept."""

from __future__ import annotations

import json

from infra.stack import TIMEOUTS
from tests.infra.template import Template, target


def test_tables_are_backed_up_encrypted_protected_and_survive_the_stack(prod: Template) -> None:
    for name, table in prod.of_type("AWS::DynamoDB::Table").items():
        assert table["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True,
            "RecoveryPeriodInDays": 35,
        }
        assert table["SSESpecification"]["SSEEnabled"] is True
        assert table["DeletionProtectionEnabled"] is True
        assert prod.resource(name)["DeletionPolicy"] == "Retain"
        assert prod.resource(name)["UpdateReplacePolicy"] == "Retain"


WITHOUT_STREAM = {"Budgets", "Erasures"}
"""Tables whose changes nobody follows."""


def test_tables_cost_by_use_expire_their_items_and_stream_what_items_became(prod: Template) -> None:
    for name, table in prod.of_type("AWS::DynamoDB::Table").items():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
        followed = not name.startswith(tuple(f"{table}Table" for table in WITHOUT_STREAM))
        assert table.get("StreamSpecification") == ({"StreamViewType": "NEW_IMAGE"} if followed else None)
        assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_leads_have_four_indexes_that_hold_keys_alone_and_other_tables_have_none(prod: Template) -> None:
    tables = prod.of_type("AWS::DynamoDB::Table")
    [leads] = [table for table in tables.values() if "GlobalSecondaryIndexes" in table]
    assert {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in leads["GlobalSecondaryIndexes"]
    } == {
        "due": ["due_shard", "due"],
        "by_temperature": ["temperature", "rank"],
        "by_stage": ["stage", "rank"],
        "by_state": ["handoff_state", "requested_at"],
    }
    assert {index["Projection"]["ProjectionType"] for index in leads["GlobalSecondaryIndexes"]} == {"KEYS_ONLY"}
    assert {a["AttributeName"]: a["AttributeType"] for a in leads["AttributeDefinitions"]} == {
        "pk": "S",
        "sk": "S",
        "due_shard": "S",
        "due": "N",
        "temperature": "S",
        "stage": "S",
        "rank": "N",
        "handoff_state": "S",
        "requested_at": "N",
    }


def test_the_local_stack_can_be_deleted_whole(local: Template) -> None:
    for name, table in local.of_type("AWS::DynamoDB::Table").items():
        assert table["DeletionProtectionEnabled"] is False
        assert local.resource(name)["DeletionPolicy"] == "Delete"


def test_queues_are_encrypted_and_refuse_what_is_not(prod: Template) -> None:
    for name, queue in prod.of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True
        [policy] = [p for p in prod.of_type("AWS::SQS::QueuePolicy").values() if name in map(target, p["Queues"])]
        assert _denies_plain_text(policy["PolicyDocument"])


def test_the_topic_refuses_what_is_not_encrypted(prod: Template) -> None:
    [policy] = prod.of_type("AWS::SNS::TopicPolicy").values()
    assert _denies_plain_text(policy["PolicyDocument"])


def _denies_plain_text(document: dict[str, list[dict[str, object]]]) -> bool:
    return any(
        statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in document["Statement"]
    )


def test_the_archive_keeps_what_baton_says_and_not_the_activities_of_others(prod: Template) -> None:
    [archive] = prod.of_type("AWS::Events::Archive").values()
    assert archive["RetentionDays"] == 90
    assert archive["EventPattern"] == {"detail-type": [{"anything-but": ["ActivitySubmitted"]}]}


def test_every_log_ends(prod: Template) -> None:
    groups = prod.of_type("AWS::Logs::LogGroup")
    assert {group["RetentionInDays"] for group in groups.values()} == {30}
    for function in prod.of_type("AWS::Lambda::Function").values():
        assert target(function["LoggingConfig"]["LogGroup"]) in groups
        assert function["LoggingConfig"]["LogFormat"] == "JSON"


def test_the_access_log_names_no_person(prod: Template) -> None:
    [stage] = prod.of_type("AWS::ApiGatewayV2::Stage").values()
    line = json.loads(stage["AccessLogSettings"]["Format"])
    told = " ".join(line.values())
    assert "$context.requestId" in told
    for personal in ("ourceIp", "userAgent", "claims", "$context.path", "queryString"):
        assert personal not in told


def test_the_api_is_throttled_on_its_default_stage(prod: Template) -> None:
    [stage] = prod.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 400, "ThrottlingRateLimit": 200}


def test_functions_run_on_arm_with_the_newest_python_and_are_traced(prod: Template) -> None:
    for verb, name in prod.functions().items():
        function = prod.resource(name)["Properties"]
        assert function["Architectures"] == ["arm64"]
        assert function["Runtime"] == "python3.14"
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["Handler"] == f"functions.{verb}.handler.lambda_handler"
        assert function["Timeout"] == TIMEOUTS[verb].to_seconds()
        assert "ReservedConcurrentExecutions" not in function


def test_all_functions_run_from_one_asset(prod: Template) -> None:
    assert len({json.dumps(f["Code"]) for f in prod.of_type("AWS::Lambda::Function").values()}) == 1
