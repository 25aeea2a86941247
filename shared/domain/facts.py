"""Facts: what is known about a lead and its company, as a function of all that was ever claimed.

The known value of a field is the claim with the greatest (rank, occurred_at, activity id). Consent likewise, and on a
tie of rank and moment a denial wins. A claim of a moment later than the one asked about is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.domain.activity import Claims, Json

FACT_GROUPS = ("lead", "company", "qualification")


@dataclass(frozen=True, slots=True)
class Facts:
    """The known facts. `consent` is None while nothing is known of it."""

    lead: Mapping[str, Json] = field(default_factory=dict)
    company: Mapping[str, Json] = field(default_factory=dict)
    qualification: Mapping[str, Json] = field(default_factory=dict)
    consent: str | None = None


class Claim(NamedTuple):
    """What one activity claimed, and what it weighs."""

    at: int
    id: str
    rank: int
    claims: Claims


def known(claims: Iterable[Claim]) -> Facts:
    """The facts that win among some claims."""
    values: dict[str, dict[str, Any]] = {group: {} for group in FACT_GROUPS}
    consent: tuple[tuple[int, int, bool], str] | None = None
    for claim in sorted(claims, key=lambda claim: (claim.rank, claim.at, claim.id)):
        for group in FACT_GROUPS:
            values[group].update(getattr(claim.claims, group))
        if given := claim.claims.consent:
            weight = (claim.rank, claim.at, given == "denied")
            if consent is None or weight >= consent[0]:
                consent = (weight, given)
    return Facts(**values, consent=consent[1] if consent else None)
