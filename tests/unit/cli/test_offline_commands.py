"""The commands that need no cloud, as a person or a pull request's check runs them."""

import json

import pytest
from typer.testing import CliRunner

from infra.cli.rules import rules_app
from infra.cli.score import score_app
from infra.cli.yaml12 import YamlError, load_yaml, read_yaml
from infra.failure import Failure

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
    [row] = told["contributions"]
    assert (row["rule"], row["activity_id"], row["earned"], row["counts"]) == ("seen", "1", 10.5, 10.5)
    assert row["at"] == "2026-01-01T00:00:00Z"


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
    later = {"identity": who, "company": {"domain": "other.example"}}
    [told] = score(path, tmp_path, seen(who), facts=[fact, later])
    assert (told["vetoed_by"], told["stage"]) == ([], "ok")
    [told] = score(path, tmp_path, seen(who))
    assert (told["total"], told["missing"]) == (0, ["company.employees"])


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
        (json.dumps(seen({})), "`identity` names"),
        (json.dumps(seen({"mail": "a"})), "did you mean 'email'"),
        (json.dumps({**seen({"email": "a@b.c"}), "propertis": {}}), "did you mean 'properties'"),
        (json.dumps(seen({"email": "a@b.c"}, properties=[])), "`properties` is an object"),
        ('{"x": NaN}', "NaN is no number"),
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


def test_check_is_content_with_a_good_file(rules):
    done = run(rules_app, "check", rules)
    assert done.exit_code == 0
    assert "1 behaviour rule, 1 stage, 1 example." in done.stdout


def test_golden_leads_pass_or_show_the_difference(rules):
    assert run(rules_app, "test", rules).exit_code == 0
    rules.write_text(RULES.replace("points: 10.5", "points: 9"))
    done = run(rules_app, "test", rules)
    assert done.exit_code == 1
    assert "total: expected 10.5, got 9" in done.stdout
    assert 'temperature: expected "warm", got "cold"' in done.stdout


def test_presets_can_be_listed_and_shown_and_each_is_valid(tmp_path):
    listed = run(rules_app, "presets").stdout
    for name in ("000-temperature", "001-points", "002-qualification", "003-stages", "004-channels", "default"):
        assert name in listed
        path = tmp_path / f"{name}.yaml"
        path.write_text(run(rules_app, "show", name).stdout)
        assert run(rules_app, "check", path).exit_code == 0
    assert run(rules_app, "show", "004").stdout == path.with_name("004-channels.yaml").read_text()
    assert isinstance(run(rules_app, "show", "005").exception, Failure)


def test_the_agreement_says_every_rule_stage_and_handoff_in_words(tmp_path):
    for name in ("000", "001", "002", "003", "004", "default"):
        path = tmp_path / "r.yaml"
        path.write_text(run(rules_app, "show", name).stdout)
        told = run(rules_app, "agreement", path).stdout
        document = load_yaml(path.read_text())
        for rule in [*document.get("behaviour", []), *document.get("fit", []), *document.get("vetoes", [])]:
            assert rule["label"] in told
        for stage in document.get("stages", []):
            assert f"(`{stage['name']}`)" in told
        for handoff in document.get("handoff", {}).values():
            assert f"**{handoff['to']}**" in told
        assert "| Marketing | | |" in told
        assert "None" not in told


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
