"""`score`, `evaluate` and `rescore` from the golden messages to the tables, on moto."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.evaluate import handler as evaluate
from functions.rescore import handler as rescore
from functions.score import handler as score
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb import lead_items
from shared.adapters.dynamodb.activities import DynamoDBActivities, activity_of
from shared.adapters.dynamodb.handoffs import DynamoDBAnswers
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.dynamodb.stream import new_image
from shared.domain.handoff import Answer, LeadId
from shared.domain.moments import HOUR, Moment, parse_moment
from shared.domain.people import Person, Role
from shared.domain.points import POINT
from shared.domain.rescores import UnappliedActivities
from shared.ports.bus import Event
from shared.ports.leads import Browser
from shared.ports.rules import RuleVersion
from shared.usecases.lead_writer import LinkRefused
from shared.usecases.rescores import Rescores
from shared.usecases.rulebook import Rulebook
from tests.fakes import FixedClock
from tests.people import activity, browser, email
from tests.tables import ACTIVITIES, LEADS

EVENTS = Path(__file__).parents[2] / "events"
SAM = email("sam@acme.example")
RULES = {
    "name": "test",
    "behaviour": [
        {"id": "pricing", "on": "page_viewed", "where": {"properties.path": {"is": "/pricing"}}, "points": 40},
        {"id": "form", "on": "form_submitted", "points": 25},
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}],
    "stages": [{"name": "mql", "enter": {"temperature": "warm"}}],
    "handoff": {"mql": {"to": "inside-sales", "notify": ["email"]}},
}


def golden(name):
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


class Context:
    def __init__(self, milliseconds=60_000):
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self):
        return self.milliseconds


def context(**rest) -> Any:
    return Context(**rest)


class Account:
    """The two tables and the three queues."""

    def __init__(self, dynamodb, monkeypatch):
        self.dynamodb = dynamodb
        self.sqs = boto3.client("sqs")
        self.urls = {name: self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("score", "evaluate")}
        monkeypatch.setenv("ACTIVITIES_TABLE", ACTIVITIES)
        monkeypatch.setenv("LEADS_TABLE", LEADS)
        monkeypatch.setenv("SCORE_QUEUE_URL", self.urls["score"])
        self._monkeypatch = monkeypatch
        self.log = DynamoDBActivities(dynamodb, ACTIVITIES)
        self.leads = DynamoDBLeads(dynamodb, LEADS)
        self.stages = DynamoDBStages(dynamodb, LEADS, SystemClock())
        self.versions = DynamoDBRuleVersions(dynamodb, LEADS)
        self.versions.publish(RuleVersion(1, "test", "somebody", SystemClock().now(), "", "0" * 64, RULES, ""))

    def log_golden_activities(self):
        images = [new_image(record) for record in golden("stream_activities")["Records"]]
        self.log.append([activity_of(image) for image in images if image])

    def score(self, event):
        self._monkeypatch.setenv("QUEUE_URL", self.urls["score"])
        return score.lambda_handler(event, context())

    def evaluate(self, event):
        self._monkeypatch.setenv("QUEUE_URL", self.urls["evaluate"])
        return evaluate.lambda_handler(event, context())

    def rescore(self, event, **rest):
        return rescore.lambda_handler(event, context(**rest))

    def sam(self):
        return self.leads.load(self.leads.whose([SAM])[SAM])

    def total(self):
        record = self.sam()
        rules = Rulebook(self.versions, SystemClock()).version(record.rules_version).rules
        return rules.score(record.state, SystemClock().now()).total / POINT

    def messages(self, queue):
        found = []
        while page := self.sqs.receive_message(QueueUrl=self.urls[queue], MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in page]
        return found


@pytest.fixture
def account(dynamodb, monkeypatch):
    for module, made in ((score, "_scoring"), (evaluate, "_evaluation"), (rescore, "_rescore")):
        getattr(module, made).cache_clear()
    yield Account(dynamodb, monkeypatch)
    for module, made in ((score, "_scoring"), (evaluate, "_evaluation"), (rescore, "_rescore")):
        getattr(module, made).cache_clear()


def test_the_stream_of_activities_becomes_a_scored_lead(account):
    account.log_golden_activities()

    account.score(golden("stream_activities"))

    assert account.total() == 65
    since = parse_moment("2026-03-02T09:30:02Z")
    assert account.sam().browsers == {"0d3f5f6e-7f3c-4f0d-9e88-2f8f0c8e1a55": Browser(since, shared=False)}
    assert account.leads.attached(browser("0d3f5f6e-7f3c-4f0d-9e88-2f8f0c8e1a55")) == {SAM: since}


def test_a_refused_link_is_told_to_operators_by_lead_and_reason_alone(capsys, caplog):
    score.report_refused(LinkRefused(LeadId("lead-1"), "too_many_identities"))

    assert [(each.lead, each.why) for each in caplog.records] == [("lead-1", "too_many_identities")]
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "LinksRefused" in line]
    assert (metric["LinksRefused"], metric["why"]) == ([1.0], "too_many_identities")


def test_the_stream_delivered_twice_changes_nothing(account):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    before = account.dynamodb.scan(TableName=LEADS)["Items"]

    account.score(golden("stream_activities"))

    assert account.dynamodb.scan(TableName=LEADS)["Items"] == before


def test_an_activity_that_cannot_be_read_is_queued_by_its_key_and_holds_up_no_other(account):
    account.log_golden_activities()
    event = golden("stream_activities")
    event["Records"][0]["dynamodb"]["NewImage"]["body"] = {"S": "no json"}

    account.score(event)

    assert account.messages("score") == [
        {
            "activity": {
                "identity": "anonymous_id:0d3f5f6e-7f3c-4f0d-9e88-2f8f0c8e1a55",
                "id": "ajs-next-1772443800000-5f0e9bb4-3a55-4d5e-8f59-6f1d2a1a7c11",
            }
        }
    ]
    assert account.sam() is not None


def test_a_removed_activity_is_passed_by(account):
    event = golden("stream_activities")
    for record in event["Records"]:
        record["eventName"] = "REMOVE"
        del record["dynamodb"]["NewImage"]

    account.score(event)

    assert account.dynamodb.scan(TableName=LEADS)["Count"] == 3, "the rules, their pointer and their event alone"


def test_the_queue_applies_one_activity_again_and_touches_leads(account):
    account.log_golden_activities()
    event = golden("queue_score")
    event["Records"] = event["Records"][:1]

    assert account.score(event) == {"batchItemFailures": []}
    assert account.total() == 65
    before = account.sam().version

    touch = golden("queue_score")["Records"][1]
    touch["body"] = json.dumps({"lead": account.sam().lead})
    assert account.score({"Records": [touch]}) == {"batchItemFailures": []}
    assert account.sam().version == before + 1


def test_a_message_that_cannot_be_done_is_the_only_one_to_come_again(account):
    account.log_golden_activities()
    event = golden("queue_score")
    event["Records"][1]["body"] = json.dumps({"strange": True})

    assert account.score(event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
    assert account.total() == 65


def test_when_even_the_queue_fails_the_stream_delivers_the_batch_again(account):
    account.log_golden_activities()
    event = golden("stream_activities")
    event["Records"][0]["dynamodb"]["NewImage"]["body"] = {"S": "no json"}
    account.sqs.delete_queue(QueueUrl=account.urls["score"])

    with pytest.raises(Exception, match="queue"):
        account.score(event)


def scores_of(lead):
    event = golden("stream_scores")
    event["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = f"LEAD#{lead}"
    return event


def test_a_scored_lead_is_evaluated_once_however_often_it_is_delivered(account):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    lead = account.sam().lead

    account.evaluate(scores_of(lead))
    account.evaluate(scores_of(lead))
    queued = golden("queue_evaluate")
    queued["Records"][0]["body"] = json.dumps({"lead": lead})
    assert account.evaluate(queued) == {"batchItemFailures": []}

    assert [each.to_stage for each in account.stages.transitions(lead)] == ["mql"]
    assert [each.key.stage for each in account.stages.handoffs(lead)] == ["mql"]


def test_a_handoff_is_followed_up_by_turns_until_it_is_answered(account, monkeypatch):
    clock = FixedClock("2026-03-03T09:00:00Z")
    monkeypatch.setattr(evaluate, "SystemClock", lambda: clock)
    monkeypatch.setenv("TEAMS", json.dumps({"inside-sales": [{"name": "ada"}, {"name": "bob", "weight": 1}]}))
    rule = {"to": "inside-sales", "respond_within": "1h", "remind": "10m", "reassign": {"after": "1h"}}
    document = {**RULES, "handoff": {"mql": rule}}
    account.versions.publish(RuleVersion(2, "test", "somebody", clock.now(), "", "0" * 64, document, ""))
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    lead = account.sam().lead
    account.evaluate(scores_of(lead))
    (handoff,) = account.stages.handoffs(lead)
    assert handoff.assignee == "ada"

    clock.advance(3 * HOUR)
    account.evaluate(scores_of(lead))
    account.evaluate(scores_of(lead))

    standing = account.stages.standing(handoff.key)
    assert ([each.kind for each in standing.done], standing.assignee) == (["reminder", "reassignment"], "bob")
    assert account.stages.turns("inside-sales") == 2

    # What the bus delivers when somebody answers: the detail alone, with the lead in the place where a look names it.
    answers = DynamoDBAnswers(account.dynamodb, LEADS, account.log)
    told = activity("p1", SAM, type="handoff_accepted")
    answers.answer(handoff.key, Answer("accepted", clock.now(), "bob"), told, Event("e1", "HandoffAnswered", {}))
    answered = golden("queue_evaluate_answered")
    body = json.loads(answered["Records"][0]["body"])
    answered["Records"][0]["body"] = json.dumps({**body, "lead": lead})
    assert account.evaluate(answered) == {"batchItemFailures": []}
    assert account.stages.load(lead).open == ()


def test_a_lead_whose_state_is_kept_by_month_is_scored_and_evaluated_like_any_other(account, monkeypatch):
    monkeypatch.setattr(lead_items, "SPILL_ABOVE", 0)
    account.log_golden_activities()

    account.score(golden("stream_activities"))
    account.score(golden("stream_activities"))
    account.evaluate(scores_of(account.sam().lead))

    assert account.total() == 65
    assert [each.to_stage for each in account.stages.transitions(account.sam().lead)] == ["mql"]


def test_parts_that_a_state_needs_no_more_are_taken_away_as_it_is_scored(account, monkeypatch):
    account.log_golden_activities()
    with monkeypatch.context() as small:
        small.setattr(lead_items, "SPILL_ABOVE", 0)
        account.score(golden("stream_activities"))
    assert account.sam().stored_months
    touch = golden("queue_score")["Records"][1]
    touch["body"] = json.dumps({"lead": account.sam().lead})

    assert account.score({"Records": [touch]}) == {"batchItemFailures": []}

    assert account.total() == 65
    keys = [item["sk"]["S"] for item in account.dynamodb.scan(TableName=LEADS)["Items"]]
    assert not [each for each in keys if each.startswith("SCORE#")]


def test_a_lead_that_cannot_be_evaluated_is_queued_by_its_key(account, monkeypatch):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    lead = account.sam().lead
    account.dynamodb.delete_item(TableName=LEADS, Key={"pk": {"S": "RULES"}, "sk": {"S": "VERSION#000001"}})

    account.evaluate(scores_of(lead))

    assert account.messages("evaluate") == [{"lead": lead}]


def test_the_due_sweep_asks_for_a_touch_of_the_due_leads(account):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    lead = account.sam().lead
    account.dynamodb.update_item(
        TableName=LEADS,
        Key={"pk": {"S": f"LEAD#{lead}"}, "sk": {"S": "SCORE"}},
        UpdateExpression="SET due = :past, due_shard = :shard",
        ExpressionAttributeValues={":past": {"N": "1"}, ":shard": {"S": "0"}},
    )

    account.rescore(golden("schedule_due_sweep"))

    assert account.messages("score") == [{"lead": lead}]


def test_events_begin_rescores_of_one_and_of_all(account):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    lead = account.sam().lead

    assert account.rescore(golden("queue_rescore")) == {"batchItemFailures": []}

    asked = [message["lead"] for message in account.messages("score")]
    assert asked.count("01JNB3V7Q9") == 1, "the one that was named"
    assert asked.count(lead) == 2, "everyone: after the publish, and because all were asked for"


def test_a_strange_request_to_rescore_begins_nothing(account):
    event = golden("queue_rescore")
    event["Records"] = event["Records"][1:2]
    event["Records"][0]["body"] = json.dumps({**golden("bus_rescore_requested"), "detail": {"lead": "x", "all": True}})

    assert account.rescore(event)["batchItemFailures"] == [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert account.messages("score") == []


def test_a_rescore_without_time_goes_on_at_the_next_tick(account):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    event = golden("queue_rescore")
    event["Records"] = event["Records"][2:]

    account.rescore(event, milliseconds=1_000)
    assert account.messages("score") == []

    account.rescore(golden("schedule_due_sweep"))
    assert account.messages("score") == [{"lead": LeadId(account.sam().lead)}]


def test_an_hour_of_stream_records_thrown_away_is_caught_up_exactly_and_nothing_else_is_queued(account):
    """Ten people of whom two share a browser; of the last hour no record of the stream reaches `score`."""
    account._monkeypatch.setenv("QUEUE_URL", account.urls["score"])
    use_case, now, shared = score._scoring().score, SystemClock().now(), browser("kiosk")
    people = [email(f"visitor-{number}@acme.example") for number in range(10)]

    def did(name, *who, hours):
        at = Moment(now - int(hours * HOUR))
        return replace(activity(name, *who, type="form_submitted"), occurred_at=at, received_at=at)

    before = [did(f"a{number}", person, hours=3) for number, person in enumerate(people)]
    before += [did(f"k{number}", people[number], shared, hours=2.9 - number / 10) for number in range(2)]
    before.append(did("n1", shared, hours=2.85))
    lost = [did(f"b{number}", people[number % 10], hours=0.9 - number / 50) for number in range(30)]
    lost += [did("n2", shared, hours=0.5), did("c1", email("somebody-new@acme.example"), hours=0.4)]
    account.log.append(before)
    assert use_case.apply(before) == []
    account.log.append(lost)
    rulebook = Rulebook(account.versions, SystemClock())
    jobs = Rescores(DynamoDBRescoring(account.dynamodb, LEADS), account.versions, rulebook, SystemClock())
    asked = jobs.ask(UnappliedActivities(Moment(now - HOUR)), "once", Person("ada", "ada", frozenset({Role.ADMIN})))

    account.rescore(golden("schedule_due_sweep"))

    queued = account.messages("score")
    assert sorted(message["activity"]["id"] for message in queued) == sorted(each.id for each in lost)
    (done,) = jobs.all()
    assert (done.job, done.found, done.done, done.ended is not None) == (asked.job, len(lost), 4, True)
    body = {**golden("queue_score")["Records"][0], "eventSource": "aws:sqs"}
    records = [{**body, "messageId": str(place), "body": json.dumps(each)} for place, each in enumerate(queued)]
    assert account.score({"Records": records}) == {"batchItemFailures": []}
    again = jobs.ask(UnappliedActivities(Moment(now - 4 * HOUR)), "twice", Person("ada", "ada", frozenset()))
    account.rescore(golden("schedule_due_sweep"))
    assert account.messages("score") == []
    assert next(each for each in jobs.all() if each.job == again.job).found == 0


def test_leads_that_meet_a_condition_are_touched_when_any_system_asks(account):
    account.log_golden_activities()
    account.score(golden("stream_activities"))
    lead = account.sam().lead
    event = golden("queue_rescore")
    event["Records"] = event["Records"][1:2]

    for where, touched in (({"score": {"above": 60}, "temperature": "warm"}, [lead]), ({"temperature": "cold"}, [])):
        asked = {**golden("bus_rescore_requested_where"), "id": str(touched), "detail": {"where": where}}
        event["Records"][0]["body"] = json.dumps(asked)
        assert account.rescore(event) == {"batchItemFailures": []}
        assert [message["lead"] for message in account.messages("score")] == touched


def test_a_condition_that_cannot_be_read_goes_to_the_dead_letters_and_the_log_says_why(account, caplog):
    event = golden("queue_rescore")
    event["Records"] = event["Records"][1:2]
    where = {"any": [{"lead.email": {"equals": "sam@acme.example"}}]}
    event["Records"][0]["body"] = json.dumps({**golden("bus_rescore_requested_where"), "detail": {"where": where}})

    assert account.rescore(event)["batchItemFailures"] == [{"itemIdentifier": event["Records"][0]["messageId"]}]

    (told,) = [vars(each) for each in caplog.records if each.message == "no rescore begun"]
    reason = "`where` cannot be read at any.0.lead.email.?, a key that conditions do not have (did you mean 'is'?)"
    assert (told["error"], told["reason"]) == ("NotUnderstood", reason)
    assert account.messages("score") == []
    assert DynamoDBRescoring(account.dynamodb, LEADS).all() == []
