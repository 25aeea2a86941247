"""The agreement that marketing and sales sign: everything that the rule file says, in words, as Markdown."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from infra.cli.rule_files import preset_names, preset_text
from infra.cli.rules import rules_app
from shared.adapters.yaml12 import load_yaml
from shared.domain.agreement import agreement_of
from shared.domain.durations import DurationError, in_words, parse_duration
from shared.domain.reading import parse_rule_file

EVERYTHING = (Path(__file__).parents[1] / "domain" / "everything.yaml").read_text(encoding="utf-8")
FILES = [
    pytest.param(EVERYTHING, id="everything"),
    *(pytest.param(preset_text(name), id=name) for name in preset_names()),
]
TOLD_OTHERWISE = {
    *("all", "any", "not", "every", "once", "latest", "last_activity", "stage_entry", "none", "round_robin"),
    *("email", "slack", "webhook", "influencing", "important", "most_important", "negative"),
}


def agreement(document):
    return agreement_of(parse_rule_file(document))


def said(node, path=()):
    """Everything in a rule file that its agreement must say: names, fields, values, numbers, durations and moments."""
    if isinstance(node, dict):
        for key, value in node.items():
            if "." in key:
                yield f"`{key}`"
            yield from said(value, (*path, key))
    elif isinstance(node, list):
        for part in node:
            yield from said(part, path)
    elif isinstance(node, bool) or node is None or node in TOLD_OTHERWISE or path[0] == "examples":
        return
    elif isinstance(node, int | float):
        if path[0] != "total":
            yield f"{node:g}"
    elif path[-2:-1] != ("active",):
        yield said_text(node, path[-1])


def said_text(text, key):
    try:
        length = in_words(parse_duration(text))
    except DurationError:
        return " ".join(text.split()).replace("*", "\\*") if key != "lose" else text.removesuffix("%")
    return f"once a {length[2:]}" if key == "once_per" and length.startswith("1 ") else length


@pytest.mark.parametrize("text", FILES)
def test_it_says_everything_that_the_file_says(text):
    document = load_yaml(text)
    told = agreement(document)
    wanted = set(said(document))
    assert len(wanted) > 20
    assert [each for each in sorted(wanted) if each not in told] == []


@pytest.mark.parametrize("text", FILES)
def test_it_has_a_line_for_each_rule_stage_handoff_and_example(text):
    document = load_yaml(text)
    lines = agreement(document).splitlines()
    for rule in [*document.get("behaviour", []), *document.get("fit", []), *document.get("vetoes", [])]:
        told = f"**{rule['label']}** (`{rule['id']}`)" if rule.get("label") else f"**{rule['id']}**"
        assert sum(line.startswith(f"- {told}: ") for line in lines) == 1, rule["id"]
    for stage in document.get("stages", []):
        told = f"{stage['label']} (`{stage['name']}`)" if stage.get("label") else stage["name"]
        assert f"### {told}" in lines
    assert sum("is handed over to **" in line for line in lines) == len(document.get("handoff", {}))
    for example in document.get("examples", []):
        assert sum(line.startswith(f"- **{example['name']}.** ") for line in lines) == 1


@pytest.mark.parametrize("text", FILES)
def test_it_is_in_words(text):
    told = agreement(load_yaml(text))
    for code in ("None", "{", "}", "['", "at_least", "once_per", "Test(", "  .", ";.", ".."):
        assert code not in told
    assert "| Marketing | | |" in told


@pytest.mark.parametrize("text", FILES)
def test_it_is_markdown_in_which_nothing_of_the_file_is_lost(text):
    told = agreement(load_yaml(text))
    tokens = MarkdownIt("commonmark").enable("table").parse(told)
    kinds = {token.type for token in tokens}
    assert {"heading_open", "bullet_list_open", "table_open"} <= kinds
    inner = [child for token in tokens for child in token.children or ()]
    assert not {"html_inline", "em_open", "link_open", "image"} & {child.type for child in inner}
    assert "html_block" not in kinds


def test_what_somebody_writes_does_not_become_markdown():
    label = "Buys *now* <b>or</b> [never](x) | a_b_c # 1"
    document = {"behaviour": [{"id": "a", "label": label, "on": "seen", "points": 1}]}
    told = MarkdownIt("commonmark").parse(agreement(document))
    text = "".join(child.content for token in told for child in token.children or () if child.type == "text")
    assert label in text


def test_limits_and_weights_and_ages_are_told_as_a_person_would():
    document = {
        "behaviour": [
            {"id": "a", "on": "seen", "points": 1, "decay": {"linear": {"lose": "33.3%", "every": "P1M"}}},
            {"id": "b", "on": "seen", "points": -2.5, "cap": 10, "decay": {"step": {"lose": 1, "every": "7d"}}},
            {"id": "c", "idle": {"for": "30d"}, "points": -10},
        ],
        "scores": {"fit": {"floor": 0}, "engagement": {"cap": 100}},
        "total": {"engagement": 2, "fit": 0},
        "decay": "none",
    }
    told = agreement(document)
    for sentence in (
        "Unless a line says otherwise, points count each time, and points stay as they are.",
        "+1 point for `seen`. Here points lose 33.3 % of what they were at first in every 30 days, little by little",
        "-2.5 points for `seen`. At most 10 in all, below zero.",
        "lose 1 points of what they were at first in every 7 days, all at once at the end of that time",
        "-10 points after 30 days in which the lead does nothing, and again after every further such time",
        "The engagement score is never above 100.",
        "The fit score is never below 0.",
        "The total score is 2 times engagement; fit adds nothing to it.",
    ):
        assert sentence in told


def test_how_a_lead_is_handed_over_answered_and_nurtured_is_told_as_a_person_would():
    handed = {
        "to": "inside",
        "respond_within": "1h",
        "remind": "15m",
        "escalate": {"to": "heads", "after": "10m"},
        "reassign": {"after": "1h", "to": "others"},
        "notify": ["email", "slack"],
        "route": {
            "rules": [{"when": {"company.employees": {"at_least": 1000}}, "to": "large"}],
            "by": "company.country",
        },
        "first_touch": "Ask about *cranes*",
    }
    leave = {"when": {"time_in_stage": {"above": "30d"}}, "to": "cold"}
    document = {
        "stages": [
            {"name": "mql", "label": "Marketing qualified", "enter": {"activity": "form"}, "leave": leave},
            {"name": "cold"},
            {"name": "recycled", "from": ["mql"], "enter": {"activity": "handoff_recycled"}, "stay": "14d"},
            {"name": "sql", "from": ["mql"], "enter": {"qualified": ["budget"]}},
        ],
        "handoff": {"mql": handed, "sql": {"to": "executives", "respond_within": "1h", "reassign": {"after": "2h"}}},
        "answers": {"reject": [{"name": "no_budget", "label": "No budget"}, "spam"], "recycle": ["bad_timing"]},
        "qualification": {"budget": {"label": "Money", "question": "Is there any", "confirmed_at": 3}},
        "nurture": {"cold": {"tracks": [{"missing": "form", "track": "wake"}], "else": "news", "towards": "mql"}},
    }
    told = agreement(document)
    for sentence in (
        "It stays here for at least 14 days, whatever happens meanwhile.",
        "A lead comes here from “Marketing qualified” when budget (rated 3 or more) is confirmed.",
        "handed over to **inside**, once each time that it becomes one. They are told by e-mail and Slack.",
        "The answer is due within 1 hour. Who has not answered is reminded 15 minutes before that.",
        "10 minutes after the deadline **heads** is told that nobody has answered.",
        "1 hour after the deadline the lead goes to **others**. Advised first touch: Ask about \\*cranes\\*.",
        "But the first of these that holds decides:\n  - To **large** where `company.employees` is at least 1000.",
        "2 hours after the deadline the lead goes to the next person of the same team. People of a team take turns",
        "- **Rejected**: No budget (`no_budget`) or Spam (`spam`).",
        "- **Given back to be nurtured**: Bad timing (`bad_timing`).",
        "- **Money** (`budget`): Is there any. Rated from 1 to 5, it is confirmed from 3 on.",
        "- “cold”, measured by what “Marketing qualified” asks: **wake** for leads that lack `form`, else **news**.",
    ):
        assert sentence in told, sentence


def test_the_command_prints_it(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(preset_text("default"), encoding="utf-8")
    done = CliRunner().invoke(rules_app, ["agreement", str(path)])
    assert done.stdout == agreement(load_yaml(preset_text("default")))
