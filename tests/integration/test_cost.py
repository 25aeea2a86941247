"""The budgets: what an activity costs, counted from the calls that are made and the size of what they carry."""

import random
import uuid
from dataclasses import replace

import pytest

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import configured
from functions.ingest.settings import Form, PublicWriteKey, Settings
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.budgets import DynamoDBBudgets
from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.domain.erasure import Erasure
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR, Moment, parse_moment
from shared.ports.rules import RuleVersion
from shared.usecases.erased import ErasedPeople
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from tests.fakes import FixedClock, InMemorySecrets
from tests.http_requests import http_event
from tests.meter import Meter, size
from tests.people import activity, browser, email
from tests.tables import ACTIVITIES, BUDGETS, ERASURES, LEADS

RULES = {
    "name": "test",
    "behaviour": [
        {"id": "pricing", "on": "page_viewed", "where": {"properties.path": {"starts_with": "/pricing"}}, "points": 5},
        {"id": "any-page", "on": "page_viewed", "points": 1, "cap": 30, "decay": {"half_life": "30d"}},
        {"id": "opened", "on": "email_opened", "points": 1, "repeat": {"once_per": "1d"}},
        {"id": "demo", "on": "demo_requested", "points": 25},
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}, {"name": "hot", "above": 75}],
}
KINDS = ["page_viewed", "page_viewed", "page_viewed", "email_opened", "demo_requested"]


class Site:
    """A website whose visitors' activities are logged and scored, with a meter at DynamoDB."""

    def __init__(self, dynamodb):
        self.dynamodb = dynamodb
        self.random = random.Random(0)
        self.clock = FixedClock("2026-03-02T09:00:00Z")
        versions = DynamoDBRuleVersions(dynamodb, LEADS)
        versions.publish(RuleVersion(1, "test", "somebody", self.clock.now(), "", "0" * 64, RULES, ""))
        self.log = DynamoDBActivities(dynamodb, ACTIVITIES)
        self.leads = DynamoDBLeads(dynamodb, LEADS)
        rulebook = Rulebook(versions, self.clock)
        self.score = Score(
            self.log, self.leads, rulebook, self.clock, lambda: LeadId(uuid.UUID(int=self.random.getrandbits(128)).hex)
        )
        self.visit(0, 1)
        self.meter = Meter().watch(dynamodb)

    def visit(self, person, times):
        """A person does things in a browser, as its client sends them; they are taken in and scored as one batch."""
        who = email(f"person-{person}@engines.example"), browser(str(uuid.UUID(int=10**30 + person)))
        batch = []
        for _ in range(times):
            self.clock.advance(self.random.randrange(HOUR))
            number = uuid.UUID(int=self.random.getrandbits(128), version=4)
            one = activity(
                f"ajs-next-{self.clock.now() // 1000}-{number}",
                *who,
                type=self.random.choice(KINDS),
                properties={"path": self.random.choice(["/", "/pricing", "/blog/post"])},
            )
            batch.append(replace(one, occurred_at=self.clock.now(), received_at=Moment(self.clock.now() + 1)))
        return batch

    def take(self, batch):
        self.log.append(batch)
        assert self.score.apply(batch) == []

    def score_item(self, person):
        lead = self.leads.whose([email(f"person-{person}@engines.example")]).popitem()[1]
        return self.dynamodb.get_item(TableName=LEADS, Key={"pk": {"S": f"LEAD#{lead}"}, "sk": {"S": "SCORE"}})["Item"]


@pytest.fixture
def site(dynamodb):
    return Site(dynamodb)


def test_an_activity_of_a_known_lead_costs_two_writes_two_reads_and_four_calls_at_the_most(site):
    site.take(site.visit(1, 40))
    site.meter.reset()

    for _ in range(10):
        site.take(site.visit(1, 1))

    # The pointer to the active rules is read again every 15 seconds, whatever comes: that is not the activity's.
    pointers = 10
    assert (site.meter.calls - pointers) / 10 <= 4.0
    assert site.meter.writes / 10 <= 2.0
    assert (site.meter.reads - pointers) / 10 <= 2.0


def test_a_batch_of_100_activities_of_20_leads_costs_1_3_writes_and_1_5_calls_each(site):
    for person in range(20):
        site.take(site.visit(person, 30))
    batch = [one for person in range(20) for one in site.visit(person, 5)]
    site.random.shuffle(batch)
    site.meter.reset()

    site.take(batch)

    assert site.meter.writes / 100 <= 1.3
    assert site.meter.calls / 100 <= 1.5


def test_the_state_of_a_lead_with_50_activities_takes_a_kilobyte_at_the_most(site):
    site.take(site.visit(1, 50))

    assert size(site.score_item(1)) <= 1024


def test_a_lead_with_1000_activities_takes_12_kilobytes_and_13_writes(site):
    site.take(site.visit(1, 1000))
    assert len(site.score_item(1)["state"]["B"]) <= 12 * 1024
    site.meter.reset()

    site.take(site.visit(1, 1))

    assert site.meter.writes <= 13


def test_a_visitor_who_is_not_known_yet_costs_one_write(site):
    nobody = [
        activity(f"a{number}", browser("nobody"), type="page_viewed", properties={"path": "/"}) for number in range(10)
    ]
    site.meter.reset()

    site.take(nobody)

    assert site.meter.writes == 10


BROWSER = {
    "type": "page",
    "messageId": "ajs-next-1772442000000-3d4c1d2e-0b1a-4c5d-8e9f-a0b1c2d3e4f5",
    "anonymousId": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
    "userId": None,
    "timestamp": "2026-03-02T08:59:59.512Z",
    "sentAt": "2026-03-02T08:59:59.920Z",
    "name": "Pricing of the crane that lifts everything",
    "category": "Products",
    "properties": {
        "path": "/products/cranes/pricing",
        "referrer": "https://search.example/?q=crane+that+lifts+everything",
        "search": "?utm_source=newsletter&utm_medium=email&utm_campaign=spring-2026",
        "title": "Pricing · Engines and cranes",
        "url": "https://www.engines.example/products/cranes/pricing?utm_source=newsletter&utm_medium=email",
    },
    "context": {
        "campaign": {"source": "newsletter", "medium": "email", "name": "spring-2026"},
        "library": {"name": "analytics.js", "version": "npm:next-1.84.0"},
        "locale": "en-GB",
        "page": {
            "path": "/products/cranes/pricing",
            "referrer": "https://search.example/?q=crane+that+lifts+everything",
            "search": "?utm_source=newsletter&utm_medium=email&utm_campaign=spring-2026",
            "title": "Pricing · Engines and cranes",
            "url": "https://www.engines.example/products/cranes/pricing?utm_source=newsletter&utm_medium=email",
        },
        "timezone": "Europe/Berlin",
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.0 Mobile/15E148 Safari/604.1",
    },
}
ADDRESS = "2001:db8:85a3:8d3:1319:8a2e:370:7348"


@pytest.fixture
def intake(dynamodb):
    """What takes a website's activities in, on the tables."""
    settings = Settings(
        activities_table=ACTIVITIES,
        budgets_table=BUDGETS,
        erasures_table=ERASURES,
        erasure_secret="erasure",
        write_keys=(PublicWriteKey(name="website", key="pk_web", activities=("page_viewed",)),),
        forms=(Form(name="contact"),),
    )
    log = DynamoDBActivities(dynamodb, ACTIVITIES)
    erasures = DynamoDBErasures(dynamodb, ERASURES, lambda: "secret")
    yesterday = parse_moment("2026-03-01T09:00:00Z")
    erasures.begin(
        Erasure("erasure-1", LeadId("x"), yesterday, yesterday, "Mia", "", frozenset({email("eve@engines.example")}))
    )
    erased = ErasedPeople(erasures, FixedClock())
    # The latest erasure is read every 15 seconds, whatever comes: that is not the activity's.
    erased.split([])
    return configured(settings, log, InMemorySecrets, lambda: DynamoDBBudgets(dynamodb, BUDGETS), erased)


def send(intake, path, body):
    reply = lambda_handler(http_event("POST", path, body, key="pk_web", address=ADDRESS), None, intake)
    assert reply["statusCode"] == 200


def test_what_a_browsers_client_tells_is_taken_in_with_one_write_of_one_unit_and_no_other_call(intake, dynamodb):
    meter = Meter().watch(dynamodb)

    send(intake, "/v1/page", BROWSER)

    assert (meter.calls, meter.writes, meter.reads) == (1, 1, 0)


def test_what_occurred_before_somebody_was_erased_costs_one_call_more(intake, dynamodb):
    meter = Meter().watch(dynamodb)

    send(intake, "/v1/page", {**BROWSER, "timestamp": "2026-02-28T09:00:00Z"})

    assert (meter.calls, meter.writes) == (2, 1)


@pytest.mark.parametrize("path", ["/v1/page", "/v1/batch"])
def test_what_an_erased_person_did_costs_the_work_of_anybodys_and_leaves_nothing(path, intake, dynamodb):
    meter = Meter().watch(dynamodb)

    def cost(address, message):
        meter.reset()
        told = {"type": "page", "userId": address, "messageId": message, "timestamp": "2026-02-28T09:00:00Z"}
        send(intake, path, {"batch": [told, told | {"messageId": f"{message}-2"}]} if path == "/v1/batch" else told)
        return meter.calls, meter.writes

    somebodys_first = cost("ada@engines.example", "m-1")

    assert cost("ada@engines.example", "m-2") == somebodys_first
    assert cost("ada@engines.example", "m-1") == somebodys_first
    assert cost("eve@engines.example", "m-1") == somebodys_first
    assert DynamoDBActivities(dynamodb, ACTIVITIES).under(email("eve@engines.example")) == []


def test_five_hundred_activities_of_one_person_cost_two_more_calls_for_its_budget_and_its_addresss(intake, dynamodb):
    meter = Meter().watch(dynamodb)

    send(
        intake,
        "/v1/batch",
        {"batch": [BROWSER | {"messageId": f"m-{number}", "context": None} for number in range(500)]},
    )

    assert (meter.calls, meter.writes) == (502, 502)


def test_a_form_costs_two_more_writes_for_the_budgets_of_its_sender_and_its_own(intake, dynamodb):
    meter = Meter().watch(dynamodb)

    send(intake, "/v1/forms/contact", {"email": "ada@engines.example", "message": "A crane, please."})

    assert (meter.calls, meter.writes) == (3, 3)
