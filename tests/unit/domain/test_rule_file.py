"""What is wrong with a rule file is told with its key, and with the nearest valid one."""

import sys
from collections import Counter
from copy import deepcopy
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.adapters.yaml12 import load_yaml
from shared.domain import reading
from shared.domain.durations import DurationError, in_words, parse_duration
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.rulefile import EMPTY, RuleFile

EVERYTHING = load_yaml(Path(__file__).with_name("everything.yaml").read_text(encoding="utf-8"))
RULE = {"id": "a", "on": "seen", "points": 1}


def problems(**document):
    with pytest.raises(RuleFileError) as caught:
        parse_rule_file(document)
    return [(".".join(map(str, problem.path)), problem.message, problem.hint) for problem in caught.value.problems]


def rule(**changed):
    return {"behaviour": [{**RULE, **changed}]}


def stage(**enter):
    return {"stages": [{"name": "a", "enter": enter}]}


def example(**changed):
    return {"examples": [{"name": "x", "at": "2026-01-01T00:00:00Z", "expect": {"total": 0}, **changed}]}


def without(key, **changed):
    return {"behaviour": [{name: value for name, value in {**RULE, **changed}.items() if name != key}]}


@pytest.mark.parametrize(
    ("document", "path", "told"),
    [
        ({"behavior": []}, "behavior", "did you mean 'behaviour'?"),
        ({"stages": [{"name": "a\nb", "enter": {"score": {"above": 1}}}]}, "stages.0.name", "holds U+000A"),
        ({"handoff": {"a": {"to": "x\u202e"}}}, "handoff.a.to", "holds U+202E"),
        ({"handoff": {"a": {"to": "x\u2028y"}}}, "handoff.a.to", "holds U+2028"),
        ({"handoff": {"a": {"to": "x\ud800"}}}, "handoff.a.to", "holds U+D800"),
        ({"answers": {"reject": ["no\0budget"]}}, "answers.reject.0.name", "holds U+0000"),
        ({"answers": {"reject": ["x" * 201]}}, "answers.reject.0.name", "at most 200 characters"),
        (rule(pionts=1), "behaviour.0.pionts", "did you mean 'points'?"),
        (rule(at_least={"time": 1}), "behaviour.0.at_least.time", "did you mean 'times'?"),
        (rule(repeat="onse"), "behaviour.0.repeat", "did you mean 'once'?"),
        (rule(importance="very"), "behaviour.0.importance", "valid here"),
        (rule(decay={"half_lif": "3d"}), "behaviour.0.decay.half_lif", "did you mean 'half_life'?"),
        (rule(decay={"half_life": "3 days"}), "behaviour.0.decay.half_life", "is not a duration"),
        (rule(decay={"linear": {"lose": "x%", "every": "3d"}}), "behaviour.0.decay.linear.lose", "is no share"),
        (rule(decay={"linear": {"loose": "5%", "every": "3d"}}), "behaviour.0.decay.linear.loose", "'lose'"),
        (rule(decay={"half_life": "3d", "since": "ever"}), "behaviour.0.decay.since", "last_activity"),
        (rule(repeat={"": "1d"}), "behaviour.0.repeat.", "unknown key ''"),
        (rule(decay={"": "1d"}), "behaviour.0.decay.", "unknown key ''"),
        (rule(decay={"step": {"": 1, "lose": 5, "every": "3d"}}), "behaviour.0.decay.step.", "unknown key ''"),
        (stage(qualified=["budget", ""]), "stages.0.enter.qualified", "no qualification fact"),
        (stage(count={"of": "a", "at_least": 1, "": 1}), "stages.0.enter.count.", "unknown key ''"),
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
        ({"stages": [{"name": "a", "enter": {"scor": {"above": 1}}}]}, "stages.0.enter.scor", "did you mean 'score'?"),
        (
            {"stages": [{"name": "a", "enter": {"any": [{"activity": "x"}, {"not": {"engagment": {"above": 1}}}]}}]},
            "stages.0.enter.any.1.not.engagment",
            "did you mean 'engagement'?",
        ),
        (
            {
                "stages": [
                    {"name": "a", "enter": {"activity": "x"}, "leave": {"when": {"scor": {"below": 1}}, "to": "b"}},
                    {"name": "b"},
                ]
            },
            "stages.0.leave.when.scor",
            "did you mean 'score'?",
        ),
        (stage(time_in_stge={"above": "3d"}), "stages.0.enter.time_in_stge", "did you mean 'time_in_stage'?"),
        (stage(**{"properties.x": {"is": 1}}), "stages.0.enter.properties.x", "ask activities"),
        (stage(count={"of": "x", "at_least": 1, "withn": "3d"}), "stages.0.enter.count.withn", "mean 'within'?"),
        (stage(count={"of": "x"}), "stages.0.enter.count", "say how many"),
        (stage(activity="x", since="entry"), "stages.0.enter.since", "`stage_entry` or absent"),
        (stage(activity="x", where={"lead.x": {"is": 1}}), "stages.0.enter.where.lead.x", "no field"),
        (stage(consent=True), "stages.0.enter.consent", "no consent"),
        (stage(consent={"exists": True}), "stages.0.enter.consent.exists", "cannot be asked"),
        (stage(grade="A"), "stages.0.enter.grade", "define `grades`"),
        (rule(only_if={"consent": {"is": "yes"}}), "behaviour.0.only_if.consent.is", "no consent"),
        (rule(only_if={"consent": {"in": ["granted", "unknown"]}}), "behaviour.0.only_if.consent.in", "exists: false"),
        (rule(cap=None), "behaviour.0.cap", "has no value"),
        (rule(label=5), "behaviour.0.label", "wants a text"),
        (rule(repeat="once_per"), "behaviour.0.repeat", "write {once_per: ...}"),
        (rule(repeat={"once_pre": "1d"}), "behaviour.0.repeat.once_pre", "did you mean 'once_per'?"),
        (rule(repeat={"once_per": "1x"}), "behaviour.0.repeat.once_per", "is not a duration"),
        (rule(repeat={"once_per_value": "id"}), "behaviour.0.repeat.once_per_value", "did you mean 'properties.id'"),
        (rule(repeat={"once_per": "1d", "once_per_value": "channel"}), "behaviour.0.repeat", "write one of"),
        (rule(at_least={"times": 2, "distinct": "path"}), "behaviour.0.at_least.distinct", "'properties.path'"),
        (rule(decay={"half_life": "3d", "sinze": "x"}), "behaviour.0.decay.sinze", "did you mean 'since'?"),
        (rule(decay={"half_life": "3d", "step": {"lose": 1, "every": "1d"}}), "behaviour.0.decay", "write one of"),
        (rule(decay={"linear": {"lose": 5}}), "behaviour.0.decay.linear", "'every' is missing"),
        (rule(where={"path": {"is": 1}}), "behaviour.0.where.path", "did you mean 'properties.path'"),
        (rule(where={"property.x": {"is": 1}}), "behaviour.0.where.property.x", "did you mean 'properties.x'?"),
        (rule(where={"lead.x": {"is": 1}}), "behaviour.0.where.lead.x", "`only_if`"),
        (rule(where={"and": []}), "behaviour.0.where.and", "did you mean 'all'?"),
        (rule(where={"properties.x": {">": 1}}), "behaviour.0.where.properties.x.>", "did you mean 'above'?"),
        (rule(active={"to": "2026-01-01T00:00:00Z"}), "behaviour.0.active.to", "did you mean 'until'?"),
        (example(expect={"totl": 1}), "examples.0.expect.totl", "did you mean 'total'?"),
        (example(expect={"total": "x"}), "examples.0.expect.total", "not a number"),
        (example(expect={"stage": "mql"}), "examples.0.expect.stage", "no stage 'mql'"),
        (example(expect={"grade": "A"}), "examples.0.expect.grade", "no grade 'A'"),
        (example(expect={"scores": {"fitt": 1}}), "examples.0.expect.scores.fitt", "did you mean 'fit'?"),
        (example(expect={"vetoed_by": ["x"]}), "examples.0.expect.vetoed_by", "no veto 'x'"),
        (example(expect={}), "examples.0.expect", "expects nothing"),
        (example(activities=[{"typ": "x"}]), "examples.0.activities.0.typ", "did you mean 'type'?"),
        (
            example(activities=[{"type": "x", "occurred_at": "2026-01-01"}]),
            "examples.0.activities.0.occurred_at",
            "no offset",
        ),
        (example(facts={"consent": "yes"}), "examples.0.facts.consent", "granted"),
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
            "stages.0.enter.not.temperature",
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


def handed(**rule):
    """A file whose one stage hands over."""
    stages = [{"name": "new", "enter": {"activity": "x"}}, {"name": "a", "enter": {"score": {"above": 1}}}]
    return {"stages": stages, "handoff": {"a": {"to": "sales", **rule}}}


def nurtured(**advice):
    return {**handed(), "nurture": {"new": advice}}


@pytest.mark.parametrize(
    ("document", "path", "told"),
    [
        (handed(remind="15m"), "handoff.a.remind", "needs a deadline (write `respond_within`"),
        (handed(escalate={"to": "x"}), "handoff.a.escalate", "`escalate` needs a deadline"),
        (handed(reassign={"after": "1h"}), "handoff.a.reassign", "`reassign` needs a deadline"),
        (handed(respond_within="1h", remind="1h"), "handoff.a.remind", "before the handoff"),
        (handed(respond_within="1h", escalate={"after": "1h"}), "handoff.a.escalate", "'to' is missing"),
        (handed(respond_within="1h", reassign={"to": "x"}), "handoff.a.reassign", "'after' is missing"),
        (handed(respond_within="1h", reassign={"after": "0s"}), "handoff.a.reassign.after", "is not a duration"),
        (
            handed(respond_within="1h", escalate={"to": "x", "after": "2h"}, reassign={"after": "2h"}),
            "handoff.a.reassign.after",
            "later than its handoff is escalated",
        ),
        (handed(escalat={"to": "x"}), "handoff.a.escalat", "did you mean 'escalate'?"),
        (handed(route={}), "handoff.a.route", "`by`, `rules` or both"),
        (
            handed(route={"rules": [{"when": {"score": {"above": 1}}, "to": "x"}]}),
            "handoff.a.route.rules.0.when.score",
            "no field that can be asked here",
        ),
        (
            handed(route={"rules": [{"when": {"lead.x": {"is": "a", "starts_with": "b"}}, "to": "x"}]}),
            "handoff.a.route.rules.0.when",
            "can never hold",
        ),
        ({"answers": {"reject": []}}, "answers.reject", "at least one reason"),
        ({"answers": {"recycle": ["a", {"name": "a"}]}}, "answers.recycle.1", "two reasons are called 'a'"),
        ({"answers": {"recycle": [{"nam": "a"}]}}, "answers.recycle.0", "'name'"),
        ({"answers": {"refuse": ["a"]}}, "answers.refuse", "valid here: reject, recycle"),
        ({"qualification": {"bugdet": {}}}, "qualification.bugdet", "did you mean 'budget'?"),
        ({"qualification": {"budget": {"confirmed_at": 6}}}, "qualification.budget.confirmed_at", "from 1 to 5"),
        ({"qualification": {"budget": {"confirmed_at": True}}}, "qualification.budget.confirmed_at", "no rating"),
        ({"nurture": {"new": "a"}}, "nurture.new", "no stage 'new'"),
        ({**handed(), "nurture": {"nwe": "x"}}, "nurture.nwe", "are the names of stages (did you mean 'new'?)"),
        (
            {**handed(), "nurture": {"nwe": {"esle": "x"}}},
            "nurture.nwe",
            "are the names of stages (did you mean 'new'?)",
        ),
        (
            {**handed(), "nurture": {"tracks": [], "else": "x"}},
            "nurture.tracks",
            "no stage 'tracks': the keys under `n",
        ),
        ({**handed(), "handoff": {"to": "sales"}}, "handoff.to", "keys under `handoff` are the names of stages (valid"),
        ({"handoff": {"to": "sales"}}, "handoff.to", "no stage 'to': the keys under `handoff` are the names of stages"),
        (nurtured(), "nurture.new", "'else' is missing"),
        (nurtured(tracks=[{"missing": "score", "track": "t"}]), "nurture.new", "'else' is missing"),
        (
            nurtured(**{"tracks": [{"missing": "scor", "track": "t"}], "else": "e"}),
            "nurture.new.tracks.0.missing",
            "did you mean 'score'?",
        ),
        (nurtured(**{"else": "e", "towards": "b"}), "nurture.new.towards", "no stage 'b'"),
        (
            {
                **handed(),
                "handoff": {},
                "nurture": {"new": {"tracks": [{"missing": "score", "track": "t"}], "else": "e"}},
            },
            "nurture.new.tracks",
            "name the stage to go to",
        ),
        ({"stages": [{"name": "a", "enter": {"activity": "x"}, "stay": "0d"}]}, "stages.0.stay", "is not a duration"),
    ],
)
def test_each_mistake_of_handing_over_answering_and_nurturing_is_told(document, path, told):
    assert any(where == path and told in f"{message} ({hint})" for where, message, hint in problems(**document)), (
        problems(**document)
    )


def test_an_escalation_comes_at_the_deadline_unless_it_says_when():
    for after in ({}, {"after": "0s"}):
        rule = parse_rule_file(handed(respond_within="1h", escalate={"to": "x", **after})).handoff["a"]
        assert rule.escalate.after == 0


def test_what_a_file_leaves_out_of_questions_and_reasons_is_what_everybody_asks():
    file = parse_rule_file({"qualification": {"budget": {"confirmed_at": 3}}, "answers": {"reject": ["no_money"]}})
    assert file.qualification.budget.question == "Is there a budget for this?"
    assert [reason.title for reason in file.answers.reject] == ["No money"]
    assert {"bad_timing", "no_answer"} <= {reason.name for reason in file.answers.recycle}
    assert all(file.qualification.of(name).question for name in ("authority", "budget", "need", "timeline"))


@pytest.mark.parametrize("advice", ["later", {"track": "later"}, {"else": "later"}])
def test_a_single_track_may_be_written_in_short(advice):
    assert parse_rule_file({**handed(), "nurture": {"new": advice}}).nurture["new"].otherwise == "later"


def test_a_hint_names_nothing_where_nothing_is_valid():
    assert [hint for _, message, hint in problems(behaviour=[rule(group="web")["behaviour"][0]])] == [""]


def test_every_mistake_is_told_at_once():
    assert len(problems(behaviour=[{**RULE, "points": "x"}, {**RULE, "id": "b", "repeat": "x"}], decay="x")) == 3


def places(value, path=()):
    """Every place in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        yield (*path, key)
        yield from places(each, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def spoilt(path):
    document = deepcopy(EVERYTHING)
    at(document, path[:-1])[path[-1]] = [["?"]]
    return document, path


def misspelt(path):
    document = deepcopy(EVERYTHING)
    part = at(document, path[:-1])
    key = f"{path[-1]}{path[-1][-1]}"
    part[key] = part.pop(path[-1])
    return document, (*path[:-1], key)


def reads(document):
    """Whether nothing is wrong with a document but what contradicts itself."""
    try:
        RuleFile.model_validate(document)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("mistaken", [spoilt, misspelt])
def test_what_cannot_be_read_is_told_where_it_stands_and_nothing_that_follows_from_it(mistaken):
    told = 0
    for place in places(EVERYTHING):
        if mistaken is misspelt and not isinstance(place[-1], str):
            continue
        document, path = mistaken(place)
        if reads(document):
            continue
        with pytest.raises(RuleFileError) as caught:
            parse_rule_file(document)
        told += 1
        part = path[: max(1, len(path) - 1)]
        assert [each for each in caught.value.problems if each.path[: len(part)] != part[: len(each.path)]] == [], path

    assert told > 100


MISTAKES = [
    (("behaviour", 0, "pionts"), 1),
    (("behaviour", 1, "points"), "many"),
    (("behaviour", 2, "instead_of"), "ghost"),
    (("fit", 0, "where"), {"company.employees": {"at_lest": 200}}),
    (("fit", 1, "id"), "a"),
    (("temperature", 1, "above"), "much"),
    (("temperature", 3, "above"), 10),
    (("grades", 2, "above"), 5),
    (("stages", 0, "from"), "nowhere"),
    (("stages", 1, "enter"), {"score": {"at_lest": 50}}),
    (("handoff", "mlq"), {"to": "x"}),
    (("handoff", "mql", "notify"), ["fax"]),
    (("handoff", "sql", "remind"), "2h"),
    (("nurture", "suspekt"), "x"),
    (("total", "fitt"), 1),
    (("answers", "reject"), []),
]


def with_mistakes(mistakes):
    document = {
        "behaviour": [{**RULE, "id": name} for name in "abc"],
        "fit": [{"id": name, "where": {"company.country": {"is": name}}, "points": 1} for name in "de"],
        "temperature": [{"name": "cold"}, *({"name": f"t{edge}", "above": edge} for edge in (25, 50, 75))],
        "grades": [{"name": "C"}, {"name": "B", "above": 10}, {"name": "A", "above": 20}],
        "stages": [{"name": name, "enter": {"activity": "seen"}} for name in ("suspect", "mql", "sql")],
        "handoff": {name: {"to": "sales", "respond_within": "1h"} for name in ("mql", "sql")},
        "nurture": {},
        "total": {},
        "answers": {},
    }
    for path, value in mistakes:
        at(document, path[:-1])[path[-1]] = value
    return document


@pytest.mark.parametrize("count", [1, 2, len(MISTAKES)])
def test_one_look_tells_what_cannot_be_read_and_what_contradicts_itself(count):
    parse_rule_file(with_mistakes([]))
    for mistakes in combinations(MISTAKES, count):
        with pytest.raises(RuleFileError) as caught:
            parse_rule_file(with_mistakes(mistakes))
        told = [problem.path for problem in caught.value.problems]
        missed = [path for path, _ in mistakes if not any(path[: len(each)] == each[: len(path)] for each in told)]
        assert (missed, len(told)) == ([], count)


def test_what_is_wrong_under_the_misspelt_name_of_a_stage_is_told_beside_the_name():
    document = {**handed(), "handoff": {"new": {"to": "x"}, "nwe": {"to": "x", "notify": ["fax"]}}}
    assert [where for where, _, _ in problems(**document)] == ["handoff.nwe.notify.0", "handoff.nwe"]


@pytest.mark.parametrize("expect", [{"totl": 5}, {"total": "many"}, {"vetoed_by": "competitor"}, {"outcome": 5}])
def test_an_example_whose_expectation_cannot_be_read_is_not_told_to_expect_nothing(expect):
    [(where, _, _)] = problems(**example(expect=expect))
    assert where == f"examples.0.expect.{next(iter(expect))}"


def test_of_twice_as_many_mistakes_reading_makes_hardly_more_than_twice_the_work():
    def work(count):
        document = {"behaviour": [{**RULE, "id": f"r{place}", "points": "many"} for place in range(count)]}
        calls = Counter()
        sys.setprofile(lambda frame, event, _: calls.update([frame.f_code.co_filename] if event == "call" else []))
        try:
            problems(**document)
        finally:
            sys.setprofile(None)
        return calls[reading.__file__]

    assert 50 < work(100) < 3 * work(50)


def test_beside_half_of_a_character_what_else_is_wrong_need_not_be_told():
    assert [where for where, _, _ in problems(**rule(id="a\ud800", **{"\ud800": 1}))] == ["behaviour.0"]


def test_a_loop_of_replacements_is_a_conflict():
    chain = [{**RULE, "id": a, "instead_of": b, "where": {"channel": {"is": "x"}}} for a, b in ("ab", "bc", "ca")]
    assert any("a → b → c → a" in message for _, message, _ in problems(behaviour=chain))


IN_WEB = {"channel": {"is": "web"}}
IN_US = {"company.country": {"is": "US"}}


@pytest.mark.parametrize(
    ("takers", "never"),
    [
        ([{}], True),
        ([{"on": ["seen", "heard"]}], True),
        ([{"where": IN_WEB}], True),
        ([{"on": "heard", "where": IN_WEB}], False),
        ([{"where": {"channel": {"is": "mail"}}}], False),
        ([{"only_if": IN_US}], False),
        ([{"active": {"from": "2026-01-01T00:00:00Z"}}], False),
        ([{"on": ["heard", "seen"], "only_if": IN_US}], False),
    ],
)
def test_a_rule_can_never_earn_only_where_others_take_all_of_it_from_every_lead(takers, never):
    taken = {**RULE, "on": ["seen"], "where": IN_WEB}
    rules = [taken, *({**RULE, "id": f"t{n}", "instead_of": "a", **each} for n, each in enumerate(takers))]
    try:
        parse_rule_file({"behaviour": rules})
    except RuleFileError as error:
        told = str(error)
    else:
        told = ""
    assert ("can never earn" in told) is never


def test_two_rules_that_share_out_the_types_of_another_leave_it_nothing():
    rules = [
        {**RULE, "on": ["seen", "heard"]},
        {**RULE, "id": "b", "instead_of": "a"},
        {**RULE, "id": "c", "on": "heard", "instead_of": "a"},
    ]
    assert any("'b' and 'c' take" in message for _, message, _ in problems(behaviour=rules))


@pytest.mark.parametrize(
    "where",
    [
        {"properties.x": {"above": 5, "below": 5}},
        {"all": [{"properties.x": {"is": "a"}}, {"properties.x": {"is": "b"}}]},
        {"properties.x": {"in": ["a", "b"], "not_in": ["A", " B "]}},
        {"properties.x": {"exists": False, "is": 1}},
        {"properties.x": {"starts_with": "a", "above": 1}},
        {"properties.x": {"after": "2026-01-02T00:00:00Z", "before": "2026-01-01T00:00:00Z"}},
        {"properties.x": {"is": "/blog", "starts_with": "/pricing"}},
        {"properties.x": {"between": [1, 2], "above": 2}},
        {"any": [{"properties.x": {"above": 2, "below": 1}}, {"properties.y": {"is": 1, "is_not": 1}}]},
    ],
)
def test_a_rule_whose_condition_no_value_meets_can_never_earn(where):
    assert any("can never earn" in message for _, message, _ in problems(**rule(where=where)))


@pytest.mark.parametrize(
    "where",
    [
        {"properties.x": {"at_least": 5, "at_most": 5}},
        {"properties.x": {"is": "a"}, "any": [{"properties.x": {"is": "b"}}, {"properties.x": {"starts_with": "A"}}]},
        {"properties.x": {"is_not": "a", "exists": False}},
        {"properties.x": {"contains": "a", "starts_with": "b"}},
        {"not": {"properties.x": {"above": 2, "below": 1}}},
        {"properties.x": {"contains_any": ["a"], "exists": True, "contains": 1}},
    ],
)
def test_a_condition_that_some_value_meets_is_no_conflict(where):
    assert parse_rule_file(rule(where=where))


def test_a_rule_that_counts_more_different_values_than_its_condition_leaves_can_never_earn():
    two = {"where": {"properties.x": {"in": ["a", "A", "b"]}}, "at_least": {"times": 3, "distinct": "properties.x"}}
    assert any("leaves only 2 values" in message for _, message, _ in problems(**rule(**two)))
    assert parse_rule_file(rule(**{**two, "at_least": {"times": 2, "distinct": "properties.x"}}))


def test_a_rule_that_replaces_one_of_other_types_takes_nothing():
    other = {**RULE, "id": "b", "on": "heard", "instead_of": "a"}
    assert any("takes nothing" in message for _, message, _ in problems(behaviour=[RULE, other]))


CAPPED = {"scores": {"engagement": {"floor": -10, "cap": 100}, "fit": {"floor": 0, "cap": 80}}}
BANDS = {"grades": [{"name": "B"}, {"name": "A", "at_least": 90}], "temperature": [{"name": "hot", "above": 180}]}


@pytest.mark.parametrize(
    "enter",
    [
        {"engagement": {"at_least": 150}},
        {"engagement": {"below": -10}},
        {"score": {"above": 180}},
        {"score": {"above": 50, "below": 30}},
        {"all": [{"score": {"at_least": 50}}, {"activity": "x"}, {"score": {"at_most": 49}}]},
        {"any": [{"fit": {"above": 80}}, {"grade": "A"}]},
        {"not": {"engagement": {"at_least": -10}}},
        {"temperature": "hot"},
        {"count": {"of": "x", "below": 0}},
        {"company.size": {"above": 5, "below": 5}},
    ],
)
def test_a_stage_that_the_limits_of_the_scores_keep_out_of_reach_is_a_conflict(enter):
    found = problems(**CAPPED, **BANDS, stages=[{"name": "a", "enter": enter}])
    assert [where for where, message, _ in found if "cannot be reached" in message] == ["stages.0.enter"]


@pytest.mark.parametrize(
    "enter",
    [
        {"engagement": {"at_least": 100}},
        {"score": {"at_least": 180}},
        {"any": [{"engagement": {"above": 100}}, {"activity": "x"}]},
        {"not": {"engagement": {"above": -10}}},
        {"grade": {"is_not": "A"}},
        {"not": {"temperature": "hot"}},
        {"count": {"of": "x", "at_most": 0}},
    ],
)
def test_a_stage_that_can_just_be_reached_is_no_conflict(enter):
    assert parse_rule_file({**CAPPED, **BANDS, "stages": [{"name": "a", "enter": enter}]})


def test_without_a_cap_somebody_may_always_lift_a_score_by_hand():
    assert parse_rule_file({**stage(fit={"at_least": 10**6}), "scores": {"engagement": {"cap": 5}}})


def test_a_stage_entered_only_by_a_fall_that_cannot_happen_is_not_reached():
    fall = {"when": {"engagement": {"below": -10}}, "to": "b"}
    stages = [{"name": "a", "enter": {"activity": "x"}, "leave": fall}, {"name": "b"}]
    assert [where for where, *_ in problems(**CAPPED, stages=stages)] == ["stages.1"]


def test_names_may_stand_alone_or_in_a_list_and_durations_and_moments_be_spelt_in_many_ways():
    alone = {
        "behaviour": [{**RULE, "on": "seen", "expires_after": "P7D", "active": {"until": "2026-01-01T02:00:00+02:00"}}],
        "stages": [
            {"name": "a", "enter": {"activity": "x"}},
            {"name": "b", "from": "a", "enter": {"activity_in": "x"}},
        ],
        "handoff": {"a": {"to": "x", "notify": "email"}},
    }
    listed = {
        "behaviour": [{**RULE, "on": ["seen"], "expires_after": "1w", "active": {"until": "2026-01-01T00:00:00Z"}}],
        "stages": [
            {"name": "a", "enter": {"activity": ["x"]}},
            {"name": "b", "from": ["a"], "enter": {"activity_in": ["x"]}},
        ],
        "handoff": {"a": {"to": "x", "notify": ["email"]}},
    }
    assert parse_rule_file(alone) == parse_rule_file(listed)


def test_a_group_adds_to_one_score():
    both = [{**RULE, "group": "g"}, {**RULE, "id": "b", "group": "g", "score": "fit"}]
    assert any("two scores" in message for _, message, _ in problems(behaviour=both, groups={"g": {"cap": 1}}))


def test_a_stage_behind_an_unreachable_one_cannot_be_reached_either():
    stages = [
        {"name": "a", "from": ["b"], "enter": {"activity": "x"}},
        {"name": "b", "from": ["a"], "enter": {"activity": "x"}},
    ]
    assert [where for where, message, _ in problems(stages=stages) if "cannot be reached" in message] == [
        "stages.0.from",
        "stages.1.from",
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


def crowded(stages, handing):
    names = [f"s{place}" for place in range(stages)]
    return {
        "stages": [{"name": name, "enter": {"activity": "seen"}} for name in names],
        "handoff": {name: {"to": f"team-{name}"} for name in names[:handing]},
    }


@pytest.mark.parametrize(("stages", "handing", "place"), [(20, 20, "handoff"), (41, 5, "handoff"), (48, 0, "stages")])
def test_more_stages_than_one_look_can_write_are_refused(stages, handing, place):
    ((path, message, _),) = problems(**crowded(stages, handing))

    assert path == place
    assert f"{stages} stages, of which {handing} hand over, are too many" in message


@pytest.mark.parametrize(("stages", "handing"), [(19, 19), (40, 5), (47, 0)])
def test_as_many_stages_as_one_look_can_write_are_allowed(stages, handing):
    assert len(parse_rule_file(crowded(stages, handing)).stages) == stages
