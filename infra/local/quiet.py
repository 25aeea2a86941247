"""When nothing is under way any more in the local cloud."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import urllib3

from infra.local.emulator import Emulator

_STILL = 1.5
"""Seconds without a sign of life: a stream is looked at at least once a second."""


def wait_for_quiet(emulator: Emulator, seconds: float, still: float = _STILL) -> bool:
    """Wait until no message waits in a queue and no function has run for a while. Answers whether that came true."""
    return _becomes_still(lambda: _signs_of_life(emulator), seconds, still)


def waiting_messages(emulator: Emulator) -> dict[str, list[dict[str, Any]]]:
    """The messages in each queue that has any, dead-letter queues included, without touching them."""
    answer = urllib3.request("GET", f"{emulator.endpoint}/_ministack/sqs/messages", retries=False, timeout=10).json()
    return {
        queue.rsplit("/", 1)[-1]: messages
        for regions in answer["messages"].values()
        for queues in regions.values()
        for queue, messages in queues.items()
        if messages
    }


def _signs_of_life(emulator: Emulator) -> tuple[object, ...]:
    """What stays the same while nothing happens. Dead letters stay, and so do not count as life."""
    return (emulator.process.log.stat().st_size, waiting_messages(emulator))


def _becomes_still(look: Callable[[], object], seconds: float, still: float) -> bool:
    deadline = time.monotonic() + seconds
    last, since = look(), time.monotonic()
    while time.monotonic() - since < still:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
        now = look()
        if now != last:
            last, since = now, time.monotonic()
    return True
