"""Words from outside made harmless: what a name or a note can do to whom it is shown to ends here."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120
_LONGEST_ADDRESS = 254
_ADDRESS = re.compile(r"[\w.+'&=-]+@[\w-]+(\.[\w-]+)+")
_NUMBER = r"(?<![\w.])[vV]?[0-9]+(?:\.[0-9]+){1,2}(?!\.?\w)"
"""A decimal number, a day or a version: three parts at most, as four may be an address of the internet."""
_INNER_DOT = re.compile(
    rf"(?P<number>{_NUMBER})|(?<=\S)[.\u3002\ufe52\uff0e\uff61](?=[^\s.,;:!?'\"()\[\]{{}}<>/\\…\u2024\u3002\ufe52\uff0e\uff61-])"
)
"""What may make a host's name of a word; a dot that ends a word makes none."""


def quiet(text: str, longest: int = _LONGEST) -> str:
    """Words from outside as one harmless line.

    Control, formatting and direction characters are gone, white space is single spaces, and nothing in it looks like a
    link to a mail or chat program: the dots inside `evil.example` become one-dot leaders and `://` loses its slashes.
    Numbers such as 2.5 and versions such as 1.2.3 stay.
    """
    flat = visible(text).replace("//", "\N{FRACTION SLASH}" * 2)
    line = _INNER_DOT.sub(lambda found: found["number"] or "\N{ONE DOT LEADER}", flat)
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def visible(text: str) -> str:
    """Words from outside as one line of characters that show: for where nothing makes a link of plain text."""
    shown = "".join(" " if _breaks(character) else character for character in text if not _hides(character))
    return " ".join(shown.split())


def quiet_address(address: str) -> str:
    """An e-mail address as it is, so that somebody can write to it; what is none of the usual form, quiet."""
    return address if _ADDRESS.fullmatch(address) and len(address) <= _LONGEST_ADDRESS else quiet(address)


def _breaks(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Zl", "Zp"}


def _hides(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Cs", "Co", "Cn"}
