"""The order of tests names files that there are, and begins with what takes longest."""

from __future__ import annotations

from pathlib import Path

from tests.order import LONGEST, TOGETHER, scope, turn

TESTS = Path(__file__).parents[1]


def test_what_begins_first_is_there() -> None:
    assert [name for name in LONGEST if not (TESTS / "e2e" / name).is_file()] == []
    assert [name for name in TOGETHER if not (TESTS / name).is_dir()] == []


def test_folders_begin_before_the_long_files_and_those_before_all_others() -> None:
    files = [
        *(TESTS / "integration" / "test_erase.py", TESTS / "infra" / "test_api.py"),
        *(TESTS / "e2e" / name for name in LONGEST),
    ]
    others = [TESTS / "e2e" / "test_bus.py", TESTS / "unit" / "test_erase.py", TESTS / "unit" / "domain" / "test_x.py"]
    assert sorted([*reversed(others), *files], key=turn)[: len(files)] == files
    assert len({turn(each) for each in others}) == 1


def test_one_process_runs_a_folder_that_belongs_together_a_file_on_the_local_cloud_or_one_test() -> None:
    assert scope("tests/infra/test_api.py::test_a") == scope("tests/infra/test_nag.py::test_b") == "infra"
    assert scope("tests/e2e/test_bus.py::test_a[x::y]") == scope("tests/e2e/test_bus.py::test_b") == "test_bus.py"
    assert scope("tests/unit/test_a.py::test_a") == "tests/unit/test_a.py::test_a"
