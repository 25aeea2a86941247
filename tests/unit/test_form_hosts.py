"""Forms of Typeform, Webflow and HubSpot: what their webhooks and calls are answered, and what is stored then."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import Intake, configured
from functions.ingest.settings import (
    BudgetLimits,
    ConsentWording,
    Form,
    HubSpotHost,
    Settings,
    TypeformHost,
    WebflowHost,
)
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.moments import MINUTE, Moment, format_moment, parse_moment
from shared.ports.errors import Unavailable
from tests.fakes import InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.http_requests import answer
from tests.people import browser, email

EVENTS = Path(__file__).parents[2] / "events"
AGREED = ConsentWording(field="agree", wording="You may contact me.", version="1")
PORTAL, GUID = "4711", "319478e5-e5fd-4d39-9d13-fc1f90bf46da"
KEYS = {"typeform": "typeform-signing-text", "webflow": "webflow-signing-text"}
SETTINGS = Settings(
    activities_table="activities",
    budgets_table="budgets",
    erasures_table="erasures",
    erasure_secret="erasure",
    write_keys=(),
    forms=(
        Form(
            name="demo-typeform",
            activity="demo_requested",
            fields={"first_name": "lead.first_name"},
            consent=AGREED,
            hosted_by=TypeformHost(kind="typeform", secret="typeform"),
        ),
        Form(
            name="contact-webflow",
            email_field="Email",
            fields={"First Name": "lead.first_name"},
            consent=ConsentWording(field="Agree", wording="You may contact me.", version="1"),
            hosted_by=WebflowHost(kind="webflow", secret="webflow", form="Contact Us"),
        ),
        Form(
            name="contact-hubspot",
            fields={"firstname": "lead.first_name", "0-2/name": "company.name"},
            consent=ConsentWording(field="communications.999", wording="You may contact me.", version="1"),
            hosted_by=HubSpotHost(kind="hubspot", portal=PORTAL, form=GUID.upper()),
        ),
    ),
    budgets=BudgetLimits(form=5, address=2),
)


class House:
    """A function that knows the forms, on a log in memory. `secrets` may be changed while it runs."""

    def __init__(self) -> None:
        self.log = Log()
        self.secrets = InMemorySecrets(**KEYS)
        self.intake: Intake = configured(SETTINGS, self.log, lambda: self.secrets, InMemoryBudgets)

    def take(self, event: Any) -> dict[str, Any]:
        reply: dict[str, Any] = lambda_handler(event, None, self.intake)
        return reply

    def statuses(self, *events: Any) -> list[int]:
        return [self.take(event)["statusCode"] for event in events]


class Log(InMemoryActivities):
    def all(self) -> list[Activity]:
        return list(self._log.values())


@pytest.fixture
def house() -> House:
    return House()


def golden(name: str) -> Any:
    return json.loads((EVENTS / f"http_{name}.json").read_text(encoding="utf-8"))


def typeform(change: Any = None, key: str = KEYS["typeform"], body: bytes | None = None) -> Any:
    """Typeform's webhook; `change` is done to what it tells, and what comes of it signed."""
    event = golden("form_typeform")
    told = json.loads(event["body"])
    if change:
        change(told)
    body = json.dumps(told).encode() if body is None else body
    signature = base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()
    event["headers"]["typeform-signature"] = f"sha256={signature}"
    return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def webflow(change: Any = None, *, late: int = 0, key: str = KEYS["webflow"]) -> Any:
    """Webflow's webhook, signed `late` microseconds before it is received."""
    event = golden("form_webflow")
    told = json.loads(event["body"])
    if change:
        change(told)
    stamp = event["requestContext"]["timeEpoch"] - late // 1000
    body = json.dumps(told)
    signed = f"{stamp}:{body}".encode()
    event["headers"] |= {
        "x-webflow-timestamp": str(stamp),
        "x-webflow-signature": hmac.digest(key.encode(), signed, hashlib.sha256).hex(),
    }
    return event | {"body": body}


def hubspot(change: Any = None, **rest: Any) -> Any:
    """A page's call of HubSpot's API."""
    event = golden("hubspot_form")
    told = json.loads(event["body"])
    if change:
        change(told)
    return event | {"body": json.dumps(told)} | rest


def only(house: House) -> Activity:
    (stored,) = house.log.all()
    return stored


def test_what_typeform_signed_is_the_activity_that_the_settings_make_of_it(house: House) -> None:
    reply = house.take(golden("form_typeform"))

    assert (reply["statusCode"], answer(reply)) == (200, {"success": True})
    assert only(house) == Activity(
        id="form:demo-typeform:01KHQ7TYPEFORM0EVENT",
        type="demo_requested",
        occurred_at=parse_moment("2026-03-02T09:29:51Z"),
        received_at=parse_moment("2026-03-02T09:30:00Z"),
        identities=(email("ada@example.com"), browser("b7c1d9e2")),
        rank=Rank.PUBLIC,
        channel="website",
        source="demo-typeform",
        properties={
            "consent": {"wording": "You may contact me.", "version": "1"},
            "form": "demo-typeform",
            "interests": ["Cranes", "Winches", "Pulleys"],
            "score": 9,
        },
        context={"campaign": {"source": "newsletter", "medium": "email"}},
        claims=Claims({"email": "Ada@Example.com", "first_name": "Ada", "email_kind": "business"}, {}, "granted"),
    )


def test_what_webflow_signed_is_the_activity_that_the_settings_make_of_it(house: House) -> None:
    assert answer(house.take(golden("form_webflow"))) == {"success": True}

    stored = only(house)
    assert (stored.id, stored.type, stored.rank) == (
        "form:contact-webflow:6321ca84df3949bfc6752327",
        "form_submitted",
        Rank.PUBLIC,
    )
    assert stored.occurred_at == parse_moment("2026-03-02T09:29:52.117Z")
    assert (stored.claims.lead["first_name"], stored.claims.consent) == ("Grace", "granted")
    assert (stored.properties["Seats"], stored.context) == (12, {"campaign": {"source": "fair"}})


def test_a_page_that_calls_hubspot_is_answered_as_by_hubspot_and_its_form_is_stored(house: House) -> None:
    reply = house.take(golden("hubspot_form"))

    assert (reply["statusCode"], list(answer(reply))) == (200, ["inlineMessage"])
    stored = only(house)
    assert stored.identities == (email("alan@example.com"), browser("0a1b2c3d4e5f60718293a4b5c6d7e8f9"))
    assert stored.occurred_at == parse_moment("2026-03-02T09:29:56Z")
    assert stored.claims.lead["first_name"] == "Alan"
    assert (stored.claims.company, stored.claims.consent) == ({"name": "Example Cranes"}, "granted")
    assert stored.properties == {
        "consent": {"wording": "You may contact me.", "version": "1"},
        "consentToProcess": True,
        "form": "contact-hubspot",
        "message": "A crane, please",
    }
    assert stored.context == {
        "campaign": {"source": "fair", "name": "spring"},
        "page": {"url": "https://www.acme.example/contact?utm_source=fair&utm_campaign=spring", "title": "Contact"},
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "address": "203.0.113.7",
    }


@pytest.mark.parametrize("name", ["form_typeform", "form_webflow", "hubspot_form"])
def test_what_is_delivered_again_changes_nothing(house: House, name: str) -> None:
    assert house.statuses(golden(name), golden(name)) == [200, 200]
    assert len(house.log) == 1


def unsigned(event: Any) -> Any:
    for header in ("typeform-signature", "x-webflow-signature"):
        event["headers"].pop(header, None)
    return event


def with_header(event: Any, name: str, value: str) -> Any:
    event["headers"][name] = value
    return event


FORGED: dict[str, Any] = {
    "without a signature": unsigned(golden("form_typeform")),
    "with another's": with_header(golden("form_typeform"), "typeform-signature", "sha256=AAAA"),
    "with that of another body": golden("form_typeform") | {"body": golden("form_typeform")["body"] + " "},
    "with another secret": typeform(key="another"),
    "with an empty secret": typeform(key=""),
    "in letters that no signature has": with_header(golden("form_typeform"), "typeform-signature", "sha256=é\ud800"),
    "in hex, as another host": with_header(
        golden("form_typeform"),
        "typeform-signature",
        hmac.digest(KEYS["typeform"].encode(), golden("form_typeform")["body"].encode(), "sha256").hex(),
    ),
    "a plain form in its place": golden("form_json") | {"rawPath": "/v1/forms/demo-typeform"},
    "of Webflow without a signature": unsigned(golden("form_webflow")),
    "of Webflow with another secret": webflow(key="another"),
    "of Webflow without a time": with_header(golden("form_webflow"), "x-webflow-timestamp", ""),
    "of Webflow with another time": with_header(golden("form_webflow"), "x-webflow-timestamp", "1772443796000"),
    "of Webflow with a time of other digits": with_header(golden("form_webflow"), "x-webflow-timestamp", "٣"),
    "of Webflow with a time without end": with_header(golden("form_webflow"), "x-webflow-timestamp", "9" * 5000),
    "of Webflow too long ago": webflow(late=5 * MINUTE + 1000),
    "of Webflow in the future": webflow(late=-5 * MINUTE - 1000),
}


@pytest.mark.parametrize("case", FORGED)
def test_what_the_host_has_not_signed_is_refused_and_costs_the_form_nothing(house: House, case: str) -> None:
    replies = [house.take(FORGED[case]) for _ in range(7)]

    assert {(reply["statusCode"], answer(reply)["code"]) for reply in replies} == {(401, "unauthenticated")}
    assert len(house.log) == 0
    assert house.statuses(golden("form_typeform"), golden("form_webflow")) == [200, 200]


def test_who_posts_a_plain_form_where_a_host_signs_is_told_why_it_is_refused(house: House) -> None:
    refused = answer(house.take(golden("form_json") | {"rawPath": "/v1/forms/demo-typeform"}))

    assert refused["message"] == "this form takes only what Typeform has signed, by the header typeform-signature"


def test_webflows_clock_may_differ_by_five_minutes(house: House) -> None:
    assert house.statuses(webflow(late=5 * MINUTE), webflow(late=-5 * MINUTE)) == [200, 200]


def test_while_a_secret_is_replaced_either_signs(house: House) -> None:
    house.secrets.stored["typeform"] = f"newer {KEYS['typeform']}\n"

    assert house.statuses(typeform(), typeform(key="newer"), typeform(key="oldest")) == [200, 200, 401]


def test_a_secret_that_was_stored_a_moment_ago_is_looked_up_anew(house: House) -> None:
    class Remembering(InMemorySecrets):
        def get(self, name: str, *, anew: bool = False) -> str:
            return super().get(name) if anew else "old"

    house.secrets = Remembering(typeform="newer")

    assert house.statuses(typeform(key="newer"), typeform(key="old"), typeform(key="oldest")) == [200, 200, 401]


def test_while_no_secret_is_stored_the_host_is_told_to_come_again(house: House) -> None:
    house.secrets.stored.clear()

    reply = house.take(golden("form_typeform"))

    assert (reply["statusCode"], "retry-after" in reply["headers"], len(house.log)) == (503, True, 0)


def test_an_empty_secret_opens_nothing(house: House) -> None:
    house.secrets.stored["typeform"] = " \n"

    assert house.statuses(typeform(key=""), typeform(), unsigned(typeform())) == [401, 401, 401]


def test_a_host_is_held_to_the_budget_of_the_form_and_a_page_also_to_that_of_its_visitor(house: House) -> None:
    def another(number: int) -> Any:
        def change(told: Any) -> None:
            told["event_id"] = f"event-{number}"
            told["form_response"]["answers"][1]["email"] = f"person-{number}@example.com"

        return typeform(change)

    def visitor(number: int) -> Any:
        return hubspot(lambda told: told["fields"][0].update(value=f"person-{number}@example.com"))

    assert house.statuses(*(another(number) for number in range(6))) == [200] * 5 + [429]
    replies = [house.take(visitor(number)) for number in range(3)]
    assert [reply["statusCode"] for reply in replies] == [200, 200, 429]
    assert (answer(replies[-1])["status"], "retry-after" in replies[-1]["headers"]) == ("error", True)


IGNORED: dict[str, Any] = {
    "what somebody has begun": typeform(lambda told: told.update(event_type="form_response_partial")),
    "another kind of event": webflow(lambda told: told.update(triggerType="site_publish")),
    "another form of the site": webflow(lambda told: told["payload"].update(name="Newsletter")),
}


@pytest.mark.parametrize("case", IGNORED)
def test_what_is_no_submission_of_the_form_is_left_alone(house: House, case: str) -> None:
    reply = house.take(IGNORED[case])

    assert (reply["statusCode"], answer(reply), len(house.log)) == (200, {"success": True, "ignored": True}, 0)


def test_a_form_of_webflow_may_be_named_by_its_id(house: House) -> None:
    form = SETTINGS.forms[1].model_copy(
        update={"hosted_by": WebflowHost(kind="webflow", secret="webflow", form="65429eadebe8a9f3a30f62d0")}
    )
    house.intake = configured(
        SETTINGS.model_copy(update={"forms": (form,)}), house.log, lambda: house.secrets, InMemoryBudgets
    )

    house.take(webflow(lambda told: told["payload"].update(name="Renamed")))
    house.take(webflow(lambda told: told["payload"].update(formId="another", id="7")))
    assert len(house.log) == 1


ANSWERS: list[tuple[dict[str, Any], Any]] = [
    ({"type": "text", "text": "A crane"}, "A crane"),
    ({"type": "number", "number": 12}, 12),
    ({"type": "boolean", "boolean": False}, False),
    ({"type": "date", "date": "2026-03-01"}, "2026-03-01"),
    ({"type": "phone_number", "phone_number": "+49301234567"}, "+49301234567"),
    ({"type": "url", "url": "https://example.com"}, "https://example.com"),
    ({"type": "file_url", "file_url": "https://api.typeform.com/file"}, "https://api.typeform.com/file"),
    ({"type": "choice", "choice": {"id": "1", "label": "London", "ref": "x"}}, "London"),
    ({"type": "choice", "choice": {"other": "Paris"}}, "Paris"),
    ({"type": "choices", "choices": {"labels": ["London"], "other": "Paris"}}, ["London", "Paris"]),
    ({"type": "choices", "choices": {"ids": []}}, []),
    ({"type": "payment", "payment": {"amount": "1", "last4": "1234", "name": "Ada", "success": True}}, "1"),
    ({"type": "of tomorrow", "of tomorrow": 1}, 1),
    ({"type": "nothing"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("told", "value"), ANSWERS)
def test_an_answer_is_read_as_its_type_says(house: House, told: dict[str, Any], value: Any) -> None:
    def asked(whole: Any) -> None:
        whole["form_response"]["answers"].append({**told, "field": {"id": "f-1", "ref": "question"}})

    house.take(typeform(asked))

    assert only(house).properties["question"] == value


def test_a_question_without_a_name_of_its_own_goes_by_its_id(house: House) -> None:
    def asked(whole: Any) -> None:
        whole["form_response"]["answers"].append({"type": "text", "text": "x", "field": {"id": "f-1"}})

    house.take(typeform(asked))

    assert only(house).properties["f-1"] == "x"


def test_the_address_is_that_of_the_settings_question_else_the_first_that_was_asked_for(house: House) -> None:
    def colleague(whole: Any) -> None:
        whole["event_id"] = "second"
        other = {"type": "email", "email": "bob@example.com", "field": {"id": "f-2", "ref": "email"}}
        whole["form_response"]["answers"].append(other)

    def by_link(whole: Any) -> None:
        whole["event_id"] = "third"
        whole["form_response"]["answers"].pop(1)
        whole["form_response"]["hidden"] = {"email": "eve@example.com"}

    assert house.statuses(typeform(), typeform(colleague), typeform(by_link)) == [200, 200, 200]
    assert [stored.identities[0] for stored in house.log.all()] == [
        email(f"{name}@example.com") for name in ("ada", "bob", "eve")
    ]


def future(told: Any) -> None:
    told["form_response"]["submitted_at"] = "2099-01-01T00:00:00Z"


def test_a_hosts_clock_in_the_future_is_marked_as_any_others(house: House) -> None:
    house.take(typeform(future))
    assert (only(house).occurred_at, only(house).marks) == (only(house).received_at, ("clock",))


def test_nothing_that_a_host_tells_names_a_known_person_or_a_fact_that_nobody_mapped(house: House) -> None:
    def claim(told: Any) -> None:
        told["form_response"]["hidden"] = {"user_id": "u-1", "lead.title": "CEO", "_id": "mine", "consent": "granted"}
        told["form_response"]["answers"].pop(2)

    house.take(typeform(claim))

    stored = only(house)
    assert stored.identities == (email("ada@example.com"),)
    assert (stored.claims.consent, sorted(stored.claims.lead)) == (None, ["email", "email_kind", "first_name"])
    assert stored.id == "form:demo-typeform:01KHQ7TYPEFORM0EVENT"


def answered(value: Any) -> Any:
    return lambda told: told["form_response"].update(answers=value)


REFUSED: dict[str, tuple[Any, str, str | None]] = {
    "no JSON": (typeform(body=b"{"), "malformed", None),
    "no object": (typeform(body=b"[]"), "invalid", None),
    "a key twice": (typeform(body=b'{"a": 1, "a": 2}'), "malformed", None),
    "NaN": (typeform(body=b'{"a": NaN}'), "malformed", None),
    "depth": (typeform(body=b'{"a":' + b"[" * 30 + b"]" * 30 + b"}"), "malformed", "a" + "[0]" * 19),
    "too much in it": (
        typeform(lambda told: told["form_response"].update(hidden={"a": "x" * 33_000})),
        "too_large",
        None,
    ),
    "bidi": (
        typeform(lambda told: told["form_response"].update(hidden={"a": "\u202e"})),
        "malformed",
        "form_response.hidden.a",
    ),
    "no event id": (typeform(lambda told: told.pop("event_id")), "invalid", "event_id"),
    "an endless id": (typeform(lambda told: told.update(event_id="x" * 201)), "invalid", "event_id"),
    "no response": (typeform(lambda told: told.update(form_response=1)), "invalid", "form_response"),
    "no time": (
        typeform(lambda told: told["form_response"].pop("submitted_at")),
        "invalid",
        "form_response.submitted_at",
    ),
    "a time without offset": (
        typeform(lambda told: told["form_response"].update(submitted_at="2026-03-02T09:00:00")),
        "invalid",
        "form_response.submitted_at",
    ),
    "no answers": (typeform(answered([])), "invalid", "email"),
    "answers that are none": (typeform(answered([1])), "invalid", "form_response.answers"),
    "an answer to nothing": (typeform(answered([{"type": "text"}])), "invalid", "form_response.answers[0].field"),
    "hidden that is none": (
        typeform(lambda told: told["form_response"].update(hidden=[1])),
        "invalid",
        "form_response.hidden",
    ),
    "no address": (typeform(answered([{"type": "text", "text": "x", "field": {"ref": "email"}}])), "invalid", "email"),
    "no payload": (webflow(lambda told: told.update(payload=[])), "invalid", "payload"),
    "no data": (webflow(lambda told: told["payload"].update(data=None)), "invalid", "Email"),
    "no id": (webflow(lambda told: told["payload"].update(id=None)), "invalid", "payload.id"),
    "no submittedAt": (webflow(lambda told: told["payload"].update(submittedAt=1)), "invalid", "payload.submittedAt"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_host_signed_and_cannot_be_is_told_with_its_place_and_not_asked_for_again(
    house: House, case: str
) -> None:
    event, code, at = REFUSED[case]
    reply = house.take(event)

    (refused,) = answer(reply)["refused"]
    assert (reply["statusCode"], refused["code"], refused["at"], len(house.log)) == (200, code, at, 0)
    assert refused["reason"]


@pytest.mark.parametrize("event", [typeform(body=b" " * 600_000), unsigned(typeform(body=b" " * 600_000))])
def test_what_is_larger_than_any_webhook_is_refused_unread(house: House, event: Any) -> None:
    assert house.statuses(event) == [413]


def test_nothing_of_what_is_refused_stands_in_the_logs(house: House, caplog: pytest.LogCaptureFixture) -> None:
    canary = hubspot_of({"name": "email", "value": "ada@example.com ada@example.com"})
    with caplog.at_level("DEBUG"):
        house.statuses(canary, *FORGED.values(), *(event for event, *_ in (*REFUSED.values(), *FAULTS.values())))

    assert len(caplog.records) > len(REFUSED)
    assert not any(word in caplog.text.lower() for word in ("example.com", "grace", "alan", "signing-text"))


def test_a_form_with_many_questions_may_be_larger_than_an_activity(house: House) -> None:
    def many(told: Any) -> None:
        told["form_response"]["definition"]["fields"] = [{"title": "x" * 1000} for _ in range(100)]

    assert house.statuses(typeform(many)) == [200]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**15) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("event_type", "event_id", "form_response", "answers", "field", "ref", "type", "text", "hidden"),
                    *("choice", "choices", "variables", "calculated", "submitted_at", "email", "payload", "data", "id"),
                    *("submittedAt", "fields", "name", "value", "context", "hutk", "legalConsentOptions", "consent"),
                    *("communications", "objectTypeId", "pageUri", "legitimateInterest", "anonymous_id"),
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(("form_response", "payload", "fields", "context", "submittedAt")), ANYTHING))
def test_whatever_is_told_is_taken_or_refused_and_breaks_nothing(said: dict[str, Any]) -> None:
    replies = House().statuses(
        typeform(lambda told: told.update(said)),
        typeform(lambda told: told["form_response"].update(said.get("form_response") or {}))
        if isinstance(said.get("form_response"), dict)
        else typeform(),
        webflow(lambda told: told.update(said)),
        webflow(lambda told: told["payload"].update(said.get("payload") or {}))
        if isinstance(said.get("payload"), dict)
        else webflow(),
        hubspot(lambda told: told.update(said)),
    )

    assert {*replies} <= {200, 400, 413, 422, 429}


# --- HubSpot ---


def hubspot_of(*fields: dict[str, Any], **more: Any) -> Any:
    return hubspot(body=json.dumps({"fields": list(fields), **more}))


ADDRESS = {"name": "email", "value": "alan@example.com"}
FAULTS: dict[str, tuple[Any, str, str]] = {
    "no address": (hubspot_of(), "REQUIRED_FIELD", "Error in 'fields.email'. The form needs an e-mail address"),
    "an empty one": (
        hubspot_of({"name": "email", "value": ""}),
        "REQUIRED_FIELD",
        "Error in 'fields.email'. The form needs an e-mail address",
    ),
    "none that is one": (hubspot_of({"name": "email", "value": "alan"}), "INVALID_EMAIL", "Error in 'fields.email'. "),
    "two": (hubspot_of(ADDRESS, ADDRESS), "INVALID_EMAIL", "Error in 'fields.email'. The form takes one"),
    "no JSON": (hubspot(body="{"), "INVALID_METADATA", "The body is not JSON"),
    "no fields": (hubspot(body="{}"), "INVALID_METADATA", "Error in 'fields'. The fields are a list"),
    "a field without a name": (hubspot_of({"value": "x"}), "INVALID_METADATA", "Error in 'fields[0]'. A field is"),
    "a field of an odd object": (
        hubspot_of({"name": "x", "objectTypeId": {"a": 1}}),
        "INVALID_METADATA",
        "Error in 'fields[0]'. A field is",
    ),
    "a field in a field": (
        hubspot_of(ADDRESS, {"name": "x", "value": {}}),
        "INVALID_METADATA",
        "Error in 'fields.x'. A field's value is text",
    ),
    "a context that is none": (
        hubspot_of(ADDRESS, context=[1]),
        "INVALID_METADATA",
        "Error in 'context'. This is an object",
    ),
    "a time that is none": (
        hubspot_of(ADDRESS, submittedAt="now"),
        "INVALID_METADATA",
        "Error in 'submittedAt'. SubmittedAt is when",
    ),
    "a time without end": (
        hubspot_of(ADDRESS, submittedAt="9" * 30),
        "INVALID_METADATA",
        "Error in 'submittedAt'. SubmittedAt is when",
    ),
    "a time of thousands of zeros": (
        hubspot_of(ADDRESS, submittedAt="0" * 31_000),
        "INVALID_METADATA",
        "Error in 'submittedAt'. SubmittedAt is when",
    ),
    "a time before the log's memory": (
        hubspot_of(ADDRESS, submittedAt=0),
        "INVALID_METADATA",
        "Error in 'timestamp'. It occurred at 1970",
    ),
    "too much": (hubspot_of(ADDRESS, {"name": "x", "value": "x" * 33_000}), "INPUT_TOO_LARGE", "The body is larger"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_wrong_is_told_as_hubspot_tells_it(house: House, case: str) -> None:
    event, kind, message = FAULTS[case]
    reply = house.take(event)
    told = answer(reply)

    assert (reply["statusCode"], told["status"], told["message"]) == (400, "error", "The request is not valid")
    assert told["correlationId"] == "Gq7dOhX4FiAEJ09g="
    assert [(each["errorType"], each["message"].startswith(message)) for each in told["errors"]] == [(kind, True)]
    assert len(house.log) == 0


@pytest.mark.parametrize("place", [f"4712/{GUID}", f"4711/{GUID[:-1]}0", "4711/contact-hubspot", "4711/%2E"])
def test_a_form_of_hubspot_that_nobody_configured_is_not_found(house: House, place: str) -> None:
    reply = house.take(hubspot(rawPath=f"/submissions/v3/integration/submit/{place}"))

    assert (reply["statusCode"], answer(reply)["status"], len(house.log)) == (404, "error", 0)


def test_a_guid_is_the_same_in_small_and_in_large_letters(house: House) -> None:
    event = hubspot(rawPath=f"/submissions/v3/integration/submit/{PORTAL}/{GUID.upper()}")

    assert house.statuses(event) == [200]


@pytest.mark.parametrize(
    ("options", "granted"),
    [
        (
            {"consent": {"consentToProcess": True, "communications": [{"value": True, "subscriptionTypeId": 999}]}},
            "granted",
        ),
        ({"consent": {"communications": [{"value": True, "subscriptionTypeId": "999"}]}}, "granted"),
        (
            {"consent": {"consentToProcess": True, "communications": [{"value": False, "subscriptionTypeId": 999}]}},
            None,
        ),
        ({"consent": {"consentToProcess": True, "communications": [{"value": True, "subscriptionTypeId": 1}]}}, None),
        ({"consent": {"consentToProcess": True, "communications": "all"}}, None),
        ({"legitimateInterest": {"value": True, "subscriptionTypeId": 999, "legalBasis": "LEAD"}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_hubspots_legal_options_grant_what_the_settings_name_and_nothing_else(
    house: House, options: Any, granted: str | None
) -> None:
    house.take(hubspot_of(ADDRESS, legalConsentOptions=options))

    assert only(house).claims.consent == granted


def test_a_page_that_tells_no_more_than_fields_is_taken(house: House) -> None:
    house.take(hubspot_of(ADDRESS, {"name": "x"}, {"name": "y", "value": None}, {"name": "z", "value": 1}))

    stored = only(house)
    assert stored.properties == {"form": "contact-hubspot", "z": 1}
    assert stored.occurred_at == stored.received_at
    assert stored.identities == (email("alan@example.com"),)


def test_fields_of_a_company_keep_apart_from_those_of_the_person(house: House) -> None:
    told = (ADDRESS, {"name": "name", "value": "Alan"}, {"name": "name", "value": "Acme", "objectTypeId": "0-2"})
    house.take(hubspot_of(*told, {"name": "0-2/city", "value": "Berlin", "objectTypeId": "0-2"}))

    stored = only(house)
    assert (stored.claims.company, stored.properties["name"]) == ({"name": "Acme"}, "Alan")
    assert stored.properties["0-2/city"] == "Berlin"


def test_a_field_that_names_the_browser_wins_over_hubspots_cookie(house: House) -> None:
    house.take(hubspot_of(ADDRESS, {"name": "_anonymous_id", "value": "b-1"}, context={"hutk": "h-1"}))

    assert only(house).identities[1:] == (browser("b-1"),)


def test_who_tells_hubspots_api_when_it_was_sent_may_send_it_again_later(house: House) -> None:
    def sent(at: str, received: str) -> Any:
        event = hubspot_of(ADDRESS, submittedAt=parse_moment(at) // 1000)
        event["requestContext"] |= {"timeEpoch": parse_moment(received) // 1000}
        return event

    first = sent("2026-03-02T09:00:00Z", "2026-03-02T09:00:01Z")
    again = sent("2026-03-02T09:00:00Z", "2026-03-02T11:00:00Z")
    another = sent("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z")

    assert house.statuses(first, again, another) == [200, 200, 200]
    assert sorted(format_moment(Moment(stored.occurred_at)) for stored in house.log.all()) == [
        "2026-03-02T09:00:00Z",
        "2026-03-02T10:00:00Z",
    ]


@pytest.mark.parametrize("agent", ["axios/1.6.2", "GuzzleHttp/7", "node-fetch/1.0 (+https://fetch.example)"])
def test_a_server_that_calls_hubspots_api_for_its_visitors_makes_no_bots_of_them(agent: str) -> None:
    page, server = House(), House()
    event = with_header(golden("hubspot_form"), "user-agent", agent)
    page.take(event)
    event["headers"].pop("origin")
    server.take(event)

    assert (only(page).marks, only(page).context["user_agent"]) == (("bot",), agent)
    assert (only(server).marks, "user_agent" in only(server).context) == ((), False)


def test_while_the_log_is_down_hubspots_page_is_told_to_come_again(house: House, monkeypatch: Any) -> None:
    def down(_activities: Any) -> None:
        raise Unavailable("the table did not answer for alan@example.com")

    monkeypatch.setattr(house.log, "append", down)
    reply = house.take(golden("hubspot_form"))

    assert (reply["statusCode"], reply["headers"]["retry-after"]) == (503, "2")
    assert answer(reply) == {
        "status": "error",
        "message": "the request cannot be taken now; send it again",
        "correlationId": "Gq7dOhX4FiAEJ09g=",
    }
