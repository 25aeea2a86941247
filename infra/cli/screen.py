"""What a person sees while a command works: steps that move on a terminal, plain lines everywhere else."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unicodedata import category

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.failure import Failure

_WIDTH = 120
"""Columns of what is shown where there is no terminal to ask."""
_NEWS = 100
"""Columns for the latest news of a step."""


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

    def show(self, thing: Any, room: int = 0) -> None:
        """Print a table, in which nothing is cut however narrow the terminal is, or whatever rich knows how to draw.

        What should stay whole in a table is folded as the rest is on a terminal of fewer columns than `room`.
        """
        for column in thing.columns if isinstance(thing, Table) else ():
            column.overflow = "fold"
            column.no_wrap = column.no_wrap and self.results.width >= room
        self.results.print(thing, soft_wrap=False)

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


def _breaks(letter: str) -> bool:
    return letter.isspace() and category(letter) != "Zs"


def _shows(letter: str) -> bool:
    return category(letter) not in {"Cc", "Cs"}


def _unheard(_news: str) -> None:
    """A log shows that a step goes on by what follows it."""


screen = Screen()
