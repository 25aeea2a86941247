"""Who is who: stored leads are parted and joined, a step at a time, until they are those that follow from all ties."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.domain.activity import Identity, IdentityKind
from shared.domain.handoff import LeadId
from shared.domain.identity import NO_TIES, Group, Ties, people, ties_of
from shared.domain.state import ScoreState
from shared.ports.activities import Activities
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.history import leads_at, log_of
from shared.usecases.lead_writer import LeadWriter, LinkRefused
from shared.usecases.rulebook import Rulebook

_MOST_LEADS_SETTLED = 25
"""So many leads are weighed anew at once when somebody leaves one; links to further ones stay refused."""


@dataclass(frozen=True, slots=True)
class Table:
    """Some leads, the identities of each as they are now, what was said of them, and the leads that should be."""

    records: dict[LeadId, LeadRecord]
    now: dict[LeadId, Group]
    ties: Ties
    wanted: frozenset[Group]

    @classmethod
    def of(cls, records: dict[LeadId, LeadRecord], now: dict[LeadId, Group], ties: Ties) -> Table:
        """The table of these leads, by these ties."""
        here = frozenset[Identity]().union(*now.values())
        return cls(records, now, ties, people(ties.among(here), here).groups)

    @property
    def only_joins(self) -> bool:
        """Whether no lead loses anybody: then nothing else changes either, as a lead that grows refuses the same."""
        return all(any(each.identities <= group for group in self.wanted) for each in self.records.values())


class Settling:
    """Parts and joins stored leads. Every step leaves whole leads, so that another run goes on after any of them."""

    def __init__(
        self,
        activities: Activities,
        leads: Leads,
        rulebook: Rulebook,
        writer: LeadWriter,
        *,
        new_lead_id: Callable[[], LeadId],
        report: Callable[[LinkRefused], None],
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._writer = writer
        self._new_lead_id = new_lead_id
        self._report = report

    def table(self, concerned: Collection[LeadId], named: Group, said: Ties) -> Table:
        """The leads concerned, and further ones as far as what is decided here may touch them."""
        records = {record.lead: record for record in map(self._live, concerned)}
        now = {lead: record.identities for lead, record in records.items()}
        for name in named.difference(*now.values()):
            while (lead := self._writer.owner(name, min(records))) not in records:
                # Asked again when its record is read: a name that leaves it from then on makes a conflict of our write.
                record = self._live(lead)
                records[record.lead], now[record.lead] = record, record.identities
            now[lead] |= {name}
        ties = _united(said, records.values())
        table = Table.of(records, now, ties)
        if table.only_joins and not any(record.torn for record in records.values()):
            return table
        # Somebody leaves a lead: then there may be room for those to whom it was refused.
        ties = self._held_together(ties, now)
        while len(records) < _MOST_LEADS_SETTLED:
            here = frozenset[Identity]().union(*now.values())
            far = sorted({each for link in ties.links for each in link.pair - here}, key=lambda each: each.key)
            found = [self._live(lead) for lead in sorted(set(self._leads.whose(far).values()) - records.keys())]
            new = {record.lead: record for record in found if record.lead not in records}
            if not new:
                break
            for lead, record in list(new.items())[: _MOST_LEADS_SETTLED - len(records)]:
                records[lead], now[lead] = record, record.identities
                ties = self._held_together(ties | record.ties, {lead: record.identities})
        return Table.of(records, now, ties)

    def step(self, table: Table) -> tuple[LeadRecord, ...]:
        """Take one step towards the leads that should be; what was written, nothing when they are there."""
        for lead, its in sorted(table.now.items()):
            parts = [its & group for group in table.wanted if its & group]
            if len(parts) > 1:
                return self._part(table.records[lead], its, parts, table.ties)
        for group in sorted(table.wanted, key=_name):
            several = sorted(lead for lead, its in table.now.items() if its & group)
            if len(several) > 1:
                return (self._join(table, *(table.records[lead] for lead in several[:2])),)
        return ()

    def remember(self, table: Table) -> None:
        """Write down with each lead what was said of it."""
        for lead, record in sorted(table.records.items()):
            identities = table.now[lead]
            ties = table.ties.of(identities)
            if (identities, ties, record.torn) == (record.identities, record.ties, False):
                continue
            number = record.rules_version if record.version else self._rulebook.active().number
            self._leads.save(
                replace(record, identities=identities, ties=ties, torn=False, rules_version=number, look=False)
            )

    def report_refused(self, table: Table, unheard: Collection[Group]) -> None:
        """Tell of each link that was refused the first time that it was said."""
        for refused in people(table.ties.among(frozenset().union(*table.now.values()))).refused:
            if refused.link.pair in unheard:
                lead = next(lead for lead, its in table.now.items() if refused.link.one in its)
                self._report(LinkRefused(lead, refused.why))

    def _live(self, lead: LeadId) -> LeadRecord:
        """The record of a lead, or of the one into which it went; a state that cannot be read is made anew before."""
        record = self._writer.live(lead)
        if record.rules_version >= 0:
            return record
        self._writer.rebuild(record.lead)
        return self._writer.live(record.lead)

    def _held_together(self, ties: Ties, leads: Mapping[LeadId, Group]) -> Ties:
        """With the links that the log still has of leads of which too little is remembered to say why they are one."""
        for its in leads.values():
            if people(ties.among(its), its).groups != {its}:
                ties |= ties_of(log_of(self._activities, its))
        return ties

    def _join(self, table: Table, one: LeadRecord, two: LeadRecord) -> LeadRecord:
        """Make one lead of two; the one with the lesser id survives."""
        active = self._rulebook.active(max(one.rules_version, two.rules_version))
        identities = table.now[one.lead] | table.now[two.lead]
        before = replace(one, identities=identities, ties=table.ties.of(identities), torn=one.torn or two.torn)
        history = self._writer.gather(one.lead, identities)
        merged = self._writer.made(before, active, history)
        merged = replace(
            merged,
            absorbed=(*one.absorbed, two.lead, *two.absorbed),
            owed=(one.owed | two.owed).union(*history.sharing.values(), self._writer.at_dropped(one, two, merged))
            - {one.lead, two.lead},
        )
        redirect = replace(
            two,
            identities=table.now[two.lead],
            state=ScoreState.empty(),
            rules_version=active.number,
            browsers={},
            ties=NO_TIES,
            owed=frozenset(),
            torn=False,
            muted=False,
            merged_into=one.lead,
            look=True,
            due=None,
            stored_months={},
        )
        self._leads.join(self._writer.booked(one, merged, active, touched=True), redirect)
        return merged

    def _part(
        self, record: LeadRecord, identities: Group, parts: Sequence[Group], ties: Ties
    ) -> tuple[LeadRecord, LeadRecord]:
        """Let one part of a lead go: back to the lead that it was before it was joined, or to a new one."""
        active = self._rulebook.active(record.rules_version)
        gone, leaving = self._leaving(record, identities, parts)
        staying = identities - leaving
        if leaving.isdisjoint(record.identities):
            # They only claimed to be the lead's, and nothing of theirs is in it.
            number = record.rules_version if record.version else active.number
            remaining = replace(record, ties=ties.of(staying), rules_version=number, look=False)
            parted = replace(
                gone,
                identities=leaving,
                ties=ties.of(leaving),
                merged_into=None,
                rules_version=active.number,
                look=False,
            )
            self._leads.part(remaining, parted)
            return remaining, parted
        sharing = frozenset(
            lead
            for name in record.browsers
            for lead in leads_at(self._leads, self._leads.attached(Identity(IdentityKind.ANONYMOUS_ID, name)))
        )
        its = self._writer.gather(gone.lead, leaving, {record.lead: staying})
        parted = self._writer.made(
            replace(gone, identities=leaving, ties=ties.of(leaving), torn=True, merged_into=None), active, its
        )
        rest = self._writer.gather(record.lead, staying, {gone.lead: leaving})
        remaining = self._writer.made(
            replace(record, identities=staying, ties=ties.of(staying), torn=True), active, rest
        )
        sharing = sharing.union(*its.sharing.values(), *rest.sharing.values()) - {record.lead}
        remaining = replace(
            remaining,
            absorbed=tuple(lead for lead in record.absorbed if lead != gone.lead),
            owed=record.owed | sharing | self._writer.at_dropped(record, remaining) | {gone.lead},
        )
        parted = replace(parted, owed=gone.owed | {record.lead})
        if its.activities or gone.mark:
            parted = self._writer.booked(gone, parted, active, touched=True)
        self._leads.part(self._writer.booked(record, remaining, active, touched=True), parted)
        return remaining, parted

    def _leaving(self, record: LeadRecord, identities: Group, parts: Sequence[Group]) -> tuple[LeadRecord, Group]:
        """Who goes, and the record of the lead that they were before, or of a new one.

        Of a part that was several leads one goes at a time, so that the id of each leads there: they are joined then.
        """
        absorbed = self._absorbed(record)
        own = identities.difference(*(each.identities for each in absorbed))
        _, *others = sorted(parts, key=lambda part: (-len(part & own), _name(part)))
        before = [each for each in absorbed if each.identities & others[0]]
        if not before:
            return LeadRecord(self._new_lead_id(), frozenset(), ScoreState.empty()), others[0]
        gone = min(before, key=lambda each: (-len(each.identities & others[0]), each.lead))
        rest = others[0] - gone.identities
        return gone, others[0] - rest if any(each.identities & rest for each in before) else others[0]

    def _absorbed(self, record: LeadRecord) -> list[LeadRecord]:
        """The leads that went into one, each leading straight to it and with no names but its own; stored so, too."""
        found = [each for lead in record.absorbed if (each := self._leads.load(lead)) and each.merged_into]
        names = {each.lead: each.identities for each in found}
        straight = []
        for each in found:
            its = each.identities.difference(*(names[lead] for lead in each.absorbed if lead in names))
            after = replace(each, identities=its, absorbed=(), merged_into=record.lead)
            if after != each:
                # One whose state is in another release's format tells no rules; those that it was under are no newer.
                number = max(each.rules_version, record.rules_version)
                self._leads.save(replace(after, rules_version=number, look=False))
                after = replace(after, version=each.version + 1)
            straight.append(after)
        return straight


def _united(said: Ties, records: Iterable[LeadRecord]) -> Ties:
    for record in records:
        said |= record.ties
    return said


def _name(group: Group) -> str:
    return min(identity.key for identity in group)
