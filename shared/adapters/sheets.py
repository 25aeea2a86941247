"""CSV as spreadsheets and programs write it, read in a stream: headings, and rows with the numbers of their lines.

What is in a cell stays the text that it is; nothing is evaluated. A file of refused lines is such a table too, made so
that no spreadsheet evaluates it either.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from shared.domain.refusals import Invalid, Malformed

LINE, COPY, REASON, LIST = "_line", "_copy", "_reason", "_list"
OWN_HEADINGS = frozenset({LINE, COPY, REASON, LIST})
"""`_line` is the number by which a refused line is told, `_copy` how many lines before it say the same, `_reason` why a
line was refused before, `_list` by which import."""

DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?[\r\n]*', re.IGNORECASE)
_EVALUATED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take these too)
"""What a spreadsheet takes for the beginning of a formula."""
_GUARD = "'"

MAX_COLUMNS = 500
"""Of a list in any format, beside Baton's own."""
_SAMPLE = 50_000
"""Characters of the headings by which the delimiter is told."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file as it stands there. `number` counts the file's lines from 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file's headings, as they stand there and each made different from the others, and its rows in a stream."""

    written: tuple[str, ...]
    headings: tuple[str, ...]
    delimiter: str
    rows: Iterator[Row]

    def fields(self, row: Row) -> dict[str, str]:
        """The row's cells by their headings, without empty ones.

        Raises:
            Invalid: it has more cells than there are headings.
        """
        if any(row.cells[len(self.headings) :]):
            msg = f"the line has {len(row.cells)} fields, and there are {len(self.headings)} headings"
            raise Invalid(msg)
        cells = map(unguarded, row.cells) if is_of_refused(self.headings) else row.cells
        return {name: cell for name, cell in zip(self.headings, cells, strict=False) if cell}


def read_sheet(text: Iterable[str], delimiter: str | None = None) -> Sheet:
    """The table in a CSV text, given line by line with the ends of its lines.

    Excel's `sep=` before the headings is understood; without it and without a `delimiter` the one is taken that parts
    the headings into most. Empty lines are left out.

    Raises:
        Malformed: a quote is not closed or what follows it is wrong; also later, while rows are read.
        Invalid: there are no headings, or too many.
    """
    pieces = iter(text)
    first, before = next(pieces, ""), 0
    if found := _SEPARATOR.fullmatch(first):
        delimiter = delimiter or found[1]
        first, before = next(pieces, ""), 1
    while first and not first.strip():
        first, before = next(pieces, ""), before + 1
    delimiter = delimiter or _delimiter(first)
    records = _records(chain([first] if first else [], pieces), delimiter, before)
    head = next(records, None)
    if head is None:
        msg = "the list has no headings: its first line names the columns"
        raise Invalid(msg)
    cells = head.cells
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    if sum(cell not in OWN_HEADINGS for cell in cells) > MAX_COLUMNS:
        raise too_many_columns()
    plain = tuple(map(unguarded, cells)) if is_of_refused(cells) else cells
    return Sheet(cells, _different(plain), delimiter, records)


def too_many_columns() -> Invalid:
    """Why a list with more columns than anybody has is refused."""
    return Invalid(f"the list has more than {MAX_COLUMNS} columns")


def guarded(text: str) -> str:
    """A cell that no spreadsheet evaluates, and that `Sheet.fields` reads back exactly from a file of refused lines."""
    return f"{_GUARD}{text}" if text.startswith((*_EVALUATED, _GUARD)) else text


def unguarded(cell: str) -> str:
    """A cell as it was before `guarded`; one that is not guarded stays as it is."""
    is_guarded = cell.startswith(_GUARD) and cell[1:].startswith((*_EVALUATED, _GUARD))
    return cell[1:] if is_guarded else cell


def is_of_refused(headings: Iterable[str]) -> bool:
    """Whether these are the headings of a file of refused lines, whose cells are guarded.

    One of Baton's own headings is enough: whoever corrects the file may well remove the column with the reasons.
    """
    return not OWN_HEADINGS.isdisjoint(headings)


def _delimiter(headings: str) -> str:
    counts = {sign: len(next(csv.reader([headings[:_SAMPLE]], delimiter=sign), [])) for sign in DELIMITERS}
    return max(DELIMITERS, key=lambda sign: counts[sign])


def _records(lines: Iterator[str], delimiter: str, before: int) -> Iterator[Row]:
    """The records that are not empty, each with the number of the line on which it begins."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = before + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            msg = f"the list cannot be read from line {number} on: {_words(error)}"
            raise Malformed(msg) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield Row(number, tuple(cells))


def _words(error: csv.Error) -> str:
    told = str(error)
    if "unexpected end of data" in told or "field larger" in told:
        return "a quote that is opened there is never closed"
    return "something follows a closing quote" if "expected after" in told else told


def _different(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Headings of which no two are the same: a second `Phone` is `Phone (2)`, an empty one `column 3`."""
    found: dict[str, None] = {}  # in order, and quick to ask
    for place, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {place}"
        number, heading = 1, name
        while heading in found:
            number += 1
            heading = f"{name} ({number})"
        found[heading] = None
    return tuple(found)
