"""Who is left behind by new rules: the leads in stages that these drop, and the handoffs of such stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from shared.domain.handoff import HandoffState
from shared.domain.rulefile import Problem, RuleFile
from shared.ports.handoffs import Handoffs
from shared.ports.lead_index import LeadIndex, Shelf

_MOST_LEADS = 1000
_PAGE = 100
_MOST_PAGES = 10
_OPEN: HandoffState = "open"


class Stranded:
    """Reads the lists of leads and handoffs; it counts no further than a thousand of each."""

    def __init__(self, index: LeadIndex, handoffs: Handoffs) -> None:
        self._index = index
        self._handoffs = handoffs

    def by(self, before: Mapping[str, Any], after: RuleFile) -> Iterator[Problem]:
        """What becomes of whoever stands in a stage of the rule file `before` that the one `after` does not have.

        Raises:
            Unavailable: a store cannot answer now.
        """
        kept = {stage.name for stage in after.stages}
        dropped = [stage["name"] for stage in before.get("stages") or () if stage["name"] not in kept]
        if not dropped:
            return
        waiting, has_more = self._open()
        for name in dropped:
            leads = len(self._index.page(Shelf.STAGE, name, _MOST_LEADS))
            told = [
                _counted(leads, "lead stands", "leads stand", "in it", is_whole=leads < _MOST_LEADS),
                _counted(
                    waiting[name], "handoff of it waits", "handoffs of it wait", "for an answer", is_whole=not has_more
                ),
            ]
            if some := " and ".join(each for each in told if each):
                hint = "leads in such a stage go on only into stages without `from`; its handoffs can be answered still"
                yield Problem(("stages",), f"there is no stage {name!r} any more: {some}", hint)

    def _open(self) -> tuple[Counter[str], bool]:
        """How many handoffs of each stage nobody has answered, and whether there are more than were counted."""
        found: Counter[str] = Counter()
        place = None
        for _ in range(_MOST_PAGES):
            records, place = self._handoffs.page(_OPEN, _PAGE, place)
            found.update(record.key.stage for record in records)
            if place is None:
                return found, False
        return found, True


def _counted(count: int, one: str, several: str, how: str, *, is_whole: bool) -> str:
    if not count:
        return ""
    number = str(count) if is_whole else f"{count} or more"
    return f"{number} {one if count == 1 and is_whole else several} {how}"
