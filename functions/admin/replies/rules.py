"""Responses about rule files."""

from __future__ import annotations

from collections.abc import Iterable

from functions.admin import api
from shared.domain.drafts import Approval, Terms
from shared.domain.moments import format_moment
from shared.domain.rulefile import Problem
from shared.ports.rules import RuleVersion
from shared.usecases.compare import Compared
from shared.usecases.drafts import Drafted, DraftPage
from shared.usecases.publish import Published, WayBack


def rules(version: RuleVersion) -> api.rules.RulesResponse:
    """A rule version with its content."""
    return api.rules.RulesResponse(
        **rule_version(version).model_dump(), document=dict(version.document), text=version.text
    )


def rule_version(version: RuleVersion) -> api.rules.RuleVersionResponse:
    """A rule version in a list."""
    return api.rules.RuleVersionResponse(
        number=version.number,
        name=version.name,
        author=version.author,
        published_at=format_moment(version.published_at),
        note=version.note,
        sha256=version.sha256,
        draft=version.draft,
        approvals=_approvals(version.approvals),
        notify=version.notify,
        forced=version.forced,
        restores=version.restores,
        publisher=version.publisher,
    )


def published(outcome: Published) -> api.rules.PublishRulesResponse:
    """What publishing did."""
    return api.rules.PublishRulesResponse(
        **rule_version(outcome.version).model_dump(), is_new=outcome.is_new, warnings=warned(outcome.warnings)
    )


def way_back(back: WayBack) -> api.rules.WayBackResponse:
    """Where a rollback would lead."""
    return api.rules.WayBackResponse(version=back.version.number, warnings=warned(back.warnings))


def draft(drafted: Drafted) -> api.rules.DraftResponse:
    """A draft in a list."""
    each = drafted.draft
    return api.rules.DraftResponse(
        number=each.number,
        name=each.name,
        state=each.state,
        author=each.author,
        created_at=format_moment(each.created_at),
        note=each.note,
        sha256=each.sha256,
        based_on=each.based_on,
        is_stale=drafted.is_stale,
        approvals=_approvals(each.approvals),
        missing=list(drafted.missing),
        steps=[
            api.rules.DraftStepResponse(state=step.state, who=step.who, at=format_moment(step.at))
            for step in each.steps
        ],
        version=each.version,
    )


def draft_file(drafted: Drafted) -> api.rules.DraftFileResponse:
    """A draft with its content."""
    each = drafted.draft
    return api.rules.DraftFileResponse(**draft(drafted).model_dump(), document=dict(each.document), text=each.text)


def made_draft(drafted: Drafted) -> api.rules.DraftRulesResponse:
    """The draft that was made."""
    return api.rules.DraftRulesResponse(**draft(drafted).model_dump(), warnings=warned(drafted.warnings))


def compared(found: Compared) -> api.rules.DifferencesResponse:
    """What differs between two rule files."""
    told = [(subject, text) for subject, texts in found.by_subject.items() for text in texts]
    return api.rules.DifferencesResponse(
        before=found.before,
        after=found.after,
        differences=[api.rules.DifferenceResponse(subject=subject, text=text) for subject, text in told],
    )


def drafts(page: DraftPage, terms: Terms) -> api.rules.DraftsResponse:
    """A page of drafts, and what the settings ask of new rules."""
    return api.rules.DraftsResponse(
        drafts=[draft(each) for each in page.drafts],
        next=page.before,
        approvals=list(terms.approvals),
        handoff_budget=terms.handoff_budget,
    )


def warned(problems: Iterable[Problem]) -> list[api.rules.WarningResponse]:
    """What rules say that hardly comes about as it was meant, and whom they leave behind."""
    return [
        api.rules.WarningResponse(at=".".join(map(str, each.path)), message=each.message, hint=each.hint)
        for each in problems
    ]


def _approvals(approvals: Iterable[Approval]) -> list[api.rules.ApprovalResponse]:
    return [
        api.rules.ApprovalResponse.model_validate(
            {"name": each.name, "role": each.role.value, "at": format_moment(each.at)}
        )
        for each in approvals
    ]
