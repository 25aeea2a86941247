"""Who a lead is and what gave it points, in the forms in which messages and pages tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import trunc
from typing import Any

from shared.domain.handoff import Handoff

STAGE_ACRONYMS = frozenset({"iql", "mql", "sql", "pql"})


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who the lead is, as far as it is known."""

    emails: tuple[str, ...] = ()
    name: str | None = None
    title: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that gave points: what it was, and how many it counts."""

    rule: str
    label: str
    counts: float

    @property
    def points(self) -> str:
        """The points with their sign, `+40` or `-5`."""
        text = shown_points(self.counts)
        return text if self.counts < 0 else f"+{text}"


def stage_in_words(stage: str) -> str:
    """A stage as people write it: `MQL`, `suspect`."""
    return stage.upper() if stage in STAGE_ACRONYMS else stage


def reasons_of(handoff: Handoff) -> tuple[Reason, ...]:
    """What gave points when it was handed over, the greatest first."""
    return tuple(_reason(reason) for reason in handoff.snapshot.get("reasons", ()))


def introduce(emails: tuple[str, ...], lead: Mapping[str, Any], company: Mapping[str, Any]) -> Introduction:
    """Who it is, from the known identities and facts; a fact that is no text is left out."""
    parts = (_text(lead.get("first_name")), _text(lead.get("last_name")))
    told = _text(lead.get("email"))
    return Introduction(
        emails=emails or ((told,) if told else ()),
        name=_text(lead.get("name")) or " ".join(part for part in parts if part) or None,
        title=_text(lead.get("title")) or _text(lead.get("role")),
        company=_text(company.get("name")) or _text(lead.get("company")) or _text(company.get("domain")),
    )


def shown_points(points: float) -> str:
    """Points to a tenth, cut and never rounded up: nobody reads 50 who has not reached it."""
    cut = trunc(Decimal(repr(points)) * 10) / 10
    return f"{cut:.15g}"


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _reason(reason: Mapping[str, Any]) -> Reason:
    rule = str(reason["rule"])
    return Reason(rule, str(reason.get("label") or rule), float(reason["counts"]))
