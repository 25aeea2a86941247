"""`admin` on DynamoDB, fed with golden events: what `score` and `evaluate` wrote is what people see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.admin.desk import from_environment
from functions.admin.handler import lambda_handler
from functions.admin.settings import Settings
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb import lead_items
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.outbox import event_of
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.adapters.routes import ROUTES, find
from shared.domain.activity import Activity, Claims
from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import DAY, Moment, format_moment, parse_moment
from shared.ports.stages import StageRecord
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from tests.fakes import FixedClock
from tests.people import activity, browser, email, user
from tests.tables import ACTIVITIES, ERASURES, LEADS

EVENTS = Path(__file__).parents[2] / "events"
ADA, GRACE = email("ada@example.com"), email("grace@example.com")
MORNING = "2026-03-02T08:00:00Z"


def golden(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def ask(name: str, **changed: Any) -> Any:
    reply = lambda_handler(golden(name) | changed, None)
    assert reply["statusCode"] < 300, reply
    return json.loads(reply["body"])


@dataclass
class House:
    """Baton's tables with published rules."""

    client: Any

    def __post_init__(self) -> None:
        self.activities = DynamoDBActivities(self.client, ACTIVITIES)
        self.leads = DynamoDBLeads(self.client, LEADS)
        self.stages = DynamoDBStages(self.client, LEADS, FixedClock())
        self.versions = DynamoDBRuleVersions(self.client, LEADS)
        self._ids = iter(LeadId(f"lead-{number}") for number in range(1, 100))

    def happened(self, *activities: Activity) -> None:
        """Activities were logged and scored."""
        self.activities.append(activities)
        clock = FixedClock()
        score = Score(self.activities, self.leads, Rulebook(self.versions, clock), clock, lambda: next(self._ids))
        assert score.apply(activities) == []

    def stand(self, lead: str, stage: str, rank: int, temperature: str) -> None:
        """`evaluate` has looked at a lead."""
        moment = parse_moment(MORNING)
        journey = Journey(stage, {stage: 1}, moment, moment)
        self.stages.commit(StageRecord(LeadId(lead), journey, temperature=temperature, rank=rank))

    def hand_over(self, lead: str, stage: str) -> None:
        """`evaluate` has committed a handoff to inside sales."""
        record = self.stages.load(LeadId(lead))
        assert record is not None
        reasons = [{"rule": rule, "label": rule, "counts": 60} for rule in ("demo", "webinar")]
        handed = Handoff(
            key=HandoffKey(LeadId(lead), stage, 1),
            to="inside-sales",
            notify=("email",),
            requested_at=parse_moment(MORNING),
            respond_by=None,
            caused_by="score at least 50",
            last_activity_at=None,
            snapshot={"total": 80, "rules_version": 1, "reasons": reasons},
        )
        self.stages.commit(record, (), [handed])


@pytest.fixture
def house(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Mia has published the rules; Ada is hot, Grace is cold."""
    boto3.client("ssm").put_parameter(Name="/baton/test/erasure", Value="secret", Type="SecureString")
    settings = Settings(
        activities_table=ACTIVITIES,
        leads_table=LEADS,
        erasures_table=ERASURES,
        erasure_secret="/baton/test/erasure",
        page_secret="/baton/test/lead-page",
        approvals=(),
        teams={"default": (), "inside-sales": ()},
        erase_queue_url=boto3.client("sqs").create_queue(QueueName="erase")["QueueUrl"],
        score_queue_url=boto3.client("sqs").create_queue(QueueName="score")["QueueUrl"],
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    from_environment.cache_clear()
    house = House(dynamodb)
    ask("http_publish_rules")
    house.happened(
        activity("d-1", ADA, user("crm-77"), browser("b-1"), type="demo_requested", at="2026-03-01T11:00:00Z"),
        activity("w-1", ADA, type="webinar_registered", at=MORNING, properties={"webinar_id": "w-7"}),
        activity("w-2", ADA, type="webinar_registered", at=MORNING, properties={"webinar_id": "w-7"}),
        activity("c-1", ADA, type="identified", at=MORNING, own=False, claims=Claims({"name": "Ada"}, {}, "granted")),
    )
    house.happened(activity("v-1", GRACE, at=MORNING))
    house.stand("lead-1", "mql", 80, "hot")
    house.stand("lead-2", "suspect", 0, "cold")
    yield house
    from_environment.cache_clear()


def test_publishing_stores_the_rules_and_notes_the_event(house: House, dynamodb: Any) -> None:
    version = house.versions.get(1)

    assert house.versions.active_number() == 1
    assert version is not None
    assert (version.name, version.author, version.note) == (
        "acme",
        "mia@acme.example",
        "First rules, agreed with sales.",
    )
    assert version.text.startswith("name: acme\n")
    (waiting,) = [
        event_of(item) for item in dynamodb.scan(TableName=LEADS)["Items"] if item["sk"]["S"].startswith("OUTBOX#")
    ]
    assert (waiting.name, waiting.detail["version"]) == ("RulesPublished", 1)


def test_publishing_the_same_again_changes_nothing(house: House) -> None:
    assert ask("http_publish_rules")["is_new"] is False
    assert house.versions.active_number() == 1


def test_the_hot_leads_come_best_first(house: House) -> None:
    house.happened(activity("g-1", email("eve@example.com"), type="demo_requested", at=MORNING))
    house.stand("lead-3", "mql", 90, "hot")
    told = ask("http_list_leads")

    assert [lead["id"] for lead in told["leads"]] == ["lead-3", "lead-1"]
    assert told["next"] is None


def test_the_leads_of_a_stage_come_best_first(house: House) -> None:
    house.happened(activity("g-1", email("eve@example.com"), type="demo_requested", at=MORNING))
    house.stand("lead-3", "mql", 90, "hot")
    told = ask("http_list_leads", rawQueryString="stage=mql")

    assert [lead["id"] for lead in told["leads"]] == ["lead-3", "lead-1"]


def test_a_list_goes_on_where_it_stopped(house: House) -> None:
    for number in range(3, 9):
        house.happened(activity(f"p-{number}", email(f"p{number}@example.com"), at=MORNING))
        house.stand(f"lead-{number}", "suspect", number % 2, "hot")
    seen: list[str] = []
    query = "temperature=hot&limit=3"
    for _ in range(3):
        told = ask("http_list_leads", rawQueryString=query)
        seen += [lead["id"] for lead in told["leads"]]
        query = f"temperature=hot&limit=3&next={told['next']}"

    assert told["next"] is None
    assert len(seen) == len(set(seen)) == 7
    assert seen[0] == "lead-1"


def test_a_lead_is_found_by_address(house: House) -> None:
    (found,) = ask("http_find_lead")["leads"]

    assert (found["id"], found["person"]["name"], found["score"]["total"], found["stage"]["name"]) == (
        "lead-1",
        "Ada",
        80,
        "mql",
    )


def test_a_lead_is_shown_with_its_reasons(house: House) -> None:
    told = ask("http_get_lead")

    assert told["score"]["total"] == 80
    assert {row["activity_id"]: row["counts"] for row in told["explanation"]["contributions"]} == {"d-1": 60, "w-1": 20}
    assert [each["id"] for each in told["activities"]] == ["w-2", "w-1", "c-1", "d-1"]
    assert {each["value"] for each in told["identities"]} == {"ada@example.com", "crm-77"}


def test_a_lead_is_shown_as_it_was(house: House) -> None:
    told = ask("http_get_lead_at")

    assert (told["at"], told["score"]["total"], told["consent"]) == ("2026-03-01T12:00:00Z", 60, None)


def test_what_is_stored_equals_what_is_replayed(house: House) -> None:
    listed = ask("http_list_leads")["leads"][0]["score"]

    assert ask("http_get_lead")["score"] == listed


def test_an_adjustment_is_in_the_log_once(house: House) -> None:
    first, again = ask("http_adjust_score"), ask("http_adjust_score")

    assert first == again
    (adjusted,) = [each for each in house.activities.under(ADA) if each.type == "score_adjusted"]
    assert adjusted.id == first["activity"]
    assert adjusted.properties["who"] == "sam@acme.example"


def test_leads_are_joined_and_parted_by_a_person(house: House) -> None:
    foreseen = ask("http_merge_leads", body='{"lead":"lead-2","preview":true}')["parts"]
    merged = ask("http_merge_leads")

    assert merged == ask("http_merge_leads")
    house.happened(*(each for each in house.activities.under(ADA) if each.id == merged["activity"]))
    (one,) = set(house.leads.whose([ADA, GRACE]).values())
    asked = golden("http_get_lead")["rawPath"].replace("lead-1", one)
    together = ask("http_get_lead", rawPath=asked)
    assert [part["score"]["total"] for part in foreseen] == [together["score"]["total"]]
    assert [(each["said"], each["who"]) for each in together["decisions"]] == [("merged", "mia@acme.example")]

    parted = ask("http_unmerge_lead", rawPath=f"/v1/leads/{one}/unmerges")
    house.happened(*(each for each in house.activities.under(ADA) if each.id == parted["activity"]))
    parts = set(house.leads.whose([ADA, user("crm-77")]).values())
    assert len(parts) == 2
    for lead in parts:
        shown = ask("http_get_lead", rawPath=f"/v1/leads/{lead}")
        assert [each["said"] for each in shown["decisions"]][-1] == "unmerged"


def test_a_person_writes_down_what_a_lead_said_of_consent(house: House) -> None:
    recorded = ask("http_record_consent")

    house.happened(*(each for each in house.activities.under(ADA) if each.id == recorded["activity"]))
    consents = ask("http_get_lead")["consents"]
    assert (consents["holds"]["consent"], consents["holds"]["why"]) == ("denied", "She said so on the telephone.")
    assert [word["consent"] for word in consents["history"]] == ["granted", "denied"]


def test_a_person_writes_down_what_a_lead_said_of_the_four_facts(house: House) -> None:
    recorded = ask("http_qualify_lead")

    house.happened(*(each for each in house.activities.under(ADA) if each.id == recorded["activity"]))
    told = ask("http_get_lead")
    facts = told["qualification"]["facts"]
    assert {name: each["value"] for name, each in facts.items()} == {
        "authority": True,
        "budget": "20,000 this year",
        "need": 4,
        "timeline": None,
    }
    assert facts["budget"]["holds"]["who"] == "mia@acme.example"
    (question,) = told["qualification"]["to_ask"]
    assert question["fact"] == "timeline"
    assert question["asked_at"] == facts["timeline"]["asked"][0]["at"]
    assert len(told["factors"]) == 7


def test_a_handoff_is_listed_until_it_is_answered_once(house: House, dynamodb: Any) -> None:
    house.hand_over("lead-1", "mql")
    (listed,) = ask("http_list_handoffs")["handoffs"]
    assert (listed["lead"], listed["state"], listed["person"]["name"]) == ("lead-1", "open", "Ada")
    assert ask("http_get_handoff")["reasons"]["recycled"][0] == {"name": "bad_timing", "label": "The time is not right"}

    body = json.loads(golden("http_answer_handoff")["body"])
    soon = json.dumps(body | {"look_again": format_moment(Moment(SystemClock().now() + 30 * DAY))})
    answered = ask("http_answer_handoff", body=soon)

    assert answered == ask("http_answer_handoff", body=soon)
    assert (answered["state"], answered["answer"]["reason"]) == ("recycled", "bad_timing")
    assert answered["answer"]["rules"] == ["demo", "webinar"]
    assert ask("http_list_handoffs")["handoffs"] == []
    (said,) = [each for each in house.activities.under(ADA) if each.type == "handoff_recycled"]
    assert said.properties["who"] == "mia@acme.example"
    waiting = [event_of(item) for item in dynamodb.scan(TableName=LEADS)["Items"] if "OUTBOX#" in item["sk"]["S"]]
    (event,) = [each for each in waiting if each.name == "HandoffAnswered"]
    assert "planned" not in json.dumps(event.detail)

    for own_id in (None, "another"):
        other = golden("http_answer_handoff") | {"body": json.dumps({"answer": "accepted"})}
        other["headers"] |= {"idempotency-key": own_id} if own_id else {}
        refused = lambda_handler(other, None)
        assert refused["statusCode"] == 409
        assert json.loads(refused["body"])["details"]["who"] == "mia@acme.example"


def test_what_is_exported_of_a_lead_is_every_item_of_it(house: House, dynamodb: Any) -> None:
    page = ask("http_export_lead")

    assert page["next"] is None
    stored = {each["item"] for each in page["sections"]["stored"]}
    items = dynamodb.scan(TableName=LEADS)["Items"]
    assert stored == {item["sk"]["S"] for item in items if item["pk"]["S"] == "LEAD#lead-1"}
    assert {each["id"] for each in page["sections"]["activities"]} == {"d-1", "w-1", "w-2", "c-1"}


def test_whoever_is_to_be_erased_is_known_by_a_digest_from_then_on(house: House, dynamodb: Any) -> None:
    begun = ask("http_erase_lead")

    assert begun == ask("http_erase_lead")
    tombstones = [item["pk"]["S"] for item in dynamodb.scan(TableName=ERASURES)["Items"] if item["sk"]["S"] == "ERASED"]
    assert len(tombstones) == 3
    assert "ada" not in str(tombstones)
    assert boto3.client("sqs").receive_message(
        QueueUrl=boto3.client("sqs").get_queue_url(QueueName="erase")["QueueUrl"]
    )


def test_rules_are_read_as_they_were_published(house: House) -> None:
    active = ask("http_get_active_rules")

    assert active == ask("http_get_rule_version")
    assert active["document"]["temperature"][2] == {"name": "hot", "above": 75}
    (listed,) = ask("http_list_rule_versions")["versions"]
    assert listed == {name: value for name, value in active.items() if name not in ("document", "text")}


def test_a_draft_goes_live_by_two_words_and_is_rolled_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPROVALS", '["marketing", "sales"]')
    from_environment.cache_clear()
    by_sales = golden("http_get_draft")["requestContext"]

    assert ask("http_draft_rules")["missing"] == ["marketing", "sales"]
    told = ask("http_compare_rules")
    assert (told["before"], told["after"]) == ("version 1", "draft 1")
    assert told["differences"] == [{"subject": "Points", "text": "`demo` now gives 70 instead of 60."}]
    assert ask("http_compare_document")["differences"] == told["differences"]
    assert ask("http_propose_draft")["state"] == "proposed"
    assert ask("http_approve_draft")["missing"] == ["sales"]
    asked = golden("http_approve_draft")["requestContext"] | {"authorizer": by_sales["authorizer"]}
    assert ask("http_approve_draft", requestContext=asked)["state"] == "approved"
    published = ask("http_publish_draft")
    assert (published["number"], published["draft"], published["forced"]) == (2, 1, "The fair is on Monday.")
    assert ask("http_get_draft")["version"] == 2
    assert [each["state"] for each in ask("http_list_drafts")["drafts"]] == ["published"]
    assert lambda_handler(golden("http_withdraw_draft"), None)["statusCode"] == 409

    back = ask("http_roll_back_rules")
    assert (back["number"], back["restores"]) == (3, 1)
    assert ask("http_get_active_rules")["document"] == ask("http_get_rule_version")["document"]


def test_rescores_and_catching_up_are_asked_for_and_followed(house: House) -> None:
    before = ask("http_list_rescores")
    assert (before["version"], before["rescores"]) == (1, [])

    asked, caught = ask("http_ask_for_rescore"), ask("http_catch_up")

    assert (asked["kind"], asked["asks"], caught["kind"]) == ("where", ["company.country", "score"], "catch_up")
    assert {each["id"] for each in ask("http_list_rescores")["rescores"]} == {asked["id"], caught["id"]}


def test_a_simulation_reads_every_lead_page_by_page_and_writes_nothing(
    house: House, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("ssm").put_parameter(Name="/baton/test/lead-page", Value="s" * 43, Type="SecureString")
    # What is known of these outgrows one item.
    monkeypatch.setattr(lead_items, "SPILL_ABOVE", 0)
    for number in range(6):
        house.happened(activity(f"s-{number}", email(f"s-{number}@example.com"), type="demo_requested", at=MORNING))
    asked = json.loads(golden("http_simulate_rules")["body"])
    asked["document"]["behaviour"][0]["points"] = 80
    stored = dynamodb.scan(TableName=LEADS)["Items"]

    leads, moved, tokens, at = 0, {}, [], {}
    for segment in range(asked["of"]):
        page, following = None, {}
        while page is None or not page["done"]:
            body = json.dumps({**asked, "segment": segment, "limit": 2, **at, **following})
            page = ask("http_simulate_rules", body=body)
            leads += page["findings"]["leads"]
            moved |= {each["lead"]: each["temperature"] for each in page["moves"]}
            at, following = {"at": page["at"]}, {"next": page["simulation"]}
            assert "@" not in page["simulation"]
        tokens.append(page["simulation"])

    assert [each for each in stored if each["sk"]["S"].startswith("SCORE#")]
    assert leads == 8
    assert moved["lead-3"] == {"before": None, "after": "hot"}
    assert dynamodb.scan(TableName=LEADS)["Items"] == stored
    publishing = {**json.loads(golden("http_publish_rules")["body"]), "document": asked["document"]}
    del publishing["text"]  # it says 60 points
    published = ask("http_publish_rules", body=json.dumps({**publishing, "simulation": " ".join(tokens)}))
    assert (published["number"], published["forced"]) == (2, "")


@pytest.mark.parametrize("name", ["http_health", "http_openapi", "http_docs"])
def test_what_is_open_needs_no_table(name: str) -> None:
    assert lambda_handler(golden(name), None)["statusCode"] == 200


def test_every_route_has_a_golden_event() -> None:
    requests = [json.loads(file.read_text(encoding="utf-8")) for file in EVENTS.glob("http_*.json")]
    keys = {
        find(request["requestContext"]["http"]["method"], request["rawPath"], function)[0].key
        for request in requests
        for function in ("ingest", "answer", "admin")
        if any(route.function == function and route.pattern.fullmatch(request["rawPath"]) for route in ROUTES)
    }

    assert {route.key for route in ROUTES} - keys == {f"POST /v1/{short}" for short in "tpsigab"}
    assert all(request["routeKey"] in {route.key for route in ROUTES} for request in requests)
