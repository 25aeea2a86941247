"""Wherever an import dies, before a part is sent, after it was taken or before that is noted, it can be begun again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from functions.ingest.handler import lambda_handler
from infra.cli import import_list
from infra.cli.bookmark import Bookmark
from infra.cli.main import app
from infra.list_sender import ListSender
from infra.settings import read_settings
from tests.fakes import InMemoryActivities
from tests.http_requests import http_event
from tests.unit.test_import import intake_of

LINES = st.lists(
    st.tuples(st.sampled_from(["a@x.example", "b@x.example", "nobody"]), st.sampled_from(["", "x", "y"])),
    min_size=1,
    max_size=25,
)


class Killed(BaseException):
    """As `kill -9` ends a process: nobody takes it."""


class Death:
    """Comes at the call whose turn it is, of all that are asked; `at` are the numbers of those calls."""

    def __init__(self, at: list[int]) -> None:
        self.calls, self.at = 0, set(at)

    def may_come(self) -> None:
        self.calls += 1
        if self.calls in self.at:
            raise Killed


class Mortal(ListSender):
    """Sends to the handler in this process, and may die before or after."""

    take: Callable[[Any], Any]
    death: Death

    def send(self, part: Any) -> Any:
        self.death.may_come()
        answer = self.take(part)
        self.death.may_come()
        return answer


def imported(path: Path, sender: Mortal, death: Death) -> None:
    """Import a list, and begin again as often as it dies."""
    turn = Bookmark.turn

    def may_die(bookmark: Bookmark, rows: int, taken: int) -> None:
        death.may_come()
        turn(bookmark, rows, taken)
        death.may_come()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BATON_HOME", str(path.parent / "home"))
        patch.setattr(import_list, "_settings", lambda _: read_settings("local"))
        patch.setattr(import_list, "list_sender", lambda *_: sender)
        patch.setattr(import_list, "PART", 4)
        patch.setattr(Bookmark, "turn", may_die)
        for _ in range(100):
            try:
                CliRunner().invoke(app, ["import", str(path), "--as", "trade_show", "--at", "2026-03-01", "--yes"])
            except Killed:
                continue
            return
    raise AssertionError


@settings(deadline=None, max_examples=60)
@given(lines=LINES, deaths=st.lists(st.integers(1, 40), max_size=8), again=st.booleans())
def test_every_line_is_in_the_log_once_wherever_the_import_dies(
    tmp_path_factory: Any, lines: list[tuple[str, str]], deaths: list[int], again: Any
) -> None:
    log = InMemoryActivities()
    intake = intake_of(log)

    def take(part: Any) -> Any:
        reply = lambda_handler(http_event("POST", "/v1/import", part, key="sk_crm"), None, intake)
        assert reply["statusCode"] == 200
        return json.loads(reply["body"])

    path = tmp_path_factory.mktemp("list") / "list.csv"
    path.write_text("Email,Note\n" + "".join(f"{who},{note}\n" for who, note in lines))
    death = Death(deaths)
    sender = Mortal("", "")
    vars(sender).update(take=take, death=death)

    for _ in range(2 if again else 1):
        imported(path, sender, death)

    stored = Counter((each.identity.value, each.properties.get("note", "")) for each in log._log.values())
    assert stored == Counter((who, note) for who, note in lines if who != "nobody")
    refused = path.with_name("list.refused.csv")
    named = refused.read_text(encoding="utf-8-sig").count("nobody") if refused.exists() else 0
    assert named == sum(who == "nobody" for who, _ in lines)
