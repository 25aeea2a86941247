"""Read handoffs: lists of what is open or was answered, newest first, and one with who it is and what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.domain.activity import IdentityKind
from shared.domain.consent import NoContact, objection_to_contact
from shared.domain.handoff import HandoffKey, HandoffRecord, HandoffState, LeadId
from shared.domain.introduction import Introduction, introduce
from shared.domain.moments import Moment
from shared.domain.refusals import Invalid
from shared.domain.routing import Rosters
from shared.domain.state import known_facts
from shared.ports.handoffs import HandoffPlace, Handoffs
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.answer import find_handoff
from shared.usecases.redirect import live_record

_SIDE_BY_SIDE = 16
_PAGE = 100
_MOST_PAGES = 10
"""How many pages are read for one: where hardly any handoff is a team's, the next page goes on from there."""


@dataclass(frozen=True, slots=True)
class HandoffShown:
    """A handoff as it stands, whom it is about, and the lead of which that person is part now.

    `objection` tells why nobody may call or write to that person.
    """

    record: HandoffRecord
    lead: LeadId
    person: Introduction
    objection: NoContact | None


@dataclass(frozen=True, slots=True)
class HandoffList:
    """Some handoffs, and the place after which the next ones stand (None: there are no more).

    Where only a team's or a person's are asked for, a list may be short, and even empty, while others follow.
    """

    handoffs: tuple[HandoffShown, ...]
    following: HandoffPlace | None


@dataclass(frozen=True, slots=True)
class HandoffWish:
    """Which handoffs are asked for; None stands for any. `to` and `assignee` are those who have it now."""

    state: HandoffState | None = None
    to: str | None = None
    assignee: str | None = None

    def fits(self, record: HandoffRecord) -> bool:
        """Whether a handoff of the state is one of the team's and the person's."""
        return self.to in (None, record.to) and self.assignee in (None, record.assignee)


class ReadHandoffs:
    """Reads; writes nothing."""

    def __init__(self, handoffs: Handoffs, leads: Leads, rosters: Rosters, *, consent_required: bool = True) -> None:
        self._handoffs = handoffs
        self._leads = leads
        self._rosters = rosters
        self._consent_required = consent_required

    def page(self, wish: HandoffWish, limit: int, after: HandoffPlace | None = None) -> HandoffList:
        """Handoffs that fit a wish, newest first, at most `limit` of them.

        Raises:
            Invalid: there is none, and the settings have no such team or member: those of before may still have some.
        """
        listed = self._fitting(wish, limit, after)
        if not listed.handoffs and after is None and listed.following is None:
            self._check_known(wish)
        return listed

    def _fitting(self, wish: HandoffWish, limit: int, after: HandoffPlace | None) -> HandoffList:
        found: list[HandoffRecord] = []
        for _ in range(_MOST_PAGES):
            asked = _PAGE if wish.to or wish.assignee else limit - len(found)
            records, after = self._handoffs.page(wish.state, asked, after)
            fitting = [each for each in records if wish.fits(each)]
            room = limit - len(found)
            found += fitting[:room]
            if len(fitting) > room or (len(found) == limit and after is not None):
                after = HandoffPlace.of(found[-1])
                break
            if after is None:
                break
        return HandoffList(self._shown(found), after)

    def _check_known(self, wish: HandoffWish) -> None:
        if wish.to is not None and wish.to not in self._rosters:
            msg = f"the settings have no team {wish.to!r}"
            raise Invalid(msg, "team", there_are=sorted(self._rosters))
        members = sorted({member.name for team in self._rosters.values() for member in team})
        if wish.assignee is not None and wish.assignee not in members:
            msg = f"the settings have no member {wish.assignee!r}"
            raise Invalid(msg, "assignee", there_are=members)

    def one(self, key: HandoffKey) -> tuple[HandoffShown, Mapping[str, Moment]]:
        """A handoff, and the channels on which it has gone out.

        Raises:
            NotFound: there is no such handoff.
        """
        record = find_handoff(self._handoffs, self._leads, key)
        (shown,) = self._shown([record])
        return shown, self._handoffs.sent(record.key)

    def _shown(self, records: Sequence[HandoffRecord]) -> tuple[HandoffShown, ...]:
        wanted = list(dict.fromkeys(record.key.lead for record in records))
        if not wanted:
            return ()
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(wanted))) as pool:
            found = pool.map(lambda lead: live_record(self._leads, lead), wanted)
            leads = dict(zip(wanted, found, strict=True))
        return tuple(self._about(record, leads[record.key.lead]) for record in records)

    def _about(self, record: HandoffRecord, lead: LeadRecord | None) -> HandoffShown:
        if lead is None:
            return HandoffShown(record, record.key.lead, introduce((), {}, {}), "unknown")
        emails = sorted(each.value for each in lead.identities if each.kind is IdentityKind.EMAIL)
        facts = known_facts(lead.state)
        objection = objection_to_contact(facts.consent, consent_required=self._consent_required)
        return HandoffShown(record, lead.lead, introduce(tuple(emails), facts.lead, facts.company), objection)
