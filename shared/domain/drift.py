"""Drift: what is stored of a lead is not what its log makes. What may lie between the two without being drift is said
here: activities that are on their way, and those that the log has let go since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from shared.domain.moments import Moment
from shared.domain.state import ScoreState


class Fault(StrEnum):
    """What is wrong with what is stored of a lead."""

    UNREADABLE = "unreadable"
    RULES = "rules"
    SCORE = "score"
    NAMES = "names"
    TIES = "ties"
    REDIRECT = "redirect"
    BROWSERS = "browsers"
    NOISE = "noise"
    DUE = "due"

    @property
    def in_words(self) -> str:
        """The fault as people read it."""
        return _WORDS[self]


_WORDS: Mapping[Fault, str] = {
    Fault.UNREADABLE: "what is stored cannot be read",
    Fault.RULES: "it claims a rules version that was never published",
    Fault.SCORE: "the activities that count are not those of the log",
    Fault.NAMES: "its identities are not those that are given to it",
    Fault.TIES: "it has forgotten what was said of who it is",
    Fault.REDIRECT: "it went into another lead, and that one is not there",
    Fault.BROWSERS: "other browsers count for it than by the log",
    Fault.NOISE: "whether people marked it as noise is not what they said",
    Fault.DUE: "the next moment at which time changes something is missing or too late",
}


def state_drifts(stored: ScoreState, settled: ScoreState, whole: ScoreState, expired_before: Moment) -> bool:
    """Whether a stored set is none that lies between two made from the log: of what is settled, and of all.

    What it has beyond these from before a moment may have expired in the log.
    """
    strange = [entry for name, entry in stored.entries.items() if whole.entries.get(name) != entry]
    if any(entry.id in whole.entries or entry.at >= expired_before for entry in strange):
        return True
    if settled.entries.keys() - stored.entries.keys() or settled.seen - stored.seen:
        return True
    if any(moment >= expired_before for moment in stored.seen - whole.seen):
        return True
    last, least, most = stored.last_own, settled.last_own, whole.last_own
    if last is None:
        return least is not None
    if least is not None and last < least:
        return True
    return (most is None or last > most) and last >= expired_before


def browsers_drift(
    stored: Mapping[str, tuple[Moment, bool]], found: Mapping[str, tuple[Moment, bool]], expired_before: Moment
) -> bool:
    """Whether other browsers count for a lead than those found in its log, each with since when and whether it is
    shared. Of what was named before a moment the log may have let go the beginning."""

    def may_have_expired(name: str) -> bool:
        return name in stored and stored[name][0] < expired_before

    names: Collection[str] = stored.keys() | found.keys()
    return any(stored.get(name) != found.get(name) and not may_have_expired(name) for name in names)
