import os
import signal
import sys
import time
from pathlib import Path

import pytest

from infra.failure import Failure
from infra.local import background
from infra.local.background import Background
from infra.local.home import Home

SLEEPS = "import time\ntime.sleep(60)"
HAS_A_CHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("child").write_text(str(child.pid))
time.sleep(60)
"""
IGNORES_THE_SIGNAL = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("ready").touch()
time.sleep(60)
"""


@pytest.fixture
def process(tmp_path):
    process = Background(Home(tmp_path / "home"), "sleeper")
    yield process
    process.stop(seconds=1)


def start(process: Background, program: str, folder: Path) -> int:
    process.start([sys.executable, "-c", program], 1234, {"PATH": os.environ["PATH"]}, folder)
    return int(process.home.read("sleeper.json")["pid"])


def appears(path: Path) -> bool:
    deadline = time.monotonic() + 10
    while not (path.exists() and (path.stat().st_size or path.name == "ready")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.exists()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_is_found_alive_by_another_command_and_gone_after_it_was_stopped(process, tmp_path):
    start(process, SLEEPS, tmp_path)
    again = Background(process.home, "sleeper")
    assert again.is_alive()
    assert again.port == 1234

    assert again.stop(seconds=5) is True
    assert not process.is_alive()


def test_it_is_not_started_twice(process, tmp_path):
    start(process, SLEEPS, tmp_path)

    with pytest.raises(Failure, match="running already"):
        start(process, SLEEPS, tmp_path)


def test_it_is_not_taken_for_alive_when_it_died_by_itself(process, tmp_path):
    pid = start(process, SLEEPS, tmp_path)
    os.kill(pid, signal.SIGKILL)

    deadline = time.monotonic() + 5
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.is_alive()
    assert process.stop(seconds=1) is True


def test_what_it_started_ends_with_it(process, tmp_path):
    start(process, HAS_A_CHILD, tmp_path)
    assert appears(tmp_path / "child")
    child = int((tmp_path / "child").read_text())

    process.stop(seconds=5)

    deadline = time.monotonic() + 5
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(child)


def test_it_is_ended_by_force_when_it_does_not_listen_and_that_is_told(process, tmp_path):
    start(process, IGNORES_THE_SIGNAL, tmp_path)
    assert appears(tmp_path / "ready")

    assert process.stop(seconds=0.3) is False
    assert not process.is_alive()


def test_it_finds_nothing_in_its_environment_that_it_was_not_given(process, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody's")
    start(process, "import os, pathlib; pathlib.Path('ready').write_text(str(sorted(os.environ)))", tmp_path)

    assert appears(tmp_path / "ready")
    assert "AWS" not in (tmp_path / "ready").read_text()


def test_waiting_for_one_that_ended_says_so_and_shows_its_last_words(process, tmp_path):
    start(process, "raise SystemExit('no room left')", tmp_path)

    with pytest.raises(Failure) as failed:
        process.wait_until(lambda: False, seconds=10)

    assert "ended while it started" in failed.value.what
    assert "no room left" in failed.value.details


def test_a_log_that_has_grown_long_is_put_aside(process, tmp_path, monkeypatch):
    monkeypatch.setattr(background, "_LOG_LIMIT", 10)
    process.log.write_text("much of what happened before")

    start(process, SLEEPS, tmp_path)

    assert process.log.read_text() == ""
    assert process.log.with_suffix(".old.log").read_text() == "much of what happened before"
