"""A lead's whole history, read from the log: what every score can be made from again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.domain.activity import Activity, Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import attachments, owner
from shared.ports.activities import Activities
from shared.ports.leads import Leads


@dataclass(frozen=True, slots=True)
class History:
    """All of a lead's activities, in order of time.

    `sharing` are the leads with which it shares each browser. `unattached` are browsers that it named and that nobody
    has attached to it yet, each with the identity to attach; what they did alone may be missing until somebody does.
    """

    activities: tuple[Activity, ...]
    sharing: dict[Identity, frozenset[LeadId]]
    unattached: dict[Identity, Identity]

    @property
    def browsers(self) -> dict[str, bool]:
        """Each attached anonymous id, and whether other leads are attached to it too."""
        return {browser.value: bool(others) for browser, others in self.sharing.items()}


def gather(log: Activities, leads: Leads, lead: LeadId, identities: Collection[Identity]) -> History:
    """Read everything that belongs to a lead: what it did by name, and what its browsers did before it had one."""
    named = [activity for identity in sorted(identities, key=lambda each: each.key) for activity in log.under(identity)]
    browsers = {each.anonymous_id: each.known_identities[0] for each in named if each.anonymous_id}
    found = list(named)
    sharing: dict[Identity, frozenset[LeadId]] = {}
    unattached: dict[Identity, Identity] = {}
    for browser in sorted(browsers, key=lambda each: each.value):
        attached = leads.attached(browser)
        if attached.isdisjoint(identities):
            unattached[browser] = browsers[browser]
        elsewhere = attached - frozenset(identities)
        others = {known: its for known, its in leads.whose(elsewhere).items() if its != lead} if elsewhere else {}
        sharing[browser] = frozenset(others.values())
        nameless = log.under(browser)
        if others:
            # A lead may have named the browser by any of its identities, not only by the one that is attached.
            names = frozenset(others).union(
                *(record.identities for its in sharing[browser] if (record := leads.load(its)))
            )
            theirs = [activity for known in sorted(names, key=lambda each: each.key) for activity in log.under(known)]
            timeline = attachments([*named, *theirs], browser)
            nameless = [each for each in nameless if owner(timeline, each.occurred_at) in identities]
        found.extend(nameless)
    return History(tuple(sorted(found, key=lambda activity: (activity.occurred_at, activity.id))), sharing, unattached)
