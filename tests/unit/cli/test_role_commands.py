"""Which role may use which command: every command with every role, and nobody where nothing is said."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import isfunction, unwrap
from pathlib import Path
from types import CodeType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from functions.admin.handler import lambda_handler
from infra.cli import rescores
from infra.cli.main import app
from infra.deployed import Api, Refusal
from shared.domain.drafts import Terms
from shared.domain.noise import noise_filter
from shared.domain.people import Person, Role
from shared.usecases.noise import NoiseWord
from tests.desk import InMemoryDesk
from tests.http_requests import http_event
from tests.people import activity, user
from tests.sales_desk import ADA as ADAS
from tests.sales_desk import MORNING, RULES, a_sales_desk, publish

ALL = {"admin", "marketing", "sales"}
EVERYBODY = ALL | {"analyst"}
MARKETERS, SELLERS, ADMINS = {"admin", "marketing"}, {"admin", "sales"}, {"admin"}
ADA = "ada@example.com"

MATRIX: dict[str, tuple[str, set[str]]] = {
    "leads list": ("--limit 5", ALL),
    "leads show": (ADA, ALL),
    "leads explain": (ADA, ALL),
    "leads timeline": (ADA, ALL),
    "leads merge": (f"{ADA} grace@example.com --yes", MARKETERS),
    "leads unmerge": (f"{ADA} --apart crm-7 --yes", MARKETERS),
    "leads consent": (f"{ADA} granted --why Asked.", ALL),
    "leads export": (ADA, MARKETERS),
    "leads erase": (f"{ADA} --why Asked. --yes", ADMINS),
    "leads qualify": (f"{ADA} --need 4", SELLERS),
    "leads rescore": (ADA, MARKETERS),
    "leads drift": ("", ADMINS),
    "leads check": ("grace@example.com", ADMINS),
    "leads repair": (f"{ADA} --yes", ADMINS),
    "handoffs list": ("", ALL),
    "handoffs show": (ADA, ALL),
    "handoffs accept": (ADA, SELLERS),
    "handoffs reject": (f"{ADA} --reason no_budget", SELLERS),
    "handoffs recycle": (f"{ADA} --reason bad_timing", SELLERS),
    "handoffs reasons": ("", ALL),
    "noise list": ("", MARKETERS),
    "noise mark": ("--address 203.0.113.0/24", MARKETERS),
    "noise unmark": ("--address 198.51.100.0/24", MARKETERS),
    "rules draft": ("{file}", EVERYBODY),
    "rules drafts": ("", EVERYBODY),
    "rules propose": ("draft-1", EVERYBODY),
    "rules approve": ("draft-2", {"marketing", "sales"}),
    "rules withdraw": ("draft-1", MARKETERS),
    "rules publish": ("draft-3 --force Now.", MARKETERS),
    "rules diff": ("active draft-1", EVERYBODY),
    "rules simulate": ("draft-1", EVERYBODY),
    "rules rollback": ("", MARKETERS),
    "rules history": ("", EVERYBODY),
    "rules show": ("draft-1", EVERYBODY),
    "rules status": ("", EVERYBODY),
    "catch-up": ("--since 2026-03-01", ADMINS),
}
"""What to write behind the command so that it does something, and who may."""

WITHOUT_A_PERSON = {
    *("up", "down", "status", "logs", "score", "deploy", "diff", "destroy", "import"),
    *(
        "queues list",
        "queues redrive",
        "channels list",
        "users add",
        "users list",
        "users remove",
        "erasures list",
        "erasures replay",
    ),
    *("secrets set", "secrets rotate", "secrets list", "events list", "events schema"),
    *("rules check", "rules schema", "rules presets", "rules agreement", "rules test"),
}
"""They need nobody's sign-in: they run here, or with AWS credentials, about which IAM decides, or with a write key."""

SIGN_IN_ALONE = {"users token"}
"""They have somebody sign in, and ask the API nothing: whoever the user pool lets in may use them."""

TWO_WORDS = Terms((Role.MARKETING, Role.SALES))


@dataclass(frozen=True)
class Asked(Api):
    """Somebody with a role at a desk; `refused` are the answers that the role did not allow."""

    desk: InMemoryDesk = None  # type: ignore[assignment]
    role: str = ""
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        parts = urlsplit(path)
        claims = {"sub": f"id-{self.role}", "email": f"{self.role}@acme.example", "cognito:groups": f"[{self.role}]"}
        query, told = dict(parse_qsl(parts.query)), None if body is None else json.loads(body)
        event = http_event(
            method, parts.path, told, query=query, claims=claims, request_id=f"request-{len(self.asked)}"
        )
        reply = lambda_handler(event, None, self.desk.desk)
        self.asked.append(path)
        answer = json.loads(reply["body"])
        if reply["statusCode"] >= 400:
            if reply["statusCode"] == 403:
                self.refused.append(answer["message"])
            raise Refusal(reply["statusCode"], answer)
        return answer


def a_house() -> InMemoryDesk:
    """Two leads, one handed over; two versions, and three drafts: made, proposed, and approved by two others."""
    desk = a_sales_desk(TWO_WORDS)
    publish(desk, RULES | {"description": "More of the same."})
    author, mia, bo = (
        Person(f"id-{name}", f"{name}@acme.example", frozenset({role}))
        for name, role in (("zoe", Role.ANALYST), ("mia", Role.MARKETING), ("bo", Role.SALES))
    )
    for number in (1, 2, 3):
        document = RULES | {"description": f"Draft {number}."}
        desk.desk.drafts.draft(document, json.dumps(document), "", author)
    for number in (2, 3):
        desk.desk.drafts.propose(number, author)
    for person in (mia, bo):
        desk.desk.drafts.approve(3, person)
    desk.desk.noise.mark(noise_filter("address", "198.51.100.0/24"), NoiseWord("word-1", mia, "Ours."))
    desk.happened([activity("crm", ADAS, user("crm-7"), type="identified", at=MORNING, own=False)])
    return desk


@pytest.fixture
def baton(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command as somebody with a role; tells the result and who was asked."""
    (tmp_path / "rules.yaml").write_text("name: acme\n", encoding="utf-8")
    monkeypatch.setattr(rescores, "_followed", lambda *_: {"found": 0})

    def run(command: str, words: str, role: str) -> tuple[Any, Asked]:
        api = Asked("https://baton.example", "token", a_house(), role)
        for module in [each for name, each in sys.modules.items() if name.startswith("infra.cli.")]:
            if hasattr(module, "signed_in"):
                monkeypatch.setattr(module, "signed_in", lambda _: api)
        line = shlex.split(f"{command} {words.format(file=tmp_path / 'rules.yaml')}")
        return CliRunner().invoke(app, line), api

    return run


def commands(group: Any, *names: str) -> dict[str, Callable[..., Any]]:
    """What each command of a group runs, by its words."""
    if not hasattr(group, "commands"):
        return {" ".join(names): unwrap(group.callback)}
    return {words: run for name, each in group.commands.items() for words, run in commands(each, *names, name).items()}


def signs_in(function: Any, seen: set[Any]) -> bool:
    """Whether a function of the project has somebody sign in, by itself or through another."""
    seen.add(function)
    codes, names = [function.__code__], set[str]()
    for code in codes:
        names |= set(code.co_names)
        codes += [each for each in code.co_consts if isinstance(each, CodeType)]
    used = [function.__globals__.get(name) for name in names]
    return "signed_in" in names or any(
        isfunction(each) and each.__module__.startswith("infra.") and each not in seen and signs_in(each, seen)
        for each in used
    )


def test_every_command_stands_in_the_matrix_or_asks_nobody() -> None:
    every = commands(get_command(app))

    assert every.keys() == MATRIX.keys() | WITHOUT_A_PERSON | SIGN_IN_ALONE
    assert {words for words, run in every.items() if signs_in(run, set())} == MATRIX.keys() | SIGN_IN_ALONE


@pytest.mark.parametrize("role", [*sorted(EVERYBODY), "", "owner"])
@pytest.mark.parametrize("command", MATRIX)
def test_a_role_may_use_a_command_where_the_matrix_says_and_nowhere_else(baton: Any, command: str, role: str) -> None:
    words, may = MATRIX[command]
    result, api = baton(command, words, role)

    assert api.asked
    assert bool(api.refused) == (role not in may), (api.refused, result.output, result.exception)
    assert (result.exit_code == 0) == (role in may), (result.output, result.exception)


@pytest.mark.parametrize("command", ["leads list", "leads show", "handoffs list", "rules simulate"])
def test_an_analyst_is_told_no_lead_and_no_name(baton: Any, command: str) -> None:
    words, _ = MATRIX[command]
    result, api = baton(command, words + (" --json" if command == "rules simulate" else ""), "analyst")

    for name in ("ada", "Ada", "Engines", "grace"):
        assert name not in result.output + str(result.exception)
    assert api.asked
