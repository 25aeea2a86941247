"""Sendings: to which teams something of a handoff is told, on which of their channels, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.events import HandoffAnswered, HandoffFollowedUp
from shared.domain.routing import DEFAULT_TEAM
from shared.ports.missed import ChannelKey
from shared.usecases.delivery import NobodyToTell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.handoff import HandoffRecord
    from shared.domain.notice import MessageKind
    from shared.ports.channels import Channel
    from shared.usecases.delivery import Following

    Teams = Mapping[str, Mapping[str, Channel]]

TELLS_EVERYTHING = "webhook"
"""The channel of other systems: it is told of everything in order, also of what people need not be told any more."""
_TOLD_OF_ANSWERS = ("slack", TELLS_EVERYTHING)
"""A mail about an answer would tell the one who gave it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One message on one channel of one team."""

    mark: str
    to: str
    place: ChannelKey
    channel: Channel
    kind: MessageKind
    before: str | None = None


def sendings_of(teams: Teams, record: HandoffRecord, event: Following | None) -> tuple[list[Sending], tuple[str, ...]]:
    """Every message on every channel that an event means, and the handoff's channels that nobody configured.

    `teams` holds, for each team, its channels by name.

    Raises:
        NobodyToTell: none of the handoff's channels is configured for the team.
    """
    handoff = record.handoff
    match event:
        case None:
            return _to(teams, record, handoff.to, "requested", "")
        case HandoffAnswered():
            heard = {_team(teams, to): to for to in (handoff.to, *(each.to for each in record.done), record.to)}
            return [
                sending
                for to in heard.values()
                for sending in _to(teams, record, to, "answered", "answered", needed=False)[0]
                if sending.place.channel in _TOLD_OF_ANSWERS
            ], ()
        case HandoffFollowedUp(kind="reassignment"):
            name = name_of(event)
            had, had_by = _had_before(record)
            same = _team(teams, event.to) == _team(teams, had)
            if (had, had_by) == (record.to, record.assignee):  # there is nobody else who could have it
                return _to(teams, record, event.to, "reminder", name)
            new, missing = _to(teams, record, event.to, "reassignment", name, before=had_by if same else None)
            if same:
                return new, missing
            old, _ = _to(teams, record, had, "released", f"{name}.released", needed=False)
            # Whoever had it is told first, so that two people do not call at once.
            return [*old, *new], missing
        case _:
            return _to(teams, record, event.to, event.kind, name_of(event))


def name_of(event: Following | None) -> str:
    """What tells the messages of one handoff apart: `escalation`, `answered`; empty for the handoff itself.

    It is the same when it is announced once more.
    """
    match event:
        case None:
            return ""
        case HandoffFollowedUp():
            return event.kind
        case _:
            return "answered"


def _to(
    teams: Teams,
    record: HandoffRecord,
    to: str,
    kind: MessageKind,
    name: str,
    *,
    before: str | None = None,
    needed: bool = True,
) -> tuple[list[Sending], tuple[str, ...]]:
    """A message on those channels of a team that are configured, and the others."""
    team, names = _team(teams, to), _names(teams, record, to)
    channels = teams.get(team, {})
    found = [each for each in names if each in channels]
    if needed and names and not found:
        msg = f"{record.key.text}: the team {to!r} has none of {', '.join(names)}"
        raise NobodyToTell(msg)
    marks = {each: f"{each}/{name}/{team}" if name else each for each in found}
    sendings = [Sending(mark, to, ChannelKey(team, each), channels[each], kind, before) for each, mark in marks.items()]
    return sendings, tuple(each for each in names if each not in channels)


def _names(teams: Teams, record: HandoffRecord, to: str) -> tuple[str, ...]:
    """The channels on which a team is told of a handoff and of what follows it: the handoff's.

    Another team than the one for which it was made is told on all that it has, if it has none of them.
    """
    team, names = _team(teams, to), record.handoff.notify
    its = teams.get(team, {})
    named = not names or team == _team(teams, record.handoff.to) or any(name in its for name in names)
    return names if named else tuple(its)


def _team(teams: Teams, to: str) -> str:
    return to if teams.get(to) else DEFAULT_TEAM


def _had_before(record: HandoffRecord) -> tuple[str, str | None]:
    """The team, and of it the member, who had the handoff before it was reassigned last."""
    moves = [each for each in record.done if each.kind == "reassignment"]
    if len(moves) > 1:
        return moves[-2].to, None
    return record.handoff.to, record.handoff.assignee
