import copy
import io
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest
import typer
from rich.console import Console

from infra.cli.main import app
from infra.cli.screen import Screen
from infra.deployed import Refusal
from infra.local.cloud import LocalCloud
from infra.local.demo import show
from infra.local.demo.show import _Demo
from infra.local.demo.story import Check, arrivals, checks, next_steps, pages
from infra.local.demo.visitors import HANA, MAYA, SAM, VISITORS, Submitted


def lead(visitor, number, transitions=()):
    return {
        "id": number,
        "score": {"total": visitor.score, "temperature": visitor.temperature},
        "explanation": {
            "weights": {"engagement": 1, "fit": 0},
            "contributions": [
                {"score": "engagement", "counts": visitor.score - 5},
                {"score": "engagement", "counts": 4.5},
                {"score": "fit", "counts": 30},
                {"score": "engagement", "counts": 0.5},
            ],
        },
        "handoffs": [{"stage": stage, "epoch": 1} for stage in visitor.stages],
        "transitions": [{"from_stage": a, "to_stage": b, "activity_id": c} for a, b, c in transitions],
    }


def message(text):
    return {"received_at": datetime(2026, 3, 1, tzinfo=UTC).isoformat(), "text": text}


@pytest.fixture
def leads():
    return {
        "Sam": lead(SAM, "L1"),
        "Hana": lead(HANA, "L2"),
        "Maya": lead(MAYA, "L3", [(None, "mql", "x"), ("mql", "sql", MAYA.then[0].id)]),
    }


@pytest.fixture
def inbox():
    handed = ["L2.sql.1", "L3.mql.1", "L3.sql.1"]
    channels = {name: [message(f"handoff {number}") for number in handed] for name in ("emails", "slack", "webhooks")}
    return channels | {"refused": []}


def untrue(leads, inbox):
    return [check.promise for check in checks(leads, inbox) if not check.came_true]


def test_all_of_it_comes_true_when_everything_is_as_promised(leads, inbox):
    assert untrue(leads, inbox) == []
    assert len(checks(leads, inbox)) > 15


def test_the_page_of_each_visitor_is_the_one_to_which_the_latest_handoff_links(leads, inbox):
    for number, place in (("L2.sql.1", 0), ("L3.mql.1", 1), ("L3.sql.1", 2)):
        lead, stage, _ = number.split(".")
        inbox["webhooks"][place]["message"] = {
            "data": {"lead": lead, "stage": stage, "link": f"http://here/api/handoffs/{number}"}
        }

    assert pages(leads, inbox) == {"Hana": "/handoffs/L2.sql.1", "Maya": "/handoffs/L3.sql.1"}


def test_a_message_without_a_link_has_no_page(leads, inbox):
    assert pages(leads, inbox) == {}


def test_each_handoff_is_found_on_each_channel(leads, inbox):
    found = {(each.visitor.name, each.stage, each.channel) for each in arrivals(leads, inbox)}
    assert len(found) == 9
    assert ("Maya", "mql", "slack") in found


def test_a_wrong_score_is_noticed(leads, inbox):
    leads["Sam"]["score"]["total"] = 64.999999999
    assert untrue(leads, inbox) == ["Sam has 65 points and is warm", "Sam's points are explained to the last"]


def test_an_explanation_that_does_not_add_up_is_noticed(leads, inbox):
    leads["Hana"]["explanation"]["contributions"].append({"score": "engagement", "counts": 0.000000001})
    assert untrue(leads, inbox) == ["Hana's points are explained to the last"]


def test_a_lead_that_is_not_there_is_noticed(leads, inbox):
    del leads["Sam"]
    assert untrue(leads, inbox) == ["Sam has 65 points and is warm"]


def test_a_handoff_that_should_not_have_been_is_noticed(leads, inbox):
    leads["Sam"]["handoffs"].append({"stage": "mql", "epoch": 1})
    assert untrue(leads, inbox) == ["Sam is handed over to nobody"]


@pytest.mark.parametrize("channel", ["emails", "slack", "webhooks"])
def test_a_message_that_did_not_arrive_or_arrived_twice_is_noticed(leads, inbox, channel):
    told = {"emails": "email", "slack": "slack", "webhooks": "signed webhook"}[channel]
    missing, twice = copy.deepcopy(inbox), copy.deepcopy(inbox)
    missing[channel].pop(0)
    twice[channel].append(twice[channel][0])

    expected = [f"Hana's handoff as SQL arrived once by {told}"]
    assert untrue(leads, missing) == expected
    assert untrue(leads, twice) == expected


def test_a_webhook_whose_signature_did_not_verify_has_not_arrived(leads, inbox):
    inbox["refused"].append(inbox["webhooks"].pop())
    assert untrue(leads, inbox) == ["Maya's handoff as SQL arrived once by signed webhook"]


def test_becoming_an_sql_by_anything_but_the_webinar_is_noticed(leads, inbox):
    leads["Maya"]["transitions"][-1]["activity_id"] = "demo-maya-event-2"
    assert untrue(leads, inbox) == ["Maya became an MQL, and an SQL by attending a webinar"]


def test_everything_that_is_sent_has_an_id_of_its_own_that_stays_the_same():
    acts = [act for visitor in VISITORS for act in (*visitor.acts, *visitor.then)]
    assert len({act.id for act in acts}) == len(acts)
    assert all(act.id.startswith("demo-") for act in acts)
    assert sum(isinstance(act, Submitted) for act in acts) == 1


@pytest.mark.parametrize(("status", "goes_on"), [(502, True), (503, True), (422, False)])
def test_the_demo_goes_on_when_the_api_fails_once(monkeypatch, status, goes_on):
    def fail(_self):
        raise Refusal(status, None)

    monkeypatch.setattr(_Demo, "_ask", fail)
    demo = _Demo.__new__(_Demo)
    if goes_on:
        demo.look()
    else:
        with pytest.raises(Refusal):
            demo.look()


def test_when_its_output_is_piped_the_demo_ends_and_the_last_lines_tell_what_to_do_next(monkeypatch, leads, inbox):
    came_true = SimpleNamespace(
        watched=nullcontext,
        send=lambda *_: None,
        wait=lambda _: None,
        newest=[],
        leads={},
        inbox=inbox,
        site="http://127.0.0.1:8080",
        checks=lambda: checks(leads, inbox),
    )
    monkeypatch.setattr(show, "_Demo", lambda *_: came_true)
    printed = io.StringIO()

    assert show.show(cast(LocalCloud, came_true), Screen(Console(file=printed, width=120)), leave=False)
    assert printed.getvalue().endswith("\n".join(next_steps("http://127.0.0.1:8080")) + "\n")


def test_what_there_is_instead_is_told_only_where_something_did_not_come_true():
    came, missed = Check("Sam is warm", came_true=True, seen="warm"), Check("Bo is hot", came_true=False, seen="cold")

    for found, told in ([came], False), ([came, missed], True):
        printed = io.StringIO()
        assert show._verdict(Screen(Console(file=printed, width=120)), found) is not told
        assert ("what there is instead" in printed.getvalue(), "cold" in printed.getvalue()) == (told, told)


def test_what_is_to_be_done_next_are_commands_that_there_are():
    commands = [line.split("  ")[1].split() for line in next_steps("http://here") if line.startswith("  baton ")]

    assert len(commands) == 4
    for _, *words in commands:
        here = typer.main.get_command(app)
        for word in words[:2]:
            if hasattr(here, "commands"):
                here = here.commands[word]
        assert not hasattr(here, "commands")
