"""Functions whose process is killed at any moment lose nothing and double nothing."""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest

from infra.failure import Failure
from infra.local.demo.story import arrivals
from infra.local.demo.visitors import VISITORS

pytestmark = pytest.mark.e2e

KILLS = 20
MOST = 4
"""Kills of one function: fewer than a queue's five tries, after which a message waits for a person."""
HIDDEN = 75
"""Seconds after which a queue gives a message of a killed function again: by then its claims have ended."""
SEED = 20260301


class Killer(threading.Thread):
    """Kills a random worker again and again until it is told to stop."""

    def __init__(self, cloud):
        super().__init__(daemon=True)
        self.cloud, self.killed, self.done = cloud, Counter(), threading.Event()
        self.random = random.Random(SEED)

    def may_kill(self, function):
        """Whoever calls `admin` calls it again as often as it takes."""
        return function == "admin" or self.killed[function] < MOST

    def run(self):
        while not self.done.is_set():
            workers = {pid: function for pid, function in self.cloud.workers().items() if self.may_kill(function)}
            if workers:
                victim = self.random.choice(sorted(workers))
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    self.killed[workers[victim]] += 1
            time.sleep(self.random.uniform(0.05, 0.6))


def test_kill_9_of_workers_at_random_during_the_demo_loses_and_doubles_nothing(new_cloud):
    cloud = new_cloud("killed")
    cloud.up()
    queues = cloud.client("sqs")
    for queue in queues.list_queues()["QueueUrls"]:
        queues.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(HIDDEN)})
    sender = cloud.sender()
    sender.retries = 20
    killer = Killer(cloud)

    def has_killed(times):
        with suppress(Failure):
            cloud.lead(VISITORS[0].email)  # so that there is always somebody to kill
        return killer.killed.total() >= times

    killer.start()
    try:
        for visitor in VISITORS:
            sender.send(visitor.acts)
        cloud.eventually(lambda: has_killed(KILLS // 2))
        for visitor in VISITORS:
            sender.send(visitor.then)
        cloud.eventually(lambda: has_killed(KILLS))
    finally:
        killer.done.set()
        killer.join()
    sent = [act.id for visitor in VISITORS for act in (*visitor.acts, *visitor.then)]

    stored = Counter(item["sk"]["S"].rpartition(":")[2] for item in cloud.items("ActivitiesTable"))
    assert stored == Counter(sent)

    def all_scored():
        leads = {visitor.name: cloud.lead(visitor.email) for visitor in VISITORS}
        return (
            all(
                lead and lead["score"]["total"] == visitor.score
                for visitor, lead in zip(VISITORS, leads.values(), strict=True)
            )
            and leads
        )

    cloud.eventually(all_scored)

    def all_told():
        leads = all_scored()
        found = {(a.visitor.name, a.stage, a.channel) for a in arrivals(leads, cloud.local.inbox())} if leads else set()
        expected = {(v.name, s, c) for v in VISITORS for s in v.stages for c in ("email", "slack", "webhook")}
        return found >= expected and leads

    leads = cloud.eventually(all_told)

    for visitor in VISITORS:
        handed = [handoff["stage"] for handoff in leads[visitor.name]["handoffs"]]
        assert handed == list(visitor.stages)
    webhooks = {message["id"]: message["message"]["data"]["id"] for message in cloud.local.inbox()["webhooks"]}
    assert len(webhooks) == len(set(webhooks.values())) == sum(len(visitor.stages) for visitor in VISITORS)
    print(f"workers were killed: {dict(killer.killed)}")  # noqa: T201
