import boto3
import pytest
from typer.testing import CliRunner

from infra.cli.main import app
from infra.deployed import Deployed
from infra.failure import Failure
from infra.queues import Backlog, Queues


@pytest.fixture
def sqs(aws, monkeypatch):
    """A stack with two queues and their dead letters."""
    client = boto3.client("sqs")
    outputs = {}
    for name in ("Score", "Notify"):
        for suffix in ("Queue", "QueueDeadLetters"):
            outputs[f"{name}{suffix}Url"] = client.create_queue(QueueName=f"{name}{suffix}")["QueueUrl"]
    monkeypatch.setattr(Deployed, "outputs", outputs | {"ApiUrl": "https://api.example.com"})
    monkeypatch.setattr(Deployed, "client", lambda self, service: boto3.client(service))
    return client


@pytest.fixture
def queues(sqs):
    return Queues(Deployed("prod"))


def put(sqs, name, count):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    for number in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=f'{{"lead": "{number}"}}')


def test_every_queue_is_listed_with_what_waits_and_what_is_dead(sqs, queues):
    put(sqs, "ScoreQueue", 2)
    put(sqs, "NotifyQueueDeadLetters", 3)

    assert queues.backlogs() == [Backlog("notify", 0, 3), Backlog("score", 2, 0)]


def test_dead_letters_go_back_to_work_word_for_word(sqs, queues):
    put(sqs, "ScoreQueueDeadLetters", 12)

    assert queues.redrive("score") == 12

    assert queues.backlogs() == [Backlog("notify", 0, 0), Backlog("score", 12, 0)]
    (message,) = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="ScoreQueue")["QueueUrl"])["Messages"]
    assert message["Body"].startswith('{"lead": "')


def test_a_queue_that_is_not_there_is_told_with_those_that_are(queues):
    with pytest.raises(Failure, match="no queue 'scores'") as told:
        queues.redrive("scores")
    assert "notify, score" in told.value.remedy


def test_the_command_redrives_one_or_all(sqs):
    put(sqs, "ScoreQueueDeadLetters", 1)
    put(sqs, "NotifyQueueDeadLetters", 2)

    one = CliRunner().invoke(app, ["queues", "redrive", "score"])
    rest = CliRunner().invoke(app, ["queues", "redrive", "--all"])

    assert one.stdout == "score: 1 dead letter goes back to work.\n"
    assert "notify: 2 dead letters go back to work." in rest.stdout


def test_the_command_asks_which(sqs):
    result = CliRunner().invoke(app, ["queues", "redrive"])

    assert isinstance(result.exception, Failure)
    assert "notify, score" in result.exception.remedy
