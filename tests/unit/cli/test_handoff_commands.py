"""`baton handoffs` and `baton leads explain|timeline|qualify`, at a desk in memory."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.cli import as_of, handoffs, lead_story, leads
from infra.cli.handoffs import review
from infra.cli.leads import activity_line
from infra.cli.main import app
from infra.cli.screen import Screen
from infra.cli.transitions import cause_of
from infra.deployed import Refusal
from infra.failure import Failure
from shared.domain.activity import Claims, Rank
from shared.domain.handoff import HandoffKey, HandoffRecord, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, format_moment, parse_moment
from shared.ports.rules import RuleVersion
from shared.ports.stages import StageRecord, StoredTransition
from tests.http_requests import NOW
from tests.people import activity
from tests.sales_desk import (
    ADA,
    ADAS,
    GRACES,
    MORNING,
    RULES,
    a_sales_desk,
    handed_over,
    joined,
    publish,
    said,
    seller,
    stand,
)


def withdraws(desk):
    """Ada says that she does not want to be contacted."""
    word = Claims(consent="denied")
    desk.happened([activity("no", ADA, type="consent_given", at=NOW, rank=Rank.TRUSTED, claims=word, own=False)])


@pytest.fixture
def desk():
    return a_sales_desk()


@pytest.fixture
def baton(desk, monkeypatch):
    """`baton` as Bob of sales runs it, or somebody else who is named."""

    def run(*words, who="bob", role="sales"):
        for module in (handoffs, lead_story):
            monkeypatch.setattr(module, "signed_in", lambda _: seller(desk, who, role))
        monkeypatch.setattr(as_of, "present", desk.clock.now)
        return CliRunner().invoke(app, list(words))

    return run


def done(result):
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def failed(result):
    assert isinstance(result.exception, Failure), (result.output, result.exception)
    return result.exception


# --- baton handoffs ---


def test_open_handoffs_are_a_table_for_people_and_json_for_scripts(baton):
    told = done(baton("handoffs", "list"))
    for words in ("lead-1.mql.1", "Ada", "Engines", "inside-sales", "mia", "2026-03-02 09:00", "open"):
        assert words in told

    (listed,) = json.loads(done(baton("handoffs", "list", "--json")))
    assert (listed["lead"], listed["state"]) == ("lead-1", "open")


@pytest.mark.parametrize("columns", [80, 120])
def test_the_name_of_a_handoff_is_never_cut_in_a_list(columns):
    key = HandoffKey(LeadId("01890a5d-ac96-774b-bcce-b302099a8057"), "sales-qualified-lead", 12)
    shown = {
        "lead": key.lead,
        "stage": key.stage,
        "epoch": key.epoch,
        "state": "open",
        "objection": None,
        "answer": None,
        "to": "inside-sales-of-the-north",
        "assignee": "mia",
        "requested_at": MORNING,
        "respond_by": NOW,
        "done": [{"kind": kind, "at": NOW, "to": "managers"} for kind in ("reminder", "escalation", "escalation")],
        "person": {"name": "Ada Lovelace", "emails": [], "company": "Analytical Engines of the World"},
    }
    drawn = Console(width=columns, record=True, file=io.StringIO())
    drawn.print(handoffs.handoffs_table([shown], parse_moment(NOW)))

    assert key.text in drawn.export_text()


def test_who_has_a_handoff_its_stage_and_its_deadline_are_whole_in_a_list_of_120_columns():
    key = HandoffKey(LeadId("01890a5d-ac96-774b-bcce-b302099a8057"), "mql", 1)
    shown = {
        "lead": key.lead,
        "stage": key.stage,
        "epoch": key.epoch,
        "state": "open",
        "objection": None,
        "answer": None,
        "done": [],
        "to": "inside-sales",
        "assignee": "mia",
        "requested_at": MORNING,
        "respond_by": NOW,
        "person": {"name": "Ada Lovelace", "emails": [], "company": "Analytical Engines"},
    }
    drawn = Console(width=120, record=True, file=io.StringIO())
    drawn.print(handoffs.handoffs_table([shown, {**shown, "to": "executives"}], parse_moment(NOW)))
    told = drawn.export_text()

    for words in (key.text, "inside-sales", "executives", "mia", NOW[:16].replace("T", " "), "open, overdue"):
        assert words in told
    assert "…" not in told


@pytest.mark.parametrize(("columns", "is_whole"), [(60, False), (80, True)])
def test_a_list_of_handoffs_has_room_for_each_column_however_narrow_the_terminal_is(
    baton, desk, monkeypatch, columns, is_whole
):
    key = HandoffKey(LeadId("01890a5d-ac96-774b-bcce-b302099a8057"), "mql", 1)
    desk.handoffs.committed[key] = handed_over(key)
    paper = io.StringIO()
    monkeypatch.setattr(handoffs, "screen", Screen(Console(file=paper, width=columns)))
    done(baton("handoffs", "list"))

    rows = paper.getvalue().splitlines()
    assert (key.text in paper.getvalue()) is is_whole
    assert "…" not in paper.getvalue()
    assert len(rows) < 20
    assert max(map(len, rows)) <= columns


@pytest.mark.parametrize(("columns", "is_whole"), [(40, False), (60, True), (80, True), (120, True)])
def test_a_lead_s_id_is_whole_in_a_list_where_there_is_room_for_it(baton, monkeypatch, columns, is_whole):
    paper, long = io.StringIO(), "01890a5d-ac96-774b-bcce-b302099a8057"
    found = json.loads(done(baton("handoffs", "show", "lead-1", "--json")))["person"]
    shown = {"id": long, "person": found | {"company": "Analytical Engines of the World"}, "consent": "granted"}
    shown |= {"score": {"total": 5, "temperature": "warm"}, "stage": {"name": "sales-qualified", "in_rules": True}}
    monkeypatch.setattr(leads, "signed_in", lambda _: None)
    monkeypatch.setattr(leads, "all_leads", lambda *_: [shown | {"awaits_rules": None}])
    monkeypatch.setattr(leads, "screen", Screen(Console(file=paper, width=columns)))
    done(baton("leads", "list"))

    assert (long in paper.getvalue()) is is_whole
    assert max(map(len, paper.getvalue().splitlines())) <= columns
    assert {"lead", "who", "score"} <= set(re.findall(r"\w+", paper.getvalue().splitlines()[0 if columns < 100 else 1]))
    assert ("temperature" in paper.getvalue()) is (columns >= 100)
    assert ("company" in paper.getvalue()) is (columns >= 100)


# --- whom nobody may contact ---


def test_that_a_lead_withdrew_is_told_wherever_sales_looks_and_when_it_is_accepted(baton, desk):
    before = [done(baton("handoffs", *words)) for words in (("list",), ("show", "lead-1"))]
    withdraws(desk)

    shown = done(baton("handoffs", "show", "lead-1"))
    table = done(baton("handoffs", "list"))
    (listed,) = json.loads(done(baton("handoffs", "list", "--json")))
    accepted = baton("handoffs", "accept", "lead-1", "--json")

    told = "may not be contacted: consent was withdrawn or denied; nobody should call or write"
    assert told in shown.splitlines()
    assert "ada@example.com" not in shown
    assert "open, no consent" in " ".join(table.split())
    assert listed["objection"] == "denied"
    assert f"lead-1.mql.1 {told}" in accepted.stderr
    assert json.loads(accepted.stdout)["state"] == "accepted"
    assert "no consent" in done(baton("handoffs", "list", "--state", "accepted"))
    assert not [each for each in before if "contacted" in each or "consent" in each]


def test_of_whom_no_grant_counts_nobody_is_told_to_call(baton, desk, monkeypatch):
    stand(desk, GRACES, handed_over(GRACES))

    assert "may not be contacted: no consent of theirs counts" in done(baton("handoffs", "show", "lead-2"))

    monkeypatch.setattr(desk.desk.handoffs, "_consent_required", False)
    assert "e-mail grace@example.com" in done(baton("handoffs", "show", "lead-2")).splitlines()


def test_who_rejects_a_lead_that_nobody_may_contact_needs_no_warning(baton, desk):
    withdraws(desk)

    assert "contacted" not in baton("handoffs", "reject", "lead-1", "--reason", "no_budget").output


@pytest.mark.parametrize(("consent_required", "words"), [(True, "it waits for consent"), (False, "it is on its way")])
def test_why_a_lead_was_not_handed_over_is_told(baton, desk, monkeypatch, consent_required, words):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    monkeypatch.setattr(desk.desk.leads, "_consent_required", consent_required)
    desk.stages.commit(StageRecord(GRACES.lead, Journey("mql", {"mql": 1}, parse_moment(NOW)), withheld=GRACES), [], [])

    failure = failed(baton("handoffs", "show", "lead-2"))
    lines = done(baton("leads", "show", "lead-2")).splitlines()

    assert failure.what == f"grace@example.com was not handed over as mql yet: {words}."
    assert ("leads consent lead-2 granted" in failure.remedy) is consent_required
    assert lines[lines.index("Handed over, oldest first") + 1] == f"not handed over as mql yet: {words}"
    assert "not handed over" not in done(baton("leads", "show", "lead-1"))


def test_a_lead_is_shown_with_what_is_known_of_it(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    lines = done(baton("leads", "show", "lead-1")).splitlines()

    assert {"lead.first_name: Ada", "company.name: Engines"} <= set(lines)
    assert any("Point by point, times in UTC" in line for line in lines)
    assert "when (UTC)" in done(baton("leads", "explain", "lead-1"))
    assert "qualification.budget: 20k" not in lines


def test_a_handoff_is_marked_with_what_happened_while_nobody_answered(baton, desk):
    before = desk.handoffs.record(ADAS)
    desk.handoffs.follow_up(before, HandoffRecord(before.handoff, "inside-sales", "mia", before.handoff.follow_ups))
    (found,) = json.loads(done(baton("handoffs", "list", "--json")))

    assert found["id"] == "lead-1.mql.1"
    (early,) = handoffs.handoffs_table([found], parse_moment(MORNING)).columns[-1].cells
    (late,) = handoffs.handoffs_table([found], parse_moment(found["respond_by"])).columns[-1].cells
    assert (early, late) == ("open, reminded", "open, overdue, reminded")


def test_a_list_is_narrowed_by_state_team_and_assignee(baton):
    assert json.loads(done(baton("handoffs", "list", "--team", "inside-sales", "--assignee", "mia", "--json")))
    for narrowed in (("--state", "rejected"), ("--team", "managers"), ("--team", "managers", "--assignee", "mia")):
        assert done(baton("handoffs", "list", *narrowed)) == "There is no such handoff.\n"
    assert baton("handoffs", "list", "--state", "closed").exit_code == 2


@pytest.mark.parametrize(
    ("narrowed", "what", "remedy"),
    [
        (("--team", "nobody"), "The settings have no team 'nobody'.", "There are default, inside-sales, managers."),
        (("--assignee", "nobody"), "The settings have no member 'nobody'.", "There are mia."),
        (("--team", ""), "--team says nothing.", "Leave it out to see all."),
        (("--assignee", " "), "--assignee says nothing.", "Leave it out to see all."),
        (
            ("--team", "inside-sales", "--assignee", "nobody", "--json"),
            "The settings have no member 'nobody'.",
            "There are mia.",
        ),
    ],
)
def test_a_team_or_a_member_that_there_is_not_is_told_with_those_that_there_are(baton, narrowed, what, remedy):
    failure = failed(baton("handoffs", "list", *narrowed))

    assert (failure.what, failure.remedy) == (what, remedy)


def test_a_team_that_the_settings_have_no_more_is_listed_as_long_as_it_has_handoffs(baton, desk):
    before = desk.handoffs.record(ADAS)
    desk.handoffs.follow_up(before, HandoffRecord(before.handoff, "field-sales", "eve"))

    assert "lead-1.mql.1" in done(baton("handoffs", "list", "--team", "field-sales"))
    assert "lead-1.mql.1" in done(baton("handoffs", "list", "--assignee", "eve"))


def test_a_long_list_is_read_page_by_page_up_to_its_limit(baton, desk):
    for epoch in range(1, 151):
        key = HandoffKey(GRACES.lead, "mql", epoch)
        desk.handoffs.committed[key] = handed_over(key)

    assert len(json.loads(done(baton("handoffs", "list", "--limit", "1000", "--json")))) == 151
    some = baton("handoffs", "list", "--limit", "120", "--json")
    assert len(json.loads(some.stdout)) == 120
    assert "There are more than these 120" in some.stderr
    assert baton("handoffs", "list", "--limit", "151").stderr == ""


@pytest.mark.parametrize("which", ["lead-1.mql.1", "lead-1", "ada@example.com"])
def test_a_handoff_is_shown_by_its_name_or_its_leads(baton, which):
    told = done(baton("handoffs", "show", which))

    for line in (
        "lead-1.mql.1: Ada, Engines",
        "handed over at 2026-03-02 08:00, to be answered by 2026-03-02 09:00 (all times are UTC)",
        "e-mail ada@example.com",
        "with inside-sales, mia: open",
        "because score at least 50",
        "+60 The demo",
        "sent by email at 2026-03-02 08:01",
        "if nobody answers: reminder to inside-sales at 2026-03-02 08:45",
        "may be rejected for no_budget (No budget), wrong_contact (Not who they say)",
        "may be recycled for bad_timing (The time is not right)",
    ):
        assert line in told


def test_an_answered_handoff_is_shown_with_its_answer_and_offers_none(baton, desk):
    before = desk.handoffs.record(ADAS)
    reminder = replace(before.handoff.follow_ups[0], done_at=parse_moment("2026-03-02T08:46:10Z"))
    desk.handoffs.follow_up(before, HandoffRecord(before.handoff, "inside-sales", "mia", (reminder,)))
    for mark in ("slack/answered/inside-sales", "email/reassignment.released/inside-sales"):
        desk.handoffs.mark_sent(ADAS, mark, parse_moment(NOW))
    note = ("--note", "Later.\nAsk for Mia.")
    done(baton("handoffs", "recycle", "lead-1", "--reason", "other", "--look-again", "2026-06-01", *note))

    told = done(baton("handoffs", "show", "lead-1"))

    words = "recycled (Another reason) by bob@acme.example at 2026-03-02 09:00 UTC, to look at again from 2026-06-01\n"
    assert f"{words}    Later.\n    Ask for Mia.\n" in told
    assert "reminder to inside-sales at 2026-03-02 08:46 (planned for 2026-03-02 08:45)" in told
    assert "sent by slack to inside-sales (answered) at 2026-03-02 09:00" in told
    assert "sent by email to inside-sales (reassignment, released) at 2026-03-02 09:00" in told
    assert "may be" not in told
    assert "if nobody answers" not in told


def test_sales_accepts_rejects_and_recycles(baton, desk):
    for number, (words, state) in enumerate(
        [
            (("accept", "lead-1"), "accepted"),
            (("reject", "lead-1.mql.2", "--reason", "no_budget", "--note", "Ask in autumn."), "rejected"),
            (("recycle", "lead-1.mql.3", "--reason", "bad_timing", "--look-again", "2026-06-01"), "recycled"),
        ],
        start=1,
    ):
        key = type(ADAS)(ADAS.lead, "mql", number)
        desk.handoffs.committed.setdefault(key, handed_over(key))

        assert f"lead-1.mql.{number} is {state}" in done(baton("handoffs", *words))
        assert desk.handoffs.record(key).state == state
    assert len(said(desk, "handoff_rejected")) == 1


def test_an_answer_is_json_for_scripts(baton):
    told = json.loads(done(baton("handoffs", "accept", "lead-1", "--json")))

    assert told["answer"]["who"] == "bob@acme.example"


def test_who_comes_second_is_told_by_whom_it_was_answered(baton):
    done(baton("handoffs", "reject", "lead-1", "--reason", "no_budget"))

    failure = failed(baton("handoffs", "accept", "lead-1", who="eve"))

    assert failure.what == "lead-1.mql.1 was answered before: bob@acme.example rejected it at 2026-03-02 09:00 UTC."
    assert "once" in failure.remedy
    assert "POST /v1/leads/lead-1/adjustments" in failure.remedy


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (
            ("reject", "lead-1", "--reason", "dull"),
            "There is no reason 'dull'; a lead is rejected for one of no_budget, wrong_contact.",
            "Correct --reason.",
        ),
        (
            ("recycle", "lead-1", "--reason", "other", "--look-again", "2020-01-01"),
            "A lead is looked at again at a moment to come, within two years.",
            "Correct --look-again.",
        ),
        (
            ("recycle", "lead-1", "--reason", "other", "--look-again", "soon"),
            "Write a day such as 2026-03-01",
            "Correct --look-again.",
        ),
        (("accept", "lead-2"), "grace@example.com was never handed over.", "handoffs list"),
        (("accept", "lead-9"), "There is no lead with the id or user id lead-9.", "leads list"),
        (("accept", "lead-1.mql.7"), "There is no handoff lead-1.mql.7.", "handoffs list"),
        (("accept", "nobody@example.com"), "There is no lead with the address nobody@example.com.", "leads list"),
    ],
)
def test_an_answer_that_cannot_be_is_told_with_what_to_do(baton, desk, words, what, remedy):
    failure = failed(baton("handoffs", *words))

    assert failure.what.startswith(what)
    assert remedy in failure.remedy
    assert desk.handoffs.outbox == []


def test_a_rejection_needs_a_reason(baton):
    assert baton("handoffs", "reject", "lead-1").exit_code == 2


def test_a_lead_with_two_open_handoffs_is_answered_by_name(baton, desk):
    second = type(ADAS)(ADAS.lead, "sql", 1)
    desk.handoffs.committed[second] = handed_over(second, "2026-03-02T08:30:00Z")

    failure = failed(baton("handoffs", "accept", "lead-1"))

    assert failure.remedy == "Name one of lead-1.mql.1, lead-1.sql.1."
    assert "lead-1.sql.1: Ada" in done(baton("handoffs", "show", "lead-1"))


def test_a_handoff_of_a_lead_that_was_merged_away_is_answered_under_either_name(baton, desk):
    joined(desk, LeadId("lead-2"), LeadId("lead-1"))

    assert "the lead is part of lead-2 now" in done(baton("handoffs", "show", "lead-1.mql.1"))
    assert "lead-1.mql.1 is accepted" in done(baton("handoffs", "accept", "lead-2"))


def test_whoever_may_not_answer_is_told(baton, desk, monkeypatch):
    with pytest.raises(Refusal) as told:
        seller(desk, "mia", "marketing").post("/v1/handoffs/lead-1/mql/1/answers", {"answer": "accepted"})

    assert told.value.status == 403


def test_why_leads_were_given_back_is_told_by_reason_and_by_rule(baton, desk):
    done(baton("handoffs", "reject", "lead-1", "--reason", "no_budget"))
    for epoch, (rules, words) in enumerate(
        [
            (("demo",), ("reject", "--reason", "no_budget")),
            (("view",), ("recycle", "--reason", "other")),
            (("demo",), ("accept",)),
        ],
        start=2,
    ):
        key = type(ADAS)(ADAS.lead, "mql", epoch)
        desk.handoffs.committed[key] = handed_over(key, f"2026-03-02T08:{epoch:02}:00Z", rules)
        done(baton("handoffs", words[0], f"lead-1.mql.{epoch}", *words[1:]))

    told = json.loads(done(baton("handoffs", "reasons", "--json")))

    assert told["reasons"] == [
        {"answer": "rejected", "reason": "no_budget", "times": 2},
        {"answer": "recycled", "reason": "other", "times": 1},
    ]
    assert told["rules"] == [
        {"rule": "demo", "accepted": 1, "rejected": 2, "recycled": 0, "reasons": {"no_budget": 2}},
        {"rule": "view", "accepted": 0, "rejected": 1, "recycled": 1, "reasons": {"no_budget": 1, "other": 1}},
    ]
    table = done(baton("handoffs", "reasons"))
    assert "No budget 1, Another reason 1" in table
    later = json.loads(done(baton("handoffs", "reasons", "--since", "2026-03-02T08:03:00Z", "--json")))
    assert later["reasons"] == [{"answer": "recycled", "reason": "other", "times": 1}]
    assert "2026-03-01" in failed(baton("handoffs", "reasons", "--since", "once")).remedy


def test_where_nobody_answered_there_is_no_reason(baton):
    assert done(baton("handoffs", "reasons")) == "Nobody has answered a handoff yet.\n"
    assert review([]) == {"reasons": [], "rules": []}


def test_a_day_to_look_again_that_changes_nothing_is_told(baton, desk):
    day = ("--reason", "other", "--look-again", "2026-06-01")
    told = done(baton("handoffs", "recycle", "lead-1", *day))
    words = "The day to look again changes nothing: by the active rules nobody is handed over from recycled."
    assert words in told
    assert words in done(baton("handoffs", "show", "lead-1.mql.1"))

    mql, recycled = RULES["stages"]
    new = {"name": "new", "enter": {"activity": "form_submitted"}}
    stages = [new, {**mql, "from": ["new", "recycled"]}, recycled]
    publish(desk, {**RULES, "stages": stages})
    desk.clock.advance(HOUR)
    assert "changes nothing" not in done(baton("handoffs", "show", "lead-1.mql.1"))


@pytest.mark.parametrize(
    "words",
    [
        ("leads", "explain", "lead-1", "--since", "tomorrow"),
        ("leads", "explain", "lead-1", "--at", "tomorrow"),
        ("leads", "timeline", "lead-1", "--before", "tomorrow"),
        ("handoffs", "reasons", "--since", "tomorrow"),
    ],
)
def test_what_is_no_moment_is_told_with_what_one_looks_like(baton, words):
    failure = failed(baton(*words))

    assert failure.what == f"{words[-2]} tomorrow is no day and no moment."
    assert "2026-03-01T09:30:00Z" in failure.remedy


def test_scores_are_told_to_a_tenth_in_rows_that_add_up_and_exactly_to_scripts(baton, desk):
    rules = json.loads(json.dumps(RULES))
    rules["behaviour"][0] |= {"points": 60.57, "decay": {"half_life": "30d"}, "cap": 50.29}
    publish(desk, rules)
    desk.clock.advance(5 * DAY)

    told = done(baton("leads", "explain", "lead-1"))
    exact = json.loads(done(baton("leads", "explain", "lead-1", "--json")))
    (demo,) = (row for row in exact["contributions"] if row["rule"] == "demo")

    assert "Shown to a tenth of a point; --json tells it exactly." in told
    row = next(line for line in told.splitlines() if "Requested a demo" in line)
    earned, *lost, counts = [float(cell) for cell in re.findall(r"(?<= )[+-][\d.]+(?= )", row)]
    assert earned == 60.5
    assert round(earned + sum(lost), 1) == counts
    assert {"aged", "rule cap"} == {name for name in ("aged", "rule cap", "group cap", "score limits") if name in told}
    assert demo["earned"] == 60.57
    assert round(demo["counts"], 1) != demo["counts"]


# --- baton leads explain, timeline, qualify ---


def test_a_score_is_explained_as_it_adds_up(baton):
    told = done(baton("leads", "explain", "ada@example.com", "--since", "2026-03-02T00:00:00Z"))

    for words in (
        "Ada: 65.5 points, warm, mql",
        "Requested a demo",
        "+60",
        "Viewed a page",
        "+5.5",
        "total 65.5 = 65.5 engagement + 0 fit",
        "since 2026-03-02 00:00:",
        "demo of 2026-03-02 08:00: 0 → 60",
    ):
        assert words in told
    assert json.loads(done(baton("leads", "explain", "lead-1", "--json")))["total"] == 65.5


def test_a_score_is_explained_as_it_was_with_what_would_lift_it(baton):
    told = done(baton("leads", "explain", "lead-1", "--at", "2026-03-01T12:00:00Z", "--rules", "active"))

    assert "ada@example.com: 5.5 points, cold" in told
    assert "at 1 March 2026 at 12:00 UTC, as it was known then, under version 1, active now (no rules were" in told
    assert "nearest step up: Requested a demo (demo_requested) would make it 65.5, warm" in told


def test_a_timeline_tells_in_order_of_time_what_happened_and_what_was_answered(baton, desk):
    done(baton("handoffs", "reject", "lead-1", "--reason", "no_budget", "--note", "Ask in autumn.\nNot before."))
    done(baton("leads", "qualify", "lead-1", "--need", "CRM", "--asked", "timeline", "--note", "A call.\nShe was in."))

    assert baton("leads", "timeline", "lead-1").stderr == "times in UTC\n"
    assert done(baton("leads", "timeline", "lead-1")).splitlines() == [
        "2026-03-01 09:00:00  page_viewed",
        "2026-03-02 08:00:00  demo_requested, budget 20k",
        "2026-03-02 08:00:00  (new) → mql, because score at least 50",
        "2026-03-02 08:00:00  handed over to inside-sales (mia) as mql",
        "2026-03-02 09:00:00  lead_qualified by bob@acme.example, need CRM: A call.",
        "                     She was in.",
        "2026-03-02 09:00:00  lead-1.mql.1 rejected (No budget) by bob@acme.example: Ask in autumn.",
        "                     Not before.",
    ]


def test_a_lead_that_is_nurtured_is_told_with_what_it_misses_and_its_track(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    words = "nurtured by later, missing: score, handoff_recycled"
    for command in ("show", "timeline"):
        assert "nurtured" not in done(baton("leads", command, "lead-1"))
    publish(desk, {**RULES, "nurture": {"mql": {"track": "later", "towards": "recycled"}}})
    desk.clock.advance(HOUR)

    for command in ("show", "timeline"):
        assert words in done(baton("leads", command, "lead-1"))
    assert "nurtured" not in done(baton("leads", "show", "lead-1", "--at", NOW))


def test_a_timeline_is_paged_to_its_beginning_and_tells_everything_once(baton, desk):
    start = parse_moment("2026-02-01T00:00:00Z")
    desk.happened([activity(f"p{n:03}", ADA, at=format_moment(Moment(start + n * MINUTE))) for n in range(250)])
    whole = json.loads(done(baton("leads", "timeline", "lead-1", "--limit", "1000", "--json")))
    seen, before, pages = [], None, 0
    while True:
        words = ("--before", before) if before else ()
        page = json.loads(done(baton("leads", "timeline", "lead-1", "--limit", "40", "--json", *words)))
        seen = [*page["happened"], *seen]
        before, pages = page["before"], pages + 1
        if before is None:
            break

    assert len(whole["happened"]) == 254
    assert whole["before"] is None
    assert seen == whole["happened"]
    assert pages == 7
    assert "what was earlier: baton leads timeline lead-1 --before 20" in done(
        baton("leads", "timeline", "lead-1", "--limit", "3")
    )


def test_things_of_one_moment_stay_on_one_page(baton, desk):
    desk.happened([activity(f"p{n}", ADA, at="2026-02-01T00:00:00Z") for n in range(5)])

    page = json.loads(done(baton("leads", "timeline", "lead-1", "--limit", "6", "--json")))

    assert len(page["happened"]) == 9
    assert page["before"] is None


def test_of_a_moment_that_stands_across_two_pages_nothing_is_lost_at_any_limit(baton, desk):
    start = parse_moment("2026-02-01T00:00:00Z")
    desk.happened([activity(f"p{n:03}", ADA, at=format_moment(Moment(start + n // 9 * MINUTE))) for n in range(210)])
    whole = json.loads(done(baton("leads", "timeline", "lead-1", "--limit", "1000", "--json")))["happened"]

    for limit in range(90, 110):
        page = json.loads(done(baton("leads", "timeline", "lead-1", "--limit", str(limit), "--json")))
        words = ("--limit", "1000", "--json", "--before", page["before"])
        assert [*json.loads(done(baton("leads", "timeline", "lead-1", *words)))["happened"], *page["happened"]] == whole


@pytest.mark.parametrize(("limit", "pages"), [("1000", 1), ("50", 2), ("5", 2)])
def test_what_lies_before_a_crowded_moment_is_told_and_that_of_this_moment_there_is_more(baton, desk, limit, pages):
    crowd = [activity(f"same{n:03}", ADA, type="event_attended", at="2026-02-20T00:00:00Z") for n in range(150)]
    before = [activity(f"old{n}", ADA, type="webinar_attended", at=f"2026-02-1{n}T09:00:00Z") for n in range(5)]
    desk.happened([*crowd, *before])
    told, earlier, seen = [], None, 0
    while True:
        words = ("--before", earlier) if earlier else ()
        page = json.loads(done(baton("leads", "timeline", "lead-1", "--limit", limit, "--json", *words)))
        told, earlier, seen = [*page["happened"], *told], page["before"], seen + 1
        if earlier is None:
            break

    assert [each["words"] for each in told[:5]] == ["webinar_attended"] * 5
    assert [each["words"] for each in told if each["what"] == "more"] == [
        "and more at this moment than is told here, which `baton leads export lead-1` tells"
    ]
    assert len(told) == 5 + 100 + 1 + 4
    assert seen == pages


def test_before_the_first_moment_that_there_is_nothing_can_be_asked(baton):
    told = failed(baton("leads", "timeline", "lead-1", "--before", "0001-01-01T00:00:00Z"))

    assert told.what == "--before names the first moment that there is: nothing happened before it."


def test_before_the_beginning_nothing_happened(baton):
    assert (
        done(baton("leads", "timeline", "lead-1", "--before", "2020-01-01T00:00:00Z"))
        == "Nothing happened before that.\n"
    )
    assert "--before" in failed(baton("leads", "timeline", "lead-1", "--before", "once")).what


def test_what_a_lead_said_is_written_down_as_yes_no_rating_or_words(baton, desk):
    words = ("--authority", "yes", "--budget", "No", "--need", "4", "--timeline", "in May", "--note", "A call.")

    assert "baton leads show lead-1" in done(baton("leads", "qualify", "ada@example.com", *words))

    (told,) = said(desk, "lead_qualified")
    assert told.claims.qualification == {"authority": True, "budget": False, "need": 4, "timeline": "in May"}
    assert told.properties["note"] == "A call."


def test_a_fact_that_is_told_in_a_word_is_read_as_wherever_words_are_told(baton, desk):
    done(
        baton("leads", "qualify", "lead-1", "--authority", "ja", "--budget", "0", "--need", "none", "--timeline", "Q3")
    )

    (told,) = said(desk, "lead_qualified")
    assert told.claims.qualification == {"authority": True, "budget": False, "need": False, "timeline": "Q3"}


def test_what_was_asked_in_vain_and_what_is_unknown_again_are_written_down(baton, desk):
    told = json.loads(done(baton("leads", "qualify", "lead-1", "--unknown", "budget", "--asked", "need", "--json")))

    (activity_,) = said(desk, "lead_qualified")
    assert told == {"lead": "lead-1", "activity": activity_.id}
    assert activity_.claims.qualification == {"budget": None}
    assert activity_.properties["asked"] == ["need"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "There is nothing to write down."),
        (("--asked", "colour"), "--asked colour is no qualification fact."),
        (("--unknown", "colour"), "--unknown colour is no qualification fact."),
        (("--need", "CRM", "--asked", "need"), "It cannot be written down: need is either told, or asked"),
        (("--need", " "), "--need says nothing."),
        (("--budget", ""), "--budget says nothing."),
        (("--budget", "6"), "--budget 6 is no rating: a number alone is one, from 1 to 5."),
        (("--budget", "-1"), "--budget -1 is no rating"),
        (("--budget", "20,000.50"), "--budget 20,000.50 is no rating"),
        (("--need", "CRM", "--unknown", "need"), "--need and --unknown need contradict each other."),
    ],
)
def test_a_qualification_that_cannot_be_is_told(baton, desk, words, what):
    assert failed(baton("leads", "qualify", "lead-1", *words)).what.startswith(what)
    assert said(desk, "lead_qualified") == []


def test_a_lead_is_shown_with_what_is_known_and_what_is_still_to_ask(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    done(baton("leads", "qualify", "lead-1", "--authority", "yes", "--asked", "timeline"))
    desk.happened(said(desk, "lead_qualified"))
    done(baton("handoffs", "reject", "lead-1", "--reason", "no_budget"))

    told = done(baton("leads", "show", "lead-1"))

    for line in (
        "authority: yes, by bob@acme.example at 2026-03-02 09:00\n",
        "budget: 20k, by form:contact at 2026-03-02 08:00\n",
        "still to ask: What for?",
        "asked at 2026-03-02 09:00, and not answered: By when do you want it to work?",
        "Interest level: high, warm: 65.5 points for what they did",
        "handed over to inside-sales (mia) as mql: email 2026-03-02 08:01; rejected (No budget) by bob@acme",
    ):
        assert line in told


def test_what_people_said_is_told_with_who_and_why():
    base = {"type": "score_adjusted", "channel": None, "campaign": {}, "marks": [], "source": "people"}

    assert activity_line({**base, "properties": {"who": "mia", "why": "She called."}}) == (
        "score_adjusted by mia: She called."
    )
    assert activity_line({**base, "source": "crm", "properties": {"who": "mia"}}) == "score_adjusted"


@pytest.mark.parametrize(
    ("kind", "properties", "says"),
    [
        ("page_viewed", {"path": "/pricing", "title": "What it costs"}, "page_viewed /pricing (website)"),
        ("page_viewed", {"title": "What it costs"}, "page_viewed What it costs (website)"),
        ("content_downloaded", {"asset": "Guide"}, "content_downloaded Guide (website)"),
        ("page_viewed", {"path": 7, "title": {}}, "page_viewed 7 (website)"),
        ("page_viewed", {"title": {}}, "page_viewed (website)"),
        ("coupon_found", {"path": "/pricing"}, "coupon_found (website)"),
    ],
)
def test_what_a_lead_did_is_told_with_the_page_or_the_thing(kind, properties, says):
    each = {"type": kind, "channel": "website", "campaign": {}, "marks": [], "source": "web", "properties": properties}

    assert activity_line(each) == says


def test_words_from_outside_command_no_terminal_and_no_markup(baton, desk):
    done(baton("handoffs", "reject", "lead-1", "--reason", "no_budget", "--note", "\x1b[31m[bold]red[/bold]"))
    desk.clock.advance(HOUR)

    for words in (
        ("handoffs", "show", "lead-1"),
        ("leads", "timeline", "lead-1"),
        ("handoffs", "list", "--state", "all"),
    ):
        told = done(baton(*words))
        assert "\x1b" not in told
        assert "[bold]red[/bold]" in told or words[1] == "list"


def test_a_reason_is_taken_by_what_people_call_it_too(baton, desk):
    done(baton("handoffs", "reject", "lead-1", "--reason", "not who they say"))

    assert desk.handoffs.record(ADAS).answer.reason == "wrong_contact"


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (("list", "--temperature", "hott"), "The active rules have no temperature 'hott'.", "There are cold, warm."),
        (("list", "--stage", "nostage"), "The active rules have no stage 'nostage'.", "There are mql, recycled."),
        (("show", "nobody@x"), "nobody@x is no e-mail address.", "Write it as ada@example.com."),
        (("list", "--email", "nobody@x"), "nobody@x is no e-mail address.", "Write it as ada@example.com."),
        (("list", "--email", ""), "--email says nothing.", "Leave it out"),
        (("list", "--stage", " "), "--stage says nothing.", "Leave it out"),
        (("list", "--temperature", ""), "--temperature says nothing.", "Leave it out"),
        (("show", ""), "No lead is named.", "`baton leads list`"),
        (("timeline", " "), "No lead is named.", "`baton leads list`"),
    ],
)
def test_what_is_asked_for_and_cannot_be_is_told_with_what_there_is(  # noqa: PLR0917 - a case each
    baton, desk, monkeypatch, words, what, remedy
):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    told = failed(baton("leads", *words))

    assert told.what == what
    assert told.remedy.startswith(remedy)


# --- stages and handoffs in order, and what the rules alone did ---


def stepped(desk, *steps, notify=False):
    """Grace took these steps on the path, all at one moment."""
    moment = parse_moment(MORNING)
    if notify:
        number = desk.versions.active_number() + 1
        desk.versions.publish(
            RuleVersion(number, "acme", "mia@acme.example", desk.clock.now(), "", "0" * 64, RULES, "", notify=True)
        )
    version = desk.versions.active_number()
    stored = [
        StoredTransition(n, before, after, epoch, moment, cause, "grace", version, by_rules=by_rules, snapshot={})
        for n, (before, after, epoch, cause, by_rules) in enumerate(steps, start=1)
    ]
    handoffs = [
        handed_over(HandoffKey(GRACES.lead, each.to_stage, each.epoch))
        for each in stored
        if each.to_stage == "mql" and (notify or not each.by_rules)
    ]
    here = stored[-1]
    journey = Journey(here.to_stage, {here.to_stage: here.epoch}, moment, moment)
    desk.stages.commit(StageRecord(GRACES.lead, journey), stored, handoffs)


def test_stages_of_one_moment_are_told_in_the_order_of_the_path_with_their_handoffs_behind_them(baton, desk):
    stepped(
        desk,
        (None, "suspect", 1, "they came", False),
        ("suspect", "mql", 1, "score at least 50", False),
        ("mql", "iql", 1, "left mql: no activity for 30 days", False),
        ("iql", "mql", 2, "score at least 50", False),
        ("mql", "client", 1, "a deal", False),
    )
    handed = "handed over to inside-sales (mia) as mql"
    path = [
        "page_viewed",
        "(new) → suspect, because they came",
        "suspect → mql, because score at least 50",
        handed,
        "mql → iql, because no activity for 30 days",
        "iql → mql, because score at least 50",
        handed,
        "mql → client, because a deal",
    ]

    told = done(baton("leads", "timeline", "lead-2")).splitlines()
    listed = json.loads(done(baton("leads", "timeline", "lead-2", "--json")))["happened"]

    assert [line.partition("  ")[2] for line in told] == path
    assert [each["words"] for each in listed] == path


def test_what_the_rules_alone_moved_is_marked_with_why_nobody_was_told(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    stepped(desk, (None, "mql", 1, "score at least 50", True), ("mql", "recycled", 1, "handoff_recycled", True))

    shown = done(baton("leads", "show", "lead-2"))
    told = done(baton("leads", "timeline", "lead-2"))

    quiet = "not handed over: only the rules moved it"
    assert f"(new) → mql (by new rules, version 1)\n    because score at least 50\n    {quiet}\n" in shown
    assert f"(new) → mql (by new rules, version 1), because score at least 50; {quiet}\n" in told
    for text in (shown, told):
        assert "mql → recycled (by new rules, version 1)" in text
        assert text.count(quiet) == 1


def test_a_handoff_that_new_rules_made_says_so(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    stepped(desk, (None, "mql", 1, "score at least 50", True), notify=True)

    shown = done(baton("leads", "show", "lead-2"))
    told = done(baton("leads", "timeline", "lead-2"))

    assert "    because version 2 of the rules moved it, and not what the lead did\n" in shown
    assert "handed over to inside-sales (mia) as mql (by new rules, version 2)\n" in told
    assert "not handed over" not in shown + told
    assert "of the rules moved it" not in done(baton("leads", "show", "lead-1"))


def test_a_lead_is_shown_in_parts_whose_headings_tell_the_order_of_time(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))

    lines = done(baton("leads", "show", "lead-1")).splitlines()

    for heading, first in (
        ("What they did, newest first", "2026-03-02 08:00  demo_requested"),
        ("Stages, oldest first", "2026-03-02 08:00  (new) → mql"),
        ("Handed over, oldest first", "2026-03-02 08:00  handed over to inside-sales (mia) as mql: email"),
    ):
        place = lines.index(heading)
        assert lines[place - 1] == ""
        assert lines[place + 1].startswith(first)
    assert "What people decided, oldest first" not in lines


def test_a_moment_of_another_year_is_told_with_its_year(monkeypatch):
    monkeypatch.setattr(as_of, "present", lambda: parse_moment(NOW))

    assert as_of.moment_in_words("2026-12-31T12:00:00Z") == "31 December at 12:00 UTC"
    assert as_of.moment_in_words("2027-01-01T12:00:00Z") == "1 January 2027 at 12:00 UTC"


def test_points_that_count_not_once_are_told_so_in_their_row_and_age_takes_in_every_table(baton, desk, monkeypatch):
    monkeypatch.setattr(leads, "signed_in", lambda _: seller(desk))
    rules = json.loads(json.dumps(RULES))
    rules["behaviour"][0] |= {"decay": {"half_life": "30d"}}
    rules["fit"] = [
        {"id": "named", "label": "Has a company", "where": {"company.name": {"is": "Engines"}}, "points": 30}
    ]
    publish(desk, rules | {"total": {"engagement": 1, "fit": 0}})
    desk.clock.advance(30 * DAY)

    rows = {}
    for command in ("show", "explain"):
        told = done(baton("leads", command, "lead-1"))
        rows[command] = {
            words: next(line for line in told.splitlines() if words in line)
            for words in ("Has a company", "Requested a demo")
        }

    assert "Has a company (fit times 0)" in rows["show"]["Has a company"]
    assert "fit times 0" in rows["explain"]["Has a company"]
    assert "engagement" not in rows["show"]["Requested a demo"]
    taken = [re.findall(r"(?<= )-[\d.]+(?= )", rows[command]["Requested a demo"]) for command in rows]
    assert taken[0] == taken[1] != []


def test_where_two_parts_of_a_lead_entered_a_stage_each_handoff_follows_its_own_entry():
    def at(hour):
        return f"2026-03-02T{hour:02}:00:00Z"

    found = {"transitions": [{"to_stage": "mql", "epoch": 1, "at": at(hour)} for hour in (8, 11)]}

    asked = [{"stage": "mql", "epoch": 1, "requested_at": at(hour)} for hour in (8, 9, 11, 7)]

    assert [cause_of(found, handoff) for handoff in asked] == [0, 0, 1, None]
