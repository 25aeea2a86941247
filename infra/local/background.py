"""Background processes of the local cloud: started in a session of their own, found again, stopped with all of it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.failure import Failure
from infra.local.home import Home

_LOG_LIMIT = 10 << 20
"""Bytes after which a log is put aside when the process starts anew; the one before that is gone then."""
_STARTED: list[subprocess.Popen[bytes]] = []
"""What this command started. It outlives the command; while the command lives, it is its parent."""


@dataclass(frozen=True)
class Background:
    """One such process. It holds a lock on a file while it lives, so that a process id is never trusted alone."""

    home: Home
    name: str

    @property
    def log(self) -> Path:
        """The file that has what it prints."""
        return self.home.folder("logs") / f"{self.name}.log"

    @property
    def port(self) -> int | None:
        """The port that it was given when it was last started."""
        port = self.home.read(f"{self.name}.json").get("port")
        return int(port) if port is not None else None

    @property
    def pid(self) -> int | None:
        """The process id that it had when it was last started."""
        pid = self.home.read(f"{self.name}.json").get("pid")
        return int(pid) if pid is not None else None

    def is_alive(self) -> bool:
        """Whether it lives now."""
        with self._lock() as lock:
            return not _take(lock)

    def start(self, command: Sequence[str], port: int, environment: Mapping[str, str], folder: Path) -> None:
        """Start it with nothing in its environment but what is given; it outlives this command.

        Raises:
            Failure: it is running already.
        """
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self._lock() as lock, self.log.open("ab") as log:
            if not _take(lock):
                raise Failure(f"The {self.name} is running already.", "Run `baton down`, then try again.")
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
            _STARTED.append(process)
            self.home.write(f"{self.name}.json", {"pid": process.pid, "port": port})

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it answers.

        Raises:
            Failure: it ended, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            ended = not self.is_alive()
            if ended or time.monotonic() > deadline:
                what = f"The {self.name} {'ended while it started' if ended else f'did not answer in {seconds:.0f} s'}."
                raise Failure(what, f"Its log is {self.log}.", self.last_words())
            time.sleep(0.05)

    def stop(self, seconds: float) -> bool:
        """Ask it to end, wait, and end by force whatever is left of its session. Answers whether it ended in order."""
        if not self.is_alive():
            return True
        pid = int(self.home.read(f"{self.name}.json")["pid"])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        in_order = not self.is_alive()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        while self.is_alive():
            time.sleep(0.05)
        _bury()
        return in_order

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _lock(self) -> IO[bytes]:
        return (self.home.folder("run") / self.name).open("ab")


def _bury() -> None:
    """Take note of the ends of own children, so that nothing of them is left in the table of processes."""
    for process in _STARTED:
        process.poll()


def _take(lock: IO[bytes]) -> bool:
    """Take the lock if nobody holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
