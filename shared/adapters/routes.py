"""Every HTTP route, which function answers it, and who may ask. What is not listed here does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import unquote

from shared.domain.people import Role
from shared.domain.refusals import MethodNotAllowed, NotFound

ADMINS = frozenset({Role.ADMIN})
MARKETERS = frozenset({Role.ADMIN, Role.MARKETING})
SELLERS = frozenset({Role.ADMIN, Role.SALES})
LEAD_READERS = frozenset({Role.ADMIN, Role.MARKETING, Role.SALES})
"""Who may see leads, handoffs and names."""
APPROVERS = frozenset({Role.ADMIN, Role.MARKETING, Role.SALES})
"""Who may give their word for new rules, where the settings ask for that of their role."""
RULE_READERS = frozenset(Role)
"""Who may read, try and propose rules, and sees no lead by it."""


@dataclass(frozen=True)
class Route:
    """`path` has its variables in braces. `roles` may ask; None means that nobody needs to sign in."""

    method: Literal["GET", "HEAD", "POST"]
    path: str
    function: Literal["ingest", "answer", "admin"]
    operation: str
    roles: frozenset[Role] | None = None

    @property
    def key(self) -> str:
        """As an HTTP API writes it: `POST /v1/forms/{form}`."""
        return f"{self.method} {self.path}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a request's path must look like."""
        return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path)))


def _calls() -> Iterable[Route]:
    calls = ("track", "page", "screen", "identify", "group", "alias", "batch")
    for call in calls:
        yield Route("POST", f"/v1/{call}", "ingest", call)
    for call in calls:
        yield Route("POST", f"/v1/{call[0]}", "ingest", call)


ROUTES: tuple[Route, ...] = (
    *_calls(),
    Route("POST", "/v1/events", "ingest", "events"),
    Route("POST", "/v1/import", "ingest", "import"),
    Route("POST", "/v1/forms/{form}", "ingest", "form"),
    Route("POST", "/submissions/v3/integration/submit/{portal}/{form}", "ingest", "hubspot_form"),
    Route("GET", "/v1/baton.js", "ingest", "script"),
    Route("GET", "/handoffs/{token}", "answer", "show_page"),
    Route("HEAD", "/handoffs/{token}", "answer", "try_page"),
    Route("POST", "/handoffs/{token}", "answer", "answer_page"),
    Route("GET", "/health", "admin", "health"),
    Route("GET", "/openapi.json", "admin", "openapi"),
    Route("GET", "/docs", "admin", "docs"),
    Route("GET", "/v1/leads", "admin", "list_leads", LEAD_READERS),
    Route("GET", "/v1/leads/{id}", "admin", "get_lead", LEAD_READERS),
    Route("POST", "/v1/leads/{id}/adjustments", "admin", "adjust_score", SELLERS),
    Route("POST", "/v1/leads/{id}/merges", "admin", "merge_leads", MARKETERS),
    Route("POST", "/v1/leads/{id}/unmerges", "admin", "unmerge_lead", MARKETERS),
    Route("POST", "/v1/leads/{id}/consents", "admin", "record_consent", LEAD_READERS),
    Route("POST", "/v1/leads/{id}/qualifications", "admin", "qualify_lead", SELLERS),
    Route("GET", "/v1/handoffs", "admin", "list_handoffs", LEAD_READERS),
    Route("GET", "/v1/handoffs/{lead}/{stage}/{epoch}", "admin", "get_handoff", LEAD_READERS),
    Route("POST", "/v1/handoffs/{lead}/{stage}/{epoch}/answers", "admin", "answer_handoff", SELLERS),
    Route("GET", "/v1/leads/{id}/export", "admin", "export_lead", MARKETERS),
    Route("POST", "/v1/leads/{id}/erasures", "admin", "erase_lead", ADMINS),
    Route("POST", "/v1/leads/{id}/repairs", "admin", "repair_lead", ADMINS),
    Route("GET", "/v1/drift", "admin", "list_drift", ADMINS),
    Route("POST", "/v1/checks", "admin", "check_leads", ADMINS),
    Route("GET", "/v1/noise", "admin", "list_noise", MARKETERS),
    Route("POST", "/v1/noise/marks", "admin", "mark_noise", MARKETERS),
    Route("POST", "/v1/noise/unmarks", "admin", "unmark_noise", MARKETERS),
    Route("GET", "/v1/rescores", "admin", "list_rescores", RULE_READERS),
    Route("POST", "/v1/rescores", "admin", "ask_for_rescore", MARKETERS),
    Route("POST", "/v1/catch-ups", "admin", "catch_up", ADMINS),
    Route("GET", "/v1/rules", "admin", "get_active_rules", RULE_READERS),
    Route("GET", "/v1/rules/versions", "admin", "list_rule_versions", RULE_READERS),
    Route("GET", "/v1/rules/drafts", "admin", "list_drafts", RULE_READERS),
    Route("POST", "/v1/rules/drafts", "admin", "draft_rules", RULE_READERS),
    Route("GET", "/v1/rules/drafts/{number}", "admin", "get_draft", RULE_READERS),
    Route("POST", "/v1/rules/drafts/{number}/proposals", "admin", "propose_draft", RULE_READERS),
    Route("POST", "/v1/rules/drafts/{number}/approvals", "admin", "approve_draft", APPROVERS),
    Route("POST", "/v1/rules/drafts/{number}/withdrawals", "admin", "withdraw_draft", RULE_READERS),
    Route("POST", "/v1/rules/drafts/{number}/publications", "admin", "publish_draft", MARKETERS),
    Route("POST", "/v1/rules/rollbacks", "admin", "roll_back_rules", MARKETERS),
    Route("GET", "/v1/rules/differences", "admin", "compare_rules", RULE_READERS),
    Route("POST", "/v1/rules/differences", "admin", "compare_document", RULE_READERS),
    Route("GET", "/v1/rules/{number}", "admin", "get_rule_version", RULE_READERS),
    Route("POST", "/v1/simulations", "admin", "simulate_rules", RULE_READERS),
    Route("POST", "/v1/rules", "admin", "publish_rules", MARKETERS),
)


def find(method: str, path: str, function: str) -> tuple[Route, Mapping[str, str]]:
    """The function's route for a request, and the variables in its path. The first that fits, in the order above.

    Raises:
        NotFound: nothing of this function is under that path.
        MethodNotAllowed: something is, for another method.
    """
    allowed = []
    for route in ROUTES:
        if route.function == function and (found := route.pattern.fullmatch(path)):
            if route.method == method:
                return route, {name: unquote(value) for name, value in found.groupdict().items()}
            allowed.append(route.method)
    if allowed:
        msg = f"this address takes {', '.join(sorted(set(allowed)))}"
        raise MethodNotAllowed(msg)
    msg = "there is nothing under this address"
    raise NotFound(msg)
