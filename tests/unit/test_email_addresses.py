"""One writing for one mailbox, and never one for two."""

from __future__ import annotations

import pytest

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
    ],
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        address(text)
    assert refusal.value.at == "email"
