from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from shared.domain.activity import Identity
from shared.domain.handoff import LeadId
from shared.domain.identity import earliest_attached
from shared.domain.moments import Moment
from shared.domain.state import ScoreState
from shared.ports.errors import Conflict, Unreadable
from shared.ports.leads import DAMAGED, OTHER_FORMAT, LeadRecord


class InMemoryLeads:
    """Leads as dictionaries; `writes` counts saved records.

    Those in `damaged` cannot be read, and the states of those in `foreign` are in the format of another release.
    """

    def __init__(self) -> None:
        self.records: dict[LeadId, LeadRecord] = {}
        self.writes = 0
        self.damaged: set[LeadId] = set()
        self.foreign: set[LeadId] = set()
        self._whose: dict[Identity, LeadId] = {}
        self._attached: dict[Identity, dict[Identity, Moment]] = {}

    def whose(self, identities: Iterable[Identity], *, consistent: bool = False) -> dict[Identity, LeadId]:
        return {identity: self._whose[identity] for identity in identities if identity in self._whose}

    def claim(self, identity: Identity, lead: LeadId, *, instead_of: LeadId | None = None) -> LeadId:
        if instead_of is not None and self._whose.get(identity) == instead_of:
            self._whose[identity] = lead
        return self._whose.setdefault(identity, lead)

    def attach(self, browser: Identity, known: Identity, at: Moment) -> Mapping[Identity, Moment]:
        before = self._attached.get(browser, {})
        self._attached[browser] = earliest_attached({**before, known: min(at, before.get(known, at))})
        return self._attached[browser]

    def detach(self, browser: Identity, known: Collection[Identity]) -> Mapping[Identity, Moment]:
        left = {each: since for each, since in self._attached.get(browser, {}).items() if each not in known}
        self._attached[browser] = left
        return left

    def attached(self, browser: Identity) -> Mapping[Identity, Moment]:
        return self._attached.get(browser, {})

    def load(self, lead: LeadId) -> LeadRecord | None:
        if lead in self.damaged:
            raise Unreadable(f"what is stored of lead {lead} is damaged")
        record = self.records.get(lead)
        if record and lead in self.foreign:
            return replace(record, state=ScoreState.empty(), rules_version=OTHER_FORMAT)
        return record

    def salvage(self, lead: LeadId) -> LeadRecord | None:
        if lead not in self.records:
            return None
        stored = self.records[lead]
        beside = {name: getattr(stored, name) for name in ("version", "mark", "did", "look", "due", "merged_into")}
        return LeadRecord(
            lead,
            frozenset(identity for identity, its in self._whose.items() if its == lead),
            ScoreState.empty(),
            rules_version=DAMAGED,
            absorbed=tuple(sorted(each.lead for each in self.records.values() if each.merged_into == lead)),
            **beside,
        )

    def save(self, record: LeadRecord) -> None:
        self._check(record)
        self._store(record)

    def overrule(self, record: LeadRecord, wrong: int) -> None:
        stored = self.records.get(record.lead)
        if stored is None or (stored.version, stored.rules_version) != (record.version, wrong):
            raise Conflict("another version is stored")
        self._store(record)

    def join(self, survivor: LeadRecord, absorbed: LeadRecord) -> None:
        self._store_both(survivor, absorbed)
        self._whose.update(dict.fromkeys(absorbed.identities, survivor.lead))

    def part(self, remaining: LeadRecord, parted: LeadRecord) -> None:
        self._store_both(remaining, parted)
        self._whose.update(dict.fromkeys(parted.identities, parted.lead))

    def due(self, until: Moment, page: int) -> Iterator[list[LeadId]]:
        waiting = [r.lead for r in self.records.values() if r.due is not None and r.due <= until]
        yield from (waiting[start : start + page] for start in range(0, len(waiting), page))

    def segment(
        self,
        number: int,
        of: int,
        after: str | None,
        limit: int,
        older_than: int | None = None,
        *,
        redirects: bool = False,
    ) -> tuple[list[LeadId], str | None]:
        mine = [lead for place, lead in enumerate(sorted(self.records)) if place % of == number]
        rest = [lead for lead in mine if after is None or lead > after]
        page = rest[:limit]
        wanted = [
            lead
            for lead in page
            if (redirects or not self.records[lead].merged_into)
            and (older_than is None or self.records[lead].rules_version < older_than)
        ]
        return wanted, page[-1] if len(rest) > limit else None

    def after(self, lead: LeadId) -> str:
        return lead

    def _store_both(self, one: LeadRecord, two: LeadRecord) -> None:
        for each in (one, two):
            self._check(each)
        for each in (one, two):
            self._store(each)

    def _check(self, record: LeadRecord) -> None:
        stored = self.records.get(record.lead)
        if (stored.version if stored else 0) != record.version:
            raise Conflict("another version is stored")
        if stored and stored.rules_version > record.rules_version:
            raise Conflict("made under newer rules")

    def _store(self, record: LeadRecord) -> None:
        self.writes += 1
        self.damaged.discard(record.lead)
        self.foreign.discard(record.lead)
        self.records[record.lead] = replace(record, version=record.version + 1)
