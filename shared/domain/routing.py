"""Routing: which team gets a lead, and which member of it.

Members take turns by weight. Whose turn it is is a function of the turn's number alone, so that nothing but that number
needs to be stored: of any N·(sum of weights) turns in a row each member has exactly N·weight, and nobody has two turns
in a row where the weights let that be avoided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from math import gcd

from shared.domain import conditions
from shared.domain.conditions import fold, nearest
from shared.domain.facts import Facts
from shared.domain.rulefile import HandoffRule, Problem, RuleFile

DEFAULT_TEAM = "default"
"""The team that stands in for one that is not configured."""


@dataclass(frozen=True, slots=True)
class Member:
    """Who can get a lead: one person of a team, known here by name only.

    `takes` are values of the fact by which the rules route; `weight` says how many turns the member has in a round.
    """

    name: str
    weight: int = 1
    takes: tuple[str, ...] = ()


Rosters = Mapping[str, tuple[Member, ...]]
"""The members of each team."""

Take = Callable[[str], int]
"""Takes the next turn of a counter and tells its number, counted from 0."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The team that gets a lead, and the member of it, None where the team has no members."""

    team: str
    assignee: str | None


@dataclass(frozen=True, slots=True)
class Owners:
    """The team that gets a lead, and who of it may: in one round, who comes how often and in which order.

    By the same `counter` they take turns; None where a rule or a fact names the one, or the team has no members.
    """

    team: str
    round: tuple[str, ...]
    counter: str | None = None

    @property
    def assignee(self) -> str | None:
        """The one who gets every such lead, None where they take turns or there is nobody."""
        return self.round[0] if self.round and self.counter is None else None


def owners(rule: HandoffRule, rosters: Rosters, facts: Facts) -> Owners:
    """As `route`, without taking a turn: who would get such leads, in turns."""
    asked: list[str] = []

    def ask(counter: str) -> int:
        asked.append(counter)
        return 0

    found = route(rule, rosters, facts, ask)
    if not asked:
        return Owners(found.team, () if found.assignee is None else (found.assignee,))
    _, takers = _takers(rule, rosters, facts, found.team)
    return Owners(found.team, _order(tuple((member.name, member.weight) for member in takers)), asked[0])


def route(rule: HandoffRule, rosters: Rosters, facts: Facts, take: Take) -> Owner:
    """Who gets a lead of which some facts are known, by the first rule that holds, by a fact, else by turn."""
    team = rule.to
    for each in rule.route.rules if rule.route else ():
        if conditions.holds(each.when)(facts):
            if any(member.name == each.to for member in _members(rosters, team)[1]):
                return Owner(team, each.to)
            # Whom the settings do not know, such as a member who has left, gets nothing: the stage's own team does.
            team = each.to if each.to in rosters else team
            break
    return Owner(team, _by_fact_or_turn(rule, rosters, facts, team, take))


def reroute(
    rule: HandoffRule | None, rosters: Rosters, facts: Facts, team: str, take: Take, *, instead_of: str | None
) -> Owner:
    """Who gets a lead that somebody left waiting: in their own team the next member, in another as for a new one."""
    name, members = _members(rosters, team)
    if instead_of is None or all(member.name != instead_of for member in members):
        return Owner(team, _by_fact_or_turn(rule, rosters, facts, team, take))
    # Whose turn it would be again has had this lead already: that turn is spent.
    for _ in range(sum(member.weight for member in members)):
        if (found := in_turn(members, take(name))) != instead_of:
            return Owner(team, found)
    return Owner(team, instead_of)


def unknown_owners(file: RuleFile, rosters: Rosters) -> Iterator[Problem]:
    """The teams and members that a rule file names and the settings do not have, and who gets the leads instead."""
    for stage, rule in file.handoff.items():
        told: list[tuple[tuple[str, ...], str]] = [(("to",), rule.to)]
        if rule.escalate:
            told.append((("escalate", "to"), rule.escalate.to))
        if rule.reassign and rule.reassign.to:
            told.append((("reassign", "to"), rule.reassign.to))
        for keys, team in told:
            if team not in rosters:
                message = f"the settings have no team {team!r}: `{DEFAULT_TEAM}` stands in for it"
                yield Problem(("handoff", stage, *keys), message, nearest(team, list(rosters)))
        own = [member.name for member in _members(rosters, rule.to)[1]]
        for place, each in enumerate(rule.route.rules if rule.route else ()):
            if each.to not in (*own, *rosters):
                message = (
                    f"the settings have no team {each.to!r}, nor a member of {rule.to!r}: {rule.to!r} gets the lead"
                )
                here = ("handoff", stage, "route", "rules", place, "to")
                yield Problem(here, message, nearest(each.to, [*own, *rosters]))


def in_turn(members: Sequence[Member], turn: int) -> str:
    """Whose turn it is.

    Raises:
        ValueError: there are no members.
    """
    if not members:
        msg = "nobody can take turns in a team without members"
        raise ValueError(msg)
    order = _order(tuple((member.name, member.weight) for member in members))
    return order[turn % len(order)]


def _by_fact_or_turn(rule: HandoffRule | None, rosters: Rosters, facts: Facts, team: str, take: Take) -> str | None:
    counter, members = _takers(rule, rosters, facts, team)
    if not members:
        return None
    return members[0].name if counter is None else in_turn(members, take(counter))


def _takers(
    rule: HandoffRule | None, rosters: Rosters, facts: Facts, team: str
) -> tuple[str | None, tuple[Member, ...]]:
    """Who of a team may get the lead, and by which counter they take turns; None where a fact names the one."""
    name, members = _members(rosters, team)
    if members and rule and rule.route and rule.route.by:
        value = conditions.read_field(rule.route.by)(facts)
        able = tuple(m for m in members if isinstance(value, str) and fold(value) in map(fold, m.takes))
        if len(able) == 1:
            return None, able
        if able:
            # They take turns among themselves, apart from the team's.
            digest = blake2b("\n".join(member.name for member in able).encode(), digest_size=6).hexdigest()
            return f"{name}#{digest}", able
    return name, members


def _members(rosters: Rosters, team: str) -> tuple[str, tuple[Member, ...]]:
    """The team that has the lead in truth, and its members."""
    name = team if team in rosters else DEFAULT_TEAM
    return name, rosters.get(name, ())


@lru_cache(maxsize=128)
def _order(weighted: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """One round: each name as often as its weight says, by their greatest common measure, spread evenly."""
    measure = gcd(*(weight for _, weight in weighted))
    weights = {name: weight // measure for name, weight in weighted}
    order = _smooth(weights)
    most, length = max(weights.values()), len(order)
    unavoidable = max(0, 2 * most - length) if len(weights) > 1 else length
    return order if _repeats(order) == unavoidable else _apart(weights)


def _smooth(weights: Mapping[str, int]) -> tuple[str, ...]:
    """Each turn everybody gains their weight, and who has most of all takes it and pays the whole."""
    whole, credit, order = sum(weights.values()), dict.fromkeys(weights, 0), []
    for _ in range(whole):
        for name, weight in weights.items():
            credit[name] += weight
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= whole
        order.append(chosen)
    return tuple(order)


def _apart(weights: Mapping[str, int]) -> tuple[str, ...]:
    """Every second place is filled first, most frequent first: then no name meets itself unless it must."""
    names = [name for name, weight in sorted(weights.items(), key=lambda each: -each[1]) for _ in range(weight)]
    most, length = max(weights.values()), len(names)
    if 2 * most > length:  # the others part the most frequent into runs as even as can be
        rest = iter(names[most:])
        runs = [most * (n + 1) // (length - most) - most * n // (length - most) for n in range(length - most)]
        return tuple(name for run in runs for name in (*names[:run], *islice(rest, 1)))
    order = [""] * length
    for place, name in zip([*range(0, length, 2), *range(1, length, 2)], names, strict=True):
        order[place] = name
    return tuple(order)


def _repeats(order: Sequence[str]) -> int:
    """How often a name follows itself, from one round to the next too."""
    return sum(name == order[place - 1] for place, name in enumerate(order))
