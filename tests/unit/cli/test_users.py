"""`baton users`: who is let in, with which roles, and who no more."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from infra.cli.main import app
from infra.deployed import Deployed
from infra.failure import Failure


class Exists(Exception):
    """Somebody is in the pool already."""


class Pool:
    """A user pool in memory, which tells one person a page."""

    class exceptions:  # noqa: N801 - so boto3 calls it
        UsernameExistsException = Exists

    def __init__(self) -> None:
        self.roles: dict[str, set[str]] = {}

    def admin_create_user(self, **asked: Any) -> None:
        if asked["Username"] in self.roles:
            raise Exists
        self.roles[asked["Username"]] = set()

    def admin_add_user_to_group(self, **asked: Any) -> None:
        self._known(asked["Username"]).add(asked["GroupName"])

    def admin_remove_user_from_group(self, **asked: Any) -> None:
        self._known(asked["Username"]).discard(asked["GroupName"])

    def admin_delete_user(self, **asked: Any) -> None:
        self._known(asked["Username"])
        del self.roles[asked["Username"]]

    def get_paginator(self, call: str) -> Pool:
        assert call in ("list_users", "list_users_in_group")
        return self

    def paginate(self, **asked: Any) -> Any:
        for email, roles in self.roles.items():
            if asked.get("GroupName") in (None, *roles):
                attributes = [{"Name": "email", "Value": email}]
                user = {"Username": email, "Attributes": attributes, "UserStatus": "FORCE_CHANGE_PASSWORD"}
                yield {"Users": [user]}

    def _known(self, email: str) -> set[str]:
        if email not in self.roles:
            raise ClientError({"Error": {"Code": "UserNotFoundException", "Message": "none"}}, "call")
        return self.roles[email]


@pytest.fixture
def users(monkeypatch):
    """Runs `baton users` where people sign in with the stack's own pool."""
    pool = Pool()
    monkeypatch.setattr(Deployed, "outputs", {"UserPoolId": "pool-1"})
    monkeypatch.setattr(Deployed, "client", lambda *_: pool)
    return lambda *words: CliRunner().invoke(app, ["users", *words])


def listed(users):
    return [(each["email"], each["roles"]) for each in json.loads(users("list", "--json").stdout)]


def test_who_is_let_in_is_listed_with_every_role(users):
    assert "bo@example.com is invited." in users("add", "bo@example.com", "--role", "sales").stdout
    assert "invited" not in users("add", "bo@example.com", "--role", "admin").stdout
    users("add", "ada@example.com", "--role", "marketing")

    assert listed(users) == [("ada@example.com", ["marketing"]), ("bo@example.com", ["admin", "sales"])]
    table = [line.split() for line in users("list").stdout.splitlines()]
    assert ["bo@example.com", "admin,", "sales", "invited"] in table


def test_a_role_is_taken_or_the_whole_person(users):
    for role in ("sales", "marketing"):
        users("add", "ada@example.com", "--role", role)

    users("remove", "ada@example.com", "--role", "sales")
    assert listed(users) == [("ada@example.com", ["marketing"])]

    assert "may not sign in any more" in users("remove", "ada@example.com").stdout
    assert listed(users) == []


@pytest.mark.parametrize("held", ["", "that-of-an-hour-ago"])
def test_a_token_is_printed_alone_by_whoever_signs_in_whatever_token_was_held(users, monkeypatch, held):
    asked: list[str] = []

    def initiate_auth(**sent: Any) -> Any:
        asked.append(sent["AuthParameters"]["USERNAME"])
        return {"AuthenticationResult": {"IdToken": "t" * 900}}

    pool = SimpleNamespace(initiate_auth=initiate_auth)
    monkeypatch.setenv("BATON_TOKEN", held)
    monkeypatch.delenv("BATON_USER", raising=False)
    monkeypatch.setattr(Deployed, "outputs", {"UserPoolId": "pool-1", "UserPoolClientId": "c", "ApiUrl": "https://x"})
    monkeypatch.setattr(Deployed, "client", lambda *_: pool)
    monkeypatch.setattr("infra.cli.session.of_environment", lambda name: Deployed(name, region="eu-central-1"))
    monkeypatch.setattr("infra.cli.session.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr("infra.cli.session.getpass.getpass", lambda _: "secret")

    told = CliRunner().invoke(app, ["users", "token", "--env", "prod"], input="mia@example.com\n")

    assert (told.stdout, asked) == (f"{'t' * 900}\n", ["mia@example.com"])


@pytest.mark.parametrize("words", [(), ("--role", "sales")])
def test_who_is_not_let_in_cannot_be_removed(users, words):
    failure = users("remove", "nobody@example.com", *words).exception

    assert isinstance(failure, Failure)
    assert failure.what == "nobody@example.com is not let in to local."


def test_where_people_sign_in_elsewhere_that_is_said(users, monkeypatch):
    monkeypatch.setattr(Deployed, "outputs", {})

    for words in (("list",), ("remove", "ada@example.com"), ("add", "ada@example.com", "--role", "sales")):
        assert "their own provider" in users(*words).exception.what


def test_what_is_no_address_is_told_with_what_one_looks_like(users):
    told = users("add", "ann", "--role", "sales").exception

    assert (told.what, told.remedy) == ("ann is no e-mail address.", "Write it as ada@example.com.")
    assert listed(users) == []
