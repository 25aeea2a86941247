"""The budgets: what an activity costs, counted from the calls that are made and the size of what they carry."""

import random
import uuid
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR, Moment
from shared.ports.rules import RuleVersion
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from tests.fakes import FixedClock
from tests.meter import Meter, size
from tests.people import activity, browser, email
from tests.tables import ACTIVITIES, LEADS

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
