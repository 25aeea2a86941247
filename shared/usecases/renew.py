"""Let a lead forget what the log no longer says of who it is; its state is then to be made anew from the log.

A lead remembers its identities and what was said of them. So after somebody was erased, the leads beside are renewed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.domain.activity import strongest_first
from shared.domain.handoff import LeadId
from shared.domain.identity import Group, Link, Ties, Verdict
from shared.ports.activities import Activities, ActivityKey
from shared.ports.errors import Conflict
from shared.ports.leads import Leads
from shared.usecases.redirect import live_record

_ATTEMPTS = 10


def renew(activities: Activities, leads: Leads, lead: LeadId, remake: Callable[[LeadId], None]) -> None:
    """Leave a lead the identities that are its own still, and what the log still says, or the lead into which it went.

    `remake` makes a state anew that cannot be read: nothing else of such a lead is written as it stands.

    Raises:
        Conflict: others keep writing it; renewing it again is safe.
    """
    for _ in range(_ATTEMPTS):
        record = live_record(leads, lead)
        if record is None:
            return
        if record.rules_version < 0:
            remake(record.lead)
            continue
        owners = leads.whose(record.identities)
        identities = frozenset(each for each in record.identities if owners.get(each) == record.lead)
        renewed = replace(record, identities=identities, ties=_still_told(activities, record.ties, identities))
        if renewed == record:
            return
        try:
            leads.save(replace(renewed, look=False))
        except Conflict:
            continue
        return
    msg = f"lead {lead} was written by others {_ATTEMPTS} times in a row"
    raise Conflict(msg)


def without_lost_links(activities: Activities, ties: Ties, identities: Group) -> Ties:
    """Ties without the links from a lead's identities to others of which the log tells no more."""
    links = frozenset(each for each in ties.links if each.pair <= identities or _is_said(activities, each))
    return Ties(links, ties.verdicts)


def _still_told(activities: Activities, ties: Ties, identities: Group) -> Ties:
    """What holds the lead together, and what the log still says of others."""
    links = without_lost_links(activities, ties, identities).links
    return Ties(links, frozenset(each for each in ties.verdicts if _is_ruled(activities, each)))


def _is_said(activities: Activities, link: Link) -> bool:
    said = activities.at(ActivityKey(link.one, link.activity_id))
    return said is not None and link.two in said.identities


def _is_ruled(activities: Activities, verdict: Verdict) -> bool:
    strongest = strongest_first(tuple(verdict.identities))[0]
    return activities.at(ActivityKey(strongest, verdict.activity_id)) is not None
