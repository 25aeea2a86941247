"""`baton rules draft|propose|approve|withdraw|publish|rollback|history|show|drafts`, at a desk in memory."""

import io
import json
import sys
from http import HTTPStatus

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.cli import asking, drafts, publish, simulate, versions
from infra.cli.main import app
from infra.cli.screen import Screen, screen
from infra.cli.versions import remarks
from infra.deployed import Refusal
from infra.failure import Failure
from shared.adapters.rule_texts import says_otherwise
from shared.domain.activity import Claims
from shared.domain.drafts import Terms
from shared.domain.people import Person, Role
from shared.ports.errors import Unavailable
from shared.usecases.publish import PublishingWish
from tests.desk import a_desk
from tests.http_requests import NOW
from tests.people import activity, email
from tests.sales_desk import ADAS, Seller, handed_over, seller, stand

ROLES = {"mia": "marketing", "bo": "sales", "ana": "analyst", "kim": "marketing sales"}
ANA = Person("id-ana", "ana@acme.example", frozenset({Role.ANALYST}))
FILE = "name: {name}\nbehaviour:\n  - {{id: demo, on: demo_requested, points: 60}}\n"
HANDOFF = "stages: [{name: mql, enter: {score: {at_least: 50}}}]\nhandoff: {mql: {to: inside-sales}}\n"


class Terminal:
    """`baton` as people who are signed in run it."""

    def __init__(self, terms, folder, monkeypatch):
        self.desk = a_desk(terms)
        self.folder = folder
        self._monkeypatch = monkeypatch

    def run(self, who, *words, said=None):
        for module in (drafts, publish, simulate, versions):
            self._monkeypatch.setattr(module, "signed_in", lambda _: seller(self.desk, who, ROLES[who]))
        return CliRunner().invoke(app, ["rules", *map(str, words)], input=said)

    def done(self, who, *words):
        result = self.run(who, *words)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def failed(self, who, *words):
        result = self.run(who, *words)
        assert isinstance(result.exception, Failure), (result.output, result.exception)
        return result.exception

    def file(self, name, *, handoff=False):
        path = self.folder / f"{name}.yaml"
        path.write_text(FILE.format(name=name) + (HANDOFF if handoff else ""), encoding="utf-8")
        return path

    def came(self, *names):
        """People asked for a demo and gave consent, this morning."""
        self.desk.happened(
            activity(
                name, email(f"{name}@lead.example"), type="demo_requested", at=NOW, claims=Claims(consent="granted")
            )
            for name in names
        )

    def approved(self, name, *, handoff=False):
        """The number of a draft with both words."""
        file = self.file(name, handoff=handoff)
        number = json.loads(self.done("ana", "draft", file, "--note", f"Why {name}.", "--json"))["number"]
        self.done("ana", "propose", number)
        self.done("mia", "approve", number)
        self.done("bo", "approve", number)
        return number


@pytest.fixture
def team(tmp_path, monkeypatch):
    """Marketing and sales have agreed on version 1."""
    terminal = Terminal(Terms((Role.MARKETING, Role.SALES)), tmp_path, monkeypatch)
    terminal.done("mia", "publish", f"draft-{terminal.approved('first')}")
    return terminal


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A team of one."""
    return Terminal(Terms(), tmp_path, monkeypatch)


def in_a_row(text):
    """What a table or a paragraph says, wherever its lines break."""
    return " ".join(text.split())


def test_each_step_of_a_draft_tells_the_next(team):
    told = team.done("ana", "draft", team.file("second"), "--note", "More for a demo.")
    assert "Draft 2 of second is kept, based on version 1." in told
    assert "Names\n  The rule file: name “first” → “second”.\n" in told
    assert "`baton rules propose draft-2` asks for the word of marketing and sales." in told

    told = team.done("ana", "propose", "draft-2")
    assert "Draft 2 is proposed." in told
    assert "It lacks the word of marketing and sales: `baton rules approve draft-2` gives it." in told

    assert "It lacks the word of sales" in team.done("mia", "approve", 2)
    assert "`baton rules publish draft-2` publishes it." in team.done("bo", "approve", 2)

    result = team.run("mia", "publish", "draft-2")
    assert "Version 2 is active." in result.stdout
    assert "against version 1: 0 leads." in result.stderr
    assert team.desk.versions.get(2).forced == ""
    assert team.desk.versions.get(2).text == team.file("second").read_text()


def test_more_handoffs_than_the_budget_are_refused_until_there_is_a_reason(team):
    team.came("ada", "grace")
    number = team.approved("second", handoff=True)

    failure = team.failed("mia", "publish", f"draft-{number}")
    assert "2 handoffs instead of 0, and the budget is 15 % more" in failure.what
    assert '--force "REASON"' in failure.remedy
    assert team.desk.versions.active_number() == 1

    result = team.run("mia", "publish", f"draft-{number}", "--force", "The fair is on Monday.")
    assert "2 instead of none" in result.stderr
    assert team.desk.versions.get(2).forced == "The fair is on Monday."


@pytest.mark.parametrize("nothing", ["", "  ", "..."])
def test_a_reason_that_says_nothing_forces_nothing(team, nothing):
    words = ("publish", f"draft-{team.approved('second')}", "--force", nothing)

    assert team.failed("mia", *words).what == "--force wants a reason."
    assert team.desk.versions.active_number() == 1


def test_what_cannot_be_simulated_is_published_with_a_reason_alone(team, monkeypatch):
    def fails(*_):
        raise Failure("The API is too busy.")

    monkeypatch.setattr(publish, "simulate", fails)
    number = team.approved("second")

    assert team.failed("mia", "publish", f"draft-{number}").what == "The API is too busy."
    result = team.run("mia", "publish", f"draft-{number}", "--force", "It must be today.")
    assert "Nobody has seen what this does: The API is too busy." in result.stderr
    assert team.desk.versions.get(2).forced == "It must be today."


def test_a_file_is_not_published_where_words_are_needed_and_the_way_is_told(team):
    failure = team.failed("mia", "publish", team.file("second"), "--force", "Now.")

    assert failure.what == "New rules need the words of marketing and sales here, of one person each."
    for step in ("draft", "propose DRAFT", "approve DRAFT", "publish DRAFT"):
        assert f"baton rules {step}" in failure.remedy
    assert team.desk.versions.active_number() == 1


def test_a_draft_that_lacks_a_word_is_not_published_and_whose_is_told(team):
    team.done("ana", "draft", team.file("second"))
    assert "`baton rules propose draft-2`" in team.failed("mia", "publish", "draft-2").remedy
    team.done("ana", "propose", 2)
    team.done("mia", "approve", 2)

    failure = team.failed("mia", "publish", "draft-2")

    assert failure.what == "Draft 2 cannot be published yet."
    assert "lacks the word of sales" in failure.remedy


def test_a_draft_on_rules_that_hold_no_more_is_told_as_such(team):
    late = team.approved("late")
    team.done("mia", "publish", f"draft-{team.approved('second')}")

    failure = team.failed("mia", "publish", f"draft-{late}")

    assert failure.what == f"Draft {late} is out of date."
    assert "baton rules show" in failure.remedy
    assert "version 1, not active any more" in in_a_row(team.done("ana", "drafts"))


def test_a_person_with_two_roles_says_for_which_their_word_counts(team):
    team.done("kim", "draft", team.file("second"))
    team.done("kim", "propose", 2)

    assert "say for which" in team.failed("kim", "approve", 2).what
    assert "It lacks the word of marketing" in team.done("kim", "approve", 2, "--as", "sales")
    assert "already" in team.failed("kim", "approve", 2, "--as", "marketing").what


def test_a_draft_is_withdrawn_and_listed_only_when_asked(team):
    team.done("ana", "draft", team.file("second"))
    team.done("ana", "draft", team.file("third"))
    assert team.done("ana", "withdraw", 2) == "Draft 2 is withdrawn.\n"

    told = in_a_row(team.done("bo", "drafts"))
    assert "third" in told
    assert "second" not in told
    everything = in_a_row(team.done("bo", "drafts", "--all"))
    assert "withdrawn" in everything
    assert "published as 1" in everything
    assert [each["number"] for each in json.loads(team.done("bo", "drafts", "--json", "--all"))] == [3, 2, 1]
    assert [each["number"] for each in json.loads(team.done("bo", "drafts", "--json", "--all", "--limit", 2))] == [3, 2]


def test_where_no_draft_waits_it_is_said(team, alone):
    assert "No draft waits" in team.done("bo", "drafts")
    assert "no draft yet" in alone.done("bo", "drafts", "--all")


@pytest.fixture
def left_behind(alone):
    """A team of one whose second rules drop the stage in which a lead stands whose handoff waits."""
    alone.done("mia", "publish", alone.file("first", handoff=True))
    stand(alone.desk, ADAS, handed_over())
    alone.file("second")
    return alone


WARNED = "Warning: stages: there is no stage 'mql' any more: 1 lead stands in it and 1 handoff of it waits"


def test_whom_a_publish_or_a_rollback_leaves_behind_is_told_once_and_before_it_holds(left_behind, monkeypatch):
    told, store = [], left_behind.desk.versions.publish

    def publishes(version, *rest):
        told.append("publishes")
        store(version, *rest)

    monkeypatch.setattr(left_behind.desk.versions, "publish", publishes)
    for way in ("note", "say"):
        monkeypatch.setattr(screen, way, told.append)
    for words in (("publish", left_behind.file("second")), ("publish", left_behind.folder / "first.yaml")):
        left_behind.done("mia", *words)
    left_behind.done("mia", "rollback", 2)

    assert [line.startswith(WARNED) for line in told if line == "publishes" or line.startswith("Warning")] == [
        *(True, False),
        False,
        *(True, False),
    ]


@pytest.mark.parametrize("words", [("publish", "second.yaml"), ("rollback", "2")])
def test_a_person_who_is_warned_may_leave_it(left_behind, monkeypatch, words):
    monkeypatch.chdir(left_behind.folder)
    if words[0] == "rollback":
        for name in ("second", "first"):
            left_behind.done("mia", "publish", f"{name}.yaml")
    before = left_behind.desk.versions.active_number()
    monkeypatch.setattr(asking, "is_asked", lambda: True)
    answers = {"n": (1, before), "y": (0, before + 1)}
    for answer, (status, number) in answers.items():
        result = left_behind.run("mia", *words, "--note", "So.", said=f"{answer}\n")
        assert "all the same? [y/N]" in result.stderr
        assert ("Nothing has changed." in result.stdout) == (answer == "n")
        assert (result.exit_code, left_behind.desk.versions.active_number()) == (status, number)


def test_who_gives_a_reason_is_not_asked_again(left_behind, monkeypatch):
    monkeypatch.setattr(asking, "is_asked", lambda: True)
    words = ("publish", left_behind.folder / "second.yaml", "--note", "So.", "--force", "They are gone.")

    assert "all the same?" not in left_behind.done("mia", *words)


def test_the_way_back_is_open_where_nobody_can_tell_what_it_leaves_behind(left_behind, monkeypatch):
    left_behind.done("mia", "publish", left_behind.folder / "second.yaml")

    def fails(*_, **__):
        raise Unavailable("nobody answers")

    monkeypatch.setattr(left_behind.desk.desk.rules, "way_back", fails)

    assert "active again" in left_behind.done("mia", "rollback")


def of_an_older_release(monkeypatch):
    """Whoever asks the API asks one that knows no preview of a rollback, and tells less."""

    def of_before(told, unknown):
        if isinstance(told, dict):
            return type(told)({key: of_before(each, unknown) for key, each in told.items() if key not in unknown})
        return [of_before(each, unknown) for each in told] if isinstance(told, list) else told

    class Older(Seller):
        def _call(self, method, path, body=None):
            if body and "preview" in json.loads(body):
                raise Refusal(422, {"code": "invalid", "message": "unknown field", "details": {"at": "preview"}})
            unknown = {"warnings", "order"} if "simulations" in path else {"publisher"}
            return of_before(super()._call(method, path, body), unknown)

    monkeypatch.setattr(sys.modules[__name__], "seller", lambda *at: Older("https://baton.example", "token", *at))


def test_versions_are_listed_shown_and_gone_back_to_at_an_api_of_an_older_release(left_behind, monkeypatch):
    left_behind.done("mia", "publish", left_behind.folder / "second.yaml")
    of_an_older_release(monkeypatch)

    for words, told in (("history", "second"), ("show", "demo_requested"), ("rollback", "active again")):
        assert told in left_behind.done("mia", words)


@pytest.mark.parametrize("command", ["publish", "simulate"])
def test_an_api_of_an_older_release_that_cannot_do_it_is_said_to_be_older(left_behind, monkeypatch, command):
    of_an_older_release(monkeypatch)

    failure = left_behind.failed("mia", command, left_behind.file("second"))

    assert failure.what.startswith("The API is of another release than this command, probably an older one")
    assert "'order'" in failure.what
    assert "`baton deploy --env ENVIRONMENT`" in failure.remedy
    assert left_behind.desk.versions.active_number() == 1


def test_nobody_is_asked_about_a_rollback_that_is_refused_anyway(team, monkeypatch):
    team.done("mia", "publish", f"draft-{team.approved('second')}")
    monkeypatch.setattr(asking, "is_asked", lambda: pytest.fail("somebody was asked"))

    assert team.failed("bo", "rollback").status == HTTPStatus.FORBIDDEN
    assert "hold already" in team.failed("mia", "rollback", 2).what


def test_a_draft_tells_whom_publishing_it_would_leave_behind(left_behind):
    assert WARNED in left_behind.done("mia", "draft", left_behind.file("second"))


def test_what_is_refused_anyway_is_not_simulated_first(team, monkeypatch):
    team.approved("second")
    team.done("ana", "draft", team.file("third"))
    team.done("ana", "withdraw", 3)
    monkeypatch.setattr(publish, "simulate", lambda *_: pytest.fail("it was simulated"))

    for draft, state in ((1, "published"), (3, "withdrawn")):
        assert team.failed("mia", "publish", f"draft-{draft}").what.startswith(f"Draft {draft} is {state}: nobody")
    assert team.failed("ana", "publish", "draft-2").status == HTTPStatus.FORBIDDEN


def test_the_history_tells_who_wrote_approved_and_published_what_and_why(team):
    team.came("ada")
    team.done("mia", "publish", f"draft-{team.approved('second', handoff=True)}", "--force", "The fair.", "--notify")
    assert "The rules of version 1 are active again, as version 3." in team.done(
        "mia", "rollback", "--note", "It called everybody."
    )

    assert "first" in team.done("ana", "history")
    listed = json.loads(team.done("ana", "history", "--json"))
    paper = io.StringIO()
    Console(file=paper, width=400).print(versions.history_table(listed))
    told = in_a_row(paper.getvalue())
    for words in ("mia@acme.example (marketing)", "bo@acme.example (sales)", "Why second.", "It called everybody."):
        assert words in told, told
    for words in ("Active. Restores version 1.", "Forced by mia@acme.example: The fair.", "Handed over whom it moved."):
        assert words in told, told
    assert "ana@acme.example, published by mia@acme.example" in told
    assert [(each["author"], each["publisher"]) for each in listed] == [
        ("mia@acme.example", "mia@acme.example"),
        ("ana@acme.example", "mia@acme.example"),
        ("ana@acme.example", "mia@acme.example"),
    ]
    assert [(each["number"], each["restores"], each["draft"]) for each in listed] == [
        (3, 1, None),
        (2, None, 2),
        (1, None, 1),
    ]
    assert listed[0]["sha256"][:12] in told
    assert [each["number"] for each in json.loads(team.done("ana", "history", "--json", "--limit", 1))] == [3]


def test_a_rollback_goes_where_it_is_told_or_says_why_not(team):
    assert "no version before" in team.failed("mia", "rollback").what
    team.done("mia", "publish", f"draft-{team.approved('second')}")
    failure = team.failed("mia", "rollback", 2)
    assert (failure.what, failure.details) == ("The rules of version 2 hold already, as version 2.", "")

    assert json.loads(team.done("mia", "rollback", 1, "--json"))["restores"] == 1


def test_a_version_a_draft_and_what_is_active_are_shown_to_the_letter(team):
    team.done("ana", "draft", team.file("second"))
    first, second = team.file("first").read_text(), team.file("second").read_text()

    for words, text, note in (
        ((), first, "Version 1 of first, by ana@acme.example, published by mia@acme.example."),
        ((1,), first, "Version 1 of first"),
        (("draft-2",), second, "Draft 2 of second, by ana@acme.example: draft."),
    ):
        result = team.run("ana", "show", *words)
        assert result.stdout == text
        assert note in result.stderr
    assert json.loads(team.done("ana", "show", "draft-2", "--json"))["missing"] == ["marketing", "sales"]
    assert "no draft 9" in team.failed("ana", "show", "draft-9").what
    failure = team.failed("ana", "show", "draft-x")
    assert failure.what == "There are no rules 'draft-x'."
    for name in ("default", "active", "number", "draft-3"):
        assert name in failure.remedy
    assert "Did you mean 'active'?" in team.failed("ana", "show", "actve").remedy
    assert team.done("ana", "show", "000").startswith("#")


def test_a_team_of_one_publishes_a_file_at_once(alone):
    told = alone.done("mia", "publish", alone.file("first"), "--note", "The first.")

    assert "Version 1 is active." in told
    assert alone.desk.versions.get(1).note == "The first."
    assert "hold already, as version 1" in alone.done("mia", "publish", alone.file("first"))
    assert "`baton rules publish draft-1` publishes it." in alone.done("mia", "draft", alone.file("second"))


def test_a_file_that_what_holds_only_reads_like_is_simulated_and_published(alone):
    text = alone.file("first").read_text()
    alone.desk.desk.rules.publish({"name": "other"}, text, "", ANA, PublishingWish())

    assert "Version 2 is active." in alone.done("mia", "publish", alone.file("first"))
    assert alone.desk.versions.get(2).document["name"] == "first"


def test_a_draft_keeps_its_own_note(alone):
    alone.done("mia", "draft", alone.file("first"))

    assert "own note" in alone.failed("mia", "publish", "draft-1", "--note", "Another.").what


def test_a_file_with_a_mistake_is_no_draft(alone):
    path = alone.folder / "broken.yaml"
    path.write_text("name: x\nstages: 5\n")

    assert "broken.yaml has 1 problem" in alone.failed("mia", "draft", path).what


def test_what_a_draft_hardly_means_is_told(alone):
    path = alone.folder / "team.yaml"
    path.write_text("stages: [{name: mql, enter: {activity: seen}}]\nhandoff: {mql: {to: inside-saless}}\n")

    assert "Warning: handoff.mql.to" in alone.done("mia", "draft", path)


def test_who_may_not_publish_is_told(alone):
    assert isinstance(alone.failed("bo", "publish", alone.file("first")), Refusal)


def test_what_outsiders_wrote_commands_no_terminal(team):
    team.done("ana", "draft", team.file("second"), "--note", "\x1b[31mred\nline")

    told = team.done("bo", "drafts")

    assert "\x1b" not in told
    assert "red line" in in_a_row(told)


def test_a_version_of_which_there_is_nothing_to_say_says_nothing():
    plain = {"restores": None, "notify": False, "forced": "", "note": "", "publisher": ""}

    assert remarks(plain, is_active=False) == []


def test_what_a_version_is_why_it_was_forced_and_its_note_stand_apart():
    full = {"restores": None, "notify": True, "forced": "The fair.", "note": "More.", "publisher": ""}

    told = ["Active. Handed over whom it moved.", "Forced: The fair.", "Note: More."]
    assert remarks(full, is_active=True) == told
    paper = io.StringIO()
    row = {"number": 1, "published_at": "2026-03-02T09:00:00Z", "name": "a", "author": "b", "approvals": [], **full}
    Console(file=paper, width=400).print(versions.history_table([{**row, "sha256": "5d41"}]))
    lines = paper.getvalue().splitlines()
    assert [
        any(each in line and not any(other in line for other in told if other != each) for line in lines)
        for each in told
    ] == [True] * 3


def test_a_terminal_is_asked_for_a_note_where_none_is_given(alone, monkeypatch):
    asked = []
    monkeypatch.setattr(asking, "is_asked", lambda: True)

    def answer(question, **_):
        asked.append(question)
        return "Because."

    monkeypatch.setattr("infra.cli.asking.typer.prompt", answer)

    alone.done("mia", "publish", alone.file("first"))
    alone.done("mia", "draft", alone.file("second"))
    alone.done("mia", "publish", "draft-1")
    alone.done("mia", "rollback")
    alone.done("mia", "publish", alone.file("third"), "--note", "Mine.")

    assert len(asked) == 3
    assert [each["note"] for each in json.loads(alone.done("mia", "history", "--json"))] == [
        *("Mine.", "Because.", "Because.", "Because."),
    ]


def test_a_second_proposal_sends_nobody_to_approve_where_no_word_is_needed(alone):
    alone.done("mia", "draft", alone.file("first"))
    alone.done("mia", "propose", "draft-1")

    assert "proposed already: publish it" in alone.failed("mia", "propose", "draft-1").what


def drafted_with_another_text(team):
    """Draft 2, which reads as if a demo gave 60, and gives 600: the API took such texts once."""
    text = team.file("second").read_text()
    document = {"name": "second", "behaviour": [{"id": "demo", "on": "demo_requested", "points": 600}]}
    team.desk.desk.drafts.draft(document, text, "", ANA)
    team.done("ana", "propose", 2)


def test_a_draft_that_reads_otherwise_than_it_counts_is_not_approved(team):
    drafted_with_another_text(team)

    failure = team.failed("mia", "approve", 2)

    assert "its text says something else than the document that would hold" in failure.what
    assert "`baton rules withdraw draft-2`" in failure.remedy
    assert team.desk.versions.draft(2).approvals == ()


def test_rules_that_read_otherwise_than_they_count_are_shown_with_a_warning(team):
    drafted_with_another_text(team)

    for more in ((), ("--json",)):
        warned = team.run("ana", "show", "draft-2", *more).stderr
        assert "Warning: the text of draft-2 says something else than its document" in in_a_row(warned)
    assert "Warning" not in team.run("ana", "show", "1").stderr


def test_the_text_of_a_draft_commands_no_terminal(team, monkeypatch):
    team.desk.desk.drafts.draft({"name": "second"}, "name: second  # \x1b[2A\x1b[J\n", "", ANA)
    paper = io.StringIO()
    monkeypatch.setattr(versions, "screen", Screen(Console(file=paper, force_terminal=True)))

    team.done("bo", "show", "draft-2")

    assert paper.getvalue() == "name: second  # [2A[J\n"


@pytest.mark.parametrize(
    ("text", "otherwise"),
    [
        ("name: a\ndecay: {half_life: 7d}\n", False),
        ('{"name": "a", "decay": {"half_life": "7d"}}', False),
        ("# A remark.\nname: a\ndecay: {half_life: 1w}\n", False),
        ("name: a\ndecay: {half_life: 8d}\n", True),
        ("name: a\n", True),
        ("name: a\nname: a\n", True),
        ("[a]", True),
        ("", True),
        ("\u200b", True),
    ],
)
def test_a_text_says_the_same_however_it_is_written(text, otherwise):
    assert says_otherwise(text, {"name": "a", "decay": {"half_life": "7d"}}) is otherwise


@pytest.mark.parametrize(
    ("written", "meant", "otherwise"),
    [("1", True, True), ("false", 0, True), ("1", 1.0, False), ("true", True, False)],
)
def test_a_text_that_asks_for_1_says_otherwise_than_a_document_that_asks_for_true(written, meant, otherwise):
    rule = {"id": "a", "on": "seen", "points": 1, "where": {"properties.is_new": {"is": meant}}}
    text = f"behaviour: [{{id: a, on: seen, points: 1, where: {{properties.is_new: {{is: {written}}}}}}}]"

    assert says_otherwise(text, {"behaviour": [rule]}) is otherwise


def test_no_rules_read_as_no_rules():
    assert not says_otherwise("", {})


def test_a_number_alone_is_not_published_as_it_may_be_a_version(team):
    number = team.approved("second")
    failure = team.failed("mia", "publish", number)

    assert failure.what == "2 may be a draft, a file or a version."
    assert "Write draft-2 for a draft, ./2 for a file" in failure.remedy
    assert team.desk.versions.active_number() == 1


def test_what_is_no_draft_is_told_with_how_one_is_called(team):
    result = team.run("mia", "approve", "rules.yaml")

    assert result.exit_code == 2
    assert "no draft" in in_a_row(result.stderr)
