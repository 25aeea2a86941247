"""What is taken for one and the same fault, and so tried once, is one."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.crash.faults import READS, Fault, Faults, Kind
from tests.crash.play import in_turn_and_silent, play
from tests.crash.stories import STORIES
from tests.crash.world import World

OFTEN, FEW = 3, 4
"""How often each read of a story is looked at, and how many faults are tried beside what they come to."""

OTHER_STORES = ("log", "handed_over", "stages")
"""What a store has that is a store by itself."""


class Watched(Faults):
    """Sees to it that what is taken for a read leaves the world as it was."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.seen: list[str] = []
        self.wrong: set[str] = set()

    def around(
        self, name: str, call: Callable[[], Any], meanwhile: Callable[[Kind], None], *, refused: Callable[[], Any]
    ) -> Any:
        before = outlived(self._world) if name in READS and self.seen.count(name) < OFTEN else None
        answer = super().around(name, call, meanwhile, refused=refused)
        if before:
            # A function would take a failed assertion for a fault of its own, and go on.
            self.seen.append(name)
            self.wrong |= {name} if outlived(self._world) != before else set()
        return answer


def outlived(world: World) -> list[object]:
    """All that outlives a process, as it is now."""
    stores = (world.log, world.handoffs, world.stages, world.missed, world.leads, world.versions, world.rescoring)
    held = [{name: each for name, each in vars(store).items() if name not in OTHER_STORES} for store in stores]
    rest = (world.noise.all(), world.pending, world.dead, world.heard, world.arrived, world.too_late, world.clock.now())
    return deepcopy([*held, *rest])


@pytest.mark.parametrize("name", STORIES)
def test_what_is_taken_for_a_read_leaves_the_world_as_it_was(name: str) -> None:
    with in_turn_and_silent():
        world = World(deliveries=2)
        world.faults = watched = Watched(world)
        STORIES[name].happens(world)
    assert {*watched.seen} == READS & {*watched.calls}
    assert not watched.wrong


@pytest.mark.parametrize(
    ("kind", "instead"),
    [
        ("stopped before it", "stopped after its effect"),
        ("stopped after its effect", "stopped before it"),
        ("answer lost", "throttled"),
        ("answer lost and repeated", None),
        ("another message meanwhile", None),
        ("all else meanwhile", None),
    ],
)
def test_what_is_passed_by_ends_as_another_fault_or_none(kind: Kind, instead: Kind | None) -> None:
    """The fault that comes to the same as being stopped before a call is at the call before."""
    draw, earlier = random.Random(kind), int(kind == "stopped before it")
    for name in ("rules change", "a channel is down", "answered in time"):
        quiet = play(name)
        tried = {*quiet.faults.possible()}
        passed_by = [number for number in range(len(quiet.faults.calls)) if Fault(number, kind) not in tried]
        for number in draw.sample([each for each in passed_by if quiet.faults.calls[each] in READS], FEW):
            other = [Fault(number - earlier, instead)] if instead else []
            assert left(play(name, [Fault(number, kind)])) == left(play(name, other)), (name, number)


def left(world: World) -> list[object]:
    """What a story has left behind."""
    return [world.leads.records, world.stages.records, world.handoffs.committed, world.heard, world.arrived, world.dead]
