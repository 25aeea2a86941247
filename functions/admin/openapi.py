"""The OpenAPI document: every route of both functions, made from the table of routes and the models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from functions.admin import api
from functions.admin.descriptions import OPERATIONS, Description
from shared.adapters import cloud_events, segment
from shared.adapters.bus_events import TAKEN, TOLD
from shared.adapters.routes import ROUTES, Route

_TAGS = ("Intake", "Leads", "Handoffs", "Permission", "Noise", "Rules", "Rescores", "About", "Intake in short")
_Mode = tuple[type[BaseModel], Literal["validation", "serialization"]]
_Refs = dict[type[BaseModel], dict[str, Any]]

_SCHEMA = "#/components/schemas/{model}"

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
    requests: set[type[BaseModel]] = {told.request for told in OPERATIONS.values() if told.request}
    responses = {model for told in OPERATIONS.values() for model in told.responses.values() if model}
    taken: list[_Mode] = [(model, "validation") for model in _by_name({*requests, *TAKEN})]
    faults = {told.fault for told in OPERATIONS.values()}
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
                f"Error{status}": {"description": meaning, "content": _json(refs[api.elsewhere.ErrorResponse])}
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
    told = OPERATIONS[route.operation]
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
        said["requestBody"] = {"required": True, "content": _content(route, told, refs[told.request])}
    if route.roles is not None:
        said["description"] = f"For the roles {', '.join(sorted(route.roles))}."
    return said


def _content(route: Route, told: Description, schema: dict[str, Any]) -> dict[str, Any]:
    """As which media types a request may come; JSON, except where other programs have habits of their own."""
    if told.is_page:
        return {"application/x-www-form-urlencoded": {"schema": schema}}
    if route.operation == "form":
        forms = ("application/x-www-form-urlencoded", "multipart/form-data")
        return _json(schema) | {kind: {"schema": schema} for kind in forms}
    if route.operation == "events":
        return {
            cloud_events.STRUCTURED: {"schema": schema},
            cloud_events.BATCHED: {"schema": {"type": "array", "items": schema, "maxItems": segment.MAX_BATCH}},
            "application/json": {"schema": {"$ref": _SCHEMA.format(model="SubmittedDetail")}},
        }
    return _json(schema) | ({"text/csv": {"schema": {"type": "string"}}} if route.operation == "import" else {})


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.roles is not None:
        return [{"people": []}]
    if route.function == "ingest" and route.operation not in {"form", "hubspot_form", "script"}:
        return [{"write_key": []}, {"write_token": []}]
    return []


def _refusals(told: Description, refs: _Refs) -> dict[str, Any]:
    if told.is_page:
        return _PAGES
    if told.fault is api.elsewhere.ErrorResponse:
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


def _query_parameters(told: Description) -> list[dict[str, Any]]:
    if told.query is None:
        return []
    schema = told.query.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": property_}
        for name, property_ in schema["properties"].items()
    ]


def _header_parameters(told: Description) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "description": why, "schema": {"type": "string"}}
        for name, why in told.headers.items()
    ]
