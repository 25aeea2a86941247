"""Segment's calls as activities."""

from __future__ import annotations

import json
from typing import Any, Literal
from unicodedata import normalize

import pytest

from shared.adapters.catalogue import Catalogue
from shared.adapters.http_api import SINGLE_LIMIT
from shared.adapters.segment import MAX_BATCH, SegmentReader
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.admission import Unreadable, admit, public_source, trusted_source
from shared.domain.moments import DAY, parse_moment
from shared.domain.refusals import Forbidden, Invalid, TooLarge
from tests.people import browser, email, user

RECEIVED = parse_moment("2026-03-02T09:00:00Z")
CRM = trusted_source("crm")


def reader(source: Any = CRM, request_id: str = "r1", **catalogue: str) -> SegmentReader:
    return SegmentReader(source, RECEIVED, request_id, Catalogue(catalogue))


def read(call: str, **payload: Any) -> Activity:
    (found,) = reader().read(call, {"userId": "u-1", **payload})
    assert isinstance(found, Activity), found
    return found


def fault(call: str, **payload: Any) -> Any:
    (found,) = reader().read(call, {"userId": "u-1", **payload})
    assert isinstance(found, Unreadable), found
    return found


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("Demo Requested", "demo_requested"),
        ("demo_requested", "demo_requested"),
        ("demoRequested", "demo_requested"),
        ("  Demo--Requested! ", "demo_requested"),
        ("URLCopied", "url_copied"),
        ("Démo demandée", "démo_demandée"),
        ("v2 Upgrade", "v2_upgrade"),
    ],
)
def test_an_events_name_is_the_activitys_type(event: str, kind: str) -> None:
    assert read("track", event=event).type == kind


@pytest.mark.parametrize("event", ["Signed Up", "signedUp", "signed_up", " Signed  Up"])
def test_the_catalogue_names_events_otherwise_however_they_are_written(event: str) -> None:
    (found,) = reader(**{"Signed Up": "trial_started"}).read("track", {"event": event, "userId": "u"})

    assert isinstance(found, Activity)
    assert found.type == "trial_started"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_event_is_of_one_type_however_its_accents_are_stored(form: Literal["NFC", "NFD"]) -> None:
    called = normalize(form, "Café Visited")

    assert read("track", event=called, userId="u").type == "café_visited"
    others: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for other in others:
        exceptions = {normalize(other, "Café Visited"): "visit_paid"}
        (found,) = reader(**exceptions).read("track", {"event": called, "userId": "u"})
        assert isinstance(found, Activity)
        assert found.type == "visit_paid"


def test_an_event_without_a_letter_is_refused_unless_the_catalogue_knows_it() -> None:
    refused = fault("track", event=" -- ").reason
    assert (refused.code, refused.at) == ("invalid", "event")
    assert "catalogue" in refused.message

    won, other = reader(**{"🎉": "deal_won"}).read(
        "batch", {"batch": [{"type": "track", "event": event, "userId": "u"} for event in ("🎉", "🎈")]}
    )
    assert isinstance(won, Activity)
    assert won.type == "deal_won"
    assert isinstance(other, Unreadable)


@pytest.mark.parametrize("event", ["Identified", "grouped", "Aliased"])
def test_an_event_is_not_called_like_what_another_call_says(event: str) -> None:
    refused = fault("track", event=event).reason
    assert (refused.code, refused.at) == ("invalid", "event")
    assert repr(event.lower()) in refused.message

    (found,) = reader(**{event: "badge_given"}).read("track", {"event": event, "userId": "u"})
    assert isinstance(found, Activity)
    assert found.type == "badge_given"


def test_a_track_call_keeps_its_properties_to_the_letter() -> None:
    found = read("track", event="Webinar Registered", messageId="m-1", properties={"webinarId": "w1", "seats": 2})

    assert (found.id, found.properties) == ("m-1", {"webinarId": "w1", "seats": 2})
    assert (found.source, found.rank, found.own, found.channel) == ("crm", Rank.TRUSTED, True, None)


def test_a_public_sources_activities_have_its_rank() -> None:
    source = public_source("website", frozenset())
    (found,) = reader(source).read("page", {"anonymousId": "b"})

    assert isinstance(found, Activity)
    assert (found.rank, found.source) == (Rank.PUBLIC, "website")


def test_a_page_has_a_path_wherever_the_client_put_it() -> None:
    page = {"path": "/pricing", "url": "https://acme.example/pricing?plan=1", "title": "Pricing"}

    assert read("page", properties=page).properties["path"] == "/pricing"
    assert read("page", context={"page": page}).properties["path"] == "/pricing"
    assert read("page", properties={"url": page["url"]}).properties["path"] == "/pricing"
    assert read("page", name="Pricing", properties={"url": "https://acme.example"}).properties == {
        "name": "Pricing",
        "url": "https://acme.example",
        "path": "/",
    }
    assert read("page").type == "page_viewed"
    assert read("page").channel == "website"
    assert read("screen").type == "screen_viewed"


def test_what_the_call_says_of_a_page_goes_before_its_context() -> None:
    found = read("page", properties={"path": "/real"}, context={"page": {"path": "/context", "title": "T"}})

    assert (found.properties["path"], found.properties["title"]) == ("/real", "T")


def test_a_broken_url_is_no_path() -> None:
    assert "path" not in read("page", properties={"url": "http://[::1"}).properties


def test_traits_are_facts_of_the_lead_and_its_company() -> None:
    found = read(
        "identify",
        traits={
            "email": "Ada@Example.com",
            "firstName": "Ada",
            "jobTitle": "CTO",
            "company": {"name": "Acme", "employee_count": 250, "industry": "cranes"},
            "address": {"countryCode": "DE"},
        },
    )

    assert found.claims == Claims(
        lead={
            "email": "Ada@Example.com",
            "first_name": "Ada",
            "job_title": "CTO",
            "address": {"country_code": "DE"},
        },
        company={"name": "Acme", "employees": 250, "industry": "cranes"},
    )
    assert found.identities == (email("ada@example.com"), user("u-1"))
    assert (found.type, found.own) == ("identified", False)


def test_a_company_may_be_its_name_alone() -> None:
    assert read("identify", traits={"company": "Acme"}).claims.company == {"name": "Acme"}


def test_a_group_is_the_company() -> None:
    found = read("group", groupId="g-1", traits={"name": "Acme", "employees": 9})

    assert found.claims == Claims(company={"id": "g-1", "name": "Acme", "employees": 9})
    assert (found.type, found.own) == ("grouped", False)


@pytest.mark.parametrize("name", ["consent", "Consent", "CONSENT", " consent "])
def test_consent_is_found_however_it_is_written(name: str) -> None:
    assert read("identify", traits={name: "granted"}).claims.consent == "granted"


@pytest.mark.parametrize("said", [True, "yes", "Granted", 1, ["granted"]])
def test_consent_is_one_of_two_words(said: Any) -> None:
    assert fault("identify", traits={"consent": said}).reason.at == "traits.consent"


def test_consent_tells_what_stood_before_the_person() -> None:
    shown = {"wording": "You may call me.", "version": 3, "source": "newsletter"}

    found = read("identify", traits={"consent": {"status": "granted", **shown}})

    assert found.claims.consent == "granted"
    assert found.claims.lead == {}
    assert found.properties == {"consent": shown}


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"granted": True}, "traits.consent.granted"),
        ({"wording": "x"}, "traits.consent.status"),
        ({"status": "maybe"}, "traits.consent.status"),
        ({"status": "granted", "wording": ["x"]}, "traits.consent"),
    ],
)
def test_consent_as_an_object_has_a_status_and_texts(said: Any, at: str) -> None:
    assert fault("identify", traits={"consent": said}).reason.at == at


def test_qualification_is_the_four_facts() -> None:
    told = {"budget": True, "need": "a crane", "authority": "decides", "timeline": "2 months"}

    assert read("identify", traits={"qualification": told}).claims.qualification == told
    words = {"budget": "no", "need": "Yes", "timeline": "4"}
    read_as = {"budget": False, "need": True, "timeline": 4}
    assert repr(read("identify", traits={"qualification": words}).claims.qualification) == repr(read_as)
    assert fault("identify", traits={"qualification": {"mood": "good"}}).reason.at == "traits.qualification"
    assert fault("identify", traits={"qualification": "full"}).reason.at == "traits.qualification"


def test_other_calls_claim_nothing() -> None:
    assert not read("track", event="x", traits={"consent": "granted"}, properties={"consent": "granted"}).claims


@pytest.mark.parametrize(
    ("payload", "identities"),
    [
        ({"userId": "u-1"}, (user("u-1"),)),
        ({"userId": 42}, (user("42"),)),
        ({"userId": "Ada@Example.com"}, (email("ada@example.com"),)),
        ({"userId": "@ada"}, (user("@ada"),)),
        ({"userId": "", "anonymousId": "b"}, (browser("b"),)),
        ({"userId": None, "anonymousId": "b"}, (browser("b"),)),
        ({"userId": "b", "anonymousId": "b"}, (browser("b"),)),
        ({"userId": "u", "anonymousId": "b"}, (user("u"), browser("b"))),
        ({"userId": "u", "context": {"traits": {"email": "ada@example.com"}}}, (email("ada@example.com"), user("u"))),
        ({"userId": "ada@example.com", "traits": {"email": "ADA@example.com"}}, (email("ada@example.com"),)),
        (
            {"userId": None, "anonymousId": "b", "properties": {"email": "ada@example.com"}},
            (email("ada@example.com"), browser("b")),
        ),
        ({"userId": "u", "properties": {"email": "a-friend@example.com"}}, (user("u"),)),
        ({"userId": "u", "traits": {"email": ""}}, (user("u"),)),
        ({"userId": None}, ()),
    ],
)
def test_who_it_is_stands_strongest_first(payload: dict[str, Any], identities: tuple[Any, ...]) -> None:
    assert read("track", event="x", **payload).identities == identities


def test_the_address_of_a_group_is_no_persons() -> None:
    found = read("group", groupId="g-1", traits={"name": "Acme", "email": "Info@Acme.example"})

    assert found.identities == (user("u-1"),)
    assert found.claims.company == {"id": "g-1", "name": "Acme", "email": "Info@Acme.example"}
    assert read("group", traits={"email": "not an address"}).identities == (user("u-1"),)


def test_traits_in_the_context_are_facts_too_and_those_of_the_call_go_before() -> None:
    beside = {"firstName": "Ada", "plan": "free", "company": "Acme"}
    found = read("identify", traits={"plan": "team"}, context={"traits": beside})

    assert found.claims == Claims(lead={"first_name": "Ada", "plan": "team"}, company={"name": "Acme"})
    assert not read("track", event="x", context={"traits": beside}).claims
    assert fault("identify", context={"traits": {"consent": "yes"}}).reason.code == "invalid"


@pytest.mark.parametrize(
    ("said", "identities"),
    [
        ({"previousId": "ada@example.com"}, (email("ada@example.com"), user("u-1"))),
        ({"previousId": "b-1"}, (user("b-1"), user("u-1"), browser("b-1"))),
        ({"previousId": "u-0", "anonymousId": "b-1"}, (user("u-0"), user("u-1"), browser("b-1"))),
        ({"previousId": "b-1", "anonymousId": "b-1"}, (user("u-1"), browser("b-1"))),
        ({"anonymousId": "b-1"}, (user("u-1"), browser("b-1"))),
        ({"previousId": "u-1"}, (user("u-1"),)),
    ],
)
def test_an_alias_of_a_server_names_who_somebody_was_before(said: dict[str, Any], identities: tuple[Any, ...]) -> None:
    assert read("alias", **said).identities == identities


def test_an_alias_names_something_before() -> None:
    assert fault("alias").reason.at == "previousId"


@pytest.mark.parametrize(
    ("said", "identities"),
    [
        ({"previousId": "b-1"}, (user("u-1"), browser("b-1"))),
        ({"previousId": 7}, (user("u-1"), browser("7"))),
        ({"previousId": "b-1", "anonymousId": "b-1"}, (user("u-1"), browser("b-1"))),
        ({"anonymousId": "b-1"}, (user("u-1"), browser("b-1"))),
        ({"previousId": "a@b.com", "anonymousId": "a@b.com"}, (user("u-1"), browser("a@b.com"))),
    ],
)
def test_an_alias_of_a_web_page_attaches_its_browser(said: dict[str, Any], identities: tuple[Any, ...]) -> None:
    (found,) = reader(public_source("website", frozenset())).read("alias", {"userId": "u-1", **said})

    assert isinstance(found, Activity)
    assert found.identities == identities


@pytest.mark.parametrize(
    "said",
    [{"previousId": "ada@example.com"}, {"previousId": "u-0"}],
)
def test_an_alias_of_a_web_page_never_joins_two_people(said: dict[str, Any]) -> None:
    source = public_source("website", frozenset({"aliased"}))
    (found,) = reader(source).read("alias", {"userId": "u-1", "anonymousId": "b-1", **said})

    assert isinstance(found, Activity)
    with pytest.raises(Forbidden):
        admit(found, source, retention=DAY)


ADDRESS = "Ada@Example.com"
BESIDE_A_USER_ID: dict[str, tuple[str, dict[str, Any]]] = {
    "identify": ("identify", {"traits": {"email": ADDRESS}}),
    "identify, in the context": ("identify", {"context": {"traits": {"email": ADDRESS}}}),
    "identify, with an empty one": ("identify", {"traits": {"email": ""}, "context": {"traits": {"email": ADDRESS}}}),
    "track": ("track", {"event": "x", "context": {"traits": {"email": ADDRESS}}}),
    "page": ("page", {"context": {"traits": {"email": ADDRESS}}}),
    "page, in its traits": ("page", {"traits": {"email": ADDRESS}}),
    "group": ("group", {"traits": {"email": "info@acme.example"}, "context": {"traits": {"email": ADDRESS}}}),
    "alias": ("alias", {"traits": {"email": ADDRESS}}),
}


@pytest.mark.parametrize("case", BESIDE_A_USER_ID)
def test_an_address_that_a_web_page_tells_beside_a_user_id_is_no_name_and_a_fact_by_identify(case: str) -> None:
    call, said = BESIDE_A_USER_ID[case]
    source = public_source("website", frozenset({"x", "identified", "page_viewed", "grouped", "aliased"}))
    (found,) = reader(source).read(call, {"userId": "u-1", "anonymousId": "b-1", **said})

    assert isinstance(found, Activity)
    assert found.identities == (user("u-1"), browser("b-1"))
    assert found.claims.lead == ({"email": ADDRESS} if call == "identify" else {})
    assert admit(found, source, retention=DAY).claims == found.claims


def test_an_address_that_a_server_tells_beside_a_user_id_is_a_name() -> None:
    found = read("track", event="x", context={"traits": {"email": ADDRESS}})

    assert (found.identities, found.claims) == ((email("ada@example.com"), user("u-1")), Claims())


def test_the_address_that_a_web_page_gives_as_user_id_goes_before_another() -> None:
    source = public_source("website", frozenset())
    (found,) = reader(source).read("identify", {"userId": ADDRESS, "traits": {"email": "other@example.com"}})

    assert isinstance(found, Activity)
    assert (found.identities, found.claims.lead) == ((email("ada@example.com"),), {"email": "other@example.com"})


def test_an_address_alone_names_somebody_from_a_web_page_too() -> None:
    source = public_source("website", frozenset())
    for said in ({"traits": {"email": ADDRESS}}, {"userId": "b-1", "context": {"traits": {"email": ADDRESS}}}):
        (found,) = reader(source).read("track", {"event": "x", "anonymousId": "b-1", **said})

        assert isinstance(found, Activity)
        assert (found.identities, found.claims) == ((email("ada@example.com"), browser("b-1")), Claims())


def test_two_addresses_of_a_web_page_without_a_user_id_are_not_taken() -> None:
    source = public_source("website", frozenset({"identified"}))
    said = {"traits": {"email": "a@example.com"}, "context": {"traits": {"email": "b@example.com"}}}
    (found,) = reader(source).read("identify", said)

    assert isinstance(found, Activity)
    with pytest.raises(Forbidden):
        admit(found, source, retention=DAY)


def test_what_is_no_address_is_refused_where_it_stands() -> None:
    assert fault("identify", traits={"email": "none"}).reason.at == "traits.email"
    assert fault("identify", traits={"email": ["ada@example.com"]}).reason.at == "traits.email"


def test_the_moment_is_the_clients_and_transit_never_moves_it() -> None:
    then = "2026-03-01T10:00:00.123456+01:00"

    assert read("track", event="x", timestamp=then, sentAt="2020-01-01T00:00:00Z").occurred_at == parse_moment(then)
    assert read("track", event="x", originalTimestamp=then).occurred_at == parse_moment(then)
    assert read("track", event="x").occurred_at == RECEIVED


@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-03-01", "2026-03-01T10:00:00", "2026-13-01T10:00:00Z", "0000-00-00T00:00:00Z", "1"]
)
def test_what_is_no_moment_is_refused(moment: str) -> None:
    assert fault("track", event="x", timestamp=moment).reason.at == "timestamp"


def test_the_context_keeps_what_rules_and_people_who_look_for_noise_ask_for() -> None:
    context = {
        "campaign": {"source": "newsletter"},
        "userAgent": "Mozilla/5.0",
        "ip": "203.0.113.7",
        "device": {"advertisingId": "x"},
        "traits": {"email": "ada@example.com"},
        "page": {"path": "/x"},
    }

    assert read("track", event="x", context=context).context == {
        "campaign": {"source": "newsletter"},
        "user_agent": "Mozilla/5.0",
        "page": {"path": "/x"},
        "address": "203.0.113.7",
    }


def sent_by(agent: str | None, address: str | None, context: dict[str, Any], key: str) -> Any:
    """The context of a call in a request that such a program sent from such an address."""
    source = public_source("website", frozenset({"x"})) if key == "public" else CRM
    one = SegmentReader(source, RECEIVED, "r", Catalogue({}), address=address, agent=agent)
    (activity,) = one.read("track", {"event": "x", "anonymousId": "b-1", "context": context})
    return activity.context


@pytest.mark.parametrize(
    ("told", "key", "kept"),
    [
        ({}, "public", {"user_agent": "Firefox/1", "address": "203.0.113.7"}),
        ({"userAgent": "Safari/1"}, "public", {"user_agent": "Safari/1", "address": "203.0.113.7"}),
        ({"library": {"name": "analytics-flutter"}}, "public", {"address": "203.0.113.7"}),
        ({"ip": "198.51.100.1"}, "public", {"user_agent": "Firefox/1", "address": "203.0.113.7"}),
        ({}, "secret", {}),
        (
            {"userAgent": "Safari/1", "ip": "2001:DB8::7"},
            "secret",
            {"user_agent": "Safari/1", "address": "2001:db8::7"},
        ),
        ({"userAgent": ["x"], "ip": "unknown"}, "secret", {}),
        ({"userAgent": "x" * 3000}, "secret", {"user_agent": "x" * 500}),
    ],
)
def test_a_browser_tells_of_itself_and_a_server_of_others(told: dict[str, Any], key: str, kept: dict[str, Any]) -> None:
    assert sent_by("Firefox/1", "203.0.113.7", told, key) == kept


def test_a_call_without_an_id_sent_again_is_the_same_activity() -> None:
    then = {"event": "x", "userId": "u", "timestamp": "2026-03-01T10:00:00Z"}
    first = reader(request_id="r1").read("track", then | {"sentAt": "a"})
    again = reader(request_id="r2").read("track", then | {"sentAt": "b"})
    other = reader().read("track", then | {"event": "y"})

    assert first[0].id == again[0].id != other[0].id


def test_two_calls_without_id_or_moment_are_two_activities() -> None:
    call = {"type": "track", "event": "x", "userId": "u"}
    one, two = reader().read("batch", {"batch": [call, call]})

    assert one.id != two.id


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        ({"event": 7}, "event"),
        ({"event": None}, "event"),
        ({}, "event"),
        ({"event": ""}, "event"),
        ({"event": "x" * 201}, "event"),
        ({"event": "x", "messageId": "m" * 201}, "messageId"),
        ({"event": "x", "messageId": ""}, "messageId"),
        ({"event": "x", "messageId": 7.5}, "messageId"),
        ({"event": "x", "messageId": True}, "messageId"),
        ({"event": "x", "properties": ["x"]}, "properties"),
        ({"event": "x", "context": "c"}, "context"),
        ({"event": "x", "timestamp": 1772442000}, "timestamp"),
        ({"event": "x", "anonymousId": {"a": 1}}, "anonymousId"),
        ({"event": "x", "anonymousId": "a" * 257}, "anonymousId"),
        ({"event": "x", "userId": True}, "userId"),
    ],
)
def test_what_has_another_shape_is_refused_where_it_stands(payload: dict[str, Any], at: str) -> None:
    assert fault("track", **payload).reason.at == at


def test_an_empty_object_of_php_is_one() -> None:
    empty: dict[str, Any] = {"properties": [], "context": [], "traits": []}
    called = {"userId": "u", "messageId": "m"}

    assert read("track", event="x", **called, **empty) == read("track", event="x", **called)
    assert read("identify", **called, traits={"qualification": [], "company": []}) == read("identify", **called)


@pytest.mark.parametrize("id_", [0, 7, -1, 10**39])
def test_the_text_of_a_number_is_a_calls_id(id_: int) -> None:
    assert read("track", event="x", userId="u", messageId=id_).id == str(id_)
    refused = fault("track", event="x", userId="u", messageId=id_, timestamp="soon")
    assert refused.id == str(id_)


def test_a_batch_is_read_in_order_and_faults_keep_their_place() -> None:
    good = {"type": "track", "event": "x", "userId": "u", "messageId": "m"}
    found = reader().read("batch", {"batch": [good, 7, good | {"timestamp": "soon"}, {"type": "dance"}, good]})

    assert [isinstance(each, Activity) for each in found] == [True, False, False, False, True]
    assert [each.reason.at for each in found if isinstance(each, Unreadable)] == [
        "batch[1].type",
        "batch[2].timestamp",
        "batch[3].type",
    ]
    assert found[2].id == "m"


def test_the_batchs_context_goes_for_those_that_have_none() -> None:
    call = {"type": "page", "userId": "u"}
    first, second = reader().read(
        "batch", {"context": {"locale": "de"}, "batch": [call, call | {"context": {"locale": "fr"}}]}
    )

    assert isinstance(first, Activity)
    assert isinstance(second, Activity)
    assert (first.context, second.context) == ({"locale": "de"}, {"locale": "fr"})


@pytest.mark.parametrize("batch", [None, {}, "x", 7])
def test_a_batch_is_a_list(batch: Any) -> None:
    with pytest.raises(Invalid):
        reader().read("batch", {"batch": batch})


def test_a_batch_has_a_limit() -> None:
    with pytest.raises(TooLarge):
        reader().read("batch", {"batch": [{}] * (MAX_BATCH + 1)})


def test_one_huge_activity_in_a_batch_is_refused_and_the_others_are_not() -> None:
    call = {"type": "track", "event": "x", "userId": "u"}
    huge, small = reader().read("batch", {"batch": [call | {"properties": {"x": "y" * 33_000}}, call]})

    assert isinstance(huge, Unreadable)
    assert isinstance(huge.reason, TooLarge)
    assert isinstance(small, Activity)


def test_what_is_taken_alone_is_taken_in_a_batch() -> None:
    properties: dict[str, Any] = {f"n{number}": number for number in range(2000)}
    said = {"event": "x", "userId": "u", "properties": properties}
    properties["rest"] = "\u00e9" * ((SINGLE_LIMIT - len(compact(said)) - len(',"rest":""')) // 2)
    alone = len(compact(said))
    (taken,) = reader().read("batch", {"batch": [{"type": "track", **said}]})
    (refused,) = reader().read("batch", {"batch": [{"type": "track", **said, "more": 1}]})

    assert SINGLE_LIMIT - 2 < alone <= SINGLE_LIMIT
    assert isinstance(taken, Activity)
    assert isinstance(refused, Unreadable)


def compact(said: Any) -> bytes:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def test_one_public_batch_names_only_so_many_addresses_in_other_letters() -> None:
    said = [{"type": "track", "event": "x", "userId": f"ada{n}@b\u00fccher.example"} for n in range(14)]
    again = [said[0]] * 30 + [{**said[0], "userId": "u-1"}]
    public = reader(public_source("website", frozenset({"x"}))).read("batch", {"batch": [*said, *again]})
    trusted = reader().read("batch", {"batch": said})

    assert [isinstance(one, Activity) for one in public] == [True] * 10 + [False] * 4 + [True] * 31
    assert {one.reason.code for one in public if isinstance(one, Unreadable)} == {"too_large"}
    assert all(isinstance(one, Activity) for one in trusted)


def test_a_refusal_does_not_keep_the_request_in_memory() -> None:
    unreadable = fault("track", event="x", timestamp="soon")

    assert unreadable.reason.__traceback__ is unreadable.reason.__cause__ is unreadable.reason.__context__ is None
