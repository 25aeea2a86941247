"""Where the local cloud keeps what it remembers: `.baton/` beside the project, or the folder in `BATON_HOME`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from infra.failure import Failure

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout: the folder that holds `infra/`, `functions/` and `shared/`."""


@dataclass(frozen=True)
class Home:
    """The folder of one local cloud. Nothing outside it is written by `baton up`."""

    root: Path

    @classmethod
    def usual(cls, environment: Mapping[str, str] | None = None) -> Home:
        """The folder that `BATON_HOME` names, or `.baton` in the project."""
        named = (os.environ if environment is None else environment).get("BATON_HOME")
        return cls(Path(named).absolute() if named else PROJECT / ".baton")

    def folder(self, *parts: str) -> Path:
        """A folder inside, made when it is missing. Others on the machine cannot read it."""
        path = self.root.joinpath(*parts)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def read(self, name: str) -> dict[str, Any]:
        """What a remembered file holds; empty when it is missing.

        Raises:
            Failure: it holds no JSON.
        """
        try:
            held = json.loads((self.root / name).read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            remedy = f"Remove {self.root / name} and run the command again."
            raise Failure(f"{self.root / name} cannot be read.", remedy, str(error)) from error
        return dict(held)

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """Remember values, readable by this user alone; a reader sees the old file or the new one, never half of it."""
        self.write_text(name, json.dumps(values, indent=2) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Like `write`, for a text."""
        path = self.folder() / name
        fresh = path.with_name(path.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(path)
        return path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other `baton up` and `baton down` commands on the same folder out for as long as this lasts.

        Raises:
            Failure: another one is at work.
        """
        with (self.folder() / "lock").open("w") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError as error:
                remedy = "Wait until it ends, then try again."
                raise Failure(f"Another baton command is at work in {self.root}.", remedy) from error
            yield
