"""What a message to a team says: headline, opening, facts and sections, harmless on any channel.

All words from outside have gone through `quiet` here; a channel escapes what is mark-up to it, and adds its own form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.domain.answering import reason_in_words
from shared.domain.moments import to_datetime
from shared.domain.quiet import quiet, quiet_address, shown_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.brief import Brief
    from shared.domain.notice import MessageKind, Notice

_LONGEST: Final = 400
_NOTHING_TO_DO: Final = {"answered", "released"}
_HEADLINES: Final[Mapping[MessageKind, str]] = {
    "reminder": "Reminder",
    "escalation": "Nobody has answered",
    "reassignment": "Yours now",
    "released": "With others now",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a message: a title, and lines that may be parted into two columns."""

    title: str
    rows: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """Each row as one line."""
        return tuple("  ".join(cell for cell in row if cell) for row in self.rows)


def headline(notice: Notice) -> str:
    """One line without anything that could start another: `MQL: Sam Jones (Acme), 65 points`."""
    about = f"{quiet(notice.stage_name)}: {quiet(notice.who)}"
    if notice.answer is not None:
        return f"{notice.answer.kind.capitalize()}: {about}"
    said = _HEADLINES.get(notice.kind)
    return f"{said}: {about}" if said else f"{about}, {notice.points}"


def opening(notice: Notice) -> str:
    """What has happened, in a sentence or two."""
    who, stage, to = quiet(notice.who), quiet(notice.stage_name), quiet(notice.to)
    has = f"{quiet(notice.assignee)} of {to}" if notice.assignee else to
    deadline = notice.deadline or ""
    late = f" {deadline[:1].upper()}{deadline[1:]}." if notice.is_late else ""
    match notice.kind:
        case "requested":
            its = f" It is {quiet(notice.assignee)}'s." if notice.assignee else ""
            return f"{who} is now {stage} and handed over to {to}.{its}"
        case "reminder":
            by = f" {deadline}" if deadline and not late else ""
            return f"{who} ({stage}) waits for an answer of {has}{by}.{late}"
        case "escalation":
            return f"Nobody has answered for {who} ({stage}), who was handed over to {has}.{late}"
        case "reassignment":
            before = f" {quiet(notice.before)} had it until now." if notice.before else ""
            return f"{who} ({stage}) is handed over to {has}, as nobody has answered before.{before}{late}"
        case "released":
            return f"{who} ({stage}) is with {has} now, as nobody has answered. There is nothing more to do here."
        case "answered":
            return _answered(notice, f"{who} ({stage})")


def _answered(notice: Notice, who: str) -> str:
    answer = notice.answer
    if answer is None:
        return f"{who} was answered."
    because = notice.because or (reason_in_words(answer.reason, {}) if answer.reason else "")
    reason = f": {quiet(because).rstrip('.')}" if because else ""
    again = ""
    if answer.look_again is not None:
        stamp = to_datetime(answer.look_again)
        again = f" It may be handed over again from {stamp.day} {stamp:%B %Y} on."
    note = f" “{quiet(answer.note, _LONGEST)}”" if answer.note else ""
    return f"{quiet(answer.who)} {answer.kind} {who}{reason}.{again}{note}"


def facts(notice: Notice) -> list[tuple[str, str]]:
    """Who it is and how it stands, by name; what is not known is left out. An answer needs none of it any more."""
    if notice.kind in _NOTHING_TO_DO:
        return []
    person = notice.introduction
    score = (notice.points, quiet(notice.temperature or ""), quiet(f"grade {notice.grade}") if notice.grade else "")
    rows = [
        ("E-mail", ", ".join(quiet_address(shown_address(address)) for address in person.emails)),
        ("Name", quiet(person.name or "")),
        ("Role", quiet(person.title or "")),
        ("Company", quiet(person.company or "")),
        ("Score", " · ".join(part for part in score if part)),
        ("Assignee", quiet(notice.assignee or "")),
        ("Answer", notice.deadline or ""),
    ]
    return [(name, value) for name, value in rows if value]


def sections(notice: Notice, *, timeline: int = 10) -> list[Section]:
    """The story, as far as it is told: why now, what to do, what is known, and so many lines of what they did."""
    if notice.kind in _NOTHING_TO_DO:
        return []
    why = [(reason.points, quiet(reason.label)) for reason in notice.reasons]
    brief = notice.brief
    if brief is None:
        return [Section("Why now", tuple(why))] if why else []
    cause = [("", f"{quiet(brief.cause, _LONGEST)}.")] if brief.cause else []
    found = [
        Section("Why now", (*cause, *why)),
        Section("Suggested first touch", _only(brief.first_touch)),
        Section("Still to ask", tuple(("", quiet(each.question, _LONGEST)) for each in brief.to_ask)),
        Section(
            "Asked already, without an answer", tuple(("", quiet(each.question, _LONGEST)) for each in brief.asked)
        ),
        Section("Known", _known(brief)),
        Section("Consent", _consent(brief)),
        Section("What they did", _timeline(brief, timeline)),
    ]
    return [section for section in found if section.rows]


def _only(text: str) -> tuple[tuple[str, str], ...]:
    return (("", quiet(text, _LONGEST)),) if text else ()


def _known(brief: Brief) -> tuple[tuple[str, str], ...]:
    rows = []
    for each in (*brief.known, *brief.person, *brief.company):
        origin = f" ({quiet(each.origin)})" if each.origin else ""
        rows.append((f"{quiet(each.label)}:", f"{quiet(each.value, _LONGEST)}{origin}"))
    return tuple(rows)


def _consent(brief: Brief) -> tuple[tuple[str, str], ...]:
    wording = f": “{quiet(brief.consent.wording, _LONGEST)}”" if brief.consent.wording else ""
    return (("", f"{quiet(brief.consent.words, _LONGEST)}{wording}"),)


def _timeline(brief: Brief, longest: int) -> tuple[tuple[str, str], ...]:
    rows = [(each.day, quiet(each.told)) for each in brief.timeline[:longest]]
    earlier = brief.earlier + sum(each.times for each in brief.timeline[longest:])
    return (*rows, ("", f"and {earlier} more before")) if earlier else tuple(rows)
