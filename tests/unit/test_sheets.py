"""Any table that somebody writes as CSV comes back exactly, and what nobody can read is told with its line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.sheets import LINE, REASON, guarded, read_sheet, unguarded
from shared.domain.refusals import Invalid, Malformed

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))), max_size=8)
HEADINGS = ["Email", "First name", "Größe"]


def written(rows: list[list[str]], **dialect: str | int) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


def read(text: str, delimiter: str | None = None) -> list[tuple[str, ...]]:
    return [row.cells for row in read_sheet(io.StringIO(text, newline=""), delimiter).rows]


@given(
    rows=ROWS,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    first=st.sampled_from(["", "sep={}"]),
)
def test_any_table_comes_back_exactly_in_any_dialect(
    rows: list[list[str]], delimiter: str, end: str, first: str
) -> None:
    text = written([HEADINGS, *rows], delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    sheet = read_sheet(io.StringIO(first.format(delimiter) + (first and end) + text, newline=""))

    assert (list(sheet.headings), sheet.delimiter) == (HEADINGS, delimiter)
    assert [list(row.cells) for row in sheet.rows] == rows


@given(rows=ROWS)
def test_a_table_comes_back_exactly_when_only_what_must_be_is_quoted(rows: list[list[str]]) -> None:
    assert read(written([HEADINGS, *rows])) == [tuple(row) for row in rows]


@given(cell=CELLS | st.text("=+-@'\t\r\n＝x", max_size=4))  # noqa: RUF001
def test_a_guarded_cell_is_evaluated_by_no_spreadsheet_and_comes_back_exactly(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))  # noqa: RUF001
    assert unguarded(guarded(cell)) == cell


def test_the_guards_are_taken_off_in_a_file_of_refused_lines_and_nowhere_else() -> None:
    text = "Email,Remark\na@x.example,'=1\n"
    refused = f"{LINE},{REASON},Email,'=Remark\n7,why,a@x.example,'=1\n"

    plain, again = read_sheet(io.StringIO(text)), read_sheet(io.StringIO(refused))

    assert plain.fields(next(plain.rows)) == {"Email": "a@x.example", "Remark": "'=1"}
    assert again.fields(next(again.rows)) == {LINE: "7", REASON: "why", "Email": "a@x.example", "=Remark": "=1"}


@pytest.mark.parametrize("kept", [f"{LINE},Email", f"{REASON},Email"])
def test_the_guards_are_taken_off_too_where_only_one_of_batons_own_columns_is_left(kept: str) -> None:
    sheet = read_sheet([f"{kept},Remark\n", "7,a@x.example,'=1\n"])

    assert sheet.fields(next(sheet.rows))["Remark"] == "=1"


@pytest.mark.parametrize("sign", ["~", "x", " "])
def test_any_delimiter_that_the_file_names_is_taken(sign: str) -> None:
    sheet = read_sheet([f"sep={sign}\n", f"Email{sign}Note\n"])

    assert (sheet.headings, sheet.delimiter) == (("Email", "Note"), sign)


def test_a_row_knows_the_line_of_the_file_on_which_it_begins() -> None:
    text = 'sep=;\r\n\r\nEmail;Note\r\na;"two\r\nlines"\r\n;;;\r\n\r\nb;x\r\n\r\n'

    rows = list(read_sheet(io.StringIO(text, newline="")).rows)

    assert [(row.number, row.cells) for row in rows] == [(4, ("a", "two\r\nlines")), (8, ("b", "x"))]


@pytest.mark.parametrize("text", ["a\rb\r1\r2\r", "a\n\n1\n2", "a\r\n1\r\n2\r\n\r\n,,\r\n"])
def test_lines_end_as_any_computer_ends_them(text: str) -> None:
    assert [row for row in read(text) if row != ("b",)] == [("1",), ("2",)]


def test_headings_are_made_different_from_each_other() -> None:
    sheet = read_sheet(["Phone, Phone ,,Phone (2),\n"])

    assert sheet.headings == ("Phone", "Phone (2)", "column 3", "Phone (2) (2)")
    assert sheet.written == ("Phone", " Phone ", "", "Phone (2)")


def test_a_row_with_fields_beyond_the_headings_is_refused_and_empty_ones_are_nothing() -> None:
    sheet = read_sheet(["a,b\n", "1,2,,\n", "1,2,,3\n", "1\n"])
    first, second, third = sheet.rows

    assert sheet.fields(first) == {"a": "1", "b": "2"}
    with pytest.raises(Invalid, match="4 fields, and there are 2 headings"):
        sheet.fields(second)
    assert sheet.fields(third) == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', "from line 3 on: a quote that is opened there is never closed"),
        ('a,b\n1,2\n3,"4"5\n', "from line 3 on: something follows a closing quote"),
        ('a,b\n1,"' + "x" * 200_000, "from line 2 on: a quote that is opened there is never closed"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read(text)


@pytest.mark.parametrize("text", ["", "\n\n", "sep=;\n", ",,,\n"])
def test_a_list_without_headings_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="headings"):
        read(text)


def test_a_list_with_more_columns_than_anybody_has_is_refused() -> None:
    with pytest.raises(Invalid, match="500 columns"):
        read(",".join(map(str, range(501))))
    assert read(",".join([LINE, REASON, *map(str, range(500))])) == []  # Baton's own are none of them
