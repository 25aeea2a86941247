"""Drafts of rules: people write one, propose it and give their words for it, before anybody may publish it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.drafts import Draft, Terms
from shared.domain.people import Person, Role
from shared.domain.refusals import Invalid, NotFound
from shared.domain.rulefile import Problem, RuleFile
from shared.ports.clock import Clock
from shared.ports.rules import RuleVersions
from shared.usecases.publish import checked, is_same, sha256_of, undisturbed


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft as it stands.

    `missing` are the roles whose word it lacks, and `is_stale` says that it is based on another version than the
    active one, so that it cannot be published any more.
    """

    draft: Draft
    missing: tuple[Role, ...]
    is_stale: bool
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A page of drafts, newest first; `before` asks for the page after this one, and is None on the last one."""

    drafts: tuple[Drafted, ...]
    before: int | None


class DraftRules:
    """What people do with drafts; `terms` are what the settings ask of new rules.

    `warnings` tells what publishing a rule file would warn of.
    """

    def __init__(
        self, versions: RuleVersions, clock: Clock, terms: Terms, warnings: Callable[[RuleFile], tuple[Problem, ...]]
    ) -> None:
        self._versions = versions
        self._clock = clock
        self._terms = terms
        self._warnings = warnings

    @property
    def terms(self) -> Terms:
        """What the settings ask of new rules."""
        return self._terms

    def one(self, number: int) -> Drafted:
        """A draft by its number.

        Raises:
            NotFound: there is none of this number.
        """
        return self._as_it_stands(self._get(number), self._versions.active_number())

    def page(self, limit: int, before: int | None = None) -> DraftPage:
        """Drafts, newest first."""
        found, active = self._versions.drafts(limit + 1, before), self._versions.active_number()
        shown = found[:limit]
        following = shown[-1].number if len(found) > limit else None
        return DraftPage(tuple(self._as_it_stands(each, active) for each in shown), following)

    def draft(self, document: Mapping[str, Any], text: str, note: str, person: Person) -> Drafted:
        """Check a rule file and keep it as a draft; `text` is the file to the letter.

        Raises:
            Invalid: it is no valid rule file, or the one that is active.
            Contested: others keep drafting at the same time.
        """
        rule_file, sha256 = checked(document), sha256_of(text)
        warnings = self._warnings(rule_file)

        def attempt() -> Drafted:
            active = self._versions.active_number()
            holds = self._versions.get(active)
            if holds and is_same(holds, sha256, document):
                msg = f"these rules hold already, as version {active}: there is nothing to draft"
                raise Invalid(msg, "text")
            latest = self._versions.drafts(1)
            made = Draft(
                number=latest[0].number + 1 if latest else 1,
                name=rule_file.name,
                document=document,
                text=text,
                sha256=sha256,
                author_id=person.id,
                author=person.name,
                note=note,
                created_at=self._clock.now(),
                based_on=active,
            )
            self._versions.store(made)
            return self._as_it_stands(made, active, warnings)

        return undisturbed(attempt)

    def propose(self, number: int, person: Person) -> Drafted:
        """Ask for people's words.

        Raises:
            NotFound: there is no such draft.
            Contested: it is proposed already, or was published or withdrawn.
        """
        return self._become(number, lambda draft: draft.proposed(person, self._terms.approvals, self._clock.now()))

    def approve(self, number: int, person: Person, role: Role | None = None) -> Drafted:
        """Give one's word; `role` is the one for which it shall count, where one has several.

        Raises:
            NotFound: there is no such draft.
            Contested: it is not proposed, has all words, or has this person's.
            Forbidden: the person has none of the roles whose word is missing.
            Invalid: it could count for several roles.
        """
        return self._become(
            number, lambda draft: draft.approved(person, role, self._terms.approvals, self._clock.now())
        )

    def withdraw(self, number: int, person: Person) -> Drafted:
        """See to it that nobody publishes a draft any more.

        Raises:
            NotFound: there is no such draft.
            Contested: it was published or withdrawn.
            Forbidden: the person neither wrote it nor is there for the rules.
        """
        return self._become(number, lambda draft: draft.withdrawn(person, self._clock.now()))

    def _become(self, number: int, step: Callable[[Draft], Draft]) -> Drafted:
        def attempt() -> Drafted:
            become = step(self._get(number).under(self._terms.approvals))
            self._versions.store(become)
            return self._as_it_stands(become, self._versions.active_number())

        return undisturbed(attempt)

    def _get(self, number: int) -> Draft:
        draft = self._versions.draft(number)
        if draft is None:
            msg = f"there is no draft {number}"
            raise NotFound(msg)
        return draft

    def _as_it_stands(self, draft: Draft, active: int, warnings: tuple[Problem, ...] = ()) -> Drafted:
        is_open = draft.state not in ("published", "withdrawn")
        missing = draft.missing(self._terms.approvals) if is_open else ()
        return Drafted(draft.under(self._terms.approvals), missing, is_open and draft.based_on != active, warnings)
