"""What the OpenAPI document tells of each operation: an entry for every one of the table of routes."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel

from functions.admin import api
from shared.adapters import cloud_events, lists, segment


@dataclass(frozen=True)
class Description:
    """What the document tells of an operation."""

    summary: str
    tag: str
    responses: dict[int, type[BaseModel] | None]
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_page: bool = False
    fault: type[BaseModel] = api.elsewhere.ErrorResponse


_ONCE = {
    "Idempotency-Key": "The same again under the same key changes nothing; something else under it may be refused."
}


def _call(summary: str, request: type[BaseModel]) -> Description:
    return Description(summary, "Intake", {200: api.elsewhere.AcceptedResponse}, request)


def _read(summary: str, tag: str, response: type[BaseModel], query: type[BaseModel] | None = None) -> Description:
    return Description(summary, tag, {200: response}, query=query)


def _once(
    summary: str, tag: str, response: type[BaseModel], request: type[BaseModel], status: int = 202
) -> Description:
    """What is said under a key of its own, so that saying it again changes nothing."""
    return Description(summary, tag, {status: response}, request, headers=_ONCE)


def _ruling(summary: str, request: type[BaseModel]) -> Description:
    """Who somebody is, or what that would make of them."""
    return Description(
        summary, "Leads", {200: api.leads.PreviewResponse, 202: api.leads.RulingResponse}, request, headers=_ONCE
    )


OPERATIONS: dict[str, Description] = {
    "track": _call("Somebody did something", segment.TrackRequest),
    "page": _call("Somebody saw a page", segment.PageRequest),
    "screen": _call("Somebody saw a screen of an app", segment.ScreenRequest),
    "identify": _call("Who somebody is", segment.IdentifyRequest),
    "group": _call("Which company somebody belongs to", segment.GroupRequest),
    "alias": _call("Two names of one person", segment.AliasRequest),
    "batch": _call("Up to 500 calls at once", segment.BatchRequest),
    "events": Description(
        "An event of another system as CloudEvents 1.0, or up to 500 of them",
        "Intake",
        {200: api.elsewhere.AcceptedResponse},
        cloud_events.CloudEvent,
        headers=dict.fromkeys(
            ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"),
            "Where the body is `data` alone: the event's attribute of this name, percent-encoded.",
        ),
    ),
    "import": Description(
        "Up to 500 lines of a list, as JSON or as CSV",
        "Intake",
        {200: api.elsewhere.ImportResponse},
        lists.ImportRequest,
        query=lists.ImportQuery,
    ),
    "form": Description(
        "A form of a website, or the signed webhook of who shows it",
        "Intake",
        {200: api.elsewhere.AcceptedResponse, 303: None},
        api.elsewhere.FormRequest,
    ),
    "hubspot_form": Description(
        "A form of a website, as HubSpot takes it",
        "Intake",
        {200: api.elsewhere.HubSpotResponse},
        api.elsewhere.HubSpotRequest,
        fault=api.elsewhere.HubSpotErrorResponse,
    ),
    "script": Description("The embed script", "Intake", {200: None, 304: None}),
    "show_page": Description(
        "The page of a lead that was handed over, by its signed link", "Handoffs", {}, is_page=True
    ),
    "try_page": Description("Whether there is such a page", "Handoffs", {}, is_page=True),
    "answer_page": Description(
        "The page's forms: the answer", "Handoffs", {303: None}, api.elsewhere.LeadPageRequest, is_page=True
    ),
    "health": _read("Whether the API answers", "About", api.health.HealthResponse),
    "openapi": Description("This document", "About", {200: None}),
    "docs": Description("This document as a page", "About", {200: None}),
    "list_leads": _read("Leads, best first", "Leads", api.leads.LeadsResponse, api.leads.ListLeadsRequest),
    "get_lead": Description(
        "Everything about a lead, now or at a moment",
        "Leads",
        {200: api.leads.LeadResponse, 307: None},
        query=api.leads.GetLeadRequest,
    ),
    "adjust_score": _once(
        "Adjust a score by hand", "Leads", api.leads.AdjustScoreResponse, api.leads.AdjustScoreRequest
    ),
    "merge_leads": _ruling(
        "Say that two leads are one person, or see what that would make of them", api.leads.MergeLeadsRequest
    ),
    "unmerge_lead": _ruling(
        "Say that some identities of a lead are somebody else, or see what that would make of it",
        api.leads.UnmergeLeadRequest,
    ),
    "record_consent": _once(
        "Write down what a lead said of consent",
        "Permission",
        api.permission.RecordConsentResponse,
        api.permission.RecordConsentRequest,
    ),
    "qualify_lead": _once(
        "Write down what a lead said of authority, budget, need and timeline",
        "Leads",
        api.leads.QualifyLeadResponse,
        api.leads.QualifyLeadRequest,
    ),
    "list_handoffs": _read(
        "Handoffs that are open or were answered, newest first",
        "Handoffs",
        api.handoffs.HandoffsResponse,
        api.handoffs.ListHandoffsRequest,
    ),
    "get_handoff": _read("A handoff, and how it may be answered", "Handoffs", api.handoffs.HandoffStoryResponse),
    "answer_handoff": _once(
        "Accept, reject or recycle a lead that was handed over",
        "Handoffs",
        api.handoffs.HandoffResponse,
        api.handoffs.AnswerHandoffRequest,
        status=201,
    ),
    "export_lead": _read(
        "Everything that is held of a lead, page by page",
        "Permission",
        api.permission.ExportResponse,
        api.permission.ExportLeadRequest,
    ),
    "erase_lead": _once(
        "Erase a person for good", "Permission", api.permission.ErasureResponse, api.permission.EraseLeadRequest
    ),
    "check_leads": Description(
        "Compare leads with their logs: some, or a page of all",
        "Leads",
        {200: api.drift.CheckLeadsResponse},
        api.drift.CheckLeadsRequest,
    ),
    "list_drift": _read("Leads that are not what their logs make", "Leads", api.drift.DriftsResponse),
    "repair_lead": Description("Make a lead anew from its log", "Leads", {202: api.drift.RepairResponse}),
    "list_noise": _read("What is noise", "Noise", api.noise.NoiseMarksResponse),
    "mark_noise": _once(
        "Say that what an address, an agent or a lead does is noise",
        "Noise",
        api.noise.NoiseResponse,
        api.noise.NoiseRequest,
    ),
    "unmark_noise": _once("Say that it counts again", "Noise", api.noise.NoiseResponse, api.noise.NoiseRequest),
    "get_active_rules": _read("The rules that hold", "Rules", api.rules.RulesResponse),
    "list_rule_versions": _read("Every published version", "Rules", api.rules.RuleVersionsResponse),
    "get_rule_version": _read("A published version", "Rules", api.rules.RulesResponse),
    "compare_rules": _read(
        "What a version or draft says otherwise than another, in sentences",
        "Rules",
        api.rules.DifferencesResponse,
        api.rules.CompareRulesRequest,
    ),
    "compare_document": Description(
        "What a rule file that is not stored says otherwise, in sentences",
        "Rules",
        {200: api.rules.DifferencesResponse},
        api.rules.CompareDocumentRequest,
    ),
    "list_drafts": _read(
        "Drafts of rules, newest first", "Rules", api.rules.DraftsResponse, api.rules.ListDraftsRequest
    ),
    "draft_rules": Description(
        "Check a rule file and keep it as a draft",
        "Rules",
        {201: api.rules.DraftRulesResponse},
        api.rules.DraftRulesRequest,
    ),
    "get_draft": _read("A draft with its file", "Rules", api.rules.DraftFileResponse),
    "propose_draft": Description("Ask people for their words for a draft", "Rules", {201: api.rules.DraftResponse}),
    "approve_draft": Description(
        "Give one's word for a draft", "Rules", {201: api.rules.DraftResponse}, api.rules.ApproveDraftRequest
    ),
    "withdraw_draft": Description("Withdraw a draft", "Rules", {201: api.rules.DraftResponse}),
    "publish_draft": Description(
        "Publish a draft that has its words",
        "Rules",
        {201: api.rules.PublishRulesResponse},
        api.rules.PublishDraftRequest,
    ),
    "simulate_rules": Description(
        "What publishing a rule file would do, a page of leads at a time; nothing is written",
        "Rules",
        {200: api.simulations.SimulateResponse},
        api.simulations.SimulateRequest,
    ),
    "roll_back_rules": Description(
        "Publish the file of an old version once more, or see what that would do",
        "Rules",
        {200: api.rules.WayBackResponse, 201: api.rules.PublishRulesResponse},
        api.rules.RollBackRulesRequest,
    ),
    "list_rescores": _read(
        "What is being scored anew, or was lately, and how far it is", "Rescores", api.rescores.RescoresResponse
    ),
    "ask_for_rescore": _once(
        "Have leads scored anew: some, those that meet a condition, or all",
        "Rescores",
        api.rescores.RescoreResponse,
        api.rescores.AskForRescoreRequest,
    ),
    "catch_up": _once(
        "Find activities that no lead has taken in, and apply them",
        "Rescores",
        api.rescores.RescoreResponse,
        api.rescores.CatchUpRequest,
    ),
    "publish_rules": Description(
        "Check and publish a rule file, where the settings want nobody's word",
        "Rules",
        {200: api.rules.PublishRulesResponse, 201: api.rules.PublishRulesResponse},
        api.rules.PublishRulesRequest,
    ),
}
