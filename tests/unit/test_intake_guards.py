"""What intake does against floods, bots and throw-away addresses: budgets, marks and facts, seen by a client."""

from __future__ import annotations

from typing import Any

import pytest

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import Intake, configured
from functions.ingest.settings import BudgetLimits, ConsentWording, Form, PublicWriteKey, SecretWriteKey, Settings
from shared.adapters.email_kinds import email_kind
from shared.domain.activity import Activity, Rank
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.usecases.ingest import AGENTS_OF_A_BROWSER
from tests.fakes import InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.http_requests import NOW, answer, http_event

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HOME, OFFICE = "203.0.113.7", "198.51.100.9"


def settings(**limits: int | None) -> Settings:
    return Settings(
        activities_table="activities",
        budgets_table="budgets",
        erasures_table="erasures",
        erasure_secret="erasure",
        write_keys=(
            PublicWriteKey(name="website", key="pk_web", activities=("page_viewed", "identified")),
            PublicWriteKey(name="busy", key="pk_busy", activities=("page_viewed",), budget=5000),
            SecretWriteKey(name="crm", secret="crm"),
        ),
        forms=(
            Form(name="contact", consent=ConsentWording(field="agree", wording="You may call me.", version="1")),
            Form(name="quiet", budget=2),
        ),
        budgets=BudgetLimits(**limits),
    )


class Log(InMemoryActivities):
    def all(self) -> list[Activity]:
        return list(self._log.values())


class Site:
    """A website whose visitors' requests are handled by one function, or by several."""

    def __init__(self, **limits: int | None) -> None:
        self.log = Log()
        self.budgets = InMemoryBudgets()
        self._settings = settings(**limits)
        self._sent = 0
        self.intake = self.another_function()

    def another_function(self) -> Intake:
        return configured(self._settings, self.log, lambda: InMemorySecrets(crm="sk_crm"), lambda: self.budgets)

    def post(
        self, path: str, body: Any, *, after: int = 0, intake: Intake | None = None, **rest: Any
    ) -> dict[str, Any]:
        self._sent += 1
        event = http_event(
            "POST", path, body, at=Moment(parse_moment(NOW) + after), request_id=f"r-{self._sent}", **rest
        )
        reply: dict[str, Any] = lambda_handler(event, None, intake or self.intake)
        return reply

    def pages(self, count: int, person: str = "ada@example.com", key: str = "pk_web", **rest: Any) -> dict[str, Any]:
        """A batch of views of pages."""
        views = [{"type": "page", "userId": person, "properties": {"path": f"/{n}"}} for n in range(count)]
        return self.post("/v1/batch", {"batch": views}, key=key, **rest)

    def form(self, number: int = 0, name: str = "contact", **rest: Any) -> dict[str, Any]:
        """Somebody new fills in a form."""
        return self.post(f"/v1/forms/{name}", {"email": f"person-{number}@example.com"}, **rest)


def statuses(replies: list[dict[str, Any]]) -> list[int]:
    return [reply["statusCode"] for reply in replies]


def test_a_batch_of_500_activities_of_one_person_is_within_what_comes_by_default() -> None:
    site = Site()

    assert statuses([site.pages(500) for _ in range(6)]) == [200] * 6
    assert len(site.log) == 3000
    assert site.budgets.asked == 10


def test_a_click_stream_of_31000_activities_of_600_people_is_within_what_comes_by_default() -> None:
    site = Site()
    for number in range(312):
        people = [f"u-{(number * 100 + n) % 600}" for n in range(100)]
        views = [{"type": "page", "userId": one, "messageId": f"{number}-{n}"} for n, one in enumerate(people)]
        assert site.post("/v1/batch", {"batch": views}, key="sk_crm")["statusCode"] == 200

    assert len(site.log) == 31_200


def test_a_request_over_the_budget_of_its_key_is_refused_as_a_whole_and_leaves_nothing() -> None:
    site = Site(key=1000)
    taken = statuses([site.pages(500), site.pages(400)])

    over = site.pages(101, after=48 * 1_000_000)

    assert taken == [200, 200]
    assert (over["statusCode"], answer(over)["code"], over["headers"]["retry-after"]) == (429, "over_budget", "12")
    assert answer(over)["details"] == {"retry_after": 12}
    assert len(site.log) == 900
    assert statuses([site.pages(100), site.pages(1), site.pages(1, after=MINUTE)]) == [200, 429, 200]


def test_another_key_and_a_key_with_a_budget_of_its_own_are_not_held_to_it() -> None:
    site = Site(key=500)

    assert statuses([site.pages(500), site.pages(1)]) == [200, 429]
    assert statuses([site.pages(1, key="sk_crm")]) == [200]
    assert statuses([site.pages(500, key="pk_busy") for _ in range(4)]) == [200] * 4


def test_what_is_refused_for_another_reason_takes_nothing_of_a_budget() -> None:
    site = Site(key=500)
    batch = [{"type": "page", "messageId": str(number)} for number in range(400)]
    for _ in range(3):
        site.post("/v1/batch", {"batch": [*batch, {"type": "page", "userId": "u-1"}]}, key="pk_web")

    assert statuses([site.pages(497), site.pages(1)]) == [200, 429]


@pytest.mark.parametrize("key", ["pk_web", "sk_crm"])
def test_a_request_that_names_somebody_over_the_budget_is_refused_as_a_whole_and_taken_later(key: str) -> None:
    site = Site(identity=500)
    ada = [{"type": "page", "userId": "ada@example.com", "messageId": f"a-{n}"} for n in range(5)]
    eve = [{"type": "page", "userId": "eve@example.com", "messageId": "e-1"}, {"type": "page", "messageId": "nobody"}]
    site.pages(498, key=key)
    over = site.post("/v1/batch", {"batch": [*ada, *eve]}, key=key)
    stored = len(site.log)
    again = site.post("/v1/batch", {"batch": [*ada, *eve]}, key=key, after=MINUTE)

    assert (over["statusCode"], answer(over)["code"], over["headers"]["retry-after"]) == (429, "over_budget", "60")
    assert stored == 498
    assert again["statusCode"] == 200
    assert [(each["index"], each["code"]) for each in answer(again)["refused"]] == [(6, "invalid")]
    assert len(site.log) == 498 + 6


def test_what_anybody_sends_of_a_person_takes_nothing_of_what_a_server_may_send_of_them() -> None:
    site = Site(identity=500)

    assert statuses([site.pages(500), site.pages(1), site.pages(500, key="sk_crm")]) == [200, 429, 200]


def test_a_flood_with_a_pages_key_that_names_somebody_does_not_shut_their_form() -> None:
    site = Site(identity=500)
    flood = [site.pages(500, "person-7@example.com"), site.pages(1, "person-7@example.com")]

    assert statuses([*flood, site.form(7)]) == [200, 429, 200]


def test_one_machine_does_not_use_up_a_public_key_for_all_visitors() -> None:
    site = Site(key=2000, sender=1000)
    flood = [site.pages(500, f"u-{n}", address=HOME) for n in range(10)]

    assert statuses(flood) == [200] * 2 + [429] * 8
    assert (answer(flood[-1])["code"], flood[-1]["headers"]["retry-after"]) == ("over_budget", "60")
    assert "your network address" in answer(flood[-1])["message"]
    assert statuses([site.pages(1, address=OFFICE), site.pages(1, address=HOME, after=MINUTE)]) == [200, 200]


def test_an_address_is_one_sender_whatever_public_key_it_uses_and_whatever_it_chooses_of_its_network() -> None:
    site = Site(sender=500)
    replies = [
        site.pages(499, address="2001:db8::1"),
        site.pages(1, "u-2", key="pk_busy", address="2001:db8::2"),
        site.pages(1, "u-3", address="2001:db8::3"),
        site.pages(1, "u-3", address="2001:db8:0:1::1"),
    ]

    assert statuses(replies) == [200, 200, 429, 200]


def test_a_server_sends_for_many_from_one_address() -> None:
    site = Site(sender=500)

    assert statuses([site.pages(500, f"u-{n}", key="sk_crm", address=HOME) for n in range(4)]) == [200] * 4


def test_a_flood_of_a_form_from_one_address_ends_soon_and_others_still_get_through() -> None:
    site = Site()
    flood = [site.form(number, address=HOME) for number in range(40)]

    assert statuses(flood) == [200] * 30 + [429] * 10
    assert site.form(100, address=OFFICE)["statusCode"] == 200
    assert site.form(101, address=HOME, after=10 * MINUTE)["statusCode"] == 200
    assert len(site.log) == 32


def test_a_flood_of_a_form_from_many_addresses_ends_too_and_other_forms_still_work() -> None:
    site = Site(form=50, address=30)
    replies = [site.form(number, address=f"203.0.113.{number}") for number in range(60)]

    assert statuses(replies) == [200] * 50 + [429] * 10
    assert statuses([site.form(n, name="quiet", address=OFFICE) for n in range(3)]) == [200, 200, 429]


def test_an_address_over_its_budget_takes_nothing_more_of_the_forms() -> None:
    site = Site(form=3, address=2)
    flood = [site.form(number, address=HOME) for number in range(20)]

    assert statuses(flood) == [200] * 2 + [429] * 18
    assert site.form(100, address=OFFICE)["statusCode"] == 200


def test_who_chooses_addresses_in_a_network_is_one_sender() -> None:
    site = Site(address=2)

    assert statuses([site.form(n, address=f"2001:db8::{n:x}") for n in range(4)]) == [200, 200, 429, 429]
    assert site.form(9, address="2001:db8:0:1::1")["statusCode"] == 200


def test_functions_count_a_form_together() -> None:
    site = Site(address=3)
    functions = [site.another_function() for _ in range(5)]
    replies = [site.form(n, address=HOME, intake=one) for n, one in enumerate(functions)]

    assert statuses(replies) == [200, 200, 200, 429, 429]


def test_a_browser_is_told_in_a_page_and_a_script_in_json_when_to_come_again() -> None:
    site = Site(address=1)
    site.form(1, address=HOME)
    page = site.form(2, address=HOME, headers={"accept": "text/html,application/xhtml+xml"})
    json = site.form(3, address=HOME, headers={"accept": "application/json"})

    assert (page["statusCode"], page["headers"]["retry-after"]) == (429, "600")
    assert page["headers"]["content-type"] == "text/html; charset=utf-8"
    assert "600 s" in page["body"]
    assert (json["statusCode"], answer(json)["code"], json["headers"]["retry-after"]) == (429, "over_budget", "600")


def test_a_robot_that_fills_in_the_hidden_field_takes_nothing_of_a_budget() -> None:
    site = Site(form=1)
    trapped = site.post("/v1/forms/contact", {"email": "x@example.com", "_gotcha": "buy"}, address=HOME)

    assert statuses([trapped, site.form(1, address=HOME)]) == [200, 200]


def test_without_budgets_nothing_is_counted() -> None:
    site = Site(key=None, identity=None, sender=None, form=None, address=None)
    replies = [site.form(number, address=HOME) for number in range(700)]

    assert set(statuses(replies)) == {200}
    assert site.budgets.asked == 0


@pytest.mark.parametrize("address", [None, "", "unknown"])
def test_without_an_address_the_forms_budget_holds_alone(address: str | None) -> None:
    site = Site(form=2, address=1)

    assert statuses([site.form(n, address=address) for n in range(3)]) == [200, 200, 429]


def test_while_the_common_count_is_away_forms_are_taken_all_the_same() -> None:
    site = Site(address=2)
    site.budgets.down = True

    assert statuses([site.form(n, address=HOME) for n in range(3)]) == [200, 200, 429]


@pytest.mark.parametrize(
    ("agent", "marks"),
    [(GOOGLE, ("bot",)), ("HeadlessChrome/140.0", ("bot",)), ("curl/8.5.0", ("bot",)), (FIREFOX, ()), ("", ())],
)
def test_what_a_bot_does_is_kept_and_marked(agent: str, marks: tuple[str, ...]) -> None:
    site = Site()
    said = {"userId": "ada@example.com"}
    site.post("/v1/page", said, key="pk_web", headers={"user-agent": agent})
    site.post("/v1/page", said | {"context": {"userAgent": agent}}, key="pk_web", headers={"user-agent": FIREFOX})
    site.post("/v1/page", said | {"context": {"userAgent": agent}}, key="sk_crm")
    site.form(1, headers={"user-agent": agent})

    if agent:
        assert [stored.marks for stored in site.log.all()] == [marks] * 4


def test_a_servers_own_program_says_nothing_about_the_person() -> None:
    site = Site()
    site.post("/v1/page", {"userId": "u-1"}, key="sk_crm", headers={"user-agent": "python-requests/2.32"})

    (stored,) = site.log.all()
    assert (stored.marks, stored.context) == ((), {})


def test_a_bot_with_a_fast_clock_has_both_marks() -> None:
    site = Site()
    said = {"userId": "u-1", "timestamp": "2099-01-01T00:00:00Z", "context": {"userAgent": GOOGLE}}
    site.post("/v1/page", said, key="pk_web")

    (stored,) = site.log.all()
    assert set(stored.marks) == {"clock", "bot"}


def test_of_a_browsers_request_only_so_many_agents_are_looked_at_and_of_a_servers_all() -> None:
    for key, looked_at in (("pk_web", AGENTS_OF_A_BROWSER), ("sk_crm", 40)):
        site = Site()
        agents = [f"Googlebot/2.1 {key} {number}" for number in range(40)]
        batch = [{"type": "page", "userId": "u-1", "context": {"userAgent": agent}} for agent in agents]
        site.post("/v1/batch", {"batch": batch}, key=key)

        assert sum(stored.marks == ("bot",) for stored in site.log.all()) == looked_at


@pytest.mark.parametrize(("agent", "bots"), [(GOOGLE, 12), (FIREFOX, 0)])
def test_beyond_so_many_agents_the_program_that_sent_the_request_counts(agent: str, bots: int) -> None:
    site = Site()
    agents = [FIREFOX.replace("140", str(number)) for number in range(AGENTS_OF_A_BROWSER + 12)]
    batch = [{"type": "page", "userId": "u-1", "context": {"userAgent": one}} for one in agents]
    site.post("/v1/batch", {"batch": batch}, key="pk_web", headers={"user-agent": agent})

    assert [stored.marks for stored in site.log.all()].count(("bot",)) == bots


@pytest.mark.parametrize("told", ["", "  ", None, 5, ["x"]])
def test_an_agent_that_says_nothing_does_not_hide_who_sent_the_request(told: Any) -> None:
    site = Site()
    said = {"userId": "u-1", "context": {"userAgent": told}}
    site.post("/v1/page", said, key="pk_web", headers={"user-agent": GOOGLE})

    (stored,) = site.log.all()
    assert (stored.marks, stored.context["user_agent"]) == (("bot",), GOOGLE)


@pytest.mark.parametrize(
    ("agent", "marks"),
    [
        (GOOGLE, ("bot",)),
        ("HeadlessChrome/140.0", ("bot",)),
        ("okhttp/4.9.0", ()),
        ("Dart/3.0 (dart:io)", ()),
        ("ChatBot/12 CFNetwork/1408.0.4 Darwin/22.5.0", ()),
    ],
)
def test_a_library_hides_what_fetches_for_an_app_and_no_crawler(agent: str, marks: tuple[str, ...]) -> None:
    site = Site()
    said = {"userId": "u-1", "context": {"library": {"name": "analytics-flutter"}}}
    site.post("/v1/page", said, key="pk_web", headers={"user-agent": agent})

    (stored,) = site.log.all()
    assert stored.marks == marks


def test_an_agent_that_is_not_text_is_no_bot() -> None:
    site = Site()
    for agent in (7, ["Googlebot"], {"name": "Googlebot"}):
        site.post("/v1/page", {"userId": "u-1", "context": {"userAgent": agent}}, key="sk_crm")

    assert [stored.marks for stored in site.log.all()] == [()] * 3


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ada@gmail.com", "free"),
        ("ada@GMX.de", "free"),
        ("ada@mailinator.com", "disposable"),
        ("ada@inbox.mailinator.com", "disposable"),
        ("ada@acme.example", "business"),
        ("ada@notgmail.com.acme.example", "business"),
        ("ada@mygmail.example", "business"),
        ("ada@" + "a." * 20_000 + "example", "business"),
        ("ada", "business"),
    ],
)
def test_an_address_is_free_or_to_throw_away_or_of_a_business(address: str, kind: str) -> None:
    assert email_kind(address) == kind


def kinds(site: Site) -> list[Any]:
    return [stored.claims.lead.get("email_kind") for stored in site.log.all()]


def test_who_tells_facts_of_a_lead_by_its_address_tells_its_kind_and_who_tells_none_does_not() -> None:
    site = Site()
    site.post("/v1/identify", {"userId": "u-1", "traits": {"email": "ada@gmail.com"}}, key="sk_crm")
    site.post("/v1/identify", {"userId": "u-2", "traits": {"email": "ada@gmail.com"}}, key="pk_web")
    site.post("/v1/forms/contact", {"email": "eve@mailinator.com"})
    site.post("/v1/track", {"event": "Page Viewed", "userId": "eve@gmail.com"}, key="pk_web")
    site.post("/v1/identify", {"userId": "u-3", "traits": {"title": "CTO"}}, key="sk_crm")

    assert kinds(site) == ["free", "free", "disposable", None, None]


@pytest.mark.parametrize(("key", "believed"), [("pk_web", "free"), ("sk_crm", "business")])
def test_a_server_may_know_better_of_what_kind_an_address_is(key: str, believed: str) -> None:
    site = Site()
    traits = {"email": "ada@gmail.com", "emailKind": "business"}
    site.post("/v1/identify", {"userId": "ada@gmail.com", "traits": traits}, key=key)

    assert kinds(site) == [believed]


def test_a_kind_that_anybody_tells_is_dropped_where_there_is_no_address_too() -> None:
    site = Site()
    for key in ("pk_web", "sk_crm"):
        site.post("/v1/identify", {"anonymousId": "b-1", "traits": {"emailKind": "business", "title": "CTO"}}, key=key)

    assert [stored.claims.lead for stored in site.log.all()] == [
        {"title": "CTO"},
        {"email_kind": "business", "title": "CTO"},
    ]


def test_a_kind_is_believed_as_far_as_who_told_the_address() -> None:
    site = Site()
    site.form(1)

    (stored,) = site.log.all()
    assert (stored.rank, stored.claims.lead["email_kind"]) == (Rank.PUBLIC, "business")
