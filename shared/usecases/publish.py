"""Publish rules: a draft that has its words becomes the next version, and every lead is scored by it from then on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.domain.drafts import Draft, Terms, says_something
from shared.domain.in_vain import in_vain
from shared.domain.moments import DAY, Moment
from shared.domain.people import Person
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.refusals import Contested, Invalid, NotFound, Unmet
from shared.domain.routing import Rosters, unknown_owners
from shared.domain.rulefile import Problem, RuleFile
from shared.domain.simulation import FEWEST_OF_A_SAMPLE, LOOKS_BACK, Simulated
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion, RuleVersions
from shared.ports.simulations import Simulations

_ATTEMPTS = 3
NONE_YET = RuleVersion(0, "empty", "", Moment(0), "Nothing is published yet.", hashlib.sha256(b"").hexdigest(), {}, "")
"""What holds before the first publish."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Published:
    """The active version; `is_new` is false when the same rules were active already.

    `warnings` are the teams and members that it names and the settings do not have, what it says in vain, and whom it
    leaves in a stage that there is no more.
    """

    version: RuleVersion
    is_new: bool
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class WayBack:
    """What a rollback would do: the version whose file would hold once more, and what it would warn of."""

    version: RuleVersion
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class PublishingWish:
    """How somebody would publish: the simulation that they have seen, as its tokens say it, or why without.

    `force` is the reason to publish beyond the budget, or unseen. With `notify` what the rules alone cause hands over.
    """

    simulation: str = ""
    force: str = ""
    notify: bool = False


def nobody(_before: Mapping[str, Any], _after: RuleFile) -> Iterable[Problem]:
    """Where there are no leads, none is left behind."""
    return ()


class PublishRules:
    """The rule versions as people read and publish them; `rosters` are the teams of the settings.

    `stranded` tells whom a rule file leaves in a stage of the one before that it drops.
    """

    def __init__(
        self,
        versions: RuleVersions,
        clock: Clock,
        rosters: Rosters,
        simulations: Simulations,
        terms: Terms,
        *,
        stranded: Callable[[Mapping[str, Any], RuleFile], Iterable[Problem]] = nobody,
    ) -> None:
        self._versions = versions
        self._clock = clock
        self._rosters = rosters
        self._simulations = simulations
        self._terms = terms
        self._stranded = stranded

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

    def publish(
        self, document: Mapping[str, Any], text: str, note: str, person: Person, wish: PublishingWish
    ) -> Published:
        """Check a rule file and make it the active version at once; `text` is the file to the letter.

        Publishing what is active already publishes nothing.

        Raises:
            Invalid: it is no valid rule file; `details["problems"]` lists everything wrong with it.
            Unmet: new rules need people's words here, or the simulation is missing or beyond the budget.
            Contested: others keep publishing at the same time.
        """
        if needed := self._terms.approvals:
            msg = (
                f"new rules need the words of {' and '.join(needed)} here: draft the file, propose it, have it approved"
            )
            raise Unmet(msg, missing=list(needed))
        rule_file = checked(document)
        sha256 = sha256_of(text)

        def attempt() -> Published:
            active = self.active()
            warnings = self._warnings(active.document, rule_file)
            if active.number and is_same(active, sha256, document):
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
                notify=wish.notify,
                forced=self._forced(document, active.number, wish),
                publisher=person.name,
            )
            self._versions.publish(version)
            return Published(version, is_new=True, warnings=warnings)

        return undisturbed(attempt)

    def publish_draft(self, number: int, person: Person, wish: PublishingWish) -> Published:
        """Make a draft the active version.

        Raises:
            NotFound: there is no such draft.
            Unmet: it lacks words, or the simulation is missing or beyond the budget.
            Contested: it was published or withdrawn, or is based on another version than the active one.
        """

        def attempt() -> Published:
            needed = self._terms.approvals
            draft, active, now = self._draft(number).under(needed), self._versions.active_number(), self._clock.now()
            become = draft.published(person, needed, active, now)
            version = RuleVersion(
                number=active + 1,
                name=draft.name,
                author=draft.author,
                published_at=now,
                note=draft.note,
                sha256=draft.sha256,
                document=draft.document,
                text=draft.text,
                notify=wish.notify,
                draft=draft.number,
                approvals=draft.approvals,
                forced=self._forced(draft.document, active, wish),
                publisher=person.name,
            )
            warnings = self._warnings(self.active().document, checked(draft.document))
            self._versions.publish(version, become)
            return Published(version, is_new=True, warnings=warnings)

        return undisturbed(attempt)

    def roll_back(self, number: int | None, note: str, person: Person) -> Published:
        """Publish the file of an old version once more; without a number that of the one before the active one.

        It needs no words and no simulation: it had them, and what goes wrong must end at once. Of a rollback the one
        before is the one before what it restored, so that going back twice goes back further.

        Raises:
            NotFound: there is no such version, or none before.
            Invalid: that version's file holds already, or is no rule file any more.
            Contested: others publish at the same time.
        """
        active = self.active()
        back = self._way_back(active, number)
        old = back.version
        version = RuleVersion(
            number=active.number + 1,
            name=old.name,
            author=person.name,
            published_at=self._clock.now(),
            note=note,
            sha256=old.sha256,
            document=old.document,
            text=old.text,
            approvals=old.approvals,
            restores=old.restores or old.number,
            publisher=person.name,
        )
        try:
            self._versions.publish(version)
        except Conflict:
            raise _disturbed() from None
        return Published(version, is_new=True, warnings=back.warnings)

    def way_back(self, number: int | None) -> WayBack:
        """What `roll_back` would do with this number; nothing is published.

        Raises:
            NotFound: there is no such version, or none before.
            Invalid: that version's file holds already, or is no rule file any more.
        """
        return self._way_back(self.active(), number)

    def _way_back(self, active: RuleVersion, number: int | None) -> WayBack:
        wanted = (active.restores or active.number) - 1 if number is None else number
        if wanted < 1:
            msg = "there is no version before: nothing to go back to"
            raise NotFound(msg)
        old = self.version(wanted)
        if is_same(active, old.sha256, old.document):
            msg = f"the rules of version {wanted} hold already, as version {active.number}"
            raise Invalid(msg)
        return WayBack(old, self._warnings(active.document, checked(old.document)))

    def warnings(self, rule_file: RuleFile) -> tuple[Problem, ...]:
        """What a publish of these rules would warn of now, before anybody is surprised by it."""
        return self._warnings(self.active().document, rule_file)

    def _warnings(self, before: Mapping[str, Any], after: RuleFile) -> tuple[Problem, ...]:
        return (*unknown_owners(after, self._rosters), *in_vain(after), *self._stranded(before, after))

    def _draft(self, number: int) -> Draft:
        draft = self._versions.draft(number)
        if draft is None:
            msg = f"there is no draft {number}"
            raise NotFound(msg)
        return draft

    def _forced(self, document: Mapping[str, Any], active: int, wish: PublishingWish) -> str:
        """The reason to go on, where there is something against it.

        Raises:
            Unmet: there is something against it, and no reason.
            Invalid: what is shown as a simulation is none.
        """
        try:
            self._check(document, active, wish)
        except (Unmet, Invalid):
            if not says_something(wish.force):
                raise
            return wish.force
        return ""

    def _check(self, document: Mapping[str, Any], active: int, wish: PublishingWish) -> None:
        """Whether somebody has seen what publishing so does, and it is within the budget."""
        if not active:
            return  # there is nothing to compare with
        if not wish.simulation:
            msg = "nobody has seen what this does yet: simulate it and show the simulation, or force it with a reason"
            raise Unmet(msg, needs="simulation")
        found = self._simulations.read(wish.simulation)
        if found.sha256 != document_sha256(document):
            msg = "the simulation is of another rule file: simulate this one"
            raise Unmet(msg, needs="simulation")
        if found.against != active:
            msg = (
                f"the simulation is against version {found.against}, and version {active} is active by now: "
                "simulate it again"
            )
            raise Unmet(msg, needs="simulation")
        if unfit := _unfit(found, wish):
            raise Unmet(unfit, needs="simulation")
        budget = self._terms.handoff_budget
        if found.exceeds(budget):
            at_once = ", with those that publishing itself sends," if found.notify else ""
            msg = (
                f"there would be {found.handoffs_after} handoffs{at_once} instead of {found.handoffs_before}, and the "
                f"budget is {budget} % more: change the rules, or force it with a reason"
            )
            raise Unmet(
                msg,
                needs="force",
                handoffs_before=found.handoffs_before,
                handoffs_after=found.handoffs_after,
                handoff_budget=budget,
            )


def _unfit(found: Simulated, wish: PublishingWish) -> str | None:
    """Why a simulation does not tell what publishing so does to all leads; None where it does."""
    if found.notify != wish.notify:
        so = ("without notify", "with notify")
        return f"the simulation is {so[found.notify]}, and this publishes {so[wish.notify]}: simulate {so[wish.notify]}"
    if found.looks_back < LOOKS_BACK:
        return f"the simulation looks back over less than {LOOKS_BACK // DAY} days: simulate without `since`"
    if not found.speaks_for_all:
        return (
            "the simulation is of some segments alone: simulate all leads, or a sample of at least "
            f"{FEWEST_OF_A_SAMPLE} of them, evenly spread, as `baton rules simulate --sample` takes it"
        )
    return None


def checked(document: Mapping[str, Any]) -> RuleFile:
    """The rule file that a document is.

    Raises:
        Invalid: it is none; `details["problems"]` lists everything wrong with it.
    """
    try:
        return parse_rule_file(document)
    except RuleFileError as error:
        problems = [
            {"at": ".".join(str(part) for part in problem.path), "message": problem.message, "hint": problem.hint}
            for problem in error.problems
        ]
        msg = f"the rule file has {len(problems)} problem{'s' if len(problems) > 1 else ''}; nothing of it was stored"
        raise Invalid(msg, "document", problems=problems) from error


def sha256_of(text: str) -> str:
    """By what a rule file is known: the hash of its text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_same(version: RuleVersion, sha256: str, document: Mapping[str, Any]) -> bool:
    """Whether a version is this very file: its text, and what it says (of which Python takes `true` for 1)."""
    return version.sha256 == sha256 and document_sha256(version.document) == document_sha256(document)


def document_sha256(document: Mapping[str, Any]) -> str:
    """By what a simulation knows rules: the hash of what the file says, as its text decides nothing."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def undisturbed(attempt: Callable[[], T]) -> T:
    """What an attempt comes to that reads anew each time, as long as others write in between.

    Raises:
        Contested: they do so again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except Conflict:
            continue
    raise _disturbed()


def _disturbed() -> Contested:
    return Contested("others change the rules at the same time: look at what is active now, then try again")
