"""The lifecycle: a path through stages. A score is a function; a transition is decided once and stays decided.

Crossing, not being above, triggers: after a stage has been entered, its entry condition must be seen false before it
can be entered again. A stage without `from` is entered from no stage or from any stage listed before it. A step to a
stage listed later is a step up, and a veto forbids it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.domain import next_change
from shared.domain.behaviour import Key
from shared.domain.compiled import Compiled, CompiledStage
from shared.domain.explanation import contributions
from shared.domain.glance import Crossing
from shared.domain.journey import Journey, View
from shared.domain.ledger import Bound, Ledger, until
from shared.domain.moments import SECOND, Moment
from shared.domain.next_change import NextChange, go_on
from shared.domain.points import POINT, as_number, divide
from shared.domain.stages import in_words, rated, what_held

LOOK_AGAIN = "sales asked to look again on this day"


@dataclass(frozen=True, slots=True)
class Transition:
    """One step, as decided: `cause` says which condition, `activity_id` which activity if one made the difference."""

    from_stage: str | None
    to_stage: str
    epoch: int
    at: Moment
    cause: str
    activity_id: str | None
    snapshot: Mapping[str, Any]


def advance(
    rules: Compiled, ledger: Ledger, journey: Journey, at: Moment, *, again: bool = False
) -> tuple[Journey, tuple[Transition, ...]]:
    """Move until nothing moves; each stage is entered at most once in one look.

    Who leaves a stage that hands over, and does not step up to another, has crossed into nothing: what holds then is
    spent, for every stage that hands over. Who comes from any other stage, as out of nurture, may cross. With `again`
    the day has come on which sales wants to look again: once nothing moves, and unless the lead has come into a stage
    that hands over by itself, what holds counts as crossing into those stages, the present one too. Such an entry is
    one by time, whatever was done before.
    """
    view = View(rules, ledger, journey, at)
    steps: list[Transition] = []
    visited: set[str] = set()
    by_time = False
    while True:
        journey = replace(journey, spent=_still_spent(rules, view.on(journey), journey.spent))
        step = _step(rules, view, journey, visited)
        if step is None and again:
            again = False
            by_time = not visited & rules.file.handoff.keys() and not stays(rules, journey, at)
            journey = rearmed(rules, journey) if by_time else journey
            step = (_step(rules, view, journey, visited) or _once_more(rules, view, journey)) if by_time else None
        if step is None:
            return journey, tuple(steps)
        target, crossing, words = step
        key = None if by_time else _entering(rules, ledger, journey, at, crossing)
        by_time = False
        epochs = {**journey.epochs, target.stage.name: journey.epochs.get(target.stage.name, 0) + 1}
        transition = Transition(
            journey.stage,
            target.stage.name,
            epochs[target.stage.name],
            at,
            words,
            (key and key[1]) or None,
            snapshot(rules, ledger, at),
        )
        spent = journey.spent | ({target.stage.name} if target.enter and target.enter(view) else set())
        current = rules.stages.get(journey.stage or "")
        hands_over = rules.file.handoff.keys()
        if (
            current
            and current.stage.name in hands_over
            and (target.place < current.place or target.stage.name not in hands_over)
        ):
            spent |= hands_over  # of which those stay that hold, seen from the stage entered
        journey = Journey(target.stage.name, epochs, at, Moment(key[0]) if key else at, frozenset(spent))
        visited.add(target.stage.name)
        steps.append(transition)


def _still_spent(rules: Compiled, view: View, spent: frozenset[str]) -> frozenset[str]:
    """Without the stages whose entry condition is now seen false."""
    kept = (rules.stages.get(name) for name in spent)
    return frozenset(stage.stage.name for stage in kept if stage and stage.enter and stage.enter(view))


def _step(
    rules: Compiled, view: View, journey: Journey, visited: set[str]
) -> tuple[CompiledStage, Crossing, str] | None:
    """The next stage, the condition that leads there, and that condition in words: first out of the stage, then in."""
    current = rules.stages.get(journey.stage or "")
    if stays(rules, journey, view.at):
        return None
    if (
        current
        and current.leave
        and current.stage.leave
        and current.stage.leave.to not in visited
        and current.leave(view)
    ):
        words = f"left {current.stage.name}: {_held_in_words(rules, current.stage.leave.when, view)}"
        return rules.stages[current.stage.leave.to], Crossing(current.leave, current.leave_over), words
    for target in rules.stages.values():
        name, origins = target.stage.name, target.stage.origins
        upward = current is None or target.place > current.place
        allowed = upward if origins is None else journey.stage in origins
        barred = name == journey.stage or name in visited or name in journey.spent or (upward and view.vetoed)
        if target.enter and allowed and not barred and target.enter(view):
            words = _held_in_words(rules, target.stage.enter, view)
            return target, Crossing(target.enter, target.enter_over), words
    return None


def _held_in_words(rules: Compiled, condition: Any, view: View) -> str:
    """What of a condition held: whoever is called because of one branch is not told of the others."""
    return in_words(what_held(rated(condition, rules.file.qualification.confirmed_at), view))


def _once_more(rules: Compiled, view: View, journey: Journey) -> tuple[CompiledStage, Crossing, str] | None:
    """The stage in which a lead stands, where that one hands over and what leads there holds."""
    current = rules.stages.get(journey.stage or "")
    if current is None or current.stage.name not in rules.file.handoff or view.vetoed:
        return None
    crossing = Crossing(current.enter, current.enter_over)
    return (current, crossing, LOOK_AGAIN) if current.enter is None or current.enter(view) else None


def stays(rules: Compiled, journey: Journey, at: int) -> bool:
    """Whether the least time in the stage is not over yet."""
    ends = stays_until(rules, journey)
    return ends is not None and at < ends


def stays_until(rules: Compiled, journey: Journey) -> Moment | None:
    """The moment before which a lead does not leave its stage, None where the stage asks no stay."""
    current = rules.stages.get(journey.stage or "")
    if current is None or current.stage.stay is None or journey.entered_at is None:
        return None
    return Moment(journey.entered_at + current.stage.stay)


def next_move(  # noqa: PLR0917 - as `next_change.find`
    rules: Compiled,
    ledger: Ledger,
    journey: Journey,
    now: int,
    stop: int | None = None,
    before_each: Callable[[], None] = go_on,
) -> NextChange | None:
    """As `next_change.find` on this journey; the end of a stay counts as a change, for it may let the lead go."""
    found = next_change.find(rules, ledger, now, journey, stop, before_each)
    ends = stays_until(rules, journey)
    if ends is None or ends <= now or (stop is not None and ends > stop) or (found and found.at <= ends):
        return found
    return NextChange(Moment(-(-ends // SECOND) * SECOND), f"the least time in {journey.stage} is over")


def _entering(rules: Compiled, ledger: Ledger, journey: Journey, at: int, crossing: Crossing) -> Key | None:
    """The activity since which a condition has held without a break, or None where time alone brought it about.

    Between two activities time may have broken it: it is asked for right before each one too. What no rule and no
    stage asks about counts as well, for it ends a silence; it has no id. Nor has what only came after time had done it.
    """

    def held(moment: int, bound: Bound) -> bool:
        return crossing.held(rules, ledger, journey, moment, bound)

    happened = ledger.happened
    first = bisect_left(happened, (journey.entered_by, "")) if journey.entered_by is not None else 0
    cause = None
    for place in range(bisect_left(happened, until(at)) - 1, first - 1, -1):
        moment, name = happened[place]
        if not held(moment, (moment, name + "\0")):
            # Held before the next one and not after this one, it came to hold by time between them.
            return cause if cause is None or cause[0] == moment else (cause[0], "")
        cause = happened[place]
        moved_on = place > first and happened[place - 1][0] < moment
        if moved_on and not held(moment, cause):
            break
    return cause


def snapshot(rules: Compiled, ledger: Ledger, at: int) -> dict[str, Any]:
    """What was known when it was decided, without personal data; reasons as they count in the total, greatest first."""
    view = View(rules, ledger, Journey(), at)
    reasons: dict[str, tuple[str, int]] = {}
    for row in contributions(ledger, at):
        counts = divide(row.counts * rules.weights[row.score], POINT)
        reasons[row.rule] = (row.label, reasons.get(row.rule, ("", 0))[1] + counts)
    greatest = sorted(reasons.items(), key=lambda reason: (-reason[1][1], reason[0]))
    return {
        "total": as_number(view.total),
        "scores": {name: as_number(points) for name, points in view.scores.items()},
        "temperature": view.temperature,
        "grade": view.grade,
        "rules_version": rules.version,
        "reasons": [
            {"rule": rule, "label": label, "counts": as_number(counts)} for rule, (label, counts) in greatest if counts
        ],
    }


def rearmed(rules: Compiled, journey: Journey) -> Journey:
    """The journey on which what holds counts as crossing again, into any stage that hands its leads over."""
    return replace(journey, spent=journey.spent - rules.file.handoff.keys())


def joined(rules: Compiled, journey: Journey, other: Journey) -> Journey:
    """The further of two journeys (of equals the one entered first), with the greater epochs and all that is spent."""

    def progress(each: Journey) -> tuple[int, int]:
        stage = rules.stages.get(each.stage or "")
        return (stage.place if stage else -1), -(each.entered_at or 0)

    further = max(journey, other, key=progress)
    epochs = {
        name: max(journey.epochs.get(name, 0), other.epochs.get(name, 0))
        for name in dict.fromkeys([*journey.epochs, *other.epochs])
    }
    return replace(further, epochs=epochs, spent=journey.spent | other.spent)


def replay(
    rules: Compiled,
    ledger: Ledger,
    moments: Iterable[Moment],
    until_moment: Moment,
    *,
    most: int | None = None,
    before_each: Callable[[], None] = go_on,
) -> tuple[Journey, tuple[Transition, ...]]:
    """Look at some moments and the last, and at every second between them at which time alone moves the lead.

    With `most` no look follows once there are that many transitions: rules may lead round and round. `before_each`
    small part of the work is called: what it raises ends the replay.
    """
    journey = Journey.start()
    steps: list[Transition] = []
    looks = sorted({at for at in moments if at <= until_moment}) if rules.stages else []
    looks += [until_moment] if looks and looks[-1] < until_moment else []
    for moment, following in zip(looks, [*looks[1:], until_moment][: len(looks)], strict=True):
        now: int = moment
        while True:
            journey, taken = advance(rules, ledger, journey, Moment(now))
            steps.extend(taken)
            if most is not None and len(steps) >= most:
                return journey, tuple(steps)
            change = next_move(rules, ledger, journey, now, following, before_each)
            if change is None or change.at > following:
                break
            now = change.at
    return journey, tuple(steps)
