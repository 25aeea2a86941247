"""What a person sees while a command works: steps that move on a terminal, plain lines everywhere else."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unicodedata import category

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from infra.failure import Failure

_WIDTH = 120
"""Columns of what is shown where there is no terminal to ask."""
_NEWS = 100
"""Columns for the latest news of a step."""
_LONG_WORD = 11
"""A longer word, such as an e-mail address, may be folded before a table goes without a column."""


class Screen:
    """Results go to standard output; progress and failures to standard error, so that output can be piped."""

    def __init__(self, results: Console | None = None, progress: Console | None = None) -> None:
        width = None if sys.stdout.isatty() else _WIDTH
        self.results = results or Console(highlight=False, soft_wrap=True, width=width)
        self.progress = progress or Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show that something is under way, and how long it took. Yields a function that shows its latest news."""
        began = time.monotonic()
        if not self.progress.is_terminal:
            self.progress.print(f"{escape(title)} ...")
            yield _unheard
        else:
            with self.progress.status(f"{escape(title)} ...") as status:

                def tell(news: str) -> None:
                    status.update(f"{escape(title)} ...  [dim]{escape(news[:_NEWS])}[/dim]")

                yield tell
        took = time.monotonic() - began
        mark = "[green]✓[/green] " if self.progress.is_terminal else "  done: "
        self.progress.print(f"{mark}{escape(title)} [dim]({took:.1f} s)[/dim]")

    def say(self, text: str) -> None:
        """Print a line of the result."""
        self.results.print(harmless(text), markup=False)

    def note(self, text: str) -> None:
        """Print a line beside the result."""
        self.progress.print(text, markup=False, style="dim")

    def show(self, thing: Any, spare: Sequence[str] = ()) -> None:
        """Print a table, in which nothing is cut however narrow the terminal is, or whatever rich knows how to draw.

        On a narrow terminal a table has no edge, and then goes without the columns of the headings in `spare`, one
        after the other, until what is left has room. What should stay whole is folded only where that is not enough.
        """
        if isinstance(thing, Table):
            self._fit(thing, spare)
        self.results.print(thing, soft_wrap=False)

    def _fit(self, table: Table, spare: Sequence[str]) -> None:
        for column in table.columns:
            column.overflow = "fold"
            column.min_width = max((cell_len(word) for word in str(column.header).split()), default=0)
        if spare and self._least_width(table) > self.results.width:
            table.show_edge, table.padding = False, (0, 1, 0, 0)
        for heading in spare:
            if self._least_width(table) > self.results.width:
                table.columns = [column for column in table.columns if column.header != heading]
        if self._least_width(table) > self.results.width:
            for column in table.columns:
                column.no_wrap = False

    def _least_width(self, table: Table) -> int:
        """The columns of a terminal from which on words are whole in a table, all but very long ones."""
        _, right, _, left = table.padding
        lines = len(table.columns) + 1 if table.show_edge else len(table.columns) - 1
        return sum(_least_width_of(column) + left + right for column in table.columns) + lines

    def json(self, value: Any) -> None:
        """Print a value for a script."""
        self.results.file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def file(self, text: str) -> None:
        """Print a file to the letter; on a terminal each of its lines as one, and nothing in it that commands it."""
        if self.results.is_terminal:
            text = "".join(f"{harmless(line)}\n" for line in text.splitlines())
        self.results.file.write(text)

    def failed(self, failure: Failure) -> None:
        """Say what failed, what the program that failed had to say, and what to do."""
        self.progress.print(f"[bold red]Failed:[/bold red] {escape(harmless(failure.what))}")
        for line in failure.details.splitlines():
            self.progress.print(harmless(line), markup=False, style="dim")
        if failure.remedy:
            self.progress.print(f"[bold]What to do:[/bold] {escape(failure.remedy)}")


def harmless(text: str) -> str:
    """A text as one line, without characters by which words from outside could command a terminal, or that none shows.

    Else a name with a line feed in it would begin a line of its own, and say there whatever it likes.
    """
    return "".join(" " if _breaks(letter) else letter for letter in text if _breaks(letter) or _shows(letter))


def _least_width_of(column: Column) -> int:
    cells = [Text.from_markup(cell) if isinstance(cell, str) else cell for cell in column.cells]
    texts = [cell.plain for cell in cells if isinstance(cell, Text)]
    if column.no_wrap:
        return max([column.min_width or 0, *map(cell_len, texts)])
    words = [min(cell_len(word), _LONG_WORD) for text in texts for word in text.split()]
    return max([column.min_width or 0, *words])


def _breaks(letter: str) -> bool:
    return letter.isspace() and category(letter) != "Zs"


def _shows(letter: str) -> bool:
    return category(letter) not in {"Cc", "Cs"}


def _unheard(_news: str) -> None:
    """A log shows that a step goes on by what follows it."""


screen = Screen()
