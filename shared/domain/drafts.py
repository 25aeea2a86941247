"""How a change of the rules goes live: a draft that people propose, and the words that it needs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.moments import Moment
from shared.domain.people import Role


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word for one draft; it counts for one role."""

    person: str
    name: str
    role: Role
    at: Moment
