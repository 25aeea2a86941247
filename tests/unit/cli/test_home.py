import stat

import pytest

from infra.failure import Failure
from infra.local.home import PROJECT, Home


def test_the_usual_home_stands_in_the_project_unless_the_environment_names_another(tmp_path):
    assert Home.usual({}).root == PROJECT / ".baton"
    assert Home.usual({"BATON_HOME": str(tmp_path)}).root == tmp_path


def test_what_is_remembered_is_read_back_and_readable_by_its_owner_alone(tmp_path):
    home = Home(tmp_path / "a path with spaces")
    home.write("secrets.json", {"password": "only here"})

    assert home.read("secrets.json") == {"password": "only here"}
    assert stat.S_IMODE((home.root / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_what_was_never_remembered_is_empty(tmp_path):
    assert Home(tmp_path).read("ports.json") == {}


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(tmp_path):
    (tmp_path / "ports.json").write_text("{half")

    with pytest.raises(Failure) as failed:
        Home(tmp_path).read("ports.json")

    assert "ports.json" in failed.value.what
    assert "Remove" in failed.value.remedy


def test_two_commands_on_one_home_do_not_run_at_the_same_time(tmp_path):
    with (
        Home(tmp_path).alone(),
        pytest.raises(Failure, match="Another baton command is at work"),
        Home(tmp_path).alone(),
    ):
        pass

    with Home(tmp_path).alone():
        pass
