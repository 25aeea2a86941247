"""Fit rules and vetoes: points for who the lead is, and what forbids every step up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.domain import conditions
from shared.domain.facts import Facts
from shared.domain.rulefile import FitRule, Veto


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """What one fit rule gives: its points, `otherwise`, or nothing while facts that could decide it are missing."""

    rule: FitRule
    points: int
    missing: frozenset[str]
    matched: bool = False


def judge(rules: Sequence[FitRule]) -> Callable[[Facts], list[FitOutcome]]:
    """Compose the fit rules into one function of the facts."""
    composed = [(rule, conditions.decides(rule.where)) for rule in rules]

    def outcomes(facts: Facts) -> list[FitOutcome]:
        told = []
        for rule, decide in composed:
            answer, missing = decide(facts)
            points = 0 if answer is None else rule.points if answer else rule.otherwise
            told.append(FitOutcome(rule, points, missing, bool(answer)))
        return told

    return outcomes


def veto(rules: Sequence[Veto]) -> Callable[[Facts], tuple[str, ...]]:
    """Compose the vetoes into a function that names those that hold."""
    composed = [(rule.id, conditions.holds(rule.where)) for rule in rules]
    return lambda facts: tuple(name for name, holds in composed if holds(facts))
