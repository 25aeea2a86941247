"""Limits: caps and floors, and from which contributions they take."""

from __future__ import annotations

from collections.abc import Sequence


def limited(counts: Sequence[int], low: int | None, high: int | None) -> list[int]:
    """Contributions, oldest first, changed so that their sum lies within the limits.

    A cap takes from the latest positive contributions first, a floor gives back to the latest negative ones first.
    """
    kept = list(counts)
    total = sum(kept)
    excess = total - high if high is not None and total > high else 0
    excess = total - low if low is not None and total < low else excess
    for place in range(len(kept) - 1, -1, -1):
        if not excess:
            break
        change = min(kept[place], excess) if excess > 0 else max(kept[place], excess)
        if (change > 0) is (excess > 0) and change:
            kept[place] -= change
            excess -= change
    return kept
