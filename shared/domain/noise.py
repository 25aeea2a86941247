"""Noise: activities that nobody of interest did. They stay in the log and are told of, and count for nothing.

What is noise is a function of a lead's activities and of the filters that stand: what bots did is marked where it is
taken in; filters name network addresses or user agents; and people mark whole leads, which is an activity of theirs in
the log of each of the lead's identities. So marking is undone exactly, and the order in which anything arrives is of no
account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from shared.domain.activity import (
    BY_PEOPLE_ONLY,
    NO_CLAIMS,
    NOISE_MARKED,
    NOISE_UNMARKED,
    Activity,
    Claims,
    Identity,
    Rank,
)
from shared.domain.conditions import fold, matches_wildcards
from shared.domain.moments import Moment
from shared.domain.refusals import Invalid

BOT = "bot"
"""The mark of an activity whose user agent is a bot's."""

NOISE = "noise"
"""The mark of an activity that a filter catches, or that is of a lead which people marked."""

ADDRESS = "address"
USER_AGENT = "user_agent"
"""Where an activity's context tells from which network address, and by what program, it was sent."""

_NOTHING = ""
"""The type of an activity that was silenced; no rule asks about it."""
_WIDEST = {4: 8, 6: 16}
_MAPPED = 96
"""Bits that stand before an IPv4 address which is written as one of IPv6."""
_LONGEST_AGENT = 200
_FEWEST_LETTERS = 3

Kind = Literal["address", "agent"]


@dataclass(frozen=True, slots=True)
class NoiseFilter:
    """Catches activities: of an address range (`203.0.113.0/24`), or of user agents (`*scanner*`, in lower case)."""

    kind: Kind
    value: str

    @property
    def id(self) -> str:
        """The same for the same filter; tells nobody's address."""
        return hashlib.sha256(f"{self.kind} {self.value}".encode()).hexdigest()[:16]


def noise_filter(kind: Kind, value: str) -> NoiseFilter:
    """A filter as a person writes it, in its one writing.

    Raises:
        Invalid: it is no address or range, or one so wide that it would silence whoever comes along.
    """
    return _address_filter(value.strip()) if kind == "address" else _agent_filter(value)


class Noise:
    """The filters that stand."""

    def __init__(self, filters: Iterable[NoiseFilter] = ()) -> None:
        standing = list(filters)
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(each.value) for each in standing if each.kind == "address"
        ]
        self._agents = [each.value for each in standing if each.kind == "agent"]

    def attaching(self, named: Iterable[Activity]) -> list[Activity]:
        """Those that attach browsers to a lead: neither a bot's, nor caught by a filter."""
        return [each for each in named if BOT not in each.marks and not self.catches(each)]

    def catches(self, activity: Activity) -> bool:
        """Whether a filter names the address or the agent of an activity; of what people decided none does."""
        if activity.rank >= Rank.SALES or activity.type in BY_PEOPLE_ONLY:
            return False
        return self._catches_address(activity.context.get(ADDRESS)) or self._catches_agent(
            activity.context.get(USER_AGENT)
        )

    def marked(self, activities: Iterable[Activity]) -> list[Activity]:
        """A lead's activities, those that are noise marked so. What is marked already stays as it is."""
        every = list(activities)
        is_lead_noise = is_marked_by_people(every)
        return [self._marked(each, is_lead_noise=is_lead_noise) for each in every]

    def _marked(self, activity: Activity, *, is_lead_noise: bool) -> Activity:
        if self.catches(activity):
            marks = activity.marks if is_noise(activity) else (*activity.marks, NOISE)
            # Anybody can say in another's name, by a public key, that they do not want to be contacted. Where people
            # have found out who does, that is not heard either.
            heard = activity.claims if activity.rank > Rank.PUBLIC else NO_CLAIMS
            return replace(activity, marks=marks, claims=heard)
        if is_lead_noise and activity.rank < Rank.SALES and not is_noise(activity):
            return replace(activity, marks=(*activity.marks, NOISE))
        return activity

    def _catches_address(self, told: object) -> bool:
        if not self._networks or not isinstance(told, str):
            return False
        try:
            address = ip_address(told)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)

    def _catches_agent(self, told: object) -> bool:
        if not self._agents or not isinstance(told, str):
            return False
        agent = fold(told)
        return any(matches_wildcards(agent, pattern) for pattern in self._agents)


def is_noise(activity: Activity) -> bool:
    """Whether an activity is marked as a bot's or as noise."""
    return BOT in activity.marks or NOISE in activity.marks


def silenced(activity: Activity) -> Activity:
    """What is heard of noise: that somebody does not want to be contacted, and nothing else."""
    claims = Claims(consent="denied") if activity.claims.consent == "denied" else NO_CLAIMS
    return replace(activity, type=_NOTHING, claims=claims, own=False)


def is_marked_by_people(activities: Sequence[Activity]) -> bool:
    """Whether the last word of people on any of a lead's identities is that its activities are noise."""
    last: dict[Identity, tuple[Moment, str, str]] = {}
    for each in activities:
        if each.rank >= Rank.SALES and each.type in (NOISE_MARKED, NOISE_UNMARKED):
            said = (each.occurred_at, each.id, each.type)
            last[each.identity] = max(said, last.get(each.identity, said))
    return any(kind == NOISE_MARKED for _, _, kind in last.values())


def _address_filter(value: str) -> NoiseFilter:
    try:
        network = ip_network(value, strict=False)
    except ValueError as error:
        msg = f"{value[:60]!r} is neither a network address nor a range: write 203.0.113.7 or 203.0.113.0/24"
        raise Invalid(msg, "address") from error
    if (
        isinstance(network, IPv6Network)
        and (mapped := network.network_address.ipv4_mapped)
        and network.prefixlen >= _MAPPED
    ):
        network = ip_network((mapped, network.prefixlen - _MAPPED))
    if network.prefixlen < _WIDEST[network.version]:
        msg = f"{network} is too wide a range; the widest is /{_WIDEST[network.version]}"
        raise Invalid(msg, "address")
    return NoiseFilter("address", str(network))


def _agent_filter(value: str) -> NoiseFilter:
    pattern = fold(value)
    if len(pattern) > _LONGEST_AGENT:
        msg = f"the pattern of an agent has at most {_LONGEST_AGENT} characters"
        raise Invalid(msg, "agent")
    if sum(letter not in "*?" for letter in pattern) < _FEWEST_LETTERS:
        msg = f"the pattern of an agent has at least {_FEWEST_LETTERS} characters beside * and ?, such as *scanner*"
        raise Invalid(msg, "agent")
    return NoiseFilter("agent", pattern)
