"""Responses about noise."""

from __future__ import annotations

from collections.abc import Iterable

from functions.admin import api
from shared.domain.moments import format_moment
from shared.ports.noise import NoiseMark, Said


def noise(mark: NoiseMark) -> api.noise.NoiseResponse:
    """A filter of which something was said."""
    return api.noise.NoiseResponse(**{mark.filter.kind: mark.filter.value})


def noise_marks(marks: Iterable[NoiseMark]) -> api.noise.NoiseMarksResponse:
    """Filters, and what was said of each."""
    return api.noise.NoiseMarksResponse(
        marks=[
            api.noise.NoiseMarkResponse(
                kind=mark.filter.kind,
                value=mark.filter.value,
                marked=_said(mark.marked),
                unmarked=_said(mark.unmarked) if mark.unmarked else None,
            )
            for mark in marks
        ]
    )


def _said(said: Said) -> api.noise.SaidResponse:
    return api.noise.SaidResponse(who=said.who, at=format_moment(said.at), why=said.why)
