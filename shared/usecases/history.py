"""A lead's whole history, read from the log: what every score can be made from again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.activity import Activity, Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import (
    Attachment,
    Group,
    attachments,
    earliest_attached,
    first_browsers,
    first_leads,
    owner,
    with_attachment,
)
from shared.domain.moments import Moment
from shared.domain.noise import Noise
from shared.ports.activities import Activities
from shared.ports.errors import Unreadable
from shared.ports.leads import Browser, Leads

SILENCE = Noise()
"""No filter stands."""
NOBODY: Mapping[LeadId, Group] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class History:
    """All of a lead's activities, in order of time.

    `browsers` are those that it named first, and `sharing` the leads with which it shares each. `unattached` are
    attachments that the store does not know yet; what those browsers did alone may be missing until it does. `kiosks`
    are those of its browsers to which it came too late to be attached.
    """

    activities: tuple[Activity, ...]
    browsers: dict[str, Browser]
    sharing: dict[Identity, frozenset[LeadId]]
    unattached: dict[Identity, Attachment]
    kiosks: frozenset[Identity]


def gather(
    log: Activities,
    leads: Leads,
    lead: LeadId,
    identities: Collection[Identity],
    parting: Mapping[LeadId, Group] = NOBODY,
    *,
    noise: Noise = SILENCE,
) -> History:
    """Read everything that belongs to a lead: what it did by name, and what its browsers did while they were its own.

    `parting` are identities that the store still takes for this lead's, and the lead to which they are about to go.
    """
    named = log_of(log, identities)
    attaching = noise.attaching(named)
    found = list(named)
    browsers: dict[str, Browser] = {}
    sharing: dict[Identity, frozenset[LeadId]] = {}
    unattached: dict[Identity, Attachment] = {}
    kiosks: set[Identity] = set()
    for browser, first in first_browsers(attaching).items():
        attached = leads.attached(browser)
        if earliest_attached(with_attachment(attached, first)) != attached:
            unattached[browser] = first
        names = _attached_leads(leads, attached, lead, identities, parting)
        # Who comes late to a kiosk is not attached to it, and gets nothing of what it did alone.
        others = {other: its for other, its in names.items() if other != lead} if lead in names else {}
        sharing[browser] = frozenset(others)
        browsers[browser.value] = Browser(first.occurred_at, shared=bool(others))
        if lead in names:
            nameless = log.under(browser)
            if others:
                theirs = noise.attaching(log_of(log, frozenset().union(*others.values())))
                timeline = attachments([*attaching, *theirs], browser)
                nameless = [each for each in nameless if owner(timeline, each.occurred_at) in identities]
            found.extend(nameless)
        elif names and browser not in unattached:
            kiosks.add(browser)
    ordered = sorted(found, key=lambda activity: (activity.occurred_at, activity.id))
    return History(tuple(ordered), browsers, sharing, unattached, frozenset(kiosks))


def leads_at(leads: Leads, attached: Mapping[Identity, Moment], *, and_next: bool = False) -> list[LeadId]:
    """The leads to which a browser stays attached, by the names that the store has with it; see `first_leads`."""
    return first_leads(attached, leads.whose, and_next=and_next) if attached else []


def log_of(log: Activities, identities: Iterable[Identity]) -> list[Activity]:
    """All activities that are kept under some identities."""
    return [activity for known in sorted(identities, key=lambda each: each.key) for activity in log.under(known)]


def _attached_leads(
    leads: Leads,
    attached: Mapping[Identity, Moment],
    lead: LeadId,
    identities: Collection[Identity],
    parting: Mapping[LeadId, Group],
) -> dict[LeadId, Group]:
    """The leads to which a browser stays attached, each with all of its names: any of them may have named it."""
    known_as: dict[LeadId, set[Identity]] = {}

    def whose(some: list[Identity]) -> dict[Identity, LeadId]:
        found = {each: lead for each in some if each in identities}
        found |= {each: other for other, its in parting.items() for each in some if each in its}
        found |= leads.whose(rest) if (rest := [each for each in some if each not in found]) else {}
        for each, its in found.items():
            known_as.setdefault(its, set()).add(each)
        return found

    staying = first_leads(attached, whose)
    names: dict[LeadId, Group] = {}
    for its in sorted(staying):
        if its == lead or its in parting:
            names[its] = parting.get(its, frozenset(identities))
        else:
            names[its] = frozenset(known_as[its]) | (_told_names(leads, its) if lead in staying else frozenset())
    return names


def _told_names(leads: Leads, lead: LeadId) -> Group:
    """The names that a lead lists. Of a damaged one only those with the browser are known, which hardly lacks one."""
    try:
        record = leads.load(lead)
    except Unreadable:
        return frozenset()
    return record.identities if record else frozenset()
