"""`baton rules simulate`, at a desk in memory."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from infra.cli import publish, simulate, simulations
from infra.cli.distribution import Column, as_text, columns_of
from infra.cli.main import app
from infra.cli.simulations import Simulation, SimulationWish, summary_lines
from infra.deployed import Refusal
from infra.failure import Failure
from shared.domain.activity import Claims
from shared.domain.simulation import Findings
from shared.usecases.evaluate import Evaluate
from shared.usecases.publish import document_sha256
from shared.usecases.rulebook import Rulebook
from tests.desk import ROSTERS, a_desk
from tests.http_requests import NOW
from tests.people import activity, email
from tests.sales_desk import seller

FIRST = """
name: first
behaviour: [{id: demo, on: demo_requested, points: 30}, {id: visit, on: page_viewed, points: 5}]
temperature: [{name: cold}, {name: hot, at_least: 50}]
stages:
  - {name: suspect, enter: {activity: form_submitted}}
  - {name: mql, from: [suspect], enter: {score: {at_least: 50}}}
handoff: {mql: {to: inside-sales}}
"""
SECOND = FIRST.replace("points: 30", "points: 60").replace("first", "second")
PEOPLE = {"ada": 1, "grace": 2, "alan [bold]": 0}
"""How many demos each asked for."""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Three leads under the first rules; Grace is handed over."""
    desk = a_desk()
    file = tmp_path / "first.yaml"
    file.write_text(FIRST)
    monkeypatch.setattr(publish, "signed_in", lambda _: seller(desk, "mia", "marketing"))
    assert CliRunner().invoke(app, ["rules", "publish", str(file)]).exit_code == 0
    desk.clock.advance(60_000_000)
    for number, (name, demos) in enumerate(PEOPLE.items()):
        who = email(f"person-{number}@lead.example")
        claims = Claims(lead={"name": name}, consent="granted")
        desk.happened([activity(f"f{number}", who, type="form_submitted", at=NOW, claims=claims)])
        desk.happened(activity(f"d{number}-{demo}", who, type="demo_requested", at=NOW) for demo in range(demos))
    look = Evaluate(
        desk.leads,
        desk.stages,
        Rulebook(desk.versions, desk.clock),
        desk.clock,
        consent_required=True,
        rosters=ROSTERS,
    ).look
    for record in list(desk.leads.records.values()):
        look(record.lead)
    return desk


@pytest.fixture
def baton(desk, tmp_path, monkeypatch):
    """`baton rules` as somebody of a role runs it; `second.yaml` lies in the folder."""
    (tmp_path / "second.yaml").write_text(SECOND)
    monkeypatch.chdir(tmp_path)

    def run(*words, role="marketing"):
        monkeypatch.setattr(simulate, "signed_in", lambda _: seller(desk, "mia", role))
        return CliRunner().invoke(app, ["rules", "simulate", *words])

    return run


def done(result):
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def failed(result):
    assert isinstance(result.exception, Failure), (result.output, result.exception)
    return result.exception


def row(told, name):
    """The cells of a table's row."""
    (line,) = [line for line in told.splitlines() if re.match(rf"[│ ]*{name} ", line)]
    return [cell.strip() for cell in re.split(r"[│┃]", line)[1:-1]]


def test_people_read_who_moves_what_is_handed_over_and_to_whom(baton):
    told = done(baton("second.yaml"))

    assert "Simulated at 2026-03-02 09:01 against version 1: 3 leads." in told
    assert "1 lead would move; handoffs since 2025-12-02 would have been 2 instead of 1 (+100.0%)." in told
    assert row(told, "suspect") == ["suspect", "2", "1", "0", "1"]
    assert row(told, "MQL") == ["MQL", "1", "0", "1", "2"]
    assert row(told, "hot") == ["hot", "1", "0", "1", "2"]
    assert row(told, "lead-1") == ["lead-1", "ada", "suspect → MQL", "cold → hot", "30 → 60"]
    assert row(told, "2026-03-02") == ["2026-03-02", "inside-sales", "mia", "1", "2"]
    assert "Leads by score now" in told
    assert "Leads by score with these rules" in told


def test_nothing_is_published_by_it(baton, desk):
    before = (dict(desk.leads.records), dict(desk.stages.records), list(desk.stages.outbox))
    done(baton("second.yaml", "--notify"))

    assert desk.versions.active_number() == 1
    assert (desk.leads.records, desk.stages.records, desk.stages.outbox) == before


def test_with_notify_it_tells_what_publishing_would_hand_over_at_once(baton):
    told = done(baton("second.yaml", "--notify"))
    assert (
        "Publishing would hand over 1 lead at once; the budget counts none of these handoffs on top of those." in told
    )
    assert "Publishing would hand over 0 leads at once." in done(baton("second.yaml"))


def test_what_the_budget_counts_besides_is_told():
    found = Findings(leads=3, sent_now=3, besides=2)
    lines = list(summary_lines(replace(_found(), findings=found, notify=True)))

    assert "Publishing would hand over 3 leads at once; the budget counts 2 of these handoffs on top of those." in lines


def test_handoffs_that_would_be_withheld_are_told_apart(baton, desk):
    for number, demos in ((8, 2), (9, 1)):
        who = email(f"person-{number}@lead.example")
        desk.happened([activity(f"f{number}", who, type="form_submitted", at=NOW)])
        desk.happened(activity(f"d{number}-{demo}", who, type="demo_requested", at=NOW) for demo in range(demos))
    told = done(baton("second.yaml"))

    assert "would have been 2 instead of 1 (+100.0%)." in told
    assert "Withheld besides, for want of consent or by a veto, and not counted: 2 instead of 1 (+100.0%)." in told
    assert "Publishing would hand over 0 leads at once. 2 handoffs more would wait for permission." in told
    as_json = json.loads(done(baton("second.yaml", "--json")))
    assert as_json["handoffs"] == {"before": 1, "after": 2}
    assert as_json["withheld"] == {"before": 1, "after": 2, "now": 2}
    assert desk.simulations.read(as_json["simulation"]).handoffs_after == 2


def test_tables_stand_in_the_order_of_the_rules_and_not_by_alphabet(baton):
    told = done(baton("second.yaml"))
    assert told.index("suspect ") < told.index("MQL ")

    flows: dict[tuple[str | None, str | None], int] = {
        ("warm", "hot"): 1,
        ("cold", "tepid"): 1,
        (None, "cold"): 1,
        ("balmy", "cold"): 1,
    }
    table = simulate._flow_table("temperature", "none", flows, ("cold", "warm", "hot"))
    assert list(table.columns[0].cells) == ["none", "cold", "warm", "hot", "balmy", "tepid"]


def test_an_analyst_sees_how_many_and_no_names(baton):
    told = done(baton("second.yaml", role="analyst"))

    assert row(told, "lead-1") == ["lead-1", "", "suspect → MQL", "cold → hot", "30 → 60"]
    assert "ada" not in told


def test_a_script_gets_all_of_it_with_what_a_publish_asks_for(baton, desk):
    told = json.loads(done(baton("second.yaml", "--json")))

    assert told["handoffs"] == {"before": 1, "after": 2}
    assert [each["lead"] for each in told["moves"]] == ["lead-1"]
    assert told["loads"] == [{"week": "2026-03-02", "team": "inside-sales", "assignee": "mia", "before": 1, "after": 2}]
    assert Findings.from_json(told["findings"]).leads == 3
    found = desk.simulations.read(told["simulation"])
    assert (found.leads, found.share, found.handoffs_before, found.handoffs_after) == (3, 1.0, 1, 2)
    assert found.exceeds(15)


def test_whom_rules_leave_behind_and_that_they_hand_nobody_over_is_told_before_they_hold(baton, tmp_path):
    (tmp_path / "empty.yaml").write_text("name: empty\n")
    told = done(baton("empty.yaml"))

    assert "3 leads would stand in a stage that these rules do not have." in told
    assert "Warning: stages: there is no stage 'suspect' any more: 2 leads stand in it (" in told
    assert "no stage 'mql' any more: 1 lead stands in it and 1 handoff of it waits for an answer (" in told
    silence = "with these rules there would have been no handoff since 2025-12-02, with the active ones 1"
    assert f"Warning: handoff: {silence}" in told
    for words in ((), ("--sample", "5%")):
        as_json = json.loads(done(baton("empty.yaml", "--json", *words)))
        assert [each["at"] for each in as_json["warnings"]][:2] == ["stages", "stages"]
    as_json = json.loads(done(baton("empty.yaml", "--json")))
    assert [each["message"] for each in as_json["warnings"]][2:] == [silence]
    assert as_json["findings"]["stranded"] == 3


def test_a_team_that_the_settings_do_not_have_is_told_before_rules_hold(baton, tmp_path):
    assert "would stand" not in done(baton("second.yaml"))
    assert json.loads(done(baton("second.yaml", "--json")))["warnings"] == []
    (tmp_path / "typo.yaml").write_text(SECOND.replace("inside-sales", "inside-saless"))

    (warning,) = json.loads(done(baton("typo.yaml", "--json")))["warnings"]
    assert (warning["at"], warning["hint"]) == ("handoff.mql.to", "did you mean 'inside-sales'?")


def test_a_draft_and_a_version_are_simulated_by_their_names(baton, desk):
    api = seller(desk, "mia", "marketing")
    api.post("/v1/rules/drafts", {"document": {"name": "empty"}})

    assert json.loads(done(baton("draft-1", "--json")))["handoffs"] == {"before": 1, "after": 0}
    assert json.loads(done(baton("1", "--json")))["moves"] == []
    assert "no draft 7" in failed(baton("draft-7")).what
    api.post("/v1/rules", {"document": {"name": "third"}, "force": "Now."})
    active = json.loads(done(baton("active", "--json")))
    assert (active["against"], active["sha256"]) == (2, document_sha256({"name": "third"}))


def test_a_sample_looks_at_some_segments_and_says_so(baton, desk):
    told = json.loads(done(baton("second.yaml", "--sample", "5%", "--json")))

    assert told["share"] == 0.05
    assert len(told["simulation"].split()) == 5
    assert json.loads(done(baton("second.yaml", "--sample", "5", "--json")))["share"] == 0.05
    assert ", 2% of all." in done(baton("second.yaml", "--sample", "1.5 %"))


@pytest.mark.parametrize("sample", ["0%", "101%", "half", "5%%", "-3%"])
def test_what_is_no_sample_is_told(baton, sample):
    assert "Write --sample 1%" in failed(baton("second.yaml", f"--sample={sample}")).remedy


def test_handoffs_are_counted_since_a_day_or_a_moment(baton):
    assert json.loads(done(baton("second.yaml", "--since", "2026-03-02", "--json")))["since"] == "2026-03-02T00:00:00Z"
    later = json.loads(done(baton("second.yaml", "--since", "2026-03-02T09:00:30Z", "--json")))
    assert later["handoffs"] == {"before": 0, "after": 0}
    failure = failed(baton("second.yaml", "--since", "yesterday"))
    assert failure.what == "--since yesterday is no day and no moment."
    assert "or a day as 2026-03-01" in failure.remedy


def test_the_picture_holds_the_distribution_and_needs_nothing_from_elsewhere(baton, tmp_path):
    done(baton("second.yaml", "--svg", "scores.svg"))
    picture = (tmp_path / "scores.svg").read_text()
    root = ElementTree.fromstring(picture)  # noqa: S314 - it is our own

    assert "Scores now and under second.yaml" in picture
    assert "3 leads; compared with version 1, on 2026-03-02 09:01 UTC" in picture
    labels = [text.text for text in root.findall("{*}text")]
    assert labels.count("leads") == 1
    assert labels[labels.index("120") + 1] == "130"
    for which, words in (("1", "under version 1"), ("-", "under standard input")):
        picture_of = simulate._picture(_found(), which)
        assert words in picture_of
        assert "3 leads, a sample of 5% of all; compared with version 2, on 2026-03-02 09:01 UTC" in picture_of
    assert "<script" not in picture
    assert not re.search(r"(href|src|url\()[^>]*https?:", picture)
    told = [title.text for title in root.findall("{*}rect/{*}title")]
    assert told.count("0 leads from 30 points") == 1
    assert {"1 lead from 30 points", "1 lead from 120 points"} <= set(told)


def _found():
    found = Findings(leads=3, scores={("before", 0): 3, ("after", 5): 3})
    return simulations.Simulation("t", "s", 2, "2026-03-02T09:01:00.165164Z", "then", 0.05, found)


@pytest.mark.parametrize("svg", ["nowhere/scores.svg", "."])
def test_a_picture_that_cannot_be_written_is_told_before_anything_is_simulated(baton, monkeypatch, svg):
    monkeypatch.setattr(simulate, "simulate", lambda *_: pytest.fail("it was simulated"))

    assert "cannot be written" in failed(baton("second.yaml", "--svg", svg)).what


@pytest.mark.parametrize(("step", "state"), [("withdrawals", "withdrawn"), ("publications", "published")])
def test_a_draft_that_is_over_is_refused_before_anything_is_simulated(baton, desk, monkeypatch, step, state):
    api = seller(desk, "mia", "marketing")
    api.post("/v1/rules/drafts", {"document": {"name": "empty"}})
    told = {} if step == "withdrawals" else {"force": "Now."}
    api.post(f"/v1/rules/drafts/1/{step}", told)
    monkeypatch.setattr(simulate, "simulate", lambda *_: pytest.fail("it was simulated"))

    assert failed(baton("draft-1")).what == f"Draft 1 is {state}: nobody publishes it any more."


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_page_that_the_api_cannot_answer_now_is_asked_for_again_and_smaller(desk, monkeypatch, status):
    api = seller(desk, "mia", "marketing")
    busy, asked, waited = [True, True], [], []
    call = type(api)._call

    def now_and_then(self, method, path, body=None):
        asked.append(json.loads(body)["limit"])
        if busy:
            busy.pop()
            raise Refusal(status, None)
        return call(self, method, path, body)

    monkeypatch.setattr(type(api), "_call", now_and_then)
    monkeypatch.setattr("infra.cli.simulations.time.sleep", waited.append)
    found = simulations.simulate(api, SimulationWish({"version": 1}))

    assert found.findings.leads == 3
    assert (asked[:4], waited) == ([100, 50, 25, 100], [1, 2])


def test_an_api_that_stays_busy_or_refuses_ends_it(desk, monkeypatch):
    api = seller(desk, "mia", "marketing")
    waited = []
    monkeypatch.setattr("infra.cli.simulations.time.sleep", waited.append)

    with pytest.raises(Refusal) as refused:
        simulations.simulate(api, SimulationWish({"version": 9}))
    assert (refused.value.status, waited) == (404, [])

    def busy(*_):
        raise Refusal(503, None)

    monkeypatch.setattr(type(api), "_call", busy)
    with pytest.raises(Refusal):
        simulations.simulate(api, SimulationWish({"version": 1}))
    assert len(waited) == 5


def test_how_far_it_is_is_told(desk):
    told = []
    simulations.simulate(
        seller(desk, "mia", "marketing"), SimulationWish({"version": 1}), lambda *news: told.append(news)
    )

    assert told[-1] == (4, 4, 3)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_the_first_rules_are_simulated_against_none(monkeypatch, tmp_path):
    desk = a_desk()
    (tmp_path / "second.yaml").write_text(SECOND)
    monkeypatch.setattr(simulate, "signed_in", lambda _: seller(desk, "mia", "marketing"))

    told = done(CliRunner().invoke(app, ["rules", "simulate", str(tmp_path / "second.yaml")]))

    assert "against version 0: 0 leads." in told
    assert failed(CliRunner().invoke(app, ["rules", "simulate", "active"])).what == "No rules are active yet."


# --- the distribution -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leads", "told"),
    [
        (0, []),
        (1, ["1 lead has a history too long to be replayed in time: its handoffs are not counted."]),
        (1200, ["1,200 leads have histories too long to be replayed in time: their handoffs are not counted."]),
    ],
)
def test_the_summary_says_of_how_many_leads_no_handoff_is_counted(leads, told):
    found = Simulation(
        "t", "c" * 64, 1, "2026-03-02T09:00:00Z", "2025-12-02T09:00:00Z", 1.0, Findings(leads=2000, passed_over=leads)
    )

    assert [line for line in summary_lines(found) if "too long" in line] == told


def findings(*points):
    return Findings(scores={("before", each): 1 for each in points})


def test_columns_are_as_narrow_as_few_enough_allow_and_leave_none_out():
    assert columns_of(findings(0, 5, 20)) == [
        Column(0, 1, 0),
        Column(5, 1, 0),
        Column(10, 0, 0),
        Column(15, 0, 0),
        Column(20, 1, 0),
    ]
    wide = columns_of(findings(-40, 0, 995))
    assert [each.start for each in wide][:3] == [-50, 0, 50]
    assert len(wide) <= 24
    assert sum(each.before for each in wide) == 3
    assert len(columns_of(findings(-(10**9), 10**9))) <= 24
    assert columns_of(Findings()) == []


def test_both_plots_have_one_scale_and_no_colours():
    told = as_text([Column(0, 8, 2), Column(5, 0, 6)], 60)

    assert "\x1b" not in told
    assert told.count("8") == 2
    assert all(len(line) <= 60 for line in told.splitlines())


def test_one_bar_alone_has_room_on_both_sides():
    widest = max(line.count("█") for line in as_text([Column(60, 1, 1)], 100).splitlines())

    assert 0 < widest < 20
