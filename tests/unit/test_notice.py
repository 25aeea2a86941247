"""A notice says who, why and by when, in words."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.introduction import Introduction, introduce
from shared.domain.moments import HOUR, MINUTE, SECOND, Moment, parse_moment
from shared.domain.notice import compose
from shared.domain.quiet import quiet, quiet_address, shown_address
from tests.hostile import HOSTILE

REQUESTED = parse_moment("2026-03-01T09:30:00Z")


def handoff(respond_within: int | None = HOUR, total: float = 65, counts: tuple[float, ...] = ()) -> Handoff:
    return Handoff(
        key=HandoffKey(LeadId("lead-7"), "mql", 2),
        to="inside-sales",
        notify=("email",),
        requested_at=REQUESTED,
        respond_by=None if respond_within is None else Moment(REQUESTED + respond_within),
        caused_by="score at least 50",
        last_activity_at=None,
        snapshot={
            "total": total,
            "temperature": "warm",
            "grade": None,
            "rules_version": 3,
            "reasons": [
                {"rule": f"rule-{place}", "label": f"Did thing {place}", "counts": each}
                for place, each in enumerate(counts)
            ],
        },
    )


def test_who_is_name_and_company_or_whatever_is_known_of_them() -> None:
    sam = introduce(("sam@acme.example",), {"first_name": "Sam", "last_name": "Jones"}, {"name": "Acme"})
    assert compose(handoff(), sam).who == "Sam Jones (Acme)"
    assert compose(handoff(), introduce(("sam@acme.example",), {}, {})).who == "sam@acme.example"
    assert compose(handoff(), introduce((), {"name": " Sam "}, {})).who == "Sam"
    assert compose(handoff(), introduce((), {}, {})).who == "lead lead-7"


def test_a_fact_that_is_no_text_is_left_out() -> None:
    assert introduce((), {"name": ["Sam"], "first_name": 7, "title": {"a": 1}}, {"name": None}) == Introduction()


def test_the_id_is_the_handoffs_own_and_the_link_names_the_lead() -> None:
    notice = compose(handoff(), Introduction(), "https://crm.example/leads/{lead}?from=baton")
    assert notice.id == "lead-7.mql.2"
    assert notice.link == "https://crm.example/leads/lead-7?from=baton"
    assert compose(handoff(), Introduction()).link is None


@pytest.mark.parametrize(
    ("within", "words"),
    [
        (5 * MINUTE, "by 09:35 UTC on 1 March 2026 (within 5 minutes)"),
        (HOUR, "by 10:30 UTC on 1 March 2026 (within 1 hour)"),
        (48 * HOUR, "by 09:30 UTC on 3 March 2026 (within 2 days)"),
        (90 * SECOND, "by 09:31 UTC on 1 March 2026 (within 90 seconds)"),
        (None, None),
    ],
)
def test_the_deadline_is_a_time_of_day_and_a_span(within: int | None, words: str | None) -> None:
    assert compose(handoff(within), Introduction()).deadline == words


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (65, "65 points"),
        (65.0, "65 points"),
        (1, "1 point"),
        (0, "0 points"),
        (-0.25, "-0.2 points"),
        (-0.01, "0 points"),
        (49.96, "49.9 points"),
        (49.999999999, "49.9 points"),
        (12.345678901, "12.3 points"),
        (1_000_000_000, "1000000000 points"),
    ],
)
def test_points_are_cut_to_a_tenth_so_that_nobody_reads_a_band_that_was_not_reached(total: float, words: str) -> None:
    assert compose(handoff(total=total), Introduction()).points == words


def test_reasons_carry_their_sign_and_the_greatest_eight_are_told() -> None:
    counts = (40, 15, 5, -5, 4, 3, 2, 1, 1, 1)
    reasons = compose(handoff(counts=counts), Introduction()).reasons
    assert [reason.points for reason in reasons] == ["+40", "+15", "+5", "-5", "+4", "+3", "+2", "+1"]


def test_quiet_words_stay_readable() -> None:
    assert quiet("  Zoë   van der Berg-O'Neil & Söhne \n GmbH ") == "Zoë van der Berg-O'Neil & Söhne GmbH"
    assert quiet("J. R. R. Tolkien") == "J. R. R. Tolkien"
    assert quiet("株式会社") == "株式会社"
    assert quiet("") == ""


@pytest.mark.parametrize("words", HOSTILE)
def test_quiet_words_are_one_short_line_without_anything_hidden_or_linked(words: str) -> None:
    line = quiet(words)
    assert len(line) <= 120
    assert not [each for each in line if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert "//" not in line
    assert "evil.example" not in line.lower().replace("\u3002", ".").replace("\uff0e", ".")
    assert quiet(line) == line
    line.encode()


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8/login",
        "1.1.1.1:80",
        "v1.1.1.1",
        "x.y.z",
        "t.co",
        "a@b.c",
        "❤.ws/login",
        "i❤.ws",
        "evil-.example",
        "(evil).example",
        "2.5.example",
        "evil.2.5",
        "evil.example.",
        "evil。example",
        "evil﹒example",
        "evil.x\u0308yz",
        "foo.бел",
        "株式。会社",
    ],
)
def test_no_host_is_left_of_quiet_words(host: str) -> None:
    assert not re.search("[^ ][.\u3002\ufe52\uff0e\uff61][^ ]", quiet(host))
    assert quiet(quiet(host)) == quiet(host)


@pytest.mark.parametrize(
    "words",
    [
        "2.5 stars, 10.75% of 1.000.000",
        "(2.5)",
        "version 1.2.3, then v2.0.",
        "on 22.11.2026",
        "Acme Inc., Dr. A. Jones Jr. (ret.)",
        "Well... yes.",
        "3.5/5",
    ],
)
def test_numbers_versions_and_the_ends_of_words_keep_their_dots(words: str) -> None:
    assert quiet(words) == words


@given(st.text(st.sampled_from("a2v.。❤ /-(\u0301…"), max_size=200))
@example("2..2")
def test_what_is_quiet_is_so_whatever_its_dots_stand_between(words: str) -> None:
    line = quiet(words)
    assert not re.search(r"[^\s.…-][.。](?=[a❤])", line)
    assert quiet(line) == line


@given(st.text(st.characters(codec=None), max_size=400))
def test_whatever_is_written_quiet_makes_one_short_line_of_it(words: str) -> None:
    line = quiet(words)
    assert len(line) <= 120
    assert line == " ".join(line.split())
    assert not [each for each in line if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert "//" not in line
    assert quiet(line) == line


def test_an_address_that_is_one_stays_as_it_is() -> None:
    for address in (
        "sam@acme.example",
        "sam.o-neil+a_b@mail.acme.example",
        "r&d@acme.example",
        "o'neil@acme.example",
        "zoë@exämple.example",
        "用户@例え.example",
    ):
        assert quiet_address(address) == address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("jürgen@xn--mller-kva.example", "jürgen@müller.example"),
        ("a@mail.xn--strae-oqa.xn--mller-kva", "a@mail.straße.müller"),
        ("a@xn--a-va-zoa.example", "a@ça-va.example"),
        ("a@plain.example", "a@plain.example"),
        ("xn--mller-kva@plain.example", "xn--mller-kva@plain.example"),
        ("a@xn--pple-43d.com", "a@xn--pple-43d.com"),
        ("a@xn--pple-p5b.com", "a@xn--pple-p5b.com"),
        ("a@xn--80ak6aa92e.com", "a@xn--80ak6aa92e.com"),
        ("a@xn--a.com", "a@xn--a.com"),
        ("a@xn--99999999.com", "a@xn--99999999.com"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
    ],
    ids=lambda text: text,
)
def test_an_address_is_shown_as_people_write_it_unless_it_could_look_like_another(address: str, shown: str) -> None:
    assert shown_address(address) == shown


@pytest.mark.parametrize("words", HOSTILE)
def test_what_only_looks_like_an_address_is_quietened(words: str) -> None:
    if words == "victim@evil.example":
        return
    assert quiet_address(words) == quiet(words)
