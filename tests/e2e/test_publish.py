"""Rules are published while visitors come in, and the function that sees to it is killed: nothing is lost, nobody is
told, and every lead ends as its log says under the new rules."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from infra.deployed import Deployed
from infra.failure import Failure
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.yaml12 import load_yaml
from shared.domain.engine import compile_rules
from shared.domain.handoff import LeadId
from shared.domain.reading import parse_rule_file
from shared.domain.state import ScoreState
from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

RULES = """
name: cranes
behaviour:
  - {{id: crane, on: crane_viewed, points: {points}, decay: {{half_life: 30d}}}}
temperature: [{{name: cold}}, {{name: hot, above: 15}}]
stages:
  - {{name: mql, enter: {{score: {{at_least: 15}}}}}}
handoff:
  mql: {{to: default, notify: [email, slack, webhook]}}
"""
OLD, NEW = RULES.format(points=0.1), RULES.format(points=5)
"""Under the new ones everybody of the first group is warm enough to be handed over, had they not been there before."""
HIDDEN = 6
"""Seconds after which the queue of `rescore` gives a message of a killed function again: it is killed fewer times than
the queue tries, after which a message waits for a person."""
PER_CALL = 500


def crane_viewed(person: str, number: int, days_ago: float) -> dict[str, Any]:
    at = datetime.now(tz=UTC) - timedelta(days=days_ago)
    return {
        "type": "track",
        "event": "Crane Viewed",
        "messageId": f"{person}-{number}",
        "userId": f"{person}@cranes.example",
        "timestamp": at.isoformat(),
    }


def agreed(person: str) -> dict[str, Any]:
    consent = {"type": "identify", "messageId": f"{person}-agreed", "userId": f"{person}@cranes.example"}
    return {**consent, "traits": {"consent": "granted"}}


class Intake(threading.Thread):
    """Visitors who keep coming, a batch each second, until it is told to stop; `sent` is what was answered 200."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(daemon=True)
        self.cloud, self.sent, self.done = cloud, list[str](), threading.Event()
        self.key = cloud.where["secret_key"]

    def post(self, calls: list[dict[str, Any]]) -> None:
        for start in range(0, len(calls), PER_CALL):
            some = calls[start : start + PER_CALL]
            answer = self.cloud.post("/v1/batch", json.dumps({"batch": some}), self.key)
            assert answer.status == 200, answer.body
            self.sent += [call["messageId"] for call in some]

    def run(self) -> None:
        for number in count():
            if self.done.wait(1):
                return
            # Each of them comes twice, so that none is handed over for what it did.
            self.post([crane_viewed(f"visitor-{each // 2}", each, 0) for each in range(number * 4, number * 4 + 4)])


def publish(cloud: Cloud, rules: str, name: str) -> int:
    path = cloud.home.root.parent / f"{name}.yaml"
    path.write_text(rules)
    answer = cloud.printed("rules", "publish", str(path), "--force", "The test wants it.", "--json")
    return int(json.loads(answer)["number"])


def scores(cloud: Cloud) -> dict[str, int]:
    """The rules version of each lead's score."""
    return {
        item["pk"]["S"].removeprefix("LEAD#"): int(item["rules_version"]["N"])
        for item in cloud.items("LeadsTable")
        if item["sk"]["S"] == "SCORE"
    }


def function(cloud: Cloud, verb: str) -> str:
    pages = cloud.client("lambda").get_paginator("list_functions").paginate()
    return next(
        str(each["FunctionName"])
        for page in pages
        for each in page["Functions"]
        if each["FunctionName"].endswith(f"-{verb}")
    )


class Killer(threading.Thread):
    """Kills `rescore` whenever it is there while a job has begun, so many times."""

    def __init__(self, cloud: Cloud, job: str, kills: int) -> None:
        super().__init__(daemon=True)
        self.cloud, self.job, self.left = cloud, job, kills
        self.table, self.client = Deployed("local", cloud.home).outputs["LeadsTable"], cloud.client("dynamodb")

    def has_begun(self) -> bool:
        return bool(
            self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :rescore AND begins_with(sk, :job)",
                ExpressionAttributeValues={":rescore": {"S": "RESCORE"}, ":job": {"S": self.job}},
                ConsistentRead=True,
            )["Count"]
        )

    def run(self) -> None:
        while self.left > 0:
            time.sleep(0.05)
            for worker in [pid for pid, verb in self.cloud.workers().items() if verb == "rescore" and self.has_begun()]:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                    self.left -= 1


def written_versions(cloud: Cloud) -> dict[str, list[int]]:
    """For each lead the rules versions under which its score was written, in the order of the table's stream."""
    table = cloud.client("dynamodb").describe_table(TableName=Deployed("local", cloud.home).outputs["LeadsTable"])
    arn, streams = table["Table"]["LatestStreamArn"], cloud.client("dynamodbstreams")
    found = defaultdict[str, list[int]](list)
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        while at:
            page = streams.get_records(ShardIterator=at)
            for record in page["Records"]:
                image = record["dynamodb"].get("NewImage", {})
                if "rules_version" in image and image["sk"]["S"] == "SCORE":
                    found[image["pk"]["S"]].append(int(image["rules_version"]["N"]))
            at = page.get("NextShardIterator") if page["Records"] else None
    return found


def is_replay_of_its_log(cloud: Cloud, leads: list[str]) -> None:
    """Every lead's stored state is the one that its activities give under the new rules."""
    rules = compile_rules(parse_rule_file(load_yaml(NEW)))
    store = DynamoDBLeads(cloud.client("dynamodb"), Deployed("local", cloud.home).outputs["LeadsTable"])
    log = defaultdict(list)
    for each in cloud.log():
        log[each.identity].append(each)
    for lead in leads:
        record = store.load(LeadId(lead))
        assert record
        (identity,) = record.identities
        assert record.state == rules.absorb(ScoreState.empty(), log.pop(identity))
    assert log == {}, "somebody is in the log and no lead"


def published_while_intake_runs(
    cloud: Cloud, *, people: int, each: int, kills: int, tick: Callable[[], None] = lambda: None
) -> None:
    rescore_queue = cloud.local.deployed.outputs["RescoreQueueUrl"]
    cloud.client("sqs").set_queue_attributes(QueueUrl=rescore_queue, Attributes={"VisibilityTimeout": str(HIDDEN)})
    old = publish(cloud, OLD, "old")
    intake, killer = Intake(cloud), Killer(cloud, f"rules-{old + 1:06d}", kills)
    names = [f"lead-{number}" for number in range(people)]
    # One lead after the other, so that a batch of the stream is few leads with much to do and is done in its time.
    intake.post(
        [call for name in names for call in (agreed(name), *(crane_viewed(name, n, n / 4) for n in range(each)))]
    )
    cloud.eventually(lambda: len(found := scores(cloud)) == people and set(found.values()) == {old})
    cloud.settle()
    told = cloud.local.inbox()

    intake.start()
    killer.start()
    began = time.monotonic()

    def all_are_new() -> bool:
        if killer.left <= 0:
            tick()
        return killer.left <= 0 and set(scores(cloud).values()) == {new}

    try:
        new = publish(cloud, NEW, "new")
        assert new == old + 1
        cloud.eventually(all_are_new)
    finally:
        killer.left = 0
        intake.done.set()
        intake.join()
    print(f"every lead was under the new rules after {time.monotonic() - began:.0f} s")  # noqa: T201
    cloud.settle()

    stored = [item["sk"]["S"].rpartition(":")[2] for item in cloud.items("ActivitiesTable")]
    assert sorted(stored) == sorted(intake.sent)
    leads = scores(cloud)
    assert set(leads.values()) == {new}
    is_replay_of_its_log(cloud, list(leads))
    assert cloud.local.inbox() == told, "the rules alone moved them, so nobody is told"
    moved = [item for item in cloud.items("LeadsTable") if item["sk"]["S"].startswith("TRANSITION#")]
    assert len(moved) == people
    assert not [item for item in cloud.items("LeadsTable") if item["sk"]["S"].startswith("HANDOFF#")]
    versions = written_versions(cloud)
    assert versions.keys() >= {f"LEAD#{lead}" for lead in leads}
    assert all(those == sorted(those) for those in versions.values()), "nothing was written under older rules later"
    assert sum(len(messages) for messages in cloud.dead_letters().values()) == 0


def test_a_publish_during_intake_survives_the_death_of_rescore(new_cloud: Callable[[str], Cloud]) -> None:
    cloud = new_cloud("published")
    cloud.up()
    rescore, client, ticks = function(cloud, "rescore"), cloud.client("lambda"), count()

    def tick() -> None:
        if next(ticks) % 10 == 0:
            # The schedule would tick by itself, within a minute.
            with suppress(Exception):
                client.invoke(FunctionName=rescore, Payload=b"{}")

    published_while_intake_runs(cloud, people=60, each=4, kills=1, tick=tick)

    status = json.loads(cloud.printed("rules", "status", "--json"))
    (own,) = [each for each in status["rescores"] if each["version"] == status["version"]]
    assert own["found"] >= 60
    assert own["segments"] == 4


@pytest.mark.full
def test_a_thousand_leads_with_twenty_thousand_activities_are_published_by_the_schedule_alone(
    new_cloud: Callable[[str], Cloud],
) -> None:
    cloud = new_cloud("published in full")
    cloud.up()

    published_while_intake_runs(cloud, people=1_000, each=20, kills=3)

    assert "Every lead has it since" in cloud.printed("rules", "status", "--watch")

    told = [item for item in cloud.items("LeadsTable") if item["sk"]["S"].startswith("OUTBOX#rules-applied-")]
    ends = {(end := json.loads(item["detail"]["S"]))["version"]: end["leads"] for item in told}
    assert len(ends) == len(told), "the end of each publish is told once"
    assert ends[max(scores(cloud).values())] >= 1_000
    with suppress(Failure):
        print(cloud.printed("rules", "status"))  # noqa: T201
