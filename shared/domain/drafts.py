"""How a change of the rules goes live: a draft that people propose, and the words that it needs. Pure.

A draft's file never changes: a changed file is another draft, so that nobody's word counts for what they have not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared.domain.moments import Moment
from shared.domain.people import Person, Role
from shared.domain.refusals import Contested, Forbidden, Invalid, Unmet

DraftState = Literal["draft", "proposed", "approved", "published", "withdrawn"]

_MAY_WITHDRAW = frozenset({Role.ADMIN, Role.MARKETING})


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings ask of new rules: the roles whose words they need, each another person's, and the budget.

    The budget is how many percent more handoffs a publish may bring than the active rules, without a reason.
    """

    approvals: tuple[Role, ...] = ()
    handoff_budget: int = 15


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word for one draft; it counts for one role."""

    person: str
    name: str
    role: Role
    at: Moment


@dataclass(frozen=True, slots=True)
class Step:
    """A draft came to a state by somebody's word."""

    state: DraftState
    who: str
    at: Moment


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule file that somebody would have published. `author_id` is a person's id, `author` the name that others see.

    `based_on` is the version that was active when it was made, `version` what it was published as. `revision` counts
    the writes, so that of two people at once one is told.
    """

    number: int
    name: str
    document: Mapping[str, Any]
    text: str
    sha256: str
    author_id: str
    author: str
    note: str
    created_at: Moment
    based_on: int
    state: DraftState = "draft"
    approvals: tuple[Approval, ...] = ()
    steps: tuple[Step, ...] = ()
    version: int | None = None
    revision: int = 0

    def missing(self, needed: Sequence[Role]) -> tuple[Role, ...]:
        """The roles whose word it has not."""
        given = {each.role for each in self.approvals}
        return tuple(role for role in needed if role not in given)

    def under(self, needed: Sequence[Role]) -> Draft:
        """The draft with the state that its words give it, where the settings have come to want others."""
        if self.state not in ("proposed", "approved") or not needed:
            return self
        return replace(self, state="proposed" if self.missing(needed) else "approved")

    def proposed(self, person: Person, needed: Sequence[Role], at: Moment) -> Draft:
        """The draft, once people are asked for their words.

        Raises:
            Contested: they are already, or it was published or withdrawn.
        """
        if self.state != "draft":
            waits = self.state != "proposed" or self.missing(needed)
            msg = f"draft {self.number} is {_IS[self.state]}: {self._what_now() if waits else 'publish it'}"
            raise Contested(msg)
        return self._come_to("proposed", person, at)

    def approved(self, person: Person, role: Role | None, needed: Sequence[Role], at: Moment) -> Draft:
        """The draft with a person's word; `role` is the one for which it shall count, where they have several.

        Raises:
            Contested: it is not proposed, has all words, or has this person's.
            Forbidden: the person has none of the roles whose word is missing, or not this one.
            Invalid: it could count for several roles, or `role` is none whose word is needed.
        """
        self._check_can_be_approved(person, needed)
        missing = self.missing(needed)
        if role is not None and role not in needed:
            msg = f"nobody's word as {role} is needed, but of {_listed(needed)}"
            raise Invalid(msg, "role")
        if role is not None and role not in missing:
            whose = next(each.name for each in self.approvals if each.role is role)
            msg = f"the word of {role} stands already: {whose}'s; that of {_listed(missing)} is missing"
            raise Contested(msg)
        may = [each for each in missing if each in person.roles and role in (None, each)]
        if not may:
            msg = f"{_roles_of(person)} gives no word that is missing; {' or '.join([role] if role else missing)} does"
            raise Forbidden(msg)
        if len(may) > 1:
            msg = f"your word could count for {' or '.join(may)}, and counts once: say for which"
            raise Invalid(msg, "role", roles=list(may))
        given = replace(self, approvals=(*self.approvals, Approval(person.id, person.name, may[0], at)))
        return given._come_to("proposed" if given.missing(needed) else "approved", person, at)

    def withdrawn(self, person: Person, at: Moment) -> Draft:
        """The draft, once nobody is to publish it any more.

        Raises:
            Contested: it was published or withdrawn.
            Forbidden: the person neither wrote it nor is there for the rules.
        """
        self._check_is_open()
        if person.id != self.author_id and not person.roles & _MAY_WITHDRAW:
            msg = f"a draft is withdrawn by its author ({self.author}), or by {_listed(sorted(_MAY_WITHDRAW))}"
            raise Forbidden(msg)
        return self._come_to("withdrawn", person, at)

    def published(self, person: Person, needed: Sequence[Role], active: int, at: Moment) -> Draft:
        """The draft, once it is the version after `active`.

        Raises:
            Contested: it was published or withdrawn, or is based on another version than the active one.
            Unmet: words are missing; `missing` in the details names the roles.
        """
        self._check_is_open()
        if self.based_on != active:
            msg = (
                f"draft {self.number} is based on version {self.based_on}, and version {active} is active by now: "
                "draft the file again with what has changed since, so that the words are for what will hold"
            )
            raise Contested(msg, based_on=self.based_on, active=active)
        if missing := self.missing(needed):
            msg = f"draft {self.number} lacks the word of {_listed(missing)}: {self._what_now()}"
            raise Unmet(msg, missing=list(missing))
        return replace(self._come_to("published", person, at), version=active + 1)

    def _check_is_open(self) -> None:
        if self.state in ("published", "withdrawn"):
            msg = f"draft {self.number} is {_IS[self.state]}: {self._what_now()}"
            raise Contested(msg)

    def _check_can_be_approved(self, person: Person, needed: Sequence[Role]) -> None:
        self._check_is_open()
        if not needed:
            msg = "the settings want nobody's word for new rules: publish it"
            raise Contested(msg)
        if self.state == "draft":
            msg = f"draft {self.number} is not proposed yet: {self._what_now()}"
            raise Contested(msg)
        if any(_is_by(each, person) for each in self.approvals):
            msg = f"you have given your word for draft {self.number} already; every role needs another person's"
            raise Contested(msg)
        if not self.missing(needed):
            msg = f"draft {self.number} has every word that it needs: publish it"
            raise Contested(msg)

    def _come_to(self, state: DraftState, person: Person, at: Moment) -> Draft:
        steps = self.steps if state == self.state else (*self.steps, Step(state, person.name, at))
        return replace(self, state=state, steps=steps, revision=self.revision + 1)

    def _what_now(self) -> str:
        match self.state:
            case "draft":
                return "propose it first"
            case "proposed":
                return "whoever has that role approves it"
            case "approved":
                return "publish it"
            case "published":
                return f"it holds since version {self.version}"
            case "withdrawn":
                return "draft the file again to go on with it"


def says_something(text: str) -> bool:
    """Whether a reason holds a letter or a digit at least: what nobody sees is none."""
    return any(each.isalnum() for each in text)


def _is_by(given: Approval, person: Person) -> bool:
    """Whether a person gave a word, under another id too: of a second account, or as another client knows them."""
    return person.id == given.person or person.name.casefold() == given.name.casefold()


_IS: Mapping[DraftState, str] = {
    "draft": "not proposed yet",
    "proposed": "proposed already",
    "approved": "approved already",
    "published": "published already",
    "withdrawn": "withdrawn",
}


def _listed(roles: Sequence[Role]) -> str:
    return " and ".join(roles)


def _roles_of(person: Person) -> str:
    return f"your role {_listed(sorted(person.roles))}" if person.roles else "being without a role"
