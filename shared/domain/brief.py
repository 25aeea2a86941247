"""The brief: the whole story of a handed-over lead, in words, for whoever talks to the person next.

Words from outside (names, companies, titles, notes) stand in a brief as they are known, each cut to a sane length;
each channel makes them harmless in its own way, as with a notice. Brief and notice are pure: what is known comes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from shared.domain.activity import (
    BY_PEOPLE_ONLY,
    CONSENT_RECORDED,
    HANDOFF_ACCEPTED,
    HANDOFF_RECYCLED,
    HANDOFF_REJECTED,
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    LEAD_QUALIFIED,
    NOISE_MARKED,
    NOISE_UNMARKED,
    SCORE_ADJUSTED,
    WHO_SOMEBODY_IS,
    Activity,
    Identity,
    IdentityKind,
    Json,
    Rank,
)
from shared.domain.answering import reason_in_words
from shared.domain.consent import ConsentHistory, ConsentWord
from shared.domain.facts import Facts
from shared.domain.handoff import HandoffKey, HandoffRecord
from shared.domain.introduction import STAGE_ACRONYMS, Introduction, Reason, introduce, reasons_of
from shared.domain.moments import DAY, Moment, to_datetime
from shared.domain.noise import is_noise
from shared.domain.stages import QUALIFICATIONS

TIMELINE = 20
"""How many lines of what the lead did a brief tells; the rest is counted."""

_LONGEST = 100
_FACTS = 30
_REASONS = 8
_ACRONYMS = STAGE_ACRONYMS | {"id", "url", "vat"}
_INTRODUCED = {"name", "first_name", "last_name", "email", "email_kind", "title", "company"}
_TYPE = re.compile(r"`([a-z0-9_]+)`")
_SILENT = WHO_SOMEBODY_IS | {IDENTITIES_MERGED, IDENTITIES_UNMERGED, NOISE_MARKED, NOISE_UNMARKED}
"""What is said about a person and is nothing that somebody would talk about."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the timeline: what happened, how often on that day, and when it did last."""

    at: Moment
    words: str
    times: int = 1

    @property
    def told(self) -> str:
        """The words, with how often: `Looked at /pricing (3 times)`."""
        return self.words if self.times == 1 else f"{self.words} ({self.times} times)"

    @property
    def day(self) -> str:
        """`2 March 2026, 09:05 UTC`."""
        return moment_in_words(self.at)


@dataclass(frozen=True, slots=True)
class Known:
    """Something that is known: its name in rules (`company.employees`), what people call it, and who said so when."""

    name: str
    label: str
    value: str
    source: str | None = None
    at: Moment | None = None

    @property
    def origin(self) -> str:
        """Who said so, and when: `the form contact, 2 March 2026`; empty where nobody knows."""
        return ", ".join(part for part in (self.source, self.at is not None and day_in_words(self.at)) if part)


@dataclass(frozen=True, slots=True)
class ToAsk:
    """A qualification fact that nobody has told yet. `asked_at` is when somebody asked and got no answer."""

    fact: str
    label: str
    question: str
    asked_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class ConsentStands:
    """What holds of consent, since when, with which words before the person, and where it was given."""

    status: Literal["granted", "denied"] | None
    since: Moment | None = None
    wording: str | None = None
    source: str | None = None

    @property
    def words(self) -> str:
        """One sentence without the wording: `Granted since 2 March 2026, by the form contact`."""
        if self.status is None:
            return "Nothing is known of consent"
        since = f" since {day_in_words(self.since)}" if self.since is not None else ""
        by = f", by {self.source}" if self.source else ""
        return f"{self.status.capitalize()}{since}{by}"


@dataclass(frozen=True, slots=True)
class Brief:
    """The whole story of a handoff. `timeline` is newest first, and `earlier` counts what it leaves out.

    `person` and `company` are facts beside the introduction, `known` the qualification facts. `to_ask` are the
    questions still to ask, `asked` those that somebody asked and that got no answer: nobody asks them again. `ours` is
    what people of ours did, newest first.
    """

    key: HandoffKey
    to: str
    assignee: str | None
    who: Introduction
    cause: str
    reasons: tuple[Reason, ...]
    person: tuple[Known, ...]
    company: tuple[Known, ...]
    consent: ConsentStands
    known: tuple[Known, ...]
    to_ask: tuple[ToAsk, ...]
    asked: tuple[ToAsk, ...]
    timeline: tuple[Happening, ...]
    earlier: int
    first_touch: str
    ours: tuple[Happening, ...] = ()

    @property
    def why(self) -> tuple[str, ...]:
        """The reasons as sentences: `Visited the pricing page several times in a week, +40 points`."""
        return tuple(f"{reason.label}, {reason.points} points" for reason in self.reasons)


def compose_brief(
    record: HandoffRecord,
    *,
    facts: Facts,
    identities: Iterable[Identity],
    consents: ConsentHistory,
    activities: Sequence[Activity],
    now: Moment,
    first_touch: str | None = None,
    to_ask: Iterable[ToAsk] = (),
    labels: Mapping[str, str] = MappingProxyType({}),
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> Brief:
    """The brief of a handoff. `activities` stand newest first.

    `first_touch` is what the rules suggest for the stage, `labels` what they call the qualification facts, and
    `reasons` what they call the reasons for which sales gives leads back.

    What is marked as noise is no part of the story. Nothing later than `now` is.
    """
    story = [each for each in activities if each.occurred_at <= now and not is_noise(each)]
    emails = tuple(sorted(each.value for each in identities if each.kind is IdentityKind.EMAIL))
    lines = timeline(each for each in story if each.type not in BY_PEOPLE_ONLY)
    ours = timeline((each for each in story if each.type in BY_PEOPLE_ONLY), reasons)
    questions = [each for each in to_ask if not value_in_words(facts.qualification.get(each.fact))]
    known, person = _said_once(
        _known("qualification", facts.qualification, story, labels=labels),
        _known("lead", facts.lead, story, without=_INTRODUCED),
    )
    return Brief(
        key=record.handoff.key,
        to=record.to,
        assignee=record.assignee,
        who=introduce(emails, facts.lead, facts.company),
        cause=cause_in_words(record.handoff.caused_by),
        reasons=reasons_of(record.handoff)[:_REASONS],
        person=person,
        company=_known("company", facts.company, story, without={"name"}),
        consent=_consent(consents),
        known=known,
        to_ask=tuple(each for each in questions if each.asked_at is None),
        asked=tuple(each for each in questions if each.asked_at is not None),
        timeline=lines[:TIMELINE],
        earlier=sum(line.times for line in lines[TIMELINE:]),
        first_touch=first_touch or suggested_touch(story),
        ours=ours[:TIMELINE],
    )


# --- words ------------------------------------------------------------------------------------------------------------


def day_in_words(moment: Moment) -> str:
    """`2 March 2026`, in UTC."""
    stamp = to_datetime(moment)
    return f"{stamp.day} {stamp:%B} {stamp.year}"


def moment_in_words(moment: Moment) -> str:
    """`2 March 2026, 09:05 UTC`."""
    return f"{day_in_words(moment)}, {to_datetime(moment):%H:%M} UTC"


def cause_in_words(condition: str) -> str:
    """A stage's condition for people: types of activities as words, the first letter large."""
    told = _TYPE.sub(lambda found: f"“{found[1].replace('_', ' ')}”", condition)
    return told[:1].upper() + told[1:]


def label_of(name: str) -> str:
    """What people call a fact: `annual_revenue` is `Annual revenue`."""
    words = re.sub(r"[_.\s]+", " ", name).strip()
    words = " ".join(word.upper() if word.lower() in _ACRONYMS else word for word in words.split())
    return _short(words[:1].upper() + words[1:])


def value_in_words(value: Json) -> str:
    """A fact's value: yes and no, numbers as written, lists with commas; of a mapping its own values."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return _short(", ".join(value_in_words(each) for each in value))
        case Mapping():
            return _short(", ".join(f"{label_of(str(key))}: {value_in_words(each)}" for key, each in value.items()))
        case None:
            return ""
    return _short(str(value))


def timeline(
    activities: Iterable[Activity], reasons: Mapping[str, str] = MappingProxyType({})
) -> tuple[Happening, ...]:
    """What happened, newest first; the same thing on the same day is one line."""
    lines: dict[tuple[int, str], Happening] = {}
    for each in sorted(activities, key=lambda each: (each.occurred_at, each.id), reverse=True):
        if each.type in _SILENT:
            continue
        words = in_words(each, reasons)
        key = (each.occurred_at // DAY, words)
        before = lines.get(key)
        lines[key] = Happening(before.at, words, before.times + 1) if before else Happening(each.occurred_at, words)
    return tuple(lines.values())


def in_words(activity: Activity, reasons: Mapping[str, str] = MappingProxyType({})) -> str:
    """What somebody did, as a sentence without its end: `Looked at Pricing`, `Asked for a demo (campaign Spring)`."""
    if activity.type in BY_PEOPLE_ONLY:
        return _said(activity, reasons)
    plain, about, fields = _DID.get(activity.type, (f"Did this: {activity.type.replace('_', ' ')}", "{}: {}", _TITLES))
    thing = _first(activity, fields)
    words = about.format(plain, thing) if thing and about.count("{}") > 1 else about.format(thing) if thing else plain
    campaign = _text(_at(activity.context, "campaign", "name")) or _text(activity.properties.get("campaign"))
    return f"{words} (campaign {campaign})" if campaign else words


def suggested_touch(activities: Sequence[Activity]) -> str:
    """How to begin, from what the lead did: what it asked for last, else what it did last. Newest first."""
    own = [each for each in activities if each.own and each.type not in _SILENT and each.type not in BY_PEOPLE_ONLY]
    asked = next((each for each in own if each.type in _ASKED), None)
    chosen = asked or next(iter(own), None)
    if chosen is None:
        return "Introduce yourself, and ask what they are looking for"
    day = to_datetime(chosen.occurred_at)
    on = f"on {day.day} {day:%B}"
    thing = _first(chosen, _DID[chosen.type][2]) if chosen.type in _DID else None
    if chosen.type in _TOUCH:
        plain, about = _TOUCH[chosen.type]
        return f"{about.format(thing) if thing else plain} {on}"
    words = in_words(chosen)
    return f"Begin with what they did last: {words[:1].lower()}{words[1:]} {on}"


_PAGE = ("properties.title", "context.page.title", "properties.name", "properties.path", "context.page.path")
_TITLES = ("properties.title", "properties.name", "properties.asset", "properties.subject")
_ASSET = ("properties.title", "properties.name", "properties.asset", "properties.file")
_WEBINAR = ("properties.title", "properties.name", "properties.webinar", "properties.webinar_id")
_EVENT = ("properties.title", "properties.name", "properties.event", "properties.event_id")
_MAIL = ("properties.subject", "properties.email_subject", "properties.title", "properties.name")
_FORM = ("properties.form", "properties.form_name", "properties.title", "properties.name")
_FEATURE = ("properties.feature", "properties.name")

_DID: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "page_viewed": ("Looked at a page", "Looked at {}", _PAGE),
    "screen_viewed": ("Opened a screen of the app", "Opened {} in the app", _PAGE),
    "form_submitted": ("Sent a form", "Sent the form {}", _FORM),
    "rep_contacted": ("Contacted a sales representative", "Contacted a sales representative about {}", _MAIL),
    "newsletter_subscribed": ("Subscribed to the newsletter", "Subscribed to the newsletter {}", _TITLES),
    "content_downloaded": ("Downloaded something to read", "Downloaded {}", _ASSET),
    "interactive_content_completed": ("Completed interactive content", "Completed {}", _ASSET),
    "blog_post_read": ("Read a blog post", "Read {}", _PAGE),
    "cta_clicked": ("Clicked a call to action", "Clicked the call to action {}", _TITLES),
    "webinar_registered": ("Registered for a webinar", "Registered for the webinar {}", _WEBINAR),
    "webinar_attended": ("Attended a webinar", "Attended the webinar {}", _WEBINAR),
    "event_registered": ("Registered for an event", "Registered for the event {}", _EVENT),
    "event_attended": ("Attended an event", "Attended the event {}", _EVENT),
    "conversation_held": ("Talked with us at an event", "Talked with us at {}", _EVENT),
    "email_opened": ("Opened an e-mail", "Opened the e-mail {}", _MAIL),
    "email_clicked": ("Clicked a link in an e-mail", "Clicked a link in the e-mail {}", _MAIL),
    "email_forwarded": ("Forwarded an e-mail", "Forwarded the e-mail {}", _MAIL),
    "email_unsubscribed": ("Unsubscribed from our e-mails", "Unsubscribed from {}", _TITLES),
    "demo_requested": ("Asked for a demo", "Asked for a demo of {}", ("properties.product",)),
    "price_requested": ("Asked for a price", "Asked for the price of {}", ("properties.product",)),
    "proposal_requested": ("Asked for a proposal", "Asked for a proposal for {}", ("properties.product",)),
    "quote_requested": ("Asked for a quote", "Asked for a quote for {}", ("properties.product",)),
    "sample_requested": ("Asked for sample content", "Asked for the sample {}", _ASSET),
    "information_requested": ("Asked for information", "Asked for information on {}", _TITLES),
    "integration_asked": ("Asked how it integrates", "Asked how it integrates with {}", ("properties.system",)),
    "scale_asked": ("Asked how it scales", "Asked how it scales: {}", _TITLES),
    "trial_started": ("Started a trial", "Started a trial of {}", ("properties.product",)),
    "feature_used": ("Used the product", "Used {}", _FEATURE),
    "limit_reached": ("Reached a limit of the product", "Reached the limit of {}", ("properties.limit", *_FEATURE)),
    "support_requested": ("Asked support for something", "Asked support: {}", _MAIL),
    "message_sent": ("Sent a message", "Sent a message: {}", _MAIL),
    "proposal_sent": ("Received a proposal", "Received the proposal {}", _TITLES),
    "quote_sent": ("Received a quote", "Received the quote {}", _TITLES),
    "purchased": ("Bought", "Bought {}", ("properties.product", *_TITLES)),
}
"""What somebody did, plainly; about what, where one of the fields after it tells that."""

_ASKED = frozenset(
    {
        *("demo_requested", "price_requested", "quote_requested", "proposal_requested", "sample_requested"),
        *(
            "information_requested",
            "integration_asked",
            "scale_asked",
            "rep_contacted",
            "support_requested",
            "message_sent",
        ),
    }
)
"""The types by which somebody asked for an answer: that is where one begins."""

_TOUCH: Mapping[str, tuple[str, str]] = {
    "demo_requested": ("Call about the demo that they asked for", "Call about the demo of {} that they asked for"),
    "price_requested": (
        "Call about the price that they asked for",
        "Call about the price of {} that they asked for",
    ),
    "quote_requested": ("Call about the quote that they asked for", "Call about the quote for {} that they asked for"),
    "proposal_requested": (
        "Call about the proposal that they asked for",
        "Call about the proposal for {} that they asked for",
    ),
    "sample_requested": (
        "Bring the sample content that they asked for",
        "Bring the sample {} that they asked for",
    ),
    "information_requested": (
        "Bring the information that they asked for",
        "Bring the information on {} that they asked for",
    ),
    "rep_contacted": ("Answer what they wrote to sales", "Answer what they wrote to sales about {}"),
    "form_submitted": ("Answer the form that they sent", "Answer the form {} that they sent"),
    "webinar_attended": (
        "Ask what they took from the webinar that they attended",
        "Ask what they took from the webinar {} that they attended",
    ),
    "webinar_registered": (
        "Ask what they expect of the webinar for which they registered",
        "Ask what they expect of the webinar {} for which they registered",
    ),
    "event_attended": ("Refer to the event where they were", "Refer to the event {} where they were"),
    "content_downloaded": (
        "Ask whether what they downloaded has answered their question, downloaded",
        "Ask whether {} has answered their question, downloaded",
    ),
    "trial_started": ("Ask how the trial goes that they started", "Ask how the trial of {} goes that they started"),
    "page_viewed": ("Offer help with what they read on the website", "Offer help with {}, which they read"),
}
"""How to begin from what somebody did; the day follows."""

_SAID: Mapping[str, str] = {
    SCORE_ADJUSTED: "{} adjusted the score by hand",
    CONSENT_RECORDED: "{} wrote down what they said of consent",
    LEAD_QUALIFIED: "{} wrote down what they said of their plans",
    HANDOFF_ACCEPTED: "{} accepted the lead",
    HANDOFF_REJECTED: "{} rejected the lead",
    HANDOFF_RECYCLED: "{} gave the lead back",
}


def _said(activity: Activity, reasons: Mapping[str, str]) -> str:
    who = _text(activity.properties.get("who")) or "Somebody who signed in"
    who = f"The {who.removeprefix('the ')}" if who.startswith("the ") else who
    reason = _text(activity.properties.get("reason"))
    because = reason_in_words(reason, reasons) if reason else _text(activity.properties.get("why"))
    words = _SAID[activity.type].format(who)
    return f"{words}: {because}" if because else words


def subject_of(kind: str, properties: Mapping[str, Json]) -> str | None:
    """What an activity of that type was about, a page or a form, by its properties alone; None where none tells it."""
    _, _, fields = _DID.get(kind, ("", "", ()))
    own = (field.removeprefix("properties.") for field in fields if field.startswith("properties."))
    return next((found for name in own if (found := _text(properties.get(name)))), None)


def _first(activity: Activity, fields: Iterable[str]) -> str | None:
    for field in fields:
        root, *path = field.split(".")
        if found := _text(_at(activity.properties if root == "properties" else activity.context, *path)):
            return found
    return None


def _at(within: Json, *path: str) -> Json:
    for step in path:
        within = within.get(step) if isinstance(within, Mapping) else None
    return within


def _text(value: Json) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _short(str(value)) or None


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"


# --- what is known ----------------------------------------------------------------------------------------------------


def _known(
    group: str,
    facts: Mapping[str, Json],
    story: Iterable[Activity],
    without: Iterable[str] = (),
    labels: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Known, ...]:
    left_out = set(without)
    wanted = {name: value for name, value in facts.items() if name not in left_out and value_in_words(value)}
    said: dict[str, tuple[tuple[int, int, str], Activity]] = {}
    for each in story:
        for name in getattr(each.claims, group):
            weight = (int(each.rank), each.occurred_at, each.id)
            if name in wanted and (name not in said or weight > said[name][0]):
                said[name] = (weight, each)
    names = sorted(wanted, key=lambda name: (name not in QUALIFICATIONS, name))[:_FACTS]
    return tuple(
        Known(
            f"{group}.{name}",
            labels.get(name) or label_of(name),
            value_in_words(wanted[name]),
            _source(said[name][1]) if name in said else None,
            said[name][1].occurred_at if name in said else None,
        )
        for name in names
    )


def _said_once(known: tuple[Known, ...], person: tuple[Known, ...]) -> tuple[tuple[Known, ...], tuple[Known, ...]]:
    """What is known twice under one label, as where a form asks for a need that is no qualification, is one row."""
    labels = {each.label.casefold() for each in known}
    rows = tuple(_together(each, [other for other in person if _are_alike(each, other)]) for each in known)
    return rows, tuple(each for each in person if each.label.casefold() not in labels)


def _are_alike(one: Known, other: Known) -> bool:
    return one.label.casefold() == other.label.casefold()


def _together(one: Known, others: Iterable[Known]) -> Known:
    """A row that tells too what others say otherwise, and who said that."""
    said = [each for each in others if each.value.casefold() != one.value.casefold()]
    told = [f"{each.value} ({each.origin})" if each.origin else each.value for each in said]
    return replace(one, value="; also ".join((one.value, *told)))


def _source(activity: Activity) -> str:
    """Who said it: a person by name, a form, or the system or page that told it."""
    if activity.rank >= Rank.SALES:
        return _text(activity.properties.get("who")) or "sales"
    return (
        _short(activity.source) if activity.source else ("a web page" if activity.rank is Rank.PUBLIC else "a server")
    )


def _consent(history: ConsentHistory) -> ConsentStands:
    word = history.holds
    if word is None:
        return ConsentStands(None)
    wording = _short(word.wording) if word.wording else None
    return ConsentStands(word.status, history.since, wording, _consent_source(word))


def _consent_source(word: ConsentWord) -> str | None:
    source = word.who or word.told_by or word.source
    return _short(source) if source else None
