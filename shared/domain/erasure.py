"""Erasure: by which names an erased person is known again, and which activities are older than the erasure.

A tombstone stands for a name, and says until when what was done under it stays erased. An activity that occurs later
starts a new lead; what people say of somebody brings nobody back. The names of a person are the known identities, and
the browsers that were nobody else's. A browser that others use too is a name only of what was done at it by somebody
who did not say who it was: what its other users do in their own names is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shared.domain.activity import Activity, Identity, Rank
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment

_ALONE = "alone:"


@dataclass(frozen=True, slots=True)
class Erasure:
    """The erasure of one person.

    Activities that occurred until `erased_at` are erased. `identities` are the known ones, `browsers` the anonymous ids
    that were the person's alone, and `shared` those that others use too. `leads` are the leads that the person was,
    redirects among them; `neighbours` other leads, of which something was said together with this one. `passes` counts
    the passes over the stores, and `passed_at` is when the last one ended. When it is done none of these is remembered
    but the number of the lead, which names nobody.
    """

    id: str
    lead: LeadId
    erased_at: Moment
    asked_at: Moment
    who: str
    why: str
    identities: frozenset[Identity] = frozenset()
    browsers: frozenset[Identity] = frozenset()
    shared: frozenset[Identity] = frozenset()
    leads: frozenset[LeadId] = frozenset()
    neighbours: frozenset[LeadId] = frozenset()
    passes: int = 0
    passed_at: Moment | None = None
    done_at: Moment | None = None
    version: int = 0

    @property
    def names(self) -> frozenset[str]:
        """What the tombstones stand for."""
        whole = {each.key for each in self.identities | self.browsers}
        return frozenset(whole | {_ALONE + each.key for each in self.shared})

    def done(self, at: Moment) -> Erasure:
        """The erasure when nothing is left to erase: it names nobody any more."""
        return replace(
            self,
            identities=frozenset(),
            browsers=frozenset(),
            shared=frozenset(),
            leads=frozenset(),
            neighbours=frozenset(),
            done_at=at,
        )


def names_in(activity: Activity) -> frozenset[str]:
    """The names under which an activity may be an erased person's."""
    names = frozenset(each.key for each in activity.identities)
    return names if activity.known_identities else names | {_ALONE + each for each in names}


def is_erased(activity: Activity, tombstones: Mapping[str, Moment]) -> bool:
    """Whether an activity is an erased person's, from before the erasure."""
    return any(activity.occurred_at <= tombstones[name] for name in names_in(activity) if name in tombstones)


def erased_until(now: Moment, activities: Iterable[Activity]) -> Moment:
    """Until when a person's activities are erased: the fast clock of a client makes none of them newer than that."""
    return max((now, *(activity.occurred_at for activity in activities)))


def came_back(activities: Iterable[Activity], until: Moment) -> Moment | None:
    """When an erased person did something again, or a system told something of them; None while there was nothing."""
    newer = (each.occurred_at for each in activities if each.rank < Rank.SALES and each.occurred_at > until)
    return min(newer, default=None)


def is_taken(activity: Activity, until: Moment, back: Moment | None) -> bool:
    """Whether an erasure takes an activity: it is older, or people said it before the person came back."""
    if activity.rank < Rank.SALES:
        return activity.occurred_at <= until
    return activity.occurred_at <= until or back is None or activity.occurred_at < back
