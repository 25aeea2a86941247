"""When nothing is under way any more in the local cloud."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from infra.local.emulator import Emulator

_STILL = 1.5
"""Seconds without a sign of life: a stream is looked at at least once a second."""


def wait_for_quiet(emulator: Emulator, seconds: float, still: float = _STILL) -> bool:
    """Wait until nothing has come or gone in a queue and no function has run for `still` seconds.

    Answers whether that came true within `seconds`. A dead letter, or a message whose next try is minutes away, is no
    sign of life, so that what can never be read keeps nobody waiting: `waiting_messages` tells of those.
    """
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
    # A function that runs for long says nothing until it ends, but it takes time of the processor.
    pid = emulator.process.pid
    return (emulator.process.log.stat().st_size, waiting_messages(emulator), processor_times(pid) if pid else {})


def processor_times(parent: int) -> dict[str, str]:
    """The time of the processor that each child of a process has taken; a running function's grows."""
    return {child: time for child, of, time in _processes() if of == str(parent)}


def _processes(proc: Path = Path("/proc")) -> list[tuple[str, str, str]]:
    """Each process with its parent and its time of the processor: as Linux tells it, and elsewhere as `ps` does."""
    if not (proc / "self" / "stat").exists():
        command = ["ps", "-A", "-o", "pid=,ppid=,time="]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return [(words[0], words[1], words[2]) for line in told.splitlines() if len(words := line.split()) == 3]  # noqa: PLR2004
    found = []
    for stat in proc.glob("[0-9]*/stat"):
        try:
            words = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        found.append((stat.parent.name, words[1], f"{words[11]} {words[12]}"))
    return found


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
