from collections.abc import Collection, Iterable
from dataclasses import replace

from shared.domain.activity import Activity, Identity
from shared.domain.handoff import LeadId
from shared.domain.moments import Moment
from shared.ports.activities import ActivityKey
from shared.ports.errors import Conflict
from shared.ports.missed import ChannelKey, MissedMessage
from shared.ports.traces import Trace
from tests.fakes.activities import InMemoryActivities
from tests.fakes.handoffs import InMemoryHandoffs
from tests.fakes.leads import InMemoryLeads
from tests.fakes.missed import InMemoryMissed
from tests.fakes.rescoring import InMemoryRescoring
from tests.fakes.stages import InMemoryStages


class InMemoryTraces:
    """What the other fakes keep of a person."""

    def __init__(
        self,
        activities: InMemoryActivities,
        leads: InMemoryLeads,
        stages: InMemoryStages | None = None,
        handoffs: InMemoryHandoffs | None = None,
        missed: InMemoryMissed | None = None,
        *,
        rescoring: InMemoryRescoring | None = None,
    ) -> None:
        self._log = activities._log
        self._leads = leads
        self._stages = stages or InMemoryStages()
        self._handoffs = handoffs or InMemoryHandoffs()
        self._missed = missed or InMemoryMissed()
        self._rescoring = rescoring or InMemoryRescoring()

    def remove(self, activities: Collection[Activity]) -> None:
        for activity in activities:
            self._log.pop(ActivityKey(activity.identity, activity.id), None)

    def unname(self, activity: Activity, names: Collection[Identity]) -> None:
        key = ActivityKey(activity.identity, activity.id)
        if key in self._log:
            left = tuple(each for each in activity.identities if each == key.identity or each not in names)
            self._log[key] = replace(self._log[key], identities=left)

    def of(self, lead: LeadId) -> list[Trace]:
        found = [Trace("SCORE", {"version": record.version})] if (record := self._leads.load(lead)) else []
        found += [Trace("STAGE", {"version": stage.version})] if (stage := self._stages.load(lead)) else []
        found += [Trace(f"TRANSITION#{each.number:06d}", {}) for each in self._stages.transitions(lead)]
        found += [Trace(f"HANDOFF#{each.key.stage}#{each.key.epoch}", {}) for each in self._stages.handoffs(lead)]
        return [
            *sorted(found, key=lambda each: each.name),
            *(
                Trace(f"MISSED#{channel.text}#{message.id}", dict(message.detail))
                for channel, message in self._waiting(lead)
            ),
        ]

    def wipe(self, lead: LeadId, version: int) -> int:
        record = self._leads.load(lead)
        if (record.version if record else 0) != version:
            raise Conflict("another version is stored")
        found = len(self.of(lead))
        for channel, message in self._waiting(lead):
            self._missed.done(channel, message)
        self._leads.records.pop(lead, None)
        self._stages.records.pop(lead, None)
        self._stages._transitions.pop(lead, None)
        self._stages.handed_over.forget(lead)
        self._handoffs.forget(lead)
        return found

    def _waiting(self, lead: LeadId) -> list[tuple[ChannelKey, MissedMessage]]:
        held = [(channel, each) for channel, its in self._missed.messages.items() for each in its.values()]
        return sorted(((channel, each) for channel, each in held if each.detail.get("lead") == lead), key=repr)

    def release(self, identities: Iterable[Identity], leads: Collection[LeadId]) -> int:
        gone = [each for each in identities if self._leads._whose.get(each) in leads]
        for each in gone:
            del self._leads._whose[each]
        return len(gone)

    def detach(self, browser: Identity, known: Collection[Identity], until: Moment) -> int:
        before = self._leads._attached.pop(browser, {})
        left = {each: at for each, at in before.items() if each not in known or at > until}
        if left:
            self._leads._attached[browser] = left
        return len(before) - len(left)

    def leave(self, names: Collection[Identity]) -> int:
        keys = {each.key for each in names}
        found = [each for each in self._rescoring.all() if each.after and each.after.partition(" ")[0] in keys]
        for each in found:
            self._rescoring.save(replace(each, after=None, found=0))
        return len(found)
