"""`baton import`: a list from a file into the log, each line once, however often it is begun again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from filecmp import cmp
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from infra.cli import asking
from infra.cli.bookmark import Bookmark
from infra.cli.list_file import ListFile, look_through
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment
from infra.deployed import LOCAL
from infra.failure import Failure
from infra.list_sender import ListSender, list_sender
from infra.local.cloud import LocalCloud
from infra.local.home import Home
from infra.settings import Settings, read_settings
from shared.adapters.catalogue import Catalogue
from shared.adapters.clock import SystemClock
from shared.adapters.headings import NUMBER
from shared.adapters.http_api import BATCH_LIMIT
from shared.adapters.lists import Line, ListOptions, ListReader
from shared.adapters.local_dates import AmbiguousDate, DateOrder, read_local_date, time_zone
from shared.adapters.local_numbers import AmbiguousNumber, DecimalSign, read_local_number
from shared.adapters.segment import validation_fault
from shared.adapters.sheets import (
    COPY,
    LINE,
    LIST,
    OWN_HEADINGS,
    REASON,
    Row,
    Sheet,
    guarded,
    is_of_refused,
    read_sheet,
    unguarded,
)
from shared.adapters.strict_json import MAX_VALUES
from shared.domain.activity import Activity
from shared.domain.admission import trusted_source
from shared.domain.moments import format_moment
from shared.domain.refusals import OverBudget, Refused

PART = 250
"""Lines in one request: few enough that a slow table takes them in time, and that little is sent again after a kill."""

_NAME = re.compile(r"[0-9a-f]{32}")
_UNKNOWN = (
    "What was taken of the list that these lines come from is not known on this machine (any more): a line that now "
    "says the same as one of those counts as that one. If there are such lines, import the corrected list instead."
)
_LARGEST = 10**9
_PATIENCE = 30
"""Times that lines are sent for which there was no budget."""
_EXAMPLES = 3
_LEFT_OUT = "(left out)"
_EXAMPLE_WIDTH = 30
"""Columns of the terminal that a line of the list needs in the preview, beside as many for what a column becomes."""
_LONGEST_EXAMPLE = 40
_SHOWN = 10
"""Refused lines that are told on the screen."""


def import_list(  # noqa: PLR0917 - each is an option
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file whose first line names its columns.", show_default=False)
    ],
    kind: Annotated[
        str | None, typer.Option("--as", metavar="TYPE", help="What the people did: an activity type, as trade_show.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="HEADING=TARGET", help="What a column is: 'Work Mail=email'; 'Notes=' leaves it out."
        ),
    ] = None,
    dates: Annotated[
        DateOrder | None, typer.Option("--dates", help="Which number of a date is which; 2026-03-01 always works.")
    ] = None,
    decimal: Annotated[
        DecimalSign | None, typer.Option("--decimal", help="The sign of decimals: whether 1.200 is 1.2 or 1200.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", help="Of dates without an offset: Europe/Berlin or +01:00.")
    ] = "UTC",
    at: Annotated[str | None, typer.Option("--at", help="When it happened, for lines that do not tell.")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="The channel of every activity, as event.")] = None,
    consent_wording: Annotated[
        str | None, typer.Option("--consent-wording", help="What the people agreed to whose consent the list tells.")
    ] = None,
    consent_version: Annotated[
        str | None, typer.Option("--consent-version", help="The version of that wording.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Found by itself: UTF-8, UTF-16, else Windows-1252.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="Found by itself: comma, semicolon, tab or |.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="The name of the secret write key in the settings.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be refused, and store nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")] = False,
    environment: Environment = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON for scripts.")] = False,
) -> None:
    """Import a list of people and what they did, such as the visitors of a trade show.

    Shows what each column becomes, and asks. A target is email, user_id, anonymous_id, id, type, occurred_at, channel,
    consent, lead.*, company.*, qualification.* or properties.*; with :number behind it numbers are numbers.

    The same list twice changes nothing. If it is stopped, run it again: it goes on where it was. Lines that are refused
    are written beside the list with the reasons, to be corrected and imported by themselves; the status is then 1.
    """
    listed = look_through(file, encoding, _sign(delimiter))
    if not listed.lines:
        raise Failure(f"{file} has headings and no lines.", "Nothing has changed.")
    settings = _settings(environment)
    told: dict[str, Any] = {
        "kind": kind,
        "map": _told(columns or []),
        "dates": dates,
        "decimal": decimal,
        "timezone": timezone,
        "at": at,
        "channel": channel,
        "consent_wording": consent_wording,
        "consent_version": consent_version,
        "dry_run": dry_run,
    }
    reader = _reader(told, listed, settings)
    if not as_json:
        screen.show(_preview(listed, reader))
    if dates is None and (found := _ambiguous(listed, reader, timezone)) and not yes and asking.is_asked():
        day_first = typer.confirm(f"Does {found} begin with the day?", default=None)
        told["dates"] = "day_first" if day_first else "month_first"
        reader = _reader(told, listed, settings)
    if decimal is None and (found := _ambiguous_number(listed, reader)) and not yes and asking.is_asked():
        parts = "." if "." in found else ","
        is_whole = typer.confirm(f"Does {found} mean {found.replace(parts, '')}?", default=None)
        told["decimal"] = "comma" if is_whole == (parts == ".") else "point"
        reader = _reader(told, listed, settings)
    if not dry_run:
        asking.confirm(f"Import {_lines(listed.lines)} of {file.name} into {environment}?", yes=yes)
    whole = _Import(listed, reader, told, list_sender(settings, key))
    try:
        done = whole.run(_name(listed, told, environment))
    except KeyboardInterrupt:
        screen.note("Stopped. Run the same command again: it goes on where it was.")
        raise
    if as_json:
        screen.json(done.as_json(listed, reader))
    else:
        _tell(done, listed, dry_run=dry_run)
    if done.refused:
        raise typer.Exit(1)


@dataclass
class _Done:
    """What became of a list. `first` are the first refused lines, `file` holds them all."""

    taken: int
    refused: int
    first: list[tuple[int, str]]
    file: Path | None = None

    def as_json(self, listed: ListFile, reader: ListReader) -> dict[str, Any]:
        """The same for a script."""
        return {
            "lines": listed.lines,
            "taken": self.taken,
            "refused": self.refused,
            "refused_file": str(self.file) if self.file else None,
            "map": reader.mapping,
        }


@dataclass(frozen=True)
class _Import:
    """One import of a list, by this reader and this sender."""

    listed: ListFile
    reader: ListReader
    told: Mapping[str, Any]
    sender: ListSender

    def run(self, name: str) -> _Done:
        """Import what is not done yet, and write the refused lines."""
        with Bookmark(Home.usual().folder("imports"), name) as bookmark:
            if (before := _before(self.listed)) and not bookmark.count_on(before):
                screen.note(_UNKNOWN)
            if bookmark.rows:
                screen.note(f"Going on after {_lines(bookmark.rows)}, where it stopped before.")
            with self.listed.opened() as sheet, _progress(self.listed.lines, bookmark.rows) as progress:
                rest = islice(sheet.rows, bookmark.rows, None)
                for part in self._parts(sheet, rest, bookmark):
                    refused = self._send(part)
                    for line, reason in refused:
                        bookmark.refuse(line.number, reason, line.cells)
                        bookmark.uncount(part.contents[line.number])
                    bookmark.turn(len(part.rows), len(part.lines) - len(refused))
                    progress.advance(progress.task_ids[0], len(part.rows))
            first = [(line, reason) for line, reason, _ in islice(bookmark.refusals(), _SHOWN)]
            done = _Done(bookmark.taken, bookmark.refused, first)
            if done.refused and not self.told["dry_run"]:
                bookmark.keep_counts()
                done.file = _beside(self.listed, name, bookmark)
            bookmark.remove()
        return done

    def _parts(self, sheet: Sheet, rows: Iterator[Row], bookmark: Bookmark) -> Iterator[_Part]:
        """The rows in parts that each fit into a request.

        What is noted of a row is noted after the part before it is done, so that both stand or fall with their parts.
        """
        part = _Part(self._options())
        for row in rows:
            line, content = self._line(sheet, row)
            if len(part.rows) == PART or not part.has_room(line):
                yield part
                part = _Part(self._options())
            part.rows.append(row)
            if content is None:
                bookmark.refuse(row.number, line[REASON], row.cells)
            else:
                part.add({LINE: row.number, COPY: bookmark.copy(content), **line})
                part.contents[row.number] = content
        if part.rows:
            yield part

    def _line(self, sheet: Sheet, row: Row) -> tuple[dict[str, Any], str | None]:
        """The fields of a row as the API takes them, and what they say; if they say nothing, the reason."""
        try:
            fields = {name: cell for name, cell in sheet.fields(row).items() if self.reader.mapping.get(name)}
            found = self.reader.read(Line(row.number, fields, copy=0))
            if not isinstance(found, Activity):
                raise found.reason
        except Refused as reason:
            return {REASON: _reason(reason.message, reason.at)}, None
        for name, target in self.reader.mapping.items():
            if target == "occurred_at" and name in fields:
                fields[name] = format_moment(found.occurred_at)
        return fields, found.id

    def _send(self, part: _Part) -> list[tuple[Row, str]]:
        """The rows of a part that the API refuses, with the reasons; it waits for a budget that is used up."""
        rows = {row.number: row for row in part.rows}
        refused: list[tuple[Row, str]] = []
        lines, sent = part.lines, 0
        while lines:
            if sent == _PATIENCE:
                what = "The API's budget for one person is used up again and again."
                raise Failure(what, "Run the same command later: it goes on where it was.")
            answer, sent = self.sender.send({**part.options, "lines": lines}), sent + 1
            later = {each["line"] for each in answer["refused"] if each["code"] == OverBudget.code}
            refused += [
                (rows[each["line"]], _reason(each["message"], each["at"]))
                for each in answer["refused"]
                if each["line"] not in later
            ]
            lines = [line for line in lines if line[LINE] in later]
            if lines:
                wait = answer["retry_after"]
                screen.note(f"The budget of one person is used up: waiting {wait} s, then {_lines(len(lines))} more.")
                time.sleep(wait)
        return refused

    def _options(self) -> dict[str, Any]:
        """The options as the API takes them: the moments in them say by themselves when they are."""
        told = {"as": self.told["kind"], **{name: value for name, value in self.told.items() if name != "kind"}}
        del told["dates"], told["timezone"]
        told["map"] = {name: target for name, target in self.reader.mapping.items() if target}
        told["headings"] = list(told["map"])
        if self.reader.at is not None:
            told["at"] = format_moment(self.reader.at)
        return {name: value for name, value in told.items() if value is not None}


class _Part:
    """Rows that go into one request, and the lines of it; `contents` is what each says, by its number."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.rows: list[Row] = []
        self.lines: list[dict[str, Any]] = []
        self.contents: dict[int, str] = {}
        self.options = options
        self._bytes, self._values = _weight(options)

    def has_room(self, line: Mapping[str, Any]) -> bool:
        """Whether the API would take a request with this line besides."""
        size, values = _weight({LINE: _LARGEST, COPY: _LARGEST, **line})
        return self._bytes + size < BATCH_LIMIT and self._values + values < MAX_VALUES

    def add(self, line: dict[str, Any]) -> None:
        """Put a line into the request."""
        size, values = _weight(line)
        self.lines.append(line)
        self._bytes, self._values = self._bytes + size, self._values + values


def write_refused(listed: ListFile, name: str, refusals: Iterator[tuple[int, str, list[str]]]) -> Path:
    """Write refused lines beside their list, as a list that can be imported after correction.

    `name` is that of this import, from which importing the file counts on: a line that, corrected, says the same as one
    that was taken is another one. Cells that a spreadsheet would evaluate are guarded; importing the file takes the
    guards off. A file with other lines in it, such as corrected ones, is left alone: the new one has a number then.
    """
    keep = [place for place, name in enumerate(listed.headings) if name not in OWN_HEADINGS]
    path = listed.path.with_name(f"{listed.path.stem}.refused.csv")
    fresh = path.with_name(f".{path.name}.new")
    safe = _safe_again if is_of_refused(listed.headings) else guarded
    own = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(own, "w", encoding="utf-8-sig", newline="") as file:
        head = io.StringIO(newline="")
        csv.writer(head, delimiter=listed.delimiter).writerow(
            [LINE, REASON, LIST, *(safe(listed.written[place]) for place in keep)]
        )
        if not _tells(head.getvalue(), listed.delimiter):
            file.write(f"sep={listed.delimiter}\r\n")
        file.write(head.getvalue())
        table = csv.writer(file, delimiter=listed.delimiter)
        for line, reason, cells in refusals:
            told = [cells[place] if place < len(cells) else "" for place in keep] + cells[len(listed.headings) :]
            table.writerow([line, guarded(reason), name, *map(safe, told)])
    number = 1
    while path.exists() and not cmp(path, fresh, shallow=False):
        number += 1
        path = path.with_name(f"{listed.path.stem}.refused-{number}.csv")
    fresh.replace(path)
    return path


def _tells(headings: str, delimiter: str) -> bool:
    """Whether these headings tell by themselves by what they are parted."""
    try:
        return read_sheet(io.StringIO(headings, newline="")).delimiter == delimiter
    except Refused:
        return False


def _before(listed: ListFile) -> str | None:
    """The import that has refused these lines, if that is what they are."""
    if LIST not in listed.headings:
        return None
    place = listed.headings.index(LIST)
    told = (row.cells[place].strip() for row in listed.examples if place < len(row.cells))
    # It becomes the name of a file, so nothing else than a name is taken for one.
    return next((name for name in told if _NAME.fullmatch(name)), None)


def _beside(listed: ListFile, name: str, bookmark: Bookmark) -> Path:
    try:
        return write_refused(listed, name, bookmark.refusals())
    except OSError as error:
        what = f"The refused lines cannot be written beside {listed.path} ({error.strerror})."
        raise Failure(what, "Make room or rights there, and run the same command again.") from error


def _safe_again(cell: str) -> str:
    """A cell of a file of refused lines, in which somebody may have written what a spreadsheet would evaluate."""
    return guarded(unguarded(cell))


def _settings(environment: str) -> Settings:
    return LocalCloud(Home.usual()).settings if environment == LOCAL else read_settings(environment)


def _told(columns: Sequence[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for column in columns:
        heading, sign, target = column.rpartition("=")
        if not sign or not heading.strip():
            raise Failure(f"--map {column!r} says nothing.", "Write a heading and its target: --map 'Work Mail=email'.")
        if heading.strip() in told:
            raise Failure(f"--map names the column {heading.strip()!r} twice.", "Say once what it is.")
        told[heading.strip()] = target.strip()
    return told


def _reader(told: Mapping[str, Any], listed: ListFile, settings: Settings) -> ListReader:
    headings = [name for name in listed.headings if name not in OWN_HEADINGS]
    try:
        options = ListOptions.model_validate(told)
        return ListReader(options, headings, trusted_source("list"), SystemClock().now(), Catalogue(settings.catalogue))
    except ValidationError as error:
        raise _wrong(validation_fault(error), listed) from error
    except Refused as error:
        raise _wrong(error, listed) from error


_OPTIONS = {"as": "--as", "kind": "--as", "map": "--map", "at": "--at", "timezone": "--timezone", "dates": "--dates"}
_OPTIONS |= {"decimal": "--decimal", "channel": "--channel"}
_OPTIONS |= {"consent_wording": "--consent-wording", "consent_version": "--consent-version"}


_TOLD = 20
"""Columns that a message names, as many as `mapping_of` does."""


def _wrong(reason: Refused, listed: ListFile) -> Failure:
    """What is wrong with the options, in the words of the command line."""
    message = reason.message
    for name in ("consent_wording", "consent_version", "occurred_at", "at", "as"):
        message = message.replace(f"`{name}`", _OPTIONS.get(name, name))
    option = _OPTIONS.get((reason.at or "").partition(".")[0])
    what = f"{listed.path} cannot be imported like this: {message}{f' ({option})' if option else ''}."
    columns = ", ".join(map(repr, [name for name in listed.headings if name not in OWN_HEADINGS][:_TOLD]))
    return Failure(what, "" if columns in message else f"Its columns are {columns}.")


def _sign(delimiter: str | None) -> str | None:
    """A delimiter as one character; a tab is typed `tab`."""
    sign = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
        raise Failure(f"--delimiter {delimiter!r} is no delimiter.", "Write one character, or tab.")
    return sign


def _preview(listed: ListFile, reader: ListReader) -> Table:
    """What each column becomes, with its first fields."""
    title = f"{listed.path.name}: {_lines(listed.lines)}, {listed.encoding}, parted by {listed.delimiter!r}"
    width = screen.results.width
    examples = listed.examples[: min(_EXAMPLES, max(1, width // _EXAMPLE_WIDTH - 1))]
    table = Table("column", "becomes", *(f"line {row.number}" for row in examples), title=escape(title))
    # What is shortened is what stands in the list, and not what becomes of it.
    table.columns[1].overflow = "fold"
    table.columns[1].width = min(_EXAMPLE_WIDTH, width // 3, max(len(_LEFT_OUT), *map(len, reader.mapping.values())))
    for place, name in enumerate(listed.headings):
        if name in OWN_HEADINGS:
            continue
        target = reader.mapping[name] or f"[dim]{_LEFT_OUT}[/dim]"
        cells = [row.cells[place] if place < len(row.cells) else "" for row in examples]
        table.add_row(escape(harmless(name)), target, *(escape(harmless(_shortened(cell))) for cell in cells))
    return table


def _shortened(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_EXAMPLE else f"{cell[: _LONGEST_EXAMPLE - 1]}…"


def _ambiguous(listed: ListFile, reader: ListReader, timezone: str) -> str | None:
    """A date among the first lines that would be another day in another order."""
    for cell in _first_cells(listed, reader, lambda target: target == "occurred_at"):
        try:
            read_local_date(cell, None, time_zone(timezone))
        except AmbiguousDate:
            return cell
        except ValueError:
            continue
    return None


def _ambiguous_number(listed: ListFile, reader: ListReader) -> str | None:
    """A number among the first lines that would be another one with another sign of decimals."""
    for cell in _first_cells(listed, reader, lambda target: target.endswith(NUMBER)):
        try:
            read_local_number(cell.strip(), None)
        except AmbiguousNumber:
            return cell.strip()
    return None


def _first_cells(listed: ListFile, reader: ListReader, is_meant: Callable[[str], bool]) -> Iterator[str]:
    """The cells of the first lines in the columns with such targets, column by column."""
    for place, name in enumerate(listed.headings):
        if is_meant(reader.mapping.get(name, "")):
            yield from (row.cells[place] for row in listed.examples if place < len(row.cells))


def _progress(lines: int, done: int) -> Progress:
    progress = Progress(
        TextColumn("Importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("lines"),
        TimeRemainingColumn(),
        console=screen.progress,
        disable=not screen.progress.is_terminal,
    )
    progress.add_task("lines", total=lines, completed=done)
    return progress


def _tell(done: _Done, listed: ListFile, *, dry_run: bool) -> None:
    are = "would be" if dry_run else "are"
    screen.say(f"{done.taken:,} of {_lines(listed.lines)} {are} in the log.")
    for line, reason in done.first:
        screen.say(f"  line {line}: {reason}")
    if done.refused > len(done.first):
        screen.say(f"  and {done.refused - len(done.first):,} more")
    if done.file:
        screen.say(f"{done.refused:,} refused: correct {done.file} and import that file.")


def _name(listed: ListFile, told: Mapping[str, Any], environment: str) -> str:
    """What the import of this content under these options into this environment is called."""
    said = [listed.digest, listed.encoding, listed.delimiter, environment, dict(told)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _reason(message: str, at: str | None) -> str:
    return f"{at}: {message}" if at else message


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"


def _weight(value: Mapping[str, Any]) -> tuple[int, int]:
    """The bytes that this takes in a request, and how many values the API would count in them."""
    text = json.dumps(value)
    return len(text) + 2, text.count(",") + text.count("[") + text.count("{") + 1
