"""Whose key it is."""

from __future__ import annotations

import base64

import pytest

from shared.adapters.write_keys import WriteKeys, key_of
from shared.domain.admission import public_source, trusted_source
from shared.domain.refusals import Unauthenticated
from shared.ports.errors import Unavailable
from tests.fakes import InMemorySecrets

WEBSITE = public_source("website", frozenset({"page_viewed"}))
CRM = trusted_source("crm")
SHOP = trusted_source("shop")


class UnreadableSecrets(InMemorySecrets):
    """A store of which one secret cannot be read now."""

    def get(self, name: str, *, anew: bool = False) -> str:
        if name == "unreadable":
            raise Unavailable("the store of secrets did not answer")
        return super().get(name, anew=anew)


def keys(secret: dict[str, object] | None = None) -> WriteKeys:
    secrets = UnreadableSecrets(crm="sk_crm", shop="sk_shop", blank="")
    return WriteKeys({"pk_web": WEBSITE}, secret or {"crm": CRM, "shop": SHOP}, lambda: secrets)  # type: ignore[arg-type]


def test_each_key_speaks_for_its_source() -> None:
    assert [keys().source(key) for key in ("pk_web", "sk_crm", "sk_shop")] == [WEBSITE, CRM, SHOP]


@pytest.mark.parametrize(
    "key", [None, "", "pk_we", "pk_web ", "PK_WEB", "sk_", 7, ["pk_web"], "x" * 100_000, "é", "\ud800"]
)
def test_any_other_key_is_nobodys(key: object) -> None:
    with pytest.raises(Unauthenticated):
        keys().source(key)


def test_a_secret_that_is_not_stored_opens_nothing_and_closes_nothing() -> None:
    both = keys({"missing": CRM, "shop": SHOP})

    assert both.source("sk_shop") == SHOP
    with pytest.raises(Unauthenticated):
        both.source("missing")


def test_a_blank_secret_opens_nothing() -> None:
    with pytest.raises(Unauthenticated):
        keys({"blank": CRM}).source("")


def test_while_a_secret_cannot_be_read_an_unknown_key_is_not_called_unknown() -> None:
    half = keys({"unreadable": CRM, "shop": SHOP})

    assert half.source("sk_shop") == SHOP
    with pytest.raises(Unavailable):
        half.source("sk_crm")


def test_a_public_key_reads_no_secret() -> None:
    def never() -> InMemorySecrets:
        raise AssertionError("a secret was asked for")

    assert WriteKeys({"pk_web": WEBSITE}, {"crm": CRM}, never).source("pk_web") == WEBSITE


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic("pk_web:"), "pk_web"),
        (basic("pk_web"), "pk_web"),
        (basic("pk_web:password"), "pk_web"),
        (basic("pk_web:").replace("Basic", "bAsIc"), "pk_web"),
        (basic(":"), None),
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff\xfe:").decode(), None),
        ("Bearer pk_web", "pk_web"),
        ("bEARER  pk_web ", "pk_web"),
        ("Bearer ", None),
        ("Bearer", None),
        ("Digest pk_web", None),
    ],
)
def test_the_key_is_the_user_name_of_basic_authorization_or_the_bearers_token(
    header: str | None, key: str | None
) -> None:
    assert key_of(header) == key
