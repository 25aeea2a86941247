"""`baton rules diff`: files, presets, versions and drafts side by side, in sentences."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import difference
from infra.cli.main import app
from infra.deployed import Refusal
from infra.failure import Failure
from shared.adapters.yaml12 import load_yaml
from shared.domain.people import Person, Role
from tests.desk import a_desk
from tests.sales_desk import seller

OLD = "name: acme\nbehaviour: [{id: demo, on: demo_requested, points: 50, cap: 100}]\ndecay: {half_life: 30d}\n"
NEW = OLD.replace("50", "60").replace("30d", "14d")
TOLD = ["Points", "  All rules without an ageing of their own: half-life 30 days → 14 days."]
TOLD += ["  `demo` now gives 60 instead of 50."]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("old.yaml", OLD), ("new.yaml", NEW), ("same.yaml", OLD.replace("30d", "P30D"))):
        Path(name).write_text(text, encoding="utf-8")


@pytest.fixture
def api(monkeypatch):
    """An environment in which the old file is active, and the new one a draft."""
    api = seller(a_desk(), "mia", "marketing analyst")
    api.post("/v1/rules", {"document": load_yaml(OLD), "text": OLD, "note": "", "force": "Nobody is there yet."})
    api.post("/v1/rules/drafts", {"document": load_yaml(NEW), "text": NEW, "note": "More for a demo."})
    monkeypatch.setattr(difference, "signed_in", lambda _: api)
    return api


def run(*words, **rest):
    return CliRunner().invoke(app, ["rules", "diff", *words], **rest)


def lines(*words, **rest):
    done = run(*words, **rest)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output.splitlines()


@pytest.mark.usefixtures("files")
def test_two_files_are_compared_without_any_cloud():
    assert lines("old.yaml", "new.yaml") == TOLD
    assert lines("-", "new.yaml", input=OLD) == TOLD
    assert lines("old.yaml", "same.yaml") == ["same.yaml means the same as old.yaml."]


@pytest.mark.usefixtures("files")
def test_presets_are_compared_by_name_and_number():
    by_name = lines("000-temperature", "default")
    assert by_name == lines("000", "default")
    assert any(line.startswith("  `pricing-visits` now gives 25 instead of 40; ") for line in by_name)


@pytest.mark.usefixtures("files", "api")
def test_what_an_environment_has_is_compared_by_its_names():
    assert lines("active", "draft-1") == TOLD
    assert lines("1", "draft-1") == TOLD
    assert lines("old.yaml", "draft-1") == TOLD
    assert (
        lines("0", "1")[1] == "  All rules without an ageing of their own: points stay as they are → half-life 30 days."
    )


@pytest.mark.usefixtures("files")
def test_rules_that_read_otherwise_than_they_count_are_compared_by_what_counts_with_a_warning(api):
    mia = Person("id-mia", "mia@acme.example", frozenset({Role.MARKETING}))
    api.desk.desk.drafts.draft(load_yaml(NEW), OLD, "", mia)  # the API took such texts once

    done = run("active", "draft-2")
    assert done.stdout.splitlines() == TOLD
    assert "Warning: the text of draft-2 says something else than its document" in " ".join(done.stderr.split())
    assert run("active", "draft-1").stderr == ""


@pytest.mark.usefixtures("files", "api")
def test_one_file_alone_is_told_against_the_active_version():
    assert lines("new.yaml") == TOLD
    assert lines("same.yaml") == ["same.yaml means the same as the active version."]
    assert lines("draft-1") == TOLD


@pytest.mark.usefixtures("files")
def test_the_list_for_scripts_holds_each_sentence_with_its_subject():
    told = json.loads(run("old.yaml", "new.yaml", "--json").output)

    assert told == [{"subject": "Points", "text": line.strip()} for line in TOLD[1:]]
    assert json.loads(run("old.yaml", "same.yaml", "--json").output) == []


@pytest.mark.usefixtures("files")
def test_the_status_tells_a_difference_only_where_it_is_asked_for():
    assert run("old.yaml", "new.yaml", "--exit-code").exit_code == 1
    assert run("old.yaml", "new.yaml", "--exit-code", "--json").exit_code == 1
    assert run("old.yaml", "same.yaml", "--exit-code").exit_code == 0


@pytest.mark.usefixtures("files", "api")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("old.yaml", "gone.yaml"), "There is no file gone.yaml."),
        (("-", "-"), "Both cannot be standard input."),
        (("1", "7"), "There is no rules version 7"),
        (("draft-9",), "There is no draft 9"),
        (("broken.yaml", "new.yaml"), "broken.yaml has 1 problem."),
    ],
)
def test_what_cannot_be_compared_is_told(words, told):
    Path("broken.yaml").write_text("behavior: []\n", encoding="utf-8")
    error = run(*words).exception

    assert isinstance(error, Failure | Refusal)
    assert told in f"{error.what} {error.details}"
