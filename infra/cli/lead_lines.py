"""Leads read from files: activity lines and facts lines (JSON), put together by who they name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from infra.failure import Failure
from shared.adapters.answers import read_fact
from shared.domain.activity import SCORE_ADJUSTED, Activity, Claims, Identity, IdentityKind, strongest_first
from shared.domain.conditions import nearest
from shared.domain.identity import who_is_who
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.points import NumberError, read_number, to_billionths
from shared.domain.stages import QUALIFICATIONS

ALWAYS = Moment(-62_000_000_000_000_000)
"""Facts in a file are known from the beginning of time."""
_ACTIVITY_KEYS = ("id", "identity", "type", "occurred_at", "channel", "source", "properties", "context")
_FACT_KEYS = ("identity", "lead", "company", "consent", "qualification")
_SLIP = 0.75
"""How like one of the four qualification facts a name is that means it."""
_CONSENTS: Mapping[Any, Any] = {"granted": "granted", "denied": "denied", "unknown": None, None: None}


class LineError(ValueError):
    """A line is no activity or no facts."""


@dataclass(slots=True)
class OfflineLead:
    """One lead: its known identities and everything that was read about it."""

    identities: set[Identity]
    activities: list[Activity] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        """Its strongest identity."""
        return strongest_first(tuple(self.identities))[0]


def read_lines(path: Path, read: Callable[[dict[str, Any]], Activity]) -> list[Activity]:
    """Read a file of JSON lines.

    Raises:
        Failure: the file cannot be read, or a line is not what it should be; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read.", "Name a file of JSON lines.", str(error)) from error
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(read(_object(line)))
        except (LineError, MomentError, RecursionError) as error:
            raise Failure(f"{path}:{number}: {error}", "Correct the line and run the command again.") from error
    return found


def _object(line: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            msg = f"the key {twice!r} stands here twice"
            raise LineError(msg)
        return dict(pairs)

    def constant(name: str) -> Any:
        msg = f"{name} is no number"
        raise LineError(msg)

    try:
        value = json.loads(
            line, object_pairs_hook=once, parse_float=read_number, parse_int=read_number, parse_constant=constant
        )
    except json.JSONDecodeError as error:
        msg = f"this is no JSON: {error.msg} at column {error.colno}"
        raise LineError(msg) from error
    except ValueError as error:
        raise LineError(str(error)) from error
    if not isinstance(value, dict):
        msg = "a line is a JSON object"
        raise LineError(msg)
    return value


def read_activity(told: Mapping[str, Any], scores: Iterable[str] | None = None) -> Activity:
    """An activity line; with the names of the scores, where they are known, that an adjustment may name.

    Raises:
        LineError: it is none.
    """
    _known_keys(told, _ACTIVITY_KEYS)
    name, kind = _text(told, "id"), _text(told, "type")
    at = parse_moment(_text(told, "occurred_at"))
    if kind == SCORE_ADJUSTED:
        _check_adjustment(_mapping(told, "properties"), scores)
    return Activity(
        id=name,
        type=kind,
        occurred_at=at,
        received_at=at,
        identities=_identities(told.get("identity")),
        channel=_text(told, "channel") if told.get("channel") is not None else None,
        source=_text(told, "source") if told.get("source") is not None else None,
        properties=_mapping(told, "properties"),
        context=_mapping(told, "context"),
    )


def _check_adjustment(said: Mapping[str, Any], scores: Iterable[str] | None) -> None:
    given = [way for way in ("by", "to") if said.get(way) is not None]
    if len(given) != 1:
        msg = "an adjustment says either `properties.by` or `properties.to`"
        raise LineError(msg)
    try:
        to_billionths(said[given[0]])
    except NumberError as error:
        msg = f"`properties.{given[0]}`: {error}"
        raise LineError(msg) from error
    score = said.get("score") or "engagement"
    if not isinstance(score, str):
        msg = "`properties.score` is a text"
        raise LineError(msg)
    if scores is not None and score not in (names := tuple(scores)):
        msg = f"`properties.score`: there is no score {score!r} ({nearest(score, names)})"
        raise LineError(msg)


def read_facts(told: Mapping[str, Any]) -> Activity:
    """A facts line, as an activity that claims them; nulls claim nothing.

    Facts have no time, so that of two claims the one with the greater id wins. The id is the line itself in one
    canonical writing: neither the order of the lines nor that of their keys decides.

    Raises:
        LineError: it is none.
    """
    _known_keys(told, _FACT_KEYS)
    consent = told.get("consent")
    if isinstance(consent, dict | list) or consent not in _CONSENTS:
        msg = f"`consent` is granted, denied or unknown, not {consent!r}"
        raise LineError(msg)
    groups = {
        name: {key: _fact(f"{name}.{key}", value) for key, value in _mapping(told, name).items() if value is not None}
        for name in ("lead", "company", "qualification")
    }
    for name in groups["qualification"]:
        _check_qualification(name)
    qualification = {
        name: read_fact(value) if name in QUALIFICATIONS else value for name, value in groups["qualification"].items()
    }
    claims = Claims(groups["lead"], groups["company"], _CONSENTS[consent], qualification)
    identities = _identities(told.get("identity"))
    said = {**groups, "consent": claims.consent, "identity": {known.kind.value: known.value for known in identities}}
    stated = {name: value for name, value in said.items() if value}
    text = json.dumps(stated, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Activity(f"facts-{text}", "facts_stated", ALWAYS, ALWAYS, identities, claims=claims, own=False)


def _check_qualification(name: str) -> None:
    """A name of one's own is fine; one that is nearly one of the four is a slip, and nothing would ever ask it."""
    meant = get_close_matches(name.strip().lower(), QUALIFICATIONS, n=1, cutoff=_SLIP)
    if meant and name not in QUALIFICATIONS and not name.startswith(f"{meant[0]}_"):
        msg = f"`qualification` has no {name!r} (did you mean {meant[0]!r}?)"
        raise LineError(msg)


def _fact(path: str, value: Any) -> Any:
    """A fact as the state keeps it, which is JSON: integers of any length, fractions as doubles that name them."""
    if isinstance(value, dict):
        return {key: _fact(f"{path}.{key}", inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fact(path, inner) for inner in value]
    if not isinstance(value, Decimal | float):
        return value
    exact, near = Decimal(repr(value) if isinstance(value, float) else value), float(value)
    if not exact.is_finite():
        msg = f"`{path}`: {value} is no number that a fact can be"
        raise LineError(msg)
    if exact == exact.to_integral_value():
        return int(exact)
    if Decimal(repr(near)) != exact:
        msg = f"`{path}`: a fact keeps no more digits of a fraction than {near!r} has, not {value}"
        raise LineError(msg)
    return near


def _known_keys(told: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    if strange := next((key for key in told if key not in keys), None):
        msg = f"unknown key {strange!r} ({nearest(strange, keys)})"
        raise LineError(msg)


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not value.strip():
        msg = f"`{key}` is missing" if value is None else f"`{key}` is a text"
        raise LineError(msg)
    return value


def _mapping(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = told.get(key)
    if value is not None and not isinstance(value, dict):
        msg = f"`{key}` is an object"
        raise LineError(msg)
    return value or {}


def _identities(told: Any) -> tuple[Identity, ...]:
    kinds = tuple(kind.value for kind in IdentityKind)
    if not isinstance(told, dict) or not told:
        msg = f"`identity` names at least one of {', '.join(kinds)}"
        raise LineError(msg)
    _known_keys(told, kinds)
    found = []
    for kind, value in told.items():
        if not isinstance(value, str) or not value.strip():
            msg = f"`identity.{kind}` is a text"
            raise LineError(msg)
        text = value.strip()
        found.append(Identity(IdentityKind(kind), text.lower() if kind == "email" else text))
    return strongest_first(tuple(found))


def together(activities: Iterable[Activity]) -> tuple[list[OfflineLead], int]:
    """Leads in order of their identity, and how many activities belong to nobody who is known."""
    every = list(activities)
    who = who_is_who(every)
    leads = {group: OfflineLead(set(group)) for group in who.people.groups}
    unknown = 0
    for activity in every:
        lead = who.lead_of(activity)
        if lead is None:
            unknown += 1
        else:
            leads[lead].activities.append(activity)
    return sorted((lead for lead in leads.values() if lead.activities), key=lambda lead: lead.identity.key), unknown


def beginning(activities: Iterable[Activity], at: Moment) -> Moment:
    """When a lead's way begins: with its first activity; where only facts are known, at the moment of asking."""
    return min([at, *(activity.occurred_at for activity in activities if activity.occurred_at != ALWAYS)])


def example_activities(lines: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> Iterator[Activity]:
    """The activities of a golden lead in a rule file, which need no identity and no ids.

    Raises:
        LineError: one is no activity; it is counted from 1.
    """
    who = {"identity": {"email": "example@example.com"}}
    for number, line in enumerate(lines, start=1):
        try:
            yield read_activity({**who, "id": f"{number:06d}", **line})
        except (LineError, MomentError) as error:
            msg = f"activity {number}: {error}"
            raise LineError(msg) from error
    if facts:
        yield read_facts({**who, **facts})
