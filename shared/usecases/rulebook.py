"""The compiled rule files that a warm function remembers."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.engine import Rules, compile_rules
from shared.domain.moments import SECOND, Moment
from shared.domain.reading import parse_rule_file
from shared.domain.rulefile import EMPTY, RuleFile
from shared.ports.clock import Clock
from shared.ports.rules import RuleVersions
from shared.usecases.remembered import Remembered

POINTER_REMEMBERED_FOR = 15 * SECOND
"""How long a warm function goes on with the active version that it knows. A write never lowers the rules version, so
an old pointer delays a lead by this much and harms nothing."""


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """A version, ready to score with. With `notify` what these rules alone cause hands over as anything else."""

    number: int
    rule_file: RuleFile
    rules: Rules
    published_at: Moment
    notify: bool = False


_EMPTY_RULES = ActiveRules(0, EMPTY, compile_rules(EMPTY), Moment(0))
"""What holds before the first publish."""


class UnknownRules(LookupError):
    """A rules version is referred to that was never published."""


class Rulebook:
    """Reads rule versions once and compiles each once."""

    def __init__(self, versions: RuleVersions, clock: Clock) -> None:
        self._versions = versions
        self._compiled: dict[int, ActiveRules] = {0: _EMPTY_RULES}
        self._active = Remembered(versions.active_number, clock, POINTER_REMEMBERED_FOR)

    def active(self, seen: int = 0) -> ActiveRules:
        """The active version, as of the last few seconds; as of now where a lead was `seen` under a newer one."""
        if self._active() < seen:
            self._active.forget()
        return self.version(self._active())

    def refresh(self) -> ActiveRules:
        """The active version, read now."""
        self._active.forget()
        return self.active()

    def active_at(self, moment: Moment) -> ActiveRules:
        """The version that was active at a past moment; 0, the empty rules, before the first publish.

        Versions are published one after the other, so that halving finds it by reading a few.
        """
        low, high = 0, self._active()
        while low < high:
            middle = (low + high + 1) // 2
            if self.version(middle).published_at <= moment:
                low = middle
            else:
                high = middle - 1
        return self.version(low)

    def version(self, number: int) -> ActiveRules:
        """A version by its number.

        Raises:
            UnknownRules: it was never published.
        """
        if number not in self._compiled:
            stored = self._versions.get(number)
            if stored is None:
                msg = f"there is no rules version {number}"
                raise UnknownRules(msg)
            rule_file = parse_rule_file(stored.document)
            self._compiled[number] = ActiveRules(
                number, rule_file, compile_rules(rule_file, number), stored.published_at, stored.notify
            )
        return self._compiled[number]
