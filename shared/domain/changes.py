"""How a change reads: clauses that say what is now and what was, and sentences of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from shared.domain import conditions
from shared.domain.conditions import All, AnyOf
from shared.domain.meaning import meaning, parts_of
from shared.domain.phrases import one_line, quoted

K = TypeVar("K")
V = TypeVar("V")
Tell = Callable[[Any], str]
"""How a condition reads."""

_GO_ON = ("now ", "no longer ", "can ", "is ", "are ", "keeps ")
"""With these a clause goes on with its subject."""


def sentence(subject: str, clauses: Iterable[str]) -> Iterator[str]:
    """What there is to say of a subject; nothing where there are no clauses."""
    told = list(clauses)
    if told:
        yield f"{subject}{' ' if told[0].startswith(_GO_ON) else ': '}{'; '.join(told)}."


def pairs(before: Mapping[K, V], after: Mapping[K, V]) -> Iterator[tuple[K, V | None, V | None]]:
    """What stands under each key in either, in the order of the later one; what is gone comes last."""
    for key, value in after.items():
        yield key, before.get(key), value
    for key, value in before.items():
        if key not in after:
            yield key, value, None


def turned(what: str, before: str, after: str) -> Iterator[str]:
    """`what` was one thing and is another; nothing where both read the same."""
    if before != after:
        yield f"{what} {before} → {after}"


def label(text: str, name: str) -> str:
    """A label in quotes, or `none` where it says nothing that the name does not."""
    told = one_line(text)
    return quoted(told) if told and told != name else "none"


def asks(
    before: Any, after: Any, tell: Tell = conditions.in_words, was: Tell | None = None, on: str = ""
) -> Iterator[str]:
    """What a condition asks now and did not, and the other way round; `on` tells of whom, or when.

    `was` tells conditions of before, where they read otherwise.
    """
    if meaning(before) == meaning(after):
        return
    kind: type[All | AnyOf] = All
    verb = f"asks{on}"
    alternatives = parts_of(before, AnyOf), parts_of(after, AnyOf)
    if any(isinstance(node, AnyOf) for node in (before, after)) and alternatives[0].keys() & alternatives[1].keys():
        kind, verb = AnyOf, f"takes as enough{on}"
    old, new = parts_of(before, kind), parts_of(after, kind)
    come = _together(kind, [part for key, part in new.items() if key not in old], tell)
    gone = _together(kind, [part for key, part in old.items() if key not in new], was or tell)
    if come and gone:
        yield f"now {verb} that {come}, and no longer that {gone}"
    elif come:
        yield f"now {'also ' if old else ''}{verb} that {come}"
    else:
        yield f"no longer {verb} that {gone}"


def _together(kind: type[All | AnyOf], parts: list[Any], tell: Tell) -> str:
    return tell(kind(tuple(parts))) if len(parts) > 1 else "".join(map(tell, parts))


def joined_or_left(before: Iterable[str], after: Iterable[str], verb: str, tell: Tell) -> Iterator[str]:
    """Names that have come to a set, and names that are no longer in it."""
    old, new = list(before), list(after)
    come, gone = [name for name in new if name not in old], [name for name in old if name not in new]
    if come and gone:
        yield f"now {verb} {tell(come)} instead of {tell(gone)}"
    elif come:
        yield f"now also {verb} {tell(come)}"
    elif gone:
        yield f"no longer {verb} {tell(gone)}"
