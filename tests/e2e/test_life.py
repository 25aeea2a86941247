"""The life of the local cloud: two of them, a stop, and the commands that people use meanwhile."""

import json
import os
import signal
from pathlib import Path

import pytest

from infra.cli.publish import STARTING_RULES

pytestmark = pytest.mark.e2e


def test_status_tells_where_everything_is_for_scripts(cloud):
    where = json.loads(cloud.printed("status", "--json"))
    assert set(where) == {
        *("api", "site", "docs", "write_key", "secret_key", "token", "inbox", "bus", "endpoint", "region"),
    }
    assert all(where.values())


def test_status_for_people_keeps_secrets_to_itself(cloud):
    printed = cloud.baton("status").stdout
    assert cloud.where["api"] in printed
    assert cloud.where["secret_key"] not in printed


def test_only_this_machine_can_reach_it(cloud):
    own = {cloud.local.emulator.process.port, cloud.local.site.port, cloud.local.receiver.port}
    listening = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, port = line.split()[1].split(":")
        if line.split()[3] == "0A" and int(port, 16) in own:
            listening[int(port, 16)] = address

    assert listening == dict.fromkeys(own, "0100007F")


def test_leads_are_listed_best_first_and_shown_point_by_point(cloud):
    listed = json.loads(cloud.printed("leads", "list", "--json"))
    totals = [lead["score"]["total"] for lead in listed]
    assert totals[:3] == sorted(totals[:3], reverse=True)
    assert "Hana Okafor" in cloud.printed("leads", "list", "--temperature", "hot")

    shown = cloud.printed("leads", "show", "maya@meadow-wholesale.example")
    assert "Maya Lind: 60 points, warm, sql" in shown
    assert "Visited the pricing page several times in one week" in shown


def test_a_lead_that_is_not_there_is_told_in_words(cloud):
    done = cloud.baton("leads", "show", "nobody@unknown.example")
    assert done.returncode == 1
    assert "There is no lead with the address nobody@unknown.example." in done.stderr
    assert "Traceback" not in done.stderr


def test_logs_of_a_function_are_printed(cloud):
    printed = cloud.printed("logs", "ingest", "--minutes", "600")
    assert "REPORT RequestId" in printed


def test_rules_are_published_from_a_file_and_every_lead_is_scored_by_them(cloud, tmp_path):
    def hana():
        return cloud.lead("hana@harbour-foods.example")

    def listed():
        hot = json.loads(cloud.printed("leads", "list", "--temperature", "hot", "--json"))
        return [(lead["score"]["total"], lead["rules_version"]) for lead in hot if lead["id"] == before["id"]]

    before = hana()
    assert before["score"]["total"] == 160
    text = STARTING_RULES.read_text().replace("points: 25\n", "points: 30\n", 1)
    (tmp_path / "rules.yaml").write_text(text)
    try:
        done = cloud.baton("rules", "publish", str(tmp_path / "rules.yaml"), "--note", "a demo is worth more")
        assert done.returncode == 0, done.stderr
        assert "Simulated at" in done.stderr
        cloud.becomes(lambda: hana()["score"]["total"], 165)
        cloud.becomes(listed, [(165, before["rules_version"] + 1)])
    finally:
        back = cloud.baton("rules", "rollback", "--note", "the test is over", "--json")
    assert json.loads(back.stdout)["restores"] == before["rules_version"]
    cloud.becomes(lambda: hana()["score"]["total"], 160)


def test_a_rule_file_with_a_mistake_is_told_with_its_line_and_not_published(cloud, tmp_path):
    (tmp_path / "rules.yaml").write_text("name: x\nbehaviour:\n  - {id: a, on: b, pints: 5}\n")

    done = cloud.baton("rules", "publish", str(tmp_path / "rules.yaml"))

    assert done.returncode == 1
    assert "rules.yaml:3" in done.stderr
    assert "points" in done.stderr


def test_a_second_up_at_the_same_time_is_told_to_wait(cloud):
    with cloud.home.alone():
        done = cloud.baton("up")
    assert done.returncode == 1
    assert "Another baton command is at work" in done.stderr


def test_after_down_no_process_of_it_lives_not_even_when_the_emulator_was_killed(new_cloud):
    cloud = new_cloud("short")
    cloud.up("--json")
    cloud.eventually(cloud.workers)
    assert len(cloud.processes()) >= 3
    os.kill(int(cloud.home.read("emulator.json")["pid"]), signal.SIGKILL)

    done = cloud.baton("down")

    assert done.returncode == 0, done.stderr
    cloud.becomes(cloud.processes, [])
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{cloud.home.read('emulator.json')['port']:04X} 00000000:0000 0A" not in listening
