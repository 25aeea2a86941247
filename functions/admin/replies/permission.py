"""Responses about consent, export and erasure."""

from __future__ import annotations

from functions.admin import api
from functions.admin.replies.fields import stamp
from functions.admin.replies.people import RANKS
from shared.domain.consent import ConsentHistory, ConsentWord
from shared.domain.erasure import Erasure
from shared.domain.moments import format_moment
from shared.usecases.export import ExportPage


def export(page: ExportPage) -> api.permission.ExportResponse:
    """A page of what is held."""
    place = page.following
    return api.permission.ExportResponse(
        lead=page.lead,
        as_of=format_moment(page.as_of),
        sections={name: [dict(item) for item in items] for name, items in page.sections.items()},
        next=f"{place.as_of}.{place.section}.{place.item}" if place else None,
    )


def erasure(begun: Erasure) -> api.permission.ErasureResponse:
    """An erasure that has begun, or is done."""
    return api.permission.ErasureResponse(
        erasure=begun.id, lead=begun.lead, erased_at=format_moment(begun.erased_at), done_at=stamp(begun.done_at)
    )


def consents(history: ConsentHistory) -> api.permission.ConsentResponse:
    """What was said of consent, and what holds."""
    return api.permission.ConsentResponse(
        holds=_consent_word(history.holds) if history.holds else None,
        since=stamp(history.since),
        history=[_consent_word(word) for word in history.words],
    )


def _consent_word(word: ConsentWord) -> api.permission.ConsentWordResponse:
    return api.permission.ConsentWordResponse(
        consent=word.status,
        at=format_moment(word.at),
        rank=RANKS[word.rank],
        source=word.source,
        who=word.who,
        why=word.why,
        told_by=word.told_by,
        wording=word.wording,
        version=word.version,
        activity=word.activity,
    )
