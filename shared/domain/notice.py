"""A notice: what the people to whom a lead is handed over are told, on any channel.

The words that come from outside (names, companies) stand in a notice as they are known; each channel makes them
harmless in its own way, with `quiet` first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import trunc
from typing import TYPE_CHECKING, Any, Literal

from shared.domain.handoff import Answer, Handoff, LeadId
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, to_datetime

if TYPE_CHECKING:
    from shared.domain.brief import Brief

MessageKind = Literal["requested", "reminder", "escalation", "reassignment", "released", "answered"]
"""`released` is told to the team that had the lead before a reassignment."""

_LONGEST = 120
_REASONS = 8
_ACRONYMS = {"iql", "mql", "sql", "pql"}
_LONGEST_ADDRESS = 254
_ADDRESS = re.compile(r"[\w.+'&=-]+@[\w-]+(\.[\w-]+)+")
_NUMBER = r"(?<![\w.])[vV]?[0-9]+(?:\.[0-9]+){1,2}(?!\.?\w)"
"""A decimal number, a day or a version: three parts at most, as four may be an address of the internet."""
_INNER_DOT = re.compile(
    rf"(?P<number>{_NUMBER})|(?<=\S)[.\u3002\ufe52\uff0e\uff61](?=[^\s.,;:!?'\"()\[\]{{}}<>/\\…\u3002\ufe52\uff0e\uff61-])"
)
"""What may make a host's name of a word; a dot that ends a word makes none."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who the lead is, as far as it is known."""

    emails: tuple[str, ...] = ()
    name: str | None = None
    title: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that gave points: what it was, and how many it counts."""

    rule: str
    label: str
    counts: float

    @property
    def points(self) -> str:
        """The points with their sign, `+40` or `-5`."""
        text = _shown(self.counts)
        return text if self.counts < 0 else f"+{text}"


@dataclass(frozen=True, slots=True)
class Notice:
    """A handoff in the form in which it is passed on. `id` is stable: a receiver recognises a repetition by it.

    `kind` says what people are told: of the handoff itself, of what happens while nobody answers, or of the answer; and
    `name` tells such messages of one handoff apart (`escalation`, empty for the handoff itself). `to` and `assignee`
    have the lead now, and `before` is the member of the same team who had it until now. `asked_at` is when the handoff
    itself was announced last: later than `requested_at` where it could not be sent for want of permission. `told_at` is
    when this message goes out.
    """

    id: str
    lead: LeadId
    stage: str
    epoch: int
    to: str
    introduction: Introduction
    total: float
    temperature: str | None
    grade: str | None
    rules_version: int
    reasons: tuple[Reason, ...]
    requested_at: Moment
    respond_by: Moment | None
    link: str | None = None
    brief: Brief | None = None
    kind: MessageKind = "requested"
    name: str = ""
    assignee: str | None = None
    before: str | None = None
    answer: Answer | None = None
    followed_up_at: Moment | None = None
    asked_at: Moment | None = None
    told_at: Moment | None = None

    @property
    def stage_name(self) -> str:
        """The stage as people write it: `MQL`, `suspect`."""
        return self.stage.upper() if self.stage in _ACRONYMS else self.stage

    @property
    def points(self) -> str:
        """The total in words, `65 points`."""
        text = _shown(self.total)
        return f"{text} point" if text in {"1", "-1"} else f"{text} points"

    @property
    def who(self) -> str:
        """The shortest words that tell who it is: name and company, or the e-mail address, or the lead's id."""
        named = self.introduction.name or (
            self.introduction.emails[0] if self.introduction.emails else f"lead {self.lead}"
        )
        return f"{named} ({self.introduction.company})" if self.introduction.company else named

    @property
    def deadline(self) -> str | None:
        """By when somebody answers, in the time that is there still: `by 10:30 UTC on 1 March 2026 (within 1 hour)`.

        Only the handoff itself tells how long that is: later, part of it has gone.
        """
        if self.respond_by is None:
            return None
        stamp = to_datetime(self.respond_by)
        on = f"{stamp:%H:%M} UTC on {stamp.day} {stamp:%B %Y}"
        if self.is_late:
            return f"the deadline passed at {on}"
        within = f" (within {_span(self.respond_by - self.requested_at)})" if self.kind == "requested" else ""
        return f"by {on}{within}"

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed when this is told."""
        at = self.told_at or self.followed_up_at or self.asked_at
        return self.respond_by is not None and at is not None and at >= self.respond_by


def compose(handoff: Handoff, introduction: Introduction, link: str | None = None) -> Notice:
    """The notice of a committed handoff; `link` may hold `{lead}` where the lead's id goes."""
    snapshot = handoff.snapshot
    return Notice(
        id=handoff.key.text,
        lead=handoff.key.lead,
        stage=handoff.key.stage,
        epoch=handoff.key.epoch,
        to=handoff.to,
        introduction=introduction,
        total=float(snapshot.get("total", 0)),
        temperature=snapshot.get("temperature"),
        grade=snapshot.get("grade"),
        rules_version=int(snapshot.get("rules_version", 0)),
        reasons=reasons_of(handoff)[:_REASONS],
        requested_at=handoff.requested_at,
        respond_by=handoff.respond_by,
        link=link.replace("{lead}", handoff.key.lead) if link else None,
    )


def reasons_of(handoff: Handoff) -> tuple[Reason, ...]:
    """What gave points when it was handed over, the greatest first."""
    return tuple(_reason(reason) for reason in handoff.snapshot.get("reasons", ()))


def introduce(emails: tuple[str, ...], lead: Mapping[str, Any], company: Mapping[str, Any]) -> Introduction:
    """Who it is, from the known identities and facts; a fact that is no text is left out."""
    parts = (_text(lead.get("first_name")), _text(lead.get("last_name")))
    told = _text(lead.get("email"))
    return Introduction(
        emails=emails or ((told,) if told else ()),
        name=_text(lead.get("name")) or " ".join(part for part in parts if part) or None,
        title=_text(lead.get("title")) or _text(lead.get("role")),
        company=_text(company.get("name")) or _text(lead.get("company")) or _text(company.get("domain")),
    )


def quiet(text: str, longest: int = _LONGEST) -> str:
    """Words from outside as one harmless line.

    Control, formatting and direction characters are gone, white space is single spaces, and nothing in it looks like a
    link to a mail or chat program: the dots inside `evil.example` become one-dot leaders and `://` loses its slashes.
    Numbers such as 2.5 and versions such as 1.2.3 stay.
    """
    flat = visible(text).replace("//", "\N{FRACTION SLASH}" * 2)
    line = _INNER_DOT.sub(lambda found: found["number"] or "\N{ONE DOT LEADER}", flat)
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def visible(text: str) -> str:
    """Words from outside as one line of characters that show: for where nothing makes a link of plain text."""
    shown = "".join(" " if _breaks(character) else character for character in text if not _hides(character))
    return " ".join(shown.split())


def quiet_address(address: str) -> str:
    """An e-mail address as it is, so that somebody can write to it; what is none of the usual form, quiet."""
    return address if _ADDRESS.fullmatch(address) and len(address) <= _LONGEST_ADDRESS else quiet(address)


def _breaks(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Zl", "Zp"}


def _hides(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Cs", "Co", "Cn"}


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _shown(points: float) -> str:
    """Points to a tenth, cut and never rounded up: nobody reads 50 who has not reached it."""
    cut = trunc(Decimal(repr(points)) * 10) / 10
    return f"{cut:.15g}"


def _reason(reason: Mapping[str, Any]) -> Reason:
    rule = str(reason["rule"])
    return Reason(rule, str(reason.get("label") or rule), float(reason["counts"]))


def _span(length: int) -> str:
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if length >= size and length % size == 0:
            count = length // size
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{length / 1_000_000:g} seconds"
