"""Leads in order: those of one temperature or one stage, best first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.domain.handoff import LeadId


class Shelf(StrEnum):
    """By what leads are sorted into shelves."""

    TEMPERATURE = "temperature"
    STAGE = "stage"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lead stands on its shelf: `rank` is its total in whole points, as of the last look at it."""

    lead: LeadId
    rank: int


class LeadIndex(Protocol):
    """The shelves. They follow the leads within moments, and may show one a moment late."""

    def page(self, shelf: Shelf, name: str, limit: int, after: Place | None = None) -> list[Place]:
        """At most `limit` leads of the temperature or stage `name`, best first, that come after a place.

        A page that is not full is the last one.

        Raises:
            Unavailable: the store cannot answer now.
        """
        ...
