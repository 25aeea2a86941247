"""One writing for one mailbox, and never one for two."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import assume, example, given
from hypothesis import strategies as st

from shared.adapters.email_addresses import email_identity
from shared.domain.refusals import Invalid


def address(text: str) -> str:
    return email_identity(text, "email").value


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("ada+webinar@example.com", "ada+webinar@example.com"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@EXÄMPLE.com", "ada@xn--exmple-cua.com"),
        ("ada@xn--exmple-cua.com", "ada@xn--exmple-cua.com"),
        ("JOSE\u0301@example.com", "josé@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("J\u030cana@example.com", "\u01f0ana@example.com"),
        ("\u0416@example.com", "\u0436@example.com"),
        ("ada@XN--EXMPLE-CUA.com", "ada@xn--exmple-cua.com"),
        ("ada@\uff45xample\u3002com", "ada@example.com"),
    ],
)
def test_a_mailbox_has_one_writing(written: str, kept: str) -> None:
    assert address(written) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal@example.com", "p\u0430ypal@example.com"),
        ("ada@example.com", "ada@ex\u0430mple.com"),
        ("ada@example.com", "\uff41\uff44\uff41@example.com"),
        ("weiß@example.com", "weiss@example.com"),
        ("i@example.com", "\u0131@example.com"),
        ("i@example.com", "\u0130@example.com"),
        ("a.da@gmail.com", "ada@gmail.com"),
        ("\ufb01@example.com", "fi@example.com"),
        ("ada@strasse.example", "ada@straße.example"),
        ("\u03c2@example.com", "\u03c3@example.com"),
        ("\u03f4@example.com", "\u0398@example.com"),
        ("\u1e9ea@example.com", "\u00dfa@example.com"),
        ("\u0130@example.com", "i\u0307@example.com"),
        ("\u01c5@example.com", "\u01c4@example.com"),
        ("a\ufe0fda@example.com", "ada@example.com"),
        ("ada\uff20x@example.com", "adax@example.com"),
        ("a\u2024b@example.com", "a.b@example.com"),
        ("ada@\u0430pple.com", "ada@apple.com"),
        ("ada@xn--pple-43d.com", "ada@apple.com"),
        ("ada@fa\u00df.example", "ada@fass.example"),
        ("ada@\u03b1\u03c2.example", "ada@\u03b1\u03c3.example"),
        ("ada@example.com", "ada@example.co"),
    ],
)
def test_look_alikes_stay_two(one: str, other: str) -> None:
    assert address(one) != address(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@example",
        "ada@@example.com",
        "ada@example..com",
        "Ada <ada@example.com>",
        "ada@example.com, eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@[127.0.0.1]",
        "ada@ex ample.com",
        '"ada lovelace"@example.com',
        "\u212aim@example.com",
        "ada@" + "a" * 250 + ".com",
        "a" * 100_000 + "@example.com",
        "mailto:ada@example.com",
        "<script>@example.com",
        "ada@example.com.",
        "ada.@example.com",
        ".ada@example.com",
        '"ada"@example.com',
        "ada(work)@example.com",
        "ada@(work)example.com",
        "ada@example.com(work)",
        "a\u200bda@example.com",
        "a\u00adda@example.com",
        "ada@exa\u200bmple.com",
        "ada@exa\u00admple.com",
        "ada@a\u200db.com",
        "ada\u202e@example.com",
        "ada\uff20example.com",
        "ada@\u2488com.com",
        "ada\u1fef@example.com",
        "ada\u037e@example.com",
        "ada@xn--example-.com",
        "ada@xn--a.com",
        "ada@[IPv6:::1]",
        "\ud800@example.com",
    ],
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        address(text)
    assert refusal.value.at == "email"


LOOK_ALIKES = [
    *"aAbBiIkKsSoOmM.-+_'0Oo1lI",
    *"\u212a\u212b\u2126\u00c5\u00e5\u03a9\u03c9\u03f4\u0398\u03b8\u03d1\u0130\u0131\u0307\u030c\u0301\u0327",
    *"\u00df\u1e9e\u03a3\u03c3\u03c2\u017f\u01c4\u01c5\u01c6\u0430\u0410\u0435\u043e\u0456\ufb01\uff41\uff21\u1fbe\u0345\u00b5\u03bc",
    *"\u200b\u200d\u2060\ufe0f\u00ad\u2024\uff0e\u3002\uff20\u1c80\u0432\ua64b\u10d0\u1c90\u13a0\uab70\U0001d4d0",
]
LETTERS = st.lists(st.sampled_from(LOOK_ALIKES) | st.characters(), min_size=1, max_size=6)
DISGUISES = [
    str.lower,
    str.upper,
    str.casefold,
    str.title,
    str.swapcase,
    *(lambda text, form=form: normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")),
    lambda text: text.encode("ascii", "ignore").decode(),
    lambda text: text.replace(".", "\u2024"),
    lambda text: text + "\u200d",
]


def kept(text: str) -> str | None:
    try:
        return address(text)
    except Invalid:
        return None


@given(LETTERS, st.sampled_from(DISGUISES), LETTERS)
def test_two_mailboxes_of_one_identity_are_one_text_in_upper_and_lower_case(one, disguise, other) -> None:
    """Of case no letter may be in doubt: both writings agree in upper case, and in lower case too."""
    first = "".join(one)
    for second in (disguise(first), "".join(other)):
        known = kept(f"{first}@example.com")
        assume(known is not None)
        if known == kept(f"{second}@example.com"):
            for case in (str.lower, str.upper):
                assert normalize("NFC", case(normalize("NFC", first.strip()))).replace("\u03c2", "\u03c3") == normalize(
                    "NFC", case(normalize("NFC", second.strip()))
                ).replace("\u03c2", "\u03c3")


@given(LETTERS, LETTERS)
def test_two_domains_of_one_identity_are_one_name_in_dns(one, other) -> None:
    def in_dns(label: str) -> str:
        return normalize("NFKC", normalize("NFKC", label).casefold()).replace("\u3002", ".")

    first, second = "".join(one), "".join(other)
    for mailbox in (second, *(disguise(first) for disguise in DISGUISES)):
        known = kept(f"ada@{first}.example")
        if known is not None and known == kept(f"ada@{mailbox}.example"):
            assert in_dns(first) == in_dns(mailbox)


@given(LETTERS, LETTERS)
def test_what_is_kept_is_kept_as_it_is(local, domain) -> None:
    known = kept(f"{''.join(local)}@{''.join(domain)}.example")
    if known is not None:
        assert address(known) == known


CHINESE = "xn--fiqaaaaaaaaaaaaaaaaaaaaaaaa"
MANY_LETTERS = st.text("aZ9_+-.'", min_size=1, max_size=66)
MANY_DOMAINS = st.one_of(
    st.just("Example.com"),
    st.sampled_from(["localhost", "shop.test", "a.invalid", "127.0.0.1", "[127.0.0.1]", "xn--a.com"]),
    st.text("aZ9-._", min_size=1, max_size=20).map(lambda text: f"{text}.com"),
)


@example("a" * 70, "Example.com")
@example("a" * 70, f"{CHINESE}.{CHINESE}.{CHINESE}.com")
@given(MANY_LETTERS, MANY_DOMAINS)
def test_what_is_quickly_read_is_what_the_library_reads(local: str, domain: str) -> None:
    try:
        valid = validate_email(f"{local}@{domain}", check_deliverability=False)
    except EmailNotValidError:
        with pytest.raises(Invalid):
            email_identity(f"{local}@{domain}", "email")
    else:
        assert address(f"{local}@{domain}") == f"{valid.local_part}@{valid.ascii_domain}".lower()
