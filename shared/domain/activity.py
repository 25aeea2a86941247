"""An activity: one thing that a lead did, on one channel, at one time; and who it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal

from shared.domain.moments import Moment

Json = Any
"""A JSON value as `json.loads` gives it: dict, list, str, int, float, bool or None."""


class Rank(IntEnum):
    """How far a source is believed; a fact of a greater rank wins over any of a lesser one."""

    PUBLIC = 0
    TRUSTED = 1
    SALES = 2


class IdentityKind(StrEnum):
    """The kinds of identity, strongest first."""

    EMAIL = "email"
    USER_ID = "user_id"
    ANONYMOUS_ID = "anonymous_id"


_STRENGTH = {kind: place for place, kind in enumerate(IdentityKind)}


@dataclass(frozen=True, slots=True)
class Identity:
    """One name under which somebody is met. `value` is normalised already (an e-mail address in lower case)."""

    kind: IdentityKind
    value: str

    @property
    def is_known(self) -> bool:
        """Whether it tells who somebody is; a browser's anonymous id does not."""
        return self.kind is not IdentityKind.ANONYMOUS_ID

    @property
    def key(self) -> str:
        """The identity as one text, `email:ada@example.com`; `Identity.of_key` reads it back."""
        return f"{self.kind.value}:{self.value}"

    @classmethod
    def of_key(cls, key: str) -> Identity:
        """Read what `key` wrote.

        Raises:
            ValueError: the text names no kind of identity.
        """
        kind, _, value = key.partition(":")
        return cls(IdentityKind(kind), value)


def strongest_first(identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
    """E-mail address before user id before anonymous id; among equals by value."""
    return tuple(sorted(set(identities), key=lambda identity: (_STRENGTH[identity.kind], identity.value)))


Consent = Literal["granted", "denied"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What an activity says about the lead and its company; it becomes known by rank, then time, then activity id."""

    lead: Mapping[str, Json] = field(default_factory=dict)
    company: Mapping[str, Json] = field(default_factory=dict)
    consent: Consent | None = None
    qualification: Mapping[str, Json] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.lead or self.company or self.consent or self.qualification)


NO_CLAIMS = Claims()

PEOPLE = "people"
"""The source of what signed-in people decide."""

SCORE_ADJUSTED = "score_adjusted"
"""The type of an adjustment by hand, which only a signed-in person makes."""

IDENTITIES_MERGED = "identities_merged"
"""A signed-in person decided that all identities which it names are one lead."""
IDENTITIES_UNMERGED = "identities_unmerged"
"""A signed-in person decided that the identities which it names are two leads; `shared.domain.identity` says how."""

NOISE_MARKED = "noise_marked"
"""A signed-in person decided that what is done in this identity's name is noise; `shared.domain.noise` says how."""
NOISE_UNMARKED = "noise_unmarked"
"""A signed-in person took that back."""

CONSENT_RECORDED = "consent_recorded"
"""A signed-in person wrote down what the lead said of consent."""

LEAD_QUALIFIED = "lead_qualified"
"""A signed-in person wrote down what the lead said of authority, budget, need or timeline."""

HANDOFF_ACCEPTED = "handoff_accepted"
"""Sales took a lead over."""
HANDOFF_REJECTED = "handoff_rejected"
"""Sales refused a lead, with a reason."""
HANDOFF_RECYCLED = "handoff_recycled"
"""Sales gave a lead back to be nurtured, with a reason."""

BY_PEOPLE_ONLY = frozenset(
    {
        SCORE_ADJUSTED,
        IDENTITIES_MERGED,
        IDENTITIES_UNMERGED,
        NOISE_MARKED,
        NOISE_UNMARKED,
        CONSENT_RECORDED,
        LEAD_QUALIFIED,
        HANDOFF_ACCEPTED,
        HANDOFF_REJECTED,
        HANDOFF_RECYCLED,
    }
)
"""The types that no source sends, because signed-in people decide them."""

IDENTIFIED = "identified"
GROUPED = "grouped"
ALIASED = "aliased"

WHO_SOMEBODY_IS = frozenset({IDENTIFIED, GROUPED, ALIASED})
"""The types of what is said about people, and nothing that they did: no event of a client is called so."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One accepted activity. `identities` stand strongest first; the log keeps it under the first of them.

    `own` is false for what others say about a lead (facts from a CRM, an adjustment by hand): such an activity ends
    no silence and refreshes no points.
    """

    id: str
    type: str
    occurred_at: Moment
    received_at: Moment
    identities: tuple[Identity, ...]
    rank: Rank = Rank.TRUSTED
    channel: str | None = None
    source: str | None = None
    properties: Mapping[str, Json] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)
    claims: Claims = NO_CLAIMS
    own: bool = True
    marks: tuple[str, ...] = ()

    @property
    def identity(self) -> Identity:
        """The identity under which the log keeps it."""
        return self.identities[0]

    @property
    def known_identities(self) -> tuple[Identity, ...]:
        """Those of its identities that tell who somebody is."""
        return tuple(identity for identity in self.identities if identity.is_known)

    @property
    def anonymous_id(self) -> Identity | None:
        """The browser that it names, if it names one."""
        return next((identity for identity in self.identities if not identity.is_known), None)
