"""The chain map as a picture: a band a chain, upstream to the left, boxes with state and marks; cleared values only.

States differ by shade and by mark, never in the colours of risk levels or lamps, so that a black-and-white copy loses
nothing. Boxes are set in layers worked out before; their height follows the number of rows, so that forty nodes stay
within a page. The same figures give the same bytes.
"""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from qxmonitor.catalog.briefing import ChainMapForm
from qxmonitor.delivery.chart import WIDTH_MM, canvas, font, png
from qxmonitor.delivery.render import put
from qxmonitor.delivery.words import measure, signed
from qxmonitor.disclosure.chainmap import MapChain, MapNode
from qxmonitor.disclosure.cleared import Cleared, Picture, seal
from qxmonitor.disclosure.gate import Gate

FILLS = {"up": "#d5e4ec", "flat": "#f2f4f5", "down": "#efe6d3", "falling": "#d9c29a", "withheld": "#e2e2e2",
         "none": "#f7f7f7"}  # fmt: skip
"""Slate-blue upwards, sand downwards, grey where nothing is told."""
_INK, _LINK = "#33404a", "#7a8791"
_HEAD_MM, _GAP_MM, _LEGEND_MM, _TALLEST_MM = 6.0, 2.5, 9.0, 205.0
_ROW_MM, _LEAST_ROW_MM = 13.0, 9.0
_PT_MM = 0.3528


def chain_map(gate: Gate, form: ChainMapForm, chains: tuple[MapChain, ...], mark: Cleared | None = None) -> Picture:
    """Draw the chains.

    Args:
        gate: whose reader all values are cleared for.
        form: title and legend.
        chains: at least one.
        mark: a label drawn in the corner, which stays with the picture wherever it is copied.

    Raises:
        DisclosureError: a value is not cleared for the reader.
    """
    rows = [max(node.row for node in chain.nodes) + 1 for chain in chains]
    fixed = len(chains) * (_HEAD_MM + _GAP_MM) + _LEGEND_MM
    row = max(min(_ROW_MM, (_TALLEST_MM - fixed) / sum(rows)), _LEAST_ROW_MM)
    height = fixed + row * sum(rows)
    figure = canvas(WIDTH_MM, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH_MM)
    axes.set_ylim(height, 0)
    axes.axis("off")
    top, tops = 0.0, list[float]()
    for chain, count in zip(chains, rows, strict=True):
        tops.append(top)
        _band(axes, gate.reader, chain, top, row)
        top += _HEAD_MM + _GAP_MM + count * row
    _legend(axes, gate, form, top)
    if mark is not None:
        axes.text(WIDTH_MM - 1, 3.4, put(mark, gate.reader), ha="right", va="center", color="#c8102e", **_type(8))
    title = gate.word(form, "title")
    cuts = tuple((at - _GAP_MM / 2.0) / height for at in tops[1:])
    return Picture(png(figure), title, _alt(gate.reader, title, chains), gate.reader, cuts)


def _type(points: float) -> dict[str, Any]:
    return {"fontproperties": font(), "fontsize": points}


def _band(axes: Any, reader: str, chain: MapChain, top: float, row: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    growth = measure(chain.growth) if chain.growth.number is None else signed(chain.growth)
    head = f"{put(chain.name, reader)}（累计 {put(growth, reader)}）"
    axes.text(1.5, top + 3.4, head, ha="left", va="center", color=_INK, **_type(8.5))
    axes.plot((1, WIDTH_MM - 1), (top + _HEAD_MM - 0.4,) * 2, color="#b9c2c9", linewidth=0.6)
    columns = max(node.column for node in chain.nodes) + 1
    step = WIDTH_MM / columns
    width, box = min(step - (9.0 if step > 24 else 5.0), 46.0), row - 2.2
    tallest = max(node.row for node in chain.nodes) + 1
    places = []
    for node in chain.nodes:
        in_layer = sum(other.column == node.column for other in chain.nodes)
        down = (node.row + (tallest - in_layer) / 2.0) * row + 1.1
        places.append((node.column * step + (step - width) / 2.0, top + _HEAD_MM + down))
    for upstream, downstream in chain.links:
        (x, y), (u, v) = places[upstream], places[downstream]
        back = u <= x
        start, end = ((x + width, y + box / 2), (u, v + box / 2)) if not back else ((x + width / 2, y), (u + width, v))
        axes.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=7, color=_LINK, linewidth=0.8, shrinkA=0, shrinkB=0,
                linestyle=":" if back else "-", connectionstyle="arc3,rad=0.25" if back else "arc3,rad=0",
            )
        )  # fmt: skip
    for node, (x, y) in zip(chain.nodes, places, strict=True):
        _box(axes, reader, node, (x, y, width, box))


def _box(axes: Any, reader: str, node: MapNode, place: tuple[float, float, float, float]) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, width, height = place
    dim = node.state in ("withheld", "none")
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0,rounding_size=1", facecolor=FILLS[node.state],
            edgecolor=_INK, linewidth=1.8 if node.key else 0.7, linestyle="--" if dim else "-",
        )
    )  # fmt: skip
    lines, size = _fitted(reader, node, width - 1.4, height - 0.6)
    axes.text(x + width / 2, y + height / 2, "\n".join(lines), ha="center", va="center", color=_INK, linespacing=1.15,
              **_type(size))  # fmt: skip


def _fitted(reader: str, node: MapNode, width: float, height: float) -> tuple[list[str], float]:
    """The words of a box at the largest size that holds them; the name is cut only at the smallest."""
    name = put(node.name, reader).partition("·")[2] or put(node.name, reader)
    state = put(node.said, reader)
    if node.growth.number is not None:
        state = f"{state[0]} {put(signed(node.growth), reader)}"
    marks = " ".join(_marks(reader, node))
    for size in (7.5, 7.0, 6.5, 6.0, 5.5):
        em = size * _PT_MM
        each = max(int(width / em), 2)
        lines = [*wrap(name, each), *wrap(state, 2 * each), *wrap(marks, each)]
        if len(lines) * em * 1.45 <= height:
            return lines, size
    room = max(int(height / (5.5 * _PT_MM * 1.45)) - 1, 1)
    named = wrap(name, each)
    kept = named if len(named) <= room else [*named[: room - 1], named[room - 1][: each - 1] + "…"]
    return [*kept, f"{state} {marks}".strip()[: 2 * each]], 5.5


def _marks(reader: str, node: MapNode) -> list[str]:
    """★占本链46% ★供下游, ◎独家."""
    texts = [put(value, reader) + value.unit for value in node.key]
    joined = [text for text in "".join(texts).replace("★", " ★").split() if text]
    return [*joined, *(["◎独家"] if node.single else [])]


def _legend(axes: Any, gate: Gate, form: ChainMapForm, top: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    states = [(key, put(gate.label(form, "states", key), gate.reader)) for key in FILLS]
    step = WIDTH_MM / len(states)
    for at, (key, text) in enumerate(states):
        dim = key in ("withheld", "none")
        axes.add_patch(
            FancyBboxPatch(
                (at * step + 1.5, top + 0.6), 4.5, 2.6, boxstyle="round,pad=0,rounding_size=0.5",
                facecolor=FILLS[key], edgecolor=_INK, linewidth=0.6, linestyle="--" if dim else "-",
            )
        )  # fmt: skip
        axes.text(at * step + 7.2, top + 2.0, text, ha="left", va="center", color=_INK, **_type(7))
    axes.text(1.5, top + 6.2, put(gate.word(form, "legend"), gate.reader), ha="left", va="center", color=_INK,
              **_type(7))  # fmt: skip


def _alt(reader: str, title: Cleared, chains: tuple[MapChain, ...]) -> Cleared:
    parts = []
    for chain in chains:
        names = [node.name.text.partition("·")[2] or node.name.text for node in chain.nodes]
        said = [f"{name}（{_told(node)}）" for name, node in zip(names, chain.nodes, strict=True)]
        links = "，".join(f"{names[a]}供{names[b]}" for a, b in chain.links)
        parts.append(f"{chain.name.text}：{'、'.join(said)}{'；' + links if links else ''}")
    text = f"产业链图：{title.text}。{'。'.join(parts)}"
    return seal(text, reader=reader, source="rendered", ref="chart", limit=None)


def _told(node: MapNode) -> str:
    state = node.said.text if node.growth.number is None else f"{node.said.text[2:]} {signed(node.growth).text}"
    weak = "、".join(value.text for value in node.weak)
    return "，".join(part for part in (state, "关键节点" if node.key else "", f"薄弱：{weak}" if weak else "") if part)
