"""Sam, who became an MQL and was handed over: the lead of the golden messages."""

from __future__ import annotations

from typing import Any

from shared.domain.activity import Claims
from shared.domain.engine import compile_rules
from shared.domain.handoff import Handoff, HandoffKey, LeadId
from shared.domain.moments import parse_moment
from shared.domain.reading import parse_rule_file
from shared.domain.state import ScoreState
from shared.ports.leads import LeadRecord
from shared.ports.rules import RuleVersion
from tests.people import activity, email

LEAD = LeadId("01JNB3V7Q9")
KEY = HandoffKey(LEAD, "mql", 1)
NOW = "2026-03-02T09:30:06Z"
HANDOFF = Handoff(
    key=KEY,
    to="inside-sales",
    notify=("email", "slack", "webhook"),
    requested_at=parse_moment("2026-03-02T09:30:04.250000Z"),
    respond_by=parse_moment("2026-03-02T10:30:04.250000Z"),
    caused_by="score at least 50",
    last_activity_at=parse_moment("2026-03-02T09:30:02Z"),
    snapshot={
        "total": 65,
        "scores": {"engagement": 65, "fit": 0},
        "temperature": "warm",
        "grade": None,
        "rules_version": 1,
        "reasons": [{"rule": "pricing-visits", "label": "Visited the pricing page", "counts": 40}],
    },
)
DOCUMENT = {
    "name": "acme",
    "behaviour": [{"id": "webinar", "on": "webinar_registered", "points": 15}],
    "vetoes": [{"id": "competitor", "where": {"company.domain": {"in": ["rival.example"]}}}],
}
RULES = RuleVersion(1, "acme", "ada", parse_moment(NOW), "both agreed", "0" * 64, DOCUMENT, "name: acme")


def sam(**claims: Any) -> LeadRecord:
    """The lead as `score` would keep it when this is known of it, beside who it is."""
    told = {"lead": {"first_name": "Sam", "last_name": "Jones"}, "company": {"name": "Acme"}, **claims}
    form = activity("form", email("sam@acme.example"), type="form_submitted", claims=Claims(**told))
    state = compile_rules(parse_rule_file(DOCUMENT)).absorb(ScoreState.empty(), [form])
    return LeadRecord(LEAD, frozenset({email("sam@acme.example")}), state, version=1, rules_version=1)
