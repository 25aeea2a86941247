"""E-mail by SES."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.notice import quiet, quiet_address
from shared.ports.channels import Undeliverable
from shared.ports.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

    from shared.domain.notice import Notice

_PASSING = {"TooManyRequestsException", "InternalFailure", "ServiceUnavailable", "ThrottlingException", "Throttling"}
_NO_TAG = re.compile(r"[^A-Za-z0-9_-]")


class EmailChannel:
    """Writes one message to all of a team's addresses.

    SES has no key against repetition, so the client should not repeat a call whose answer was lost by itself.
    """

    def __init__(self, client: SESV2Client, sender: str, recipients: tuple[str, ...]) -> None:
        self._client = client
        self._sender = sender
        self._recipients = recipients

    def send(self, notice: Notice) -> None:
        """Send the notice; see `shared.ports.channels.Channel`."""
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": list(self._recipients)},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject(notice), "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": as_text(notice), "Charset": "UTF-8"},
                            "Html": {"Data": as_html(notice), "Charset": "UTF-8"},
                        },
                    }
                },
                EmailTags=[{"Name": "handoff", "Value": _NO_TAG.sub("_", notice.id)}],
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            msg = f"SES answered {code}"
            # SES repeats the addresses in its message: only the code goes on.
            raise (Unavailable(msg) if code in _PASSING or status >= 500 else Undeliverable(msg)) from None  # noqa: PLR2004
        except BotoCoreError as error:
            msg = f"SES did not answer: {type(error).__name__}"
            raise Unavailable(msg) from None


def subject(notice: Notice) -> str:
    """One line without anything that could start another."""
    return f"{quiet(notice.stage_name)}: {quiet(notice.who)}, {notice.points}"


def as_text(notice: Notice) -> str:
    """The message as plain text."""
    rows = [f"{name}: {value}" for name, value in _facts(notice)]
    reasons = [f"  {reason.points:>8}  {quiet(reason.label)}" for reason in notice.reasons]
    parts = [
        _opening(notice),
        "\n".join(rows),
        "\n".join(["Why now:", *reasons]) if reasons else "",
        f"Open the lead: {notice.link}" if notice.link else "",
        f"Lead {notice.lead}, handoff {notice.id}, by rules version {notice.rules_version}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(notice: Notice) -> str:
    """The message as HTML: no script, no picture, nothing loaded from anywhere."""
    rows = "".join(
        f'<tr><th align="left">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in _facts(notice)
    )
    reasons = "".join(
        f'<tr><td align="right">{escape(reason.points)}</td><td>{escape(quiet(reason.label))}</td></tr>'
        for reason in notice.reasons
    )
    why = f"<h2>Why now</h2><table cellpadding='4'>{reasons}</table>" if reasons else ""
    link = f'<p><a href="{escape(notice.link)}">Open the lead</a></p>' if notice.link else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(subject(notice))}</title></head><body style='font-family: sans-serif'>"
        f"<p>{escape(_opening(notice))}</p>"
        f"<table cellpadding='4'>{rows}</table>{why}{link}"
        f"<p><small>Lead {escape(notice.lead)}, handoff {escape(notice.id)}, by rules version "
        f"{notice.rules_version}</small></p></body></html>"
    )


def _opening(notice: Notice) -> str:
    return f"{quiet(notice.who)} is now {quiet(notice.stage_name)} and handed over to {quiet(notice.to)}."


def _facts(notice: Notice) -> list[tuple[str, str]]:
    person = notice.introduction
    rows = [
        ("E-mail", ", ".join(quiet_address(address) for address in person.emails)),
        ("Name", quiet(person.name or "")),
        ("Role", quiet(person.title or "")),
        ("Company", quiet(person.company or "")),
        ("Score", notice.points),
        ("Temperature", quiet(notice.temperature or "")),
        ("Grade", quiet(notice.grade or "")),
        ("Answer", notice.deadline or ""),
    ]
    return [(name, value) for name, value in rows if value]
