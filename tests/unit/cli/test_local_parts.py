"""The local cloud's small parts: ports, the emulator's kept state, the receiver, the sample website."""

import base64
import json
import re
import socket
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import urllib3
from standardwebhooks.webhooks import Webhook

from infra import settings
from infra.failure import Failure
from infra.local import cloud, emulator, ports
from infra.local.cloud import LocalCloud
from infra.local.home import Home
from infra.local.inbox_page import inbox_page
from infra.local.receiver import Inbox, Receiver, serve
from infra.local.site.server import Site
from tests.hostile import HOSTILE

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
SITE = Site(
    api="http://127.0.0.1:4566/_aws/execute-api/ab12/$default", write_key='key"<', origin="http://127.0.0.1:8080"
)


@pytest.fixture
def receiver(tmp_path):
    return Receiver(Inbox(tmp_path / "inbox"), SECRET)


def signed(body: bytes, number: str = "handoff_1", secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(tz=UTC)
    signature = Webhook(secret).sign(number, now, body.decode())
    return {"webhook-id": number, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def test_a_signed_webhook_is_taken_and_kept(receiver):
    body = json.dumps({"type": "handoff.requested", "data": {"lead": "l1"}}).encode()

    assert receiver.webhook(signed(body), body) is HTTPStatus.NO_CONTENT

    (kept,) = receiver.inbox.by_kind()["webhooks"]
    assert kept["id"] == "handoff_1"
    assert kept["repeated"] is False
    assert kept["message"]["data"] == {"lead": "l1"}
    assert datetime.fromisoformat(kept["received_at"]).tzinfo is not None


def test_the_same_webhook_again_is_taken_and_marked_as_a_repetition(receiver):
    for _ in range(2):
        assert receiver.webhook(signed(b"{}"), b"{}") is HTTPStatus.NO_CONTENT

    assert [message["repeated"] for message in receiver.inbox.by_kind()["webhooks"]] == [False, True]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(b"{}", secret="whsec_" + base64.b64encode(b"x" * 24).decode()), b"{}"),
        (signed(b"{}"), b'{"data": "another"}'),
        ({}, b"{}"),
        (signed(b"{}") | {"webhook-timestamp": "1000000000"}, b"{}"),
        (signed(b"{}"), b"\xff"),
    ],
    ids=["another secret", "another body", "unsigned", "another time", "no text"],
)
def test_a_webhook_that_does_not_verify_is_refused_and_noted(receiver, headers, body):
    assert receiver.webhook(headers, body) is HTTPStatus.UNAUTHORIZED
    assert receiver.inbox.by_kind()["webhooks"] == []
    assert len(receiver.inbox.by_kind()["refused"]) == 1


def test_slack_takes_a_message_with_a_text_and_nothing_else(receiver):
    assert receiver.slack("sales", b'{"text": "MQL: Ada"}') is HTTPStatus.OK
    assert receiver.slack("sales", b'{"blocks": []}') is HTTPStatus.BAD_REQUEST
    assert receiver.slack("sales", b"MQL: Ada") is HTTPStatus.BAD_REQUEST

    (kept,) = receiver.inbox.by_kind()["slack"]
    assert (kept["channel"], kept["message"]) == ("sales", {"text": "MQL: Ada"})


def test_the_inbox_keeps_the_order_of_arrival(tmp_path):
    inbox = Inbox(tmp_path)
    for number in range(12):
        inbox.keep("slack", {"number": number})

    assert [delivery["number"] for delivery in Inbox(tmp_path).all()] == list(range(12))


def test_mails_are_remembered_when_the_cloud_that_sent_them_stops(tmp_path):
    inbox = Inbox(tmp_path)
    inbox.keep_mails([{"id": "m1"}])

    assert inbox.mails([]) == [{"id": "m1"}]
    assert inbox.mails([{"id": "m1"}, {"id": "m2"}]) == [{"id": "m1"}, {"id": "m2"}]
    inbox.keep_mails([{"id": "m3"}])
    assert inbox.mails([]) == [{"id": "m1"}, {"id": "m3"}]


def test_a_port_that_nobody_has_is_taken_before_any_other(monkeypatch):
    monkeypatch.setattr(ports, "is_free", lambda port: port != 4566)

    assert ports.free_port(4566, 4599) == 4599
    assert ports.free_port(None, 4599) == 4599


def test_the_readers_of_streams_start_anew_in_what_the_emulator_kept(tmp_path):
    kept = {
        "__ministack_format__": 2,
        "payload": {
            "functions": {"kept": "as it is"},
            "dynamodb_stream_positions": {"__account_region_scoped__": True, "data": {"a": 17, "b": 0}},
        },
    }
    (tmp_path / "lambda.json").write_text(json.dumps(kept))

    emulator._rewind_streams(tmp_path)

    after = json.loads((tmp_path / "lambda.json").read_text())
    assert after["payload"]["dynamodb_stream_positions"]["data"] == {"a": 0, "b": 0}
    assert after["payload"]["functions"] == {"kept": "as it is"}


def test_what_the_emulator_kept_follows_it_to_another_port(tmp_path):
    kept = {"url": "http://localhost:4566/000000000000/q", "more": "localhost:45661 4566 mylocalhost:4566"}
    (tmp_path / "sqs.json").write_text(json.dumps(kept))
    (tmp_path / "blob").write_bytes(b"localhost:4566")

    emulator._move(tmp_path, "4566", "5000")

    assert json.loads((tmp_path / "sqs.json").read_text()) == {
        "url": "http://localhost:5000/000000000000/q",
        "more": "localhost:45661 4566 mylocalhost:4566",
    }
    assert (tmp_path / "blob").read_bytes() == b"localhost:4566"


def test_what_the_workers_of_a_stopped_emulator_unpacked_is_gone_and_what_it_kept_is_there(tmp_path):
    home = Home(tmp_path)
    for worker in ("score", "notify"):
        unpacked = home.folder("tmp") / worker / "shared" / "domain"
        unpacked.mkdir(parents=True)
        (unpacked / "engine.py").touch()
    (home.folder("tmp") / "emulator.pid").touch()
    kept = home.folder("state") / "dynamodb.json"
    kept.touch()

    assert emulator.Emulator(home).stop()
    assert emulator.Emulator(home).stop()

    assert not (tmp_path / "tmp").exists()
    assert kept.exists()


def test_an_emulator_that_never_kept_anything_needs_no_rewinding(tmp_path):
    emulator._rewind_streams(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/", "/pricing", "/blog", "/blog/waste-is-a-forecast", "/demo", "/thanks"])
def test_every_page_is_there_and_tells_of_the_visit_with_the_public_key_escaped(path):
    status, kind, text = SITE.answer(path)

    assert status is HTTPStatus.OK
    assert kind == "text/html"
    assert 'src="http://127.0.0.1:4566/_aws/execute-api/ab12/$default/v1/baton.js"' in text
    assert 'data-key="key&quot;&lt;"' in text


def test_the_form_posts_to_the_api_and_comes_back_to_the_site():
    text = SITE.answer("/demo")[2]

    assert 'action="http://127.0.0.1:4566/_aws/execute-api/ab12/$default/v1/forms/demo-request"' in text
    assert 'name="_next" value="http://127.0.0.1:8080/thanks"' in text
    assert 'name="_gotcha"' in text


def test_the_sites_policy_lets_it_send_to_the_api_and_to_itself_alone():
    policy = dict(part.split(" ", 1) for part in SITE.policy.split("; "))

    assert policy["connect-src"] == "http://127.0.0.1:4566"
    assert policy["form-action"] == "http://127.0.0.1:4566 http://127.0.0.1:8080"
    assert policy["default-src"] == "'none'"
    assert not [told for told in policy.values() if "unsafe" in told or "*" in told]


@pytest.mark.parametrize("path", ["/../server.py", "/frame.html", "/nowhere"])
def test_nothing_else_is_served(path):
    assert SITE.answer(path)[0] is HTTPStatus.NOT_FOUND


def test_every_link_of_the_site_leads_to_a_page_of_it():
    pages = Path(__file__).parents[3] / "infra" / "local" / "site" / "pages"
    links = {link for page in pages.glob("*.html") for link in re.findall(r'(?:href|src)="(/[^"]*)"', page.read_text())}
    assert len(links) > 5
    assert {link: SITE.answer(link)[0] for link in links if SITE.answer(link)[0] is not HTTPStatus.OK} == {}


def test_another_program_on_a_port_that_was_free_is_not_taken_for_the_sample_website(tmp_path):
    local = LocalCloud(Home(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        options = {"--port": str(other.getsockname()[1])}
        with pytest.raises(Failure, match="was taken by another program"):
            local._start(local.site, "infra.local.site.server", options, "/")
    assert not local.site.is_alive()


def test_the_origins_of_ones_own_pages_stay_beside_the_sample_website(tmp_path, monkeypatch):
    written = (
        (settings.ENVIRONMENTS / "local.yaml")
        .read_text()
        .replace("origins:\n", "origins:\n  - http://127.0.0.1:8137\n")
    )
    (tmp_path / "local.yaml").write_text(written)
    for module in (settings, cloud):
        monkeypatch.setattr(module, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(emulator.Emulator, "endpoint", "http://127.0.0.1:4566")

    read = LocalCloud(Home(tmp_path / "home"))._settings()

    assert str(read.api_address).startswith("http://127.0.0.1:4566/")
    assert "http://127.0.0.1:8137" in read.origins
    assert any(origin.startswith("http://localhost:") for origin in read.origins)


def test_a_mistake_in_the_local_settings_is_told_of_the_file_that_people_write_before_all_else(tmp_path, monkeypatch):
    written = (settings.ENVIRONMENTS / "local.yaml").read_text().replace("origins:", "orgins:")
    (tmp_path / "local.yaml").write_text(written)
    for module in (settings, cloud):
        monkeypatch.setattr(module, "ENVIRONMENTS", tmp_path)

    with pytest.raises(Failure) as failure:
        LocalCloud(Home(tmp_path / "home")).up(lambda title: pytest.fail(f"{title} was begun"))

    assert str(tmp_path / "local.yaml") in failure.value.what
    assert "did you mean origins?" in failure.value.what


HELD: dict[str, list[dict[str, Any]]] = {
    "emails": [
        {
            "id": "m1",
            "received_at": "2026-03-01T12:00:00+00:00",
            "from": "baton@example.com",
            "to": ["ada@example.com"],
            "cc": ["sales@example.com"],
            "subject": "MQL: Sam Jones (Acme), 65 points",
            "text": "Sam Jones (Acme) is now MQL.\n\nStill to ask:\n  Is there a budget?",
            "html": "<p>...</p>",
        }
    ],
    "slack": [
        {
            "received_at": "2026-03-01T12:00:02+00:00",
            "channel": "sales",
            "message": {
                "text": "MQL: Sam Jones (Fish &amp; Chips), 65 points",
                "blocks": [
                    {
                        "type": "header",
                        "text": {"type": "plain_text", "text": "MQL: Sam Jones (Fish &amp; Chips), 65 points"},
                    },
                    {"type": "section", "text": {"type": "plain_text", "text": "Fish &amp; Chips"}},
                    {
                        "type": "actions",
                        "elements": [
                            {"type": "button", "text": {"text": "Open the lead"}, "url": "http://127.0.0.1/handoffs/x"},
                            {"type": "button", "text": {"text": "Evil"}, "url": "javascript:alert(1)"},
                        ],
                    },
                    {"type": "context", "elements": [{"type": "plain_text", "text": "Lead 7"}]},
                ],
            },
        }
    ],
    "webhooks": [
        {
            "received_at": "2026-03-01T12:00:01+00:00",
            "id": "handoff_7_mql_1",
            "repeated": True,
            "message": {"type": "handoff.requested", "data": {"note": "<script>alert(1)</script>"}},
        }
    ],
    "refused": [{"received_at": "2026-03-01T12:00:03+00:00", "reason": "the signature does not verify"}],
}


def test_the_inbox_page_shows_every_message_in_words_the_latest_first():
    page = inbox_page(HELD)
    assert (
        page.index("Refused") < page.index("Fish &amp; Chips") < page.index("handoff_7_mql_1") < page.index("in copy")
    )
    for told in ("to ada@example.com, in copy sales@example.com", "Is there a budget?", "a repetition", "4 messages"):
        assert told in page
    assert '<a href="http://127.0.0.1/handoffs/x" rel="noreferrer">Open the lead</a>' in page


def test_the_inbox_page_shows_the_header_of_a_slack_message_once_as_slack_does():
    (slack,) = HELD["slack"]
    title = "<h2>MQL: Sam Jones (Fish &amp; Chips), 65 points</h2>"
    page = inbox_page({"slack": [slack]})
    assert (page.count("Sam Jones"), title in page) == (1, True)

    without = {**slack, "message": {**slack["message"], "blocks": slack["message"]["blocks"][1:]}}
    assert title in inbox_page({"slack": [without]})


def test_the_page_of_a_lead_is_a_link_in_a_mail_of_the_inbox_page_and_no_other_address_is():
    text = (
        'About http://evil.example\n\nOpen the lead: http://127.0.0.1/handoffs/x"y\n\n  Open the lead: http://b.example'
    )
    page = inbox_page({"emails": [{**HELD["emails"][0], "text": text}]})
    address = "http://127.0.0.1/handoffs/x&#34;y"
    assert f'Open the lead: <a href="{address}" rel="noreferrer">{address}</a>' in page
    assert "About http://evil.example" in page
    assert page.count("rel=") == 1


def test_nothing_that_arrived_is_live_in_the_inbox_page():
    page = inbox_page(HELD)
    assert "<script" not in page
    assert "javascript:" not in page
    quiet = {**HELD["slack"][0], "message": {"text": "x", "blocks": [{"text": {"text": "x"}}]}}
    tags = re.findall(r"<[a-z/!][^>]*>", inbox_page({"emails": HELD["emails"], "slack": [quiet]}))
    for words in HOSTILE:
        mail = {**HELD["emails"][0], "subject": words, "text": words}
        slack = {**HELD["slack"][0], "message": {"text": words, "blocks": [{"text": {"text": words}}]}}
        told = inbox_page({"emails": [mail], "slack": [slack]})
        assert re.findall(r"<[a-z/!][^>]*>", told) == tags


def test_the_inbox_page_counts_its_messages_and_is_one_part_to_whoever_hears_it():
    one = inbox_page({"emails": HELD["emails"][:1]})
    assert "the latest first: 1 message. Nothing" in one
    assert "the latest first: 0 messages. Nothing" in inbox_page({})
    assert re.findall(r"</?(?:body|main|h1)>", one) == [
        *("<body>", "<main>", "<h1>", "</h1>", "</main>", "</body>"),
    ]


def test_an_empty_inbox_says_so():
    assert "Nothing has arrived yet." in inbox_page({"emails": [], "slack": []})


def test_the_inbox_is_a_page_to_a_browser_and_json_to_everybody_else(receiver):
    receiver.slack("sales", b'{"text": "MQL: Ada"}')
    server = serve(0, receiver, "http://127.0.0.1:9")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        inbox = f"http://127.0.0.1:{server.server_port}/inbox"
        page = urllib3.request("GET", inbox, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        plain = urllib3.request("GET", inbox)
        linked = urllib3.request("GET", f"{inbox}?as=json", headers={"accept": "text/html"})
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "MQL: Ada" in page.data.decode()
    assert plain.json() == linked.json()
    assert [each["message"]["text"] for each in plain.json()["slack"]] == ["MQL: Ada"]
