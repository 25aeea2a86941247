"""The local cloud as a person has it: every test runs the `baton` command against a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.deployed import Api, Deployed, Refusal, path_of
from infra.failure import Failure
from infra.local.cloud import LocalCloud
from infra.local.demo.visitors import Key, Sender
from infra.local.home import Home
from infra.local.ports import free_port
from infra.local.quiet import wait_for_quiet, waiting_messages
from shared.adapters.dynamodb.activities import activity_of
from shared.domain.activity import Activity
from tests.e2e.node import Node

USUAL_PORT = 4566
LONG = 600
"""Seconds that no machine needs. Nothing here waits for a fixed time, so patience costs only what fails."""
STILL = 3
"""Seconds without a sign of life after which nothing is under way: twice what a quiet machine would need."""


@dataclass
class Answer:
    """What a request got: its status and its JSON."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Cloud:
    """A local cloud in a home of its own."""

    home: Home

    def baton(self, *arguments: str, seconds: float = LONG) -> subprocess.CompletedProcess[str]:
        """Run `baton` as a person would, without a terminal."""
        environment = {**os.environ, "BATON_HOME": str(self.home.root)}
        command = [sys.executable, "-m", "infra.cli.main", *arguments]
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            cwd=self.home.root.parent,
        )

    def printed(self, *arguments: str) -> str:
        """What a `baton` command prints, which must succeed."""
        done = self.baton(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self, *options: str) -> str:
        """`baton up`, which must succeed; answers all it printed."""
        done = self.baton("up", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def where(self) -> dict[str, str]:
        """What `baton status --json` tells."""
        return self.local.whereabouts().as_json()

    @property
    def local(self) -> LocalCloud:
        return LocalCloud(self.home)

    def api(self) -> Api:
        return self.local.api()

    def client(self, service: str) -> Any:
        return Deployed("local", self.home).client(service)

    def sender(self) -> Sender:
        """Sends as the demo does, at this moment."""
        where = self.where
        keys: dict[Key, str] = {"public": where["write_key"], "secret": where["secret_key"]}
        return Sender(where["api"], keys, datetime.now(tz=UTC))

    def lead(self, email: str) -> dict[str, Any] | None:
        """Everything about a lead, or None when nobody has that address."""
        api = self.api()
        found = api.get("/v1/leads", {"email": email})["leads"]
        try:
            return dict(api.get(path_of("v1", "leads", found[0]["id"]))) if found else None
        except Refusal as refusal:
            if refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return None  # it became one with another lead between the two questions

    def eventually(self, holds: Callable[[], Any], seconds: float = LONG) -> Any:
        """What `holds` answers once it answers something true. A fault of the API is over by the next look."""
        deadline = time.monotonic() + seconds
        while True:
            late = time.monotonic() > deadline
            try:
                if answer := holds():
                    return answer
            except Failure as failure:
                if late or (isinstance(failure, Refusal) and failure.status < HTTPStatus.INTERNAL_SERVER_ERROR):
                    raise
            assert not late, f"it did not come true in {seconds} s"
            time.sleep(0.3)

    def becomes(self, look: Callable[[], Any], expected: Any, seconds: float = LONG) -> None:
        """Wait until `look` answers what is expected; if it never does, the difference is told."""
        seen: Any = None

        def arrived() -> bool:
            nonlocal seen
            seen = look()
            return bool(seen == expected)

        with suppress(AssertionError):
            self.eventually(arrived, seconds)
        assert seen == expected

    def settle(self, seconds: float = LONG) -> None:
        """Wait until nothing is under way."""
        assert wait_for_quiet(self.local.emulator, seconds, STILL), f"something was still under way after {seconds} s"

    def dead_letters(self) -> dict[str, Any]:
        """What stands in any queue: after quiet, only what is poison."""
        return waiting_messages(self.local.emulator)

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in `ActivitiesTable` or `LeadsTable`."""
        name = Deployed("local", self.home).outputs[table]
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def log(self) -> list[Activity]:
        """Every activity that was ever taken."""
        return [activity_of(item) for item in self.items("ActivitiesTable")]

    def post(self, path: str, body: bytes | str, key: str | None = None, **headers: str) -> Answer:
        """POST to the public API with a write key."""
        basic = urllib3.make_headers(basic_auth=f"{key}:") if key else {}
        own = {"content-type": "application/json", "user-agent": ORDINARY_AGENT}
        told = {**own, **basic, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = urllib3.request(
            "POST", self.local.deployed.api + path, body=body, headers=told, redirect=False, timeout=LONG
        )
        try:
            read = json.loads(answer.data)
        except ValueError:
            read = answer.data
        return Answer(answer.status, read, {name.lower(): value for name, value in answer.headers.items()})

    def processes(self) -> list[str]:
        """The command lines of every process on this machine that has to do with this home."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                mine = str(self.home.root).encode() in told
                if mine and int(folder.name) != os.getpid():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def workers(self) -> dict[int, str]:
        """The process ids of the functions' workers, and each one's function."""
        emulator = int(self.home.read("emulator.json")["pid"])
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                told = (folder / "environ").read_bytes().split(b"\0") if parent == emulator else []
            except OSError:
                continue
            for line in told:
                name, _, value = line.partition(b"=")
                if name == b"AWS_LAMBDA_FUNCTION_NAME":
                    found[int(folder.name)] = value.decode().rpartition("-")[2]
        return found


@pytest.fixture(scope="session")
def another_process_on_the_usual_port() -> Iterator[None]:
    """Somebody else has port 4566, as any other emulator would."""
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            somebody.bind(("127.0.0.1", USUAL_PORT))
            somebody.listen()
        except OSError:
            pass
        yield


@pytest.fixture(scope="session")
def new_cloud(
    tmp_path_factory: pytest.TempPathFactory, another_process_on_the_usual_port: None
) -> Iterator[Callable[[str], Cloud]]:
    """Makes clouds in fresh folders, whose names have a space in them, and stops them all at the end."""
    made: list[Cloud] = []

    def make(name: str) -> Cloud:
        cloud = Cloud(Home(tmp_path_factory.mktemp(f"{name} cloud") / ".baton"))
        cloud.home.write("ports.json", {"site": free_port(), "receiver": free_port()})
        if made and (installed := made[0].home.root / "cdk").exists():
            shutil.copytree(installed, cloud.home.root / "cdk", symlinks=True)
        made.append(cloud)
        return cloud

    yield make
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda cloud: cloud.baton("down"), made))


ORDINARY_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
"""Who a person's browser says it is; a headless one would tell that it is a robot."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only tests in a browser need it

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"], timeout=LONG * 1000
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, cloud: Cloud) -> Iterator[Callable[..., Any]]:
    """Opens a page of a fresh browser on the sample website. What goes wrong on it is kept in its `faults`.

    `script` is whether it runs scripts, `private` whether it asks by Global Privacy Control to be let alone, `strict`
    whether the page's content security policy holds.
    """
    contexts = []

    def page(*, script: bool = True, private: bool = False, strict: bool = True) -> Any:
        context = chromium.new_context(
            java_script_enabled=script,
            base_url=cloud.where["site"],
            user_agent=ORDINARY_AGENT,
            bypass_csp=not strict,
        )
        context.set_default_timeout(LONG * 1000)
        if private:
            context.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})")
        contexts.append(context)
        opened = context.new_page()
        opened.faults = []
        opened.on("console", lambda told: opened.faults.append(told.text) if told.type == "error" else None)
        opened.on("pageerror", lambda error: opened.faults.append(str(error)))
        return opened

    yield page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node with the packages that tests need."""
    node = Node(tmp_path_factory.mktemp("node"))
    node.install()
    return node


@pytest.fixture(scope="session")
def cloud(new_cloud: Callable[[str], Cloud]) -> Cloud:
    """One local cloud with the demo played in it."""
    cloud = new_cloud("first")
    cloud.up("--demo", "--exit")
    return cloud
