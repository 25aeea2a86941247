"""How moments are told in responses."""

from __future__ import annotations

from shared.domain.moments import Moment, format_moment


def stamp(moment: Moment | None) -> str | None:
    """A moment as responses tell it."""
    return None if moment is None else format_moment(moment)
