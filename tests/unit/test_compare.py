"""What rules say otherwise, by the API: between what is stored, and of a file that nobody keeps yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.admin.handler import lambda_handler
from tests.desk import InMemoryDesk, a_desk
from tests.http_requests import answer, http_event

PERSON = {"sub": "ana-1", "email": "ana@acme.example", "cognito:groups": "[analyst marketing]"}


def file_of(points: int) -> dict[str, Any]:
    return {"name": "acme", "behaviour": [{"id": "demo", "on": "demo_requested", "points": points}]}


def ask(
    house: InMemoryDesk, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
) -> dict[str, Any]:
    reply = lambda_handler(http_event(method, path, body, query=query, claims=PERSON), None, house.desk)
    return {"status": reply["statusCode"], **answer(reply)}


@pytest.fixture
def house() -> InMemoryDesk:
    """Two versions, 50 and 60 points for a demo, and a draft that gives 70."""
    house = a_desk()
    for points in (50, 60):
        said = {"document": file_of(points), "force": "There is no lead to simulate yet."}
        assert ask(house, "POST", "/v1/rules", said)["status"] == 201
    assert ask(house, "POST", "/v1/rules/drafts", {"document": file_of(70), "note": "More."})["status"] == 201
    return house


def between(house: InMemoryDesk, **query: str) -> dict[str, Any]:
    return ask(house, "GET", "/v1/rules/differences", query=query)


@pytest.mark.parametrize(
    ("query", "before", "after", "told"),
    [
        ({"from": "1", "to": "2"}, "version 1", "version 2", "`demo` now gives 60 instead of 50."),
        ({"to": "draft-1"}, "version 2", "draft 1", "`demo` now gives 70 instead of 60."),
        ({"from": "draft-1", "to": "active"}, "draft 1", "version 2", "`demo` now gives 60 instead of 70."),
    ],
)
def test_versions_and_drafts_are_compared_by_their_names(
    house: InMemoryDesk, query: dict[str, str], before: str, after: str, told: str
) -> None:
    found = between(house, **query)

    assert (found["status"], found["before"], found["after"]) == (200, before, after)
    assert found["differences"] == [{"subject": "Points", "text": told}]


def test_what_holds_before_the_first_publish_is_version_0(house: InMemoryDesk) -> None:
    texts = [each["text"] for each in between(house, **{"from": "0", "to": "1"})["differences"]]

    assert texts == ["New rule `demo`: +50 points for `demo_requested`.", "The rule file: name none → “acme”."]
    assert between(a_desk(), to="active")["before"] == "version 0"


def test_rules_that_mean_the_same_differ_in_nothing(house: InMemoryDesk) -> None:
    assert between(house, **{"from": "active", "to": "2"})["differences"] == []


def test_a_file_that_is_not_stored_is_compared_and_stays_so(house: InMemoryDesk) -> None:
    found = ask(house, "POST", "/v1/rules/differences", {"document": file_of(55)})
    assert (found["before"], found["after"]) == ("version 2", "the document")
    assert [each["text"] for each in found["differences"]] == ["`demo` now gives 55 instead of 60."]

    found = ask(house, "POST", "/v1/rules/differences", {"from": "draft-1", "document": file_of(55)})
    assert [each["text"] for each in found["differences"]] == ["`demo` now gives 55 instead of 70."]
    assert house.versions.active_number() == 2
    assert len(house.versions.drafts(10)) == 1


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"from": "1", "to": "9"}, 404, "there is no rules version 9"),
        ({"from": "draft-9", "to": "1"}, 404, "there is no draft 9"),
        ({"from": "latest", "to": "1"}, 422, "'latest' names no rules: write active, the number of a version"),
        ({"to": "draft-x"}, 422, "'draft-x' names no rules"),
        ({"to": "-1"}, 422, "'-1' names no rules"),
        ({}, 422, ""),
    ],
)
def test_what_names_no_rules_is_told(house: InMemoryDesk, query: dict[str, str], status: int, words: str) -> None:
    found = between(house, **query)

    assert found["status"] == status
    assert words in found["message"]
    if status == 422:
        assert found["details"]["at"] == ("from" if query.get("from") == "latest" else "to")


def test_a_document_that_is_no_rule_file_is_told_with_its_problems(house: InMemoryDesk) -> None:
    found = ask(house, "POST", "/v1/rules/differences", {"document": {"behavior": []}})

    assert found["status"] == 422
    assert found["details"]["problems"][0]["hint"] == "did you mean 'behaviour'?"


def test_a_stored_file_that_is_not_valid_any_more_is_told_by_its_name(house: InMemoryDesk) -> None:
    old = house.versions.get(1)
    assert old is not None
    house.versions.publish(replace(old, number=3, document={"behavior": []}))  # as an older Baton may have taken it

    found = between(house, **{"from": "2", "to": "3"})

    assert (found["status"], found["message"].startswith("the file of version 3 is not valid any more")) == (422, True)
    assert found["details"]["problems"][0]["at"] == "behavior"


def test_the_query_is_documented_by_its_own_names() -> None:
    reply = lambda_handler(http_event("GET", "/openapi.json"), None, None)

    asked = answer(reply)["paths"]["/v1/rules/differences"]["get"]["parameters"]
    assert {each["name"]: each.get("required", False) for each in asked} == {"from": False, "to": True}
