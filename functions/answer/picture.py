"""A small picture of a score over time: one line, the bands behind it, and the moment of the handoff."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from shared.domain.bands import Band
from shared.domain.brief import day_in_words
from shared.domain.curve import CurvePoint
from shared.domain.moments import Moment, to_datetime
from shared.domain.points import POINT, to_a_tenth
from shared.domain.quiet import visible

_WIDTH, _HEIGHT = 360, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 352, 14, 148
_APART = 14
"""How far apart labels must be to be read."""
_LONGEST = 20


def picture(points: Sequence[CurvePoint], bands: Sequence[Band], handed_over: Moment) -> Markup:
    """The picture, with words for whoever does not see it."""
    first, last = points[0].at, points[-1].at
    edges = [band for band in bands if band.edge is not None]
    levels = [0, *(point.total for point in points), *(band.edge or 0 for band in edges)]
    low, high = min(levels), max(levels)
    high = max(high, low + POINT)

    def x(at: int) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (at - first) / (last - first), 1)

    def y(total: int) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (total - low) / (high - low), 1)

    line = " ".join(f"{x(point.at)},{y(point.total)}" for point in points)
    parts = [Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, _RIGHT, y(0), y(0))]
    labels = []
    if _apart([y(band.edge or 0) for band in edges]):
        parts += [_level(y(band.edge or 0)) for band in edges]
        labels += [_band(band, y(band.edge or 0)) for band in edges]
    if first <= handed_over <= last:
        is_low_at_the_foot = min(point.total for point in points) < 0
        parts.append(_moment(x(handed_over)))
        labels.append(_handed_over(x(handed_over), _TOP - 4 if is_low_at_the_foot else _BOTTOM - 4))
    parts.append(Markup('<polyline class="score" points="{}"/>').format(line))
    parts.append(Markup('<circle class="now" cx="{}" cy="{}" r="3.5"/>').format(x(last), y(points[-1].total)))
    began, ended = _ends(first, last)
    # Words stand before every line, so that none strikes them through.
    parts += labels
    parts.append(Markup('<text x="{}" y="{}">{}</text>').format(_LEFT, _HEIGHT - 6, began))
    parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_RIGHT, _HEIGHT - 6, ended))
    return Markup(
        '<figure><svg viewBox="0 0 {} {}" role="img" aria-labelledby="picture-words">'
        '<title id="picture-words">{}</title>{}</svg></figure>'
    ).format(_WIDTH, _HEIGHT, _words(points), Markup("").join(parts))


def _ends(first: Moment, last: Moment) -> tuple[str, str]:
    """What stands below both ends: their days, or where it is one day the times, and the day once."""
    day = day_in_words(first)
    if day != day_in_words(last):
        return day, day_in_words(last)
    return f"{day}, {to_datetime(first):%H:%M}", f"{to_datetime(last):%H:%M} UTC"


def _words(points: Sequence[CurvePoint]) -> str:
    highest = max(points, key=lambda point: point.total)
    return (
        f"The score over time: {to_a_tenth(points[0].total)} on {day_in_words(points[0].at)}, "
        f"at most {to_a_tenth(highest.total)} on {day_in_words(highest.at)}, {to_a_tenth(points[-1].total)} now"
    )


def _apart(places: Sequence[float]) -> bool:
    ordered = sorted(places)
    return all(after - before >= _APART for before, after in pairwise(ordered))


def _level(y: float) -> Markup:
    return Markup('<line class="band" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, _RIGHT, y, y)


def _band(band: Band, y: float) -> Markup:
    return Markup('<text x="{}" y="{}">{}</text>').format(_LEFT, y - 3, visible(band.name)[:_LONGEST])


def _moment(x: float) -> Markup:
    return Markup('<line class="moment" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x, x, _TOP, _BOTTOM)


def _handed_over(x: float, y: float) -> Markup:
    anchor, beside = ("end", x - 4) if x > (_LEFT + _RIGHT) / 2 else ("start", x + 4)
    return Markup('<text x="{}" y="{}" text-anchor="{}">handed over</text>').format(beside, y, anchor)
