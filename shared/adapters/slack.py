"""Slack by an incoming webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared.domain.notice import quiet, quiet_address

if TYPE_CHECKING:
    from shared.adapters.receivers import Receivers
    from shared.domain.notice import Notice
    from shared.ports.secrets import Secrets

_LONGEST_HEADER = 150


class SlackChannel:
    """Posts a notice to the channel behind an incoming webhook, whose URL is the secret of that name."""

    def __init__(self, receivers: Receivers, secrets: Secrets, secret: str) -> None:
        self._receivers = receivers
        self._secrets = secrets
        self._secret = secret

    def send(self, notice: Notice) -> None:
        """Post the notice; see `shared.ports.channels.Channel`."""
        url = self._secrets.get(self._secret).strip()
        self._receivers.post(url, json.dumps(message(notice)).encode(), {"Content-Type": "application/json"})


def message(notice: Notice) -> dict[str, Any]:
    """The notice as Block Kit, with a plain text for notifications and old clients.

    Words from outside stand in `plain_text` alone, where Slack reads no mark-up, and are escaped all the same.
    """
    person = notice.person
    headline = f"{notice.stage_name}: {quiet(notice.who)}"
    facts = [
        ("Score", " · ".join(part for part in (notice.points, notice.temperature, _grade(notice)) if part)),
        ("Answer", notice.deadline),
        ("E-mail", ", ".join(quiet_address(address) for address in person.emails)),
        ("Company", person.company),
        ("Role", person.title),
        ("Team", notice.to),
    ]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(headline[:_LONGEST_HEADER])},
        *({"type": "section", "text": _plain(f"{name}: {_fact(name, text)}")} for name, text in facts if text),
    ]
    if notice.reasons:
        lines = "\n".join(f"{reason.points}  {quiet(reason.label)}" for reason in notice.reasons)
        blocks.append({"type": "section", "text": _plain(f"Why now:\n{lines}")})
    if notice.link:
        button = {"type": "button", "text": _plain("Open the lead"), "url": notice.link}
        blocks.append({"type": "actions", "elements": [button]})
    blocks.append({"type": "context", "elements": [_plain(f"Lead {notice.lead}, handoff {notice.id}")]})
    return {
        "text": _escaped(f"{headline}, {notice.points}"),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def _fact(name: str, text: str) -> str:
    return text if name in {"E-mail", "Score", "Answer"} else quiet(text)


def _grade(notice: Notice) -> str | None:
    return f"grade {notice.grade}" if notice.grade else None


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text), "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
