"""The OpenAPI document: every route of both functions, made from the table of routes and the models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from functions.admin import api
from shared.adapters import cloud_events, lists, segment
from shared.adapters.bus_events import TAKEN, TOLD
from shared.adapters.routes import ROUTES, Route

_TAGS = ("Intake", "Leads", "Handoffs", "Permission", "Noise", "Rules", "Rescores", "About", "Intake in short")
_Mode = tuple[type[BaseModel], Literal["validation", "serialization"]]
_Refs = dict[type[BaseModel], dict[str, Any]]

_SCHEMA = "#/components/schemas/{model}"


class RefusedResponse(BaseModel):
    """An activity of a batch that was not taken, and why."""

    index: int = Field(description="Its place in the batch, from 0.")
    message_id: str | None
    code: str
    reason: str
    at: str | None = Field(description="The place of the fault in it.")


class AcceptedResponse(BaseModel):
    """Everything that `refused` does not list is stored."""

    success: bool = True
    refused: list[RefusedResponse] | None = None


class RefusedLineResponse(BaseModel):
    """A line of a list that was not taken, and why."""

    line: int = Field(description="Its number in the list: of CSV the file's line, else the place, from 1.")
    code: str
    message: str
    at: str | None = Field(description="The column in which the fault is.")


class ImportResponse(BaseModel):
    """Every line that `refused` does not list is in the log; of a dry run, would be."""

    success: bool = True
    dry_run: bool
    lines: int
    taken: int
    refused: list[RefusedLineResponse]
    map: dict[str, str] = Field(description="What each column became.")
    retry_after: int | None = Field(
        None, description="Seconds until lines refused as `over_budget` may be sent again; missing if there are none."
    )


class ErrorResponse(BaseModel):
    """Nothing of the request was stored."""

    code: str = Field(examples=["invalid"])
    message: str
    details: dict[str, Any] = Field(description="`at` tells where the fault is; more depends on the code.")


class FormRequest(BaseModel):
    """The fields of a form, as its page names them."""

    model_config = ConfigDict(extra="allow")

    email: str = Field(description="Or the field that the form's settings name.")
    next_: str | None = Field(None, alias="_next", description="Where to go then: a path, or on an allowed origin.")
    gotcha: str | None = Field(None, alias="_gotcha", description="Only robots fill it in.")
    anonymous_id: str | None = Field(None, alias="_anonymous_id")
    id: str | None = Field(None, alias="_id", description="The same id again changes nothing.")


class HubSpotRequest(BaseModel):
    """A form as HubSpot's API takes it."""

    fields: list[dict[str, Any]] = Field(description="Each with `name` and `value`, and what it is of: `objectTypeId`.")
    context: dict[str, Any] | None = Field(None, description="`hutk`, `pageUri` and `pageName`.")
    legal_consent_options: dict[str, Any] | None = Field(None, alias="legalConsentOptions")
    submitted_at: str | int | None = Field(None, alias="submittedAt", description="In milliseconds; now when missing.")


class HubSpotResponse(BaseModel):
    """What HubSpot answers."""

    inline_message: str = Field(alias="inlineMessage")


class HubSpotFault(BaseModel):
    """What is wrong with a form, by one of HubSpot's kinds of errors."""

    message: str
    error_type: str = Field(alias="errorType", examples=["INVALID_EMAIL"])


class HubSpotErrorResponse(BaseModel):
    """Nothing was stored, told as HubSpot tells it."""

    status: Literal["error"]
    message: str
    correlation_id: str = Field(alias="correlationId")
    errors: list[HubSpotFault] | None = None


class LeadPageRequest(BaseModel):
    """What the forms of a lead's page send."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=100, description="The same id again is the same answer.")
    answer: Literal["accept", "reject", "recycle"]
    reason: str | None = Field(None, description="One of the rules' reasons, to reject or recycle.")
    note: str | None = None
    look_again: str | None = Field(None, description="The day from which a recycled lead may come back, `2026-03-31`.")


@dataclass(frozen=True)
class _Told:
    """What the document tells of an operation."""

    summary: str
    tag: str
    responses: dict[int, type[BaseModel] | None]
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_page: bool = False
    fault: type[BaseModel] = ErrorResponse


_ONCE = {
    "Idempotency-Key": "The same again under the same key changes nothing; something else under it may be refused."
}


def _call(summary: str, request: type[BaseModel]) -> _Told:
    return _Told(summary, "Intake", {200: AcceptedResponse}, request)


def _read(summary: str, tag: str, response: type[BaseModel], query: type[BaseModel] | None = None) -> _Told:
    return _Told(summary, tag, {200: response}, query=query)


def _once(summary: str, tag: str, response: type[BaseModel], request: type[BaseModel], status: int = 202) -> _Told:
    """What is said under a key of its own, so that saying it again changes nothing."""
    return _Told(summary, tag, {status: response}, request, headers=_ONCE)


def _ruling(summary: str, request: type[BaseModel]) -> _Told:
    """Who somebody is, or what that would make of them."""
    return _Told(
        summary, "Leads", {200: api.leads.PreviewResponse, 202: api.leads.RulingResponse}, request, headers=_ONCE
    )


_OPERATIONS: dict[str, _Told] = {
    "track": _call("Somebody did something", segment.TrackRequest),
    "page": _call("Somebody saw a page", segment.PageRequest),
    "screen": _call("Somebody saw a screen of an app", segment.ScreenRequest),
    "identify": _call("Who somebody is", segment.IdentifyRequest),
    "group": _call("Which company somebody belongs to", segment.GroupRequest),
    "alias": _call("Two names of one person", segment.AliasRequest),
    "batch": _call("Up to 500 calls at once", segment.BatchRequest),
    "events": _Told(
        "An event of another system as CloudEvents 1.0, or up to 500 of them",
        "Intake",
        {200: AcceptedResponse},
        cloud_events.CloudEvent,
        headers=dict.fromkeys(
            ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"),
            "Where the body is `data` alone: the event's attribute of this name, percent-encoded.",
        ),
    ),
    "import": _Told(
        "Up to 500 lines of a list, as JSON or as CSV",
        "Intake",
        {200: ImportResponse},
        lists.ImportRequest,
        query=lists.ImportQuery,
    ),
    "form": _Told(
        "A form of a website, or the signed webhook of who shows it",
        "Intake",
        {200: AcceptedResponse, 303: None},
        FormRequest,
    ),
    "hubspot_form": _Told(
        "A form of a website, as HubSpot takes it",
        "Intake",
        {200: HubSpotResponse},
        HubSpotRequest,
        fault=HubSpotErrorResponse,
    ),
    "script": _Told("The embed script", "Intake", {200: None, 304: None}),
    "show_page": _Told("The page of a lead that was handed over, by its signed link", "Handoffs", {}, is_page=True),
    "try_page": _Told("Whether there is such a page", "Handoffs", {}, is_page=True),
    "answer_page": _Told("The page's forms: the answer", "Handoffs", {303: None}, LeadPageRequest, is_page=True),
    "health": _read("Whether the API answers", "About", api.health.HealthResponse),
    "openapi": _Told("This document", "About", {200: None}),
    "docs": _Told("This document as a page", "About", {200: None}),
    "list_leads": _read("Leads, best first", "Leads", api.leads.LeadsResponse, api.leads.ListLeadsRequest),
    "get_lead": _Told(
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
    "check_leads": _Told(
        "Compare leads with their logs: some, or a page of all",
        "Leads",
        {200: api.drift.CheckLeadsResponse},
        api.drift.CheckLeadsRequest,
    ),
    "list_drift": _read("Leads that are not what their logs make", "Leads", api.drift.DriftsResponse),
    "repair_lead": _Told("Make a lead anew from its log", "Leads", {202: api.drift.RepairResponse}),
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
    "compare_document": _Told(
        "What a rule file that is not stored says otherwise, in sentences",
        "Rules",
        {200: api.rules.DifferencesResponse},
        api.rules.CompareDocumentRequest,
    ),
    "list_drafts": _read(
        "Drafts of rules, newest first", "Rules", api.rules.DraftsResponse, api.rules.ListDraftsRequest
    ),
    "draft_rules": _Told(
        "Check a rule file and keep it as a draft",
        "Rules",
        {201: api.rules.DraftRulesResponse},
        api.rules.DraftRulesRequest,
    ),
    "get_draft": _read("A draft with its file", "Rules", api.rules.DraftFileResponse),
    "propose_draft": _Told("Ask people for their words for a draft", "Rules", {201: api.rules.DraftResponse}),
    "approve_draft": _Told(
        "Give one's word for a draft", "Rules", {201: api.rules.DraftResponse}, api.rules.ApproveDraftRequest
    ),
    "withdraw_draft": _Told("Withdraw a draft", "Rules", {201: api.rules.DraftResponse}),
    "publish_draft": _Told(
        "Publish a draft that has its words",
        "Rules",
        {201: api.rules.PublishRulesResponse},
        api.rules.PublishDraftRequest,
    ),
    "simulate_rules": _Told(
        "What publishing a rule file would do, a page of leads at a time; nothing is written",
        "Rules",
        {200: api.simulations.SimulateResponse},
        api.simulations.SimulateRequest,
    ),
    "roll_back_rules": _Told(
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
    "publish_rules": _Told(
        "Check and publish a rule file, where the settings want nobody's word",
        "Rules",
        {200: api.rules.PublishRulesResponse, 201: api.rules.PublishRulesResponse},
        api.rules.PublishRulesRequest,
    ),
}

_ERRORS = {
    400: "It cannot be read.",
    401: "No known write key, or nobody signed in.",
    403: "The key or the role does not allow it.",
    404: "There is no such thing.",
    409: "Somebody else changed it meanwhile, or something must come first: `code` tells which.",
    413: "It is too large.",
    415: "It comes in a form that is not read here.",
    422: "It says something that cannot be; `details.at` tells where.",
    429: "More than a budget or the API takes; `Retry-After`, if there, says after how many seconds to send it again.",
    503: "It cannot be taken now; send it again.",
}

_FAULTS: dict[str, Any] = {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in _ERRORS}
_PAGES: dict[str, Any] = {
    str(status): {"description": meaning, "content": {"text/html": {"schema": {"type": "string"}}}}
    for status, meaning in {
        200: "The page of the lead.",
        400: "It cannot be read.",
        403: "The person has withdrawn consent: nothing of them is shown.",
        404: "The link is none of Baton's.",
        409: "Somebody was faster; the page tells who.",
        410: "The link has expired, or the person was erased.",
        413: "It is too large.",
        415: "It comes in a form that is not read here.",
        422: "The answer cannot be taken; the page tells why.",
        503: "It cannot be taken now; send it again.",
    }.items()
}


@cache
def document() -> dict[str, Any]:
    """The document, made once."""
    requests: set[type[BaseModel]] = {told.request for told in _OPERATIONS.values() if told.request}
    responses = {model for told in _OPERATIONS.values() for model in told.responses.values() if model}
    taken: list[_Mode] = [(model, "validation") for model in _by_name({*requests, *TAKEN})]
    faults = {told.fault for told in _OPERATIONS.values()}
    given: list[_Mode] = [(model, "serialization") for model in _by_name({*responses, *TOLD, *faults})]
    names, schemas = models_json_schema([*taken, *given], ref_template=_SCHEMA)
    refs: _Refs = {model: names[model, mode] for model, mode in (*taken, *given)}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Baton",
            "version": "1",
            "summary": "Lead scoring and handoff",
            "description": "Intake takes a write key (HTTP Basic, the key as user name, a bearer token, or `writeKey` "
            "in the body); everything about leads and rules takes the token of somebody who signed in. Other systems "
            f"may also put events with the detail types {_listed(TAKEN)} on the event bus, and hear {_listed(TOLD)} "
            "there: their details are the schemas of these names.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "tags": [{"name": name} for name in _TAGS],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "responses": {
                f"Error{status}": {"description": meaning, "content": _json(refs[ErrorResponse])}
                for status, meaning in _ERRORS.items()
            },
            "securitySchemes": {
                "write_key": {"type": "http", "scheme": "basic"},
                "write_token": {"type": "http", "scheme": "bearer"},
                "people": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _listed(models: Iterable[type[BaseModel]]) -> str:
    return " and ".join(f"`{model.__name__}`" for model in models)


def _by_name(models: set[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda model: model.__name__)


def _operation(route: Route, refs: _Refs) -> dict[str, Any]:
    told = _OPERATIONS[route.operation]
    is_short = len(route.path) == len("/v1/t")
    said: dict[str, Any] = {
        "operationId": route.operation + ("_short" if is_short else ""),
        "summary": told.summary,
        "tags": ["Intake in short" if is_short else told.tag],
        "security": _security(route),
        "responses": {str(status): _response(model, refs) for status, model in told.responses.items()}
        | _refusals(told, refs),
    }
    parameters = [*_path_parameters(route), *_query_parameters(told), *_header_parameters(told)]
    if parameters:
        said["parameters"] = parameters
    if told.request:
        content = _json(refs[told.request])
        if route.operation == "form":
            for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
                content[kind] = content["application/json"]
        if route.operation == "events":
            whole = content["application/json"]["schema"]
            content = {
                cloud_events.STRUCTURED: {"schema": whole},
                cloud_events.BATCHED: {"schema": {"type": "array", "items": whole, "maxItems": segment.MAX_BATCH}},
                "application/json": {"schema": {"$ref": _SCHEMA.format(model="SubmittedDetail")}},
            }
        if route.operation == "import":
            content["text/csv"] = {"schema": {"type": "string"}}
        if told.is_page:
            content = {"application/x-www-form-urlencoded": content["application/json"]}
        said["requestBody"] = {"required": True, "content": content}
    if route.roles is not None:
        said["description"] = f"For the roles {', '.join(sorted(route.roles))}."
    return said


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.roles is not None:
        return [{"people": []}]
    if route.function == "ingest" and route.operation not in {"form", "hubspot_form", "script"}:
        return [{"write_key": []}, {"write_token": []}]
    return []


def _refusals(told: _Told, refs: _Refs) -> dict[str, Any]:
    if told.is_page:
        return _PAGES
    if told.fault is ErrorResponse:
        return _FAULTS
    content = _json(refs[told.fault])
    return {str(status): {"description": _ERRORS[status], "content": content} for status in (400, 404, 429, 503)}


def _response(model: type[BaseModel] | None, refs: _Refs) -> dict[str, Any]:
    return {"description": "Done.", "content": _json(refs[model])} if model else {"description": "As it says."}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _query_parameters(told: _Told) -> list[dict[str, Any]]:
    if told.query is None:
        return []
    schema = told.query.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": property_}
        for name, property_ in schema["properties"].items()
    ]


def _header_parameters(told: _Told) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "description": why, "schema": {"type": "string"}}
        for name, why in told.headers.items()
    ]
