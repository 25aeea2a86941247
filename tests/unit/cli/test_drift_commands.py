"""`baton leads drift|check|repair`, `explain --at` and what time will change, at a desk in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from functions.admin.handler import lambda_handler
from infra.cli import as_of, asking, drift, lead_story, leads
from infra.cli.main import app
from infra.deployed import Refusal
from infra.failure import Failure
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR
from shared.domain.state import ScoreState
from shared.ports.rules import RuleVersion
from tests.desk import InMemoryDesk, a_desk
from tests.http_requests import http_event
from tests.people import activity, email

ADA, BOB = email("ada@engines.example"), email("bob@engines.example")
ONE, TWO = LeadId("lead-1"), LeadId("lead-2")
RULES: dict[str, Any] = {
    "name": "acme",
    "behaviour": [{"id": "demo", "on": "demo_requested", "points": 80, "decay": {"half_life": "30d"}}],
    "temperature": [{"name": "cold"}, {"name": "hot", "above": 60}],
}


class AtDesk:
    """The API as an admin calls it."""

    def __init__(self, house: InMemoryDesk, role: str = "admin") -> None:
        self._house = house
        self._claims = {"sub": role, "email": f"{role}@acme.example", "cognito:groups": f"[{role}]"}

    def get(self, path: str, query: Any = None) -> Any:
        asked = {name: str(value) for name, value in (query or {}).items() if value is not None}
        return self._ask(http_event("GET", path, query=asked, claims=self._claims))

    def post(self, path: str, body: Any) -> Any:
        return self._ask(http_event("POST", path, body, claims=self._claims))

    def _ask(self, event: dict[str, Any]) -> Any:
        reply = lambda_handler(event, None, self._house.desk)
        told = json.loads(reply["body"])
        if reply["statusCode"] >= 400:
            raise Refusal(reply["statusCode"], told)
        return told


Baton = Callable[..., Any]


@pytest.fixture
def house() -> InMemoryDesk:
    """Ada and Bob each asked for a demo an hour ago."""
    house = a_desk()
    house.versions.publish(RuleVersion(1, "acme", "ada", house.clock.now(), "", "0" * 64, RULES, ""))
    at = "2026-03-02T09:00:00Z"
    house.happened([activity(who.value, who, type="demo_requested", at=at) for who in (ADA, BOB)])
    house.clock.advance(HOUR)
    return house


@pytest.fixture
def baton(house: InMemoryDesk, monkeypatch: pytest.MonkeyPatch) -> Baton:
    def run(*words: str, role: str = "admin") -> Any:
        for module in (drift, leads, lead_story):
            monkeypatch.setattr(module, "signed_in", lambda _: AtDesk(house, role))
        monkeypatch.setattr(as_of, "present", house.clock.now)
        return CliRunner().invoke(app, list(words))

    return run


def done(result: Any, status: int = 0) -> str:
    assert result.exit_code == status, (result.output, result.exception)
    return str(result.stdout)


def lose_state(house: InMemoryDesk, lead: LeadId) -> None:
    house.leads.records[lead] = replace(house.leads.records[lead], state=ScoreState.empty())


def carry_out_repairs(house: InMemoryDesk) -> None:
    for message in house.score_queue.messages:
        house._score.repair(LeadId(str(message["repair"])))


def test_a_check_names_what_is_wrong_a_repair_is_asked_for_and_the_next_check_clears_it(
    house: InMemoryDesk, baton: Baton
) -> None:
    assert "2 leads checked: 2 as the log makes them, 0 drifted." in done(baton("leads", "check", "--all"))
    assert "No lead has drifted" in done(baton("leads", "drift"))
    lose_state(house, ONE)
    house.leads.damaged.add(TWO)

    told = done(baton("leads", "check", "--all"), status=1)
    assert "lead-1: the activities that count are not those of the log" in told
    assert "lead-2: what is stored cannot be read" in told
    assert "2 leads checked: 0 as the log makes them, 2 drifted." in told
    listed = done(baton("leads", "drift"))
    assert "lead-1" in listed
    assert "2026-03-02 10:00" in listed

    assert "2 leads will be made anew" in done(baton("leads", "repair", "--drifted", "--yes"))
    carry_out_repairs(house)

    assert "2 as the log makes them, 0 drifted" in done(baton("leads", "check", "lead-1", "lead-2"))
    assert "No lead has drifted" in done(baton("leads", "drift"))
    assert "No lead has drifted" in done(baton("leads", "repair", "--drifted"))


def test_a_lead_is_checked_and_repaired_by_its_address(house: InMemoryDesk, baton: Baton) -> None:
    lose_state(house, ONE)

    told = json.loads(done(baton("leads", "check", ADA.value, "--json"), status=1))
    assert [each["lead"] for each in told["drifted"]] == ["lead-1"]
    assert told["drifted"][0]["faults"][0]["fault"] == "score"
    assert "`baton leads check lead-1` tells" in done(baton("leads", "repair", ADA.value))
    assert house.score_queue.messages == [{"repair": "lead-1"}]


@pytest.mark.parametrize("words", [("check",), ("check", "lead-1", "--all"), ("repair",), ("repair", "x", "--drifted")])
def test_which_leads_are_meant_is_said_in_one_way(baton: Baton, words: tuple[str, ...]) -> None:
    result = baton("leads", *words)

    assert isinstance(result.exception, Failure)
    assert result.exception.what.startswith("Say which leads")


def test_nobody_is_asked_where_nobody_sits_and_a_repair_of_many_is_not_begun(house: InMemoryDesk, baton: Baton) -> None:
    lose_state(house, ONE)
    done(baton("leads", "check", "--all"), status=1)

    result = baton("leads", "repair", "--drifted")

    assert isinstance(result.exception, Failure)
    assert house.score_queue.messages == []


@pytest.mark.parametrize(("answer", "asked_for"), [("n\n", []), ("y\n", [{"repair": "lead-1"}])])
def test_on_a_terminal_a_repair_says_what_it_will_do_and_asks_first(
    house: InMemoryDesk, monkeypatch: pytest.MonkeyPatch, answer: str, asked_for: list[dict[str, str]]
) -> None:
    monkeypatch.setattr(drift, "signed_in", lambda _: AtDesk(house))
    monkeypatch.setattr(asking, "is_asked", lambda: True)

    result = CliRunner().invoke(app, ["leads", "repair", ADA.value], input=answer)

    assert "stages and handoffs that were decided stay" in result.output
    assert f"Make {ADA.value} anew?" in result.output
    assert house.score_queue.messages == asked_for


def test_a_lead_that_there_is_not_is_no_drift_and_nothing_to_repair(baton: Baton) -> None:
    assert done(baton("leads", "check", "nobody"), status=1) == "There is no lead with the id nobody.\n"
    told = done(baton("leads", "check", "lead-1", "nobody", "lead-1"), status=1)
    assert "1 lead checked: 1 as the log makes them" in told
    assert isinstance(baton("leads", "repair", "nobody").exception, Refusal)


def test_a_lead_that_is_gone_keeps_no_other_from_being_repaired(house: InMemoryDesk, baton: Baton) -> None:
    for lead in (ONE, TWO):
        lose_state(house, lead)
    done(baton("leads", "check", "--all"), status=1)
    del house.leads.records[ONE]

    for words in (("--drifted", "--yes"), ("nobody", "lead-2")):
        house.score_queue.messages.clear()
        result = baton("leads", "repair", *words)

        assert house.score_queue.messages == [{"repair": "lead-2"}]
        assert "1 lead will be made anew" in result.output
        assert isinstance(result.exception, Failure)
        assert result.exception.what.startswith("1 lead cannot be repaired: ")


def test_however_many_leads_are_named_they_are_checked(baton: Baton) -> None:
    names = [f"lead-{number}" for number in range(1, 205)]

    told = json.loads(done(baton("leads", "check", *names, "--json"), status=1))

    assert (told["checked"], len(told["unknown"])) == (2, 202)


def test_a_page_of_another_check_is_refused(house: InMemoryDesk) -> None:
    api = AtDesk(house)
    page = api.post("/v1/checks", {"limit": 1})
    assert (page["checked"], page["drifted"], page["unsure"]) == (1, [], [])
    assert api.post("/v1/checks", {"limit": 1, "next": page["next"]})["next"] is None

    for body in ({"next": page["next"], "of": 2}, {"next": "x"}, {"segment": 1}, {"leads": [""]}, {"limit": 0}):
        with pytest.raises(Refusal) as refused:
            api.post("/v1/checks", body)
        assert refused.value.status == 422


def test_a_damaged_lead_hides_no_list_and_its_page_says_what_to_do(house: InMemoryDesk, baton: Baton) -> None:
    house.leads.damaged.add(ONE)

    assert AtDesk(house).get("/v1/leads", {"email": BOB.value})["leads"]
    refused = baton("leads", "show", "lead-1").exception

    assert isinstance(refused, Refusal)
    assert "baton leads repair" in refused.what


def test_a_score_of_a_past_moment_says_what_it_goes_by(house: InMemoryDesk, baton: Baton) -> None:
    told = done(baton("leads", "explain", "lead-1", "--at", "2026-03-02T09:30:00Z"))
    assert "at 2 March 2026 at 09:30 UTC, as it was known then, under version 1, active then; who is who" in told

    now = done(baton("leads", "show", "lead-1", "--at", "2026-03-02T09:30:00Z", "--rules", "active", "--known", "now"))
    assert "as is known now of what had occurred by then, under version 1, active then" in now
    assert "no stage had been decided by then; replayed so it would have stood in no stage either\n" in now
    assert "at 2 March 2026 at 09:30:07.5 UTC" in done(
        baton("leads", "show", "lead-1", "--at", "2026-03-02T09:30:07.5Z")
    )
    assert json.loads(done(baton("leads", "explain", "lead-1", "--json")))["as_of"] is None


def test_where_too_much_happened_to_be_replayed_no_stage_is_told_that_would_have_been(
    baton: Baton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.usecases.leads.MOST_REPLAYED", 0)

    told = done(baton("leads", "show", "lead-1", "--at", "2026-03-02T09:30:00Z", "--known", "now"))

    assert "would have stood" not in told
    assert "so many activities are not replayed" in told


def test_a_timeline_says_in_json_too_what_it_goes_by(baton: Baton) -> None:
    then = json.loads(done(baton("leads", "timeline", "lead-1", "--at", "2026-03-02T09:30:00Z", "--json")))

    assert then["as_of"]["known"] == "then"
    assert json.loads(done(baton("leads", "timeline", "lead-1", "--json")))["as_of"] is None
    refused = baton("leads", "timeline", "lead-1", "--known", "then").exception
    assert isinstance(refused, Failure)
    assert refused.remedy == "Give --at too."


def test_a_timeline_of_a_past_moment_tells_what_was_known_then(house: InMemoryDesk, baton: Baton) -> None:
    late = replace(activity("late", ADA, type="page_viewed", at="2026-03-02T09:01:00Z"), received_at=house.clock.now())
    house.happened([late])
    then = ("leads", "timeline", "lead-1", "--at", "2026-03-02T09:30:00Z")

    assert done(baton(*then)).splitlines() == ["what was known then:", "2026-03-02 09:00:00  demo_requested"]
    assert done(baton(*then, "--known", "now")).splitlines()[1:] == [
        "2026-03-02 09:00:00  demo_requested",
        "2026-03-02 09:01:00  page_viewed",
    ]
    assert "Nothing happened before that." in done(baton("leads", "timeline", "lead-1", "--before", "2020-01-01"))
    assert "demo_requested" in done(baton("leads", "timeline", "lead-1", "--before", "2040-01-01"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at", "yesterday"), "--at yesterday is no"),
        (("--rules", "latest"), "--rules latest is no version"),
        (("--known", "later"), "--known later says nothing"),
        (("--rules", "9"), "There is no rules version 9"),
        (("--at", "2040-01-01"), "still to come"),
        (("--at", "2020-01-01"), "Nothing had been heard of the lead by then"),
        (("--since", "2040-01-01"), "nothing can have changed since one after it"),
        (("--at", "2026-03-02T09:30:00Z", "--since", "2026-03-02T09:30:01Z"), "nothing can have changed since one"),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(baton: Baton, options: tuple[str, ...], words: str) -> None:
    refused = baton("leads", "explain", "lead-1", *options).exception

    assert isinstance(refused, Failure)
    assert words in refused.what


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (("--at", "2040-01-01"), "`baton leads show lead-1` tells what time may change."),
        (("--at", "2020-01-01"), "Correct --at."),
        (("--rules", "9"), "Correct --rules."),
    ],
)
def test_what_is_refused_names_the_option_and_shows_no_json(
    baton: Baton, options: tuple[str, ...], remedy: str
) -> None:
    refused = baton("leads", "explain", "lead-1", *options).exception

    assert isinstance(refused, Failure)
    assert refused.remedy == remedy
    assert "{" not in refused.what + refused.details
    assert "forecast" not in refused.what


def test_where_what_is_known_now_would_answer_that_is_said(house: InMemoryDesk, baton: Baton) -> None:
    late = replace(activity("late", ADA, type="page_viewed", at="2026-02-01T09:00:00Z"), received_at=house.clock.now())
    house.happened([late])
    refused = baton("leads", "show", "lead-1", "--at", "2026-02-02").exception

    assert isinstance(refused, Failure)
    assert "what occurred from 2026-02-01T09:00:00Z on is known now" in refused.what
    assert refused.remedy == "`--known now` counts what had occurred by then and was heard of later."
    assert "page_viewed" in done(baton("leads", "show", "lead-1", "--at", "2026-02-02", "--known", "now"))


def test_a_word_that_is_no_moment_is_quoted_as_it_was_written(baton: Baton) -> None:
    refused = baton("leads", "explain", "lead-1", "--at", "yesterday").exception

    assert isinstance(refused, Failure)
    assert "yesterdayT" not in refused.what + refused.remedy + refused.details


def test_a_lead_says_what_time_alone_will_change(baton: Baton) -> None:
    told = done(baton("leads", "show", "lead-1"))

    assert "leaves hot on 14 March at 19:49 UTC unless something happens, and is cold then" in told


def test_a_change_that_is_due_is_said_to_come_now() -> None:
    due = {"at": "2026-03-02T09:00:00Z", "what": "stage", "before": "mql", "after": "cold"}

    (told,) = as_of.forecast_lines({"at": "2026-03-02T09:00:30Z", "forecast": [due]})

    assert told == "leaves MQL now, within a minute, and is cold then"


def test_leads_that_newer_rules_have_not_reached_say_so(house: InMemoryDesk, baton: Baton) -> None:
    house.versions.publish(RuleVersion(2, "acme", "ada", house.clock.now(), "", "0" * 64, RULES, ""))
    house.clock.advance(HOUR)

    assert "scored under version 1; version 2 is on its way" in done(baton("leads", "show", "lead-1"))
    listed = done(baton("leads", "list", "--email", ADA.value))
    assert "1 lead scored under version 1; version 2 is on its way" in listed
