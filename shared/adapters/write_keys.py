"""Write keys: which source a request speaks for."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.admission import Source
from shared.domain.refusals import Unauthenticated
from shared.ports.errors import SecretMissing, Unavailable
from shared.ports.secrets import Secrets

_MAX_LENGTH = 256


class WriteKeys:
    """The keys of one deployment. `public` maps a key's text to its source, `secret` the name of a stored secret.

    `secrets` is asked for only when a key is no public one, so that a function that meets none opens nothing for it.
    """

    def __init__(
        self, public: Mapping[str, Source], secret: Mapping[str, Source], secrets: Callable[[], Secrets]
    ) -> None:
        self._public = public
        self._secret = secret
        self._secrets = secrets

    def source(self, key: Any) -> Source:
        """Whose key that is. Every key is compared in constant time; a secret that is missing opens nothing.

        Raises:
            Unauthenticated: it is nobody's.
            Unavailable: it may be a secret key, and the secrets cannot be read now.
        """
        if not isinstance(key, str) or not key:
            msg = (
                "send a write key: HTTP Basic with the key as the user name, a bearer token, or `writeKey` in the body"
            )
            raise Unauthenticated(msg)
        found = [source for text, source in self._public.items() if _same(text, key)]
        return found[0] if found else self._secret_source(key)

    def _secret_source(self, key: str) -> Source:
        found: Source | None = None
        unread: Unavailable | None = None
        for name, source in self._secret.items():
            try:
                if _same(self._secrets().get(name), key):
                    found = source
            except SecretMissing:
                continue
            except Unavailable as error:
                unread = error
        if found is None and unread is not None:
            raise unread
        if found is None:
            msg = "the write key is unknown"
            raise Unauthenticated(msg)
        return found


def key_of(authorization: str | None) -> str | None:
    """The user name of HTTP Basic authorization, as clients send their write key (`key:`), or a bearer token.

    Customer.io's client for Python sends as a token what begins like one of Customer.io's own keys, `sk_eu_`.
    """
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return encoded.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return text.partition(":")[0] or None


def _same(known: str, given: str) -> bool:
    return len(given) <= _MAX_LENGTH and hmac.compare_digest(known.encode(), given.encode("utf-8", "surrogatepass"))
