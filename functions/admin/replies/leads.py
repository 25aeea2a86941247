"""Responses about leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from functions.admin import api
from functions.admin.replies.fields import stamp
from functions.admin.replies.handoffs import sent_at, standing
from functions.admin.replies.people import RANKS, identities_of, person_of
from functions.admin.replies.permission import consents
from shared.domain.activity import (
    IDENTITIES_MERGED,
    IDENTITIES_UNMERGED,
    NOISE_MARKED,
    NOISE_UNMARKED,
    Activity,
    Json,
)
from shared.domain.as_of import AsOf
from shared.domain.engine import Score
from shared.domain.identity import APART
from shared.domain.journey import Journey
from shared.domain.moments import format_moment
from shared.domain.nurture import Advice
from shared.domain.points import as_number
from shared.domain.qualification import FactHistory, FactWord
from shared.domain.rulefile import RuleFile
from shared.ports.stages import StoredTransition
from shared.usecases.leads import LeadStory, LeadSummary
from shared.usecases.merge import Part

_DECISIONS: Mapping[str, Literal["merged", "unmerged", "marked as noise", "unmarked as noise"]] = {
    IDENTITIES_MERGED: "merged",
    IDENTITIES_UNMERGED: "unmerged",
    NOISE_MARKED: "marked as noise",
    NOISE_UNMARKED: "unmarked as noise",
}


def summary(lead: LeadSummary, rules: RuleFile) -> api.leads.LeadSummaryResponse:
    """A lead in a list; `rules` are the active ones."""
    return api.leads.LeadSummaryResponse(
        id=lead.lead,
        person=person_of(lead.person),
        score=_score(lead.score),
        stage=_stage(lead.journey, rules),
        consent=_consent(lead.consent),
        last_activity_at=stamp(lead.last_activity_at),
        rules_version=lead.rules_version,
        awaits_rules=lead.awaits_rules,
    )


def story(lead: LeadStory, rules: RuleFile) -> api.leads.LeadResponse:
    """A lead with everything; `rules` are the active ones."""
    return api.leads.LeadResponse(
        id=lead.lead,
        at=format_moment(lead.at),
        as_of=_as_of(lead.as_of, is_replayed=lead.replayed is not None) if lead.as_of else None,
        rules_version=lead.rules_version,
        scored_under=lead.scored_under,
        awaits_rules=lead.awaits_rules,
        person=person_of(lead.person),
        identities=identities_of(lead.identities),
        score=_score(lead.score),
        stage=_stage(lead.journey, rules),
        replayed_stage=_stage(lead.replayed, rules),
        forecast=[
            api.leads.ForecastResponse(at=format_moment(each.at), what=each.what, before=each.before, after=each.after)
            for each in lead.forecast
        ],
        consent=_consent(lead.facts.consent),
        consents=consents(lead.consents),
        facts=api.leads.FactsResponse(
            lead=dict(lead.facts.lead), company=dict(lead.facts.company), qualification=dict(lead.facts.qualification)
        ),
        explanation=dict(lead.explanation),
        transitions=[_transition(each) for each in lead.transitions],
        handoffs=[
            api.handoffs.SentHandoffResponse(**standing(record, rules), sent=sent_at(sent))
            for record, sent in lead.handoffs
        ],
        withheld=api.leads.WithheldResponse(
            stage=lead.withheld.stage, epoch=lead.withheld.epoch, waits_for=list(lead.withheld.waits_for)
        )
        if lead.withheld
        else None,
        qualification=api.leads.QualificationResponse(
            facts={name: _fact(told) for name, told in lead.qualification.items()},
            to_ask=[
                api.leads.QuestionResponse(
                    fact=each.fact, label=each.label, question=each.question, asked_at=stamp(each.asked_at)
                )
                for each in lead.to_ask
            ],
        ),
        nurture=_nurture(lead.nurture),
        factors=[
            api.leads.FactorResponse(name=each.name, label=each.label, level=each.level, because=each.because)
            for each in lead.factors
        ],
        decisions=[_decision(each) for each in lead.rulings],
        last_activity_at=stamp(lead.last_activity_at),
        activities=[_activity(each) for each in lead.activities],
        more_activities=lead.more,
    )


def preview(parts: Iterable[Part]) -> api.leads.PreviewResponse:
    """Leads as they would be."""
    return api.leads.PreviewResponse(
        parts=[
            api.leads.PartResponse(
                identities=identities_of(part.identities), score=_score(part.score), consent=_consent(part.consent)
            )
            for part in parts
        ]
    )


def _score(score: Score) -> api.leads.ScoreResponse:
    return api.leads.ScoreResponse(
        total=as_number(score.total),
        scores={name: as_number(points) for name, points in score.scores.items()},
        temperature=score.temperature,
        grade=score.grade,
        vetoed_by=list(score.vetoed_by),
    )


def _stage(journey: Journey | None, rules: RuleFile) -> api.leads.StageResponse | None:
    if journey is None or journey.stage is None:
        return None
    return api.leads.StageResponse(
        name=journey.stage,
        epoch=journey.epochs[journey.stage],
        entered_at=stamp(journey.entered_at),
        in_rules=any(each.name == journey.stage for each in rules.stages),
    )


def _as_of(as_of: AsOf, *, is_replayed: bool) -> api.leads.AsOfResponse:
    return api.leads.AsOfResponse(
        rules_version=as_of.rules_version,
        active_then=as_of.active_then,
        known=as_of.known,
        replayed=is_replayed,
        words=as_of.in_words(),
    )


def _nurture(advice: Advice | None) -> api.leads.NurtureResponse | None:
    return api.leads.NurtureResponse(track=advice.track, missing=list(advice.missing)) if advice else None


def _transition(each: StoredTransition) -> api.leads.TransitionResponse:
    return api.leads.TransitionResponse(
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


def _fact(told: FactHistory) -> api.leads.FactResponse:
    return api.leads.FactResponse(
        value=told.value,
        holds=_fact_word(told.holds) if told.holds else None,
        history=[_fact_word(word) for word in told.words],
        asked=[api.leads.AskingResponse(at=format_moment(each.at), who=each.who) for each in told.asked],
    )


def _fact_word(word: FactWord) -> api.leads.FactWordResponse:
    return api.leads.FactWordResponse(
        value=word.value,
        at=format_moment(word.at),
        rank=RANKS[word.rank],
        source=word.source,
        who=word.who,
        note=word.note,
        activity=word.activity,
    )


def _decision(each: Activity) -> api.leads.DecisionResponse:
    # Of noise it is told of each of the lead's names by itself.
    names = each.identities if each.type in (IDENTITIES_MERGED, IDENTITIES_UNMERGED) else ()
    apart = each.properties.get(APART, ())
    return api.leads.DecisionResponse(
        activity=each.id,
        said=_DECISIONS[each.type],
        at=format_moment(each.occurred_at),
        who=str(each.properties["who"]),
        why=str(each.properties["why"]),
        identities=identities_of(names),
        apart=identities_of(name for name in names if name.key in apart),
    )


def _activity(each: Activity) -> api.leads.ActivityResponse:
    return api.leads.ActivityResponse(
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


def _consent(consent: str | None) -> Literal["granted", "denied"] | None:
    return "granted" if consent == "granted" else "denied" if consent == "denied" else None
