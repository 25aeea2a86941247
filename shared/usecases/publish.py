"""Publish rules: a checked rule file becomes the next version, and every lead is scored by it from then on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.moments import Moment
from shared.domain.people import Person
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.refusals import Contested, Invalid, NotFound
from shared.domain.routing import Rosters, unknown_owners
from shared.domain.rulefile import Problem
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion, RuleVersions

_ATTEMPTS = 3
NONE_YET = RuleVersion(0, "empty", "", Moment(0), "Nothing is published yet.", hashlib.sha256(b"").hexdigest(), {}, "")
"""What holds before the first publish."""


@dataclass(frozen=True, slots=True)
class Published:
    """The active version; `is_new` is false when the same rules were active already.

    `warnings` are the teams and members that it names and the settings do not have.
    """

    version: RuleVersion
    is_new: bool
    warnings: tuple[Problem, ...]


class PublishRules:
    """The rule versions as people read and publish them; `rosters` are the teams of the settings."""

    def __init__(self, versions: RuleVersions, clock: Clock, rosters: Rosters) -> None:
        self._versions = versions
        self._clock = clock
        self._rosters = rosters

    def active(self) -> RuleVersion:
        """The version that holds."""
        number = self._versions.active_number()
        return self.version(number) if number else NONE_YET

    def version(self, number: int) -> RuleVersion:
        """A version by its number.

        Raises:
            NotFound: it was never published.
        """
        version = self._versions.get(number) if number else NONE_YET
        if version is None:
            msg = f"there is no rules version {number}"
            raise NotFound(msg)
        return version

    def versions(self) -> list[RuleVersion]:
        """Every published version, newest first."""
        return self._versions.all()

    def publish(self, document: Mapping[str, Any], text: str, note: str, person: Person) -> Published:
        """Check a rule file and make it the active version; `text` is the file to the letter.

        Publishing what is active already publishes nothing.

        Raises:
            Invalid: it is no valid rule file; `details["problems"]` lists everything wrong with it.
            Contested: others keep publishing at the same time.
        """
        try:
            rule_file = parse_rule_file(document)
        except RuleFileError as error:
            problems = [
                {"at": ".".join(str(part) for part in problem.path), "message": problem.message, "hint": problem.hint}
                for problem in error.problems
            ]
            msg = (
                f"the rule file has {len(problems)} problem{'s' if len(problems) > 1 else ''}; none of it was published"
            )
            raise Invalid(msg, "document", problems=problems) from error
        warnings = tuple(unknown_owners(rule_file, self._rosters))
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        for _ in range(_ATTEMPTS):
            active = self.active()
            if active.number and active.sha256 == sha256 and active.document == document:
                return Published(active, is_new=False, warnings=warnings)
            version = RuleVersion(
                number=active.number + 1,
                name=rule_file.name,
                author=person.name,
                published_at=self._clock.now(),
                note=note,
                sha256=sha256,
                document=document,
                text=text,
            )
            try:
                self._versions.publish(version)
            except Conflict:
                continue
            return Published(version, is_new=True, warnings=warnings)
        msg = "others are publishing rules at the same time: look at what is active now, then publish again"
        raise Contested(msg)
