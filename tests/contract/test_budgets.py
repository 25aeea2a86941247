from abc import ABC, abstractmethod
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from shared.adapters.dynamodb.budgets import DynamoDBBudgets
from shared.domain.budget import Budget, BudgetKind
from shared.domain.moments import DAY, MINUTE, SECOND, Moment, parse_moment
from shared.ports.errors import Unavailable
from tests.fakes import InMemoryBudgets
from tests.tables import BUDGETS

NOON = parse_moment("2026-03-02T12:00:00Z")
ADA = Budget(BudgetKind.IDENTITY, "PUBLIC email:ada@engines.example", 3000)


class BudgetsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def budgets(self):
        """Nothing was taken yet."""

    def test_what_several_functions_add_is_summed_up(self, budgets):
        assert [budgets.add(ADA, NOON, count) for count in (300, 1, 20)] == [300, 301, 321]

    def test_a_window_is_counted_by_itself(self, budgets):
        budgets.add(ADA, NOON, 5)

        assert budgets.add(ADA, Moment(NOON + MINUTE - 1), 1) == 6
        assert budgets.add(ADA, Moment(NOON + MINUTE), 1) == 1

    def test_a_name_of_another_kind_is_another_budget_and_another_limit_is_not(self, budgets):
        budgets.add(ADA, NOON, 5)

        assert budgets.add(replace(ADA, kind=BudgetKind.KEY), NOON, 1) == 1
        assert budgets.add(replace(ADA, name="PUBLIC email:eve@engines.example"), NOON, 1) == 1
        assert budgets.add(replace(ADA, limit=7), NOON, 1) == 6


class TestInMemoryBudgets(BudgetsContract):
    @pytest.fixture
    def budgets(self):
        return InMemoryBudgets()


class TestDynamoDBBudgets(BudgetsContract):
    @pytest.fixture
    def budgets(self, dynamodb):
        return DynamoDBBudgets(dynamodb, BUDGETS)

    def test_an_item_names_nobody_in_clear_and_expires_within_a_day(self, budgets, dynamodb):
        budgets.add(ADA, NOON, 5)

        (item,) = dynamodb.scan(TableName=BUDGETS)["Items"]
        assert item.keys() == {"pk", "sk", "taken", "expires"}
        assert "ada" not in str(item)
        assert NOON < int(item["expires"]["N"]) * SECOND < NOON + DAY

    @pytest.mark.parametrize("table", ["none-of-that-name", "x"])
    def test_a_table_that_cannot_be_asked_is_told_as_unavailable(self, dynamodb, table):
        with pytest.raises(Unavailable):
            DynamoDBBudgets(dynamodb, table).add(ADA, NOON, 1)

    def test_a_table_that_does_not_answer_is_told_as_unavailable(self, aws):
        deaf = boto3.client(
            "dynamodb",
            endpoint_url="http://127.0.0.1:9",
            config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
        )
        with pytest.raises(Unavailable):
            DynamoDBBudgets(deaf, BUDGETS).add(ADA, NOON, 1)
