"""Whatever goes wrong at whichever call, delivering again makes everything right: no baton is dropped, none doubled.

Every call of a story is numbered. `EXAMPLES=6000 pytest tests/crash` tries everything that can go wrong at each of
them, of so many more stories in which messages come two or three times one thing in each, and so many pairs of faults,
others each time. `ALL=1 pytest tests/crash` tries everything that can go wrong once, however often messages come, in
either of two orders of messages; the ordinary run tries a sample of the same.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import product

import pytest

from tests.crash.faults import Fault
from tests.crash.invariants import violations
from tests.crash.play import play
from tests.crash.stories import STORIES

EXAMPLES, ALL = (int(os.environ.get(name, "0")) for name in ("EXAMPLES", "ALL"))
DELIVERIES, ORDERS = (3, 2, 1), (False, True)
"""How often each message comes, what takes longest first, and whether the newest does so first."""
SAMPLE = 32
"""How many single faults and how many pairs the ordinary run tries in each story."""


def chance(name: str) -> random.Random:
    """The ordinary run tries the same each time, a longer one something else."""
    return random.Random(f"{name} {random.SystemRandom().random() if EXAMPLES else 1}")


def singles(name: str, deliveries: int, *, newest_first: bool) -> list[Fault]:
    """Everything that can go wrong once in a story."""
    return play(name, deliveries=deliveries, newest_first=newest_first).faults.possible()


def pairs(name: str, number: int) -> Iterator[tuple[list[Fault], int, bool]]:
    """So many pairs of faults, drawn from all."""
    known = {given: singles(name, given[0], newest_first=given[1]) for given in product(DELIVERIES, ORDERS)}
    draw = chance(name)
    for _ in range(number):
        deliveries, newest_first = draw.choice(list(known))
        yield draw.sample(known[deliveries, newest_first], 2), deliveries, newest_first


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
@pytest.mark.parametrize("newest_first", ORDERS)
@pytest.mark.parametrize("deliveries", DELIVERIES)
def test_one_fault_at_any_call_harms_nothing(name, deliveries, newest_first):
    possible = singles(name, deliveries, newest_first=newest_first)
    tried = possible if ALL or (EXAMPLES and deliveries == 1) else a_few(possible, name)
    for fault in tried:
        check(name, [fault], deliveries, newest_first)
    print(f"{name}, {deliveries} deliveries: {len(tried)} of {len(possible)} faults, no violation")  # noqa: T201


def a_few(possible: list[Fault], name: str) -> list[Fault]:
    """A sample of what can go wrong, as large as its part of what is to be tried."""
    each = SAMPLE // (len(DELIVERIES) * len(ORDERS))
    if EXAMPLES:
        each = -(-EXAMPLES // (len(STORIES) * (len(DELIVERIES) - 1) * len(ORDERS)))
    return chance(name).sample(possible, min(each, len(possible)))


@pytest.mark.parametrize("name", STORIES)
def test_two_faults_at_any_calls_harm_nothing(name: str) -> None:
    number = -(-EXAMPLES // len(STORIES)) or SAMPLE
    for each in pairs(name, number):
        check(name, *each)
    print(f"{name}: {number} pairs of faults, no violation")  # noqa: T201 - the count
