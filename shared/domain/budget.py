"""Budgets: how much is taken in within a window of time, before a sender is asked to come again later.

Many functions count at once, and each knows for certain only what it took itself. It asks the count that all share once
it has taken a share of the budget since it last asked; until then it goes by what it knows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from shared.domain.moments import MINUTE, SECOND, Moment


class BudgetKind(StrEnum):
    """Of what there are budgets; the sender is a network address that uses a public key, and forms have their own."""

    KEY = "key"
    IDENTITY = "identity"
    FORM = "form"
    ADDRESS = "address"
    SENDER = "sender"


WINDOWS: Final = {
    BudgetKind.KEY: MINUTE,
    BudgetKind.IDENTITY: MINUTE,
    BudgetKind.FORM: 10 * MINUTE,
    BudgetKind.ADDRESS: 10 * MINUTE,
    BudgetKind.SENDER: MINUTE,
}
"""The length of each budget's window, in microseconds."""

SHARES: Final = {BudgetKind.KEY: 10, BudgetKind.IDENTITY: 10, BudgetKind.SENDER: 10}
"""Into how many shares a budget falls. Those that are not here are small: each submission is a share."""


@dataclass(frozen=True, slots=True)
class Budget:
    """`limit` activities in a window, of the key, identity, form or network address called `name`."""

    kind: BudgetKind
    name: str
    limit: int

    @property
    def window(self) -> int:
        """Microseconds from one window to the next."""
        return WINDOWS[self.kind]

    @property
    def share(self) -> int:
        """How many activities a function takes before it asks the count that all share."""
        return max(1, self.limit // SHARES[self.kind]) if self.kind in SHARES else 1

    def begin(self, at: Moment) -> Moment:
        """When the window began in which a moment lies."""
        return Moment(at - at % self.window)

    def seconds_left(self, at: Moment) -> int:
        """Whole seconds from a moment until its window is over, at least one."""
        return -((at - self.begin(at) - self.window) // SECOND)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one function knows of a window: the sum of all at its last asking, and what it took itself since then."""

    by_all: int = 0
    untold: int = 0

    @property
    def known(self) -> int:
        """At least so many were taken."""
        return self.by_all + self.untold

    def leaves_room(self, budget: Budget, count: int) -> bool:
        """Whether, as far as is known, so many more stay within the budget."""
        return self.known + count <= budget.limit

    def more(self, count: int) -> Taken:
        """After so many more."""
        return replace(self, untold=self.untold + count)

    def is_due(self, budget: Budget) -> bool:
        """Whether it is time to tell the others."""
        return self.untold >= budget.share

    def told(self, by_all: int) -> Taken:
        """After the others were told all, and answered what the sum is now."""
        return Taken(by_all=by_all)
