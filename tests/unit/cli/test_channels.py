import json

import boto3
import pytest
from typer.testing import CliRunner

from infra.cli.main import app
from infra.deployed import Deployed
from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.domain.moments import parse_moment
from shared.ports.missed import ChannelKey, MissedMessage
from tests.tables import LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
SLACK = ChannelKey("inside-sales", "slack")


@pytest.fixture
def missed(dynamodb, monkeypatch):
    monkeypatch.setattr(Deployed, "outputs", {"LeadsTable": LEADS})
    monkeypatch.setattr(Deployed, "client", lambda self, service: boto3.client(service))
    return DynamoDBMissed(dynamodb, LEADS)


def listed(*options):
    result = CliRunner().invoke(app, ["channels", "list", "--env", "prod", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_where_everything_works_that_is_said(missed):
    assert listed() == "Every channel works, and nothing waits.\n"
    assert json.loads(listed("--json")) == []


def test_a_channel_that_is_down_is_told_with_why_since_when_and_what_waits(missed):
    for _ in range(3):
        missed.failed(SLACK, NOON, "the receiver refused with 410")
    missed.put_by(SLACK, MissedMessage("lead-1.mql.1.requested", NOON, "HandoffRequested", {}))
    missed.failed(ChannelKey("emea", "email"), NOON, "SES answered TooManyRequestsException")

    [mail, slack] = json.loads(listed("--json"))

    assert (mail["team"], mail["down"], mail["failures"], mail["waiting"]) == ("emea", False, 1, 0)
    assert slack == {
        "team": "inside-sales",
        "channel": "slack",
        "down": True,
        "since": "2026-03-01T12:00:00Z",
        "next_try": "2026-03-01T12:01:00Z",
        "failures": 3,
        "error": "the receiver refused with 410",
        "waiting": 1,
    }
    assert "down" in listed()
    assert "failing" in listed()
    assert "(UTC)" in listed()
