"""Who signed in, from a token's claims, and what their roles let them do. Nothing is allowed that is not listed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.adapters.routes import Route
from shared.domain.people import Person, Role
from shared.domain.refusals import Forbidden, Unauthenticated

_NAMES = ("email", "cognito:username", "username", "preferred_username", "sub")
_SEPARATORS = re.compile(r"[\s,\[\]\"]+")


def person_of(claims: Mapping[str, Any] | None, roles_claim: str) -> Person:
    """The person that a checked token names. An HTTP API hands a list claim on as the text `[admin sales]`.

    Raises:
        Unauthenticated: no token was checked, or it names nobody.
    """
    subject = (claims or {}).get("sub")
    if not claims or not isinstance(subject, str) or not subject:
        msg = "sign in first: this needs a token"
        raise Unauthenticated(msg)
    told = claims.get(roles_claim)
    words = told if isinstance(told, list) else _SEPARATORS.split(told) if isinstance(told, str) else []
    roles = frozenset(role for role in Role if role.value in words)
    name = next(str(claims[name]) for name in _NAMES if claims.get(name))
    return Person(subject, name, roles)


def check_role(route: Route, person: Person) -> None:
    """Let pass who has one of the route's roles.

    Raises:
        Forbidden: the person has none of them.
    """
    if route.roles is None or not route.roles & person.roles:
        needed = ", ".join(sorted(route.roles or ()))
        msg = f"this is for the roles {needed}; you have {', '.join(sorted(person.roles)) or 'none'}"
        raise Forbidden(msg)
