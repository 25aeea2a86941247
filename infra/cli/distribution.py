"""The distribution of scores before and after, as a plot in the terminal and as a picture (SVG)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from xml.etree import ElementTree

from shared.domain.simulation import Findings, When

_MOST_COLUMNS = 24
_HEIGHT = 9
"""Rows of each of the two plots in the terminal."""
_NARROWEST = 5


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


def as_svg(columns: list[Column], title: str) -> str:
    """A picture with two bars for each column; it needs no script and nothing from elsewhere."""
    import pygal  # noqa: PLC0415 - it is slow to load, and few commands draw
    from pygal.style import CleanStyle  # noqa: PLC0415

    chart = pygal.Bar(
        js=(),
        style=CleanStyle,
        title=title,
        x_title="points, from",
        y_title="leads",
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        width=960,
        height=480,
        x_label_rotation=45 if len(columns) > _MOST_COLUMNS // 2 else 0,
    )
    chart.x_labels = [str(each.start) for each in columns]
    chart.add("now", [each.before for each in columns])
    chart.add("with these rules", [each.after for each in columns])
    tree = chart.render_tree()
    for parent in list(tree.iter()):
        for script in parent.findall("{*}script"):
            parent.remove(script)
    return ElementTree.tostring(tree, encoding="unicode")


def _bars(title: str, labels: list[str], leads: list[int], top: int, width: int) -> str:
    import plotext  # noqa: PLC0415 - it is slow to load, and few commands draw

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, _HEIGHT)
    plotext.title(title)
    plotext.bar(labels, leads)
    plotext.ylim(0, top)
    plotext.yticks([0, top])
    return str(plotext.uncolorize(plotext.build()))


def _width(span: int) -> int:
    """The narrowest of 5, 10, 20, 50, 100, ... of which few enough make up a span."""
    widths: Iterator[int] = (step * int(10**power) // 10 for power in count(1) for step in (5, 10, 20))
    return next(each for each in widths if each >= _NARROWEST and span // each < _MOST_COLUMNS)
