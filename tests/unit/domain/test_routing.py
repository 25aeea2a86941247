from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.facts import Facts
from shared.domain.reading import parse_rule_file
from shared.domain.routing import Member, Owner, in_turn, reroute, route, unknown_owners

ADA, BOB, EVE = Member("ada", takes=("DE", "AT")), Member("bob"), Member("eve", takes=("de", "FR"))
ROSTERS = {"inside": (ADA, BOB, EVE), "large": (Member("ines"),), "empty": (), "default": (Member("dora"),)}
WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def rule(to="inside", **route):
    stages = [{"name": "mql", "enter": {"activity": "seen"}}]
    told = {"to": to} | ({"route": route} if route else {})
    return parse_rule_file({"stages": stages, "handoff": {"mql": told}}).handoff["mql"]


class Turns:
    """Counters that begin at 0, as they are stored."""

    def __init__(self):
        self.taken = Counter()

    def take(self, counter):
        self.taken[counter] += 1
        return self.taken[counter] - 1


def crew(weights):
    return tuple(Member(f"m{place}", weight) for place, weight in enumerate(weights))


@given(WEIGHTS, st.integers(0, 10_000), st.integers(1, 4))
def test_any_whole_rounds_of_turns_give_each_member_as_many_as_its_weight(weights, first, rounds):
    members = crew(weights)
    turns = range(first, first + rounds * sum(weights))

    had = Counter(in_turn(members, turn) for turn in turns)

    assert had == {member.name: rounds * member.weight for member in members}


@given(WEIGHTS, st.integers(0, 10_000))
def test_nobody_has_two_turns_in_a_row_where_that_can_be_avoided(weights, first):
    members, whole = crew(weights), sum(weights)
    order = [in_turn(members, turn) for turn in range(first, first + whole + 1)]

    repeated = sum(one == two for one, two in pairwise(order))

    # Whoever has more than half of all turns must meet itself; nobody else does.
    unavoidable = max(0, 2 * max(weights) - whole) if len(weights) > 1 else whole
    assert repeated == unavoidable


def test_in_a_team_without_members_nobody_takes_turns():
    with pytest.raises(ValueError, match="without members"):
        in_turn((), 0)


def test_without_a_route_the_members_of_the_team_take_turns():
    turns = Turns()
    owners = [route(rule(), ROSTERS, Facts(), turns.take) for _ in range(6)]
    assert Counter(owner.assignee for owner in owners) == {"ada": 2, "bob": 2, "eve": 2}
    assert {owner.team for owner in owners} == {"inside"}
    assert turns.taken == {"inside": 6}


def test_a_fact_finds_the_member_who_takes_it_and_costs_nobody_a_turn():
    turns = Turns()
    routed = rule(by="company.country")
    assert route(routed, ROSTERS, Facts(company={"country": " at "}), turns.take) == Owner("inside", "ada")
    assert route(routed, ROSTERS, Facts(company={"country": "FR"}), turns.take) == Owner("inside", "eve")
    assert turns.taken == {}


@pytest.mark.parametrize("known", [{}, {"country": "JP"}, {"country": None}, {"country": 49}, {"country": ["DE"]}])
def test_a_fact_that_nobody_takes_leaves_it_to_turns(known):
    turns = Turns()
    assert route(rule(by="company.country"), ROSTERS, Facts(company=known), turns.take).assignee is not None
    assert turns.taken == {"inside": 1}


def test_members_who_take_the_same_take_turns_among_themselves():
    turns = Turns()
    facts = Facts(company={"country": "de"})
    owners = [route(rule(by="company.country"), ROSTERS, facts, turns.take).assignee for _ in range(4)]
    assert Counter(owners) == {"ada": 2, "eve": 2}
    assert "inside" not in turns.taken


def test_the_first_rule_that_holds_names_a_team_or_a_member_of_the_stage_s_own():
    routed = rule(
        rules=[
            {"when": {"company.name": {"is": "Acme"}}, "to": "bob"},
            {"when": {"company.employees": {"at_least": 1000}}, "to": "large"},
            {"when": {"qualification.need": {"is": "rfp"}}, "to": "empty"},
        ],
        by="company.country",
    )
    turns = Turns()

    def owner(**known):
        company = {key: value for key, value in known.items() if key != "need"}
        need = {"need": known["need"]} if "need" in known else {}
        return route(routed, ROSTERS, Facts(company=company, qualification=need), turns.take)

    assert owner(name="acme", employees=5000) == Owner("inside", "bob")
    assert owner(name="Globex", employees=5000) == Owner("large", "ines")
    assert owner(need="rfp") == Owner("empty", None)
    assert owner(country="AT") == Owner("inside", "ada")


@pytest.mark.parametrize("known", [{}, {"country": "FR"}])
def test_a_rule_to_somebody_who_has_left_leaves_the_lead_with_the_stage_s_team(known):
    routed = rule(rules=[{"when": {"company.name": {"is": "Acme"}}, "to": "ines"}], by="company.country")
    facts = Facts(company={"name": "Acme", **known})

    assert route(routed, ROSTERS, facts, Turns().take) == Owner("inside", "eve" if known else "ada")


def test_a_team_that_is_not_configured_is_stood_in_for_by_the_default():
    assert route(rule("nobody"), ROSTERS, Facts(), Turns().take) == Owner("nobody", "dora")
    assert route(rule("nobody"), {}, Facts(), Turns().take) == Owner("nobody", None)


@given(WEIGHTS, st.integers(0, 100), st.data())
def test_whoever_left_a_lead_waiting_does_not_get_it_again_unless_they_are_alone(weights, first, data):
    members = crew(weights)
    slow = data.draw(st.sampled_from(members)).name
    turns = Turns()
    turns.taken["inside"] = first

    owner = reroute(rule(), {"inside": members}, Facts(), "inside", turns.take, instead_of=slow)

    assert (owner.assignee == slow) is (len(members) == 1)


def test_another_team_gets_a_lead_that_was_left_waiting_as_it_gets_a_new_one():
    owner = reroute(rule(by="company.country"), ROSTERS, Facts(), "large", Turns().take, instead_of="ada")
    assert owner == Owner("large", "ines")
    assert reroute(None, ROSTERS, Facts(), "empty", Turns().take, instead_of="ada") == Owner("empty", None)


def test_teams_and_members_that_the_settings_do_not_have_are_told_with_where_and_who_gets_the_leads():
    misspelt = {
        "to": "insde",
        "respond_within": "1h",
        "escalate": {"to": "larg"},
        "reassign": {"after": "1h", "to": "nobody"},
        "route": {"rules": [{"when": {"company.name": {"is": "Acme"}}, "to": "doro"}]},
    }
    stages = [{"name": "mql", "enter": {"activity": "seen"}}]
    file = parse_rule_file({"stages": stages, "handoff": {"mql": misspelt}})
    told = [
        (".".join(map(str, each.path)), each.message.split(": ")[1], each.hint)
        for each in unknown_owners(file, ROSTERS)
    ]

    assert told == [
        ("handoff.mql.to", "`default` stands in for it", "did you mean 'inside'?"),
        ("handoff.mql.escalate.to", "`default` stands in for it", "did you mean 'large'?"),
        ("handoff.mql.reassign.to", "`default` stands in for it", "valid here: inside, large, empty, default"),
        ("handoff.mql.route.rules.0.to", "'insde' gets the lead", "did you mean 'dora'?"),
    ]


@pytest.mark.parametrize("to", ["bob", "large"])
def test_of_a_team_or_a_member_of_the_stage_s_own_nothing_is_told(to):
    rules = [{"when": {"company.name": {"is": "Acme"}}, "to": to}]
    told = {"to": "inside", "respond_within": "1h", "escalate": {"to": "large"}, "route": {"rules": rules}}
    stages = [{"name": "mql", "enter": {"activity": "seen"}}]

    assert not list(unknown_owners(parse_rule_file({"stages": stages, "handoff": {"mql": told}}), ROSTERS))
