"""Who is who: which names are one lead, and whose a browser is, as functions of the set of all that was said.

Known identities that a trusted activity names together are linked; each pair of its strongest identity and another is a
link, at the activity's moment. Links are gone through in order of (occurred_at, activity id, identities), and each
makes one lead of the two in which its ends then are, unless it is refused:

- because the lead would have more than `MOST_IDENTITIES` known identities, or
- because a `not_same` stands between an identity of the one and an identity of the other.

What is refused stays without effect. As leads only grow on the way, what is refused once is refused however often it is
said again: of each pair only the earliest link counts, and of what arrived late, twice or in another batch nothing else
than of what arrived in order.

`not_same` and `same` are a person's verdicts on pairs of identities; of the verdicts on a pair the latest stands. It
stands whatever happened before or after it: no later link of a source withdraws a `not_same`, only a later `same` does.
A third identity that was linked to both sides stays with the side to which it was linked first, and its link to the
other is refused. To split a lead exactly in two, a verdict names all of its identities in two parts: what stands within
a part is a `same`, and what stands across is a `not_same`. A `same` is a link too, at the moment of the verdict.

A browser is attached to the leads that named it, and what it did alone belongs to the one who named it last before, or
else to the first after. Of each lead the first `MOST_BROWSERS_OF_A_LEAD` count, and of the leads for which a browser
counts, the first `MOST_LEADS_OF_A_BROWSER` by when they named it; at one moment the identity decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Literal, TypeVar

from shared.domain.activity import IDENTITIES_MERGED, IDENTITIES_UNMERGED, Activity, Identity, Rank
from shared.domain.moments import Moment
from shared.domain.noise import Noise

MOST_IDENTITIES = 20
"""A lead of more known identities is refused further ones: a shared mailbox never melts people together."""
MOST_LEADS_OF_A_BROWSER = 10
"""A browser that more leads used is a kiosk: the first of them in time stay attached, the others never are."""
MOST_BROWSERS_OF_A_LEAD = 50
"""What the first of its browsers did alone counts for a lead; of further ones only what was done in its name."""
MOST_REFUSED_LINKS = 50
"""So many of the links that were refused to a lead, the earliest, are remembered for when there comes to be room."""

APART = "apart"
"""The property of an `identities_unmerged` that names one of the two parts, by the keys of its identities."""

Refusal = Literal["too_many_identities", "not_same"]
Group = frozenset[Identity]
"""The known identities of one lead."""
_Lead = TypeVar("_Lead")


@dataclass(frozen=True, slots=True)
class Link:
    """A trusted source named two known identities together; `one` is the stronger of the two."""

    occurred_at: Moment
    activity_id: str
    one: Identity
    two: Identity

    @property
    def order(self) -> tuple[int, str, str, str]:
        """What decides which of two links comes first."""
        return self.occurred_at, self.activity_id, self.one.key, self.two.key

    @property
    def pair(self) -> Group:
        """The two identities."""
        return frozenset((self.one, self.two))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person decided who is who: the identities of each part are the same lead, those of different parts are not."""

    occurred_at: Moment
    activity_id: str
    parts: tuple[Group, ...]

    @property
    def identities(self) -> Group:
        """All that it speaks of."""
        return frozenset().union(*self.parts)


@dataclass(frozen=True, slots=True)
class Refused:
    """A link that was refused, and why."""

    link: Link
    why: Refusal


@dataclass(frozen=True, slots=True)
class Ties:
    """What was said of who is who: of each pair the earliest link, and every verdict. Two of them unite with `|`."""

    links: frozenset[Link] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.links or self.verdicts)

    def __or__(self, other: Ties) -> Ties:
        if other.links <= self.links and other.verdicts <= self.verdicts:
            return self
        earliest: dict[Group, Link] = {}
        for link in sorted(self.links | other.links, key=lambda link: link.order):
            earliest.setdefault(link.pair, link)
        return Ties(frozenset(earliest.values()), self.verdicts | other.verdicts)

    def among(self, identities: Collection[Identity]) -> Ties:
        """The links of which both ends are some of these identities, and all verdicts."""
        return Ties(
            frozenset(link for link in self.links if link.one in identities and link.two in identities), self.verdicts
        )

    def of(self, identities: Collection[Identity]) -> Ties:
        """What a lead of these identities has to remember: links among them, the earliest to others, and verdicts."""
        inside, outside = set[Link](), list[Link]()
        for link in self.links:
            ends = (link.one in identities) + (link.two in identities)
            if ends == 1:
                outside.append(link)
            elif ends:
                inside.add(link)
        outside.sort(key=lambda link: link.order)
        verdicts = frozenset(verdict for verdict in self.verdicts if not verdict.identities.isdisjoint(identities))
        return Ties(frozenset(inside.union(outside[:MOST_REFUSED_LINKS])), verdicts)

    @property
    def not_same(self) -> frozenset[Group]:
        """The pairs between which a `not_same` stands."""
        stands: dict[Group, bool] = {}
        for verdict in sorted(self.verdicts, key=lambda each: (each.occurred_at, each.activity_id, len(each.parts))):
            part_of = {identity: number for number, part in enumerate(verdict.parts) for identity in part}
            for one, two in combinations(part_of, 2):
                stands[frozenset((one, two))] = part_of[one] != part_of[two]
        return frozenset(pair for pair, apart in stands.items() if apart)


NO_TIES = Ties()


@dataclass(frozen=True, slots=True)
class People:
    """Who is one with whom, and which links were refused, in order."""

    groups: frozenset[Group]
    refused: tuple[Refused, ...]


def linked_identities(activity: Activity) -> tuple[Identity, ...]:
    """The known identities that an activity may speak for: a public source never joins two of them."""
    known = activity.known_identities
    return known if activity.rank >= Rank.TRUSTED else known[:1]


def ties_of(activities: Iterable[Activity]) -> Ties:
    """What some activities say of who is who."""
    links: dict[Group, Link] = {}
    verdicts: set[Verdict] = set()
    for activity in activities:
        known = linked_identities(activity)
        if len(known) < 2:  # noqa: PLR2004
            continue
        parts = [known]
        if activity.rank is Rank.SALES and activity.type in (IDENTITIES_MERGED, IDENTITIES_UNMERGED):
            parts = _parts(activity, known)
            verdicts.add(Verdict(activity.occurred_at, activity.id, tuple(map(frozenset, parts))))
        for link in (link for part in parts for link in _star(activity, part)):
            before = links.get(link.pair)
            if before is None or link.order < before.order:
                links[link.pair] = link
    return Ties(frozenset(links.values()), frozenset(verdicts)) if links or verdicts else NO_TIES


def people(ties: Ties, named: Iterable[Identity] = ()) -> People:
    """The leads of all identities that are named or linked; see the module for what it means."""
    alone = frozenset(named).union(*(link.pair for link in ties.links))
    groups: dict[Identity, Group] = {each: frozenset((each,)) for each in alone}
    apart = ties.not_same
    refused = []
    for link in sorted(ties.links, key=lambda link: link.order):
        one, two = groups[link.one], groups[link.two]
        if link.two in one:
            continue
        if len(one) + len(two) > MOST_IDENTITIES:
            refused.append(Refused(link, "too_many_identities"))
        elif apart and any(frozenset((each, other)) in apart for each in one for other in two):
            refused.append(Refused(link, "not_same"))
        else:
            groups.update(dict.fromkeys(one | two, one | two))
    return People(frozenset(groups.values()), tuple(refused))


def one_with(identities: Group, ties: Ties) -> Group:
    """Further identities that are one lead with some of these, by what was said."""
    named = identities.union(*(link.pair for link in ties.links))
    groups = people(ties.among(named), named).groups
    return frozenset[Identity]().union(*(group for group in groups if group & identities)) - identities


def _star(activity: Activity, identities: Collection[Identity]) -> Iterator[Link]:
    strongest, *others = identities
    for other in others:
        yield Link(activity.occurred_at, activity.id, strongest, other)


def _parts(activity: Activity, known: tuple[Identity, ...]) -> list[tuple[Identity, ...]]:
    named = activity.properties.get(APART, ()) if activity.type == IDENTITIES_UNMERGED else ()
    one = tuple(each for each in known if each.key in named)
    other = tuple(each for each in known if each.key not in named)
    return [part for part in (one, other) if part]


@dataclass(frozen=True, slots=True)
class Attachment:
    """At a moment an activity named a browser and somebody known together."""

    occurred_at: Moment
    activity_id: str
    known: Identity


def attachments(activities: Iterable[Activity], browser: Identity) -> list[Attachment]:
    """The attachments to a browser that these activities are, in order of time."""
    return sorted(
        (
            Attachment(activity.occurred_at, activity.id, activity.known_identities[0])
            for activity in activities
            if activity.known_identities and activity.anonymous_id == browser
        ),
        key=lambda attachment: (attachment.occurred_at, attachment.activity_id, attachment.known.key),
    )


def owner(of: Iterable[Attachment], at: Moment) -> Identity | None:
    """Whose an anonymous activity at a moment is: the last who was attached by then, or else the first after it.

    `of` stands in order of time, as `attachments` gives it. Two people at one computer so stay two people.
    """
    latest: Identity | None = None
    for attachment in of:
        if attachment.occurred_at > at and latest is not None:
            break
        latest = attachment.known
        if attachment.occurred_at > at:
            break
    return latest


def first_browsers(named: Iterable[Activity]) -> dict[Identity, Attachment]:
    """The browsers that count for a lead, with the attachment that named each first; `named` is what it did by name."""
    firsts: dict[Identity, Attachment] = {}
    for each in named:
        if each.anonymous_id and each.known_identities:
            one = Attachment(each.occurred_at, each.id, each.known_identities[0])
            before = firsts.get(each.anonymous_id)
            if before is None or _place(one) < _place(before):
                firsts[each.anonymous_id] = one
    ordered = sorted(firsts.items(), key=lambda each: (each[1].occurred_at, each[0].key))
    return dict(islice(ordered, MOST_BROWSERS_OF_A_LEAD))


def _place(attachment: Attachment) -> tuple[int, str]:
    return attachment.occurred_at, attachment.known.key


def comes_too_late(occurred_at: Moment, since: Collection[Moment]) -> bool:
    """Whether a browser named at a moment is certainly none of a lead's first, which it named at these moments."""
    return len(since) >= MOST_BROWSERS_OF_A_LEAD and occurred_at > max(since)


def with_attachment(attached: Mapping[Identity, Moment], one: Attachment) -> dict[Identity, Moment]:
    """The names with a browser and since when, with one more, or an earlier moment for one of them."""
    return {**attached, one.known: min(one.occurred_at, attached.get(one.known, one.occurred_at))}


def is_crowded(attached: Mapping[Identity, Moment]) -> bool:
    """Whether one more name with a browser may put another one's lead out of its place."""
    return len(attached) >= MOST_LEADS_OF_A_BROWSER


def earliest_attached(attached: Mapping[Identity, Moment]) -> dict[Identity, Moment]:
    """The names to keep with a browser, with the moment at which each first was: the earliest, whoever came first.

    They are so many that the first leads are among them, however many names each of them has. Keeping only these loses
    nothing: who is not among them now comes in only by an earlier attachment of their own.
    """
    most = MOST_LEADS_OF_A_BROWSER * MOST_IDENTITIES
    return dict(islice(_by_time(attached), most))


def first_leads(
    attached: Mapping[Identity, Moment],
    whose: Callable[[list[Identity]], Mapping[Identity, _Lead]],
    *,
    and_next: bool = False,
) -> list[_Lead]:
    """The leads to which a browser stays attached, first come first, by all names with it and whose each of those is.

    `whose` is asked for some names at a time, as seldom the later ones are needed. With `and_next` come as many after
    them, who may have been the first until others came.
    """
    most = MOST_LEADS_OF_A_BROWSER * (2 if and_next else 1)
    names = [identity for identity, _ in _by_time(attached)]
    found: dict[_Lead, None] = {}
    while names and len(found) < most:
        some, names = names[: 2 * MOST_LEADS_OF_A_BROWSER], names[2 * MOST_LEADS_OF_A_BROWSER :]
        owners = whose(some)
        found.update((owners[each], None) for each in some if each in owners)
    return list(islice(found, most))


def _by_time(attached: Mapping[Identity, Moment]) -> list[tuple[Identity, Moment]]:
    return sorted(attached.items(), key=lambda each: (each[1], each[0].key))


@dataclass(frozen=True, slots=True)
class WhoIsWho:
    """All leads of a set of activities. `kiosks` are the browsers that more leads named than may be attached to one."""

    people: People
    kiosks: frozenset[Identity]
    _group: Mapping[Identity, Group] = field(repr=False)
    _timelines: Mapping[Identity, list[Attachment]] = field(repr=False)

    def lead_of(self, activity: Activity) -> Group | None:
        """Whose an activity is: its strongest identity's, or the browser's owner's; None while nobody is known."""
        if activity.known_identities:
            return self._group[activity.known_identities[0]]
        found = owner(self._timelines.get(activity.identity, ()), activity.occurred_at)
        return self._group[found] if found else None


def who_is_who(activities: Iterable[Activity]) -> WhoIsWho:
    """Who is who, by a whole set of activities: whoever has them all, in any order, comes to the same."""
    every = list(activities)
    named = [activity for activity in every if activity.known_identities]
    found = people(ties_of(named), (each for activity in named for each in linked_identities(activity)))
    group_of = {identity: group for group in found.groups for identity in group}
    by_group: dict[Group, list[Activity]] = {}
    for activity in named:
        by_group.setdefault(group_of[activity.known_identities[0]], []).append(activity)
    attached: dict[Identity, dict[Identity, Moment]] = {}
    for its in by_group.values():
        for browser, first in first_browsers(Noise().attaching(its)).items():
            attached.setdefault(browser, {})[first.known] = first.occurred_at
    timelines: dict[Identity, list[Attachment]] = {}
    for browser, names in attached.items():
        stay = first_leads(names, lambda some: {each: group_of[each] for each in some})
        its = [each for group in stay for each in by_group[group]]
        timelines[browser] = attachments(Noise().attaching(its), browser)
    kiosks = frozenset(browser for browser, names in attached.items() if len(names) > MOST_LEADS_OF_A_BROWSER)
    return WhoIsWho(found, kiosks, group_of, timelines)
