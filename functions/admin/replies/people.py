"""How responses tell who a lead is, and who said something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from functions.admin import api
from shared.domain.activity import (
    Identity,
    Rank,
)
from shared.domain.introduction import Introduction

RANKS: Mapping[Rank, Literal["public", "trusted", "sales"]] = {
    Rank.PUBLIC: "public",
    Rank.TRUSTED: "trusted",
    Rank.SALES: "sales",
}


def person_of(person: Introduction) -> api.people.PersonResponse:
    """Who a lead is."""
    return api.people.PersonResponse(
        emails=list(person.emails), name=person.name, title=person.title, company=person.company
    )


def identities_of(identities: Iterable[Identity]) -> list[api.people.IdentityResponse]:
    """By what a lead is known."""
    return [api.people.IdentityResponse(kind=each.kind.value, value=each.value) for each in identities]
