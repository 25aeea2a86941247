"""The `baton` command as a whole: help everywhere, failures in words, and what the commands ask of the API."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from infra.cli import leads, main, publish, session
from infra.cli.main import app
from infra.deployed import Api, Deployed, Refusal, path_of
from infra.failure import Failure
from infra.local.emulator import Emulator
from infra.local.home import PROJECT


def commands(command=None, words=()):
    command = command or get_command(app)
    yield words
    for name, part in getattr(command, "commands", {}).items():
        yield from commands(part, (*words, name))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_help(words):
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_every_command_that_the_product_promises_is_there():
    promised = {"up", "down", "status", "logs", "deploy", "diff", "destroy", "secrets set", "secrets list", "users add"}
    promised |= {"leads list", "leads show", "rules check", "rules publish", "score"}
    assert promised <= {" ".join(words) for words in commands()}


def run(monkeypatch, capsys, tmp_path, raised):
    def fail():
        raise raised

    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code, capsys.readouterr().err


def test_a_failed_step_is_told_in_words_with_status_1(monkeypatch, capsys, tmp_path):
    code, told = run(monkeypatch, capsys, tmp_path, Failure("No room left.", "Make room."))
    assert code == 1
    assert "No room left." in told
    assert "What to do: Make room." in told


def test_what_nobody_expected_is_told_without_a_traceback_which_is_kept_for_a_report(monkeypatch, capsys, tmp_path):
    code, told = run(monkeypatch, capsys, tmp_path, ZeroDivisionError("by zero"))
    assert code == 1
    assert "Traceback" not in told
    assert "ZeroDivisionError" in (tmp_path / "logs" / "baton.log").read_text()


def test_ctrl_c_ends_with_the_status_that_shells_know(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, capsys, tmp_path, KeyboardInterrupt())[0] == 130


def test_what_runs_nothing_says_how_to_start(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "status"],
        env={"BATON_HOME": str(tmp_path), "PATH": "/usr/bin"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "The local cloud is not running." in done.stderr
    assert "baton up" in done.stderr


class Pool:
    """A user pool that asks for some things before it lets somebody in."""

    def __init__(self, *challenges):
        self.challenges, self.answered = list(challenges), []

    def _next(self):
        if self.challenges:
            return {"ChallengeName": self.challenges.pop(0), "Session": "s"}
        return {"AuthenticationResult": {"IdToken": "token"}}

    def initiate_auth(self, **asked):
        self.answered.append(asked["AuthParameters"])
        return self._next()

    def respond_to_auth_challenge(self, **asked):
        self.answered.append(asked["ChallengeResponses"])
        return self._next()


@pytest.fixture
def stack(monkeypatch):
    def with_pool(pool):
        monkeypatch.setattr(Deployed, "outputs", {"UserPoolId": "p", "UserPoolClientId": "c", "ApiUrl": "https://x/"})
        monkeypatch.setattr(Deployed, "client", lambda *_: pool)
        return Deployed("prod", region="eu-central-1")

    return with_pool


def test_somebody_with_a_password_signs_in(stack):
    assert stack(Pool()).sign_in("ada@example.com", "secret") == "token"


def test_at_the_first_sign_in_a_person_chooses_a_password_and_gives_the_code(stack):
    pool = Pool("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA")
    told = iter(["my own", "123456"])

    assert stack(pool).sign_in("ada@example.com", "first", lambda _: next(told)) == "token"
    assert pool.answered[1:] == [
        {"USERNAME": "ada@example.com", "NEW_PASSWORD": "my own"},
        {"USERNAME": "ada@example.com", "SOFTWARE_TOKEN_MFA_CODE": "123456"},
    ]


@pytest.mark.parametrize("challenge", ["NEW_PASSWORD_REQUIRED", "SMS_MFA"])
def test_what_cannot_be_answered_here_is_named(stack, challenge):
    with pytest.raises(Failure, match=challenge):
        stack(Pool(challenge)).sign_in("ada@example.com", "first")


def test_a_token_from_the_environment_is_taken_and_without_one_nobody_is_asked_in_a_script(stack, monkeypatch):
    stack(Pool())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(Failure, match="Nobody is signed in to prod"):
        session.signed_in("prod")

    monkeypatch.setenv("BATON_TOKEN", "t")
    assert session.signed_in("prod") == Api("https://x", "t")


class FakeApi(Api):
    """Answers from pages of leads."""

    shelves: dict[str, list[dict[str, str]]]
    posted: list[tuple[str, dict[str, Any]]]

    def __init__(self, shelves):
        super().__init__("https://x", "token")
        object.__setattr__(self, "shelves", shelves)
        object.__setattr__(self, "posted", [])

    def _call(self, method, path, body=None):
        parts = urlsplit(path)
        if method == "POST":
            self.posted.append((path, json.loads(body)))
            return {"number": 4}
        if parts.path == "/v1/rules":
            return {"number": 3, "document": {"temperature": [{"name": "cold"}, {"name": "hot"}]}}
        query = dict(parse_qsl(parts.query))
        shelf = self.shelves[query["temperature"]]
        start = int(query.get("next", 0))
        end = start + min(int(query["limit"]), 2)
        return {"leads": shelf[start:end], "next": str(end) if end < len(shelf) else None}


def test_leads_of_all_temperatures_are_listed_from_the_top_page_by_page():
    api = FakeApi({"hot": [{"id": n} for n in "abcde"], "cold": [{"id": "z"}]})

    assert [lead["id"] for lead in leads.all_leads(api, limit=50)] == list("abcdez")
    assert [lead["id"] for lead in leads.all_leads(api, limit=3)] == list("abc")


def test_publishing_sends_the_file_to_the_letter_and_what_it_says(tmp_path):
    api = FakeApi({})
    publish.publish_file(api, publish.STARTING_RULES, "why")

    ((path, body),) = api.posted
    assert path == "/v1/rules"
    assert body["text"] == publish.STARTING_RULES.read_text()
    assert body["document"]["behaviour"][2]["at_least"] == {"times": 2, "within": "7d"}
    assert body["note"] == "why"
    json.dumps(body)


def test_a_file_with_a_mistake_is_not_sent(tmp_path):
    api = FakeApi({})
    (tmp_path / "r.yaml").write_text("name: x\nstages: 5\n")

    with pytest.raises(Failure, match=r"r\.yaml"):
        publish.publish_file(api, tmp_path / "r.yaml", "")
    assert api.posted == []


def test_a_number_that_json_would_not_carry_to_the_letter_is_not_sent(tmp_path):
    api = FakeApi({})
    (tmp_path / "r.yaml").write_text("behaviour:\n  - {id: a, on: seen, points: 123456789.123456789}\n")

    with pytest.raises(Failure, match="cannot be published"):
        publish.publish_file(api, tmp_path / "r.yaml", "")
    assert api.posted == []


def test_what_the_api_refuses_is_told_with_its_details():
    refusal = Refusal(422, {"code": "invalid", "message": "no such score", "details": {"at": "score"}})
    assert "no such score" in refusal.what
    assert '"at": "score"' in refusal.details
    assert "baton logs admin" in Refusal(500, None).remedy


def test_a_lead_that_a_path_could_mistake_for_something_else_is_quoted():
    assert path_of("v1", "leads", "../rules?x") == "/v1/leads/..%2Frules%3Fx"


def test_the_addresses_of_the_local_and_of_a_deployed_api(stack, monkeypatch):
    assert stack(Pool()).api == "https://x"
    monkeypatch.setattr(Deployed, "outputs", {"ApiUrl": "http://ab12.execute-api.localhost:4566"})
    monkeypatch.setattr(Emulator, "endpoint", "http://127.0.0.1:5000")
    assert Deployed("local").api == "http://127.0.0.1:5000/_aws/execute-api/ab12/$default"


def test_a_lead_that_is_not_there_is_told_with_where_to_look(monkeypatch):
    def refuse(_api, _path, _query=None):
        raise Refusal(404, {"message": "there is no such lead"})

    monkeypatch.setattr(Api, "get", refuse)
    with pytest.raises(Failure) as failure:
        leads.story(Api("http://api", "token"), "nobody")
    assert failure.value.what == "There is no lead with the id nobody."
    assert "leads list" in failure.value.remedy


def test_without_the_packages_that_the_command_needs_it_says_what_to_install():
    hidden = "import sys; sys.modules['typer'] = None; from infra.cli import baton; baton()"
    done = subprocess.run([sys.executable, "-c", hidden], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "typer, which is not installed" in done.stderr
    assert "Traceback" not in done.stderr
