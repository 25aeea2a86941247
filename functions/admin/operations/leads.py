"""Operations on leads: reading them, adjusting scores, qualifying, saying who is who."""

from __future__ import annotations

from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.cursors import cursor_of, foreign_cursor, told_by
from functions.admin.operations.reading import answered, lead_in, moment_of, own_id, told_of, validated
from shared.adapters.answers import read_fact
from shared.adapters.email_addresses import email_identity, user_identity
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply, json_reply
from shared.adapters.strict_json import read_json
from shared.domain.activity import Identity, IdentityKind, Json
from shared.domain.handoff import LeadId
from shared.domain.people import Person
from shared.ports.lead_index import Place, Shelf
from shared.usecases.adjust import Adjustment
from shared.usecases.leads import LeadPage, MergedInto, WhichRules
from shared.usecases.merge import Ruled, Ruling
from shared.usecases.qualify import QualificationTold


def list_leads(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/leads`: those of a temperature or stage, best first, or the one with an e-mail address or user id."""
    query = validated(api.leads.ListLeadsRequest, request.query())
    if query.email is not None or query.user_id is not None:
        named = user_identity(query.user_id or "") if query.email is None else email_identity(query.email, "email")
        return answered(200, _page(desk.leads.by_identity(named), None, desk))
    shelf = Shelf.STAGE if query.temperature is None else Shelf.TEMPERATURE
    name = (query.stage if query.temperature is None else query.temperature) or ""
    after = _place(query.next, shelf, name) if query.next is not None else None
    page = desk.leads.page(shelf, name, query.limit, after)
    return answered(200, _page(page, _cursor(page.following, shelf, name), desk))


def get_lead(request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/leads/{id}`: everything about a lead, now or at a moment."""
    query = validated(api.leads.GetLeadRequest, request.query())
    found = desk.leads.story(
        lead_in(path),
        moment_of(query.at, "at"),
        moment_of(query.since, "since"),
        rules=_which_rules(query.rules),
        known=query.known,
    )
    if isinstance(found, MergedInto):
        asked = f"?{request.raw_query}" if request.raw_query else ""
        return json_reply(307, {"merged_into": found.survivor}, {"location": f"{found.survivor}{asked}"})
    return answered(200, replies.leads.story(found, desk.answers.rule_file()))


def adjust_score(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/adjustments`: points by hand, with the reason."""
    asked = validated(api.leads.AdjustScoreRequest, read_json(request.body(SINGLE_LIMIT)))
    adjustment = (
        Adjustment(own_id(request), "by", asked.by, asked.score, asked.why)
        if asked.by is not None
        else Adjustment(own_id(request), "to", asked.to or 0, asked.score, asked.why)
    )
    adjusted = desk.scores.adjust(told_of(lead_in(path), desk), adjustment, person)
    return answered(202, api.leads.AdjustScoreResponse(lead=adjusted.lead, activity=adjusted.activity))


def merge_leads(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/merges`: two leads are one person, or what that would make of them."""
    asked = validated(api.leads.MergeLeadsRequest, read_json(request.body(SINGLE_LIMIT)))
    one, two = lead_in(path), LeadId(asked.lead)
    if asked.preview:
        return answered(200, replies.leads.preview([desk.foreseen.merge(one, two)]))
    return _ruled(desk.rulings.merge(told_of(one, desk), told_of(two, desk), _ruling(request, asked.why, person)))


def unmerge_lead(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/unmerges`: some identities of a lead are somebody else, or what that would make of it."""
    asked = validated(api.leads.UnmergeLeadRequest, read_json(request.body(SINGLE_LIMIT)))
    lead, leaving = lead_in(path), frozenset(_identity(each) for each in asked.apart)
    if asked.preview:
        return answered(200, replies.leads.preview(desk.foreseen.unmerge(lead, leaving)))
    return _ruled(desk.rulings.unmerge(told_of(lead, desk), leaving, _ruling(request, asked.why, person)))


def qualify_lead(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/qualifications`: what the lead said of authority, budget, need and timeline."""
    asked = validated(api.leads.QualifyLeadRequest, read_json(request.body(SINGLE_LIMIT)))
    facts: dict[str, Json] = {
        name: read_fact(said) if isinstance(said, str) else said for name, said in asked.facts.items()
    }
    told = QualificationTold(own_id(request), facts, tuple(asked.asked), asked.note)
    lead, activity = desk.qualifications.qualify(told_of(lead_in(path), desk), told, person)
    return answered(202, api.leads.QualifyLeadResponse(lead=lead, activity=activity.id))


def _ruling(request: HttpRequest, why: str, person: Person) -> Ruling:
    return Ruling(own_id(request), person, why)


def _ruled(ruled: Ruled) -> Reply:
    return answered(202, api.leads.RulingResponse(lead=ruled.lead, activity=ruled.activity.id))


def _identity(named: api.people.KnownIdentity) -> Identity:
    kind = IdentityKind(named.kind)
    return email_identity(named.value, "apart") if kind is IdentityKind.EMAIL else Identity(kind, named.value)


def _page(page: LeadPage, cursor: str | None, desk: Desk) -> api.leads.LeadsResponse:
    rules = desk.answers.rule_file()
    return api.leads.LeadsResponse(leads=[replies.leads.summary(lead, rules) for lead in page.leads], next=cursor)


def _cursor(place: Place | None, shelf: Shelf, name: str) -> str | None:
    if place is None:
        return None
    return cursor_of([shelf.value, name, place.lead, place.rank])


def _place(cursor: str, shelf: Shelf, name: str) -> Place:
    try:
        of_shelf, of_name, lead, rank = told_by(cursor)
    except (ValueError, TypeError) as error:
        raise foreign_cursor() from error
    sound = isinstance(lead, str) and type(rank) is int and abs(rank) < 1 << 62
    if [of_shelf, of_name] != [shelf.value, name] or not sound:
        raise foreign_cursor()
    return Place(LeadId(lead), rank)


def _which_rules(text: str | None) -> WhichRules | None:
    """Rules by name or by number, as `GetLeadRequest` lets them through."""
    match text:
        case None | "then" | "active":
            return text
        case _:
            return int(text)
