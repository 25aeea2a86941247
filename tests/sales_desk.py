"""A desk at which Ada and Grace have been handed to sales, and sales people who ask it by HTTP or by command."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from functions.admin.handler import lambda_handler
from infra.deployed import Api, Refusal, Told
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.drafts import Terms
from shared.domain.handoff import FollowUp, Handoff, HandoffKey, LeadId
from shared.domain.journey import Journey
from shared.domain.moments import HOUR, MINUTE, Moment, parse_moment
from shared.ports.rules import RuleVersion
from shared.ports.stages import StageRecord, StoredTransition
from tests.desk import ALONE, InMemoryDesk, a_desk
from tests.http_requests import http_event
from tests.people import activity, email

MORNING = "2026-03-02T08:00:00Z"
ADA, GRACE = email("ada@example.com"), email("grace@example.com")
ADAS, GRACES = HandoffKey(LeadId("lead-1"), "mql", 1), HandoffKey(LeadId("lead-2"), "mql", 1)
RULES: dict[str, Any] = {
    "name": "acme",
    "behaviour": [
        {"id": "demo", "label": "Requested a demo", "on": "demo_requested", "points": 60},
        {"id": "view", "label": "Viewed a page", "on": "page_viewed", "points": 5.5},
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}],
    "stages": [
        {"name": "mql", "enter": {"score": {"at_least": 50}}},
        {"name": "recycled", "enter": {"activity": "handoff_recycled"}},
    ],
    "handoff": {"mql": {"to": "inside-sales", "respond_within": "1h", "remind": "15m"}},
    "answers": {"reject": ["no_budget", {"name": "wrong_contact", "label": "Not who they say"}]},
    "qualification": {"need": {"question": "What for?"}},
}


def handed_over(key: HandoffKey = ADAS, at: str = MORNING, rules: tuple[str, ...] = ("demo", "view")) -> Handoff:
    """A handoff to inside sales, assigned to Mia, for rules that had fired."""
    requested = parse_moment(at)
    return Handoff(
        key=key,
        to="inside-sales",
        notify=("email",),
        requested_at=requested,
        respond_by=Moment(requested + HOUR),
        caused_by="score at least 50",
        last_activity_at=requested,
        snapshot={"total": 65.5, "reasons": [{"rule": rule, "label": f"The {rule}", "counts": 60} for rule in rules]},
        assignee="mia",
        follow_ups=(FollowUp("reminder", Moment(requested + 45 * MINUTE), "inside-sales"),),
    )


def a_sales_desk(terms: Terms = ALONE) -> InMemoryDesk:
    """Ada asked for a demo and is an MQL, handed over and told by e-mail; Grace looked at a page."""
    desk = a_desk(terms)
    publish(desk, RULES)
    desk.happened(
        [
            activity("look", ADA, at="2026-03-01T09:00:00Z"),
            activity(
                "form",
                ADA,
                type="demo_requested",
                at=MORNING,
                source="form:contact",
                rank=Rank.PUBLIC,
                claims=Claims({"first_name": "Ada"}, {"name": "Engines"}, "granted", {"budget": "20k"}),
            ),
            activity("grace", GRACE, at=MORNING),
        ]
    )
    stand(desk, ADAS, handed_over())
    desk.handoffs.mark_sent(ADAS, "email", Moment(parse_moment(MORNING) + MINUTE))
    return desk


def stand(desk: InMemoryDesk, key: HandoffKey, *handoffs: Handoff) -> None:
    """`evaluate` made a lead an MQL, and handed it over."""
    moment = parse_moment(MORNING)
    step = StoredTransition(1, None, key.stage, 1, moment, "score at least 50", "form", 1, by_rules=False, snapshot={})
    desk.stages.commit(StageRecord(key.lead, Journey(key.stage, {key.stage: 1}, moment, moment)), [step], handoffs)


def publish(desk: InMemoryDesk, rules: dict[str, Any]) -> None:
    """Rules are active from now on."""
    number = desk.versions.active_number() + 1
    desk.versions.publish(RuleVersion(number, "acme", "mia@acme.example", desk.clock.now(), "", "0" * 64, rules, ""))


def joined(desk: InMemoryDesk, into: LeadId, absorbed: LeadId) -> None:
    """Two leads turned out to be one."""
    one, other = desk.leads.records[into], desk.leads.records[absorbed]
    desk.leads.records[into] = replace(one, absorbed=(absorbed,), identities=one.identities | other.identities)
    desk.leads.records[absorbed] = replace(other, merged_into=into)


def said(desk: InMemoryDesk, type_: str) -> list[Activity]:
    """What people said, of a type."""
    return [each for known in (ADA, GRACE) for each in desk.activities.under(known) if each.type == type_]


@dataclass(frozen=True)
class Seller(Api):
    """Somebody of sales who signed in at the desk: `baton`'s API without the network."""

    desk: InMemoryDesk = None  # type: ignore[assignment]
    name: str = "bob"
    role: str = "sales"

    def ask(self, method: str, path: str, body: Any = None, request_id: str = "request-1") -> dict[str, Any]:
        """The reply of the handler."""
        parts = urlsplit(path)
        claims = {"sub": f"id-{self.name}", "email": f"{self.name}@acme.example", "cognito:groups": f"[{self.role}]"}
        query = dict(parse_qsl(parts.query))
        event = http_event(method, parts.path, body, query=query, claims=claims, request_id=request_id)
        return lambda_handler(event, None, self.desk.desk)

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        reply = self.ask(method, path, None if body is None else json.loads(body), f"request-{id(body)}")
        told = json.loads(reply["body"], object_hook=Told)
        if reply["statusCode"] >= 400:
            raise Refusal(reply["statusCode"], told)
        return told


def seller(desk: InMemoryDesk, name: str = "bob", role: str = "sales") -> Seller:
    """Somebody of sales at a desk."""
    return Seller("https://baton.example", "token", desk, name, role)
