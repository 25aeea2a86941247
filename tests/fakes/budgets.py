from collections import Counter

from shared.domain.budget import Budget
from shared.domain.moments import Moment
from shared.ports.errors import Unavailable


class InMemoryBudgets:
    """The common count as a dictionary. `asked` is how often; while it is `down` it does not answer."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str, Moment]] = Counter()
        self.asked = 0
        self.down = False

    def add(self, budget: Budget, at: Moment, count: int) -> int:
        self.asked += 1
        if self.down:
            raise Unavailable("the count is down")
        place = (budget.kind.value, budget.name, budget.begin(at))
        self._taken[place] += count
        return self._taken[place]
