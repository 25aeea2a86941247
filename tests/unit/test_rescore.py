from dataclasses import replace

import pytest

from shared.domain.handoff import LeadId
from shared.domain.moments import MINUTE, Moment
from shared.domain.state import ScoreState
from shared.ports.errors import Unavailable
from shared.ports.leads import LeadRecord
from shared.usecases.noise import KnownNoise
from shared.usecases.picking import Pick
from shared.usecases.rescore import Rescore
from shared.usecases.rulebook import Rulebook
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryLeads,
    InMemoryNoiseMarks,
    InMemoryQueue,
    InMemoryRescoring,
    InMemoryRuleVersions,
    InMemoryStages,
)


class Office:
    """The use case with its ports in memory, and as many leads as a test wants."""

    def __init__(self, leads=0, rules_version=0):
        self.leads = InMemoryLeads()
        self.rescoring = InMemoryRescoring()
        self.queue = InMemoryQueue()
        self.clock = FixedClock()
        self.log = InMemoryActivities()
        self.noise = InMemoryNoiseMarks()
        self.stages = InMemoryStages()
        self.versions = InMemoryRuleVersions()
        rulebook = Rulebook(self.versions, self.clock)
        self.rescore = Rescore(
            leads=self.leads,
            pick=Pick(
                activities=self.log,
                leads=self.leads,
                stages=self.stages,
                noise=self.noise,
                known_noise=KnownNoise(self.noise, self.clock),
                rulebook=rulebook,
                clock=self.clock,
                page=4,
            ),
            rescoring=self.rescoring,
            touches=self.queue,
            rulebook=rulebook,
            clock=self.clock,
            segments=3,
            page=4,
            most_ahead=100,
        )
        for number in range(leads):
            self.leads.save(
                LeadRecord(LeadId(f"lead-{number:02d}"), frozenset(), ScoreState.empty(), rules_version=rules_version)
            )

    def tick(self):
        return self.rescore.tick(lambda: True)

    @property
    def touched(self):
        return sorted(message["lead"] for message in self.queue.messages)

    def score_all(self, rules_version):
        """Does what `score` does when it is touched."""
        for message in self.queue.messages:
            lead = LeadId(str(message["lead"]))
            self.leads.records[lead] = replace(self.leads.records[lead], rules_version=rules_version)
        self.queue.messages.clear()


@pytest.fixture
def office():
    return Office(leads=30)


def test_the_sweep_touches_the_due_leads_alone(office):
    now = office.clock.now()
    for lead, due in (("lead-01", now), ("lead-02", now + 1), ("lead-03", now - MINUTE)):
        office.leads.records[lead] = replace(office.leads.records[lead], due=Moment(due))

    office.tick()

    assert office.touched == ["lead-01", "lead-03"]


def test_one_lead_is_touched_when_somebody_asks(office):
    office.rescore.one(LeadId("lead-07"))

    assert office.touched == ["lead-07"]


def test_everyone_is_touched_once_when_somebody_asks(office):
    office.rescore.everyone("job")
    office.tick()
    office.tick()

    assert office.touched == sorted(office.leads.records)
    assert office.rescoring.unfinished() == []


def test_the_same_request_delivered_again_touches_nobody_again(office):
    office.rescore.everyone("job")
    office.tick()
    office.rescore.everyone("job")
    office.tick()

    assert len(office.touched) == 30


def test_a_publish_touches_every_lead_under_older_rules(office):
    office.leads.records["lead-05"] = replace(office.leads.records["lead-05"], rules_version=1)

    office.rescore.published(1)
    office.tick()

    assert office.touched == sorted(set(office.leads.records) - {"lead-05"})


def test_a_publish_is_over_only_when_a_whole_pass_finds_no_older_lead(office):
    office.rescore.published(1)
    office.tick()
    office.score_all(1)
    assert office.rescoring.unfinished()

    office.clock.advance(MINUTE)
    # Somebody with the old rules in mind created a lead behind the scan's back.
    office.leads.save(LeadRecord(LeadId("late"), frozenset(), ScoreState.empty()))
    office.tick()
    assert office.touched == ["late"]
    office.score_all(1)

    for _ in range(2):
        office.clock.advance(MINUTE)
        office.tick()
    assert office.touched == []
    assert office.rescoring.unfinished() == []


def test_no_publish_is_over_while_a_warm_function_may_remember_the_old_rules():
    empty = Office()

    empty.rescore.published(1)
    empty.tick()
    assert empty.rescoring.unfinished()

    empty.clock.advance(2 * MINUTE)
    empty.tick()
    empty.clock.advance(MINUTE)
    empty.tick()
    assert empty.rescoring.unfinished() == []


def test_a_rescore_goes_on_where_its_time_ran_out(office):
    office.rescore.everyone("job")
    left = iter([True, True, True])
    office.rescore.go_on(lambda: next(left, False))
    so_far = office.touched

    office.tick()

    assert 0 < len(so_far) < 30
    assert office.touched == sorted(office.leads.records)


def test_a_page_that_could_not_be_asked_for_is_asked_for_again(office):
    office.rescore.everyone("job")
    office.queue.fails = True
    with pytest.raises(Unavailable):
        office.tick()
    office.queue.fails = False

    office.tick()

    assert office.touched == sorted(office.leads.records)


def test_progress_is_told(office):
    office.rescore.everyone("job")
    office.tick()

    assert sum(checkpoint.touched for checkpoint in office.rescoring.all()) == 30
