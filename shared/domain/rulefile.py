"""The rule file: the models that read it, and what is wrong with one, told by key.

Numbers mean the decimals written: read YAML or JSON with decimals kept as `Decimal` where you can; a float stands for
the shortest decimal that names it. Points become whole billionths, durations and moments whole microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from shared.domain.ageing import NO_DECAY, Decay
from shared.domain.bands import Band
from shared.domain.conditions import Condition
from shared.domain.decays import read_decay
from shared.domain.durations import parse_duration
from shared.domain.points import to_billionths
from shared.domain.rule_values import (
    AboveZero,
    ActivityField,
    Duration,
    FactField,
    MomentText,
    Name,
    Names,
    OfActivity,
    OfLead,
    OfStage,
    Part,
    Points,
    Rating,
    Strict,
    Text,
    Times,
    TimeText,
    Wait,
    defined,
    field_in,
    names,
    one_of,
    reading_by,
    under,
)
from shared.domain.stages import ACTIVITY_ROOTS, QUALIFICATIONS, StageCondition


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a path of keys and places), what, and what to write instead."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return f"{where + ': ' if where else ''}{self.message}{f' ({self.hint})' if self.hint else ''}"


# --- behaviour --------------------------------------------------------------------------------------------------------


class AtLeast(Part):
    """How many matching activities, of how many different values, within what time."""

    times: Times
    within: Duration | None = None
    distinct: ActivityField | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """Which of the earning activities count."""

    kind: Literal["every", "once", "latest", "once_per", "once_per_value"] = "every"
    every: int = 0
    field: str = ""


def _repeat(raw: Any) -> Repeat:
    kind, value = one_of(raw, ("every", "once", "latest"), ("once_per", "once_per_value"))
    if kind == "once_per":
        return Repeat("once_per", every=under(kind, parse_duration, value))
    if kind == "once_per_value":
        return Repeat("once_per_value", field=under(kind, field_in(ACTIVITY_ROOTS), value))
    return Repeat(kind)  # type: ignore[arg-type]


Repeats = Annotated[Any, reading_by(_repeat), defined("Repeat")]
Decays = Annotated[Any, reading_by(read_decay), defined("Decay")]


class Active(Part):
    """When a rule is in force: from ≤ occurred < until."""

    since: MomentText | None = Field(None, alias="from")
    until: MomentText | None = None


class Idle(Part):
    """A silence: nothing of some kinds for a time. `of` is None for any activity at all."""

    length: Duration = Field(alias="for")
    of: Annotated[
        Any,
        reading_by(lambda raw: None if raw == "any" else names(raw)),
        defined("Names"),
    ] = None


Importance = Literal["influencing", "important", "most_important", "negative"]


class BehaviourRule(Part):
    """Points for what a lead does (`on`), or for what it does not (`idle`)."""

    id: Name
    label: Text = ""
    on: Names | None = None
    where: OfActivity | None = None
    points: Points
    at_least: AtLeast | None = None
    repeat: Repeats = Repeat()
    score: Name = "engagement"
    group: Name | None = None
    importance: Importance | None = None
    cap: AboveZero | None = None
    decay: Decays | None = None
    expires_after: Duration | None = None
    instead_of: Name | None = None
    only_if: OfLead | None = None
    active: Active | None = None
    idle: Idle | None = None


class FitRule(Part):
    """Points for who the lead is."""

    id: Name
    label: Text = ""
    where: OfLead
    points: Points
    otherwise: Points = 0
    score: Name = "fit"


class Veto(Part):
    """What forbids every upward stage and every handoff."""

    id: Name
    label: Text = ""
    where: OfLead


# --- limits and bands -------------------------------------------------------------------------------------------------


class Group(Part):
    """Rules that are limited together, in size both ways."""

    label: Text = ""
    cap: AboveZero | None = None


def _floor(value: Any) -> int:
    points = to_billionths(value)
    if points > 0:
        msg = "a floor is at most 0"
        raise ValueError(msg)
    return points


def _cap(value: Any) -> int:
    points = to_billionths(value)
    if points < 0:
        msg = "a cap is at least 0"
        raise ValueError(msg)
    return points


class ScoreLimits(Part):
    """A named score and what it stays within."""

    label: Text = ""
    floor: Annotated[int, reading_by(_floor), WithJsonSchema({"type": "number", "maximum": 0})] | None = None
    cap: Annotated[int, reading_by(_cap), WithJsonSchema({"type": "number", "minimum": 0})] | None = None


class BandEdge(Part):
    """A band and its lower bound, `above` it or `at_least` at it."""

    name: Name
    above: Points | None = None
    at_least: Points | None = None

    @property
    def band(self) -> Band:
        """The band itself."""
        return Band(self.name, self.at_least if self.above is None else self.above, self.above is not None)


# --- lifecycle --------------------------------------------------------------------------------------------------------


class Leave(Part):
    """When a lead falls out of a stage, and into which."""

    when: OfStage
    to: Name


class Stage(Part):
    """One stage: where leads come from, what lets them in and what makes them leave."""

    name: Name
    label: Text = ""
    description: Text = ""
    origins: Names | None = Field(None, alias="from")
    enter: OfStage | None = None
    leave: Leave | None = None
    stay: Duration | None = None


class RouteRule(Part):
    """Where leads of one kind go: to another team, or to one member of the stage's own team."""

    when: OfLead
    to: Name


class Route(Part):
    """Who gets the lead: by the first rule that holds, then within the team by a fact, else by turn."""

    rules: tuple[RouteRule, ...] = ()
    by: FactField | None = None
    otherwise: Literal["round_robin"] = Field("round_robin", alias="else")


class Escalate(Part):
    """Who is told of a handoff that nobody answered, and how long after its deadline."""

    to: Name
    after: Wait = 0


class Reassign(Part):
    """How long after its deadline a handoff that nobody answered goes to somebody else, in the same team or another."""

    after: Duration
    to: Name | None = None


Channel = Literal["email", "slack", "webhook"]
Channels = Annotated[
    tuple[Channel, ...], BeforeValidator(lambda raw: (raw,) if isinstance(raw, str) else raw), defined("Channels")
]


class HandoffRule(Part):
    """To whom a stage hands its leads, how fast an answer is due, and on which channels it goes out."""

    to: Name
    respond_within: Duration | None = None
    remind: Duration | None = None
    escalate: Escalate | None = None
    reassign: Reassign | None = None
    notify: Channels = ()
    route: Route | None = None
    first_touch: Text = ""


class Reason(Part):
    """Why sales gives a lead back; a bare text in the file is a name."""

    name: Name
    label: Text = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.name.replace("_", " ").capitalize()


def _reason(raw: Any) -> Any:
    return {"name": raw} if isinstance(raw, str) else raw


def _reasons(**labels: str) -> tuple[Reason, ...]:
    return tuple(Reason(name=name, label=label) for name, label in labels.items())


Reasons = Annotated[tuple[Annotated[Reason, BeforeValidator(_reason)], ...], defined("Reasons")]

REJECTIONS = _reasons(
    no_need="No need",
    no_budget="No budget",
    no_authority="Not the one who decides",
    no_fit="Not the kind of customer that we look for",
    wrong_contact="The contact data is wrong",
    competitor="Works for a competitor",
    spam="Not a real enquiry",
    duplicate="Is known already under another name",
    other="Another reason",
)
RECYCLINGS = _reasons(
    bad_timing="The time is not right",
    no_budget_yet="No budget yet",
    no_answer="Does not answer",
    other="Another reason",
)


class Answers(Part):
    """The reasons from which sales chooses when it does not keep a lead."""

    reject: Reasons = REJECTIONS
    recycle: Reasons = RECYCLINGS


class QualificationFact(Part):
    """One of the four qualification facts: what people call it, how it is asked, and which rating confirms it."""

    label: Text = ""
    question: Text = ""
    confirmed_at: Rating | None = None


_FACTS: Mapping[str, Mapping[str, Any]] = {
    "authority": {"label": "Authority", "question": "Who decides about this, and what is your part in it?"},
    "budget": {"label": "Budget", "question": "Is there a budget for this?"},
    "need": {"label": "Need", "question": "What do you need, and what happens if nothing changes?"},
    "timeline": {"label": "Timeline", "question": "By when do you want it to work?"},
}


def _completed(name: str) -> BeforeValidator:
    """The file says of a qualification fact only what differs from what everybody asks."""
    return BeforeValidator(lambda raw: {**_FACTS[name], **raw} if isinstance(raw, Mapping) else raw)


class Qualification(Part):
    """The four qualification facts."""

    authority: Annotated[QualificationFact, _completed("authority")] = QualificationFact(**_FACTS["authority"])
    budget: Annotated[QualificationFact, _completed("budget")] = QualificationFact(**_FACTS["budget"])
    need: Annotated[QualificationFact, _completed("need")] = QualificationFact(**_FACTS["need"])
    timeline: Annotated[QualificationFact, _completed("timeline")] = QualificationFact(**_FACTS["timeline"])

    def of(self, name: str) -> QualificationFact:
        """The fact of a name.

        Raises:
            KeyError: it is none of the four.
        """
        if name not in QUALIFICATIONS:
            raise KeyError(name)
        fact: QualificationFact = getattr(self, name)
        return fact

    @property
    def confirmed_at(self) -> Mapping[str, int]:
        """From which rating on a fact counts as confirmed; only those for which the file says so."""
        ratings = {name: self.of(name).confirmed_at for name in QUALIFICATIONS}
        return {name: rating for name, rating in ratings.items() if rating is not None}


class NurtureTrack(Part):
    """The track for leads that miss one criterion."""

    missing: Name
    track: Name


class Nurture(Part):
    """What is advised for a lead that entered a stage: the track for the first of `tracks` that it misses, or `else`.

    `towards` is the stage whose entry condition tells what is missing.
    """

    tracks: tuple[NurtureTrack, ...] = ()
    otherwise: Name = Field(alias="else")
    towards: Name | None = None


def _nurture(raw: Any) -> Any:
    """`TRACK` and `{track: TRACK}` say the same as `{else: TRACK}`."""
    if isinstance(raw, str):
        return {"else": raw}
    if isinstance(raw, Mapping) and "track" in raw and not {"else", "tracks"} & set(raw):
        return {("else" if key == "track" else key): value for key, value in raw.items()}
    return raw


Nurtures = Annotated[Nurture, BeforeValidator(_nurture)]


class ExampleActivity(Part):
    """What a golden lead did: a line of `baton score`, which needs no identity and no id here."""

    type: Name
    occurred_at: TimeText
    id: Name | None = None
    identity: dict[str, Text] | None = None
    channel: Name | None = None
    source: Name | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """What is written, as a line of a file of activities says it."""
        return self.model_dump(exclude_unset=True)


class ExampleFacts(Part):
    """What is known of a golden lead."""

    lead: dict[str, Any] = Field(default_factory=dict)
    company: dict[str, Any] = Field(default_factory=dict)
    consent: Literal["granted", "denied", "unknown"] | None = None
    qualification: dict[str, Any] = Field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """What is written, as a line of a file of facts says it."""
        return self.model_dump(exclude_unset=True)


class Expected(Strict):
    """What must come out; what is not written may be anything."""

    total: Points = 0
    scores: dict[str, Points] = Field(default_factory=dict)
    temperature: Text | None = None
    grade: Text | None = None
    stage: Text | None = None
    vetoed_by: tuple[Text, ...] = ()
    missing: tuple[Text, ...] = ()


class Example(Part):
    """A golden lead: what it did, what is known, and what the file must make of it at a moment."""

    name: Name
    activities: tuple[ExampleActivity, ...] = ()
    facts: ExampleFacts = ExampleFacts()
    at: MomentText
    expect: Expected


class RuleFile(Part):
    """A whole rule file."""

    name: Text = ""
    description: Text = ""
    behaviour: tuple[BehaviourRule, ...] = ()
    fit: tuple[FitRule, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    groups: dict[str, Group] = Field(default_factory=dict)
    scores: dict[str, ScoreLimits] = Field(default_factory=dict)
    total: dict[str, Points] = Field(default_factory=dict)
    decay: Decays = NO_DECAY
    temperature: tuple[BandEdge, ...] = ()
    grades: tuple[BandEdge, ...] = ()
    stages: tuple[Stage, ...] = ()
    handoff: dict[str, HandoffRule] = Field(default_factory=dict)
    answers: Answers = Answers()
    qualification: Qualification = Qualification()
    nurture: Annotated[dict[str, Nurtures], defined("NurtureOfStages")] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def score_names(self) -> tuple[str, ...]:
        """Every score: engagement and fit always, then the declared ones."""
        return tuple(dict.fromkeys(("engagement", "fit", *self.scores)))


EMPTY = RuleFile()
"""The rule file that holds before the first is published: nothing earns, nobody moves."""

__all__ = ["EMPTY", "Condition", "Decay", "Problem", "RuleFile", "StageCondition"]
