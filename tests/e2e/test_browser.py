"""The sample website in a real browser: its form reaches sales, with a script and without one."""

import json

import pytest

from tests.e2e.conftest import LONG

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only these tests need it

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"], timeout=LONG * 1000
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, cloud):
    """Opens the sample website in a fresh browser; anything that goes wrong on a page is kept in `faults`."""
    contexts = []

    def open_site(*, script: bool):
        context = chromium.new_context(java_script_enabled=script, base_url=cloud.where["site"])
        context.set_default_timeout(LONG * 1000)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("console", lambda told: page.faults.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        return page

    yield open_site
    for context in contexts:
        context.close()


def fill_in(page, email: str, *, consent: bool) -> None:
    page.goto("/demo")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Obi")
    page.get_by_label("Work e-mail").fill(email)
    page.get_by_label("Company").fill("Obi & Daughters <Ltd>")
    page.get_by_label("Your role").fill("Head of Purchasing")
    page.get_by_label("What should it solve?").fill("Too much\nwaste")
    if consent:
        page.get_by_label("You may contact me").check()
    page.get_by_role("button", name="Request a demo").click()


def test_with_a_script_the_form_is_sent_without_leaving_the_page_and_earlier_visits_count(visit, cloud):
    page = visit(script=True)
    page.goto("/")
    page.goto("/pricing")
    page.goto("/pricing")
    fill_in(page, "ada@obi.example", consent=True)

    page.get_by_text("Thank you. A person will answer you.").wait_for()
    assert page.url.endswith("/demo")
    assert page.faults == []

    def scored():
        lead = cloud.lead("ada@obi.example")
        return lead if lead and lead["score"]["total"] == 65 else None

    lead = cloud.eventually(scored)
    assert lead["person"]["company"] == "Obi & Daughters <Ltd>"
    assert lead["consent"] == "granted"

    def visited():
        activities = cloud.lead("ada@obi.example")["activities"]
        return sorted(each["properties"]["path"] for each in activities if each["type"] == "page_viewed")

    cloud.becomes(visited, ["/", "/demo", "/pricing", "/pricing"])
    number = f"{lead['id']}.sql.1"
    cloud.eventually(lambda: number in json.dumps(cloud.local.inbox()["webhooks"]))


def test_without_a_script_the_form_works_as_forms_always_have(visit, cloud):
    page = visit(script=False)
    fill_in(page, "bo@obi.example", consent=True)

    page.wait_for_url("**/thanks")
    assert page.get_by_role("heading", name="Thank you.").is_visible()

    lead = cloud.eventually(lambda: (found := cloud.lead("bo@obi.example")) and found["handoffs"] and found)
    assert lead["score"]["total"] == 25
    assert lead["facts"]["lead"]["need"] in ("Too much\nwaste", "Too much\r\nwaste")


def test_who_does_not_tick_the_box_is_a_lead_and_is_handed_to_nobody(visit, cloud):
    page = visit(script=True)
    fill_in(page, "cleo@obi.example", consent=False)
    page.get_by_text("Thank you. A person will answer you.").wait_for()

    lead = cloud.eventually(lambda: (found := cloud.lead("cleo@obi.example")) and found["stage"] and found)
    cloud.settle()
    assert lead["consent"] is None
    assert cloud.lead("cleo@obi.example")["handoffs"] == []


def test_a_form_without_an_address_is_refused_with_words_that_the_visitor_sees(visit, cloud):
    page = visit(script=True)
    page.goto("/demo")
    page.evaluate("document.querySelector('form').noValidate = true")
    page.get_by_role("button", name="Request a demo").click()

    page.get_by_text("the form needs an e-mail address").wait_for()


def test_a_page_of_another_origin_cannot_read_what_the_api_answers(visit, cloud):
    page = visit(script=True)
    page.goto(cloud.where["inbox"])
    answer = page.evaluate(
        """async (url) => {
            try { return (await fetch(url, {method: "POST", body: "{}"})).status } catch { return "unreadable" }
        }""",
        f"{cloud.where['api']}/v1/page",
    )
    assert answer == "unreadable"
