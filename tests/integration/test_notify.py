"""`notify` from the golden message to the mailbox, to Slack and to a receiver, on moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.sesv2.models import sesv2_backends
from standardwebhooks.webhooks import Webhook

from functions.notify import handler
from functions.notify.settings import Settings, Team, WebhookTarget
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.handoffs import DynamoDBHandoffs, handoff_item
from shared.adapters.dynamodb.keys import key, lead_partition, withheld
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.domain.breaker import TOLERATED
from shared.domain.handoff import LeadId
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.ports.missed import ChannelKey, MissedMessage
from tests.handed_over import HANDOFF, KEY, LEAD, RULES, sam
from tests.local_receiver import Receiver
from tests.people import activity, browser, email
from tests.tables import ACTIVITIES, LEADS

GOLDEN = json.loads((Path(__file__).parents[2] / "events" / "queue_notify.json").read_text())
SIGNING = "whsec_c2lnbmluZyBzZWNyZXQgb2YgdGhlIHJlY2VpdmVy"


class Context:
    """What Lambda tells of the time that is left."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Deployed:
    """The function with its environment, its table and its receivers."""

    def __init__(self, dynamodb: Any, slack: Receiver, webhook: Receiver) -> None:
        self.dynamodb, self.slack, self.webhook = dynamodb, slack, webhook
        self.handoffs = DynamoDBHandoffs(dynamodb, LEADS)

    def deliver(self) -> Any:
        return handler.lambda_handler(GOLDEN, Context())  # type: ignore[arg-type]

    def tick(self) -> Any:
        return handler.lambda_handler({"tick": True}, Context())  # type: ignore[arg-type]

    @property
    def mails(self) -> list[Any]:
        return list(sesv2_backends["123456789012"]["eu-central-1"].core_backend.sent_messages)


@pytest.fixture
def deployed(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with Receiver().listening() as slack, Receiver().listening() as webhook:
        settings = Settings(
            activities_table=ACTIVITIES,
            leads_table=LEADS,
            queue_url=boto3.client("sqs").create_queue(QueueName="notify")["QueueUrl"],
            email_from="baton@acme.example",
            allow_local_receivers=True,
            teams={
                "inside-sales": Team(
                    email=("ada@acme.example", "bob@acme.example"),
                    slack="/baton/test/slack",
                    webhook=WebhookTarget(url=f"http://127.0.0.1:{webhook.port}/in", secret="/baton/test/signing"),
                )
            },
        )
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        ssm = boto3.client("ssm")
        ssm.put_parameter(
            Name="/baton/test/slack", Value=f"http://127.0.0.1:{slack.port}/services/T0/B0/x", Type="SecureString"
        )
        ssm.put_parameter(Name="/baton/test/signing", Value=SIGNING, Type="SecureString")
        boto3.client("sesv2").create_email_identity(EmailIdentity="baton@acme.example")
        DynamoDBRuleVersions(dynamodb, LEADS).publish(RULES)
        knows(dynamodb, consent="granted")
        dynamodb.put_item(TableName=LEADS, Item=handoff_item(HANDOFF))
        handler._notify.cache_clear()
        yield Deployed(dynamodb, slack, webhook)
        handler._notify.cache_clear()


def knows(dynamodb: Any, **claims: Any) -> None:
    """Let this be known of the lead."""
    leads = DynamoDBLeads(dynamodb, LEADS)
    stored = leads.load(LEAD)
    leads.save(replace(sam(**claims), version=stored.version if stored else 0))


def test_the_golden_message_reaches_the_mailbox_slack_and_the_receiver_once(deployed: Deployed) -> None:
    assert deployed.deliver() == {"batchItemFailures": []}
    assert deployed.deliver() == {"batchItemFailures": []}

    (mail,) = deployed.mails
    assert mail.source == "baton@acme.example"
    assert mail.destinations["ToAddresses"] == ["ada@acme.example", "bob@acme.example"]

    (path, headers, body), *others = deployed.slack.requests
    assert (path, others) == ("/services/T0/B0/x", [])
    assert json.loads(body)["text"] == "MQL: Sam Jones (Acme), 65 points"

    (path, headers, body), *others = deployed.webhook.requests
    assert (path, others) == ("/in", [])
    assert headers["webhook-id"] == "handoff_01JNB3V7Q9_mql_1"
    told = Webhook(SIGNING).verify(body, headers)["data"]
    assert told["person"]["emails"] == ["sam@acme.example"]

    assert set(deployed.handoffs.sent(KEY)) == {"email", "slack", "webhook"}


def test_a_receiver_that_is_down_gets_its_message_later_and_nobody_else_gets_another(deployed: Deployed) -> None:
    deployed.webhook.status = 503
    failed = [{"itemIdentifier": GOLDEN["Records"][0]["messageId"]}]
    assert deployed.deliver() == {"batchItemFailures": failed}
    assert set(deployed.handoffs.sent(KEY)) == {"email", "slack"}

    deployed.webhook.status = 200
    let_claims_end(deployed)
    assert deployed.deliver() == {"batchItemFailures": []}
    assert (len(deployed.mails), len(deployed.slack.requests), len(deployed.webhook.requests)) == (1, 1, 2)
    assert len({headers["webhook-id"] for _, headers, _ in deployed.webhook.requests}) == 1


def test_what_a_receiver_that_is_down_misses_is_put_by_and_sent_when_it_is_back(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.webhook.status = 503
    for _ in range(TOLERATED - 1):
        assert len(deployed.deliver()["batchItemFailures"]) == 1
        let_claims_end(deployed)
    assert deployed.deliver() == {"batchItemFailures": []}
    missed = DynamoDBMissed(deployed.dynamodb, LEADS)
    place = ChannelKey("inside-sales", "webhook")
    assert missed.breaker(place).is_open
    assert [each.id for each in missed.next(place, 10)] == [f"{KEY.text}.requested"]

    deployed.webhook.status = 200
    assert deployed.tick() is None
    assert len(deployed.webhook.requests) == TOLERATED, "its wait is not over"
    later = Moment(SystemClock().now() + 2 * MINUTE)
    monkeypatch.setattr(SystemClock, "now", lambda self: later)
    deployed.tick()
    deployed.tick()
    assert len(deployed.webhook.requests) == TOLERATED + 1
    assert len({headers["webhook-id"] for _, headers, _ in deployed.webhook.requests}) == 1
    assert (missed.breakers(), missed.waiting()) == ({}, [])
    assert (len(deployed.mails), len(deployed.slack.requests)) == (1, 1)


def test_a_message_that_a_receiver_that_is_back_refuses_for_what_it_says_goes_to_the_queue(deployed: Deployed) -> None:
    missed = DynamoDBMissed(deployed.dynamodb, LEADS)
    place = ChannelKey("inside-sales", "webhook")
    golden = json.loads(GOLDEN["Records"][0]["body"])
    missed.put_by(
        place, MissedMessage(f"{KEY.text}.requested", SystemClock().now(), "HandoffRequested", golden["detail"])
    )
    deployed.webhook.status = 422
    deployed.tick()
    assert missed.waiting() == []
    sqs = boto3.client("sqs")
    [message] = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="notify")["QueueUrl"])["Messages"]
    assert json.loads(message["Body"]) == {
        "detail-type": "HandoffRequested",
        "detail": golden["detail"],
        "given_back": "inside-sales/webhook",
    }


def test_the_story_leaves_out_what_somebody_else_did_at_the_same_browser(deployed: Deployed) -> None:
    log, leads = DynamoDBActivities(deployed.dynamodb, ACTIVITIES), DynamoDBLeads(deployed.dynamodb, LEADS)
    shared_browser, other = browser("reception"), email("kim@acme.example")
    log.append(
        [
            activity("1", email("sam@acme.example"), shared_browser, type="demo_requested", at="2026-03-01T09:00:00Z"),
            activity("2", other, shared_browser, type="form_submitted", at="2026-03-01T10:00:00Z"),
            activity("3", shared_browser, type="careers_viewed", at="2026-03-01T11:00:00Z"),
        ]
    )
    leads.save(replace(sam(), lead=LeadId("01KIM"), identities=frozenset({other}), version=0))
    leads.claim(email("sam@acme.example"), LEAD)
    leads.claim(other, LeadId("01KIM"))
    leads.attach(shared_browser, email("sam@acme.example"), parse_moment("2026-03-01T09:00:00Z"))
    leads.attach(shared_browser, other, parse_moment("2026-03-01T10:00:00Z"))
    assert deployed.deliver() == {"batchItemFailures": []}
    (_, _, body), *_others = deployed.slack.requests
    assert "Asked for a demo" in body.decode()
    assert "areers" not in body.decode()


def let_claims_end(deployed: Deployed) -> None:
    """Move the failed channel's claim into the past, as the queue's visibility timeout would."""
    now = SystemClock().now()
    deployed.dynamodb.update_item(
        TableName=LEADS,
        Key=key(lead_partition(LEAD), f"SENT#{KEY.stage}#{KEY.epoch}#webhook"),
        UpdateExpression="SET claimed_until = :now",
        ExpressionAttributeValues={":now": {"N": str(now)}},
    )


def test_consent_withdrawn_since_is_recorded_beside_the_handoff(deployed: Deployed) -> None:
    knows(deployed.dynamodb, consent="denied")
    assert deployed.deliver() == {"batchItemFailures": []}
    assert (deployed.mails, deployed.slack.requests, deployed.webhook.requests) == ([], [], [])
    item = deployed.dynamodb.get_item(TableName=LEADS, Key=key(lead_partition(LEAD), withheld(KEY)))["Item"]
    assert item["reason"] == {"S": "consent"}


def test_a_handoff_that_was_never_committed_sends_nothing(deployed: Deployed) -> None:
    deployed.dynamodb.delete_item(TableName=LEADS, Key=key(lead_partition(LEAD), f"HANDOFF#{KEY.stage}#{KEY.epoch}"))
    assert len(deployed.deliver()["batchItemFailures"]) == 1
    assert (deployed.mails, deployed.slack.requests, deployed.webhook.requests) == ([], [], [])


def test_a_secret_that_nobody_stored_fails_its_own_channel_alone(deployed: Deployed) -> None:
    boto3.client("ssm").delete_parameter(Name="/baton/test/slack")
    assert len(deployed.deliver()["batchItemFailures"]) == 1
    assert set(deployed.handoffs.sent(KEY)) == {"email", "webhook"}


def test_an_address_that_ses_refuses_fails_the_mail_alone(deployed: Deployed) -> None:
    boto3.client("sesv2").delete_email_identity(EmailIdentity="baton@acme.example")
    assert len(deployed.deliver()["batchItemFailures"]) == 1
    assert set(deployed.handoffs.sent(KEY)) == {"slack", "webhook"}
