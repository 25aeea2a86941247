"""Stored leads: who is who, and each lead's score state. `score` alone writes here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.domain.activity import Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import NO_TIES, Ties
from shared.domain.moments import Moment
from shared.domain.state import ScoreState

OTHER_FORMAT = -1
"""The rules version of a record whose state was written in a format that is not read: the next touch makes it anew."""

DAMAGED = -2
"""The rules version of a record whose state is lost: it is made anew from the log."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser as a lead knows it: since when the lead named it, and whether other leads are attached to it too."""

    since: Moment
    shared: bool


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """A lead as `score` keeps it.

    `version` counts writes (0: not stored yet). `rules_version` is the one under which the state was made,
    `OTHER_FORMAT` or `DAMAGED` when it cannot be read. `browsers` holds each anonymous id that counts for it. `look`
    tells that this write gave `evaluate` something to look at, and `mark` counts such writes; `did` is the `mark` of
    the last of them in which something happened to the lead, other than that rules changed or time went by. `due` is
    the moment at which time alone flips something that shows. `stored_months` is the store's own: what it has of a
    state that outgrew one item; so is `read_as`: what a salvaged record was read as, over which alone it is written.

    `ties` is what was said of who its identities are. `owed` are leads that must be looked at again because of what
    was written here, and `torn` tells that identities left or came and it is not settled yet who else may come: both
    stand until that is done, so that whoever is interrupted is taken up by the next. `muted` tells that people marked
    the lead as noise: then what it does is not simply added.
    """

    lead: LeadId
    identities: frozenset[Identity]
    state: ScoreState
    version: int = 0
    rules_version: int = 0
    browsers: Mapping[str, Browser] = field(default_factory=dict)
    mark: int = 0
    did: int = 0
    look: bool = True
    due: Moment | None = None
    absorbed: tuple[LeadId, ...] = ()
    merged_into: LeadId | None = None
    ties: Ties = NO_TIES
    owed: frozenset[LeadId] = frozenset()
    torn: bool = False
    muted: bool = False
    stored_months: Mapping[str, str] = field(default_factory=dict)
    read_as: Mapping[str, Any] | None = None


class Leads(Protocol):
    """The leads' score side."""

    def whose(self, identities: Iterable[Identity], *, consistent: bool = False) -> dict[Identity, LeadId]:
        """The lead of each known identity that has one.

        May miss one claimed a moment ago, unless it is asked to be `consistent`; `claim` then tells.
        """
        ...

    def claim(self, identity: Identity, lead: LeadId, *, instead_of: LeadId | None = None) -> LeadId:
        """Give an identity to a lead unless it has one already; the answer is the lead that has it.

        `instead_of` is a lead that is no more: whoever had that one has the new one then.
        """
        ...

    def attach(self, browser: Identity, known: Identity, at: Moment) -> Mapping[Identity, Moment]:
        """Attach a known identity to an anonymous id from a moment on, unless it is attached from an earlier one.

        The answer is who is attached now, and since when: the earliest (`earliest_attached`), in whatever order they
        came.
        """
        ...

    def detach(self, browser: Identity, known: Collection[Identity]) -> Mapping[Identity, Moment]:
        """Detach known identities from an anonymous id, so that others have their place; answers who is left."""
        ...

    def attached(self, browser: Identity) -> Mapping[Identity, Moment]:
        """The known identities attached to an anonymous id, and since when. Strongly consistent."""
        ...

    def load(self, lead: LeadId) -> LeadRecord | None:
        """The record, strongly consistent; None when it was never saved.

        Of one whose state alone cannot be read the state is empty and the rules version tells why: `OTHER_FORMAT` or
        `DAMAGED`. It is made anew from the log.

        Raises:
            Unreadable: who the lead is cannot be read either, or is lost; `salvage` finds that out.
        """
        ...

    def salvage(self, lead: LeadId) -> LeadRecord | None:
        """What can still be told of a lead whose record is unreadable: its version, and the identities given to it.

        Its state is empty and its rules version `DAMAGED`; what is saved of it is written over just what was read.
        Reads every item of the store, so it is for repairs alone.
        """
        ...

    def save(self, record: LeadRecord) -> None:
        """Write the record over the version that it was made from (`record.version`), never under older rules.

        Raises:
            Conflict: another version is stored, or one made under newer rules.
        """
        ...

    def overrule(self, record: LeadRecord, wrong: int) -> None:
        """As `save`, over a record whose rules version, `wrong`, was never published: no write would be above it.

        Raises:
            Conflict: another version is stored, or one made under other rules than that.
        """
        ...

    def join(self, survivor: LeadRecord, absorbed: LeadRecord) -> None:
        """In one transaction save the survivor, redirect the other lead to it and hand over its identities.

        Raises:
            Conflict: one of the two has changed.
        """
        ...

    def part(self, remaining: LeadRecord, parted: LeadRecord) -> None:
        """In one transaction save both leads, and give the identities of the second one to it.

        Raises:
            Conflict: one of the two has changed.
        """
        ...

    def due(self, until: Moment, page: int) -> Iterator[list[LeadId]]:
        """Leads whose moment has come, each once, in pages of at most `page`, each read when it is asked for."""
        ...

    def segment(
        self,
        number: int,
        of: int,
        after: str | None,
        limit: int,
        older_than: int | None = None,
        *,
        redirects: bool = False,
    ) -> tuple[list[LeadId], str | None]:
        """A page of one of `of` segments of all leads, and where to go on (None: the segment is done).

        With `older_than` only leads whose state was made under a rules version below it; with `redirects` also those
        that went into another one. `limit` bounds what is read, so a page may be empty and not the last.
        """
        ...

    def after(self, lead: LeadId) -> str:
        """The place right after a lead in its segment, where `segment` can go on. It names nobody."""
        ...
