"""A list of a trade show comes into the log of the local cloud by `baton import`, which is killed in the middle."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

LINES = 5000
PEOPLE = 100
KILLED_AFTER = 1000
"""Activities in the log when the command is killed: some parts are done, and most are not."""
HEADINGS = ["E-Mail", "Vorname", "Firma", "Gescannt am", "Stand"]


@pytest.fixture(scope="module")
def cloud(new_cloud: Callable[[str], Cloud]) -> Cloud:
    """A local cloud with nothing in it."""
    cloud = new_cloud("lists")
    cloud.up()
    return cloud


def visits() -> list[list[str]]:
    """Of one visit in fifty the badge was scanned twice: two lines that say the same."""
    lines = []
    for number in range(LINES):
        visit = number - 1 if number % 50 == 1 else number
        person = visit % PEOPLE
        minute = visit // PEOPLE
        when = f"{1 + minute % 3:02}.03.2026 {9 + minute // 60:02}:{minute % 60:02}"
        lines.append([f"visitor-{person}@fair.example", "Zoë", f"=Acme {person}", when, f"Hall {visit % 7}"])
    return lines


def write(path: Path, lines: list[list[str]]) -> None:
    with path.open("w", encoding="cp1252", newline="") as file:
        csv.writer(file, delimiter=";").writerows([HEADINGS, *lines])


def command(path: Path) -> list[str]:
    options = ["--as", "trade_show", "--dates", "day_first", "--timezone", "Europe/Berlin", "--yes"]
    return ["import", str(path), *options]


def stored(cloud: Cloud) -> dict[tuple[str, str], dict[str, Any]]:
    """The activities of the list in the log, by key."""
    found = [item for item in cloud.items("ActivitiesTable") if item["type"]["S"] == "trade_show"]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}


def test_a_list_whose_import_is_killed_and_begun_again_is_in_the_log_line_by_line_each_once(
    cloud: Cloud, tmp_path: Path
) -> None:
    path = tmp_path / "trade show.csv"
    lines = visits()
    write(path, lines)
    environment = {**os.environ, "BATON_HOME": str(cloud.home.root)}

    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", *command(path)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        cloud.eventually(lambda: len(stored(cloud)) >= KILLED_AFTER or process.poll() is not None)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    at_the_kill = stored(cloud)
    assert len(at_the_kill) < LINES

    told = cloud.baton(*command(path))

    assert told.returncode == 0, told.stdout + told.stderr
    assert "Going on after" in told.stderr
    assert "5,000 of 5,000 lines are in the log." in told.stdout
    whole = stored(cloud)
    assert Counter(person for person, _ in whole) == Counter(f"email:{line[0]}" for line in lines)
    assert {key: whole[key] for key in at_the_kill} == at_the_kill  # written once, also what was sent again
    assert not list(tmp_path.glob("*.refused*.csv"))

    part = tmp_path / "some of it.csv"
    write(part, random.Random(7).sample(lines[: PEOPLE * 2], PEOPLE))

    assert cloud.baton(*command(part)).returncode == 0
    assert stored(cloud) == whole


def test_lines_that_are_refused_are_corrected_and_imported_by_themselves(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "booth.csv"
    path.write_text("Email,Company,Date\nann@booth.example,Acme,2026-03-01\nbo(at)booth.example,=Bo,2026-03-01\n")

    told = cloud.baton("import", str(path), "--as", "booth_visited", "--yes")

    assert told.returncode == 1, told.stdout + told.stderr
    refused = tmp_path / "booth.refused.csv"
    corrected = refused.read_text(encoding="utf-8-sig").replace("(at)", "@")
    refused.write_text(corrected)
    cloud.printed("import", str(refused), "--as", "booth_visited", "--yes")
    lead = cloud.eventually(lambda: cloud.lead("bo@booth.example"))
    assert lead["person"]["company"] == "=Bo"
