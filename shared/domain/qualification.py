"""Qualification: authority, budget, need and timeline, with who said so and when; what is still to ask; seven factors.

The four facts are known as all facts are: of what was ever said the word of the greatest rank holds, and among equals
the latest. Saying null takes a fact back: it is unknown again. A question that somebody asked and that got no answer
is told as asked, so that nobody asks it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.activity import LEAD_QUALIFIED, Activity, Json, Rank
from shared.domain.bands import Band
from shared.domain.brief import ToAsk, label_of, value_in_words
from shared.domain.engine import Rules, Score
from shared.domain.facts import Facts
from shared.domain.introduction import stage_in_words
from shared.domain.journey import Journey
from shared.domain.moments import Moment
from shared.domain.points import to_a_tenth
from shared.domain.rulefile import Qualification
from shared.domain.stages import QUALIFICATIONS, confirmed


@dataclass(frozen=True, slots=True)
class FactWord:
    """Something was said of a fact, once; a `value` of None takes it back.

    `source` is the form, the key or the system that told it, or `people`, and then `who` is the person.
    """

    value: Json
    at: Moment
    rank: Rank
    activity: str
    source: str | None
    who: str | None = None
    note: str = ""

    @property
    def weight(self) -> tuple[int, int, str]:
        """What decides which of two words holds."""
        return self.rank, self.at, self.activity


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody asked, and got no answer."""

    at: Moment
    who: str | None
    activity: str


@dataclass(frozen=True, slots=True)
class FactHistory:
    """Every word on a fact, oldest first. `holds` is the one that counts; `asked` is when nobody answered."""

    words: tuple[FactWord, ...] = ()
    holds: FactWord | None = None
    asked: tuple[Asking, ...] = ()

    @property
    def value(self) -> Json:
        """What is known, or None."""
        return self.holds.value if self.holds else None

    @property
    def is_known(self) -> bool:
        """Whether there is an answer; that there is no budget is one."""
        return bool(value_in_words(self.value))


def qualification_history(activities: Iterable[Activity]) -> dict[str, FactHistory]:
    """What a lead's activities say of each of the four facts."""
    words: dict[str, list[FactWord]] = {name: [] for name in QUALIFICATIONS}
    asked: dict[str, list[Asking]] = {name: [] for name in QUALIFICATIONS}
    for each in sorted(activities, key=lambda each: (each.occurred_at, each.id)):
        for name, value in each.claims.qualification.items():
            if name in words:
                words[name].append(_word(each, value))
        for name in _asked(each):
            asked[name].append(Asking(each.occurred_at, _who(each), each.id))
    return {
        name: FactHistory(
            tuple(words[name]), max(words[name], key=lambda word: word.weight, default=None), tuple(asked[name])
        )
        for name in QUALIFICATIONS
    }


def missing_questions(questions: Qualification, history: Mapping[str, FactHistory]) -> tuple[ToAsk, ...]:
    """What nobody knows yet, in the order of the four facts, with the question that would fill it.

    What somebody asked without getting an answer has the moment of the last time in `asked_at`.
    """
    return tuple(
        ToAsk(name, questions.of(name).label, questions.of(name).question, told.asked[-1].at if told.asked else None)
        for name in QUALIFICATIONS
        if not (told := history.get(name, FactHistory())).is_known
    )


Level = Literal["high", "medium", "low", "unknown"]


@dataclass(frozen=True, slots=True)
class Factor:
    """One of the seven things that tell a qualified lead from an unqualified one, and why it is at its level."""

    name: str
    label: str
    level: Level
    because: str


_HALF = 2


def factors(
    rules: Rules, *, score: Score, facts: Facts, journey: Journey | None, last_activity_at: Moment | None
) -> tuple[Factor, ...]:
    """The seven factors of a lead as its score stands; the last one judges by the other six and is no forecast."""
    six = (
        _interest(rules, score, last_activity_at),
        _fit(rules, score),
        _readiness(rules, facts, journey),
        _information(rules, score, facts),
        _fact(rules, facts, "authority", "buying_authority", "Buying authority"),
        _fact(rules, facts, "need", "business_need", "Business need"),
    )
    return (*six, _conversion(six, score))


def _interest(rules: Rules, score: Score, last_activity_at: Moment | None) -> Factor:
    name, label = "interest_level", "Interest level"
    if last_activity_at is None:
        return Factor(name, label, "low", "Did nothing yet")
    points = f"{to_a_tenth(score.scores['engagement'])} points for what they did"
    if score.temperature is None:
        level: Level = "medium" if score.scores["engagement"] > 0 and not rules.temperature else "low"
        return Factor(name, label, level, points)
    return Factor(name, label, _place(rules.temperature, score.temperature), f"{score.temperature}: {points}")


def _fit(rules: Rules, score: Score) -> Factor:
    name, label = "criteria_fit", "Criteria fit"
    if score.vetoed_by:
        return Factor(name, label, "low", f"Ruled out by {', '.join(score.vetoed_by)}")
    if not rules.file.fit:
        return Factor(name, label, "unknown", "The rules ask nothing about who a lead is")
    points = f"{to_a_tenth(score.scores['fit'])} points for who they are"
    lacking = f"; not known: {_labels(rules, score.missing)}" if score.missing else ""
    if score.grade is not None:
        return Factor(name, label, _place(rules.grades, score.grade), f"Grade {score.grade}: {points}{lacking}")
    if score.missing and not score.scores["fit"]:
        return Factor(name, label, "unknown", f"{points}{lacking}")
    return Factor(name, label, "medium" if score.scores["fit"] > 0 else "low", f"{points}{lacking}")


def _readiness(rules: Rules, facts: Facts, journey: Journey | None) -> Factor:
    name, label = "sales_readiness", "Sales readiness"
    sure = [fact for fact in QUALIFICATIONS if _is_confirmed(rules, facts, fact)]
    told = f"{len(sure)} of {len(QUALIFICATIONS)} facts confirmed"
    told += f": {', '.join(sure)}" if sure else ""
    stage = journey.stage if journey else None
    where = f"in no stage, {told}" if stage is None else f"{stage_in_words(stage)}, {told}"
    handed = stage is not None and rules.handoff_for(stage) is not None
    level: Level = "high" if handed or len(sure) == len(QUALIFICATIONS) else "medium" if len(sure) >= _HALF else "low"
    return Factor(name, label, level, f"{where[:1].upper()}{where[1:]}" if stage is None else where)


def _information(rules: Rules, score: Score, facts: Facts) -> Factor:
    unanswered = [name for name in QUALIFICATIONS if not value_in_words(facts.qualification.get(name))]
    lacking = dict.fromkeys([*score.missing, *(f"qualification.{name}" for name in unanswered)])
    name, label = "information_availability", "Information availability"
    if not lacking:
        return Factor(name, label, "high", "Everything that the rules and sales ask is known")
    level: Level = "medium" if len(lacking) <= _HALF else "low"
    return Factor(name, label, level, f"Not known: {_labels(rules, lacking)}")


def _labels(rules: Rules, fields: Iterable[str]) -> str:
    """Fields of rules as people call them: of `company.employees` it is `Company employees`, of `lead.role` `Role`."""
    told = []
    for field in fields:
        group, _, name = field.partition(".")
        if group == "qualification" and name in QUALIFICATIONS:
            told.append(rules.file.qualification.of(name).label)
        else:
            told.append(label_of(name if group in {"lead", "qualification"} and name else field))
    return ", ".join(told)


def _fact(rules: Rules, facts: Facts, fact: str, name: str, label: str) -> Factor:
    value = facts.qualification.get(fact)
    told = value_in_words(value)
    if not told:
        return Factor(name, label, "unknown", rules.file.qualification.of(fact).question)
    if _is_confirmed(rules, facts, fact):
        return Factor(name, label, "high", told)
    is_rating = not isinstance(value, bool) and isinstance(value, int | float) and value > 1
    return Factor(name, label, "medium" if is_rating else "low", told)


def _conversion(six: Sequence[Factor], score: Score) -> Factor:
    """Whether it will come to business, by what is known: a veto or most factors low speak against it."""
    high = [factor.label.lower() for factor in six if factor.level == "high"]
    low = [factor.label.lower() for factor in six if factor.level == "low"]
    told = [f"for it: {', '.join(high)}"] if high else []
    told += [f"against it: {', '.join(low)}"] if low else []
    level: Level = "medium"
    if score.vetoed_by or len(low) > len(high):
        level = "low"
    elif len(high) > len(six) / _HALF and not low:
        level = "high"
    because = "; ".join(told) or "nothing speaks for it or against it"
    return Factor("conversion_probability", "Conversion probability", level, f"{because[:1].upper()}{because[1:]}")


def _is_confirmed(rules: Rules, facts: Facts, fact: str) -> bool:
    return confirmed(facts.qualification.get(fact), rules.file.qualification.confirmed_at.get(fact))


def _place(bands: Sequence[Band], name: str) -> Level:
    """The topmost band is high, the lowest one low, and what lies between medium."""
    place = next(number for number, band in enumerate(bands) if band.name == name)
    return "high" if place == len(bands) - 1 else "low" if place == 0 else "medium"


def _word(activity: Activity, value: Json) -> FactWord:
    note = activity.properties.get("note")
    return FactWord(
        value=value,
        at=activity.occurred_at,
        rank=activity.rank,
        activity=activity.id,
        source=activity.source,
        who=_who(activity),
        note=note if isinstance(note, str) and activity.rank >= Rank.SALES else "",
    )


def _who(activity: Activity) -> str | None:
    who = activity.properties.get("who")
    return who if activity.rank >= Rank.SALES and isinstance(who, str) else None


def _asked(activity: Activity) -> tuple[str, ...]:
    """The facts that a person asked for without getting an answer."""
    told = activity.properties.get("asked")
    if activity.type != LEAD_QUALIFIED or activity.rank < Rank.SALES or not isinstance(told, list | tuple):
        return ()
    return tuple(name for name in QUALIFICATIONS if name in told)
