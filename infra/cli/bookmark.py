"""How far the import of a list has come, kept on disk so that an import that was killed goes on where it was."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.failure import Failure

_DAY = 24 * 3600
_KEPT = 14 * _DAY
"""Seconds after which what is left of an import that nobody went on with is removed: it holds refused lines."""

_COUNTS_KEPT = 90 * _DAY
"""Seconds for which refused lines can be corrected and still be told from those that were taken."""

_COPIES = """
CREATE TABLE IF NOT EXISTS copies (content TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID"""
_TABLES = """
CREATE TABLE IF NOT EXISTS progress (rows INTEGER NOT NULL, taken INTEGER NOT NULL);
{copies};
CREATE TABLE IF NOT EXISTS refused (line INTEGER PRIMARY KEY, reason TEXT NOT NULL, cells TEXT NOT NULL);
"""


class Bookmark:
    """Of one list under the same options. What is noted counts from `turn` on; what came after the last one is undone.

    It is a database of its own, so that an import's memory does not grow with its list.
    """

    def __init__(self, folder: Path, name: str) -> None:
        _remove_old(folder)
        self._folder, self._name = folder, name
        self._path = folder / f"{name}.sqlite"
        self._database = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        self._path.chmod(0o600)

    def __enter__(self) -> Self:
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.executescript(f"BEGIN EXCLUSIVE; {_TABLES.format(copies=_COPIES)} COMMIT;")
        except sqlite3.Error as error:
            self._database.close()
            if error.sqlite_errorname == "SQLITE_BUSY":
                raise Failure("Another command imports this list at the moment.", "Wait until it ends.") from error
            remedy = "Remove it: the list is then imported anew, which changes nothing that was imported."
            raise Failure(f"{self._path} cannot be read.", remedy, str(error)) from error
        self._database.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    @property
    def rows(self) -> int:
        """How many rows of the list are done."""
        return int(self._sum("rows"))

    @property
    def taken(self) -> int:
        """How many of them are in the log."""
        return int(self._sum("taken"))

    @property
    def refused(self) -> int:
        """How many of them were refused."""
        return int(self._database.execute("SELECT count(*) FROM refused").fetchone()[0])

    def copy(self, content: str) -> int:
        """How many lines before this one said the same; this one is counted from now on."""
        counted = self._database.execute(
            "INSERT INTO copies VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count", (content,)
        ).fetchone()
        return int(counted[0]) - 1

    def uncount(self, content: str) -> None:
        """Note that a line that `copy` counted was not taken after all."""
        self._database.execute("UPDATE copies SET count = count - 1 WHERE content = ?", (content,))

    def count_on(self, name: str) -> bool:
        """Count on from what the import of that name has taken; False if that is not known here, or not any more.

        It is to be asked before the first line, also when the import is begun again.
        """
        if self.rows:
            return True  # the turns that are done hold it
        path = _counts(self._folder, name)
        if not path.exists():
            return False
        before = sqlite3.connect(path)
        try:
            taken = before.execute("SELECT content, count FROM copies")
            self._database.executemany("INSERT INTO copies VALUES (?, ?)", taken)
        except sqlite3.DatabaseError:
            self._database.execute("DELETE FROM copies")
            return False
        finally:
            before.close()
        return True

    def keep_counts(self) -> None:
        """Keep what was taken, as hashes and counts and nothing else, for when the refused lines come corrected."""
        path = _counts(self._folder, self._name)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        after = sqlite3.connect(fresh)
        try:
            fresh.chmod(0o600)
            after.execute(_COPIES)
            taken = self._database.execute("SELECT content, count FROM copies WHERE count > 0")
            after.executemany("INSERT INTO copies VALUES (?, ?)", taken)
            after.commit()
        finally:
            after.close()
        fresh.replace(path)

    def refuse(self, line: int, reason: str, cells: Iterable[str]) -> None:
        """Note a line that was not taken."""
        self._database.execute("INSERT INTO refused VALUES (?, ?, ?)", (line, reason, json.dumps(list(cells))))

    def turn(self, rows: int, taken: int) -> None:
        """Note that so many more rows are done, and all that was noted since the last turn with them."""
        self._database.execute("INSERT INTO progress VALUES (?, ?)", (rows, taken))
        self._database.execute("COMMIT")
        self._database.execute("BEGIN")

    def refusals(self) -> Iterator[tuple[int, str, list[str]]]:
        """The refused lines in the order of the list: number, reason and cells."""
        for line, reason, cells in self._database.execute("SELECT line, reason, cells FROM refused ORDER BY line"):
            yield line, reason, json.loads(cells)

    def remove(self) -> None:
        """Forget it: the list is done."""
        self._database.close()
        self._path.unlink(missing_ok=True)

    def _sum(self, column: str) -> int:
        return int(self._database.execute(f"SELECT coalesce(sum({column}), 0) FROM progress").fetchone()[0])  # noqa: S608


def _counts(folder: Path, name: str) -> Path:
    return folder / f"{name}.counts"


def _remove_old(folder: Path) -> None:
    for pattern, kept in (("*.sqlite*", _KEPT), ("*.new", _KEPT), ("*.counts", _COUNTS_KEPT)):
        for path in folder.glob(pattern):
            if time.time() - path.stat().st_mtime > kept:
                path.unlink(missing_ok=True)
