"""Recovering: what a channel missed while it was down goes out in order once it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.domain.moments import SECOND, Moment
from shared.ports.errors import Unavailable
from shared.ports.missed import ChannelKey, MissedMessage
from shared.usecases.delivery import ANNOUNCED, ELSEWHERE, Announced, Delivery, NotDelivered, Turn, asked_at

if TYPE_CHECKING:
    from shared.domain.breaker import Breaker
    from shared.ports.clock import Clock
    from shared.ports.missed import Missed
    from shared.ports.queue import Queue

SideBySide = Callable[[Callable[[ChannelKey], int], Sequence[ChannelKey]], Iterable[int]]
"""Does some work for each channel and answers what came of it, in the same order."""

_PAGE = 25
_REACH = 100
"""Among so many of the messages behind one that fails, another is looked for that may arrive."""
_SPARE = 20 * SECOND
"""A missed message is begun only while this much time is left: a channel takes up to fourteen seconds to fail."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a look at the channels that are down found: how many messages each was sent, and which are down still."""

    sent: Mapping[ChannelKey, int]
    down: Mapping[ChannelKey, str]
    waiting: int


class Recover:
    """Sends to channels that were down what they missed. `tell` tells of an event as if it had just been announced."""

    def __init__(self, missed: Missed, queue: Queue, clock: Clock, tell: Callable[[Announced, Turn], Delivery]) -> None:
        self._missed = missed
        self._queue = queue
        self._clock = clock
        self._tell = tell

    def recover(self, until: Moment, side_by_side: SideBySide = map) -> Recovery:
        """Try each channel that is down and whose wait is over with one message, and send it the rest if that arrives.

        Where that fails as it did before, one of another handoff is tried: if it arrives, the first one is at fault
        itself, and goes back to the queue. `side_by_side` works on the channels, at best so that none waits for
        another.

        Raises:
            Unavailable: a store cannot answer now.
        """
        waiting = self._missed.waiting()
        counts = side_by_side(lambda place: self._recovered(place, until), waiting)
        sent = {place: count for place, count in zip(waiting, counts, strict=True) if count}
        # A breaker without anything that waits was opened by somebody who died before he put his message by.
        now, still = self._clock.now(), set(self._missed.waiting())
        down = {}
        for place, breaker in self._missed.breakers().items():
            if breaker.is_open and place not in still and breaker.may_try(now):
                self._missed.close(place)
            elif breaker.is_open:
                down[place] = breaker.error
        return Recovery(sent, down, len(still))

    def _recovered(self, place: ChannelKey, until: Moment) -> int:
        """Send a channel what it missed, oldest first; answers how many messages arrived."""
        breaker = self._missed.breaker(place)
        if not breaker.may_try(self._clock.now()):
            return 0
        sent, last = 0, None
        while page := self._missed.next(place, _PAGE, last):
            for message in page:
                if until - self._clock.now() < _SPARE:
                    return sent
                outcome = self._resend(place, message, until, back=sent > 0)
                if outcome == "down":
                    if not (breaker.has_tried and self._takes_another(place, message, breaker, until)):
                        return sent
                    self._give_back(place, message)
                sent += outcome in {"sent", "down"}
                last = message
        if breaker.is_open and not self._missed.next(place, 1):
            self._missed.close(place)
        return sent

    def _takes_another(self, place: ChannelKey, failed: MissedMessage, breaker: Breaker, until: Moment) -> bool:
        """Whether a channel on which a message has just failed takes one of another handoff, each time another one.

        Then it is up, and what failed is at fault itself.
        """
        behind = self._missed.next(place, _REACH, failed)
        firsts = {_handoff_of(each): each for each in reversed(behind)}
        others = [each for each in behind if firsts[_handoff_of(each)] == each]
        others = [each for each in others if _handoff_of(each) != _handoff_of(failed)]
        if not others or until - self._clock.now() < _SPARE:
            return False
        if self._resend(place, others[breaker.failures % len(others)], until, back=False) != "sent":
            return False
        # What there is no time for now waits no longer than at first.
        self._missed.failed(place, self._clock.now(), breaker.error, again=True)
        return True

    def _resend(
        self, place: ChannelKey, message: MissedMessage, until: Moment, *, back: bool
    ) -> Literal["sent", "down", "left", "moot"]:
        """Send one message that was missed; what is done with it does not wait any more."""
        try:
            told = ANNOUNCED[message.name].model_validate(message.detail)
            delivery = self._tell(told, Turn(until, asked_at(told), only=place, back=back))
        except NotDelivered as error:
            if error.delivery.refused:
                return self._give_back(place, message)
            return "left" if ELSEWHERE in error.delivery.failed.values() else "down"
        except Unavailable:
            return "left"
        except Exception:  # noqa: BLE001 (whatever is wrong with one message holds up no other)
            return self._give_back(place, message)
        if delivery.put_by:
            return "down"
        self._missed.done(place, message)
        return "sent" if delivery.sent else "moot"

    def _give_back(self, place: ChannelKey, message: MissedMessage) -> Literal["left"]:
        """Let the queue have what does not go out here: it tries a few times more, and keeps it among its dead letters.

        That is what the channel refuses for what it says, what fails where others arrive, and what is for a team that
        has left the settings.
        """
        self._queue.send([{"detail-type": message.name, "detail": dict(message.detail), "given_back": place.text}])
        self._missed.done(place, message)
        return "left"


def _handoff_of(message: MissedMessage) -> tuple[object, ...]:
    return tuple(message.detail.get(name) for name in ("lead", "stage", "epoch"))
