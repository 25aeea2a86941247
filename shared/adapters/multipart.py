"""Forms in parts (`enctype="multipart/form-data"`, RFC 7578), as browsers send them, without files."""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from shared.adapters.strict_json import decode
from shared.domain.refusals import Malformed, TooLarge, UnsupportedMedia

_MOST_OF_A_HEADER: Final = 512
"""Bytes of a part's headers, and of the request's content type: the parser's time grows by the square of them."""
_MOST_PARAMETERS: Final = 20

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
_ESCAPED = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_ESCAPES = re.compile("|".join(_ESCAPED))


def read_parts(body: bytes, content_type: str, most: int) -> list[tuple[str, str]]:
    """Names and values in their order. An input for files into which nobody put one is left out.

    Raises:
        Malformed: these are no such parts, or neither in UTF-8 nor in Windows-1252.
        TooLarge: there are more than `most`.
        UnsupportedMedia: there is a file among them.
    """
    # The parts are told apart here and not by the parser: it would follow parts within parts as deep as anybody likes.
    opening, *parts = (b"\r\n" + body).split(b"\r\n--" + _boundary(content_type))
    if opening or not parts or parts[-1].rstrip(b"\r\n") != b"--":
        msg = "the form's parts do not begin and end as its content type says"
        raise Malformed(msg)
    if len(parts) - 1 > most:
        msg = f"a form has at most {most} fields"
        raise TooLarge(msg)
    found = [_part(part) for part in parts[:-1]]
    return [pair for pair in found if pair is not None]


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type[:_MOST_OF_A_HEADER]
    boundary = header.get_param("boundary") if header.get_content_type() == "multipart/form-data" else None
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        msg = "a form in parts is `multipart/form-data`, and says by its `boundary` where they begin"
        raise Malformed(msg)
    return boundary.encode()


def _part(part: bytes) -> tuple[str, str] | None:
    headers, blank, value = part.partition(b"\r\n\r\n")
    if not blank or not headers.startswith(b"\r\n"):
        msg = "a part of the form does not say which field it is"
        raise Malformed(msg)
    if len(headers) > _MOST_OF_A_HEADER or headers.count(b";") > _MOST_PARAMETERS:
        msg = f"a part of the form has more than {_MOST_OF_A_HEADER} bytes or {_MOST_PARAMETERS} parameters of headers"
        raise Malformed(msg)
    told = HeaderParser().parsestr(_text(headers[2:]))
    said = dict(told.get_params([], header="content-disposition"))
    name = said.get("name")
    encoding = str(told.get("content-transfer-encoding", "")).lower()
    if "form-data" not in said or not isinstance(name, str) or encoding not in _PLAIN:
        msg = "a part of the form does not say as browsers do which field it is"
        raise Malformed(msg)
    name = _unescaped(name)
    if "filename" in said:
        if not value:
            return None
        msg = "this form takes no files"
        raise UnsupportedMedia(msg, name)
    return name, _text(value)


def _text(value: bytes) -> str:
    """UTF-8, or Windows-1252, in which old pages send what is typed into them."""
    try:
        return decode(value)
    except Malformed:
        try:
            return value.decode("cp1252")
        except UnicodeDecodeError:
            pass
        raise


def _unescaped(name: str) -> str:
    """A field's name as it stands in the page: browsers write quotes and ends of lines in it so."""
    return _ESCAPES.sub(lambda found: _ESCAPED[found.group()], name)
