"""The sample website in a real browser: its form reaches sales, with a script and without one."""

import json

import pytest

pytestmark = pytest.mark.browser

LANDING = "?utm_source=newsletter&utm_campaign=spring&gclid=g-1&page=2"
CAMPAIGN = {"source": "newsletter", "name": "spring", "gclid": "g-1"}


def fill_in(page, email: str, *, consent: bool, query: str = "") -> None:
    page.goto(f"/demo{query}")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Obi")
    page.get_by_label("Work e-mail").fill(email)
    page.get_by_label("Company").fill("Obi & Daughters <Ltd>")
    page.get_by_label("Your role").fill("Head of Purchasing")
    page.get_by_label("What should it solve?").fill("Too much\nwaste")
    if consent:
        page.get_by_label("You may contact me").check()
    page.get_by_role("button", name="Request a demo").click()


def campaign_of(lead):
    """What led somebody to the form that they sent."""
    (campaign,) = (each["campaign"] for each in lead["activities"] if each["type"] == "demo_requested")
    return campaign


def test_with_a_script_the_form_is_sent_and_earlier_visits_of_who_agreed_to_be_remembered_count(open_page, cloud):
    page = open_page()
    page.goto(f"/{LANDING}")
    page.get_by_role("button", name="Yes").click()
    page.get_by_text("We will remember it.").wait_for()
    page.goto("/pricing")
    page.goto("/pricing")
    fill_in(page, "ada@obi.example", consent=True)

    page.wait_for_url("**/thanks")
    assert page.faults == []

    def scored():
        lead = cloud.lead("ada@obi.example")
        return lead if lead and lead["score"]["total"] == 65 else None

    lead = cloud.eventually(scored)
    assert lead["person"]["company"] == "Obi & Daughters <Ltd>"
    assert lead["consent"] == "granted"
    assert campaign_of(lead) == CAMPAIGN

    def visited():
        activities = cloud.lead("ada@obi.example")["activities"]
        return sorted(each["properties"]["path"] for each in activities if each["type"] == "page_viewed")

    cloud.becomes(visited, ["/", "/demo", "/pricing", "/pricing", "/thanks"])
    number = f"{lead['id']}.sql.1"
    cloud.eventually(lambda: number in json.dumps(cloud.local.inbox()["webhooks"]))


def test_without_a_script_the_form_does_the_same(open_page, cloud):
    page = open_page(script=False)
    fill_in(page, "bo@obi.example", consent=True, query=LANDING)

    page.wait_for_url("**/thanks")
    assert page.get_by_role("heading", name="Thank you.").is_visible()

    lead = cloud.eventually(lambda: (found := cloud.lead("bo@obi.example")) and found["handoffs"] and found)
    assert lead["score"]["total"] == 25
    assert campaign_of(lead) == CAMPAIGN
    assert lead["facts"]["qualification"]["need"] in ("Too much\nwaste", "Too much\r\nwaste")


def test_who_does_not_tick_the_box_is_a_lead_and_is_handed_to_nobody(open_page, cloud):
    page = open_page()
    fill_in(page, "cleo@obi.example", consent=False)
    page.wait_for_url("**/thanks")

    lead = cloud.eventually(lambda: (found := cloud.lead("cleo@obi.example")) and found["stage"] and found)
    cloud.settle()
    assert lead["consent"] is None
    assert cloud.lead("cleo@obi.example")["handoffs"] == []


@pytest.mark.parametrize("script", [True, False])
def test_a_form_with_a_broken_address_is_refused_with_words_that_the_visitor_sees(open_page, script):
    page = open_page(script=script)
    page.goto("/demo")
    page.get_by_label("Work e-mail").fill("cleo@localhost")
    page.get_by_role("button", name="Request a demo").click()

    page.get_by_text("Go back").wait_for()
    assert "address" in page.locator("body").inner_text()
    page.go_back()
    assert page.get_by_label("Work e-mail").input_value() == "cleo@localhost"


def test_a_page_of_another_origin_cannot_read_what_the_api_answers(open_page, cloud):
    page = open_page()
    page.goto(cloud.where["inbox"])
    answer = page.evaluate(
        """async (url) => {
            try { return (await fetch(url, {method: "POST", body: "{}"})).status } catch { return "unreadable" }
        }""",
        f"{cloud.where['api']}/v1/page",
    )
    assert answer == "unreadable"
