"""The waterfall chart: last year's level, the parts, this year's level; drawn from cleared values only.

Up and down differ by shade and hatching, never in the colours of risk levels or lamps, and every bar carries its
numbers, so that a black-and-white copy loses nothing. The axis is cut where the parts would be too small to see beside
the levels, and says so. The same figures give the same bytes.
"""

from __future__ import annotations

from textwrap import wrap

from qxmonitor.catalog.briefing import WaterfallForm
from qxmonitor.delivery.chart import WIDTH_MM, canvas, font, png
from qxmonitor.delivery.render import put
from qxmonitor.delivery.words import measure, pull
from qxmonitor.disclosure.cleared import Cleared, Picture, seal
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.growth import Step, Waterfall

HEIGHT_MM = 82.0
LEVEL, UP, DOWN = "#4a5560", "#7d96a3", "#d8cfc0"
"""Slate for the two levels, a lighter slate upwards, hatched sand downwards."""
_LINE = 42
"""Characters of 8 pt that stand side by side under all bars together."""


def waterfall(gate: Gate, form: WaterfallForm, view: Waterfall, title: Cleared, mark: Cleared | None = None) -> Picture:
    """Draw the steps.

    Args:
        gate: whose reader all values are cleared for.
        form: title and words of the axis.
        view: the steps.
        title: of the picture, not drawn.
        mark: a label drawn in the corner, which stays with the picture wherever it is copied.

    Raises:
        DisclosureError: a value is not cleared for the reader.
    """
    reader = gate.reader
    figure = canvas(WIDTH_MM, HEIGHT_MM, layout="constrained")
    axes = figure.add_subplot()
    amounts = [_shown(step, reader) for step in view.steps]
    tops = _heights(amounts)
    low, high = min(tops), max(tops)
    room = (high - low) or abs(high) or 1.0
    floor = 0.0 if low <= 0.0 or low < 2.0 * room else low - 0.6 * room
    count = len(amounts)
    for at, (step, amount) in enumerate(zip(view.steps, amounts, strict=True)):
        end = at in (0, count - 1)
        start = floor if end else tops[at - 1]
        colour = LEVEL if end else UP if amount >= 0 else DOWN
        hatch = "///" if not end and amount < 0 else None
        axes.bar(
            at,
            tops[at] - start,
            bottom=start,
            width=0.62,
            color=colour,
            hatch=hatch,
            edgecolor=LEVEL,
            linewidth=0.6,
        )
        if at < count - 1:
            axes.plot((at + 0.31, at + 0.69), (tops[at], tops[at]), color=LEVEL, linewidth=0.7, linestyle=":")
        text = put(step.amount, reader) if end else _signed(step, reader)
        axes.annotate(
            text, (at, max(start, tops[at])), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom",
            fontproperties=font(), fontsize=8, linespacing=1.25,
        )  # fmt: skip
    axes.set_ylim(min(floor, low - 0.15 * room) if low < 0 else floor, high + 0.42 * room)
    axes.axhline(0, color="#595959", linewidth=0.8)
    names = ["\n".join(wrap(put(step.name, reader), _LINE // count)) for step in view.steps]
    axes.set_xticks(range(count), names)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.6)
    axes.set_axisbelow(True)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font())
        label.set_fontsize(8)
    unit = gate.word(form, "axis_cut" if floor > 0 else "axis")
    axes.set_title(put(unit, reader), loc="left", fontproperties=font(), fontsize=8)
    if mark is not None:
        axes.set_title(put(mark, reader), loc="right", fontproperties=font(), fontsize=8, color="#c8102e")
    return Picture(png(figure), title, _alt(reader, title, view), reader)


def _shown(step: Step, reader: str) -> float:
    put(step.amount, reader)
    return step.amount.number or 0.0


def _heights(amounts: list[float]) -> list[float]:
    """Where each bar ends: levels at themselves, parts at the running sum."""
    tops = [amounts[0]]
    for amount in amounts[1:-1]:
        tops.append(tops[-1] + amount)
    return [*tops, amounts[-1]]


def _signed(step: Step, reader: str) -> str:
    """+23.40 over (+4.1)."""
    amount, points = (
        ("" if (value.number or 0.0) <= 0 else "+") + put(value, reader) for value in (step.amount, step.points)
    )
    return f"{amount}\n({points})"


def _alt(reader: str, title: Cleared, view: Waterfall) -> Cleared:
    parts = "，".join(f"{step.name.text}{measure(step.amount).text}，{pull(step.points).text}" for step in view.parts)
    ends = [f"{step.name.text}{measure(step.amount).text}" for step in (view.first, view.last)]
    text = f"瀑布图：{title.text}。{'；'.join([ends[0], parts, ends[1]])}"
    return seal(text, reader=reader, source="rendered", ref="chart", limit=None)
