"""A line of a list is an activity whose id follows from what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.catalogue import Catalogue
from shared.adapters.lists import Line, ListOptions, ListReader
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.admission import Rejection, Unreadable, form_source, public_source, trusted_source
from shared.domain.moments import parse_moment
from shared.domain.refusals import Forbidden, Refused
from tests.people import browser, email, user

NOW = parse_moment("2026-03-05T12:00:00Z")
FAIR = {"as": "trade_show", "at": "2026-03-01"}
CONSENT = {"consent_wording": "You may contact me about cranes.", "consent_version": "2026-1"}


def reader(headings: list[str], source: Any = None, **options: Any) -> ListReader:
    told = ListOptions.model_validate(FAIR | options)
    return ListReader(
        told, headings, source or trusted_source("partner"), NOW, Catalogue({"Signed Up": "trial_started"})
    )


def read(fields: dict[str, Any], **options: Any) -> Activity:
    found = reader(list(fields), **options).read(Line(2, fields))
    assert isinstance(found, Activity), found.reason
    return found


def refusal(fields: dict[str, Any], **options: Any) -> Refused:
    found = reader(list(fields), **options).read(Line(2, fields))
    assert isinstance(found, Unreadable)
    return found.reason


def test_a_line_tells_who_did_what_when_and_what_is_known_of_them() -> None:
    found = read(
        {
            "E-Mail": " Ann@Acme.example ",
            "user_id": "crm-7",
            "anonymous_id": "b-1",
            "Datum": "02.03.2026 10:00",
            "Vorname": "Änn",
            "Firma": "Acme",
            "Mitarbeiter": "250",
            "qualification.need": "cranes",
            "Umsatz": "1.234,5",
            "Bemerkung": "=1+1",
            "Opt-In": "ja",
        },
        dates="day_first",
        timezone="+01:00",
        channel="event",
        **CONSENT,
    )

    assert found == Activity(
        id=found.id,
        type="trade_show",
        occurred_at=parse_moment("2026-03-02T09:00:00Z"),
        received_at=NOW,
        identities=(email("ann@acme.example"), user("crm-7"), browser("b-1")),
        rank=Rank.TRUSTED,
        channel="event",
        source="partner",
        properties={
            "umsatz": "1.234,5",
            "bemerkung": "=1+1",
            "consent": {"wording": "You may contact me about cranes.", "version": "2026-1"},
        },
        claims=Claims({"first_name": "Änn"}, {"name": "Acme", "employees": 250}, "granted", {"need": "cranes"}),
        own=True,
    )


def test_a_list_of_facts_alone_is_no_activity_of_the_peoples_own() -> None:
    assert read({"email": "a@x.example", "Firma": "Acme"}, **{"as": "identified"}).own is False


def test_a_column_may_tell_that_a_line_is_facts_alone() -> None:
    found = read({"email": "a@x.example", "Was": "identified"}, map={"Was": "type"})
    assert (found.type, found.own) == ("identified", False)


def test_a_column_may_tell_what_happened_in_the_words_of_the_catalogue() -> None:
    types = {"Signed Up": "trial_started", "Demo Requested": "demo_requested", "": "trade_show"}
    assert {told: read({"email": "a@x.example", "Event": told}, map={"Event": "type"}).type for told in types} == types


def test_a_line_may_have_an_id_and_a_channel_of_its_own() -> None:
    found = read({"email": "a@x.example", "Badge": 77, "channel": "hall"}, map={"Badge": "id"}, channel="event")
    assert (found.id, found.channel) == ("77", "hall")


def test_a_user_id_that_is_an_address_names_its_mailbox_as_by_any_other_way() -> None:
    assert read({"user_id": " Ada@Example.com"}).identities == (email("ada@example.com"),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250", 250),
        ("-3.5", -3.5),
        ("1.234,5", "1.234,5"),
        ("51-200", "51-200"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("7.0", 7),
        (7.0, 7),
        (1e300, 1e300),
        (9, 9),
    ],
)
def test_of_a_column_of_numbers_what_is_plainly_a_number_is_one(text: Any, value: Any) -> None:
    found = read({"email": "a@x.example", "n": text}, map={"n": "company.employees:number"})
    assert repr(found.claims.company["employees"]) == repr(value)


@pytest.mark.parametrize(("decimal", "employees"), [("comma", 1200), ("point", 1.2)])
def test_a_number_that_could_be_two_is_the_one_that_the_sign_of_decimals_tells(decimal: str, employees: float) -> None:
    found = read({"email": "a@x.example", "Mitarbeiter": " 1.200 "}, decimal=decimal)
    assert repr(found.claims.company["employees"]) == repr(employees)


@pytest.mark.parametrize(
    ("word", "consent"),
    [
        *((word, "granted") for word in ("granted", "Yes", "JA", "true", "1", "x", "oui", "Sí", True)),
        *((word, "denied") for word in ("denied", "no", "Nein", "FALSE", "0", "non", False)),
        *((word, None) for word in ("", " ", None)),
    ],
)
def test_consent_is_what_people_write_for_yes_and_no(word: Any, consent: str | None) -> None:
    found = read({"email": "a@x.example", "Consent": word}, **CONSENT)

    assert found.claims.consent == consent
    assert ("consent" in found.properties) == (consent == "granted")


@pytest.mark.parametrize(
    ("word", "fact"), [("nein", False), ("ja", True), ("3", 3), ("0", False), ("cranes", "cranes")]
)
def test_a_column_of_a_qualification_fact_says_yes_no_a_rating_or_words(word: str, fact: Any) -> None:
    found = read({"email": "a@x.example", "Budget": word})

    assert repr(found.claims.qualification) == repr({"budget": fact})
    assert found.id == read({"email": "a@x.example", "Budget": f" {word} "}).id


@pytest.mark.parametrize(
    ("fields", "options", "code", "at", "words"),
    [
        ({"E-Mail": "nobody"}, {}, "invalid", "E-Mail", "not an e-mail address"),
        ({"E-Mail": ""}, {}, "invalid", "E-Mail", "names nobody: nothing stands under 'E-Mail'"),
        ({"E-Mail": "", "user_id": " "}, {}, "invalid", "E-Mail", "'E-Mail' or 'user_id'"),
        ({"user_id": "u" * 257}, {}, "invalid", "user_id", "256"),
        ({"user_id": True}, {}, "invalid", "user_id", "text"),
        ({"email": "a@x.example", "Datum": "03/04/2026"}, {}, "invalid", "Datum", "ambiguous"),
        ({"email": "a@x.example", "Datum": "04/13/2026"}, {"dates": "day_first"}, "invalid", "Datum", "not a date"),
        ({"email": "a@x.example", "Mitarbeiter": "1.200"}, {}, "invalid", "Mitarbeiter", "`decimal`: point or comma"),
        ({"email": "a@x.example", "Datum": ""}, {"at": None}, "invalid", "Datum", "does not tell when"),
        ({"email": "a@x.example", "Consent": "maybe"}, CONSENT, "invalid", "Consent", "neither a yes nor a no"),
        ({"email": "a@x.example", "Was": ""}, {"as": None, "map": {"Was": "type"}}, "invalid", "Was", "what happened"),
        ({"email": "a@x.example", "Was": "grouped"}, {"map": {"Was": "type"}}, "invalid", "Was", "another call"),
        ({"email": "a@x.example", "Datum": "31.12.99"}, {}, "invalid", "Datum", "2099-12-31"),
        ({"email": "a@x.example", "Datum": "2026-03-06 12:01"}, {}, "invalid", "Datum", "happened already"),
        ({"email": "a@x.example", "Was": "score_adjusted"}, {"map": {"Was": "type"}}, "forbidden", "Was", "signed-in"),
        ({"email": "a@x.example", "Was": "9"}, {"map": {"Was": "type"}}, "invalid", "Was", "no activity type"),
        ({"email": "a@x.example", "No": "i" * 201}, {"map": {"No": "id"}}, "invalid", "No", "200"),
        ({"email": "a@x.example", "Note": "a\u202eb"}, {}, "malformed", "Note", "U+202E"),
        ({"email": "a@x.example", "Note": "a\x00b"}, {"map": {"Note": ""}}, "malformed", "Note", "U+0000"),
        ({"email": "a@x.example", "Note": {"a": 1}}, {}, "invalid", "Note", "holds text, a number"),
        ({"email": "a@x.example", "Note": "ü" * 16_384}, {}, "too_large", None, "32768"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_the_column_and_the_reason(
    fields: dict[str, Any], options: dict[str, Any], code: str, at: str | None, words: str
) -> None:
    reason = refusal(fields, **options)

    assert (reason.code, reason.at) == (code, at)
    assert words in reason.message


@pytest.mark.parametrize(
    ("options", "at", "words"),
    [
        ({"as": None}, "as", "`as` names the activity type"),
        ({"as": "Trade Show"}, "as", "write trade_show"),
        ({"as": "9"}, "as", "small letters"),
        ({"as": "grouped"}, "as", "identified"),
        ({"as": "identities_merged"}, "as", "signed-in people"),
        ({"at": None}, "at", "occurred_at"),
        ({"at": "03/04/2026"}, "at", "ambiguous"),
        ({"at": "2027-03-01"}, "at", "happened already"),
        ({"timezone": "Mars"}, "timezone", "time zone"),
        ({"map": {"Name": "consent"}}, "consent_wording", "'Name' tells consent"),
        ({"map": {"Name": "consent"}, "consent_wording": "w"}, "consent_wording", "`consent_version`"),
    ],
)
def test_options_that_lack_something_or_cannot_be_are_refused_as_a_whole(
    options: dict[str, Any], at: str, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        reader(["email", "Name"], **options)
    assert refused.value.at == at
    assert words in refused.value.message


@pytest.mark.parametrize("source", [public_source("web", frozenset({"trade_show"})), form_source("f", "trade_show")])
def test_only_who_is_believed_sends_lists(source: Any) -> None:
    with pytest.raises(Forbidden):
        reader(["email"], source=source)


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=6)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "Email": st.sampled_from(["a@x.example", "b@x.example"]),
            "Date": st.sampled_from(["2026-03-01", "2026-03-02"]),
            "Company": WORDS,
            "Note": WORDS,
        }
    ),
    max_size=12,
)


def ids(lines: list[dict[str, str]], headings: list[str], **options: Any) -> list[str]:
    found = reader(headings, **options)
    read_ = [found.read(Line(number, line)) for number, line in enumerate(lines, start=2)]
    return [activity.id for activity in read_ if isinstance(activity, Activity)]


@given(lines=LINES, seed=st.randoms())
def test_the_same_list_has_the_same_ids_in_any_order_of_lines_and_columns_and_each_line_its_own(
    lines: list[dict[str, str]], seed: Any
) -> None:
    before = ids(lines, ["Email", "Date", "Company", "Note"])
    seed.shuffle(lines)
    renamed = [
        {"Note": line["Note"], "Firma": line["Company"], "Datum": line["Date"], "E-Mail": line["Email"]}
        for line in lines
    ]

    after = ids(renamed, ["Note", "Firma", "Datum", "E-Mail"])

    assert sorted(after) == sorted(before)
    assert len(set(before)) == len(lines)


@given(lines=LINES, parts=st.integers(1, 5))
def test_a_list_in_parts_has_the_same_ids_when_each_line_tells_how_many_before_it_say_the_same(
    lines: list[dict[str, str]], parts: int
) -> None:
    headings = ["Email", "Date", "Company", "Note"]
    found = []
    for start in range(0, len(lines), parts):
        part = reader(headings)
        for place in range(start, min(start + parts, len(lines))):
            told = part.read(Line(place, lines[place], copy=lines[:place].count(lines[place])))
            found.append(told.id)

    assert found == ids(lines, headings)


@pytest.mark.parametrize(
    "other",
    [
        {"Email": "b@x.example"},
        {"Date": "2026-03-02"},
        {"Company": "Other"},
        {"Note": "other"},
        {"Note": ""},
    ],
)
def test_a_line_that_says_anything_else_is_another_activity(other: dict[str, str]) -> None:
    line = {"Email": "a@x.example", "Date": "2026-03-01", "Company": "Acme", "Note": "n"}

    assert read(line).id != read(line | other).id


def test_how_a_moment_an_address_or_a_heading_is_written_makes_no_other_activity() -> None:
    one = read({"Email": "Ann@x.example", "Date": "2026-03-01 10:00"})
    other = read({"E-Mail": "ann@X.example ", "Datum": "01.03.2026 11:00"}, dates="day_first", timezone="+01:00")

    assert one.id == other.id


@pytest.mark.parametrize(
    "other", [{"consent_wording": "Call me."}, {"consent_version": "2026-2"}, {"channel": "event"}]
)
def test_the_same_line_with_another_channel_or_another_wording_that_was_agreed_to_is_another_activity(
    other: dict[str, str],
) -> None:
    line = {"Email": "a@x.example", "Consent": "yes"}

    assert read(line, **CONSENT).id != read(line, **CONSENT | other).id


def test_a_wording_that_nobody_agreed_to_makes_no_other_activity() -> None:
    line = {"Email": "a@x.example", "Consent": "no"}

    assert read(line, **CONSENT).id == read(line, **CONSENT | {"consent_version": "2026-2"}).id


def test_a_channel_of_the_list_and_one_in_a_column_are_one_channel() -> None:
    line = {"Email": "a@x.example"}

    assert read(line, channel="event").id == read(line | {"channel": "event"}).id


@pytest.mark.parametrize(
    ("one", "other"),
    [(7, "7"), (7.0, 7), ("7.0", 7), (True, "true"), (False, "false")],
)
def test_a_value_has_one_id_however_it_is_written(one: Any, other: Any) -> None:
    options = {"map": {"n": "company.n:number"}}

    assert (
        read({"email": "a@x.example", "n": one}, **options).id
        == read({"email": "a@x.example", "n": other}, **options).id
    )


@pytest.mark.parametrize("other", [True, "JA", "x"])
def test_consent_has_one_id_however_it_is_written(other: Any) -> None:
    line = {"email": "a@x.example", "Consent": "yes"}

    assert read(line, **CONSENT).id == read(line | {"Consent": other}, **CONSENT).id


def test_an_answer_tells_each_refused_line_with_its_column() -> None:
    found = reader(["Mail", "Tag"], map={"Mail": "email", "Tag": "occurred_at"}, dry_run=True)
    lines = [Line(2, {"Mail": "a@x.example"}), Line(7, {"Mail": "x"})]
    reason = found.read(lines[1])
    assert isinstance(reason, Unreadable)

    told = found.answer(lines, [Rejection(1, None, reason.reason)])

    assert json.loads(json.dumps(told)) == {
        "success": True,
        "dry_run": True,
        "lines": 2,
        "taken": 1,
        "refused": [{"line": 7, "code": "invalid", "message": reason.reason.message, "at": "Mail"}],
        "map": {"Mail": "email", "Tag": "occurred_at"},
    }
