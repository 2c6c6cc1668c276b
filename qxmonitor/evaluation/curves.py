"""The score's files: all figures and full curves as csv, and the curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qxmonitor.delivery.chart import canvas, font
from qxmonitor.errors import Refused

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2)
"""False-alarm rates at which curves are read."""

LABELS = {
    "qxmonitor": ("本系统", "#b3261e", "-"),
    "oracle": ("全知上限", "#000000", "--"),
    "yoy": ("同比固定阈值", "#1f4e79", "-"),
    "yoy_scaled": ("同比按企业波动", "#5b9bd5", "-"),
    "gaussian": ("12个月窗口正态", "#3c7a4a", "-"),
    "ears_c2": ("EARS C2", "#b45f06", "-"),
    "stl": ("STL 残差", "#7b4fa3", "-"),
}


def write(out: Path, rows: list[dict[str, Any]], curve: list[dict[str, Any]]) -> None:
    """Write ``detection.csv``, ``curves.csv`` and ``curves.png``.

    Raises:
        Refused: the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in (("detection.csv", rows), ("curves.csv", curve)):
            with (out / name).open("w", encoding="utf-8-sig", newline="") as file:
                keys = list(dict.fromkeys(key for row in table for key in row))
                writer = csv.DictWriter(file, keys, lineterminator="\n")
                writer.writeheader()
                writer.writerows(table)
        _draw(curve).savefig(out / "curves.png", metadata={"Software": None})
    except OSError:
        raise Refused("输出目录无法写入") from None


def _draw(curve: list[dict[str, Any]]) -> Figure:
    bands = list(dict.fromkeys(row["noise"] for row in curve))
    figure = canvas(73.66 * max(len(bands), 1), 91.44, dpi=130, layout="constrained")
    axes = figure.subplots(1, max(len(bands), 1), sharey=True, squeeze=False)[0]
    for place, (axis, band) in enumerate(zip(axes, bands, strict=False)):
        for method, (label, colour, dash) in LABELS.items():
            points = [(r["false_alarms"], r["caught"]) for r in curve if (r["method"], r["noise"]) == (method, band)]
            if points:
                axis.plot(*zip(*points, strict=True), dash, color=colour, label=label, linewidth=1.6)
        axis.axvline(0.01, color="#999999", linewidth=0.7)
        axis.set_xscale("log")
        axis.set_xticks([0.001, 0.01, 0.1], ["0.1%", "1%", "10%"])
        axis.set_ylim(0, 1.02)
        axis.grid(alpha=0.25)
        axis.set_title(f"噪声 {band}", fontproperties=font(), fontsize=10)
        axis.set_xlabel("误报率（每企业每月）", fontproperties=font(), fontsize=9)
        if not place:
            axis.set_ylabel("两个月内发现 25% 下降的概率", fontproperties=font(), fontsize=9)
            axis.legend(prop=font(), fontsize=7, loc="lower right")
    figure.suptitle("误报率相同时的发现率（下降 25%，各噪声组）", fontproperties=font(), fontsize=11)
    return figure
