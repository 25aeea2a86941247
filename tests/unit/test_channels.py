"""E-mail, Slack and webhook: what each carries, and that words from outside stay words in all of them."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from functions.notify.settings import Team
from shared.adapters import slack
from shared.adapters.clock import SystemClock
from shared.adapters.email import EmailChannel, as_html, as_text
from shared.adapters.slack import SlackChannel
from shared.adapters.webhook import WebhookBody, WebhookChannel, body_of
from shared.domain.handoff import LeadId
from shared.domain.messages import headline
from shared.domain.moments import HOUR, Moment, parse_moment
from shared.domain.notice import Introduction, Notice, Reason
from shared.ports.channels import Undeliverable
from shared.ports.errors import SecretMissing, Unavailable
from tests.hostile import HOSTILE

REQUESTED = parse_moment("2026-03-01T09:30:00Z")
SAM = Notice(
    id="lead-7.mql.1",
    lead=LeadId("lead-7"),
    stage="mql",
    epoch=1,
    to="inside-sales",
    introduction=Introduction(("sam@acme.example",), "Sam Jones", "Head of Operations", "Acme"),
    total=65,
    temperature="warm",
    grade="B",
    rules_version=3,
    reasons=(
        Reason("pricing-visits", "Visited the pricing page", 40),
        Reason("gone", "Went quiet", -5),
    ),
    requested_at=REQUESTED,
    respond_by=Moment(REQUESTED + HOUR),
    link="https://crm.example/leads/lead-7",
)


TEAM = Team(email=("ada@acme.example", "bob@acme.example"))


def named(words: str) -> Notice:
    """A notice in which everything that comes from outside says the same hostile thing."""
    return replace(
        SAM,
        introduction=Introduction((words, "sam@acme.example"), words, words, words),
        reasons=(Reason("rule", words, 1),),
        temperature=words,
        grade=words,
        stage=words,
        to=words,
    )


class FakeReceivers:
    """Keeps what is posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes, Mapping[str, str]]] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.posted.append((url, body, headers))


@dataclass
class FakeSecrets:
    stored: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        if name not in self.stored:
            raise SecretMissing(name)
        return self.stored[name]


@dataclass
class FakeClock:
    moment: Moment = REQUESTED

    def now(self) -> Moment:
        return self.moment


class Page(HTMLParser):
    """What a mail program would make of the HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in {"href", "src", "action", "background"}]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_email_says_who_why_and_by_when_as_text_and_as_html() -> None:
    assert headline(SAM) == "MQL: Sam Jones (Acme), 65 points"
    words = " ".join(" ".join(Page(as_html(SAM)).words).split())
    for told in (
        "Sam Jones (Acme) is now MQL and handed over to inside-sales.",
        "sam@acme.example",
        "Head of Operations",
        "65 points",
        "warm",
        "Visited the pricing page",
        "+40",
        "Went quiet",
        "-5",
        "by 10:30 UTC on 1 March 2026 (within 1 hour)",
        "lead-7.mql.1",
    ):
        assert told in as_text(SAM)
        assert told in words
    assert "https://crm.example/leads/lead-7" in as_text(SAM)
    assert Page(as_html(SAM)).links == ["https://crm.example/leads/lead-7"]


def test_an_email_about_somebody_of_whom_little_is_known_has_no_empty_rows() -> None:
    little = replace(
        SAM, introduction=Introduction(), reasons=(), temperature=None, grade=None, respond_by=None, link=None
    )
    assert as_text(little) == (
        "lead lead-7 is now MQL and handed over to inside-sales.\n\n"
        "Score: 65 points\n\n"
        "Lead lead-7, handoff lead-7.mql.1, by rules version 3\n"
    )


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_start_no_header_and_no_line_in_an_email(words: str) -> None:
    line = headline(named(words))
    assert line.isprintable()
    message = EmailMessage(policy=SMTP)
    message["Subject"] = line
    message["To"] = "sales@baton.example"
    message.set_content(as_text(named(words)))
    raw = message.as_bytes()
    head = raw.partition(b"\r\n\r\n")[0]
    names = {row.partition(b":")[0].lower() for row in head.split(b"\r\n") if not row.startswith((b" ", b"\t"))}
    assert names == {b"subject", b"to", b"content-type", b"content-transfer-encoding", b"mime-version"}
    assert len(as_text(named(words)).splitlines()) == len(as_text(named("Ada")).splitlines())


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_not_live_in_an_email(words: str) -> None:
    page, plain = Page(as_html(named(words))), Page(as_html(named("Ada")))
    assert page.tags == plain.tags
    assert page.attributes == plain.attributes
    assert page.links == ["https://crm.example/leads/lead-7"]
    for text in (as_text(named(words)), " ".join(page.words)):
        rest = text.replace("https://crm.example/leads/lead-7", "")
        assert "//" not in rest
        if words != "victim@evil.example":
            assert "evil.example" not in rest.lower()


def _objects(value: Any) -> list[dict[str, Any]]:
    """Every JSON object in a Slack message."""
    if isinstance(value, dict):
        return [value, *(found for each in value.values() for found in _objects(each))]
    return [found for each in value for found in _objects(each)] if isinstance(value, list) else []


def test_slack_gets_blocks_and_a_text_for_notifications() -> None:
    message = slack.message(SAM)
    assert message["text"] == "MQL: Sam Jones (Acme), 65 points"
    shown = "\n".join(each["text"] for each in _objects(message["blocks"]) if isinstance(each.get("text"), str))
    for told in (
        "Score: 65 points · warm · grade B",
        "Answer: by 10:30 UTC on 1 March 2026 (within 1 hour)",
        "E-mail: sam@acme.example",
        "Company: Acme",
        "+40  Visited the pricing page",
        "-5  Went quiet",
        "Lead lead-7, handoff lead-7.mql.1",
    ):
        assert told in shown
    assert [each["url"] for each in _objects(message) if "url" in each] == ["https://crm.example/leads/lead-7"]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_not_live_in_slack(words: str) -> None:
    message = slack.message(named(words))
    texts = [each for each in _objects(message["blocks"]) if isinstance(each.get("text"), str)]
    assert {each["type"] for each in texts} == {"plain_text"}
    assert {each["emoji"] for each in texts} == {False}
    assert (message["parse"], message["link_names"], message["unfurl_links"]) == ("none", False, False)
    assert [each["url"] for each in _objects(message) if "url" in each] == ["https://crm.example/leads/lead-7"]
    for text in [message["text"], *(each["text"] for each in texts)]:
        bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert not set(bare) & set("<>&")
        assert "//" not in text
        assert len(text) <= 3000
        if words != "victim@evil.example":
            assert "evil.example" not in text.lower()
    assert len(message["blocks"][0]["text"]["text"]) <= 150


def test_slack_is_posted_to_the_url_that_is_a_secret() -> None:
    receivers = FakeReceivers()
    secrets = FakeSecrets({"/baton/prod/slack": "https://hooks.slack.com/services/T/B/x\n"})
    SlackChannel(receivers, secrets, "/baton/prod/slack").send(SAM)  # type: ignore[arg-type]
    (url, body, headers), *others = receivers.posted
    assert (url, others) == ("https://hooks.slack.com/services/T/B/x", [])
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == slack.message(SAM)


def webhook(receivers: FakeReceivers, secret: str, moment: Moment = REQUESTED) -> WebhookChannel:
    secrets = FakeSecrets({"/baton/prod/signing": secret})
    return WebhookChannel(
        receivers,  # type: ignore[arg-type]
        secrets,
        FakeClock(moment),
        "https://crm.example/in",
        "/baton/prod/signing",
    )


def now() -> Moment:
    return SystemClock().now()


OLD = "whsec_" + base64.b64encode(b"the old secret, thirty-two bytes").decode()
NEW = "whsec_" + base64.b64encode(b"the new secret, thirty-two bytes").decode()


@pytest.mark.parametrize("holds", [OLD, NEW])
def test_while_a_secret_is_rotated_either_one_verifies_the_webhook(holds: str) -> None:
    receivers = FakeReceivers()
    webhook(receivers, f"{OLD} {NEW}", now()).send(SAM)
    _, body, headers = receivers.posted[0]
    assert Webhook(holds).verify(body, dict(headers))["data"]["lead"] == "lead-7"


def test_another_secret_or_a_changed_body_does_not_verify() -> None:
    receivers = FakeReceivers()
    webhook(receivers, NEW, now()).send(SAM)
    _, body, headers = receivers.posted[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, dict(headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body.replace(b"warm", b"cold"), dict(headers))


def test_a_webhook_sent_again_later_has_the_same_id_and_body_under_a_new_time() -> None:
    receivers = FakeReceivers()
    webhook(receivers, NEW, REQUESTED).send(SAM)
    webhook(receivers, NEW, Moment(REQUESTED + HOUR)).send(SAM)
    (_, body, headers), (_, later_body, later_headers) = receivers.posted
    assert body == later_body
    assert headers["webhook-id"] == later_headers["webhook-id"] == "handoff_lead-7_mql_1"
    assert int(later_headers["webhook-timestamp"]) - int(headers["webhook-timestamp"]) == 3600


@pytest.mark.parametrize(
    "secret", ["", "   ", "whsec_", "whsec_not base64!", "whsec_ünïcode", "whsec_c2hvcnQ=", f"{NEW} x"]
)
def test_a_text_that_is_no_signing_secret_is_told_by_its_name_alone(secret: str) -> None:
    receivers = FakeReceivers()
    with pytest.raises(Undeliverable, match="/baton/prod/signing") as raised:
        webhook(receivers, secret).send(SAM)
    assert secret.strip() in {"", "whsec_"} or secret not in str(raised.value)
    assert receivers.posted == []


@pytest.mark.parametrize("words", HOSTILE)
def test_a_webhook_carries_hostile_words_as_data_and_nowhere_else(words: str) -> None:
    receivers = FakeReceivers()
    webhook(receivers, NEW, now()).send(named(words))
    _, body, headers = receivers.posted[0]
    assert body.isascii()
    assert "." not in headers["webhook-id"], "the signed words could be read in two ways"
    told = Webhook(NEW).verify(body, dict(headers))["data"]
    assert told["person"]["name"] == words.replace("\ud800", "?")
    assert all(value.isprintable() and value.isascii() for value in headers.values())


def test_the_webhooks_body_is_the_golden_one() -> None:
    golden = json.loads((Path(__file__).parents[2] / "events" / "webhook_handoff.json").read_text())
    assert WebhookBody.model_validate(golden).model_dump(mode="json") == golden
    assert set(body_of(SAM).model_dump(mode="json")["data"]) == set(golden["data"])


class FakeSES:
    """SES that keeps what it is given, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **asked: Any) -> None:
        if self.error:
            raise self.error
        self.sent.append(asked)


def ses_error(code: str, status: int) -> ClientError:
    told = {"Code": code, "Message": "Email address is not verified: ada@acme.example about sam@acme.example"}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendEmail")  # type: ignore[typeddict-item]


def test_the_email_goes_to_the_whole_team_with_text_beside_html_and_the_handoff_as_a_tag() -> None:
    ses = FakeSES()
    EmailChannel(ses, "Baton <baton@acme.example>", TEAM.recipients).send(SAM)  # type: ignore[arg-type]
    (sent,) = ses.sent
    assert sent["FromEmailAddress"] == "Baton <baton@acme.example>"
    assert sent["Destination"] == {"ToAddresses": ["ada@acme.example", "bob@acme.example"]}
    assert set(sent["Content"]["Simple"]["Body"]) == {"Text", "Html"}
    assert sent["EmailTags"] == [{"Name": "handoff", "Value": "lead-7_mql_1"}]


@pytest.mark.parametrize(
    "error",
    [
        ses_error("TooManyRequestsException", 429),
        ses_error("ThrottlingException", 400),
        ses_error("InternalFailure", 500),
        ses_error("SomethingNew", 503),
        EndpointConnectionError(endpoint_url="https://email.eu-central-1.amazonaws.com"),
        ReadTimeoutError(endpoint_url="https://email.eu-central-1.amazonaws.com"),
    ],
)
def test_a_mail_that_ses_cannot_take_now_may_go_later(error: Exception) -> None:
    with pytest.raises(Unavailable) as raised:
        EmailChannel(FakeSES(error), "baton@acme.example", TEAM.recipients).send(SAM)  # type: ignore[arg-type]
    assert "sam@" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("code", ["MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"])
def test_a_mail_that_ses_refuses_needs_somebody_to_mend_it(code: str) -> None:
    with pytest.raises(Undeliverable, match=code) as raised:
        EmailChannel(FakeSES(ses_error(code, 400)), "baton@acme.example", TEAM.recipients).send(SAM)  # type: ignore[arg-type]
    assert "sam@" not in "".join(traceback.format_exception(raised.value))
