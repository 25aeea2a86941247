"""A receiver on this machine: where handoffs arrive by signed webhook and by a look-alike of Slack's incoming webhook.

It keeps what arrives in the inbox folder and answers `GET /inbox` with all of it, and with the mails that the local
cloud sent: as a page to a browser, else as JSON. Run as `python -m infra.local.receiver`.
"""

from __future__ import annotations

import argparse
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from infra.local.inbox_page import inbox_page
from infra.local.ports import LOOPBACK

WEBHOOK_PATH = "/handoffs"
SLACK_PATH = "/slack"
INBOX_PATH = "/inbox"
_AS_JSON = f"{INBOX_PATH}?as=json"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_SLACK_SAYS = {HTTPStatus.OK: b"ok", HTTPStatus.BAD_REQUEST: b"no_text"}
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Inbox:
    """What arrived, one file for each delivery, in order of arrival."""

    folder: Path
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, kind: str, delivery: dict[str, Any]) -> None:
        """Remember a delivery and when it came."""
        with self._turn:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = len(list(self.folder.glob("*.json"))) + 1
            record = {"kind": kind, "received_at": datetime.now(tz=UTC).isoformat(), **delivery}
            fresh = self.folder / f"{number:06d}.new"
            fresh.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
            fresh.rename(fresh.with_suffix(".json"))

    def keep_mails(self, sent: list[dict[str, Any]]) -> None:
        """Remember the mails that the local cloud has sent, which it forgets when it stops."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.folder / "mails.new"
        fresh.write_text(json.dumps(self.mails(sent), indent=2, ensure_ascii=False) + "\n")
        fresh.rename(self.folder / "mails.kept")

    def mails(self, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The mails that were remembered and those that were sent since."""
        kept = self.folder / "mails.kept"
        before: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else []
        known = {mail["id"] for mail in before}
        return before + [mail for mail in sent if mail["id"] not in known]

    def by_kind(self) -> dict[str, list[dict[str, Any]]]:
        """The same under `webhooks`, `slack` and `refused`."""
        kinds: dict[str, list[dict[str, Any]]] = {"webhooks": [], "slack": [], "refused": []}
        for delivery in self.all():
            kinds[delivery["kind"]].append(delivery)
        return kinds

    def all(self) -> list[dict[str, Any]]:
        """Every delivery, the first one first."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]


@dataclass(frozen=True)
class Receiver:
    """The two addresses that messages are sent to. A webhook whose signature does not verify is refused."""

    inbox: Inbox
    signing_secret: str

    def webhook(self, headers: dict[str, str], body: bytes) -> HTTPStatus:
        """Take a Standard Webhooks message. One that came before is taken again and marked as a repetition."""
        try:
            message = Webhook(self.signing_secret).verify(body.decode(), headers)
        except (WebhookVerificationError, ValueError) as error:
            self.inbox.keep("refused", {"reason": f"the signature does not verify: {error}"})
            return HTTPStatus.UNAUTHORIZED
        number = headers["webhook-id"]
        known = {delivery["id"] for delivery in self.inbox.all() if delivery["kind"] == "webhooks"}
        self.inbox.keep("webhooks", {"id": number, "repeated": number in known, "message": message})
        return HTTPStatus.NO_CONTENT

    def slack(self, channel: str, body: bytes) -> HTTPStatus:
        """Take what Slack's incoming webhook would take: a JSON object with a text."""
        try:
            message = json.loads(body)
        except ValueError:
            return HTTPStatus.BAD_REQUEST
        if not isinstance(message, dict) or not message.get("text"):
            return HTTPStatus.BAD_REQUEST
        self.inbox.keep("slack", {"channel": channel, "message": message})
        return HTTPStatus.OK


def mails(endpoint: str) -> list[dict[str, Any]]:
    """The mails that the local cloud has sent, the first one first; none while it does not run."""
    try:
        answer = urllib3.request("GET", f"{endpoint}/_ministack/ses/messages", retries=False, timeout=5).json()
    except (urllib3.exceptions.HTTPError, ValueError):
        return []
    return [
        {
            "id": mail["MessageId"],
            "received_at": datetime.fromtimestamp(mail["Timestamp"], tz=UTC).isoformat(),
            "from": mail["Source"],
            "to": mail["To"],
            "cc": mail.get("CC") or [],
            "subject": mail["Subject"],
            "text": mail["BodyText"],
            "html": mail["BodyHtml"],
        }
        for account in answer["messages"].values()
        for mail in account
    ]


def serve(port: int, receiver: Receiver, endpoint: str) -> ThreadingHTTPServer:
    """A server that is bound and not running yet."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > _LIMIT:
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                return
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path == WEBHOOK_PATH:
                self._answer(receiver.webhook(headers, body))
            elif self.path.startswith(f"{SLACK_PATH}/"):
                status = receiver.slack(self.path.removeprefix(f"{SLACK_PATH}/"), body)
                self._answer(status, _SLACK_SAYS[status], "text/plain")
            else:
                self._answer(HTTPStatus.NOT_FOUND)

        def do_GET(self) -> None:
            if self.path not in {INBOX_PATH, _AS_JSON}:
                self._answer(HTTPStatus.NOT_FOUND)
                return
            held = {**receiver.inbox.by_kind(), "emails": receiver.inbox.mails(mails(endpoint))}
            asks_for_page = self.path == INBOX_PATH and "text/html" in self.headers.get("accept", "")
            body, kind = (
                (inbox_page(held).encode(errors="replace"), "text/html")
                if asks_for_page
                else (json.dumps(held, ensure_ascii=False).encode(), "application/json")
            )
            self._answer(HTTPStatus.OK, body, kind)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
            """Print nothing: a request line may hold what a secret holds."""

        def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
            self.send_response(status)
            if body:
                self.send_header("content-type", f"{kind}; charset=utf-8")
                self.send_header("content-security-policy", _POLICY)
                self.send_header("x-content-type-options", "nosniff")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((LOOPBACK, port), Handler)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--inbox", type=Path, required=True)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--secret-file", type=Path, required=True, help="a file that holds the webhook signing secret")
    chosen = parser.parse_args()
    receiver = Receiver(Inbox(chosen.inbox), chosen.secret_file.read_text().strip())
    serve(chosen.port, receiver, chosen.endpoint).serve_forever()


if __name__ == "__main__":
    main()
