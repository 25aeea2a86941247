import json
from abc import ABC, abstractmethod
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from shared.adapters.dynamodb.outbox import DynamoDBOutbox
from shared.adapters.dynamodb.rules import DynamoDBRuleVersions
from shared.domain.drafts import Approval, Draft, Step
from shared.domain.moments import parse_moment
from shared.domain.people import Role
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
AT = parse_moment("2026-03-02T12:00:00Z")
DRAFT = Draft(
    number=1,
    name="acme",
    document=FIRST.document,
    text=FIRST.text,
    sha256=FIRST.sha256,
    author_id="id-ana",
    author="ana@acme.example",
    note="the first",
    created_at=FIRST.published_at,
    based_on=0,
)
PROPOSED = replace(DRAFT, state="proposed", steps=(Step("proposed", "ana@acme.example", AT),), revision=1)
WORDS = (
    Approval("id-mia", "mia@acme.example", Role.MARKETING, AT),
    Approval("id-bo", "bo@acme.example", Role.SALES, AT),
)

_MOST = 127 * 1024
_NOISE = "".join(Random(6).choices([chr(each) for each in range(0x4E00, 0x9F00)], k=_MOST // 3))
LARGEST: dict[str, dict[str, Any]] = {
    "letters": {"description": "Ж" * (_MOST // 2)},
    "labels": {"behaviour": [{"id": f"r{each}", "label": "Посетил страницу цен"} for each in range(2000)]},
    "values": {"values": [1] * (_MOST // 2)},
    "exponents": {"values": [1e15] * (_MOST // 5)},
    "quotes": {"values": [""] * (_MOST // 3)},
    "noise": {"description": _NOISE},
}
"""Rule files as large as a request, of what takes most in one writing or another."""
TEXTS = {**dict.fromkeys(LARGEST, "name: acme\n"), "quotes": '"' * (_MOST // 2), "noise": _NOISE[::-1]}


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

    def test_a_version_is_read_back_with_all_that_led_to_it(self, versions):
        version = replace(
            FIRST,
            notify=True,
            draft=7,
            approvals=WORDS,
            forced="Agreed by telephone.",
            restores=3,
            publisher="mia@acme.example",
        )
        versions.publish(version)

        assert versions.get(1) == version

    @pytest.mark.parametrize("kind", ["letters", "labels", "values", "exponents", "quotes", "noise"])
    def test_the_largest_file_that_is_taken_is_kept_as_a_draft_and_as_a_version(self, versions, kind):
        document = {"name": "acme", **LARGEST[kind]}
        # As the API takes one: with a text of its own, or with the document as text.
        for number, text in enumerate((json.dumps(document, ensure_ascii=False), TEXTS[kind]), start=1):
            draft = replace(DRAFT, number=number, document=document, text=text)
            versions.store(draft)
            assert versions.draft(number) == draft
            version = replace(FIRST, number=number, draft=number, document=document, text=text)
            versions.publish(version, replace(draft, state="published", version=number, revision=1))
            assert versions.get(number) == version

    def test_a_draft_is_read_back_as_it_stands(self, versions):
        assert versions.draft(1) is None
        versions.store(DRAFT)
        assert versions.draft(1) == DRAFT

        approved = replace(PROPOSED, approvals=WORDS, revision=2)
        versions.store(PROPOSED)
        versions.store(approved)
        assert versions.draft(1) == approved

    def test_of_two_drafts_with_one_number_the_second_is_refused(self, versions):
        versions.store(DRAFT)

        with pytest.raises(Conflict):
            versions.store(replace(DRAFT, name="other"))
        assert versions.draft(1) == DRAFT

    def test_of_two_who_write_a_draft_at_once_the_second_is_refused(self, versions):
        versions.store(DRAFT)
        versions.store(PROPOSED)

        with pytest.raises(Conflict):
            versions.store(replace(DRAFT, state="withdrawn", revision=1))
        assert versions.draft(1) == PROPOSED

    def test_a_draft_that_nobody_made_cannot_become_anything(self, versions):
        with pytest.raises(Conflict):
            versions.store(PROPOSED)
        assert versions.draft(1) is None

    def test_what_is_stored_again_word_for_word_is_stored(self, versions):
        versions.store(DRAFT)
        versions.store(DRAFT)

        assert versions.draft(1) == DRAFT

    def test_drafts_come_newest_first_a_page_at_a_time(self, versions):
        for number in range(1, 13):
            versions.store(replace(DRAFT, number=number))
        versions.publish(FIRST)

        assert [each.number for each in versions.drafts(5)] == [12, 11, 10, 9, 8]
        assert [each.number for each in versions.drafts(5, before=4)] == [3, 2, 1]
        assert versions.drafts(5, before=1) == []

    def test_a_draft_is_published_together_with_its_version(self, versions):
        versions.store(DRAFT)
        published = replace(DRAFT, state="published", version=1, revision=1)
        versions.publish(replace(FIRST, draft=1), published)

        assert versions.active_number() == 1
        assert versions.draft(1) == published

    def test_a_draft_that_somebody_wrote_meanwhile_is_not_published(self, versions):
        versions.store(DRAFT)
        versions.store(replace(DRAFT, state="withdrawn", revision=1))

        with pytest.raises(Conflict):
            versions.publish(replace(FIRST, draft=1), replace(DRAFT, state="published", version=1, revision=1))
        assert versions.active_number() == 0
        assert versions.get(1) is None
        assert versions.draft(1).state == "withdrawn"

    def test_where_the_pointer_has_moved_on_the_draft_stays_as_it_was(self, versions):
        versions.store(DRAFT)
        versions.publish(FIRST)

        with pytest.raises(Conflict):
            versions.publish(replace(FIRST, draft=1), replace(DRAFT, state="published", version=1, revision=1))
        assert versions.draft(1) == DRAFT


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

    def test_a_version_from_before_its_publisher_was_kept_is_read(self, versions, dynamodb):
        versions.publish(replace(FIRST, publisher="mia@acme.example"))
        item = dynamodb.get_item(TableName=LEADS, Key={"pk": {"S": "RULES"}, "sk": {"S": "VERSION#000001"}})["Item"]
        told = json.loads(item["told"]["S"])
        del told["publisher"]
        dynamodb.put_item(TableName=LEADS, Item=item | {"told": {"S": json.dumps(told)}})

        assert versions.get(1) == FIRST

    def test_what_was_stored_before_files_were_packed_is_read(self, versions, dynamodb):
        versions.store(DRAFT)
        item = dynamodb.get_item(TableName=LEADS, Key={"pk": {"S": "RULES"}, "sk": {"S": "DRAFT#000001"}})["Item"]
        told = json.loads(item["told"]["S"]) | {"text": "Ж" * 9000}
        dynamodb.put_item(TableName=LEADS, Item=item | {"told": {"S": json.dumps(told)}})

        assert versions.draft(1) == replace(DRAFT, text="Ж" * 9000)

    def test_a_publish_is_told(self, versions, dynamodb):
        versions.publish(FIRST)

        event = DynamoDBOutbox(dynamodb, LEADS).get("RULES", "OUTBOX#rules-1")
        assert (event.name, event.detail["version"]) == ("RulesPublished", 1)
