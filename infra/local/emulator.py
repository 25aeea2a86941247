"""The cloud on this machine: ministack, an emulator of AWS, as a background process that nobody else can reach."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import urllib3

from infra.failure import Failure
from infra.local.background import Background
from infra.local.home import Home
from infra.local.ports import LOOPBACK, free_port

USUAL_PORT = 4566
REGION = "us-east-1"
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Emulator:
    """The emulator of one home. What it holds goes to disk when it is stopped in order, and is read at the start."""

    home: Home

    @property
    def process(self) -> Background:
        """Its background process."""
        return Background(self.home, "emulator")

    @property
    def endpoint(self) -> str:
        """Where every AWS service answers.

        Raises:
            Failure: it does not run.
        """
        if not self.process.is_alive():
            raise Failure("The local cloud is not running.", "Start it with `baton up`.")
        return f"http://{LOOPBACK}:{self.process.port}"

    def start(self) -> bool:
        """Start it unless it runs. Answers whether it had to be started.

        Raises:
            Failure: it did not come up.
        """
        process = self.process
        if process.is_alive():
            return False
        port = free_port(process.port, USUAL_PORT)
        if process.port not in (None, port):
            _move(self.home.folder("state"), str(process.port), str(port))
        temporary = self.home.folder("tmp")
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_PORT": str(port),
            "BIND_HOST": LOOPBACK,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.home.folder("state")),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            # Functions inherit this environment: they must find no credentials and no account of the person's.
            **credentials(),
            # Workers stay: a fresh one unpacks the whole asset.
            "LAMBDA_WARM_TTL_SECONDS": "3600",
            # Parts of the emulator that Baton never uses would open ports and look for a container daemon.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{temporary}/no-docker.sock",
        }
        process.start([sys.executable, "-m", "infra.local.gateway"], port, environment, temporary)
        process.wait_until(lambda: _answers(f"http://{LOOPBACK}:{port}/_ministack/health"), seconds=60)
        return True

    def stop(self) -> bool:
        """Stop it; what it holds is on disk afterwards. Answers whether it ended in order."""
        in_order = self.process.stop(seconds=60)
        _rewind_streams(self.home.folder("state"))
        _remove(self.home.root / "tmp")
        return in_order


def credentials() -> dict[str, str]:
    """Credentials that are nobody's, as an environment: the emulator takes any."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _remove(folder: Path) -> None:
    """Remove a folder, what is in it side by side: in the emulator's each worker has unpacked the whole asset."""
    if folder.is_dir():
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: shutil.rmtree(each, ignore_errors=True), folder.iterdir()))
    shutil.rmtree(folder, ignore_errors=True)


def _rewind_streams(state: Path) -> None:
    """Put the readers of streams back to the start, in what is kept on disk.

    The emulator keeps how many records each reader has read, and forgets the records: left so, the readers would pass
    over as many new ones after the next start.
    """
    kept = state / "lambda.json"
    if not kept.exists():
        return
    held = json.loads(kept.read_text())
    positions = held["payload"].get("dynamodb_stream_positions", {}).get("data", {})
    for reader in positions:
        positions[reader] = 0
    fresh = kept.with_suffix(".new")
    fresh.write_text(json.dumps(held))
    fresh.replace(kept)


def _move(state: Path, old: str, new: str) -> None:
    """Let what is kept on disk live on another port: the emulator finds queues by addresses that have it in them."""
    address = re.compile(rf"(?<=\blocalhost:){old}\b")
    for kept in state.glob("*.json"):
        text = kept.read_text()
        if (moved := address.sub(new, text)) != text:
            fresh = kept.with_suffix(".new")
            fresh.write_text(moved)
            fresh.replace(kept)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False
