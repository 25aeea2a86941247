"""E-mail by SES."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from markupsafe import Markup

from shared.domain.messages import Section, facts, headline, opening, sections
from shared.ports.channels import Unacceptable, Undeliverable
from shared.ports.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sesv2 import SESV2Client

    from shared.domain.notice import Notice

_PASSING = {"TooManyRequestsException", "InternalFailure", "ServiceUnavailable", "ThrottlingException", "Throttling"}
_FOR_WHAT_IT_SAYS = {"BadRequestException"}
_NO_TAG = re.compile(r"[^A-Za-z0-9_-]")


class EmailChannel:
    """Writes one message to a team: to the assignee with the others in copy, or to all of its addresses.

    `recipients` answers who is written to and who gets a copy, for an assignee and for who had the lead before. SES has
    no key against repetition, so the client should not repeat a call whose answer was lost by itself.
    """

    def __init__(
        self,
        client: SESV2Client,
        sender: str,
        recipients: Callable[[str | None, str | None], tuple[list[str], list[str]]],
    ) -> None:
        self._client = client
        self._sender = sender
        self._recipients = recipients

    def send(self, notice: Notice) -> None:
        """Send the notice; see `shared.ports.channels.Channel`."""
        to, copies = self._recipients(None if notice.kind == "released" else notice.assignee, notice.before)
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": to, "CcAddresses": copies} if copies else {"ToAddresses": to},
                Content={
                    "Simple": {
                        "Subject": {"Data": headline(notice), "Charset": "UTF-8"},
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
            if code in _PASSING or status >= 500:  # noqa: PLR2004 (the class of the server's own failures)
                raise Unavailable(msg) from None
            raise (Unacceptable(msg) if code in _FOR_WHAT_IT_SAYS else Undeliverable(msg)) from None
        except BotoCoreError as error:
            msg = f"SES did not answer: {type(error).__name__}"
            raise Unavailable(msg) from None


def as_text(notice: Notice) -> str:
    """The message as plain text."""
    told = [f"{section.title}:\n" + "\n".join(f"  {line}" for line in section.lines) for section in sections(notice)]
    parts = [
        opening(notice),
        "\n".join(f"{name}: {value}" for name, value in facts(notice)),
        f"Open the lead: {notice.link}" if notice.link else "",
        *told,
        _imprint(notice),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(notice: Notice) -> str:
    """The message as HTML: no script, no picture, nothing loaded from anywhere."""
    rows = Markup("").join(_FACT.format(name, value) for name, value in facts(notice))
    told = Markup("").join(_section(section) for section in sections(notice))
    link = _LINK.format(notice.link) if notice.link else ""
    return str(
        _PAGE.format(
            headline(notice), opening(notice), _TABLE.format(rows) if rows else "", link, told, _imprint(notice)
        )
    )


def _section(section: Section) -> Markup:
    rows = Markup("").join(_ROW.format(*row) if row[0] else _LINE.format(row[1]) for row in section.rows)
    return _SECTION.format(section.title, rows)


def _imprint(notice: Notice) -> str:
    return f"Lead {notice.lead}, handoff {notice.id}, by rules version {notice.rules_version}"


_PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>{}</title></head>'
    "<body style='margin: 0; font: 16px/1.5 system-ui, sans-serif'>"
    "<div style='max-width: 40em; margin: 0 auto; padding: 16px; overflow-wrap: anywhere'>"
    "<h1 style='margin: 0 0 12px; font-size: 20px; line-height: 1.3'>{}</h1>{}{}{}"
    "<p style='margin: 24px 0 0'><small>{}</small></p></div></body></html>"
)
_TABLE = Markup("<table cellpadding='3' cellspacing='0'>{}</table>")
_FACT = Markup(
    "<tr><th scope='row' align='left' valign='top' style='overflow-wrap: break-word'>{}</th>"
    "<td valign='top' style='padding-left: 12px'>{}</td></tr>"
)
_SECTION = Markup(
    "<h2 style='margin: 24px 0 4px; font-size: 18px'>{}</h2>"
    "<table role='presentation' cellpadding='3' cellspacing='0'>{}</table>"
)
_ROW = Markup(
    "<tr><td valign='top' style='overflow-wrap: break-word'>{}</td>"
    "<td valign='top' style='padding-left: 12px'>{}</td></tr>"
)
_LINE = Markup("<tr><td colspan='2'>{}</td></tr>")
_LINK = Markup(
    "<p style='margin: 16px 0'><a href=\"{}\" style='display: inline-block; padding: 10px 18px; border-radius: 6px; "
    "background: #0b5d51; color: #fff; font-weight: bold; text-decoration: none'>Open the lead</a></p>"
)
