"""What this function took of each budget; it asks the others now and then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property

from shared.domain.budget import Budget, BudgetKind, Taken
from shared.domain.moments import MINUTE, SECOND, Moment
from shared.domain.refusals import OverBudget
from shared.ports.budgets import Budgets
from shared.ports.errors import Unavailable

MOST_REMEMBERED = 50_000
"""Windows that a function remembers; a flood of invented names pushes out those that were not taken of for longest."""

PAUSE = 30 * SECOND
"""How long nobody is asked after the common count did not answer, so that it holds up no request for long."""

_WHOSE = {
    BudgetKind.KEY: "of this write key",
    BudgetKind.IDENTITY: "of whom it names",
    BudgetKind.FORM: "of this form",
    BudgetKind.ADDRESS: "of your network address",
    BudgetKind.SENDER: "of your network address",
}

_log = logging.getLogger(__name__)


class Spending:
    """Counts in memory, and in common with the other functions by `budgets`, which is made once it is to be asked."""

    def __init__(self, budgets: Callable[[], Budgets]) -> None:
        self._make = budgets
        self._taken: dict[tuple[Budget, Moment], Taken] = {}
        self._asks_again = Moment(0)

    def take(self, budget: Budget, count: int, at: Moment) -> None:
        """Take so many of a budget at a moment.

        Raises:
            OverBudget: that is more than it has left in the window in which the moment lies.
        """
        place = (budget, budget.begin(at))
        taken = self._taken.pop(place, Taken())
        has_room = taken.leaves_room(budget, count)
        if has_room:
            taken = taken.more(count)
            if taken.is_due(budget):
                taken = self._told(budget, taken, at)
        self._remember(place, taken)
        if not has_room or taken.known > budget.limit:
            raise _over(budget, at)

    @cached_property
    def _budgets(self) -> Budgets:
        return self._make()

    def _told(self, budget: Budget, taken: Taken, at: Moment) -> Taken:
        if at < self._asks_again:
            return taken
        try:
            return taken.told(self._budgets.add(budget, at, taken.untold))
        except Unavailable as error:
            _log.warning("the common count of budgets did not answer (%s); going by this function's own", error)
            self._asks_again = Moment(at + PAUSE)
            return taken

    def _remember(self, place: tuple[Budget, Moment], taken: Taken) -> None:
        self._taken[place] = taken
        if len(self._taken) > MOST_REMEMBERED:
            del self._taken[next(iter(self._taken))]


def _over(budget: Budget, at: Moment) -> OverBudget:
    minutes = budget.window // MINUTE
    within = "a minute" if minutes == 1 else f"{minutes} minutes"
    left = budget.seconds_left(at)
    msg = (
        f"the budget {_WHOSE[budget.kind]} is {budget.limit} activities in {within}, and it is used up: "
        f"send it again in {left} s"
    )
    return OverBudget(msg, retry_after=left)
