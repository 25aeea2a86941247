"""A file that somebody names on the command line; `-` is standard input."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Given:
    """What a command reads; its name is the one to tell in messages."""

    path: Path

    def __str__(self) -> str:
        return "standard input" if str(self.path) == "-" else str(self.path)

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it, without the mark that some editors put in front of UTF-8.

        Raises:
            OSError: it cannot be read.
            UnicodeDecodeError: it is no text in that encoding.
        """
        told = sys.stdin.buffer.read() if str(self.path) == "-" else self.path.read_bytes()
        return told.decode("utf-8-sig" if encoding == "utf-8" else encoding)


def unreadable(given: Given, error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, in a sentence."""
    match error:
        case UnicodeDecodeError():
            return f"{given} is no text in UTF-8."
        case FileNotFoundError():
            return f"There is no file {given}."
        case IsADirectoryError():
            return f"{given} is a folder."
        case _:
            return f"{given} cannot be read: {(error.strerror or type(error).__name__).lower()}."
