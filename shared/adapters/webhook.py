"""Signed webhooks to a team's own receiver, by the Standard Webhooks scheme; each type of message has its model."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from standardwebhooks.webhooks import Webhook

from shared.domain.events import Stamp
from shared.domain.handoff import AnswerKind, FollowUpKind
from shared.domain.moments import to_datetime
from shared.ports.channels import Undeliverable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.adapters.receivers import Receivers
    from shared.domain.brief import Brief
    from shared.domain.handoff import Answer
    from shared.domain.notice import MessageKind, Notice
    from shared.ports.clock import Clock
    from shared.ports.secrets import Secrets


_FEWEST_BYTES = 24
_FOLLOW_UPS: Final[Mapping[MessageKind, FollowUpKind]] = {
    "reminder": "reminder",
    "escalation": "escalation",
    "reassignment": "reassignment",
    "released": "reassignment",
}


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


class WebhookQuestion(_Part):
    """A qualification fact that nobody has told; `asked_at` is when somebody asked and got no answer."""

    fact: str
    question: str
    asked_at: Stamp | None


class WebhookFact(_Part):
    """Something that is known, who said so and when."""

    name: str
    label: str
    value: str
    source: str | None
    at: Stamp | None


class WebhookConsent(_Part):
    """What holds of consent, since when, with which words before the person, and where it was given."""

    status: Literal["granted", "denied"] | None
    since: Stamp | None
    wording: str | None
    source: str | None


class WebhookHappening(_Part):
    """What the lead did on a day, how often, and when last."""

    at: Stamp
    what: str
    times: int


class WebhookBrief(_Part):
    """The whole story, the newest of the timeline first; `earlier` counts what the timeline leaves out."""

    cause: str
    first_touch: str
    to_ask: tuple[WebhookQuestion, ...]
    known: tuple[WebhookFact, ...]
    consent: WebhookConsent
    timeline: tuple[WebhookHappening, ...]
    earlier: int


class WebhookHandoff(_Part):
    """A handoff as a receiver reads it; points are numbers. The brief is missing where it could not be made."""

    id: str
    lead: str
    stage: str
    epoch: int
    to: str
    assignee: str | None
    person: WebhookPerson
    total: int | float
    temperature: str | None
    grade: str | None
    rules_version: int
    reasons: tuple[WebhookReason, ...]
    requested_at: Stamp
    respond_by: Stamp | None
    link: str | None
    brief: WebhookBrief | None


class WebhookBody(_Part):
    """The body of the POST. `timestamp` is when the handoff was requested, however often it is sent."""

    type: Literal["handoff.requested"] = "handoff.requested"
    timestamp: Stamp
    data: WebhookHandoff


class WebhookFollowUp(_Part):
    """That nobody has answered yet: `to` and `assignee` of the handoff beside it have the lead from now on."""

    kind: FollowUpKind
    at: Stamp


class WebhookFollowedUpHandoff(WebhookHandoff):
    """A handoff that nobody has answered yet."""

    follow_up: WebhookFollowUp


class WebhookFollowedUpBody(_Part):
    """The body of the POST while nobody answers. `timestamp` is when a reminder, escalation or reassignment was due."""

    type: Literal["handoff.followed_up"] = "handoff.followed_up"
    timestamp: Stamp
    data: WebhookFollowedUpHandoff


class WebhookAnswer(_Part):
    """The answer to a handoff: `who` is the person's name, and `rules` those that had fired when it was handed over."""

    id: str
    lead: str
    stage: str
    epoch: int
    to: str
    assignee: str | None
    answer: AnswerKind
    reason: str | None
    note: str
    who: str
    look_again: Stamp | None
    rules: tuple[str, ...]
    requested_at: Stamp
    answered_at: Stamp


class WebhookAnsweredBody(_Part):
    """The body of the POST about an answer. `timestamp` is when it was given."""

    type: Literal["handoff.answered"] = "handoff.answered"
    timestamp: Stamp
    data: WebhookAnswer


def body_of(notice: Notice) -> WebhookBody | WebhookFollowedUpBody | WebhookAnsweredBody:
    """A notice as the receiver reads it."""
    if notice.answer is not None:
        return _answered(notice, notice.answer)
    told = _handoff(notice)
    if notice.followed_up_at is None:
        return WebhookBody(timestamp=notice.requested_at, data=told)
    follow_up = WebhookFollowUp(kind=_FOLLOW_UPS[notice.kind], at=notice.followed_up_at)
    return WebhookFollowedUpBody(
        timestamp=notice.followed_up_at, data=WebhookFollowedUpHandoff(**dict(told), follow_up=follow_up)
    )


def _answered(notice: Notice, answer: Answer) -> WebhookAnsweredBody:
    return WebhookAnsweredBody(
        timestamp=answer.at,
        data=WebhookAnswer(
            id=notice.id,
            lead=notice.lead,
            stage=notice.stage,
            epoch=notice.epoch,
            to=notice.to,
            assignee=notice.assignee,
            answer=answer.kind,
            reason=answer.reason,
            note=_sound(answer.note),
            who=_sound(answer.who),
            look_again=answer.look_again,
            rules=answer.rules,
            requested_at=notice.requested_at,
            answered_at=answer.at,
        ),
    )


def _handoff(notice: Notice) -> WebhookHandoff:
    person = notice.introduction
    return WebhookHandoff(
        id=notice.id,
        lead=notice.lead,
        stage=notice.stage,
        epoch=notice.epoch,
        to=notice.to,
        assignee=notice.assignee,
        person=WebhookPerson(
            emails=tuple(_sound(address) for address in person.emails),
            name=_perhaps(person.name),
            title=_perhaps(person.title),
            company=_perhaps(person.company),
        ),
        total=_number(notice.total),
        temperature=notice.temperature,
        grade=notice.grade,
        rules_version=notice.rules_version,
        reasons=tuple(
            WebhookReason(rule=reason.rule, label=_sound(reason.label), points=_number(reason.counts))
            for reason in notice.reasons
        ),
        requested_at=notice.requested_at,
        respond_by=notice.respond_by,
        link=notice.link,
        brief=None if notice.brief is None else _brief(notice.brief),
    )


def _brief(brief: Brief) -> WebhookBrief:
    return WebhookBrief(
        cause=_sound(brief.cause),
        first_touch=_sound(brief.first_touch),
        to_ask=tuple(
            WebhookQuestion(fact=each.fact, question=_sound(each.question), asked_at=each.asked_at)
            for each in (*brief.to_ask, *brief.asked)
        ),
        known=tuple(
            WebhookFact(
                name=_sound(each.name),
                label=_sound(each.label),
                value=_sound(each.value),
                source=_perhaps(each.source),
                at=each.at,
            )
            for each in (*brief.known, *brief.person, *brief.company)
        ),
        consent=WebhookConsent(
            status=brief.consent.status,
            since=brief.consent.since,
            wording=_perhaps(brief.consent.wording),
            source=_perhaps(brief.consent.source),
        ),
        timeline=tuple(
            WebhookHappening(at=each.at, what=_sound(each.words), times=each.times) for each in brief.timeline
        ),
        earlier=brief.earlier,
    )


def webhook_id(notice: Notice) -> str:
    """The stable id of every sending of a message; without a full stop, which parts the words that are signed."""
    parts = (notice.lead, notice.stage, str(notice.epoch), *notice.name.split("."))
    quoted = (quote(part, safe="", errors="replace").replace(".", "%2E") for part in parts if part)
    return "_".join(("handoff", *quoted))


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


def _sound(text: str) -> str:
    """The text without halves of characters, which no JSON reader takes."""
    return text.encode(errors="replace").decode()


def _perhaps(text: str | None) -> str | None:
    return None if text is None else _sound(text)
