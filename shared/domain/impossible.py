"""What can never hold, as far as that is provable: nothing is called impossible that could happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.bands import Band, band_of
from shared.domain.conditions import OPERATORS, All, AnyOf, Not, Test, comparable
from shared.domain.moments import parse_moment
from shared.domain.points import POINT, clamp, divide, exact_number
from shared.domain.rulefile import RuleFile
from shared.domain.stages import Activities, Amount, InStage, ScoreIs

Range = tuple[int | None, int | None]
_BOUNDS = {
    "above": (True, True),
    "at_least": (True, False),
    "below": (False, True),
    "at_most": (False, False),
    "after": (True, True),
    "before": (False, True),
}
"""Each comparison: whether it bounds from below, and whether it is strict."""
_KINDS = {
    **dict.fromkeys(("above", "at_least", "below", "at_most", "between"), frozenset({"number"})),
    **dict.fromkeys(("starts_with", "ends_with", "like", "before", "after"), frozenset({"text"})),
    **dict.fromkeys(("contains", "contains_any"), frozenset({"text", "list"})),
}
_OF_MISSING = ("is_not", "not_in")


@dataclass(frozen=True, slots=True)
class Reach:
    """Which values the scores, the total (`score`) and the bands of a rule file can ever take."""

    scores: Mapping[str, Range]
    bands: Mapping[str, frozenset[str | None]]

    @classmethod
    def of(cls, file: RuleFile) -> Reach:
        """Only floors and caps bound a score: somebody may always adjust it by hand."""
        scores: dict[str, Range] = dict.fromkeys(file.score_names, (None, None))
        scores |= {name: (limits.floor, limits.cap) for name, limits in file.scores.items()}
        scores["score"] = _weighted(scores, {name: file.total.get(name, POINT) for name in file.score_names})
        bands = {"temperature": (file.temperature, "score"), "grade": (file.grades, "fit")}
        return cls(
            scores, {key: _reached([edge.band for edge in edges], scores[of]) for key, (edges, of) in bands.items()}
        )


def _weighted(scores: Mapping[str, Range], weights: Mapping[str, int]) -> Range:
    ends: list[list[int | None]] = [[], []]
    for name, weight in weights.items():
        if weight:
            low, high = (None if end is None else end * weight for end in scores[name])
            for side, end in zip(ends, (low, high) if weight > 0 else (high, low), strict=True):
                side.append(end)
    low, high = (None if None in side else divide(sum(filter(None, side)), POINT) for side in ends)
    return low, high


def _reached(bands: list[Band], reach: Range) -> frozenset[str | None]:
    """The bands of all values in a range: of its ends, and of each edge and what lies around it."""
    edges = [band.edge for band in bands if band.edge is not None]
    values = [*(end for end in reach if end is not None), *(edge + more for edge in edges for more in (-1, 0, 1)), 0]
    return frozenset(band_of(bands, clamp(value, *reach)) for value in values)


def never(node: Any, reach: Reach | None = None) -> bool:
    """Whether a condition (of an activity, a lead or a stage) provably never holds."""
    if isinstance(node, AnyOf):
        return all(never(part, reach) for part in node.parts)
    if isinstance(node, Not):
        return always(node.part, reach)
    leaves = list(_together(node))
    return any(never(leaf, reach) for leaf in leaves if isinstance(leaf, AnyOf | Not)) or any(
        _contradict(same, reach) for same in _by_subject(leaves)
    )


def always(node: Any, reach: Reach | None = None) -> bool:
    """Whether a condition provably always holds."""
    if isinstance(node, All):
        return all(always(part, reach) for part in node.parts)
    if isinstance(node, AnyOf):
        return any(always(part, reach) for part in node.parts)
    if isinstance(node, Not):
        return never(node.part, reach)
    if isinstance(node, ScoreIs) and reach:
        low, high = reach.scores.get(node.name, (None, None))
        return low is not None and high is not None and all(map(node.amount.holds, (low, high)))
    if isinstance(node, Test) and reach and node.field in reach.bands:
        return all(_asks(node)(name) for name in reach.bands[node.field])
    return False


def just_entered(conditions: Iterable[Any], reach: Reach | None = None) -> bool:
    """Whether stage conditions may all hold at one moment for leads that have just entered the stages asking them."""
    nodes = [InStage(Amount((("at_most", 0),))), *conditions]
    since = (leaf for node in nodes for leaf in _together(node) if isinstance(leaf, Activities) and leaf.since_entry)
    return all(leaf.amount.holds(0) for leaf in since) and not never(All(tuple(nodes)), reach)


def values_of(node: Any, field: str) -> int | None:
    """How many different values a condition leaves to a field; None for any number."""
    given = [
        {comparable(value) for value in ([leaf.operand] if leaf.operator == "is" else leaf.operand)}
        for leaf in _together(node)
        if isinstance(leaf, Test) and leaf.field == field and leaf.operator in ("is", "in")
    ]
    return len(set.intersection(*given)) if given else None


def _together(node: Any) -> Iterator[Any]:
    """What must hold together."""
    if isinstance(node, All):
        for part in node.parts:
            yield from _together(part)
    elif node is not None:
        yield node


def _by_subject(leaves: Iterable[Any]) -> Iterator[list[Any]]:
    """What asks the same: one field, one score, one number of activities, the time in the stage."""
    found: dict[object, list[Any]] = {}
    for leaf in leaves:
        match leaf:
            case Test(field):
                found.setdefault(("field", field), []).append(leaf)
            case ScoreIs(name):
                found.setdefault(("score", name), []).append(leaf)
            case InStage():
                found.setdefault("time", []).append(leaf)
            case Activities():
                found.setdefault((leaf.marks, leaf.within, leaf.since_entry), []).append(leaf)
    yield from found.values()


def _contradict(same: list[Any], reach: Reach | None) -> bool:
    if isinstance(same[0], Test):
        names = reach.bands.get(same[0].field) if reach else None
        if names is not None:
            return not any(all(_asks(test)(name) for test in same) for name in names)
        return _tests_contradict(same)
    low, high = reach.scores.get(same[0].name, (None, None)) if isinstance(same[0], ScoreIs) and reach else (None, None)
    low = low if isinstance(same[0], ScoreIs) else 0
    amounts: list[Amount] = [node.amount for node in same]
    return _empty([test for amount in amounts for test in amount.tests], low, high)


def _tests_contradict(tests: list[Test]) -> bool:
    positive = [test for test in tests if test.operator not in _OF_MISSING and test.operator != "exists"]
    exists = {test.operand for test in tests if test.operator == "exists"}
    if len(exists) == 2 or (exists == {False} and positive):  # noqa: PLR2004 - both true and false
        return True
    fixed = [test for test in positive if test.operator in ("is", "in")]
    if fixed:
        values = [fixed[0].operand] if fixed[0].operator == "is" else fixed[0].operand
        return not any(all(_asks(test)(value) for test in tests) for value in values)
    kinds = [_KINDS[test.operator] for test in positive]
    if kinds and not frozenset.intersection(*kinds):
        return True
    numbers = [(test.operator, test.operand) for test in positive if _KINDS[test.operator] == {"number"}]
    times = [(test.operator, parse_moment(test.operand)) for test in positive if test.operator in ("before", "after")]
    return _empty(numbers, None, None) or _empty(times, None, None)


def _asks(test: Test) -> Callable[[Any], bool]:
    return OPERATORS[test.operator][0](test.operand)


def _empty(tests: Iterable[tuple[str, Any]], low: Any, high: Any) -> bool:
    """Whether nothing lies between some bounds."""
    lows: list[tuple[Any, bool]] = [] if low is None else [(low, False)]
    highs: list[tuple[Any, bool]] = [] if high is None else [(high, False)]
    for name, limit in tests:
        if name == "between":
            lows.append((exact_number(limit[0]), False))
            highs.append((exact_number(limit[1]), False))
        else:
            is_low, strict = _BOUNDS[name]
            (lows if is_low else highs).append((exact_number(limit), strict))
    return any(low > high or (low == high and (x or y)) for low, x in lows for high, y in highs)
