"""Signed tokens: small lists of JSON that anybody may carry and nobody but Baton can make or change."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from itsdangerous import BadData, URLSafeSerializer

from shared.ports.errors import SecretMissing

if TYPE_CHECKING:
    from shared.ports.secrets import Secrets

_SIGNED: Final = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
_LONGEST = 2000
_SHORTEST_SECRET = 32


class Forged(Exception):
    """Nobody signed this token, or not for this: it is cut, mistyped or made up."""


class Signer:
    """Signs for one purpose, its salt, with the secret stored under a name.

    While it is replaced two secrets stand there, parted by a space, the new one first: it signs, and what either of
    them signed is read. Secrets are held to 32 characters, so that nobody guesses one.
    """

    def __init__(self, secrets: Secrets, name: str, salt: bytes) -> None:
        self._secrets = secrets
        self._name = name
        self._salt = salt

    def sign(self, told: list[Any]) -> str:
        """A token that says this, in letters that need no escaping in an address. The same makes the same token.

        Raises:
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        token = self._serializer(self._secret()).dumps(told)
        return token if isinstance(token, str) else token.decode()

    def read(self, token: str) -> list[Any]:
        """What a token says. Whoever could sign is believed: a token that verifies is one that `sign` wrote.

        Raises:
            Forged: it is none of ours.
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        known = self._secret()
        try:
            return self._told(token, known)
        except Forged:
            # Somebody who has read the new secret already may have signed it.
            newer = self._secret(anew=True)
            if newer == known:
                raise
            return self._told(token, newer)

    def _secret(self, *, anew: bool = False) -> list[str]:
        keys = self._secrets.get(self._name, anew=anew).split()
        if not keys or any(len(key) < _SHORTEST_SECRET for key in keys):
            msg = f"{self._name} holds no secret of {_SHORTEST_SECRET} characters to sign with"
            raise SecretMissing(msg)
        return keys

    def _told(self, token: str, keys: list[str]) -> list[Any]:
        try:
            told: list[Any] = self._serializer(keys).loads(token[:_LONGEST])
        except (BadData, ValueError):
            raise Forged from None
        return told

    def _serializer(self, keys: list[str]) -> URLSafeSerializer:
        # The library signs with the last of several keys.
        return URLSafeSerializer(keys[::-1], salt=self._salt, signer_kwargs=_SIGNED)
