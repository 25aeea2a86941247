"""E-mail, Slack and webhook: what each carries, and that words from outside stay words in all of them."""

from __future__ import annotations

import base64
import json
import re
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
from pydantic import BaseModel
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from functions.notify.settings import Member, Team
from shared.adapters import slack
from shared.adapters.clock import SystemClock
from shared.adapters.email import EmailChannel, as_html, as_text
from shared.adapters.slack import SlackChannel
from shared.adapters.webhook import (
    WebhookAnsweredBody,
    WebhookBody,
    WebhookChannel,
    WebhookFollowedUpBody,
    body_of,
    webhook_id,
)
from shared.domain.brief import Brief, ConsentStands, Happening, Known, ToAsk
from shared.domain.handoff import Answer, HandoffKey, LeadId
from shared.domain.introduction import Introduction, Reason
from shared.domain.messages import headline
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, parse_moment
from shared.domain.notice import Notice
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


BRIEF = Brief(
    key=HandoffKey(LeadId("lead-7"), "mql", 1),
    to="inside-sales",
    assignee="ada",
    who=SAM.introduction,
    cause="Score at least 50",
    reasons=SAM.reasons,
    person=(Known("lead.phone", "Phone", "+49 30 1234567"),),
    company=(Known("company.employees", "Employees", "120"),),
    consent=ConsentStands("granted", REQUESTED, "You may contact me.", "the form contact"),
    known=(Known("qualification.need", "Need", "Fewer dropped leads", "the form contact", REQUESTED),),
    to_ask=(ToAsk("budget", "Budget", "Is there a budget for this?"),),
    asked=(ToAsk("timeline", "Timeline", "By when do you decide?", REQUESTED),),
    timeline=tuple(Happening(Moment(REQUESTED - n * HOUR), f"Looked at page {n}", 3) for n in range(12)),
    earlier=4,
    first_touch="Offer the demo that they looked for.",
)
BRIEFED = replace(SAM, brief=BRIEF, assignee="ada")
FOLLOWED_UP = Moment(REQUESTED + HOUR)
REMINDED = replace(BRIEFED, kind="reminder", name="reminder.1", followed_up_at=Moment(REQUESTED + 45 * MINUTE))
ESCALATED = replace(BRIEFED, kind="escalation", name="escalation.2", followed_up_at=FOLLOWED_UP)
REASSIGNED = replace(
    BRIEFED, kind="reassignment", name="reassignment.3", followed_up_at=FOLLOWED_UP, assignee="bob", before="ada"
)
RELEASED = replace(REASSIGNED, kind="released", to="emea", before=None)
ANSWERED = replace(
    BRIEFED,
    kind="answered",
    name="answered",
    because="Not this year",
    answer=Answer(
        "recycled",
        FOLLOWED_UP,
        "Bob",
        "bad_timing",
        "They decide later.",
        Moment(REQUESTED + 90 * DAY),
        ("pricing-visits",),
    ),
)
TEAM = Team(email=("ada@acme.example", "bob@acme.example"))


def named(words: str) -> Notice:
    """A notice in which everything that comes from outside says the same hostile thing."""
    who = Introduction((words, "sam@acme.example"), words, words, words)
    known = (Known(words, words, words, words, REQUESTED),)
    brief = replace(
        BRIEF,
        who=who,
        cause=words,
        person=known,
        company=known,
        consent=ConsentStands("granted", REQUESTED, words, words),
        known=known,
        to_ask=(ToAsk("budget", words, words),),
        asked=(ToAsk("timeline", words, words, REQUESTED),),
        timeline=(Happening(REQUESTED, words),),
        first_touch=words,
    )
    return replace(
        SAM,
        introduction=who,
        reasons=(Reason("rule", words, 1),),
        temperature=words,
        grade=words,
        stage=words,
        to=words,
        assignee=words,
        brief=brief,
    )


def every(words: str) -> list[Notice]:
    """Every message about such a lead, and its answer with a note that says the same."""
    told = named(words)
    answer = Answer("rejected", REQUESTED, words, words, words, REQUESTED, (words,))
    return [
        told,
        replace(told, kind="reminder", followed_up_at=REQUESTED),
        replace(told, kind="escalation", followed_up_at=REQUESTED),
        replace(told, kind="reassignment", followed_up_at=REQUESTED, before=words),
        replace(told, kind="released", followed_up_at=REQUESTED),
        replace(told, kind="answered", answer=answer),
        replace(told, kind="answered", answer=replace(answer, kind="accepted", reason=None), because=None),
        replace(told, kind="answered", answer=answer, because=words),
    ]


class FakeReceivers:
    """Keeps what is posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes, Mapping[str, str]]] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.posted.append((url, body, headers))


@dataclass
class FakeSecrets:
    stored: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, *, anew: bool = False) -> str:
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


def test_the_email_tells_the_whole_story_as_text_and_as_html() -> None:
    words = " ".join(" ".join(Page(as_html(BRIEFED)).words).split())
    for told in (
        "It is ada's.",
        "Score at least 50.",
        "Suggested first touch",
        "Offer the demo that they looked for.",
        "Still to ask",
        "Is there a budget for this?",
        "Asked already, without an answer",
        "By when do you decide?",
        "Fewer dropped leads (the form contact, 1 March 2026)",
        "Granted since 1 March 2026, by the form contact: “You may contact me.”",
        "1 March 2026, 09:30 UTC",
        "Looked at page 9 (3 times)",
        "and 10 more before",
    ):
        assert told in as_text(BRIEFED)
        assert told in words
    assert "page 10" not in as_text(BRIEFED)


@pytest.mark.parametrize(
    ("notice", "subject", "opening"),
    [
        (
            REMINDED,
            "Reminder: MQL: Sam Jones (Acme)",
            "Sam Jones (Acme) (MQL) waits for an answer of ada of inside-sales by 10:30 UTC on 1 March 2026.",
        ),
        (
            ESCALATED,
            "Nobody has answered: MQL: Sam Jones (Acme)",
            "who was handed over to ada of inside-sales. The deadline passed at 10:30 UTC on 1 March 2026.",
        ),
        (
            REASSIGNED,
            "Yours now: MQL: Sam Jones (Acme)",
            "as nobody has answered before. ada had it until now. The deadline passed at 10:30 UTC on 1 March 2026.",
        ),
        (RELEASED, "With others now: MQL: Sam Jones (Acme)", "is with bob of emea now, as nobody has answered."),
        (
            ANSWERED,
            "Recycled: MQL: Sam Jones (Acme)",
            "Bob recycled Sam Jones (Acme) (MQL): Not this year. It may be handed over again from 30 May 2026",
        ),
    ],
)
def test_each_later_message_says_what_has_happened(notice: Notice, subject: str, opening: str) -> None:
    assert headline(notice) == subject
    assert opening in as_text(notice)
    blocks = slack.message(notice)["blocks"]
    assert blocks[0]["text"]["text"] == subject
    assert opening in blocks[1]["text"]["text"]


def test_only_whoever_is_to_act_gets_the_story() -> None:
    assert ["Is there a budget" in as_text(each) for each in (ESCALATED, REASSIGNED)] == [True, True]
    for each in (RELEASED, ANSWERED):
        assert "Is there a budget" not in as_text(each)
        assert "sam@acme.example" not in as_text(each)


def test_an_email_about_somebody_of_whom_little_is_known_has_no_empty_rows() -> None:
    little = replace(
        SAM, introduction=Introduction(), reasons=(), temperature=None, grade=None, respond_by=None, link=None
    )
    assert as_text(little) == (
        "lead lead-7 is now MQL and handed over to inside-sales.\n\n"
        "Score: 65 points\n\n"
        "Lead lead-7, handoff lead-7.mql.1, by rules version 3\n"
    )


@pytest.mark.parametrize("notice", [SAM, BRIEFED, REMINDED, RELEASED])
def test_an_email_reads_well_on_a_telephone_and_to_whoever_hears_it(notice: Notice) -> None:
    html = as_html(notice)
    page = Page(html)
    headings = [tag for tag in page.tags if re.fullmatch("h[1-6]", tag)]

    assert headings[0] == "h1"
    assert set(headings[1:]) <= {"h2"}
    assert '<meta name="viewport" content="width=device-width' in html
    assert "nowrap" not in html, "a column that cannot break makes a small screen scroll sideways"
    for table in html.split("<table")[1:]:
        is_of_facts = "<th scope='row'" in table.partition("</table>")[0]
        assert is_of_facts != table.startswith(" role='presentation'")


def test_there_are_at_least_fifty_hostile_words() -> None:
    assert len(set(HOSTILE)) >= 50


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_start_no_header_and_no_line_in_an_email(words: str) -> None:
    for notice, plain in zip(every(words), every("Ada"), strict=True):
        line = headline(notice)
        assert line.isprintable()
        message = EmailMessage(policy=SMTP)
        message["Subject"] = line
        message["To"] = "sales@baton.example"
        message.set_content(as_text(notice))
        raw = message.as_bytes()
        head = raw.partition(b"\r\n\r\n")[0]
        names = {row.partition(b":")[0].lower() for row in head.split(b"\r\n") if not row.startswith((b" ", b"\t"))}
        assert names == {b"subject", b"to", b"content-type", b"content-transfer-encoding", b"mime-version"}
        assert len(as_text(notice).splitlines()) == len(as_text(plain).splitlines())


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_not_live_in_an_email(words: str) -> None:
    for notice, other in zip(every(words), every("Ada"), strict=True):
        page, plain = Page(as_html(notice)), Page(as_html(other))
        assert page.tags == plain.tags
        assert page.attributes == plain.attributes
        assert page.links == ["https://crm.example/leads/lead-7"]
        for text in (as_text(notice), " ".join(page.words)):
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
    for notice in every(words):
        message = slack.message(notice, {"ada": "U012AB3CD"})
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
        assert len(message["blocks"]) <= 50


def test_slack_mentions_the_assignee_by_the_settings_member_id_and_nobody_else() -> None:
    def mentioned(notice: Notice) -> list[str]:
        message = slack.message(notice, {"ada": "U012AB3CD", "bob": "U0BOB"})
        return [each["text"] for each in _objects(message["blocks"]) if each.get("type") == "mrkdwn"]

    assert mentioned(BRIEFED) == mentioned(REMINDED) == ["<@U012AB3CD>"]
    assert mentioned(REASSIGNED) == ["<@U0BOB>"]
    for notice in (SAM, ESCALATED, RELEASED, ANSWERED, replace(BRIEFED, assignee="eve")):
        assert mentioned(notice) == []


def test_people_read_an_address_as_they_write_it_and_programs_as_dns_does() -> None:
    notice = replace(SAM, introduction=Introduction(("ada@xn--mller-kva.example",)))
    told = json.dumps(slack.message(notice), ensure_ascii=False)

    assert "E-mail: ada@müller.example" in told
    assert "MQL: ada@müller\N{ONE DOT LEADER}example, 65 points" in told
    assert "xn--" not in told
    receivers = FakeReceivers()
    webhook(receivers, OLD).send(notice)
    assert b'"ada@xn--mller-kva.example"' in receivers.posted[0][1]


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
    for notice in every(words):
        receivers = FakeReceivers()
        webhook(receivers, NEW, now()).send(notice)
        _, body, headers = receivers.posted[0]
        assert body.isascii()
        assert "." not in headers["webhook-id"], "the signed words could be read in two ways"
        told = Webhook(NEW).verify(body, dict(headers))["data"]
        assert (told["note"] if notice.answer else told["person"]["name"]) == words.replace("\ud800", "?")
        assert all(value.isprintable() and value.isascii() for value in headers.values())


@pytest.mark.parametrize(
    ("name", "model", "notice"),
    [
        ("webhook_handoff", WebhookBody, BRIEFED),
        ("webhook_handoff_followed_up", WebhookFollowedUpBody, ESCALATED),
        ("webhook_handoff_answered", WebhookAnsweredBody, ANSWERED),
    ],
)
def test_the_webhooks_bodies_are_the_golden_ones(name: str, model: type[BaseModel], notice: Notice) -> None:
    golden = json.loads((Path(__file__).parents[2] / "events" / f"{name}.json").read_text())
    assert model.model_validate(golden).model_dump(mode="json") == golden
    told = body_of(notice).model_dump(mode="json")
    assert told["type"] == golden["type"]
    assert _shape(told) == _shape(golden)


def _shape(value: Any) -> Any:
    """The keys of a JSON value, all the way down; of a list those of its first element."""
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items()}
    return [_shape(value[0])] if isinstance(value, list) and value else None


def test_each_message_of_a_handoff_has_a_webhook_id_of_its_own() -> None:
    assert [webhook_id(each) for each in (SAM, REMINDED, ESCALATED, ANSWERED)] == [
        "handoff_lead-7_mql_1",
        "handoff_lead-7_mql_1_reminder_1",
        "handoff_lead-7_mql_1_escalation_2",
        "handoff_lead-7_mql_1_answered",
    ]


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


def test_the_email_of_an_assignee_is_to_them_with_the_team_in_copy() -> None:
    ses = FakeSES()
    ada, bob = Member(name="ada", email="ada@acme.example"), Member(name="bob", email="bob@acme.example")
    team = Team(email=("sales@acme.example",), members=(ada, bob))
    channel = EmailChannel(ses, "baton@acme.example", team.recipients)  # type: ignore[arg-type]
    for notice in (BRIEFED, REASSIGNED, RELEASED):
        channel.send(notice)
    assert [each["Destination"] for each in ses.sent] == [
        {"ToAddresses": ["ada@acme.example"], "CcAddresses": ["sales@acme.example"]},
        {"ToAddresses": ["bob@acme.example"], "CcAddresses": ["sales@acme.example", "ada@acme.example"]},
        {"ToAddresses": ["sales@acme.example"]},
    ]


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
