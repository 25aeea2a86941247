"""Idle rules: points for what did not happen. Only the silence that lasts at the moment of scoring earns."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.rulefile import BehaviourRule

MOST_EARNINGS = 1_000
"""A silence earns at most so many times: by the day longer than a log is kept, by the hour 41 days."""


def silences(rule: BehaviourRule, last: int | None, at: int) -> Sequence[int]:
    """The moments, oldest first, at which the silence since `last` earned up to a moment."""
    if last is None or rule.idle is None:
        return []
    length = rule.idle.length
    times = min((at - last) // length, 1 if rule.repeat.kind == "once" else MOST_EARNINGS)
    moments = range(last + length, last + length * times + 1, length)
    if rule.active is None:
        return moments
    since, until = rule.active.since, rule.active.until
    return [at for at in moments if (since is None or since <= at) and (until is None or at < until)]
