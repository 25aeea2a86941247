"""Signed webhooks to a team's own receiver, by the Standard Webhooks scheme."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from standardwebhooks.webhooks import Webhook

from shared.domain.events import Stamp
from shared.domain.moments import to_datetime
from shared.ports.channels import Undeliverable

if TYPE_CHECKING:
    from shared.adapters.receivers import Receivers
    from shared.domain.notice import Notice
    from shared.ports.clock import Clock
    from shared.ports.secrets import Secrets


_FEWEST_BYTES = 24


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookPerson(_Part):
    """Who is handed over, as far as it is known."""

    emails: tuple[str, ...]
    name: str | None
    title: str | None
    company: str | None


class WebhookReason(_Part):
    """One thing that gave points."""

    rule: str
    label: str
    points: int | float


class WebhookHandoff(_Part):
    """A handoff as a receiver reads it; points are numbers."""

    id: str
    lead: str
    stage: str
    epoch: int
    to: str
    person: WebhookPerson
    total: int | float
    temperature: str | None
    grade: str | None
    rules_version: int
    reasons: tuple[WebhookReason, ...]
    requested_at: Stamp
    respond_by: Stamp | None
    link: str | None


class WebhookBody(_Part):
    """The body of the POST. `timestamp` is when the handoff was requested, however often it is sent."""

    type: Literal["handoff.requested"] = "handoff.requested"
    timestamp: Stamp
    data: WebhookHandoff


def body_of(notice: Notice) -> WebhookBody:
    """A notice as the receiver reads it."""
    person = notice.introduction
    return WebhookBody(
        timestamp=notice.requested_at,
        data=WebhookHandoff(
            id=notice.id,
            lead=notice.lead,
            stage=notice.stage,
            epoch=notice.epoch,
            to=notice.to,
            person=WebhookPerson(
                emails=tuple(str(_sound(address)) for address in person.emails),
                name=_sound(person.name),
                title=_sound(person.title),
                company=_sound(person.company),
            ),
            total=_number(notice.total),
            temperature=notice.temperature,
            grade=notice.grade,
            rules_version=notice.rules_version,
            reasons=tuple(
                WebhookReason(rule=reason.rule, label=str(_sound(reason.label)), points=_number(reason.counts))
                for reason in notice.reasons
            ),
            requested_at=notice.requested_at,
            respond_by=notice.respond_by,
            link=notice.link,
        ),
    )


def webhook_id(notice: Notice) -> str:
    """The stable id of every sending of a handoff; without a full stop, which parts the words that are signed."""
    stage = quote(notice.stage, safe="", errors="replace").replace(".", "%2E")
    return f"handoff_{notice.lead}_{stage}_{notice.epoch}"


class WebhookChannel:
    """Posts a notice with a stable `webhook-id`, signed by each of the secrets stored under one name.

    While a secret is rotated two stand there, parted by a space; the receiver accepts either signature.
    """

    def __init__(self, receivers: Receivers, secrets: Secrets, clock: Clock, url: str, secret: str) -> None:
        self._receivers = receivers
        self._secrets = secrets
        self._clock = clock
        self._url = url
        self._secret = secret

    def send(self, notice: Notice) -> None:
        """Post the notice; see `shared.ports.channels.Channel`."""
        body = json.dumps(body_of(notice).model_dump(mode="json"), separators=(",", ":"))
        id_ = webhook_id(notice)
        now = to_datetime(self._clock.now())
        self._receivers.post(
            self._url,
            body.encode(),
            {
                "Content-Type": "application/json",
                "webhook-id": id_,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": " ".join(key.sign(id_, now, body) for key in self._keys()),
            },
        )

    def _keys(self) -> list[Webhook]:
        texts = self._secrets.get(self._secret).split()
        if not texts or not all(_is_signing_secret(text) for text in texts):
            msg = f"{self._secret} holds no signing secret: whsec_ and the base64 of at least {_FEWEST_BYTES} bytes"
            raise Undeliverable(msg)
        return [Webhook(text) for text in texts]


def _is_signing_secret(text: str) -> bool:
    """Whether a text is a secret as the scheme writes it; the library would sign with what it can read of another."""
    try:
        return len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) >= _FEWEST_BYTES
    except (binascii.Error, ValueError):
        return False


def _number(points: float) -> int | float:
    """Points as people write them in JSON: 65 and not 65.0."""
    return int(points) if points == int(points) else points


def _sound(text: str | None) -> str | None:
    """The text without halves of characters, which no JSON reader takes."""
    return text and text.encode(errors="replace").decode()
