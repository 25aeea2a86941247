"""What each source may say, and when something can have happened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.activity import Activity, Claims, Rank
from shared.domain.admission import Source, admit, form_source, public_source, trusted_source
from shared.domain.moments import DAY, MINUTE, Moment
from shared.domain.refusals import Forbidden, Invalid, TooLarge
from tests.people import activity, browser, email, user

WEBSITE = public_source("website", frozenset({"page_viewed", "identified", "score_adjusted"}))
CRM = trusted_source("crm")
CONTACT = form_source("contact", "form_submitted")
RETENTION = 760 * DAY

VIEW = activity("a1", email("ada@example.com"))
SUBMITTED = replace(VIEW, type="form_submitted")


def admitted(what: Activity, source: object) -> Activity:
    return admit(what, source, retention=RETENTION)  # type: ignore[arg-type]


def apart(what: Activity, before: str = "public:") -> Activity:
    return replace(what, id=f"{before}{what.id}")


def test_a_public_key_sends_what_its_settings_list() -> None:
    assert admitted(VIEW, WEBSITE) == apart(VIEW)


def test_what_anybody_may_send_never_takes_the_id_of_what_a_server_sends() -> None:
    assert admitted(VIEW, CRM).id == VIEW.id
    assert admitted(VIEW, WEBSITE).id == admitted(VIEW, WEBSITE).id != VIEW.id
    assert admitted(SUBMITTED, CONTACT).id != SUBMITTED.id


def test_no_page_and_no_other_form_takes_the_id_of_a_submission_in_advance() -> None:
    page = public_source("contact", frozenset({"form_submitted"}))
    sources = (page, CONTACT, form_source("newsletter", "form_submitted"), CRM)

    assert len({admitted(SUBMITTED, source).id for source in sources}) == len(sources)


@pytest.mark.parametrize("id_", ["public:a1", "form:contact:a1", "trusted:public:a1", "trusted:a1"])
def test_a_servers_id_that_looks_like_another_ones_meets_none(id_: str) -> None:
    others = [admitted(SUBMITTED, CONTACT), admitted(VIEW, WEBSITE), admitted(VIEW, CRM)]
    others += [admitted(replace(VIEW, id=other), CRM) for other in ("public:a1", "a1") if other != id_]

    assert admitted(replace(VIEW, id=id_), CRM).id not in {other.id for other in others}


@pytest.mark.parametrize(
    ("what", "about"),
    [
        (replace(VIEW, type="demo_requested"), "event"),
        (replace(VIEW, type="score_adjusted"), "event"),
        (replace(VIEW, claims=Claims(consent="granted")), "consent"),
        (replace(VIEW, claims=Claims(qualification={"budget": True})), "qualification"),
        (replace(VIEW, identities=(email("ada@example.com"), user("u-1"))), "identity"),
        (replace(VIEW, identities=(email("ada@example.com"), email("eve@example.com"))), "identity"),
        (replace(VIEW, identities=(user("u-1"), user("u-2"), browser("b"))), "identity"),
    ],
)
def test_a_public_key_may_not_say_what_could_hurt(what: Activity, about: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        admitted(what, WEBSITE)
    assert refusal.value.at == about


@pytest.mark.parametrize("kind", ["identity", "email"])
def test_a_public_key_attaches_a_browser_to_one_known_identity(kind: str) -> None:
    known = email("ada@example.com") if kind == "email" else user("u-1")
    both = replace(VIEW, identities=(known, browser("b-1")), claims=Claims(lead={"name": "Ada"}, company={"size": 3}))

    assert admitted(both, WEBSITE) == apart(both)


def test_a_public_key_may_withdraw_consent() -> None:
    withdrawn = replace(VIEW, claims=Claims(consent="denied"))

    assert admitted(withdrawn, WEBSITE).claims.consent == "denied"


def test_a_secret_key_sets_consent_and_qualification_and_joins() -> None:
    told = replace(
        VIEW,
        type="anything_at_all",
        identities=(email("ada@example.com"), user("u-1")),
        claims=Claims(consent="granted", qualification={"need": "a crane"}),
    )

    assert admitted(told, CRM) == told
    assert CRM.rank is Rank.TRUSTED


@pytest.mark.parametrize(("source", "at"), [(WEBSITE, "traits"), (CONTACT, "fields")])
@pytest.mark.parametrize("letter", ["x", "é", "日", "\U0001f600"])
def test_what_anybody_may_send_tells_at_most_four_kilobytes_of_facts(source: Source, at: str, letter: str) -> None:
    what = VIEW if source is WEBSITE else SUBMITTED
    room = (4096 - len('{"company":{"name":"Example"},"lead":{"note":""}}')) // len(letter.encode())

    def told(count: int) -> Activity:
        return replace(what, claims=Claims(lead={"note": letter * count}, company={"name": "Example"}))

    assert admitted(told(room), source).claims == told(room).claims
    with pytest.raises(TooLarge) as refusal:
        admitted(told(room + 1), source)
    assert refusal.value.at == at


def test_a_secret_key_tells_as_many_facts_as_an_activity_holds() -> None:
    told = replace(VIEW, claims=Claims(lead={"note": "x" * 30_000}))

    assert admitted(told, CRM) == told


def test_no_key_adjusts_a_score() -> None:
    for source in (WEBSITE, CRM, trusted_source("bus"), form_source("x", "score_adjusted")):
        with pytest.raises(Forbidden):
            admitted(replace(VIEW, type="score_adjusted"), source)


@pytest.mark.parametrize("decision", ["identities_merged", "identities_unmerged"])
def test_no_source_decides_who_is_who(decision: str) -> None:
    for source in (public_source("x", frozenset({decision})), CRM, trusted_source("bus"), form_source("x", decision)):
        with pytest.raises(Forbidden, match="decided by signed-in people only"):
            admitted(replace(VIEW, type=decision), source)


def test_a_form_grants_the_consent_that_it_asks_for_and_joins_nobody() -> None:
    consenting = replace(SUBMITTED, claims=Claims(consent="granted", qualification={"need": "a crane"}))

    assert admitted(consenting, CONTACT) == apart(consenting, "form:contact:")
    with pytest.raises(Forbidden):
        admitted(replace(SUBMITTED, identities=(email("ada@example.com"), user("u"))), CONTACT)
    with pytest.raises(Forbidden):
        admitted(VIEW, CONTACT)


def test_an_activity_that_names_nobody_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        admitted(replace(VIEW, identities=()), CRM)
    assert refusal.value.at == "identity"


def received(what: Activity, after: int) -> Activity:
    return replace(what, received_at=Moment(what.occurred_at + after))


def test_what_arrives_late_keeps_its_moment() -> None:
    late = received(VIEW, 30 * DAY)

    assert admitted(late, CRM) == late


def test_a_clock_that_runs_a_little_ahead_is_believed() -> None:
    early = received(VIEW, -5 * MINUTE)

    assert admitted(early, CRM) == early


@pytest.mark.parametrize("ahead", [5 * MINUTE + 1, 70 * 365 * DAY])
def test_a_moment_that_cannot_be_yet_becomes_that_of_receipt_and_is_marked(ahead: int) -> None:
    early = received(VIEW, -ahead)

    assert admitted(early, CRM) == replace(early, occurred_at=early.received_at, marks=("clock",))


def test_what_happened_before_the_log_remembers_is_refused() -> None:
    oldest = received(VIEW, RETENTION)

    assert admitted(oldest, CRM) == oldest
    with pytest.raises(Invalid) as refusal:
        admitted(received(VIEW, RETENTION + 1), CRM)
    assert refusal.value.at == "timestamp"
