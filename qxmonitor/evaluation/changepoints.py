"""The level-shift detector on files of series (the Turing change-point format), and its F1 where people marked them.

A path is one ``<name>.json`` with ``time.index`` and ``series[].raw``, or a folder of them; ``annotations.json`` in it
(series → person → indices) is read for the score only. A series of several dimensions shifts where any of them does.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.errors import Refused
from qxmonitor.evaluation.files import read_text, write_csv
from qxmonitor.evaluation.scores import change_point_f1
from qxmonitor.signals.level_shift import level_shifts

Floats = npt.NDArray[np.float64]
Annotations = dict[str, dict[str, list[int]]]

OUT_COLUMNS = ("series", "index")
LABELS = "annotations.json"
MAX_LENGTH = 1200


def read(path: Path) -> tuple[dict[str, Floats], Annotations, list[Path]]:
    """Read a file or a folder of them.

    Returns:
        name → ``(dimensions, months)`` in the order of time, NaN where a value is missing; the marks; the files.

    Raises:
        Refused: with the file, when anything is not as described; a folder is never read in part.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    series: dict[str, Floats] = {}
    for file in files:
        if file.name != LABELS:
            name, values = _series(file, _json(file))
            if name in series:
                raise Refused(f"{file.name}：序列 {name[:40]} 重复")
            series[name] = values
    if not series:
        raise Refused("没有序列文件（*.json）")
    marks = path / LABELS
    return series, _annotations(_json(marks)) if marks.is_file() else {}, files


def _json(file: Path) -> Any:
    try:
        return json.loads(read_text(file))
    except (ValueError, RecursionError):
        raise Refused(f"{file.name}：不是 JSON 文件") from None


def _series(file: Path, whole: Any) -> tuple[str, Floats]:
    try:
        name, index = str(whole["name"]), [int(i) for i in whole["time"]["index"]]
        rows = [[math.nan if v is None else float(v) for v in one["raw"]] for one in whole["series"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused(f"{file.name}：缺少 name、time.index 或 series.raw，或其中不是数") from None
    if not rows or any(len(row) != len(index) for row in rows):
        raise Refused(f"{file.name}：series 与 time.index 长度不一")
    if len(set(index)) < len(index):
        raise Refused(f"{file.name}：time.index 有重复")
    if not 0 < len(index) <= MAX_LENGTH:
        raise Refused(f"{file.name}：长度须在 1 到 {MAX_LENGTH} 之间")
    values = np.array(rows)[:, np.argsort(index)]
    if np.isinf(values).any():
        raise Refused(f"{file.name}：含无穷大")
    return name, values


def _annotations(whole: Any) -> Annotations:
    try:
        return {
            str(name): {str(who): [int(mark) for mark in marks] for who, marks in people.items()}
            for name, people in whole.items()
        }
    except (AttributeError, TypeError, ValueError):
        raise Refused(f"{LABELS}：应为 序列 → 标注人 → 位置列表") from None


def evaluate(path: Path, out: Path | None = None, *, compare: bool = False) -> list[dict[str, Any]]:
    """Find the shifts of every series, and score those that people marked.

    Args:
        path: a file or a folder, as :func:`read`.
        out: the csv to write, :data:`OUT_COLUMNS`: the first place at each new level, counted from 0.
        compare: also a row for never saying anything.

    Returns:
        A row a method: mean F1 over the marked series, F1, precision and recall of each; None without marks.

    Raises:
        Refused: the files are not as described, or ``out`` cannot be written.
    """
    series, marks, files = read(path)
    found = {name: sorted({int(at) for at in level_shifts(values).month}) for name, values in series.items()}
    if out is not None:
        write_csv(out, OUT_COLUMNS, ([name, at] for name, places in found.items() for at in places), read=files)
    rows = [_scored("qxmonitor", found, marks)]
    if compare:
        rows.append(_scored("never", {name: [] for name in found}, marks))
    return rows


def _scored(method: str, found: dict[str, list[int]], marks: Annotations) -> dict[str, Any]:
    row: dict[str, Any] = {"method": method, "series": len(found), "shifts": sum(map(len, found.values())), "f1": None}
    scores = {name: change_point_f1(found[name], marks[name]) for name in found if marks.get(name)}
    if scores:
        row["f1"] = round(float(np.mean([f1 for f1, _, _ in scores.values()])), 4)
    for name, score in scores.items():
        row |= {f"{what}_{name}": round(v, 4) for what, v in zip(("f1", "precision", "recall"), score, strict=True)}
    return row
