"""The ports in memory. They pass the same contract suites as the adapters (tests/contract)."""

from tests.fakes.activities import InMemoryActivities
from tests.fakes.clock import FixedClock
from tests.fakes.handoffs import InMemoryHandoffs
from tests.fakes.leads import InMemoryLeads
from tests.fakes.messages import InMemoryBus, InMemoryQueue, InMemorySecrets
from tests.fakes.rescoring import InMemoryRescoring
from tests.fakes.noise import InMemoryNoiseMarks
from tests.fakes.rules import InMemoryRuleVersions
from tests.fakes.stages import InMemoryStages

__all__ = [
    "FixedClock",
    "InMemoryActivities",
    "InMemoryBus",
    "InMemoryHandoffs",
    "InMemoryLeads",
    "InMemoryQueue",
    "InMemoryRescoring",
    "InMemoryNoiseMarks",
    "InMemoryRuleVersions",
    "InMemorySecrets",
    "InMemoryStages",
]
