"""Every command that the README gives is one that `baton` takes, and those that need no cloud are run."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from infra.cli.main import app
from infra.cli.publish import STARTING_RULES
from infra.cli.rule_files import preset_text
from shared.adapters.crawlers import is_crawler
from shared.adapters.yaml12 import load_yaml
from shared.domain.conditions import OPERATORS
from shared.domain.rulefile import (
    BehaviourRule,
    Escalate,
    FitRule,
    HandoffRule,
    Reassign,
    Route,
    RouteRule,
    RuleFile,
    Stage,
)

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    \.venv/bin/baton (.+)$", README, re.MULTILINE)
OFFLINE = ("rules", "score", "events")
ACTIVE = "rules show active > rules.yaml"
ONLINE = ("rules publish", "rules simulate", "rules status", "rules show active")
NEED_NO_CLOUD = [
    command
    for command in COMMANDS
    if command.startswith(OFFLINE) and not command.startswith(ONLINE) and "--env" not in command
]


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


def test_the_call_that_shows_how_a_site_is_connected_is_sent_by_no_bot():
    (line,) = re.findall(r"^    (curl .*/v1/page.*)$", README, re.MULTILINE)
    words = shlex.split(line)

    assert is_crawler("curl/8.5.0")
    assert not is_crawler(words[words.index("-A") + 1])


def test_the_commands_that_need_no_cloud_do_what_the_readme_says(tmp_path):
    (tmp_path / "activities.jsonl").write_text(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    # What is active is, after `baton up`, the starting rules.
    assert COMMANDS.index(ACTIVE) < min(map(COMMANDS.index, NEED_NO_CLOUD))
    shutil.copy(STARTING_RULES, tmp_path / "rules.yaml")
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


def test_the_rule_file_that_the_readme_shows_is_one_and_its_golden_lead_comes_out(tmp_path):
    shown, handoff, examples = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "acme.yaml"
    path.write_text(shown + examples, encoding="utf-8")

    assert CliRunner().invoke(app, ["rules", "check", str(path)]).exit_code == 0
    result = CliRunner().invoke(app, ["rules", "test", str(path)])

    assert result.exit_code == 0, result.output
    assert "1 example, all as agreed" in result.output

    path.write_text(shown[: shown.index("handoff:")] + handoff, encoding="utf-8")
    assert CliRunner().invoke(app, ["rules", "check", str(path)]).exit_code == 0
    keys = {key for model in (HandoffRule, Escalate, Reassign, Route, RouteRule) for key in keys_of(model)}
    assert keys - set(re.findall(r"[a-z_]+", handoff)) == set()


def test_the_readme_names_every_key_and_operator_of_a_rule_file():
    part = README[README.index("## Writing rules") : README.index("## Connecting a site")]
    keys = {key for model in (BehaviourRule, FitRule, Stage, RuleFile) for key in keys_of(model)}
    words = set(re.findall(r"[a-z_]+", part))
    assert (keys | set(OPERATORS)) - words - {"description"} == set()


def keys_of(model):
    return {info.alias or name for name, info in model.model_fields.items()}


def test_the_readme_says_what_baton_up_makes_active_and_which_preset_hands_nobody_over():
    starting = load_yaml(STARTING_RULES.read_text(encoding="utf-8"))
    told = f"is called `{starting['name']}`: four stages, of which two hand over"
    assert (told in README, len(starting["stages"]), len(starting["handoff"])) == (True, 4, 2)
    assert "handoff" not in load_yaml(preset_text("000-temperature"))
