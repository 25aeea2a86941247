"""The desk of `answer` on ports in memory, with a lead that was handed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from functions.answer.desk import Desk
from functions.answer.handler import lambda_handler
from shared.adapters.page_links import PageLinks
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.handoff import FollowUp, Handoff, HandoffKey, LeadId
from shared.domain.moments import HOUR, MINUTE, Moment, parse_moment
from shared.domain.reading import parse_rule_file
from shared.ports.rules import RuleVersion
from shared.usecases.answer import AnswerHandoff
from shared.usecases.lead_page import OpenLeadPage
from shared.usecases.noise import KnownNoise
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from shared.usecases.story import TellStory
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryHandoffs,
    InMemoryLeads,
    InMemoryNoiseMarks,
    InMemoryRuleVersions,
    InMemorySecrets,
    InMemoryStages,
)
from tests.http_requests import http_event
from tests.people import activity, email

ADA = email("ada@example.com")
REQUESTED = "2026-03-04T09:30:00Z"
RULES: dict[str, Any] = {
    "name": "acme",
    "behaviour": [
        {
            "id": "pricing",
            "label": "Visited the pricing page several times in a week",
            "on": "page_viewed",
            "where": {"properties.path": {"starts_with": "/pricing"}},
            "points": 40,
            "at_least": {"times": 2, "within": "7d"},
            "repeat": "once",
            "decay": {"half_life": "30d"},
        },
        {"id": "webinar", "label": "Registered for a webinar", "on": "webinar_registered", "points": 15, "cap": 20},
        {"id": "demo", "label": "Asked for a demo", "on": "demo_requested", "points": 25},
        {"id": "careers", "label": "Looked for a job", "on": "job_viewed", "points": -5},
    ],
    "fit": [
        {
            "id": "size",
            "label": "Has 200 people or more",
            "where": {"company.employees": {"at_least": 200}},
            "points": 15,
        }
    ],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}, {"name": "hot", "above": 75}],
    "stages": [
        {"name": "mql", "enter": {"all": [{"score": {"at_least": 50}}, {"consent": "granted"}]}},
        {"name": "recycled", "from": ["mql"], "enter": {"activity": "handoff_recycled"}},
    ],
    "handoff": {"mql": {"to": "inside-sales", "respond_within": "1h"}},
}


def told_by_ada() -> list[Activity]:
    """What Ada did before she was handed over."""
    granted = {"wording": "You may contact me about my request.", "version": "1"}
    return [
        activity("a1", ADA, at="2026-02-10T08:00:00Z", properties={"path": "/blog/waste", "title": "Less waste"}),
        activity("a2", ADA, type="webinar_registered", at="2026-02-20T10:00:00Z", properties={"title": "Waste 101"}),
        activity("a3", ADA, type="webinar_registered", at="2026-02-21T10:00:00Z", properties={"title": "Waste 102"}),
        activity("a4", ADA, at="2026-03-02T09:00:00Z", properties={"path": "/pricing"}),
        activity("a5", ADA, at="2026-03-02T09:05:00Z", properties={"path": "/pricing"}),
        activity("a6", ADA, type="job_viewed", at="2026-03-02T11:00:00Z"),
        activity(
            "a7",
            ADA,
            type="demo_requested",
            at="2026-03-04T09:29:00Z",
            rank=Rank.PUBLIC,
            source="demo-request",
            context={"campaign": {"name": "Spring"}},
            properties={"consent": granted},
            claims=Claims(
                lead={
                    "first_name": "Ada",
                    "last_name": "Obi",
                    "title": "Head of Purchasing",
                    "phone": "+44 20 7946 0000",
                },
                company={"name": "Obi & Daughters", "employees": 250, "country": "GB"},
                consent="granted",
                qualification={"need": "Too much waste"},
            ),
        ),
    ]


@dataclass
class Pages:
    """Pages of leads, and what they stand on."""

    rules: Mapping[str, Any] = field(default_factory=lambda: RULES)
    clock: FixedClock = field(default_factory=lambda: FixedClock("2026-03-04T09:55:00Z"))
    consent_required: bool = True

    def __post_init__(self) -> None:
        self.activities, self.leads, self.stages = InMemoryActivities(), InMemoryLeads(), InMemoryStages()
        self.handoffs = InMemoryHandoffs(log=self.activities)
        self.noise = InMemoryNoiseMarks()
        self.secrets = InMemorySecrets(page="s" * 43)
        versions = InMemoryRuleVersions()
        published = parse_moment("2026-01-01T00:00:00Z")
        versions.publish(RuleVersion(1, "acme", "bo", published, "", "0" * 64, self.rules, "name: acme"))
        parse_rule_file(self.rules)
        rulebook = Rulebook(versions, self.clock)
        noise = KnownNoise(self.noise, self.clock)
        self.rulebook = rulebook
        self._score = Score(self.activities, self.leads, rulebook, self.clock, lambda: LeadId("lead-1"), noise=noise)
        self.desk = Desk(
            links=PageLinks(self.secrets, "page", "https://api.example.com"),
            pages=OpenLeadPage(
                handoffs=self.handoffs,
                leads=self.leads,
                stages=self.stages,
                story=TellStory(self.activities, self.leads, rulebook, noise=noise),
                clock=self.clock,
                consent_required=self.consent_required,
            ),
            answers=AnswerHandoff(
                handoffs=self.handoffs, answers=self.handoffs, leads=self.leads, rulebook=rulebook, clock=self.clock
            ),
            clock=self.clock,
        )

    def happened(self, activities: Iterable[Activity]) -> None:
        """Activities were logged and scored."""
        logged = list(activities)
        self.activities.append(logged)
        assert self._score.apply(logged) == []

    def handed_over(self, stage: str = "mql", epoch: int = 1, **more: Any) -> HandoffKey:
        """The lead was handed over, as `evaluate` does it."""
        (lead,) = self.leads.whose([ADA]).values()
        record = self.leads.load(lead)
        assert record is not None
        at = parse_moment(REQUESTED)
        due = Moment(at + HOUR)
        handoff = Handoff(
            key=HandoffKey(lead, stage, epoch),
            to="inside-sales",
            notify=("email",),
            requested_at=at,
            respond_by=due,
            caused_by="the total score is at least 50 and the consent is granted",
            last_activity_at=record.state.last_activity_at,
            snapshot=self.rulebook.active().rules.snapshot(record.state, at),
            assignee="bo",
            follow_ups=(
                FollowUp("reminder", Moment(due - 15 * MINUTE), "inside-sales"),
                FollowUp("escalation", due, "sales-lead"),
                FollowUp("reassignment", Moment(due + HOUR), "inside-sales"),
            ),
        )
        handoff = replace(handoff, **more)
        self.handoffs.committed[handoff.key] = handoff
        return handoff.key

    def token(self, key: HandoffKey, at: str = REQUESTED) -> str:
        """What stands at the end of the link that was sent when the lead was handed over."""
        sent = self.handoffs.committed[key]
        return self.desk.links.link(key, parse_moment(at), sent.to, sent.assignee).rpartition("/")[2]

    def get(self, token: str, method: str = "GET", request_id: str = "request-1") -> dict[str, Any]:
        """Open a page."""
        return lambda_handler(http_event(method, f"/handoffs/{token}", request_id=request_id), None, self.desk)

    def post(self, token: str, fields: Mapping[str, str] | str, **headers: str) -> dict[str, Any]:
        """Send a form."""
        body = fields if isinstance(fields, str) else urlencode(fields, errors="surrogatepass")
        told = {"content-type": "application/x-www-form-urlencoded"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return lambda_handler(http_event("POST", f"/handoffs/{token}", body, headers=told), None, self.desk)


def pages_of_ada(**more: Any) -> tuple[Pages, str]:
    """Ada was handed over; the pages, and the token of her link."""
    pages = Pages(**more)
    pages.happened(told_by_ada())
    return pages, pages.token(pages.handed_over())
