"""Rule files: drafts, the immutable numbered versions that were published, and the pointer to the active one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.drafts import Approval, Draft
from shared.domain.moments import Moment


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One published rule file. `document` is what the YAML says, `text` the file to the letter.

    With `notify` a transition that these rules alone caused hands over as any other. `draft` is what it was published
    from, `approvals` the words for it, `forced` why it was published beyond the budget, and `restores` the version
    whose file this is once more. `author` wrote it and `publisher` published it, who is told of no version that was
    published before that was kept.
    """

    number: int
    name: str
    author: str
    published_at: Moment
    note: str
    sha256: str
    document: Mapping[str, Any]
    text: str
    notify: bool = False
    draft: int | None = None
    approvals: tuple[Approval, ...] = ()
    forced: str = ""
    restores: int | None = None
    publisher: str = ""


class RuleVersions(Protocol):
    """The store of rule versions. Version 0 is the empty rule file that holds before the first publish."""

    def active_number(self) -> int:
        """The number of the active version; 0 before the first publish."""
        ...

    def get(self, number: int) -> RuleVersion | None:
        """A version, or None."""
        ...

    def all(self) -> list[RuleVersion]:
        """Every version, newest first."""
        ...

    def publish(self, version: RuleVersion, draft: Draft | None = None) -> None:
        """Store the version, move the pointer to it and note the event `RulesPublished`, in one transaction.

        The same transaction stores the draft from which it was published, as it has become by that.

        Raises:
            Conflict: that number is taken, the pointer has moved on, or somebody wrote the draft meanwhile.
        """
        ...

    def draft(self, number: int) -> Draft | None:
        """A draft, or None."""
        ...

    def drafts(self, limit: int, before: int | None = None) -> list[Draft]:
        """So many drafts, newest first; those with a smaller number than `before`, where one is given."""
        ...

    def store(self, draft: Draft) -> None:
        """Store a draft that is new (its revision is 0), or as it has become by one more write.

        Raises:
            Conflict: that number is taken, or somebody wrote it meanwhile.
        """
        ...
