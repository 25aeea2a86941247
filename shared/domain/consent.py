"""Consent: who granted or denied it, with which words before them, and since when what holds has held.

Of what was ever said the word of the greatest rank holds, among equals the latest, and of one moment a denial: as for
facts. So a grant of today does not undo what sales wrote down, and a page can withdraw what a page granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.domain.activity import Activity, Consent, Rank
from shared.domain.moments import Moment

NoContact = Literal["denied", "unknown"]
"""Why nobody may call or write to a person: they said no, or no grant of theirs counts."""


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """Consent was granted or denied, once.

    `source` is the form, the key or the system that told it, or `people`, and then `who` is the person; `told_by` is
    where that source says that it has it from. `wording` and `version` are what stood before the lead.
    """

    status: Consent
    at: Moment
    rank: Rank
    activity: str
    source: str | None
    who: str | None = None
    why: str | None = None
    told_by: str | None = None
    wording: str | None = None
    version: str | None = None

    @property
    def weight(self) -> tuple[int, int, bool, str]:
        """What decides which of two words holds."""
        return self.rank, self.at, self.status == "denied", self.activity


@dataclass(frozen=True, slots=True)
class ConsentHistory:
    """Every word on consent, oldest first. `holds` is the one that counts, and `since` when it began to be so.

    Several words that say the same in a row hold since the first of them.
    """

    words: tuple[ConsentWord, ...] = ()
    holds: ConsentWord | None = None
    since: Moment | None = None


def objection_to_contact(consent: str | None, *, consent_required: bool) -> NoContact | None:
    """Why nobody may call or write to a person whose consent stands so, None where somebody may."""
    if consent == "denied":
        return "denied"
    return "unknown" if consent_required and consent != "granted" else None


def consent_history(activities: Iterable[Activity]) -> ConsentHistory:
    """What a lead's activities say of consent."""
    words = sorted(
        (_word(each) for each in activities if each.claims.consent), key=lambda word: (word.at, word.activity)
    )
    holds: ConsentWord | None = None
    since: Moment | None = None
    for word in words:
        if holds is None or word.weight > holds.weight:
            since = since if holds and holds.status == word.status else word.at
            holds = word
    return ConsentHistory(tuple(words), holds, since)


def _word(activity: Activity) -> ConsentWord:
    told = activity.properties.get("consent")
    shown: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    by_people = activity.rank >= Rank.SALES
    return ConsentWord(
        status="denied" if activity.claims.consent == "denied" else "granted",
        at=activity.occurred_at,
        rank=activity.rank,
        activity=activity.id,
        source=activity.source,
        who=_text(activity.properties.get("who")) if by_people else None,
        why=_text(activity.properties.get("why")) if by_people else None,
        told_by=_text(shown.get("source")),
        wording=_text(shown.get("wording")),
        version=_text(shown.get("version")),
    )


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) and value != "" else None
