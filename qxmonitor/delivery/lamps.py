"""The strip of lamps over months: round, pale and lettered, so that nobody takes one for a level of risk.

Colours are drawn from :data:`LAMP_COLOURS` alone, none of which is near a colour of the risk levels (a test holds
them apart); every lamp carries its name, so that a black-and-white copy loses nothing. Drawn from cleared values only.
The same figures give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qxmonitor.catalog.climate import LAMPS, POINTS
from qxmonitor.delivery.chart import WIDTH_MM, canvas, font, png, short
from qxmonitor.delivery.render import put
from qxmonitor.disclosure.cleared import Cleared, Picture, seal
from qxmonitor.disclosure.climate import LampStrip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAMP_COLOURS = {"red": "#f4a9b8", "yellow": "#f7e27e", "green": "#b5dfae", "light_blue": "#d3effa", "blue": "#a9b4ee"}
"""Hot to cold; pastel, while the levels of risk are saturated and dark."""
_INK, _RIM, _QUIET = "#2b2b2b", "#8a8a8a", "#595959"
_ROW_MM = 7.2
_BY_POINTS = {float(POINTS[lamp]): LAMP_COLOURS[lamp] for lamp in LAMPS}


def lamps(reader: str, strip: LampStrip, title: Cleared, mark: Cleared | None = None) -> Picture:
    """Draw the strip.

    Args:
        reader: whom all values are cleared for.
        strip: the overall lamp and its components over months.
        title: of the picture, not drawn.
        mark: a label drawn in the corner, which stays with the picture wherever it is copied.

    Raises:
        DisclosureError: a value is not cleared for the reader.
    """
    high = _ROW_MM * (len(strip.rows) + 2.6)
    figure = canvas(WIDTH_MM, high, layout="constrained")
    axes = figure.add_subplot()
    months = [put(month, reader) for month in strip.months]
    for at, row in enumerate(strip.rows):
        y = -at - (0.35 if at else 0.0)  # the overall lamp stands apart from its components
        for x, cell in enumerate(row.cells):
            _cell(axes, x, y, cell, reader)
    rows = [-at - (0.35 if at else 0.0) for at in range(len(strip.rows))]
    axes.set_yticks(rows, [put(row.name, reader) for row in strip.rows])
    axes.set_xticks(range(len(months)), [short(months, i) for i in range(len(months))])
    axes.set_xlim(-0.6, len(months) - 0.4)
    axes.set_ylim(rows[-1] - 0.6, 0.6)
    axes.axhline(-0.675, color="#bfbfbf", linewidth=0.6)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font())
        label.set_fontsize(8)
    if mark is not None:
        axes.set_title(put(mark, reader), loc="right", fontproperties=font(), fontsize=8, color="#c8102e")
    return Picture(png(figure), title, _alt(reader, title, strip), reader)


def _cell(axes: Axes, x: int, y: float, cell: Cleared, reader: str) -> None:
    from matplotlib.patches import Ellipse

    text = put(cell, reader)
    lit = cell.number is not None
    if lit:
        colour = _BY_POINTS[cell.number or 0.0]
        lamp = Ellipse((x, y), 0.82, 0.82, facecolor=colour, edgecolor=_RIM, linewidth=0.5)
        axes.add_patch(lamp)
    size, ink = (7.0, _INK) if lit else (6.5, _QUIET)
    axes.text(x, y, text, ha="center", va="center", fontproperties=font(), fontsize=size, color=ink)


def _alt(reader: str, title: Cleared, strip: LampStrip) -> Cleared:
    now = "，".join(f"{row.name.text}{row.cells[-1].text}" for row in strip.rows)
    first, last = strip.months[0].text, strip.months[-1].text
    text = f"灯号图：{title.text}，{first}至{last}。{last}：{now}"
    return seal(text, reader=reader, source="rendered", ref="chart", limit=None)
