"""When the local cloud is taken for quiet, and may be stopped without losing what is under way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import quiet

BUSY = "import sys; print('at work', flush=True)\nwhile True: pass"
IDLE = "import sys; print('waits', flush=True); sys.stdin.read()"


@pytest.fixture
def child():
    started = []

    def start(program: str) -> None:
        process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        started.append(process)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def still(seconds: float) -> bool:
    return quiet._becomes_still(lambda: quiet.processor_times(os.getpid()), seconds, 0.5)


def test_a_function_that_works_for_long_and_says_nothing_is_under_way(child):
    child(BUSY)

    assert not still(1.5)


def test_a_function_that_waits_for_work_is_not(child):
    child(IDLE)

    assert still(10)


def test_where_the_system_has_no_proc_ps_tells(monkeypatch):
    said = subprocess.CompletedProcess([], 0, "  10   1 0:00.05\n  11  10 0:01.00\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)

    assert quiet._processes(Path("/nowhere")) == [("10", "1", "0:00.05"), ("11", "10", "0:01.00")]
