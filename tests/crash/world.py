"""The whole way in memory: stores and queues that outlive every process, and functions that are started for each call.

It behaves as AWS does: queues and streams deliver at least once, in any order; what failed comes again; a scheduled
rule ticks; the bus passes events on to the queues that want them. Every function runs through its own handler.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, count
from typing import Any

from functions.evaluate import handler as evaluate_handler
from functions.notify import handler as notify_handler
from functions.relay import handler as relay_handler
from functions.rescore import handler as rescore_handler
from functions.score import handler as score_handler
from shared.adapters.dynamodb.keys import lead_partition
from shared.adapters.dynamodb.outbox import event_of, outbox_item
from shared.adapters.simulation_tokens import SignedSimulations
from shared.domain.activity import Activity
from shared.domain.drafts import Terms
from shared.domain.engine import compile_rules
from shared.domain.events import HandoffRequested, RulesApplied
from shared.domain.handoff import Answer, Handoff, HandoffKey, LeadId
from shared.domain.moments import MINUTE, SECOND, Moment
from shared.domain.notice import Notice
from shared.domain.people import Person, Role
from shared.domain.reading import parse_rule_file
from shared.domain.refusals import Refused
from shared.domain.routing import Member
from shared.ports.activities import ActivityKey
from shared.ports.bus import Event
from shared.ports.errors import Unavailable
from shared.ports.handoffs import AlreadyAnswered
from shared.ports.leads import LeadRecord
from shared.ports.rules import RuleVersion
from shared.usecases.answer import AnswerHandoff, AnswerTold
from shared.usecases.drafts import DraftRules
from shared.usecases.evaluate import Evaluate
from shared.usecases.noise import KnownNoise
from shared.usecases.notify import Notify
from shared.usecases.picking import Pick
from shared.usecases.publish import PublishRules
from shared.usecases.relay import Relay
from shared.usecases.rescore import Rescore
from shared.usecases.rulebook import ActiveRules, Rulebook, UnknownRules
from shared.usecases.score import Score
from tests.crash.faults import Died, Fault, Faults, Kind, Port
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryDrifts,
    InMemoryHandoffs,
    InMemoryLeads,
    InMemoryMissed,
    InMemoryNoiseMarks,
    InMemoryRescoring,
    InMemoryRuleVersions,
    InMemorySecrets,
    InMemoryStages,
)

TEAMS = ("inside-sales", "account-executives", "sales-lead")
CHANNELS = ("email", "slack", "webhook")
VISIBILITY = 6 * MINUTE
"""So long a queue keeps a message hidden that somebody has received."""
MOST_RECEIVES = 5
TERMS = Terms((Role.MARKETING, Role.SALES))
BEGINNING = "2026-03-02T09:00:00Z"


@dataclass(frozen=True, slots=True)
class Message:
    """Something to do, for one function. `left` is how often it is delivered again although it was done."""

    to: str
    body: Mapping[str, Any]
    visible_at: Moment
    left: int
    receives: int = 0
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came to a team on a channel."""

    team: str
    channel: str
    id: str


@dataclass(frozen=True, slots=True)
class Answering:
    """Somebody answers a lead's handoff."""

    person: Person
    lead: str
    stage: str
    epoch: int
    told: AnswerTold


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody asks for something about the rules."""

    what: Callable[[DraftRules, PublishRules], object]


@dataclass(frozen=True, slots=True)
class Designs:
    """The classes that the processes are made of; a test puts a broken one in."""

    evaluate: type[Evaluate] = Evaluate
    relay: type[Relay] = Relay
    notify: type[Notify] = Notify
    rescore: type[Rescore] = Rescore
    answer: type[AnswerHandoff] = AnswerHandoff
    publish: type[PublishRules] = PublishRules
    rescoring: type[InMemoryRescoring] = InMemoryRescoring
    handoffs: type[InMemoryHandoffs] = InMemoryHandoffs
    stages: type[InMemoryStages] = InMemoryStages
    missed: type[InMemoryMissed] = InMemoryMissed
    leads: type[Leads] | None = None


class Context:
    """What Lambda tells of the time that is left."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Log(InMemoryActivities):
    """A log that streams what is new in it."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: list[ActivityKey] = []

    def append(self, activities: Iterable[Activity], withheld: Iterable[Activity] = ()) -> None:
        for each in activities:
            if each not in self:
                self.appended.append(ActivityKey(each.identity, each.id))
            super().append([each])


class Leads(InMemoryLeads):
    """Leads whose changes stream, and whose due index holds the stages' moments too, as the table's does."""

    def __init__(self, stages: InMemoryStages) -> None:
        super().__init__()
        self.changed: list[LeadId] = []
        self.stages = stages

    def due(self, until: Moment, page: int) -> Iterator[list[LeadId]]:
        waiting = [each.lead for each in self.stages.records.values() if each.due is not None and each.due <= until]
        found = list(dict.fromkeys([*chain.from_iterable(super().due(until, page)), *waiting]))
        yield from (found[start : start + page] for start in range(0, len(found), page))

    def _store(self, record: LeadRecord) -> None:
        super()._store(record)
        if record.look:
            self.changed.append(record.lead)


class Rules(Rulebook):
    """A cold function's rules, read by it and compiled for all, because compiling is slow."""

    def version(self, number: int) -> ActiveRules:
        if number not in self._compiled:
            stored = self._versions.get(number)
            if stored is None:
                raise UnknownRules(number)
            self._compiled[number] = compiled(number, stored.published_at, stored.text)
        return self._compiled[number]


@cache
def compiled(number: int, published_at: Moment, text: str) -> ActiveRules:
    rule_file = parse_rule_file(json.loads(text))
    return ActiveRules(number, rule_file, compile_rules(rule_file, number), published_at)


class Inbox:
    """A channel of a team; a message about what nobody committed is noted as a violation."""

    def __init__(self, team: str, name: str, world: World) -> None:
        self.team, self.name, self.world = team, name, world

    def send(self, notice: Notice) -> None:
        if self.world.clock.now() < self.world.down.get(self.name, 0):
            raise Unavailable("connection refused")
        about = "" if notice.kind == "requested" else f".{notice.kind}"
        self.world.arrived.append(Arrived(self.team, self.name, notice.id + about))
        if notice.id not in self.world.committed():
            self.world.violations.append(f"{self.world.named(notice.id)} was told before it was committed")


class Box:
    """A queue of a function, as another one sees it."""

    def __init__(self, to: str, world: World) -> None:
        self.to, self.world = to, world

    def send(self, messages: Sequence[Mapping[str, object]]) -> None:
        for body in messages:
            self.world.put(self.to, body)

    def send_later(self, messages: Sequence[Mapping[str, object]], seconds: int) -> None:
        for body in messages:
            self.world.put(self.to, body, seconds=seconds)

    def waiting(self) -> int:
        return sum(message.to == self.to for message in self.world.pending)


class Bus:
    """Passes events on to the queues that want them."""

    WANTED: Mapping[str, tuple[str, ...]] = {
        "HandoffRequested": ("notify",),
        "HandoffFollowedUp": ("notify",),
        "HandoffAnswered": ("notify", "evaluate"),
        "RulesPublished": ("rescore",),
    }

    def __init__(self, world: World) -> None:
        self.world = world

    def put(self, events: Sequence[Event]) -> list[Event]:
        for event in events:
            self.world.heard[event.id].append(event)
            if event.name == HandoffRequested.NAME and key_of(event) not in self.world.committed():
                self.world.violations.append(f"{self.world.named(key_of(event))} was announced before it was committed")
            if event.name == RulesApplied.NAME and (older := self.world.older_than(event.detail["version"])):
                self.world.violations.append(
                    f"the end of a rescore was announced before {older[0]} was under its rules"
                )
            for to in self.WANTED.get(event.name, ()):
                detail = {**event.detail, "id": event.id}
                self.world.put(to, detail if to == "evaluate" else {"detail-type": event.name, "detail": detail})
        return []


def key_of(event: Event) -> str:
    return f"{event.detail['lead']}.{event.detail['stage']}.{event.detail['epoch']}"


class World:
    """Stores, queues and inboxes; `work` lets the functions work until nothing moves any more."""

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        *,
        designs: Designs | None = None,
        deliveries: int = 1,
        newest_first: bool = False,
    ) -> None:
        self.designs = designs or Designs()
        self.deliveries, self.newest_first = deliveries, newest_first
        self.faults = Faults(faults, self._is_idle)
        self.clock = FixedClock(BEGINNING)
        self.ticked = self.clock.now()
        self.log = Log()
        self.handoffs = self.designs.handoffs(log=self.log)
        self.stages = self.designs.stages(self.handoffs)
        # One outbox, so that it tells in which order things were committed.
        self.stages.outbox = self.handoffs.outbox
        self.missed = self.designs.missed()
        self.leads = (self.designs.leads or Leads)(self.stages)
        self.versions = InMemoryRuleVersions()
        self.rescoring = self.designs.rescoring()
        self.noise = InMemoryNoiseMarks()
        self.pending: list[Message] = []
        self.dead: list[Message] = []
        self.heard: dict[str, list[Event]] = defaultdict(list)
        self.arrived: list[Arrived] = []
        self.too_late: dict[str, Answer | None] = {}
        self.down: dict[str, Moment] = {}
        self.violations: list[str] = []
        self._outbox: dict[tuple[str, str], Event] = {}
        self._relayed = Counter[str]()
        self._numbers = count(1)

    # --- what people and the clock do ---------------------------------------------------------------------------------

    def publish(self, document: Mapping[str, Any]) -> None:
        """Somebody publishes rules; they go on the bus by the outbox."""
        number = self.versions.active_number() + 1
        text = json.dumps(document)
        self.versions.publish(
            RuleVersion(number, "acme", "ada", self.clock.now(), "agreed", f"{number:064d}", document, text)
        )

    def did(self, *activities: Activity) -> None:
        """Leads did something, at the same moment; it is in the log and streams."""
        now = self.clock.now()
        for each in activities:
            self.log.append([replace(each, occurred_at=now, received_at=now)])

    def answers(self, *answers: Answering, at: Moment | None = None) -> None:
        """People answer at the same moment; each presses the button again until an answer comes back."""
        for each in answers:
            self.pending.append(Message("answer", {"answer": each}, at or self.clock.now(), self.deliveries - 1))

    def asks(self, *wishes: Asking) -> None:
        """People ask for something about the rules; each asks again until an answer comes back."""
        for each in wishes:
            self.pending.append(Message("ask", {"ask": each}, self.clock.now(), self.deliveries - 1))

    def until(self, moment: Moment) -> None:
        """Time passes; the schedule ticks."""
        self.clock.moment = self.ticked = Moment(max(self.clock.moment, moment))
        self.put("rescore", {})
        self.put("notify", {})

    def rulebook(self) -> Rulebook:
        """The rules, as an onlooker reads them."""
        return Rules(self.versions, self.clock)

    def older_than(self, version: int) -> list[str]:
        """Who is under older rules."""
        records = self.leads.records.values()
        return [self.name(each.lead) for each in records if not each.merged_into and each.rules_version < version]

    def committed(self) -> dict[str, Handoff]:
        """Every handoff that was committed, by its id."""
        return {key.text: handoff for key, handoff in self.handoffs.committed.items()}

    def name(self, lead: str) -> str:
        """Who a lead is; its id depends on how often somebody began to make one."""
        record = self.leads.records.get(LeadId(lead))
        if record is None:
            return lead
        # Of leads that were joined to it each keeps its name.
        own = record.identities.difference(*(self.leads.records[each].identities for each in record.absorbed))
        return next(iter(own)).value.partition("@")[0]

    def live(self, lead: LeadId) -> LeadId:
        """A lead, or the one of which it is part now."""
        into = self.leads.records[lead].merged_into
        return self.live(into) if into else lead

    def named(self, key: str) -> str:
        """A handoff's id with the lead's name in it."""
        lead, _, rest = key.partition(".")
        return f"{self.name(lead)}.{rest}"

    # --- what AWS does ------------------------------------------------------------------------------------------------

    def put(self, to: str, body: Mapping[str, Any], *, seconds: int = 0, is_stream: bool = False) -> None:
        """Something is to be done."""
        visible = Moment(self.clock.now() + seconds * 1_000_000)
        self.pending.append(Message(to, body, visible, self.deliveries - 1, is_stream=is_stream))

    def work(self, before: Moment | None = None) -> None:
        """Deliver until nothing moves any more; where all that is left is hidden, time passes, up to a moment."""
        while message := self._next(before):
            self._deliver(message)
            self.clock.advance(SECOND)

    def _next(self, before: Moment | None) -> Message | None:
        self._stream()
        soon = [each for each in self.pending if before is None or each.visible_at < before]
        if not soon:
            return None
        self.clock.moment = Moment(max(self.clock.moment, min(each.visible_at for each in soon)))
        visible = [each for each in soon if each.visible_at <= self.clock.moment]
        message = visible[-1 if self.newest_first else 0]
        self.pending.remove(message)
        return message

    def _stream(self) -> None:
        appended, self.log.appended = self.log.appended, []
        for key in appended:
            self.put("score", {"activity": {"identity": key.identity.key, "id": key.id}})
        changed, self.leads.changed = self.leads.changed, []
        for lead in dict.fromkeys(changed):
            self.put("evaluate", {"pk": {"S": lead_partition(lead)}, "sk": {"S": "SCORE"}}, is_stream=True)
        for name, events in self._outboxes.items():
            for event in events[self._relayed[name] :]:
                partition = lead_partition(event.detail["lead"]) if "lead" in event.detail else "RULES"
                item = outbox_item(partition, event, self.clock.now())
                self._outbox[item["pk"]["S"], item["sk"]["S"]] = event_of(item)
                self.put("relay", item, is_stream=True)
            self._relayed[name] = len(events)

    @property
    def _outboxes(self) -> Mapping[str, list[Event]]:
        return {
            "leads": self.stages.outbox,
            "versions": self.versions.outbox,
            "noise": self.noise.outbox,
            "rescoring": self.rescoring.outbox,
        }

    def _is_idle(self) -> bool:
        """Whether there is no message that `_visible` would find."""
        now = self.clock.now()
        return not (
            self.log.appended
            or self.leads.changed
            or any(len(events) > self._relayed[name] for name, events in self._outboxes.items())
            or any(each.visible_at <= now and not each.receives for each in self.pending)
        )

    def _deliver(self, message: Message, *, nested: bool = False) -> None:
        def meanwhile(kind: Kind) -> None:
            if kind == "second delivery meanwhile":
                with suppress(Exception):
                    self._invoke(message, Faults(), lambda _: None)
            else:
                while other := self._visible():
                    self._deliver(other, nested=True)
                    if kind == "another message meanwhile":
                        return

        try:
            done = self._invoke(message, Faults() if nested else self.faults, meanwhile)
        except Died:
            done = False
        except Exception:  # noqa: BLE001 - Lambda would log it and deliver again
            done = False
        if done:
            if message.left:
                again = Moment(self.clock.now() + 2 * VISIBILITY)
                self.pending.append(replace(message, left=message.left - 1, receives=0, visible_at=again))
            return
        if message.receives + 1 >= MOST_RECEIVES:
            self.dead.append(message)
            return
        hidden = 0 if message.is_stream else VISIBILITY
        self.pending.append(
            replace(message, receives=message.receives + 1, visible_at=Moment(self.clock.now() + hidden))
        )

    def _visible(self) -> Message | None:
        self._stream()
        now = self.clock.now()
        message = next((each for each in self.pending if each.visible_at <= now and not each.receives), None)
        if message:
            self.pending.remove(message)
        return message

    # --- the functions, started anew for each message -----------------------------------------------------------------

    def _invoke(self, message: Message, faults: Faults, meanwhile: Callable[[Kind], None]) -> bool:
        """Start a function for a message; the answer is whether the message is done with."""

        def port(name: str, target: Any) -> Any:
            return Port(name, target, faults, meanwhile)

        faults.a_process_starts()
        function, given = getattr(self, f"_{message.to}")(port)
        if not message.body or message.to in ("answer", "ask"):
            event = dict(message.body)
        elif message.is_stream:
            keys = {name: message.body[name] for name in ("pk", "sk")}
            record = {"eventSource": "aws:dynamodb", "dynamodb": {"Keys": keys, "NewImage": dict(message.body)}}
            event = {"Records": [record]}
        else:
            event = {
                "Records": [
                    {"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps(message.body), "attributes": {}}
                ]
            }
        answer = function(event, Context(), given)
        return not (isinstance(answer, dict) and answer.get("batchItemFailures"))

    def _rules(self, port: Callable[[str, Any], Any]) -> Rulebook:
        return Rules(port("versions", self.versions), self.clock)

    def _score(self, port: Callable[[str, Any], Any]) -> Any:
        log, leads = port("activities", self.log), port("leads", self.leads)
        score = Score(log, leads, self._rules(port), self.clock, lambda: LeadId(f"lead-{next(self._numbers)}"))
        queue = port("score_queue", Box("score", self))
        return score_handler.lambda_handler, score_handler.Scoring(score, log, leads, queue, self.clock)

    def _evaluate(self, port: Callable[[str, Any], Any]) -> Any:
        evaluate = self.designs.evaluate(
            port("leads", self.leads),
            port("stages", self.stages),
            self._rules(port),
            self.clock,
            consent_required=True,
            rosters={"inside-sales": (Member(name="ada"), Member(name="ben"))},
        )
        queue = port("evaluate_queue", Box("evaluate", self))
        return evaluate_handler.lambda_handler, evaluate_handler.Evaluation(evaluate, queue)

    def _relay(self, port: Callable[[str, Any], Any]) -> Any:
        queue = port("relay_queue", Box("relay", self))
        relay = self.designs.relay(port("bus", Bus(self)), port("outbox", Outbox(self._outbox)), queue)
        return relay_handler.lambda_handler, relay

    def _notify(self, port: Callable[[str, Any], Any]) -> Any:
        teams = {team: {name: port("channel", Inbox(team, name, self)) for name in CHANNELS} for team in TEAMS}
        notify = self.designs.notify(
            handoffs=port("handoffs", self.handoffs),
            leads=port("leads", self.leads),
            rulebook=self._rules(port),
            clock=self.clock,
            teams=teams,
            missed=port("missed", self.missed),
            queue=port("notify_queue", Box("notify", self)),
        )
        return notify_handler.lambda_handler, notify

    def _answer(self, port: Callable[[str, Any], Any]) -> Any:
        handoffs = port("handoffs", self.handoffs)
        answer = self.designs.answer(
            handoffs=handoffs,
            answers=handoffs,
            leads=port("leads", self.leads),
            rulebook=self._rules(port),
            clock=self.clock,
        )
        return self._press, answer

    def _press(self, event: Any, _context: Any, answer: AnswerHandoff) -> None:
        said: Answering = event["answer"]
        lead = next(each for each in self.leads.records if self.name(each) == said.lead)
        try:
            answer.answer(HandoffKey(lead, said.stage, said.epoch), said.told, said.person)
        except AlreadyAnswered as error:
            self.too_late[said.person.name] = error.record.answer

    def _ask(self, port: Callable[[str, Any], Any]) -> Any:
        versions = port("versions", self.versions)
        simulations = SignedSimulations(InMemorySecrets(page="s" * 43), "page", self.clock)
        publishing = self.designs.publish(versions, self.clock, {}, simulations, TERMS)
        return self._asked, (DraftRules(versions, self.clock, TERMS, publishing.warnings), publishing)

    def _asked(self, event: Any, _context: Any, given: tuple[DraftRules, PublishRules]) -> None:
        asked: Asking = event["ask"]
        with suppress(Refused):  # it says why, to whoever asks
            asked.what(*given)

    def _rescore(self, port: Callable[[str, Any], Any]) -> Any:
        leads, noise, rules = port("leads", self.leads), port("noise", self.noise), self._rules(port)
        rescore = self.designs.rescore(
            leads=leads,
            pick=Pick(
                activities=port("activities", self.log),
                leads=leads,
                stages=port("stages", self.stages),
                noise=noise,
                known_noise=KnownNoise(noise, self.clock),
                rulebook=rules,
                clock=self.clock,
                page=10,
            ),
            rescoring=port("rescoring", self.rescoring),
            touches=port("score_queue", Box("score", self)),
            drifts=InMemoryDrifts(),
            rulebook=rules,
            clock=self.clock,
            segments=1,
            page=10,
        )
        return rescore_handler.lambda_handler, rescore


class Outbox:
    """Waiting events, for a retry that names one by its key."""

    def __init__(self, waiting: Mapping[tuple[str, str], Event]) -> None:
        self.waiting = waiting

    def get(self, partition: str, sort: str) -> Event | None:
        return self.waiting.get((partition, sort))
