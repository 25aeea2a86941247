"""Who may ask for what: every role at every route, and nobody where nothing is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.admin.documentation import DOCUMENTATION
from functions.admin.handler import lambda_handler
from functions.admin.operations import OPERATIONS
from shared.adapters import routes
from shared.adapters.routes import ROUTES, find
from shared.adapters.sign_in import check_role, person_of
from shared.domain.people import Person, Role
from shared.domain.refusals import Forbidden, MethodNotAllowed, NotFound, Unauthenticated
from tests.desk import a_desk
from tests.http_requests import answer, http_event

ALL = {"admin", "marketing", "sales"}
RULES = ALL | {"analyst"}

MATRIX: dict[str, set[str]] = {
    "GET /v1/leads": ALL,
    "GET /v1/leads/{id}": ALL,
    "POST /v1/leads/{id}/adjustments": {"admin", "sales"},
    "POST /v1/leads/{id}/merges": {"admin", "marketing"},
    "POST /v1/leads/{id}/unmerges": {"admin", "marketing"},
    "POST /v1/leads/{id}/consents": ALL,
    "POST /v1/leads/{id}/qualifications": {"admin", "sales"},
    "GET /v1/handoffs": ALL,
    "GET /v1/handoffs/{lead}/{stage}/{epoch}": ALL,
    "POST /v1/handoffs/{lead}/{stage}/{epoch}/answers": {"admin", "sales"},
    "GET /v1/leads/{id}/export": {"admin", "marketing"},
    "POST /v1/leads/{id}/erasures": {"admin"},
    "POST /v1/leads/{id}/repairs": {"admin"},
    "GET /v1/drift": {"admin"},
    "POST /v1/checks": {"admin"},
    "GET /v1/noise": {"admin", "marketing"},
    "POST /v1/noise/marks": {"admin", "marketing"},
    "POST /v1/noise/unmarks": {"admin", "marketing"},
    "GET /v1/rescores": RULES,
    "POST /v1/rescores": {"admin", "marketing"},
    "POST /v1/catch-ups": {"admin"},
    "GET /v1/rules": RULES,
    "GET /v1/rules/versions": RULES,
    "GET /v1/rules/differences": RULES,
    "POST /v1/rules/differences": RULES,
    "GET /v1/rules/{number}": RULES,
    "POST /v1/rules": {"admin", "marketing"},
    "POST /v1/simulations": RULES,
    "GET /v1/rules/drafts": RULES,
    "POST /v1/rules/drafts": RULES,
    "GET /v1/rules/drafts/{number}": RULES,
    "POST /v1/rules/drafts/{number}/proposals": RULES,
    "POST /v1/rules/drafts/{number}/approvals": ALL,
    "POST /v1/rules/drafts/{number}/withdrawals": RULES,
    "POST /v1/rules/drafts/{number}/publications": {"admin", "marketing"},
    "POST /v1/rules/rollbacks": {"admin", "marketing"},
}
"""Written out, so that a change of the table of routes is a change of this promise too."""

OPEN = {"GET /health", "GET /openapi.json", "GET /docs"}
BY_LINK = {"GET /handoffs/{token}", "HEAD /handoffs/{token}", "POST /handoffs/{token}"}
INTAKE = {
    f"POST /v1/{call}"
    for call in (
        *("track", "page", "screen", "identify", "group", "alias", "batch"),
        *"tpsigab",
        "forms/{form}",
        "events",
        "import",
    )
} | {"GET /v1/baton.js", "POST /submissions/v3/integration/submit/{portal}/{form}"}
CLAIMS = [*(f"[{role}]" for role in sorted(RULES)), "[]", "", "[owner]", "[admins]", "[Admin]", "[sales marketing]"]


def asked(key: str, claims: dict[str, str] | None) -> dict[str, Any]:
    method, path = key.split()
    event = http_event(method, path.replace("{id}", "lead-1").replace("{number}", "1"), claims=claims)
    return lambda_handler(event, None, a_desk().desk)


def test_the_matrix_covers_every_route() -> None:
    assert {route.key for route in ROUTES} == MATRIX.keys() | OPEN | BY_LINK | INTAKE
    assert {route.key for route in ROUTES if route.function == "answer"} == BY_LINK
    assert {route.key for route in ROUTES if route.function == "ingest"} == INTAKE


@pytest.mark.parametrize("groups", CLAIMS)
@pytest.mark.parametrize("key", MATRIX)
def test_a_role_is_let_in_where_the_matrix_says_and_nowhere_else(key: str, groups: str) -> None:
    reply = asked(key, {"sub": "person-1", "cognito:groups": groups})
    roles = set(groups.strip("[]").split())

    assert (reply["statusCode"] == 403) == (not roles & MATRIX[key])
    assert reply["statusCode"] not in (401, 500)


@pytest.mark.parametrize("claims", [None, {}, {"cognito:groups": "[admin]"}, {"sub": "", "cognito:groups": "[admin]"}])
@pytest.mark.parametrize("key", MATRIX)
def test_who_did_not_sign_in_is_let_in_nowhere(key: str, claims: dict[str, str] | None) -> None:
    assert asked(key, claims)["statusCode"] == 401


@pytest.mark.parametrize("key", sorted(OPEN))
def test_what_is_open_needs_neither_sign_in_nor_settings(key: str) -> None:
    method, path = key.split()

    assert lambda_handler(http_event(method, path), None, None)["statusCode"] == 200


@pytest.mark.parametrize("key", sorted(INTAKE))
def test_admin_does_not_answer_for_intake(key: str) -> None:
    assert asked(key, {"sub": "person-1", "cognito:groups": "[admin]"})["statusCode"] in (404, 405)


def test_every_route_of_admin_does_something() -> None:
    operations = {route.operation for route in ROUTES if route.function == "admin"}

    assert operations == OPERATIONS.keys() | DOCUMENTATION.keys()


def test_the_refusal_says_which_role_is_needed() -> None:
    reply = asked("POST /v1/rules", {"sub": "person-1", "cognito:groups": "[sales]"})

    assert "admin, marketing" in answer(reply)["message"]


def test_a_route_that_names_no_role_lets_nobody_in() -> None:
    route = replace(ROUTES[-1], roles=frozenset())

    for role in Role:
        with pytest.raises(Forbidden):
            check_role(route, Person("p", "p", frozenset({role})))
    with pytest.raises(Forbidden):
        check_role(replace(route, roles=None), Person("p", "p", frozenset(Role)))


@pytest.mark.parametrize(
    ("told", "roles"),
    [
        ("[admin sales]", {Role.ADMIN, Role.SALES}),
        ("admin", {Role.ADMIN}),
        ('["marketing","sales"]', {Role.MARKETING, Role.SALES}),
        (["sales", 7], {Role.SALES}),
        ("[administrator]", set()),
        ("[admin\u200b]", set()),
        (None, set()),
        (7, set()),
    ],
)
def test_roles_are_read_as_an_http_api_hands_them_on(told: Any, roles: set[Role]) -> None:
    assert person_of({"sub": "p", "groups": told}, "groups").roles == roles


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ada@acme.example", "cognito:username": "x"}, "ada@acme.example"),
        ({"cognito:username": "ada"}, "ada"),
        ({"username": "ada"}, "ada"),
        ({}, "p"),
    ],
)
def test_a_person_has_the_name_that_others_know(claims: dict[str, str], name: str) -> None:
    assert person_of({"sub": "p", **claims}, "groups").name == name


def test_a_token_that_names_nobody_is_no_sign_in() -> None:
    with pytest.raises(Unauthenticated):
        person_of({"groups": "[admin]"}, "groups")


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1/rules/versions", "list_rule_versions"),
        ("GET", "/v1/rules/7", "get_rule_version"),
        ("GET", "/v1/rules/differences", "compare_rules"),
        ("GET", "/v1/leads/lead-1", "get_lead"),
        ("POST", "/v1/leads/lead-1/adjustments", "adjust_score"),
    ],
)
def test_the_first_route_that_fits_answers(method: str, path: str, operation: str) -> None:
    assert find(method, path, "admin")[0].operation == operation


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/leads/", "/v1/leads/a/b", "/v1/leads//adjustments", "/v1/Rules", "//docs"]
)
def test_nothing_is_under_any_other_path(path: str) -> None:
    with pytest.raises(NotFound):
        find("GET", path, "admin")


def test_another_method_is_told_apart_from_another_path() -> None:
    with pytest.raises(MethodNotAllowed):
        find("POST", "/v1/leads", "admin")


def test_a_variable_is_read_as_it_was_meant() -> None:
    assert find("GET", "/v1/leads/a%2Fb", "admin")[1] == {"id": "a/b"}


def test_nothing_in_the_table_stands_twice() -> None:
    keys = [route.key for route in routes.ROUTES]

    assert len(keys) == len(set(keys))
