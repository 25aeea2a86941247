"""What a rescore is for: what it goes through, and whom it picks there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.handoff import LeadId
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class EveryLead:
    """Every lead."""


@dataclass(frozen=True, slots=True)
class LeadsUnderOlderRules:
    """Leads whose state was made under rules before a version, again and again until none is left."""

    version: int


@dataclass(frozen=True, slots=True)
class NamedLeads:
    """Some leads by their ids."""

    leads: tuple[LeadId, ...]


@dataclass(frozen=True, slots=True)
class LeadsWhere:
    """Leads that meet a condition; `where` is its document, which `selection.parse_selection` reads."""

    where: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeadsWhereDone:
    """Leads that met a condition, once all are asked for: what it asked, and not for which values, which may name
    somebody."""

    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadsOfNoise:
    """Leads of what a noise filter catches in the log; they are made anew from it."""

    filter: str


@dataclass(frozen=True, slots=True)
class UnappliedActivities:
    """Activities of the log that were received from a moment on and that no lead has taken in."""

    since: Moment


Aim = EveryLead | LeadsUnderOlderRules | NamedLeads | LeadsWhere | LeadsWhereDone | LeadsOfNoise | UnappliedActivities
