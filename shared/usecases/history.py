"""A lead's whole history, read from the log: what every score can be made from again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shared.domain.activity import Activity, Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import MOST_BROWSERS_OF_A_LEAD, Attachment, attachments, earliest_attached, owner
from shared.ports.activities import Activities
from shared.ports.leads import Browser, Leads


@dataclass(frozen=True, slots=True)
class History:
    """All of a lead's activities, in order of time.

    `browsers` are those that it named first, and `sharing` the leads with which it shares each. `unattached` are
    attachments that the store does not know yet; what those browsers did alone may be missing until it does.
    """

    activities: tuple[Activity, ...]
    browsers: dict[str, Browser]
    sharing: dict[Identity, frozenset[LeadId]]
    unattached: dict[Identity, Attachment]


def gather(log: Activities, leads: Leads, lead: LeadId, identities: Collection[Identity]) -> History:
    """Read everything that belongs to a lead: what it did by name, and what its browsers did before it had one."""
    named = _all(log, identities)
    found = list(named)
    browsers: dict[str, Browser] = {}
    sharing: dict[Identity, frozenset[LeadId]] = {}
    unattached: dict[Identity, Attachment] = {}
    for browser, first in _first_browsers(named).items():
        attached = leads.attached(browser)
        mine = {known: since for known, since in attached.items() if known in identities}
        known = min(mine, key=lambda each: (mine[each], each.key)) if mine else first.known
        since = min(first.occurred_at, mine.get(known, first.occurred_at))
        if earliest_attached({**attached, known: since}) != attached:
            unattached[browser] = Attachment(first.occurred_at, first.activity_id, known)
        # Who comes late to a kiosk is not attached to it, and gets nothing of what it did alone.
        elsewhere = attached.keys() - frozenset(identities)
        others = _others(leads, browser, lead, elsewhere) if mine and elsewhere else {}
        sharing[browser] = frozenset(others)
        browsers[browser.value] = Browser(first.occurred_at, shared=bool(others))
        if mine:
            nameless = log.under(browser)
            if others:
                timeline = attachments([*named, *_all(log, frozenset().union(*others.values()))], browser)
                nameless = [each for each in nameless if owner(timeline, each.occurred_at) in identities]
            found.extend(nameless)
    ordered = sorted(found, key=lambda activity: (activity.occurred_at, activity.id))
    return History(tuple(ordered), browsers, sharing, unattached)


def _first_browsers(named: Sequence[Activity]) -> dict[Identity, Attachment]:
    """The first browsers that somebody named, each with the activity that named it first."""
    firsts: dict[Identity, Attachment] = {}
    for each in sorted(named, key=lambda activity: (activity.occurred_at, activity.id)):
        if each.anonymous_id and each.anonymous_id not in firsts and len(firsts) < MOST_BROWSERS_OF_A_LEAD:
            firsts[each.anonymous_id] = Attachment(each.occurred_at, each.id, each.known_identities[0])
    return firsts


def _others(
    leads: Leads, browser: Identity, lead: LeadId, attached: Collection[Identity]
) -> dict[LeadId, frozenset[Identity]]:
    """The other leads for which a browser counts too, each with all of its names: any of them may have named it."""
    found: dict[LeadId, set[Identity]] = {}
    for known, its in leads.whose(attached).items():
        if its != lead:
            found.setdefault(its, set()).add(known)
    names: dict[LeadId, frozenset[Identity]] = {}
    for its, known_as in sorted(found.items()):
        record = leads.load(its)
        if record and browser.value not in record.browsers and len(record.browsers) >= MOST_BROWSERS_OF_A_LEAD:
            # It named others before this one, which does not count for it any more.
            continue
        names[its] = frozenset(known_as) | (record.identities if record else frozenset())
    return names


def _all(log: Activities, identities: Collection[Identity]) -> list[Activity]:
    return [activity for known in sorted(identities, key=lambda each: each.key) for activity in log.under(known)]
