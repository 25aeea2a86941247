"""Open a lead's page: all that whoever was handed it over should know, and how the handoff stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.answering import remark_on
from shared.domain.bands import Band
from shared.domain.brief import Brief
from shared.domain.curve import CurvePoint, curve
from shared.domain.engine import Score
from shared.domain.explanation import Explanation
from shared.domain.handoff import HandoffKey, HandoffRecord
from shared.domain.moments import Moment
from shared.domain.noise import is_marked_by_people, is_noise
from shared.domain.people import Person, Role
from shared.domain.qualification import Factor, factors
from shared.domain.refusals import NotFound
from shared.domain.rulefile import Answers
from shared.ports.clock import Clock
from shared.ports.handoffs import Handoffs
from shared.ports.leads import Leads
from shared.ports.stages import Stages
from shared.usecases.answer import find_handoff
from shared.usecases.redirect import find_live
from shared.usecases.story import Story, TellStory

_JUMPS = 30
_SALES = frozenset({Role.SALES})


class LeadGone(NotFound):
    """There is no such handoff any more: all that was known of the person was erased."""


Objection = Literal["denied", "noise", "unknown"]


class Withheld(Exception):
    """No consent of the person stands: nothing of them is shown.

    `because` tells whether they do not want to be contacted, what they said is noise, or nothing is known of consent.
    """

    def __init__(self, because: Objection) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Everything that the page shows, as it is known at a moment.

    `gone_stage` is the stage in which the lead stands where the active rules have no such stage, and `gone_version` the
    version under which it entered it, None where that is not known. `remark` tells what of the answer changes nothing.
    """

    at: Moment
    record: HandoffRecord
    brief: Brief
    score: Score
    explanation: Explanation
    curve: tuple[CurvePoint, ...]
    bands: tuple[Band, ...]
    factors: tuple[Factor, ...]
    reasons: Answers
    gone_stage: str | None = None
    gone_version: int | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class OpenLeadPage:
    """Reads; writes nothing, however often it is asked."""

    handoffs: Handoffs
    leads: Leads
    stages: Stages
    story: TellStory
    clock: Clock
    consent_required: bool = True

    def open(self, key: HandoffKey) -> LeadPage:
        """The page of a handoff.

        Raises:
            LeadGone: the person was erased.
            Withheld: consent is required, and does not stand any more.
            Unavailable: a store cannot answer now.
        """
        try:
            record = find_handoff(self.handoffs, self.leads, key)
            lead = find_live(self.leads, record.key.lead)
        except NotFound as error:
            raise LeadGone(error.message) from None
        now = self.clock.now()
        story = self.story.of(record, lead, now)
        if self.consent_required and story.facts.consent != "granted":
            raise Withheld(_objection(story))
        rules = story.active.rules
        score = rules.score(story.state, now)
        stage = self.stages.load(lead.lead)
        explanation = rules.explain(story.state, now)
        here = stage.journey.stage if stage else None
        gone = here if here is not None and here not in rules.stages else None
        is_handed = stage is not None and stage.journey.epochs.get(record.key.stage) == record.key.epoch
        began = min((each.occurred_at for each in story.activities if each.own), default=now)
        return LeadPage(
            at=now,
            record=record,
            brief=story.brief,
            score=score,
            explanation=explanation,
            curve=curve(rules, story.state, began, now, [record.handoff.requested_at, *_jumps(explanation)]),
            bands=tuple(rules.temperature),
            factors=factors(
                rules,
                score=score,
                facts=story.facts,
                journey=stage.journey if stage else None,
                last_activity_at=story.state.last_activity_at,
            ),
            reasons=story.active.rule_file.answers,
            gone_stage=gone,
            gone_version=_version(record) if gone == record.key.stage and is_handed else None,
            remark=remark_on(record.answer, record.key.stage, story.active.rule_file) if record.answer else None,
        )


def _objection(story: Story) -> Objection:
    """Why no consent stands: noise is not heard, except where it says that somebody does not want to be contacted."""
    if story.facts.consent == "denied":
        return "denied"
    unheard = any(is_noise(each) and each.claims.consent for each in story.activities)
    return "noise" if unheard or is_marked_by_people(story.activities) else "unknown"


def _version(record: HandoffRecord) -> int | None:
    """The version under which a lead was handed over."""
    number = record.handoff.snapshot.get("rules_version")
    return int(number) if number else None


def _jumps(explanation: Explanation) -> list[Moment]:
    """The latest moments at which points were earned, and just before each, so that the curve has steps there."""
    latest = sorted({row.at for row in explanation.contributions if row.at is not None})[-_JUMPS:]
    return [Moment(at - before) for at in latest for before in (1, 0)]


def holder(record: HandoffRecord, to: str | None, assignee: str | None) -> Person:
    """Who answers through a link: whoever holds the one that was sent to a team, or to the assignee of it.

    That is whom the link itself names: since it was sent somebody else may have been handed the lead.
    """
    sent = f" sent to {to} ({assignee})" if to and assignee else f" sent to {to}" if to else ""
    return Person(f"link:{record.key.text}", f"the holder of {'the' if sent else 'a'} link{sent}", _SALES)
