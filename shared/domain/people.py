"""The people who sign in, and their roles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is here for; a person may have several, and without one sees nothing."""

    ADMIN = "admin"
    MARKETING = "marketing"
    SALES = "sales"
    ANALYST = "analyst"
    """Reads, tries and proposes rules, and sees no lead."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in. `name` is how others see what they did."""

    id: str
    name: str
    roles: frozenset[Role]
