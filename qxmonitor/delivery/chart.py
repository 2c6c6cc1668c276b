"""The briefing's one chart: growth over thirteen months, drawn from cleared values only.

matplotlib without pyplot (no global state), imported only when something is drawn, with one font file of the Noto
family (OFL), so that every glyph is there on a bare machine. Months without a figure are gaps, never zeros. The same
figures give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qxmonitor.delivery.render import put
from qxmonitor.disclosure.cleared import Cleared, Picture, seal

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

STYLES = (("#1f4e79", "o", "-"), ("#b45f06", "s", "--"), ("#3c7a4a", "^", ":"))
WIDTH_MM, HEIGHT_MM, DPI = 150.0, 74.0, 220


@dataclass(frozen=True)
class Series:
    """One line: its name, and (month, figure) pairs."""

    name: Cleared
    points: tuple[tuple[Cleared, Cleared], ...]


@lru_cache(maxsize=1)
def font() -> FontProperties:
    """Noto Sans CJK SC, by path: never a font of doubtful licence that happens to be installed."""
    import mplfonts
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=Path(mplfonts.__file__).parent / "fonts" / "NotoSansCJKsc-Regular.otf")


def canvas(width_mm: float, height_mm: float, **options: Any) -> Figure:
    """An empty picture of a size, at the resolution of all pictures unless ``dpi`` says otherwise."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), **{"dpi": DPI, **options})
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """The picture drawn; the same drawing gives the same bytes."""
    out = BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def trend(reader: str, title: Cleared, axis: Cleared, series: Sequence[Series], mark: Cleared | None = None) -> Picture:
    """Draw lines over months.

    Args:
        reader: whom all values are cleared for.
        title: of the picture, not drawn.
        axis: its unit.
        series: the lines.
        mark: a label drawn in the corner, which stays with the picture wherever it is copied.

    Raises:
        DisclosureError: a value is not cleared for the reader.
    """
    figure = canvas(WIDTH_MM, HEIGHT_MM, layout="constrained")
    axes = figure.add_subplot()
    labels = [put(month, reader) for month, _ in series[0].points]
    for line, (colour, marker, dash) in zip(series, STYLES, strict=False):
        for _, value in line.points:
            put(value, reader)
        heights = [np.nan if value.number is None else value.number for _, value in line.points]
        name = put(line.name, reader)
        axes.plot(range(len(heights)), heights, color=colour, marker=marker, linestyle=dash, markersize=4, label=name)
        last = max((i for i, h in enumerate(heights) if not np.isnan(h)), default=None)
        if last is not None:
            axes.annotate(
                f"{heights[last]:.1f}", (last, heights[last]), xytext=(6, 0), textcoords="offset points", va="center",
                fontproperties=font(), fontsize=8, color=colour, annotation_clip=False,
            )  # fmt: skip
    axes.axhline(0, color="#595959", linewidth=0.8)
    axes.set_xlim(-0.5, len(labels) + 0.1)
    axes.set_xticks(range(len(labels)), [short(labels, i) for i in range(len(labels))])
    axes.margins(y=0.18)
    axes.grid(axis="y", color="#d9d9d9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font())
        label.set_fontsize(8)
    axes.set_ylabel(put(axis, reader), fontproperties=font(), fontsize=8, rotation=0, loc="top", labelpad=-6)
    legend_font = font().copy()
    legend_font.set_size(8)
    axes.legend(prop=legend_font, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(series))
    if mark is not None:
        axes.set_title(put(mark, reader), loc="right", fontproperties=font(), fontsize=8, color="#c8102e")
    return Picture(png(figure), title, _alt(reader, title, series), reader)


def short(labels: list[str], number: int) -> str:
    """1月, with the year under the first tick and every January."""
    year, _, month = labels[number].partition("年")
    return f"{month}\n{year}年" if number == 0 or month == "1月" else month


def _alt(reader: str, title: Cleared, series: Sequence[Series]) -> Cleared:
    parts = []
    for line in series:
        month, value = line.points[-1]
        parts.append(f"{month.text}{line.name.text}{value.text}{value.unit}")
    text = f"折线图：{title.text}。{'，'.join(parts)}"
    return seal(text, reader=reader, source="rendered", ref="chart", limit=None)
