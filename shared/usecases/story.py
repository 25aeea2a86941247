"""Tell the story of a handoff from the log: its brief, and what a page shows beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.activity import Activity
from shared.domain.answering import labels_of
from shared.domain.brief import Brief, compose_brief
from shared.domain.consent import consent_history
from shared.domain.facts import Facts
from shared.domain.handoff import HandoffRecord
from shared.domain.moments import Moment
from shared.domain.noise import Noise, is_noise, silenced
from shared.domain.qualification import missing_questions, qualification_history
from shared.domain.stages import QUALIFICATIONS
from shared.domain.state import ScoreState, known_facts
from shared.ports.activities import Activities
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.history import gather
from shared.usecases.noise import no_noise
from shared.usecases.rulebook import ActiveRules, Rulebook


@dataclass(frozen=True, slots=True)
class Story:
    """A brief with what it was made from: all activities, oldest first, and the state that the active rules make of it.

    What is marked as noise stands among the activities with its marks, and has no part in the state.
    """

    brief: Brief
    activities: tuple[Activity, ...]
    state: ScoreState
    facts: Facts
    active: ActiveRules


class TellStory:
    """Reads the log; writes nothing."""

    def __init__(
        self, activities: Activities, leads: Leads, rulebook: Rulebook, *, noise: Callable[[], Noise] = no_noise
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._rulebook = rulebook
        self._noise = noise

    def of(self, record: HandoffRecord, lead: LeadRecord, now: Moment) -> Story:
        """The story of a handoff, of which `lead` is the live record, as it is known now under the active rules.

        Raises:
            Unavailable: a store cannot answer now.
        """
        active = self._rulebook.active()
        noise = self._noise()
        history = gather(self._activities, self._leads, lead.lead, lead.identities, noise=noise)
        happened = tuple(noise.marked(each for each in history.activities if each.occurred_at <= now))
        heard = [silenced(each) if is_noise(each) else each for each in happened]
        state = active.rules.replayed(happened)
        facts = known_facts(state)
        handoff = active.rule_file.handoff.get(record.key.stage)
        brief = compose_brief(
            record,
            facts=facts,
            identities=lead.identities,
            consents=consent_history(heard),
            activities=happened[::-1],
            now=now,
            first_touch=handoff.first_touch if handoff else None,
            to_ask=missing_questions(active.rule_file.qualification, qualification_history(heard)),
            labels={fact: active.rule_file.qualification.of(fact).label for fact in QUALIFICATIONS},
            reasons=labels_of(active.rule_file.answers),
        )
        return Story(brief, happened, state, facts, active)
