"""Rule files that nobody would write: each gives a result or a clear error, never a traceback.

`FUZZ=20000 pytest tests/unit/domain/test_fuzz.py` is the long run; by default a hundred and fifty are tried.
"""

import copy
import os
import random
import time

import pytest

from infra.cli.rule_files import parse_rule_text, preset_names, preset_text
from infra.cli.yaml12 import load_yaml
from infra.failure import Failure
from shared.domain.activity import Activity, Identity, IdentityKind, Rank
from shared.domain.engine import compile_rules
from shared.domain.journey import Journey
from shared.domain.moments import HOUR, Moment
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.state import ScoreState, unpack

COUNT = int(os.environ.get("FUZZ", "150"))
START = 1_772_323_200_000_000
ODD = [
    *(None, True, False, 0, -1, 1, 0.1, 1e300, float("nan"), float("inf"), 10**30, "", " ", "x", "NO", "50%", "-5%"),
    *("1d", "0d", "P1M", "999999999999d", "2026-01-01", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "a" * 300),
    *([], {}, [[]], [{}], {"": ""}, {"is": 1}, ["x", None], {"all": []}, {"not": {"not": {}}}, "\ud800", "\x00", "🔥"),
]
TYPES = ["page_viewed", "webinar_registered", "demo_requested", "content_downloaded", "score_adjusted", "odd"]


def places(document, path=()):
    """Every place in a document."""
    yield path
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in pairs:
        yield from places(value, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def mutated(chance, document):
    """A document with one to three things changed: replaced, removed, repeated, renamed, or taken from elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        path = chance.choice([path for path in places(document) if path] or [()])
        if not path:
            return document
        around, key = at(document, path[:-1]), path[-1]
        how = chance.randint(1, 6)
        if how <= 2:
            around[key] = copy.deepcopy(chance.choice(ODD))
        elif how == 3:
            around[key] = copy.deepcopy(at(document, chance.choice([p for p in places(document) if p])))
        elif how == 4:
            del around[key]
        elif isinstance(around, list):
            around.insert(key, copy.deepcopy(around[key]))
        elif how == 5:
            around[f"{key}s"] = around.pop(key)
        elif isinstance(around[key], int | float) and not isinstance(around[key], bool):
            around[key] = around[key] * chance.choice([-1, 0.5, 3])
    return document


def valid(chance):
    """A random valid document: rules of every shape, with random ageing, repeats, limits and stages."""
    length = lambda: chance.choice(["30s", "15m", "1h", "7d", "4w", "1mo", "P1Y"])  # noqa: E731
    ageing = lambda: {  # noqa: E731
        **chance.choice(
            [
                {"half_life": length()},
                {"linear": {"lose": chance.choice(["50%", 5, "0.1%"]), "every": length()}},
                {"step": {"lose": chance.choice(["15%", 5]), "every": length()}},
            ]
        ),
        **chance.choice([{}, {"since": "last_activity"}]),
    }
    rules = []
    for number in range(chance.randint(1, 8)):
        rule = {"id": f"r{number}", "points": chance.choice([-40, -10, -0.5, 1, 5, 12.345678901, 40])}
        if chance.random() < 0.2:
            rule["idle"] = {"for": length(), "of": chance.choice(["any", TYPES[:2]])}
            rule["repeat"] = chance.choice(["every", "once"])
        else:
            rule["on"] = chance.sample(TYPES, chance.randint(1, 3))
            rule["repeat"] = chance.choice(
                ["every", "once", "latest", {"once_per": length()}, {"once_per_value": "properties.x"}]
            )
            if chance.random() < 0.4:
                rule["at_least"] = {"times": chance.randint(1, 4), "within": length(), "distinct": "properties.x"}
            if chance.random() < 0.4:
                rule["where"] = {
                    "properties.x": chance.choice([{"is": "a"}, {"above": 1}, {"like": "*a*"}, {"exists": True}])
                }
        more = {"decay": ageing(), "cap": 20, "expires_after": length()}
        rule |= {key: value for key, value in more.items() if chance.random() < 0.4}
        rules.append(rule)
    stages = [
        {"name": "one", "enter": {"score": {"at_least": chance.randint(-5, 50)}}},
        {"name": "two", "enter": {"count": {"of": TYPES[0], "at_least": 2, "within": length()}}},
        {
            "name": "three",
            "enter": {"time_in_stage": {"above": length()}},
            "leave": {"when": {"score": {"below": 0}}, "to": "one"},
        },
    ]
    return {
        "behaviour": rules,
        "decay": ageing(),
        "temperature": [{"name": "cold"}, {"name": "warm", "above": chance.choice([0, 5, 50])}],
        "stages": stages[: chance.randint(0, 3)],
        "scores": {"engagement": chance.choice([{}, {"floor": 0, "cap": 100}])},
    }


def lead(chance):
    return [
        Activity(
            id=f"{chance.randint(0, 40)}",
            type=chance.choice(TYPES),
            occurred_at=Moment(START + chance.randint(0, 2_000) * HOUR),
            received_at=Moment(START),
            identities=(Identity(IdentityKind.EMAIL, "a@b.c"),),
            rank=chance.choice(list(Rank)),
            properties={
                key: chance.choice(ODD) for key in ("x", "path", "by", "to", "score", "kind") if chance.random() < 0.4
            },
            own=chance.random() < 0.8,
        )
        for _ in range(chance.randint(0, 25))
    ]


def everything(rules, some, moment):
    """All that the engine can be asked of a lead."""
    state = unpack(rules.absorb(ScoreState.empty(), some).pack())
    score = rules.score(state, moment)
    rules.explain(some, moment, since=Moment(moment - HOUR)).as_json()
    journey, _ = rules.advance(state, Journey.start(), moment)
    rules.next_change(state, moment)
    rules.journey_change(state, journey, moment)
    return score


@pytest.mark.fuzz
def test_random_rule_files_give_a_result_or_a_clear_error(record_property):
    seed = os.environ.get("FUZZ_SEED", "7")
    presets = [load_yaml(preset_text(name)) for name in preset_names()]
    good, slowest = 0, (0.0, -1)
    refused: list[bool] = []
    for number in range(COUNT):
        chance = random.Random(f"{seed}-{number}")
        kind = number % 3
        document = valid(chance) if kind else chance.choice(presets)
        document = mutated(chance, document) if kind != 1 else document
        some = lead(chance)
        began = time.process_time()
        try:
            rules = compile_rules(parse_rule_file(document))
        except RuleFileError as error:
            complaints = [problem.message for problem in error.problems]
            refused.append(bool(complaints) and all(complaints))
        else:
            good += 1
            score = everything(rules, some, Moment(START + 90 * 24 * HOUR))
            assert set(score.scores) == set(rules.score_names), number
        slowest = max(slowest, (time.process_time() - began, number))
    assert good >= COUNT / 2
    assert all(refused)
    # How long the slowest took is told, not asserted: machines differ.
    record_property("slowest", f"example {slowest[1]} took {slowest[0]:.2f} s of processor time")


@pytest.mark.fuzz
@pytest.mark.parametrize("name", preset_names())
def test_text_of_presets_with_characters_changed_is_read_or_refused_in_words(name):
    chance, text = random.Random(name), preset_text(name)
    told: list[str] = []
    for _ in range(max(10, COUNT // 100)):
        letters = list(text)
        for _ in range(chance.randint(1, 3)):
            letters[chance.randrange(len(letters))] = chance.choice("\t:{}[]-#&*!|>'\"%@`,?ä0\n \x00")
        try:
            parse_rule_text("".join(letters), name)
        except Failure as failure:
            told.append(failure.details)
    assert all(f"{name}:" in details for details in told)
