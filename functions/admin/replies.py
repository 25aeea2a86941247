"""What the use cases return, as responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from functions.admin import api
from shared.domain.activity import (
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    NOISE_MARKED,
    NOISE_UNMARKED,
    Activity,
    Identity,
    Json,
    Rank,
)
from shared.domain.answering import labels_of, reason_in_words, remark_on
from shared.domain.as_of import AsOf
from shared.domain.consent import ConsentHistory, ConsentWord
from shared.domain.drafts import Approval, Terms
from shared.domain.drift import Fault
from shared.domain.engine import Score
from shared.domain.erasure import Erasure
from shared.domain.handoff import Answer, FollowUp, HandoffRecord
from shared.domain.introduction import Introduction
from shared.domain.journey import Journey
from shared.domain.moments import Moment, format_moment
from shared.domain.nurture import Advice
from shared.domain.points import as_number
from shared.domain.qualification import FactHistory, FactWord
from shared.domain.rescores import (
    Aim,
    EveryLead,
    LeadsOfNoise,
    LeadsUnderOlderRules,
    LeadsWhere,
    LeadsWhereDone,
    NamedLeads,
    UnappliedActivities,
)
from shared.domain.rulefile import Problem, Reason, RuleFile
from shared.domain.selection import parse_selection
from shared.domain.simulation import Findings
from shared.ports.drift import Drift, Round
from shared.ports.noise import NoiseMark, Said
from shared.ports.rules import RuleVersion
from shared.ports.stages import StoredTransition
from shared.usecases.compare import Compared
from shared.usecases.drafts import Drafted, DraftPage
from shared.usecases.export import ExportPage
from shared.usecases.handoffs import HandoffShown
from shared.usecases.leads import LeadStory, LeadSummary
from shared.usecases.merge import Part
from shared.usecases.publish import Published
from shared.usecases.reconcile import Checked
from shared.usecases.rescores import Progress
from shared.usecases.simulate import SimulatedPage

_AIMS: Mapping[type[object], Literal["every_lead", "older_rules", "leads", "where", "noise", "catch_up"]] = {
    EveryLead: "every_lead",
    LeadsUnderOlderRules: "older_rules",
    NamedLeads: "leads",
    LeadsWhere: "where",
    LeadsWhereDone: "where",
    LeadsOfNoise: "noise",
    UnappliedActivities: "catch_up",
}
_RANKS: Mapping[Rank, Literal["public", "trusted", "sales"]] = {
    Rank.PUBLIC: "public",
    Rank.TRUSTED: "trusted",
    Rank.SALES: "sales",
}
_DECISIONS: Mapping[str, Literal["merged", "unmerged", "marked as noise", "unmarked as noise"]] = {
    IDENTITIES_MERGED: "merged",
    IDENTITIES_UNMERGED: "unmerged",
    NOISE_MARKED: "marked as noise",
    NOISE_UNMARKED: "unmarked as noise",
}


def summary(lead: LeadSummary, rules: RuleFile) -> api.LeadSummaryResponse:
    """A lead in a list; `rules` are the active ones."""
    return api.LeadSummaryResponse(
        id=lead.lead,
        person=_person(lead.person),
        score=_score(lead.score),
        stage=_stage(lead.journey, rules),
        consent=_consent(lead.consent),
        last_activity_at=_stamp(lead.last_activity_at),
        rules_version=lead.rules_version,
        awaits_rules=lead.awaits_rules,
    )


def story(lead: LeadStory, rules: RuleFile) -> api.LeadResponse:
    """A lead with everything; `rules` are the active ones."""
    return api.LeadResponse(
        id=lead.lead,
        at=format_moment(lead.at),
        as_of=_as_of(lead.as_of) if lead.as_of else None,
        rules_version=lead.rules_version,
        scored_under=lead.scored_under,
        awaits_rules=lead.awaits_rules,
        person=_person(lead.person),
        identities=_identities(lead.identities),
        score=_score(lead.score),
        stage=_stage(lead.journey, rules),
        replayed_stage=_stage(lead.replayed, rules),
        forecast=[
            api.ForecastResponse(at=format_moment(each.at), what=each.what, before=each.before, after=each.after)
            for each in lead.forecast
        ],
        consent=_consent(lead.facts.consent),
        consents=_consents(lead.consents),
        facts=api.FactsResponse(
            lead=dict(lead.facts.lead), company=dict(lead.facts.company), qualification=dict(lead.facts.qualification)
        ),
        explanation=dict(lead.explanation),
        transitions=[_transition(each) for each in lead.transitions],
        handoffs=[
            api.SentHandoffResponse(**_standing(record, rules), sent=_sent(sent)) for record, sent in lead.handoffs
        ],
        qualification=api.QualificationResponse(
            facts={name: _fact(told) for name, told in lead.qualification.items()},
            to_ask=[
                api.QuestionResponse(
                    fact=each.fact, label=each.label, question=each.question, asked_at=_stamp(each.asked_at)
                )
                for each in lead.to_ask
            ],
        ),
        nurture=_nurture(lead.nurture),
        factors=[
            api.FactorResponse(name=each.name, label=each.label, level=each.level, because=each.because)
            for each in lead.factors
        ],
        decisions=[_decision(each) for each in lead.rulings],
        last_activity_at=_stamp(lead.last_activity_at),
        activities=[_activity(each) for each in lead.activities],
        more_activities=lead.more,
    )


def handoff(record: HandoffRecord, rules: RuleFile) -> api.HandoffResponse:
    """A handoff as it stands; `rules` are the active ones."""
    return api.HandoffResponse(**_standing(record, rules))


def listed_handoff(shown: HandoffShown, rules: RuleFile) -> api.ListedHandoffResponse:
    """A handoff in a list."""
    return api.ListedHandoffResponse(**_standing(shown.record, rules), **_about(shown))


def handoff_story(shown: HandoffShown, sent: Mapping[str, Moment], rules: RuleFile) -> api.HandoffStoryResponse:
    """A handoff with all that belongs to it, and the answers to choose from."""
    decided = shown.record.handoff
    return api.HandoffStoryResponse(
        **_standing(shown.record, rules),
        **_about(shown),
        caused_by=decided.caused_by,
        last_activity_at=_stamp(decided.last_activity_at),
        snapshot=dict(decided.snapshot),
        follow_ups=_follow_ups(decided.follow_ups),
        sent=_sent(sent),
        reasons=api.ReasonsResponse(rejected=_reasons(rules.answers.reject), recycled=_reasons(rules.answers.recycle)),
    )


def export(page: ExportPage) -> api.ExportResponse:
    """A page of what is held."""
    place = page.following
    return api.ExportResponse(
        lead=page.lead,
        as_of=format_moment(page.as_of),
        sections={name: [dict(item) for item in items] for name, items in page.sections.items()},
        next=f"{place.as_of}.{place.section}.{place.item}" if place else None,
    )


def checked(leads: Iterable[Checked], cursor: str | None) -> api.CheckLeadsResponse:
    """What was found of some leads."""
    found = list(leads)
    return api.CheckLeadsResponse(
        checked=len(found),
        drifted=[api.CheckedLeadResponse(lead=each.lead, faults=_faults(each.faults)) for each in found if each.faults],
        unsure=[each.lead for each in found if each.faults is None],
        next=cursor,
    )


def drift(drifts: Iterable[Drift], round_: Round | None) -> api.DriftsResponse:
    """What was found of all leads."""
    return api.DriftsResponse(
        drifted=[
            api.DriftResponse(
                lead=each.lead,
                faults=_faults(each.faults),
                found_at=format_moment(each.found_at),
                seen_at=format_moment(each.seen_at),
            )
            for each in drifts
        ],
        round=round_
        and api.RoundResponse(
            began=format_moment(round_.began),
            checked=round_.checked,
            drifted=round_.drifted,
            last_ended=_stamp(round_.before),
        ),
    )


def erasure(begun: Erasure) -> api.ErasureResponse:
    """An erasure that has begun, or is done."""
    return api.ErasureResponse(
        erasure=begun.id, lead=begun.lead, erased_at=format_moment(begun.erased_at), done_at=_stamp(begun.done_at)
    )


def preview(parts: Iterable[Part]) -> api.PreviewResponse:
    """Leads as they would be."""
    return api.PreviewResponse(
        parts=[
            api.PartResponse(
                identities=_identities(part.identities), score=_score(part.score), consent=_consent(part.consent)
            )
            for part in parts
        ]
    )


def noise(mark: NoiseMark) -> api.NoiseResponse:
    """A filter of which something was said."""
    return api.NoiseResponse(**{mark.filter.kind: mark.filter.value})


def noise_marks(marks: Iterable[NoiseMark]) -> api.NoiseMarksResponse:
    """Filters, and what was said of each."""
    return api.NoiseMarksResponse(
        marks=[
            api.NoiseMarkResponse(
                kind=mark.filter.kind,
                value=mark.filter.value,
                marked=_said(mark.marked),
                unmarked=_said(mark.unmarked) if mark.unmarked else None,
            )
            for mark in marks
        ]
    )


def rules(version: RuleVersion) -> api.RulesResponse:
    """A rule version with its content."""
    return api.RulesResponse(**rule_version(version).model_dump(), document=dict(version.document), text=version.text)


def rule_version(version: RuleVersion) -> api.RuleVersionResponse:
    """A rule version in a list."""
    return api.RuleVersionResponse(
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
    )


def simulated(page: SimulatedPage, token: str) -> api.SimulateResponse:
    """A page of a simulation, and the token that holds how far it has come."""
    stretch, found = page.stretch, page.found
    every = [
        (when, each.lead, sending)
        for each in found
        for when, sent in (("now", each.now), ("before", each.sent_before), ("after", each.sent_after))
        for sending in sent
    ]
    return api.SimulateResponse(
        sha256=stretch.sha256,
        against=stretch.against,
        at=format_moment(stretch.at),
        since=format_moment(stretch.since),
        segment=stretch.segment,
        of=stretch.of,
        done=stretch.done,
        simulation=token,
        findings=api.FindingsResponse.model_validate(Findings.of(found).as_json()),
        moves=[
            api.MoveResponse(
                lead=each.lead,
                name=each.name,
                stage=api.ChangeResponse(before=each.before.stage, after=each.after.stage),
                temperature=api.ChangeResponse(before=each.before.temperature, after=each.after.temperature),
                total=api.TotalChangeResponse(before=as_number(each.before.total), after=as_number(each.after.total)),
            )
            for each in found
            if each.moves
        ],
        handoffs=[
            api.ForeseenHandoffResponse.model_validate(
                {
                    "when": when,
                    "lead": lead,
                    "stage": sending.stage,
                    "epoch": sending.epoch,
                    "at": format_moment(sending.at),
                    "team": sending.owners.team,
                    "assignee": sending.owners.assignee,
                    "counter": sending.owners.counter,
                }
            )
            for when, lead, sending in every
        ],
    )


def published(outcome: Published) -> api.PublishRulesResponse:
    """What publishing did."""
    return api.PublishRulesResponse(
        **rule_version(outcome.version).model_dump(), is_new=outcome.is_new, warnings=_warnings(outcome.warnings)
    )


def draft(drafted: Drafted) -> api.DraftResponse:
    """A draft in a list."""
    each = drafted.draft
    return api.DraftResponse(
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
        steps=[api.DraftStepResponse(state=step.state, who=step.who, at=format_moment(step.at)) for step in each.steps],
        version=each.version,
    )


def draft_file(drafted: Drafted) -> api.DraftFileResponse:
    """A draft with its content."""
    each = drafted.draft
    return api.DraftFileResponse(**draft(drafted).model_dump(), document=dict(each.document), text=each.text)


def made_draft(drafted: Drafted) -> api.DraftRulesResponse:
    """The draft that was made."""
    return api.DraftRulesResponse(**draft(drafted).model_dump(), warnings=_warnings(drafted.warnings))


def compared(found: Compared) -> api.DifferencesResponse:
    """What differs between two rule files."""
    told = [(subject, text) for subject, texts in found.by_subject.items() for text in texts]
    return api.DifferencesResponse(
        before=found.before,
        after=found.after,
        differences=[api.DifferenceResponse(subject=subject, text=text) for subject, text in told],
    )


def drafts(page: DraftPage, terms: Terms) -> api.DraftsResponse:
    """A page of drafts, and what the settings ask of new rules."""
    return api.DraftsResponse(
        drafts=[draft(each) for each in page.drafts],
        next=page.before,
        approvals=list(terms.approvals),
        handoff_budget=terms.handoff_budget,
    )


def _warnings(problems: Iterable[Problem]) -> list[api.WarningResponse]:
    return [
        api.WarningResponse(at=".".join(map(str, each.path)), message=each.message, hint=each.hint) for each in problems
    ]


def _approvals(approvals: Iterable[Approval]) -> list[api.ApprovalResponse]:
    return [
        api.ApprovalResponse.model_validate({"name": each.name, "role": each.role.value, "at": format_moment(each.at)})
        for each in approvals
    ]


def rescores(version: int, since: Moment | None, every: Iterable[Progress]) -> api.RescoresResponse:
    """The active version, and every rescore that is remembered."""
    return api.RescoresResponse(
        version=version, active_since=_stamp(since), rescores=[rescore(progress) for progress in every]
    )


def rescore(progress: Progress) -> api.RescoreResponse:
    """How far one is; of a condition what it asks, and not for which values, which may be somebody's."""
    aim = progress.aim
    return api.RescoreResponse(
        id=progress.job,
        kind=_AIMS[type(aim)],
        version=aim.version if isinstance(aim, LeadsUnderOlderRules) else None,
        asks=_asks(aim),
        since=_stamp(aim.since) if isinstance(aim, UnappliedActivities) else None,
        began=format_moment(progress.started),
        segments=progress.segments,
        done=progress.done,
        found=progress.found,
        touched=progress.touched,
        left_out=progress.left_out,
        looks_again=progress.looks_again,
        ended=_stamp(progress.ended),
    )


def _asks(aim: Aim) -> list[str]:
    if isinstance(aim, LeadsWhere):
        return list(parse_selection(aim.where).asks)
    return list(aim.asks) if isinstance(aim, LeadsWhereDone) else []


def _person(person: Introduction) -> api.PersonResponse:
    return api.PersonResponse(emails=list(person.emails), name=person.name, title=person.title, company=person.company)


def _identities(identities: Iterable[Identity]) -> list[api.IdentityResponse]:
    return [api.IdentityResponse(kind=each.kind.value, value=each.value) for each in identities]


def _score(score: Score) -> api.ScoreResponse:
    return api.ScoreResponse(
        total=as_number(score.total),
        scores={name: as_number(points) for name, points in score.scores.items()},
        temperature=score.temperature,
        grade=score.grade,
        vetoed_by=list(score.vetoed_by),
    )


def _stage(journey: Journey | None, rules: RuleFile) -> api.StageResponse | None:
    if journey is None or journey.stage is None:
        return None
    return api.StageResponse(
        name=journey.stage,
        epoch=journey.epochs[journey.stage],
        entered_at=_stamp(journey.entered_at),
        in_rules=any(each.name == journey.stage for each in rules.stages),
    )


def _as_of(as_of: AsOf) -> api.AsOfResponse:
    return api.AsOfResponse(
        rules_version=as_of.rules_version,
        active_then=as_of.active_then,
        known=as_of.known,
        words=as_of.in_words(),
    )


def _nurture(advice: Advice | None) -> api.NurtureResponse | None:
    return api.NurtureResponse(track=advice.track, missing=list(advice.missing)) if advice else None


def _transition(each: StoredTransition) -> api.TransitionResponse:
    return api.TransitionResponse(
        number=each.number,
        from_stage=each.from_stage,
        to_stage=each.to_stage,
        epoch=each.epoch,
        at=format_moment(each.at),
        cause=each.cause,
        activity_id=each.activity_id,
        rules_version=each.rules_version,
        by_rules=each.by_rules,
        snapshot=dict(each.snapshot),
    )


def _standing(record: HandoffRecord, rules: RuleFile) -> dict[str, Any]:
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
        "respond_by": _stamp(decided.respond_by),
        "answer": _answer(record.answer, record.key.stage, rules) if record.answer else None,
        "done": _follow_ups(record.done),
    }


def _about(shown: HandoffShown) -> dict[str, Any]:
    return {
        "person": _person(shown.person),
        "now_part_of": None if shown.lead == shown.record.key.lead else shown.lead,
    }


def _answer(answer: Answer, stage: str, rules: RuleFile) -> api.AnswerResponse:
    return api.AnswerResponse(
        answer=answer.kind,
        at=format_moment(answer.at),
        who=answer.who,
        reason=answer.reason,
        label=reason_in_words(answer.reason, labels_of(rules.answers)) if answer.reason else None,
        note=answer.note,
        look_again=_stamp(answer.look_again),
        rules=list(answer.rules),
        remark=remark_on(answer, stage, rules),
    )


def _follow_ups(follow_ups: Iterable[FollowUp]) -> list[api.FollowUpResponse]:
    return [
        api.FollowUpResponse(kind=each.kind, at=format_moment(each.at), done_at=_stamp(each.done_at), to=each.to)
        for each in follow_ups
    ]


def _sent(sent: Mapping[str, Moment]) -> dict[str, str]:
    return {channel: format_moment(at) for channel, at in sent.items()}


def _reasons(reasons: Iterable[Reason]) -> list[api.ReasonResponse]:
    return [api.ReasonResponse(name=each.name, label=each.title) for each in reasons]


def _fact(told: FactHistory) -> api.FactResponse:
    return api.FactResponse(
        value=told.value,
        holds=_fact_word(told.holds) if told.holds else None,
        history=[_fact_word(word) for word in told.words],
        asked=[api.AskingResponse(at=format_moment(each.at), who=each.who) for each in told.asked],
    )


def _fact_word(word: FactWord) -> api.FactWordResponse:
    return api.FactWordResponse(
        value=word.value,
        at=format_moment(word.at),
        rank=_RANKS[word.rank],
        source=word.source,
        who=word.who,
        note=word.note,
        activity=word.activity,
    )


def _consents(history: ConsentHistory) -> api.ConsentResponse:
    return api.ConsentResponse(
        holds=_consent_word(history.holds) if history.holds else None,
        since=_stamp(history.since),
        history=[_consent_word(word) for word in history.words],
    )


def _consent_word(word: ConsentWord) -> api.ConsentWordResponse:
    return api.ConsentWordResponse(
        consent=word.status,
        at=format_moment(word.at),
        rank=_RANKS[word.rank],
        source=word.source,
        who=word.who,
        why=word.why,
        told_by=word.told_by,
        wording=word.wording,
        version=word.version,
        activity=word.activity,
    )


def _decision(each: Activity) -> api.DecisionResponse:
    return api.DecisionResponse(
        activity=each.id,
        said=_DECISIONS[each.type],
        at=format_moment(each.occurred_at),
        who=str(each.properties["who"]),
        why=str(each.properties["why"]),
    )


def _activity(each: Activity) -> api.ActivityResponse:
    return api.ActivityResponse(
        id=each.id,
        type=each.type,
        occurred_at=format_moment(each.occurred_at),
        received_at=format_moment(each.received_at),
        channel=each.channel,
        source=each.source,
        campaign=_campaign(each.context),
        properties=dict(each.properties),
        own=each.own,
        marks=list(each.marks),
    )


def _campaign(context: Mapping[str, Json]) -> dict[str, Json]:
    """What a client told of a campaign; some tell other things under that name."""
    told = context.get("campaign")
    return dict(told) if isinstance(told, Mapping) else {}


def _faults(faults: Iterable[Fault]) -> list[api.FaultResponse]:
    return [api.FaultResponse(fault=each.value, words=each.in_words) for each in faults]


def _said(said: Said) -> api.SaidResponse:
    return api.SaidResponse(who=said.who, at=format_moment(said.at), why=said.why)


def _stamp(moment: Moment | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _consent(consent: str | None) -> Literal["granted", "denied"] | None:
    return "granted" if consent == "granted" else "denied" if consent == "denied" else None
