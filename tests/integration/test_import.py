"""`baton import` against the handler behind a real socket: what the command shows, sends, keeps and can go on with."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner, Result

from functions.ingest.handler import lambda_handler
from infra.cli import asking, import_list
from infra.cli.bookmark import Bookmark
from infra.cli.list_file import look_through
from infra.cli.main import app
from infra.cli.screen import screen
from infra.failure import Failure
from infra.list_sender import ListSender
from infra.settings import read_settings
from shared.domain.activity import Activity
from tests.fakes import InMemoryActivities
from tests.gateway import Gateway
from tests.people import email
from tests.unit.test_import import intake_of


class Partner(Gateway):
    """A partner's lists come to `ingest`. `outage` requests are answered with 503 after they were taken."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.log = InMemoryActivities()
        self.lines: list[int] = []
        self.outage = 0
        self._intake = intake_of(self.log)

    def _take(self, event: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = lambda_handler(event, None, self._intake)
        self.lines.append(json.loads(reply["body"]).get("lines", 0))
        if self.outage:
            self.outage -= 1
            return {"statusCode": 503, "headers": {"retry-after": "0"}, "body": "{}"}
        return reply

    def of(self, address: str) -> list[Activity]:
        return self.log.under(email(address))


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Partner]:
    partner = Partner()
    monkeypatch.setenv("BATON_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(import_list, "_settings", lambda _: read_settings("local"))
    monkeypatch.setattr(import_list, "list_sender", lambda *_: ListSender(partner.url, "sk_crm"))
    with partner.listening():
        yield partner


def run(path: Path, *options: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["import", str(path), *options], input=answer)


def done(path: Path, *options: str) -> str:
    result = run(path, "--as", "trade_show", "--at", "2026-10-01", "--yes", *options)
    assert result.exit_code == 0, result.output
    return result.output


def refused_by(path: Path, *options: str) -> Failure:
    result = run(path, "--yes", *options)
    assert isinstance(result.exception, Failure), result.output
    return result.exception


def saved(folder: Path, text: str, encoding: str = "utf-8", name: str = "fair.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def visitors(count: int) -> str:
    return "Email,Name\n" + "".join(f"v-{number}@x.example,Zoë\n" for number in range(count))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_whatever_a_spreadsheet_saved_the_list_as_it_is_the_same_list(
    partner: Partner, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    done(saved(tmp_path, "Email,Vorname\nann@x.example,Zoë\n", name="before.csv"))
    before = partner.of("ann@x.example")

    done(saved(tmp_path, f"Email{delimiter}Vorname\r\nann@x.example{delimiter}Zoë\r\n", encoding))

    assert partner.of("ann@x.example") == before
    assert before[0].claims.lead["first_name"] == "Zoë"


def test_the_preview_shows_what_each_column_becomes_and_three_lines_and_nothing_happens_without_a_yes(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "is_asked", lambda: True)
    path = saved(tmp_path, "E-Mail;Betrag;Weg\nann@x.example;1.234,5;x\n[b]o@x.example;=1;\n")

    result = run(path, "--as", "trade_show", "--at", "2026-10-01", "--map", "Weg=", answer="n\n")

    assert result.exit_code == 1
    for word in ("E-Mail", "email", "properties.betrag", "1.234,5", "=1", "(left out)", "line 3", "[b]o@", "2 lines"):
        assert word in result.output
    assert "Nothing has changed." in result.output
    assert (len(partner.log), partner.asked) == (0, [])


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_preview_tells_what_each_column_becomes_to_the_letter_on_a_terminal_of_any_width(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(screen, "results", Console(highlight=False, soft_wrap=True, width=width))
    line = f"ann@x.example;{'word ' * 20};{'long' * 20};1\n"
    path = saved(tmp_path, f"E-Mail;Was sie an unserem Stand sagten;{'wort' * 9};B\n{line * 3}")

    shown = done(path, "--dry-run", "--map", "B=properties.what_they_brought_to_our_booth").splitlines()

    table = [line.split("│") for line in shown if line.startswith("│")]
    assert {len(line) for line in shown if line.startswith("│")} <= set(range(width + 1))
    assert "".join(cells[2].strip() for cells in table) == (
        "emailproperties.was_sie_an_unserem_stand_sagten"
        f"properties.{'wort' * 9}properties.what_they_brought_to_our_booth"
    )
    assert "word…" in " ".join(" ".join(cells[3].split()) for cells in table)


def test_where_nobody_can_be_asked_yes_must_be_said(partner: Partner, tmp_path: Path) -> None:
    result = run(saved(tmp_path, visitors(1)), "--as", "trade_show", "--at", "2026-10-01")

    assert isinstance(result.exception, Failure)
    assert "--yes" in result.exception.remedy
    assert len(partner.log) == 0


def test_a_person_is_asked_how_a_date_is_meant_that_could_be_two_days(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "is_asked", lambda: True)
    path = saved(tmp_path, "Email,Date\nann@x.example,13/10/2026\nbo@x.example,03/10/2026\n")

    result = run(path, "--as", "trade_show", answer="y\ny\n")

    assert result.exit_code == 0, result.output
    assert "Does 03/10/2026 begin with the day?" in result.output
    assert (
        partner.of("bo@x.example")[0].occurred_at - partner.of("ann@x.example")[0].occurred_at == -10 * 86_400_000_000
    )


@pytest.mark.parametrize(
    ("written", "asked", "answer", "employees"),
    [
        ("1.200", "Does 1.200 mean 1200?", "y", 1200),
        ("1.200", "Does 1.200 mean 1200?", "n", 1.2),
        ("1,200", "Does 1,200 mean 1200?", "y", 1200),
    ],
)
def test_a_person_is_asked_how_a_number_is_meant_that_could_be_two(  # noqa: PLR0917 - a case each
    partner: Partner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    asked: str,
    answer: str,
    employees: float,
) -> None:
    monkeypatch.setattr(asking, "is_asked", lambda: True)
    path = saved(tmp_path, f"E-Mail;Mitarbeiter\nann@x.example;250\nbo@x.example;{written}\n", "cp1252")

    result = run(path, "--as", "trade_show", "--at", "2026-10-01", answer=f"{answer}\ny\n")

    assert result.exit_code == 0, result.output
    assert asked in result.output
    assert partner.of("bo@x.example")[0].claims.company["employees"] == employees


def test_a_number_that_could_be_two_is_refused_where_nobody_is_asked_and_an_option_tells_which_it_is(
    partner: Partner, tmp_path: Path
) -> None:
    path = saved(tmp_path, "E-Mail;Mitarbeiter\nann@x.example;1.200\n", "cp1252")
    options = ("--as", "trade_show", "--at", "2026-10-01", "--yes")

    result = run(path, *options)

    assert result.exit_code == 1
    assert "line 2: Mitarbeiter: '1.200' is ambiguous" in result.output
    assert len(partner.log) == 0
    done(path, "--decimal", "comma")
    assert partner.of("ann@x.example")[0].claims.company["employees"] == 1200


def test_lines_that_say_the_same_are_each_in_the_log_and_the_same_list_again_changes_nothing(
    partner: Partner, tmp_path: Path
) -> None:
    lines = ["ann@x.example,Ann\n"] * 3 + [f"v-{number}@x.example,Zoë\n" for number in range(300)]
    lines += ["ann@x.example,Ann\n"] * 2
    done(saved(tmp_path, "Email,Name\n" + "".join(lines)))
    before = partner.of("ann@x.example")

    done(
        saved(
            tmp_path,
            "Name;Email\n"
            + "".join("{1};{0}\n".format(*line.split(",")[:1], line.split(",")[1].strip()) for line in reversed(lines)),
        )
    )

    assert len(before) == 5
    assert partner.of("ann@x.example") == before
    assert len(partner.log) == 305


def test_a_list_goes_in_parts_that_each_fit_into_a_request(partner: Partner, tmp_path: Path) -> None:
    long = "".join(f"l-{number}@x.example,{'ü' * 4000}\n" for number in range(200))
    commas = "".join(f'c-{number}@x.example,"{"," * 5000}"\n' for number in range(30))

    done(saved(tmp_path, visitors(600) + long + commas))

    assert set(partner.statuses) == {200}
    assert sum(partner.lines) == len(partner.log) == 830
    assert max(partner.lines) <= 500


def test_refused_lines_stand_in_a_file_beside_the_list_and_are_imported_from_it_once_corrected(
    partner: Partner, tmp_path: Path
) -> None:
    good, bad = "ann@x.example;Acme;1\nnobody;=cmd();-1\n", 'bo@x.example;"a\nb";2;zu viel\nzoe(at)x.example;\'x;+3\n'
    path = saved(tmp_path, f"E-Mail;Firma;Größe\n{good}{bad}", "cp1252")
    options = ("--as", "trade_show", "--at", "2026-10-01", "--yes")

    result = run(path, *options)

    file = tmp_path / "fair.refused.csv"
    assert result.exit_code == 1
    assert "1 of 4 lines are in the log." in result.output
    assert "line 3: E-Mail: this is not an e-mail address" in result.output
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines(keepends=True), delimiter=";"))
    assert rows[0] == ["_line", "_reason", "_list", "E-Mail", "Firma", "Größe"]
    assert [(row[0], row[3:]) for row in rows[1:]] == [
        ("3", ["nobody", "'=cmd()", "'-1"]),
        ("4", ["bo@x.example", "a\nb", "2", "zu viel"]),
        ("6", ["zoe(at)x.example", "''x", "'+3"]),
    ]
    assert file.stat().st_mode & 0o077 == 0

    file.write_text(file.read_text(encoding="utf-8-sig").replace("(at)", "@").replace("nobody", "n@x.example"))
    again = run(file, *options)

    assert "2 of 3 lines are in the log." in again.output
    (zoe,) = partner.of("zoe@x.example")
    assert (zoe.claims.company, zoe.properties) == ({"name": "'x"}, {"grosse": "+3"})
    (n,) = partner.of("n@x.example")
    assert (n.claims.company, n.properties) == ({"name": "=cmd()"}, {"grosse": "-1"})
    assert "bo@x.example" in (tmp_path / "fair.refused.refused.csv").read_text()

    run(path, *options)  # the corrected file is not written over

    assert "zoe@x.example" in file.read_text()
    assert "zoe(at)x.example" in (tmp_path / "fair.refused-2.csv").read_text()


def test_a_line_that_says_the_same_as_a_taken_one_once_it_is_corrected_is_another_one_in_either_file(
    partner: Partner, tmp_path: Path
) -> None:
    wrong = "Email,Name,Date\nann@x.example,Ann,2026-10-01\n" + "".join(
        f"{each},Ann,2026-10-01\n" for each in ("ann(at)x.example", "ann[at]x.example", "ann{at}x.example")
    )
    # The API refuses the last one, which the command takes: it counts for nobody.
    path = saved(tmp_path, f"{wrong}ann@x.example,Ann,2020-10-01\n")
    options = ("--as", "trade_show", "--yes")
    run(path, *options)
    assert len(partner.of("ann@x.example")) == 1

    file = tmp_path / "fair.refused.csv"
    file.write_text(file.read_text(encoding="utf-8-sig").replace("(at)", "@").replace("2020-", "2026-"))
    run(file, *options)
    run(file, *options)
    assert len(partner.of("ann@x.example")) == 3

    left = tmp_path / "fair.refused.refused.csv"
    left.write_text(left.read_text(encoding="utf-8-sig").replace("[at]", "@").replace("{at}", "@"))
    assert run(left, *options).exit_code == 0
    by_parts = partner.of("ann@x.example")
    assert len(by_parts) == 5

    corrected = wrong.replace("(at)", "@").replace("[at]", "@").replace("{at}", "@")
    path.write_text(f"{corrected}ann@x.example,Ann,2026-10-01\n")
    run(path, *options)

    assert partner.of("ann@x.example") == by_parts


@pytest.mark.parametrize("lost", [Path.unlink, lambda counts: counts.write_text("no database " * 100)])
def test_a_file_of_refused_lines_whose_list_nobody_knows_here_is_imported_with_a_warning(
    partner: Partner, tmp_path: Path, lost: Any
) -> None:
    path = saved(tmp_path, "Email\nnobody\n")
    run(path, "--as", "trade_show", "--at", "2026-10-01", "--yes")
    for counts in (tmp_path / "home" / "imports").glob("*.counts"):
        lost(counts)
    file = tmp_path / "fair.refused.csv"
    file.write_text(file.read_text(encoding="utf-8-sig").replace("nobody", "ann@x.example"))

    assert "not known on this machine" in " ".join(done(file).split())
    assert len(partner.of("ann@x.example")) == 1


def test_the_mark_of_a_file_tells_its_encoding_whatever_is_said_of_it(partner: Partner, tmp_path: Path) -> None:
    done(saved(tmp_path, "Email,Vorname\nann@x.example,Zoë\n", "utf-8-sig"), "--encoding", "cp1252")

    assert partner.of("ann@x.example")[0].claims.lead["first_name"] == "Zoë"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["le", "be"])
def test_an_encoding_of_two_ends_may_be_told_of_a_file_without_a_mark(
    partner: Partner, tmp_path: Path, encoding: str, end: str
) -> None:
    done(saved(tmp_path, "Email,Vorname\nann@x.example,Zoë\n", f"{encoding}-{end}"), "--encoding", encoding)

    assert partner.of("ann@x.example")[0].claims.lead["first_name"] == "Zoë"


@pytest.mark.parametrize(
    ("sign", "heading"), [("~", "Note"), ("x", "Note"), (";", "a, b, c, d and e: none, of, those, are columns")]
)
def test_a_file_of_refused_lines_tells_the_delimiter_that_nobody_would_guess(
    partner: Partner, tmp_path: Path, sign: str, heading: str
) -> None:
    path = saved(tmp_path, f"Email{sign}{heading}\nnobody{sign}1\n")
    run(path, "--as", "trade_show", "--at", "2026-10-01", "--yes", "--delimiter", sign)

    file = tmp_path / "fair.refused.csv"
    file.write_text(file.read_text(encoding="utf-8-sig").replace("nobody", "ann@b.de"))
    done(file)

    assert len(partner.of("ann@b.de")) == 1


def test_a_dry_run_tells_what_would_be_refused_and_writes_nothing_anywhere(partner: Partner, tmp_path: Path) -> None:
    path = saved(tmp_path, "Email\nann@x.example\nnobody\n")

    result = run(path, "--as", "trade_show", "--at", "2026-10-01", "--dry-run")

    assert result.exit_code == 1
    assert "1 of 2 lines would be in the log." in result.output
    assert "line 3" in result.output
    assert len(partner.log) == 0
    assert [found.name for found in tmp_path.glob("*.csv")] == ["fair.csv"]


def test_scripts_get_json(partner: Partner, tmp_path: Path) -> None:
    told = json.loads(done(saved(tmp_path, visitors(2)), "--json"))

    assert told == {
        "lines": 2,
        "taken": 2,
        "refused": 0,
        "refused_file": None,
        "map": {"Email": "email", "Name": "lead.name"},
    }


def test_a_part_whose_answer_was_lost_is_sent_again_and_counts_once(partner: Partner, tmp_path: Path) -> None:
    partner.outage = 2

    assert "300 of 300 lines are in the log." in done(saved(tmp_path, visitors(300)))
    assert len(partner.log) == 300


class Thrifty(ListSender):
    """Has no budget for lines of Ann's when they come for the first `times`."""

    asked: list[list[int]]
    times: int

    def send(self, part: Any) -> dict[str, Any]:
        is_over = len(self.asked) < self.times
        over = [line["_line"] for line in part["lines"] if line["Email"].startswith("ann") and is_over]
        self.asked.append([line["_line"] for line in part["lines"]])
        refused = [{"line": number, "code": "over_budget", "message": "wait", "at": None} for number in over]
        return {"refused": refused} | ({"retry_after": 17} if refused else {})


@pytest.mark.parametrize(("times", "is_done"), [(1, "yes"), (29, "yes"), (30, "no")])
def test_lines_over_a_budget_are_sent_again_after_the_time_that_the_answer_tells_and_are_not_refused(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, is_done: str
) -> None:
    waited: list[int] = []
    thrifty = Thrifty("", "")
    vars(thrifty).update(asked=[], times=times)
    monkeypatch.setattr(import_list, "list_sender", lambda *_: thrifty)
    monkeypatch.setattr("infra.cli.import_list.time.sleep", waited.append)
    path = saved(tmp_path, "Email\nann@x.example\nbo@x.example\nann@y.example\n")

    if is_done == "yes":
        assert "3 of 3 lines are in the log." in done(path)
    else:
        assert "again and again" in refused_by(path, "--as", "trade_show", "--at", "2026-10-01").what

    assert thrifty.asked[:2] == [[2, 3, 4], [2, 4]]
    assert waited == [17] * times


def test_an_import_that_is_killed_goes_on_where_it_was(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, visitors(1000) + "nobody,x\n" + "v-1@x.example,Zoë\n" * 3)
    sends, sent = ListSender.send, []

    def dies(self: ListSender, part: Any) -> Any:
        if len(sent) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        sent.append(part)
        return sends(self, part)

    with monkeypatch.context() as patch:
        patch.setattr(ListSender, "send", dies)
        process = multiprocessing.get_context("fork").Process(target=done, args=(path,))
        process.start()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (len(partner.log), partner.lines) == (500, [250, 250])

    result = run(path, "--as", "trade_show", "--at", "2026-10-01", "--yes")

    assert "Going on after 500 lines" in result.output
    assert "1,003 of 1,004 lines are in the log." in result.output
    assert partner.lines == [250, 250, 250, 250, 3]
    assert len(partner.log) == 1003
    assert len(partner.of("v-1@x.example")) == 4
    assert [path.suffix for path in (tmp_path / "home" / "imports").iterdir()] == [".counts"]


def test_a_person_who_stops_an_import_is_told_that_it_can_go_on(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, visitors(600))
    options = ("--as", "trade_show", "--at", "2026-10-01", "--yes")
    sends = ListSender.send

    def is_stopped(self: ListSender, part: Any) -> Any:
        if partner.lines:
            raise KeyboardInterrupt
        return sends(self, part)

    with monkeypatch.context() as patch:
        patch.setattr(ListSender, "send", is_stopped)
        stopped = run(path, *options)

    assert stopped.exit_code == 130
    assert "Stopped. Run the same command again: it goes on where it was." in stopped.output
    assert "Going on after 250 lines" in run(path, *options).output
    assert len(partner.log) == 600


def test_two_imports_of_one_list_at_once_are_one_too_many(tmp_path: Path) -> None:
    with Bookmark(tmp_path, "x"), pytest.raises(Failure, match="Another command"), Bookmark(tmp_path, "x"):
        pass


def test_a_bookmark_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("no database " * 100)

    with pytest.raises(Failure, match="cannot be read") as failure, Bookmark(tmp_path, "x"):
        pass
    assert "Remove it" in failure.value.remedy


def test_refused_lines_that_cannot_be_written_are_kept_until_they_can(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, "Email\nann@x.example\nnobody\n")
    options = ("--as", "trade_show", "--at", "2026-10-01", "--yes")

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(import_list, "write_refused", full)
        failure = refused_by(path, *options[:-1])
    assert "No space left" in failure.what

    assert "1 of 2 lines" in run(path, *options).output
    assert partner.lines == [1]
    assert "nobody" in (tmp_path / "fair.refused.csv").read_text()


def test_what_is_noted_after_the_last_turn_is_undone(tmp_path: Path) -> None:
    with Bookmark(tmp_path, "x") as bookmark:
        assert [bookmark.copy("a"), bookmark.copy("a")] == [0, 1]
        bookmark.refuse(3, "why", ["c"])
        bookmark.turn(2, 1)
        bookmark.copy("a")
        bookmark.refuse(9, "why", [])

    with Bookmark(tmp_path, "x") as bookmark:
        assert (bookmark.rows, bookmark.taken, bookmark.refused) == (2, 1, 1)
        assert list(bookmark.refusals()) == [(3, "why", ["c"])]
        assert bookmark.copy("a") == 2


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"PK\x03\x04...", (), "workbook"),
        (b"", (), "no list that can be read"),
        (b"Email\n", (), "no lines"),
        (b"Email,Na\x81me\nx,y\n", (), "not text in the encoding cp1252"),
        (b'Email\n"a@x.example\n', (), "no list that can be read"),
        (b"Email,Na\x81me\nx,y\n", ("--encoding", "utf-8"), "not text in the encoding utf-8."),
        (b"\xef\xbb\xbfEmail,Na\x81me\nx,y\n", (), "not text in the encoding utf-8."),
        (b"Email\na@x.example\n", ("--encoding", "klingon"), "no encoding 'klingon'"),
        (b"Email\na@x.example\n", ("--encoding", "hex"), "no encoding 'hex'"),
        (b"Email\na@x.example\n", ("--encoding", "\0"), "no encoding"),
        (b"Email\na@x.example\n", ("--encoding", "punycode"), "not text in the encoding punycode"),
        (b"Email\na@x.example\n", ("--delimiter", ";;"), "no delimiter"),
        (b"Email\na@x.example\n", ("--map", "Email"), "says nothing"),
        (b"Email\na@x.example\n", ("--map", "Email=email", "--map", "Email=user_id"), "twice"),
        (b"Email\na@x.example\n", ("--map", "Mail=email", "--as", "trade_show"), "did you mean 'Email'"),
        (b"Email\na@x.example\n", ("--as", "Trade Show"), "write trade_show"),
        (b"Email\na@x.example\n", ("--as", "trade_show"), "say when it happened"),
        (b"Email,Opt-In\na@x.example,ja\n", ("--as", "x", "--at", "2026-10-01"), "--consent-wording"),
    ],
)
def test_what_cannot_be_imported_is_told_before_anything_is_sent(
    partner: Partner, tmp_path: Path, content: bytes, options: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "fair.csv"
    path.write_bytes(content)

    failure = refused_by(path, *options)

    assert words in failure.what
    assert partner.asked == []


@pytest.mark.parametrize(("heading", "remedy"), [("Zzz", ""), ("Mail", "Its columns are 'Email', 'Name'.")])
def test_the_columns_of_a_list_that_cannot_be_imported_like_this_are_told_once(
    partner: Partner, tmp_path: Path, heading: str, remedy: str
) -> None:
    failure = refused_by(saved(tmp_path, "Email,Name\n1,2\n"), "--map", f"{heading}=email", "--as", "trade_show")

    assert failure.remedy == remedy
    assert f"{failure.what} {failure.remedy}".count("'Name'") == 1


def test_a_file_that_is_not_there_is_told(partner: Partner, tmp_path: Path) -> None:
    assert "cannot be read" in refused_by(tmp_path / "none.csv").what


def test_a_key_that_the_api_does_not_know_is_told(
    partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_list, "list_sender", lambda *_: ListSender(partner.url, "sk_other"))

    failure = refused_by(saved(tmp_path, visitors(1)), "--as", "trade_show", "--at", "2026-10-01")

    assert "401" in failure.what
    assert "BATON_WRITE_KEY" in failure.remedy


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=2)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_a_file_of_any_table_is_read_exactly(
    tmp_path: Path, rows: list[list[str]], encoding: str, delimiter: str
) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["Email", "Note"], *rows])
    kept = [tuple(row) for row in rows if any(cell.strip() for cell in row)]

    listed = look_through(path)

    assert (listed.headings, listed.delimiter, listed.lines) == (("Email", "Note"), delimiter, len(kept))
    with listed.opened() as sheet:
        assert Counter(row.cells for row in sheet.rows) == Counter(kept)
