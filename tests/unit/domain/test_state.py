import random
import uuid
import zlib

import pytest

from shared.domain.moments import DAY, SECOND, Moment
from shared.domain.state import ScoreState, UnknownFormat, digest, known_facts, short_id, unpack
from tests.unit.domain.leads import activity, facts, moment, rules_of
from tests.unit.domain.test_presets import preset


def browser_activities(count, seed=7):
    """What a browser's client sends: ids with their milliseconds and a random UUID, times in milliseconds."""
    chance = random.Random(seed)
    at = moment(1) // 1000
    paths = ["/", "/pricing", "/product", "/about", "/blog/one", "/blog/two", "/careers", "/docs", "/docs/api"]
    found = []
    for _ in range(count):
        at += int(chance.expovariate(1 / (700 * DAY // 1000 / count)))
        name = f"ajs-next-{at + chance.randint(-3, 900)}-{uuid.UUID(int=chance.getrandbits(128), version=4)}"
        found.append(activity("page_viewed", at=Moment(at * 1000), id=name, path=chance.choice(paths)))
    return found


def packed(rules, some):
    return zlib.compress(rules.absorb(ScoreState.empty(), some).pack(), 9)


@pytest.mark.parametrize("name", ["000", "004", "default"])
def test_a_lead_is_stored_in_little_room(name):
    rules = preset(name)
    known = facts(
        lead={"email": "ada@example.com", "title": "Head of Sales"}, company={"name": "Example", "employees": 200}
    )
    assert len(packed(rules, [*browser_activities(50), known])) <= 1024
    assert len(packed(rules, browser_activities(1000))) <= 12_000


def test_a_lead_of_twenty_thousand_activities_is_kept_by_months_and_stays_exact():
    rules, some = preset("default"), browser_activities(20_000)
    state = rules.absorb(ScoreState.empty(), some)
    parts = [part.pack() for part in state.split_by_month().values()]
    assert len(zlib.compress(state.pack(), 9)) > 32 * 1024
    assert max(len(zlib.compress(part, 9)) for part in parts) <= 12_000
    joined = ScoreState.empty()
    for part in parts:
        joined = joined.merge(unpack(part))
    assert joined == state
    assert rules.score(joined, some[-1].occurred_at) == rules.score(rules.replayed(some), some[-1].occurred_at)


def test_a_state_of_another_format_is_refused():
    with pytest.raises(UnknownFormat):
        unpack(b"\xff" + ScoreState.empty().pack()[1:])
    with pytest.raises(UnknownFormat):
        unpack(b"")


def test_nothing_is_a_state_too():
    assert unpack(ScoreState.empty().pack()) == ScoreState.empty()
    assert ScoreState.empty().last_activity_at is None
    assert ScoreState.empty().split_by_month() == {}


def test_it_splits_by_the_month_of_activities():
    rules = preset("default")
    state = rules.absorb(
        ScoreState.empty(), [activity("demo_requested", 1), activity("demo_requested", 40), activity("x", 70)]
    )
    parts = state.split_by_month()
    assert sorted(parts) == ["2026-01", "2026-02", "2026-03"]
    assert parts["2026-02"].merge(parts["2026-03"]).merge(parts["2026-01"]) == state


def test_what_no_rule_asks_about_is_not_kept_but_for_when_it_was():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 1}])
    state = rules.absorb(ScoreState.empty(), [activity("other", 3), activity("crm", 5, own=False)])
    assert (len(state.entries), len(state.seen), state.last_activity_at) == (0, 0, moment(3))


@pytest.mark.parametrize(
    "name",
    ["1", "ajs-next-1712345678901-x", "", "00000000-0000-4000-8000-000000000001", "A" * 36, "é-\n-\x00", "x" * 64],
)
def test_ids_that_do_not_look_random_are_kept_whole(name):
    assert short_id(name) == name


def test_ids_that_look_random_are_cut_to_what_tells_them_apart_and_orders_them():
    chance = random.Random(1)
    names = [f"ajs-next-1712345678901-{uuid.UUID(int=chance.getrandbits(128), version=4)}" for _ in range(2000)]
    cut = [short_id(name) for name in names]
    assert len(set(cut)) == 2000
    ties = len({name[:27] for name in names})
    assert ties > 1900
    by_cut = sorted(range(2000), key=cut.__getitem__)
    assert [names[place][:27] for place in by_cut] == sorted(name[:27] for name in names)


def test_long_ids_keep_what_tells_them_apart_and_orders_those_that_begin_otherwise():
    chance = random.Random(2)
    names = [f"{chance.getrandbits(152):038x}{chance.randbytes(81).hex()}" for _ in range(2000)]
    cut = [short_id(name) for name in names]
    assert {len(each) for each in cut} == {57}
    assert cut == [short_id(name) for name in names]
    assert [name[:40] for name in sorted(names)] == [each[:40] for each in sorted(cut)]


@pytest.mark.parametrize("end", ["", "3f2a1b0c-5d6e-4f70-8192-a3b4c5d6e7f8"])
def test_long_ids_that_begin_alike_are_told_apart_however_they_end(end):
    names = [f"{'x' * 160}{number:03}{end}" for number in range(1000)]
    assert len({short_id(name) for name in names}) == 1000
    assert {len(short_id(name)) for name in names} == {57}
    assert short_id("x" * 65) != short_id("x" * 66)


def test_long_ids_do_not_blow_up_a_state():
    rules, chance = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 1}]), random.Random(3)
    some = [activity("seen", id=f"public:{chance.randbytes(100).hex()}") for _ in range(100)]
    assert len(packed(rules, some)) < 100 * 40
    assert rules.absorb(rules.absorb(ScoreState.empty(), some), some) == rules.absorb(ScoreState.empty(), some)


def test_halves_are_the_whole_together_and_what_is_added_changes_one_of_them():
    rules = preset("default")
    some = browser_activities(200)
    state, more = rules.absorb(ScoreState.empty(), some[:-1]), rules.absorb(ScoreState.empty(), some)
    for depth in (0, 1, 63):
        one, two = state.halves(depth)
        assert one.merge(two) == state
        assert min(len(one.entries), len(two.entries)) > 60
        assert (one.entries == more.halves(depth)[0].entries) != (two.entries == more.halves(depth)[1].entries)


def test_any_id_survives_being_packed():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 1}])
    names = ["", "\n", "é", "ajs-next-1712345678901-3f2a~0011aabb", "0000~12345678", "x1767225600000y-abcd~12345678"]
    names += [short_id("é" * 100), short_id("x" * 36 + "abcd" + "y" * 99)]
    names += ["9" * 13 + "~" + "abcd~00000000", "0" * 13 + "abcd~00000000"]
    state = rules.absorb(ScoreState.empty(), [activity("seen", id=name) for name in names])
    assert unpack(state.pack()) == state
    assert set(state.entries) == set(names)
    early = rules.absorb(ScoreState.empty(), [activity("seen", id="old", at=Moment(-5 * SECOND - 1))])
    assert unpack(early.pack()) == early


def test_of_two_activities_with_one_id_the_earlier_stays():
    rules = rules_of(behaviour=[{"id": "a", "on": "seen", "points": 1}])
    one, two = activity("seen", 1, id="x"), activity("seen", 2, id="x")
    for order in ([one, two], [two, one]):
        assert rules.absorb(ScoreState.empty(), order).entries["x"].at == moment(1)


def test_values_that_a_rule_file_takes_for_equal_share_a_digest():
    assert digest(" A ") == digest("a")
    assert digest(1) == digest(1.0)
    assert digest(100) == digest(1e2)
    assert len({digest(value) for value in ("1", 1, True, None, 10, 0, "", [1], {"a": 1}, 0.1)}) == 10


def test_facts_are_known_from_the_state_and_at_a_moment():
    rules = rules_of()
    state = rules.absorb(ScoreState.empty(), [facts(1, id="a", lead={"x": 1}), facts(5, id="b", lead={"x": 2.5})])
    assert known_facts(unpack(state.pack())).lead == {"x": 2.5}
    assert known_facts(state, moment(4)).lead == {"x": 1}
