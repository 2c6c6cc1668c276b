"""The report of a backtest: a page with the scorecards, and pictures that compare rules at the same false-alarm rate.

It speaks of rules and holds no figure of any firm.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np

from qxmonitor.catalog.office import office
from qxmonitor.delivery.chart import canvas, font, png
from qxmonitor.delivery.files import write_private
from qxmonitor.settings import ROOT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]

PAGE = "backtest.html"
_COLOURS = ("#1f4e79", "#b45f06", "#3c7a4a", "#7030a0", "#8c1c13", "#4d4d4d", "#0e7c7b", "#a67c00")
_MARKERS = "os^vDPX*"


def write(out: Path, rows: Sequence[Row], shares: Sequence[float], *, simulated: bool) -> Path:
    """Write ``backtest.html`` with its pictures inside.

    Args:
        out: a folder, made when missing.
        rows: a scorecard each, with ``name`` and ``caught_at``: the share of cases caught at each of ``shares``.
        shares: false-alarm rates.
        simulated: the data are a simulated town's, which is said on the page.

    Raises:
        OSError: it cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "backtest"), autoescape=True, trim_blocks=True,
        undefined=jinja2.StrictUndefined, lstrip_blocks=True,
    )  # fmt: skip
    tried = [row for row in rows if row["cases"]]
    text = environment.get_template("report.html.j2").render(
        rows=rows, shares=shares, simulated=office().simulated_label if simulated else "",
        matched=_picture(_matched, [r for r in tried if any(v is not None for v in r["caught_at"])], shares),
        shown=_picture(_bars, tried, shares),
    )  # fmt: skip
    path = out / PAGE
    write_private(path, text.encode("utf-8"))
    return path


def _picture(draw: Any, rows: Sequence[Row], shares: Sequence[float]) -> str:
    """A drawing as a data address; nothing where there is nothing to draw."""
    if not rows:
        return ""
    figure = canvas(218.44, 25.4 * max(3.6, 0.42 * len(rows) + 1.6), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    draw(axes, rows, shares)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font())
        label.set_fontsize(8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#d9d9d9", linewidth=0.6)
    axes.set_axisbelow(True)
    legend_font = font().copy()
    legend_font.set_size(8)
    axes.legend(prop=legend_font, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return "data:image/png;base64," + base64.b64encode(png(figure)).decode("ascii")


def _matched(axes: Axes, rows: Sequence[Row], shares: Sequence[float]) -> None:
    for number, row in enumerate(rows):
        heights = [np.nan if value is None else 100.0 * value for value in row["caught_at"]]
        axes.plot(
            shares, heights, label=row["name"], color=_COLOURS[number % len(_COLOURS)], markersize=4,
            marker=_MARKERS[number % len(_MARKERS)], linestyle=("-", "--")[number // len(_COLOURS) % 2],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(list(shares), [f"{share:.2%}" for share in shares])
    axes.minorticks_off()
    axes.set_ylim(-3, 103)
    axes.set_xlabel("误报率（平静月份中越线的比例）", fontproperties=font(), fontsize=9)
    axes.set_ylabel("命中的案例，%", fontproperties=font(), fontsize=9)


def _bars(axes: Axes, rows: Sequence[Row], shares: Sequence[float]) -> None:
    places = np.arange(len(rows))[::-1]
    for offset, (key, name, colour, shape) in zip(
        (0.16, -0.16), (("precision", "准确率", "#1f4e79", "o"), ("recall", "命中率", "#b45f06", "s")), strict=True
    ):
        middle, low, high = (
            np.array([np.nan if row[k] is None else 100.0 * row[k] for row in rows])
            for k in (key, f"{key}_lo", f"{key}_hi")
        )
        spread = np.stack([np.maximum(middle - low, 0), np.maximum(high - middle, 0)])
        axes.errorbar(
            middle, places + offset, xerr=spread, fmt=shape, color=colour, markersize=4, capsize=2, label=name
        )
    axes.set_yticks(places, [row["name"] for row in rows])
    axes.set_xlim(-3, 103)
    axes.set_xlabel("%（横线为 95% 区间）", fontproperties=font(), fontsize=9)
