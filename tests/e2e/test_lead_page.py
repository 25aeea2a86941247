"""The page of a lead in a real browser without any script: from the link in a mail to the answer."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

pytestmark = pytest.mark.browser

LINK = re.compile(r"http://[^\s\"<>]+/handoffs/[A-Za-z0-9_.-]+")
WIDTHS = (320, 1280)


def link_of(cloud: Any, first_name: str) -> str:
    """Somebody asked for a demo, and sales was told by mail; the link in the mail."""
    address = f"{first_name.lower()}@okafor.example"
    form = {
        "email": address,
        "first_name": first_name,
        "last_name": "Okafor",
        "company": "Okafor & Sons <Ltd>",
        "title": "Head of Purchasing",
        "need": "Too much waste",
        "consent": "yes",
    }
    sent = cloud.post("/v1/forms/demo-request", urlencode(form), content_type="application/x-www-form-urlencoded")
    assert sent.status in (200, 303), sent

    def mailed() -> str | None:
        mails = [mail["text"] for mail in cloud.local.inbox()["emails"] if address in mail["text"]]
        found = [link for text in mails for link in LINK.findall(text)]
        return found[0] if found else None

    return str(cloud.eventually(mailed))


def answers(cloud: Any, first_name: str) -> list[str]:
    lead = cloud.lead(f"{first_name.lower()}@okafor.example")
    return [each["type"] for each in lead["activities"] if each["type"].startswith("handoff_")]


def test_without_a_script_the_link_of_a_mail_opens_the_page_and_a_button_accepts_the_lead(open_page, cloud):
    link = link_of(cloud, "Ife")
    for method in ("HEAD", "GET", "HEAD", "GET"):
        assert urllib3.request(method, link).status == 200
    page, late = open_page(script=False), open_page(script=False)
    page.goto(link)
    late.goto(link)

    assert page.get_by_role("heading", level=1).inner_text() == "Ife Okafor"
    assert page.get_by_text("Call about the demo that they asked for").is_visible()
    assert page.get_by_text("You may contact me about my request").is_visible()
    assert page.get_by_text("Is there a budget for this?").is_visible()
    assert page.get_by_text("What do you need").count() == 0, "the form has asked that"
    assert page.get_by_role("img").get_attribute("aria-labelledby")
    assert answers(cloud, "Ife") == []

    page.get_by_role("button", name="Accept the lead").click()
    page.get_by_text("Accepted by the holder of the link").first.wait_for()
    assert page.url == link
    assert page.get_by_role("button").count() == 0

    late.get_by_role("button", name="Accept the lead").click()
    late.get_by_role("heading", name="This lead has been answered already").wait_for()
    late.get_by_role("link", name="Open the page of the lead").click()
    late.get_by_role("heading", name="The answer").wait_for()
    assert page.faults == []
    assert [fault for fault in late.faults if "409" not in fault] == []
    cloud.becomes(lambda: answers(cloud, "Ife"), ["handoff_accepted"])


def test_the_keyboard_alone_gives_a_lead_back_and_mends_what_was_not_taken(open_page, cloud):
    page = open_page(script=False)
    page.goto(link_of(cloud, "Uzo"))

    page.get_by_text("Give it back, to look again later").focus()
    page.keyboard.press("Enter")
    form = page.locator("details", has_text="Give it back")
    form.get_by_label("Reason").focus()
    page.keyboard.type("The time")
    form.get_by_label("Note").focus()
    page.keyboard.type("In spring </textarea><script>alert(1)</script>")
    form.get_by_label("Look again on").fill("2199-01-01")
    form.get_by_role("button", name="Give the lead back").focus()
    page.keyboard.press("Enter")

    page.get_by_role("alert").wait_for()
    assert "within two years" in page.get_by_role("alert").inner_text()
    form = page.locator("details", has_text="Give it back")
    assert form.get_by_label("Reason").input_value() == "bad_timing"
    assert form.get_by_label("Note").input_value() == "In spring </textarea><script>alert(1)</script>"
    form.get_by_label("Look again on").fill("")
    form.get_by_role("button", name="Give the lead back").click()

    page.get_by_text("Given back by the holder of the link").first.wait_for()
    assert page.get_by_text("Reason: The time is not right").is_visible()
    assert [fault for fault in page.faults if "422" not in fault] == []
    cloud.becomes(lambda: answers(cloud, "Uzo"), ["handoff_recycled"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_width_in_the_light_and_in_the_dark_and_breaks_no_policy(open_page, cloud, scheme, tmp_path):
    link = link_of(cloud, "Ada")
    page = open_page()
    page.add_init_script(
        "addEventListener('securitypolicyviolation', each => console.error('violated ' + each.effectiveDirective))"
    )
    page.emulate_media(color_scheme=scheme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(link)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
    assert page.faults == []


def test_a_link_that_was_cut_is_told_so(open_page, cloud):
    page = open_page(script=False)
    page.goto(link_of(cloud, "Obi")[:-4])

    assert page.get_by_role("heading", name="This is no link of ours").is_visible()
    assert "Okafor" not in page.content()
