"""The shipped detectors on one reference series of others: in which months would they have spoken?

Each month is judged on the months before it alone; a gap stays a gap and is not judged. Levels are judged as they are;
a series of growth rates (in per cent, so named) as the index it stands for. The lunar calendar is known, so that a
Spring Festival that wanders between January and February is nothing to speak of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qxmonitor.catalog.plans import LEVELS
from qxmonitor.errors import Refused
from qxmonitor.evaluation.files import write_csv
from qxmonitor.feeds import reference
from qxmonitor.feeds.opening import open_file
from qxmonitor.period import Period, months
from qxmonitor.signals.detect import detect, festival_shares
from qxmonitor.signals.detect.judged import DRIFT, FALL, STOP

OUT_COLUMNS = ("period", "level", "why")
_GROWTH = ("同比", "环比", "增长", "增速", "增幅")
_KINDS = {DRIFT: "缓慢走低", FALL: "明显下降", STOP: "归零"}


def evaluate(path: Path, out: Path | None = None) -> list[dict[str, Any]]:
    """Months at which the detectors speak.

    Args:
        path: an export of a data terminal with one monthly series (csv, xlsx, xls).
        out: the csv to write, :data:`OUT_COLUMNS`.

    Returns:
        A row a month that speaks: period, level (blue … red), why, expected, value.

    Raises:
        Refused: not such an export, not exactly one monthly series, or ``out`` cannot be written.
    """
    axis, values, growth = read(path)
    worked = 1 + values / 100 if growth else values
    found = detect(worked[None], festival_shares(axis), 1 - axis[0].month)
    rows = []
    for t in np.flatnonzero(found.level[0] > 0):
        expected = float(found.expected[0, t])
        expected = (expected - 1) * 100 if growth else expected
        kind, loss = int(found.kind[0, t]), float(found.loss[0, t])
        below = f"低 {float(expected - values[t]):.1f} 个百分点" if growth else f"低 {loss:.1%}"
        why = f"{_KINDS[kind]}：{values[t]:.6g}，按此前各月预期 {expected:.6g}，{below}"
        rows.append(
            {
                "period": str(axis[t]),
                "level": LEVELS[int(found.level[0, t]) - 1],
                "why": why,
                "expected": round(expected, 6),
                "value": float(values[t]),
            }
        )
    if out is not None:
        write_csv(out, OUT_COLUMNS, ([row[name] for name in OUT_COLUMNS] for row in rows), read=[path])
    return rows


def read(path: Path) -> tuple[list[Period], np.ndarray[Any, np.dtype[np.float64]], bool]:
    """The months from first to last, their values ``(m,)`` with NaN in the gaps, and whether they are growth rates.

    Raises:
        Refused: see :func:`evaluate`.
    """
    opened = open_file(path)
    if not reference.matches(opened):
        raise Refused("不是数据终端导出的参考序列")
    batch = reference.read(opened)
    points = batch.tables["reference_point"]
    points = points[points["frequency"] == "月"]
    if points.empty:
        raise Refused("文件中没有月度数据")
    if points["series"].nunique() > 1:
        raise Refused("文件中不止一条月度序列，请每次给一条")
    periods = [Period(text) for text in points["period"].astype(str)]
    axis = list(months(min(periods), max(periods)))
    values = np.full(len(axis), np.nan)
    values[[p.ordinal - axis[0].ordinal for p in periods]] = points["value"].to_numpy(dtype=np.float64)
    name, unit = (str(points[column].iloc[0]) for column in ("name", "unit"))
    return axis, values, "%" in unit and any(word in name for word in _GROWTH)
