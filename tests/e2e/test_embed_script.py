"""What the embed script promises, each in a real browser on a page of the sample website."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import urllib3

from functions.ingest import embed
from shared.domain.activity import Activity
from tests.e2e.conftest import Cloud
from tests.e2e.node import PACKAGES, Node

pytestmark = pytest.mark.browser

KEPT = """async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    cookie: document.cookie,
})"""
NOTHING = {"local": [], "session": [], "databases": 0, "caches": 0, "cookie": ""}


def told(page: Any) -> list[Any]:
    """What the page tells the API from now on, each as it stands in the request; forms are not among it."""
    requests: list[Any] = []
    page.on(
        "request",
        lambda request: (
            requests.append(request.post_data_json)
            if request.method == "POST" and "/v1/forms/" not in request.url
            else None
        ),
    )
    return requests


def arrived(cloud: Cloud, said: Any) -> Activity:
    """The activity that the log has of what a page told."""
    id_ = f"public:{said['messageId']}"
    found: Activity = cloud.eventually(lambda: next((each for each in cloud.log() if each.id == id_), None))
    return found


def test_nothing_is_stored_in_the_browser_before_consent_and_nothing_stays_after_it_is_withdrawn(
    open_page: Any,
) -> None:
    page = open_page()
    requests = told(page)
    for path in ("/", "/pricing"):
        page.goto(path)
        assert page.evaluate(KEPT) == NOTHING
        assert page.context.cookies() == []
    first, second = (each["anonymousId"] for each in requests)
    assert first != second

    page.evaluate("baton.consent(true)")
    assert page.evaluate(KEPT) == NOTHING | {"local": ["baton"]}
    page.goto("/blog")
    page.goto("/")
    assert [each["anonymousId"] for each in requests[2:]] == [second, second]

    page.evaluate("baton.consent(false)")
    assert page.evaluate(KEPT) == NOTHING
    page.evaluate("baton.track('CTA Clicked')")
    page.goto("/blog")
    assert second not in {each["anonymousId"] for each in requests[4:]}


def test_a_page_view_tells_the_page_and_the_campaign_that_led_to_it(open_page: Any, cloud: Cloud) -> None:
    page = open_page()
    requests = told(page)
    page.goto("/pricing?utm_source=newsletter&utm_medium=mail&utm_campaign=spring&msclkid=m-1&other=x")
    view = arrived(cloud, requests[0])

    assert (view.type, view.source, view.properties["path"]) == ("page_viewed", "website", "/pricing")
    assert view.properties["title"] == page.title()
    assert view.context["campaign"] == {"source": "newsletter", "medium": "mail", "name": "spring", "msclkid": "m-1"}
    assert view.context["locale"]
    assert [name.kind.value for name in view.identities] == ["anonymous_id"]


def test_what_a_query_or_a_fragment_holds_beside_the_campaign_is_never_told(open_page: Any) -> None:
    page = open_page()
    requests = told(page)
    page.goto("/pricing?token=secret&utm_source=news&email=a%40b.example#access_token=secret")
    page.evaluate("location.href = '/blog?utm_term='")
    page.wait_for_url("**/blog?*")
    page.evaluate("baton.track('CTA Clicked')")

    first, second = (each["properties"] for each in requests[:2])
    home = page.url.partition("/blog")[0]
    assert (first["url"], first["referrer"]) == (f"{home}/pricing?utm_source=news", "")
    assert second["url"] == f"{home}/blog"
    assert second["referrer"] in {f"{home}/pricing?utm_source=news", f"{home}/"}
    assert "secret" not in str(requests)


FORM = """() => {
    const form = document.createElement("form");
    form.setAttribute("data-baton", "");
    document.body.append(form);
    return Object.fromEntries(new FormData(form));
}"""


def test_an_empty_campaign_in_the_address_leaves_the_kept_one_and_a_withdrawn_consent_forgets_it(
    open_page: Any,
) -> None:
    page = open_page()
    page.goto("/?utm_source=newsletter")
    page.evaluate("baton.consent(true)")
    page.goto("/pricing?utm_source=")
    assert page.evaluate(FORM)["utm_source"] == "newsletter"

    page.evaluate("baton.consent(false)")

    assert list(page.evaluate(FORM)) == ["_anonymous_id"]


HEARD = """() => {
    const when = (holds) => new Promise((resolve) => addEventListener("storage", (said) => holds(said) && resolve()));
    self.heard = { theme: when(({key}) => key == "theme"), withdrawal: when(({newValue}) => newValue == null) };
}"""


@pytest.mark.parametrize("withdrawn", ["baton.consent(false)", "localStorage.clear()"])
def test_consent_that_is_withdrawn_in_one_tab_is_withdrawn_in_the_others(open_page: Any, withdrawn: str) -> None:
    page = open_page()
    page.goto("/?utm_source=newsletter")
    page.evaluate("baton.consent(true)")
    page.goto("/pricing")
    known = page.evaluate(FORM)["_anonymous_id"]
    page.evaluate(HEARD)
    other = page.context.new_page()
    other.goto(page.url)
    other.evaluate("localStorage.theme = 'dark'")
    page.evaluate("heard.theme")
    assert page.evaluate(FORM)["_anonymous_id"] == known  # what else the page keeps is no word of consent

    other.evaluate(withdrawn)
    page.evaluate("heard.withdrawal")

    form = page.evaluate(FORM)
    assert list(form) == ["_anonymous_id"]
    assert form["_anonymous_id"] != known


def test_a_page_that_changes_without_loading_is_another_page_view(open_page: Any) -> None:
    page = open_page()
    requests = told(page)
    page.goto("/")
    with page.expect_request("**/v1/page"):
        page.evaluate("history.pushState({}, '', '/pricing')")
    page.evaluate("location.hash = 'plans'")
    with page.expect_request("**/v1/page"):
        page.go_back()
        page.go_back()

    seen = [(each["properties"]["url"], each["properties"]["referrer"]) for each in requests]
    home = page.url
    assert seen == [(home, ""), (f"{home}pricing", home), (home, f"{home}pricing")]


def test_who_asks_by_global_privacy_control_to_be_let_alone_is_not_told_of_and_forms_still_work(
    open_page: Any, cloud: Cloud
) -> None:
    page = open_page(private=True)
    requests = told(page)
    page.goto("/demo")
    page.evaluate("localStorage.baton = 'kept-from-before?'")
    page.goto("/demo")
    page.evaluate("baton.consent(true); baton.track('CTA Clicked'); baton.identify({email: 'gwen@obi.example'})")
    assert page.evaluate(KEPT) == NOTHING
    page.get_by_label("Work e-mail").fill("gwen@obi.example")
    page.get_by_role("button", name="Request a demo").click()
    page.wait_for_url("**/thanks")

    (sent,) = [each for each in cloud.log() if each.identity.value == "gwen@obi.example"]
    assert (sent.type, len(sent.identities)) == ("demo_requested", 1)
    assert requests == []
    assert page.faults == []


def test_the_script_works_beside_a_strict_content_security_policy(open_page: Any, cloud: Cloud) -> None:
    page = open_page()
    requests = told(page)
    page.add_init_script("addEventListener('securitypolicyviolation', ({blockedURI}) => console.error(blockedURI))")
    answer = page.goto("/demo")
    policy = answer.headers["content-security-policy"]

    assert policy.startswith("default-src 'none';")
    assert not [loose for loose in ("unsafe", "*", "data: ", "nonce", "sha256") if loose in policy]
    assert arrived(cloud, requests[0]).properties["path"] == "/demo"
    page.get_by_label("Work e-mail").fill("petra@obi.example")
    page.get_by_role("button", name="Request a demo").click()
    page.wait_for_url("**/thanks")
    assert page.faults == []


OUTLIVES = """const send = fetch; self.outlives = [];
    self.fetch = (...asked) => { outlives.push(new Request(...asked).keepalive); return send(...asked); };"""


def test_what_is_told_in_the_moment_of_leaving_arrives(open_page: Any, cloud: Cloud) -> None:
    page = open_page()
    page.add_init_script(OUTLIVES)
    page.goto("/pricing")
    page.evaluate("baton.track('CTA Clicked')")
    # A short request often gets through by luck: that it is meant to outlive the page is what the browser knows of it.
    assert page.evaluate("outlives") == [True, True]

    page.evaluate("addEventListener('pagehide', () => baton.track('CTA Clicked', {where: 'the door'}))")
    page.goto("about:blank")

    cloud.eventually(lambda: [each for each in cloud.log() if each.properties == {"where": "the door"}])


def test_a_page_tells_what_somebody_does_and_who_it_is(open_page: Any, cloud: Cloud) -> None:
    page = open_page()
    requests = told(page)
    page.goto("/pricing")
    page.evaluate("baton.identify({email: 'Pia@Obi.example', firstName: 'Pia'})")

    who = arrived(cloud, requests[1])
    assert who.type == "identified"
    assert who.claims.lead.items() >= {"email": "Pia@Obi.example", "first_name": "Pia"}.items()
    browser = f"anonymous_id:{requests[0]['anonymousId']}"
    assert [name.key for name in who.identities] == ["email:pia@obi.example", browser]


ADDED = """([attribute, value]) => {
    const form = document.createElement("form");
    form.innerHTML = `<input name="utm_source" type="hidden" value="${value}">`;
    if (attribute) form.setAttribute(attribute, "");
    document.body.append(form);
    return Object.fromEntries(new FormData(form));
}"""


def test_only_marked_forms_are_given_anything_and_what_the_page_has_filled_in_stays(open_page: Any) -> None:
    page = open_page()
    requests = told(page)
    page.goto("/?utm_source=newsletter&utm_term=stock")
    id_ = requests[0]["anonymousId"]

    assert page.evaluate(ADDED, ["", ""]) == {"utm_source": ""}
    added = {"_anonymous_id": id_, "utm_term": "stock"}
    assert page.evaluate(ADDED, ["data-baton", ""]) == added | {"utm_source": "newsletter"}
    assert page.evaluate(ADDED, ["data-baton", "the page"]) == added | {"utm_source": "the page"}


EMBEDDED_AGAIN = """() => new Promise((resolve, reject) => {
    const { src, dataset: { key } } = document.querySelector("script[data-key]");
    const again = Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject });
    again.dataset.key = key;
    document.head.append(again);
})"""


def test_a_page_that_embeds_the_script_twice_tells_of_itself_once(open_page: Any) -> None:
    page = open_page()
    requests = told(page)
    page.goto("/")
    page.evaluate(EMBEDDED_AGAIN)
    page.evaluate("baton.track('CTA Clicked')")

    assert [each.get("event", "a page view") for each in requests] == ["a page view", "CTA Clicked"]


def test_a_browser_that_keeps_no_storage_at_all_is_told_of_all_the_same(open_page: Any) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(self, 'localStorage', {get() { throw new Error('shut off') }})")
    requests = told(page)
    page.goto("/")
    page.evaluate("baton.consent(true); baton.consent(false)")

    assert len(requests) == 1
    assert page.faults == []


def test_the_api_hands_out_the_script_packed_and_not_again_to_who_has_it(cloud: Cloud) -> None:
    address = f"{cloud.where['api']}/v1/baton.js"
    packed = urllib3.request("GET", address, headers={"accept-encoding": "gzip"}, decode_content=False)

    assert packed.status == 200
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.data) < 1000
    assert gzip.decompress(packed.data) == urllib3.request("GET", address).data
    again = urllib3.request("GET", address, headers={"if-none-match": packed.headers["etag"]})
    assert (again.status, again.data) == (304, b"")


@pytest.mark.network
def test_what_is_served_is_what_people_read(node: Node, tmp_path: Path) -> None:
    source = Path(embed.__file__).with_name("baton.js")
    (command,) = (line for line in source.read_text(encoding="utf-8").splitlines() if line.startswith("// npx terser@"))
    assert f"terser@{PACKAGES['terser']}" in command
    *options, _, target = command.split()[4:]
    made = tmp_path / "made.js"
    node.run(node.package("terser") / "bin" / "terser", str(source), *options, "--output", str(made))

    assert made.read_bytes() == source.with_name(Path(target).name).read_bytes()
