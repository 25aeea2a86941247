from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.rescoring import DynamoDBRescoring
from shared.domain.moments import parse_moment
from shared.ports.errors import Conflict
from shared.ports.rescoring import Checkpoint
from tests.fakes import InMemoryRescoring
from tests.tables import LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
FIRST = Checkpoint(job="rules-000001", segment=0, of=2, older_than=1, began=NOON, until_quiet=NOON)


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
        rescoring.save(replace(rescoring.all()[0], done=True))

        assert [each.segment for each in rescoring.unfinished()] == [1]

    def test_of_two_runs_one_moves_a_segment_on(self, rescoring):
        rescoring.begin([FIRST])
        (seen,) = rescoring.unfinished()
        rescoring.save(replace(seen, after="x"))

        with pytest.raises(Conflict):
            rescoring.save(replace(seen, after="y"))
        assert rescoring.all()[0].after == "x"


class TestInMemoryRescoring(RescoringContract):
    @pytest.fixture
    def rescoring(self):
        return InMemoryRescoring()


class TestDynamoDBRescoring(RescoringContract):
    @pytest.fixture
    def rescoring(self, dynamodb):
        return DynamoDBRescoring(dynamodb, LEADS)
