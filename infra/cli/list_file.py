"""A list in a file on disk: which encoding and dialect it is in, and its rows, read in a stream however long it is."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from infra.failure import Failure
from shared.adapters.sheets import Row, Sheet, read_sheet
from shared.domain.refusals import Refused

_BLOCK = 1 << 20
_EXAMPLES = 200
"""Rows that are looked at before a list is read as a whole."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs begin, those of today and those of before 2007."""


@dataclass(frozen=True)
class ListFile:
    """A list that has been looked through once. `digest` tells its content, `lines` how many lines it has to import."""

    path: Path
    encoding: str
    delimiter: str
    written: tuple[str, ...]
    headings: tuple[str, ...]
    examples: tuple[Row, ...]
    lines: int
    digest: str

    @contextmanager
    def opened(self) -> Iterator[Sheet]:
        """The list from its beginning.

        Raises:
            Failure: it cannot be read any more.
        """
        with _sheet(self.path, self.encoding, self.delimiter) as sheet:
            yield sheet


def look_through(path: Path, encoding: str | None = None, delimiter: str | None = None) -> ListFile:
    """Find out how a list is written, and that it can be read to its end, in memory that does not grow with it.

    Raises:
        Failure: it is no list, or not in that encoding; the message says from which line on.
    """
    digest, found = _encoding(path, encoding)
    with _sheet(path, found, delimiter) as sheet:
        examples = tuple(islice(sheet.rows, _EXAMPLES))
        lines = len(examples) + sum(1 for _ in sheet.rows)
        return ListFile(path, found, sheet.delimiter, sheet.written, sheet.headings, examples, lines, digest)


@contextmanager
def _sheet(path: Path, encoding: str, delimiter: str | None) -> Iterator[Sheet]:
    try:
        with path.open(encoding=encoding, newline="") as text:
            yield read_sheet(text, delimiter)
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeError as error:
        what = f"{path} is not text in the encoding {encoding.removesuffix('-sig')}."
        raise Failure(what, "Say which it is in with --encoding, or save it as CSV UTF-8.", str(error)) from error
    except Refused as error:
        raise Failure(f"{path} is no list that can be read.", "Correct the file and try again.", str(error)) from error


def _encoding(path: Path, told: str | None) -> tuple[str, str]:
    """The digest of a file's bytes, and its encoding: by its mark, as told, UTF-8 if it is that, or Windows-1252."""
    digest = hashlib.sha256()
    utf8 = codecs.getincrementaldecoder("utf-8")()
    begin, is_utf8 = b"", True
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                begin = begin or block
                digest.update(block)
                is_utf8 = is_utf8 and _goes_on(utf8, block)
    except OSError as error:
        raise _unreadable(path, error) from error
    if begin.startswith(_WORKBOOKS):
        what = f"{path} is a spreadsheet program's workbook."
        raise Failure(what, "Save its sheet as CSV (in Excel: `CSV UTF-8`), and import that.")
    found = _known(told, begin) if told else _by_bytes(begin, is_utf8=is_utf8 and _goes_on(utf8, b"", True))
    return digest.hexdigest(), _marked(begin) or found


def _goes_on(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _marked(begin: bytes) -> str | None:
    """The encoding that a file says it is in; nobody knows better."""
    return next((encoding for mark, encoding in _MARKS if begin.startswith(mark)), None)


def _by_bytes(begin: bytes, *, is_utf8: bool) -> str:
    if begin[:2].count(0) == 1:
        return "utf-16-be" if begin[0] == 0 else "utf-16-le"
    return "utf-8" if is_utf8 else "cp1252"


def _known(encoding: str, begin: bytes) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # refused where it makes no bytes of text, as hex
    except (LookupError, ValueError) as error:
        remedy = "Usual ones are utf-8, utf-16, cp1252 (Windows, western Europe), cp1250, iso-8859-2 and shift_jis."
        raise Failure(f"There is no encoding {encoding!r}.", remedy) from error
    if name in {"utf-16", "utf-32"}:  # which end comes first no mark tells, but the headings' first letter does
        return f"{name}-be" if begin.startswith(b"\0") else f"{name}-le"
    return name


def _unreadable(path: Path, error: OSError) -> Failure:
    return Failure(f"{path} cannot be read ({error.strerror}).", "Name a CSV file.")
