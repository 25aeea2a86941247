from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.domain.activity import Claims, Rank
from shared.domain.moments import parse_moment
from shared.ports.activities import ActivityKey
from tests.fakes import InMemoryActivities
from tests.people import activity, browser, email, user
from tests.tables import ACTIVITIES

ADA = email("ada@engines.example")


class ActivitiesContract(ABC):
    @pytest.fixture
    @abstractmethod
    def log(self):
        """An empty log."""

    def test_what_is_appended_is_read_back_whole(self, log):
        whole = activity(
            "a1",
            ADA,
            user("u-1"),
            browser("b-1"),
            type="form_submitted",
            at="2026-03-01T09:00:00.000001Z",
            rank=Rank.SALES,
            channel="website",
            source="crm",
            properties={"path": "/pricing", "amount": 0.1, "tags": ["a", None], "nested": {"deep": True}},
            context={"page": {"url": "https://engines.example/ü"}},
            claims=Claims(lead={"first_name": "Ada"}, company={"employees": 200}, consent="granted"),
            own=False,
            marks=("clock",),
        )

        log.append([whole])

        assert log.under(ADA) == [whole]
        assert log.at(ActivityKey(ADA, "a1")) == whole

    def test_a_long_activity_is_read_back_whole(self, log):
        long = activity("a1", ADA, context={"user_agent": "Mozilla " * 200})

        log.append([long])

        assert log.under(ADA) == [long]

    @pytest.mark.parametrize("of", [1, 3])
    def test_segments_hold_the_whole_log_each_activity_once(self, log, of):
        every = [activity(f"a{number}", email(f"lead-{number % 5}@engines.example")) for number in range(20)]
        log.append(every)

        found = []
        for number in range(of):
            page, after = log.segment(number, of, None, 3)
            while after is not None:
                assert len(page) <= 3
                found += page
                page, after = log.segment(number, of, after, 3)
            found += page

        assert sorted(each.id for each in found) == sorted(each.id for each in every)
        assert all(each in every for each in found)

    def test_a_segment_tells_what_was_received_since_a_moment_alone(self, log):
        every = [
            replace(activity(f"a{number}", ADA), received_at=parse_moment(f"2026-03-01T1{number}:00:00Z"))
            for number in range(4)
        ]
        log.append(every)

        page, after = log.segment(0, 1, None, 10, parse_moment("2026-03-01T12:00:00Z"))

        assert (sorted(each.id for each in page), after) == (["a2", "a3"], None)

    def test_the_first_with_an_id_stays(self, log):
        first, second = activity("a1", ADA, type="email_opened"), activity("a1", ADA, type="email_clicked")

        log.append([first])
        log.append([second, second])

        assert log.under(ADA) == [first]

    def test_what_is_withheld_leaves_nothing_and_changes_nothing(self, log):
        kept = activity("a1", ADA)

        log.append([kept], withheld=[activity("a2", ADA), activity("a3", ADA)])
        log.append([], withheld=[replace(kept, type="email_clicked")])

        assert log.under(ADA) == [kept]

    def test_an_activity_stands_under_its_strongest_identity_alone(self, log):
        log.append([activity("a1", browser("b-1"), user("u-1"))])

        assert [each.id for each in log.under(user("u-1"))] == ["a1"]
        assert log.under(browser("b-1")) == []

    def test_activities_come_in_order_of_time_and_then_of_id(self, log):
        late, early = "2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z"

        log.append([activity("b", ADA, at=late), activity("c", ADA, at=early), activity("a", ADA, at=late)])

        assert [each.id for each in log.under(ADA)] == ["c", "a", "b"]

    def test_many_are_stored_at_once(self, log):
        log.append([activity(f"a{number:03d}", ADA) for number in range(100)])

        assert len(log.under(ADA)) == 100

    def test_what_was_never_appended_is_not_there(self, log):
        assert log.at(ActivityKey(ADA, "a1")) is None
        assert log.under(ADA) == []


class TestInMemoryActivities(ActivitiesContract):
    @pytest.fixture
    def log(self):
        return InMemoryActivities()


class TestDynamoDBActivities(ActivitiesContract):
    @pytest.fixture
    def log(self, dynamodb):
        return DynamoDBActivities(dynamodb, ACTIVITIES)

    def test_a_browser_without_a_name_is_forgotten_sooner(self, log, dynamodb):
        log.append([activity("a1", ADA), activity("a2", browser("b-1"))])

        expiry = {item["sk"]["S"]: int(item["expires"]["N"]) for item in dynamodb.scan(TableName=ACTIVITIES)["Items"]}
        assert expiry["a1"] - expiry["a2"] == (760 - 90) * 86_400

    def test_a_browser_s_activity_takes_one_write_unit(self, log, dynamodb):
        context = {
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0",
            "page": {
                "url": "https://www.engines.example/products/difference-engine?utm_source=newsletter&utm_medium=email",
                "path": "/products/difference-engine",
                "title": "The difference engine: arithmetic by steam, with a guarantee of twenty years",
                "referrer": "https://www.search.example/results?q=difference+engine",
                "search": "?utm_source=newsletter&utm_medium=email",
            },
            "campaign": {"source": "newsletter", "medium": "email", "name": "spring"},
            "library": {"name": "analytics.js", "version": "npm:next-1.84.0"},
            "locale": "en-GB",
            "timezone": "Europe/London",
        }
        sent = activity("ajs-next-1772355600000-0f0e1c5b-8d53-4ac0-b1ad-5a2f3c9e6a11", ADA, browser("b" * 36))

        log.append([type(sent)(**{**_fields(sent), "context": context, "properties": context["page"]})])

        (item,) = dynamodb.scan(TableName=ACTIVITIES)["Items"]
        assert _bytes(item) <= 1024


def _fields(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _bytes(item):
    """The size by which DynamoDB charges: attribute names and values, numbers as about half their digits."""
    total = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        total += len(name) + (len(content) // 2 + 2 if kind == "N" else len(content))
    return total
