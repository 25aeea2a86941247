"""Every function in this process on moto: what AWS would carry from one to the next is carried by hand.

Nothing here decides anything: streams deliver what has changed in a table, queues what lies in them, and what a
function gives back for the fifth time lies in `dead`.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from functions.admin import desk
from functions.admin import handler as admin
from functions.admin.settings import Settings as AdminSettings
from functions.answer import desk as answer_desk
from functions.answer import handler as answer
from functions.answer.settings import Settings as AnswerSettings
from functions.erase import handler as erase
from functions.erase.settings import Settings as EraseSettings
from functions.evaluate import handler as evaluate
from functions.evaluate.settings import Settings as EvaluateSettings
from functions.ingest import handler as ingest
from functions.ingest import intake
from functions.ingest.settings import ConsentWording, Form, PublicWriteKey, SecretWriteKey
from functions.ingest.settings import Settings as IngestSettings
from functions.notify import handler as notify
from functions.notify.settings import Settings as NotifySettings
from functions.notify.settings import Team, WebhookTarget
from functions.relay import handler as relay
from functions.relay.settings import Settings as RelaySettings
from functions.rescore import handler as rescore
from functions.rescore.settings import Settings as RescoreSettings
from functions.score import handler as score
from functions.score.settings import Settings as ScoreSettings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.ports.rules import RuleVersion
from tests.http_requests import http_event
from tests.local_receiver import Receiver
from tests.tables import ACTIVITIES, BUDGETS, ERASURES, LEADS

PUBLIC_KEY = "local-website"
PAGE_SECRET = "/baton/test/lead-page"
RULES = {
    "name": "acme",
    "behaviour": [
        {"id": "pricing", "label": "Visited the pricing page", "on": "page_viewed", "points": 40, "repeat": "once"},
        {"id": "demo", "label": "Asked for a demo", "on": "demo_requested", "points": 25},
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}],
    "stages": [
        {"name": "suspect", "enter": {"activity": "demo_requested"}},
        {"name": "mql", "from": ["suspect"], "enter": {"score": {"at_least": 60}}},
    ],
    "handoff": {"mql": {"to": "inside-sales", "respond_within": "1h", "notify": ["email", "slack", "webhook"]}},
}
SEEN = {
    "notify": {"source": ["baton"], "detail-type": ["HandoffRequested"]},
    "rescore": {"source": ["baton"], "detail-type": ["NoiseChanged"]},
    "heard": {"source": [{"prefix": ""}]},
}
"""Which events of the bus come to which queue."""
MOST_RECEIVES = 5


FUNCTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "ingest": (ingest.lambda_handler, intake.from_environment),
    "score": (score.lambda_handler, score._scoring),
    "evaluate": (evaluate.lambda_handler, evaluate._evaluation),
    "relay": (relay.lambda_handler, relay._relay),
    "notify": (notify.lambda_handler, notify._notify),
    "rescore": (rescore.lambda_handler, rescore._rescore),
    "erase": (erase.lambda_handler, erase._erase),
    "answer": (answer.lambda_handler, answer_desk.from_environment),
    "admin": (admin.lambda_handler, desk.from_environment),
}


def given(make: Any, environment: dict[str, str]) -> Any:
    """What a function makes for itself in that environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        make.cache_clear()
        made = make()
        make.cache_clear()
        return made


class Context:
    """What Lambda tells of the time that is left."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class WholeWay:
    """All functions, their tables, a bus and their queues. `escaped` holds what a handler raised."""

    def __init__(self, dynamodb: Any, slack: Receiver, webhook: Receiver, secrets: dict[str, str]) -> None:
        self.dynamodb, self.slack, self.webhook = dynamodb, slack, webhook
        self.sqs, self.events = boto3.client("sqs"), boto3.client("events")
        self.queues = {name: self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in (*FUNCTIONS, "heard")}
        self.dead: list[dict[str, Any]] = []
        self.escaped: list[BaseException] = []
        self._receives: Counter[str] = Counter()
        self._streamed: dict[str, dict[tuple[str, str], Any]] = {ACTIVITIES: {}, LEADS: {}}
        self._open_bus()
        for name, text in secrets.items():
            boto3.client("ssm").put_parameter(Name=name, Value=text, Type="SecureString")
        boto3.client("sesv2").create_email_identity(EmailIdentity="baton@acme.example")
        self._configure()
        DynamoDBRuleVersions(dynamodb, LEADS).publish(
            RuleVersion(1, "acme", "ada", SystemClock().now(), "both agreed", "0" * 64, RULES, "name: acme")
        )

    def _open_bus(self) -> None:
        self.events.create_event_bus(Name="baton")
        for name, pattern in SEEN.items():
            arn = self.sqs.get_queue_attributes(QueueUrl=self.queues[name], AttributeNames=["QueueArn"])
            self.events.put_rule(Name=name, EventBusName="baton", EventPattern=json.dumps(pattern))
            target = {"Id": name, "Arn": arn["Attributes"]["QueueArn"]}
            self.events.put_targets(Rule=name, EventBusName="baton", Targets=[target])

    def _configure(self) -> None:
        consent = ConsentWording(field="consent", wording="You may contact me.", version="1")
        form = Form(
            name="demo",
            activity="demo_requested",
            fields={"name": "lead.name", "company": "company.name", "phone": "lead.phone"},
            consent=consent,
        )
        posts = ("page_viewed", "demo_requested", "identified", "aliased")
        public = PublicWriteKey(name="website", key=PUBLIC_KEY, activities=posts)
        secret = SecretWriteKey(name="servers", secret="/baton/test/servers")
        team = Team(
            email=("ada@acme.example",),
            slack="/baton/test/slack",
            webhook=WebhookTarget(url=f"http://127.0.0.1:{self.webhook.port}/in", secret="/baton/test/signing"),
        )
        queues, table = self.queues, {"leads_table": LEADS}
        erasures = {"erasures_table": ERASURES, "erasure_secret": "/baton/test/erasure"}
        for name, text in (("/baton/test/erasure", "secret"), (PAGE_SECRET, "s" * 43)):
            boto3.client("ssm").put_parameter(Name=name, Value=text, Type="SecureString")
        self._settings: dict[str, Any] = {
            "ingest": IngestSettings(
                activities_table=ACTIVITIES,
                budgets_table=BUDGETS,
                write_keys=(public, secret),
                forms=(form,),
                **erasures,
            ),
            "score": ScoreSettings(activities_table=ACTIVITIES, queue_url=queues["score"], **table),
            "evaluate": EvaluateSettings(queue_url=queues["evaluate"], **table),
            "relay": RelaySettings(bus_name="baton", queue_url=queues["relay"], **table),
            "notify": NotifySettings(
                activities_table=ACTIVITIES,
                queue_url=queues["notify"],
                teams={"inside-sales": team},
                email_from="baton@acme.example",
                page_secret=PAGE_SECRET,
                page_address="https://api.acme.example",
                allow_local_receivers=True,
                **table,
            ),
            "rescore": RescoreSettings(activities_table=ACTIVITIES, score_queue_url=queues["score"], **table),
            "erase": EraseSettings(
                activities_table=ACTIVITIES,
                queue_url=queues["erase"],
                score_queue_url=queues["score"],
                **erasures,
                **table,
            ),
            "answer": AnswerSettings(activities_table=ACTIVITIES, page_secret=PAGE_SECRET, **table),
            "admin": AdminSettings(
                activities_table=ACTIVITIES,
                erase_queue_url=queues["erase"],
                score_queue_url=queues["score"],
                page_secret=PAGE_SECRET,
                approvals=(),
                **erasures,
                **table,
            ),
        }
        self.start_anew()

    def start_anew(self) -> None:
        """Every function starts cold, and remembers nothing."""
        self._given = {name: given(make, self._settings[name].environment()) for name, (_, make) in FUNCTIONS.items()}

    def call(self, function: str, event: Any) -> Any:
        """Invoke a function once; what it raises lies in `escaped`."""
        handler, _ = FUNCTIONS[function]
        try:
            return handler(event, Context(), self._given[function])
        except Exception as error:  # noqa: BLE001 (AWS would log it)
            self.escaped.append(error)
            return error

    def post(self, path: str, body: Any, **rest: Any) -> Any:
        """Send an HTTP request to `ingest`."""
        return self.call("ingest", http_event("POST", path, body, at=SystemClock().now(), **rest))

    def ask(self, method: str, path: str, body: Any = None, **rest: Any) -> Any:
        """Send an HTTP request to `admin`, signed in with every role."""
        claims = {"sub": "ada", "cognito:groups": "[admin marketing sales]"}
        return self.call("admin", http_event(method, path, body, claims=claims, at=SystemClock().now(), **rest))

    def open(self, link: str, form: str | None = None) -> Any:
        """Open a lead's page by its link, or send one of its forms."""
        path = link.removeprefix("https://api.acme.example")
        headers = {"content-type": "application/x-www-form-urlencoded"}
        event = http_event("GET" if form is None else "POST", path, form, headers=headers, at=SystemClock().now())
        return self.call("answer", event)

    def go_on(self) -> None:
        """Carry everything on until nothing moves any more."""
        while self._stream() or self._drain():
            pass

    def heard(self) -> list[dict[str, Any]]:
        """Every event that was put on the bus."""
        return [json.loads(message["Body"]) for message in self._received("heard")]

    def _stream(self) -> bool:
        activities = self._changes(ACTIVITIES)
        leads = self._changes(LEADS)
        scored = [r for r in leads if _key(r)[1] == "SCORE" and _key(r)[0].startswith("LEAD#")]
        waiting = [r for r in leads if _key(r)[1].startswith("OUTBOX#")]
        for function, records in (("score", activities), ("evaluate", scored), ("relay", waiting)):
            if records:
                self.call(function, {"Records": records})
        return bool(activities or leads)

    def _drain(self) -> bool:
        moved = False
        for name in FUNCTIONS:
            for message in self._received(name):
                moved = True
                record = {
                    "messageId": message["MessageId"],
                    "body": message["Body"],
                    "attributes": {"SentTimestamp": str(SystemClock().now() // 1000)},
                    "eventSource": "aws:sqs",
                }
                answer = self.call(name, {"Records": [record]})
                if not isinstance(answer, dict) or answer["batchItemFailures"]:
                    self._again(name, record)
        return moved

    def _again(self, name: str, record: dict[str, Any]) -> None:
        self._receives[record["body"]] += 1
        if self._receives[record["body"]] >= MOST_RECEIVES:
            self.dead.append(record)
        else:
            self.sqs.send_message(QueueUrl=self.queues[name], MessageBody=record["body"])

    def _received(self, name: str) -> Iterator[Any]:
        while messages := self.sqs.receive_message(QueueUrl=self.queues[name]).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queues[name], ReceiptHandle=message["ReceiptHandle"])
                yield message

    def _changes(self, table: str) -> list[dict[str, Any]]:
        known, found = self._streamed[table], []
        for item in self.dynamodb.scan(TableName=table)["Items"]:
            key = (item["pk"]["S"], item["sk"]["S"])
            if known.get(key) != item:
                known[key] = item
                found.append(_record(item))
        return found


def _key(record: dict[str, Any]) -> tuple[str, str]:
    keys = record["dynamodb"]["Keys"]
    return keys["pk"]["S"], keys["sk"]["S"]


def _record(item: dict[str, Any]) -> dict[str, Any]:
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in item.items()
    }
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": {"pk": item["pk"], "sk": item["sk"]}, "NewImage": image},
    }
