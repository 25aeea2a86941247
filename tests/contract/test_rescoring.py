import json
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.outbox import event_of
from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.domain.handoff import LeadId
from shared.domain.moments import parse_moment
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
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.rescoring import Checkpoint
from tests.fakes import InMemoryRescoring
from tests.tables import LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
FIRST = Checkpoint(
    job="rules-000001",
    segment=0,
    of=2,
    aim=LeadsUnderOlderRules(1),
    started=NOON,
    began=NOON,
    until_quiet=NOON,
)
SAID = Event("rules-applied-1", "RulesApplied", {"version": 1})
AIMS: tuple[Aim, ...] = (
    EveryLead(),
    LeadsUnderOlderRules(7),
    NamedLeads((LeadId("lead-1"), LeadId("lead-2"))),
    LeadsWhere({"company.country": {"in": ["DE", "AT"]}, "score": {"above": 12.5}}),
    LeadsWhereDone(("company.country", "score")),
    LeadsOfNoise("5d41402abc4b2a76"),
    UnappliedActivities(NOON),
)


class RescoringContract(ABC):
    @pytest.fixture
    @abstractmethod
    def rescoring(self):
        """No rescore yet."""

    def test_a_rescore_that_has_begun_stays_as_it_is(self, rescoring):
        rescoring.begin([FIRST, replace(FIRST, segment=1)])
        (one, two) = rescoring.all()
        rescoring.save(replace(one, after="x", found=3))

        rescoring.begin([FIRST, replace(FIRST, segment=1)])

        assert [(each.segment, each.after, each.found) for each in rescoring.all()] == [(0, "x", 3), (1, None, 0)]
        assert two.segment == 1

    def test_a_segment_that_is_done_is_not_unfinished(self, rescoring):
        rescoring.begin([FIRST, replace(FIRST, segment=1)])
        rescoring.save(replace(rescoring.all()[0], done_at=NOON))

        assert [each.segment for each in rescoring.unfinished()] == [1]

    def test_of_two_runs_one_moves_a_segment_on(self, rescoring):
        rescoring.begin([FIRST])
        (seen,) = rescoring.unfinished()
        rescoring.save(replace(seen, after="x"))

        with pytest.raises(Conflict):
            rescoring.save(replace(seen, after="y"))
        assert rescoring.all()[0].after == "x"

    def test_a_checkpoint_comes_back_as_it_was_saved_whatever_it_is_for(self, rescoring):
        saved = [
            replace(
                FIRST,
                job=f"job-{number}",
                aim=aim,
                after='{"pk": "x"}',
                found=3,
                most=4,
                touched=5,
                left_out=2,
                done_at=NOON,
                announced=True,
            )
            for number, aim in enumerate(AIMS)
        ]
        rescoring.begin(saved)

        assert rescoring.all() == [replace(each, version=1) for each in saved]

    def test_segments_of_one_rescore_stand_together_and_in_order(self, rescoring):
        rescoring.begin([replace(FIRST, job=job, segment=segment) for segment in (1, 0) for job in ("b", "a")])

        assert [(each.job, each.segment) for each in rescoring.all()] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]

    def test_an_event_is_noted_with_the_checkpoint_or_not_at_all(self, rescoring, noted):
        rescoring.begin([FIRST])
        (seen,) = rescoring.all()
        rescoring.save(replace(seen, announced=True), SAID)

        with pytest.raises(Conflict):
            rescoring.save(replace(seen, announced=True), replace(SAID, id="rules-applied-2"))
        assert noted() == [SAID]
        assert rescoring.all()[0].announced


class TestInMemoryRescoring(RescoringContract):
    @pytest.fixture
    def rescoring(self):
        return InMemoryRescoring()

    @pytest.fixture
    def noted(self, rescoring):
        return lambda: rescoring.outbox


class TestDynamoDBRescoring(RescoringContract):
    @pytest.fixture
    def rescoring(self, dynamodb):
        return DynamoDBRescoring(dynamodb, LEADS)

    @pytest.fixture
    def noted(self, dynamodb):
        def found():
            items = dynamodb.scan(TableName=LEADS)["Items"]
            return [event_of(item) for item in items if item["sk"]["S"].startswith("OUTBOX#")]

        return found

    def test_a_rescore_begins_in_all_its_segments_or_in_none(self, rescoring, dynamodb, monkeypatch):
        put, puts = dynamodb.put_item, []

        def cut_off(**asked):
            puts.append(asked)
            if len(puts) > 1:
                raise TimeoutError("its time ran out")
            return put(**asked)

        monkeypatch.setattr(dynamodb, "put_item", cut_off)
        with suppress(TimeoutError):
            rescoring.begin([FIRST, replace(FIRST, segment=1)])

        assert len(rescoring.all()) in (0, 2)

    @pytest.mark.parametrize(
        ("told", "aim"),
        [
            ({"older_than": 3, "noise": None}, LeadsUnderOlderRules(3)),
            ({"older_than": 3}, LeadsUnderOlderRules(3)),
            ({"older_than": None, "noise": "5d41"}, LeadsOfNoise("5d41")),
            ({"older_than": None, "noise": None}, EveryLead()),
        ],
    )
    @pytest.mark.parametrize("done", [True, False])
    def test_a_checkpoint_of_the_first_format_goes_on(self, rescoring, dynamodb, told, aim, done):
        stored = {
            "job": "old",
            "segment": 0,
            "of": 2,
            "began": NOON,
            "until_quiet": NOON,
            "after": "x",
            "found": 1,
            "touched": 7,
            "version": 2,
            "done": done,
            **told,
        }
        item = {"version": {"N": "3"}, "told": {"S": json.dumps(stored)}, "expires": {"N": "1"}}
        dynamodb.put_item(TableName=LEADS, Item={"pk": {"S": "RESCORE"}, "sk": {"S": "old#000"}, **item})

        (seen,) = rescoring.all()
        assert (seen.aim, seen.after, seen.touched, seen.announced) == (aim, "x", 7, done)
        assert (seen.done_at is not None) is done
        rescoring.save(replace(seen, after="y"))
        assert rescoring.all() == [replace(seen, after="y", version=4)]
