"""The signed links to a lead's page: each opens the page of one handoff, for a while, to whoever holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.adapters.signing import Forged, Signer
from shared.domain.handoff import HandoffKey, LeadId
from shared.domain.moments import DAY, SECOND, Moment

if TYPE_CHECKING:
    from shared.ports.secrets import Secrets

PATH: Final = "/handoffs/"
"""Where the page is, below the API's address; the token follows."""

_SALT: Final = b"baton.lead-page"


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
    """Makes and reads the tokens, signed with the secret stored under a name."""

    def __init__(self, secrets: Secrets, name: str, base: str = "", *, days: int = 30) -> None:
        self._signer = Signer(secrets, name, _SALT)
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
        return f"{self._base}{PATH}{self._signer.sign([key.lead, key.stage, key.epoch, until, *whom])}"

    def read(self, token: str, now: Moment) -> PageLink:
        """What a token says.

        Raises:
            LinkForged: it is none of ours.
            LinkExpired: its time is over.
            SecretMissing: no secret is stored, or a short one.
            Unavailable: the store of secrets cannot answer now.
        """
        try:
            lead, stage, epoch, seconds, *whom = self._signer.read(token)
        except Forged:
            raise LinkForged from None
        until = Moment(seconds * SECOND)
        if now >= until:
            raise LinkExpired
        to, assignee = (*whom, None, None)[:2]
        return PageLink(HandoffKey(LeadId(lead), stage, epoch), until, to, assignee)
