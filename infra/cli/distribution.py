"""The distribution of scores before and after, as a plot in the terminal and as a picture (SVG)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from infra.cli.simulations import counted
from shared.domain.simulation import Findings, When

_MOST_COLUMNS = 24
_HEIGHT = 9
"""Rows of each of the two plots in the terminal."""

_FEWEST_PLACES = 12
"""A bar in the terminal is no wider than if there were so many, lest one alone be a block without edges."""

_WIDE, _HIGH = 960, 420
_LEFT, _RIGHT, _TOP, _FOOT = 70, 940, 76, 340
_STYLE = Markup(
    "text{font:13px sans-serif;fill:#333}.title{font-size:16px}.grid{stroke:#ddd}.now{fill:#4c72b0}.then{fill:#dd8452}"
)
_GRID = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>')
_BAR = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{} from {} points</title></rect>')
_EDGE = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>')
_PICTURE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-labelledby="words">'
    "<style>{}</style>"
    '<rect width="100%" height="100%" fill="#fff"/><text class="title" x="70" y="34">{}</text>'
    '<text x="70" y="52">{}</text><title id="words">{}</title>{}'
    '<text x="18" y="212" text-anchor="middle" transform="rotate(-90 18 212)">leads</text>'
    '<text x="505" y="384" text-anchor="middle">points</text>'
    '<rect class="now" x="70" y="392" width="12" height="12"/><text x="88" y="403">leads now</text>'
    '<rect class="then" x="190" y="392" width="12" height="12"/><text x="208" y="403">leads with these rules</text>'
    "</svg>\n"
)


@dataclass(frozen=True, slots=True)
class Column:
    """How many leads have a total from `start` to the start of the next column."""

    start: int
    before: int
    after: int


def columns_of(findings: Findings) -> list[Column]:
    """The distribution in columns of equal width, none left out between the lowest and the highest."""
    if not findings.scores:
        return []
    starts = [points for _, points in findings.scores]
    width = _width(max(starts) - min(starts))
    counted: dict[tuple[When, int], int] = {}
    for (when, points), leads in findings.scores.items():
        start = points // width * width
        counted[when, start] = counted.get((when, start), 0) + leads
    places = range(min(starts) // width * width, max(starts) + 1, width)
    return [Column(each, counted.get(("before", each), 0), counted.get(("after", each), 0)) for each in places]


def as_text(columns: list[Column], width: int) -> str:
    """Two plots of the same scale, one above the other, in plain letters."""
    top = max([1, *(max(each.before, each.after) for each in columns)])
    labels = [str(each.start) for each in columns]
    plots = (
        ("Leads by score now", [each.before for each in columns]),
        ("Leads by score with these rules", [each.after for each in columns]),
    )
    return "\n".join(_bars(title, labels, leads, top, width) for title, leads in plots)


def as_svg(columns: list[Column], title: str, subtitle: str) -> str:
    """A picture with two bars for each column; it needs no script and nothing from elsewhere."""
    top = max([1, *(max(each.before, each.after) for each in columns)])
    step = _width(top, most=5, narrowest=1)
    most = -(-top // step) * step
    apart = (_RIGHT - _LEFT) / max(1, len(columns))

    def y(leads: int) -> float:
        return round(_FOOT - (_FOOT - _TOP) * leads / most, 1)

    parts = [
        _GRID.format(_LEFT, _RIGHT, y(leads), y(leads), _LEFT - 8, y(leads) + 4, leads)
        for leads in range(0, most + 1, step)
    ]
    for place, column in enumerate(columns):
        x = _LEFT + apart * place
        for kind, start, leads in (("now", 0.1, column.before), ("then", 0.5, column.after)):
            bar = (kind, round(x + apart * start, 1), y(leads), round(apart * 0.4, 1), round(_FOOT - y(leads), 1))
            parts.append(_BAR.format(*bar, counted(leads, "lead"), column.start))
        parts.append(_EDGE.format(round(x, 1), _FOOT + 18, column.start))
    if columns:
        width = columns[1].start - columns[0].start if len(columns) > 1 else _width(0)
        parts.append(_EDGE.format(_RIGHT, _FOOT + 18, columns[-1].start + width))
    words = (
        f"{title}. {subtitle}. {sum(each.before for each in columns)} leads by points, from the lowest to the highest"
    )
    return str(_PICTURE.format(_WIDE, _HIGH, _STYLE, title, subtitle, words, Markup("").join(parts)))


def _bars(title: str, labels: list[str], leads: list[int], top: int, width: int) -> str:
    import plotext  # noqa: PLC0415 - it is slow to load, and few commands draw

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, _HEIGHT)
    plotext.title(title)
    plotext.bar(labels, leads)
    middle, places = (len(leads) + 1) / 2, max(len(leads), _FEWEST_PLACES)
    plotext.xlim(middle - places / 2, middle + places / 2)
    plotext.ylim(0, top)
    plotext.yticks([0, top])
    return str(plotext.uncolorize(plotext.build()))


def _width(span: int, *, most: int = _MOST_COLUMNS, narrowest: int = 5) -> int:
    """The narrowest of 1, 2, 5, 10, 20, ... of which few enough make up a span."""
    widths: Iterator[int] = (step * int(10**power) for power in count() for step in (1, 2, 5))
    return next(each for each in widths if each >= narrowest and span // each < most)
