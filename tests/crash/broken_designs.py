"""Designs that are broken on purpose, each in one way in which such a system is often built.

What a design does by itself goes through the numbered ports too, so that faults fall between its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from shared.domain.activity import Activity
from shared.domain.events import RulesApplied
from shared.domain.handoff import Answer, Handoff, HandoffKey, LeadId
from shared.domain.introduction import introduce
from shared.domain.moments import DAY, MINUTE, Moment
from shared.domain.notice import compose
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.leads import LeadRecord
from shared.ports.rescoring import Checkpoint
from shared.ports.stages import FollowedUp, StageRecord
from shared.usecases.answer import AnswerHandoff
from shared.usecases.decision import Decision
from shared.usecases.delivery import Announced, Delivery, NotDelivered
from shared.usecases.evaluate import Evaluate
from shared.usecases.notify import Notify
from shared.usecases.picking import Message
from shared.usecases.publish import PublishRules
from shared.usecases.relay import OutboxKey, Relay
from shared.usecases.rescore import Rescore
from tests.crash.world import Designs, Leads
from tests.fakes import InMemoryHandoffs, InMemoryMissed, InMemoryRescoring, InMemoryStages
from tests.handed_over import HANDOFF

# --- evaluate ---------------------------------------------------------------------------------------------------------


class Committing:
    """The stages of a process, with a commit of its own."""

    def __init__(self, stages: Any, commit: Callable[..., None]) -> None:
        self._stages, self._commit = stages, commit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stages, name)

    def commit(
        self, record: StageRecord, transitions: Any = (), handoffs: Any = (), events: Any = (), **rest: Any
    ) -> None:
        self._commit(self._stages, record, tuple(transitions), tuple(handoffs), tuple(events), **rest)


def evaluating(commit: Callable[..., None]) -> type[Evaluate]:
    """`Evaluate` with another commit."""

    class Other(Evaluate):
        def __init__(self, leads: Any, stages: Any, *given: Any, **named: Any) -> None:
            super().__init__(leads, Committing(stages, commit), *given, **named)

    return Other


class Announcing(InMemoryStages):
    """Stages that also store events by themselves, and count entries by themselves."""

    def announce(self, events: Sequence[Event]) -> None:
        self.outbox.extend(events)

    def count(self, lead: LeadId, stage: str) -> int:
        counts = self.__dict__.setdefault("counts", {})
        counts[lead, stage] = counts.get((lead, stage), 0) + 1
        return int(counts[lead, stage])


def announced_first(stages: Any, record: Any, transitions: Any, handoffs: Any, events: Any, **rest: Any) -> None:
    stages.announce(events)
    stages.commit(record, transitions, handoffs, (), **rest)


def announced_later(stages: Any, record: Any, transitions: Any, handoffs: Any, events: Any, **rest: Any) -> None:
    stages.commit(record, transitions, handoffs, (), **rest)
    stages.announce(events)


def announced_never(stages: Any, record: Any, transitions: Any, handoffs: Any, events: Any, **rest: Any) -> None:
    stages.commit(record, transitions, handoffs, [each for each in events if each.name != "HandoffRequested"], **rest)


def handed_over_later(stages: Any, record: Any, transitions: Any, handoffs: Any, events: Any, **rest: Any) -> None:
    stages.commit(record, transitions, (), (), **rest)
    stages.commit(stages.load(record.lead), (), handoffs, events)


def conflict_taken_for_done(stages: Any, *given: Any, **rest: Any) -> None:
    try:
        stages.commit(*given, **rest)
    except Conflict:
        return


def counted_with_a_counter(stages: Any, record: Any, transitions: Any, handoffs: Any, events: Any, **rest: Any) -> None:
    numbers = {each.to_stage: stages.count(record.lead, each.to_stage) for each in transitions}
    transitions = [replace(each, epoch=numbers[each.to_stage]) for each in transitions]
    stages.commit(record, transitions, handoffs, events, **rest)


class LevelNotEdge(Evaluate):
    """Hands over whenever a lead is above the threshold, whether or not it crossed it."""

    def _decided(self, scored: LeadRecord, record: StageRecord, *given: Any) -> Decision:
        if record.journey.stage == "mql":
            record = replace(record, journey=replace(record.journey, stage="suspect", spent=frozenset()))
        return super()._decided(scored, record, *given)


class ScoreFirst:
    """The leads and the stages of a process that reads the score before the stage."""

    def __init__(self, leads: Any, stages: Any) -> None:
        self._leads, self._stages = leads, stages
        self._read: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stages, name)

    def load(self, lead: LeadId) -> Any:
        self._read = self._leads.load(lead)
        return self._stages.load(lead)

    def read(self, lead: LeadId) -> Any:
        return self._read


class ReadBefore:
    """The leads of such a process."""

    def __init__(self, both: ScoreFirst) -> None:
        self.load = both.read


class ReadsTheScoreFirst(Evaluate):
    """Decides where a lead stands now by what its score was before."""

    def __init__(self, leads: Any, stages: Any, *given: Any, **named: Any) -> None:
        both = ScoreFirst(leads, stages)
        super().__init__(ReadBefore(both), both, *given, **named)  # type: ignore[arg-type]


class WithoutVersions(InMemoryStages):
    """Writes whatever comes."""

    def commit(self, record: StageRecord, *given: Any, **rest: Any) -> None:
        stored = self.records.get(record.lead)
        self._transitions[record.lead] = {
            number: each
            for number, each in self._transitions.get(record.lead, {}).items()
            if number <= record.transitions - len(given[0] if given else ())
        }
        for each in given[1] if len(given) > 1 else ():
            self.handed_over.committed.pop(each.key, None)
        super().commit(replace(record, version=stored.version if stored else 0), *given, **rest)


# --- relay and rescore ------------------------------------------------------------------------------------------------


class BelievesTheBus(Relay):
    """Takes for granted that the bus took everything."""

    def publish_all(self, waiting: Mapping[OutboxKey, Event], unreadable: Sequence[OutboxKey] = ()) -> int:
        self.bus.put(list(waiting.values()))
        return len(unreadable)


class ChecksOffFirst(Rescore):
    """Moves its checkpoints on before it asks for the touches, and goes through the leads of a publish only once."""

    def published(self, version: int) -> None:
        self.everyone(f"rules-{version}")

    def go_on(self, has_time: Callable[[], bool]) -> int:
        later: list[Message] = []
        ask, self._ask = self._ask, later.extend  # type: ignore[method-assign, assignment]
        asked = super().go_on(has_time)
        self._ask = ask  # type: ignore[method-assign]
        self._ask(later)
        return asked

    def _tell_ends(self) -> None:
        for each in self._rescoring.all():
            if each.done_at and not each.announced:
                version = int(each.job.rpartition("-")[2])
                said = Event(id=f"rules-applied-{version}", name=RulesApplied.NAME, detail={"version": version})
                self._rescoring.save(replace(each, announced=True), said)


class Unbooking(Leads):
    """Leads whose moments can be taken out of the index."""

    def unbook(self, lead: LeadId) -> None:
        self.records[lead] = replace(self.records[lead], due=None)
        if lead in self.stages.records:
            self.stages.records[lead] = replace(self.stages.records[lead], due=None)


class UnbooksFirst(Rescore):
    """Takes a lead out of the due index before it asks for the touch."""

    def sweep(self, has_time: Callable[[], bool]) -> int:
        due = [lead for page in self._leads.due(self._clock.now(), self._page) for lead in page]
        for lead in due:
            self._leads.unbook(lead)  # type: ignore[attr-defined]
        self._ask([{"lead": lead} for lead in due])
        return len(due)


class TwoRescorings:
    """Checkpoints of which the events are written by themselves."""

    def __init__(self, rescoring: Any) -> None:
        self._rescoring = rescoring

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rescoring, name)

    def save(self, checkpoint: Any, *events: Event) -> None:
        self._rescoring.save(checkpoint)
        for event in events:
            self._rescoring.tell(event)


class TellsTheEndLater(Rescore):
    """Notes that a rescore has ended, and tells it in a second step."""

    def __init__(self, *, rescoring: Any, **rest: Any) -> None:
        super().__init__(rescoring=TwoRescorings(rescoring), **rest)


class Telling(InMemoryRescoring):
    """Checkpoints that also store events by themselves."""

    def tell(self, event: Event) -> None:
        self.outbox.append(event)


class TellsTheEndAtOnce(Rescore):
    """Takes a publish for done once every lead was asked for."""

    def published(self, version: int) -> None:
        super().published(version)
        for each in self._rescoring.unfinished():
            self._rescoring.save(replace(each, until_quiet=each.began))

    def _page_of(self, checkpoint: Checkpoint) -> tuple[int, Checkpoint | None]:
        found, following = super()._page_of(checkpoint)
        for each in self._rescoring.unfinished():
            if each.job == checkpoint.job and not following:
                self._rescoring.save(replace(each, done_at=self._clock.now()))
        return found, following


# --- publish ----------------------------------------------------------------------------------------------------------


class TwoPublishings:
    """Versions of which the draft is written by itself."""

    def __init__(self, versions: Any) -> None:
        self._versions = versions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._versions, name)

    def publish(self, version: Any, draft: Any = None) -> None:
        if draft:
            self._versions.store(draft)
        self._versions.publish(version)


class PublishesInTwoSteps(PublishRules):
    """Says of a draft that it is a version, and makes it one in a second step."""

    def __init__(self, versions: Any, *given: Any) -> None:
        super().__init__(TwoPublishings(versions), *given)


# --- notify -----------------------------------------------------------------------------------------------------------


class MarksFirst(InMemoryHandoffs):
    """Marks a channel as sent when it is claimed, before anything is sent."""

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        claimed = super().claim(key, channel, at, until)
        if claimed:
            self.mark_sent(key, channel, at)
        return claimed


class ClaimsNothing(InMemoryHandoffs):
    """Lets everybody send who finds that nobody has sent yet."""

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        return channel not in self.sent(key)


class ClaimsForEver(InMemoryHandoffs):
    """Never lets anybody take over from the dead."""

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        return super().claim(key, channel, at, Moment(until + 1000 * DAY))


class DedupesByTime(InMemoryHandoffs):
    """Remembers for ten minutes what was sent."""

    def claim(self, key: HandoffKey, channel: str, at: Moment, until: Moment) -> bool:
        sent = self._sent.get(key, {})
        if channel in sent and at - sent[channel] > 10 * MINUTE:
            del sent[channel]
        return super().claim(key, channel, at, until)

    def sent(self, key: HandoffKey) -> dict[str, Moment]:
        return {}


class PutsNothingBy(InMemoryMissed):
    """Tries nothing on a channel that is down, and keeps nothing for it."""

    def put_by(self, *given: Any) -> None:
        pass


class ForgetsFailures(Notify):
    """Takes a message as done with although a channel failed."""

    def deliver(self, *given: Any) -> Delivery:
        try:
            return super().deliver(*given)
        except NotDelivered as error:
            return replace(error.delivery, failed={})


class Late:
    """Handoffs of a process that notes what was sent, and marks it all at the end."""

    def __init__(self, handoffs: Any) -> None:
        self._handoffs = handoffs
        self.noted: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handoffs, name)

    def mark_sent(self, *given: Any) -> None:
        self.noted.append(given)


class MarksAllAtTheEnd(Notify):
    """Marks only once every channel has been sent."""

    def deliver(self, *given: Any) -> Delivery:
        late = Late(self.handoffs)
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        delivery = Notify(**{**own, "handoffs": late}).deliver(*given)
        for each in late.noted:
            self.handoffs.mark_sent(*each)
        return delivery


class BelievesTheAnnouncement(Notify):
    """Sends what nobody committed."""

    def deliver(self, announced: Announced, until: Moment, given_back: str | None = None) -> Delivery:
        if self.handoffs.record(announced.key) is None:
            claimed: Handoff = replace(HANDOFF, key=announced.key)
            for channel in self.teams["inside-sales"].values():
                channel.send(compose(claimed, introduce((), {}, {}), None))
        return super().deliver(announced, until, given_back)


# --- follow-ups and answers -------------------------------------------------------------------------------------------


class FollowsUpWhateverWasAnswered(InMemoryStages):
    """Writes that nobody had answered, without a look at whether somebody has."""

    def commit(self, *given: Any, follow_ups: Sequence[FollowedUp] = (), **rest: Any) -> None:
        super().commit(*given, **rest)
        for each in follow_ups:
            after = each.after
            self.handed_over._now[after.key] = (after.to, after.assignee, after.done)


class ForgetsWhatWasWithheld(InMemoryStages):
    """Does not know what was not sent for want of permission."""

    def withheld(self, key: HandoffKey) -> bool:
        return False


class LastAnswerWins(InMemoryHandoffs):
    """Lets whoever answers later have the last word."""

    def answer(self, key: HandoffKey, *given: Any) -> None:
        self._answers.pop(key, None)
        super().answer(key, *given)


class AnswersInTwoSteps(AnswerHandoff):
    """Answers first, and says so in the log and on the bus in a second step."""

    def __init__(self, *, handoffs: Any, answers: Any, **rest: Any) -> None:
        super().__init__(handoffs=handoffs, answers=TwoSteps(answers), **rest)


class TwoSteps:
    """Answers of which the consequences are written by themselves."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers

    def answer(self, *given: Any) -> None:
        self._answers.settle(*given)
        self._answers.tell(*given)


class Settling(InMemoryHandoffs):
    """Handoffs whose answer can be written without what follows from it."""

    def settle(self, key: HandoffKey, answer: Answer, activity: Activity, event: Event) -> None:
        before = len(self.outbox)
        super().answer(key, answer, activity, event)
        self.unsaid = len(self.outbox) > before
        if self.unsaid:
            self.outbox.pop()

    def tell(self, key: HandoffKey, answer: Answer, activity: Activity, event: Event) -> None:
        if self.unsaid:
            self.outbox.append(event)


def follow_ups_not_booked(stages: Any, record: Any, *given: Any, **rest: Any) -> None:
    dues = {each.due for each in record.open}
    stages.commit(replace(record, due=None if record.due in dues else record.due), *given, **rest)


def follow_ups_forgotten(
    stages: Any, record: Any, transitions: Any, handoffs: Any, events: Any, *, follow_ups: Any = (), **rest: Any
) -> None:
    forgotten = [replace(each, after=replace(each.after, done=each.before.done)) for each in follow_ups]
    stages.commit(record, transitions, handoffs, events, follow_ups=forgotten, **rest)


@dataclass(frozen=True, slots=True)
class Broken:
    """A broken design; the story in which it shows; and the calls at which something must go wrong for that, if any."""

    designs: Designs
    story: str = "out and back"
    calls: tuple[str, ...] = ()


BROKEN: Mapping[str, Broken] = {
    "announces before it commits": Broken(
        Designs(evaluate=evaluating(announced_first), stages=Announcing), calls=("stages.announce", "stages.commit")
    ),
    "announces after it committed": Broken(
        Designs(evaluate=evaluating(announced_later), stages=Announcing), calls=("stages.announce",)
    ),
    "leaves the announcement out of the transaction": Broken(Designs(evaluate=evaluating(announced_never))),
    "commits the handoff after the stage": Broken(
        Designs(evaluate=evaluating(handed_over_later)), calls=("stages.load", "stages.commit")
    ),
    "takes a conflict for done": Broken(
        Designs(evaluate=evaluating(conflict_taken_for_done)), calls=("stages.commit",)
    ),
    "numbers entries with a counter": Broken(
        Designs(evaluate=evaluating(counted_with_a_counter), stages=Announcing), calls=("stages.count",)
    ),
    "goes by the level, not the edge": Broken(Designs(evaluate=LevelNotEdge)),
    "reads the score before the stage": Broken(
        Designs(evaluate=ReadsTheScoreFirst), "permission comes late", ("stages.load",)
    ),
    "checks no version": Broken(Designs(stages=WithoutVersions), calls=("versions.get", "stages.commit")),
    "follows up whatever was answered": Broken(
        Designs(stages=FollowsUpWhateverWasAnswered), "answered at the last moment", ("stages.commit",)
    ),
    "books no follow-up": Broken(Designs(evaluate=evaluating(follow_ups_not_booked)), "nobody answers"),
    "forgets which follow-ups are done": Broken(Designs(evaluate=evaluating(follow_ups_forgotten)), "nobody answers"),
    "forgets what was withheld": Broken(Designs(stages=ForgetsWhatWasWithheld), "permission goes and comes"),
    "lets the last answer win": Broken(Designs(handoffs=LastAnswerWins), "nobody answers"),
    "answers in two steps": Broken(
        Designs(answer=AnswersInTwoSteps, handoffs=Settling), "answered in time", ("handoffs.tell",)
    ),
    "believes the bus": Broken(Designs(relay=BelievesTheBus), calls=("bus.put",)),
    "checks off before it asks": Broken(
        Designs(rescore=ChecksOffFirst), "rules change", ("rescoring.save", "score_queue.send")
    ),
    "tells the end of a rescore later": Broken(
        Designs(rescore=TellsTheEndLater, rescoring=Telling), "rules change", ("rescoring.tell",)
    ),
    "tells the end of a rescore at once": Broken(Designs(rescore=TellsTheEndAtOnce), "rules change"),
    "publishes a draft in two steps": Broken(
        Designs(publish=PublishesInTwoSteps), "a draft is published", ("versions.publish",)
    ),
    "forgets a deadline before it asks": Broken(
        Designs(rescore=UnbooksFirst, leads=Unbooking), calls=("leads.unbook", "score_queue.send")
    ),
    "marks before it sends": Broken(Designs(handoffs=MarksFirst), calls=("channel.send",)),
    "claims nothing": Broken(Designs(handoffs=ClaimsNothing), calls=("channel.send",)),
    "claims for ever": Broken(Designs(handoffs=ClaimsForEver), calls=("channel.send",)),
    "remembers for ten minutes": Broken(Designs(handoffs=DedupesByTime)),
    "puts nothing by": Broken(Designs(missed=PutsNothingBy), "a channel is down"),
    "forgets failures": Broken(Designs(notify=ForgetsFailures), calls=("channel.send",)),
    "marks all at the end": Broken(Designs(notify=MarksAllAtTheEnd), calls=("handoffs.mark_sent",)),
    "believes the announcement": Broken(Designs(notify=BelievesTheAnnouncement), "announced by nobody"),
}
