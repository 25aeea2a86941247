from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.drift import DynamoDBDrifts
from shared.domain.drift import Fault
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR, Moment, parse_moment
from shared.ports.drift import Drift, Round
from shared.ports.errors import Conflict
from tests.fakes.drift import InMemoryDrifts
from tests.tables import LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
ONE = Drift(LeadId("lead-1"), (Fault.SCORE, Fault.DUE), NOON, NOON)
TWO = Drift(LeadId("lead-2"), (Fault.UNREADABLE,), NOON, NOON)


class DriftsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def drifts(self):
        """No lead has drifted."""

    def test_what_was_found_is_listed_until_it_is_cleared(self, drifts):
        drifts.note(TWO)
        drifts.note(ONE)
        assert drifts.all() == [ONE, TWO]

        drifts.clear(ONE.lead)
        drifts.clear(LeadId("lead-3"))

        assert drifts.all() == [TWO]

    def test_what_is_found_again_stands_in_its_place(self, drifts):
        drifts.note(ONE)
        later = replace(ONE, faults=(Fault.NAMES,), seen_at=Moment(NOON + HOUR))
        drifts.note(later)

        assert drifts.all() == [later]

    def test_a_round_goes_on_where_it_was_and_is_no_drift(self, drifts):
        assert drifts.round() is None
        drifts.go_on(Round(NOON, after="x", checked=3))
        drifts.go_on(replace(drifts.round(), after="y", checked=5, drifted=1, before=NOON))

        assert drifts.round() == Round(NOON, "y", 5, 1, NOON, version=2)
        assert drifts.all() == []

    def test_of_two_runs_one_moves_the_round_on(self, drifts):
        drifts.go_on(Round(NOON))
        with pytest.raises(Conflict):
            drifts.go_on(Round(NOON, after="again"))
        seen = drifts.round()
        drifts.go_on(replace(seen, after="x"))

        with pytest.raises(Conflict):
            drifts.go_on(replace(seen, after="y"))
        assert drifts.round().after == "x"


class TestInMemoryDrifts(DriftsContract):
    @pytest.fixture
    def drifts(self):
        return InMemoryDrifts()


class TestDynamoDBDrifts(DriftsContract):
    @pytest.fixture
    def drifts(self, dynamodb):
        return DynamoDBDrifts(dynamodb, LEADS)
