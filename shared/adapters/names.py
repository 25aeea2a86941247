"""Names from other systems in Baton's writing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import normalize

from shared.domain.activity import Json

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_GAP = re.compile(r"[\W_]+")


def snake_case(name: str) -> str:
    """`Demo Requested`, `demoRequested` and `demo-requested` alike as `demo_requested`; empty when nothing is left.

    Composed (NFC), as an accent of its own would be a gap in the word.
    """
    return _GAP.sub("_", _HUMP.sub("_", normalize("NFC", name))).strip("_").lower()


def snake_keys(value: Mapping[str, Json]) -> dict[str, Json]:
    """The same mapping, and those within it, with every key in snake_case; keys that are only signs are left out."""
    named = {snake_case(name): snake_keys(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    return {name: inner for name, inner in named.items() if name}
