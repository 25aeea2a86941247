"""The operation that simulates rules."""

from __future__ import annotations

from collections.abc import Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.reading import answered, moment_of, validated
from functions.admin.operations.rules import RULES_LIMIT
from shared.adapters.http_api import HttpRequest, Reply
from shared.adapters.routes import LEAD_READERS
from shared.adapters.strict_json import read_json
from shared.domain.people import Person
from shared.usecases.publish import checked, document_sha256
from shared.usecases.simulate import Candidate


def simulate_rules(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/simulations`: what publishing a rule file would do, a page of leads at a time."""
    asked = validated(api.simulations.SimulateRequest, read_json(request.body(RULES_LIMIT)))
    candidate = _candidate(asked, desk)
    stretch = (
        desk.simulate.begin(
            candidate, asked.segment, asked.of, at=moment_of(asked.at, "at"), since=moment_of(asked.since, "since")
        )
        if asked.next is None
        else desk.simulations.stretch(asked.next)
    )
    page = desk.simulate.page(candidate, stretch, asked.limit, named=bool(person.roles & LEAD_READERS))
    begins = asked.next is None and asked.segment == 0
    warnings = desk.rules.warnings(candidate.rule_file) if begins else ()
    return answered(200, replies.simulations.simulated(page, desk.simulations.sign(page.stretch), warnings))


def _candidate(asked: api.simulations.SimulateRequest, desk: Desk) -> Candidate:
    """The rules that are simulated: a draft's, a version's, or a file that nobody keeps yet."""
    if asked.document is not None:
        return Candidate(checked(asked.document), document_sha256(asked.document), asked.notify)
    if asked.draft is not None:
        draft = desk.drafts.one(asked.draft).draft
        return Candidate(checked(draft.document), document_sha256(draft.document), asked.notify)
    version = desk.rules.version(asked.version or 0)
    return Candidate(checked(version.document), document_sha256(version.document), asked.notify)
