"""Speed side by side, in one run: the same 20 rules and 100,000 activities through Baton and its peers.

Run it with `pip install -e '.[bench]'` and `python -m tests.bench.speed`. It prints a table and asserts nothing:
figures on one machine compare with each other only.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from shared.domain.activity import Activity, Identity, IdentityKind
from shared.domain.engine import Rules, compile_rules
from shared.domain.moments import Moment
from shared.domain.points import POINT
from shared.domain.reading import parse_rule_file
from shared.domain.state import ScoreState, unpack

COUNT = 100_000
START = 1_772_323_200_000_000
TYPES = ("page_viewed", "email_clicked", "webinar_registered", "demo_requested", "content_downloaded")
"""Four rules ask about each type: one about the type alone, one about a text, one about a number, one about both."""


def rule(number: int) -> dict[str, Any]:
    """One of the 20 rules, as a rule file has it."""
    path = {"properties.path": {"starts_with": f"/p{number}"}}
    size = {"properties.size": {"at_least": number * 4}}
    where = ({}, path, size, {**path, **size})[number // 5]
    told = {"id": f"rule-{number}", "on": TYPES[number % 5], "points": number + 1, "decay": {"half_life": "30d"}}
    return {**told, "where": where} if where else told


RULES = [rule(number) for number in range(20)]


def activities(count: int) -> list[Activity]:
    """Random activities of a browser's client."""
    chance, found, at = random.Random(1), [], START
    for _ in range(count):
        at += chance.randint(1, 120_000_000)
        name = f"ajs-next-{at // 1000 + chance.randint(0, 900)}-{uuid.UUID(int=chance.getrandbits(128), version=4)}"
        found.append(
            Activity(
                id=name,
                type=chance.choice(TYPES),
                occurred_at=Moment(at),
                received_at=Moment(at),
                identities=(Identity(IdentityKind.EMAIL, "ada@example.com"),),
                properties={"path": f"/p{chance.randint(0, 19)}/x", "size": chance.randint(0, 80)},
            )
        )
    return found


def compiled() -> Rules:
    """The rules as Baton compiles them."""
    return compile_rules(parse_rule_file({"behaviour": RULES}))


def matched(number: int, facts: dict[str, Any]) -> bool:
    """What a rule asks, for the peers that take Python."""
    path, size = facts["path"].startswith(f"/p{number}"), facts["size"] >= number * 4
    return facts["type"] == TYPES[number % 5] and (True, path, size, path and size)[number // 5]


# --- the candidates: each gives a function from one activity to the points that it earns ---


def lookup() -> Callable[[Activity], int]:
    """The floor: points by type, no conditions."""
    points = {kind: number + 1 for number, kind in enumerate(TYPES)}
    return lambda activity: points.get(activity.type, 0)


def baton() -> Callable[[Activity], int]:
    """Baton: matched and earned."""
    rules = compiled()
    points = {each.id: each.points for each in rules.file.behaviour}
    match = rules.match

    def earn(activity: Activity) -> int:
        earned = 0
        for mark in match(activity):
            earned += points[mark]
        return earned

    return earn


def zen_engine() -> Callable[[Activity], int]:
    """zen-engine, one compiled expression for each rule, indexed by type."""
    import zen  # noqa: PLC0415

    by_type: dict[str, list[tuple[Any, int]]] = {kind: [] for kind in TYPES}
    for number in range(20):
        path, size = f'startsWith(path, "/p{number}")', f"size >= {number * 4}"
        text = ("true", path, size, f"{path} and {size}")[number // 5]
        by_type[TYPES[number % 5]].append((zen.compile_expression(text), number + 1))

    def earn(activity: Activity) -> int:
        return sum(points for expression, points in by_type[activity.type] if expression.evaluate(activity.properties))

    return earn


def json_logic() -> Callable[[Activity], int]:
    """json-logic-qubit."""
    from json_logic import jsonLogic  # noqa: PLC0415

    def where(number: int) -> Any:
        path = {"==": [{"substr": [{"var": "path"}, 0, len(f"/p{number}")]}, f"/p{number}"]}
        size = {">=": [{"var": "size"}, number * 4]}
        asked = ([], [path], [size], [path, size])[number // 5]
        return {"and": [{"==": [{"var": "type"}, TYPES[number % 5]]}, *asked]}

    rules = [(where(number), number + 1) for number in range(20)]

    def earn(activity: Activity) -> int:
        facts = {"type": activity.type, **activity.properties}
        return sum(points for asked, points in rules if jsonLogic(asked, facts))

    return earn


def rule_engine() -> Callable[[Activity], int]:
    """rule-engine."""
    import rule_engine as engine  # noqa: PLC0415

    rules = []
    for number in range(20):
        path, size = f'path =~ "/p{number}.*"', f"size >= {number * 4}"
        asked = (None, path, size, f"{path} and {size}")[number // 5]
        text = f'type == "{TYPES[number % 5]}"' + (f" and {asked}" if asked else "")
        rules.append((engine.Rule(text), number + 1))

    def earn(activity: Activity) -> int:
        facts = {"type": activity.type, **activity.properties}
        return sum(points for each, points in rules if each.matches(facts))

    return earn


def business_rules() -> Callable[[Activity], int]:
    """business-rules."""
    from business_rules.actions import BaseActions, rule_action  # noqa: PLC0415
    from business_rules.engine import run_all  # noqa: PLC0415
    from business_rules.fields import FIELD_NUMERIC  # noqa: PLC0415
    from business_rules.variables import (  # noqa: PLC0415
        BaseVariables,
        numeric_rule_variable,
        string_rule_variable,
    )

    class Variables(BaseVariables):  # type: ignore[misc]
        def __init__(self, activity: Activity) -> None:
            self.activity = activity

        @string_rule_variable
        def type(self) -> str:
            return self.activity.type

        @string_rule_variable
        def path(self) -> str:
            return str(self.activity.properties["path"])

        @numeric_rule_variable
        def size(self) -> int:
            return int(self.activity.properties["size"])

    class Actions(BaseActions):  # type: ignore[misc]
        def __init__(self) -> None:
            self.points = 0

        @rule_action(params={"points": FIELD_NUMERIC})
        def earn(self, points: int) -> None:
            self.points += points

    rules = []
    for number in range(20):
        path = {"name": "path", "operator": "starts_with", "value": f"/p{number}"}
        size = {"name": "size", "operator": "greater_than_or_equal_to", "value": number * 4}
        asked = ([], [path], [size], [path, size])[number // 5]
        of_type = {"name": "type", "operator": "equal_to", "value": TYPES[number % 5]}
        rules.append(
            {"conditions": {"all": [of_type, *asked]}, "actions": [{"name": "earn", "params": {"points": number + 1}}]}
        )

    def earn(activity: Activity) -> int:
        actions = Actions()
        run_all(rule_list=rules, defined_variables=Variables(activity), defined_actions=actions)
        return actions.points

    return earn


FLOOR, BATON = "dict lookup, no conditions (floor)", "Baton, matched and earned"
CANDIDATES: dict[str, tuple[Callable[[], Callable[[Activity], int]], int]] = {
    FLOOR: (lookup, 3),
    BATON: (baton, 3),
    "zen-engine, indexed by type": (zen_engine, 3),
    "json-logic-qubit": (json_logic, 1),
    "rule-engine": (rule_engine, 1),
    "business-rules": (business_rules, 1),
}
"""Each candidate, and of how many runs the best counts (the slow ones have one)."""


def seconds(work: Callable[[], Any], runs: int = 3) -> float:
    """CPU time of the best of some runs."""
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def through(earn: Callable[[Activity], int], some: list[Activity]) -> Callable[[], None]:
    """Pass activities through a candidate."""

    def work() -> None:
        for activity in some:
            earn(activity)

    return work


def peers(count: int = COUNT) -> Iterator[dict[str, Any]]:
    """A line for each candidate; all are given the same activities, and must earn the same points by each of them.

    Raises:
        ValueError: a peer earns other points than Baton.
    """
    some = activities(count)
    floor, earned = 0.0, [billionths // POINT for billionths in map(baton(), some)]
    for name, (made, runs) in CANDIDATES.items():
        try:
            earn = made()
        except ImportError:
            yield {"candidate": name, "activities_per_second": None, "times_slower_than_floor": None}
            continue
        rate = count / seconds(through(earn, some), runs)
        floor = floor or rate
        if name not in (FLOOR, BATON) and list(map(earn, some)) != earned:
            msg = f"{name} earns other points"
            raise ValueError(msg)
        yield {
            "candidate": name,
            "activities_per_second": round(rate),
            "times_slower_than_floor": round(floor / rate, 1),
        }


def leads() -> Iterator[dict[str, Any]]:
    """What scoring and storing leads of several sizes takes."""
    rules = compiled()
    for count in (50, 1_000, 20_000):
        some = activities(count)
        state = rules.absorb(ScoreState.empty(), some)
        packed, at, times = state.pack(), some[-1].occurred_at, max(1, 5_000 // count)
        again = [unpack(packed) for _ in range(times)]
        yield {
            "activities": count,
            "absorb_us": round(seconds(lambda: rules.absorb(ScoreState.empty(), some)) * 1e6),  # noqa: B023
            "first_score_us": round(_once(rules, again, at) / times * 1e6),
            "rescore_us": round(seconds(lambda: _looks(rules, state, at, times)) / times * 1e6),  # noqa: B023
            "unpack_us": round(seconds(lambda: unpack(packed)) * 1e6),  # noqa: B023
            "stored_bytes": len(zlib.compress(packed, 9)),
        }


def _once(rules: Rules, states: list[ScoreState], at: Moment) -> float:
    began = time.process_time()
    for state in states:
        rules.score(state, at)
    return time.process_time() - began


def _looks(rules: Rules, state: ScoreState, at: Moment, times: int) -> None:
    for number in range(times):
        rules.score(state, Moment(at + number * 1_000_003))


BUDGETS = {BATON: "at least 500,000/s"}
LEAD_BUDGETS = {50: {"rescore_us": 60, "stored_bytes": 1_024}, 1_000: {"stored_bytes": 12_288}}


def main() -> None:
    """Print both tables with the budgets beside them, as text or with `--json` as lines."""
    told = {"engines": list(peers()), "leads": list(leads())}
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    write = sys.stdout.write
    write(f"20 rules, {COUNT:,} activities, one core, CPU time; all earn the same points but the floor\n")
    for line in told["engines"]:
        rate, slower = line["activities_per_second"], line["times_slower_than_floor"]
        figures = f"{rate:>12,}/s {slower:>8} x" if rate else "not installed"
        write(f"  {line['candidate']:38} {figures} {_budget(BUDGETS.get(line['candidate']))}".rstrip() + "\n")
    for line in told["leads"]:
        budgets = LEAD_BUDGETS.get(line["activities"], {})
        told_ = (
            f"{name.replace('_', ' ')} {value:,} {_budget(f'{budgets[name]:,}' if name in budgets else None)}".rstrip()
            for name, value in line.items()
        )
        write("  " + ", ".join(told_) + "\n")


def _budget(text: str | None) -> str:
    return f"(budget {text})" if text else ""


if __name__ == "__main__":
    main()
