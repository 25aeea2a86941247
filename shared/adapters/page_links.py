"""The signed links to a lead's page: each opens the page of one handoff, for a while, to whoever holds it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

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


@dataclass(frozen=True, slots=True)
class PageLink:
    """What a link says: whose page it opens, until when, and to which team and member of it the message went.

    `to` is None of a link that names nobody.
    """

    key: HandoffKey
    until: Moment
    to: str | None = None
    assignee: str | None = None


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

    def link(self, key: HandoffKey, at: Moment, to: str | None = None, assignee: str | None = None) -> str:
        """The address of a handoff's page, good for `days` from a moment on, naming to whom it is sent.

        The same makes the same link.

        Raises:
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        until = (at + self._days * DAY) // SECOND
        whom = [to, assignee] if to and assignee else [to] if to else []
        token = _serializer(self._secret()).dumps([key.lead, key.stage, key.epoch, until, *whom])
        return f"{self._base}{PATH}{token if isinstance(token, str) else token.decode()}"

    def read(self, token: str, now: Moment) -> PageLink:
        """What a token says.

        Raises:
            LinkForged: it is none of ours.
            LinkExpired: its time is over.
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        known = self._secret()
        try:
            told = _told(token, known)
        except LinkForged:
            # Somebody who has read the new secret already may have signed it.
            newer = self._secret(anew=True)
            if newer == known:
                raise
            told = _told(token, newer)
        # Whoever could sign is believed: a token that verifies is one that `link` wrote.
        lead, stage, epoch, seconds, *whom = told
        until = Moment(seconds * SECOND)
        if now >= until:
            raise LinkExpired
        to, assignee = (*whom, None, None)[:2]
        return PageLink(HandoffKey(LeadId(lead), stage, epoch), until, to, assignee)

    def _secret(self, *, anew: bool = False) -> list[str]:
        keys = self._secrets.get(self._name, anew=anew).split()
        if not keys or any(len(key) < _SHORTEST_SECRET for key in keys):
            msg = f"{self._name} holds no secret of {_SHORTEST_SECRET} characters to sign links with"
            raise SecretMissing(msg)
        return keys


def _told(token: str, keys: list[str]) -> list[Any]:
    try:
        told: list[Any] = _serializer(keys).loads(token[:_LONGEST])
    except (BadData, ValueError):
        raise LinkForged from None
    return told


def _serializer(keys: list[str]) -> URLSafeSerializer:
    # The library signs with the last of several keys.
    return URLSafeSerializer(keys[::-1], salt=_SALT, signer_kwargs=_SIGNED)
