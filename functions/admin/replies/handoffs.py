"""Responses about handoffs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from functions.admin import api
from functions.admin.replies.fields import stamp
from functions.admin.replies.people import person_of
from shared.domain.answering import labels_of, reason_in_words, remark_on
from shared.domain.handoff import Answer, FollowUp, HandoffRecord
from shared.domain.moments import Moment, format_moment
from shared.domain.rulefile import Reason, RuleFile
from shared.usecases.handoffs import HandoffShown


def handoff(record: HandoffRecord, rules: RuleFile) -> api.handoffs.HandoffResponse:
    """A handoff as it stands; `rules` are the active ones."""
    return api.handoffs.HandoffResponse(**standing(record, rules))


def listed_handoff(shown: HandoffShown, rules: RuleFile) -> api.handoffs.ListedHandoffResponse:
    """A handoff in a list."""
    return api.handoffs.ListedHandoffResponse(**standing(shown.record, rules), **_about(shown))


def handoff_story(
    shown: HandoffShown, sent: Mapping[str, Moment], rules: RuleFile
) -> api.handoffs.HandoffStoryResponse:
    """A handoff with all that belongs to it, and the answers to choose from."""
    decided = shown.record.handoff
    return api.handoffs.HandoffStoryResponse(
        **standing(shown.record, rules),
        **_about(shown),
        caused_by=decided.caused_by,
        last_activity_at=stamp(decided.last_activity_at),
        snapshot=dict(decided.snapshot),
        follow_ups=_follow_ups(decided.follow_ups),
        sent=sent_at(sent),
        reasons=api.handoffs.ReasonsResponse(
            rejected=_reasons(rules.answers.reject), recycled=_reasons(rules.answers.recycle)
        ),
    )


def standing(record: HandoffRecord, rules: RuleFile) -> dict[str, Any]:
    """A handoff as it stands now."""
    decided = record.handoff
    return {
        "id": record.key.text,
        "lead": record.key.lead,
        "stage": record.key.stage,
        "epoch": record.key.epoch,
        "state": record.state,
        "to": record.to,
        "assignee": record.assignee,
        "requested_at": format_moment(decided.requested_at),
        "respond_by": stamp(decided.respond_by),
        "answer": _answer(record.answer, record.key.stage, rules) if record.answer else None,
        "done": _follow_ups(record.done),
    }


def _about(shown: HandoffShown) -> dict[str, Any]:
    return {
        "person": person_of(shown.person),
        "now_part_of": None if shown.lead == shown.record.key.lead else shown.lead,
        "objection": shown.objection,
    }


def _answer(answer: Answer, stage: str, rules: RuleFile) -> api.handoffs.AnswerResponse:
    return api.handoffs.AnswerResponse(
        answer=answer.kind,
        at=format_moment(answer.at),
        who=answer.who,
        reason=answer.reason,
        label=reason_in_words(answer.reason, labels_of(rules.answers)) if answer.reason else None,
        note=answer.note,
        look_again=stamp(answer.look_again),
        rules=list(answer.rules),
        remark=remark_on(answer, stage, rules),
    )


def _follow_ups(follow_ups: Iterable[FollowUp]) -> list[api.handoffs.FollowUpResponse]:
    return [
        api.handoffs.FollowUpResponse(
            kind=each.kind, at=format_moment(each.at), done_at=stamp(each.done_at), to=each.to
        )
        for each in follow_ups
    ]


def sent_at(sent: Mapping[str, Moment]) -> dict[str, str]:
    """When each channel was told."""
    return {channel: format_moment(at) for channel, at in sent.items()}


def _reasons(reasons: Iterable[Reason]) -> list[api.handoffs.ReasonResponse]:
    return [api.handoffs.ReasonResponse(name=each.name, label=each.title) for each in reasons]
