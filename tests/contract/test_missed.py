from abc import ABC, abstractmethod

import pytest

from shared.adapters.dynamodb.missed import DynamoDBMissed
from shared.domain.breaker import CLOSED
from shared.domain.moments import MINUTE, Moment, parse_moment
from shared.ports.missed import ChannelKey, MissedMessage
from tests.fakes import InMemoryMissed
from tests.tables import LEADS

NOON = parse_moment("2026-03-01T12:00:00Z")
SLACK, MAIL = ChannelKey("inside-sales", "slack"), ChannelKey("inside-sales", "email")
STRANGE = [
    ChannelKey("a", "slack"),
    ChannelKey("a-b", "slack"),
    ChannelKey("a#slack", "slack"),
    ChannelKey("~ ü/%", "x"),
]


def message(number, minute=0):
    key = f"lead-{number}.mql.1"
    return MissedMessage(f"{key}.requested", Moment(NOON + minute * MINUTE), "HandoffRequested", {"lead": key})


class MissedContract(ABC):
    @pytest.fixture
    @abstractmethod
    def missed(self):
        """Nothing failed and nothing waits."""

    def test_a_channel_that_never_failed_has_a_closed_breaker(self, missed):
        assert missed.breaker(SLACK) == CLOSED
        assert missed.breakers() == {}

    def test_failures_in_a_row_add_up_and_open_the_breaker_of_that_channel_alone(self, missed):
        answers = [missed.failed(SLACK, NOON, f"the receiver answered {status}") for status in (500, 502, 503)]

        assert [each.is_open for each in answers] == [False, False, True]
        assert missed.breaker(SLACK) == answers[-1]
        assert missed.breaker(SLACK).error == "the receiver answered 503"
        assert missed.breaker(MAIL) == CLOSED
        assert missed.breakers() == {SLACK: answers[-1]}

    def test_a_channel_that_came_back_and_failed_waits_as_long_as_at_first(self, missed):
        for minute in range(5):
            missed.failed(SLACK, Moment(NOON + minute * MINUTE), "x")
        again = missed.failed(SLACK, NOON, "x", again=True)

        assert (again.wait, again.is_open) == (MINUTE, True)

    def test_closing_forgets_the_failures(self, missed):
        missed.failed(SLACK, NOON, "x")
        missed.failed(SLACK, NOON, "x")
        missed.close(SLACK)

        assert missed.breakers() == {}
        assert not missed.failed(SLACK, NOON, "x").is_open

    def test_closing_what_is_closed_changes_nothing(self, missed):
        missed.close(SLACK)

        assert missed.breaker(SLACK) == CLOSED

    def test_what_waits_is_given_back_whole_and_oldest_first(self, missed):
        held = [message(3, 1), message(1, 2), message(2, 2)]
        for each in reversed(held):
            missed.put_by(SLACK, each)

        assert missed.next(SLACK, 10) == held
        assert missed.next(SLACK, 2) == held[:2]
        assert missed.next(SLACK, 10, held[0]) == held[1:]
        assert missed.next(MAIL, 10) == []

    def test_putting_by_again_changes_nothing(self, missed):
        missed.put_by(SLACK, message(1))
        missed.put_by(SLACK, message(1))

        assert missed.next(SLACK, 10) == [message(1)]

    def test_what_is_done_waits_no_more(self, missed):
        missed.put_by(SLACK, message(1))
        missed.put_by(SLACK, message(2))
        missed.done(SLACK, message(1))
        missed.done(SLACK, message(1))

        assert missed.next(SLACK, 10) == [message(2)]

    def test_every_channel_with_something_that_waits_is_found_whatever_its_name(self, missed):
        for channel in STRANGE:
            for number in range(3):
                missed.put_by(channel, message(number))
            missed.failed(channel, NOON, "x")

        assert sorted(missed.waiting()) == sorted(STRANGE)
        assert set(missed.breakers()) == set(STRANGE)

    def test_no_channel_sees_the_messages_of_another(self, missed):
        for number, channel in enumerate(STRANGE):
            missed.put_by(channel, message(number))

        assert [missed.next(channel, 10) for channel in STRANGE] == [
            [message(number)] for number in range(len(STRANGE))
        ]

    def test_nothing_is_found_once_nothing_waits(self, missed):
        missed.put_by(SLACK, message(1))
        missed.done(SLACK, message(1))

        assert missed.waiting() == []


class TestInMemoryMissed(MissedContract):
    @pytest.fixture
    def missed(self):
        return InMemoryMissed()


class TestDynamoDBMissed(MissedContract):
    @pytest.fixture
    def missed(self, dynamodb):
        return DynamoDBMissed(dynamodb, LEADS)

    def test_a_failure_counted_by_another_at_once_is_counted_too(self, missed, dynamodb):
        other = DynamoDBMissed(dynamodb, LEADS)
        read = missed._stored

        def overtaken(channel):
            stored = read(channel)
            missed._stored = read
            other.failed(channel, NOON, "theirs")
            return stored

        missed._stored = overtaken
        assert missed.failed(SLACK, NOON, "ours").failures == 2
