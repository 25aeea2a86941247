"""What people read on a phone fits there: the inbox of this machine, and the picture of a score."""

from __future__ import annotations

from typing import Any

import pytest

from functions.answer.picture import picture
from infra.local.inbox_page import inbox_page
from shared.domain.curve import CurvePoint
from shared.domain.moments import HOUR, Moment, parse_moment
from shared.domain.points import POINT

pytestmark = pytest.mark.browser

WIDTHS = (320, 360)
LONG = "handoff-requested_0190f1e2c3d4e5f60718293a4b5c6d7e8f9_account-executives_1_webhook"
BEGAN = parse_moment("2026-09-30T16:43:00Z")
PLACES = "[...document.querySelectorAll('svg text')].map(each => each.getBoundingClientRect().toJSON())"


@pytest.fixture
def page(chromium: Any) -> Any:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_no_name_however_long_makes_the_inbox_scroll_sideways(page):
    at = "2026-03-01T12:00:01+00:00"
    told = {"received_at": at, "id": LONG, "repeated": False, "message": {"type": LONG}}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.set_content(inbox_page({"webhooks": [told], "refused": [{"received_at": at, "reason": LONG}]}))
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("hours", [1, 100], ids=["of one day", "of several days"])
def test_the_ends_of_a_picture_are_told_beside_one_another(page, hours):
    ended = Moment(BEGAN + hours * HOUR)
    drawn = picture([CurvePoint(BEGAN, 0), CurvePoint(ended, 60 * POINT)], [], ended)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.set_content(f"<style>text {{ font: 15px system-ui, sans-serif }}</style>{drawn}")
        *_, began, end = page.evaluate(PLACES)
        assert began["right"] < end["left"]
