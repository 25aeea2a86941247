"""The desk of `admin` on ports in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from functions.admin.desk import Desk
from shared.adapters.simulation_tokens import SignedSimulations
from shared.domain.activity import Activity
from shared.domain.drafts import Terms
from shared.domain.handoff import LeadId
from shared.domain.routing import Member
from shared.usecases.adjust import AdjustScore
from shared.usecases.answer import AnswerHandoff
from shared.usecases.compare import CompareRules
from shared.usecases.consent import RecordConsent
from shared.usecases.drafts import DraftRules
from shared.usecases.erase import AskForErasure
from shared.usecases.erased import BeingErased
from shared.usecases.export import ExportLead
from shared.usecases.handoffs import ReadHandoffs
from shared.usecases.leads import ReadLeads
from shared.usecases.merge import ForeseeWhoIsWho, RuleWhoIsWho
from shared.usecases.noise import KnownNoise, MarkNoise
from shared.usecases.publish import PublishRules
from shared.usecases.qualify import QualifyLead
from shared.usecases.reconcile import Reconcile, RepairLeads
from shared.usecases.rescores import Rescores
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import Score
from shared.usecases.simulate import Simulate
from shared.usecases.stranded import Stranded
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryErasures,
    InMemoryHandoffs,
    InMemoryLeads,
    InMemoryNoiseMarks,
    InMemoryQueue,
    InMemoryRescoring,
    InMemoryRuleVersions,
    InMemorySecrets,
    InMemoryStages,
    InMemoryTraces,
)
from tests.fakes.drift import InMemoryDrifts
from tests.fakes.lead_index import InMemoryLeadIndex

ROSTERS = {"default": (), "inside-sales": (Member("mia"),), "managers": ()}
"""The teams that a rule file may name here."""
ALONE = Terms()
"""A team of one: new rules need nobody's word."""


@dataclass
class InMemoryDesk:
    """A desk, and what it stands on."""

    activities: InMemoryActivities = field(default_factory=InMemoryActivities)
    leads: InMemoryLeads = field(default_factory=InMemoryLeads)
    stages: InMemoryStages = field(default_factory=InMemoryStages)
    handoffs: InMemoryHandoffs = field(default_factory=InMemoryHandoffs)
    versions: InMemoryRuleVersions = field(default_factory=InMemoryRuleVersions)
    noise: InMemoryNoiseMarks = field(default_factory=InMemoryNoiseMarks)
    erasures: InMemoryErasures = field(default_factory=InMemoryErasures)
    rescoring: InMemoryRescoring = field(default_factory=InMemoryRescoring)
    drifts: InMemoryDrifts = field(default_factory=InMemoryDrifts)
    erase_queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    score_queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    clock: FixedClock = field(default_factory=FixedClock)
    terms: Terms = ALONE

    def __post_init__(self) -> None:
        self.handoffs.log = self.activities
        self.stages.handed_over = self.handoffs
        rulebook = Rulebook(self.versions, self.clock)
        noise = KnownNoise(self.noise, self.clock)
        self.simulations = SignedSimulations(InMemorySecrets(page="s" * 43), "page", self.clock)
        rules = PublishRules(
            self.versions,
            self.clock,
            ROSTERS,
            self.simulations,
            self.terms,
            stranded=Stranded(InMemoryLeadIndex(self.stages), self.handoffs).by,
        )
        self.desk = Desk(
            leads=ReadLeads(
                activities=self.activities,
                leads=self.leads,
                stages=self.stages,
                handoffs=self.handoffs,
                index=InMemoryLeadIndex(self.stages),
                rulebook=rulebook,
                clock=self.clock,
                noise=noise,
            ),
            scores=AdjustScore(self.activities, self.leads, rulebook, self.clock),
            rulings=RuleWhoIsWho(self.activities, self.leads, self.clock),
            foreseen=ForeseeWhoIsWho(self.activities, self.leads, rulebook, self.clock, noise=noise),
            noise=MarkNoise(self.noise, self.activities, self.leads, self.clock),
            consents=RecordConsent(self.activities, self.leads, self.clock),
            qualifications=QualifyLead(self.activities, self.leads, self.clock),
            handoffs=ReadHandoffs(self.handoffs, self.leads, ROSTERS),
            answers=AnswerHandoff(
                handoffs=self.handoffs,
                answers=self.handoffs,
                leads=self.leads,
                rulebook=rulebook,
                clock=self.clock,
            ),
            exports=ExportLead(
                activities=self.activities,
                leads=self.leads,
                stages=self.stages,
                handoffs=self.handoffs,
                traces=InMemoryTraces(self.activities, self.leads, self.stages, self.handoffs),
                versions=self.versions,
                rulebook=rulebook,
                clock=self.clock,
                noise=noise,
                page_bytes=1000,
            ),
            erasures=AskForErasure(self.activities, self.leads, self.erasures, self.erase_queue, self.clock),
            being_erased=BeingErased(self.leads, self.erasures),
            drafts=DraftRules(self.versions, self.clock, self.terms, rules.warnings),
            comparisons=CompareRules(self.versions),
            rules=rules,
            reconcile=Reconcile(
                activities=self.activities,
                leads=self.leads,
                rulebook=rulebook,
                noise=self.noise,
                drifts=self.drifts,
                clock=self.clock,
            ),
            repairs=RepairLeads(self.leads, self.score_queue),
            rescores=Rescores(self.rescoring, self.versions, rulebook, self.clock),
            simulate=Simulate(
                activities=self.activities,
                leads=self.leads,
                stages=self.stages,
                rulebook=rulebook,
                clock=self.clock,
                consent_required=True,
                rosters=ROSTERS,
                noise=noise,
            ),
            simulations=self.simulations,
            roles_claim="cognito:groups",
        )
        numbers = iter(range(1, 1000))
        self._score = Score(
            self.activities,
            self.leads,
            rulebook,
            self.clock,
            lambda: LeadId(f"lead-{next(numbers)}"),
            noise=noise,
        )

    def happened(self, activities: Iterable[Activity]) -> None:
        """Activities were logged and scored."""
        logged = list(activities)
        self.activities.append(logged)
        assert self._score.apply(logged) == []


def a_desk(terms: Terms = ALONE) -> InMemoryDesk:
    """A desk at which nothing has happened yet; `terms` are what its settings ask of new rules."""
    return InMemoryDesk(terms=terms)
