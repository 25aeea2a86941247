"""The same rule file written otherwise, and a rule file with one thing changed."""

import json
from random import Random
from typing import Any

from shared.domain.durations import DurationError, parse_duration
from shared.domain.moments import DAY, HOUR, MINUTE, SECOND, Moment, MomentError, format_moment, parse_moment

DURATIONS = {
    *("within", "half_life", "every", "expires_after", "for", "respond_within", "remind", "after", "stay", "once_per"),
    *("above", "at_least", "below", "at_most"),
}
SETS = {"on", "of", "in", "not_in", "contains_any", "all", "any", "from", "activity_in", "activity", "qualified"}
SETS |= {"behaviour", "fit", "vetoes", "examples", "reject", "recycle", "notify", "activities"}
WORDS = {
    "repeat": ("every", "once", "latest"),
    "kind": ("every", "once"),
    "importance": ("influencing", "important", "most_important", "negative"),
    "consent": ("granted", "denied"),
    "score": ("fit", "product", "engagement"),
    "notify": ("email", "slack", "webhook"),
}


def rewritten(chance: Random, node: Any, path: tuple[Any, ...] = ()) -> Any:
    """A document that means the same: other order where order says nothing, other words for the same."""
    key = path[-1] if path else ""
    if isinstance(node, dict):
        return _mapping(chance, node, path)
    if isinstance(node, list):
        parts = [rewritten(chance, part, path) for part in node]
        if key in SETS:
            chance.shuffle(parts)
        return parts[0] if key in ("on", "of", "from", "activity", "notify") and len(parts) == 1 else parts
    if isinstance(node, str) and key in DURATIONS and chance.random() < 0.7:
        return longhand(node)
    is_free = type(node) is int and key not in ("times", "confirmed_at")
    return float(node) if is_free and chance.random() < 0.5 else node


def _mapping(chance: Random, node: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    keys = list(node)
    chance.shuffle(keys)
    told = {name: rewritten(chance, node[name], (*path, name)) for name in keys}
    if told.keys() == {"is"} and chance.random() < 0.5:
        return {"in": [told["is"]]}
    if told.keys() == {"between"} and path[-1] not in ("score", "engagement") and chance.random() < 0.5:
        low, high = told["between"]
        return {"at_most": high, "at_least": low}
    if "points" in told and "where" in told and "on" not in told:
        told.setdefault("otherwise", 0)
    if "points" in told and "on" in told:
        told.setdefault("repeat", "every")
    return told


def longhand(text: str) -> str:
    """A duration in other words; what is none stays as it is."""
    try:
        length = parse_duration(text)
    except DurationError:
        return text
    for unit, letters in ((DAY, "P{}D"), (HOUR, "PT{}H"), (MINUTE, "PT{}M"), (SECOND, "PT{}S")):
        if length % unit == 0:
            return letters.format(length // unit)
    return text


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values stand that hold no others."""
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    if isinstance(node, list):
        return [leaf for place, value in enumerate(node) for leaf in leaves(value, (*path, place))]
    return [path]


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    changed = json.loads(json.dumps(document))  # else what stands in two places would change in both
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """What stands in a place."""
    for step in path:
        document = document[step]
    return document


def other_value(chance: Random, value: Any, path: tuple[Any, ...]) -> Any:
    """A value that means something else in that place; it may be one that the place does not take."""
    key = next(step for step in reversed(path) if isinstance(step, str))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if key in WORDS and value in WORDS[key]:
        return chance.choice([word for word in WORDS[key] if word != value])
    if isinstance(value, str) and value.endswith("%"):
        return f"{float(value[:-1]) + 1}%"
    for later in (_an_hour_longer, _an_hour_later):
        try:
            return later(value)
        except (DurationError, MomentError, TypeError):
            continue
    return f"{value}z"


def _an_hour_longer(text: str) -> str:
    return f"PT{parse_duration(text) // SECOND + 3600}S"


def _an_hour_later(text: str) -> str:
    return format_moment(Moment(parse_moment(text) + HOUR))
