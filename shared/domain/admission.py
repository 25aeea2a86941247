"""Which activities the log takes: what each source may say, and when something can have happened."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from shared.domain.activity import BY_PEOPLE_ONLY, Activity, Rank
from shared.domain.budget import Budget, BudgetKind
from shared.domain.moments import MINUTE, Moment, format_moment
from shared.domain.refusals import Forbidden, Invalid, Refused, TooLarge
from shared.domain.state import told_claims

CLOCK_TOLERANCE = 5 * MINUTE
"""How far a sender's clock may run ahead before its moments are taken for what they cannot be."""

CLOCK_MARK = "clock"
"""The mark of an activity whose moment lay in the future and was set to when it was received."""

PUBLIC_ID = "public:"
"""Before the ids of what anybody may send, so that nobody takes in advance the id that a server will use."""

FORM_ID = "form:"
"""With the form's name before a submission's id, so that no call of a page takes in advance the id of a form."""

TRUSTED_ID = "trusted:"
"""Before a server's own id if that begins like one of these, so that it meets none of theirs."""

_APART = (PUBLIC_ID, FORM_ID, TRUSTED_ID)

MOST_PUBLIC_FACTS = 4096
"""Bytes of JSON that the facts of one public activity have at most: a lead's state remembers them all."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends activities, and how far that is believed.

    `activities` are the types that it may send; None means every type. A source that `asserts` may grant consent and
    set qualification facts: a server of the team, or a form that the team configured so. A source that `joins` may
    name two known identities in one activity, and thereby say that they are one lead. Each of its activities is taken
    of all `budgets`, in their order, and of the budget of `per_identity` that each identity has (None: without end).
    `ids` stands before the ids of what it sends, unless it is trusted.
    """

    name: str
    rank: Rank
    activities: frozenset[str] | None = None
    asserts: bool = True
    joins: bool = True
    budgets: tuple[Budget, ...] = ()
    per_identity: int | None = None
    ids: str = PUBLIC_ID


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stood in the place of an activity and is none, and why. `id` is what its sender calls it, if it told."""

    id: str | None
    reason: Refused


@dataclass(frozen=True, slots=True)
class Rejection:
    """An activity that was not taken: its place among those that were sent."""

    index: int
    id: str | None
    reason: Refused


def public_source(name: str, activities: frozenset[str]) -> Source:
    """A write key that everybody can read in a web page."""
    return Source(name, Rank.PUBLIC, activities, asserts=False, joins=False)


def trusted_source(name: str) -> Source:
    """A server that keeps its key, or a system that may put events on the bus."""
    return Source(name, Rank.TRUSTED)


def form_source(name: str, activity: str) -> Source:
    """A configured form: anybody fills it in, and only what the team mapped reaches consent or a fact."""
    return Source(name, Rank.PUBLIC, frozenset({activity}), joins=False, ids=f"{FORM_ID}{name}:")


def identity_budget(activity: Activity, source: Source) -> Budget | None:
    """The budget of who an activity names. What anybody can send takes nothing of what a server may send of them, and
    what comes with a page's key nothing of what that person's own form needs.
    """
    if source.per_identity is None:
        return None
    public = "form" if source.asserts else "public key"
    kind = "server" if source.rank >= Rank.TRUSTED else public
    return Budget(BudgetKind.IDENTITY, f"{kind} {activity.identity.key}", source.per_identity)


def admit(activity: Activity, source: Source, *, retention: int) -> Activity:
    """The activity as the log is to keep it. `retention` is the age, in microseconds, beyond which the log forgets.

    Nothing is looked up to decide it, so an answer never tells whether somebody is known already.

    Raises:
        Forbidden: this source may not say that.
        Invalid: it names nobody, or happened before the log's memory.
        TooLarge: anybody may send it, and it tells more facts than is believed of anybody.
    """
    if not activity.identities:
        msg = "the activity names nobody: give an e-mail address, a user id or an anonymous id"
        raise Invalid(msg, "identity")
    _may_say(activity, source)
    if source.rank < Rank.TRUSTED:
        activity = replace(activity, id=f"{source.ids}{activity.id}")
    elif activity.id.startswith(_APART):
        activity = replace(activity, id=f"{TRUSTED_ID}{activity.id}")
    if activity.occurred_at > activity.received_at + CLOCK_TOLERANCE:
        return replace(activity, occurred_at=activity.received_at, marks=(*activity.marks, CLOCK_MARK))
    if activity.occurred_at < activity.received_at - retention:
        oldest = format_moment(Moment(activity.received_at - retention))
        msg = f"it occurred at {format_moment(activity.occurred_at)}; the log keeps nothing from before {oldest}"
        raise Invalid(msg, "timestamp")
    return activity


def _may_say(activity: Activity, source: Source) -> None:
    if activity.type in BY_PEOPLE_ONLY:
        msg = f"what {activity.type!r} says is decided by signed-in people only"
        raise Forbidden(msg, "event")
    if source.activities is not None and activity.type not in source.activities:
        msg = f"this key may not send activities of the type {activity.type!r}; its settings list those that it may"
        raise Forbidden(msg, "event")
    if not source.asserts and activity.claims.consent == "granted":
        # A denial only restrains: whoever reads a page may withdraw.
        msg = "a public key does not grant consent: use a form with a configured consent field, or a secret key"
        raise Forbidden(msg, "consent")
    if not source.asserts and activity.claims.qualification:
        msg = "a public key does not set qualification facts: they come from sales, or with a secret key"
        raise Forbidden(msg, "qualification")
    if not source.joins and len(activity.known_identities) > 1:
        msg = (
            "a public source names one known identity, an e-mail address or a user id: "
            "that two of them are one lead is said with a secret key"
        )
        raise Forbidden(msg, "identity")
    if source.rank < Rank.TRUSTED and activity.claims and _size(told_claims(activity.claims)) > MOST_PUBLIC_FACTS:
        msg = f"one activity tells at most {MOST_PUBLIC_FACTS} bytes of facts, as JSON, unless a secret key tells them"
        raise TooLarge(msg, "fields" if source.asserts else "traits")


def _size(told: str) -> int:
    """Bytes of a JSON text in UTF-8, in which a letter of another alphabet is not six."""
    return len(json.dumps(json.loads(told or "{}"), ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
