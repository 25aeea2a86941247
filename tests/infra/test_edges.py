"""Every asynchronous edge ends somewhere, and somebody is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.template import Template, referred, target

STREAM_READERS = ("score", "evaluate", "relay")
QUEUE_WORKERS = ("ingest", "score", "evaluate", "relay", "notify", "rescore", "erase")


def _mappings(template: Template, kind: str) -> list[tuple[str, dict[str, Any]]]:
    sources = set(template.of_type("AWS::SQS::Queue" if kind == "queue" else "AWS::DynamoDB::Table"))
    return [
        (target(mapping["FunctionName"]), dict(mapping))
        for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values()
        if target(mapping["EventSourceArn"]) in sources
    ]


def test_the_functions_read_the_queues_and_streams_that_the_design_names(prod: Template) -> None:
    names = {logical: verb for verb, logical in prod.functions().items()}
    assert sorted(names[function] for function, _ in _mappings(prod, "queue")) == sorted(QUEUE_WORKERS)
    assert sorted(names[function] for function, _ in _mappings(prod, "stream")) == sorted(STREAM_READERS)


def test_a_queue_gives_up_after_five_tries_to_a_queue_that_is_encrypted_and_kept_longer(prod: Template) -> None:
    queues = prod.of_type("AWS::SQS::Queue")
    for _, mapping in _mappings(prod, "queue"):
        queue = queues[target(mapping["EventSourceArn"])]
        redrive = queue["RedrivePolicy"]
        dead_letters = queues[target(redrive["deadLetterTargetArn"])]
        assert redrive["maxReceiveCount"] == 5
        assert dead_letters["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_every_queue_has_dead_letters_of_its_own(prod: Template) -> None:
    redrives = [q["RedrivePolicy"] for q in prod.of_type("AWS::SQS::Queue").values() if "RedrivePolicy" in q]
    assert len({target(redrive["deadLetterTargetArn"]) for redrive in redrives}) == len(redrives) == len(QUEUE_WORKERS)


def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_run(prod: Template) -> None:
    for function, mapping in _mappings(prod, "queue"):
        timeout = prod.resource(function)["Properties"]["Timeout"]
        queue = prod.resource(target(mapping["EventSourceArn"]))["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * timeout


def test_one_bad_message_does_not_bring_back_its_batch(prod: Template) -> None:
    for _, mapping in _mappings(prod, "queue"):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_what_rescores_ask_for_takes_only_so_much_of_score_and_the_stream_keeps_its_own(prod: Template) -> None:
    [queue] = [mapping for function, mapping in _mappings(prod, "queue") if function == prod.functions()["score"]]
    [stream] = [mapping for function, mapping in _mappings(prod, "stream") if function == prod.functions()["score"]]

    assert queue["ScalingConfig"] == {"MaximumConcurrency": 4}
    assert "ScalingConfig" not in stream


def test_a_stream_batch_that_raises_is_halved_and_tried_finitely_and_then_kept(prod: Template) -> None:
    for _, mapping in _mappings(prod, "stream"):
        assert mapping["BisectBatchOnFunctionError"] is True
        assert 0 < mapping["MaximumRetryAttempts"] <= 100
        assert 0 < mapping["MaximumRecordAgeInSeconds"] <= 86_400
        assert target(mapping["DestinationConfig"]["OnFailure"]["Destination"]) in prod.of_type("AWS::SQS::Queue")


def test_stream_handlers_never_report_partial_failures(prod: Template) -> None:
    for _, mapping in _mappings(prod, "stream"):
        assert "FunctionResponseTypes" not in mapping


@pytest.mark.parametrize(
    ("verb", "pattern"),
    [
        ("score", {"eventName": ["INSERT"]}),
        (
            "evaluate",
            {
                "eventName": ["INSERT", "MODIFY"],
                "dynamodb": {"Keys": {"sk": {"S": ["SCORE"]}}, "NewImage": {"look": {"BOOL": [True]}}},
            },
        ),
        ("relay", {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "OUTBOX#"}]}}}}),
    ],
)
def test_a_stream_wakes_a_function_only_for_what_it_works_on(prod: Template, verb: str, pattern: object) -> None:
    [mapping] = [m for function, m in _mappings(prod, "stream") if function == prod.functions()[verb]]
    assert [json.loads(f["Pattern"]) for f in mapping["FilterCriteria"]["Filters"]] == [pattern]


def test_a_table_has_at_most_two_consumers_of_its_stream(prod: Template) -> None:
    tables = [target(mapping["EventSourceArn"]) for _, mapping in _mappings(prod, "stream")]
    assert all(tables.count(table) <= 2 for table in tables)


def test_what_a_rule_cannot_deliver_is_tried_finitely_and_then_kept(prod: Template) -> None:
    for rule in prod.of_type("AWS::Events::Rule").values():
        for edge in rule["Targets"]:
            assert target(edge["DeadLetterConfig"]["Arn"]) in prod.dead_letter_queues()
            assert 0 < edge["RetryPolicy"]["MaximumRetryAttempts"] <= 185
            assert 0 < edge["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86_400


def test_an_undelivered_event_is_redriven_with_the_dead_letters_of_the_queue_that_it_was_for(prod: Template) -> None:
    for rule in prod.of_type("AWS::Events::Rule").values():
        for edge in rule["Targets"]:
            if (queue := target(edge["Arn"])) in prod.of_type("AWS::SQS::Queue"):
                redrive = prod.resource(queue)["Properties"]["RedrivePolicy"]
                assert edge["DeadLetterConfig"]["Arn"] == redrive["deadLetterTargetArn"]


@pytest.mark.parametrize(
    ("detail_type", "source", "verb"),
    [
        ("ActivitySubmitted", None, "ingest"),
        ("HandoffRequested", ["baton"], "notify"),
        ("HandoffFollowedUp", ["baton"], "notify"),
        ("RulesPublished", ["baton"], "rescore"),
        ("RescoreRequested", None, "rescore"),
        ("NoiseChanged", ["baton"], "rescore"),
    ],
)
def test_an_event_reaches_the_queue_of_the_function_that_works_on_it(
    prod: Template, detail_type: str, source: object, verb: str
) -> None:
    [rule] = [
        rule
        for rule in prod.of_type("AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("detail-type") == [detail_type]
    ]
    [queue] = [target(m["EventSourceArn"]) for f, m in _mappings(prod, "queue") if f == prod.functions()[verb]]
    assert rule["EventPattern"].get("source") == source
    assert [target(edge["Arn"]) for edge in rule["Targets"]] == [queue]
    assert "EventBusName" in rule


@pytest.mark.parametrize(
    ("verb", "rate"), [("rescore", "rate(1 minute)"), ("notify", "rate(1 minute)"), ("reconcile", "rate(1 hour)")]
)
def test_a_schedule_ticks_and_a_tick_that_failed_is_kept(prod: Template, verb: str, rate: str) -> None:
    function = prod.functions()[verb]
    rules = [r for r in prod.of_type("AWS::Events::Rule").values() if "ScheduleExpression" in r]
    [rule] = [each for each in rules if [target(edge["Arn"]) for edge in each["Targets"]] == [function]]
    [edge] = rule["Targets"]
    invokes = prod.of_type("AWS::Lambda::EventInvokeConfig").values()
    [invoke] = [each for each in invokes if target(each["FunctionName"]) == function]
    assert rule["ScheduleExpression"] == rate
    assert json.loads(edge["Input"]) == {"tick": True}
    assert invoke["MaximumRetryAttempts"] == 0
    assert target(invoke["DestinationConfig"]["OnFailure"]["Destination"]) in prod.dead_letter_queues()


def test_only_what_has_an_on_failure_destination_is_invoked_asynchronously(prod: Template) -> None:
    destined = {target(c["FunctionName"]) for c in prod.of_type("AWS::Lambda::EventInvokeConfig").values()}
    invoked = {
        target(edge["Arn"])
        for rule in prod.of_type("AWS::Events::Rule").values()
        for edge in rule["Targets"]
        if target(edge["Arn"]) in prod.of_type("AWS::Lambda::Function")
    }
    assert invoked == destined


def test_every_queue_where_something_was_given_up_has_an_alarm_at_the_first_message(prod: Template) -> None:
    for queue in prod.dead_letter_queues():
        [alarm] = prod.alarmed("ApproximateNumberOfMessagesVisible", queue)
        assert alarm["Threshold"] == 1
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_every_function_has_alarms_on_errors_throttles_and_its_slowest_runs(prod: Template) -> None:
    for function, properties in prod.of_type("AWS::Lambda::Function").items():
        assert prod.alarmed("Errors", function)
        assert prod.alarmed("Throttles", function)
        [slow] = prod.alarmed("Duration", function)
        assert slow["ExtendedStatistic"] == "p99"
        assert slow["Threshold"] < properties["Timeout"] * 1000


def test_every_reader_of_a_stream_has_an_alarm_long_before_records_are_lost(prod: Template) -> None:
    for function, _ in _mappings(prod, "stream"):
        [alarm] = prod.alarmed("IteratorAge", function)
        assert alarm["Threshold"] <= 3_600_000


def test_every_work_queue_has_an_alarm_on_what_waits_too_long(prod: Template) -> None:
    for _, mapping in _mappings(prod, "queue"):
        assert prod.alarmed("ApproximateAgeOfOldestMessage", target(mapping["EventSourceArn"]))


def test_a_channel_that_is_down_wakes_somebody(prod: Template) -> None:
    [alarm] = [a for a in prod.of_type("AWS::CloudWatch::Alarm").values() if a.get("MetricName") == "ChannelsDown"]
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Threshold"]) == ("Baton", "Maximum", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "notify"}]


def test_a_lead_that_has_drifted_wakes_somebody(prod: Template) -> None:
    [alarm] = [a for a in prod.of_type("AWS::CloudWatch::Alarm").values() if a.get("MetricName") == "LeadsDrifted"]
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Threshold"]) == ("Baton", "Maximum", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "reconcile"}]


def test_of_an_answer_both_the_teams_and_the_journey_are_told(prod: Template) -> None:
    told = {
        target(edge["Arn"])
        for rule in prod.of_type("AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("detail-type") == ["HandoffAnswered"]
        for edge in rule["Targets"]
    }
    queues = {target(m["EventSourceArn"]): f for f, m in _mappings(prod, "queue")}
    assert {queues[queue] for queue in told} == {prod.functions()["notify"], prod.functions()["evaluate"]}
    paths = {
        queues[target(edge["Arn"])]: edge.get("InputPath")
        for rule in prod.of_type("AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("detail-type") == ["HandoffAnswered"]
        for edge in rule["Targets"]
    }
    assert paths == {prod.functions()["notify"]: None, prod.functions()["evaluate"]: "$.detail"}


def test_the_api_has_alarms_on_failures_and_on_slow_answers(prod: Template) -> None:
    [api] = prod.of_type("AWS::ApiGatewayV2::Api")
    assert prod.alarmed("5xx", api)
    assert prod.alarmed("Latency", api)


def test_every_alarm_goes_to_the_topic_and_the_topic_to_the_people_on_call(prod: Template) -> None:
    [topic] = prod.of_type("AWS::SNS::Topic")
    for alarm in prod.of_type("AWS::CloudWatch::Alarm").values():
        assert [target(action) for action in alarm["AlarmActions"]] == [topic]
        assert alarm["TreatMissingData"] == "notBreaching"
    subscriptions = prod.of_type("AWS::SNS::Subscription").values()
    assert [(s["Protocol"], s["Endpoint"], target(s["TopicArn"])) for s in subscriptions] == [
        ("email", "oncall@example.com", topic)
    ]


def test_cloudwatch_may_publish_to_the_topic(prod: Template) -> None:
    [policy] = prod.of_type("AWS::SNS::TopicPolicy").values()
    [allowed] = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"


def test_eventbridge_may_send_to_every_queue_that_a_rule_names_and_to_no_other(prod: Template) -> None:
    named = {
        name
        for rule in prod.of_type("AWS::Events::Rule").values()
        for edge in rule["Targets"]
        for name in (target(edge["Arn"]), target(edge["DeadLetterConfig"]["Arn"]))
        if name in prod.of_type("AWS::SQS::Queue")
    }
    opened = {
        queue
        for policy in prod.of_type("AWS::SQS::QueuePolicy").values()
        for queue in referred(policy["Queues"])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Principal"] == {"Service": "events.amazonaws.com"}
    }
    assert opened == named
