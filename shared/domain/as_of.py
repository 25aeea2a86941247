"""As of: a lead at a past moment, by what was known and under which rules, and the words that tell one from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.activity import Activity
from shared.domain.moments import Moment

Known = Literal["then", "now"]
"""What counts: what had been received by the moment, or all that occurred by it whenever it was received."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """What an answer about a moment goes by. Version 0 are the empty rules that hold before the first publish.

    `rules_version` is the version that it goes by, `active_then` the one that was active at the moment and `active_now`
    the one that is active when the answer is given.
    """

    at: Moment
    known: Known
    rules_version: int
    active_then: int
    active_now: int

    def counts(self, activity: Activity) -> bool:
        """Whether an activity counts: it occurred by then, and was known of if that is asked."""
        return activity.occurred_at <= self.at and (self.known == "now" or activity.received_at <= self.at)

    @property
    def is_replayed(self) -> bool:
        """Whether a stage by this knowledge and these rules is one that would have been, and none that was decided."""
        return self.known == "now" or self.rules_version != self.active_then

    def in_words(self) -> str:
        """The one sentence in which an answer says what it goes by."""
        known = "as it was known then" if self.known == "then" else "as is known now of what had occurred by then"
        return f"{known}, {self._rules_in_words()}; who is who, and which addresses and agents are noise, are as of now"

    def _rules_in_words(self) -> str:
        if self.rules_version == self.active_then:
            if not self.rules_version:
                return "before any rules were published"
            return f"under version {self.rules_version}, active then"
        then = f"version {self.active_then} was active then" if self.active_then else "no rules were published then"
        now = ", active now" if self.rules_version == self.active_now else ""
        return f"under version {self.rules_version}{now} ({then})"
