"""A simulation: what publishing a rule file would do, told before anybody is surprised by it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Literal

from shared.domain import lifecycle
from shared.domain.engine import Rules
from shared.domain.facts import Facts
from shared.domain.handoff import LeadId
from shared.domain.ledger import until
from shared.domain.moments import DAY, Moment, to_datetime
from shared.domain.next_change import go_on
from shared.domain.points import POINT
from shared.domain.refusals import Invalid
from shared.domain.routing import Owners
from shared.domain.state import ScoreState

GOOD_FOR = 1 * DAY
"""How long after its moment a simulation may be shown to a publish (microseconds)."""

LOOKS_BACK = 90 * DAY
"""How far back handoffs are counted where nobody says otherwise, and at least for a publish (microseconds)."""

MOST_STEPS = 200
"""So many transitions of one lead are replayed: whoever has more goes round in circles that the rules make."""

_LOOKS_BY_MOMENTS = 400_000
_FEWEST_LOOKS = 10

MOST_SEGMENTS = 100
"""So many segments of all leads one simulation goes through at most; each has its own token."""

FEWEST_OF_A_SAMPLE = 100
"""So many leads a sample holds at least that speaks for all."""


def sample(segments: int) -> list[int]:
    """Which segments of `MOST_SEGMENTS` make up a sample of so many: evenly spread, and never anybody's choice."""
    return [place * MOST_SEGMENTS // segments for place in range(segments)]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a whole simulation found, as a publish asks for it.

    `sha256` is that of the rule file's document (what it says), `against` the number of the version that was active,
    and `at` the moment for which all was told. `leads` were looked at, `share` is their part of all leads (from above 0
    to 1), and `is_sample` says that nobody chose which. The handoffs are those that would have been sent from `since`
    on, under the active rules and under the new ones; with `notify` those that publishing itself sends count besides,
    as far as the replay under the new rules does not count them. What is withheld is not among them.
    """

    sha256: str
    against: int
    at: Moment
    leads: int
    share: float
    handoffs_before: int
    handoffs_after: int
    since: Moment
    notify: bool = False
    is_sample: bool = False

    @property
    def speaks_for_all(self) -> bool:
        """Whether it went through all leads, or through a sample that is large enough."""
        return self.share >= 1 or (self.is_sample and self.leads >= FEWEST_OF_A_SAMPLE)

    @property
    def looks_back(self) -> int:
        """Over how much time it counted handoffs (microseconds)."""
        return self.at - self.since

    def exceeds(self, percent: float) -> bool:
        """Whether there would be more than so many percent more handoffs than under the active rules.

        Before the first publish, and where nobody was scored yet, nothing is too many.
        """
        if not self.against or not self.leads:
            return False
        return (self.handoffs_after - self.handoffs_before) * 100 > percent * self.handoffs_before


@dataclass(frozen=True, slots=True)
class Stretch:
    """One of `of` segments of all leads, simulated up to a place: what a client carries from page to page.

    `since` is how far back handoffs are counted. `after` is where to go on, None when the segment is done. The counts
    are those of all its pages up to there. With `notify` it is told what publishing so would do.
    """

    sha256: str
    against: int
    at: Moment
    since: Moment
    segment: int
    of: int
    after: str | None = None
    done: bool = False
    leads: int = 0
    handoffs_before: int = 0
    handoffs_after: int = 0
    notify: bool = False

    def with_page(self, after: str | None, leads: int, handoffs_before: int, handoffs_after: int) -> Stretch:
        """The same, one page further."""
        return replace(
            self,
            after=after,
            done=after is None,
            leads=self.leads + leads,
            handoffs_before=self.handoffs_before + handoffs_before,
            handoffs_after=self.handoffs_after + handoffs_after,
        )


def united(stretches: Sequence[Stretch]) -> Simulated:
    """What segments of one simulation found together.

    Raises:
        Invalid: there are none, one is not done or stands there twice, or they are of different simulations.
    """
    if not stretches:
        msg = "a simulation of no segment tells nothing: run it first"
        raise Invalid(msg, "simulation")
    if any(not each.done for each in stretches):
        msg = "the simulation is not done: go on with `next` until every segment is"
        raise Invalid(msg, "simulation")
    first = stretches[0]
    if any(_run(each) != _run(first) for each in stretches):
        msg = "these are segments of different simulations: show those of one"
        raise Invalid(msg, "simulation")
    if len({each.segment for each in stretches}) < len(stretches):
        msg = "a segment stands twice in the simulation: show each once"
        raise Invalid(msg, "simulation")
    return Simulated(
        sha256=first.sha256,
        against=first.against,
        at=first.at,
        leads=sum(each.leads for each in stretches),
        share=len(stretches) / first.of,
        handoffs_before=sum(each.handoffs_before for each in stretches),
        handoffs_after=sum(each.handoffs_after for each in stretches),
        since=first.since,
        notify=first.notify,
        is_sample=first.of == MOST_SEGMENTS and sorted(each.segment for each in stretches) == sample(len(stretches)),
    )


def _run(each: Stretch) -> tuple[str, int, Moment, Moment, int, bool]:
    """What all segments of one simulation have in common."""
    return each.sha256, each.against, each.at, each.since, each.of, each.notify


# --- what one lead contributes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a lead stands: its stage and temperature, None where it has none, and its total in billionths."""

    stage: str | None
    temperature: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Sending:
    """A handoff that would be sent: of which entry into a stage, when, and to whom."""

    stage: str
    epoch: int
    at: Moment
    owners: Owners


@dataclass(frozen=True, slots=True)
class Withheld:
    """How many handoffs would be withheld, for want of consent or by a veto: by publishing itself, and in the past.

    Those of the past are entries for which no permission came until the lead left the stage, under the active rules
    (`before`) and the new.
    """

    now: int = 0
    before: int = 0
    after: int = 0

    def __add__(self, other: Withheld) -> Withheld:
        """Both together."""
        return Withheld(self.now + other.now, self.before + other.before, self.after + other.after)


NONE_WITHHELD = Withheld()


@dataclass(frozen=True, slots=True)
class LeadSimulated:
    """What publishing would do to one lead. `name` is how people know it, None where nobody told.

    `now` are the handoffs that publishing itself would cause, at that moment; `by_rules` says that the new rules cause
    them, and not what the lead did. `sent_before` and `sent_after` are those of the time looked back over, had the
    active or the new rules held all along; they are not told of a lead that is `passed_over`, whose history could not
    be replayed in time. `withheld` are those that nobody would be told of, for want of consent or by a veto. With
    `stranded` it ends in a stage that the new rules do not have.
    """

    lead: LeadId
    name: str | None
    before: Standing
    after: Standing
    now: tuple[Sending, ...] = ()
    sent_before: tuple[Sending, ...] = ()
    sent_after: tuple[Sending, ...] = ()
    passed_over: bool = False
    by_rules: bool = False
    withheld: Withheld = NONE_WITHHELD
    stranded: bool = False

    @property
    def besides(self) -> int:
        """How many of the handoffs `now` the replay under the new rules does not count already.

        It counts those that are more than under the active rules: they are what the new rules make of the lead.
        """
        if not self.by_rules:
            return 0
        return max(0, len(self.now) - max(0, len(self.sent_after) - len(self.sent_before)))

    @property
    def moves(self) -> bool:
        """Whether it comes into another stage or temperature."""
        return (self.before.stage, self.before.temperature) != (self.after.stage, self.after.temperature)


def sendings(
    rules: Rules,
    state: ScoreState,
    moments: Iterable[Moment],
    since: Moment,
    at: Moment,
    *,
    consent_required: bool,
    before_each: Callable[[], None] = go_on,
) -> Iterator[tuple[str, int, Moment, Facts | None]]:
    """The handoffs that would have been sent from `since` to `at`, had these rules held all along.

    Each with its stage, epoch, moment, and what was known of the lead then. `moments` are those at which the lead did
    something; what time alone brings about lies between them. A handoff that lacks permission waits for it, as long as
    the lead stays in the stage: one that waited in vain is withheld, and told with the moment of the entry and None.
    Of a lead that goes round in circles the first `MOST_STEPS` transitions are replayed; one that did more than six
    hundred things is looked at after every few of them. `before_each` small part of the work is called: what it raises
    ends it.
    """
    if not rules.file.handoff:
        return
    ledger = rules.ledger(state)
    _, steps = lifecycle.replay(rules, ledger, _looks(moments, at), at, most=MOST_STEPS, before_each=before_each)
    told = [Moment(claim.at) for claim in ledger.claims]
    for step, following in zip_longest(steps, steps[1:]):
        if step.to_stage not in rules.file.handoff:
            continue
        # Whoever enters the next stage is handed over for that one, if at all.
        left = at + 1 if following is None else following.at
        for moment in (step.at, *(each for each in told if step.at < each < left)):
            standing = ledger.standing(until(moment))
            if standing.vetoed_by or (consent_required and standing.facts.consent != "granted"):
                continue
            if moment >= since:
                yield step.to_stage, step.epoch, moment, standing.facts
            break
        else:
            if step.at >= since:
                yield step.to_stage, step.epoch, step.at, None


def _looks(moments: Iterable[Moment], at: Moment) -> Sequence[Moment]:
    """The moments to look at: all, or so few, evenly chosen, that nobody with a long history holds up the others."""
    ordered = sorted({each for each in moments if each <= at})
    every = len(ordered)
    most = max(_FEWEST_LOOKS, _LOOKS_BY_MOMENTS // max(1, every))
    return ordered if every <= most else [ordered[every * (place + 1) // most - 1] for place in range(most)]


# --- what many contribute together ------------------------------------------------------------------------------------

When = Literal["before", "after"]
_FINE = 1000
_WIDTH = 5


def bin_of(total: int) -> int:
    """The whole points at which a total's column of the distribution begins.

    Columns are five points wide below a thousand, and a tenth of their power of ten beyond: however many leads there
    are, they are few.
    """
    points = total // POINT
    width = _WIDTH if abs(points) < _FINE else 10 ** (len(str(abs(points))) - 2)
    return points // width * width


def week_of(at: Moment) -> str:
    """The Monday of a moment's week in UTC, `2026-03-02`."""
    day = to_datetime(at).date()
    return (day - timedelta(days=day.weekday())).isoformat()


@dataclass(frozen=True, slots=True)
class Share:
    """Some handoffs of one week for one team: for one member, for those who take turns by a counter, or for nobody."""

    when: When
    week: str
    team: str
    assignee: str | None = None
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """How many handoffs a team, or a member of it, would have got in a week, under the active rules and the new."""

    week: str
    team: str
    assignee: str | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of some leads. Findings of others are added in any order; how much is held depends on the rules.

    `stages` and `temperatures` count leads by where they stand before and after; `scores` counts them by the column of
    the distribution; `shares` are handoffs of the time looked back over, and `rounds` who takes turns by each counter.
    Of the leads `passed_over` no handoff of that time is known. `besides` are those of `sent_now` that the budget
    counts too where the rules are published with `notify`, and `withheld` stand in no other number. `stranded` leads
    would stand in a stage that the new rules do not have.
    """

    leads: int = 0
    moved: int = 0
    sent_now: int = 0
    stages: Mapping[tuple[str | None, str | None], int] = field(default_factory=dict)
    temperatures: Mapping[tuple[str | None, str | None], int] = field(default_factory=dict)
    scores: Mapping[tuple[When, int], int] = field(default_factory=dict)
    shares: Mapping[Share, int] = field(default_factory=dict)
    rounds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    passed_over: int = 0
    besides: int = 0
    withheld: Withheld = NONE_WITHHELD
    stranded: int = 0

    @classmethod
    def of(cls, found: Iterable[LeadSimulated]) -> Findings:
        """What some leads contribute."""
        stages: Counter[tuple[str | None, str | None]] = Counter()
        temperatures: Counter[tuple[str | None, str | None]] = Counter()
        scores: Counter[tuple[When, int]] = Counter()
        shares: Counter[Share] = Counter()
        rounds: dict[str, tuple[str, ...]] = {}
        leads = moved = now = over = besides = stranded = 0
        withheld = NONE_WITHHELD
        for each in found:
            leads, moved, now = leads + 1, moved + each.moves, now + len(each.now)
            over, besides, withheld = over + each.passed_over, besides + each.besides, withheld + each.withheld
            stranded += each.stranded
            stages[each.before.stage, each.after.stage] += 1
            temperatures[each.before.temperature, each.after.temperature] += 1
            scores["before", bin_of(each.before.total)] += 1
            scores["after", bin_of(each.after.total)] += 1
            sent: tuple[tuple[When, tuple[Sending, ...]], ...] = (
                ("before", each.sent_before),
                ("after", each.sent_after),
            )
            for when, sendings_ in sent:
                for sending in sendings_:
                    owners = sending.owners
                    if owners.counter is not None:
                        rounds[owners.counter] = owners.round
                    shares[Share(when, week_of(sending.at), owners.team, owners.assignee, owners.counter)] += 1
        return cls(leads, moved, now, stages, temperatures, scores, shares, rounds, over, besides, withheld, stranded)

    def __add__(self, other: Findings) -> Findings:
        """Both together."""
        return Findings(
            self.leads + other.leads,
            self.moved + other.moved,
            self.sent_now + other.sent_now,
            Counter(self.stages) + Counter(other.stages),
            Counter(self.temperatures) + Counter(other.temperatures),
            Counter(self.scores) + Counter(other.scores),
            Counter(self.shares) + Counter(other.shares),
            {**self.rounds, **other.rounds},
            self.passed_over + other.passed_over,
            self.besides + other.besides,
            self.withheld + other.withheld,
            self.stranded + other.stranded,
        )

    def sent(self, when: When) -> int:
        """How many handoffs would have been sent under the active rules, or under the new."""
        return sum(count for share, count in self.shares.items() if share.when == when)

    def loads(self) -> list[Load]:
        """Who would have got how many handoffs in which week; those who take turns take them week by week."""
        counts: dict[tuple[str, str, str | None], Counter[When]] = {}
        taken: Counter[tuple[When, str]] = Counter()
        for share, count in sorted(self.shares.items(), key=lambda each: _in_order(each[0])):
            if share.counter is None:
                got: Mapping[str | None, int] = {share.assignee: count}
            else:
                order, first = self.rounds[share.counter], taken[share.when, share.counter]
                taken[share.when, share.counter] += count
                rounds, rest = divmod(count, len(order))
                got = Counter(order[(first + turn) % len(order)] for turn in range(rest))
                got = Counter(got) + Counter({name: rounds * times for name, times in Counter(order).items()})
            for assignee, its in got.items():
                counts.setdefault((share.week, share.team, assignee), Counter())[share.when] += its
        return [
            Load(week, team, assignee, its["before"], its["after"])
            for (week, team, assignee), its in sorted(counts.items(), key=lambda each: tuple(map(str, each[0])))
        ]

    def as_json(self) -> dict[str, Any]:
        """The findings as JSON can hold them."""
        return {
            "leads": self.leads,
            "moved": self.moved,
            "sent_now": self.sent_now,
            "besides": self.besides,
            "withheld": asdict(self.withheld),
            "passed_over": self.passed_over,
            "stranded": self.stranded,
            "stages": _flows(self.stages),
            "temperatures": _flows(self.temperatures),
            "scores": [
                {"when": when, "from_points": points, "leads": count}
                for (when, points), count in sorted(self.scores.items())
            ],
            "shares": [
                {
                    "when": share.when,
                    "week": share.week,
                    "team": share.team,
                    "assignee": share.assignee,
                    "counter": share.counter,
                    "handoffs": count,
                }
                for share, count in sorted(self.shares.items(), key=lambda each: _in_order(each[0]))
            ],
            "rounds": {counter: list(order) for counter, order in sorted(self.rounds.items())},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Findings:
        """Read what `as_json` wrote."""
        return cls(
            told["leads"],
            told["moved"],
            told["sent_now"],
            {(each["before"], each["after"]): each["leads"] for each in told["stages"]},
            {(each["before"], each["after"]): each["leads"] for each in told["temperatures"]},
            {(each["when"], each["from_points"]): each["leads"] for each in told["scores"]},
            {
                Share(each["when"], each["week"], each["team"], each["assignee"], each["counter"]): each["handoffs"]
                for each in told["shares"]
            },
            {counter: tuple(order) for counter, order in told["rounds"].items()},
            told["passed_over"],
            told["besides"],
            Withheld(**told["withheld"]),
            told["stranded"],
        )


def in_order(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """The names of two rule files in the order of the new one; what only the old one has follows what it followed."""
    names, place = list(after), 0
    for name in before:
        if name not in names:
            names.insert(place, name)
        place = names.index(name) + 1
    return tuple(names)


def _flows(counted: Mapping[tuple[str | None, str | None], int]) -> list[dict[str, Any]]:
    return [
        {"before": before, "after": after, "leads": count}
        for (before, after), count in sorted(counted.items(), key=lambda each: tuple(map(str, each[0])))
    ]


def _in_order(share: Share) -> tuple[str, str, str, str, str]:
    return share.week, share.team, share.assignee or "", share.counter or "", share.when
