"""What a partner is answered who posts a list, and what is in the log then."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from functions.admin.openapi import document
from functions.ingest.handler import lambda_handler
from functions.ingest.intake import Intake, configured
from functions.ingest.settings import BudgetLimits, PublicWriteKey, SecretWriteKey, Settings
from tests.fakes import InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.http_requests import answer, http_event
from tests.people import email

GOLDEN = json.loads((Path(__file__).parents[2] / "events" / "http_import.json").read_text(encoding="utf-8"))
FAIR = {"as": "trade_show", "at": "2026-03-01"}
CSV = "E-Mail;Firma\nann@x.example;=Acme\nnobody;\n;;\nann@x.example;=Acme\n"


def intake_of(log: InMemoryActivities, **options: Any) -> Intake:
    settings = Settings(
        activities_table="activities",
        budgets_table="budgets",
        erasures_table="erasures",
        erasure_secret="/baton/test/erasure",
        write_keys=(
            PublicWriteKey(name="website", key="pk_web", activities=("trade_show",)),
            SecretWriteKey(name="crm", secret="/baton/test/crm"),
        ),
        **options,
    )
    return configured(settings, log, lambda: InMemorySecrets(**{"/baton/test/crm": "sk_crm"}), InMemoryBudgets)


@pytest.fixture
def log() -> InMemoryActivities:
    return InMemoryActivities()


@pytest.fixture
def intake(log: InMemoryActivities) -> Intake:
    return intake_of(log)


def post(intake: Intake, body: Any, key: str | None = "sk_crm", **rest: Any) -> tuple[int, Any]:
    reply = lambda_handler(http_event("POST", "/v1/import", body, key=key, **rest), None, intake)
    return reply["statusCode"], answer(reply)


def test_the_golden_list_is_taken_but_for_the_line_that_names_nobody(log: InMemoryActivities) -> None:
    reply = lambda_handler(GOLDEN, None, intake_of(log))

    assert reply["statusCode"] == 200
    told = answer(reply)
    assert (told["lines"], told["taken"]) == (2, 1)
    assert [(each["line"], each["code"], each["at"]) for each in told["refused"]] == [(2, "invalid", "Work Mail")]
    (stored,) = log.under(email("ada@example.com"))
    assert (stored.type, stored.source) == ("trade_show", "crm")
    assert stored.claims.lead["first_name"] == "Ada"
    assert (stored.claims.company, stored.claims.consent) == ({"name": "Acme"}, "granted")
    assert stored.properties["remark"] == "=1+1"


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode()), str])
def test_csv_with_its_options_in_the_query_is_taken_and_told_by_the_files_lines(
    intake: Intake, log: InMemoryActivities, pack: Any
) -> None:
    query = {**FAIR, "map": '{"Firma": "company.name"}'}

    status, told = post(intake, pack(CSV), query=query, headers={"content-type": "text/csv"})

    assert (status, told["lines"], told["taken"]) == (200, 3, 2)
    assert [each["line"] for each in told["refused"]] == [3]
    assert told["map"] == {"E-Mail": "email", "Firma": "company.name"}
    assert [activity.claims.company for activity in log.under(email("ann@x.example"))] == [{"name": "=Acme"}] * 2


def test_the_same_list_again_as_csv_or_as_json_changes_nothing(intake: Intake, log: InMemoryActivities) -> None:
    post(intake, CSV, query=FAIR)
    before = log.under(email("ann@x.example"))
    line = {"Mail": "ann@x.example", "Company": "=Acme"}

    post(intake, CSV.replace(";", "\t"), query=FAIR)
    post(intake, {**FAIR, "map": {"Mail": "email"}, "lines": [line, {"Mail": "nobody"}, line]})

    assert log.under(email("ann@x.example")) == before
    assert len(log) == len(before) == 2


def test_a_dry_run_tells_what_would_be_refused_and_stores_nothing(intake: Intake, log: InMemoryActivities) -> None:
    status, told = post(intake, CSV, query={**FAIR, "dry_run": "true"})

    assert (status, told["dry_run"], told["taken"], len(told["refused"])) == (200, True, 2, 1)
    assert len(log) == 0


def test_json_tells_the_numbers_of_its_lines_and_how_many_before_them_say_the_same(
    intake: Intake, log: InMemoryActivities
) -> None:
    lines = [{"_line": 900, "_copy": 0, "email": "ann@x.example"}, {"_line": 901, "email": "nobody"}]

    _, told = post(intake, {**FAIR, "lines": lines})
    post(intake, {**FAIR, "lines": [{"_line": 900, "_copy": 1, "email": "ann@x.example"}]})

    assert [each["line"] for each in told["refused"]] == [901]
    assert len(log) == 2


def test_lines_that_leave_out_what_is_empty_may_name_the_columns_apart(intake: Intake) -> None:
    whole = {**FAIR, "map": {"Mail": "email", "User": "user_id"}, "lines": [{"User": "u-1"}]}

    assert post(intake, whole)[0] == 422
    assert post(intake, whole | {"headings": ["Mail", "User"]})[0] == 200


def test_a_line_from_before_the_logs_memory_is_refused_in_its_column(intake: Intake) -> None:
    lines = [{"email": "ann@x.example", "Date": "2020-01-01"}]

    _, told = post(intake, {"as": "trade_show", "lines": lines})

    assert [(each["code"], each["at"]) for each in told["refused"]] == [("invalid", "Date")]
    assert "keeps nothing from before" in told["refused"][0]["message"]


def test_lines_of_one_person_beyond_its_budget_are_told_with_the_time_to_wait(log: InMemoryActivities) -> None:
    intake = intake_of(log, budgets=BudgetLimits(identity=500))
    lines = [{"email": "ann@x.example", "Note": number} for number in range(500)]

    assert "retry_after" not in post(intake, {**FAIR, "lines": lines})[1]
    status, told = post(intake, {**FAIR, "lines": [{"email": "ann@x.example"}, {"email": "bo@x.example"}]})

    assert (status, told["taken"]) == (200, 1)
    assert [(each["line"], each["code"]) for each in told["refused"]] == [(1, "over_budget")]
    assert 0 < told["retry_after"] <= 60


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (({**FAIR, "lines": [{"email": "ann@x.example"}]}, "pk_web", {}), 403),
        (({**FAIR, "lines": [{"email": "ann@x.example"}]}, "sk_other", {}), 401),
        (({**FAIR, "lines": [{"email": "ann@x.example"}]}, None, {}), 401),
        ((CSV, None, FAIR), 401),
        (({**FAIR, "lines": [{"email": "ann@x.example"}] * 501}, "sk_crm", {}), 413),
        (("email\n" + "ann@x.example\n" * 501, "sk_crm", FAIR), 413),
        (("email\n" + "x" * 600_000, "sk_crm", FAIR), 413),
        (({**FAIR, "lines": {}}, "sk_crm", {}), 422),
        (({**FAIR, "lines": ["ann@x.example"]}, "sk_crm", {}), 422),
        (({**FAIR, "lines": [{"email": "ann@x.example", "_line": "1"}]}, "sk_crm", {}), 422),
        (({**FAIR, "lines": [{"email": "ann@x.example", "_copy": -1}]}, "sk_crm", {}), 422),
        (({**FAIR, "lines": [{"email": "ann@x.example"}], "mapp": {}}, "sk_crm", {}), 422),
        (({**FAIR, "lines": [{"name": "Ann"}]}, "sk_crm", {}), 422),
        (({"lines": [{"email": "ann@x.example"}], "at": "2026-03-01"}, "sk_crm", {}), 422),
        ((CSV, "sk_crm", {"as": "trade_show"}), 422),
        ((CSV, "sk_crm", {**FAIR, "dry_run": "perhaps"}), 422),
        ((CSV, "sk_crm", {**FAIR, "map": "[]"}), 422),
        ((CSV, "sk_crm", {**FAIR, "map": "{"}), 400),
        ((CSV, "sk_crm", {**FAIR, "dates": "year_first"}), 422),
        ((CSV, "sk_crm", {**FAIR, "decimal": "dot"}), 422),
        ((CSV, "sk_crm", {**FAIR, "delimiter": "::"}), 422),
        (('email\n"ann@x.example\n', "sk_crm", FAIR), 400),
        ((b"email\n\xff\xfe\n", "sk_crm", FAIR), 400),
        (("", "sk_crm", FAIR), 422),
        (('{"lines": [{"email": "a@x.example", "email": "b@x.example"}]}', "sk_crm", {}), 400),
    ],
)
def test_a_list_that_is_refused_as_a_whole_leaves_nothing(
    intake: Intake, log: InMemoryActivities, sent: tuple[Any, str | None, dict[str, str]], status: int
) -> None:
    body, key, query = sent
    told = post(intake, body, key, query=query)

    assert told[0] == status
    assert told[1]["message"]
    assert len(log) == 0


@pytest.mark.parametrize(
    ("sent", "query", "message", "at"),
    [
        ({"as": "trade_show", "line": []}, {}, "there is no `line` here; did you mean `lines`?", "line"),
        (CSV, {**FAIR, "q": "1"}, "there is no `q` here; there are as, map, dates, ", "q"),
    ],
)
def test_a_key_that_there_is_not_is_told_with_the_nearest_that_there_is(
    intake: Intake, sent: Any, query: dict[str, str], message: str, at: str
) -> None:
    status, told = post(intake, sent, "sk_crm", query=query)[:2]

    assert status == 422
    assert told["message"].startswith(message)
    assert told["details"]["at"] == at


def test_json_lines_have_no_more_columns_than_csv(intake: Intake) -> None:
    line = {"email": "ann@x.example", **dict.fromkeys(map(str, range(499)), "x")}

    assert post(intake, {**FAIR, "lines": [line]})[0] == 200
    status, told = post(intake, {**FAIR, "lines": [line, {"email": "ann@x.example", "!": "x"}]})

    assert status == 422
    assert "more than 500 columns" in told["message"]


def test_the_key_may_stand_in_the_body(intake: Intake, log: InMemoryActivities) -> None:
    assert post(intake, {**FAIR, "lines": [{"email": "ann@x.example"}], "writeKey": "sk_crm"}, None)[0] == 200
    assert len(log) == 1


def test_the_document_of_the_api_tells_both_forms_of_a_list() -> None:
    told = document()["paths"]["/v1/import"]["post"]

    assert set(told["requestBody"]["content"]) == {"application/json", "text/csv"}
    assert {"as", "map", "dates", "decimal", "dry_run", "delimiter"} <= {each["name"] for each in told["parameters"]}
