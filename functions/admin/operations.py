"""What each signed-in route does: read the request, ask the use case, make the response."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from functions.admin import api, replies
from functions.admin.desk import Desk
from shared.adapters.answers import read_fact
from shared.adapters.email_addresses import email_identity
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply, json_reply
from shared.adapters.routes import LEAD_READERS
from shared.adapters.segment import validation_fault
from shared.adapters.strict_json import read_json
from shared.domain.activity import Identity, IdentityKind, Json
from shared.domain.handoff import HandoffKey, LeadId
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.noise import NoiseFilter, noise_filter
from shared.domain.people import Person, Role
from shared.domain.refusals import Invalid, NotFound
from shared.domain.rescores import Aim, EveryLead, LeadsWhere, NamedLeads, UnappliedActivities
from shared.domain.rulefile import LONGEST_NAME
from shared.ports.handoffs import HandoffPlace
from shared.ports.lead_index import Place, Shelf
from shared.ports.noise import NoiseMark
from shared.usecases.adjust import Adjustment
from shared.usecases.answer import AnswerTold
from shared.usecases.consent import ConsentTold
from shared.usecases.erase import ErasureRequest
from shared.usecases.export import ExportPlace
from shared.usecases.handoffs import HandoffWish
from shared.usecases.leads import LeadPage, MergedInto, WhichRules
from shared.usecases.merge import Ruled, Ruling
from shared.usecases.noise import NoiseWord
from shared.usecases.publish import PublishingWish, checked, document_sha256
from shared.usecases.qualify import QualificationTold
from shared.usecases.simulate import Candidate

RULES_LIMIT = 128 * 1024
"""Bytes of a published rule file with its text: a stored version is one item."""

_MAX_VERSION = 9
_LONGEST_ID = 100
_EXPORT_PARTS = 3
_LONGEST_NUMBER = 19
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Operation = Callable[[HttpRequest, Mapping[str, str], Person, Desk], Reply]
M = TypeVar("M", bound=BaseModel)


def list_leads(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/leads`: those of a temperature or stage, best first, or the one with an e-mail address."""
    query = _validated(api.ListLeadsRequest, request.query())
    if query.email is not None:
        found = desk.leads.by_email(email_identity(query.email, "email"))
        return _answer(200, _page(found, None, desk))
    shelf = Shelf.STAGE if query.temperature is None else Shelf.TEMPERATURE
    name = (query.stage if query.temperature is None else query.temperature) or ""
    after = _place(query.next, shelf, name) if query.next is not None else None
    page = desk.leads.page(shelf, name, query.limit, after)
    return _answer(200, _page(page, _cursor(page.following, shelf, name), desk))


def get_lead(request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/leads/{id}`: everything about a lead, now or at a moment."""
    query = _validated(api.GetLeadRequest, request.query())
    found = desk.leads.story(
        _lead(path),
        _moment(query.at, "at"),
        _moment(query.since, "since"),
        rules=_which_rules(query.rules),
        known=query.known,
    )
    if isinstance(found, MergedInto):
        asked = f"?{request.raw_query}" if request.raw_query else ""
        return json_reply(307, {"merged_into": found.survivor}, {"location": f"{found.survivor}{asked}"})
    return _answer(200, replies.story(found, desk.answers.rule_file()))


def adjust_score(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/adjustments`: points by hand, with the reason."""
    asked = _validated(api.AdjustScoreRequest, read_json(request.body(SINGLE_LIMIT)))
    own_id = _own_id(request)
    adjustment = (
        Adjustment(own_id, "by", asked.by, asked.score, asked.why)
        if asked.by is not None
        else Adjustment(own_id, "to", asked.to or 0, asked.score, asked.why)
    )
    adjusted = desk.scores.adjust(_told_of(_lead(path), desk), adjustment, person)
    return _answer(202, api.AdjustScoreResponse(lead=adjusted.lead, activity=adjusted.activity))


def merge_leads(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/merges`: two leads are one person, or what that would make of them."""
    asked = _validated(api.MergeLeadsRequest, read_json(request.body(SINGLE_LIMIT)))
    one, two = _lead(path), LeadId(asked.lead)
    if asked.preview:
        return _answer(200, replies.preview([desk.foreseen.merge(one, two)]))
    return _ruled(desk.rulings.merge(_told_of(one, desk), _told_of(two, desk), _ruling(request, asked.why, person)))


def unmerge_lead(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/unmerges`: some identities of a lead are somebody else, or what that would make of it."""
    asked = _validated(api.UnmergeLeadRequest, read_json(request.body(SINGLE_LIMIT)))
    lead, leaving = _lead(path), frozenset(_identity(each) for each in asked.apart)
    if asked.preview:
        return _answer(200, replies.preview(desk.foreseen.unmerge(lead, leaving)))
    return _ruled(desk.rulings.unmerge(_told_of(lead, desk), leaving, _ruling(request, asked.why, person)))


def check_leads(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`POST /v1/checks`: some leads, or a page of all, compared with their logs now."""
    asked = _validated(api.CheckLeadsRequest, read_json(request.body(SINGLE_LIMIT)))
    if asked.leads is not None:
        return _answer(200, replies.checked(desk.reconcile.named(map(LeadId, asked.leads)), None))
    after = _check_place(asked.next, asked.segment, asked.of) if asked.next is not None else None
    page = desk.reconcile.page(asked.segment, asked.of, after, asked.limit)
    cursor = _cursor_of([asked.segment, asked.of, page.following]) if page.following is not None else None
    return _answer(200, replies.checked(page.leads, cursor))


def list_drift(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/drift`: which leads were found not to be what their logs make."""
    return _answer(200, replies.drift(desk.reconcile.standing(), desk.reconcile.round()))


def repair_lead(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/repairs`: a lead is made anew from its log, whatever is stored of it."""
    return _answer(202, api.RepairResponse(lead=desk.repairs.ask(_lead(path))))


def list_noise(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/noise`: which addresses and agents are noise, who said so and why."""
    return _answer(200, replies.noise_marks(desk.noise.all()))


def mark_noise(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/noise/marks`: what an address range, an agent or a lead does counts for nothing."""
    return _said_of_noise(request, person, desk, desk.noise.mark, desk.noise.mark_lead)


def unmark_noise(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/noise/unmarks`: it counts again."""
    return _said_of_noise(request, person, desk, desk.noise.unmark, desk.noise.unmark_lead)


def record_consent(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/consents`: what the lead said of consent to somebody."""
    asked = _validated(api.RecordConsentRequest, read_json(request.body(SINGLE_LIMIT)))
    told = ConsentTold(_own_id(request), asked.consent, asked.why, asked.wording)
    lead, activity = desk.consents.record(_told_of(_lead(path), desk), told, person)
    return _answer(202, api.RecordConsentResponse(lead=lead, activity=activity.id))


def qualify_lead(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/qualifications`: what the lead said of authority, budget, need and timeline."""
    asked = _validated(api.QualifyLeadRequest, read_json(request.body(SINGLE_LIMIT)))
    facts: dict[str, Json] = {
        name: read_fact(said) if isinstance(said, str) else said for name, said in asked.facts.items()
    }
    told = QualificationTold(_own_id(request), facts, tuple(asked.asked), asked.note)
    lead, activity = desk.qualifications.qualify(_told_of(_lead(path), desk), told, person)
    return _answer(202, api.QualifyLeadResponse(lead=lead, activity=activity.id))


def list_handoffs(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/handoffs`: what is open or was answered, newest first."""
    query = _validated(api.ListHandoffsRequest, request.query())
    wish = HandoffWish(None if query.state == "all" else query.state, query.team, query.assignee)
    after = _handoff_place(query.next, wish) if query.next is not None else None
    page = desk.handoffs.page(wish, query.limit, after)
    cursor = _handoff_cursor(page.following, wish)
    rules = desk.answers.rule_file()
    listed = [replies.listed_handoff(each, rules) for each in page.handoffs]
    return _answer(200, api.HandoffsResponse(handoffs=listed, next=cursor))


def get_handoff(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/handoffs/{lead}/{stage}/{epoch}`: one, with what was known then and how it may be answered."""
    shown, sent = desk.handoffs.one(_handoff(path))
    return _answer(200, replies.handoff_story(shown, sent, desk.answers.rule_file()))


def answer_handoff(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/handoffs/{lead}/{stage}/{epoch}/answers`: sales keeps the lead, refuses it or gives it back."""
    asked = _validated(api.AnswerHandoffRequest, read_json(request.body(SINGLE_LIMIT)))
    told = AnswerTold(_own_id(request), asked.answer, asked.reason, asked.note, _day(asked.look_again, "look_again"))
    key = _handoff(path)
    _told_of(key.lead, desk)
    return _answer(201, replies.handoff(desk.answers.answer(key, told, person), desk.answers.rule_file()))


def export_lead(request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/leads/{id}/export`: all that is held of a lead, a page at a time."""
    query = _validated(api.ExportLeadRequest, request.query())
    place = _export_place(query.next) if query.next is not None else None
    return _answer(200, replies.export(desk.exports.page(_lead(path), place)))


def erase_lead(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/leads/{id}/erasures`: a person is erased, for good."""
    asked = _validated(api.EraseLeadRequest, read_json(request.body(SINGLE_LIMIT)))
    erasure = desk.erasures.ask(_lead(path), ErasureRequest(_own_id(request), person, asked.why))
    return _answer(202, replies.erasure(erasure))


def list_rescores(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rescores`: what is being scored anew, or was lately, and how far it is."""
    version, since = desk.rescores.active()
    return _answer(200, replies.rescores(version, since, desk.rescores.all()))


def ask_for_rescore(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rescores`: some leads, those that meet a condition, or all are to be scored anew."""
    asked = _validated(api.AskForRescoreRequest, read_json(request.body(SINGLE_LIMIT)))
    aim: Aim = EveryLead()
    if asked.leads is not None:
        aim = NamedLeads(tuple(dict.fromkeys(map(LeadId, asked.leads))))
    elif asked.where is not None:
        aim = LeadsWhere(asked.where)
    return _answer(202, replies.rescore(desk.rescores.ask(aim, _own_id(request), person)))


def catch_up(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/catch-ups`: activities of the log that no lead has taken in are to be found and applied."""
    asked = _validated(api.CatchUpRequest, read_json(request.body(SINGLE_LIMIT)))
    since = _moment(asked.since, "since")
    aim = UnappliedActivities(Moment(since or 0))
    return _answer(202, replies.rescore(desk.rescores.ask(aim, _own_id(request), person)))


def get_active_rules(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules`: the rules that hold."""
    return _answer(200, replies.rules(desk.rules.active()))


def list_rule_versions(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/versions`: what was published, when, by whom and why."""
    versions = [replies.rule_version(version) for version in desk.rules.versions()]
    return _answer(200, api.RuleVersionsResponse(versions=versions))


def get_rule_version(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/{number}`: one version."""
    return _answer(200, replies.rules(desk.rules.version(_number(path, "a rules version"))))


def compare_rules(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/differences`: what a version or draft says otherwise than another."""
    query = _validated(api.CompareRulesRequest, request.query())
    return _answer(200, replies.compared(desk.comparisons.named(query.from_, query.to)))


def compare_document(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/differences`: what a rule file that nobody keeps yet says otherwise."""
    asked = _validated(api.CompareDocumentRequest, read_json(request.body(RULES_LIMIT)))
    return _answer(200, replies.compared(desk.comparisons.with_document(asked.from_, asked.document)))


def publish_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules`: check a rule file and make it the active version."""
    asked = _validated(api.PublishRulesRequest, read_json(request.body(RULES_LIMIT)))
    wish = PublishingWish(asked.simulation, asked.force, asked.notify)
    outcome = desk.rules.publish(asked.document, _text(asked), asked.note, person, wish)
    return _answer(201 if outcome.is_new else 200, replies.published(outcome))


def roll_back_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/rollbacks`: the file of an old version holds once more."""
    asked = _validated(api.RollBackRulesRequest, read_json(request.body(SINGLE_LIMIT)))
    return _answer(201, replies.published(desk.rules.roll_back(asked.number, asked.note, person)))


def list_drafts(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/drafts`: what people would have published, newest first."""
    query = _validated(api.ListDraftsRequest, request.query())
    return _answer(200, replies.drafts(desk.drafts.page(query.limit, query.next), desk.drafts.terms))


def draft_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts`: check a rule file and keep it as a draft."""
    asked = _validated(api.DraftRulesRequest, read_json(request.body(RULES_LIMIT)))
    return _answer(201, replies.made_draft(desk.drafts.draft(asked.document, _text(asked), asked.note, person)))


def get_draft(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/drafts/{number}`: one draft with its file."""
    return _answer(200, replies.draft_file(desk.drafts.one(_number(path, "a draft"))))


def propose_draft(_request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/proposals`: people are asked for their words."""
    return _answer(201, replies.draft(desk.drafts.propose(_number(path, "a draft"), person)))


def approve_draft(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/approvals`: somebody gives their word."""
    asked = _validated(api.ApproveDraftRequest, read_json(request.body(SINGLE_LIMIT)))
    role = None if asked.role is None else Role(asked.role)
    return _answer(201, replies.draft(desk.drafts.approve(_number(path, "a draft"), person, role)))


def withdraw_draft(_request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/withdrawals`: nobody publishes it any more."""
    return _answer(201, replies.draft(desk.drafts.withdraw(_number(path, "a draft"), person)))


def publish_draft(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/publications`: a draft that has its words becomes the active version."""
    asked = _validated(api.PublishDraftRequest, read_json(request.body(SINGLE_LIMIT)))
    wish = PublishingWish(asked.simulation, asked.force, asked.notify)
    return _answer(201, replies.published(desk.rules.publish_draft(_number(path, "a draft"), person, wish)))


def simulate_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/simulations`: what publishing a rule file would do, a page of leads at a time."""
    asked = _validated(api.SimulateRequest, read_json(request.body(RULES_LIMIT)))
    candidate = _candidate(asked, desk)
    stretch = (
        desk.simulate.begin(
            candidate, asked.segment, asked.of, at=_moment(asked.at, "at"), since=_moment(asked.since, "since")
        )
        if asked.next is None
        else desk.simulations.stretch(asked.next)
    )
    page = desk.simulate.page(candidate, stretch, asked.limit, named=bool(person.roles & LEAD_READERS))
    return _answer(200, replies.simulated(page, desk.simulations.sign(page.stretch)))


OPERATIONS: Mapping[str, Operation] = {
    operation.__name__: operation
    for operation in (
        list_leads,
        get_lead,
        adjust_score,
        merge_leads,
        unmerge_lead,
        record_consent,
        qualify_lead,
        list_handoffs,
        get_handoff,
        answer_handoff,
        export_lead,
        erase_lead,
        check_leads,
        list_drift,
        repair_lead,
        list_noise,
        mark_noise,
        unmark_noise,
        list_rescores,
        ask_for_rescore,
        catch_up,
        get_active_rules,
        list_rule_versions,
        get_rule_version,
        compare_rules,
        compare_document,
        publish_rules,
        roll_back_rules,
        list_drafts,
        draft_rules,
        get_draft,
        propose_draft,
        approve_draft,
        withdraw_draft,
        publish_draft,
        simulate_rules,
    )
}
"""By the name that the table of routes gives them."""


def _answer(status: int, response: BaseModel) -> Reply:
    return json_reply(status, response.model_dump(mode="json"))


def _number(path: Mapping[str, str], what: str) -> int:
    number = path["number"]
    if not (number.isascii() and number.isdigit() and len(number) <= _MAX_VERSION):
        msg = f"{what} is a whole number"
        raise NotFound(msg)
    return int(number)


def _candidate(asked: api.SimulateRequest, desk: Desk) -> Candidate:
    """The rules that are simulated: a draft's, a version's, or a file that nobody keeps yet."""
    if asked.document is not None:
        return Candidate(checked(asked.document), document_sha256(asked.document), asked.notify)
    if asked.draft is not None:
        draft = desk.drafts.one(asked.draft).draft
        return Candidate(checked(draft.document), document_sha256(draft.document), asked.notify)
    version = desk.rules.version(asked.version or 0)
    return Candidate(checked(version.document), document_sha256(version.document), asked.notify)


def _text(asked: api.DraftRulesRequest) -> str:
    """The rule file to the letter, or else as JSON; without indentation, which may take more than the document."""
    return asked.text if asked.text and not asked.text.isspace() else json.dumps(asked.document, ensure_ascii=False)


def _said_of_noise(
    request: HttpRequest,
    person: Person,
    desk: Desk,
    say: Callable[[NoiseFilter, NoiseWord], NoiseMark],
    say_of_lead: Callable[[LeadId, NoiseWord], LeadId],
) -> Reply:
    asked = _validated(api.NoiseRequest, read_json(request.body(SINGLE_LIMIT)))
    word = NoiseWord(_own_id(request), person, asked.why)
    if asked.lead is not None:
        return _answer(202, api.NoiseResponse(lead=say_of_lead(_told_of(LeadId(asked.lead), desk), word)))
    if asked.address is not None:
        return _answer(202, replies.noise(say(noise_filter("address", asked.address), word)))
    return _answer(202, replies.noise(say(noise_filter("agent", asked.agent or ""), word)))


def _lead(path: Mapping[str, str]) -> LeadId:
    if len(path["id"]) > _LONGEST_ID:
        msg = "there is no such lead"
        raise NotFound(msg)
    return LeadId(path["id"])


def _told_of(lead: LeadId, desk: Desk) -> LeadId:
    """A lead of which somebody has something to say."""
    desk.being_erased.check(lead)
    return lead


def _handoff(path: Mapping[str, str]) -> HandoffKey:
    lead, stage, epoch = path["lead"], path["stage"], path["epoch"]
    is_number = epoch.isascii() and epoch.isdigit() and len(epoch) <= _MAX_VERSION
    if len(lead) > _LONGEST_ID or len(stage) > LONGEST_NAME or not is_number:
        msg = "there is no such handoff"
        raise NotFound(msg)
    return HandoffKey(LeadId(lead), stage, int(epoch))


def _own_id(request: HttpRequest) -> str:
    return request.headers.get("idempotency-key") or request.id


def _ruling(request: HttpRequest, why: str, person: Person) -> Ruling:
    return Ruling(_own_id(request), person, why)


def _ruled(ruled: Ruled) -> Reply:
    return _answer(202, api.RulingResponse(lead=ruled.lead, activity=ruled.activity.id))


def _identity(named: api.KnownIdentity) -> Identity:
    kind = IdentityKind(named.kind)
    return email_identity(named.value, "apart") if kind is IdentityKind.EMAIL else Identity(kind, named.value)


def _page(page: LeadPage, cursor: str | None, desk: Desk) -> api.LeadsResponse:
    rules = desk.answers.rule_file()
    return api.LeadsResponse(leads=[replies.summary(lead, rules) for lead in page.leads], next=cursor)


def _cursor(place: Place | None, shelf: Shelf, name: str) -> str | None:
    if place is None:
        return None
    return _cursor_of([shelf.value, name, place.lead, place.rank])


def _place(cursor: str, shelf: Shelf, name: str) -> Place:
    try:
        of_shelf, of_name, lead, rank = _told_by(cursor)
    except (ValueError, TypeError) as error:
        raise _foreign_cursor() from error
    sound = isinstance(lead, str) and type(rank) is int and abs(rank) < 1 << 62
    if [of_shelf, of_name] != [shelf.value, name] or not sound:
        raise _foreign_cursor()
    return Place(LeadId(lead), rank)


def _check_place(cursor: str, segment: int, of: int) -> str:
    match _told_by(cursor):
        case [of_segment, of_all, str(after)] if [of_segment, of_all] == [segment, of]:
            return after
    raise _foreign_cursor()


def _handoff_cursor(place: HandoffPlace | None, wish: HandoffWish) -> str | None:
    if place is None:
        return None
    key = place.key
    return _cursor_of([wish.state, wish.to, wish.assignee, place.requested_at, key.lead, key.stage, key.epoch])


def _handoff_place(cursor: str, wish: HandoffWish) -> HandoffPlace:
    try:
        state, to, assignee, at, lead, stage, epoch = _told_by(cursor)
    except (ValueError, TypeError) as error:
        raise _foreign_cursor() from error
    sound = isinstance(lead, str) and isinstance(stage, str)
    sound &= all(type(number) is int and abs(number) < 1 << 62 for number in (at, epoch))
    if [state, to, assignee] != [wish.state, wish.to, wish.assignee] or not sound:
        raise _foreign_cursor()
    return HandoffPlace(Moment(at), HandoffKey(LeadId(lead), stage, epoch))


def _cursor_of(told: list[str | int | None]) -> str:
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _told_by(cursor: str) -> list[Any]:
    """Read what `_cursor_of` wrote.

    Raises:
        Invalid: it did not write this.
    """
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _foreign_cursor() from error
    return told if isinstance(told, list) else []


def _foreign_cursor() -> Invalid:
    return Invalid("`next` comes from another list: take it from the page before, and ask for the same list", "next")


def _export_place(cursor: str) -> ExportPlace:
    """Read what `replies.export` wrote."""
    parts = cursor.split(".")
    if len(parts) != _EXPORT_PARTS or not all(part.isascii() and part.isdigit() for part in parts):
        msg = "`next` comes from somewhere else: take it from the page before"
        raise Invalid(msg, "next")
    as_of, section, item = (min(int(part[:_LONGEST_NUMBER]), 1 << 62) for part in parts)
    return ExportPlace(Moment(as_of), section, item)


def _day(text: str | None, at: str) -> Moment | None:
    """A moment, or the beginning of a day in UTC."""
    is_day = text is not None and _DAY.fullmatch(text)
    try:
        return parse_moment(f"{text}T00:00:00Z") if is_day else None if text is None else parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = "write a day such as 2026-03-01, or a date and time with an offset, such as 2026-03-01T09:30:00Z"
        raise Invalid(msg, at) from error


def _moment(text: str | None, at: str) -> Moment | None:
    try:
        return None if text is None else parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = "write a date and time with an offset, such as 2026-03-01T09:30:00Z"
        raise Invalid(msg, at) from error


def _which_rules(text: str | None) -> WhichRules | None:
    """Rules by name or by number, as `GetLeadRequest` lets them through."""
    match text:
        case None | "then" | "active":
            return text
        case _:
            return int(text)


def _validated(model: type[M], told: object) -> M:
    try:
        return model.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            strange, known = str(first["loc"][0]), ", ".join(model.model_fields)
            msg = f"there is no `{strange}` here; there are {known}"
            raise Invalid(msg, strange) from error
        raise validation_fault(error) from error
