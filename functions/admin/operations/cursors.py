"""The cursors of pages: opaque texts that say where to go on."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from shared.domain.refusals import Invalid


def cursor_of(told: list[str | int | None]) -> str:
    """A cursor that says something."""
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def told_by(cursor: str) -> list[Any]:
    """Read what `cursor_of` wrote.

    Raises:
        Invalid: it did not write this.
    """
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise foreign_cursor() from error
    return told if isinstance(told, list) else []


def foreign_cursor() -> Invalid:
    """The refusal of a cursor that another list, or nobody, gave."""
    return Invalid("`next` comes from another list: take it from the page before, and ask for the same list", "next")
