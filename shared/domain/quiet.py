"""Words from outside made harmless: what a name or a note can do to whom it is shown to ends here."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120
_LONGEST_ADDRESS = 254
_ADDRESS = re.compile(r"[\w.+'&=-]+@[\w-]+(\.[\w-]+)+")
_IN_DNS = re.compile(r"(?<![^.])xn--([a-z0-9-]{1,59})(?![^.])")
_OTHER_LATIN = frozenset("ßæøœłđðþ")
"""Letters of European names that are no plain letter with a mark."""
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


def shown_address(address: str) -> str:
    """An e-mail address with its domain as people write it, `müller.example` for `xn--mller-kva.example`.

    A name with letters of other scripts, or with such as are no plain letter with marks, stays as DNS writes it: it may
    look like another one.
    """
    local, at, domain = address.rpartition("@")
    return f"{local}@{_IN_DNS.sub(_as_people_write, domain)}" if at else address


def _as_people_write(found: re.Match[str]) -> str:
    try:
        label = found[1].encode().decode("punycode")
    except UnicodeError:
        return found[0]
    is_own_writing = label.encode("punycode").decode() == found[1] and not label.isascii()
    return label if is_own_writing and all(map(_is_plain, label)) else found[0]


def _is_plain(character: str) -> bool:
    """Whether a character is a small letter of European names, whole and as they are written, or one of any host."""
    parts = unicodedata.normalize("NFD", character)
    letter, marks = parts[0], parts[1:]
    is_own_writing = unicodedata.normalize("NFC", character) == character == character.lower()
    is_latin = letter in _OTHER_LATIN or (letter.isascii() and (letter.isalnum() or letter == "-"))
    return is_own_writing and is_latin and all(unicodedata.category(mark) == "Mn" for mark in marks)


def _breaks(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Zl", "Zp"}


def _hides(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Cs", "Co", "Cn"}
