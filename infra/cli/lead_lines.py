"""Leads read from files: activity lines and facts lines (JSON), put together by who they name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.failure import Failure
from shared.domain.activity import Activity, Claims, Identity, IdentityKind, strongest_first
from shared.domain.conditions import nearest
from shared.domain.identity import who_is_who
from shared.domain.moments import Moment, MomentError, parse_moment

ALWAYS = Moment(-62_000_000_000_000_000)
"""Facts in a file are known from the beginning of time."""
_ACTIVITY_KEYS = ("id", "identity", "type", "occurred_at", "channel", "source", "properties", "context")
_FACT_KEYS = ("identity", "lead", "company", "consent", "qualification")
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


def read_lines(path: Path, read: Any) -> list[Activity]:
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
            found.append(read(_object(line), number))
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
        value = json.loads(line, object_pairs_hook=once, parse_constant=constant)
    except json.JSONDecodeError as error:
        msg = f"this is no JSON: {error.msg} at column {error.colno}"
        raise LineError(msg) from error
    except ValueError as error:
        raise LineError(str(error)) from error
    if not isinstance(value, dict):
        msg = "a line is a JSON object"
        raise LineError(msg)
    return value


def read_activity(told: Mapping[str, Any], number: int) -> Activity:
    """An activity line; without an id it gets one by its number.

    Raises:
        LineError: it is none.
    """
    _known_keys(told, _ACTIVITY_KEYS)
    kind, name = _text(told, "type"), told.get("id", f"{number:06d}")
    if not isinstance(name, str) or not name:
        msg = "`id` is a text"
        raise LineError(msg)
    at = parse_moment(_text(told, "occurred_at"))
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


def read_facts(told: Mapping[str, Any], number: int) -> Activity:
    """A facts line, as an activity that claims them; of two lines for one lead the later one wins.

    Raises:
        LineError: it is none.
    """
    _known_keys(told, _FACT_KEYS)
    consent = told.get("consent")
    if isinstance(consent, dict | list) or consent not in _CONSENTS:
        msg = f"`consent` is granted, denied or unknown, not {consent!r}"
        raise LineError(msg)
    claims = Claims(
        _mapping(told, "lead"), _mapping(told, "company"), _CONSENTS[consent], _mapping(told, "qualification")
    )
    identities = _identities(told.get("identity"))
    return Activity(f"facts-{number:09d}", "facts_stated", ALWAYS, ALWAYS, identities, claims=claims, own=False)


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
            yield read_activity({**who, **line}, number)
        except (LineError, MomentError) as error:
            msg = f"activity {number}: {error}"
            raise LineError(msg) from error
    if facts:
        yield read_facts({**who, **facts}, 0)
