"""Whether a person sits before a command, and what they say to it."""

from __future__ import annotations

import sys

import typer

from infra.cli.screen import screen
from infra.failure import Failure


def is_asked() -> bool:
    """Whether a person sits before this command."""
    return sys.stdin.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if a person agrees, here or by `--yes`.

    Raises:
        Failure: there is nobody to ask.
    """
    if yes:
        return
    if not is_asked():
        raise Failure("There is nobody to ask whether this is right.", "Nothing has changed; add --yes to do it.")
    if not typer.confirm(question):
        screen.say("Nothing has changed.")
        raise typer.Exit(1)


def agreed(question: str) -> None:
    """Go on, unless a person sits before this command and does not want to."""
    if is_asked() and not typer.confirm(question, err=True):
        screen.say("Nothing has changed.")
        raise typer.Exit(1)


def noted(note: str) -> str:
    """A note as it was given, or else as a person before this command writes it; nobody has to."""
    if note or not is_asked():
        return note
    return str(typer.prompt("What changes and why", default="", show_default=False, err=True)).strip()
