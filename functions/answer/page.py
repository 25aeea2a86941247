"""The lead's page as HTML: no script, nothing loaded from anywhere, and every word from outside escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby

from markupsafe import Markup

from functions.answer.picture import picture
from shared.adapters.http_api import Reply
from shared.domain.answering import labels_of, reason_in_words
from shared.domain.brief import Brief, Happening, Known, moment_in_words
from shared.domain.explanation import Contribution, Explanation
from shared.domain.handoff import Answer, FollowUp, HandoffRecord
from shared.domain.introduction import stage_in_words
from shared.domain.moments import DAY, HOUR, MINUTE, Moment, format_moment, to_datetime
from shared.domain.points import POINT, cut, divide, format_points, to_a_tenth
from shared.domain.qualification import Factor
from shared.domain.quiet import quiet_address, shown_address, visible
from shared.domain.rulefile import Reason
from shared.usecases.answer import LONGEST_NOTE
from shared.usecases.lead_page import LeadPage

_TENTH = POINT // 10
_ANSWERED: Mapping[str, str] = {"accepted": "Accepted", "rejected": "Rejected", "recycled": "Given back"}
_FOLLOW_UPS: Mapping[str, str] = {
    "reminder": "Reminder to {}",
    "escalation": "Escalation: {} is told",
    "reassignment": "Reassignment: {} gets the lead",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody sent that was not taken, so that nobody types it twice, and what was wrong with it."""

    fault: str
    answer: str = ""
    reason: str = ""
    note: str = ""
    look_again: str = ""


def lead_page(page: LeadPage, form_id: str, until: Moment, entered: Entered | None = None) -> Reply:
    """The page. `form_id` makes what its forms send one answer, however often a button is pressed.

    `until` is the moment at which the link to it ends.
    """
    brief, record = page.brief, page.record
    title = f"{_stage(record)}: {_who(brief)}"
    parts = [
        _head(page),
        _fault(entered) if entered else Markup(""),
        Markup('<main class="columns"><div class="column">{}</div><div class="column">{}</div></main>').format(
            Markup("").join(
                (_now(brief, record), _answer(page, form_id, entered), _person(brief), _to_ask(brief), _timeline(brief))
            ),
            Markup("").join((_score(page), _factors(page.factors), _consent(brief), _deadline(page))),
        ),
        _foot(page, until),
    ]
    return _reply(200 if entered is None else 422, title, Markup("").join(parts))


def plain_page(status: int, title: str, *sentences: str, back: str | None = None) -> Reply:
    """A page that says one thing and shows nothing of any lead; `back` is an address beside this one."""
    link = Markup('<p><a href="{}">Open the page of the lead</a></p>').format(back) if back else Markup("")
    told = Markup("").join(Markup("<p>{}</p>").format(sentence) for sentence in sentences)
    body = Markup('<main><section aria-labelledby="title"><h1 id="title">{}</h1>{}{}</section></main>').format(
        title, told, link
    )
    return _reply(status, title, body)


def answered_page(record: HandoffRecord, back: str | None) -> Reply:
    """Somebody was faster: who, when and how."""
    answer = record.answer
    told = _answer_words(answer) if answer else ""
    return plain_page(
        409,
        "This lead has been answered already",
        f"{told}.",
        "Your answer was not taken: the first one stands.",
        back=back,
    )


def _reply(status: int, title: str, body: Markup) -> Reply:
    style, policy = _style()
    html = Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex, nofollow"><meta name="referrer" content="no-referrer">'
        '<meta name="color-scheme" content="light dark"><meta name="format-detection" content="telephone=no">'
        '<title>{}</title><style>{}</style></head><body><div class="page">{}</div></body></html>'
    ).format(title, style, body)
    return {
        "statusCode": status,
        "headers": {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
            "x-robots-tag": "noindex, nofollow",
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
        },
        "body": str(html),
    }


@cache
def _style() -> tuple[Markup, str]:
    """The style sheet, and the policy that allows it and nothing else."""
    sheet = (files("functions.answer") / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Markup(sheet), policy  # noqa: S704 - it is our own


# --- parts ------------------------------------------------------------------------------------------------------------


def _head(page: LeadPage) -> Markup:
    brief, record = page.brief, page.record
    person = brief.who
    lede = ", ".join(visible(part) for part in (person.title, person.company if person.name else None) if part)
    return Markup('<header><p class="kicker">{}</p><h1 dir="auto">{}</h1>{}{}{}</header>').format(
        _handed_over(record),
        _name(brief),
        Markup('<p dir="auto">{}</p>').format(lede) if lede else "",
        Markup("<p>{}</p>").format(Markup(", ").join(_mail(each) for each in person.emails)) if person.emails else "",
        Markup("").join((_due(page), _gone_stage(page))),
    )


def _gone_stage(page: LeadPage) -> Markup:
    """That the active rules do not have the stage in which the lead stands."""
    if page.gone_stage is None:
        return Markup("")
    name = visible(stage_in_words(page.gone_stage))
    of = f"version {page.gone_version}" if page.gone_version else "earlier rules"
    return Markup("<p>{}</p>").format(f"It stands in {name}, a stage of {of}; the active rules have no such stage.")


def _handed_over(record: HandoffRecord) -> str:
    """To whom and when, and who has it since when where that is somebody else."""
    first = record.handoff
    moved = next((each for each in reversed(record.done) if each.kind == "reassignment"), None)
    is_moved = moved is not None and (first.to, first.assignee) != (record.to, record.assignee)
    whom = _holder(first.to, first.assignee) if is_moved else _whom(record)
    told = f"Handed over to {whom} as {_stage(record)} on {moment_in_words(first.requested_at)}"
    if moved is None or not is_moved:
        return told
    return f"{told}; with {_whom(record)} since {moment_in_words(moved.done_at or moved.at)}"


def _due(page: LeadPage) -> Markup:
    """By when somebody answers, or that somebody has."""
    due = page.record.handoff.respond_by
    if page.record.answer:
        return Markup("<p><strong>{}.</strong></p>").format(_answer_words(page.record.answer))
    if due is None:
        return Markup("")
    if page.at >= due:
        return Markup('<p class="late">Overdue by {}: an answer was wanted by {}.</p>').format(
            _span(page.at - due), moment_in_words(due)
        )
    return Markup("<p><strong>Answer by {}</strong>: {} left.</p>").format(moment_in_words(due), _span(due - page.at))


def _fault(entered: Entered) -> Markup:
    return Markup('<div class="notice fault" role="alert"><strong>Your answer was not taken.</strong> {}</div>').format(
        entered.fault
    )


def _now(brief: Brief, record: HandoffRecord) -> Markup:
    reasons = _list(
        Markup("<li>{} <strong>{}</strong></li>").format(visible(reason.label), reason.points)
        for reason in brief.reasons
    )
    return _section(
        "now",
        "Why now",
        Markup('<p class="touch">{}.</p><p>{}</p>{}').format(
            visible(brief.first_touch).rstrip("."),
            f"{_stage(record)} because {_inside(brief.cause)}.",
            Markup("<h3>What gave the points then</h3>{}").format(reasons) if brief.reasons else "",
        ),
    )


def _person(brief: Brief) -> Markup:
    parts = []
    if brief.known:
        parts.append(Markup("<h3>Their plans</h3>{}").format(_facts(brief.known)))
    if brief.person:
        parts.append(Markup("<h3>The person</h3>{}").format(_facts(brief.person)))
    if brief.company:
        parts.append(Markup("<h3>The company</h3>{}").format(_facts(brief.company)))
    return _section("known", "What is known", Markup("").join(parts) or Markup("<p>Nothing beside the name.</p>"))


def _facts(known: Iterable[Known]) -> Markup:
    rows = Markup("").join(
        Markup('<dt>{}</dt><dd dir="auto">{}{}</dd>').format(
            visible(each.label),
            visible(each.value),
            Markup("<small>{}</small>").format(f"by {visible(each.origin)}") if each.origin else "",
        )
        for each in known
    )
    return Markup("<dl>{}</dl>").format(rows)


def _to_ask(brief: Brief) -> Markup:
    asked = [
        Markup("<li>{}<small>{}</small></li>").format(
            visible(each.label),
            f"asked on {moment_in_words(each.asked_at)}, without an answer" if each.asked_at else "",
        )
        for each in brief.asked
    ]
    questions = [
        Markup("<li>{}<small>{}</small></li>").format(visible(each.question), visible(each.label))
        for each in brief.to_ask
    ]
    parts = [_list(questions)] if questions else []
    if asked:
        parts.append(Markup("<h3>Asked already: do not ask again</h3>{}").format(_list(asked)))
    return _section(
        "ask", "Still to ask", Markup("").join(parts) or Markup("<p>Nothing: all four facts are known.</p>")
    )


def _timeline(brief: Brief) -> Markup:
    lines = _happenings(brief.timeline)
    rest = Markup('<p class="soft">And {} before.</p>').format(_times(brief.earlier, "thing")) if brief.earlier else ""
    body = Markup('<ol class="plain">{}</ol>{}').format(lines, rest) if lines else Markup("<p>Nothing yet.</p>")
    if brief.ours:
        body += Markup('<h3>What we did</h3><ol class="plain">{}</ol>').format(_happenings(brief.ours))
    return _section("timeline", "What they did", body)


def _happenings(happenings: Iterable[Happening]) -> Markup:
    return Markup("").join(
        Markup('<li dir="auto">{}<small><time datetime="{}">{}</time></small></li>').format(
            visible(each.told), format_moment(each.at), each.day
        )
        for each in happenings
    )


def _consent(brief: Brief) -> Markup:
    consent = brief.consent
    wording = (
        Markup('<p>In these words:</p><blockquote dir="auto">{}</blockquote>').format(visible(consent.wording))
        if consent.wording
        else ""
    )
    return _section("consent", "Consent", Markup("<p>{}.</p>{}").format(visible(consent.words), wording))


def _factors(factors: Sequence[Factor]) -> Markup:
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}<small dir="auto">{}</small></th><td class="points level">{}</td></tr>').format(
            each.label, visible(each.because), each.level
        )
        for each in factors
    )
    return _section("factors", "Seven factors", Markup("<table>{}</table>").format(rows))


def _deadline(page: LeadPage) -> Markup:
    record, handoff = page.record, page.record.handoff
    if not handoff.follow_ups:
        return Markup("")
    done = {(each.kind, each.at): each for each in record.done}
    lines = _list(
        Markup("<li>{}<small>{}</small></li>").format(
            _FOLLOW_UPS[each.kind].format(visible(each.to)),
            moment_in_words(each.at) + _follow_up_state(record, done.get((each.kind, each.at))),
        )
        for each in handoff.follow_ups
    )
    return _section("follow-ups", "While nobody answers", lines)


def _follow_up_state(record: HandoffRecord, done: FollowUp | None) -> str:
    if done is None:
        return ", not needed any more" if record.answer else ""
    return ", done" if done.done_at is None else f", done on {moment_in_words(done.done_at)}"


def _foot(page: LeadPage, until: Moment) -> Markup:
    return Markup("<footer><p>{}</p></footer>").format(
        f"Handoff {visible(page.record.key.text)}, rules version {page.explanation.rules_version}. As it stands on "
        f"{moment_in_words(page.at)}. Whoever holds the address of this page can read it and answer, until "
        f"{moment_in_words(until)}."
    )


# --- the score --------------------------------------------------------------------------------------------------------


def _score(page: LeadPage) -> Markup:
    score, told = page.score, page.explanation
    bands = ", ".join(
        words
        for words in (
            visible(score.temperature) if score.temperature else "",
            f"grade {visible(score.grade)}" if score.grade else "",
            f"ruled out by {visible(', '.join(score.vetoed_by))}" if score.vetoed_by else "",
        )
        if words
    )
    now = f"{to_a_tenth(score.total)} points{f': {bands}' if bands else ''}"
    is_cut = any(points % _TENTH for points in (*(row.counts for row in told.contributions), score.total))
    remark = Markup('<p class="soft">Shown to a tenth of a point. Baton adds up exactly.</p>') if is_cut else ""
    return _section(
        "score",
        "The score",
        Markup("<p><strong>{}</strong></p>{}{}{}").format(
            now, picture(page.curve, page.bands, page.record.handoff.requested_at), _sum(told), remark
        ),
    )


def _sum(told: Explanation) -> Markup:
    """The rows of the explanation to the total: rule by rule, score by score."""
    rows: list[Markup] = []
    for name, points in told.scores.items():
        own = [row for row in told.contributions if row.score == name and row.earned]
        if not own and not points:
            continue
        ordered = sorted(own, key=lambda row: row.rule)
        rules = [list(group) for _, group in groupby(ordered, key=lambda row: row.rule)]
        rules.sort(key=lambda group: -sum(row.counts for row in group))
        rows += [_rule_row(group) for group in rules]
        rows.append(_score_row(name, points, told.weights.get(name, POINT)))
    rows.append(
        Markup('<tr class="total"><th scope="row">Total</th><td class="points">{}</td></tr>').format(
            to_a_tenth(told.total)
        )
    )
    return Markup('<table><caption class="soft">How it adds up</caption>{}</table>').format(Markup("").join(rows))


def _rule_row(rows: Sequence[Contribution]) -> Markup:
    """All that one rule counts, and what it lost on the way."""
    earned, counts = cut(sum(row.earned for row in rows)), cut(sum(row.counts for row in rows))
    age = sum(row.lost_to_age for row in rows)
    limits = sum(row.lost_to_rule_cap + row.lost_to_group_cap + row.lost_to_score_limits for row in rows)
    # The row adds up as it is shown: one part is what the cut ones leave.
    limits = cut(limits) if age else earned - counts
    total = {"to age": earned - counts - limits, "to limits": limits}
    lost = [f"{to_a_tenth(points)} lost {where}" for where, points in total.items() if points]
    how = ", ".join([f"{to_a_tenth(earned)} earned", *lost]) if lost else ""
    times = f" ({len(rows)} times)" if len(rows) > 1 else ""
    return Markup('<tr><th scope="row" dir="auto">{}{}</th><td class="points">{}</td></tr>').format(
        visible(rows[0].label) + times,
        Markup("<small>{}</small>").format(how) if how else "",
        _signed(counts),
    )


def _score_row(name: str, points: int, weight: int) -> Markup:
    words = f"{visible(name)[:1].upper()}{visible(name)[1:]}"
    if not weight:
        words = f"{words}: {to_a_tenth(points)}, no part of the total"
    elif weight != POINT:
        words = f"{words}: {to_a_tenth(points)}, each worth {format_points(weight)} of the total"
    return Markup('<tr class="sum"><th scope="row">{}</th><td class="points">{}</td></tr>').format(
        words, to_a_tenth(divide(points * weight, POINT))
    )


def _signed(points: int) -> str:
    return to_a_tenth(points) if points < 0 else f"+{to_a_tenth(points)}"


# --- the answer -------------------------------------------------------------------------------------------------------


def _answer(page: LeadPage, form_id: str, entered: Entered | None) -> Markup:
    if page.record.answer:
        return _given(page)
    sent = entered or Entered("")
    accept = Markup(
        '<form method="post">{}<details class="beside"{}><summary>Accept it with a note</summary>{}</details>'
        "<button>Accept the lead</button></form>"
    ).format(_hidden(form_id, "accept"), _open(sent, "accept"), _note("accept", sent))
    reject = Markup(
        '<details{}><summary>Reject it</summary><form method="post">{}{}{}'
        "<button>Reject the lead</button></form></details>"
    ).format(
        _open(sent, "reject"),
        _hidden(form_id, "reject"),
        _choice("reject", page.reasons.reject, sent),
        _note("reject", sent),
    )
    recycle = Markup(
        '<details{}><summary>Give it back, to look again later</summary><form method="post">{}{}{}{}'
        "<button>Give the lead back</button></form></details>"
    ).format(
        _open(sent, "recycle"),
        _hidden(form_id, "recycle"),
        _choice("recycle", page.reasons.recycle, sent),
        Markup(
            '<label for="recycle-day">Look again on (may be left empty)</label>'
            '<input type="date" id="recycle-day" name="look_again" min="{}" value="{}">'
        ).format(f"{to_datetime(Moment(page.at + DAY)):%Y-%m-%d}", sent.look_again if sent.answer == "recycle" else ""),
        _note("recycle", sent),
    )
    return _section("answer", "Your answer", Markup("").join((accept, reject, recycle)), "answers")


def _given(page: LeadPage) -> Markup:
    answer = page.record.answer
    if answer is None:
        return Markup("")
    parts = [Markup("<p>{}.</p>").format(_answer_words(answer))]
    if answer.reason:
        reason = reason_in_words(answer.reason, labels_of(page.reasons))
        parts.append(Markup("<p>Reason: {}</p>").format(visible(reason)))
    if answer.look_again:
        day = to_datetime(answer.look_again)
        parts.append(Markup("<p>To look again on {}.</p>").format(f"{day.day} {day:%B %Y}"))
    if page.remark:
        parts.append(Markup("<p>{}</p>").format(visible(page.remark)))
    if answer.note:
        lines = Markup("<br>").join(visible(line) for line in answer.note.splitlines())
        parts.append(Markup('<blockquote dir="auto">{}</blockquote>').format(lines))
    return _section("answer", "The answer", Markup("").join(parts), "done")


def _answer_words(answer: Answer) -> str:
    return f"{_ANSWERED[answer.kind]} by {visible(answer.who)} on {moment_in_words(answer.at)}"


def _hidden(form_id: str, answer: str) -> Markup:
    return Markup('<input type="hidden" name="id" value="{}"><input type="hidden" name="answer" value="{}">').format(
        form_id, answer
    )


def _open(sent: Entered, answer: str) -> Markup:
    return Markup(" open") if sent.answer == answer else Markup("")


def _choice(answer: str, reasons: Iterable[Reason], sent: Entered) -> Markup:
    options = Markup("").join(
        Markup('<option value="{}"{}>{}</option>').format(
            each.name,
            Markup(" selected") if sent.answer == answer and sent.reason == each.name else "",
            visible(each.title),
        )
        for each in reasons
    )
    return Markup(
        '<label for="{0}-reason">Reason</label><select id="{0}-reason" name="reason" required>'
        '<option value="">Choose a reason</option>{1}</select>'
    ).format(answer, options)


def _note(answer: str, sent: Entered) -> Markup:
    return Markup(
        '<label for="{0}-note">Note (may be left empty)</label>'
        '<textarea id="{0}-note" name="note" maxlength="{1}" rows="3">\n{2}</textarea>'
    ).format(answer, LONGEST_NOTE, sent.note if sent.answer == answer else "")


# --- words ------------------------------------------------------------------------------------------------------------


def _section(name: str, title: str, body: Markup, kind: str = "") -> Markup:
    return Markup('<section aria-labelledby="{0}-title"{1}><h2 id="{0}-title">{2}</h2>{3}</section>').format(
        name, Markup(' class="{}"').format(kind) if kind else "", title, body
    )


def _inside(sentence: str) -> str:
    """A sentence as part of another one."""
    told = visible(sentence).rstrip(".")
    return f"{told[:1].lower()}{told[1:]}"


def _list(items: Iterable[Markup]) -> Markup:
    return Markup('<ul class="plain">{}</ul>').format(Markup("").join(items))


def _stage(record: HandoffRecord) -> str:
    return visible(stage_in_words(record.key.stage))


def _name(brief: Brief) -> str:
    who = brief.who
    return (
        visible(who.name or "")
        or visible(who.company or "")
        or visible(shown_address(next(iter(who.emails), "")))
        or "A lead"
    )


def _who(brief: Brief) -> str:
    company = visible(brief.who.company or "")
    return f"{_name(brief)} ({company})" if company and company != _name(brief) else _name(brief)


def _whom(record: HandoffRecord) -> str:
    return _holder(record.to, record.assignee)


def _holder(to: str, assignee: str | None) -> str:
    return f"{visible(assignee)} of {visible(to)}" if assignee else visible(to)


def _mail(address: str) -> Markup:
    """An address to write to; one of no usual form is plain text."""
    if quiet_address(address) != address or len(visible(address)) != len(address) or "@" not in address:
        return Markup("{}").format(visible(shown_address(address)))
    return Markup('<a href="mailto:{}">{}</a>').format(
        address.replace("&", "%26").replace("=", "%3D"), shown_address(address)
    )


def _span(length: int) -> str:
    """A time in its largest whole unit: `3 days`, `35 minutes`, `less than a minute`."""
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if length >= size:
            return _times(length // size, name)
    return "less than a minute"


def _times(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
