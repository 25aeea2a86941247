"""Adjustments by hand: `score_adjusted` with `properties: {by: 10 | to: 80, score: engagement, who, why}`."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from shared.domain.activity import SCORE_ADJUSTED, Activity, Rank
from shared.domain.points import LARGEST, exact_number, to_billionths
from shared.domain.state import Adjustment

_BILLIONTH = Decimal("1e-9")


def adjustment_of(activity: Activity) -> Adjustment | None:
    """What an activity adjusts; None where it is no adjustment, comes from a public source or says nothing to add."""
    if activity.type != SCORE_ADJUSTED or activity.rank is Rank.PUBLIC:
        return None
    said = activity.properties
    given = [(kind, exact_number(said.get(kind))) for kind in ("by", "to") if said.get(kind) is not None]
    score = said.get("score") or "engagement"
    if len(given) != 1 or not isinstance(score, str):
        return None
    kind, number = given[0]
    exact = None if number is None else Decimal(number)
    if exact is None or abs(exact) > LARGEST:
        return None
    return Adjustment(score, kind, to_billionths(exact.quantize(_BILLIONTH, rounding=ROUND_HALF_EVEN)))
