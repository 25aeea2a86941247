"""Behaviour rules, steps 2 and 3: which matching activities earn, and which of the earnings count.

Every step looks only backwards in time, so the earnings up to a moment are the beginning of the earnings of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.domain.rulefile import AtLeast, Repeat
from shared.domain.state import NO_VALUE

Key = tuple[int, str]
"""The order of activities: by when they occurred, then by id."""


class Match(NamedTuple):
    """A matching activity: its moment, its id, and digests of what `distinct` and `once_per_value` ask for."""

    at: int
    id: str
    distinct: bytes = NO_VALUE
    value: bytes = NO_VALUE


def earning(matches: Iterable[Match], at_least: AtLeast | None) -> list[Match]:
    """Step 2: the activities that complete their number; those used up never count towards another."""
    if at_least is None:
        return list(matches)
    times, within, by_value = at_least.times, at_least.within, at_least.distinct is not None
    earned: list[Match] = []
    waiting: dict[object, Match] = {}  # by value or, where values do not matter, each for itself; oldest first
    for match in matches:
        if by_value and match.distinct == NO_VALUE:
            continue
        key = match.distinct if by_value else match
        waiting.pop(key, None)
        waiting[key] = match
        while within is not None and match.at - waiting[oldest := next(iter(waiting))].at > within:
            del waiting[oldest]
        if len(waiting) == times:
            earned.append(match)
            waiting.clear()
    return earned


def repeated(earned: list[Match], repeat: Repeat) -> list[Match]:
    """Step 3: the earnings that count (of `latest` all are kept: which is the newest depends on the moment)."""
    if repeat.kind == "once":
        return earned[:1]
    if repeat.kind == "once_per":
        kept: list[Match] = []
        for match in earned:
            if not kept or match.at - kept[-1].at >= repeat.every:
                kept.append(match)
        return kept
    if repeat.kind == "once_per_value":
        first: dict[bytes, Match] = {}
        for match in earned:
            first.setdefault(match.value, match)
        return list(first.values())
    return earned
