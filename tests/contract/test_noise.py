from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.noise import DynamoDBNoiseMarks
from shared.domain.moments import parse_moment
from shared.domain.noise import noise_filter
from shared.ports.errors import Conflict
from shared.ports.noise import NoiseMark, Said
from tests.fakes import InMemoryNoiseMarks
from tests.tables import LEADS

SCANNER = noise_filter("address", "203.0.113.0/24")
SAID = Said("mia", parse_moment("2026-03-01T09:00:00Z"), "our own scanner")
TAKEN_BACK = Said("ada", parse_moment("2026-03-02T09:00:00Z"), "it has moved")


class NoiseMarksContract(ABC):
    @pytest.fixture
    @abstractmethod
    def marks(self):
        """No filters."""

    def test_what_is_marked_is_read_back(self, marks):
        marks.save(NoiseMark(SCANNER, SAID))

        assert marks.get(SCANNER.id) == NoiseMark(SCANNER, SAID, version=1)
        assert marks.all() == [NoiseMark(SCANNER, SAID, version=1)]

    def test_what_was_taken_back_is_told_with_both_words(self, marks):
        marks.save(NoiseMark(SCANNER, SAID))
        marks.save(replace(marks.get(SCANNER.id), unmarked=TAKEN_BACK))

        (mark,) = marks.all()
        assert (mark.marked, mark.unmarked, mark.stands, mark.version) == (SAID, TAKEN_BACK, False, 2)

    def test_of_two_who_write_at_once_one_is_told(self, marks):
        marks.save(NoiseMark(SCANNER, SAID))
        seen = marks.get(SCANNER.id)
        marks.save(replace(seen, unmarked=TAKEN_BACK))

        for late in (replace(seen, unmarked=SAID), NoiseMark(SCANNER, SAID)):
            with pytest.raises(Conflict):
                marks.save(late)

    def test_what_was_never_marked_is_not_there(self, marks):
        assert marks.get(SCANNER.id) is None
        assert marks.all() == []


class TestInMemoryNoiseMarks(NoiseMarksContract):
    @pytest.fixture
    def marks(self):
        return InMemoryNoiseMarks()


class TestDynamoDBNoiseMarks(NoiseMarksContract):
    @pytest.fixture
    def marks(self, dynamodb):
        return DynamoDBNoiseMarks(dynamodb, LEADS)
