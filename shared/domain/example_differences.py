"""What differs between the golden leads of two rule files: what they did, what is known of them, and what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from shared.domain import phrases
from shared.domain.changes import pairs, sentence, turned
from shared.domain.conditions import value_in_words
from shared.domain.meaning import value_of
from shared.domain.moments import parse_moment
from shared.domain.phrases import listed, moment_in_words, one_line, quoted
from shared.domain.rulefile import Example, ExampleActivity


def example_differences(before: Iterable[Example], after: Iterable[Example]) -> Iterator[str]:
    """What the later golden leads say otherwise, a sentence for each; they are told apart by their names."""
    for (name, _), old, new in pairs(_numbered(before), _numbered(after)):
        if old is None and new is not None:
            yield f"New example {quoted(name)}: it has {listed([*_expected(new).values()])}."
        elif new is None:
            yield f"The example {quoted(name)} is gone."
        elif old:
            yield from sentence(f"The example {quoted(name)}", _example(old, new))


def _numbered(examples: Iterable[Example]) -> dict[tuple[str, int], Example]:
    """Examples by name; of those with the same name the first, the second and so on."""
    seen: Counter[str] = Counter()
    found = {}
    for example in examples:
        found[example.name, seen[example.name]] = example
        seen[example.name] += 1
    return found


def _example(old: Example, new: Example) -> Iterator[str]:
    for _, was, now in pairs(_expected(old), _expected(new)):
        if was is None or now is None:
            yield f"now also expects {now}" if now else f"no longer expects {was}"
        elif was != now:
            yield f"now expects {now} instead of {was}"
    did, does = (Counter(map(_exactly, example.activities)) for example in (old, new))
    words = {_exactly(each): _activity_in_words(each) for each in (*old.activities, *new.activities)}
    yield from (f"now also did {_times(words[key], count)}" for key, count in (does - did).items())
    yield from (f"no longer did {_times(words[key], count)}" for key, count in (did - does).items())
    facts = [_facts(example) for example in (old, new)]
    for field, before, after in pairs(*facts):
        if before is None or after is None or value_of(before[0]) != value_of(after[0]):
            told = ["not known" if fact is None else fact[1] for fact in (before, after)]
            yield from turned(f"`{field}`", *told)
    yield from turned("looked at on", moment_in_words(old.at), moment_in_words(new.at))


def _facts(example: Example) -> dict[str, tuple[Any, str]]:
    """What is known of the lead: the value and its words, by field."""
    told = _flat(example.facts.model_dump())
    return {field: fact for field, fact in told if fact[0] is not None}


def _expected(example: Example) -> dict[str, str]:
    """What must come out, in words, by its key."""
    told: dict[str, Any] = example.expect.model_dump(exclude_unset=True)
    for key in ("vetoed_by", "missing"):
        if key in told:
            told[key] = sorted(set(told[key]))
    scores = told.pop("scores", {})
    found = {key: listed([*phrases.expected(key, value)]) for key, value in told.items()}
    return found | {f"scores.{name}": listed([*phrases.expected("scores", {name: it})]) for name, it in scores.items()}


def _exactly(activity: ExampleActivity) -> Hashable:
    told = {key: value for key, value in activity.line().items() if value not in ({}, None)}
    return value_of({**told, "occurred_at": parse_moment(activity.occurred_at)})


def _activity_in_words(activity: ExampleActivity) -> str:
    line = {key: value for key, value in activity.line().items() if key not in ("type", "occurred_at")}
    said = line.pop("properties", {})
    more = ", ".join(f"{key} {told}" for key, (_, told) in (*_flat(line), *_flat(said)))
    return f"`{activity.type}`{f' ({more})' if more else ''} on {moment_in_words(parse_moment(activity.occurred_at))}"


def _times(told: str, count: int) -> str:
    return told if count == 1 else f"{told}, {count} times"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, tuple[Any, str]]]:
    """Each value under its dotted name, with how it reads."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        elif value or not isinstance(value, Mapping) or prefix:
            yield f"{prefix}{key}", (value, _value(value))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return listed([f"{key} {_value(each)}" for key, each in value.items()]) if value else "nothing"
    if isinstance(value, list | tuple):
        told = listed([_value(each) for each in value])
        return told if len(value) > 1 else f"a list of {told}"
    return "nothing" if value is None else one_line(value_in_words(value))
