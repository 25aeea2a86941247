"""The `baton` command as a whole: help everywhere, failures in words, and what the commands ask of the API."""

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from infra.cli import asking, drafts, leads, main, noise, publish, session
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


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_what_stands_behind_a_command_has_a_name_in_capitals_or_is_one_of_some_words(words):
    command: Any = get_command(app)
    for word in words:
        command = command.commands[word]
    named = {each.name: each.metavar or "" for each in command.params if each.param_type_name == "argument"}
    assert [name for name, told in named.items() if not (told.isupper() or "|" in told)] == []


def test_every_command_that_the_product_promises_is_there():
    promised = {"up", "down", "status", "logs", "deploy", "diff", "destroy", "secrets set", "secrets list", "users add"}
    promised |= {"noise list", "noise mark", "noise unmark"}
    promised |= {"leads list", "leads show", "leads merge", "leads unmerge", "rules check", "rules publish", "score"}
    promised |= {"rules diff", "leads explain", "leads timeline", "leads qualify"}
    promised |= {f"handoffs {name}" for name in ("list", "show", "accept", "reject", "recycle", "reasons")}
    promised |= {"import", "events list", "events schema"}
    promised |= {"leads consent", "leads export", "leads erase", "erasures list", "erasures replay"}
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


def test_on_this_machine_somebody_else_than_its_user_signs_in_with_a_token_or_a_password(stack, monkeypatch):
    stack(Pool())
    monkeypatch.setattr(Deployed, "api", "http://local")
    monkeypatch.setattr("infra.cli.session.LocalCloud.api", lambda _: Api("http://local", "own"))
    assert session.signed_in("local").token == "own"

    monkeypatch.setenv("BATON_USER", "ada@example.com")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("infra.cli.session.getpass.getpass", lambda _: "secret")
    assert session.signed_in("local").token == "token"

    monkeypatch.setenv("BATON_TOKEN", "t")
    assert session.signed_in("local") == Api("http://local", "t")


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
            return {"number": 0, "text": "", "document": {"temperature": [{"name": "cold"}, {"name": "hot"}]}}
        query = dict(parse_qsl(parts.query))
        shelf = self.shelves[query["temperature"]]
        start = int(query.get("next", 0))
        end = start + min(int(query["limit"]), 2)
        return {"leads": shelf[start:end], "next": str(end) if end < len(shelf) else None}


def test_a_list_that_has_more_leads_than_it_shows_says_so_beside_its_output(monkeypatch):
    shelf = [ranked(str(number)) for number in range(5)]
    monkeypatch.setattr(leads, "signed_in", lambda _: FakeApi({"cold": shelf, "hot": []}))

    def listed(*words):
        return CliRunner().invoke(app, ["leads", "list", "--json", *words])

    for words in ((), ("--temperature", "cold")):
        some, every = listed("--limit", "4", *words), listed("--limit", "5", *words)
        assert [each["id"] for each in json.loads(some.stdout)] == list("0123")
        assert some.stderr == "There are more than these 4: --limit 40 shows up to 40 of them.\n"
        assert (len(json.loads(every.stdout)), every.stderr) == (5, "")


def test_a_list_is_narrowed_by_one_thing_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: None)
    failure = CliRunner().invoke(app, ["leads", "list", "--stage", "sql", "--temperature", "hot"]).exception

    assert isinstance(failure, Failure)
    assert failure.what == "Leads are listed by one thing, and not by --temperature and --stage together."
    assert failure.remedy.startswith("Give --temperature or --stage;")


def ranked(lead):
    return {"id": lead, "awaits_rules": None}


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


def test_what_is_published_with_a_warning_is_printed_with_it():
    warned = {"at": "handoff.mql.to", "message": "the settings have no team 'x'", "hint": "did you mean 'y'?"}

    assert list(drafts.warning_lines([warned, {**warned, "hint": ""}])) == [
        "Warning: handoff.mql.to: the settings have no team 'x' (did you mean 'y'?)",
        "Warning: handoff.mql.to: the settings have no team 'x'",
    ]


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


def test_what_the_api_refuses_is_told_in_sentences():
    refusal = Refusal(422, {"code": "invalid", "message": "no such score", "details": {"at": "score"}})
    assert (refusal.what, refusal.details) == ("No such score.", "It is about score.")
    option = Refusal(422, {"message": "that is too long ago", "details": {"at": "since"}})
    assert (option.what, option.remedy, option.details) == ("That is too long ago.", "Correct --since.", "")
    problems = [
        {"at": "name", "message": "is missing", "hint": ""},
        {"at": "fit.0", "message": "unknown key 'iff'", "hint": "did you mean 'if'?"},
    ]
    listed = Refusal(422, {"message": "2 problems", "details": {"at": "document", "problems": problems}})
    assert listed.details == "name: is missing\nfit.0: unknown key 'iff' (did you mean 'if'?)"
    assert "baton logs admin" in Refusal(500, None).remedy
    assert Refusal(500, {"message": "something went wrong"}).what == "The API answers 500: something went wrong"


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/v1/leads/x/repairs", "baton leads list"),
        ("/v1/handoffs/x/mql/1", "baton handoffs list"),
        ("/v1/rules/drafts/9", "baton rules drafts"),
        ("/v1/rules/9", "baton rules history"),
        ("/v1/rules/differences?from=9&to=draft-9", "baton rules history"),
        ("/v1/noise/unmarks", "baton noise list"),
    ],
)
def test_what_is_not_there_is_told_with_the_command_that_lists_what_is(monkeypatch, path, command):
    answer = SimpleNamespace(status=404, data=b'{"message": "there is no draft 9"}', reason="Not Found")
    monkeypatch.setattr("infra.deployed.urllib3.request", lambda *_, **__: answer)

    with pytest.raises(Refusal) as told:
        Api("https://x", "t").get(path)
    assert told.value.what == "There is no draft 9."
    assert f"`{command}`" in told.value.remedy
    assert tuple(command.split()[1:]) in set(commands())


def test_what_is_sent_takes_no_more_room_than_its_letters(monkeypatch):
    sent: list[bytes] = []

    def takes(*_, body, **__):
        sent.append(body)
        return SimpleNamespace(status=200, data=b"{}", reason="OK")

    monkeypatch.setattr("infra.deployed.urllib3.request", takes)
    api = Api("https://x", "t")

    api.post("/v1/rules", {"text": "Ж" * 1000})
    assert len(sent[0]) < 2100
    assert json.loads(sent[0]) == {"text": "Ж" * 1000}
    # What a terminal passed on that is no text: the API says that it takes none.
    api.post("/v1/rules", {"note": "\udcff"})
    with pytest.raises(UnicodeDecodeError):
        sent[1].decode()


def test_what_a_role_does_not_allow_is_told_with_whom_it_is_for(monkeypatch):
    body = json.dumps({"code": "forbidden", "message": "this is for the roles admin, marketing; you have sales"})
    answer = SimpleNamespace(status=403, data=body.encode(), reason="Forbidden")
    monkeypatch.setattr("infra.deployed.urllib3.request", lambda *_, **__: answer)

    with pytest.raises(Failure, match="for the roles admin, marketing; you have sales") as told:
        Api("https://x", "t").post("/v1/rules/rollbacks", {})
    assert "somebody whose role allows it" in told.value.remedy
    assert "Sign in again" not in told.value.remedy


def test_a_token_that_is_none_is_told_to_be_made_anew(monkeypatch):
    answer = SimpleNamespace(status=401, data=b'{"message": "Unauthorized"}', reason="Unauthorized")
    monkeypatch.setattr("infra.deployed.urllib3.request", lambda *_, **__: answer)

    with pytest.raises(Failure, match="refuses this sign-in: Unauthorized") as told:
        Api("https://x", "garbage").get("/v1/rules")
    assert "BATON_TOKEN" in told.value.remedy


def test_what_an_api_of_another_release_does_not_tell_is_told_in_words(monkeypatch):
    answer = SimpleNamespace(status=200, data=b'{"versions": [{"number": 3}]}', reason="OK")
    monkeypatch.setattr("infra.deployed.urllib3.request", lambda *_, **__: answer)
    (version,) = Api("https://x", "t").get("/v1/rules/versions")["versions"]

    assert (version["number"], version.get("sha256")) == (3, None)
    with pytest.raises(Failure, match="probably an older one: it does not tell 'sha256'") as told:
        version["sha256"]
    assert "baton deploy" in told.value.remedy


def test_a_lead_that_a_path_could_mistake_for_something_else_is_quoted():
    assert path_of("v1", "leads", "../rules?x") == "/v1/leads/..%2Frules%3Fx"


def test_bytes_that_are_no_text_are_left_for_the_api_to_refuse(monkeypatch):
    asked = []

    def request(_method, address, **_rest):
        asked.append(address)
        return SimpleNamespace(status=200, data=b"", reason="")

    monkeypatch.setattr("infra.deployed.urllib3.request", request)

    Api("https://x", "t").get(path_of("v1", "leads", "\udcff"), {"email": "\udcff"})

    assert asked == ["https://x/v1/leads/%ED%B3%BF?email=%ED%B3%BF"]


def test_the_addresses_of_the_local_and_of_a_deployed_api(stack, monkeypatch):
    assert stack(Pool()).api == "https://x"
    monkeypatch.setattr(Deployed, "outputs", {"ApiUrl": "http://ab12.execute-api.localhost:4566"})
    monkeypatch.setattr(Emulator, "endpoint", "http://127.0.0.1:5000")
    assert Deployed("local").api == "http://127.0.0.1:5000/_aws/execute-api/ab12/$default"


def test_a_lead_that_is_not_there_is_told_with_where_to_look(monkeypatch):
    def refuse(_api, path, _query=None):
        if path == "/v1/leads":
            return {"leads": []}
        raise Refusal(404, {"message": "there is no such lead"})

    monkeypatch.setattr(Api, "get", refuse)
    with pytest.raises(Failure) as failure:
        leads.story(Api("http://api", "token"), "nobody")
    assert failure.value.what == "There is no lead with the id or user id nobody."
    assert "leads list" in failure.value.remedy


IDENTITIES = {
    "ada": [{"kind": "email", "value": "ada@example.com"}, {"kind": "user_id", "value": "crm-77"}],
    "bob": [{"kind": "email", "value": "bob@example.com"}, {"kind": "user_id", "value": "bob@example.com"}],
}


def a_story(lead, *decisions):
    return {
        "id": lead,
        "person": {"name": lead.title(), "emails": [f"{lead}@example.com"], "company": None},
        "score": {"total": 30, "temperature": "cold"},
        "stage": None,
        "consent": "granted",
        "consents": {"holds": None, "since": None, "history": []},
        "identities": IDENTITIES[lead],
        "explanation": {
            "contributions": [],
            "total": 30,
            "scores": {"engagement": 30, "fit": 20},
            "weights": {"engagement": 1, "fit": 0},
            "vetoed_by": ["competitor"],
            "missing": ["company.country"],
        },
        "activities": [
            {
                "type": "form_submitted",
                "occurred_at": NOON,
                "channel": "website",
                "campaign": {"source": "newsletter", "name": "spring", "gclid": "x"},
                "marks": [],
            },
            {"type": "page_viewed", "occurred_at": NOON, "channel": None, "campaign": {}, "marks": ["bot"]},
        ],
        "more_activities": True,
        "transitions": [],
        "handoffs": [],
        "withheld": None,
        "facts": {"lead": {"title": "CTO"}, "company": {"employees": 250, "tags": ["a", "ü"]}, "qualification": {}},
        "qualification": {"facts": {}, "to_ask": []},
        "factors": [],
        "nurture": None,
        "decisions": list(decisions),
    }


class Leads(FakeApi):
    """Two leads, of which anything may be said; `ada-before` went into the first."""

    def _call(self, method, path, body=None):
        if method == "GET":
            lead = urlsplit(path).path.rpartition("/")[2].removesuffix("-before")
            if lead == "leads":
                return {"leads": [{"id": "ada"}] if urlsplit(path).query == "user_id=crm-77" else []}
            if lead not in IDENTITIES:
                raise Refusal(404, {"message": "there is no such lead"})
            decision = {"at": NOON, "said": "unmerged", "who": "mia@acme.example", "why": "a shared mailbox"}
            names = {"identities": IDENTITIES["ada"], "apart": IDENTITIES["ada"][1:]}
            return a_story(lead, {**decision, **names})
        said = json.loads(body)
        self.posted.append((path, said))
        if not said.get("preview"):
            return {"lead": "ada", "activity": "ruling-1"}
        parts = [[*IDENTITIES["ada"], *IDENTITIES["bob"]]] if "lead" in said else [[each] for each in IDENTITIES["ada"]]
        return {
            "parts": [
                {"identities": each, "score": {"total": 45, "temperature": "hot"}, "consent": None} for each in parts
            ]
        }


NOON = "2026-03-02T12:00:00Z"


@pytest.fixture
def on_leads(monkeypatch):
    api = Leads({})
    monkeypatch.setattr(leads, "signed_in", lambda _: api)

    def run(*words, **rest):
        return api, CliRunner().invoke(app, ["leads", *words], **rest)

    return run


def test_two_leads_are_merged_after_a_look_at_what_becomes_of_them(on_leads):
    api, done = on_leads("merge", "ada-before", "bob", "--yes", "--why", "one person")

    assert done.exit_code == 0, done.output
    for words in ("30", "together", "45", "hot", "email ada@example.com", "baton leads show ada"):
        assert words in done.output
    said = {"lead": "bob", "why": "one person"}
    assert api.posted == [("/v1/leads/ada/merges", {**said, "preview": True}), ("/v1/leads/ada/merges", said)]


def test_a_lead_is_unmerged_by_its_names_however_they_are_written(on_leads):
    for name, kind in (("ADA@example.com", "email"), ("crm-77", "user_id"), ("user_id:crm-77", "user_id")):
        api, done = on_leads("unmerge", "ada", "--apart", name, "--yes")

        assert done.exit_code == 0, done.output
        assert "stays" in done.output
        assert [(path, said["apart"][0]["kind"]) for path, said in api.posted[-2:]] == [
            ("/v1/leads/ada/unmerges", kind)
        ] * 2


def test_without_a_yes_nothing_is_decided(on_leads, monkeypatch):
    api, done = on_leads("merge", "ada", "bob")
    assert isinstance(done.exception, Failure)
    assert "--yes" in done.exception.remedy

    monkeypatch.setattr(asking, "is_asked", lambda: True)
    api, done = on_leads("unmerge", "ada", "--apart", "crm-77", input="n\n")
    assert done.exit_code == 1
    assert "Nothing has changed." in done.output
    assert all(said["preview"] for _, said in api.posted)

    api, done = on_leads("merge", "ada", "bob", input="y\n")
    assert done.exit_code == 0
    assert len(api.posted) == 4


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("merge", "ada", "nobody"), "There is no lead with the id or user id nobody."),
        (("unmerge", "ada", "--apart", "bob@example.com"), "bob@example.com is no identity of Ada."),
        (("unmerge", "bob", "--apart", "bob@example.com"), "Bob has two identities bob@example.com."),
    ],
)
def test_what_cannot_be_said_of_leads_is_told_before_anything_is_asked(on_leads, words, what):
    api, done = on_leads(*words, "--yes")

    assert isinstance(done.exception, Failure)
    assert done.exception.what == what
    assert api.posted == []


def test_nobody_is_unmerged_from_nothing(on_leads):
    api, done = on_leads("unmerge", "ada", "--yes")
    assert done.exit_code == 2
    assert "--apart" in done.output
    assert api.posted == []


def test_a_lead_is_named_by_a_user_id_too(on_leads):
    _, done = on_leads("show", "crm-77")
    assert "known as email ada@example.com, user id crm-77" in done.output

    _, done = on_leads("merge", "crm-77", "ada")
    assert (done.exit_code, done.output) == (0, "They are one lead already: ada.\n")


def test_who_is_one_already_is_not_merged_again(on_leads):
    api, done = on_leads("merge", "ada", "ada-before", "--yes")
    assert (done.exit_code, done.output) == (0, "They are one lead already: ada.\n")
    assert api.posted == []


def test_a_lead_is_shown_with_how_its_total_comes_about_what_it_did_and_what_of_it_is_noise(on_leads):
    _, done = on_leads("show", "ada")
    for line in (
        "total 30 = 30 engagement + 20 fit times 0",
        "vetoed by competitor: no step up and no handoff",
        "not known, and could still count: company.country",
        "lead.title: CTO",
        "company.employees: 250",
        'company.tags: ["a", "ü"]',
        "2026-03-02 12:00  form_submitted (website, newsletter, spring)",
        "2026-03-02 12:00  page_viewed: noise, a bot by its user agent",
        "and more before that",
    ):
        assert line in done.output


def test_a_lead_is_shown_with_its_names_and_with_who_decided_whose_they_are(on_leads):
    _, done = on_leads("show", "ada")
    assert "known as email ada@example.com, user id crm-77" in done.output
    said = "2026-03-02 12:00  said to be two people by mia@acme.example: email ada@example.com; and user id crm-77\n"
    assert f"{said}    because a shared mailbox" in done.output


def test_names_that_were_said_to_be_one_person_are_told_and_of_noise_none(on_leads):
    names = {"identities": [*IDENTITIES["ada"], *IDENTITIES["bob"]], "apart": []}
    said = {"at": NOON, "who": "mia", "why": ""}
    merged = {**said, "said": "merged", **names}
    marked = {**said, "said": "marked as noise", "identities": [], "apart": []}
    lines = list(leads._decision_lines({"decisions": [merged, marked]}))
    assert lines[0].endswith(f"said to be one person by mia: {leads.names_of(names['identities'])}")
    assert lines[1].endswith("said to be noise by mia")


def test_an_address_is_shown_and_may_be_named_as_people_write_it():
    name = {"kind": "email", "value": "ada@xn--mller-kva.example"}
    found = {"identities": [name], "person": {"name": None, "emails": [name["value"]]}, "id": "ada"}
    assert leads.names_of([name]) == "email ada@müller.example"
    assert leads.name_of(found) == "ada@müller.example"
    assert leads._identity(found, "ada@müller.example") == leads._identity(found, name["value"]) == name


def test_without_the_packages_that_the_command_needs_it_says_what_to_install():
    hidden = "import sys; sys.modules['typer'] = None; from infra.cli import baton; baton()"
    done = subprocess.run([sys.executable, "-c", hidden], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "typer, which is not installed" in done.stderr
    assert "Traceback" not in done.stderr


class Noise(Leads):
    """An API that has two marks, and takes whatever is said of noise."""

    def _call(self, method, path, body=None):
        if path == "/v1/noise":
            said = {"who": "mia@acme.example", "at": NOON, "why": "[red]ours"}
            address = {"kind": "address", "value": "203.0.113.0/24", "marked": said, "unmarked": None}
            return {"marks": [address, {"kind": "agent", "value": "*scanner*", "marked": said, "unmarked": said}]}
        if method == "GET":
            return super()._call(method, path, body)
        self.posted.append((path, json.loads(body)))
        return {"address": None, "agent": None, "lead": None}


@pytest.fixture
def on_noise(monkeypatch):
    api = Noise({})
    monkeypatch.setattr(noise, "signed_in", lambda _: api)
    return lambda *words, **rest: (api, CliRunner().invoke(app, ["noise", *words], **rest))


def test_noise_is_listed_with_who_said_so(on_noise):
    _, done = on_noise("list")
    for words in ("203.0.113.0/24", "yes", "*scanner*", "no longer", "mia@acme.example", "[red]ours"):
        assert words in done.output
    assert "Leads that are named as noise are not listed: `baton leads show LEAD` tells it of one." in done.output
    _, done = on_noise("list", "--json")
    assert [each["kind"] for each in json.loads(done.output)] == ["address", "agent"]


def test_noise_is_marked_and_unmarked_by_address_agent_or_lead(on_noise):
    for way in ("mark", "unmark"):
        for given, said in (
            (("--address", "203.0.113.0/24"), {"address": "203.0.113.0/24"}),
            (("--agent", "*scanner*"), {"agent": "*scanner*"}),
            (("--lead", "ada-before"), {"lead": "ada"}),
        ):
            api, done = on_noise(way, *given, "--why", "ours")
            assert done.exit_code == 0, done.output
            assert api.posted[-1] == (f"/v1/noise/{way}s", {**said, "why": "ours"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--agent", "*x11*"), "by a user agent like *x11*, of however many leads, would count for nothing."),
        (("--address", "203.0.113.0/24"), "from 203.0.113.0/24, of however many leads, would count for nothing."),
        (("--lead", "ada-before"), "All that Ada (lead ada) did and will do would count for nothing."),
    ],
)
def test_who_sits_there_is_told_what_becomes_noise_and_asked(on_noise, monkeypatch, given, words):
    monkeypatch.setattr(asking, "is_asked", lambda: True)

    api, done = on_noise("mark", *given, input="n\n")
    assert done.exit_code == 1
    assert words in done.output
    assert api.posted == []

    on_noise("mark", *given, input="y\n")
    _, done = on_noise("mark", *given, "--yes")
    assert (done.exit_code, len(api.posted)) == (0, 2)
    assert words not in done.output


@pytest.mark.parametrize("way", ["mark", "unmark"])
def test_what_cannot_be_noise_is_told_with_the_option_that_says_it(on_noise, monkeypatch, way):
    def refuse(_api, _path, _body):
        raise Refusal(422, {"message": "'x' is neither an address nor a range", "details": {"at": "address"}})

    monkeypatch.setattr(Noise, "post", refuse)
    _, done = on_noise(way, "--address", "x")

    assert (done.exception.remedy, done.exception.details) == ("Correct --address.", "")


@pytest.mark.parametrize("given", [(), ("--address", "203.0.113.7", "--agent", "*scanner*")])
def test_noise_is_named_in_one_way(on_noise, given):
    api, done = on_noise("mark", *given)
    assert isinstance(done.exception, Failure)
    assert "exactly one" in done.exception.remedy
    assert api.posted == []
