"""Consent, export and erase by the command: what is sent, what is shown, and what is asked first."""

import json
import stat
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from infra.cli import asking, permission
from infra.cli.leads import consent_lines
from infra.cli.main import app
from infra.deployed import Api, Deployed
from infra.erasures import ErasuresOf
from infra.failure import Failure
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.domain.erasure import Erasure
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR, Moment
from shared.domain.state import ScoreState
from shared.ports.leads import LeadRecord
from tests.people import activity, browser, email
from tests.tables import ACTIVITIES, ERASURES, LEADS
from tests.unit.cli.test_commands import a_story

ADA, BOB = email("ada@example.com"), email("bob@example.com")


class Permissions(Api):
    """The API with one lead; remembers what was posted."""

    posted: list[Any]

    def __init__(self):
        super().__init__("http://api", "token")
        object.__setattr__(self, "posted", [])

    def get(self, path, query=None):
        if path.endswith("/export"):
            following = (query or {}).get("next")
            sections = (
                {"activities": [{"id": "a2"}]}
                if following
                else {"person": [{"lead": "ada"}], "facts": [{"fact": "x"}], "activities": [{"id": "a1", "ü": "\x1b["}]}
            )
            return {"lead": "ada", "as_of": "now", "sections": sections, "next": None if following else "1.2.3"}
        return a_story("ada")

    def post(self, path, body):
        self.posted.append((path, body))
        return {"erasure": "erasure-1", "lead": "ada", "erased_at": "2026-03-02T12:00:00Z", "done_at": None}


@pytest.fixture
def baton(monkeypatch):
    api = Permissions()
    monkeypatch.setattr(permission, "signed_in", lambda _: api)

    def run(*words, **rest):
        return api, CliRunner().invoke(app, ["leads", *words], **rest)

    return run


def test_what_a_lead_said_is_written_down_with_the_reason(baton):
    api, done = baton("consent", "ada", "denied", "--why", "She called.", "--wording", "May we call?")

    assert done.exit_code == 0, done.output
    assert "baton leads show ada" in done.output
    said = {"consent": "denied", "why": "She called.", "wording": "May we call?"}
    assert api.posted == [("/v1/leads/ada/consents", said)]


@pytest.mark.parametrize("words", [("consent", "ada", "maybe", "--why", "x"), ("consent", "ada", "denied")])
def test_a_word_on_consent_is_one_of_two_and_has_a_reason(baton, words):
    api, done = baton(*words)

    assert done.exit_code == 2
    assert api.posted == []


def test_all_pages_of_an_export_are_one_document_that_its_owner_alone_can_read(baton, tmp_path):
    path = tmp_path / "ada.json"

    _, done = baton("export", "ada", "--output", str(path))

    assert done.exit_code == 0, done.output
    assert "2 activities" in done.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["person"] == {"lead": "ada"}
    assert [each["id"] for each in document["activities"]] == ["a1", "a2"]
    assert document["facts"] == [{"fact": "x"}]
    _, printed = baton("export", "ada")
    assert json.loads(printed.output) == document


def test_a_file_that_cannot_be_written_is_told(baton, tmp_path):
    _, done = baton("export", "ada", "--output", str(tmp_path))

    assert isinstance(done.exception, Failure)


def test_nobody_is_erased_without_a_yes(baton, monkeypatch):
    api, done = baton("erase", "ada", "--why", "By letter.")
    assert isinstance(done.exception, Failure)
    assert "--yes" in done.exception.remedy

    monkeypatch.setattr(asking, "is_asked", lambda: True)
    _, done = baton("erase", "ada", "--why", "By letter.", input="n\n")
    assert (done.exit_code, api.posted) == (1, [])
    assert "email ada@example.com" in done.output

    _, done = baton("erase", "ada", "--why", "By letter.", input="y\n")
    assert done.exit_code == 0, done.output
    assert api.posted == [("/v1/leads/ada/erasures", {"why": "By letter."})]
    assert "What they did until 2026-03-02 12:00 UTC is taken in no more" in done.output
    assert "erasure-1" in done.output


def test_an_erasure_needs_a_reason(baton):
    assert baton("erase", "ada", "--yes")[1].exit_code == 2


def test_the_consent_that_holds_is_told_with_who_said_it_and_what_was_said_before():
    word = {"at": "A", "why": None, "wording": None, "version": None, "who": None, "told_by": None}
    form = {**word, "consent": "granted", "source": "contact", "wording": "You may call.", "version": "3"}
    mia = {**word, "consent": "denied", "source": "people", "who": "Mia", "why": "She wrote.", "at": "B"}

    assert list(consent_lines({"holds": form, "since": "A", "history": [form]})) == [
        "consent granted since A, by contact",
        "    with the words: You may call. (version 3)",
    ]
    assert list(consent_lines({"holds": mia, "since": "B", "history": [form, mia]})) == [
        "consent denied since B, by Mia",
        "    because She wrote.",
        "    what else was said of consent, oldest first:",
        "      A  granted by contact",
    ]
    assert list(consent_lines({"holds": None, "since": None, "history": []})) == ["nothing is known of consent"]


# --- baton erasures ---


@pytest.fixture
def stack(dynamodb, monkeypatch):
    """A deployed stack, as an operator reaches it. Ada was erased an hour ago."""
    queue = boto3.client("sqs").create_queue(QueueName="erase")["QueueUrl"]
    boto3.client("ssm").put_parameter(Name="/baton/prod/erasure", Value="secret", Type="SecureString")
    outputs = {
        "ActivitiesTable": ACTIVITIES,
        "LeadsTable": LEADS,
        "ErasuresTable": ERASURES,
        "EraseQueueUrl": queue,
    }
    monkeypatch.setattr(Deployed, "outputs", outputs)
    deployed = Deployed("prod", region="eu-central-1")
    monkeypatch.setattr(permission, "of_environment", lambda _: deployed)
    then = Moment(SystemClock().now() - HOUR)
    names = frozenset({ADA, browser("laptop")})
    erasures = DynamoDBErasures(dynamodb, ERASURES, lambda: "secret")
    erasures.begin(
        Erasure("erasure-1", LeadId("old"), then, then, "Mia", "By letter.", names - {browser("laptop")}, names - {ADA})
    )
    erasures.save(erasures.get("erasure-1").done(then))
    return erasures, queue


def test_erasures_are_listed_without_naming_anybody(stack):
    done = CliRunner().invoke(app, ["erasures", "list", "--env", "prod"])

    assert done.exit_code == 0, done.output
    assert "erasure-1" in done.output
    assert "Mia" in done.output
    (row,) = json.loads(CliRunner().invoke(app, ["erasures", "list", "--env", "prod", "--json"]).output)
    assert row["done_at"] is not None
    assert "ada" not in str(row)


def test_whom_a_backup_brought_back_is_erased_again_and_nobody_else(stack, dynamodb):
    erasures, queue = stack
    log, kept = DynamoDBActivities(dynamodb, ACTIVITIES), DynamoDBLeads(dynamodb, LEADS)
    log.append([activity("a1", ADA), activity("a2", browser("laptop")), activity("b1", BOB)])
    kept.save(LeadRecord(LeadId("old"), frozenset({ADA}), ScoreState.empty()))
    kept.claim(ADA, LeadId("old"))
    kept.claim(BOB, LeadId("bob"))

    done = CliRunner().invoke(app, ["erasures", "replay", "--env", "prod"])

    assert done.exit_code == 0, done.output
    assert "2 identities are erased again" in done.output
    again = [each for each in erasures.all() if each.done_at is None]
    assert {name for each in again for name in each.names} == {"email:ada@example.com", "anonymous_id:laptop"}
    assert {lead for each in again for lead in each.leads} == {LeadId("old")}
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert {json.loads(each["Body"])["erasure"] for each in messages} == {each.id for each in again}


def test_where_nothing_was_brought_back_nothing_is_erased_again(stack, dynamodb):
    now = Moment(SystemClock().now())
    one = activity("a9", ADA)
    DynamoDBActivities(dynamodb, ACTIVITIES).append(
        [type(one)(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, "occurred_at": now})]
    )

    done = CliRunner().invoke(app, ["erasures", "replay", "--env", "prod"])

    assert "0 identities are erased again; 0 erasures go on." in done.output


def test_a_secret_that_cannot_be_read_is_told(stack, dynamodb):
    boto3.client("ssm").delete_parameter(Name="/baton/prod/erasure")
    DynamoDBActivities(dynamodb, ACTIVITIES).append([activity("a1", ADA)])

    with pytest.raises(Failure, match="known again"):
        ErasuresOf(Deployed("prod", region="eu-central-1")).replay(lambda _: None)
