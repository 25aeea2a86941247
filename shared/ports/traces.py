"""What the stores keep of a person: to tell all of it, and to erase it. Nothing else takes anything out of the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.domain.activity import Activity, Identity, Json
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class Trace:
    """One stored item of a lead: its name within the lead, and what it holds as JSON, without packed bytes."""

    name: str
    content: Mapping[str, Json]


class Traces(Protocol):
    """Everything that is kept under a lead, whoever wrote it, and the log. Doing anything of it twice is harmless."""

    def remove(self, activities: Collection[Activity]) -> None:
        """Take activities out of the log."""
        ...

    def unname(self, activity: Activity, names: Collection[Identity]) -> None:
        """Let an activity that the log keeps under another name no longer name these identities beside it."""
        ...

    def of(self, lead: LeadId) -> list[Trace]:
        """Every item that is kept under a lead, in order of its name, and what waits of it for channels that are down.

        Strongly consistent.
        """
        ...

    def wipe(self, lead: LeadId, version: int) -> int:
        """Delete every item that is kept under a lead or waits of it for a channel; answers how many there were.

        `version` is that of its `LeadRecord` when it was read, 0 when there was none.

        Raises:
            Conflict: it was written since, and nothing is deleted.
        """
        ...

    def release(self, identities: Iterable[Identity], leads: Collection[LeadId]) -> int:
        """Make known identities nobody's that are one of these leads'; answers how many there were."""
        ...

    def detach(self, browser: Identity, known: Collection[Identity], until: Moment) -> int:
        """Detach known identities from a browser that are attached to it since `until` or earlier.

        Answers how many there were. Of a browser to which nobody is attached any more nothing is kept.
        """
        ...

    def leave(self, names: Collection[Identity]) -> int:
        """Let no rescore remember that it stopped in the log of one of these: it goes through its segment from the
        beginning, which changes nothing twice. Answers how many did.
        """
        ...
