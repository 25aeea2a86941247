"""The sweep touches the leads whose moment has come and no others, on ports in memory and on DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import boto3
import pytest

from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.domain.handoff import LeadId
from shared.domain.moments import DAY, HOUR, Moment
from shared.domain.state import ScoreState
from shared.ports.leads import LeadRecord
from shared.ports.rules import RuleVersion
from shared.usecases.noise import KnownNoise
from shared.usecases.picking import Pick
from shared.usecases.rescore import Rescore
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryDrifts,
    InMemoryLeads,
    InMemoryNoiseMarks,
    InMemoryQueue,
    InMemoryRescoring,
    InMemoryRuleVersions,
    InMemoryStages,
)
from tests.people import activity, email
from tests.tables import ACTIVITIES, LEADS

STEP_DOWN = 8 * DAY
"""How long a demo keeps a lead hot under these rules."""
RULES: dict[str, Any] = {
    "name": "sweep",
    "behaviour": [
        {
            "id": "demo",
            "on": "demo_requested",
            "points": 60,
            "repeat": "latest",
            "decay": {"step": {"lose": 20, "every": "8d"}},
        },
    ],
    "temperature": [{"name": "cold"}, {"name": "hot", "above": 50}],
}


class Town:
    """Leads, who scores them, and who sweeps; `writes` counts what was written of leads since it was set to 0."""

    def __init__(self, client: Any = None) -> None:
        self.clock = FixedClock("2026-03-10T00:00:00Z")
        self.log: Any = DynamoDBActivities(client, ACTIVITIES) if client else InMemoryActivities()
        self.leads: Any = DynamoDBLeads(client, LEADS) if client else InMemoryLeads()
        stages: Any = DynamoDBStages(client, LEADS, self.clock) if client else InMemoryStages()
        noise: Any = DynamoDBNoiseMarks(client, LEADS) if client else InMemoryNoiseMarks()
        known_noise = KnownNoise(noise, self.clock)
        self.versions = InMemoryRuleVersions()
        self.versions.publish(
            RuleVersion(1, "sweep", "ada", self.clock.now(), "", "0" * 64, RULES, ""),
        )
        rulebook = Rulebook(self.versions, self.clock)
        numbers = count(1)
        self.queue = InMemoryQueue()
        self.score = Score(
            self.log,
            self.leads,
            rulebook,
            self.clock,
            lambda: LeadId(f"lead-{next(numbers)}"),
            noise=known_noise,
        )
        self.rescore = Rescore(
            leads=self.leads,
            pick=Pick(
                activities=self.log,
                leads=self.leads,
                stages=stages,
                noise=noise,
                known_noise=known_noise,
                rulebook=rulebook,
                clock=self.clock,
                page=500,
            ),
            rescoring=DynamoDBRescoring(client, LEADS) if client else InMemoryRescoring(),
            touches=self.queue,
            drifts=InMemoryDrifts(),
            rulebook=rulebook,
            clock=self.clock,
            segments=4,
            page=500,
        )
        self.writes = 0
        save = self.leads.save

        def counted(record: Any) -> None:
            self.writes += 1
            save(record)

        self.leads.save = counted  # type: ignore[method-assign, unused-ignore]

    def did(self, ages: Mapping[int, int], name: str = "") -> None:
        """People asked for a demo, each so many microseconds ago."""
        asked = []
        for person, age in ages.items():
            at = Moment(self.clock.now() - age)
            demo = activity(f"demo-{person}{name}", email(f"lead-{person}@acme.example"), type="demo_requested")
            asked.append(replace(demo, occurred_at=at, received_at=at))
        for each in asked:
            self.log.append([each])
        assert self.score.apply(asked) == []

    def tick(self) -> set[str]:
        """One tick of the schedule, and what `score` does for it; the leads that were touched, each once."""
        self.rescore.tick(lambda: True)
        touched = [str(message["lead"]) for message in self.queue.messages]
        assert len(touched) == len(set(touched))
        self.queue.messages.clear()
        for lead in touched:
            self.score.touch(LeadId(lead))
        return set(touched)

    def whose(self, people: Iterable[int]) -> set[str]:
        return set(self.leads.whose(email(f"lead-{person}@acme.example") for person in people).values())


@pytest.fixture(params=["in memory", "DynamoDB"])
def town(request: pytest.FixtureRequest) -> Callable[[], Town]:
    if request.param == "in memory":
        return Town
    request.getfixturevalue("dynamodb")
    return lambda: Town(boto3.client("dynamodb"))


@pytest.mark.parametrize("number", [500, pytest.param(5_000, marks=pytest.mark.full)])
def test_moved_on_by_a_day_the_sweep_touches_exactly_the_leads_that_cross(
    town: Callable[[], Town], number: int
) -> None:
    """A tenth of the leads cools off within the day: each asked for a demo at a moment of the last ten days."""
    here = town()
    ages = {person: 8 * HOUR + person * (10 * DAY) // number for person in range(number)}
    here.did(ages)
    cool_now = [person for person, age in ages.items() if age < STEP_DOWN <= age + DAY]
    assert here.tick() == set(), "nobody is due yet"

    here.clock.advance(DAY)
    here.writes = 0
    touched = here.tick()

    assert len(cool_now) == number // 10
    assert touched == here.whose(cool_now)
    assert len(cool_now) <= here.writes <= len(cool_now) * 1.05
    assert here.tick() == set(), "whoever was visited is booked for a later moment, or for none"


def test_what_a_busy_lead_does_moves_its_moment_in_the_index_only_when_the_sweep_visits(
    town: Callable[[], Town],
) -> None:
    here = town()
    here.did({1: 0})
    [lead] = here.whose([1])
    booked = [here.leads.load(LeadId(lead)).due]
    for again in range(100):
        here.clock.advance(HOUR)
        here.did({1: 0}, f"-{again}")
        booked.append(here.leads.load(LeadId(lead)).due)

    assert set(booked) == {booked[0]}, "each demo keeps it hot for longer, and writes the index no more"

    here.clock.advance(booked[0] - here.clock.now())
    assert here.tick() == {lead}
    (rebooked,) = {here.leads.load(LeadId(lead)).due}
    assert rebooked > here.clock.now() + 3 * DAY
    here.clock.advance(rebooked - here.clock.now())
    assert here.tick() == {lead}


def one_page() -> Callable[[], bool]:
    left = iter([True])
    return lambda: next(left, False)


@pytest.mark.parametrize("version", [None, 1])
def test_no_place_of_a_rescore_names_a_person(dynamodb: Any, version: int | None) -> None:
    """On DynamoDB a page may end at whose an e-mail address is."""
    town = Town(dynamodb)
    town.rescore._pick._page, town.rescore._segments = 1, 1
    for number in range(6):
        name = email(f"sam{number}@acme.example")
        lead = town.leads.claim(name, LeadId(f"lead-{number}"))
        # One of them waits for the rules.
        town.leads.save(LeadRecord(lead, frozenset({name}), ScoreState.empty(), rules_version=0 if number == 4 else 1))

    if version is None:
        town.rescore.everyone("job")
    else:
        town.rescore.published(version)
    places = set()
    for _ in range(20):
        town.rescore.go_on(one_page())
        rows = dynamodb.query(
            TableName=LEADS,
            KeyConditionExpression="pk = :rescore",
            ExpressionAttributeValues={":rescore": {"S": "RESCORE"}},
        )["Items"]
        assert "acme.example" not in str(rows)
        places |= {row["told"]["S"] for row in rows if json.loads(row["told"]["S"])["after"]}

    assert places
    asked = sorted({str(each["lead"]) for each in town.queue.messages})
    assert asked == (["lead-4"] if version else [f"lead-{number}" for number in range(6)])
