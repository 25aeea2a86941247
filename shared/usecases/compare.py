"""Compare rules: what a rule file says otherwise than another, each of which is known by a name or given whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.difference import differences_by_subject
from shared.domain.refusals import Invalid, NotFound
from shared.domain.rulefile import EMPTY, RuleFile
from shared.ports.rules import RuleVersions
from shared.usecases.publish import checked

ACTIVE = "active"
_NAME = re.compile(r"(?P<draft>draft-)?(?P<number>[0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Compared:
    """What the later file says otherwise, by subject; both are named as people speak of them."""

    before: str
    after: str
    by_subject: Mapping[str, tuple[str, ...]]


class CompareRules:
    """Rule files side by side. A name is `active`, the number of a version, or `draft-` and the number of a draft."""

    def __init__(self, versions: RuleVersions) -> None:
        self._versions = versions

    def named(self, before: str, after: str) -> Compared:
        """What differs between two rule files that are stored.

        Raises:
            Invalid: one of these is no such name, or its file is not valid any more.
            NotFound: there is none of that name.
        """
        one, old = self._stored(before, "from")
        other, new = self._stored(after, "to")
        return Compared(one, other, differences_by_subject(old, new))

    def with_document(self, before: str, document: Mapping[str, Any]) -> Compared:
        """What a rule file that nobody keeps yet says otherwise than one that is stored.

        Raises:
            Invalid: the other is no such name, or one of both is no valid rule file.
            NotFound: there is none of that name.
        """
        one, old = self._stored(before, "from")
        return Compared(one, "the document", differences_by_subject(old, checked(document)))

    def _stored(self, name: str, at: str) -> tuple[str, RuleFile]:
        found = _NAME.fullmatch(name)
        if found is None and name != ACTIVE:
            msg = f"{name!r} names no rules: write {ACTIVE}, the number of a version such as 7, or draft-7"
            raise Invalid(msg, at)
        number = self._versions.active_number() if found is None else int(found["number"])
        if found is not None and found["draft"]:
            return f"draft {number}", self._draft(number)
        return f"version {number}", self._version(number)

    def _version(self, number: int) -> RuleFile:
        version = self._versions.get(number) if number else None
        if version is None and number:
            msg = f"there is no rules version {number}"
            raise NotFound(msg)
        return _valid(f"version {number}", version.document) if version else EMPTY

    def _draft(self, number: int) -> RuleFile:
        draft = self._versions.draft(number)
        if draft is None:
            msg = f"there is no draft {number}"
            raise NotFound(msg)
        return _valid(f"draft {number}", draft.document)


def _valid(name: str, document: Mapping[str, Any]) -> RuleFile:
    """A file that was valid when it was stored; what is asked of one may have become more since."""
    try:
        return checked(document)
    except Invalid as refused:
        msg = f"the file of {name} is not valid any more, so that it cannot be compared"
        raise Invalid(msg, **refused.details) from refused
