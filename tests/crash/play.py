"""Plays a story in a world with faults."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from functions.notify import handler as notify_handler
from shared.usecases import picking
from tests.crash.faults import Fault
from tests.crash.stories import STORIES
from tests.crash.world import Designs, World

FUNCTIONS = ("score", "evaluate", "relay", "notify", "rescore")


SIDE_BY_SIDE = (notify_handler, picking)
"""The modules that do several things at once."""


class InTurn:
    """Does one after the other what is done side by side.

    Threads would leave the order of calls, by which faults are numbered, to chance, and take most of a story's time.
    """

    def __init__(self, _most: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def map(self, work: Callable[..., Any], *given: Iterable[Any]) -> Iterator[Any]:
        return map(work, *given)


@contextmanager
def in_turn_and_silent() -> Iterator[None]:
    """Nothing runs side by side, and the functions' logs stay silent: thousands of stories are played."""
    loggers = [logging.getLogger(function) for function in FUNCTIONS]
    silent = [logger.disabled for logger in loggers]
    with ExitStack() as stack:
        for module in SIDE_BY_SIDE:
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", InTurn))
        try:
            for logger in loggers:
                logger.disabled = True
            yield
        finally:
            for logger, was in zip(loggers, silent, strict=True):
                logger.disabled = was


def play(
    name: str,
    faults: Sequence[Fault] = (),
    *,
    deliveries: int = 1,
    newest_first: bool = False,
    designs: Designs | None = None,
) -> World:
    """The world after a story."""
    with in_turn_and_silent():
        world = World(faults, designs=designs, deliveries=deliveries, newest_first=newest_first)
        STORIES[name].happens(world)
        return world
