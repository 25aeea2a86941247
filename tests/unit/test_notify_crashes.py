"""`notify` dies before, or just after, any of its calls, and the queue delivers again: nothing is lost, little repeats.

The same harness is shown to catch designs that are broken on purpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.events import HandoffRequested
from shared.domain.handoff import HandoffRecord
from shared.domain.moments import MINUTE, SECOND, Moment
from shared.domain.notice import Notice
from shared.ports.channels import Channel
from shared.ports.errors import PortError, Unavailable
from shared.ports.missed import ChannelKey, MissedMessage
from shared.usecases.delivery import Delivery, NotDelivered
from shared.usecases.notify import Notify, _Outcome
from shared.usecases.rulebook import Rulebook
from tests.fakes import FixedClock, InMemoryHandoffs, InMemoryLeads, InMemoryMissed, InMemoryQueue, InMemoryRuleVersions
from tests.handed_over import HANDOFF, KEY, LEAD, NOW, RULES, sam

CHANNELS = ("email", "slack", "webhook")
REQUESTED = HandoffRequested(
    id=f"{KEY.text}.requested",
    lead=KEY.lead,
    stage=KEY.stage,
    epoch=KEY.epoch,
    to=HANDOFF.to,
    requested_at=HANDOFF.requested_at,
)


class Died(BaseException):
    """The process is gone; no `except Exception` of it runs any more."""


class Faults:
    """Numbers the calls to the world, and lets one of them go wrong."""

    def __init__(self, at: int, kind: str) -> None:
        self.at, self.kind, self.calls = at, kind, 0

    def around(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        number, self.calls = self.calls, self.calls + 1
        if number != self.at:
            return call(*given, **named)
        if self.kind == "dies before":
            raise Died
        if self.kind == "throttled":
            raise Unavailable("slow down")
        answer = call(*given, **named)
        if self.kind == "dies after":
            raise Died
        if self.kind == "answer lost":
            raise Unavailable("no answer")
        return answer


class Faulty:
    """A port behind the faults."""

    def __init__(self, port: Any, faults: Faults) -> None:
        self._port, self._faults = port, faults

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return lambda *given, **named: self._faults.around(call, *given, **named)


class Inbox:
    """What arrived on a channel; while somebody is sending, `meanwhile` happens once."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world = name, world

    def send(self, notice: Notice) -> None:
        self.world.arrived[self.name].append(notice.id)
        meanwhile, self.world.meanwhile = self.world.meanwhile, None
        if meanwhile:
            meanwhile()


class World:
    """The stores and inboxes, which outlive every process."""

    def __init__(self, design: type[Notify] = Notify, *, committed: bool = True) -> None:
        self.design = design
        self.clock = FixedClock(NOW)
        self.handoffs = InMemoryHandoffs(*([HANDOFF] if committed else []))
        self.missed, self.queue = InMemoryMissed(), InMemoryQueue()
        self.leads = InMemoryLeads()
        self.leads.records[LEAD] = sam(consent="granted")
        self.versions = InMemoryRuleVersions()
        self.versions.publish(RULES)
        self.arrived: dict[str, list[str]] = {name: [] for name in CHANNELS}
        self.meanwhile: Callable[[], object] | None = None

    def deliver(self, faults: Faults | None = None) -> bool:
        """The queue delivers once to a fresh process; the answer is whether the message is done with."""
        process = self.process(faults or Faults(-1, ""))
        try:
            process.deliver(REQUESTED, Moment(self.clock.now() + 30 * SECOND))
        except (Died, NotDelivered, PortError):
            return False
        return True

    def process(self, faults: Faults) -> Notify:
        """A fresh process, whose calls go through the faults."""
        channels: Mapping[str, Channel] = {name: Faulty(Inbox(name, self), faults) for name in CHANNELS}
        return self.design(
            Faulty(self.handoffs, faults),
            Faulty(self.leads, faults),
            Rulebook(Faulty(self.versions, faults), self.clock),
            self.clock,
            {"inside-sales": channels},
            Faulty(self.missed, faults),
            Faulty(self.queue, faults),
        )

    def until_done(self) -> None:
        """The queue delivers again until the message is done with."""
        for _ in range(4):
            self.clock.advance(6 * MINUTE)
            if self.deliver():
                return
        pytest.fail("the message would lie in the dead-letter queue")

    def times(self) -> Counter[str]:
        return Counter({name: len(arrived) for name, arrived in self.arrived.items()})


def count_calls() -> int:
    faults = Faults(-1, "")
    assert World().deliver(faults)
    return faults.calls


KINDS = ("dies before", "dies after", "throttled", "answer lost")
SINGLES = [(number, kind) for number in range(count_calls()) for kind in KINDS]


def holds(world: World, faults: list[Faults]) -> None:
    """Every channel has it; only a fault between sending and marking repeats it, once, and under the same id."""
    for fault in faults:
        if world.deliver(fault):
            break
        world.clock.advance(6 * MINUTE)
    else:
        world.until_done()
    assert all(world.times()[name] >= 1 for name in CHANNELS), "somebody was never told"
    assert sum(world.times().values()) <= len(CHANNELS) + len(faults), "somebody was told more than once too often"
    assert {number for arrived in world.arrived.values() for number in arrived} == {KEY.text}
    assert set(world.handoffs.sent(KEY)) == set(CHANNELS)


@pytest.mark.parametrize(("number", "kind"), SINGLES)
def test_one_fault_anywhere_loses_nothing(number: int, kind: str) -> None:
    holds(World(), [Faults(number, kind)])


def test_two_faults_one_after_the_other_lose_nothing() -> None:
    for first in SINGLES:
        for second in SINGLES:
            holds(World(), [Faults(*first), Faults(*second)])


def test_a_repetition_needs_a_fault_between_sending_and_marking() -> None:
    repeated = []
    for number, kind in SINGLES:
        world = World()
        holds(world, [Faults(number, kind)])
        if sum(world.times().values()) > len(CHANNELS):
            repeated.append(kind)
    # For each channel: dead after sending, an answer lost after sending, dead or throttled before marking.
    assert Counter(repeated) == {"dies before": 3, "dies after": 3, "throttled": 3, "answer lost": 3}


@pytest.mark.parametrize(("number", "kind"), [(-1, ""), *SINGLES])
def test_a_second_delivery_in_the_middle_of_the_first_sends_nothing_twice(number: int, kind: str) -> None:
    world = World()
    world.meanwhile = world.deliver
    world.deliver(Faults(number, kind))
    world.until_done()
    assert all(world.times()[name] >= 1 for name in CHANNELS)
    assert sum(world.times().values()) <= len(CHANNELS) + (number >= 0)


def caught(design: type[Notify]) -> bool:
    """Whether the harness finds fault with a design."""
    try:
        for number, kind in SINGLES:
            holds(World(design), [Faults(number, kind)])
        world = World(design)
        world.meanwhile = world.deliver
        world.deliver()
        world.until_done()
        assert sum(world.times().values()) == len(CHANNELS)
        uncommitted = World(design, committed=False)
        with pytest.raises(Exception, match="committed"):
            uncommitted.deliver()
        assert not sum(uncommitted.times().values())
    except (AssertionError, pytest.fail.Exception):
        return True
    return False


class MarksFirst(Notify):
    """Marks a channel as sent before it sends."""

    def _outcome(self, record: HandoffRecord, event: Any, sending: Any, notice: Notice, *given: Any, **how: Any) -> Any:
        self.handoffs.mark_sent(record.key, sending.mark, self.clock.now())
        sending.channel.send(notice)
        return _Outcome("sent", at=self.clock.now())


class ClaimsNothing(Notify):
    """Sends without asking whether somebody else is sending."""

    def _outcome(self, record: HandoffRecord, event: Any, sending: Any, notice: Notice, *given: Any, **how: Any) -> Any:
        sending.channel.send(notice)
        self.handoffs.mark_sent(record.key, sending.mark, self.clock.now())
        return _Outcome("sent", at=self.clock.now())


class ClaimsForEver(Notify):
    """Claims without an end, so that nobody takes over from the dead."""

    def deliver(self, announced: Any, until: Moment, given_back: str | None = None) -> Delivery:
        return super().deliver(announced, Moment(until + 1_000_000 * MINUTE), given_back)


class MarksAllAtTheEnd(Notify):
    """Marks only once every channel has been sent."""

    def _send(self, record: HandoffRecord, event: Any, lead: Any, waiting: Any, *given: Any, **how: Any) -> Delivery:
        for each in waiting:
            each.channel.send(self._notice(record, lead, event))
        for each in waiting:
            self.handoffs.mark_sent(record.key, each.mark, self.clock.now())
        return Delivery(record.key)


class ForgetsFailures(Notify):
    """Takes a message as done with although a channel failed."""

    def _send(self, *given: Any, **how: Any) -> Delivery:
        return replace(super()._send(*given, **how), failed={})


class SendsWhatNobodyCommitted(Notify):
    """Believes the announcement."""

    def deliver(self, announced: Any, until: Moment, given_back: str | None = None) -> Delivery:
        if self.handoffs.record(KEY) is None:
            for channel in self.teams["inside-sales"].values():
                channel.send(self._notice(HandoffRecord(HANDOFF, HANDOFF.to), sam(consent="granted"), None))
        return super().deliver(announced, until, given_back)


class PutsByAndForgetsTheBreaker(Notify):
    """Puts a message by at the first failure, on a channel that nobody looks at because its breaker is closed."""

    def _outcome(self, record: HandoffRecord, event: Any, sending: Any, notice: Notice, *given: Any, **how: Any) -> Any:
        outcome = super()._outcome(record, event, sending, notice, *given, **how)
        return replace(outcome, kind="put by") if outcome.kind == "failed" else outcome


@pytest.mark.parametrize(
    "design",
    [
        MarksFirst,
        ClaimsNothing,
        ClaimsForEver,
        MarksAllAtTheEnd,
        ForgetsFailures,
        SendsWhatNobodyCommitted,
        PutsByAndForgetsTheBreaker,
    ],
)
def test_designs_that_are_broken_on_purpose_are_caught(design: type[Notify]) -> None:
    assert caught(design)


def test_the_design_in_use_is_not() -> None:
    assert not caught(Notify)


# --- what a channel missed -----------------------------------------------------------------------------------------

SLACK = ChannelKey("inside-sales", "slack")
MISSED = 3


def missing() -> World:
    """A world in which Slack was down, is back, and has missed three handoffs."""
    world = World()
    for epoch in range(1, MISSED + 1):
        key = replace(KEY, epoch=epoch)
        world.handoffs.committed[key] = replace(HANDOFF, key=key)
        told = REQUESTED.model_copy(update={"id": f"{key.text}.requested", "epoch": epoch})
        world.missed.put_by(SLACK, MissedMessage(told.id, told.requested_at, told.NAME, told.as_detail()))
        world.missed.failed(SLACK, world.clock.now(), "no answer")
    world.clock.advance(MINUTE)
    return world


def tick(world: World, faults: Faults | None = None) -> bool:
    """The schedule ticks once in a fresh process; the answer is whether nothing went wrong."""
    try:
        world.process(faults or Faults(-1, "")).recover(Moment(world.clock.now() + MINUTE))
    except (Died, PortError):
        return False
    return True


def count_calls_of_a_tick() -> int:
    faults = Faults(-1, "")
    assert tick(missing(), faults)
    return faults.calls


@pytest.mark.parametrize("number", range(count_calls_of_a_tick()))
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_anywhere_while_a_channel_is_sent_what_it_missed_loses_nothing(number: int, kind: str) -> None:
    world = missing()
    tick(world, Faults(number, kind))
    for _ in range(4):
        world.clock.advance(2 * MINUTE)
        assert tick(world)
    times = Counter(world.arrived["slack"])
    assert set(times) == {replace(KEY, epoch=epoch).text for epoch in range(1, MISSED + 1)}
    assert sum(times.values()) <= MISSED + 1
    assert (world.missed.waiting(), world.missed.breakers()) == ([], {})
    assert world.queue.messages == []
