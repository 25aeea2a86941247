"""The journeys of leads on the local cloud, from the first form to a customer and back; every message is read back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from infra.deployed import path_of
from shared.adapters.yaml12 import load_yaml
from tests.e2e.conftest import LONG, Cloud

pytestmark = pytest.mark.e2e

RULES = Path(__file__).parent / "journeys.yaml"
GRANTED = {"consent": "granted"}
PERSONA = {**GRANTED, "role": "head", "company": {"name": "Northern Dairies", "employees": 300}}
CHANNELS = {"emails", "slack", "webhooks"}
HEADLINES = {
    "Reminder": "reminder",
    "Nobody has answered": "escalation",
    "With others now": "released",
    "Yours now": "reassignment",
    **dict.fromkeys(("Accepted", "Rejected", "Recycled"), "answered"),
}
"""How a message to people begins, and what it tells; the handoff itself begins with its stage."""
TEAMS = {"inside-sales", "account-executives"}
"""Those of the rules that this machine has; every other is the default one."""
PAUL, CORA, RITA = "paul@trial.example", "cora@cold.example", "rita@recycled.example"


class Office:
    """A local cloud with the journeys' rules, and somebody who listens to its bus."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.told: dict[str, dict[str, Any]] = {}
        sqs, events = cloud.client("sqs"), cloud.client("events")
        self._queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus = cloud.local.deployed.outputs["BusName"]
        events.put_rule(Name="listener", EventBusName=bus, EventPattern=json.dumps({"source": ["baton"]}))
        events.put_targets(Rule="listener", EventBusName=bus, Targets=[{"Id": "listener", "Arn": arn}])
        self._sqs = sqs

    def publish(self, folder: Path, *changes: tuple[str, str]) -> None:
        """Publish the rules, with some words changed."""
        text = RULES.read_text()
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (folder / "rules.yaml").write_text(text)
        self.cloud.printed("rules", "publish", str(folder / "rules.yaml"), "--force", "The test wants it.")

    # --- what leads do ------------------------------------------------------------------------------------------------

    def did(self, who: str, event: str, ago: timedelta = timedelta(), **properties: Any) -> None:
        """Somebody does something."""
        at = (datetime.now(tz=UTC) - ago).isoformat()
        self._send("track", {"userId": who, "event": event, "properties": properties, "timestamp": at})

    def knows(self, who: str, **traits: Any) -> None:
        """Something becomes known of somebody."""
        self._send("identify", {"userId": who, "traits": traits})

    def _send(self, call: str, said: dict[str, Any]) -> None:
        assert self.cloud.post(f"/v1/{call}", json.dumps(said), self.cloud.where["secret_key"]).status == 200

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def lead(self, who: str) -> dict[str, Any]:
        return dict(self.cloud.eventually(lambda: self.cloud.lead(who)))

    def comes_to(self, who: str, stage: str, seconds: float = LONG) -> dict[str, Any]:
        """The lead once it has come to a stage."""
        self.cloud.becomes(lambda: self._stage(who), stage, seconds)
        return self.lead(who)

    def _stage(self, who: str) -> str | None:
        lead = self.cloud.lead(who)
        return lead["stage"]["name"] if lead and lead["stage"] else None

    def path(self, who: str) -> list[str]:
        """The stages through which somebody went, as the bus heard it."""
        lead = self.lead(who)["id"]
        changed = [each for each in self.heard("StageChanged") if each["lead"] == lead]
        return [each["to_stage"] for each in sorted(changed, key=lambda each: int(each["id"].rpartition(".")[2]))]

    def heard(self, name: str, lead: str | None = None) -> list[dict[str, Any]]:
        """The details of the events of a type on the bus so far, each once."""
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                known = self.told.setdefault(event["detail"].get("id", message["MessageId"]), event)
                assert known["detail"] == event["detail"], "an event says another thing the second time"
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        details = [event["detail"] for event in self.told.values() if event["detail-type"] == name]
        return [each for each in details if lead in (None, each.get("lead"))]

    def inbox(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """The messages about a handoff, by channel."""
        held = self.cloud.local.inbox()
        return {kind: [each for each in held[kind] if key in json.dumps(each)] for kind in CHANNELS}

    def webhooks(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        """The types and data of what other systems were told of a handoff, each message once."""
        first = {each["id"]: each["message"] for each in reversed(self.inbox(key)["webhooks"])}
        return [(each["type"], each["data"]) for each in reversed(first.values())]

    def messages(self) -> tuple[dict[str, list[tuple[str, str, str]]], dict[str, dict[str, Any]]]:
        """What people were told by channel, each as handoff, kind and text; and what systems were told, by its id."""
        held = self.cloud.local.inbox()
        told = {
            "emails": [(each["subject"], each["text"]) for each in held["emails"]],
            "slack": [(each["message"]["text"], "\n".join(texts(each["message"]))) for each in held["slack"]],
        }
        people = {
            channel: [
                (re.findall(r"handoff (\S+\.\d+)", text)[-1], HEADLINES.get(line.partition(": ")[0], "requested"), text)
                for line, text in messages
            ]
            for channel, messages in told.items()
        }
        return people, {each["id"]: each["message"] for each in held["webhooks"]}

    def is_handed_over(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """The messages that tell of a handoff, once it has gone out on every channel."""
        self.cloud.eventually(lambda: all(self.inbox(key).values()))
        return self.inbox(key)

    def answer(self, key: str, **said: Any) -> Any:
        """Somebody answers by the API."""
        return self.cloud.api().post(f"/v1/handoffs/{key.replace('.', '/')}/answers", said)


@pytest.fixture(scope="module")
def office(new_cloud: Callable[[str], Cloud], tmp_path_factory: pytest.TempPathFactory) -> Office:
    cloud = new_cloud("journeys")
    cloud.up()
    office = Office(cloud)
    office.publish(tmp_path_factory.mktemp("rules"))
    # What takes its time begins at once, and goes on while the others are on their way.
    office.did(PAUL, "Form Submitted")
    office.knows(PAUL, firstName="Paul", **GRANTED)
    for feature in ("import", "report"):
        office.did(PAUL, "Feature Used", feature=feature)
    office.did(PAUL, "Limit Reached", limit="seats")
    office.knows(CORA, firstName="Cora", **PERSONA)
    office.did(CORA, "Form Submitted")
    office.did(CORA, "Interest Shown", timedelta(days=1) - timedelta(seconds=100))
    office.knows(RITA, firstName="Rita", **PERSONA)
    office.did(RITA, "Form Submitted")
    office.did(RITA, "Content Downloaded", asset="buyers-guide")
    office.did(RITA, "Page Viewed", path="/pricing")
    return office


@pytest.fixture(scope="module")
def look_again(office: Office) -> str:
    """The day on which sales wants Rita back, who was handed over: one minute and a half from now."""
    lead = office.comes_to(RITA, "mql")["id"]
    office.is_handed_over(f"{lead}.mql.1")
    day = (datetime.now(tz=UTC) + timedelta(seconds=90)).isoformat(timespec="seconds")
    told = ("--reason", "bad_timing", "--look-again", day, "--note", "After the move.")
    office.cloud.printed("handoffs", "recycle", f"{lead}.mql.1", *told)
    return day


def texts(block: Any) -> Iterator[str]:
    """Every text of a Slack message, in its order."""
    if isinstance(block, dict):
        for name, value in block.items():
            yield from [value] if name == "text" and isinstance(value, str) else texts(value)
    elif isinstance(block, list):
        for each in block:
            yield from texts(each)


def key_of(told: dict[str, Any]) -> str:
    """The entry into a stage that an event is about."""
    return f"{told['lead']}.{told.get('to_stage') or told['stage']}.{told['epoch']}"


def page_of(messages: dict[str, list[dict[str, Any]]]) -> str:
    """The link to a handoff's page, as the mail has it."""
    found = re.search(r"https?://\S+/handoffs/\S+", messages["emails"][0]["text"])
    assert found, messages["emails"][0]["text"]
    return found[0]


def press(page: str, fields: dict[str, str]) -> int:
    """Send a form of the page, as a browser does; the answer's status."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return urllib3.request("POST", page, body=urlencode(fields), headers=headers, redirect=False, timeout=LONG).status


@pytest.mark.usefixtures("look_again")
def test_from_suspect_to_customer(office: Office) -> None:
    nora = "nora@dairies.example"
    office.did(nora, "Form Submitted")
    office.comes_to(nora, "suspect")
    office.did(nora, "Content Downloaded", asset="buyers-guide")
    office.comes_to(nora, "iql")

    office.knows(nora, firstName="Nora", lastName="Berg", **PERSONA)
    office.did(nora, "Page Viewed", path="/pricing/teams")
    lead = office.comes_to(nora, "mql")["id"]

    mql = office.is_handed_over(f"{lead}.mql.1")
    (mail,) = mql["emails"]
    assert "Nora Berg" in mail["subject"]
    for words in ("Nora Berg", "Northern Dairies", "Downloaded content", "Ask what brought them here.", "budget"):
        assert words in mail["text"], words
        assert words in mail["html"], words
    assert "Nora Berg" in json.dumps(mql["slack"][0]["message"])
    ((_, told),) = office.webhooks(f"{lead}.mql.1")
    assert (told["stage"], told["epoch"], told["person"]["name"]) == ("mql", 1, "Nora Berg")
    assert {each["fact"] for each in told["brief"]["to_ask"]} == {"authority", "budget", "need", "timeline"}
    assert told["brief"]["consent"]["status"] == "granted"

    assert office.answer(f"{lead}.mql.1", answer="accepted", note="Calling her today.")["state"] == "accepted"
    office.cloud.eventually(lambda: len(office.webhooks(f"{lead}.mql.1")) > 1)
    assert office.webhooks(f"{lead}.mql.1")[-1][0] == "handoff.answered"
    assert office.webhooks(f"{lead}.mql.1")[-1][1]["answer"] == "accepted"
    office.cloud.eventually(lambda: len(office.inbox(f"{lead}.mql.1")["slack"]) > 1)
    assert "Calling her today." in json.dumps(office.inbox(f"{lead}.mql.1")["slack"])

    office.did(nora, "Webinar Attended", webinar="shelf-life")
    office.comes_to(nora, "sql")
    page = page_of(office.is_handed_over(f"{lead}.sql.1"))
    shown = urllib3.request("GET", page, redirect=False, timeout=LONG).data.decode()
    assert "Nora Berg" in shown
    assert office.lead(nora)["handoffs"][-1]["state"] == "open", "looking at the page answers nothing"
    form = re.search(r'name="id" value="([^"]+)"><input type="hidden" name="answer" value="accept"', shown)
    assert form
    pressed = press(page, {"id": form[1], "answer": "accept"})
    assert pressed == 303
    office.cloud.eventually(lambda: office.webhooks(f"{lead}.sql.1")[-1][0] == "handoff.answered")
    again = press(page, {"id": "another", "answer": "accept"})
    assert again == 409

    office.did(nora, "Proposal Sent")
    office.comes_to(nora, "opportunity")
    office.did(nora, "Purchased")
    office.comes_to(nora, "customer")
    path = ["suspect", "iql", "mql", "sql", "opportunity", "customer"]
    office.cloud.becomes(lambda: office.path(nora), path)
    assert [(each["stage"], each["epoch"]) for each in office.heard("HandoffRequested", lead)] == [
        ("mql", 1),
        ("sql", 1),
    ]
    assert [each["answer"] for each in office.heard("HandoffAnswered", lead)] == ["accepted", "accepted"]


def test_unqualified_is_nurtured_with_what_is_missing_and_comes_back_by_itself(office: Office) -> None:
    una = "una@later.example"
    office.did(una, "Form Submitted")
    office.comes_to(una, "suspect")
    office.cloud.printed("leads", "qualify", una, "--need", "no", "--note", "They are only looking.")
    lead = office.comes_to(una, "unqualified")["id"]
    office.knows(una, **PERSONA)

    def advice() -> list[Any]:
        return [(each["stage"], each["track"], "qualification.need" in each["missing"]) for each in advised()]

    def advised() -> list[dict[str, Any]]:
        return office.heard("NurtureAdvised", lead)

    # Without permission nobody is advised to write to her; it comes with the permission.
    office.cloud.becomes(advice, [("unqualified", "build-the-case", True)])
    assert {"engagement", "fit"} & {*advised()[0]["missing"]}

    office.did(una, "Content Downloaded", asset="buyers-guide")
    office.did(una, "Page Viewed", path="/pricing")
    office.cloud.settle()
    assert office.lead(una)["stage"]["name"] == "unqualified"
    office.cloud.printed("leads", "qualify", una, "--need", "Two more depots are being built.")
    office.comes_to(una, "mql")
    office.is_handed_over(f"{lead}.mql.1")
    assert office.path(una) == ["suspect", "unqualified", "iql", "mql"]
    assert [each["stage"] for each in office.heard("HandoffRequested", lead)] == ["mql"]


def test_a_lead_that_hovers_at_the_threshold_is_handed_over_once(office: Office) -> None:
    hugo = "hugo@hovering.example"
    office.knows(hugo, firstName="Hugo", **PERSONA)
    office.did(hugo, "Form Submitted")
    office.did(hugo, "Content Downloaded", asset="buyers-guide")
    office.did(hugo, "Link Clicked")
    lead = office.comes_to(hugo, "mql")["id"]
    office.is_handed_over(f"{lead}.mql.1")

    for points in (-10, 10, -15, 20):
        before = office.lead(hugo)["score"]["scores"]["engagement"]
        office.cloud.api().post(
            f"/v1/leads/{lead}/adjustments", {"by": points, "why": "to hover", "score": "engagement"}
        )
        office.cloud.becomes(lambda: office.lead(hugo)["score"]["scores"]["engagement"], before + points)
        office.cloud.settle()

    assert office.path(hugo)[-1] == "mql"
    assert [each["epoch"] for each in office.heard("HandoffRequested", lead)] == [1]
    assert {kind: len(messages) for kind, messages in office.inbox(f"{lead}.mql.1").items()} == dict.fromkeys(
        CHANNELS, 1
    )


def test_a_lead_that_grows_cold_by_time_alone_is_handed_over_again_when_it_is_back(office: Office) -> None:
    lead = office.comes_to(CORA, "cold")["id"]
    office.is_handed_over(f"{lead}.mql.1")
    assert office.path(CORA) == ["suspect", "mql", "cold"]
    office.cloud.becomes(
        lambda: [(each["track"], each["missing"]) for each in office.heard("NurtureAdvised", lead)],
        [("wake-up", ["engagement"])],
    )

    office.did(CORA, "Interest Shown")
    office.comes_to(CORA, "mql")
    office.is_handed_over(f"{lead}.mql.2")
    office.cloud.settle()
    assert office.path(CORA) == ["suspect", "mql", "cold", "mql"]
    assert [each["epoch"] for each in office.heard("HandoffRequested", lead)] == [1, 2]
    assert {each["repeated"] for epoch in (1, 2) for each in office.inbox(f"{lead}.mql.{epoch}")["webhooks"]} == {False}


def test_by_using_the_product_and_nobody_answers_until_it_is_rejected(office: Office) -> None:
    lead = office.comes_to(PAUL, "pql")["id"]
    key = f"{lead}.pql.1"
    office.is_handed_over(key)

    followed = ["reminder", "escalation", "reassignment"]
    office.cloud.becomes(lambda: [each["kind"] for each in office.heard("HandoffFollowedUp", lead)], followed)
    assert [each["to"] for each in office.heard("HandoffFollowedUp", lead)] == [
        "product-team",
        "head-of-sales",
        "inside-sales",
    ]
    # Both teams of a reassignment have one receiver here, which knows the second message by its id.
    office.cloud.becomes(
        lambda: Counter(kind for kind, _ in office.webhooks(key))["handoff.followed_up"], len(followed)
    )
    # Whoever has it now is told last, and no more once somebody has answered.
    office.cloud.eventually(
        lambda: sum("followed_up" in each["message"]["type"] for each in office.inbox(key)["webhooks"]) > len(followed)
    )
    assert office.lead(PAUL)["handoffs"][0]["to"] == "inside-sales"

    printed = office.cloud.printed("handoffs", "reject", key, "--reason", "no_budget", "--note", "They have none.")
    assert "no_budget" in printed or "No budget" in printed
    office.comes_to(PAUL, "rejected")
    office.cloud.becomes(
        lambda: [(each["answer"], each["reason"]) for each in office.heard("HandoffAnswered", lead)],
        [("rejected", "no_budget")],
    )
    late = office.cloud.baton("handoffs", "accept", key)
    assert late.returncode == 1
    assert "rejected" in late.stderr
    office.cloud.settle()
    assert [each["kind"] for each in office.heard("HandoffFollowedUp", lead)] == followed


def test_a_lead_that_is_given_back_with_a_day_comes_back_on_that_day(office: Office, look_again: str) -> None:
    lead = office.lead(RITA)["id"]
    office.cloud.becomes(
        lambda: [(each["track"], bool(each["look_again"])) for each in office.heard("NurtureAdvised", lead)],
        [("later", True)],
    )
    office.is_handed_over(f"{lead}.mql.2")
    office.cloud.becomes(lambda: office.path(RITA)[-3:], ["mql", "recycled", "mql"])
    requested = {each["epoch"]: each["requested_at"] for each in office.heard("HandoffRequested", lead)}
    assert sorted(requested) == [1, 2]
    assert datetime.fromisoformat(requested[2]) >= datetime.fromisoformat(look_again)


def test_new_rules_hand_nobody_over_by_themselves(office: Office, tmp_path: Path) -> None:
    gina = "gina@rules.example"
    office.knows(gina, firstName="Gina", **PERSONA)
    office.did(gina, "Form Submitted")
    office.did(gina, "Content Downloaded", asset="buyers-guide")
    lead = office.comes_to(gina, "iql")["id"]
    before = len(office.heard("HandoffRequested"))

    office.publish(tmp_path, ("{engagement: {at_least: 50}}", "{engagement: {at_least: 35}}"))
    office.comes_to(gina, "mql")
    office.cloud.settle()
    assert [each["by_rules"] for each in office.heard("StageChanged", lead) if each["to_stage"] == "mql"] == [True]
    assert len(office.heard("HandoffRequested")) == before
    assert not any(office.inbox(f"{lead}.mql").values())

    office.did(gina, "Demo Requested")
    office.comes_to(gina, "sql")
    office.is_handed_over(f"{lead}.sql.1")


def test_after_it_all_nothing_is_left_in_any_queue_and_no_webhook_was_refused(office: Office) -> None:
    office.cloud.settle()
    assert {queue: count for queue, count in office.cloud.dead_letters().items() if "listener" not in queue} == {}
    assert office.cloud.local.inbox()["refused"] == []


def test_every_channel_tells_what_the_bus_told_and_nothing_besides(office: Office) -> None:
    requested, followed, answered = map(office.heard, ("HandoffRequested", "HandoffFollowedUp", "HandoffAnswered"))
    mails = Counter((key_of(each), "requested") for each in requested)
    # Where the sweep comes late nobody is reminded in the moment in which others get the lead.
    moved = {(key_of(each), each["at"]) for each in followed if each["kind"] == "reassignment"}
    due = [each for each in followed if each["kind"] != "reminder" or (key_of(each), each["at"]) not in moved]
    mails += Counter((key_of(each), each["kind"]) for each in due)
    mails += Counter((key_of(each), "released") for each in followed if each["kind"] == "reassignment")
    heard = {(key_of(each), each["to"] if each["to"] in TEAMS else "default") for each in (*requested, *followed)}
    is_answered = {key_of(each) for each in answered}
    slack = mails + Counter((key, "answered") for key, _ in heard if key in is_answered)
    webhooks = Counter(("handoff.requested", key_of(each), each["requested_at"]) for each in requested)
    webhooks += Counter(("handoff.followed_up", key_of(each), each["at"]) for each in followed)
    webhooks += Counter(("handoff.answered", key_of(each), each["at"]) for each in answered)

    def arrived() -> tuple[Counter[Any], ...]:
        people, systems = office.messages()
        by_channel = [Counter((key, kind) for key, kind, _ in people[channel]) for channel in ("emails", "slack")]
        return *by_channel, Counter((each["type"], each["data"]["id"], each["timestamp"]) for each in systems.values())

    office.cloud.becomes(arrived, (mails, slack, webhooks))

    people, systems = office.messages()
    for told in (each["data"] for each in systems.values()):
        kind = "answered" if "answer" in told else (told.get("follow_up") or {"kind": "requested"})["kind"]
        said = [text for channel in people.values() for key, what, text in channel if (key, what) == (told["id"], kind)]
        brief = told.get("brief") or {"cause": "", "to_ask": []}
        words = [*told.get("person", {}).values(), told.get("note"), brief["cause"]]
        words = [each for each in words if each and isinstance(each, str)]
        words += [each["question"] for each in brief["to_ask"] if not each["asked_at"]]
        assert [(text, word) for text in said for word in words if word not in text] == []


def test_every_change_of_stage_on_the_bus_is_stored_with_its_cause_and_nurtured_where_the_rules_say_so(
    office: Office,
) -> None:
    changed = office.heard("StageChanged")
    for lead in {each["lead"] for each in changed}:
        stored = office.cloud.api().get(path_of("v1", "leads", lead))
        told = sorted(
            (each for each in changed if each["lead"] == lead), key=lambda each: int(each["id"].split(".")[-1])
        )
        fields = ("from_stage", "to_stage", "epoch", "at", "cause", "rules_version", "by_rules")
        assert [[each[name] for name in fields] for each in stored["transitions"]] == [
            [each[name] for name in fields] for each in told
        ]
    causes = {key_of(each): each["cause"] for each in changed}
    for each in office.heard("HandoffRequested"):
        path = path_of("v1", "handoffs", each["lead"], each["stage"], str(each["epoch"]))
        assert office.cloud.api().get(path)["caused_by"] == causes[key_of(each)]
    nurtured = load_yaml(RULES.read_text())["nurture"]
    office.cloud.becomes(
        lambda: {key_of(each) for each in office.heard("NurtureAdvised")},
        {key_of(each) for each in changed if each["to_stage"] in nurtured},
    )
