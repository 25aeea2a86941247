import json
from dataclasses import replace

import pytest

from shared.domain.activity import Claims
from shared.domain.events import RulesApplied
from shared.domain.handoff import LeadId
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment
from shared.domain.state import ScoreState
from shared.ports.errors import Unavailable
from shared.ports.leads import LeadRecord
from shared.ports.rules import RuleVersion
from shared.ports.stages import StageRecord
from shared.usecases.noise import KnownNoise
from shared.usecases.picking import Pick
from shared.usecases.rescore import NotUnderstood, Rescore
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
from tests.people import activity, email


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

    def publish(self, document):
        """A version is active; the leads stay as they are."""
        number = self.versions.active_number() + 1
        text = json.dumps(document)
        self.versions.publish(
            RuleVersion(number, "acme", "ada", self.clock.now(), "", f"{number:064d}", document, text)
        )

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


def test_the_sweep_asks_for_every_due_lead_once_in_one_tick_page_by_page(office):
    now = office.clock.now()
    for lead, record in office.leads.records.items():
        office.leads.records[lead] = replace(record, due=Moment(now - MINUTE))

    assert office.tick() == 30

    assert office.touched == sorted(office.leads.records)


def test_a_sweep_without_time_leaves_the_rest_to_the_next_tick(office):
    now = office.clock.now()
    for lead, record in office.leads.records.items():
        office.leads.records[lead] = replace(record, due=now)

    assert office.rescore.sweep(lambda: False) == 4

    for lead in map(LeadId, office.touched):
        office.leads.records[lead] = replace(office.leads.records[lead], due=None)
    office.tick()
    assert office.touched == sorted(office.leads.records)


def test_some_leads_are_touched_each_once(office):
    office.rescore.some("job", [LeadId("lead-03"), LeadId("lead-01"), LeadId("lead-03"), *map(LeadId, "abcde")])
    office.tick()

    assert office.touched == ["a", "b", "c", "d", "e", "lead-01", "lead-03"]
    assert office.rescoring.unfinished() == []


def test_leads_that_meet_a_condition_are_touched_and_no_others(office):
    office.publish({"name": "acme", "behaviour": [{"id": "view", "on": "page_viewed", "points": 30}]})
    rules = office.rescore._rulebook.refresh().rules
    german = [activity("a1", email("a@acme.example"), claims=Claims(company={"country": "DE"}))]
    for lead, stage in (("lead-01", "mql"), ("lead-02", "sql"), ("lead-03", None)):
        state = rules.absorb(ScoreState.empty(), german)
        office.leads.records[lead] = replace(office.leads.records[lead], state=state, rules_version=1)
        office.stages.records[lead] = StageRecord(LeadId(lead), Journey(stage))

    office.rescore.where("job", {"company.country": {"is": "de"}, "stage": {"is_not": "sql"}, "score": {"above": 29}})
    office.tick()

    assert office.touched == ["lead-01", "lead-03"]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"lead.email": {"equals": "sam@acme.example"}}, "`where` cannot be read at lead.*.?"),
        ({"any": [{"sam@acme.example": {"is": 1}}]}, "`where` cannot be read at any.0.?"),
        ({"consent": {"is": "sam@acme.example"}}, "`where` cannot be read at consent"),
        ({"product": {"above": 1}}, "`where` cannot be read at ?"),
        ({}, "`where` cannot be read"),
    ],
)
def test_a_condition_that_cannot_be_read_begins_nothing_and_is_told_without_what_it_says(office, where, says):
    with pytest.raises(NotUnderstood) as error:
        office.rescore.where("job", where)

    assert str(error.value) == says
    assert office.rescoring.all() == []


def test_a_rescore_never_puts_more_ahead_of_score_than_it_does_in_moments():
    office = Office(leads=250)
    office.rescore.everyone("job")

    office.tick()
    assert len(office.queue.messages) == 100
    office.tick()
    assert len(office.queue.messages) == 100

    so_far = set()
    while office.queue.messages:
        so_far |= {str(message["lead"]) for message in office.queue.messages}
        office.queue.messages.clear()
        office.tick()
    assert so_far == set(office.leads.records)


def test_a_rescore_that_keeps_score_busy_does_not_hold_up_the_sweep():
    office = Office(leads=120)
    office.rescore.everyone("job")
    office.tick()
    waiting = len(office.queue.messages)
    seven = LeadId("lead-07")
    office.leads.records[seven] = replace(office.leads.records[seven], due=office.clock.now())

    office.tick()

    assert office.queue.messages[waiting:] == [{"lead": "lead-07"}]


def test_the_end_of_a_publish_is_told_once_and_only_when_no_lead_is_older(office):
    office.rescore.published(1)
    office.tick()
    office.clock.advance(2 * MINUTE)
    office.tick()
    assert office.rescoring.outbox == [], "every lead is older still"

    office.score_all(1)
    for _ in range(4):
        office.clock.advance(MINUTE)
        office.tick()

    (event,) = office.rescoring.outbox
    said = RulesApplied.model_validate(event.detail)
    assert (event.id, said.id, said.version, said.leads) == ("rules-applied-1", "rules-applied-1", 1, 30)
    assert said.at == max(each.done_at for each in office.rescoring.all())


def test_whoever_dies_before_the_end_is_told_tells_it_the_next_time(office):
    office.score_all(1)
    office.rescore.published(1)
    office.clock.advance(2 * MINUTE)
    for _ in range(2):
        for segment in office.rescoring.unfinished():
            office.rescore._page_of(segment)
    for segment in office.rescoring.all():
        office.rescoring.save(replace(segment, done_at=office.clock.now()))
    assert office.rescoring.outbox == []

    office.tick()
    office.tick()

    assert [event.id for event in office.rescoring.outbox] == ["rules-applied-1"]


def test_a_publish_that_began_only_in_part_is_not_told_as_over(office):
    office.rescore.published(1)
    for segment in office.rescoring.all():
        office.rescoring.save(replace(segment, done_at=office.clock.now()))
    del office.rescoring._checkpoints["rules-000001", 2]

    office.tick()

    assert office.rescoring.outbox == []


def test_of_other_rescores_no_end_is_told(office):
    office.rescore.everyone("job")
    office.rescore.some("named", [LeadId("lead-01")])
    office.tick()

    assert office.rescoring.unfinished() == []
    assert office.rescoring.outbox == []
