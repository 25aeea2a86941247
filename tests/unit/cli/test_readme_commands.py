"""Every command that the README gives is one that `baton` takes, and those that need no cloud are run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from infra.cli.main import app

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    \.venv/bin/baton (.+)$", README, re.MULTILINE)
NEED_NO_CLOUD = [command for command in COMMANDS if command.startswith(("rules", "score")) and "publish" not in command]


def test_the_readme_gives_commands():
    assert len(COMMANDS) > 10
    assert len(NEED_NO_CLOUD) >= 5


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_exists_with_its_arguments_and_options(line):
    words = shlex.split(line.split(" > ")[0])
    group = get_command(app)
    while hasattr(group, "commands"):
        group = group.commands[words.pop(0)]

    # An argument or an option that is not known raises here.
    assert group.make_context(group.name, words).command is group


def test_the_commands_that_need_no_cloud_do_what_the_readme_says(tmp_path):
    (tmp_path / "activities.jsonl").write_text(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    for line in NEED_NO_CLOUD:
        done = subprocess.run(  # noqa: S602 (the README's own lines, as a reader's shell takes them)
            f"{shlex.quote(sys.executable)} -m infra.cli.main {line}",
            shell=True,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "BATON_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"baton {line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
    assert (tmp_path / "rules.yaml").read_text().startswith("#")


def test_the_rule_file_that_the_readme_shows_is_one(tmp_path):
    shown = tmp_path / "acme.yaml"
    shown.write_text(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0], encoding="utf-8")

    result = CliRunner().invoke(app, ["rules", "check", str(shown)])

    assert result.exit_code == 0, result.output
