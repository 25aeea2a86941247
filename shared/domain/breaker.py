"""A circuit breaker for one channel of one team: after failures in a row nothing is tried there for a while.

While it is open, what is to be sent is put by. Once the wait is over one message is tried: if it arrives the others
follow and the breaker closes, and if it does not the wait doubles. From the second such try on another message is tried
beside it, so that no single one which the receiver cannot take keeps all others waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.moments import MINUTE, Moment

TOLERATED = 3
"""With how many failures in a row a breaker opens."""
FIRST_WAIT = MINUTE
LONGEST_WAIT = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a channel has fared. `failures` are those in a row, and `error` tells the last one without naming anybody.

    `since` is when it opened, `tries_at` when the next try is due and `wait` its wait in microseconds; all three are
    told while it is open alone.
    """

    failures: int = 0
    since: Moment | None = None
    tries_at: Moment | None = None
    wait: int = 0
    error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether what is to be sent is put by instead."""
        return self.since is not None

    def may_try(self, now: Moment) -> bool:
        """Whether a message may be tried to see if the channel is back; always while it is closed."""
        return self.tries_at is None or self.tries_at <= now

    @property
    def has_tried(self) -> bool:
        """Whether it is open, and a try has failed since it opened or since it had come back last."""
        return self.is_open and self.wait > FIRST_WAIT

    def failed(self, now: Moment, error: str) -> Breaker:
        """What it is after a failure of the channel, whichever handoff it was tried with.

        What fails while it waits was begun before it opened: that is the same outage, and no try.
        """
        if not self.may_try(now):
            return self
        failures = self.failures + 1
        if self.since is not None:
            wait = min(2 * self.wait, LONGEST_WAIT)
            return replace(self, failures=failures, tries_at=Moment(now + wait), wait=wait, error=error)
        if failures < TOLERATED:
            return replace(self, failures=failures, error=error)
        return Breaker(failures, now, Moment(now + FIRST_WAIT), FIRST_WAIT, error)

    def failed_again(self, now: Moment, error: str) -> Breaker:
        """What it is when it had come back and failed once more before it was closed: the wait begins anew."""
        return replace(self, failures=1, tries_at=Moment(now + FIRST_WAIT), wait=FIRST_WAIT, error=error)


CLOSED = Breaker()
"""What a channel without failures has."""
