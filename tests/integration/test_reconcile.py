"""Damage of each kind among leads on DynamoDB: `reconcile` names it, `admin` asks, `score` mends, and it is over."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger

from functions.admin import desk
from functions.admin import handler as admin
from functions.admin.settings import Settings as AdminSettings
from functions.reconcile import handler as reconcile
from functions.reconcile.settings import Settings
from functions.score import handler as score
from functions.score.settings import Settings as ScoreSettings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.drift import DynamoDBDrifts
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.domain.handoff import LeadId
from shared.ports.rules import RuleVersion
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from tests.people import activity, browser, email, user
from tests.tables import ACTIVITIES, ERASURES, LEADS
from tests.whole_way import given

EVENTS = Path(__file__).parents[2] / "events"
RULES = {
    "name": "test",
    "behaviour": [{"id": "demo", "on": "demo_requested", "points": 60, "decay": {"half_life": "3000d"}}],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 40}],
}
COUNT = 24


class Context:
    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def context(milliseconds: int = 300_000) -> Any:
    """What Lambda tells of the time that is left."""
    return Context(milliseconds)


class Account:
    """Some leads on two tables, and the functions that find and mend what is wrong with them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.log, self.leads = DynamoDBActivities(client, ACTIVITIES), DynamoDBLeads(client, LEADS)
        self.drifts, clock = DynamoDBDrifts(client, LEADS), SystemClock()
        versions = DynamoDBRuleVersions(client, LEADS)
        versions.publish(RuleVersion(1, "test", "mia", clock.now(), "", "0" * 64, RULES, ""))
        numbers = iter(range(1, 1000))
        scores = Score(self.log, self.leads, Rulebook(versions, clock), clock, lambda: LeadId(f"lead-{next(numbers)}"))
        done = [
            activity(f"d{place}", email(f"ada{place}@engines.example"), browser(f"b{place}"), type="demo_requested")
            for place in range(COUNT)
        ]
        done += [
            activity(f"u{place}", email(f"ada{place}@engines.example"), user(f"u{place}"))
            for place in range(0, COUNT, 2)
        ]
        self.log.append(done)
        assert scores.apply(done) == []
        queues = {name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("erase", "score")}
        self.sqs, self.score_queue = boto3.client("sqs"), queues["score"]
        tables = {"activities_table": ACTIVITIES, "leads_table": LEADS}
        self.rounds = given(reconcile._rounds, Settings(**tables).environment())
        self.scoring = given(score._scoring, ScoreSettings(queue_url=queues["score"], **tables).environment())
        settings = AdminSettings(
            erasures_table=ERASURES,
            erasure_secret="/baton/test/erasure",
            page_secret="/baton/test/lead-page",
            approvals=(),
            erase_queue_url=queues["erase"],
            score_queue_url=queues["score"],
            **tables,
        )
        self.desk = given(desk.from_environment, settings.environment())

    def change(self, lead: int, **attributes: Any) -> None:
        """Write attributes of a lead's SCORE item past everybody; None takes one away."""
        key = {"pk": {"S": f"LEAD#lead-{lead}"}, "sk": {"S": "SCORE"}}
        for name, value in attributes.items():
            said: dict[str, Any] = {"UpdateExpression": "REMOVE #name"}
            if value is not None:
                said = {"UpdateExpression": "SET #name = :value", "ExpressionAttributeValues": {":value": value}}
            self.client.update_item(TableName=LEADS, Key=key, ExpressionAttributeNames={"#name": name}, **said)

    def packed(self, lead: int) -> Any:
        key = {"pk": {"S": f"LEAD#lead-{lead}"}, "sk": {"S": "SCORE"}}
        return self.client.get_item(TableName=LEADS, Key=key)["Item"]["state"]

    def tick(self) -> dict[str, list[str]]:
        reconcile.lambda_handler(self._golden("schedule_due_sweep"), context(), self.rounds)
        return {each.lead: [fault.value for fault in each.faults] for each in self.drifts.all()}

    def ask(self, name: str, *, lead: str | None = None) -> Any:
        event = self._golden(f"http_{name}")
        if lead is not None:
            event = json.loads(json.dumps(event).replace("lead-1", lead))
        reply = admin.lambda_handler(event, None, self.desk)
        assert reply["statusCode"] < 300, reply
        return json.loads(reply["body"])

    def work_through_score_queue(self) -> int:
        count = 0
        while messages := self.sqs.receive_message(QueueUrl=self.score_queue, MaxNumberOfMessages=10).get("Messages"):
            records = [
                {"messageId": each["MessageId"], "body": each["Body"], "eventSource": "aws:sqs"} for each in messages
            ]
            answer = score.lambda_handler({"Records": records}, context(), self.scoring)
            assert answer == {"batchItemFailures": []}
            for each in messages:
                self.sqs.delete_message(QueueUrl=self.score_queue, ReceiptHandle=each["ReceiptHandle"])
            count += len(messages)
        return count

    def _golden(self, name: str) -> Any:
        return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What `reconcile` logs."""
    stream = io.StringIO()
    monkeypatch.setattr(reconcile, "_log", Logger(service=f"reconcile-{id(stream)}", stream=stream))
    return stream


@pytest.fixture
def account(dynamodb: Any) -> Account:
    boto3.client("ssm").put_parameter(Name="/baton/test/erasure", Value="secret", Type="SecureString")
    return Account(dynamodb)


def test_what_is_damaged_is_found_named_asked_for_and_mended_and_nothing_else_is(
    account: Account, logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account.tick() == {}
    names = {f"lead-{number}": LeadId(f"lead-{number}") for number in range(1, COUNT + 1)}
    sound = {name: account.leads.load(lead) for name, lead in names.items()}
    account.change(1, state={"B": b"garbage"})
    account.change(2, state=account.packed(20))
    account.change(3, rules_version={"N": "99"})
    account.change(4, due=None, due_shard=None)
    given_away = {"pk": {"S": "IDENTITY#email:ada4@engines.example"}, "sk": {"S": "LEAD"}}
    assert "Item" in account.client.get_item(TableName=LEADS, Key=given_away)
    account.client.put_item(TableName=LEADS, Item={**given_away, "lead": {"S": "lead-9"}})
    capsys.readouterr()

    found = account.tick()

    assert {lead: faults[0] for lead, faults in found.items()} == {
        "lead-1": "unreadable",
        "lead-2": "names",
        "lead-3": "rules",
        "lead-4": "due",
        "lead-5": "names",
    }
    assert '"LeadsDrifted":[5.0]' in capsys.readouterr().out.replace(" ", "")
    told = logged.getvalue()
    assert "lead-3" in told
    assert "engines.example" not in told
    assert [each["lead"] for each in account.ask("list_drift")["drifted"]] == list(found)
    assert account.ask("check_leads")["drifted"][0]["faults"][0]["fault"] == "unreadable"

    for lead in found:
        assert account.ask("repair_lead", lead=lead) == {"lead": lead}
    assert account.work_through_score_queue() == 5

    for name, before in sound.items():
        after = account.leads.load(names[name])
        assert before is not None
        assert after is not None
        assert (after.identities, after.state, after.browsers) == (before.identities, before.state, before.browsers)
        assert (after.rules_version, after.due, after.ties) == (before.rules_version, before.due, before.ties)
    assert account.ask("check_leads") == {"checked": 1, "drifted": [], "unsure": [], "unknown": [], "next": None}
    assert account.tick() == {}
    assert account.ask("list_drift")["drifted"] == []


def test_a_tick_without_time_for_a_lead_checks_none_and_the_next_goes_on(account: Account) -> None:
    reconcile.lambda_handler({"tick": True}, context(1000), account.rounds)
    assert account.drifts.round() is None

    few = reconcile.Rounds(account.rounds.reconcile, most=10)
    ticks = 0
    while (round_ := account.drifts.round()) is None or round_.before is None:
        reconcile.lambda_handler({"tick": True}, context(), few)
        ticks += 1
        round_ = account.drifts.round()
        assert round_ is not None
        assert "engines.example" not in (round_.after or "")
    assert ticks == -(-COUNT // 10)


def test_a_lead_that_cannot_be_checked_is_logged_and_the_run_counts_as_failed(
    account: Account, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    check = account.rounds.reconcile.check

    def fails(lead: LeadId) -> Any:
        if lead == "lead-7":
            raise ValueError("ada@engines.example")
        return check(lead)

    monkeypatch.setattr(account.rounds.reconcile, "check", fails)
    with pytest.raises(reconcile.NotChecked, match="1 lead"):
        account.tick()
    told = logged.getvalue()
    assert "lead-7" in told
    assert "ada@" not in told
    round_ = account.drifts.round()
    assert round_ is not None
    assert round_.before is not None
