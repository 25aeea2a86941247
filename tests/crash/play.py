"""Plays a story in a world with faults."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tests.crash.faults import Fault
from tests.crash.stories import STORIES
from tests.crash.world import Designs, World

FUNCTIONS = ("score", "evaluate", "relay", "notify", "rescore")


def play(
    name: str,
    faults: Sequence[Fault] = (),
    *,
    deliveries: int = 1,
    newest_first: bool = False,
    designs: Designs | None = None,
) -> World:
    """The world after a story. The functions' logs stay silent: thousands of stories are played."""
    loggers = [logging.getLogger(function) for function in FUNCTIONS]
    silent = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        world = World(faults, designs=designs, deliveries=deliveries, newest_first=newest_first)
        STORIES[name].happens(world)
        return world
    finally:
        for logger, was in zip(loggers, silent, strict=True):
            logger.disabled = was
