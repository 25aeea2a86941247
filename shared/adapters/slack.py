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
_LONGEST_SECTION = 3000
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


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
    person = notice.introduction
    headline = f"{quiet(notice.stage_name)}: {quiet(notice.who)}"
    score = (notice.points, quiet(notice.temperature or ""), quiet(f"grade {notice.grade}") if notice.grade else "")
    facts = [
        ("Score", " · ".join(part for part in score if part)),
        ("Answer", notice.deadline),
        ("E-mail", ", ".join(quiet_address(address) for address in person.emails)),
        ("Company", quiet(person.company or "")),
        ("Role", quiet(person.title or "")),
        ("Team", quiet(notice.to)),
    ]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(headline, _LONGEST_HEADER)},
        *({"type": "section", "text": _plain(f"{name}: {text}")} for name, text in facts if text),
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


def _plain(text: str, longest: int = _LONGEST_SECTION) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, longest), "emoji": False}


def _escaped(text: str, longest: int = _LONGEST_SECTION) -> str:
    """The text with Slack's three characters escaped, cut where it would grow too long and never inside an entity."""
    parts: list[str] = []
    room = longest
    for character in text:
        part = _ENTITIES.get(character, character)
        room -= len(part)
        if room < 0:
            break
        parts.append(part)
    return "".join(parts)
