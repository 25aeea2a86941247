"""Which activities of the log no lead has taken in: what a stream lost, or a queue gave up on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.domain.activity import NOISE_MARKED, NOISE_UNMARKED, Activity, Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import (
    Attachment,
    comes_too_late,
    earliest_attached,
    first_browsers,
    linked_identities,
    ties_of,
    with_attachment,
)
from shared.domain.moments import Moment
from shared.domain.noise import Noise, is_marked_by_people
from shared.ports.activities import Activities
from shared.ports.errors import Unreadable
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.history import gather, leads_at
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import Rulebook, UnknownRules


@dataclass(frozen=True, slots=True)
class _Page:
    """What is known while a page is gone through: whose each name is, and each lead's record, read once."""

    whose: Mapping[Identity, LeadId]
    records: dict[LeadId, LeadRecord | None] = field(default_factory=dict)
    logs: dict[LeadId, Mapping[tuple[Identity, str], Activity]] = field(default_factory=dict)


class FindUnapplied:
    """Looks at leads as they are stored; writes nothing.

    An activity is applied when its names have leads, each lead has its names, browser and ties, and taking it in once
    more would change no state. What leaves no trace in any state is applied by that.
    """

    def __init__(self, activities: Activities, leads: Leads, rulebook: Rulebook, noise: Callable[[], Noise]) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._noise = noise

    def among(self, activities: Sequence[Activity]) -> list[Activity]:
        """Those of some activities that are not applied, in their order."""
        names = {identity for each in activities for identity in linked_identities(each)}
        page = _Page(self._leads.whose(names) if names else {})
        return [each for each in activities if not self._is_surely_applied(each, page)]

    def _is_surely_applied(self, activity: Activity, page: _Page) -> bool:
        """Whether it is applied, as far as that can be told: of a damaged lead it cannot."""
        try:
            return self._is_applied(activity, page)
        except (Unreadable, UnknownRules):
            return False

    def _is_applied(self, activity: Activity, page: _Page) -> bool:
        known = linked_identities(activity)
        if not known:
            return self._is_with_its_browser(activity, page)
        records = [self._record(page.whose.get(identity), page) for identity in known]
        if not all(record and name in record.identities for record, name in zip(records, known, strict=True)):
            return False
        written = [record for record in records if record]
        return (
            self._ties_are_known(activity, written)
            and self._browser_is_known(activity, written[0], page)
            and self._is_in(written[0], activity, page)
        )

    def _is_with_its_browser(self, activity: Activity, page: _Page) -> bool:
        """Whether whoever the browser belongs to has it; what belongs to nobody waits in the log."""
        attached = self._leads.attached(activity.identity)
        owners = [record for lead in leads_at(self._leads, attached) if (record := self._record(lead, page))]
        return all(
            self._is_in(owner, activity, page) or (len(owners) > 1 and not self._is_of(owner, activity, page))
            for owner in owners
        )

    @staticmethod
    def _ties_are_known(activity: Activity, records: Iterable[LeadRecord]) -> bool:
        """Whether each lead remembers what was said of it: one may have read it in its log and not acted on it."""
        said = ties_of([activity])
        return all((each.ties | said).of(each.identities) == each.ties.of(each.identities) for each in records)

    def _browser_is_known(self, activity: Activity, record: LeadRecord, page: _Page) -> bool:
        browser = activity.anonymous_id
        if browser is None or not self._noise().attaching([activity]):
            return True
        link = record.browsers.get(browser.value)
        if link is not None and link.since != activity.occurred_at:
            return link.since < activity.occurred_at
        if link is not None and self._is_attached(activity.known_identities[0], browser, activity.occurred_at):
            return True
        if link is None and comes_too_late(activity.occurred_at, [each.since for each in record.browsers.values()]):
            return True
        named = [each for each in self._log(record, page).values() if each.known_identities]
        first = first_browsers(self._noise().attaching(named)).get(browser)
        # Of the names that came with it at one moment the first alone is attached.
        return first is None or (link is not None and self._is_attached(first.known, browser, first.occurred_at))

    def _is_attached(self, known: Identity, browser: Identity, at: Moment) -> bool:
        """Whether a name came with a browser by a moment, or would have no place there."""
        attached = self._leads.attached(browser)
        return earliest_attached(with_attachment(attached, Attachment(at, "", known))) == attached

    def _is_in(self, record: LeadRecord, activity: Activity, page: _Page) -> bool:
        """Whether a lead's state would not change with the activity in it once more."""
        if record.rules_version < 0:
            return False
        marked = activity
        if record.muted or activity.type in (NOISE_MARKED, NOISE_UNMARKED):
            # What people said of a lead silences all of it, so that only the whole log tells what is heard.
            log = self._log(record, page)
            if record.muted is not is_marked_by_people(list(log.values())):
                return False
            marked = log.get((activity.identity, activity.id), activity)
        rules = self._rulebook.version(record.rules_version).rules
        return rules.absorb(record.state, self._noise().marked([marked])) == record.state

    def _is_of(self, record: LeadRecord, activity: Activity, page: _Page) -> bool:
        """Whether what was done at a browser that several leads share was done by this one."""
        return (activity.identity, activity.id) in self._log(record, page)

    def _log(self, record: LeadRecord, page: _Page) -> Mapping[tuple[Identity, str], Activity]:
        if record.lead not in page.logs:
            noise = self._noise()
            history = gather(self._activities, self._leads, record.lead, record.identities, noise=noise)
            page.logs[record.lead] = {(each.identity, each.id): each for each in noise.marked(history.activities)}
        return page.logs[record.lead]

    def _record(self, lead: LeadId | None, page: _Page) -> LeadRecord | None:
        if lead is None:
            return None
        if lead not in page.records:
            page.records[lead] = live_record(self._leads, lead)
        return page.records[lead]
