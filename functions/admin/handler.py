"""`admin`: people look at leads and rules, and change what they may; anybody may read how to use the API."""

from __future__ import annotations

from typing import Any

from functions.admin.desk import Desk, from_environment
from functions.admin.documentation import DOCUMENTATION
from functions.admin.operations import OPERATIONS
from shared.adapters.http_api import HttpRequest, Reply, error_reply
from shared.adapters.routes import find
from shared.adapters.sign_in import check_role, person_of


def lambda_handler(event: dict[str, Any], _context: object, desk: Desk | None = None) -> Reply:
    """Answer a request of the HTTP API, if whoever sent it may ask."""
    try:
        request = HttpRequest.of(event)
        route, variables = find(request.method, request.path, "admin")
        if route.roles is None:
            return DOCUMENTATION[route.operation](request)
        desk = desk or from_environment()
        person = person_of(request.claims, desk.roles_claim)
        check_role(route, person)
        return OPERATIONS[route.operation](request, variables, person, desk)
    except Exception as error:  # noqa: BLE001 (every request gets an answer)
        return error_reply(error)
