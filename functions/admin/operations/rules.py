"""Operations on rule files: drafts, versions, differences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.reading import answered, number_in, validated
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply
from shared.adapters.rule_texts import says_otherwise
from shared.adapters.strict_json import read_json
from shared.domain.people import Person, Role
from shared.domain.refusals import Invalid
from shared.usecases.publish import PublishingWish

RULES_LIMIT = 128 * 1024
"""Bytes of a published rule file with its text: a stored version is one item."""

_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""What stands in a text of JSON as it is, and in one of YAML only escaped, or else is read otherwise."""


def get_active_rules(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules`: the rules that hold."""
    return answered(200, replies.rules.rules(desk.rules.active()))


def list_rule_versions(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/versions`: what was published, when, by whom and why."""
    versions = [replies.rules.rule_version(version) for version in desk.rules.versions()]
    return answered(200, api.rules.RuleVersionsResponse(versions=versions))


def get_rule_version(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/{number}`: one version."""
    return answered(200, replies.rules.rules(desk.rules.version(number_in(path, "a rules version"))))


def compare_rules(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/differences`: what a version or draft says otherwise than another."""
    query = validated(api.rules.CompareRulesRequest, request.query())
    return answered(200, replies.rules.compared(desk.comparisons.named(query.from_, query.to)))


def compare_document(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/differences`: what a rule file that nobody keeps yet says otherwise."""
    asked = validated(api.rules.CompareDocumentRequest, read_json(request.body(RULES_LIMIT)))
    return answered(200, replies.rules.compared(desk.comparisons.with_document(asked.from_, asked.document)))


def publish_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules`: check a rule file and make it the active version."""
    asked = validated(api.rules.PublishRulesRequest, read_json(request.body(RULES_LIMIT)))
    wish = PublishingWish(asked.simulation, asked.force, asked.notify)
    outcome = desk.rules.publish(asked.document, _text(asked), asked.note, person, wish)
    return answered(201 if outcome.is_new else 200, replies.rules.published(outcome))


def roll_back_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/rollbacks`: the file of an old version holds once more."""
    asked = validated(api.rules.RollBackRulesRequest, read_json(request.body(SINGLE_LIMIT)))
    if asked.preview:
        return answered(200, replies.rules.way_back(desk.rules.way_back(asked.number)))
    return answered(201, replies.rules.published(desk.rules.roll_back(asked.number, asked.note, person)))


def list_drafts(request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/drafts`: what people would have published, newest first."""
    query = validated(api.rules.ListDraftsRequest, request.query())
    return answered(200, replies.rules.drafts(desk.drafts.page(query.limit, query.next), desk.drafts.terms))


def draft_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts`: check a rule file and keep it as a draft."""
    asked = validated(api.rules.DraftRulesRequest, read_json(request.body(RULES_LIMIT)))
    return answered(201, replies.rules.made_draft(desk.drafts.draft(asked.document, _text(asked), asked.note, person)))


def get_draft(_request: HttpRequest, path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/rules/drafts/{number}`: one draft with its file."""
    return answered(200, replies.rules.draft_file(desk.drafts.one(number_in(path, "a draft"))))


def propose_draft(_request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/proposals`: people are asked for their words."""
    return answered(201, replies.rules.draft(desk.drafts.propose(number_in(path, "a draft"), person)))


def approve_draft(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/approvals`: somebody gives their word."""
    asked = validated(api.rules.ApproveDraftRequest, read_json(request.body(SINGLE_LIMIT)))
    role = None if asked.role is None else Role(asked.role)
    return answered(201, replies.rules.draft(desk.drafts.approve(number_in(path, "a draft"), person, role)))


def withdraw_draft(_request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/withdrawals`: nobody publishes it any more."""
    return answered(201, replies.rules.draft(desk.drafts.withdraw(number_in(path, "a draft"), person)))


def publish_draft(request: HttpRequest, path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/rules/drafts/{number}/publications`: a draft that has its words becomes the active version."""
    asked = validated(api.rules.PublishDraftRequest, read_json(request.body(SINGLE_LIMIT)))
    wish = PublishingWish(asked.simulation, asked.force, asked.notify)
    return answered(201, replies.rules.published(desk.rules.publish_draft(number_in(path, "a draft"), person, wish)))


def _text(asked: api.rules.DraftRulesRequest) -> str:
    """The rule file to the letter, or else as JSON; without indentation, which may take more than the document.

    Raises:
        Invalid: people would read something else than what counts.
    """
    if not asked.text or asked.text.isspace():
        told = json.dumps(asked.document, ensure_ascii=False)
        return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", told)
    if says_otherwise(asked.text, asked.document):
        msg = "the text says something else than the document: send the file and what its YAML says, or no text"
        raise Invalid(msg, "text")
    return asked.text
