"""The event bus: how other systems, and Baton's own functions, hear of what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SOURCE = "baton"
"""The `source` of every event that Baton itself puts on the bus."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in the past tense. `detail` carries ids and numbers, never personal data."""

    id: str
    name: str
    detail: Mapping[str, Any]


class Bus(Protocol):
    """Puts events. An event may be delivered more than once; its id stays the same."""

    def put(self, events: Sequence[Event]) -> list[Event]:
        """Put the events and return those that the bus did not take (empty when all went)."""
        ...
