import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from functions.rescore.handler import lambda_handler
from shared.domain.activity import Claims
from shared.domain.drift import Fault
from shared.domain.events import RulesApplied
from shared.domain.handoff import LeadId
from shared.domain.journey import Journey
from shared.domain.moments import MINUTE, Moment
from shared.domain.rescores import LeadsWhereDone
from shared.domain.selection import SELECTION_KEYS
from shared.domain.state import ScoreState
from shared.ports.drift import Drift
from shared.ports.errors import Unavailable
from shared.ports.leads import DAMAGED, OTHER_FORMAT, LeadRecord
from shared.ports.rules import RuleVersion
from shared.ports.stages import StageRecord
from shared.usecases.noise import KnownNoise
from shared.usecases.picking import Pick
from shared.usecases.rescore import LATE_AFTER, NotUnderstood, Rescore
from shared.usecases.rulebook import Rulebook
from tests.fakes import (
    FixedClock,
    InMemoryActivities,
    InMemoryDrifts,
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
        self.drifts = InMemoryDrifts()
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
            drifts=self.drifts,
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


def test_leads_are_asked_for_by_their_ids_and_by_no_address(office):
    with pytest.raises(NotUnderstood, match="by their ids") as one:
        office.rescore.one(LeadId("sam@acme.example"))
    with pytest.raises(NotUnderstood, match="by their ids"):
        office.rescore.some("job", [LeadId("lead-07"), LeadId("sam@acme.example")])

    assert "sam" not in str(one.value)
    assert (office.touched, office.rescoring.all()) == ([], [])


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


STAGED = {
    "name": "acme",
    "behaviour": [{"id": "view", "on": "page_viewed", "points": 30}],
    "stages": [{"name": name, "enter": {"activity": name}} for name in ("mql", "sql")],
}


def test_leads_that_meet_a_condition_are_touched_and_no_others(office):
    office.publish(STAGED)
    rules = office.rescore._rulebook.refresh().rules
    german = [activity("a1", email("a@acme.example"), claims=Claims(company={"country": "DE"}))]
    for lead, stage in (("lead-01", "mql"), ("lead-02", "sql"), ("lead-03", None)):
        state = rules.absorb(ScoreState.empty(), german)
        office.leads.records[lead] = replace(office.leads.records[lead], state=state, rules_version=1)
        office.stages.records[lead] = StageRecord(LeadId(lead), Journey(stage))

    office.rescore.where("job", {"company.country": {"is": "de"}, "stage": {"is_not": "sql"}, "score": {"above": 29}})
    office.tick()

    assert office.touched == ["lead-01", "lead-03"]
    assert {each.aim for each in office.rescoring.all()} == {LeadsWhereDone(("company.country", "score", "stage"))}


def test_a_lead_in_the_format_of_another_release_is_touched_whatever_the_condition(office):
    office.publish({"name": "acme", "behaviour": [{"id": "view", "on": "page_viewed", "points": 30}]})
    office.leads.records = {
        lead: replace(record, rules_version=OTHER_FORMAT if lead == "lead-02" else 1)
        for lead, record in office.leads.records.items()
    }

    office.rescore.where("job", {"score": {"above": 29}})
    office.tick()

    assert office.touched == ["lead-02"]
    assert {each.left_out for each in office.rescoring.all()} == {0}


VALID = f"valid here: {', '.join(SELECTION_KEYS)}"
NO_KEY = "a key that conditions do not have"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (
            {"lead.email": {"equals": "sam@acme.example"}},
            f"`where` cannot be read at lead.email.?, {NO_KEY} (did you mean 'is'?)",
        ),
        (
            {"lead.sam@acme.example": {"equals": 1}},
            f"`where` cannot be read at lead.*.?, {NO_KEY} (did you mean 'is'?)",
        ),
        ({"company.country": {"in": "Atlantis"}}, "`where` cannot be read at company.country.in"),
        ({"stge": "mql"}, f"`where` cannot be read at ?, {NO_KEY} (did you mean 'stage'?)"),
        ({"any": [{"sam@acme.example": {"is": 1}}]}, f"`where` cannot be read at any.0.?, {NO_KEY} ({VALID})"),
        ({"consent": {"is": "sam@acme.example"}}, "`where` cannot be read at consent"),
        ({"product": {"above": 1}}, f"`where` cannot be read at ?, {NO_KEY} ({VALID})"),
        ({"stage": "mq"}, "`where` cannot be read at stage, which the rules do not have (did you mean 'mql'?)"),
        (
            {"not": {"stage": {"in": ["mql", "sam@acme.example"]}}},
            "`where` cannot be read at stage, which the rules do not have (valid here: mql, sql)",
        ),
        ({"grade": "A"}, "`where` cannot be read at grade"),
        ({}, "`where` cannot be read"),
    ],
)
def test_a_condition_that_cannot_be_read_begins_nothing_and_is_told_without_what_it_says(office, where, says):
    office.publish(STAGED)
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


def older(office, *, than=1):
    return sorted(lead for lead, record in office.leads.records.items() if record.rules_version < than)


def minutes(office, number, *, rules_version=1):
    """So many ticks, a minute apart, and `score` does what it can behind each; how often each lead was asked for."""
    asked = Counter()
    for _ in range(number):
        office.clock.advance(MINUTE)
        with suppress(Unavailable):
            office.tick()
        asked.update(office.touched)
        office.queue.messages = [each for each in office.queue.messages if each["lead"] not in office.leads.damaged]
        office.score_all(rules_version)
    return asked


def test_a_damaged_lead_is_asked_for_once_and_left_out_so_that_the_publish_ends(office):
    seven = LeadId("lead-07")
    office.leads.damaged = {seven}

    office.rescore.published(1)
    asked = minutes(office, 10)

    assert asked[seven] == 1
    assert older(office) == [seven]
    assert [event.id for event in office.rescoring.outbox] == ["rules-applied-1"]
    assert sum(each.left_out for each in office.rescoring.all()) == 1


def test_a_damaged_lead_is_left_out_of_a_condition_and_counted_and_the_others_are_touched(office):
    office.publish({"name": "acme", "behaviour": [{"id": "view", "on": "page_viewed", "points": 30}]})
    office.leads.damaged = {LeadId("lead-07")}
    for lead, version in (("lead-08", 99), ("lead-09", DAMAGED)):
        office.leads.records[lead] = replace(office.leads.records[lead], rules_version=version)

    office.rescore.where("job", {"score": {"at_least": 0}})
    office.tick()

    assert office.touched == sorted(set(office.leads.records) - {"lead-07", "lead-08", "lead-09"})
    assert sum(each.left_out for each in office.rescoring.all()) == 3
    assert office.rescoring.unfinished() == []


def test_a_rescore_that_fails_holds_up_no_other_and_its_error_is_told(office):
    office.noise.get = lambda _: (_ for _ in ()).throw(Unavailable("the filter cannot be read"))
    office.rescore.noise_changed("a-word", "5d41")
    office.rescore.everyone("job")
    office.rescore.published(1)
    office.clock.advance(2 * MINUTE)
    office.score_all(1)

    with pytest.raises(Unavailable):
        office.tick()
    assert set(office.touched) == set(office.leads.records)
    assert {each.job for each in office.rescoring.unfinished()} == {"a-word", "rules-000001"}

    office.score_all(1)
    minutes(office, 3)
    assert [event.id for event in office.rescoring.outbox] == ["rules-applied-1"]


def test_leads_under_older_rules_wait_for_no_other_rescore_and_the_others_take_turns(office):
    office.rescore.everyone("one")
    office.rescore.everyone("two")
    office.clock.advance(1)
    office.rescore.published(1)

    def pages(number):
        left = iter([True] * number)
        office.rescore.go_on(lambda: next(left, False))
        touched = Counter()
        for each in office.rescoring.all():
            touched[each.job] += each.touched
        return +touched

    assert pages(9) == {"rules-000001": 30}
    for each in office.rescoring.unfinished():
        if each.job == "rules-000001":
            office.rescoring.save(replace(each, done_at=office.clock.now()))
    assert pages(6) == {"rules-000001": 30, "one": 12, "two": 12}


def test_the_sweep_does_not_ask_for_a_lead_that_is_known_to_be_damaged_until_it_is_repaired(office):
    now = office.clock.now()
    damaged, mended = LeadId("lead-01"), LeadId("lead-02")
    for lead in (damaged, mended, LeadId("lead-03")):
        office.leads.records[lead] = replace(office.leads.records[lead], due=now)
    for lead in (damaged, mended):
        office.drifts.note(Drift(lead, (Fault.UNREADABLE,), now, now))
    office.leads.damaged = {damaged}

    office.tick()
    assert office.touched == ["lead-02", "lead-03"]

    office.leads.damaged.clear()
    office.queue.messages.clear()
    office.tick()
    assert office.touched == ["lead-01", "lead-02", "lead-03"]


@pytest.mark.parametrize("fault", [Fault.UNREADABLE, Fault.RULES, None])
def test_the_sweep_notes_a_lead_that_stays_due_for_it_is_damaged_and_passes_over_it(office, fault):
    began, lead = office.clock.now(), LeadId("lead-07")
    office.leads.records[lead] = replace(
        office.leads.records[lead], due=began, rules_version=99 if fault is Fault.RULES else 0
    )
    office.leads.damaged = {lead} if fault is Fault.UNREADABLE else set()

    asked = 0
    for _ in range(30):
        asked += office.tick()
        office.clock.advance(MINUTE)

    late = Moment(began + LATE_AFTER)
    assert asked == (5 if fault else 30)
    assert office.drifts.all() == ([Drift(lead, (fault,), late, late)] if fault else [])


def test_more_damaged_leads_than_a_page_holds_are_noted_a_page_at_a_tick(office):
    began = office.clock.now()
    damaged = {LeadId(f"lead-{number:02d}") for number in range(10)}
    for lead in damaged:
        office.leads.records[lead] = replace(office.leads.records[lead], due=began)
    office.leads.damaged = damaged
    office.clock.advance(LATE_AFTER)

    assert [office.tick() for _ in range(4)] == [6, 2, 0, 0]
    assert {each.lead for each in office.drifts.all()} == damaged


def test_what_an_event_asks_for_is_begun_though_another_rescore_fails(office):
    office.rescore.everyone("job")
    office.queue.fails = True
    detail = {"detail-type": "RescoreRequested", "id": "e1", "detail": {"all": True}}
    record = {
        "messageId": "m1",
        "receiptHandle": "r",
        "body": json.dumps(detail),
        "attributes": {},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:rescore",
        "awsRegion": "eu-central-1",
    }
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)

    assert lambda_handler({"Records": [record]}, context, office.rescore) == {"batchItemFailures": []}
    assert {each.job for each in office.rescoring.all()} == {"job", "event-e1"}
