"""The commands that need no cloud, as a person or a pull request's check runs them."""

import json
import re
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.lead_lines import LineError, read_facts
from infra.cli.rule_files import sent_file
from infra.cli.rules import rules_app
from infra.cli.score import score_app
from infra.failure import Failure
from shared.adapters.yaml12 import YamlError, load_yaml, read_yaml

RULES = """\
name: small
behaviour:
  - id: seen
    label: Saw us
    on: seen
    points: 10.5
temperature: [{name: cold}, {name: warm, above: 10}]
stages:
  - {name: suspect, enter: {activity: seen}}
examples:
  - name: Once is warm
    activities: [{type: seen, occurred_at: "2026-01-01T00:00:00Z"}]
    at: "2026-01-02T00:00:00Z"
    expect: {total: 10.5, temperature: warm, stage: suspect}
"""


def run(app, *words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def lines(path, *objects):
    path.write_text("\n".join(json.dumps(each) for each in objects))
    return path


def seen(who, name="1", at="2026-01-01T00:00:00Z", **more):
    return {"id": name, "identity": who, "type": "seen", "occurred_at": at, **more}


def score(rules, tmp_path, *activities, facts=(), at="2026-01-02T00:00:00Z"):
    words = ["--rules", rules, "--activities", lines(tmp_path / "a.jsonl", *activities), "--at", at, "--json"]
    if facts:
        words += ["--facts", lines(tmp_path / "f.jsonl", *facts)]
    done = run(score_app, *words)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_lead_is_scored_from_a_file(rules, tmp_path):
    [told] = score(rules, tmp_path, seen({"email": " Ada@Example.com "}))
    assert told == {
        "identity": {"email": "ada@example.com"},
        "scores": {"engagement": 10.5, "fit": 0},
        "total": 10.5,
        "temperature": "warm",
        "grade": None,
        "stage": "suspect",
        "vetoed_by": [],
        "contributions": told["contributions"],
        "missing": [],
        "next_change": None,
    }
    assert told["contributions"] == [
        {"rule": "seen", "activity_id": "1", "at": "2026-01-01T00:00:00Z", "earned": 10.5, "counts": 10.5}
    ]


def test_numbers_are_exact_decimals_without_noise_and_counts_add_up_to_the_scores(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "behaviour:\n"
        "  - {id: seen, on: seen, points: 0.1}\n"
        "  - {id: tiny, on: seen, points: 0.000000001, repeat: once}\n"
        "  - {id: huge, on: seen, points: 123456789.123456789, repeat: once, score: huge}\n"
        "  - {id: old, on: seen, points: 10, decay: {half_life: 7h}}\n"
        "scores: {huge: {}}\n"
        "total: {huge: 0.5}\n"
    )
    acts = lines(tmp_path / "a.jsonl", *(seen({"email": "a@b.c"}, str(n)) for n in range(3)))
    done = run(score_app, "--rules", path, "--activities", acts, "--at", "2026-01-02T00:00:00Z", "--json")
    assert "e-" not in done.stdout
    assert '"counts": 0.000000001' in done.stdout
    assert '"huge": 123456789.123456789' in done.stdout
    told = json.loads(done.stdout, parse_float=Decimal)
    assert sum(row["counts"] for row in told["contributions"]) == sum(told["scores"].values())
    assert told["total"] == round(told["scores"]["engagement"] + told["scores"]["huge"] / 2, 9)


def test_a_file_may_come_from_standard_input(rules, tmp_path):
    told = json.dumps(seen({"email": "a@b.c"}))
    words = ["--rules", str(rules), "--activities", "-", "--at", "2026-01-02T00:00:00Z", "--json"]
    done = CliRunner().invoke(score_app, words, input="\ufeff" + told)
    assert json.loads(done.stdout)["total"] == 10.5
    done = CliRunner().invoke(score_app, words, input=f"{told}\n{{")
    assert "standard input:2: this is no JSON" in done.exception.what
    done = CliRunner().invoke(score_app, [*words, "--facts", "-"])
    assert "Only one file" in done.exception.what
    assert CliRunner().invoke(rules_app, ["check", "-"], input=RULES).exit_code == 0
    assert "standard input:1" in CliRunner().invoke(rules_app, ["check", "-"], input="x: 1").exception.details


def test_what_a_file_says_in_vain_is_a_warning_with_its_line(tmp_path):
    path = tmp_path / "vain.yaml"
    told = "{activity: handoff_rejected, where: {channel: {is: web}, properties.reason: {is: no_buget}}}"
    path.write_text(
        f"stages:\n  - {{name: a, enter: {{activity: x}}}}\n  - name: b\n    from: [a]\n    enter: {told}\n"
    )
    done = run(rules_app, "check", path)

    assert done.exit_code == 0
    (warning, valid) = done.stdout.splitlines()
    assert warning.startswith(
        f"Warning: {path}:5: stages.1.enter.where.properties.reason: sales cannot choose 'no_buget'"
    )
    assert warning.endswith("(did you mean 'no_budget'?)")
    assert valid.endswith("is a valid rule file: 2 stages.")


def test_a_lead_of_which_only_facts_are_known_has_0(rules, tmp_path):
    [told] = score(rules, tmp_path, facts=[{"identity": {"email": "a@b.c"}, "lead": {"role": "x"}}])
    assert (told["total"], told["scores"], told["temperature"]) == (0, {"engagement": 0, "fit": 0}, "cold")
    assert (told["stage"], told["contributions"], told["next_change"]) == (None, [], None)


def test_an_activity_that_lies_ahead_does_not_count_yet_but_is_expected(rules, tmp_path):
    [told] = score(rules, tmp_path, seen({"email": "a@b.c"}, at="2026-01-03T00:00:00Z"))
    assert (told["total"], told["contributions"], told["next_change"]["at"]) == (0, [], "2026-01-03T00:00:00Z")


def test_nobody_is_told_of_in_words(rules, tmp_path):
    done = run(score_app, "--rules", rules, "--activities", lines(tmp_path / "a.jsonl"))
    assert (done.exit_code, done.stdout) == (0, "There is no lead.\n")


def test_two_different_activities_of_a_lead_with_one_id_are_refused(rules, tmp_path):
    who = {"email": "a@b.c"}
    path = lines(tmp_path / "a.jsonl", seen(who), seen(who, at="2026-01-01T01:00:00Z"))
    done = run(score_app, "--rules", rules, "--activities", path)
    assert "two different activities of a@b.c have the id '1'" in done.exception.what
    path = lines(tmp_path / "a.jsonl", seen(who), seen(who), seen({"email": "b@b.c"}))
    assert run(score_app, "--rules", rules, "--activities", path).exit_code == 0


@pytest.mark.parametrize("at", ["2026-01-02", "2026-01-02T00:00:00", "tomorrow"])
def test_a_moment_needs_an_offset(rules, tmp_path, at):
    done = run(score_app, "--rules", rules, "--activities", lines(tmp_path / "a.jsonl"), "--at", at)
    assert isinstance(done.exception, Failure)
    assert done.exception.what.startswith("--at: ")


def test_a_moment_may_have_any_offset(rules, tmp_path):
    some = [seen({"email": "a@b.c"}, at="2026-01-01T00:00:00+01:00")]
    assert score(rules, tmp_path, *some, at="2025-12-31T23:00:00Z")[0]["total"] == 10.5
    assert score(rules, tmp_path, *some, at="2026-01-01T00:59:59+02:00")[0]["total"] == 0


EXPLAINED = """\
behaviour:
  - {id: mail, label: Clicked, on: seen, points: 10, cap: 15, decay: {half_life: 1d}}
  - {id: demo, label: Asked for a demo, on: demo, points: 60}
fit:
  - {id: size, label: Large, where: {company.size: {above: 5}}, points: 5, otherwise: -5}
  - {id: role, label: Decides, where: {lead.role: {is: boss}}, points: 5}
total: {fit: 0.5}
temperature: [{name: cold}, {name: warm, above: 50}]
"""


def test_a_person_is_told_where_every_point_comes_from(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(EXPLAINED)
    who = {"email": "ada[1]@b.c", "user_id": "u1"}
    acts = lines(tmp_path / "a.jsonl", seen(who), seen(who, "2", "2026-01-02T00:00:00Z"), seen({"email": "z@b.c"}, "3"))
    known = lines(tmp_path / "f.jsonl", {"identity": who, "company": {"size": 1}})
    words = ["--rules", path, "--activities", acts, "--facts", known, "--at", "2026-01-02T00:00:00Z"]
    told = run(score_app, *words, "--explain", "--since", "2026-01-01T12:00:00Z", "--lead", "ADA[1]@b.c").stdout
    for words_told in (
        "ada[1]@b.c: 12.5 points, cold",
        "also known as u1",
        "total 12.5 = 15 engagement + -5 fit times 0.5",
        "not known, and could still count: lead.role",
        "nearest step up: Asked for a demo (`demo`) would make it 72.5, warm",
        "since 2026-01-01T12:00:00Z",
        "mail of 2026-01-02 00:00: 0 → 10",
    ):
        assert words_told in told
    rows = [line.split() for line in told.splitlines() if "Clicked" in line or "Large" in line]
    assert rows == [
        ["2026-01-01", "00:00", "Clicked", "+10", "-5", "+5"],
        ["2026-01-02", "00:00", "Clicked", "+10", "+10"],
        ["Not", "so:", "Large", "-5", "-5"],
    ]
    assert "z@b.c" not in told
    assert isinstance(run(score_app, *words, "--lead", "nobody").exception, Failure)
    table = run(score_app, *words).stdout
    assert "ada[1]@b.c" in table
    assert "Clicked +15, Not so: Large -2.5" in table


def test_points_for_people_are_cut_to_a_tenth_and_add_up_as_they_are_shown(tmp_path):
    path = tmp_path / "r.yaml"
    rule = {"id": "seen", "on": "seen", "points": 60.59, "cap": 50.27, "decay": {"half_life": "30d"}}
    path.write_text(json.dumps({"behaviour": [rule], "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}]}))
    acts = lines(tmp_path / "a.jsonl", seen({"email": "a@b.c"}))
    words = ["--rules", path, "--activities", acts, "--at", "2026-01-06T00:00:00Z"]
    exact = json.loads(run(score_app, *words, "--json").stdout)["total"]

    told = run(score_app, *words, "--explain").stdout
    earned, *lost, counts = map(float, re.findall(r"(?<= )[+-][\d.]+", told))

    assert round(exact, 2) != round(exact, 1)
    assert (earned, counts) == (60.5, int(exact * 10) / 10)
    assert round(earned + sum(lost), 1) == counts
    assert f"a@b.c: {counts:g} points" in told


def test_the_explanation_for_scripts_has_everything(rules, tmp_path):
    acts = lines(tmp_path / "a.jsonl", seen({"email": "a@b.c"}))
    done = run(score_app, "--rules", rules, "--activities", acts, "--at", "2026-01-02T00:00:00Z", "--json", "--explain")
    [row] = json.loads(done.stdout)["explanation"]["contributions"]
    assert {"label", "score", "lost_to_age", "lost_to_rule_cap", "lost_to_group_cap", "lost_to_score_limits"} < set(row)


def test_the_order_of_lines_and_repeated_lines_change_nothing(rules, tmp_path):
    some = [seen({"email": f"{name}@example.com"}, str(n)) for n, name in enumerate("abcab")]
    assert score(rules, tmp_path, *some) == score(rules, tmp_path, *some[::-1], *some)


def test_identities_that_a_line_names_together_are_one_lead(rules, tmp_path):
    told = score(
        rules,
        tmp_path,
        seen({"user_id": "u"}, "1"),
        seen({"email": "a@b.c", "user_id": "u"}, "2"),
        seen({"email": "z@b.c"}, "3"),
    )
    assert [(lead["identity"], lead["total"]) for lead in told] == [
        ({"email": "a@b.c"}, 21),
        ({"email": "z@b.c"}, 10.5),
    ]


def test_what_a_browser_did_belongs_to_whom_it_was_attached(rules, tmp_path):
    browser = {"anonymous_id": "x"}
    told = score(
        rules,
        tmp_path,
        seen(browser, "0", "2025-12-31T00:00:00Z"),
        seen({"email": "a@b.c", **browser}, "1", "2026-01-01T00:00:00Z"),
        seen(browser, "2", "2026-01-01T01:00:00Z"),
        seen({"email": "b@b.c", **browser}, "3", "2026-01-01T02:00:00Z"),
        seen(browser, "4", "2026-01-01T03:00:00Z"),
        seen({"anonymous_id": "nobody"}, "5"),
    )
    assert [lead["total"] for lead in told] == [31.5, 21]


def test_a_mailbox_that_many_share_is_one_lead_of_twenty_names_and_the_others_are_their_own(rules, tmp_path):
    told = score(
        rules,
        tmp_path,
        *(
            seen({"email": "info@b.c", "user_id": f"u-{number:02d}"}, f"{number}", f"2026-01-01T00:{number:02d}:00Z")
            for number in range(25)
        ),
        seen({"user_id": "u-18"}, "inside"),
        seen({"user_id": "u-19"}, "outside"),
    )

    assert [(lead["identity"], lead["total"]) for lead in told] == [
        ({"email": "info@b.c"}, 26 * 10.5),
        ({"user_id": "u-19"}, 10.5),
    ]


def test_facts_decide_fit_and_vetoes(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "fit: [{id: big, where: {company.employees: {at_least: 200}}, points: 15, otherwise: -5}]\n"
        "vetoes: [{id: rival, where: {company.domain: {is: rival.example}}}]\n"
        "stages: [{name: ok, enter: {consent: granted}}]\n"
    )
    who = {"email": "a@b.c"}
    fact = {"identity": who, "company": {"employees": 200, "domain": "rival.example"}, "consent": "granted"}
    [told] = score(path, tmp_path, seen(who), facts=[fact])
    assert (told["total"], told["vetoed_by"], told["stage"]) == (15, ["rival"], None)
    other = {**fact, "company": {"employees": 200, "domain": "other.example"}}
    [told] = score(path, tmp_path, seen(who), facts=[other])
    assert (told["vetoed_by"], told["stage"]) == ([], "ok")
    [told] = score(path, tmp_path, seen(who))
    assert (told["total"], told["missing"]) == (0, ["company.employees"])


CONTRADICTED = """\
fit:
  - {id: a1, where: {lead.a: {is: 1}}, points: 1}
  - {id: a2, where: {lead.a: {is: 2}}, points: 2}
  - {id: need, where: {qualification.need: {is: low}}, points: 10}
  - {id: needs, where: {qualification.need: {is: high}}, points: 20}
stages: [{name: ok, enter: {consent: granted}}]
"""


@pytest.mark.parametrize(
    "stated",
    [
        [{"lead": {"a": 1}}, {"lead": {"a": 2}}],
        [{"lead": {"a": 2}}, {"lead": {"a": 1}, "company": {"b": 1}}],
        [{"lead": {"a": 1}}, {"identity": {"user_id": "u"}, "lead": {"a": 2}}],
        [{"qualification": {"need": "low"}}, {"qualification": {"need": "high"}}],
        [{"consent": "granted"}, {"consent": "denied"}, {"lead": {"z": 1}, "consent": "granted"}],
        [{"lead": {"a": 1}}, {"lead": {"a": 2}}, {"lead": {"a": None}}, {"qualification": {"need": None}}],
    ],
)
def test_the_order_of_facts_that_contradict_each_other_decides_nothing(tmp_path, stated):
    path = tmp_path / "r.yaml"
    path.write_text(CONTRADICTED)
    joined = seen({"email": "a@b.c", "user_id": "u"})
    facts = [{"identity": {"email": "a@b.c"}, **each} for each in stated]
    [told, *others] = [score(path, tmp_path, joined, facts=order) for order in permutations(facts)]
    assert all(other == told for other in others)
    assert told[0]["stage"] is None


def test_a_null_claims_nothing_and_of_two_facts_lines_the_one_that_sorts_last_holds(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(CONTRADICTED)
    who = {"identity": {"email": "a@b.c"}}
    for facts in ([{"a": 1}, {"a": None}], [{"a": None}, {"a": 1}], [{"a": 1.0}, {"a": 1}]):
        [told] = score(path, tmp_path, facts=[{**who, "lead": lead} for lead in facts])
        assert told["total"] == 1
    [told] = score(path, tmp_path, facts=[{"lead": {"a": 2}, **who}, {**who, "lead": {"a": 1}}])
    assert told["total"] == 2


WRITTEN = """\
behaviour:
  - {id: tenth, on: seen, where: {properties.a: {is: 0.1}}, points: 1}
  - {id: listed, on: seen, where: {properties.a: {in: [0.1, 5]}}, points: 10}
  - {id: above, on: seen, where: {properties.a: {above: 9007199254740992}}, points: 100}
  - {id: long, on: seen, where: {properties.a: {is: 0.1000000000000000055}}, points: 1000}
  - {id: five, on: seen, where: {properties.a: {above: 5}}, points: 10000}
  - {id: vast, on: seen, where: {properties.a: {above: 1e399}}, points: 100000}
"""


@pytest.mark.parametrize(
    ("numeral", "points"),
    [
        ("0.1", 11),
        ("0.10", 11),
        ("1e-1", 11),
        ("0.1000000000000000055511151231257827", 0),
        ("0.1000000000000000055", 1000),
        ("9007199254740993.0", 10100),
        ("9007199254740992.0", 10000),
        ("9007199254740992.00000000000000000000000001", 10100),
        ("5", 10),
        ("5.0", 10),
        ("1e399", 10100),
        ("1e400", 110100),
    ],
)
def test_numbers_of_activities_are_the_decimals_written(tmp_path, numeral, points):
    path, acts = tmp_path / "r.yaml", tmp_path / "a.jsonl"
    path.write_text(WRITTEN)
    acts.write_text(json.dumps(seen({"email": "a@b.c"}, properties={"a": "?"})).replace('"?"', numeral))
    done = run(score_app, "--rules", path, "--activities", acts, "--at", "2026-01-02T00:00:00Z", "--json")
    assert json.loads(done.stdout)["total"] == points


@pytest.mark.parametrize(
    ("numeral", "points"),
    [
        ("0.1", 1),
        ("1e-1", 1),
        ("9007199254740993.0", 2),
        ("9007199254740993", 2),
        ("9007199254740992", 0),
        ("1e400", 2),
    ],
)
def test_numbers_of_facts_are_the_decimals_written(tmp_path, numeral, points):
    path, facts = tmp_path / "r.yaml", tmp_path / "f.jsonl"
    path.write_text(
        "fit:\n  - {id: a, where: {lead.a: {is: 0.1}}, points: 1}\n"
        "  - {id: b, where: {lead.a: {above: 9007199254740992}}, points: 2}\n"
    )
    facts.write_text(f'{{"identity": {{"email": "a@b.c"}}, "lead": {{"a": {numeral}}}}}')
    acts = lines(tmp_path / "a.jsonl")
    done = run(score_app, "--rules", path, "--activities", acts, "--facts", facts, "--json")
    assert json.loads(done.stdout)["total"] == points


@pytest.mark.parametrize("value", [float("inf"), float("nan"), Decimal("-Infinity")])
def test_a_fact_that_is_no_number_is_refused(value):
    with pytest.raises(LineError, match=r"`lead\.size`: .+ is no number"):
        read_facts({"identity": {"email": "a@b.c"}, "lead": {"size": value}})


def test_a_fact_that_could_not_be_kept_as_written_is_refused(rules, tmp_path):
    facts = tmp_path / "f.jsonl"
    facts.write_text('{"identity": {"email": "a@b.c"}, "lead": {"a": [{"b": 0.1000000000000000055}]}}')
    done = run(score_app, "--rules", rules, "--activities", lines(tmp_path / "a.jsonl"), "--facts", facts)
    assert f"{facts}:1: `lead.a.b`: a fact keeps no more digits of a fraction than 0.1 has" in done.exception.what


def test_values_are_told_apart_by_the_number_that_they_are_however_it_is_written(tmp_path):
    path, acts = tmp_path / "r.yaml", tmp_path / "a.jsonl"
    path.write_text("behaviour: [{id: b, on: seen, points: 1, repeat: {once_per_value: properties.a}}]\n")
    told = [json.dumps(seen({"email": "a@b.c"}, str(place), properties={"a": "?"})) for place in range(7)]
    numerals = ("1", "1.0", "1.00", "10e-1", "1.0000000000000000001", "true", '"1"')
    acts.write_text("\n".join(line.replace('"?"', numeral) for line, numeral in zip(told, numerals, strict=True)))
    done = run(score_app, "--rules", path, "--activities", acts, "--at", "2026-01-02T00:00:00Z", "--json")
    assert [row["activity_id"] for row in json.loads(done.stdout)["contributions"]] == ["0", "4", "5", "6"]


def test_every_number_of_the_explanation_is_exact_too(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "behaviour: [{id: b, on: seen, points: 123456789.123456789}]\n"
        "temperature: [{name: cold}, {name: hot, above: 200000000}]\n"
    )
    acts = lines(tmp_path / "a.jsonl", seen({"email": "a@b.c"}))
    words = ["--rules", path, "--activities", acts, "--at", "2026-01-02T00:00:00Z", "--json"]
    done = run(score_app, *words, "--since", "2025-01-01T00:00:00Z")
    told = json.loads(done.stdout, parse_float=Decimal)["explanation"]
    points = Decimal("123456789.123456789")
    assert (told["total"], told["scores"]["engagement"], told["lift"]["total"]) == (points, points, 2 * points)
    assert [row["counts"] for row in told["contributions"]] == [points]
    assert [(change["before"], change["after"]) for change in told["changes"]] == [(0, points)]
    assert (told["rules"]["version"], told["weights"]) == (0, {"engagement": 1, "fit": 1})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"by": "10"}, "`properties.by`: '10' is not a number"),
        ({"by": True}, "`properties.by`: True is not a number"),
        ({"by": 1e30}, "`properties.by`: 1E+30 is too large: at most 1000000000"),
        ({"to": 0.00000000025}, "`properties.to`: 2.5E-10 has more than nine decimals"),
        ({"by": 1, "to": 5}, "an adjustment says either `properties.by` or `properties.to`"),
        ({"by": None}, "an adjustment says either"),
        ({}, "an adjustment says either"),
        ({"by": 1, "score": 5}, "`properties.score` is a text"),
        (
            {"by": 1, "score": "engagment"},
            "`properties.score`: there is no score 'engagment' (did you mean 'engagement'?)",
        ),
    ],
)
def test_an_adjustment_that_could_not_be_made_is_refused_with_its_line(rules, tmp_path, said, told):
    who = {"email": "a@b.c"}
    path = lines(tmp_path / "a.jsonl", seen(who), {**seen(who, "2"), "type": "score_adjusted", "properties": said})
    done = run(score_app, "--rules", rules, "--activities", path)
    assert isinstance(done.exception, Failure)
    assert f"{path}:2: {told}" in done.exception.what


def test_an_adjustment_counts(rules, tmp_path):
    said = {"by": -0.5, "who": "Sam", "why": "a student"}
    [told] = score(rules, tmp_path, {**seen({"email": "a@b.c"}), "type": "score_adjusted", "properties": said})
    assert told["total"] == -0.5


@pytest.mark.parametrize("name", ["bugdet", "Budget", "needs", "time_line"])
def test_a_slip_in_a_qualification_fact_is_refused_and_a_name_of_ones_own_is_not(rules, tmp_path, name):
    words = ["--rules", rules, "--activities", lines(tmp_path / "a.jsonl"), "--facts", tmp_path / "f.jsonl"]
    who = {"identity": {"email": "a@b.c"}}
    lines(tmp_path / "f.jsonl", {**who, "qualification": {name: "yes"}})
    done = run(score_app, *words)
    assert f"f.jsonl:1: `qualification` has no {name!r} (did you mean " in done.exception.what
    lines(
        tmp_path / "f.jsonl", {**who, "qualification": {"need": 1, "champion": 1, "authority_name": 1, "deadline": 1}}
    )
    assert run(score_app, *words).exit_code == 0


def test_a_no_in_a_file_of_facts_is_one():
    told = {"budget": "no", "need": "4", "champion": "no"}
    said = read_facts({"identity": {"email": "a@b.c"}, "qualification": told}).claims.qualification
    assert repr(said) == repr({"budget": False, "need": 4, "champion": "no"})


def test_facts_were_always_known_but_a_way_begins_with_the_first_activity(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(
        "stages:\n"
        "  - {name: a, enter: {company.size: {above: 1}}, leave: {when: {time_in_stage: {at_least: 1h}}, to: b}}\n"
        "  - {name: b, from: [a], enter: {time_in_stage: {at_least: 9h}},"
        " leave: {when: {time_in_stage: {at_least: 20h}}, to: a}}\n",
        encoding="utf-8",
    )
    who = {"email": "ada@acme.example"}
    fact = {"identity": who, "company": {"size": 5}}
    [told] = score(path, tmp_path, seen(who), facts=[fact], at="2026-01-01T00:30:00Z")
    assert (told["stage"], told["next_change"]["at"]) == ("a", "2026-01-01T01:00:00Z")
    [told] = score(path, tmp_path, seen(who), facts=[fact], at="2026-01-01T01:00:00Z")
    assert told["stage"] == "b"
    [told] = score(path, tmp_path, facts=[fact], at="2026-01-01T01:00:00Z")
    assert told["stage"] == "a"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "no JSON"),
        ("[]", "a line is a JSON object"),
        ('{"id": "1", "id": "2"}', "stands here twice"),
        (json.dumps(seen({"email": "a@b.c"}, at="2026-01-01T00:00:00")), "has no offset"),
        (json.dumps(seen({"email": "a@b.c"}, at="0001-01-01T00:00:00+14:00")), "outside the years 1 to 9999"),
        (json.dumps(seen({})), "`identity` names"),
        (json.dumps(seen({"mail": "a"})), "did you mean 'email'"),
        (json.dumps({**seen({"email": "a@b.c"}), "propertis": {}}), "did you mean 'properties'"),
        (json.dumps(seen({"email": "a@b.c"}, properties=[])), "`properties` is an object"),
        ('{"x": NaN}', "NaN is no number"),
        ('{"x": 1e99999999999999999999}', "the number 1e99999999999999999999 has more than 1000 digits"),
        ('{"x": 1e-1000}', "has more than 1000 digits"),
        (f'{{"x": {"9" * 5000}}}', "has more than 1000 digits"),
        (json.dumps(seen({"email": "a@b.c"}, None)), "`id` is missing"),
        (json.dumps(seen({"email": "a@b.c"}, 5)), "`id` is a text"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(rules, tmp_path, line, told):
    path = tmp_path / "a.jsonl"
    path.write_text(f"\n{line}\n")
    done = run(score_app, "--rules", rules, "--activities", path)
    assert isinstance(done.exception, Failure)
    assert f"{path}:2: " in done.exception.what
    assert told in done.exception.what


def test_check_names_file_line_key_and_nearest_key(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(RULES.replace("    points: 10.5", "    pionts: 10.5"))
    done = run(rules_app, "check", path)
    assert isinstance(done.exception, Failure)
    assert f"{path}:6: behaviour.0.pionts: unknown key 'pionts' (did you mean 'points'?)" in done.exception.details


@pytest.mark.parametrize("name", ["000-temperature", "000"])
def test_a_preset_is_checked_by_its_name_unless_a_file_has_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("check", "test", "agreement"):
        assert CliRunner().invoke(rules_app, [command, name]).exit_code == 0
    assert f"{name} is a valid rule file" in CliRunner().invoke(rules_app, ["check", name]).output

    (tmp_path / name).write_text("x: 1\n")
    assert f"{name}:1" in CliRunner().invoke(rules_app, ["check", name]).exception.details


@pytest.mark.parametrize("words", [("check",), ("agreement",), ("test",), ("diff", "default")])
def test_what_is_no_file_to_read_is_told_in_words(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name, told in (
        ("gone.yaml", "There is no file gone.yaml."),
        ("folder", "folder is a folder."),
        ("binary.yaml", "binary.yaml is no text in UTF-8."),
    ):
        failure = run(rules_app, *words, name).exception
        assert isinstance(failure, Failure)
        assert (failure.what, failure.details) == (told, "")


def test_a_preset_that_is_wanted_as_a_file_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Failure) as refused:
        sent_file(Path("default"))
    assert "baton rules show default > rules.yaml" in refused.value.remedy


def test_check_is_content_with_a_good_file(rules):
    done = run(rules_app, "check", rules)
    assert done.exit_code == 0
    assert "1 behaviour rule, 1 stage, 1 example." in done.stdout


def test_golden_leads_pass_or_show_the_difference(rules):
    assert run(rules_app, "test", rules).exit_code == 0
    rules.write_text(RULES.replace("points: 10.5", "points: 9"))
    done = run(rules_app, "test", rules)
    assert done.exit_code == 1
    assert f"FAILED Once is warm  ({rules}:11)" in done.stdout
    assert "total: expected 10.5, got 9" in done.stdout
    assert 'temperature: expected "warm", got "cold"' in done.stdout
    assert "       9  seen" in done.stdout
    assert "1 of 1 example differs from what was agreed." in done.stdout


def test_expected_points_are_compared_to_the_billionth(rules):
    rules.write_text(RULES.replace("points: 10.5", "points: 10.500000001"))
    assert "total: expected 10.5, got 10.500000001" in run(rules_app, "test", rules).stdout
    rules.write_text(RULES.replace("10.5", "10.500000001"))
    assert run(rules_app, "test", rules).exit_code == 0


def test_presets_can_be_listed_and_shown_and_each_is_valid(tmp_path):
    listed = run(rules_app, "presets").stdout
    for name in ("000-temperature", "001-points", "002-qualification", "003-stages", "004-channels", "default"):
        assert name in listed
        path = tmp_path / f"{name}.yaml"
        path.write_text(run(rules_app, "show", name).stdout)
        assert run(rules_app, "check", path).exit_code == 0
    assert [line.split()[0] for line in listed.splitlines() if "It has no handoff" in line] == ["000-temperature"]
    assert run(rules_app, "show", "004").stdout == path.with_name("004-channels.yaml").read_text()
    assert isinstance(run(rules_app, "show", "005").exception, Failure)


def test_the_schema_is_printed():
    assert json.loads(run(rules_app, "schema").stdout)["properties"]["behaviour"]["type"] == "array"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on: yes", {"on": "yes"}),
        ("true", True),
        ("010", 10),
        ("0x10", 16),
        ("1e3", 1000),
        ("0.1", 0.1),
        ("2026-01-01", "2026-01-01"),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("1:30", "1:30"),
        ("<<: 1", {"<<": 1}),
        (".5", 0.5),
        ("=", "="),
        ("0.1000000000000000055", Decimal("0.1000000000000000055")),
        ("9007199254740993.0", Decimal(9007199254740993)),
        ("1e400", Decimal("1e400")),
    ],
)
def test_yaml_is_of_version_1_2(text, value):
    found = load_yaml(text)
    assert found == value
    assert type(found) is type(value) or value == 1000


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' stands here twice"),
        ("a:\n  - b: [", 2, "expected"),
        ("a: 1\n5: x", 2, "a key is a text"),
        ("a: !thing 1", 1, "no meaning"),
        ("&x [*x]", 1, "without end"),
        ("a: 1\n---\nb: 2", 2, "single document"),
        ("? [a]\n: 1", 1, "a key is a text"),
        ("a: 1\nb: \x01", 2, "character"),
        ("a: 1\nb: [1e99999]", 2, "more than 1000 digits; put it in quotes"),
    ],
)
def test_yaml_that_cannot_be_read_is_told_with_its_line(text, line, told):
    with pytest.raises(YamlError, match=told) as caught:
        load_yaml(text)
    assert caught.value.line in (line, line + 1)


def test_yaml_that_nests_too_deep_or_repeats_itself_is_refused():
    with pytest.raises(YamlError, match="too deep"):
        load_yaml("[" * 5000 + "]" * 5000)
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(YamlError, match="too large"):
        load_yaml(bomb)


def test_lines_are_known_for_every_key():
    document = read_yaml("a: 1\nb:\n  - c: 2\n    d: 3\n")
    assert [document.line_of(path) for path in (("a",), ("b", 0, "d"), ("b", 0, "x"), ("z",))] == [1, 4, 3, 1]
