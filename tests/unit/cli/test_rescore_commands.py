"""`baton rules status`, `baton leads rescore` and `baton catch-up`: what they ask of the API, and what people read."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli import rescores
from infra.cli.main import app
from infra.failure import Failure

RULES = {
    "id": "rules-000003",
    "kind": "older_rules",
    "version": 3,
    "asks": [],
    "since": None,
    "began": "2026-03-01T16:00:01Z",
    "segments": 4,
    "done": 4,
    "found": 1204,
    "touched": 1204,
    "left_out": 0,
    "looks_again": False,
    "ended": "2026-03-01T16:04:00Z",
}
CAUGHT = {**RULES, "id": "asked-1", "kind": "catch_up", "version": None, "since": "2026-03-01T09:00:00Z"}


class TestApi:
    """Answers GET /v1/rescores with one thing after the other, and the last one from then on."""

    __test__ = False

    def __init__(self, *answers: Any, begun: Any = None) -> None:
        self.answers, self.begun = list(answers), begun
        self.asked: list[tuple[str, Any]] = []

    def get(self, path: str, query: Any = None) -> Any:
        assert path == "/v1/rescores"
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def post(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        return self.begun


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(rescores, "_PAUSE", 0)

    def run(api: TestApi, *words: str) -> Any:
        monkeypatch.setattr(rescores, "signed_in", lambda _environment: api)
        return CliRunner().invoke(app, list(words), catch_exceptions=True)

    return run


WATCH = ("rules", "status", "--watch")


def told(*every: Any, version: int = 3) -> Any:
    return {"version": version, "active_since": "2026-03-01T16:00:00Z" if version else None, "rescores": list(every)}


def lines(done: Any) -> list[str]:
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.splitlines() if line]


def test_what_has_ended_is_told_with_its_end(run):
    assert lines(run(TestApi(told(RULES)), "rules", "status")) == [
        "Version 3 of the rules is active since 2026-03-01 16:00 UTC.",
        "Every lead has it since 2026-03-01 16:04: 1204 leads touched, 4 of 4 segments done.",
    ]


@pytest.mark.parametrize(("left_out", "says"), [(1, "1 damaged lead was"), (2, "2 damaged leads were")])
def test_damaged_leads_that_were_left_out_are_told(run, left_out, says):
    done = run(TestApi(told({**RULES, "left_out": left_out})), "rules", "status")

    assert lines(done)[1].endswith(f"4 of 4 segments done; {says} left out (`baton leads drift`).")


def test_what_goes_on_is_told_as_far_as_it_is_and_what_else_is_under_way(run):
    going = {**RULES, "done": 1, "found": 1, "touched": 2, "ended": None}
    others = [
        {**RULES, "kind": "where", "version": None, "asks": ["company.country", "stage"], "ended": None, "done": 0},
        {**CAUGHT, "found": 1, "touched": 1, "segments": 1, "done": 0, "ended": None},
        {**RULES, "version": 2},
    ]

    assert lines(run(TestApi(told(*others, going)), "rules", "status")) == [
        "Version 3 of the rules is active since 2026-03-01 16:00 UTC.",
        (
            "Leads are being scored by it: 1 lead touched (2 times), 1 of 4 segments done. Until then some stand under "
            "older rules."
        ),
        (
            "Under way since 2026-03-01 16:00: leads by company.country, stage, 1204 leads touched, 0 of 4 "
            "segments done (rules-000003)."
        ),
        (
            "Under way since 2026-03-01 16:00: activities since 2026-03-01 09:00 that no lead has taken in, "
            "1 activity queued, 0 of 1 segment done (asked-1)."
        ),
        (
            "Finished at 2026-03-01 16:04: leads under rules before version 2, 1204 leads touched, 4 of 4 segments "
            "done (rules-000003)."
        ),
    ]


def test_while_looking_once_more_all_are_said_to_have_it_and_watching_goes_on_telling(run):
    going = {**RULES, "done": 1, "found": 7, "touched": 7, "looks_again": True, "ended": None}
    known = (
        "Not finished: every lead that was found has it, 7 leads touched. One more look, within some two minutes, "
        "makes sure that none is left under older rules."
    )

    assert lines(run(TestApi(told(going)), "rules", "status"))[-1] == known
    watched = run(TestApi(told({**going, "looks_again": False}), told(going), told(going), told(RULES)), *WATCH)
    assert watched.stderr.count(known) == 1
    assert watched.stderr.index("Leads are being scored by it") < watched.stderr.index(known)


def test_the_first_publish_is_of_every_lead_and_only_the_last_that_finished_are_told(run):
    first = {**RULES, "version": 1, "id": "rules-000001"}
    many = [{**CAUGHT, "id": f"asked-{number}"} for number in range(8)]

    told_lines = lines(run(TestApi(told(RULES, *many[:4], first, *many[4:])), "rules", "status"))

    assert len(told_lines) == 2 + 5
    assert "every lead, 1204 leads touched" in told_lines[-1]


def test_before_the_first_publish_and_before_a_rescore_began(run):
    assert lines(run(TestApi(told(version=0)), "rules", "status")) == ["No rules are published yet."]
    assert "published within the last minute" in lines(run(TestApi(told()), "rules", "status"))[-1]


def test_watching_ends_when_every_lead_has_the_active_rules(run):
    api = TestApi(told(), told({**RULES, "done": 1, "ended": None}), told(RULES))

    assert lines(run(api, "rules", "status", "--watch"))[-1].startswith("Every lead has it since")


def test_status_as_json_is_the_api_s_answer(run):
    assert json.loads(run(TestApi(told(RULES)), "rules", "status", "--json").stdout) == told(RULES)


def test_every_lead_and_those_that_meet_a_condition_are_asked_for(run):
    api = TestApi(begun=RULES)
    run(api, "leads", "rescore", "--all")
    run(api, "leads", "rescore", "--where", "{company.country: {is: NO}, score: {above: 12.5}}")
    done = run(api, "leads", "rescore", "--where", '{"stage": "mql"}')

    assert "rules-000003 begins within a minute" in done.stdout
    assert api.asked == [
        ("/v1/rescores", {"all": True}),
        ("/v1/rescores", {"where": {"company.country": {"is": "NO"}, "score": {"above": 12.5}}}),
        ("/v1/rescores", {"where": {"stage": "mql"}}),
    ]


def test_leads_are_asked_for_by_their_ids(run, monkeypatch):
    monkeypatch.setattr(rescores, "story", lambda _api, named: {"id": f"id-of-{named}"})
    api = TestApi(begun=RULES)
    run(api, "leads", "rescore", "sam@acme.example", "lead-2")

    assert api.asked == [("/v1/rescores", {"leads": ["id-of-sam@acme.example", "id-of-lead-2"]})]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "It is not clear which leads are meant."),
        (["lead-1", "--all"], "It is not clear which leads are meant."),
        (["--all", "--where", "{stage: mql}"], "It is not clear which leads are meant."),
        (
            ["--where", "{stge: mql}"],
            "--where: stge: 'stge' is nothing that a selection can ask (did you mean 'stage'?).",
        ),
        (["--where", "{stage: [mql"], "--where can be read neither as JSON nor as YAML."),
        (["--where", "mql"], "--where: a selection is a mapping such as {company.country: {is: DE}}."),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_asked(run, words, says):
    api = TestApi(begun=RULES)
    done = run(api, "leads", "rescore", *words)

    assert isinstance(done.exception, Failure)
    assert done.exception.what == says
    assert api.asked == []


def test_catching_up_waits_until_all_is_found_and_tells_how_much(run):
    going = {**CAUGHT, "done": 2, "found": 3, "touched": 3, "ended": None}
    api = TestApi(told(going), told({**CAUGHT, "found": 7, "touched": 7}), begun=going)

    done = run(api, "catch-up", "--since", "2026-03-01T10:00:00+01:00")

    assert api.asked == [("/v1/catch-ups", {"since": "2026-03-01T09:00:00Z"})]
    assert lines(done) == ["7 activities were in the log and applied to no lead; `score` is applying them."]


def test_where_nothing_is_missing_that_is_said(run):
    api = TestApi(told({**CAUGHT, "found": 0, "touched": 0}), begun=CAUGHT)

    assert lines(run(api, "catch-up", "--since", "2026-03-01")) == ["Every activity of that time is applied."]


def test_a_moment_that_is_none_is_told_before_anything_is_asked(run):
    api = TestApi(begun=CAUGHT)

    assert isinstance(run(api, "catch-up", "--since", "yesterday").exception, Failure)
    assert api.asked == []
