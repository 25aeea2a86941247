import random
import struct
import zlib
from abc import ABC, abstractmethod
from base64 import b85encode
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from shared.adapters.dynamodb import lead_items
from shared.adapters.dynamodb import leads as dynamodb_leads
from shared.adapters.dynamodb.keys import due_shard
from shared.adapters.dynamodb.leads import DynamoDBLeads
from shared.adapters.dynamodb.traces import DynamoDBTraces
from shared.domain.activity import Claims
from shared.domain.engine import compile_rules
from shared.domain.handoff import LeadId
from shared.domain.identity import ties_of
from shared.domain.moments import DAY, Moment, parse_moment
from shared.domain.reading import parse_rule_file
from shared.domain.state import ScoreState
from shared.ports.errors import Conflict, Unreadable
from shared.ports.leads import DAMAGED, OTHER_FORMAT, Browser, LeadRecord
from tests.fakes import InMemoryLeads
from tests.people import activity, browser, email, unmerged, user
from tests.tables import ACTIVITIES, LEADS

ADA, BOB = email("ada@engines.example"), email("bob@engines.example")
NOON = parse_moment("2026-03-01T12:00:00Z")
LATER = Moment(NOON + DAY)
ONE, TWO = LeadId("lead-1"), LeadId("lead-2")
RULES = compile_rules(
    parse_rule_file({"name": "test", "behaviour": [{"id": "view", "on": "page_viewed", "points": 1}]})
)


def state(*ids, at="2026-03-01T09:00:00Z"):
    return RULES.absorb(ScoreState.empty(), [activity(each, ADA, at=at) for each in ids])


def record(lead=ONE, **rest):
    return replace(LeadRecord(lead, frozenset({ADA}), state("a1")), **rest)


def long_facts(count, size=20_000, seed=1):
    """A state with facts of one month that nothing compresses."""
    chance = random.Random(seed)
    told = [Claims(lead={"note": b85encode(chance.randbytes(size * 4 // 5)).decode()}) for _ in range(count)]
    return RULES.absorb(ScoreState.empty(), [activity(f"f{seed}-{n}", ADA, claims=each) for n, each in enumerate(told)])


class LeadsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def leads(self):
        """No leads yet."""

    def test_an_identity_belongs_to_the_lead_that_claimed_it_first(self, leads):
        assert leads.claim(ADA, ONE) == ONE
        assert leads.claim(ADA, TWO) == ONE
        assert leads.whose([ADA, BOB]) == {ADA: ONE}

    def test_an_identity_of_a_lead_that_is_no_more_is_given_to_another(self, leads):
        leads.claim(ADA, ONE)

        assert leads.claim(ADA, TWO, instead_of=LeadId("lead-3")) == ONE
        assert leads.claim(ADA, TWO, instead_of=ONE) == TWO
        assert leads.claim(BOB, TWO, instead_of=ONE) == TWO
        assert leads.whose([ADA, BOB]) == {ADA: TWO, BOB: TWO}

    def test_all_that_are_attached_to_a_browser_are_told(self, leads):
        leads.attach(browser("b-1"), ADA, NOON)

        assert leads.attach(browser("b-1"), BOB, LATER) == {ADA: NOON, BOB: LATER}
        assert leads.attached(browser("b-1")) == {ADA: NOON, BOB: LATER}
        assert leads.attached(browser("b-2")) == {}

    def test_an_attachment_counts_from_its_earliest_moment(self, leads):
        leads.attach(browser("b-1"), ADA, LATER)

        assert leads.attach(browser("b-1"), ADA, NOON) == {ADA: NOON}
        assert leads.attach(browser("b-1"), ADA, LATER) == {ADA: NOON}

    def test_the_earliest_names_at_a_kiosk_stay_attached_whatever_the_order_in_which_they_came(
        self, leads, monkeypatch
    ):
        monkeypatch.setattr("shared.domain.identity.MOST_LEADS_OF_A_BROWSER", 5)
        monkeypatch.setattr("shared.domain.identity.MOST_IDENTITIES", 2)
        crowd = [email(f"person-{number:02d}@engines.example") for number in range(14)]
        for number in (3, 13, 0, 7, 12, 1, 9, 5, 11, 2, 8, 10, 4, 6):
            leads.attach(browser("kiosk"), crowd[number], Moment(NOON + number))

        assert leads.attached(browser("kiosk")) == {crowd[number]: NOON + number for number in range(10)}

    def test_who_is_detached_from_a_browser_leaves_the_others_attached(self, leads):
        leads.attach(browser("b-1"), ADA, NOON)
        leads.attach(browser("b-1"), BOB, LATER)

        assert leads.detach(browser("b-1"), {ADA, user("u-1")}) == {BOB: LATER}
        assert leads.attached(browser("b-1")) == {BOB: LATER}
        assert leads.detach(browser("b-1"), {BOB}) == {}
        assert leads.detach(browser("b-2"), {ADA}) == {}
        assert leads.attach(browser("b-1"), ADA, LATER) == {ADA: LATER}

    def test_a_saved_record_is_loaded_whole(self, leads):
        whole = record(
            identities=frozenset({ADA, user("u-1")}),
            rules_version=3,
            browsers={"b-1": Browser(NOON, shared=False), "b-2": Browser(LATER, shared=True)},
            mark=7,
            did=5,
            look=False,
            due=parse_moment("2026-04-01T00:00:00.000001Z"),
            absorbed=(TWO,),
            ties=ties_of([activity("a1", ADA, user("u-1")), unmerged("v1", [ADA, user("u-1")], [BOB])]),
            owed=frozenset({TWO}),
            torn=True,
        )

        leads.save(whole)

        assert leads.load(ONE) == replace(whole, version=1)

    def test_a_month_of_long_facts_is_stored_and_added_to(self, leads):
        whole = long_facts(30)
        leads.save(record(state=whole))
        loaded = leads.load(ONE)
        assert loaded.state == whole

        more = whole.merge(state("a9", at="2026-03-09T09:00:00Z"))
        leads.save(replace(loaded, state=more))
        assert leads.load(ONE).state == more

    def test_whose_an_identity_is_can_be_asked_for_certain(self, leads):
        leads.claim(ADA, ONE)

        assert leads.whose([ADA, BOB], consistent=True) == {ADA: ONE}

    def test_a_lead_that_was_never_saved_is_none(self, leads):
        assert leads.load(ONE) is None

    def test_a_record_is_saved_over_the_version_it_was_made_from_alone(self, leads):
        leads.save(record())
        leads.save(record(version=1, mark=1))

        with pytest.raises(Conflict):
            leads.save(record(version=1, mark=2))
        with pytest.raises(Conflict):
            leads.save(record(mark=3))
        assert leads.load(ONE).mark == 1

    def test_a_write_never_lowers_the_rules_version(self, leads):
        leads.save(record(rules_version=5))

        with pytest.raises(Conflict):
            leads.save(record(version=1, rules_version=4))
        assert leads.load(ONE).rules_version == 5

    def test_a_joined_lead_leaves_a_redirect_and_its_identities(self, leads):
        for identity, lead in ((ADA, ONE), (BOB, TWO)):
            leads.claim(identity, lead)
        leads.save(record())
        leads.save(record(TWO, identities=frozenset({BOB})))

        leads.join(
            replace(leads.load(ONE), identities=frozenset({ADA, BOB}), absorbed=(TWO,)),
            replace(leads.load(TWO), merged_into=ONE, state=ScoreState.empty()),
        )

        assert leads.load(TWO).merged_into == ONE
        assert leads.load(ONE).identities == {ADA, BOB}
        assert leads.whose([ADA, BOB]) == {ADA: ONE, BOB: ONE}

    def test_leads_that_changed_meanwhile_are_not_joined(self, leads):
        leads.save(record())
        leads.save(record(TWO, identities=frozenset({BOB})))
        one, two = leads.load(ONE), leads.load(TWO)
        leads.save(replace(two, mark=9))

        with pytest.raises(Conflict):
            leads.join(replace(one, absorbed=(TWO,)), replace(two, merged_into=ONE))
        assert leads.load(ONE).absorbed == ()

    def test_a_lead_is_parted_with_the_identities_that_leave_it(self, leads):
        for identity in (ADA, BOB):
            leads.claim(identity, ONE)
        leads.save(record(identities=frozenset({ADA, BOB})))

        leads.part(
            replace(leads.load(ONE), identities=frozenset({ADA})),
            record(TWO, identities=frozenset({BOB}), state=state("a2")),
        )

        assert leads.load(ONE).identities == {ADA}
        assert leads.load(TWO) == record(TWO, identities=frozenset({BOB}), state=state("a2"), version=1)
        assert leads.whose([ADA, BOB]) == {ADA: ONE, BOB: TWO}

    def test_what_was_joined_is_parted_again(self, leads):
        for identity, lead in ((ADA, ONE), (BOB, TWO)):
            leads.claim(identity, lead)
        leads.save(record())
        leads.save(record(TWO, identities=frozenset({BOB})))
        leads.join(
            replace(leads.load(ONE), identities=frozenset({ADA, BOB}), absorbed=(TWO,)),
            replace(leads.load(TWO), merged_into=ONE, state=ScoreState.empty()),
        )

        leads.part(
            replace(leads.load(ONE), identities=frozenset({ADA}), absorbed=()),
            replace(leads.load(TWO), merged_into=None, state=state("a2")),
        )

        assert leads.whose([ADA, BOB]) == {ADA: ONE, BOB: TWO}
        assert leads.load(TWO).merged_into is None
        assert sorted(_walk(leads, 1)) == [ONE, TWO]

    def test_a_lead_that_changed_meanwhile_is_not_parted(self, leads):
        leads.claim(BOB, ONE)
        leads.save(record(identities=frozenset({ADA, BOB})))
        before = leads.load(ONE)
        leads.save(replace(before, mark=9))

        with pytest.raises(Conflict):
            leads.part(replace(before, identities=frozenset({ADA})), record(TWO, identities=frozenset({BOB})))
        assert leads.load(TWO) is None
        assert leads.whose([BOB]) == {BOB: ONE}

    def test_leads_are_due_from_their_moment_on(self, leads):
        moment = parse_moment("2026-04-01T00:00:00Z")
        leads.save(record(ONE, due=moment))
        leads.save(record(TWO, due=Moment(moment + DAY)))
        leads.save(record(LeadId("lead-3")))

        assert list(leads.due(Moment(moment - 1), 10)) == []
        assert list(leads.due(moment, 10)) == [[ONE]]
        assert sorted(chain(*leads.due(Moment(moment + DAY), 10))) == [ONE, TWO]
        assert len(next(leads.due(Moment(moment + DAY), 1))) == 1

    def test_every_due_lead_is_told_once_in_pages(self, leads):
        many = [LeadId(f"lead-{number:02d}") for number in range(50)]
        for number, lead in enumerate(many):
            leads.save(record(lead, due=Moment(NOON + number)))

        pages = list(leads.due(Moment(NOON + DAY), 7))

        assert [len(page) for page in pages] == [7] * 7 + [1]
        assert sorted(chain(*pages)) == many

    def test_a_lead_that_is_no_longer_due_is_not_found(self, leads):
        moment = parse_moment("2026-04-01T00:00:00Z")
        leads.save(record(due=moment))
        leads.save(record(version=1, due=None))

        assert list(leads.due(moment, 10)) == []

    @pytest.mark.parametrize("segments", [1, 3])
    def test_the_segments_together_hold_each_lead_once(self, leads, segments):
        everyone = [LeadId(f"lead-{number}") for number in range(12)]
        for lead in everyone:
            leads.save(record(lead))

        assert sorted(_walk(leads, segments)) == sorted(everyone)

    def test_a_segment_can_be_limited_to_leads_under_older_rules(self, leads):
        leads.save(record(ONE, rules_version=1))
        leads.save(record(TWO, rules_version=2))

        assert _walk(leads, 1, older_than=2) == [ONE]

    def test_a_segment_may_tell_of_joined_leads_too(self, leads):
        leads.save(record())
        leads.save(record(TWO))
        leads.join(leads.load(ONE), replace(leads.load(TWO), merged_into=ONE))

        assert sorted(leads.segment(0, 1, None, 100, redirects=True)[0]) == [ONE, TWO]

    def test_a_joined_lead_stands_in_no_segment(self, leads):
        leads.save(record(ONE))
        leads.save(record(TWO, merged_into=ONE))

        assert _walk(leads, 1) == [ONE]

    @pytest.mark.parametrize("segments", [1, 3])
    def test_a_segment_goes_on_after_any_lead_of_it(self, leads, segments):
        for number in range(12):
            leads.save(record(LeadId(f"lead-{number}")))

        for number in range(segments):
            whole, _ = leads.segment(number, segments, None, 100)
            for place, lead in enumerate(whole):
                assert leads.segment(number, segments, leads.after(lead), 100)[0] == whole[place + 1 :]

    def test_what_is_left_of_a_damaged_lead_is_salvaged_and_written_over(self, leads, damage):
        leads.claim(ADA, ONE)
        leads.claim(user("u-ada"), ONE)
        leads.claim(BOB, TWO)
        leads.save(record(identities=frozenset({ADA, user("u-ada")}), rules_version=2, mark=4, did=3, due=LATER))
        three = LeadId("lead-3")
        leads.save(record(three, identities=frozenset()))
        leads.join(leads.load(ONE), replace(leads.load(three), merged_into=ONE))
        damage(ONE)
        with pytest.raises(Unreadable):
            leads.load(ONE)

        left = leads.salvage(ONE)

        assert (left.identities, left.absorbed) == ({ADA, user("u-ada")}, (three,))
        assert (left.version, left.rules_version, left.mark, left.did, left.due) == (2, DAMAGED, 4, 3, LATER)
        assert left.state == ScoreState.empty()
        leads.save(replace(left, state=state("a1", "a2"), rules_version=2))
        assert leads.load(ONE).state == state("a1", "a2")
        assert leads.salvage(LeadId("nobody")) is None

    def test_a_damaged_redirect_is_salvaged_and_leads_on_when_it_is_written_over(self, leads, damage):
        for lead, its in ((ONE, ADA), (TWO, BOB)):
            leads.save(record(lead, identities=frozenset({its}), rules_version=2, due=LATER))
        leads.join(leads.load(ONE), replace(leads.load(TWO), merged_into=ONE, due=None))
        damage(TWO)

        left = leads.salvage(TWO)
        leads.save(replace(left, rules_version=2))

        again = leads.load(TWO)
        assert (again.merged_into, again.identities, again.state) == (ONE, frozenset(), ScoreState.empty())
        with pytest.raises(Conflict):
            leads.save(replace(left, rules_version=2))

    def test_rules_that_never_were_are_overruled_and_no_others(self, leads):
        leads.save(record(rules_version=99))
        seen = leads.load(ONE)
        with pytest.raises(Conflict):
            leads.save(replace(seen, rules_version=3))
        with pytest.raises(Conflict):
            leads.overrule(replace(seen, rules_version=3), wrong=98)

        leads.overrule(replace(seen, rules_version=3), wrong=99)

        assert leads.load(ONE).rules_version == 3
        with pytest.raises(Conflict):
            leads.overrule(replace(seen, rules_version=3), wrong=3)


def _walk(leads, segments, older_than=None):
    found = []
    for number in range(segments):
        after, more = None, True
        while more:
            page, after = leads.segment(number, segments, after, 5, older_than)
            found += page
            more = after is not None
    return found


class TestInMemoryLeads(LeadsContract):
    @pytest.fixture
    def damage(self, leads):
        return leads.damaged.add

    @pytest.fixture
    def leads(self):
        return InMemoryLeads()


class TestDynamoDBLeads(LeadsContract):
    @pytest.fixture
    def damage(self, leads, dynamodb):
        def put(lead):
            dynamodb.update_item(
                TableName=LEADS,
                Key={"pk": {"S": f"LEAD#{lead}"}, "sk": {"S": "SCORE"}},
                UpdateExpression="SET #state = :garbage",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":garbage": {"B": b"garbage"}},
            )

        return put

    @pytest.mark.parametrize("page", [1, 8, 100])
    def test_a_lead_that_is_due_by_its_score_and_by_its_stage_is_told_once(self, leads, dynamodb, page):
        many = [LeadId(f"lead-{number}") for number in range(12)]
        for lead in many:
            leads.save(record(lead, due=NOON))
            due = {"due": {"N": str(NOON - 1)}, "due_shard": {"S": due_shard(lead)}}
            dynamodb.put_item(TableName=LEADS, Item={"pk": {"S": f"LEAD#{lead}"}, "sk": {"S": "STAGE"}, **due})

        assert sorted(chain(*leads.due(NOON, page))) == sorted(many)

    @pytest.fixture
    def put(self, dynamodb):
        """Write an attribute of a lead's SCORE item past everybody; None takes it away."""

        def put(name, value):
            said: Any = {"UpdateExpression": "REMOVE #name"}
            if value is not None:
                said = {"UpdateExpression": "SET #name = :value", "ExpressionAttributeValues": {":value": value}}
            place = {"pk": {"S": f"LEAD#{ONE}"}, "sk": {"S": "SCORE"}}
            dynamodb.update_item(TableName=LEADS, Key=place, ExpressionAttributeNames={"#name": name}, **said)

        return put

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *((name, None) for name in ("version", "rules_version", "mark", "look", "state")),
            *((name, {"S": "x"}) for name in ("version", "rules_version", "mark", "did", "state", "months")),
            ("months", {"N": "3"}),
            ("merged_into", {"N": "5"}),
            ("state", {"B": zlib.compress(struct.pack(">I", 2) + b"{}" + b"\xff" * 10)}),
        ],
    )
    def test_whatever_of_a_record_is_damaged_it_is_unreadable_and_salvaged_and_written_over(
        self, leads, put, name, value
    ):
        leads.claim(ADA, ONE)
        leads.save(record(rules_version=2, mark=1, did=1, due=LATER))
        put(name, value)
        with pytest.raises(Unreadable):
            leads.load(ONE)

        left, other = leads.salvage(ONE), leads.salvage(ONE)

        assert (left.identities, left.mark, left.did, left.due) == ({ADA}, 1, 1, LATER)
        leads.save(replace(left, state=state("a1"), rules_version=2))
        assert leads.load(ONE).state == state("a1")
        with pytest.raises(Conflict):
            leads.save(replace(other, rules_version=2))

    @pytest.mark.parametrize("shard", [None, {"S": "elsewhere"}])
    def test_a_moment_that_stands_where_nobody_looks_is_none(self, leads, put, shard):
        leads.save(record(due=LATER))
        put("due_shard", shard)

        assert leads.load(ONE).due is None
        leads.save(replace(leads.load(ONE), due=LATER))
        assert leads.load(ONE).due == LATER

    def test_an_identity_that_is_given_to_no_lead_is_nobody_s(self, leads, dynamodb):
        leads.claim(ADA, ONE)
        dynamodb.update_item(
            TableName=LEADS,
            Key={"pk": {"S": f"IDENTITY#{ADA.key}"}, "sk": {"S": "LEAD"}},
            UpdateExpression="REMOVE #lead",
            ExpressionAttributeNames={"#lead": "lead"},
        )

        assert leads.whose([ADA]) == {}
        assert leads.claim(ADA, TWO) == TWO
        assert leads.claim(ADA, ONE) == TWO

    @pytest.mark.parametrize("broken", [b"garbage", None])
    def test_a_part_of_a_state_that_is_damaged_or_gone_asks_for_a_rebuild_and_is_written_anew(
        self, leads, dynamodb, broken
    ):
        whole = long_facts(30, size=2000)
        leads.save(record(state=whole))
        place = {"pk": {"S": f"LEAD#{ONE}"}, "sk": {"S": f"SCORE#{sorted(_parts(dynamodb))[0]}"}}
        if broken is None:
            dynamodb.delete_item(TableName=LEADS, Key=place)
        else:
            dynamodb.put_item(TableName=LEADS, Item={**place, "state": {"B": broken}})

        seen = leads.load(ONE)
        assert (seen.state, seen.rules_version, seen.identities) == (ScoreState.empty(), DAMAGED, {ADA})
        leads.save(replace(seen, state=whole, rules_version=3))

        assert leads.load(ONE).state == whole

    @pytest.fixture
    def leads(self, dynamodb):
        return DynamoDBLeads(dynamodb, LEADS)

    @pytest.fixture
    def spilling(self, monkeypatch):
        """Makes every state too large for one item."""
        monkeypatch.setattr(lead_items, "SPILL_ABOVE", 0)

    @pytest.fixture
    def steps(self, monkeypatch):
        """Makes leads of 60 kB too large for one transaction."""
        monkeypatch.setattr(lead_items, "PART_BYTES", 4_000)
        monkeypatch.setattr(dynamodb_leads, "_TRANSACTION_BYTES", 20_000)

    def test_a_large_state_is_kept_by_month_and_loaded_whole(self, leads, dynamodb, spilling):
        whole = state("a1").merge(state("a2", at="2026-05-01T09:00:00Z"))

        leads.save(record(state=whole))

        assert leads.load(ONE).state == whole
        stored = {item["sk"]["S"] for item in dynamodb.scan(TableName=LEADS)["Items"]}
        assert stored == {"SCORE", "SCORE#2026-03", "SCORE#2026-05"}

    def test_only_the_months_that_changed_are_written(self, leads, dynamodb, spilling):
        leads.save(record(state=state("a1").merge(state("a2", at="2026-05-01T09:00:00Z"))))
        loaded = leads.load(ONE)
        writes = _count(dynamodb, "TransactWriteItems")

        leads.save(replace(loaded, state=loaded.state.merge(state("a3", at="2026-05-02T09:00:00Z"))))

        assert [len(each["TransactItems"]) for each in writes] == [2]

    def test_a_month_that_outgrows_an_item_is_halved_until_each_part_fits(self, leads, dynamodb):
        leads.save(record(state=long_facts(30)))

        parts = _parts(dynamodb)
        assert {name[:9] for name in parts} == {"2026-03.0", "2026-03.1"}
        assert max(map(len, parts.values())) <= lead_items.PART_BYTES

    def test_what_is_added_to_a_halved_month_writes_one_part(self, leads, dynamodb):
        leads.save(record(state=long_facts(30)))
        loaded = leads.load(ONE)
        writes = _count(dynamodb, "TransactWriteItems")

        leads.save(replace(loaded, state=loaded.state.merge(state("a9", at="2026-03-09T09:00:00Z"))))

        assert [len(each["TransactItems"]) for each in writes] == [2]

    def test_a_part_that_was_halved_is_taken_away(self, leads, dynamodb):
        leads.save(record(state=long_facts(9)))
        assert set(_parts(dynamodb)) == {"2026-03"}
        loaded = leads.load(ONE)

        leads.save(replace(loaded, state=loaded.state.merge(long_facts(9, seed=2))))

        assert set(_parts(dynamodb)) == {"2026-03.0", "2026-03.1"}

    def test_a_lead_beyond_one_transaction_is_written_in_steps_and_read_whole(self, leads, dynamodb, steps):
        whole, more = long_facts(30, size=2000), long_facts(3, size=2000, seed=2)
        leads.save(record(state=whole))
        assert len(_parts(dynamodb)) > 15
        assert leads.load(ONE).state == whole

        leads.save(replace(leads.load(ONE), state=whole.merge(more)))
        leads.save(replace(leads.load(ONE), state=whole))
        assert leads.load(ONE).state == whole

    def test_who_comes_too_late_with_a_lead_beyond_one_transaction_leaves_nothing(self, leads, dynamodb, steps):
        whole, other = long_facts(30, size=2000), long_facts(30, size=2000, seed=2)
        leads.save(record(state=whole))
        before = _parts(dynamodb)

        with pytest.raises(Conflict):
            leads.save(record(state=whole.merge(other)))

        assert _parts(dynamodb) == before
        assert leads.load(ONE).state == whole

    def test_leads_beyond_one_transaction_are_joined(self, leads, steps):
        one, two = long_facts(30, size=2000), long_facts(30, size=2000, seed=2)
        leads.save(record(state=one))
        leads.save(record(TWO, identities=frozenset({BOB}), state=two))

        leads.join(
            replace(leads.load(ONE), state=one.merge(two), identities=frozenset({ADA, BOB}), absorbed=(TWO,)),
            replace(leads.load(TWO), merged_into=ONE, state=ScoreState.empty()),
        )

        assert leads.load(ONE).state == one.merge(two)
        assert leads.load(TWO).state == ScoreState.empty()

    def test_every_part_of_a_lead_is_found_and_wiped(self, leads, dynamodb, steps):
        leads.save(record(state=long_facts(30, size=2000)))
        traces = DynamoDBTraces(dynamodb, activities=ACTIVITIES, leads=LEADS)

        assert len(traces.of(ONE)) > 15
        traces.wipe(ONE, 1)
        assert traces.of(ONE) == []

    @pytest.mark.parametrize(
        ("damage", "told"),
        [(lambda packed: b"\xff" + packed[1:], OTHER_FORMAT), (lambda packed: packed[:-3], DAMAGED)],
    )
    def test_a_state_of_another_format_is_told_from_a_damaged_one(self, leads, monkeypatch, damage, told):
        pack = ScoreState.pack
        monkeypatch.setattr(ScoreState, "pack", lambda self: damage(pack(self)))

        leads.save(record(rules_version=3))

        loaded = leads.load(ONE)
        assert loaded.identities == {ADA}
        assert loaded.state == ScoreState.empty()
        assert loaded.rules_version == told
        leads.save(replace(loaded, rules_version=3))


def _parts(client):
    items = client.scan(TableName=LEADS)["Items"]
    return {item["sk"]["S"][6:]: item["state"]["B"] for item in items if item["sk"]["S"].startswith("SCORE#")}


def _count(client, operation):
    """Every request of an operation from now on."""
    seen = []
    client.meta.events.register(
        f"provide-client-params.dynamodb.{operation}", lambda params, **rest: seen.append(params)
    )
    return seen
