"""The ports in memory. They pass the same contract suites as the adapters (tests/contract)."""

from tests.fakes.activities import InMemoryActivities
from tests.fakes.budgets import InMemoryBudgets
from tests.fakes.clock import FixedClock
from tests.fakes.drift import InMemoryDrifts
from tests.fakes.erasures import InMemoryErasures
from tests.fakes.handoffs import InMemoryHandoffs
from tests.fakes.leads import InMemoryLeads
from tests.fakes.messages import InMemoryBus, InMemoryQueue, InMemorySecrets
from tests.fakes.missed import InMemoryMissed
from tests.fakes.noise import InMemoryNoiseMarks
from tests.fakes.rescoring import InMemoryRescoring
from tests.fakes.rules import InMemoryRuleVersions
from tests.fakes.stages import InMemoryStages
from tests.fakes.traces import InMemoryTraces

__all__ = [
    "FixedClock",
    "InMemoryActivities",
    "InMemoryBudgets",
    "InMemoryBus",
    "InMemoryDrifts",
    "InMemoryErasures",
    "InMemoryHandoffs",
    "InMemoryLeads",
    "InMemoryMissed",
    "InMemoryNoiseMarks",
    "InMemoryQueue",
    "InMemoryRescoring",
    "InMemoryRuleVersions",
    "InMemorySecrets",
    "InMemoryStages",
    "InMemoryTraces",
]
