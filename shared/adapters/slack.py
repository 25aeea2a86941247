"""Slack by an incoming webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared.domain.messages import facts, headline, opening, sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.adapters.receivers import Receivers
    from shared.domain.notice import Notice
    from shared.ports.secrets import Secrets

_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_TIMELINE = 5
_FOR_THE_ASSIGNEE = {"requested", "reminder", "reassignment"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class SlackChannel:
    """Posts a notice to the channel behind an incoming webhook, whose URL is the secret of that name.

    `mentions` holds the member ids of those of the team's members who are to be mentioned.
    """

    def __init__(
        self, receivers: Receivers, secrets: Secrets, secret: str, mentions: Mapping[str, str] | None = None
    ) -> None:
        self._receivers = receivers
        self._secrets = secrets
        self._secret = secret
        self._mentions = mentions or {}

    def send(self, notice: Notice) -> None:
        """Post the notice; see `shared.ports.channels.Channel`."""
        url = self._secrets.get(self._secret).strip()
        self._receivers.post(
            url, json.dumps(message(notice, self._mentions)).encode(), {"Content-Type": "application/json"}
        )


def message(notice: Notice, mentions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The notice as Block Kit, with a plain text for notifications and old clients.

    Words from outside stand in `plain_text` alone, where Slack reads no mark-up, and are escaped all the same. The one
    thing in mrkdwn is the mention of the assignee, by the member id of the settings.
    """
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(headline(notice), _LONGEST_HEADER)},
        {"type": "section", "text": _plain(opening(notice))},
    ]
    mentioned = (mentions or {}).get(notice.assignee or "")
    if mentioned and notice.kind in _FOR_THE_ASSIGNEE:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<@{mentioned}>"}})
    if rows := facts(notice):
        blocks.append({"type": "section", "text": _plain("\n".join(f"{name}: {value}" for name, value in rows))})
    if notice.link:
        button = {"type": "button", "text": _plain("Open the lead"), "url": notice.link}
        blocks.append({"type": "actions", "elements": [button]})
    for section in sections(notice, timeline=_TIMELINE):
        text = "\n".join((f"{section.title}:", *section.lines))
        blocks.append({"type": "section", "text": _plain(text)})
    blocks.append({"type": "context", "elements": [_plain(f"Lead {notice.lead}, handoff {notice.id}")]})
    return {
        "text": _escaped(headline(notice)),
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
