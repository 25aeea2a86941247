"""Responses about rescores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from functions.admin import api
from functions.admin.replies.fields import stamp
from shared.domain.moments import Moment, format_moment
from shared.domain.rescores import (
    Aim,
    EveryLead,
    LeadsOfNoise,
    LeadsUnderOlderRules,
    LeadsWhere,
    LeadsWhereDone,
    NamedLeads,
    UnappliedActivities,
)
from shared.domain.selection import parse_selection
from shared.usecases.rescores import Progress

_AIMS: Mapping[type[object], Literal["every_lead", "older_rules", "leads", "where", "noise", "catch_up"]] = {
    EveryLead: "every_lead",
    LeadsUnderOlderRules: "older_rules",
    NamedLeads: "leads",
    LeadsWhere: "where",
    LeadsWhereDone: "where",
    LeadsOfNoise: "noise",
    UnappliedActivities: "catch_up",
}


def rescores(version: int, since: Moment | None, every: Iterable[Progress]) -> api.rescores.RescoresResponse:
    """The active version, and every rescore that is remembered."""
    return api.rescores.RescoresResponse(
        version=version, active_since=stamp(since), rescores=[rescore(progress) for progress in every]
    )


def rescore(progress: Progress) -> api.rescores.RescoreResponse:
    """How far one is; of a condition what it asks, and not for which values, which may be somebody's."""
    aim = progress.aim
    return api.rescores.RescoreResponse(
        id=progress.job,
        kind=_AIMS[type(aim)],
        version=aim.version if isinstance(aim, LeadsUnderOlderRules) else None,
        asks=_asks(aim),
        since=stamp(aim.since) if isinstance(aim, UnappliedActivities) else None,
        began=format_moment(progress.started),
        segments=progress.segments,
        done=progress.done,
        found=progress.found,
        touched=progress.touched,
        left_out=progress.left_out,
        looks_again=progress.looks_again,
        ended=stamp(progress.ended),
    )


def _asks(aim: Aim) -> list[str]:
    if isinstance(aim, LeadsWhere):
        return list(parse_selection(aim.where).asks)
    return list(aim.asks) if isinstance(aim, LeadsWhereDone) else []
