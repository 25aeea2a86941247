"""The inbox of this machine as a page that a person reads: mails, Slack messages and webhooks, the latest first."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

Delivery = Mapping[str, Any]

_NOTHING = Markup("")
_OWN_ADDRESS = re.compile(r"(?<=^Open the lead: )(https?://\S+)$", re.MULTILINE)
_ADDRESS = Markup('<a href="{}" rel="noreferrer">{}</a>')


def inbox_page(held: Mapping[str, Sequence[Delivery]]) -> str:
    """The page of what arrived: `webhooks`, `slack`, `emails`, and what was `refused` for its signature."""
    arrived = [(delivery["received_at"], _PARTS[kind](delivery)) for kind in _PARTS for delivery in held.get(kind, ())]
    newest = [part for _, part in sorted(arrived, key=lambda each: each[0], reverse=True)]
    parts = Markup("").join(newest) if newest else Markup("<p>Nothing has arrived yet.</p>")
    count = "1 message" if len(newest) == 1 else f"{len(newest)} messages"
    return str(_PAGE.format(count, parts))


def _email(mail: Delivery) -> Markup:
    copies = f", in copy {', '.join(mail['cc'])}" if mail.get("cc") else ""
    to = f"to {', '.join(mail['to'])}{copies}"
    return _part("E-mail", mail, mail["subject"], to, _TEXT.format(_linked(mail["text"])))


def _linked(text: str) -> Markup:
    """A mail's text in which the address that Baton itself put there is a link."""
    before, address, after = _OWN_ADDRESS.split(text, maxsplit=1) if _OWN_ADDRESS.search(text) else (text, "", "")
    link = _ADDRESS.format(address, address) if address else ""
    return Markup("{}{}{}").format(before, link, after)


def _slack(delivery: Delivery) -> Markup:
    """A message as Slack shows it: its blocks, and the plain text of notifications only where they have no header."""
    message = delivery["message"]
    blocks = [block for block in message.get("blocks", ()) if isinstance(block, Mapping)]
    header = next((block for block in blocks if block.get("type") == "header"), None)
    title = header["text"]["text"] if header else message["text"]
    shown = Markup("").join(_block(block) for block in blocks if block is not header)
    return _part("Slack", delivery, _read(title), f"in {delivery['channel']}", shown)


def _block(block: Delivery) -> Markup:
    """A block as Slack would show it, near enough; a button is a link."""
    told = [block["text"]] if "text" in block else list(block.get("elements", ()))
    shown = []
    for each in told:
        label = each.get("text", "")
        words = label.get("text", "") if isinstance(label, Mapping) else label
        address = str(each.get("url", ""))
        safe = address.startswith(("https://", "http://"))
        shown.append(_LINK.format(address, _read(words)) if safe else _TEXT.format(_read(words)))
    return Markup("").join(shown)


def _read(text: str) -> str:
    """The words behind Slack's three entities."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _webhook(delivery: Delivery) -> Markup:
    message = delivery["message"]
    about = f"{delivery['id']}{', a repetition' if delivery['repeated'] else ''}"
    body = json.dumps(message, indent=2, ensure_ascii=False)
    told = _DETAILS.format(body)
    return _part("Webhook", delivery, message.get("type", ""), about, told)


def _refused(delivery: Delivery) -> Markup:
    return _part("Refused", delivery, "A webhook was refused", delivery["reason"])


def _part(kind: str, delivery: Delivery, title: str, about: str, content: Markup = _NOTHING) -> Markup:
    at = str(delivery["received_at"])[:19].replace("T", " ")
    return _PART.format(kind.lower(), kind, at, title, about, content)


_PARTS = {"emails": _email, "slack": _slack, "webhooks": _webhook, "refused": _refused}
_TEXT = Markup("<p class=told>{}</p>")
_LINK = Markup('<p><a href="{}" rel="noreferrer">{}</a></p>')
_DETAILS = Markup("<details><summary>Its body</summary><pre>{}</pre></details>")
_PART = Markup(
    "<article class={}><header><b>{}</b> <time>{} UTC</time></header><h2>{}</h2><p class=about>{}</p>{}</article>\n"
)
_PAGE = Markup(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The inbox of this machine</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
body {{ background: #f6f6f4; color: #1c1c1a }}
article {{ background: #fff; border: 1px solid #ddd; border-left: 4px solid #777; border-radius: 4px }}
article {{ padding: .8rem 1.2rem; margin: 1rem 0 }}
.e-mail {{ border-left-color: #2c6fbb }} .slack {{ border-left-color: #6b2f6b }}
.webhook {{ border-left-color: #2e7d4f }} .refused {{ border-left-color: #b3261e }}
article {{ overflow-wrap: anywhere }}
header, .about {{ color: #5a5a55; font-size: .9rem; margin: 0 }} h2 {{ font-size: 1.1rem; margin: .2rem 0 }}
.told {{ white-space: pre-wrap; margin: .6rem 0 }}
pre {{ overflow-x: auto; font-size: .85rem }}
</style>
</head>
<body>
<main>
<h1>The inbox of this machine</h1>
<p>What Baton sent from here, the latest first: {}. Nothing left this machine. Reload to see more, or read it
<a href="/inbox?as=json">as JSON</a>.</p>
{}
</main>
</body>
</html>
"""
)
