"""Who was erased, as those know it who take activities in, or what people say."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.activity import Activity
from shared.domain.erasure import is_erased, names_in
from shared.domain.handoff import LeadId
from shared.domain.moments import SECOND
from shared.domain.refusals import Contested
from shared.ports.clock import Clock
from shared.ports.erasures import Erasures
from shared.ports.leads import Leads
from shared.usecases.redirect import live_record
from shared.usecases.remembered import Remembered

LATEST_REMEMBERED_FOR = 15 * SECOND
"""How long a warm function goes on with the latest erasure that it knows. What it takes in too much during that time
is found by the erasure's second pass, which is later than this and the longest call together."""


class ErasedPeople:
    """Drops what erased people did before they were erased.

    What occurred after the latest of all erasures, as nearly everything did, is asked nothing.
    """

    def __init__(self, erasures: Erasures, clock: Clock) -> None:
        self._erasures = erasures
        self._latest = Remembered(erasures.latest, clock, LATEST_REMEMBERED_FOR)

    def split(self, activities: Sequence[Activity]) -> tuple[list[Activity], list[Activity]]:
        """The activities that are nobody's who was erased after they occurred, and the others.

        Raises:
            Unavailable: the store of tombstones cannot answer now.
        """
        latest = self._latest()
        asked = {
            name
            for activity in activities
            if latest is not None and activity.occurred_at <= latest
            for name in names_in(activity)
        }
        tombstones = self._erasures.erased(asked) if asked else {}
        kept: list[Activity] = []
        dropped: list[Activity] = []
        for activity in activities:
            (dropped if is_erased(activity, tombstones) else kept).append(activity)
        return kept, dropped


class BeingErased:
    """Tells people that a person is being erased of whom they would say something: it would be erased too.

    What is said all the same, at the very moment at which the erasure begins, is what the erasure takes.
    """

    def __init__(self, leads: Leads, erasures: Erasures) -> None:
        self._leads = leads
        self._erasures = erasures

    def check(self, lead: LeadId) -> None:
        """Pass a lead, or the lead of which it is part now, unless all that was heard of it is erased.

        Raises:
            Contested: it is being erased.
            Unavailable: a store cannot answer now.
        """
        record, latest = live_record(self._leads, lead), self._erasures.latest()
        if record is None or latest is None:
            return
        heard = max((record.state.last_own or 0, *(each.at for each in record.state.entries.values())))
        if heard > latest or not heard:
            return
        tombstones = self._erasures.erased({each.key for each in record.identities})
        if any(heard <= until for until in tombstones.values()):
            msg = "this person is being erased; whatever is said of them goes with them"
            raise Contested(msg)
