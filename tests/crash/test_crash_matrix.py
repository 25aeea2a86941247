"""Whatever goes wrong at whichever call, delivering again makes everything right: no baton is dropped, none doubled.

Every call of a story is numbered. `EXAMPLES=2000 pytest tests/crash` tries everything that can go wrong at each of
them, for one to three deliveries of each message and two orders of messages, and so many pairs of faults; the ordinary
run tries a sample of the same.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import product

import pytest

from tests.crash.faults import KINDS, MAY_CONFLICT, Fault
from tests.crash.invariants import violations
from tests.crash.play import play
from tests.crash.stories import STORIES

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
DELIVERIES, ORDERS = (1, 2, 3), (False, True)
SAMPLE = 32
"""How many single faults and how many pairs the ordinary run tries in each story."""


def singles(name: str, deliveries: int, *, newest_first: bool) -> list[Fault]:
    """Everything that can go wrong once in a story."""
    calls = play(name, deliveries=deliveries, newest_first=newest_first).faults.calls
    return [
        Fault(number, kind)
        for (number, call), kind in product(enumerate(calls), KINDS)
        if kind != "conflict" or call in MAY_CONFLICT
    ]


def all_singles(name: str, deliveries: int) -> Iterator[tuple[list[Fault], int, bool]]:
    """Every single fault, for each order of messages."""
    for newest_first in ORDERS:
        for fault in singles(name, deliveries, newest_first=newest_first):
            yield [fault], deliveries, newest_first


def pairs(name: str, number: int, chance: random.Random) -> Iterator[tuple[list[Fault], int, bool]]:
    """So many pairs of faults, drawn from all."""
    known = {given: singles(name, given[0], newest_first=given[1]) for given in product(DELIVERIES, ORDERS)}
    for _ in range(number):
        deliveries, newest_first = chance.choice(list(known))
        yield chance.sample(known[deliveries, newest_first], 2), deliveries, newest_first


def check(name, faults, deliveries, newest_first):
    world = play(name, faults, deliveries=deliveries, newest_first=newest_first)
    wrong = violations(world, STORIES[name])
    assert not wrong, f"{faults}, deliveries: {deliveries}, newest first: {newest_first}: {'; '.join(wrong)}"


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("newest_first", ORDERS)
@pytest.mark.parametrize("deliveries", DELIVERIES)
def test_a_story_ends_as_it_must_when_nothing_goes_wrong(name, deliveries, newest_first):
    check(name, [], deliveries, newest_first)


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("deliveries", DELIVERIES)
def test_one_fault_at_any_call_harms_nothing(name: str, deliveries: int) -> None:
    tried = list(all_singles(name, deliveries))
    if not EXAMPLES:
        tried = random.Random(1).sample(tried, SAMPLE // len(DELIVERIES))
    for each in tried:
        check(name, *each)
    print(f"{name}, {deliveries} deliveries: {len(tried)} single faults, no violation")  # noqa: T201 - the count


@pytest.mark.parametrize("name", STORIES)
def test_two_faults_at_any_calls_harm_nothing(name: str) -> None:
    number = -(-EXAMPLES // len(STORIES)) or SAMPLE
    for each in pairs(name, number, random.Random(EXAMPLES or 1)):
        check(name, *each)
    print(f"{name}: {number} pairs of faults, no violation")  # noqa: T201 - the count
