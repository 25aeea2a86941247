"""The `baton` command: one module for each group of commands, and `infra.cli.main` that puts them together."""

from __future__ import annotations

import sys


def baton() -> None:
    """Run the command, or say what is missing where only the functions' own requirements are installed."""
    try:
        from infra.cli.main import main as run  # noqa: PLC0415 - it needs packages that may be missing
    except ModuleNotFoundError as error:
        sys.exit(f"Failed: `baton` needs {error.name}, which is not installed.\nWhat to do: pip install -e '.[local]'")
    run()
