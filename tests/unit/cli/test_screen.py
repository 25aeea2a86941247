import io
import json

import pytest
from rich.console import Console

from infra.cli.leads import explanation_table, leads_table
from infra.cli.screen import Screen
from infra.failure import Failure


@pytest.fixture
def papers():
    return io.StringIO(), io.StringIO()


@pytest.fixture
def screen(papers):
    results, progress = papers
    return Screen(Console(file=results, width=80), Console(file=progress, width=80))


def test_a_step_is_told_in_plain_lines_where_there_is_no_terminal(screen, papers):
    with screen.step("Deploying [the stack]") as tell:
        tell("1/150")

    lines = papers[1].getvalue().splitlines()
    assert lines[0] == "Deploying [the stack] ..."
    assert lines[1].startswith("  done: Deploying [the stack] (0.0 s")
    assert len(lines) == 2


def test_a_step_that_fails_is_not_told_as_done(screen, papers):
    with pytest.raises(Failure), screen.step("Deploying"):
        raise Failure("no room")

    assert "done" not in papers[1].getvalue()


def test_results_and_progress_go_to_different_places(screen, papers):
    screen.json({"api": "http://127.0.0.1"})
    screen.note("a remark")

    assert json.loads(papers[0].getvalue()) == {"api": "http://127.0.0.1"}
    assert papers[1].getvalue() == "a remark\n"


def test_a_failure_tells_what_failed_what_was_said_and_what_to_do(screen, papers):
    screen.failed(Failure("The stack [x] is gone.", "Run `baton up`.", "details [y]"))

    told = papers[1].getvalue()
    assert told.splitlines() == ["Failed: The stack [x] is gone.", "details [y]", "What to do: Run `baton up`."]


def test_a_file_is_printed_to_the_letter_and_on_a_terminal_commands_nothing(screen, papers):
    text = "name: a  # A remark.\u2028decay: none\r# Another.\x1b[2A\x1b[J\n\tb"
    screen.file(text)
    assert papers[0].getvalue() == text

    terminal = io.StringIO()
    Screen(Console(file=terminal, force_terminal=True)).file(text)
    assert terminal.getvalue() == "name: a  # A remark.\ndecay: none\n# Another.[2A[J\n b\n"


def test_words_from_outside_cannot_command_the_terminal(screen, papers):
    evil = "\x1b]0;owned\x07\x1b[2JAda\x9b5m"
    screen.say(evil)
    screen.failed(Failure(evil, details=evil))
    screen.show(leads_table([lead(name=evil, company=evil)]))

    told = papers[0].getvalue() + papers[1].getvalue()
    assert "Ada" in told
    assert not set(told) & set("\x1b\x07\x9b")


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\v", "\f", "\x1e", "\x85", "\u2028", "\u2029"])
def test_words_from_outside_begin_no_line_of_their_own(screen, papers, breaks):
    evil = f"Ada{breaks}lead-2.mql.1: a lie"
    screen.say(f"lead-1.mql.1: {evil}")
    screen.failed(Failure(evil, details="line 1\nline 2"))
    screen.show(leads_table([lead(name=evil, company=evil)]))

    lines = (papers[0].getvalue() + papers[1].getvalue()).splitlines()
    assert not [line for line in lines if line.startswith("lead-2")]
    assert {"line 1", "line 2"} <= set(lines)


def test_points_are_explained_in_the_order_of_time_and_standing_ones_last(screen, papers):
    lines = [("2026-03-02T09:00:00Z", "second"), (None, "standing"), ("2026-03-01T09:00:00Z", "first")]
    screen.show(explanation_table(explained(lines)))

    told = papers[0].getvalue()
    assert told.index("first") < told.index("second") < told.index("standing")


@pytest.mark.parametrize("columns", [60, 80])
def test_what_has_no_room_in_a_table_is_folded_and_never_cut(papers, columns):
    told = lead(name="Ada Lovelace", company="Engines") | {"id": "0" * 32}
    screen = Screen(Console(file=papers[0], width=columns))
    screen.show(leads_table([told]))
    screen.show(explanation_table(explained([("2026-03-01T09:00:00Z", "Read a very long word-by-word agreement")])))

    drawn = papers[0].getvalue()
    assert "…" not in drawn
    assert drawn.count("0") >= 32
    assert max(map(len, drawn.splitlines())) <= columns


@pytest.mark.parametrize(("columns", "is_whole"), [(40, False), (60, True), (80, True), (120, True)])
def test_what_people_copy_out_of_a_table_is_whole_where_there_is_room(papers, columns, is_whole):
    told = lead(name="Ada Lovelace", company="Analytical Engines of the World") | {
        "id": "01890a5d-ac96-774b-bcce-b302099a8057"
    }
    told |= {"stage": {"name": "sales-qualified", "in_rules": False}, "consent": "granted"}
    table = leads_table([told])
    table.columns[0].no_wrap = True
    Screen(Console(file=papers[0], width=columns)).show(table, ("company", "temperature", "consent", "stage"))

    assert (told["id"] in papers[0].getvalue()) is is_whole
    assert max(map(len, papers[0].getvalue().splitlines())) <= columns


def test_a_narrow_terminal_breaks_no_word_of_a_table_and_is_spared_what_is_needed_least(papers):
    told = lead(name="Ada Lovelace", company="Engines") | {
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "consent": "granted",
    }
    told |= {"stage": {"name": "mql", "in_rules": True}}
    table = leads_table([told])
    table.columns[0].no_wrap = True
    Screen(Console(file=papers[0], width=80)).show(table, ("company", "temperature", "consent", "stage"))

    drawn = papers[0].getvalue().splitlines()
    assert drawn[0].replace("┃", " ").split() == ["lead", "who", "score", "stage", "consent"]
    assert [told["id"], "Ada", "Lovelace", "5", "mql", "granted"] == drawn[2].replace("│", " ").split()


def lead(name, company):
    person = {"emails": ["ada@example.com"], "name": name, "title": None, "company": company}
    score = {"total": 5, "temperature": "cold"}
    return {"id": "l1", "person": person, "score": score, "stage": None, "consent": None}


def explained(lines):
    lost = dict.fromkeys(("lost_to_rule_cap", "lost_to_group_cap", "lost_to_score_limits", "lost_to_age"), 0)
    contributions = [
        {"at": at, "label": label, "score": "engagement", "earned": 1, "counts": 1, **lost} for at, label in lines
    ]
    explanation = {"contributions": contributions, "weights": {"engagement": 1}, "total": 3}
    return {"explanation": explanation, "score": {"total": 3}}
