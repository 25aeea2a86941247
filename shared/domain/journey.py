"""A lead on its journey: where it stands, since when, and how a stage condition sees it at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shared.domain.bands import band_of
from shared.domain.compiled import Compiled
from shared.domain.facts import Facts
from shared.domain.ledger import Bound, Ledger, until
from shared.domain.moments import Moment
from shared.domain.stages import Activities


@dataclass(frozen=True, slots=True)
class Journey:
    """Where a lead is on its way.

    `entered_at` is when the stage was decided; `entered_by` when the activity occurred that let the lead in (or, for an
    entry by time, the same as `entered_at`). `spent` are stages whose entry condition has held ever since they were
    entered last. `epochs` count the entries into each stage.
    """

    stage: str | None = None
    epochs: Mapping[str, int] = field(default_factory=dict)
    entered_at: Moment | None = None
    entered_by: Moment | None = None
    spent: frozenset[str] = frozenset()

    @classmethod
    def start(cls) -> Journey:
        """No stage yet."""
        return cls()

    def as_json(self) -> dict[str, Any]:
        """The journey as JSON can hold it; moments are microseconds."""
        return {
            "stage": self.stage,
            "epochs": dict(self.epochs),
            "entered_at": self.entered_at,
            "entered_by": self.entered_by,
            "spent": sorted(self.spent),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Journey:
        """Read what `as_json` wrote (numbers may have become decimals on the way)."""
        entered_at, entered_by = (told.get(name) for name in ("entered_at", "entered_by"))
        return cls(
            told.get("stage"),
            {name: int(count) for name, count in (told.get("epochs") or {}).items()},
            None if entered_at is None else Moment(int(entered_at)),
            None if entered_by is None else Moment(int(entered_by)),
            frozenset(told.get("spent") or ()),
        )


class View:
    """A lead as stage conditions see it: at a moment, with what lies below a bound, on its journey."""

    def __init__(self, rules: Compiled, ledger: Ledger, journey: Journey, at: int, bound: Bound | None = None) -> None:
        self.at = at
        self._rules, self._ledger, self._journey, self._bound = rules, ledger, journey, bound or until(at)
        standing = ledger.standing(self._bound)
        self.facts: Facts = standing.facts
        self.vetoed = bool(standing.vetoed_by)

    @cached_property
    def scores(self) -> Mapping[str, int]:
        """Each named score."""
        return self._ledger.scores(self.at, self._bound)

    @cached_property
    def total(self) -> int:
        """The weighted total."""
        return self._ledger.total(self.scores)

    @cached_property
    def temperature(self) -> str | None:
        """The band of the total."""
        return band_of(self._rules.temperature, self.total)

    @cached_property
    def grade(self) -> str | None:
        """The band of the fit score."""
        return band_of(self._rules.grades, self.scores["fit"])

    @property
    def in_stage(self) -> int:
        """Microseconds since the stage was entered."""
        return 0 if self._journey.entered_at is None else self.at - self._journey.entered_at

    def count(self, asked: Activities) -> int:
        """How many such activities have occurred."""
        return self._ledger.count(asked, self.at, self._bound, self._journey.entered_by)

    def on(self, journey: Journey) -> View:
        """The same view, further on the journey."""
        self._journey = journey
        return self
