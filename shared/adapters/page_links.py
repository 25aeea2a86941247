"""The signed links to a lead's page: each opens the page of one handoff, for a while, to whoever holds it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from itsdangerous import BadData, URLSafeSerializer

from shared.domain.handoff import HandoffKey, LeadId
from shared.domain.moments import DAY, SECOND, Moment
from shared.ports.errors import SecretMissing

if TYPE_CHECKING:
    from shared.ports.secrets import Secrets

PATH: Final = "/handoffs/"
"""Where the page is, below the API's address; the token follows."""

_SALT: Final = b"baton.lead-page"
_SIGNED: Final = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
_LONGEST = 2000
_SHORTEST_SECRET = 32


class LinkForged(Exception):
    """Nobody signed this token, or not for this: it is cut, mistyped or made up."""


class LinkExpired(Exception):
    """The token was signed, and its time is over."""


class PageLinks:
    """Makes and reads the tokens, signed with the secret stored under a name.

    While it is replaced two secrets stand there, parted by a space, the new one first: it signs, and links that either
    of them signed are read. Secrets are held to 32 characters, so that nobody guesses one.
    """

    def __init__(self, secrets: Secrets, name: str, base: str = "", *, days: int = 30) -> None:
        self._secrets = secrets
        self._name = name
        self._base = base.rstrip("/")
        self._days = days

    def link(self, key: HandoffKey, at: Moment) -> str:
        """The address of a handoff's page, good for `days` from a moment on. The same moment makes the same link.

        Raises:
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        until = (at + self._days * DAY) // SECOND
        token = self._serializer().dumps([key.lead, key.stage, key.epoch, until])
        return f"{self._base}{PATH}{token if isinstance(token, str) else token.decode()}"

    def read(self, token: str, now: Moment) -> HandoffKey:
        """The handoff whose page a token opens.

        Raises:
            LinkForged: it is none of ours.
            LinkExpired: its time is over.
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        serializer = self._serializer()
        try:
            told = serializer.loads(token[:_LONGEST])
        except (BadData, ValueError):
            raise LinkForged from None
        # Whoever could sign is believed: a token that verifies is one that `link` wrote.
        lead, stage, epoch, until = told
        if now >= until * SECOND:
            raise LinkExpired
        return HandoffKey(LeadId(lead), stage, epoch)

    def _serializer(self) -> URLSafeSerializer:
        keys = self._secrets.get(self._name).split()
        if not keys or any(len(key) < _SHORTEST_SECRET for key in keys):
            msg = f"{self._name} holds no secret of {_SHORTEST_SECRET} characters to sign links with"
            raise SecretMissing(msg)
        # The library signs with the last of several keys.
        return URLSafeSerializer(keys[::-1], salt=_SALT, signer_kwargs=_SIGNED)
