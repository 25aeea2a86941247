from decimal import Decimal
from typing import Any

import pytest

from shared.domain import conditions
from shared.domain.activity import Activity, Identity, IdentityKind
from shared.domain.conditions import ConditionError, matches_wildcards, parse_condition
from shared.domain.facts import Facts
from shared.domain.stages import ACTIVITY_ROOTS, FACT_ROOTS
from tests.unit.domain.leads import activity, moment


def holds(raw, **properties):
    return conditions.holds(parse_condition(raw, ACTIVITY_ROOTS))(activity("seen", **properties))


@pytest.mark.parametrize(
    ("operator", "operand", "value", "answer"),
    [
        ("is", "Red", " RED ", True),
        ("is", "straße", "STRASSE", True),
        ("is", "200", 200, False),
        ("is", 200, "200", False),
        ("is", 200, 200.0, True),
        ("is", 0.1, Decimal("0.1"), True),
        ("is", 0.1, Decimal("0.1000000000000000055511151231257827"), False),
        ("in", [0.1], Decimal("0.1000000000000000055"), False),
        ("in", [1], Decimal("1.0"), True),
        ("contains", 0.1, [Decimal("0.10")], True),
        ("is", True, 1, False),
        ("is", 1, True, False),
        ("is", True, True, True),
        ("is", "a", ["a"], False),
        ("is_not", "a", ["a"], True),
        ("is_not", "a", "b", True),
        ("is_not", "a", " A", False),
        ("is_not", 200, "200", True),
        ("in", ["a", 1], "A", True),
        ("in", ["a", 1], True, False),
        ("in", ["a", 1], 1.0, True),
        ("not_in", ["a", 1], 2, True),
        ("not_in", ["a", 1], 1, False),
        ("contains", "an", "banana", True),
        ("contains", "AN", ["an", "x"], True),
        ("contains", "an", ["banana"], False),
        ("contains", 1, [1.0], True),
        ("contains", 1, "1", False),
        ("contains_any", ["x", "nan"], "banana", True),
        ("contains_any", ["x", 2], ["y", 2], True),
        ("contains_any", ["x"], [], False),
        ("starts_with", "/Pricing", "/pricing/teams", True),
        ("starts_with", "/pricing", "/blog/pricing", False),
        ("starts_with", "a", ["a"], False),
        ("ends_with", ".PDF ", "guide.pdf", True),
        ("ends_with", ".pdf", "guide.pdf?x", False),
        ("like", "/blog/*", "/blog/one", True),
        ("like", "/blog/?", "/blog/one", False),
        ("like", "*guide*", "The Buyers-Guide", True),
        ("like", "[a-z].*", "q.*", False),
        ("above", 5, 5.000000001, True),
        ("above", 5, 5, False),
        ("above", 9007199254740992, Decimal("9007199254740993.0"), True),
        ("above", Decimal("9007199254740992.5"), 9007199254740992, False),
        ("above", 5, Decimal("1e400"), True),
        ("below", 0.1, Decimal("0.1000000000000000055"), False),
        ("between", [0.1, 0.2], Decimal("0.09999999999999999999999999999999999"), False),
        ("between", [0, 1], Decimal("1.00000000000000000000000000000000001"), False),
        ("at_least", 5, 5, True),
        ("at_least", 5, "6", False),
        ("at_least", 0, False, False),
        ("below", 5, 4.9, True),
        ("below", 5, 5, False),
        ("at_most", 0.1, 0.1, True),
        ("between", [1, 3], 1, True),
        ("between", [1, 3], 3, True),
        ("between", [1, 3], 3.1, False),
        ("before", "2026-01-02T00:00:00Z", "2026-01-02T00:59:00+01:00", True),
        ("before", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", False),
        ("after", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00.000001Z", True),
        ("after", "2026-01-02T00:00:00Z", "2026-01-03", False),
        ("after", "2026-01-02T00:00:00Z", 1, False),
        ("exists", True, "", True),
        ("exists", True, [], True),
        ("exists", True, 0, True),
        ("exists", False, "", False),
        ("above", 5, float("nan"), False),
        ("below", 5, float("-inf"), False),
        ("is_not", 5, float("nan"), True),
    ],
)
def test_each_operator_answers_as_the_rule_file_says(operator, operand, value, answer):
    assert holds({"properties.x": {operator: operand}}, x=value) is answer


@pytest.mark.parametrize("operator", [name for name in conditions.OPERATORS if name != "exists"])
def test_a_missing_field_matches_only_the_negative_operators(operator):
    operands = {"before": "2026-01-01T00:00:00Z", "after": "2026-01-01T00:00:00Z"}
    lists = {"in": ["a"], "not_in": ["a"], "contains_any": ["a"]}
    numbers = dict.fromkeys(("above", "at_least", "below", "at_most"), 1)
    given = {**operands, **lists, **numbers, "between": [1, 2]}
    operand = given.get(operator, "a")
    assert holds({"properties.x": {operator: operand}}) is (operator in ("is_not", "not_in"))
    assert holds({"properties.x": {operator: operand}}, x=None) is (operator in ("is_not", "not_in"))


def test_a_missing_field_does_not_exist():
    assert holds({"properties.x": {"exists": False}})
    assert not holds({"properties.x": {"exists": True}})


def test_each_dot_descends_one_mapping_and_a_step_through_anything_else_is_missing():
    assert holds({"properties.a.b": {"is": 1}}, a={"b": 1})
    assert holds({"properties.a.b": {"exists": False}}, a=[{"b": 1}])
    assert holds({"properties.a.b": {"exists": False}}, a="b")
    assert not holds({"properties.a.b": {"is": 1}}, **{"a.b": 1})


def test_channel_and_context_can_be_asked():
    one = Activity(
        "1", "seen", moment(), moment(), (Identity(IdentityKind.EMAIL, "a@b.c"),), channel="Email", context={"ip": "x"}
    )
    assert conditions.holds(parse_condition({"channel": {"is": "email"}, "context.ip": {"is": "x"}}, ACTIVITY_ROOTS))(
        one
    )
    assert conditions.holds(parse_condition({"source": {"exists": False}}, ACTIVITY_ROOTS))(one)


def test_several_fields_and_operators_all_hold_and_words_nest():
    raw = {
        "properties.a": {"above": 1, "below": 3},
        "any": [
            {"properties.b": {"is": 1}},
            {"all": [{"properties.b": {"is": 2}}, {"not": {"properties.c": {"is": 1}}}]},
        ],
    }
    assert holds(raw, a=2, b=1)
    assert holds(raw, a=2, b=2)
    assert not holds(raw, a=2, b=2, c=1)
    assert not holds(raw, a=3, b=1)


def test_wildcards_do_not_take_long_on_hostile_text():
    assert not matches_wildcards("a" * 5000, "*a*a*a*a*a*a*a*b")
    assert matches_wildcards("", "*")
    assert not matches_wildcards("", "?")


def answer(raw, **known):
    return conditions.decides(parse_condition(raw, FACT_ROOTS))(Facts(company=known))


def test_a_fit_condition_is_unknown_only_while_a_missing_fact_could_decide_it():
    size, kind = {"company.size": {"at_least": 5}}, {"company.kind": {"is": "x"}}
    assert answer(size) == (None, {"company.size"})
    assert answer({"not": size}) == (None, {"company.size"})
    assert answer({"all": [size, kind]}, kind="y") == (False, frozenset())
    assert answer({"any": [size, kind]}, kind="x") == (True, frozenset())
    assert answer({"any": [size, kind]}, kind="y") == (None, {"company.size"})
    assert answer({**size, **kind}) == (None, {"company.size", "company.kind"})
    assert answer({"company.size": {"is_not": 5}}) == (None, {"company.size"})
    assert answer({"company.size": {"exists": False}}) == (True, frozenset())
    assert answer({"company.size": {"exists": True}}) == (False, frozenset())


@pytest.mark.parametrize(
    ("raw", "told", "path"),
    [
        ({"properties.x": {"equals": 1}}, "'equals' is no operator", ("properties.x", "equals")),
        ({"propertys.x": {"is": 1}}, "is no field", ("propertys.x",)),
        ({"lead.role": {"is": 1}}, "is no field", ("lead.role",)),
        ({"properties": {"is": 1}}, "write properties.NAME", ("properties",)),
        ({"properties..x": {"is": 1}}, "write properties.NAME", ("properties..x",)),
        ({"channel.x": {"is": 1}}, "no parts", ("channel.x",)),
        ({"properties.x": 5}, "write an operator", ("properties.x",)),
        ({"properties.x": {}}, "write an operator", ("properties.x",)),
        ({"properties.x": {"in": "a"}}, "wants a list", ("properties.x", "in")),
        ({"properties.x": {"in": []}}, "wants a list", ("properties.x", "in")),
        ({"properties.x": {"above": "5"}}, "wants a number", ("properties.x", "above")),
        ({"properties.x": {"above": True}}, "wants a number", ("properties.x", "above")),
        ({"properties.x": {"between": [3, 1]}}, "lower end first", ("properties.x", "between")),
        ({"properties.x": {"after": "2026-01-01T00:00:00"}}, "has no offset", ("properties.x", "after")),
        ({"properties.x": {"exists": "yes"}}, "true or false", ("properties.x", "exists")),
        ({"all": []}, "wants a list of conditions", ("all",)),
        ({"any": [{"properties.x": {"is": 1}}, {"x": {}}]}, "is no field", ("any", 1, "x")),
        ({"not": []}, "a condition is a mapping", ("not",)),
        ({}, "a condition is a mapping", ()),
        ("x", "a condition is a mapping", ()),
    ],
)
def test_what_is_no_condition_is_told_by_its_path(raw, told, path):
    with pytest.raises(ConditionError, match=told) as caught:
        parse_condition(raw, ACTIVITY_ROOTS)
    assert caught.value.path == path


def test_the_nearest_operator_is_named():
    with pytest.raises(ConditionError) as caught:
        parse_condition({"properties.x": {"start_with": "a"}}, ACTIVITY_ROOTS)
    assert caught.value.hint == "did you mean 'starts_with'?"


def test_conditions_nest_only_so_deep():
    raw: dict[str, Any] = {"properties.x": {"is": 1}}
    for _ in range(30):
        raw = {"not": raw}
    with pytest.raises(ConditionError, match="nest at most"):
        parse_condition(raw, ACTIVITY_ROOTS)
