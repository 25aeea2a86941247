"""YAML 1.2 with line numbers: only true and false are booleans, a duplicate key is an error, decimals stay exact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from shared.domain.points import NumberError, read_number

Path = tuple[str | int, ...]
_MOST_NODES = 200_000
_DEEPEST = 200
_STANDARD = "tag:yaml.org,2002:"
_NULL = re.compile(r"(?:~|null|Null|NULL)?")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


_PLAIN = "plain"


class _Loader(yaml.BaseLoader):
    """Reads nodes only; a plain scalar without a tag is left for the core schema of YAML 1.2."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        """The tag of a node that has none."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def save_possible_simple_key(self) -> None:
        """Note where a key may begin; the time that this takes grows with the square of the depth."""
        if self.flow_level > _DEEPEST:
            raise YamlError("the file nests too deep", self.line + 1)
        super().save_possible_simple_key()


class YamlError(ValueError):
    """A text is no YAML that Baton reads; `line` counts from 1."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file says, and on which line each key and each list item stands."""

    value: Any
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int | None:
        """The line of a path, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return None


def load_yaml(text: str) -> Any:
    """What a YAML text says. A number with a fraction is a float where that is exactly the decimal written.

    Raises:
        YamlError: it is no YAML, has a duplicate key, or a key that is no text.
    """
    return read_yaml(text).value


def read_yaml(text: str) -> Document:
    """What a YAML text says, with its lines.

    Raises:
        YamlError: it is no YAML, has a duplicate key, or a key that is no text.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return Document(None, {(): 1})
        lines: dict[Path, int] = {}
        reader = _Reader(lines)
        return Document(reader.value(node, ()), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(told, mark.line + 1 if mark else None) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError("the file holds a character that YAML does not allow", line) from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError("the file nests too deep" if isinstance(error, RecursionError) else str(error)) from error


class _Reader:
    """Builds plain values out of nodes, and notes their lines."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines, self._nodes = lines, 0
        self._open: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        self._nodes += 1
        if self._nodes > _MOST_NODES or id(node) in self._open:
            msg = "the file repeats itself without end" if id(node) in self._open else "the file is too large"
            raise YamlError(msg, line)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return dict(self._entries(node, path))
            if isinstance(node, yaml.SequenceNode):
                return [self.value(part, (*path, place)) for place, part in enumerate(node.value)]
            return _scalar(node, line)
        finally:
            self._open.discard(id(node))

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = _scalar(key_node, line) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                msg = f"a key is a text; put {key_node.value!r} in quotes" if key is not None else "a key is a text"
                raise YamlError(msg, line)
            if key in seen:
                msg = f"the key {key!r} stands here twice"
                raise YamlError(msg, line)
            seen.add(key)
            self._lines[(*path, key)] = line
            yield key, self.value(value_node, (*path, key))


def _scalar(node: yaml.Node, line: int) -> Any:
    if node.tag == f"{_STANDARD}str":
        return _text(node.value, line)
    if node.tag not in (_PLAIN, *(f"{_STANDARD}{kind}" for kind in ("int", "float", "bool", "null"))):
        msg = f"the tag {node.tag!r} has no meaning here"
        raise YamlError(msg, line)
    try:
        return _plain(node.value)
    except NumberError as error:
        msg = f"{error}; put it in quotes if it is a text"
        raise YamlError(msg, line) from error


def _text(text: str, line: int) -> str:
    """A text in which JSON's pairs of escapes are the characters that they stand for."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        msg = "a text holds half of a character; JSON escapes such as \\ud83d come in pairs"
        raise YamlError(msg, line) from error


def _plain(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _INTEGER.fullmatch(text):
        return read_number(text)
    if _DECIMAL.fullmatch(text):
        exact, near = read_number(text), float(text)
        return near if Decimal(repr(near)) == exact else exact
    return text
