"""The page of a lead: what it shows, whom it shows nothing, and how it takes the answer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from functions.answer import page as page_module
from functions.answer.handler import lambda_handler
from shared.adapters.routes import ROUTES
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.handoff import FollowUp, HandoffRecord
from shared.domain.journey import Journey
from shared.domain.moments import DAY, HOUR, MINUTE, parse_moment
from shared.ports.errors import Unavailable
from shared.ports.stages import StageRecord
from tests.hostile import HOSTILE
from tests.http_requests import http_event
from tests.lead_pages import ADA, REQUESTED, RULES, Pages, pages_of_ada, told_by_ada
from tests.people import activity

ACCEPT = {"id": "form-1", "answer": "accept"}
RECYCLE = {"id": "form-1", "answer": "recycle", "reason": "bad_timing", "note": "In spring", "look_again": "2026-04-01"}
_VOID = {"meta", "input", "line", "polyline", "circle", "br"}


class Page(HTMLParser):
    """A page as a browser reads it: its elements, their attributes, and the text that shows."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.comments = 0
        self.feed(reply["body"])
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), "an attribute stands twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} ends where something else is open"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments += 1

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def shape(self) -> Counter[tuple[str, tuple[str, ...]]]:
        """How many elements there are of each kind, with which attributes."""
        return Counter((tag, tuple(sorted(attributes))) for tag, attributes in self.elements)


def page_of(reply: dict[str, Any], status: int = 200) -> Page:
    assert reply["statusCode"] == status, reply["body"]
    return Page(reply)


# --- what it shows ---


def test_it_tells_who_and_why_now_and_how_to_begin() -> None:
    pages, token = pages_of_ada()
    text = page_of(pages.get(token)).text

    assert "Ada Obi Head of Purchasing, Obi & Daughters ada@example.com" in text
    assert "Handed over to bo of inside-sales as MQL on 4 March 2026, 09:30 UTC" in text
    assert "Call about the demo that they asked for on 4 March." in text
    assert "MQL because the total score is at least 50 and the consent is granted." in text
    assert "Registered for a webinar +20" in text
    assert "Need Too much waste by demo-request, 4 March 2026" in text
    assert "Is there a budget for this?" in text
    assert "What do you need" not in text
    assert "Granted since 4 March 2026, by demo-request. In these words: You may contact me about my request." in text
    assert "Looked at /pricing (2 times)" in text


def test_the_rows_of_the_score_add_up_to_the_total() -> None:
    pages, token = pages_of_ada(rules={**RULES, "behaviour": [_undecayed(rule) for rule in RULES["behaviour"]]})
    body = pages.get(token)["body"]
    table = body.partition("How it adds up")[2].partition("</table>")[0]
    rows = re.findall(r'<tr(?: class="(\w+)")?>.*?<td class="points">([^<]+)</td>', table)

    assert sum(float(points) for kind, points in rows if not kind) == 95
    assert sum(float(points) for kind, points in rows if kind == "sum") == 95
    assert [points for kind, points in rows if kind == "total"] == ["95"]
    assert "Shown to a tenth" not in body


def _undecayed(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key != "decay"}


def test_a_row_of_the_score_adds_up_as_it_is_shown_whatever_was_cut() -> None:
    for days in range(28):
        pages, token = pages_of_ada(rules={**RULES, "behaviour": [_aged(rule) for rule in RULES["behaviour"]]})
        pages.clock.advance(days * DAY + 777 * MINUTE)
        text = page_of(pages.get(token)).text
        row = r"([-\d.]+) earned(?:, ([-\d.]+) lost to age)?(?:, ([-\d.]+) lost to limits)? ([-+\d.]+)"
        rows = re.findall(row, text)

        assert len(rows) >= 2
        for earned, *lost, counts in rows:
            assert Decimal(earned) == Decimal(counts) + sum(Decimal(part) for part in lost if part)
            assert all(Decimal(part) * Decimal(earned) > 0 for part in lost if part)


def test_what_limits_took_of_a_row_adds_up_with_it_too() -> None:
    odd = {"id": "webinar", "label": "Webinar", "on": "webinar_registered", "points": 15.25, "cap": 20.17}
    pages, token = pages_of_ada(rules={**RULES, "behaviour": [odd]})

    assert "Webinar (2 times) 30.5 earned, 10.4 lost to limits +20.1" in page_of(pages.get(token)).text


def _aged(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "decay": {"half_life": "11d"}}


def test_what_a_rule_lost_on_the_way_stands_beside_it() -> None:
    pages, token = pages_of_ada()
    text = page_of(pages.get(token)).text

    assert "Registered for a webinar (2 times) 30 earned, 10 lost to limits +20" in text
    assert "40 earned, 1.9 lost to age +38.1" in text
    assert "Shown to a tenth of a point" in text


def test_a_weight_tells_what_a_score_brings_to_the_total() -> None:
    for weight, words in ((0.25, "Fit: 15, each worth 0.25 of the total 3.7"), (0, "Fit: 15, no part of the total 0")):
        pages, token = pages_of_ada(rules={**RULES, "total": {"fit": weight}})
        assert words in page_of(pages.get(token)).text


def test_a_rule_that_gave_nothing_is_no_row() -> None:
    pages = Pages()
    pages.happened([activity("a1", ADA, claims=Claims(consent="granted"), at="2026-03-04T09:00:00Z")])

    assert "Has 200 people or more" not in page_of(pages.get(pages.token(pages.handed_over()))).text


def test_the_picture_tells_its_story_in_words_too() -> None:
    pages, token = pages_of_ada()
    page = page_of(pages.get(token))
    (line,) = (attributes["points"] for tag, attributes in page.elements if tag == "polyline")

    assert "The score over time: 0 on 10 February 2026" in page.text
    assert len((line or "").split()) >= 60
    assert {tag for tag, _ in page.elements} >= {"svg", "title"}
    assert "warm" in page.text


def test_all_seven_factors_stand_on_it() -> None:
    pages, token = pages_of_ada()
    text = page_of(pages.get(token)).text

    for factor in (
        *("Interest level", "Criteria fit", "Sales readiness", "Information availability"),
        *("Buying authority", "Business need", "Conversion probability"),
    ):
        assert factor in text


def test_the_time_that_is_left_or_over_and_what_follows_stand_on_it() -> None:
    pages, token = pages_of_ada()
    text = page_of(pages.get(token)).text
    assert "Answer by 4 March 2026, 10:30 UTC : 35 minutes left." in text
    assert "Reminder to inside-sales 4 March 2026, 10:15 UTC" in text

    (key,) = pages.handoffs.committed
    before = pages.handoffs.record(key)
    assert before is not None
    planned, done_at = parse_moment("2026-03-04T10:15:00Z"), parse_moment("2026-03-04T10:16:57Z")
    done = (FollowUp("reminder", planned, "inside-sales", done_at),)
    assert pages.handoffs.follow_up(before, HandoffRecord(before.handoff, "sales-lead", "cleo", done))
    pages.clock.advance(3 * HOUR)
    text = page_of(pages.get(token)).text
    assert "Overdue by 2 hours: an answer was wanted by 4 March 2026, 10:30 UTC." in text
    assert "10:15 UTC, done on 4 March 2026, 10:16 UTC" in text
    assert "Handed over to cleo of sales-lead" in text


def test_what_was_asked_already_is_told_so_that_nobody_asks_again() -> None:
    pages, token = pages_of_ada()
    asked = activity(
        "q1",
        ADA,
        type="lead_qualified",
        at="2026-03-04T09:40:00Z",
        rank=Rank.SALES,
        own=False,
        properties={"asked": ["budget"], "who": "Bo"},
    )
    pages.happened([asked])
    text = page_of(pages.get(token)).text

    assert "Asked already: do not ask again Budget asked on 4 March 2026, 09:40 UTC" in text
    assert "Is there a budget for this?" not in text.partition("Still to ask")[2].partition("What they did")[0]


def test_what_is_noise_or_lies_ahead_is_not_on_the_page() -> None:
    pages, token = pages_of_ada()
    before = pages.get(token)["body"]
    pages.happened([activity("n1", ADA, type="price_requested", at="2026-03-04T09:45:00Z", marks=("bot",))])
    pages.happened([activity("n2", ADA, type="price_requested", at="2026-03-04T10:45:00Z")])

    assert pages.get(token)["body"] == before


def test_a_lead_of_whom_next_to_nothing_is_known_has_a_page_too() -> None:
    pages = Pages()
    pages.happened([activity("a1", ADA, claims=Claims(consent="granted"), at="2026-03-04T09:55:00Z")])
    token = pages.token(pages.handed_over(respond_by=None, follow_ups=(), assignee=None))
    text = page_of(pages.get(token)).text

    assert "Handed over to inside-sales as MQL" in text
    assert "ada@example.com" in text
    assert "Nothing beside the name." in text
    assert "Answer by" not in text
    assert "While nobody answers" not in text


# --- looking changes nothing, and nothing looks further ---


def test_looking_changes_nothing_however_often_and_by_whatever_method() -> None:
    pages, token = pages_of_ada()
    (key,) = pages.handoffs.committed
    before = pages.handoffs.record(key), pages.activities.under(ADA)
    bodies = {pages.get(token, method)["body"] for method in ("GET", "HEAD", "GET", "HEAD")}

    assert len(bodies) == 1
    assert (pages.handoffs.record(key), pages.activities.under(ADA)) == before
    assert pages.handoffs.outbox == []


def test_each_reply_forbids_scripts_frames_caches_referrers_and_search_engines() -> None:
    pages, token = pages_of_ada()
    for reply in (
        pages.get(token),
        pages.get("forged"),
        pages.post(token, "x=1"),
        pages.post(token, RECYCLE | {"id": ""}),
    ):
        headers = reply["headers"]
        sheet = reply["body"].partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
        assert headers["content-security-policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"] == "text/html; charset=utf-8"


def test_nothing_in_it_runs_or_is_loaded() -> None:
    pages, token = pages_of_ada()
    page = page_of(pages.get(token))

    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img", "iframe", "link", "object", "embed", "base"})
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset")]
        assert not (attributes.get("href") or "mailto:").startswith(("http", "javascript", "data"))


def test_every_field_has_a_label_every_section_a_heading_and_no_id_stands_twice() -> None:
    pages, token = pages_of_ada()
    page = page_of(pages.get(token))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    labels = [attributes["for"] for tag, attributes in page.elements if tag == "label"]
    fields = [
        attributes
        for tag, attributes in page.elements
        if tag in ("select", "textarea", "input") and attributes.get("type") != "hidden"
    ]

    assert len(ids) == len(set(ids))
    assert sorted(str(each["id"]) for each in fields) == sorted(str(each) for each in labels)
    assert [tag for tag, _ in page.elements].count("h1") == 1
    named = [attributes["aria-labelledby"] for tag, attributes in page.elements if tag in ("section", "svg")]
    assert set(named) <= set(ids)
    assert ("html", {"lang": "en"}) in page.elements


def test_headings_stand_in_order_and_none_is_skipped() -> None:
    pages, token = pages_of_ada()
    replies = [pages.get(token)]
    pages.post(token, RECYCLE)
    replies += [pages.get(token), pages.post(token, ACCEPT | {"id": "2"}), pages.get("forged")]
    for reply in replies:
        levels = [int(tag[1]) for tag, _ in Page(reply).elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_stand_out_from_what_is_behind_them(scheme: str) -> None:
    sheet = (Path(page_module.__file__).parent / "page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\n *\}", sheet, re.DOTALL)[:2]
    colors = dict(re.findall(r"--([\w-]+): (#\w+)", light if scheme == "light" else light + dark))
    behind: dict[str, tuple[str, ...]] = {
        "ink": ("ground", "sheet", "good-ground", "warn-ground"),
        "soft": ("ground", "sheet", "good-ground"),
        "accent": ("ground", "sheet", "good-ground"),
        "warn": ("ground",),
        "on-accent": ("accent",),
    }

    for words, grounds in behind.items():
        for ground in grounds:
            one, other = sorted((_luminance(colors[words]), _luminance(colors[ground])))
            assert (other + 0.05) / (one + 0.05) >= 4.5, (words, ground)


def _luminance(color: str) -> float:
    """How bright a colour is, from 0 to 1, by the Web Content Accessibility Guidelines."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# --- words from outside ---


def hostile(words: str) -> list[Activity]:
    """What Ada did, with hostile words wherever somebody else writes them."""
    wanted = told_by_ada()
    last = wanted[-1]
    claims = Claims(
        lead={"first_name": words, "last_name": words, "title": words, "phone": words},
        company={"name": words, "employees": 250, "country": words},
        consent="granted",
        qualification={"need": words},
    )
    properties = {"consent": {"wording": words, "version": words}}
    context = {"campaign": {"name": words}}
    return [
        *(replace(each, properties={**each.properties, "title": words}) for each in wanted[:3]),
        *wanted[3:-1],
        replace(last, source=words, claims=claims, properties=properties, context=context),
    ]


def hostile_rules(words: str) -> dict[str, Any]:
    told = json.loads(json.dumps(RULES))
    for rule in (*told["behaviour"], *told["fit"]):
        rule["label"] = words
    told["answers"] = {
        "reject": [{"name": "no_need", "label": words}],
        "recycle": [{"name": "bad_timing", "label": words}],
    }
    told["qualification"] = {"budget": {"question": words, "label": words}}
    told["handoff"]["mql"]["first_touch"] = words
    # The check of the rules lets no other names through.
    shown = "".join(character for character in words if character.isprintable())
    told["temperature"] = [{"name": shown.strip() or "x"}, {"name": "warm", "above": 50}]
    return dict(told)


PLAIN = "Plain words"


@pytest.fixture(scope="module")
def plain() -> Page:
    """The page as it is with words that are nothing but words."""
    pages = Pages(rules=hostile_rules(PLAIN))
    pages.happened(hostile(PLAIN))
    return page_of(pages.get(pages.token(pages.handed_over(to=PLAIN, assignee=PLAIN))))


@pytest.mark.parametrize("words", HOSTILE)
def test_no_word_from_outside_is_more_than_a_word(words: str, plain: Page) -> None:
    usable = words[:200] if words.strip() else "x"
    pages = Pages(rules=hostile_rules(usable))
    pages.happened(hostile(words))
    # Of a team, and of a member of it, only names that can be written are in any settings.
    name = words.encode(errors="replace").decode()
    key = pages.handed_over(to=name, assignee=name, caused_by=words)
    token = pages.token(key)
    reply = pages.get(token)
    page = page_of(reply)

    assert page.open == []
    assert page.comments == 0
    strange = page.shape - plain.shape
    assert not strange, strange
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", reply["body"])

    again = pages.post(token, RECYCLE | {"reason": "none", "note": words})
    typed = page_of(again, again["statusCode"])
    assert again["statusCode"] in (400, 422)
    assert typed.comments == 0
    assert {tag for tag, _ in typed.elements} <= {tag for tag, _ in plain.elements}

    taken = pages.token(pages.handed_over(epoch=2))
    for each, answer in ((token, RECYCLE), (taken, ACCEPT)):
        note = pages.post(each, answer | {"note": words})
        if note["statusCode"] == 303:
            answered = page_of(pages.get(each))
            assert answered.comments == 0
            kinds = {tag for tag, _ in answered.elements}
            assert kinds <= {tag for tag, _ in plain.elements} | {"blockquote", "br"}
        else:
            assert note["statusCode"] in (400, 422)


def test_an_address_is_shown_as_people_write_it_and_written_to_as_dns_does() -> None:
    pages = Pages()
    whom = replace(ADA, value="ada@xn--mller-kva.example")
    pages.happened([activity("a1", ADA, whom, claims=Claims(consent="granted"), at="2026-03-04T09:00:00Z")])
    page = page_of(pages.get(pages.token(pages.handed_over())))
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]

    assert "ada@example.com , ada@müller.example" in page.text
    assert "xn--" not in page.text
    assert "mailto:ada@xn--mller-kva.example" in links


def test_an_odd_address_is_no_link() -> None:
    odd = '"><script>alert(1)</script>@example.com'
    pages, token = pages_of_ada()
    pages.happened([activity("o1", replace(ADA, value=odd), ADA, at="2026-03-04T09:30:00Z")])
    page = page_of(pages.get(token))
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]

    assert "script" not in {tag for tag, _ in page.elements}
    assert links == ["mailto:ada@example.com"]


# --- the answer ---


def test_accepting_is_stored_once_and_shown_with_who_and_when() -> None:
    pages, token = pages_of_ada()
    reply = pages.post(token, ACCEPT)

    assert (reply["statusCode"], reply["headers"]["location"]) == (303, token)
    (event,) = pages.handoffs.outbox
    assert (event.name, event.detail["answer"]) == ("HandoffAnswered", "accepted")
    text = page_of(pages.get(token)).text
    assert "Accepted by the holder of the link sent to inside-sales (bo) on 4 March 2026, 09:55 UTC." in text
    assert "Your answer" not in text
    assert "Accepted by the holder of the link" in text.partition("Why now")[0]
    assert "left" not in text.partition("Why now")[0]
    assert "not needed any more" in text


def test_who_answers_by_a_link_is_whom_it_was_sent_to_although_others_have_the_lead_by_now() -> None:
    pages, token = pages_of_ada()
    (key,) = pages.handoffs.committed
    before = pages.handoffs.record(key)
    assert before is not None
    planned, done_at = parse_moment("2026-03-04T09:50:00Z"), parse_moment("2026-03-04T09:51:20Z")
    moved = FollowUp("reassignment", planned, "account-executives", done_at)
    assert pages.handoffs.follow_up(before, replace(before, to=moved.to, assignee="mia", done=(moved,)))
    pages.post(token, ACCEPT)

    assert pages.handoffs.record(key).answer.who == "the holder of the link sent to inside-sales (bo)"
    told = (
        "Handed over to bo of inside-sales as MQL on 4 March 2026, 09:30 UTC; with mia of account-executives since 4 "
    )
    assert told + "March 2026, 09:51 UTC" in page_of(pages.get(token)).text


def test_what_people_of_ours_did_stands_apart_and_facts_have_the_names_that_the_rules_give_them() -> None:
    pages, token = pages_of_ada(rules={**RULES, "qualification": {"need": {"label": "Pain"}}})
    said = activity(
        "q1",
        ADA,
        type="lead_qualified",
        at="2026-03-04T09:40:00Z",
        rank=Rank.SALES,
        own=False,
        properties={"who": "Bo"},
    )
    pages.happened([said])
    text = page_of(pages.get(token)).text

    assert "Bo wrote down" not in text.partition("What they did")[2].partition("What we did")[0]
    assert "What we did Bo wrote down what they said of their plans" in text
    assert "Their plans Pain Too much waste" in text


def test_a_link_that_names_nobody_answers_for_nobody_in_particular() -> None:
    pages, _ = pages_of_ada()
    (key,) = pages.handoffs.committed
    pages.post(pages.desk.links.link(key, parse_moment(REQUESTED)).rpartition("/")[2], ACCEPT)

    assert pages.handoffs.record(key).answer.who == "the holder of a link"


def test_its_foot_tells_when_its_link_ends() -> None:
    pages, token = pages_of_ada()

    assert page_of(pages.get(token)).text.endswith("can read it and answer, until 3 April 2026, 09:30 UTC.")


def test_accepting_keeps_a_note_and_shows_it() -> None:
    pages, token = pages_of_ada()
    assert pages.post(token, ACCEPT | {"note": "I call her at noon.\r\nMia knows her."})["statusCode"] == 303
    (key,) = pages.handoffs.committed

    assert pages.handoffs.record(key).answer.note == "I call her at noon.\nMia knows her."
    assert "I call her at noon.<br>Mia knows her." in pages.get(token)["body"]


def test_a_note_to_accepting_that_is_too_long_is_shown_again() -> None:
    pages, token = pages_of_ada()
    page = page_of(pages.post(token, ACCEPT | {"note": "x" * 2001}), 422)

    assert "A note has at most 2000 characters" in page.text
    assert "x" * 2001 in page.text
    assert ("details", {"class": "beside", "open": None}) in page.elements


def test_a_day_to_look_again_that_changes_nothing_is_told_beside_it() -> None:
    words = "The day to look again changes nothing: by the active rules nobody is handed over from recycled."
    pages, token = pages_of_ada()
    pages.post(token, RECYCLE)
    assert words in page_of(pages.get(token)).text

    mql, recycled = RULES["stages"]
    new = {"name": "new", "enter": {"activity": "form_submitted"}}
    stages = [new, {**mql, "from": ["new", "recycled"]}, recycled]
    pages, token = pages_of_ada(rules={**RULES, "stages": stages})
    pages.post(token, RECYCLE)
    assert "changes nothing" not in page_of(pages.get(token)).text


def test_the_reason_has_its_label_among_what_we_did() -> None:
    labelled = {"recycle": [{"name": "bad_timing", "label": "Not this year"}]}
    pages, token = pages_of_ada(rules={**RULES, "answers": labelled})
    pages.post(token, RECYCLE)
    text = page_of(pages.get(token)).text

    assert "Reason: Not this year" in text
    did = "The holder of the link sent to inside-sales (bo) gave the lead back: Not this year"
    assert did in text.partition("What we did")[2]


def test_a_stage_that_the_active_rules_do_not_have_is_told_with_its_version() -> None:
    pages, token = pages_of_ada(rules={**RULES, "stages": [RULES["stages"][0] | {"name": "won"}], "handoff": {}})
    (key,) = pages.handoffs.committed
    at = parse_moment(REQUESTED)
    pages.stages.commit(StageRecord(key.lead, Journey("mql", {"mql": 1}, at, at)), [], [])

    assert "It stands in MQL, a stage of version 1; the active rules have no such stage." in (
        page_of(pages.get(token)).text
    )
    other, token = pages_of_ada()
    other.stages.commit(StageRecord(key.lead, Journey("mql", {"mql": 1}, at, at)), [], [])
    assert "no such stage" not in page_of(other.get(token)).text


def test_recycling_keeps_the_reason_the_note_and_the_day() -> None:
    pages, token = pages_of_ada()
    assert pages.post(token, RECYCLE)["statusCode"] == 303
    (key,) = pages.handoffs.committed
    answer = pages.handoffs.record(key).answer

    assert (answer.kind, answer.reason, answer.note) == ("recycled", "bad_timing", "In spring")
    assert answer.look_again == parse_moment("2026-04-01T00:00:00Z")
    text = page_of(pages.get(token)).text
    assert "Given back by the holder of the link" in text
    assert "Reason: The time is not right To look again on 1 April 2026." in text
    assert "In spring" in text


def test_the_form_of_the_page_is_what_is_taken() -> None:
    """Every form as the page has it, sent as a browser sends it, is an answer."""
    for wanted in ("accept", "reject", "recycle"):
        pages, token = pages_of_ada()
        body = pages.get(token, request_id="request-77")["body"]
        forms = re.findall(r'<form method="post">(.*?)</form>', body, re.DOTALL)
        (form,) = (each for each in forms if f'value="{wanted}"' in each)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        if "<select" in form:
            fields["reason"] = re.findall(r'<option value="([^"]+)">', form)[0]
        if 'name="look_again"' in form:
            fields["look_again"] = ""
        assert 'name="note"' in form
        fields["note"] = ""
        assert fields["id"] == "request-77"
        assert pages.post(token, fields)["statusCode"] == 303


def test_a_button_pressed_twice_is_one_answer() -> None:
    pages, token = pages_of_ada()

    assert [pages.post(token, RECYCLE)["statusCode"] for _ in range(2)] == [303, 303]
    assert len(pages.handoffs.outbox) == 1


def test_who_comes_second_is_told_who_was_first_and_changes_nothing() -> None:
    pages, token = pages_of_ada()
    pages.post(token, RECYCLE)
    (key,) = pages.handoffs.committed
    first = pages.handoffs.record(key)
    pages.clock.advance(HOUR)
    reply = pages.post(token, ACCEPT | {"id": "form-2"})
    page = page_of(reply, 409)

    assert "Given back by the holder of the link sent to inside-sales (bo) on 4 March 2026, 09:55 UTC." in page.text
    assert "the first one stands" in page.text
    assert ("a", {"href": token}) in page.elements
    assert pages.handoffs.record(key) == first


def test_who_goes_back_and_answers_otherwise_is_told_that_the_first_answer_stands() -> None:
    pages, token = pages_of_ada()
    pages.post(token, ACCEPT | {"id": RECYCLE["id"]})
    page = page_of(pages.post(token, RECYCLE), 409)

    assert "the first one stands" in page.text
    assert pages.handoffs.record(next(iter(pages.handoffs.committed))).state == "accepted"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"reason": ""}, "A lead is recycled for one of"),
        ({"reason": "no_such"}, "There is no reason"),
        ({"look_again": "2026-03-03"}, "A lead is looked at again at a moment to come"),
        ({"look_again": "2036-03-03"}, "within two years"),
        ({"look_again": "soon"}, "Write the day to look again as 2026-03-31"),
        ({"look_again": "2026-02-30"}, "Write the day to look again as 2026-03-31"),
        ({"note": "x" * 2001}, "A note has at most 2000 characters"),
    ],
)
def test_what_cannot_be_taken_is_shown_again_with_what_was_typed(fields: dict[str, str], fault: str) -> None:
    pages, token = pages_of_ada()
    sent = RECYCLE | fields
    reply = pages.post(token, sent)
    page = page_of(reply, 422)

    assert fault in page.text.partition("Your answer was not taken.")[2].partition("Why now")[0]
    assert pages.handoffs.outbox == []
    assert ("details", {"open": None}) in page.elements
    assert sent["note"] in page.text
    if sent["reason"] == "bad_timing":
        assert ("option", {"value": "bad_timing", "selected": None}) in page.elements


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\N{GRINNING FACE}", "\n"])
def test_a_note_of_any_letters_is_taken_up_to_its_greatest_length(letter: str) -> None:
    pages, token = pages_of_ada()
    note = f"a{letter * 1998}b"
    reply = pages.post(token, RECYCLE | {"note": note.replace("\n", "\r\n")})

    assert reply["statusCode"] == 303
    (event,) = pages.handoffs.committed
    assert pages.handoffs.record(event).answer.note == note


@pytest.mark.parametrize(
    "note", ["\u200f\u05e9\u05dc\u05d5\u05dd", "abc\u200e", "\u2068Mia\u2069 called", "\u202aMia\u202c", "Mia\x00"]
)
def test_controls_that_nobody_sees_are_taken_out_of_a_note_and_cost_nobody_their_words(note: str) -> None:
    pages, token = pages_of_ada()
    shown = "".join(letter for letter in note if letter.isalpha() or letter == " ")

    assert shown in page_of(pages.post(token, RECYCLE | {"note": note, "look_again": "soon"}), 422).text
    assert pages.post(token, RECYCLE | {"note": note})["statusCode"] == 303
    (key,) = pages.handoffs.committed
    assert pages.handoffs.record(key).answer.note == shown


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("", {}, 422),
        ("answer", {}, 400),
        ("answer=accept", {}, 422),
        ("id=1&answer=destroy", {}, 422),
        ("id=1&answer=accept&reason=x", {}, 422),
        ("id=1&answer=accept&admin=1", {}, 422),
        ("id=1&id=2&answer=accept", {}, 422),
        ("id=&answer=accept", {}, 422),
        (f"id={'1' * 101}&answer=accept", {}, 422),
        ("id=1&answer=accept%00", {}, 422),
        ("id=%ff&answer=accept", {}, 400),
        ("id=1&answer=reject&reason=no_need%00&note=", {}, 422),
        ("&".join(f"f{number}=1" for number in range(50)), {}, 400),
        ('{"id": "1", "answer": "accept"}', {"content_type": "application/json"}, 415),
        ("id=1&answer=accept", {"content_type": "text/plain"}, 415),
        ("id=1&answer=accept&note=" + "x" * 40_000, {}, 413),
    ],
)
def test_what_no_form_of_the_page_sends_is_refused_and_leaves_nothing(
    body: str, headers: dict[str, str], status: int
) -> None:
    pages, token = pages_of_ada()
    reply = pages.post(token, body, **headers)

    assert reply["statusCode"] == status
    assert reply["headers"]["content-type"].startswith("text/html")
    assert pages.handoffs.outbox == []


# --- links that open nothing ---


def test_a_forged_an_expired_and_a_link_of_an_erased_person_are_told_apart_and_show_nothing() -> None:
    pages, token = pages_of_ada()
    (key,) = pages.handoffs.committed
    forged = page_of(pages.get(token[:-6] + "AAAAAA"), 404)
    pages.clock.advance(31 * DAY)
    expired = page_of(pages.get(token), 410)
    fresh = pages.token(key, "2026-04-01T00:00:00Z")
    pages.handoffs.forget(key.lead)
    erased = page_of(pages.get(fresh), 410)

    assert "This is no link of ours" in forged.text
    assert "This link has expired" in expired.text
    assert "This lead is gone All that was known of the person has been erased." in erased.text
    for page in (forged, expired, erased):
        assert "Ada" not in page.text
        assert "form" not in {tag for tag, _ in page.elements}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whoever_withdraws_consent_is_not_shown_any_more_and_nobody_answers(method: str) -> None:
    pages, token = pages_of_ada()
    pages.happened(
        [activity("w1", ADA, at="2026-03-04T09:50:00Z", rank=Rank.SALES, own=False, claims=Claims(consent="denied"))]
    )
    page = page_of(pages.get(token) if method == "GET" else pages.post(token, ACCEPT), 403)

    assert "This person may not be contacted They do not want to be contacted" in page.text
    assert not [word for word in ("Ada", "Obi", "ada@", "purchasing", "lead-1") if word.lower() in page.text.lower()]
    assert pages.handoffs.outbox == []


def test_whoever_is_not_shown_is_told_why_for_who_is_noise_has_withdrawn_nothing() -> None:
    pages, token = pages_of_ada()
    at = "2026-03-04T09:50:00Z"
    pages.happened([activity("n1", ADA, type="noise_marked", at=at, rank=Rank.SALES, own=False)])
    noise = page_of(pages.get(token), 403).text

    never = Pages()
    never.happened([replace(each, claims=replace(each.claims, consent=None)) for each in told_by_ada()])
    unknown = page_of(never.get(never.token(never.handed_over())), 403).text

    assert "This lead is noise What they did was marked as noise, and their consent with it. So nothing of" in noise
    assert "This person may not be contacted No consent of theirs is known. So nothing of them is shown" in unknown


def test_consent_that_only_a_bot_gave_is_told_to_be_noise() -> None:
    pages = Pages()
    pages.happened([replace(each, marks=("bot",)) if each.claims.consent else each for each in told_by_ada()])

    assert "This lead is noise" in page_of(pages.get(pages.token(pages.handed_over())), 403).text


def test_where_no_consent_is_required_the_page_shows_that_there_is_none() -> None:
    pages, token = pages_of_ada(consent_required=False)
    pages.happened(
        [activity("w1", ADA, at="2026-03-04T09:50:00Z", rank=Rank.SALES, own=False, claims=Claims(consent="denied"))]
    )

    assert "Denied since 4 March 2026" in page_of(pages.get(token)).text


def test_a_lead_that_went_into_another_keeps_its_page() -> None:
    pages, token = pages_of_ada()
    other = replace(ADA, value="ada@obi.example")
    pages.happened([activity("m1", ADA, other, at="2026-03-04T09:40:00Z")])

    assert "ada@example.com , ada@obi.example" in page_of(pages.get(token)).text


def test_a_store_that_does_not_answer_is_told_as_such(caplog: pytest.LogCaptureFixture) -> None:
    pages, token = pages_of_ada()

    def hang(*_: object) -> None:
        raise Unavailable("hangs")

    pages.handoffs.record = hang  # type: ignore[assignment]
    reply = pages.get(token)
    page = page_of(reply, 503)

    assert "retry-after" in reply["headers"]
    assert "send it again" in page.text
    assert token not in caplog.text


@pytest.mark.parametrize("strange", ["javascript:alert(1)", "https:%2F%2Fevil.example", "%2F%2Fevil.example"])
def test_what_nobody_has_verified_is_no_link_on_any_page(strange: str) -> None:
    pages, token = pages_of_ada()
    assert "href" in pages.post(token, "nonsense=1")["body"]

    def hang(*_: object, **__: object) -> str:
        raise Unavailable("hangs")

    pages.secrets.get = hang  # type: ignore[method-assign]
    for reply in (pages.get(strange), pages.post(strange, ACCEPT)):
        assert reply["statusCode"] == 503
        assert "href" not in reply["body"]


def test_no_log_has_a_token_or_a_person(caplog: pytest.LogCaptureFixture) -> None:
    pages, token = pages_of_ada()
    with caplog.at_level("DEBUG"):
        pages.get(token)
        pages.post(token, RECYCLE | {"note": "private"})
        pages.post(token, ACCEPT | {"id": "2"})
        pages.get(token + "x")
        pages.post(token, "nonsense=1")

    assert not [word for word in (token, "ada@", "Obi", "private") if word in caplog.text]
    assert "lead-1.mql.1 is recycled by its page" in caplog.text


def test_the_page_answers_on_every_route_that_is_listed_for_it_and_on_no_other() -> None:
    pages, token = pages_of_ada()
    mine = {route.key for route in ROUTES if route.function == "answer"}
    assert mine == {f"{method} /handoffs/{{token}}" for method in ("GET", "HEAD", "POST")}
    for method, path, status in (
        ("PUT", f"/handoffs/{token}", 405),
        ("GET", "/handoffs", 404),
        ("GET", "/v1/leads", 404),
    ):
        reply = lambda_handler(http_event(method, path), None, pages.desk)
        assert reply["statusCode"] == status


def test_a_picture_of_one_day_tells_the_times_of_its_ends_and_the_day_once() -> None:
    pages = Pages()
    pages.happened(told_by_ada()[-1:])
    page = page_of(pages.get(pages.token(pages.handed_over())))

    assert "4 March 2026, 08:55 09:55 UTC" in page.text


def test_no_line_of_the_picture_strikes_its_words_through() -> None:
    pages, token = pages_of_ada()
    drawn = [tag for tag, _ in page_of(pages.get(token)).elements if tag in ("line", "polyline", "circle", "text")]
    first = drawn.index("text")

    assert {"line", "polyline", "circle"} <= set(drawn[:first])
    assert set(drawn[first:]) == {"text"}
    assert len(drawn[first:]) == 5, "two bands, the handoff and both ends"


def test_a_score_below_zero_and_long_histories_draw_a_picture_too() -> None:
    pages = Pages(rules={**RULES, "scores": {"engagement": {}}})
    pages.happened(
        [activity("a0", ADA, at="2024-01-01T00:00:00Z", claims=Claims(consent="granted"))]
        + [activity(f"j{n}", ADA, type="job_viewed", at=f"2026-02-{n + 1:02}T00:00:00Z") for n in range(20)]
    )
    page = page_of(pages.get(pages.token(pages.handed_over())))
    (line,) = (attributes["points"] or "" for tag, attributes in page.elements if tag == "polyline")
    places = [tuple(map(float, point.split(","))) for point in line.split()]

    assert "-100 now" in page.text
    heights = [float(attributes["y"] or 0) for tag, attributes in page.elements if tag == "text"]
    assert min(heights) < min(y for _, y in places)  # "handed over" stands where the line does not strike it through
    assert all(0 <= x <= 360 and 0 <= y <= 170 for x, y in places)
