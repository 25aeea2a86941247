"""What is wrong with a rule file is told with its key, and with the nearest valid one."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

import shared.domain
from infra.cli.rules import schema_text
from shared.domain.durations import DurationError, in_words, parse_duration
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.rulefile import EMPTY

RULE = {"id": "a", "on": "seen", "points": 1}


def problems(**document):
    with pytest.raises(RuleFileError) as caught:
        parse_rule_file(document)
    return [(".".join(map(str, problem.path)), problem.message, problem.hint) for problem in caught.value.problems]


def rule(**changed):
    return {"behaviour": [{**RULE, **changed}]}


def without(key, **changed):
    return {"behaviour": [{name: value for name, value in {**RULE, **changed}.items() if name != key}]}


@pytest.mark.parametrize(
    ("document", "path", "told"),
    [
        ({"behavior": []}, "behavior", "did you mean 'behaviour'?"),
        (rule(pionts=1), "behaviour.0.pionts", "did you mean 'points'?"),
        (rule(at_least={"time": 1}), "behaviour.0.at_least.time", "did you mean 'times'?"),
        (rule(repeat="onse"), "behaviour.0.repeat", "did you mean 'once'?"),
        (rule(importance="very"), "behaviour.0.importance", "valid here"),
        (rule(decay={"half_lif": "3d"}), "behaviour.0.decay", "did you mean 'half_life'?"),
        (rule(decay={"half_life": "3 days"}), "behaviour.0.decay.half_life", "is not a duration"),
        (rule(decay={"linear": {"lose": "x%", "every": "3d"}}), "behaviour.0.decay.linear.lose", "is no share"),
        (rule(decay={"linear": {"loose": "5%", "every": "3d"}}), "behaviour.0.decay.linear.loose", "'lose'"),
        (rule(decay={"half_life": "3d", "since": "ever"}), "behaviour.0.decay.since", "last_activity"),
        (without("points"), "behaviour.0", "'points' is missing"),
        (rule(points="5"), "behaviour.0.points", "is not a number"),
        (rule(points=True), "behaviour.0.points", "is not a number"),
        (rule(points=float("nan")), "behaviour.0.points", "is not a number"),
        (rule(points=0.1234567891), "behaviour.0.points", "nine decimals"),
        (rule(points=10**12), "behaviour.0.points", "too large"),
        (rule(points=0), "behaviour.0.points", "never earn"),
        (rule(cap=0), "behaviour.0.cap", "not above zero"),
        (rule(active={"from": "2026-01-01"}), "behaviour.0.active.from", "has no offset"),
        (
            rule(active={"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
            "behaviour.0.active",
            "never earn",
        ),
        (rule(where={"properties.x": {"iss": 1}}), "behaviour.0.where.properties.x.iss", "did you mean 'is'?"),
        (rule(where={"lead.x": {"is": 1}}), "behaviour.0.where.lead.x", "no field"),
        (rule(only_if={"properties.x": {"is": 1}}), "behaviour.0.only_if.properties.x", "no field"),
        (rule(idle={"for": "3d"}), "behaviour.0", "either `on` or `idle`"),
        (without("on"), "behaviour.0", "either `on` or `idle`"),
        (without("on", idle={"for": "3d"}, repeat="latest"), "behaviour.0.repeat", "repeats `every`"),
        (without("on", idle={"for": "3d"}, where={"channel": {"is": "x"}}), "behaviour.0.where", "does not go with"),
        (rule(group="web"), "behaviour.0.group", "no group 'web'"),
        (rule(score="engagment"), "behaviour.0.score", "did you mean 'engagement'?"),
        (rule(instead_of="b"), "behaviour.0.instead_of", "no behaviour rule 'b'"),
        (rule(instead_of="a"), "behaviour.0.instead_of", "circle: a → a"),
        ({"behaviour": [RULE, RULE]}, "behaviour.1.id", "taken already"),
        ({"total": {"engagment": 1}}, "total.engagment", "did you mean 'engagement'?"),
        ({"scores": {"x": {"floor": 1}}}, "scores.x.floor", "at most 0"),
        ({"scores": {"x": {"cap": -1}}}, "scores.x.cap", "at least 0"),
        ({"temperature": [{"name": "a"}, {"name": "b"}]}, "temperature.1", "needs an edge"),
        (
            {"temperature": [{"name": "a", "above": 5}, {"name": "b", "above": 5}]},
            "temperature.1",
            "does not lie above",
        ),
        ({"grades": [{"name": "a", "above": 5, "at_least": 5}]}, "grades.0", "one edge"),
        ({"stages": [{"name": "a", "enter": {"scor": {"above": 1}}}]}, "stages.0.enter", "did you mean 'score'?"),
        ({"stages": [{"name": "a", "enter": {"grade.x": "A"}}]}, "stages.0.enter.grade.x", "nothing that a stage"),
        ({"stages": [{"name": "a", "enter": {"score": {"abov": 1}}}]}, "stages.0.enter.score.abov", "'above'"),
        ({"stages": [{"name": "a", "enter": {"score": 5}}]}, "stages.0.enter.score", "at_least"),
        ({"stages": [{"name": "a", "enter": {"consent": "yes"}}]}, "stages.0.enter.consent", "no consent"),
        ({"stages": [{"name": "a", "enter": {"qualified": ["bugdet"]}}]}, "stages.0.enter.qualified", "'budget'"),
        ({"stages": [{"name": "a", "enter": {"since": "stage_entry"}}]}, "stages.0.enter.since", "stands beside"),
        ({"stages": [{"name": "a", "from": ["b"], "enter": {"grade": "A"}}]}, "stages.0.from", "no stage 'b'"),
        ({"stages": [{"name": "a"}]}, "stages.0", "cannot be reached"),
        ({"handoff": {"mql": {"to": "x"}}}, "handoff.mql", "no stage 'mql'"),
        (
            {"stages": [{"name": "a", "enter": {"not": {"temperature": "hott"}}}], "temperature": [{"name": "hot"}]},
            "stages.0.enter.temperature",
            "did you mean 'hot'?",
        ),
        (
            {"stages": [{"name": "a", "enter": {"grade": {"in": ["a", "F"]}}}], "grades": [{"name": "A"}]},
            "stages.0.enter.grade",
            "no grade 'F'",
        ),
        (
            {"stages": [{"name": "a", "enter": {"grade": "A"}}], "handoff": {"a": {"to": "x", "notify": ["emial"]}}},
            "handoff.a.notify.0",
            "'email'",
        ),
        ({"examples": [{"name": "x", "at": "2026-01-01T00:00:00Z"}]}, "examples.0", "'expect' is missing"),
        ({"behaviour": {}}, "behaviour", "wants a list"),
        ({"behaviour": ["x"]}, "behaviour.0", "wants a mapping"),
    ],
)
def test_each_mistake_is_told(document, path, told):
    found = problems(**document)
    assert any(path == where and told in f"{message} {hint}" for where, message, hint in found), found


def test_a_hint_names_nothing_where_nothing_is_valid():
    assert [hint for _, message, hint in problems(behaviour=[rule(group="web")["behaviour"][0]])] == [""]


def test_every_mistake_is_told_at_once():
    assert len(problems(behaviour=[{**RULE, "points": "x"}, {**RULE, "id": "b", "repeat": "x"}], decay="x")) == 3


def test_a_loop_of_replacements_is_a_conflict():
    chain = [{**RULE, "id": a, "instead_of": b, "where": {"channel": {"is": "x"}}} for a, b in ("ab", "bc", "ca")]
    assert any("a → b → c → a" in message for _, message, _ in problems(behaviour=chain))


def test_a_rule_from_which_everything_is_taken_can_never_earn():
    taker = {**RULE, "id": "b", "instead_of": "a"}
    assert any("can never earn" in message for _, message, _ in problems(behaviour=[RULE, taker]))


def test_a_group_adds_to_one_score():
    both = [{**RULE, "group": "g"}, {**RULE, "id": "b", "group": "g", "score": "fit"}]
    assert any("two scores" in message for _, message, _ in problems(behaviour=both, groups={"g": {"cap": 1}}))


def test_a_stage_behind_an_unreachable_one_cannot_be_reached_either():
    stages = [
        {"name": "a", "from": ["b"], "enter": {"grade": "A"}},
        {"name": "b", "from": ["a"], "enter": {"grade": "A"}},
    ]
    assert [where for where, message, _ in problems(stages=stages) if "cannot be reached" in message] == [
        "stages.0",
        "stages.1",
    ]


def test_what_is_no_mapping_is_no_rule_file():
    for document in (None, [], "x", 5):
        with pytest.raises(RuleFileError, match="a rule file is a mapping"):
            parse_rule_file(document)


def test_the_empty_rule_file_scores_nothing():
    assert parse_rule_file({}) == EMPTY
    assert EMPTY.score_names == ("engagement", "fit")


def test_points_may_be_decimals_floats_or_integers_and_mean_what_is_written():
    found = parse_rule_file(
        {"behaviour": [{**RULE, "id": str(n), "points": n} for n in (1, 0.1, Decimal("0.000000001"))]}
    )
    assert [each.points for each in found.behaviour] == [10**9, 10**8, 1]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        *[
            ("30s", 30 * SECOND),
            ("15m", 15 * MINUTE),
            ("1h", HOUR),
            ("7d", 7 * DAY),
            ("4w", 28 * DAY),
            ("1mo", 30 * DAY),
        ],
        *[("P1M", 30 * DAY), ("P1Y", 365 * DAY), ("PT12H", 12 * HOUR), ("P1DT1M", DAY + MINUTE), ("P2W", 14 * DAY)],
    ],
)
def test_durations(text, length):
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["0d", "", "d", "-1d", "1.5d", "1 d", "1y", "P", "PT", "P0D", "1D", "٣d", 5, None, "999999999999w"]
)
def test_what_is_no_duration(text):
    with pytest.raises(DurationError):
        parse_duration(text)


def test_durations_in_words():
    assert [in_words(length) for length in (DAY, 7 * DAY, HOUR, 90 * MINUTE, 1)] == [
        "1 day",
        "7 days",
        "1 hour",
        "90 minutes",
        "1 microsecond",
    ]


def test_the_schema_that_ships_is_the_one_the_models_have():
    shipped = Path(shared.domain.__file__).with_name("rule_file.schema.json").read_text()
    assert shipped == schema_text()
    assert "behaviour" in json.loads(shipped)["properties"]
