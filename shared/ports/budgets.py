"""The count of what all functions took of a budget."""

from typing import Protocol

from shared.domain.budget import Budget
from shared.domain.moments import Moment


class Budgets(Protocol):
    """Counts approximately: what was added, and whose answer was lost, may be added again. No activity hangs on it."""

    def add(self, budget: Budget, at: Moment, count: int) -> int:
        """Count so many more in the window in which the moment lies, and answer the sum of all functions.

        Raises:
            Unavailable: the count cannot be asked now; whether it was added to is not known.
        """
        ...
