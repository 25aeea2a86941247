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

_KEPT = 14 * 24 * 3600
"""Seconds after which what is left of an import that nobody went on with is removed: it holds refused lines."""

_TABLES = """
CREATE TABLE IF NOT EXISTS progress (rows INTEGER NOT NULL, taken INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS copies (content TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (line INTEGER PRIMARY KEY, reason TEXT NOT NULL, cells TEXT NOT NULL);
"""


class Bookmark:
    """Of one list under the same options. What is noted counts from `turn` on; what came after the last one is undone.

    It is a database of its own, so that an import's memory does not grow with its list.
    """

    def __init__(self, folder: Path, name: str) -> None:
        _remove_old(folder)
        self._path = folder / f"{name}.sqlite"
        self._database = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        self._path.chmod(0o600)

    def __enter__(self) -> Self:
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.executescript(f"BEGIN EXCLUSIVE; {_TABLES} COMMIT;")
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


def _remove_old(folder: Path) -> None:
    for path in folder.glob("*.sqlite*"):
        if time.time() - path.stat().st_mtime > _KEPT:
            path.unlink(missing_ok=True)
