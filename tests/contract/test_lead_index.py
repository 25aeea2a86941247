import pytest

from shared.adapters.dynamodb.lead_index import DynamoDBLeadIndex
from shared.adapters.dynamodb.stages import DynamoDBStages
from shared.domain.handoff import LeadId
from shared.domain.journey import Journey
from shared.ports.lead_index import Shelf
from shared.ports.stages import StageRecord
from tests.fakes import FixedClock
from tests.tables import LEADS


@pytest.fixture
def index(dynamodb):
    """Ten hot leads, of 0 to 90 points, and a cold one."""
    stages = DynamoDBStages(dynamodb, LEADS, FixedClock())
    for number in range(10):
        stages.commit(StageRecord(LeadId(f"lead-{number}"), Journey.start(), temperature="hot", rank=number * 10))
    stages.commit(StageRecord(LeadId("lead-10"), Journey.start(), temperature="cold", rank=5))
    stages.commit(StageRecord(LeadId("gone"), Journey.start(), temperature="hot", rank=50, listed=False))
    return DynamoDBLeadIndex(dynamodb, LEADS)


def test_a_shelf_is_in_order_best_first(index):
    assert [place.rank for place in index.page(Shelf.TEMPERATURE, "hot", 100)] == list(range(90, -1, -10))


def test_pages_follow_one_another_without_gap_or_overlap(index):
    found, after = [], None
    while page := index.page(Shelf.TEMPERATURE, "hot", 4, after):
        found += [place.lead for place in page]
        after = page[-1]

    assert found == [f"lead-{number}" for number in range(9, -1, -1)]


def test_a_shelf_that_nobody_stands_on_is_empty(index):
    assert index.page(Shelf.TEMPERATURE, "warm", 10) == []
    assert index.page(Shelf.STAGE, "mql", 10) == []
