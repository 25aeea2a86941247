"""The difference of two rule files in what they mean: told in sentences, whole, and nothing beside it."""

import copy
import json
import random
import re
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from infra.cli.rule_files import preset_names, preset_text
from shared.adapters.yaml12 import load_yaml
from shared.domain import conditions, rulefile
from shared.domain.difference import SUBJECTS, differences, differences_by_subject
from shared.domain.engine import compile_rules
from shared.domain.journey import Journey
from shared.domain.meaning import meaning
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.rulefile import EMPTY
from shared.domain.stages import CONDITION_KEYS
from shared.domain.state import ScoreState
from tests.unit.domain.random_files import NOW, Writer, lead
from tests.unit.domain.rewriting import at, leaves, other_value, rewritten, with_value

EVERYTHING = load_yaml((Path(__file__).parent / "everything.yaml").read_text(encoding="utf-8"))
PRESETS = [load_yaml(preset_text(name)) for name in preset_names()]
SUBJECT_OF = {
    **dict.fromkeys(("behaviour", "fit", "decay"), "Points"),
    **dict.fromkeys(("groups", "scores", "total"), "Limits"),
    **dict.fromkeys(("temperature", "grades"), "Bands"),
    "stages": "Stages",
    **dict.fromkeys(("vetoes", "handoff"), "Handing over"),
    "answers": "Answers",
    "qualification": "Qualification",
    "nurture": "Nurture",
    "examples": "Examples",
    **dict.fromkeys(("name", "description"), "Names"),
}
OF_PYTHON = re.compile(r"None|True|False|[{}]|\['|\(\)|Decimal|frozenset|Test\(|=|  |\.\.| \.|;;|\bnan\b")
seeds = st.integers(0, 10**9)


def document_of(seed):
    """A random valid rule file, or one of the presets."""
    chance = random.Random(seed)
    document = copy.deepcopy(chance.choice([EVERYTHING, *PRESETS])) if seed % 4 == 0 else Writer(chance).document()
    assume(read(document) is not None)
    return document


def read(document):
    try:
        return parse_rule_file(document)
    except RuleFileError:
        return None


def says_nothing(document, path):
    """Within what time one activity stands together with itself."""
    return path[-2:] == ("at_least", "within") and at(document, path[:-1])["times"] == 1


def told(before, after):
    return differences(parse_rule_file(before), parse_rule_file(after))


def changed(path, value, document=EVERYTHING):
    """What is told of a document with another value in one place."""
    return differences_by_subject(parse_rule_file(document), parse_rule_file(with_value(document, path, value)))


def behaviour(**keys):
    return {"behaviour": [{"id": "a", "on": "seen", "points": 20, **keys}]}


def test_it_reads_as_a_marketer_would_tell_it():
    before = behaviour(decay={"half_life": "30d"}) | {"temperature": [{"name": "cold"}, {"name": "hot", "above": 50}]}
    after = behaviour(points=40, decay={"half_life": "14d"}, cap=80)
    after |= {"temperature": [{"name": "cold"}, {"name": "hot", "at_least": 60}], "name": "acme"}

    assert told(before, after) == (
        "`a` now gives 40 instead of 20; half-life 30 days → 14 days; cap none → 80.",
        "The temperature `hot` now begins at 60 instead of above 50.",
        "The rule file: name none → “acme”.",
    )


@pytest.mark.parametrize("document", [EVERYTHING, *PRESETS], ids=["everything", *preset_names()])
def test_a_file_against_itself_tells_nothing(document):
    assert told(document, copy.deepcopy(document)) == ()


@given(seeds)
def test_a_random_file_against_itself_written_otherwise_tells_nothing(seed):
    document = document_of(seed)
    other = rewritten(random.Random(seed), json.loads(json.dumps(document)))

    assert told(document, other) == ()


@given(seeds)
def test_files_that_differ_in_nothing_make_the_same_of_every_lead(seed):
    document, chance = document_of(seed), random.Random(seed)
    other = rewritten(chance, json.loads(json.dumps(document)))

    assert made_of(document, seed) == made_of(other, seed)


def made_of(document, seed, kind=None):
    """The score and the stage of a random lead, all of whose activities may be of one kind."""
    some = [replace(each, type=kind or each.type) for each in lead(random.Random(seed))]
    rules = compile_rules(parse_rule_file(document))
    state = rules.absorb(ScoreState.empty(), some)
    return rules.score(state, NOW), rules.advance(state, Journey.start(), NOW)[0]


@given(seeds)
def test_another_value_in_one_place_is_told_and_nothing_else_is(seed):
    document, chance = document_of(seed), random.Random(seed)
    path = chance.choice([leaf for leaf in leaves(document) if not says_nothing(document, leaf)])
    other = with_value(document, path, other_value(chance, at(document, path), path))
    after = read(other)
    assume(after is not None)

    found = differences_by_subject(parse_rule_file(document), after)

    assert list(found) == [SUBJECT_OF[path[0]]], path
    part = at(document, path[:2]) if path[0] in ("behaviour", "fit", "vetoes", "stages", "examples") else {}
    name = part.get("id", part.get("name", path[1] if path[0] in ("groups", "scores", "total", "handoff") else ""))
    assert all(name in sentence for sentence in found[SUBJECT_OF[path[0]]]), (path, found)


@given(seeds, seeds)
def test_whatever_is_told_is_in_words(one, other):
    before, after = (parse_rule_file(document_of(seed)) for seed in (one, other))

    for sentence in (*differences(before, after), *differences(EMPTY, after), *differences(before, EMPTY)):
        assert OF_PYTHON.search(sentence) is None, sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence


@given(seeds, seeds)
def test_the_other_way_round_tells_of_the_same_subjects(one, other):
    before, after = (parse_rule_file(document_of(seed)) for seed in (one, other))

    assert differences_by_subject(before, after).keys() == differences_by_subject(after, before).keys()


WRITTEN_OTHERWISE = [
    ({"at_least": {"times": 2, "within": "7d"}}, {"at_least": {"times": 2, "within": "1w"}}),
    ({"at_least": {"times": 1, "within": "7d"}}, {}),
    ({"repeat": "every", "label": "a", "decay": "none", "score": "engagement"}, {}),
    ({"on": ["seen"]}, {}),
    ({"on": ["seen", "heard"]}, {"on": ["heard", "seen", "seen"]}),
    ({"where": {"channel": {"in": ["web", "Email"]}}}, {"where": {"channel": {"in": [" email", "WEB"]}}}),
    ({"where": {"channel": {"in": ["web"]}}}, {"where": {"channel": {"is": "web"}}}),
    ({"where": {"not": {"channel": {"is": "web"}}}}, {"where": {"channel": {"is_not": "web"}}}),
    ({"where": {"properties.p": {"starts_with": "/Prices"}}}, {"where": {"properties.p": {"starts_with": "/prices "}}}),
    (
        {"where": {"channel": {"not_in": ["web", "mail"]}}},
        {"where": {"all": [{"channel": {"is_not": "mail"}}, {"channel": {"is_not": "web"}}]}},
    ),
    (
        {"where": {"not": {"properties.n": {"between": [1, 5]}}}},
        {"where": {"any": [{"not": {"properties.n": {"at_most": 5}}}, {"not": {"properties.n": {"at_least": 1}}}]}},
    ),
    ({"where": {"properties.n": {"between": [1, 5]}}}, {"where": {"properties.n": {"at_most": 5.0, "at_least": 1}}}),
    (
        {"where": {"all": [{"channel": {"is": "a"}}, {"source": {"is": "b"}}]}},
        {"where": {"source": {"is": "b"}, "channel": {"is": "a"}}},
    ),
    (
        {"where": {"not": {"any": [{"channel": {"is": "a"}}, {"source": {"is": "b"}}]}}},
        {"where": {"all": [{"not": {"source": {"is": "b"}}}, {"channel": {"not_in": ["a"]}}]}},
    ),
    (
        {"where": {"properties.at": {"after": "2026-01-01T01:00:00+01:00"}}},
        {"where": {"properties.at": {"after": "2026-01-01T00:00:00Z"}}},
    ),
    ({"decay": {"linear": {"lose": "50%", "every": "30d"}}}, {"decay": {"linear": {"lose": "100%", "every": "60d"}}}),
    ({"active": {"from": "2026-01-01T00:00:00Z"}}, {"active": {"from": "2026-01-01T02:00:00+02:00"}}),
]


@pytest.mark.parametrize(("one", "other"), WRITTEN_OTHERWISE, ids=str)
def test_what_means_the_same_is_no_difference(one, other):
    assert told(behaviour(**one), behaviour(**other)) == ()
    for seed in range(20):
        assert made_of(behaviour(**one), seed, "seen") == made_of(behaviour(**other), seed, "seen")


SAME_FILES = [
    ({"scores": {"fit": {}}, "total": {"fit": 1.0, "engagement": 1}, "answers": {}, "qualification": {"need": {}}}, {}),
    ({"temperature": [{"name": "hot", "above": 5}]}, {"temperature": [{"name": "hot", "at_least": 5.000000001}]}),
    (
        {"stages": [{"name": "s", "enter": {"activity": "a"}}]},
        {"stages": [{"name": "s", "label": "s", "enter": {"count": {"of": ["a"], "above": 0}}}]},
    ),
    (
        {"stages": [{"name": "s", "enter": {"not": {"score": {"below": 5}}, "qualified": ["need", "budget"]}}]},
        {"stages": [{"name": "s", "enter": {"qualified": ["budget", "need"], "score": {"at_least": 5}}}]},
    ),
    ({"answers": {"reject": ["no_money"]}}, {"answers": {"reject": [{"name": "no_money", "label": "No money"}]}}),
]


@pytest.mark.parametrize(("one", "other"), SAME_FILES, ids=str)
def test_files_that_mean_the_same_differ_in_nothing(one, other):
    assert told(one, other) == ()


NURTURED: dict[str, Any] = {
    "stages": [{"name": "cold", "enter": {"activity": "a"}}, {"name": "mql", "enter": {"score": {"at_least": 50}}}],
    "handoff": {"mql": {"to": "sales", "respond_within": "1h", "escalate": {"to": "heads"}}},
    "nurture": {"cold": "news"},
}


def test_a_default_of_handing_over_and_nurture_written_out_is_no_difference():
    other = copy.deepcopy(NURTURED)
    other["nurture"] = {"cold": {"tracks": [], "else": "news", "towards": "mql"}}
    other["handoff"]["mql"] |= {"respond_within": "60m", "notify": [], "escalate": {"after": "0s", "to": "heads"}}

    assert told(NURTURED, other) == ()


R, S, H = ("behaviour", 0), ("stages", 2), ("handoff", "mql")
PLACES = [
    ((*R, "id"), "z", "is now called `z`"),
    ((*R, "label"), "Prices", "label “Visited pricing” → “Prices”"),
    ((*R, "on"), ["page_viewed", "seen"], "now also for `seen`"),
    ((*R, "on"), ["seen"], "now for `seen` instead of `page_viewed`"),
    (
        (*R, "where"),
        {"properties.path": {"starts_with": "/p"}},
        "now asks that `properties.path` starts with “/p”, and no",
    ),
    ((*R, "where", "properties.path"), {"exists": True}, "`properties.path` is known, and no longer that"),
    ((*R, "points"), 20, "now gives 20 instead of 40"),
    (
        (*R, "at_least", "times"),
        3,
        "earned by every 2 of them with different values of `properties.path` within 7 days →",
    ),
    ((*R, "at_least", "within"), "8d", "within 7 days → every 2 of them"),
    ((*R, "at_least", "distinct"), "properties.x", "→ every 2 of them with different values of `properties.x`"),
    ((*R, "repeat"), {"once_per": "1d"}, "counts only the first time → at most once a day"),
    ((*R, "importance"), "important", "importance most important → important"),
    ((*R, "cap"), 50, "cap none → 50"),
    ((*R, "expires_after"), "90d", "expires never → after 90 days"),
    ((*R, "group"), "other", "group `website` → `other`"),
    (("behaviour", 6, "score"), "fit", "now counts for the fit score instead of the product score"),
    ((*R, "decay"), {"half_life": "7d"}, "`a-pricing`: half-life 30 days → 7 days"),
    ((*R, "decay"), "none", "ageing: half-life 30 days → points stay as they are"),
    (("behaviour", 3, "instead_of"), "h", "now counts instead of `h`, not beside it; no longer counts instead of"),
    (("behaviour", 3, "only_if"), {"consent": {"is": "granted"}}, "now asks of the lead that `consent` is “granted”"),
    (("behaviour", 1, "active", "from"), "2026-02-01T00:00:00Z", "→ from 2026-02-01 until 2027-01-01"),
    (
        ("behaviour", 1, "active", "until"),
        "2028-01-01T00:00:00Z",
        "in force from 2025-12-31 22:00 UTC until 2027-01-01 →",
    ),
    (("behaviour", 4, "idle", "for"), "5w", "earned after 28 days of silence → 35 days of silence"),
    (("behaviour", 4, "idle", "of"), "any", "→ after 28 days in which the lead does nothing"),
    (("behaviour", 4, "repeat"), "once", "counts again after every further such time → only the first such time"),
    (("fit", 0, "id"), "employees", "The rule `size` is now called `employees`."),
    (("fit", 0, "label"), "Big", "label “Large” → “Big”"),
    (
        ("fit", 0, "where"),
        {"company.employees": {"at_least": 300}},
        "now asks that `company.employees` is at least 300",
    ),
    (("fit", 0, "points"), 10, "`size` now gives 10 instead of 15"),
    (("fit", 0, "otherwise"), 0, "where that is known not to be so, -5 → 0"),
    (("fit", 0, "score"), "product", "now counts for the product score instead of the fit score"),
    (("vetoes", 0, "id"), "rival", "The veto `competitor` is now called `rival`."),
    (("vetoes", 0, "label"), "Rival", "label “Works for a rival” → “Rival”"),
    (("vetoes", 0, "where"), {"company.domain": {"is": "x.example"}}, "now asks that `company.domain` is “x.example”"),
    (("groups", "website", "label"), "Web", "label “Website” → “Web”"),
    (("groups", "website", "cap"), 40, "The group `website`: cap 60 → 40."),
    (("scores", "fit", "label"), "Fit for us", "The fit score: label none → “Fit for us”."),
    (("scores", "fit", "floor"), -5, "The fit score: floor 0 → -5."),
    (("scores", "fit", "cap"), 90, "The fit score: cap 80 → 90."),
    (("total", "fit"), 1, "The fit score: weight in the total 0.5 → 1."),
    (
        ("decay",),
        {"step": {"lose": "10%", "every": "7d"}},
        "half-life 30 days → 10 % lost in every 7 days, all at once",
    ),
    (("temperature", 1, "above"), 40, "The temperature `warm` now begins above 40 instead of above 50."),
    (("grades", 1, "at_least"), 30, "The grade `C` now begins at 30 instead of at 25."),
    (("grades", 1, "name"), "B", "The grade `C` is now called `B`."),
    ((*S, "label"), "Marketing's", "label “MQL” → “Marketing's”"),
    ((*S, "description"), "Ready", "description none → “Ready”"),
    ((*S, "from"), ["suspect"], "entered from `cold` or `suspect` → `suspect`"),
    (
        (*S, "enter", "all", 0),
        {"score": {"at_least": 60}},
        "total score is at least 60, and no longer that the total score",
    ),
    ((*S, "stay"), "3d", "stay at least 2 days → at least 3 days"),
    ((*S, "leave", "to"), "mql-before", "left for `cold` → `mql-before`"),
    (
        (*S, "leave", "when", "any", 0),
        {"score": {"below": 20}},
        "now takes as enough on leaving that the total score is below",
    ),
    (("stages", 3, "enter", "any", 0), {"activity": "x"}, "The stage `sql` now takes as enough on entry that `x` has"),
    (("stages", 4, "name"), "first", "The stage `mql-before` is gone."),
    ((*H, "to"), "outside", "to “inside-sales” → “outside”"),
    ((*H, "respond_within"), "2h", "answer due within 1 hour → within 2 hours"),
    ((*H, "remind"), "10m", "reminder 15 minutes before the deadline → 10 minutes"),
    ((*H, "escalate", "to"), "boss", "→ 20 minutes after the deadline “boss” is told"),
    ((*H, "escalate", "after"), "0s", "→ at the deadline “head-of-sales” is told"),
    ((*H, "reassign", "after"), "4h", "→ 4 hours after the deadline the lead goes to “field-sales”"),
    ((*H, "reassign", "to"), "x", "→ 3 hours after the deadline the lead goes to “x”"),
    ((*H, "notify"), ["email"], "told by e-mail, Slack and webhook → e-mail"),
    ((*H, "first_touch"), "Write", "advised first touch “Call and ask about the project” → “Write”"),
    ((*H, "route", "by"), "company.size", "by `company.country` → `company.size`"),
    (
        (*H, "route", "rules", 0, "to"),
        "bob",
        "now to “bob” where `company.name` is “Acme” or “Globex”, asked first; no longer",
    ),
    ((*H, "route", "rules", 0, "when"), {"lead.x": {"is": 1}}, "now to “ada” where `lead.x` is 1"),
    (
        ("answers", "reject", 1, "label"),
        "No",
        "The reason `no_fit` to reject a lead: label “Does not fit at all” → “No”.",
    ),
    (("answers", "reject", 0), "too_dear", "New reason to reject a lead: “Too dear” (`too_dear`)."),
    (("answers", "recycle", 0, "name"), "soon", "The reason “Not now” (`later`) to give a lead back is gone."),
    (("qualification", "budget", "label"), "Cash", "The question about `budget`: label “Money” → “Cash”."),
    (("qualification", "budget", "question"), "Q?", "question “Is there money for this?” → “Q?”"),
    (("qualification", "budget", "confirmed_at"), 4, "confirmed by a rating of 3 or more → of 4 or more"),
    (("qualification", "need"), {"label": "Want"}, "The question about `need`: label “Need” → “Want”."),
    (("qualification", "authority"), {"label": "Boss"}, "The question about `authority`: label “Authority” → “Boss”."),
    (("qualification", "timeline", "confirmed_at"), 5, "The question about `timeline`"),
    (("nurture", "cold", "else"), "letter", "else “newsletter” → “who-are-you” for leads that lack `fit`"),
    (("nurture", "cold", "tracks", 0, "track"), "x", "→ “x” for leads that lack `fit`"),
    (("nurture", "cold", "tracks", 0, "missing"), "grade", "→ “who-are-you” for leads that lack the grade"),
    (("nurture", "suspect"), {"else": "welcome", "towards": "sql"}, "measured by what is asked by `mql` → `sql`"),
    (("examples", 0, "name"), "Something", "New example “Something”"),
    (("examples", 0, "at"), "2026-02-02T00:00:00Z", "looked at on 2026-02-01 → 2026-02-02"),
    (("examples", 0, "expect", "total"), 5, "now expects 5 points in all instead of 0 points in all"),
    (("examples", 0, "expect", "scores", "fit"), 1, "now expects 1 points of fit instead of 0 points of fit"),
    (
        ("examples", 0, "expect", "temperature"),
        "hot",
        "now expects the temperature hot instead of the temperature cold",
    ),
    (("examples", 0, "expect", "grade"), "A", "now expects the grade A instead of the grade D"),
    (("examples", 0, "expect", "stage"), "mql", "now expects the type `mql` instead of no type"),
    (("examples", 0, "expect", "vetoed_by"), ["competitor"], "the veto `competitor` instead of no veto"),
    (("examples", 0, "expect", "missing"), [], "now expects nothing missing instead of `company.employees` missing"),
    (("examples", 0, "facts"), {"lead": {"role": "owner"}}, "`lead.role` not known → “owner”"),
    (
        ("examples", 0, "facts"),
        {"company": {"n": 5, "tags": ["a", "b"]}},
        "`company.n` not known → 5; `company.tags` not known",
    ),
    (("examples", 0, "facts"), {"company": {"tags": ["a"]}}, "`company.tags` not known → a list of “a”"),
    (("examples", 0, "facts"), {"company": {"tags": []}}, "`company.tags` not known → a list of nothing"),
    (("examples", 0, "facts"), {"consent": "granted"}, "`consent` not known → “granted”"),
    (("examples", 0, "facts"), {"qualification": {"need": True}}, "`qualification.need` not known → true"),
    (
        ("examples", 0, "activities"),
        [
            {
                "type": "seen",
                "occurred_at": "2026-01-05T10:00:00Z",
                "id": "1",
                "identity": {"email": "sam@acme.example"},
                "channel": "web",
                "source": "site",
                "properties": {"path": {"to": "/"}, "n": None},
                "context": {"page": "x"},
            }
        ],
        "now also did `seen` (id “1”, identity.email “sam@acme.example”, channel “web”, source “site”, ",
    ),
    (("name",), "other", "The rule file: name “everything” → “other”."),
    (("description",), "Less.", "The rule file: description “Uses every construct.” → “Less.”."),
]
DOCUMENT = EVERYTHING | {
    "stages": [
        *EVERYTHING["stages"],
        {"name": "mql-before", "enter": {"activity": "x"}},
        {"name": "z", "enter": {"activity": "y"}, "leave": {"when": {"activity": "z"}, "to": "cold"}},
    ],
    "groups": {**EVERYTHING["groups"], "other": {}},
    "behaviour": [
        *EVERYTHING["behaviour"],
        {"id": "h", "on": "content_downloaded", "points": 1},
        {"id": "i", "on": "content_downloaded", "points": 2, "where": {"channel": {"is": "x"}}},
    ],
}


@pytest.mark.parametrize(
    ("path", "value", "words"), PLACES, ids=lambda it: ".".join(map(str, it)) if type(it) is tuple else ""
)
def test_every_key_of_a_rule_file_is_told_where_it_changes(path, value, words):
    found = changed(path, value, DOCUMENT)

    assert list(found) == [SUBJECT_OF[path[0]]]
    assert any(words in sentence for sentence in found[SUBJECT_OF[path[0]]]), found


def touched(path, value):
    """Each key of a model that lies on the way to a place, or that stands in the value there."""
    node: Any = parse_rule_file(with_value(DOCUMENT, path, value))
    for step in path:
        if isinstance(node, BaseModel):
            yield type(node), step
            node = getattr(node, next(name for name, key in keys_of(type(node)).items() if key == step))
        elif isinstance(node, dict | tuple):
            node = node[step]
    yield from inside(node)


def inside(node):
    if isinstance(node, BaseModel):
        for name in node.model_fields_set:
            yield type(node), keys_of(type(node))[name]
            yield from inside(getattr(node, name))
    elif isinstance(node, tuple):
        for part in node:
            yield from inside(part)


def keys_of(model):
    return {name: info.alias or name for name, info in model.model_fields.items()}


def test_the_places_above_are_all_that_a_rule_file_has():
    tried = {each for path, value, _ in PLACES for each in touched(path, value)}
    models = [each for each in vars(rulefile).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    every = {(model, key) for model in models for key in keys_of(model).values()}

    assert len(every) > 80
    assert every - tried == {(rulefile.Route, "else")}  # there is but one value for it


def test_the_subjects_come_in_the_order_in_which_people_read_a_file():
    found = differences_by_subject(EMPTY, parse_rule_file(EVERYTHING))

    assert list(found) == list(SUBJECTS)
    assert differences(EMPTY, parse_rule_file(EVERYTHING)) == tuple(one for told in found.values() for one in told)


def test_a_default_of_ageing_that_changes_is_told_once_and_not_by_each_rule_that_follows_it():
    rules = {"behaviour": [{"id": name, "on": "seen", "points": 1} for name in "abc"]}
    own = {"id": "own", "on": "seen", "points": 1, "decay": {"half_life": "30d"}}
    before, after = ({**rules, "decay": {"half_life": length}} for length in ("30d", "14d"))
    before["behaviour"], after["behaviour"] = [*rules["behaviour"], own], [*rules["behaviour"], own]

    assert told(before, after) == ("All rules without an ageing of their own: half-life 30 days → 14 days.",)


def test_a_rule_that_keeps_the_ageing_which_the_default_loses_says_so():
    before = {**behaviour(), "decay": {"half_life": "30d"}}
    after = {**behaviour(decay={"half_life": "30d"}), "decay": {"half_life": "14d"}}

    assert told(before, after) == (
        "All rules without an ageing of their own: half-life 30 days → 14 days.",
        "`a` keeps its ageing, now by a word of its own: half-life 30 days.",
    )
    assert told(after, before)[1:] == ()
    assert told({**behaviour(), "decay": "none"}, behaviour(decay="none")) == ()


def test_renamed_parts_with_the_same_content_are_told_as_renamed_wherever_they_are_named():
    after = json.loads(
        json.dumps(EVERYTHING)
        .replace('"c-paper"', '"paper"')
        .replace('"d-specific"', '"specific"')
        .replace('"website"', '"web"')
        .replace('"warm"', '"lukewarm"')
        .replace('"D"', '"E"')
        .replace('"competitor"', '"rival"')
        .replace('"size"', '"staff"')
    )
    assert told(EVERYTHING, after) == (
        "The rule `c-paper` is now called `paper`.",
        "The rule `d-specific` is now called `specific`.",
        "The rule `size` is now called `staff`.",
        "The group `website` is now called `web`.",
        "The temperature `warm` is now called `lukewarm`.",
        "The grade `D` is now called `E`.",
        "The veto `competitor` is now called `rival`.",
    )


def test_a_rule_that_is_renamed_and_changed_is_another_rule():
    sentences = told(behaviour(), {"behaviour": [{"id": "b", "on": "seen", "points": 21}]})

    assert sentences == (
        "New rule `b`: +21 points for `seen`.",
        "The rule `a` is gone, which gave +20 points for `seen`.",
    )


def test_what_comes_and_goes_is_told_with_all_that_it_says():
    added = told({}, NURTURED)

    assert (
        "New stage `mql`: after `cold`; from no stage, or any before it when the total score is at least 50." in added
    )
    assert (
        "Leads in `mql` are now handed over to “sales”. The answer is due within 1 hour. At the deadline “heads” is "
        "told that nobody has answered. People of a team take turns, by weight."
    ) in added
    assert "Leads in `cold` are now nurtured: “news”, measured by what `mql` asks." in added
    assert "Leads in `mql` are no longer handed over to “sales”." in told(NURTURED, {})


def test_the_order_of_stages_and_of_routing_rules_is_told():
    turned = {**NURTURED, "stages": NURTURED["stages"][::-1]}
    assert told(NURTURED, turned) == (
        "The stages now stand in the order `mql` and `cold` instead of `cold` and `mql`.",
    )

    path = ("handoff", "mql", "route", "rules")
    found = changed(path, at(EVERYTHING, path)[::-1])["Handing over"]
    assert len(found) == 1
    assert "asked in the order “enterprise” where" in found[0]


def test_a_stage_that_can_be_entered_or_left_no_more_says_so():
    stages = [{"name": "a", "enter": {"activity": "x"}}, {"name": "b", "enter": {"activity": "y"}}]
    leaving = {"leave": {"when": {"score": {"below": 5}}, "to": "b"}}
    one, other = {"stages": stages}, {"stages": [stages[0] | leaving, {"name": "b"}]}

    assert told(one, other) == (
        "The stage `a` is now left for `b` when the total score is below 5.",
        "The stage `b` can no longer be entered, as it could when `y` has occurred.",
    )
    assert told(other, one) == (
        "The stage `a` is no longer left for `b`, as it was when the total score is below 5.",
        "The stage `b` can now be entered when `y` has occurred.",
    )


def test_an_alternative_more_or_less_is_told_as_one():
    either = {"any": [{"channel": {"is": "a"}}, {"source": {"is": "b"}}]}
    one, other = behaviour(where={"channel": {"is": "a"}}), behaviour(where=either)

    assert told(one, other) == ("`a` now also takes as enough that `source` is “b”.",)
    assert told(other, one) == ("`a` no longer takes as enough that `source` is “b”.",)
    assert told(behaviour(), one) == ("`a` now asks that `channel` is “a”.",)
    assert told(one, behaviour()) == ("`a` no longer asks that `channel` is “a”.",)


A_DAY = "2026-01-01T00:00:00Z"
OPERANDS = {
    **dict.fromkeys(("is", "is_not", "contains", "starts_with", "ends_with", "like"), "a*"),
    **{operator: ["a", "b"] for operator in ("in", "not_in", "contains_any")},
    **dict.fromkeys(("above", "at_least", "below", "at_most"), 5),
    "between": [5, 6],
    "before": A_DAY,
    "after": A_DAY,
    "exists": True,
}
OF_A_STAGE = {
    "all": [{"activity": "x"}, {"consent": "granted"}],
    "any": [{"activity": "y"}, {"consent": "denied"}],
    "not": {"activity": "z"},
    **{score: {"at_least": 5} for score in ("score", "engagement", "fit")},
    "grade": "A",
    "temperature": "hot",
    "consent": "granted",
    "qualified": ["need"],
    "activity": "a",
    "activity_in": ["a", "b"],
    "count": {"of": "a", "at_least": 2, "within": "7d"},
    "time_in_stage": {"at_least": "2d"},
    **{field: {"is": "a"} for field in ("lead.role", "company.country", "qualification.need")},
}


def test_another_operator_is_another_condition():
    assert OPERANDS.keys() == conditions.OPERATORS.keys()
    for one, other in permutations(OPERANDS, 2):
        (sentence,) = told(*(behaviour(where={"properties.p": {it: OPERANDS[it]}}) for it in (one, other)))
        assert sentence.startswith("`a` now asks that "), (one, other)


def test_another_condition_of_a_stage_is_told():
    def entered(key):
        stages = [{"name": "s", "enter": {"activity": "start"}}, {"name": "t", "enter": {key: OF_A_STAGE[key]}}]
        bands = {"temperature": [{"name": "hot"}], "grades": [{"name": "A"}]}
        return {"stages": stages, **bands}

    known = {key.removesuffix("*") for key in CONDITION_KEYS}
    assert {f"{key.partition('.')[0]}." if "." in key else key for key in OF_A_STAGE} == known
    for one, other in permutations(OF_A_STAGE, 2):
        (sentence,) = told(entered(one), entered(other))
        assert sentence.startswith("The stage `t` "), (one, other)


def test_a_list_of_one_is_not_what_it_holds():
    def known(value):
        return {"examples": [{"name": "e", "at": A_DAY, "facts": {"company": {"tag": value}}, "expect": {"total": 0}}]}

    assert told(known("a"), known(["a"])) == ("The example “e”: `company.tag` “a” → a list of “a”.",)
    assert told(known([]), known({})) != ()


ROOTS = {"lead": True}
SMALL = st.recursive(
    st.builds(
        lambda name, test: {f"lead.{name}": dict([test])},
        st.sampled_from("xy"),
        st.sampled_from(
            [
                *(("is", "a"), ("in", ["a"]), ("in", ["A", "b"]), ("is_not", "a"), ("not_in", ["b", "a"])),
                *(("exists", True), ("exists", False), ("between", [1, 2]), ("at_least", 1), ("at_most", 2.0)),
                *(("contains", "a"), ("contains_any", ["b", "a"]), ("contains", "b")),
            ]
        ),
    ),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=4,
)
VALUES = [None, "a", "b", "ab", "c", 0, 1, 1.5, 2, 3, True, ["a"], ["b", 1], {"x": 1}]


@given(st.lists(SMALL, min_size=12, max_size=12))
def test_conditions_of_one_meaning_answer_the_same_of_every_lead(raws):
    by_meaning = {}
    for raw in raws:
        condition = conditions.parse_condition(raw, ROOTS)
        by_meaning.setdefault(meaning(condition), []).append(condition)
    for same in by_meaning.values():
        asked = [(conditions.holds(each), conditions.decides(each)) for each in same]
        for x in VALUES:
            for y in VALUES if len(same) > 1 else ():
                lead = SimpleNamespace(lead={"x": x, "y": y})
                assert len({(holds(lead), decides(lead)) for holds, decides in asked}) == 1
