"""Forms of a website, posted by a browser without script or by a script as JSON."""

from __future__ import annotations

import gzip
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.forms import (
    FormConsent,
    FormShape,
    form_refusal,
    form_reply,
    is_robot,
    read_fields,
    read_form,
    refusal_reply,
)
from shared.adapters.http_api import HttpRequest
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.admission import form_source
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.domain.refusals import Invalid, Malformed, Refused, TooLarge, UnsupportedMedia
from tests.http_requests import NOW, http_event
from tests.people import browser, email

SITE = "https://www.acme.example"
LIMIT = 32 * 1024
CONTACT = FormShape(
    name="contact",
    activity="form_submitted",
    fields={"first": "lead.first_name", "firm": "company.name", "wish": "qualification.need"},
    consent=FormConsent("agree", "You may call me.", "2026-01"),
)
SOURCE = form_source("contact", "form_submitted")
ADDRESS = {"email": "ada@example.com"}


def request(body: Any, **rest: Any) -> HttpRequest:
    return HttpRequest.of(http_event("POST", "/v1/forms/contact", body, **rest))


def fields(body: Any, **rest: Any) -> dict[str, Any]:
    return read_fields(request(body, **rest), LIMIT)


def submitted(shape: FormShape = CONTACT, more: dict[str, Any] | None = None, **said: Any) -> Activity:
    posted = request({"email": "ada@example.com", **said, **(more or {})})
    return read_form(shape, read_fields(posted, LIMIT), posted, SOURCE)


def test_a_browser_posts_fields_and_a_script_the_same_as_json() -> None:
    said = {"email": "ada@example.com", "message": "Grüße & co", "topic": ["a", "b"]}
    urlencoded = urlencode(said, doseq=True)

    assert fields(urlencoded) == said
    assert fields(urlencoded.encode(), headers={"content-type": "application/x-www-form-urlencoded"}) == said
    assert fields(said) == said
    assert fields(b"\xef\xbb\xbf" + b' {"a": "b"}') == {"a": "b"}
    assert fields(gzip.compress(urlencoded.encode())) == said


def test_json_is_found_whatever_the_header_says() -> None:
    assert fields({"email": "a"}, headers={"content-type": "application/x-www-form-urlencoded"}) == {"email": "a"}


@pytest.mark.parametrize(
    "body",
    [
        b"a=%81",
        b"a=\xff",
        b"a=%00",
        b"a%00=1",
        b"a=%E2%80%AEgnp.exe",
        b"nonsense",
        b"a=1&nonsense",
        "&".join(f"f{n}=1" for n in range(201)),
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
    ],
)
def test_what_is_no_form_is_malformed(body: Any) -> None:
    with pytest.raises(Malformed):
        fields(body)


@pytest.mark.parametrize("body", ["a=1&b=2&", "&a=1&&b=2", "a=1&b=2"])
def test_an_ampersand_too_many_says_nothing(body: str) -> None:
    assert fields(body) == {"a": "1", "b": "2"}


def test_a_page_in_windows_1252_says_what_was_typed_into_it() -> None:
    assert fields(b"name=J%FCrgen&price=5+%80") == {"name": "Jürgen", "price": "5 €"}
    parts = WHOLE.replace(b'"a"', b'"gr\xf6\xdfe"').replace(b"1", b"J\xfcrgen")
    assert fields(parts, headers={"content-type": "multipart/form-data; boundary=x"}) == {"größe": "Jürgen"}


@pytest.mark.parametrize("body", [[1], {"a": {"b": 1}}])
def test_json_of_another_shape_is_invalid(body: Any) -> None:
    with pytest.raises(Invalid):
        fields(body)


def in_parts(*parts: tuple[str, str], boundary: str = "----WebKitFormBoundary7MA4YWxkTrZu0gW", **rest: str) -> Any:
    """A form as a browser sends it with `enctype="multipart/form-data"`: parameters of the part, and its content."""
    told = "".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {said}\r\n\r\n{value}\r\n" for said, value in parts
    )
    kind = rest.get("kind", f"multipart/form-data; boundary={boundary}")
    return fields(f"{told}--{boundary}--\r\n".encode(), headers={"Content-Type": kind})


def test_a_form_in_parts_is_read_like_any_other() -> None:
    found = in_parts(
        ('name="email"', "ada@example.com"),
        ('name="message"', "Grüße & co\r\n\r\n--not a boundary\r\n"),
        ('name="topic"', "a"),
        ('name="topic"', "b"),
        ('name="größe; in m"', "3"),
        ('name="a %22quoted%22 name"', ""),
        ('name="picture"; filename=""\r\nContent-Type: application/octet-stream', ""),
    )

    assert found == {
        "email": "ada@example.com",
        "message": "Grüße & co\r\n\r\n--not a boundary\r\n",
        "topic": ["a", "b"],
        "größe; in m": "3",
        'a "quoted" name': "",
    }


NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='\\"%'), min_size=1, max_size=8)
VALUES = st.text(st.characters(exclude_categories=["C"]), max_size=30) | st.just("\r\n--x\r\n\r\n")


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_whatever_a_browser_puts_into_parts_is_read_as_it_was(said: dict[str, str]) -> None:
    assert in_parts(*((f'name="{name}"', value) for name, value in said.items())) == said


def test_a_file_is_refused_and_named() -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        in_parts(('name="email"', "ada@example.com"), ('name="cv"; filename="cv.pdf"', "%PDF"))
    assert (refusal.value.at, refusal.value.message) == ("cv", "this form takes no files")


WHOLE = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", WHOLE),
        ("multipart/form-data; boundary=", WHOLE),
        ("multipart/form-data; boundary=y", WHOLE),
        ("multipart/form-data; boundary=" + "x" * 71, WHOLE),
        ("multipart/form-data; boundary*=utf-8''x", WHOLE),
        ("multipart/form-data" + ";" * 5000 + "boundary=x", WHOLE),
        ("multipart/mixed; boundary=x", WHOLE),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", WHOLE[:-2]),
        ("multipart/form-data; boundary=x", b"preamble\r\n" + WHOLE),
        ("multipart/form-data; boundary=x", WHOLE + b"\r\nepilogue"),
        ("multipart/form-data; boundary=x", WHOLE.replace(b"form-data;", b"attachment;")),
        ("multipart/form-data; boundary=x", WHOLE.replace(b"; name", b"; title")),
        ("multipart/form-data; boundary=x", WHOLE.replace(b'name="a"', b"name*=utf-8''a")),
        ("multipart/form-data; boundary=x", WHOLE.replace(b'"a"', b'"a"\r\nContent-Transfer-Encoding: base64')),
        ("multipart/form-data; boundary=x", WHOLE.replace(b'"a"', b'"a"' + b";" * 30)),
        ("multipart/form-data; boundary=x", WHOLE.replace(b'"a"', b'"' + b"a" * 600 + b'"')),
        ("multipart/form-data; boundary=x", WHOLE.replace(b'"a"', b'"\x81"')),
        ("multipart/form-data; boundary=x", WHOLE.replace(b"1", b"\x81")),
        ("multipart/form-data; boundary=x", WHOLE.replace(b"1", b"\x00")),
        ("multipart/form-data; boundary=x", WHOLE.replace(b"1", "\u202e".encode())),
        ("multipart/form-data; boundary=x", WHOLE.replace(b'"a"', b'"%00\x00"')),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 5000 + b"--x--"),
    ],
)
def test_parts_that_no_browser_sends_are_refused(kind: str, body: bytes) -> None:
    with pytest.raises((Malformed, TooLarge)):
        fields(body, headers={"content-type": kind})


def test_the_parts_that_others_spoil_are_read_when_they_are_whole() -> None:
    assert fields(WHOLE, headers={"content-type": 'Multipart/Form-Data; charset=utf-8; Boundary="x"'}) == {"a": "1"}


@given(
    st.lists(
        st.sampled_from(
            [b"--x", b"--x--", b"\r\n", b'Content-Disposition: form-data; name="a"', b"; filename=", b";", b"="]
        )
        | st.binary(max_size=9)
    ),
    st.sampled_from(["; boundary=x", '; boundary="x"', "", "; boundary=", ';boundary=x;boundary="y"'])
    | st.text(max_size=9),
)
def test_whatever_parts_hold_they_are_read_or_refused(pieces: list[bytes], said: str) -> None:
    try:
        found = fields(b"".join(pieces), headers={"content-type": f"multipart/form-data{said}"})
    except Refused:
        return
    assert isinstance(found, dict)


def test_parts_are_held_to_the_limits_of_a_form() -> None:
    with pytest.raises(TooLarge):
        in_parts(('name="message"', "x" * LIMIT))
    with pytest.raises(TooLarge):
        in_parts(*((f'name="f{number}"', "1") for number in range(201)))


def test_a_form_has_a_limit() -> None:
    with pytest.raises(TooLarge):
        fields("message=" + "x" * LIMIT)


def test_fields_become_facts_as_the_settings_say_and_all_others_properties() -> None:
    found = submitted(first=" Ada ", firm="Acme", wish="a crane", message="Hello", seats=3)

    assert found.claims == Claims(
        {"email": "ada@example.com", "first_name": "Ada"}, {"name": "Acme"}, None, {"need": "a crane"}
    )
    assert found.properties == {"message": "Hello", "seats": 3, "form": "contact"}
    assert (found.type, found.rank, found.source, found.channel) == (
        "form_submitted",
        Rank.PUBLIC,
        "contact",
        "website",
    )
    assert found.identities == (email("ada@example.com"),)
    assert found.occurred_at == found.received_at == parse_moment(NOW)


def test_an_empty_field_says_nothing() -> None:
    assert submitted(first="", firm=None).claims == Claims(ADDRESS)


def test_the_address_is_a_fact_as_it_was_written_unless_another_field_is_to_tell_it() -> None:
    private = FormShape("contact", "form_submitted", fields={"private": "lead.email"})

    assert submitted(email=" Ada@Example.com ").claims == Claims({"email": "Ada@Example.com"})
    assert submitted(private, private="ada@home.example").claims == Claims({"email": "ada@home.example"})


@pytest.mark.parametrize("tick", ["on", "true", "yes", "1", "On", True, 1, ["0", "1"], "agree", "granted", "ja", "✓"])
def test_a_ticked_box_grants_consent_with_what_stood_beside_it(tick: Any) -> None:
    found = submitted(agree=tick)

    assert found.claims.consent == "granted"
    assert found.properties["consent"] == {"wording": "You may call me.", "version": "2026-01"}


def test_a_box_may_say_what_its_forms_settings_say() -> None:
    shape = FormShape("contact", "form_submitted", consent=FormConsent("agree", "You may.", "1", "I agree"))

    granted = [submitted(shape, agree=said).claims.consent for said in ("I agree", " i agree ", "on", "no", "")]
    assert granted == ["granted", "granted", None, None, None]


@pytest.mark.parametrize(
    "said", [{}, {"agree": ""}, {"agree": "off"}, {"agree": False}, {"agree": "no"}, {"agree": ["0"]}]
)
def test_an_unticked_box_says_nothing(said: dict[str, Any]) -> None:
    found = submitted(**said)

    assert found.claims.consent is None
    assert "consent" not in found.properties


def test_nobody_consents_by_a_field_that_is_not_the_configured_one() -> None:
    found = submitted(consent="granted", Agree="on", form="other", more={"claims.consent": "granted"})

    assert found.claims.consent is None
    assert (found.properties["form"], "consent" in found.properties) == ("contact", False)
    assert submitted(FormShape("contact", "form_submitted"), agree="on").claims.consent is None


def test_nobody_sets_a_fact_that_the_form_does_not_ask_for() -> None:
    found = submitted(more={"lead.title": "CEO", "qualification.budget": "yes", "budget": "yes"})

    assert found.claims == Claims(ADDRESS)


def test_a_campaign_is_read_from_the_pages_hidden_fields() -> None:
    found = submitted(utm_source="news", utm_medium="mail", utm_campaign="spring", utm_term="", gclid="g-1")

    assert found.context["campaign"] == {"source": "news", "medium": "mail", "name": "spring", "gclid": "g-1"}
    assert found.properties == {"form": "contact"}


def came_from(url: str, **said: str) -> dict[str, Any]:
    """The campaign of a submission from a page."""
    posted = request({"email": "ada@example.com", **said}, headers={"referer": url})
    found = read_form(CONTACT, read_fields(posted, LIMIT), posted, SOURCE)
    campaign: dict[str, Any] = found.context.get("campaign", {})
    return campaign


def test_without_hidden_fields_a_campaign_is_read_from_the_pages_address() -> None:
    url = f"{SITE}/contact?utm_source=news&utm_campaign=spring%20sale&utm_term=&gclid=g-1&email=x&utm_source=twice"

    assert came_from(url) == {"source": "news", "name": "spring sale", "gclid": "g-1"}
    assert came_from(url, utm_medium="mail") == {"medium": "mail"}
    assert came_from(url, utm_source="", gclid="") == came_from(url)
    assert came_from(f"{SITE}/contact") == {}


@pytest.mark.parametrize(
    "url", ["https://[::1?utm_source=x", f"{SITE}?{'&'.join(f'f{n}=1' for n in range(300))}&utm_source=x", "?", "%"]
)
def test_an_address_that_cannot_be_read_tells_of_no_campaign(url: str) -> None:
    assert came_from(url) == {}


@pytest.mark.parametrize("value", ["%00", "%E2%80%AEgpj"])
def test_what_no_field_may_hold_is_not_read_from_an_address_either(value: str) -> None:
    assert came_from(f"{SITE}/?utm_source=a{value}&utm_medium=mail") == {"medium": "mail"}


def test_the_page_and_the_agent_are_kept_and_the_address_is_not() -> None:
    posted = request(
        {"email": "ada@example.com"},
        headers={"referer": f"{SITE}/contact", "user-agent": "Mozilla/5.0", "x-forwarded-for": "203.0.113.7"},
    )
    found = read_form(CONTACT, read_fields(posted, LIMIT), posted, SOURCE)

    assert found.context == {"page": {"url": f"{SITE}/contact"}, "user_agent": "Mozilla/5.0"}


def test_a_browsers_id_is_attached() -> None:
    assert submitted(_anonymous_id="b-1").identities == (email("ada@example.com"), browser("b-1"))


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (["", "p", "q"], "p"),
        (" b-1 ", "b-1"),
        (17, "17"),
        ("b" * 256, "b" * 256),
        ("b" * 257, None),
        (True, None),
        ("", None),
    ],
)
def test_a_browser_is_called_as_any_call_could_call_it(told: Any, name: str | None) -> None:
    found = submitted(_anonymous_id=told).identities

    assert found == (email("ada@example.com"), *((browser(name),) if name else ()))


@pytest.mark.parametrize("sign", ["\x00", "\u202e", "\ud800"])
def test_what_no_field_may_hold_is_not_kept_from_a_header_either(sign: str) -> None:
    posted = request({"email": "ada@example.com"}, headers={"referer": f"{SITE}/{sign}", "user-agent": f"x{sign}"})

    assert read_form(CONTACT, read_fields(posted, LIMIT), posted, SOURCE).context == {}


@pytest.mark.parametrize("address", [None, "", "ada", ["ada@example.com", "eve@example.com"], 7])
def test_a_form_without_an_address_is_refused(address: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        submitted(email=address)
    assert refusal.value.at == "email"


def test_another_field_may_hold_the_address() -> None:
    shape = FormShape("contact", "form_submitted", email_field="work_mail")

    assert submitted(shape, email=None, work_mail="Ada@example.com").identities == (email("ada@example.com"),)


def twice(one: dict[str, Any], other: dict[str, Any], apart: int = 0) -> bool:
    """Whether two submissions are the same activity."""
    start = parse_moment(NOW)
    first, second = (
        read_form(CONTACT, said, request(said, at=Moment(at)), SOURCE)
        for said, at in ((one, start), (other, start + apart))
    )
    return first.id == second.id


def test_a_second_click_is_no_second_submission() -> None:
    said = {"email": "ada@example.com", "message": "Hello"}

    assert twice(said, said, apart=9 * MINUTE)
    assert not twice(said, said, apart=60 * MINUTE)
    assert not twice(said, said | {"message": "Hello?"})
    assert twice(said | {"_id": "s-1"}, said | {"_id": "s-1"}, apart=60 * MINUTE)


def test_the_same_words_of_another_browser_are_another_submission() -> None:
    said = {"email": "ada@example.com"}
    sent = [request(said, headers={"user-agent": agent}) for agent in ("curl/8", "Mozilla/5.0", "Mozilla/5.0")]

    assert len({read_form(CONTACT, said, posted, SOURCE).id for posted in sent}) == 2


def test_robots_fill_in_what_people_do_not_see() -> None:
    assert is_robot({"_gotcha": "x"})
    assert is_robot({"_gotcha": ["", "x"]})
    assert not is_robot({"_gotcha": ""})
    assert not is_robot({"_gotcha": ["", ""]})
    assert not is_robot({})


def reply(target: Any, *, origins: tuple[str, ...] = (SITE,), **headers: str) -> dict[str, Any]:
    return form_reply({"_next": target}, request({}, headers=headers), origins)


def test_the_browser_goes_on_to_a_path_of_the_page_that_it_came_from() -> None:
    assert reply("/thanks?x=1", origin=SITE)["headers"]["location"] == f"{SITE}/thanks?x=1"
    assert reply("/thanks", referer=f"{SITE}/contact")["headers"]["location"] == f"{SITE}/thanks"
    assert reply("/thanks", origin=SITE)["statusCode"] == 303


@pytest.mark.parametrize("headers", [{}, {"origin": "null"}, {"origin": "https://evil.example"}, {"referer": "x:/y"}])
def test_a_path_of_a_page_that_nobody_knows_leads_nowhere(headers: dict[str, str]) -> None:
    stays = form_reply({"_next": "/thanks"}, request({}, headers=headers), (SITE,))

    assert (stays["statusCode"], "location" in stays["headers"]) == (200, False)
    assert "Thank you" in stays["body"]


def test_the_browser_goes_on_to_an_allowed_origin() -> None:
    assert reply(f"{SITE}/thanks")["headers"]["location"] == f"{SITE}/thanks"
    assert reply("http://localhost:8000/x", origins=("http://localhost:8000",))["statusCode"] == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "https://www.acme.example@evil.example/",
        "https://somebody@www.acme.example/",
        "https://www.acme.example:1@evil.example/",
        "https://www.acme.example.evil.example/",
        "https://www.acme.example:8443/",
        "http://www.acme.example/",
        "https:www.acme.example/",
        "https:/www.acme.example",
        "HTTPS://EVIL.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "thanks",
        "",
        "/x\r\nset-cookie: a=b",
        "https://[::1/",
        "https://www.acme.example:x/",
        "/é",
        " /thanks",
        ["/thanks"],
        7,
        None,
    ],
)
def test_the_browser_goes_nowhere_else(target: Any) -> None:
    stays = reply(target, origin=SITE)

    assert stays["statusCode"] == 200
    assert "location" not in stays["headers"]
    assert stays["headers"]["content-type"].startswith("text/html")


def test_a_script_that_asks_for_json_gets_json() -> None:
    told = reply("/thanks", accept="application/json, text/plain")

    assert (told["statusCode"], told["body"]) == (200, '{"success":true}')


def test_who_asks_for_a_page_is_told_in_a_page_what_was_wrong_and_to_go_back() -> None:
    wrong = Invalid('no <script>alert("x")</script>.', 'e"mail<b>')
    page = refusal_reply(wrong, request({}, headers={"accept": "text/html,*/*"}))

    assert (page["statusCode"], page["headers"]["content-type"]) == (422, "text/html; charset=utf-8")
    assert page["headers"]["content-security-policy"] == "default-src 'none'"
    assert "<p>No &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;.</p>" in page["body"]
    assert "e&quot;mail&lt;b&gt;" in page["body"]
    assert "Go back" in page["body"]
    assert "<script>" not in page["body"]


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/html;q=0.5"])
def test_who_asks_for_no_page_is_told_in_json_what_was_wrong(accept: str) -> None:
    told = refusal_reply(Invalid("no", "email"), request({}, headers={"accept": accept}))

    assert told["headers"]["content-type"] == "application/json"
    assert '"at":"email"' in told["body"]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "text/html; charset=utf-8"),
        ({"accept": "*/*"}, "text/html; charset=utf-8"),
        ({"accept": "text/html,*/*", "content-type": "application/json"}, "text/html; charset=utf-8"),
        ({"accept": "application/json"}, "application/json"),
        ({"accept": "application/json, text/html;q=0.5"}, "application/json"),
        ({"content-type": "Application/JSON; charset=utf-8"}, "application/json"),
        ({"accept": "*/*", "content-type": "application/json"}, "application/json"),
    ],
)
def test_a_form_is_answered_in_one_form_whether_it_was_taken_or_not(headers: dict[str, str], kind: str) -> None:
    taken = form_reply({}, request({}, headers=headers), (SITE,))
    refused = form_refusal(Invalid("no", "email"), request({}, headers=headers))

    assert (taken["headers"]["content-type"], refused["headers"]["content-type"]) == (kind, kind)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=5))
def test_every_form_is_taken_or_refused_and_nothing_else_happens(said: dict[str, str]) -> None:
    body = "&".join(f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in said.items())
    try:
        posted = request(body + "&email=ada%40example.com")
        found = read_form(CONTACT, read_fields(posted, LIMIT), posted, SOURCE)
    except Refused:
        return
    assert found.claims.consent in (None, "granted")
    assert email("ada@example.com") in found.identities


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("no", {"need": False}),
        (" Ja ", {"need": True}),
        ("1", {"need": 1}),
        ("cranes", {"need": "cranes"}),
        (["no", "yes"], {"need": True}),
        (["", ""], {}),
    ],
)
def test_a_field_for_a_qualification_fact_says_yes_no_a_rating_or_words(said: Any, facts: dict[str, Any]) -> None:
    found = submitted(wish=said, first="no").claims

    assert repr(found.qualification) == repr(facts)
    assert found.lead["first_name"] == "no"
