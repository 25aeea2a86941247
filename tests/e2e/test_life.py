"""The life of the local cloud: two of them, a stop, and the commands that people use meanwhile."""

import json
import os
import signal
from pathlib import Path

import pytest

from infra.cli.publish import STARTING_RULES
from infra.cli.rule_files import sent_file
from infra.deployed import Api, Refusal
from infra.failure import Failure

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


@pytest.fixture
def two_words_needed(cloud):
    """The settings want the words of marketing and of sales while this lasts."""
    client, name = cloud.client("lambda"), "baton-local-admin"
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def want(variables):
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    want({**before, "APPROVALS": json.dumps(["marketing", "sales"])})
    yield
    want(before)


@pytest.fixture
def people(cloud):
    """The API for somebody of each role, who signed in with a password."""
    pool, number, password = cloud.client("cognito-idp"), cloud.local.deployed.outputs["UserPoolId"], "Local-1-word"

    def sign_in(role):
        who = f"{role}@words.example"
        told = [{"Name": "email", "Value": who}, {"Name": "email_verified", "Value": "true"}]
        pool.admin_create_user(UserPoolId=number, Username=who, UserAttributes=told, MessageAction="SUPPRESS")
        pool.admin_set_user_password(UserPoolId=number, Username=who, Password=password, Permanent=True)
        pool.admin_add_user_to_group(UserPoolId=number, Username=who, GroupName=role)
        return Api(cloud.local.deployed.api, cloud.local.deployed.sign_in(who, password))

    return {role: sign_in(role) for role in ("marketing", "sales", "analyst")}


def test_rules_hold_once_marketing_and_sales_have_signed_in_and_given_their_words(
    cloud, two_words_needed, people, tmp_path
):
    (tmp_path / "rules.yaml").write_text(f"{STARTING_RULES.read_text()}# Read by both.\n")
    made = people["analyst"].post("/v1/rules/drafts", sent_file(tmp_path / "rules.yaml"))
    assert (made["author"], made["missing"]) == ("analyst@words.example", ["marketing", "sales"])
    path = f"/v1/rules/drafts/{made['number']}"
    people["analyst"].post(f"{path}/proposals", {})

    def approve(role):
        return people[role].post(f"{path}/approvals", {})["missing"]

    with pytest.raises(Failure, match="this is for the roles admin, marketing, sales; you have analyst"):
        approve("analyst")
    assert approve("marketing") == ["sales"]
    with pytest.raises(Failure, match="every role needs another person's"):
        approve("marketing")
    with pytest.raises(Refusal, match="lacks the word of sales"):
        people["marketing"].post(f"{path}/publications", {"force": "It is urgent."})
    assert approve("sales") == []
    held = people["marketing"].post(f"{path}/publications", {"force": "It is urgent."})
    assert (held["number"], held["draft"], held["author"]) == (made["based_on"] + 1, made["number"], made["author"])
    assert {each["role"]: each["name"] for each in held["approvals"]} == {
        "marketing": "marketing@words.example",
        "sales": "sales@words.example",
    }
    cloud.becomes(lambda: cloud.lead("hana@harbour-foods.example")["rules_version"], held["number"])


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
