import base64
import sys
from pathlib import Path

import pytest

from infra import cdk
from infra.cdk import Cdk, plain_command, surroundings
from infra.failure import Failure
from infra.local.home import PROJECT, Home

PACKS_SOMETHING_ELSE = """
import pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--pack-destination") + 1])
(folder / "aws-cdk-{version}.tgz").write_bytes(b"not what was published")
"""


def npm(monkeypatch, program: str) -> None:
    monkeypatch.setattr(cdk, "_npm", lambda: [sys.executable, "-c", program])


def test_a_package_that_is_not_the_published_one_is_not_installed(tmp_path, monkeypatch):
    npm(monkeypatch, PACKS_SOMETHING_ELSE.replace("{version}", cdk.VERSION))

    with pytest.raises(Failure) as failed:
        Cdk(Home(tmp_path)).install()

    assert "is not what was published" in failed.value.what
    assert cdk.INTEGRITY in failed.value.details
    assert not Cdk(Home(tmp_path)).is_installed


def test_a_download_that_fails_says_what_to_look_at(tmp_path, monkeypatch):
    npm(monkeypatch, "import sys; sys.exit('ENOTFOUND')")

    with pytest.raises(Failure) as failed:
        Cdk(Home(tmp_path)).install()

    assert "could not be downloaded" in failed.value.what
    assert "network" in failed.value.remedy
    assert "ENOTFOUND" in failed.value.details


def test_the_plain_command_is_one_that_a_shell_takes():
    assert plain_command(["deploy", "--all", "--context", "settings=/a path/x.yaml"]) == (
        f"cd infra && npx aws-cdk@{cdk.VERSION} deploy --all --context 'settings=/a path/x.yaml'"
    )


def test_the_app_finds_this_python_this_project_and_node_first(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")

    found = surroundings()

    assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert found["PYTHONPATH"] == f"{PROJECT}:/elsewhere"
    assert found["JSII_NODE"].endswith("/bin/node")


def test_the_hash_is_one_of_npms():
    algorithm, _, text = cdk.INTEGRITY.partition("-")
    assert algorithm == "sha512"
    assert len(base64.b64decode(text)) == 64
