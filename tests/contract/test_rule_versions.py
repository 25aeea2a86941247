from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.outbox import DynamoDBOutbox
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.domain.moments import parse_moment
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion
from tests.fakes import InMemoryRuleVersions
from tests.tables import LEADS

FIRST = RuleVersion(
    number=1,
    name="acme",
    author="user-1",
    published_at=parse_moment("2026-03-01T12:00:00Z"),
    note="the first",
    sha256="0" * 64,
    document={"name": "acme", "scores": {"product": {"cap": 50}, "engagement": {"cap": 0.1}}},
    text="name: acme\n",
)


class RuleVersionsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def versions(self):
        """Nothing published yet."""

    def test_before_the_first_publish_version_0_is_active(self, versions):
        assert versions.active_number() == 0
        assert versions.get(0) is None
        assert versions.all() == []

    def test_a_published_version_is_active_and_read_back_whole(self, versions):
        versions.publish(FIRST)

        assert versions.active_number() == 1
        assert versions.get(1) == FIRST
        assert list(versions.get(1).document["scores"]) == ["product", "engagement"]

    def test_versions_come_newest_first(self, versions):
        for number in range(1, 12):
            versions.publish(replace(FIRST, number=number))

        assert [each.number for each in versions.all()] == list(range(11, 0, -1))

    def test_a_version_is_never_replaced(self, versions):
        versions.publish(FIRST)

        with pytest.raises(Conflict):
            versions.publish(replace(FIRST, name="other"))
        assert versions.get(1).name == "acme"

    def test_no_number_is_left_out(self, versions):
        with pytest.raises(Conflict):
            versions.publish(replace(FIRST, number=2))
        assert versions.active_number() == 0


class TestInMemoryRuleVersions(RuleVersionsContract):
    @pytest.fixture
    def versions(self):
        return InMemoryRuleVersions()

    def test_a_publish_is_told(self, versions):
        versions.publish(FIRST)

        assert [event.detail["version"] for event in versions.outbox] == [1]


class TestDynamoDBRuleVersions(RuleVersionsContract):
    @pytest.fixture
    def versions(self, dynamodb):
        return DynamoDBRuleVersions(dynamodb, LEADS)

    def test_a_publish_is_told(self, versions, dynamodb):
        versions.publish(FIRST)

        event = DynamoDBOutbox(dynamodb, LEADS).get("RULES", "OUTBOX#rules-1")
        assert (event.name, event.detail["version"]) == ("RulesPublished", 1)
