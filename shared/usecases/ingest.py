"""Take activities in: hold each to what its source may say and send, and append what remains to the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.domain.activity import Activity
from shared.domain.admission import Rejection, Source, Unreadable, admit, identity_budget
from shared.domain.moments import DAY
from shared.domain.refusals import OverBudget, Refused
from shared.ports.activities import Activities
from shared.usecases.erased import ErasedPeople
from shared.usecases.spending import Spending


class Ingest:
    """Appends; the stream of the log does the rest. Running twice over the same activities changes nothing."""

    def __init__(
        self, activities: Activities, spending: Spending, *, retention_days: int, erased: ErasedPeople | None = None
    ) -> None:
        self._activities = activities
        self._erased = erased
        self._spending = spending
        self._retention = retention_days * DAY

    def submit(self, sent: Sequence[Activity | Unreadable], source: Source) -> list[Rejection]:
        """Store every activity that may be stored, and return the others.

        What an erased person did before is dropped, and answered like what is stored.

        Raises:
            OverBudget: the source has sent too much already. Nothing is stored then.
            Unavailable: the log did not take all of them; sending the same ones again is safe.
        """
        admitted, rejections = self._sorted(sent, source)
        taken, over = self._within_budgets(admitted, sent, source)
        if taken and self._erased:
            taken = self._erased.without(taken)
        if taken:
            self._activities.append(taken)
        return sorted([*rejections, *over], key=lambda rejection: rejection.index)

    def check(self, sent: Sequence[Activity | Unreadable], source: Source) -> list[Rejection]:
        """Return what `submit` would not store of these whatever the budgets hold, and store nothing."""
        return self._sorted(sent, source)[1]

    def _sorted(
        self, sent: Sequence[Activity | Unreadable], source: Source
    ) -> tuple[dict[int, Activity], list[Rejection]]:
        """What may be stored, by its place among what was sent, and what may not."""
        admitted: dict[int, Activity] = {}
        rejections: list[Rejection] = []
        for index, item in enumerate(sent):
            try:
                admitted[index] = self._admitted(item, source)
            except Refused as reason:
                rejections.append(Rejection(index, item.id, reason))
        return admitted, rejections

    def _admitted(self, item: Activity | Unreadable, source: Source) -> Activity:
        if isinstance(item, Unreadable):
            raise item.reason
        return admit(item, source, retention=self._retention)

    def _within_budgets(
        self, admitted: Mapping[int, Activity], sent: Sequence[Activity | Unreadable], source: Source
    ) -> tuple[list[Activity], list[Rejection]]:
        """What the budgets have room for: of the source's all or nothing, of each identity's as much as there is."""
        taken: list[Activity] = []
        over: list[Rejection] = []
        if admitted:
            now = max(activity.received_at for activity in admitted.values())
            for budget in source.budgets:
                self._spending.take(budget, len(admitted), now)
        for index, activity in admitted.items():
            try:
                if budget_of_one := identity_budget(activity, source):
                    self._spending.take(budget_of_one, 1, activity.received_at)
            except OverBudget as reason:
                over.append(Rejection(index, sent[index].id, reason))
            else:
                taken.append(activity)
        return taken, over
