from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.domain.erasure import Erasure
from shared.domain.handoff import LeadId
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.ports.errors import Conflict
from tests.fakes import InMemoryErasures
from tests.people import browser, email, user
from tests.tables import ERASURES

NOON = parse_moment("2026-03-01T12:00:00Z")
LATER = Moment(NOON + MINUTE)
ADA = Erasure(
    id="erasure-1",
    lead=LeadId("lead-1"),
    erased_at=NOON,
    asked_at=NOON,
    who="Mia",
    why="By letter.",
    identities=frozenset({email("ada@engines.example"), user("u-ada")}),
    browsers=frozenset({browser("laptop")}),
    shared=frozenset({browser("kitchen")}),
    leads=frozenset({LeadId("lead-1"), LeadId("lead-2")}),
    neighbours=frozenset({LeadId("lead-3")}),
)
BOB = Erasure("erasure-2", LeadId("lead-9"), LATER, LATER, "Mia", "", identities=frozenset({user("u-bob")}))


class ErasuresContract(ABC):
    @pytest.fixture
    @abstractmethod
    def erasures(self):
        """Nobody was erased yet."""

    def test_where_nobody_was_erased_nothing_is_known(self, erasures):
        assert erasures.latest() is None
        assert erasures.erased({"email:ada@engines.example"}) == {}
        assert erasures.erased(set()) == {}
        assert erasures.get("erasure-1") is None
        assert erasures.all() == []

    def test_an_erasure_that_begins_has_tombstones_and_is_read_back_whole(self, erasures):
        erasures.begin(ADA)

        assert erasures.get("erasure-1") == replace(ADA, version=1)
        assert erasures.latest() == NOON
        assert erasures.erased({*ADA.names, "user_id:u-bob"}) == dict.fromkeys(ADA.names, NOON)

    def test_a_tombstone_and_the_latest_moment_only_move_to_later(self, erasures):
        erasures.begin(BOB)
        earlier = replace(ADA, identities=ADA.identities | BOB.identities)
        erasures.begin(earlier)

        assert erasures.latest() == LATER
        assert erasures.erased({"user_id:u-bob", "user_id:u-ada"}) == {"user_id:u-bob": LATER, "user_id:u-ada": NOON}

    def test_an_erasure_begins_again_with_more_names_over_its_own_version_alone(self, erasures):
        erasures.begin(ADA)
        more = replace(ADA, identities=ADA.identities | {user("u-augusta")}, version=1)

        with pytest.raises(Conflict):
            erasures.begin(replace(more, version=0))
        assert erasures.erased({"user_id:u-augusta"}) == {}
        erasures.begin(more)

        assert erasures.get("erasure-1") == replace(more, version=2)
        assert erasures.erased({"user_id:u-augusta"}) == {"user_id:u-augusta": NOON}

    def test_whoever_saves_over_another_version_is_told(self, erasures):
        erasures.begin(ADA)
        stored = erasures.get("erasure-1")
        erasures.save(replace(stored, passes=1, passed_at=LATER))

        with pytest.raises(Conflict):
            erasures.save(replace(stored, passes=2))
        assert erasures.get("erasure-1") == replace(stored, passes=1, passed_at=LATER, version=2)

    def test_one_that_is_done_names_nobody_and_its_tombstones_stay(self, erasures):
        erasures.begin(ADA)
        erasures.begin(BOB)
        erasures.save(erasures.get("erasure-1").done(LATER))

        assert [each.id for each in erasures.all()] == ["erasure-2", "erasure-1"]
        assert erasures.all()[1].names == frozenset()
        assert erasures.all()[1].done_at == LATER
        assert erasures.erased(ADA.names) == dict.fromkeys(ADA.names, NOON)

    def test_many_tombstones_are_found_at_once(self, erasures):
        erasures.begin(ADA)
        many = {f"user_id:u-{number}" for number in range(250)}

        assert erasures.erased({*many, "user_id:u-ada"}) == {"user_id:u-ada": NOON}


class TestInMemoryErasures(ErasuresContract):
    @pytest.fixture
    def erasures(self):
        return InMemoryErasures()


class TestDynamoDBErasures(ErasuresContract):
    @pytest.fixture
    def erasures(self, dynamodb):
        return DynamoDBErasures(dynamodb, ERASURES, lambda: "secret")

    def test_what_stays_can_be_read_by_nobody(self, erasures, dynamodb):
        erasures.begin(ADA)
        erasures.save(erasures.get("erasure-1").done(LATER))

        stored = str(dynamodb.scan(TableName=ERASURES)["Items"])
        for canary in ("ada", "laptop", "kitchen"):
            assert canary not in stored

    def test_who_has_another_secret_finds_nobody(self, erasures, dynamodb):
        erasures.begin(ADA)

        assert DynamoDBErasures(dynamodb, ERASURES, lambda: "guess").erased(ADA.names) == {}

    def test_the_secret_is_asked_only_when_a_name_is(self, dynamodb):
        def secret():
            pytest.fail("nobody has made a secret yet")

        assert DynamoDBErasures(dynamodb, ERASURES, secret).latest() is None
        assert DynamoDBErasures(dynamodb, ERASURES, secret).erased([]) == {}
